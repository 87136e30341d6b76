/** QEMU's firmware configuration interface as SeaBIOS uses it: by port and by DMA. */
import assert from 'node:assert/strict';
import { e820File, FwCfg } from '../../../src/monitor/devices/fw-cfg';
import { FakeMemory } from './fake-host';

const FILES = [
  { name: 'etc/show', bytes: Uint8Array.of(1, 2, 3) },
  e820File([{ first: 0x100000000, bytes: 0x12345678, type: 1 }]),
];

function createFwCfg(): { memory: FakeMemory; fwCfg: FwCfg } {
  const memory = new FakeMemory();
  const fwCfg = new FwCfg(memory, { files: FILES, memoryBytes: 0x10000000, cpus: 1, bootMenu: true });
  fwCfg.reset();
  return { memory, fwCfg };
}

function item(fwCfg: FwCfg, key: number, count: number): number[] {
  fwCfg.writePort(0x510, 2, key);
  return Array.from({ length: count }, () => fwCfg.readPort(0x511, 1));
}

function bigEndian(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** Runs a DMA request block at 9000; gives the answer in its control word. */
function dma(memory: FakeMemory, fwCfg: FwCfg, control: number, length: number, address: number): number[] {
  memory.load(0x9000, [...bigEndian(control), ...bigEndian(length), ...bigEndian(0), ...bigEndian(address)]);
  fwCfg.writePort(0x518, 4, 0x00900000);
  return memory.slice(0x9000, 4);
}

describe('fw_cfg', () => {
  it('signs, and offers both interfaces', () => {
    const { fwCfg } = createFwCfg();
    assert.equal(String.fromCharCode(...item(fwCfg, 0, 4)), 'QEMU');
    assert.deepEqual(item(fwCfg, 1, 4), [3, 0, 0, 0]);
    assert.equal(fwCfg.readPort(0x514, 4), 0x554d4551, 'QEMU, big-endian');
    assert.equal(fwCfg.readPort(0x518, 4), 0x47464320, ' CFG');
  });

  it('gives numbers little-endian and zeros beyond the end and for unknown items', () => {
    const { fwCfg } = createFwCfg();
    assert.deepEqual(item(fwCfg, 3, 10), [0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(item(fwCfg, 5, 2), [1, 0]);
    assert.deepEqual(item(fwCfg, 0x0e, 2), [1, 0]);
    assert.deepEqual(item(fwCfg, 0x8003, 4), [0, 0, 0, 0]);
  });

  it('lists its files by name, with size and selector', () => {
    const { fwCfg } = createFwCfg();
    const directory = item(fwCfg, 0x19, 4 + 2 * 64);
    assert.deepEqual(directory.slice(0, 4), [0, 0, 0, 2]);
    const entry = (index: number): readonly [number, number, string] => {
      const bytes = directory.slice(4 + 64 * index, 68 + 64 * index);
      return [bytes[3], (bytes[4] << 8) | bytes[5], String.fromCharCode(...bytes.slice(8)).replace(/\0+$/, '')];
    };
    assert.deepEqual([entry(0), entry(1)], [[20, 0x20, 'etc/e820'], [3, 0x21, 'etc/show']]);
    assert.deepEqual(item(fwCfg, 0x20, 20), [0, 0, 0, 0, 1, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 1, 0, 0, 0]);
  });

  it('reads by DMA, selecting and skipping', () => {
    const { memory, fwCfg } = createFwCfg();
    assert.deepEqual(dma(memory, fwCfg, (0x21 << 16) | 0x0a, 2, 0x4000), [0, 0, 0, 0]);
    assert.deepEqual(memory.slice(0x4000, 3), [1, 2, 0xff]);
    assert.deepEqual(dma(memory, fwCfg, (0x21 << 16) | 0x0c, 2, 0), [0, 0, 0, 0]);
    dma(memory, fwCfg, 0x02, 2, 0x5000);
    assert.deepEqual(memory.slice(0x5000, 2), [3, 0]);
  });

  it('refuses writes and giant reads', () => {
    const { memory, fwCfg } = createFwCfg();
    assert.deepEqual(dma(memory, fwCfg, 0x10, 4, 0), [0, 0, 0, 1]);
    assert.deepEqual(dma(memory, fwCfg, 0x02, 0xffffffff, 0), [0, 0, 0, 1]);
  });

  it('lets firmware write files that are for that, up to their end, until the next power-on', () => {
    const memory = new FakeMemory();
    const fwCfg = new FwCfg(memory, { files: [{ name: 'etc/address', bytes: new Uint8Array(8), writable: true }], memoryBytes: 0, cpus: 1 });
    fwCfg.reset();
    memory.load(0x4000, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(dma(memory, fwCfg, (0x20 << 16) | 0x18, 8, 0x4000), [0, 0, 0, 0]);
    assert.deepEqual(item(fwCfg, 0x20, 9), [1, 2, 3, 4, 5, 6, 7, 8, 0]);
    assert.deepEqual(dma(memory, fwCfg, (0x20 << 16) | 0x18, 9, 0x4000), [0, 0, 0, 1], 'longer than the file');
    assert.deepEqual(structuredClone(fwCfg.state), fwCfg.state);
    fwCfg.reset();
    assert.deepEqual(item(fwCfg, 0x20, 2), [0, 0]);
  });

  it('gives contents that follow from the machine\'s state as they are when they are read', () => {
    let port = 1;
    const files = [{ name: 'etc/tables', bytes: () => Uint8Array.of(port, 7) }];
    const fwCfg = new FwCfg(new FakeMemory(), { files, memoryBytes: 0, cpus: 1 });
    port = 2;
    assert.deepEqual(item(fwCfg, 0x20, 2), [2, 7]);
  });

  it('refuses a file name that the directory cannot hold', () => {
    const files = [{ name: 'x'.repeat(56), bytes: new Uint8Array(1) }];
    assert.throws(() => new FwCfg(new FakeMemory(), { files, memoryBytes: 0, cpus: 1 }), /longer than 55/);
  });
});
