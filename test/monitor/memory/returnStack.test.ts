/** Places that returns are waited for at, as TypeScript has its hands in them. */
import assert from 'node:assert/strict';
import { MONITOR_WORDS, RETURN_ENTRY_BYTES, RETURN_STACK } from '../../../src/monitor/memory/layout';
import { clearReturns, disappointReturns } from '../../../src/monitor/memory/returnStack';

/** No canonical address, with 48 bits or 57, and no offset of 32 bits. */
const NO_OFFSET = -(2n ** 63n);

describe('places that returns are waited for at', () => {
  const view = new DataView(new ArrayBuffer(4096));
  const place = (i: number): bigint => view.getBigInt64(RETURN_STACK + i * RETURN_ENTRY_BYTES, true);
  /** Waits at some offsets, as generated code does. */
  const wait = (...offsets: readonly bigint[]): void => {
    for (const offset of offsets) {
      const top = view.getUint32(MONITOR_WORDS.returnTop, true) + RETURN_ENTRY_BYTES;
      view.setBigInt64(top, offset, true);
      view.setUint32(MONITOR_WORDS.returnTop, top, true);
    }
  };

  it('are none at first, but for one that no return leads to', () => {
    clearReturns(view);
    assert.equal(view.getUint32(MONITOR_WORDS.returnTop, true), RETURN_STACK);
    assert.equal(place(0), NO_OFFSET);
    // Neither an offset of 32 bits nor a canonical address of 48 or 57.
    for (const bits of [47n, 56n]) assert.ok(place(0) < -(2n ** bits));
  });

  it('are all disappointed, and stay as many', () => {
    clearReturns(view);
    wait(0x1000n, 0xffffffffn, -4096n);
    disappointReturns(view);
    assert.deepEqual([0, 1, 2, 3].map(place), [NO_OFFSET, NO_OFFSET, NO_OFFSET, NO_OFFSET]);
    assert.equal(view.getUint32(MONITOR_WORDS.returnTop, true), RETURN_STACK + 3 * RETURN_ENTRY_BYTES);
  });
});
