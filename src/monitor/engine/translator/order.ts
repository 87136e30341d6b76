/**
 * What is asked of whoever writes translated code, in this thread or in another one: regions as plain data, and compiled
 * modules in return.
 */
import type { OrderMessage } from './orderMessage';
import type { PlacedBlock, WayOutside } from './regionGraph';

/** A region that is to be written. */
export interface RegionOrder {
  /** Whether it is 64-bit code. */
  readonly wide: boolean;
  /** Whether its offsets are linear addresses of 32 bits. */
  readonly flat: boolean;
  /** Its blocks, the entry first. */
  readonly blocks: readonly PlacedBlock[];
  /** Ways out of it that are to be links (../regionLinks). */
  readonly ways: readonly WayOutside[];
}

/** Regions that are to be written into one module. */
export interface TranslationOrder {
  readonly id: number;
  readonly regions: readonly RegionOrder[];
  /** Address of the first cell of their links, which are numbered through the regions in turn. */
  readonly cells: number;
  /** The machine's memory, with the records that the blocks name. */
  readonly memory: ArrayBufferLike;
}

/** What has become of a region. */
export interface RegionSummary {
  readonly blocks: number;
  readonly instructions: number;
  /** Positions of the blocks, other than its entry, to which loops come back. */
  readonly loops: readonly number[];
}

/** What an order has come to; its failure when that went wrong, perhaps because its records were dropped meanwhile. */
export type TranslationReply =
  | { readonly id: number; readonly module: WebAssembly.Module; readonly bytes: number; readonly regions: readonly RegionSummary[] }
  | { readonly id: number; readonly failure: string };

/** A loop of the interpreter that is to be compiled: that of 64-bit code, or that of other code. */
export interface LoopOrder {
  readonly is64Bit: boolean;
  readonly bytes: Uint8Array;
}

/** The loop. */
export interface LoopReply {
  readonly is64Bit: boolean;
  readonly loop: WebAssembly.Module;
}

/** Another thread that compiles loops. */
export interface LoopService {
  submitLoop(order: LoopOrder): void;
  /** Whether nobody works on orders any more, and never will. */
  isGone(): boolean;
}

/** Another thread that translates. It may be as late as it likes: nothing in the guest depends on when code is translated. */
export interface TranslationService extends LoopService {
  /** Whether anybody works on orders. */
  atWork(): boolean;
  /** Takes an order (see ./orderMessage). */
  submit(order: OrderMessage): void;
  /** The next reply, or the next loop, without waiting for one. */
  receive(): TranslationReply | LoopReply | undefined;
}
