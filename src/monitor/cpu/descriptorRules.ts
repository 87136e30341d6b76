/**
 * What the processor accepts of a descriptor, use by use (Intel SDM vol. 3, 5.5 to 5.8 and 6.12): pure functions, by which
 * instructions are refused, and by which the inspection tells beforehand what a use would come to.
 */
import { VECTOR } from './cpu';
import { SYSTEM, type Descriptor } from './descriptorLayout';
import { ATTRIBUTE } from './state';

/** Why a use is refused: the exception, whose error code is the selector's (or the gate's), and the reason in words. */
export interface Refusal {
  readonly vector: number;
  readonly why: string;
}

const protection = (why: string): Refusal => ({ vector: VECTOR.GP, why });
const NOT_PRESENT: Refusal = { vector: VECTOR.NP, why: 'it is not present' };
const STACK_NOT_PRESENT: Refusal = { vector: VECTOR.SS, why: 'it is not present' };
const NO_DATA = protection('it is no data segment, and no code that may be read');
const NO_STACK = protection('it is no writable data segment');
const NO_CODE = protection('it is no code segment');
const NO_LONG_CODE = protection('it is not 64-bit code, and handlers and gates of long mode lead to nothing else');
const BOTH_SIZES = protection('it asks for 64-bit and 32-bit code at once (L and D)');
const DATA_PRIVILEGE = protection('its DPL is below the CPL or the RPL');
const STACK_PRIVILEGE = protection('a stack has the DPL and the RPL of the CPL');
const CODE_PRIVILEGE = protection('its DPL is not the CPL, and it is not conforming');
const CONFORMING_PRIVILEGE = protection('conforming code runs for callers of its DPL and above');
const INNER_CODE = protection('its DPL is above the CPL: gates lead inwards only');
const NO_JUMP_INWARDS = protection('JMP stays at its privilege: only CALL goes inwards');
const NO_GATE = protection('it is no gate for interrupts');
const NO_LONG_GATE = protection('it is no interrupt or trap gate of long mode');
const GATE_PRIVILEGE = protection('its DPL is below the CPL: INT is not allowed');
const FAR_PRIVILEGE = protection('its DPL is below the CPL or the RPL');
const WRONG_SYSTEM_TYPE = protection('it is of another type');

/** A code segment that may be entered at all: long mode refuses one that asks for 64-bit and 32-bit code at once. */
export function codeTypeRefusal(d: Descriptor, longMode: boolean): Refusal | undefined {
  const both = ATTRIBUTE.long | ATTRIBUTE.big;
  if (!d.isCode) return NO_CODE;
  return longMode && (d.attributes & both) === both ? BOTH_SIZES : undefined;
}

/** MOV, POP and far loads into DS, ES, FS and GS. */
export function dataRefusal(d: Descriptor, cpl: number): Refusal | undefined {
  const readable = d.isSegment && (!d.isCode || (d.type & ATTRIBUTE.readable) !== 0);
  if (!readable) return NO_DATA;
  if (!d.isConforming && (d.dpl < (d.selector & 3) || d.dpl < cpl)) return DATA_PRIVILEGE;
  return d.present ? undefined : NOT_PRESENT;
}

/** Loads of SS at privilege `cpl`; in stack and task switches #TS comes in place of #GP. */
export function stackRefusal(d: Descriptor, cpl: number): Refusal | undefined {
  if (!d.isSegment || d.isCode || !(d.type & ATTRIBUTE.writable)) return NO_STACK;
  if ((d.selector & 3) !== cpl || d.dpl !== cpl) return STACK_PRIVILEGE;
  return d.present ? undefined : STACK_NOT_PRESENT;
}

/** JMP and CALL far to a code segment itself. */
export function directCodeRefusal(d: Descriptor, cpl: number, longMode: boolean): Refusal | undefined {
  const wrong = codeTypeRefusal(d, longMode);
  if (wrong) return wrong;
  if (d.isConforming ? d.dpl > cpl : (d.selector & 3) > cpl || d.dpl !== cpl) return d.isConforming ? CONFORMING_PRIVILEGE : CODE_PRIVILEGE;
  return d.present ? undefined : NOT_PRESENT;
}

/** JMP and CALL far to a call gate, task gate or TSS: may this privilege use it. */
export function farAccessRefusal(d: Descriptor, cpl: number): Refusal | undefined {
  if (d.dpl < cpl || d.dpl < (d.selector & 3)) return FAR_PRIVILEGE;
  return d.present ? undefined : NOT_PRESENT;
}

/** The code segment that a call gate names: in long mode it must be one of 64-bit code. JMP stays at its privilege. */
export function gateCodeRefusal(d: Descriptor, cpl: number, longMode: boolean, jumps: boolean): Refusal | undefined {
  if (!d.isCode) return NO_CODE;
  if (d.dpl > cpl) return INNER_CODE;
  if (d.dpl !== cpl && !d.isConforming && jumps) return NO_JUMP_INWARDS;
  if (longMode && !isLongCode(d)) return NO_LONG_CODE;
  return d.present ? undefined : NOT_PRESENT;
}

/** Types of gates that the IDT may have outside long mode. */
const INTERRUPT_GATES: readonly number[] = [SYSTEM.taskGate, SYSTEM.interruptGate16, SYSTEM.trapGate16, SYSTEM.interruptGate32, SYSTEM.trapGate32];

/** An entry of the IDT. `software`: INT n, INT3, INTO, which ask for privilege. */
export function interruptGateRefusal(gate: Descriptor, cpl: number, longMode: boolean, software: boolean): Refusal | undefined {
  if (longMode) {
    if (gate.isSegment || (gate.type !== SYSTEM.interruptGate32 && gate.type !== SYSTEM.trapGate32)) return NO_LONG_GATE;
  } else if (gate.isSegment || !INTERRUPT_GATES.includes(gate.type)) return NO_GATE;
  if (software && gate.dpl < cpl) return GATE_PRIVILEGE;
  return gate.present ? undefined : NOT_PRESENT;
}

/** The code segment of an interrupt's handler. */
export function handlerCodeRefusal(d: Descriptor, cpl: number, longMode: boolean): Refusal | undefined {
  if (!d.isCode) return NO_CODE;
  if (d.dpl > cpl) return INNER_CODE;
  if (longMode && !isLongCode(d)) return NO_LONG_CODE;
  return d.present ? undefined : NOT_PRESENT;
}

const isLongCode = (d: Descriptor): boolean => (d.attributes & (ATTRIBUTE.long | ATTRIBUTE.big)) === ATTRIBUTE.long;

/** LLDT (an LDT) and LTR (a TSS that is not busy; long mode knows none of 16 bits). */
export function systemRefusal(d: Descriptor, types: readonly number[], longMode: boolean): Refusal | undefined {
  if (d.isSegment || !types.includes(d.type) || (longMode && d.type === SYSTEM.tss16)) return WRONG_SYSTEM_TYPE;
  return d.present ? undefined : NOT_PRESENT;
}
