// ext2, ext3 and ext4 as e2fsprogs makes them: every file, link and fact is what mkfs and debugfs say.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { openExt } from '../../src/filesystems/ext';
import { nodeAt } from '../../src/filesystems/fileSystem';
import { FileSystemError, sourceOf } from '../../src/filesystems/source';
import { digests, fileSource, filesIn, makeTree, MODIFIED, pattern, requireTools, run, scratch } from './support';

/** Kinds that differ in how blocks, directories and descriptors are found. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  'ext2 with blocks of 1 KiB': ['-t', 'ext2', '-b', '1024'],
  'ext2 with blocks of 4 KiB': ['-t', 'ext2', '-b', '4096'],
  ext3: ['-t', 'ext3'],
  ext4: ['-t', 'ext4'],
  'ext4 with 64-bit descriptors and checksums': ['-t', 'ext4', '-O', '64bit,metadata_csum'],
  'ext4 with inline data': ['-t', 'ext4', '-O', 'inline_data', '-I', '512'],
  'ext4 with descriptors in their groups': ['-t', 'ext4', '-O', 'meta_bg,^resize_inode', '-b', '1024', '-g', '1024', '-N', '512'],
  'ext4 with blocks of 1 KiB and small groups': ['-t', 'ext4', '-b', '1024', '-g', '2048'],
};

describe('filesystems: ext', function () {
  this.timeout(60_000);
  const place = scratch();
  let tree: ReadonlyMap<string, Buffer>;

  before(function () {
    requireTools(this, { 'mkfs.ext4': 'e2fsprogs', debugfs: 'e2fsprogs' });
    mkdirSync(place.at('tree'));
    tree = makeTree(place.at('tree'));
  });
  after(() => { place.remove(); });

  const make = (name: string, options: readonly string[], size = '32M'): string => {
    const file = place.at(name);
    run('mkfs.ext4', ['-q', '-F', '-L', 'a label', '-U', '01234567-89ab-cdef-0123-456789abcdef', '-d', place.at('tree'), ...options, file, size]);
    return file;
  };

  for (const [title, options] of Object.entries(KINDS)) {
    it(`reads all files of ${title}`, async () => {
      const source = fileSource(make('image', options));
      const found = await openExt(source);
      assert.ok(found);
      assert.equal(found.facts.kind, title.slice(0, 4));
      assert.equal(found.facts.label, 'a label');
      assert.equal(found.facts.identifier, '01234567-89ab-cdef-0123-456789abcdef');
      assert.equal(found.facts.bytes, 32 * 1024 * 1024);
      assert.deepEqual(digests(await filesIn(found)), digests(tree));
      const stats = run('debugfs', ['-R', 'stats', place.at('image')]);
      const free = Number(/Free blocks:\s+(\d+)/.exec(stats)?.[1]), block = Number(/Block size:\s+(\d+)/.exec(stats)?.[1]);
      assert.equal(found.facts.freeBytes, free * block);
      source.close();
    });
  }

  it('follows symbolic links, and says when they lead in a circle', async () => {
    const source = fileSource(make('links', KINDS['ext4 with inline data']));
    const found = await openExt(source);
    assert.ok(found);
    const link = await nodeAt(found, '/short link', false);
    assert.equal(link.kind, 'link');
    assert.equal(await link.target(), 'README.TXT');
    assert.equal(await (await nodeAt(found, '/long link', false)).target(), `deep/${'../deep/'.repeat(20)}er`);
    const absolute = await nodeAt(found, '/long link/and deeper/../../absolute', true);
    assert.deepEqual(Buffer.from(await absolute.read(0, absolute.bytes)), tree.get('deep/er/and deeper/file'));
    assert.equal((await nodeAt(found, '/README.TXT', true)).modified, MODIFIED);
    await assert.rejects(nodeAt(found, '/circle', true), /more than 40 symbolic links/);
    await assert.rejects(nodeAt(found, '/nothing/here', true), (error) => error instanceof FileSystemError && error.kind === 'not-found');
    source.close();
  });

  it('reads sparse files: holes as zeros, indirect blocks of three levels and trees of extents', async () => {
    const end = 70_000_000;
    for (const kind of ['ext2 with blocks of 1 KiB', 'ext4 with blocks of 1 KiB and small groups']) {
      const file = make('sparse', KINDS[kind], '48M');
      const holey = place.at('holey');
      writeFileSync(holey, '');
      truncateSync(holey, end);
      // Every second block of a stretch, so that an extent has one block, and their tree two levels; and far behind.
      const contents = Buffer.alloc(end);
      for (let block = 0; block < 1200; block++) pattern(1024, block).copy(contents, block * 2048);
      pattern(3000, 9).copy(contents, end - 3000);
      writeFileSync(holey, contents);
      // debugfs leaves zeros out when it copies a file in.
      run('debugfs', ['-w', '-f', '-', file], `write ${holey} holey\n`);
      const source = fileSource(file);
      const found = await openExt(source);
      assert.ok(found);
      const node = await nodeAt(found, 'holey', true);
      assert.equal(node.bytes, end);
      assert.ok(Buffer.from(await node.read(0, end)).equals(contents), kind);
      assert.deepEqual(Buffer.from(await node.read(end - 1500, 4000)), contents.subarray(end - 1500));
      source.close();
    }
  });

  it('reads what is allocated and was never written as zeros', async () => {
    const file = make('allocated', ['-t', 'ext4', '-b', '4096']);
    // The blocks that the new file gets are full of something.
    const full = place.at('full');
    writeFileSync(full, pattern(8_000_000, 5));
    run('debugfs', ['-w', '-f', '-', file], `write ${full} full\nrm full\nwrite /dev/null reserved\nfallocate reserved 0 1900\nset_inode_field reserved size 7782400\n`);
    const source = fileSource(file);
    const found = await openExt(source);
    assert.ok(found);
    const node = await nodeAt(found, 'reserved', true);
    assert.equal(node.bytes, 1900 * 4096);
    assert.ok((await node.read(0, node.bytes)).every((byte) => byte === 0));
    source.close();
  });

  it('says that a file system that is mounted has a journal that was not replayed', async () => {
    const bytes = readFileSync(make('mounted', ['-t', 'ext4']));
    bytes[1024 + 0x60] |= 4;
    const found = await openExt(sourceOf(bytes));
    assert.match(found?.facts.notes.join() ?? '', /not unmounted/);
  });

  it('refuses features that it does not know, and damaged superblocks, in words', async () => {
    const bytes = readFileSync(make('strange', ['-t', 'ext4']));
    const strange = Buffer.from(bytes);
    strange[1024 + 0x63] = 0x40;
    await assert.rejects(openExt(sourceOf(strange)), /features that are not supported \(incompatible features 40000000h\)/);
    const damaged = Buffer.from(bytes);
    damaged.writeUInt32LE(0, 1024 + 0x20);
    await assert.rejects(openExt(sourceOf(damaged)), /superblock is damaged/);
  });

  it('ends with clear errors, and does not hang, whatever bytes are changed', async () => {
    const bytes = readFileSync(make('fuzzed', KINDS['ext2 with blocks of 1 KiB'], '8M'));
    let refused = 0;
    for (let round = 0; round < 60; round++) {
      const changed = Buffer.from(bytes);
      const noise = pattern(64, round);
      // The first blocks hold descriptors and inodes; what follows directories and indirect blocks.
      for (let at = 0; at < 32; at++) changed[1024 + noise.readUInt16LE(at) * (round % 8 + 1)] = noise[at];
      try {
        const found = await openExt(sourceOf(changed));
        if (found !== undefined) await filesIn(found, 4_000_000);
      } catch (error) {
        assert.ok(error instanceof FileSystemError, String(error));
        refused++;
      }
    }
    assert.ok(refused > 0);
  });
});
