/**
 * The cache of where jumps lead, in front of execute TLBs, tables of blocks and records: generated code asks and fills it, and
 * finds in one place what is otherwise spread over three. An entry is good as long as the page would be in its execute TLB, if none
 * had taken its place there, and the block and its handler are what they were; when any of that changes, the entries that are about it go, or all.
 */
import { JUMP, JUMP_CACHE, JUMP_ENTRIES, JUMP_ENTRY_BYTES, MONITOR_WORDS } from './layout';

const KNOWN = MONITOR_WORDS.jumpsKnown >> 2, PAGES_32 = 2 ** 20;
const FIRST = JUMP_CACHE >> 2, STEP = JUMP_ENTRY_BYTES >> 2, END = FIRST + JUMP_ENTRIES * STEP;
/** Searches in a row, without a jump that is remembered in between, after which all entries go: what is left of them is not worth one more. */
const MOST_SEARCHES = 8;

/** Forgets all jumps. No entry has the table 0. */
export function forgetJumps(words: Int32Array): void {
  if (words[KNOWN] === 0) return;
  words[KNOWN] = 0;
  words.fill(0, FIRST, END);
}

/** Whether entries have to be searched for: not where there are none. Generated code says 1 here when it remembers one. */
function isWorthwhile(words: Int32Array): boolean {
  const searches = words[KNOWN] ?? 0;
  if (searches === 0) return false;
  words[KNOWN] = searches + 1;
  if (searches <= MOST_SEARCHES) return true;
  forgetJumps(words);
  return false;
}

/** Forgets jumps to so many linear pages, in whatever space; pages of the upper half have negative numbers. */
export function forgetJumpsTo(words: Int32Array, firstPage: number, count: number): void {
  if (!isWorthwhile(words)) return;
  for (let at = FIRST; at < END; at += STEP) {
    const page = (words[at + 1] ?? 0) * PAGES_32 + ((words[at] ?? 0) >>> 12);
    if (page >= firstPage && page < firstPage + count) words[at + (JUMP.table >> 2)] = 0;
  }
}

/** Forgets jumps that were found by execute tables at addresses from `start` up to `end`. */
export function forgetJumpsBy(words: Int32Array, start: number, end: number): void {
  if (!isWorthwhile(words)) return;
  for (let at = FIRST + (JUMP.table >> 2); at < END; at += STEP) {
    const table = words[at] ?? 0;
    if (table >= start && table < end) words[at] = 0;
  }
}

/** Forgets jumps to blocks that are gone, by their records' addresses. */
export function forgetJumpsToBlocks(words: Int32Array, records: ReadonlySet<number>): void {
  if (!isWorthwhile(words)) return;
  // They are few, and lie in one page's memory: most entries are out of the question.
  const [first, last] = [Math.min(...records), Math.max(...records)];
  for (let at = FIRST; at < END; at += STEP) {
    const record = words[at + (JUMP.record >> 2)] ?? 0;
    if (record >= first && record <= last && records.has(record)) words[at + (JUMP.table >> 2)] = 0;
  }
}

/** Jumps to a block enter it by another handler from now on. */
export function redirectJumps(words: Int32Array, record: number, handler: number): void {
  if (!isWorthwhile(words)) return;
  for (let at = FIRST; at < END; at += STEP) {
    if (words[at + (JUMP.record >> 2)] === record) words[at + (JUMP.handler >> 2)] = handler;
  }
}

/** Where a jump has led: a block's record, its handler's number and its instruction count, by the execute table in use. */
export interface KnownJump {
  readonly linear: number;
  readonly table: number;
  readonly record: number;
  readonly handler: number;
  readonly count: number;
}

/** Remembers a jump as generated code does (enterAndRemember), which finds it by the same address (jumpEntry). */
export function rememberJump(view: DataView, { linear, table, record, handler, count }: KnownJump): void {
  const low = Number(BigInt.asUintN(32, BigInt(linear)));
  const entry = JUMP_CACHE + ((low ^ (low >>> Math.log2(JUMP_ENTRIES))) & (JUMP_ENTRIES - 1)) * JUMP_ENTRY_BYTES;
  view.setBigInt64(entry + JUMP.linear, BigInt(linear), true);
  view.setUint32(entry + JUMP.table, table, true);
  view.setUint32(entry + JUMP.record, record, true);
  view.setUint32(entry + JUMP.handler, handler, true);
  view.setUint32(entry + JUMP.count, count, true);
  view.setUint32(MONITOR_WORDS.jumpsKnown, 1, true);
}
