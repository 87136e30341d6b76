/** Blocks that generated code has decoded by itself (see ./formRoutines), as it writes them down for the monitor. */
import { DECODED_BLOCKS } from '../memory/layout';

/** Address of their number, and of the first one. */
export const DECODED_COUNT = DECODED_BLOCKS;
export const DECODED_FIRST = DECODED_BLOCKS + 8;
export const DECODED_BYTES = 24;
/** Fields (u32 each): the page's table of blocks; offsets of the block's first byte and behind its last; address and bytes of its records; its instructions. */
export const DECODED = { table: 0, start: 4, end: 8, address: 12, recordBytes: 16, count: 20 } as const;

export interface DecodedBlock {
  readonly table: number;
  readonly start: number;
  readonly end: number;
  readonly address: number;
  readonly recordBytes: number;
  readonly count: number;
}

/** Whether there are any. */
export const hasDecoded = (words: Int32Array): boolean => words[DECODED_COUNT >> 2] !== 0;

/** Visits them in the order in which they were decoded, and forgets them. */
export function takeDecoded(words: Int32Array, visit: (block: DecodedBlock) => void): void {
  const count = words[DECODED_COUNT >> 2] ?? 0;
  words[DECODED_COUNT >> 2] = 0;
  for (let i = 0; i < count; i++) {
    const at = DECODED_FIRST + i * DECODED_BYTES;
    const field = (offset: number): number => words[(at + offset) >> 2] ?? 0;
    visit({ table: field(DECODED.table), start: field(DECODED.start), end: field(DECODED.end), address: field(DECODED.address), recordBytes: field(DECODED.recordBytes), count: field(DECODED.count) });
  }
}
