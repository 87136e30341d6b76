/** The memory map and the search for room in it. */
import assert from 'node:assert/strict';
import { encodeE820, extendedKib, memoryMap } from '../../../src/monitor/firmware/memory-map';
import { Placement } from '../../../src/monitor/firmware/placement';
import { MIB, refuses } from './fakes';

describe('Memory map', () => {
  it('has RAM, EBDA, ROM and RAM from 1 MiB, in order and without overlap', () => {
    const map = memoryMap(16 * MIB);
    assert.deepEqual(map.map((r) => [r.base, r.base + r.bytes, r.type]), [
      [0, 0x9fc00, 1], [0x9fc00, 0xa0000, 2], [0xf0000, MIB, 2], [MIB, 16 * MIB, 1],
    ]);
  });
  it('ends at 1 MiB when the machine does', () => {
    assert.equal(memoryMap(MIB).length, 3);
    assert.equal(extendedKib(MIB), 0);
    refuses(() => memoryMap(MIB - 1), 'memory', /less than 1 MiB/);
  });
  it('encodes 64-bit base and length', () => {
    const entry = encodeE820({ base: 0x1_2345_6789, bytes: 0x2_0000_0001, type: 2 });
    assert.deepEqual([...entry], [0x89, 0x67, 0x45, 0x23, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0]);
  });
});

describe('Placement', () => {
  it('takes the lowest aligned hole, never across the hole at A0000', () => {
    const placement = new Placement(2 * MIB);
    placement.take({ first: 0x1000, end: 0x1800 });
    assert.equal(placement.takeFirstFit(0x100, 0x1000, 0x1000), 0x2000);
    assert.equal(placement.takeFirstFit(0x100, 4, 0x1000), 0x1800);
    assert.equal(placement.takeFirstFit(0x9f000, 0x1000, 0x1000), MIB);
    assert.equal(placement.takeFirstFit(MIB, 1, 0), undefined);
  });
});
