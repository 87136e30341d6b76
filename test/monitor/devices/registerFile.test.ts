/** Registers decoded by their description. */
import assert from 'node:assert/strict';
import type { RegisterBlock } from '../../../src/monitor/devices/description';
import { RegisterFile, type RegisterHooks } from '../../../src/monitor/devices/registerFile';

const BLOCK: RegisterBlock = {
  name: 'test', space: 'memory', base: 0,
  registers: [
    { name: 'CTRL', title: 'control', at: 0, bytes: 4, access: 'read-write', reset: 0x8000_0001, writable: 0x00ff_ff00 },
    { name: 'STAT', title: 'status', at: 4, bytes: 2, access: 'write-one-clears', reset: 0xffff, writable: 0x0ff0 },
    { name: 'ID', title: 'identity', at: 6, bytes: 1, access: 'read-only', reset: 0x42 },
    { name: 'DATA', title: 'data', at: 8, bytes: 1, access: 'special' },
    { name: 'IN', title: 'what is read', at: 12, bytes: 4, access: 'read-only', reset: 7 },
    { name: 'OUT', title: 'what is written', at: 12, bytes: 4, access: 'write-only' },
  ],
};

function createFile(hooks: RegisterHooks = {}): RegisterFile {
  const values = RegisterFile.initial(BLOCK);
  return new RegisterFile(BLOCK, () => values, hooks);
}

describe('register file', () => {
  it('begins with the reset values, and reads zeros where there is nothing', () => {
    const file = createFile();
    assert.equal(file.read(0, 4), 0x8000_0001);
    assert.equal(file.read(4, 4), 0x0042_ffff);
    assert.equal(file.read(16, 4), 0);
    assert.equal(file.read(1000, 1), 0);
  });

  it('keeps to the writable bits, in accesses of any width and alignment', () => {
    const file = createFile();
    file.write(0, 4, 0xffff_ffff);
    assert.equal(file.read(0, 4), 0x80ff_ff01);
    file.write(1, 2, 0x1234);
    assert.equal(file.read(0, 4), 0x8012_3401);
    file.write(3, 4, 0x00ff_f0ff);
    assert.equal(file.read(0, 4), 0x8012_3401);
    assert.equal(file.read(4, 2), 0xf00f, 'ones clear what can be cleared');
    file.write(6, 1, 0);
    assert.equal(file.read(6, 1), 0x42);
  });

  it('tells apart what is read and what is written at one place', () => {
    const file = createFile();
    file.write(12, 4, 0xdead_beef);
    assert.equal(file.read(12, 4), 7);
    assert.equal(file.value('OUT'), 0xdead_beef);
  });

  it('asks and tells the device', () => {
    const told: unknown[] = [];
    const file = createFile({
      read: (name, kept) => (name === 'DATA' ? 0x55 : kept),
      written: (...what) => told.push(what),
    });
    assert.equal(file.read(8, 1), 0x55);
    file.write(8, 1, 0x99);
    file.write(1, 1, 0x77);
    file.write(4, 2, 0x0110);
    assert.deepEqual(told, [
      ['DATA', 0, 0x99, 0], ['CTRL', 0x8000_7701, 0x8000_7701, 0x8000_0001], ['STAT', 0xfeef, 0x0110, 0xffff],
    ]);
  });
});
