/**
 * The cache of where jumps lead, in front of execute TLBs, tables of blocks and records: generated code asks and fills it, and
 * finds in one place what is otherwise spread over three. An entry is good as long as the page is in its execute TLB, and the
 * block and its handler are what they were; when any of that changes, all entries go.
 */
import { JUMP_CACHE, JUMP_ENTRIES, JUMP_ENTRY_BYTES, MONITOR_WORDS } from './layout';

/** Forgets all jumps. No entry has the table 0. */
export function forgetJumps(words: Int32Array): void {
  if (words[MONITOR_WORDS.jumpsKnown >> 2] === 0) return;
  words[MONITOR_WORDS.jumpsKnown >> 2] = 0;
  words.fill(0, JUMP_CACHE >> 2, (JUMP_CACHE + JUMP_ENTRIES * JUMP_ENTRY_BYTES) >> 2);
}
