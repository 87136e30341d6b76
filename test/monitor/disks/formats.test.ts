/** Every format against a plain array: random work, opened again, its own check; and after each prefix of what was written to the file. */
import assert from 'node:assert/strict';
import { createImage, openImage, type Creation } from '../../../src/monitor/disks/open';
import { MemoryFile, MemoryFiles, type FileStep } from '../../support/memoryFiles';
import { Model, noise, type Written } from './patterns';

const MIB = 1024 * 1024;
const SIZE = 2 * MIB + 512 * 3;

interface Variant extends Omit<Creation, 'bytes' | 'backing'> {
  readonly name: string;
  readonly child?: boolean;
}

const VARIANTS: readonly Variant[] = [
  { name: 'raw', format: 'raw' },
  { name: 'qcow2, clusters of 64 KiB', format: 'qcow2' },
  { name: 'qcow2, clusters of 512 bytes', format: 'qcow2', blockBytes: 512 },
  { name: 'qcow2, clusters of 2 MiB', format: 'qcow2', blockBytes: 2 * MIB },
  { name: 'qcow2 with a backing file', format: 'qcow2', blockBytes: 4096, child: true },
  { name: 'fixed VHD', format: 'vhd', fixed: true },
  { name: 'dynamic VHD', format: 'vhd', blockBytes: 512 * 1024 },
  { name: 'differencing VHD', format: 'vhd', blockBytes: 512 * 1024, child: true },
  { name: 'fixed VHDX', format: 'vhdx', fixed: true },
  { name: 'dynamic VHDX', format: 'vhdx', blockBytes: MIB },
  { name: 'differencing VHDX', format: 'vhdx', blockBytes: MIB, child: true },
];

/** A folder with an image 'disk' of that kind, over 'base' for a child; and what it should hold. */
function make({ child, ...creation }: Variant): { readonly files: MemoryFiles; readonly model: Model } {
  const files = new MemoryFiles();
  const model = new Model(SIZE);
  if (child === true) {
    createImage(files, 'base', { format: creation.format, bytes: SIZE });
    const base = openImage(files, 'base', { writable: true }).image;
    base.write(512, noise(MIB, 1));
    model.bytes.set(noise(MIB, 1), 512);
    base.close();
  }
  createImage(files, 'disk', { ...creation, bytes: SIZE, ...(child === true ? { backing: 'base' } : {}) });
  return { files, model };
}

/** What was on the disk when a flush had come back, by the number of steps done then, and what was written until the next one. */
interface Flush {
  readonly steps: number;
  readonly bytes: Uint8Array;
  readonly writes: Written[];
}

describe('disk formats', function () {
  this.timeout(60_000);

  for (const variant of VARIANTS) {
    it(`does as a plain array does: ${variant.name}`, () => {
      const { files, model } = make(variant);
      for (const round of [1, 2, 3]) {
        const { image } = openImage(files, 'disk', { writable: true });
        model.compare(image, `opened for round ${round}`);
        model.work(image, 120, round);
        model.compare(image, `after round ${round}`);
        image.close();
        const again = openImage(files, 'disk', { writable: false }).image;
        model.compare(again, `opened again after round ${round}`);
        assert.deepEqual(again.check().errors, []);
        for (let offset = 0; offset < again.bytes;) {
          const { bytes, zero } = again.extentAt(offset);
          assert.ok(bytes > 0 && offset + bytes <= again.bytes);
          if (zero) assert.ok(model.bytes.subarray(offset, offset + bytes).every((byte) => byte === 0), `zeros at ${offset}`);
          offset += bytes;
        }
      }
    });

    it(`keeps what was flushed, wherever the host's process ends: ${variant.name}`, () => {
      const { files, model } = make(variant);
      const file = files.at('disk');
      const start = file.bytes.slice();
      file.steps.length = 0;
      const flushes: Flush[] = [];
      const flushed = (): void => {
        const writes = flushes.at(-1)?.writes;
        writes?.push(...model.writes);
        model.writes = [];
        flushes.push({ steps: file.steps.length, bytes: model.bytes.slice(), writes: [] });
      };
      flushed();
      const { image } = openImage(files, 'disk', { writable: true });
      model.work(image, 80, 77, flushed);
      image.close();
      flushed();
      checkPrefixes(files, start, file.steps.slice(), flushes, variant);
    });
  }

  it('keeps what was flushed while the table of reference counts of a qcow2 image grows', () => {
    const files = new MemoryFiles();
    // 64 entries for 256 clusters of 512 bytes each: the table ends at 8 MiB of the file.
    createImage(files, 'disk', { format: 'qcow2', bytes: 10 * MIB, blockBytes: 512 });
    const model = new Model(10 * MIB);
    model.bytes.set(noise(7.6 * MIB, 1));
    const before = openImage(files, 'disk', { writable: true }).image;
    before.write(0, model.bytes.subarray(0, 7.6 * MIB));
    before.close();
    const file = files.at('disk');
    const start = file.bytes.slice();
    assert.ok(start.length < 8 * MIB);
    file.steps.length = 0;
    const { image } = openImage(files, 'disk', { writable: true });
    const offset = 8 * MIB, bytes = noise(MIB, 2);
    const flushes: Flush[] = [{ steps: 0, bytes: model.bytes.slice(), writes: [{ offset, bytes }] }];
    image.write(offset, bytes);
    image.close();
    model.bytes.set(bytes, offset);
    flushes.push({ steps: file.steps.length, bytes: model.bytes, writes: [] });
    assert.ok(file.steps.some((step) => step.kind === 'write' && step.offset === 48), 'the header names the new table');
    checkPrefixes(files, start, file.steps.slice(), flushes, { name: '', format: 'qcow2' });
  });
});

/** Whether a step changes the first piece of the file, where headers are. */
function isHeader(step: FileStep | undefined): boolean {
  return step?.kind === 'write' && step.offset < 512;
}

/** Opens the image as it is after each prefix of the steps: every byte is what it was at the last flush, or what was written since. */
function checkPrefixes(files: MemoryFiles, start: Uint8Array, steps: readonly FileStep[], flushes: readonly Flush[], { format }: Variant): void {
  const replayed = new MemoryFile(start);
  let last = 0;
  for (let done = 0; done <= steps.length; done++) {
    if (done > 0) replayed.redo(steps[done - 1]);
    while (last + 1 < flushes.length && flushes[last + 1].steps <= done) last++;
    if (!isHeader(steps[done - 1]) && done > 40 && done % Math.ceil(steps.length / 60) !== 0 && done !== steps.length) continue;
    const crashed = new MemoryFiles(files.files.has('base') ? { base: files.at('base').bytes } : {});
    crashed.files.set('disk', new MemoryFile(replayed.bytes));
    // An image that is only read must not need to be mended first.
    const { image } = openImage(crashed, 'disk', { writable: format !== 'vhdx' || done % 2 === 0 });
    const found = new Uint8Array(image.bytes);
    image.read(0, found);
    const { bytes, writes } = flushes[last];
    if (Buffer.compare(found, bytes) !== 0) {
      found.forEach((byte, at) => {
        if (byte === bytes[at] || writes.some((written) => written.bytes[at - written.offset] === byte)) return;
        assert.fail(`after step ${done} of ${steps.length}: byte ${at} is ${byte} instead of ${bytes[at]}`);
      });
    }
    assert.deepEqual(image.check().errors, [], `after step ${done} of ${steps.length}`);
    image.close();
  }
}
