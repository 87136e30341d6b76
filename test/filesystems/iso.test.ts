// ISO 9660 as xorriso makes it, with Rock Ridge, with Joliet, and with neither; and what a CD boots.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { bootCatalog } from '../../src/filesystems/elTorito';
import { nodeAt } from '../../src/filesystems/fileSystem';
import { openIso } from '../../src/filesystems/iso';
import { FileSystemError, sourceOf } from '../../src/filesystems/source';
import { digests, fileSource, filesIn, makeTree, MODIFIED, pattern, requireTools, run, scratch } from './support';

const DEEP = 'one/two/three/four/five/six/seven/eight/nine/ten/eleven';

describe('filesystems: ISO 9660', function () {
  this.timeout(60_000);
  const place = scratch();
  let tree: Map<string, Buffer>;

  before(function () {
    requireTools(this, { xorriso: 'xorriso' });
    mkdirSync(`${place.at('tree')}/${DEEP}`, { recursive: true });
    tree = new Map(makeTree(place.at('tree')));
    const boot = pattern(2048, 77);
    run('tee', [`${place.at('tree')}/boot.bin`], boot.toString('latin1').replaceAll(/[^ -~]/g, 'x'));
    tree.set('boot.bin', readFileSync(`${place.at('tree')}/boot.bin`));
    run('cp', [`${place.at('tree')}/README.TXT`, `${place.at('tree')}/${DEEP}/deepest`]);
    tree.set(`${DEEP}/deepest`, Buffer.from('Hello.\n'));
  });
  after(() => { place.remove(); });

  const make = (options: readonly string[]): string => {
    run('xorriso', ['-as', 'mkisofs', '-quiet', '-V', 'A_LABEL', '-o', place.at('image.iso'), ...options, place.at('tree')]);
    return place.at('image.iso');
  };

  it('reads all files by the names of Rock Ridge, with links', async () => {
    const source = fileSource(make(['-R']));
    const found = await openIso(source);
    assert.ok(found);
    assert.equal(found.facts.kind, 'ISO 9660 with Rock Ridge');
    assert.equal(found.facts.label, 'A_LABEL');
    assert.deepEqual(digests(await filesIn(found)), digests(tree));
    assert.equal(await (await nodeAt(found, 'long link', false)).target(), `deep/${'../deep/'.repeat(20)}er`);
    assert.equal((await nodeAt(found, 'deep/absolute', false)).kind, 'link');
    assert.equal((await nodeAt(found, 'deep/absolute', true)).bytes, 70_000);
    assert.equal((await nodeAt(found, 'block', true)).modified, MODIFIED);
    source.close();
  });

  it('finds directories that were moved because they were too deep', async () => {
    run('xorriso', ['-as', 'mkisofs', '-quiet', '-R', '-hide-rr-moved', '-o', place.at('moved.iso'), place.at('tree')]);
    const moved = fileSource(place.at('moved.iso'));
    const found = await openIso(moved);
    assert.ok(found);
    // Each is where it belongs, and nothing where it was moved to.
    assert.deepEqual(digests(await filesIn(found)), digests(tree));
    moved.close();
  });

  it('reads all files by the names of Joliet', async () => {
    const source = fileSource(make(['-J', '-joliet-long', '--norock']));
    const found = await openIso(source);
    assert.ok(found);
    assert.equal(found.facts.kind, 'ISO 9660 with Joliet');
    assert.deepEqual(digests(await filesIn(found)), digests(tree));
    source.close();
  });

  it('reads the plain names, where there are no others', async () => {
    const source = fileSource(make(['--norock', '-iso-level', '1']));
    const found = await openIso(source);
    assert.ok(found);
    assert.equal(found.facts.kind, 'ISO 9660');
    assert.equal(Buffer.from(await (await nodeAt(found, 'README.TXT', true)).read(0, 100)).toString(), 'Hello.\n');
    assert.equal((await nodeAt(found, 'BIG.BIN', true)).bytes, 3_300_001);
    source.close();
  });

  it('says what a CD boots, on which platform', async () => {
    const source = fileSource(make(['-R', '-b', 'boot.bin', '-no-emul-boot', '-boot-load-size', '4', '-eltorito-alt-boot', '-e', 'block', '-no-emul-boot']));
    const catalog = await bootCatalog(source);
    assert.deepEqual(catalog.map(({ platform, emulation, bootable, bytes }) => ({ platform, emulation, bootable, bytes })), [
      { platform: 'x86 BIOS', emulation: 'no emulation', bootable: true, bytes: 2048 }, { platform: 'UEFI', emulation: 'no emulation', bootable: true, bytes: 4096 },
    ]);
    assert.deepEqual(Buffer.from(await source.read(catalog[0].offset, 2048)).subarray(0, 8), tree.get('boot.bin')?.subarray(0, 8));
    source.close();
  });

  it('ends with clear errors, and does not hang, when a directory contains itself', async () => {
    const bytes = readFileSync(make(['-R']));
    const found = await openIso(sourceOf(bytes));
    assert.ok(found);
    // The record of 'deep' is the first with its extent; it gets the root's own.
    const deep = await nodeAt(found, 'deep', true);
    let at = found.root.id * 2048;
    while (bytes.readUInt32LE(at) !== deep.id || bytes.readUInt32BE(at + 4) !== deep.id) at++;
    bytes.writeUInt32LE(found.root.id, at);
    const again = await openIso(sourceOf(bytes));
    assert.ok(again);
    await assert.rejects(filesIn(again), (error) => error instanceof FileSystemError && /contains itself/.test(error.message));
  });
});
