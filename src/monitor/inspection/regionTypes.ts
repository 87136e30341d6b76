/**
 * Answers about translated code: regions, one region's guest code beside its WebAssembly, and where the guest spends its time.
 */
import type { Model } from '../engine/records';

/** A region of translated code in a line. */
export interface RegionSummaryView {
  /** Its function's entry in the table: tells it from all other regions that there are. */
  readonly entry: number;
  /** `asleep`: its code was written to, and it comes back with it. */
  readonly state: 'in use' | 'asleep';
  /** Linear address that led to its first instruction last. */
  readonly linear?: bigint;
  /** No TLB for execution leads there now: it was not run lately. */
  readonly cold?: true;
  /** Guest-physical address of the same. */
  readonly physical: number;
  readonly bits: 16 | 32 | 64;
  readonly model: Model;
  readonly blocks: number;
  readonly instructions: number;
  /** Counts up as modules are made; how many bytes its module has, for so many regions. */
  readonly module: number;
  readonly moduleBytes: number;
  readonly moduleRegions: number;
}

export interface RegionList {
  readonly regions: readonly RegionSummaryView[];
  /** How many more there are than are listed: those that were run lately come first, then the newest. */
  readonly left: number;
}

/** How an instruction of a region is carried out. */
export type RegionInstructionKind =
  /** By WebAssembly code. */
  | 'translated'
  /** The same; its accesses ask the monitor from inside, because they keep having to. */
  | 'callout'
  /** By a service in TypeScript, behind which the region goes on. */
  | 'service'
  /** The region is left for it. */
  | 'interpreted';

export interface RegionInstructionView {
  /** Tells it from the region's others: parts of the WebAssembly code name it. */
  readonly id: number;
  /** In the block's bytes. */
  readonly offset: number;
  readonly kind: RegionInstructionKind;
  /** The guest rewrites its constant, so that this is read from memory each time. */
  readonly patched: boolean;
}

export interface RegionBlockView {
  /** Bytes from the region's first instruction: negative in front of it. */
  readonly distance: number;
  readonly physical: number;
  readonly bytes: Uint8Array;
  readonly instructions: readonly RegionInstructionView[];
  readonly isLoop: boolean;
}

/** A line of WebAssembly text. */
export interface WasmLine {
  readonly indent: number;
  readonly text: string;
  /** What of the monitor's or the CPU's it touches. */
  readonly comment?: string;
  /** The instruction that it belongs to; missing for the ways in and out. */
  readonly id?: number;
}

export interface RegionDetails {
  readonly summary: RegionSummaryView;
  /** In the order in which they were emitted. */
  readonly blocks: readonly RegionBlockView[];
  readonly wasm: readonly WasmLine[];
  /** Bytes of the function's body. */
  readonly bodyBytes: number;
  /** Why there is no code to show. */
  readonly story?: string;
}

export type ProfileAction = 'start' | 'stop';

/** Samples with one stack. */
export interface ProfileStack {
  /** Linear addresses: where the guest was, then where its callers go on. */
  readonly addresses: readonly bigint[];
  readonly user: boolean;
  readonly samples: number;
  /** Instructions that had been retired since the sample before. */
  readonly retired: number;
}

export interface ProfileView {
  readonly running: boolean;
  readonly samples: number;
  readonly retired: number;
  /** Samples at which the guest was halted. */
  readonly idle: number;
  readonly stacks: readonly ProfileStack[];
  /** Samples whose stacks were more than could be kept. */
  readonly lost: number;
  /** What sampling has cost so far. */
  readonly milliseconds: number;
}
