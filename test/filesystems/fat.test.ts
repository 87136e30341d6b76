// FAT of all sizes as mkfs.fat and mtools make it.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { openFat } from '../../src/filesystems/fat';
import { nodeAt } from '../../src/filesystems/fileSystem';
import { FileSystemError, sourceOf } from '../../src/filesystems/source';
import { digests, fileSource, filesIn, makeTree, MODIFIED, pattern, requireTools, run, scratch } from './support';

const KINDS: Readonly<Record<string, { readonly options: readonly string[]; readonly kilobytes: number }>> = {
  'FAT12 on a large floppy': { options: ['-F', '12'], kilobytes: 16 * 1024 },
  'FAT16 with clusters of 2 KiB': { options: ['-F', '16', '-s', '4'], kilobytes: 40 * 1024 },
  'FAT32 with one table': { options: ['-F', '32', '-s', '1', '-f', '1'], kilobytes: 48 * 1024 },
};

describe('filesystems: FAT', function () {
  this.timeout(60_000);
  const place = scratch();
  let tree: ReadonlyMap<string, Buffer>;

  before(function () {
    requireTools(this, { 'mkfs.fat': 'dosfstools', mcopy: 'mtools' });
    mkdirSync(place.at('tree'));
    tree = makeTree(place.at('tree'), { links: false });
  });
  after(() => { place.remove(); });

  const make = ({ options, kilobytes }: (typeof KINDS)[string]): string => {
    const file = place.at('image');
    run('rm', ['-f', file]);
    run('mkfs.fat', ['-C', '-n', 'A LABEL', '-i', '1234ABCD', ...options, file, String(kilobytes)]);
    // In this order names get pieces in front of them that were others' before.
    run('mcopy', ['-i', file, '-s', '-m', `${place.at('tree')}/many`, '::/gone']);
    run('mdeltree', ['-i', file, '::/gone']);
    for (const name of ['README.TXT', 'empty', 'A long name, with spaces and more than one part.text', 'Gr\u00fc\u00dfe \u4f60\u597d.txt', 'big.bin', 'deep', 'block', 'many']) {
      run('mcopy', ['-i', file, '-s', '-m', `${place.at('tree')}/${name}`, '::/']);
    }
    return file;
  };

  for (const [title, kind] of Object.entries(KINDS)) {
    it(`reads all files of ${title}`, async () => {
      const file = make(kind);
      const source = fileSource(file);
      const found = await openFat(source);
      assert.ok(found);
      assert.equal(found.facts.kind, title.slice(0, 5));
      assert.equal(found.facts.label, 'A LABEL');
      assert.equal(found.facts.identifier, '1234-ABCD');
      assert.deepEqual(digests(await filesIn(found)), digests(tree));
      const free = /([\d ]+) bytes free/.exec(run('mdir', ['-i', file, '::/']))?.[1] ?? '';
      assert.equal(found.facts.freeBytes, Number(free.replaceAll(' ', '')));
      assert.equal((await nodeAt(found, 'block', true)).modified, MODIFIED);
      source.close();
    });
  }

  it('takes a small volume that was made as FAT32 for one, as Linux does', async () => {
    const file = place.at('small');
    run('mkfs.fat', ['-C', '-F', '32', '-s', '8', '-n', 'SMALL', file, '20480']);
    const source = fileSource(file);
    const found = await openFat(source);
    assert.deepEqual([found?.facts.kind, found?.facts.label, await found?.root.list()], ['FAT32', 'SMALL', []]);
    source.close();
  });

  it('takes the short name where the long one in front of it is another file\'s', async () => {
    const bytes = readFileSync(make(KINDS['FAT16 with clusters of 2 KiB']));
    // A system without long names has changed the short one.
    const at = bytes.indexOf('ALONGN~1TEX');
    assert.ok(at > 0);
    bytes.write('RENAMED TEX', at);
    const found = await openFat(sourceOf(bytes));
    const names = (await found?.root.list() ?? []).map(({ name }) => name);
    assert.ok(names.includes('RENAMED.TEX') && names.includes('README.TXT'), names.join());
    assert.ok(!names.some((name) => name.startsWith('A long')), names.join());
  });

  it('says that a chain is a circle', async () => {
    const file = make(KINDS['FAT16 with clusters of 2 KiB']);
    const bytes = readFileSync(file);
    const table = bytes.readUInt16LE(14) * 512;
    const source = sourceOf(bytes);
    const found = await openFat(source);
    assert.ok(found);
    const big = await nodeAt(found, 'big.bin', true);
    bytes.writeUInt16LE(big.id, table + (big.id + 4) * 2);
    await assert.rejects((await nodeAt(found, 'big.bin', true)).read(0, big.bytes), (error) => error instanceof FileSystemError && /is a circle/.test(error.message));
  });

  it('takes nothing for FAT that is not, and ends with clear errors whatever bytes are changed', async () => {
    assert.equal(await openFat(sourceOf(pattern(65536, 1))), undefined);
    assert.equal(await openFat(sourceOf(new Uint8Array(100))), undefined);
    const bytes = readFileSync(make(KINDS['FAT12 on a large floppy']));
    let refused = 0;
    for (let round = 0; round < 40; round++) {
      const changed = Buffer.from(bytes);
      const noise = pattern(64, round);
      for (let at = 0; at < 32; at++) changed[noise.readUInt16LE(at) * (round % 3 + 1)] = noise[at];
      try {
        const found = await openFat(sourceOf(changed));
        if (found !== undefined) await filesIn(found, 4_000_000);
      } catch (error) {
        assert.ok(error instanceof FileSystemError, String(error));
        refused++;
      }
    }
    assert.ok(refused > 0);
  });
});
