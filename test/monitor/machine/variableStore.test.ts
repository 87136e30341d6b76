/** The file behind a firmware's flash chip: what was changed is in it whenever the machine stands, and only that is written. */
import assert from 'node:assert/strict';
import { VariableStore } from '../../../src/monitor/machine/variableStore';
import { MemoryFiles } from '../../support/memoryFiles';

const BLOCK = 4096;

describe('the file of a firmware\'s variables', () => {
  const first = new Uint8Array(4 * BLOCK).fill(0xff);
  const block = (byte: number): Uint8Array => new Uint8Array(BLOCK).fill(byte);
  const contents = (files: MemoryFiles): number[] => {
    const file = files.open('store');
    const bytes = new Uint8Array(file.size);
    file.read(0, bytes);
    file.close();
    return Array.from({ length: bytes.length / BLOCK }, (_, number) => bytes[number * BLOCK]);
  };

  it('has what was written, and what the chip held before when the machine has gone back in time', () => {
    const files = new MemoryFiles({ store: first.slice() });
    const store = new VariableStore(files, { path: 'store', bytes: first, writable: true });
    store.settle(new Map());
    store.settle(new Map([[1, block(1)], [3, block(3)]]));
    assert.deepEqual(contents(files), [0xff, 1, 0xff, 3]);
    store.settle(new Map([[1, block(2)]]));
    assert.deepEqual(contents(files), [0xff, 2, 0xff, 0xff]);
    store.settle(new Map());
    assert.deepEqual(contents(files), [0xff, 0xff, 0xff, 0xff]);
  });

  it('is not opened when nothing has changed', () => {
    const files = new MemoryFiles({});
    const store = new VariableStore(files, { path: 'store', bytes: first, writable: true });
    store.settle(new Map([[2, block(0xff)]]));
    assert.throws(() => store.settle(new Map([[2, block(0)]])));
  });
});
