/** QEMU's images are read and written right, and ours are sound to QEMU and to 7-Zip. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { nodeFiles } from '../../../src/host/node/fileAccess';
import { createImage, openImage, type Creation } from '../../../src/monitor/disks/open';
import { leaveOut } from '../../support/leaveOut';
import { MemoryFile, MemoryFiles } from '../../support/memoryFiles';
import { Model, noise } from './patterns';
import { Folder, hasTool } from './qemuImg';

const MIB = 1024 * 1024;
const SIZE = 4 * MIB;

/** A disk with data, zeros and text in it. */
function content(bytes: number): Uint8Array {
  const disk = new Uint8Array(bytes);
  disk.set(noise(300_000, 5), 70_000);
  disk.set(new TextEncoder().encode('Shadowbox '.repeat(20_000)), 1_500_000);
  disk.set(noise(1000, 6), bytes - 1000);
  return disk;
}

/** QEMU's names of formats, options of qemu-img convert, and whether qemu-img can check such an image. */
const THEIRS: readonly (readonly [string, string, readonly string[]])[] = [
  ['qcow2', 'qcow2', []],
  ['qcow2, version 2', 'qcow2', ['-o', 'compat=0.10']],
  ['qcow2, clusters of 512 bytes', 'qcow2', ['-o', 'cluster_size=512']],
  ['qcow2, clusters of 2 MiB', 'qcow2', ['-o', 'cluster_size=2M']],
  ['qcow2, lazy reference counts', 'qcow2', ['-o', 'lazy_refcounts=on']],
  ['qcow2, reference counts of 1 bit', 'qcow2', ['-o', 'refcount_bits=1']],
  ['qcow2, reference counts of 64 bits', 'qcow2', ['-o', 'refcount_bits=64,cluster_size=4096']],
  ['qcow2, preallocated metadata', 'qcow2', ['-o', 'preallocation=metadata']],
  ['qcow2, preallocated', 'qcow2', ['-o', 'preallocation=full']],
  ['qcow2, compressed', 'qcow2', ['-c']],
  ['qcow2, compressed, clusters of 4 KiB', 'qcow2', ['-c', '-o', 'cluster_size=4096']],
  ['qcow2, compressed, clusters of 2 MiB', 'qcow2', ['-c', '-o', 'cluster_size=2M']],
  ['dynamic VHD', 'vpc', ['-o', 'subformat=dynamic,force_size=on']],
  ['dynamic VHD of rounded size', 'vpc', ['-o', 'subformat=dynamic']],
  ['fixed VHD', 'vpc', ['-o', 'subformat=fixed,force_size=on']],
  ['dynamic VHDX', 'vhdx', []],
  ['dynamic VHDX, blocks of 1 MiB', 'vhdx', ['-o', 'block_size=1M']],
  ['dynamic VHDX, blocks of 32 MiB', 'vhdx', ['-o', 'block_size=32M']],
  ['fixed VHDX', 'vhdx', ['-o', 'subformat=fixed,block_size=1M']],
];

/** Ours, and what QEMU calls their format. */
const OURS: readonly (readonly [string, string, Omit<Creation, 'bytes'>])[] = [
  ['qcow2', 'qcow2', { format: 'qcow2' }],
  ['qcow2, clusters of 512 bytes', 'qcow2', { format: 'qcow2', blockBytes: 512 }],
  ['qcow2, clusters of 2 MiB', 'qcow2', { format: 'qcow2', blockBytes: 2 * MIB }],
  ['fixed VHD', 'vpc', { format: 'vhd', fixed: true }],
  ['dynamic VHD', 'vpc', { format: 'vhd' }],
  ['dynamic VHDX', 'vhdx', { format: 'vhdx', blockBytes: MIB }],
  ['fixed VHDX', 'vhdx', { format: 'vhdx', fixed: true, blockBytes: MIB }],
];

describe('disk images between QEMU and Shadowbox', function () {
  this.timeout(60_000);
  this.slow(5000);
  let folder: Folder;

  before(function () {
    if (!hasTool('qemu-img')) leaveOut(this, 'no qemu-img (Debian: qemu-utils)');
    folder = new Folder();
  });
  after(() => folder?.remove());

  /** Checks by all that can. */
  function judge(name: string, format: string, model: Model): void {
    writeFileSync(folder.at('model'), model.bytes);
    if (format !== 'vpc') folder.check(name, format);
    folder.compare('model', name, format);
  }

  for (const [what, format, options] of THEIRS) {
    it(`theirs: ${what}`, () => {
      writeFileSync(folder.at('raw'), content(SIZE));
      folder.qemuImg('convert', '-f', 'raw', '-O', format, ...options, 'raw', 'theirs');
      const size = Number((JSON.parse(folder.qemuImg('info', '-f', format, '--output=json', 'theirs')) as Record<string, unknown>)['virtual-size']);
      const model = new Model(size);
      model.bytes.set(content(SIZE));
      const { image } = openImage(nodeFiles, folder.at('theirs'), { writable: true });
      assert.equal(image.bytes, size);
      model.compare(image, 'as QEMU made it');
      model.work(image, 60, 9);
      model.compare(image, 'after work');
      image.close();
      judge('theirs', format, model);
    });
  }

  for (const [what, format, creation] of OURS) {
    it(`ours: ${what}`, () => {
      const model = new Model(9 * MIB);
      const name = `ours-${what.replaceAll(' ', '-')}`;
      createImage(nodeFiles, folder.at(name), { ...creation, bytes: model.bytes.length });
      judge(name, format, model);
      const { image } = openImage(nodeFiles, folder.at(name), { writable: true });
      model.work(image, 120, 4);
      image.close();
      judge(name, format, model);
      // QEMU goes on with it.
      folder.run('qemu-io', '-f', format, '-c', 'write -P 0x5a 1000k 300k', name);
      model.bytes.fill(0x5a, 1000 * 1024, 1300 * 1024);
      const again = openImage(nodeFiles, folder.at(name), { writable: false }).image;
      model.compare(again, 'after QEMU');
      again.close();
    });
  }

  it('7-Zip reads ours', function () {
    if (!hasTool('7zz')) leaveOut(this, 'no 7zz (Debian: 7zip)');
    for (const [extension, creation] of [['qcow2', { format: 'qcow2' }], ['vhd', { format: 'vhd' }], ['vhdx', { format: 'vhdx' }]] as const) {
      const name = `seven.${extension}`;
      const model = new Model(SIZE);
      createImage(nodeFiles, folder.at(name), { ...creation, bytes: SIZE });
      const { image } = openImage(nodeFiles, folder.at(name), { writable: true });
      model.work(image, 80, 3);
      image.close();
      assert.ok(Buffer.compare(folder.run('7zz', 'e', '-so', name), model.bytes) === 0, name);
    }
  });

  it('children of qcow2 images, both ways', () => {
    const model = new Model(content(SIZE));
    writeFileSync(folder.at('base.img'), model.bytes);
    folder.qemuImg('create', '-q', '-f', 'qcow2', '-b', 'base.img', '-F', 'raw', 'theirs-child.qcow2');
    createImage(nodeFiles, folder.at('ours-child.qcow2'), { format: 'qcow2', bytes: SIZE, backing: folder.at('theirs-child.qcow2') });
    const { image } = openImage(nodeFiles, folder.at('ours-child.qcow2'), { writable: true });
    model.compare(image, 'a chain of three');
    model.work(image, 60, 12);
    image.close();
    judge('ours-child.qcow2', 'qcow2', model);
    assert.deepEqual(new Uint8Array(readFileSync(folder.at('base.img'))), content(SIZE), 'the base is as it was');
  });

  it('internal snapshots stay as they were', () => {
    const before = content(SIZE);
    writeFileSync(folder.at('raw'), before);
    for (const options of [[], ['-c'], ['-o', 'cluster_size=512,compat=0.10']]) {
      folder.qemuImg('convert', '-f', 'raw', '-O', 'qcow2', ...options, 'raw', 'snap.qcow2');
      folder.qemuImg('snapshot', '-c', 'first', 'snap.qcow2');
      const model = new Model(before);
      const { image } = openImage(nodeFiles, folder.at('snap.qcow2'), { writable: true });
      assert.deepEqual(image.describe().snapshots, ['first']);
      model.work(image, 80, 21);
      image.close();
      judge('snap.qcow2', 'qcow2', model);
      folder.qemuImg('convert', '-l', 'first', '-f', 'qcow2', '-O', 'raw', 'snap.qcow2', 'first.raw');
      assert.ok(Buffer.compare(readFileSync(folder.at('first.raw')), before) === 0, 'the snapshot');
    }
  });

  it('takes up an image whose reference counts were not written', () => {
    writeFileSync(folder.at('raw'), content(SIZE));
    folder.qemuImg('convert', '-f', 'raw', '-O', 'qcow2', '-o', 'lazy_refcounts=on', 'raw', 'dirty.qcow2');
    // A QEMU that dies leaves the dirty bit.
    spawnSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 2900k 200k', '-c', 'flush', '-c', 'abort', 'dirty.qcow2'], { cwd: folder.path });
    const model = new Model(content(SIZE));
    model.bytes.fill(7, 2900 * 1024, 3100 * 1024);
    const reading = openImage(nodeFiles, folder.at('dirty.qcow2'), { writable: false }).image;
    assert.match(reading.describe().notes.join(), /not up to date/);
    reading.close();
    const { image } = openImage(nodeFiles, folder.at('dirty.qcow2'), { writable: true });
    model.compare(image, 'after the crash');
    model.work(image, 60, 2);
    image.close();
    judge('dirty.qcow2', 'qcow2', model);
  });

  it('a VHDX log that was written and not carried out is replayed by both', () => {
    const files = new MemoryFiles();
    createImage(files, 'disk', { format: 'vhdx', bytes: 8 * MIB, blockBytes: MIB });
    const file = files.at('disk');
    const left = new MemoryFile(file.bytes);
    file.steps.length = 0;
    const { image } = openImage(files, 'disk', { writable: true });
    image.write(3 * MIB, new Uint8Array(2 * MIB).fill(9));
    image.flush();
    // The log's entry, from 1 MiB on, and after it the header that says so; the tables are not changed yet.
    const entry = file.steps.findIndex((step) => step.kind === 'write' && step.offset >= MIB && step.offset < 2 * MIB);
    const header = file.steps.findIndex((step, index) => index > entry && step.kind === 'write');
    for (const step of file.steps.slice(0, header + 1)) left.redo(step);
    const model = new Model(8 * MIB);
    model.bytes.fill(9, 3 * MIB, 5 * MIB);
    const crashed = new MemoryFiles();
    crashed.files.set('disk', left);
    const reading = openImage(crashed, 'disk', { writable: false }).image;
    assert.match(reading.describe().notes.join(), /log is not empty/);
    model.compare(reading, 'to be read');
    writeFileSync(folder.at('left.vhdx'), left.bytes);
    folder.qemuImg('check', '-r', 'all', '-f', 'vhdx', 'left.vhdx');
    judge('left.vhdx', 'vhdx', model);
    const writing = openImage(crashed, 'disk', { writable: true }).image;
    model.compare(writing, 'to be written');
    writing.close();
    writeFileSync(folder.at('left.vhdx'), left.bytes);
    judge('left.vhdx', 'vhdx', model);
  });

  it('leaves images that QEMU finds sound, wherever our process ends', () => {
    for (const [what, format, creation] of OURS) {
      const files = new MemoryFiles();
      createImage(files, 'disk', { ...creation, bytes: SIZE });
      const file = files.at('disk');
      const start = file.bytes.slice();
      file.steps.length = 0;
      const { image } = openImage(files, 'disk', { writable: true });
      new Model(SIZE).work(image, 60, 31);
      image.close();
      const replayed = new MemoryFile(start);
      file.steps.forEach((step, index) => {
        replayed.redo(step);
        if ((index * 7) % file.steps.length >= 7) return;
        writeFileSync(folder.at('crashed'), replayed.bytes);
        const crashed = new MemoryFiles();
        crashed.files.set('crashed', new MemoryFile(replayed.bytes));
        const ours = openImage(crashed, 'crashed', { writable: false }).image;
        const model = new Model(SIZE);
        ours.read(0, model.bytes);
        // QEMU replays a VHDX log only when it may write.
        if (format === 'vhdx') spawnSync('qemu-img', ['check', '-r', 'all', '-f', 'vhdx', 'crashed'], { cwd: folder.path });
        if (format !== 'vpc') folder.check('crashed', format, 'allowed');
        writeFileSync(folder.at('model'), model.bytes);
        folder.compare('model', 'crashed', format);
        assert.ok(existsSync(folder.at('crashed')), what);
      });
    }
  });

  it('refuses what is not supported, and says what to do', () => {
    const refusals: readonly (readonly [readonly string[], RegExp])[] = [
      [['-o', 'extended_l2=on'], /subclusters .*extended_l2=off/],
      [['-o', 'compression_type=zstd'], /zstd.*compression_type=zlib/],
      [['-o', 'data_file=data.raw'], /in another file.*qemu-img convert/],
    ];
    for (const [options, message] of refusals) {
      folder.qemuImg('create', '-q', '-f', 'qcow2', ...options, 'refused.qcow2', '1M');
      assert.throws(() => openImage(nodeFiles, folder.at('refused.qcow2'), { writable: false }), message);
    }
    const encrypted = readFileSync(folder.at('refused.qcow2'));
    encrypted.writeUInt32BE(2, 32);
    writeFileSync(folder.at('refused.qcow2'), encrypted);
    assert.throws(() => openImage(nodeFiles, folder.at('refused.qcow2'), { writable: false }), /encrypted/);
    for (const format of ['vmdk', 'vdi']) {
      folder.qemuImg('create', '-q', '-f', format, `refused.${format}`, '1M');
      assert.throws(() => openImage(nodeFiles, folder.at(`refused.${format}`), { writable: false }), /not supported; convert it/);
    }
  });

  it('holds disks of more than 4 GiB and 2 TiB in files with holes', () => {
    const bytes = 3 * 1024 * 1024 * MIB;
    const places = [5000 * MIB + 512, 2 * 1024 * 1024 * MIB + 4096, bytes - 512];
    for (const [name, format, creation] of [['big.raw', 'raw', { format: 'raw' }], ['big.qcow2', 'qcow2', { format: 'qcow2' }], ['big.vhdx', 'vhdx', { format: 'vhdx' }]] as const) {
      createImage(nodeFiles, folder.at(name), { ...creation, bytes });
      const { image } = openImage(nodeFiles, folder.at(name), { writable: true });
      places.forEach((place, index) => image.write(place, new Uint8Array(512).fill(index + 1)));
      image.close();
      assert.ok(statSync(folder.at(name)).blocks * 512 < 64 * MIB, `${name} takes little room`);
      const again = openImage(nodeFiles, folder.at(name), { writable: false }).image;
      places.forEach((place, index) => {
        const found = new Uint8Array(512);
        again.read(place, found);
        assert.ok(found.every((byte) => byte === index + 1));
        folder.run('qemu-io', '-r', '-f', format, '-c', `read -P ${index + 1} ${place} 512`, name);
      });
      again.close();
      truncateSync(folder.at(name));
    }
  });
});
