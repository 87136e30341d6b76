/**
 * A program of the fuzzer as plain data: the state it starts in, what lies in memory besides the standard tables, and its units of code.
 */

export const MODES = ['real16', 'pm16', 'pm32', 'paged32', 'pae', 'v86', 'long', 'compat'] as const;
export type Mode = (typeof MODES)[number];

/** Bytes put into memory over the standard image. */
export interface Patch {
  /** Guest-physical. */
  readonly address: number;
  readonly bytes: readonly number[];
  /** For people: what it is. */
  readonly note: string;
}

/** A few instructions that belong together; between two units nothing is assumed. */
export interface Unit {
  readonly family: string;
  /** Guest-physical address of the code. */
  readonly at: number;
  readonly code: readonly number[];
  /** What its operands need in memory. */
  readonly patches: readonly Patch[];
}

/** The selectors of the data segment registers at the start. */
export interface StartSegments {
  readonly es: number;
  readonly ss: number;
  readonly ds: number;
  readonly fs: number;
  readonly gs: number;
}

/** The state in which the first instruction of the program is met. */
export interface Start {
  readonly cs: number;
  /** Offset in CS. */
  readonly ip: number;
  /** Linear address of the same place. */
  readonly linear: number;
  readonly segments: StartSegments;
  /** EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI. */
  readonly general: readonly number[];
  readonly flags: number;
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
}

export interface Case {
  readonly mode: Mode;
  /** Number by which the generator makes it again. */
  readonly seed: number;
  readonly start: Start;
  readonly patches: readonly Patch[];
  readonly units: readonly Unit[];
  /** Behind the last unit (guest-physical). */
  readonly end: number;
}
