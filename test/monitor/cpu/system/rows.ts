/**
 * What the tables of system behaviour share: a row is one instruction in a guest that is set up for it, and says which
 * fault the manual promises, or none. A fault must leave everything as it was: registers, segments, flags, memory.
 */
import assert from 'node:assert/strict';
import type { GuestFault } from '../../../../src/monitor/memory/guestFault';
import * as L from '../../../../src/monitor/cpu/layout';
import type { Guest } from '../guest';

export const VECTOR = { DE: 0, DB: 1, NMI: 2, BP: 3, OF: 4, BR: 5, UD: 6, NM: 7, DF: 8, TS: 10, NP: 11, SS: 12, GP: 13, PF: 14, MF: 16, AC: 17 } as const;

/** A fault as the manual names it: vector, and its error code where it has one. */
export type Fault = readonly [vector: number, errorCode?: number];

/** The faults at which a run stops before delivery: all that are no software interrupts. */
const FAULTS = new Set([0, 1, 5, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 19]);

/** Memory that is compared: everything but page tables, which get A and D bits. */
const COMPARED_BYTES = 0x40000;

interface Snapshot {
  readonly words: readonly (readonly [name: string, value: string])[];
  readonly memory: Uint8Array;
}

function snapshot(guest: Guest): Snapshot {
  const s = guest.state;
  const words: (readonly [string, string])[] = [];
  const add = (name: string, value: bigint | number): void => void words.push([name, value.toString(16)]);
  for (let i = 0; i < 16; i++) add(`r${i}`, s.reg64(i));
  for (let i = 0; i < L.SEGMENT_COUNT; i++) {
    add(`selector ${i}`, s.selector(i));
    add(`base ${i}`, s.u64(L.SEGMENTS + L.SEGMENT_BYTES * i + L.SEG_BASE));
    add(`limit ${i}`, s.limit(i));
    add(`attributes ${i}`, s.attributes(i));
  }
  add('rip', s.u64(L.EIP));
  add('flags', s.flags);
  add('cpl', s.cpl);
  add('cr0', s.cr0);
  add('cr3', s.cr3);
  add('cr4', s.cr4);
  add('efer', s.efer);
  add('gdtr', s.u64(L.GDTR_BASE));
  add('idtr', s.u64(L.IDTR_BASE));
  add('gdtr limit', s.u32(L.GDTR_LIMIT));
  add('idtr limit', s.u32(L.IDTR_LIMIT));
  return { words, memory: guest.map.copyOut(0, COMPARED_BYTES) };
}

function changes(before: Snapshot, after: Snapshot): readonly string[] {
  const words = before.words.flatMap(([name, value], i) => {
    const now = after.words[i]?.[1];
    return now === value ? [] : [`${name}: ${value} is now ${now}`];
  });
  const memory: string[] = [];
  before.memory.forEach((value, at) => {
    const now = after.memory[at];
    if (now !== value && memory.length < 8) memory.push(`[${at.toString(16)}]: ${value.toString(16)} is now ${now?.toString(16)}`);
  });
  return [...words, ...memory];
}

/** Runs to the first fault, which `run` stops at before it is delivered; undefined if there is none in so many instructions. */
export function firstFault(guest: Guest, instructions = 1): GuestFault | undefined {
  guest.executor.stopVectors = FAULTS;
  try {
    const outcome = guest.run(instructions);
    return outcome.kind === 'exception' ? outcome.fault : undefined;
  } finally {
    guest.executor.stopVectors = new Set();
  }
}

const name = (vector: number, errorCode?: number): string => {
  const known = Object.entries(VECTOR).find(([, number]) => number === vector)?.[0];
  return `#${known ?? vector}${errorCode === undefined ? '' : `(${errorCode.toString(16)})`}`;
};

/** The next instruction raises a fault, and changes nothing. */
export function faults(guest: Guest, expected: Fault, what: string): void {
  const before = snapshot(guest);
  const fault = firstFault(guest);
  const found = fault === undefined ? 'no fault' : name(fault.vector, fault.errorCode);
  assert.equal(found, name(...expected), what);
  assert.deepEqual(changes(before, snapshot(guest)), [], `${what}: nothing may have changed`);
}

/** The next instruction raises no fault. */
export function passes(guest: Guest, what: string): void {
  const fault = firstFault(guest);
  assert.equal(fault && name(fault.vector, fault.errorCode), undefined, what);
}

/** Either, as the row says. */
export function checks(guest: Guest, expected: Fault | 'passes', what: string): void {
  if (expected === 'passes') passes(guest, what);
  else faults(guest, expected, what);
}
