/** Raw images: padding, overlay, write policies, failing host files, geometry. */
import assert from 'node:assert/strict';
import { BlockError } from '../../../src/monitor/devices/device';
import type { FileAccess, RawImage } from '../../../src/monitor/disks/image';
import { guessGeometry, openDisk, openFloppy } from '../../../src/monitor/disks/image';

class MemoryFile implements FileAccess {
  failing = false;

  constructor(readonly bytes: Uint8Array) {}

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, target: Uint8Array): void {
    this.#check(offset, target.length);
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  write(offset: number, source: Uint8Array): void {
    this.#check(offset, source.length);
    this.bytes.set(source, offset);
  }

  #check(offset: number, count: number): void {
    if (this.failing) throw new Error('EIO');
    assert.ok(offset >= 0 && offset + count <= this.size, 'the file is never asked beyond its size');
  }
}

function createFile(size: number): MemoryFile {
  return new MemoryFile(Uint8Array.from({ length: size }, (_, index) => (index >> 9) + 1));
}

function read(image: RawImage, lba: number, count = 1): Uint8Array {
  const target = new Uint8Array(count * 512).fill(0xee);
  image.read(lba, count, target);
  return target;
}

describe('raw image', () => {
  it('reads the file, with zeros behind its end', () => {
    const image = openDisk(createFile(1300), { name: 'a', writes: 'overlay' });
    assert.equal(image.sectors, 3);
    const bytes = read(image, 1, 2);
    assert.deepEqual([bytes[0], bytes[511], bytes[512], bytes[512 + 275], bytes[512 + 276], bytes[1023]], [2, 2, 3, 3, 0, 0]);
  });

  it('keeps writes in the overlay, and the file as it was', () => {
    const file = createFile(2048);
    const image = openDisk(file, { name: 'a', writes: 'overlay' });
    const source = new Uint8Array(1024).fill(0x77);
    image.write(1, source);
    source.fill(0);
    assert.deepEqual([read(image, 0)[0], read(image, 1)[0], read(image, 2)[511], read(image, 3)[0]], [1, 0x77, 0x77, 4]);
    assert.deepEqual([...file.bytes].filter((byte) => byte === 0x77), []);
    const other = openDisk(file, { name: 'a', writes: 'overlay' });
    other.overlay = structuredClone(image.overlay);
    assert.deepEqual(read(other, 0, 4), read(image, 0, 4));
  });

  it('writes the file when told to, and refuses when told to', () => {
    const file = createFile(1024);
    const image = openDisk(file, { name: 'a', writes: 'file' });
    image.write(1, new Uint8Array(512).fill(9));
    assert.equal(file.bytes[512], 9);
    assert.equal(image.overlay.size, 0);
    const refusing = openDisk(file, { name: 'a', writes: 'refuse' });
    assert.equal(refusing.readOnly, true);
    assert.throws(() => refusing.write(0, new Uint8Array(512)), BlockError);
    assert.throws(() => openDisk(createFile(1000), { name: 'odd.img', writes: 'file' }), /odd\.img.*1000 bytes.*pad/);
  });

  it('names the image and the sector when the host\'s file fails', () => {
    const file = createFile(2048);
    const image = openDisk(file, { name: 'disk.img', writes: 'overlay' });
    file.failing = true;
    assert.throws(() => read(image, 3), (error) => error instanceof BlockError && /sector 3 of image 'disk.img': EIO/.test(error.message));
  });

  it('does not go outside of itself', () => {
    const image = openDisk(createFile(1024), { name: 'a', writes: 'overlay' });
    assert.throws(() => read(image, 1, 2), RangeError);
    assert.throws(() => read(image, -1), RangeError);
    assert.throws(() => image.write(2, new Uint8Array(512)), RangeError);
    assert.throws(() => openDisk(createFile(0), { name: 'nil', writes: 'overlay' }), /'nil' is empty/);
  });

  it('takes a boot sector for a 1.44 MB floppy, and knows the sizes of others', () => {
    const floppy = (size: number): RawImage => openFloppy(createFile(size), { name: 'f', writes: 'overlay' });
    const boot = floppy(512);
    assert.equal(boot.sectors, 2880);
    assert.equal(read(boot, 0)[0], 1);
    assert.ok(read(boot, 1, 2879).every((byte) => byte === 0));
    assert.deepEqual([1, 368640, 737280, 1228800, 1474560, 1474561, 2949120].map((size) => floppy(size).sectors),
      [2880, 720, 1440, 2400, 2880, 5760, 5760]);
    assert.throws(() => floppy(2949121), /1 to 2949120 bytes/);
    assert.throws(() => floppy(0), /0 bytes/);
  });

  it('guesses geometry', () => {
    assert.deepEqual(guessGeometry(2880), { cylinders: 80, heads: 2, sectorsPerTrack: 18 });
    assert.deepEqual(guessGeometry(100_000), { cylinders: 99, heads: 16, sectorsPerTrack: 63 });
    assert.deepEqual(guessGeometry(4_000_000), { cylinders: 992, heads: 64, sectorsPerTrack: 63 });
    assert.deepEqual(guessGeometry(100_000_000), { cylinders: 1024, heads: 255, sectorsPerTrack: 63 });
  });
});
