/**
 * The cache of where jumps lead, in front of execute TLBs, tables of blocks and records: generated code asks and fills it, and
 * finds in one place what is otherwise spread over three. An entry is good as long as the page would be in its execute table, if none
 * had taken its place there, and the block and its handler are what they were. What is about blocks is searched for when they change. What
 * is about pages goes by *tags*: each execute table has one, entries have that of the table by which they were found, and a table gets another one when any
 * of its pages goes (./codeBanks): so all jumps by a table are forgotten at once, and at no cost.
 */
import { JUMP, JUMP_CACHE, JUMP_ENTRIES, JUMP_ENTRY_BYTES, MONITOR_WORDS } from './layout';

const KNOWN = MONITOR_WORDS.jumpsKnown >> 2;
const FIRST = JUMP_CACHE >> 2, STEP = JUMP_ENTRY_BYTES >> 2, END = FIRST + JUMP_ENTRIES * STEP;
/** Searches in a row, without a jump that is remembered in between, after which all entries go: what is left of them is not worth one more. */
const MOST_SEARCHES = 8;

/** Forgets all jumps. No table has the tag 0. */
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

/** Forgets jumps to blocks that are gone, by their records' addresses. */
export function forgetJumpsToBlocks(words: Int32Array, records: ReadonlySet<number>): void {
  if (records.size === 0 || !isWorthwhile(words)) return;
  // Those of a page lie near one another: most entries are none of them at first sight.
  const first = Math.min(...records), last = Math.max(...records);
  for (let at = FIRST; at < END; at += STEP) {
    const record = words[at + (JUMP.record >> 2)] ?? 0;
    if (record >= first && record <= last && records.has(record)) words[at + (JUMP.tag >> 2)] = 0;
  }
}

/** Jumps to a block enter it by another handler from now on. */
export function redirectJumps(words: Int32Array, record: number, handler: number): void {
  if (!isWorthwhile(words)) return;
  for (let at = FIRST; at < END; at += STEP) {
    if (words[at + (JUMP.record >> 2)] === record) words[at + (JUMP.handler >> 2)] = handler;
  }
}

/** Where a jump has led: a block's record, its handler's number and its instruction count, by the execute table with a tag. */
export interface KnownJump {
  readonly linear: number;
  readonly tag: number;
  readonly record: number;
  readonly handler: number;
  readonly count: number;
}

/** Remembers a jump as generated code does (enterAndRemember), which finds it by the same address (jumpEntry). */
export function rememberJump(view: DataView, { linear, tag, record, handler, count }: KnownJump): void {
  const low = linear >>> 0;
  const entry = JUMP_CACHE + ((low ^ (low >>> Math.log2(JUMP_ENTRIES))) & (JUMP_ENTRIES - 1)) * JUMP_ENTRY_BYTES;
  view.setUint32(entry + JUMP.linear, low, true);
  view.setInt32(entry + JUMP.linear + 4, Math.floor(linear / 2 ** 32), true);
  view.setUint32(entry + JUMP.tag, tag, true);
  view.setUint32(entry + JUMP.record, record, true);
  view.setUint32(entry + JUMP.handler, handler, true);
  view.setUint32(entry + JUMP.count, count, true);
  view.setUint32(MONITOR_WORDS.jumpsKnown, 1, true);
}
