/** Marks of bytes in a page: exactly those that were marked, at any border. */
import assert from 'node:assert/strict';
import { MarkedBytes } from '../../../src/monitor/memory/markedBytes';

describe('marked bytes', () => {
  it('are those that were marked, and no neighbours', () => {
    for (const [start, end] of [[0, 1], [5, 6], [31, 33], [0, 32], [32, 64], [30, 100], [4095, 4096], [4000, 4096], [0, 4096]] as const) {
      const marks = new MarkedBytes();
      marks.mark(start, end);
      for (let at = 0; at < 4096; at++) assert.equal(marks.has(at, at + 1), at >= start && at < end, `${at} of ${start} to ${end}`);
      assert.ok(!marks.has(0, start) && !marks.has(end, 4096), `around ${start} to ${end}`);
      assert.ok(marks.has(Math.max(0, start - 7), Math.min(4096, end + 7)));
      assert.ok(!marks.has(start, start), 'nothing is in an empty range');
      marks.unmark(start, end);
      assert.ok(!marks.has(0, 4096), `taken away from ${start} to ${end}`);
      marks.mark(0, 4096);
      marks.unmark(start, end);
      for (let at = 0; at < 4096; at++) assert.equal(marks.has(at, at + 1), at < start || at >= end, `${at} beside ${start} to ${end}`);
      marks.clear();
      assert.ok(!marks.has(0, 4096));
    }
  });

  it('stand in words of memory that others have, too, and leave those around them alone', () => {
    const words = new Int32Array(400).fill(-1);
    const marks = new MarkedBytes(words, 100);
    marks.clear();
    const others = new MarkedBytes();
    marks.mark(3, 40);
    others.mark(62, 66);
    others.mark(4095, 4096);
    marks.add(others);
    for (let at = 0; at < 4096; at++) {
      const expected = (at >= 3 && at < 40) || (at >= 62 && at < 66) || at === 4095;
      assert.equal(marks.has(at, at + 1), expected, String(at));
      assert.equal(((words[100 + (at >> 5)] ?? 0) >>> (at & 31)) & 1, expected ? 1 : 0, `bit of ${at}`);
    }
    assert.deepEqual([...words.subarray(0, 100), ...words.subarray(228)].filter((word) => word !== -1), []);
  });
});
