/** Which format a file is of, chains of images and their parents' identity, raw images and floppies. */
import assert from 'node:assert/strict';
import { ImageError } from '../../../src/monitor/disks/image';
import { acceptParent, copyDisk, createImage, openImage } from '../../../src/monitor/disks/open';
import { openDisk } from '../../../src/monitor/disks/storage';
import { MemoryFiles } from '../../support/memoryFiles';
import { Model, noise } from './patterns';

const MIB = 1024 * 1024;

function family(format: 'qcow2' | 'vhd' | 'vhdx'): MemoryFiles {
  const files = new MemoryFiles();
  createImage(files, 'base', { format, bytes: 2 * MIB });
  const { image } = openImage(files, 'base', { writable: true });
  image.write(1000, noise(5000, 1));
  image.close();
  createImage(files, 'child', { format, bytes: 2 * MIB, backing: 'base' });
  return files;
}

function touch(files: MemoryFiles): void {
  const { image } = openImage(files, 'base', { writable: true });
  image.write(0, Uint8Array.of(1));
  image.close();
}

describe('disk images of any format', () => {
  it('are known by their contents, whatever their name', () => {
    for (const format of ['raw', 'qcow2', 'vhd', 'vhdx'] as const) {
      const files = new MemoryFiles();
      createImage(files, 'some.img', { format, bytes: MIB });
      assert.equal(openImage(files, 'some.img', { writable: false }).image.describe().format, format);
    }
  });

  it('whose name promises a format must be of it', () => {
    for (const name of ['a.qcow2', 'a.vhd', 'a.VHDX']) {
      assert.throws(() => openImage(new MemoryFiles({ [name]: new Uint8Array(MIB) }), name, { writable: false }), (error) => error instanceof ImageError && /by its name .*damaged or cut off/.test(error.message));
    }
  });

  it('say what is wrong when they are cut off or broken', () => {
    for (const format of ['qcow2', 'vhd', 'vhdx'] as const) {
      const whole = new MemoryFiles();
      createImage(whole, 'disk', { format, bytes: 4 * MIB });
      const { bytes } = whole.at('disk');
      for (let step = 0; step < 60; step++) {
        const broken = bytes.slice(0, step % 3 === 0 ? Math.floor((bytes.length * step) / 60) : bytes.length);
        for (let at = 0; at < Math.min(broken.length, 4096); at += 61 + step) broken[at] ^= 0x55;
        // Either it is found out, or the disk can be read; nothing else is thrown.
        try {
          const { image } = openImage(new MemoryFiles({ disk: broken }), 'disk', { writable: false });
          if (image.bytes < 64 * MIB) image.read(0, new Uint8Array(image.bytes));
        } catch (error) {
          assert.ok(error instanceof ImageError, String(error));
        }
      }
    }
  });

  it('find their parent, and keep its contents', () => {
    for (const format of ['qcow2', 'vhd', 'vhdx'] as const) {
      const files = family(format);
      const { image, parent } = openImage(files, 'child', { writable: true });
      assert.equal(parent?.path, 'base');
      const model = new Model(2 * MIB);
      model.bytes.set(noise(5000, 1), 1000);
      model.compare(image, format);
      image.write(3000, new Uint8Array(100));
      model.bytes.fill(0, 3000, 3100);
      model.compare(image, format);
    }
  });

  it('notice a parent that was written to', () => {
    const vhdx = family('vhdx');
    touch(vhdx);
    assert.throws(() => openImage(vhdx, 'child', { writable: false }), /its parent was .* when the child was made, but base is .* now/);
    const vhd = family('vhd');
    vhd.at('base').modified += 60;
    assert.throws(() => openImage(vhd, 'child', { writable: false }), /its parent base was modified at .*accept-parent/);
    acceptParent(vhd, 'child');
    openImage(vhd, 'child', { writable: false }).image.close();
  });

  it('notice another one in the parent\'s place, or none', () => {
    for (const [format, message] of [['vhd', /has the identifier/], ['vhdx', /it is another one/]] as const) {
      const files = family(format);
      files.files.delete('base');
      assert.throws(() => openImage(files, 'child', { writable: false }), /its parent is not there/);
      createImage(files, 'base', { format, bytes: 2 * MIB });
      assert.throws(() => openImage(files, 'child', { writable: false }), message);
    }
  });

  it('do not build on themselves', () => {
    const files = family('qcow2');
    files.files.set('base', files.at('child'));
    assert.throws(() => openImage(files, 'child', { writable: false }), /more than 64 images/);
  });

  it('are copied from any format to any', () => {
    const formats = ['raw', 'qcow2', 'vhd', 'vhdx'] as const;
    for (const from of formats) {
      for (const to of formats) {
        const files = new MemoryFiles();
        const model = new Model(2 * MIB);
        createImage(files, 'from', { format: from, bytes: 2 * MIB });
        createImage(files, 'to', { format: to, bytes: 2 * MIB });
        const source = openImage(files, 'from', { writable: true }).image, target = openImage(files, 'to', { writable: true }).image;
        model.work(source, 10, 8);
        let told = 0;
        copyDisk(source, target, (bytes) => { told = bytes; });
        assert.equal(told, source.bytes);
        model.compare(target, `${from} to ${to}`);
      }
    }
  });

  it('raw ones end in zeros, and do not become another format by what a guest writes', () => {
    const files = new MemoryFiles({ disk: noise(1300, 1) });
    const { image } = openImage(files, 'disk', { writable: true });
    assert.equal(image.bytes, 1536);
    const last = new Uint8Array(512);
    image.read(1024, last);
    assert.ok(last.subarray(276).every((byte) => byte === 0));
    for (const [offset, text] of [[0, 'QFI\xfb'], [0, 'vhdxfile'], [1024, 'conectix']] as const) {
      assert.throws(() => image.write(offset, Uint8Array.from(text, (character) => character.charCodeAt(0))), /may not write a .* header into a raw image/);
    }
    image.write(0, noise(1536, 2));
    assert.equal(files.at('disk').size, 1536);
  });

  it('floppies are padded to their format', () => {
    const sectors = (bytes: number): number => openDisk(new MemoryFiles({ floppy: new Uint8Array(bytes) }), { path: 'floppy', writable: false, medium: 'floppy' }).bytes / 512;
    assert.deepEqual([1, 512, 368640, 737280, 1228800, 1474560, 1474561, 2949120].map(sectors), [2880, 2880, 720, 1440, 2400, 2880, 5760, 5760]);
    for (const bytes of [0, 2949121]) assert.throws(() => sectors(bytes), /1 to 2949120 bytes/);
    assert.equal(openDisk(new MemoryFiles({ cd: new Uint8Array(2049) }), { path: 'cd', writable: false, medium: 'cdrom' }).bytes, 4096);
  });

  it('an overlay in a file takes what is written, belongs to its image, and is used again', () => {
    const files = new MemoryFiles({ 'disk.img': noise(MIB, 1) });
    const request = { path: 'disk.img', writable: false, overlay: 'changes.qcow2' };
    const first = openDisk(files, request);
    first.write(0, new Uint8Array(512));
    first.close();
    assert.equal(Buffer.compare(files.at('disk.img').bytes, noise(MIB, 1)), 0);
    const again = openDisk(files, request);
    const found = new Uint8Array(1024);
    again.read(0, found);
    assert.deepEqual([found.subarray(0, 512).every((byte) => byte === 0), found[700]], [true, noise(MIB, 1)[700]]);
    files.files.set('other.img', files.at('disk.img'));
    assert.throws(() => openDisk(files, { ...request, path: 'other.img' }), /builds on disk\.img, not on other\.img/);
  });
});
