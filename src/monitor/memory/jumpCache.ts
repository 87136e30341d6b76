/**
 * The cache of where jumps lead, in front of execute TLBs, tables of blocks and records: generated code asks and fills it, and
 * finds in one place what is otherwise spread over three. An entry is good as long as the page would be in its execute TLB, if none
 * had taken its place there, and the block and its handler are what they were; when any of that changes, all entries go.
 */
import { JUMP, JUMP_CACHE, JUMP_ENTRIES, JUMP_ENTRY_BYTES, MONITOR_WORDS } from './layout';

/** Forgets all jumps. No entry has the table 0. */
export function forgetJumps(words: Int32Array): void {
  if (words[MONITOR_WORDS.jumpsKnown >> 2] === 0) return;
  words[MONITOR_WORDS.jumpsKnown >> 2] = 0;
  words.fill(0, JUMP_CACHE >> 2, (JUMP_CACHE + JUMP_ENTRIES * JUMP_ENTRY_BYTES) >> 2);
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
