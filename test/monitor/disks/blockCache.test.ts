/** The cache before a store that answers late, and the overlay before the cache, against a plain array. */
import assert from 'node:assert/strict';
import { BlockError } from '../../../src/monitor/devices/device';
import { BlockCache } from '../../../src/monitor/disks/blockCache';
import { carryOut, DirectStore, type BlockOrder, type BlockReply, type BlockStore } from '../../../src/monitor/disks/blockStore';
import { Drive } from '../../../src/monitor/disks/drive';
import type { DiskImage } from '../../../src/monitor/disks/image';
import { openImage, createImage } from '../../../src/monitor/disks/open';
import { RawImage } from '../../../src/monitor/disks/raw';
import { MemoryFile, MemoryFiles } from '../../support/memoryFiles';
import { noise, random } from './patterns';

/** Orders are done one after the other, each when `turn` is called, which is now and then. */
class LateStore implements BlockStore {
  readonly immediate = false;
  readonly bytes: number;
  readonly readOnly: boolean;
  readonly discards: boolean;
  readonly orders: { readonly id: number; readonly order: BlockOrder }[] = [];
  readonly done: BlockOrder[] = [];
  private readonly replies: BlockReply[] = [];

  constructor(readonly image: DiskImage) {
    this.bytes = image.bytes;
    this.readOnly = image.readOnly;
    this.discards = image.discards;
  }

  submit(id: number, order: BlockOrder): void {
    this.orders.push({ id, order });
  }

  /** Does the next `count` orders. */
  turn(count = Infinity): void {
    for (let index = 0; index < count; index++) {
      const next = this.orders.shift();
      if (next === undefined) return;
      this.done.push(next.order);
      this.replies.push(carryOut(this.image, next.id, next.order));
    }
  }

  receive(): BlockReply | undefined {
    return this.replies.shift();
  }

  wait(): void {
    this.turn(1);
  }
}

const SECTORS = 3000;

function qcow2(): DiskImage {
  const files = new MemoryFiles();
  createImage(files, 'disk', { format: 'qcow2', bytes: SECTORS * 512, blockBytes: 4096 });
  return openImage(files, 'disk', { writable: true }).image;
}

/** Calls until it is done, while the store goes on by random steps. */
function until(store: LateStore, next: (limit: number) => number, call: () => boolean): void {
  for (let tries = 0; !call(); tries++) {
    assert.ok(tries < 10_000, 'it is done at some time');
    store.turn(next(3));
  }
}

describe('a cache of blocks', () => {
  it('gives what a plain array gives, however late the store answers, and with very few blocks', () => {
    for (const seed of [1, 2, 3]) {
      const next = random(seed);
      const store = new LateStore(qcow2());
      const cache = new BlockCache(store, { name: 'disk', blockBytes: 8192, mostBlocks: 6, mostDirty: 2 });
      const model = new Uint8Array(SECTORS * 512);
      for (let step = 0; step < 500; step++) {
        const lba = next(SECTORS), count = Math.min(1 + next(next(8) === 0 ? 200 : 20), SECTORS - lba);
        const kind = next(12);
        if (kind < 5) {
          const bytes = noise(count * 512, step);
          until(store, next, () => cache.write(lba, bytes));
          model.set(bytes, lba * 512);
        } else if (kind < 10) {
          const target = new Uint8Array(count * 512);
          if (next(2) === 0) cache.prefetch(lba, count);
          until(store, next, () => cache.read(lba, count, target));
          assert.ok(Buffer.compare(target, model.subarray(lba * 512, (lba + count) * 512)) === 0, `seed ${seed}, step ${step}`);
        } else if (kind === 10) {
          until(store, next, () => cache.discard(lba, count));
          model.fill(0, lba * 512, (lba + count) * 512);
        } else if (next(2) === 0) {
          until(store, next, () => cache.flush());
          const found = new Uint8Array(model.length);
          store.image.read(0, found);
          assert.ok(Buffer.compare(found, model) === 0, `seed ${seed}, step ${step}: flushed`);
        } else cache.age();
      }
    }
  });

  it('is not done before the store is, and then without a second order', () => {
    const store = new LateStore(qcow2());
    const cache = new BlockCache(store, { name: 'disk' });
    const target = new Uint8Array(512).fill(1);
    assert.equal(cache.read(0, 1, target), false);
    assert.equal(cache.read(0, 1, target), false);
    assert.deepEqual([store.orders.length, target[0]], [1, 1]);
    store.turn();
    assert.equal(cache.read(0, 1, target), true);
    assert.equal(target[0], 0);
  });

  it('reads ahead of sequential reads only', () => {
    const store = new LateStore(qcow2());
    const cache = new BlockCache(store, { name: 'disk', blockBytes: 4096 });
    const target = new Uint8Array(4096);
    const read = (lba: number): void => until(store, () => 1, () => cache.read(lba, 8, target));
    for (const lba of [800, 80, 1600]) read(lba);
    assert.equal(store.done.length + store.orders.length, 3);
    for (let lba = 0; lba < 128; lba += 8) read(lba);
    store.turn();
    const before = store.done.length;
    assert.ok(before > 3 + 16, 'more was fetched than was read');
    read(128);
    assert.equal(store.done.length, before, 'and was there when it was wanted');
  });

  it('bounds what is not written yet', () => {
    const store = new LateStore(qcow2());
    const cache = new BlockCache(store, { name: 'disk', blockBytes: 4096, mostDirty: 4 });
    let refused = false;
    for (let lba = 0; lba < SECTORS - 8 && !refused; lba += 8) refused = !cache.write(lba, noise(4096, lba));
    assert.ok(refused, 'a store that does nothing stops the writer');
    store.turn();
    assert.equal(cache.write(0, noise(4096, 1)), true);
  });

  it('tells of files that fail: reads at once, writes with the flush', () => {
    const file = new MemoryFile(new Uint8Array(SECTORS * 512));
    const cache = new BlockCache(new DirectStore(new RawImage(file, { readOnly: false })), { name: 'disk.img' });
    file.failing = true;
    assert.throws(() => cache.read(300, 1, new Uint8Array(512)), (error) => error instanceof BlockError && /sector 256 of image 'disk\.img': EIO/.test(error.message));
    assert.equal(cache.write(0, new Uint8Array(128 * 512)), true);
    assert.throws(() => cache.flush(), (error) => error instanceof BlockError && /Could not write image 'disk\.img': EIO/.test(error.message));
    file.failing = false;
    assert.equal(cache.read(300, 1, new Uint8Array(512)), true);
    assert.throws(() => cache.read(SECTORS, 1, new Uint8Array(512)), RangeError);
  });
});

describe('a drive with an overlay', () => {
  it('keeps what is written in memory, and the image as it was', () => {
    const next = random(5);
    const original = noise(SECTORS * 512, 4);
    const file = new MemoryFile(original);
    const store = new LateStore(new RawImage(file, { readOnly: true }));
    const drive = new Drive(store, 'disk', 'overlay');
    const model = original.slice();
    for (let step = 0; step < 500; step++) {
      const lba = next(SECTORS), count = Math.min(1 + next(30), SECTORS - lba);
      if (next(3) === 0) {
        const bytes = noise(count * 512, step);
        until(store, next, () => drive.write(lba, bytes));
        model.set(bytes, lba * 512);
      } else {
        const target = new Uint8Array(count * 512);
        until(store, next, () => drive.read(lba, count, target));
        assert.ok(Buffer.compare(target, model.subarray(lba * 512, (lba + count) * 512)) === 0, `step ${step}`);
      }
    }
    assert.deepEqual(file.steps, [], 'nothing is written to the file');
    const copy = new Drive(new DirectStore(new RawImage(file, { readOnly: true })), 'disk', 'overlay');
    copy.overlay = structuredClone(drive.overlay);
    const all = new Uint8Array(model.length);
    copy.read(0, SECTORS, all);
    assert.ok(Buffer.compare(all, model) === 0, 'the overlay is all that there is to it');
    copy.discardOverlay();
    copy.read(0, SECTORS, all);
    assert.ok(Buffer.compare(all, original) === 0);
  });

  it('gives up blocks that are discarded', () => {
    const drive = new Drive(new DirectStore(new RawImage(new MemoryFile(noise(64 * 512, 1)), { readOnly: true })), 'disk', 'overlay');
    const written = noise(16 * 512, 2);
    drive.write(0, written);
    drive.discard(4, 12);
    assert.deepEqual([...drive.overlay].map(([block, bytes]) => [block, bytes.length]), [[0, 4096], [1, 0]]);
    const target = new Uint8Array(16 * 512);
    drive.read(0, 16, target);
    assert.deepEqual([target.subarray(0, 4096).every((byte, index) => byte === written[index]), target.subarray(4096).every((byte) => byte === 0)], [true, true]);
  });

  it('refuses writes when it is told to', () => {
    const drive = new Drive(new DirectStore(new RawImage(new MemoryFile(new Uint8Array(4096)), { readOnly: true })), 'disc', 'refuse');
    assert.equal(drive.readOnly, true);
    assert.throws(() => drive.write(0, new Uint8Array(512)), BlockError);
  });
});
