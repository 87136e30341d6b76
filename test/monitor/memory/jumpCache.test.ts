/** What is remembered of jumps: which of it goes when blocks do, and what stays. */
import assert from 'node:assert/strict';
import { forgetJumps, forgetJumpsToBlocks, redirectJumps, rememberJump, type KnownJump } from '../../../src/monitor/memory/jumpCache';
import { JUMP, JUMP_CACHE, JUMP_ENTRIES, JUMP_ENTRY_BYTES } from '../../../src/monitor/memory/layout';

const memory = new SharedArrayBuffer(JUMP_CACHE + JUMP_ENTRIES * JUMP_ENTRY_BYTES);
const [view, words] = [new DataView(memory), new Int32Array(memory)];

/** Handlers of the jumps that are known, by their records. */
function known(): Readonly<Record<number, number>> {
  const found: Record<number, number> = {};
  for (let at = JUMP_CACHE; at < memory.byteLength; at += JUMP_ENTRY_BYTES) {
    if (view.getUint32(at + JUMP.tag, true) !== 0) found[view.getUint32(at + JUMP.record, true)] = view.getUint32(at + JUMP.handler, true);
  }
  return found;
}

const jump = (linear: number, tag: number, record: number): KnownJump => ({ linear, tag, record, handler: record + 1, count: 3 });
const SPACE = 2, OTHER = 4;
const UPPER = -0x7f000000;

describe('the cache of jumps', () => {
  beforeEach(() => {
    forgetJumps(words);
    for (const each of [jump(0x1000, SPACE, 40), jump(0x1ffe, OTHER, 80), jump(0x2004, SPACE, 120), jump(UPPER, SPACE, 160), jump(2 ** 32 + 0x1008, OTHER, 200)]) rememberJump(view, each);
  });

  it('forgets those to blocks, and leads others elsewhere', () => {
    forgetJumpsToBlocks(words, new Set([80, 120]));
    redirectJumps(words, 160, 7);
    assert.deepEqual(known(), { 40: 41, 160: 7, 200: 201 });
  });

  it('does not search for ever where nothing is remembered any more, and finds what is remembered afterwards', () => {
    for (let record = 1000; record < 1100; record++) forgetJumpsToBlocks(words, new Set([record]));
    assert.deepEqual(known(), {});
    rememberJump(view, jump(0x5000, SPACE, 240));
    forgetJumpsToBlocks(words, new Set([241]));
    assert.deepEqual(known(), { 240: 241 });
    forgetJumpsToBlocks(words, new Set([240]));
    assert.deepEqual(known(), {});
  });
});
