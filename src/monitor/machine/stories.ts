/**
 * Stops in words: what an exception was about, what chain led to a triple fault, why a halt is for ever.
 */
import type { FaultLink } from '../cpu/interrupts';
import { vectorName } from '../cpu/interrupts';
import type { GuestFault } from '../memory/guestFault';
import { PF } from '../memory/guestPaging';
import type { ExceptionReport } from './session';

const PAGE_FAULT = 14, DOUBLE_FAULT = 8;

const hex = (value: number | bigint, digits = 8): string => value.toString(16).toUpperCase().padStart(digits, '0');

/** An instruction pointer or linear address without its sign; one that needs more than 32 bits has all 16 digits. */
const hexAddress = (address: bigint): string => hex(address, address < 1n << 32n ? 8 : 16);

/** A page fault's error code in words. */
function pageFaultStory(linear: bigint, code: number): string {
  const who = code & PF.user ? 'user code' : 'supervisor code';
  const what = code & PF.fetch ? 'fetched an instruction from' : code & PF.write ? 'wrote to' : 'read';
  const why = code & PF.reserved
    ? 'a reserved bit is set in an entry of its page tables'
    : code & PF.present
      ? 'the page is present but its rights forbid that'
      : 'the page is not present';
  return `${who} ${what} linear address ${hexAddress(linear)}: ${why}`;
}

function selectorStory(code: number): string {
  if (code === 0) return 'error code 0: no selector is to blame';
  const table = code & 2 ? 'IDT vector' : code & 4 ? 'LDT entry' : 'GDT entry';
  const index = code >> 3;
  return `error code ${hex(code, 4)}: ${table} ${code & 2 ? hex(index, 2) + 'h' : index}${code & 1 ? ', met while delivering an event from outside the program' : ''}`;
}

const STORIES: Readonly<Record<number, string>> = {
  0: 'a division by zero, or its quotient does not fit',
  1: 'a debug trap or fault: DR6 says which',
  3: 'a breakpoint instruction',
  5: 'an array index is outside its bounds (BOUND)',
  6: 'an undefined instruction, or one that does not exist in this mode',
  7: 'the x87 unit is switched off or belongs to another task (CR0.EM, CR0.TS)',
  8: 'a fault happened while an earlier one was being delivered',
  16: 'an x87 exception is pending',
};

function story(vector: number, errorCode: number | undefined, linear: bigint): string {
  if (vector === PAGE_FAULT) return pageFaultStory(linear, errorCode ?? 0);
  const known = STORIES[vector];
  if (known) return known;
  if (errorCode === undefined && vector >= 32) return `an INT ${hex(vector, 2)}h instruction`;
  return errorCode === undefined ? 'no error code' : selectorStory(errorCode);
}

function report(vector: number, errorCode: number | undefined, linear: bigint, selector: number, eip: bigint): ExceptionReport {
  return {
    vector,
    name: vectorName(vector),
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(vector === PAGE_FAULT ? { faultAddress: linear } : {}),
    selector,
    instructionPointer: eip,
    story: story(vector, errorCode, linear),
  };
}

/** A fault that stands before its delivery. */
export function exceptionReport(fault: GuestFault, selector: number, eip: bigint): ExceptionReport {
  return report(fault.vector, fault.errorCode, fault.linear, selector, eip);
}

/** The chain that ended in a triple fault, first cause first. */
export function chainReport(chain: readonly FaultLink[]): readonly ExceptionReport[] {
  return chain.map((link, i) => {
    const exception = report(link.vector, link.errorCode, link.linear, link.selector, link.eip);
    const before = chain[i - 1];
    if (!before || link.vector === DOUBLE_FAULT) return exception;
    return { ...exception, story: `while ${vectorName(before.vector)} was being delivered: ${exception.story}` };
  });
}

export function haltStory(selector: number, eip: bigint): string {
  return `HLT with interrupts disabled (IF = 0) before ${hex(selector, 4)}:${hexAddress(eip)}: nothing can wake the processor any more.`;
}
