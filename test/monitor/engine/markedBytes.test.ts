/** Marks of bytes in a page: exactly those that were marked, at any border. */
import assert from 'node:assert/strict';
import { MarkedBytes } from '../../../src/monitor/engine/markedBytes';

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

  it('are noted for each few bytes that have one of them', () => {
    const marks = new MarkedBytes();
    const ranges = [[0, 1], [15, 17], [62, 66], [4095, 4096]] as const;
    for (const [start, end] of ranges) marks.mark(start, end);
    const noted = new Uint8Array(600);
    marks.noteIn(noted, 50, 3);
    for (let i = 0; i < 512; i++) assert.equal(noted[50 + i], ranges.some(([start, end]) => start < 8 * i + 8 && 8 * i < end) ? 1 : 0, `bytes from ${8 * i}`);
    assert.deepEqual([...noted.subarray(0, 50), ...noted.subarray(562)].filter((byte) => byte !== 0), []);
  });
});
