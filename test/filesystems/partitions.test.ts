// How disks are divided, as sfdisk makes it and says it; and the disk with Debian that the guests' tests boot from.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readPartitions, type PartitionMap } from '../../src/filesystems/partitions';
import { sourceOf } from '../../src/filesystems/source';
import { entriesAt, nodeOnDisk, openDisk, reportOf } from '../../src/filesystems/volumes';
import { cache, samples } from '../../scripts/lib/paths.mjs';
import { leaveOut } from '../support/leaveOut';
import { fileSource, makeTree, requireTools, run, scratch } from './support';

const MIB = 1024 * 1024;

interface Table {
  readonly partitiontable: {
    readonly label: string; readonly id: string;
    readonly partitions: readonly { readonly node: string; readonly start: number; readonly size: number; readonly type: string; readonly name?: string; readonly bootable?: boolean }[];
  };
}

describe('filesystems: partitions', function () {
  this.timeout(60_000);
  const place = scratch();

  before(function () {
    requireTools(this, { sfdisk: 'fdisk', 'mkfs.ext4': 'e2fsprogs', 'mkfs.fat': 'dosfstools', mcopy: 'mtools' });
  });
  after(() => { place.remove(); });

  /** A disk of 64 MiB that sfdisk has divided. */
  function divided(script: string): Buffer {
    writeFileSync(place.at('disk'), new Uint8Array(64 * MIB));
    run('sfdisk', ['-q', place.at('disk')], script);
    return readFileSync(place.at('disk'));
  }

  /** That we say the same as sfdisk does. */
  function agree(map: PartitionMap): void {
    const { partitiontable: table } = JSON.parse(run('sfdisk', ['-J', place.at('disk')])) as Table;
    assert.equal(map.scheme, table.label === 'gpt' ? 'GPT' : 'MBR');
    assert.equal(map.identifier?.toLowerCase(), table.id.toLowerCase().replace(/^0x/, ''));
    assert.deepEqual(map.partitions.map(({ number, offset, bytes, code, name, active }) => [number, offset / 512, bytes / 512, code, name ?? '', active]),
      table.partitions.map(({ node, start, size, type, name, bootable }) => [Number(/\d+$/.exec(node)?.[0]), start, size, type.toLowerCase().padStart(2, '0'), name ?? '', bootable === true]));
    assert.deepEqual(map.problems, []);
  }

  const LOGICAL = 'label: dos\nlabel-id: 0x1234abcd\nsize=10M, type=c, bootable\nsize=5M, type=83\nsize=40M, type=f\nsize=8M, type=83\nsize=9M, type=82\nsize=10M, type=7\n';
  const GUIDS = 'label: gpt\nsize=10M, type=uefi, name="System"\nsize=20M, type=linux, name="Gr\u00f6\u00dfe"\nstart=100000, size=5M, type=swap\n';

  it('reads an MBR with logical partitions', async () => {
    const map = await readPartitions(sourceOf(divided(LOGICAL)));
    agree(map);
    assert.deepEqual(map.partitions.map(({ place: where, type }) => `${where} ${type}`), [
      'primary FAT32 (LBA)', 'primary Linux', 'extended extended (LBA)', 'primary Linux', 'logical Linux swap', 'logical NTFS or exFAT',
    ]);
  });

  it('reads a GPT, with its names', async () => {
    writeFileSync(place.at('script'), GUIDS);
    writeFileSync(place.at('disk'), new Uint8Array(64 * MIB));
    run('sh', ['-c', `LC_ALL=C.UTF-8 sfdisk -q ${place.at('disk')} < ${place.at('script')}`]);
    const map = await readPartitions(fileSource(place.at('disk')));
    assert.deepEqual(map.partitions.map(({ type, name }) => [type, name]), [['EFI system', 'System'], ['Linux', 'Gr\u00f6\u00dfe'], ['Linux swap', undefined]]);
    assert.equal(map.scheme, 'GPT');
    assert.deepEqual(map.problems, []);
  });

  it('takes the other copy of a GPT where one is damaged, and says so', async () => {
    const disk = divided(GUIDS.replace('Gr\u00f6\u00dfe', 'Size'));
    agree(await readPartitions(sourceOf(disk)));
    const first = Buffer.from(disk);
    first[2 * 512 + 40] ^= 1;
    const byBackup = await readPartitions(sourceOf(first));
    assert.deepEqual(byBackup.problems, ['The first copy of the GPT is damaged: this is the one at the end of the disk.']);
    assert.equal(byBackup.partitions.length, 3);
    const cut = await readPartitions(sourceOf(disk.subarray(0, 63 * MIB)));
    assert.deepEqual(cut.problems, ['The copy of the GPT at the end of the disk is damaged, or was cut off.']);
    first[disk.length - 512 + 20] ^= 1;
    const neither = await readPartitions(sourceOf(first));
    assert.equal(neither.scheme, 'MBR');
    assert.match(neither.problems.join(), /neither of its two copies is sound/);
  });

  it('says that a chain of logical partitions leads back to itself, or beyond the disk', async () => {
    const disk = divided(LOGICAL);
    const { partitions } = await readPartitions(sourceOf(disk));
    const extended = partitions[2].offset;
    // The first link's second entry leads to the next link; relative to the extended partition 0 is itself.
    const circle = Buffer.from(disk);
    circle.writeUInt32LE(0, extended + 446 + 16 + 8);
    assert.match((await readPartitions(sourceOf(circle))).problems.join(), /leads back to itself/);
    circle.writeUInt32LE(0x7fffff00, extended + 446 + 16 + 8);
    assert.match((await readPartitions(sourceOf(circle))).problems.join(), /beyond the end of the disk/);
  });

  it('says that partitions overlap, or reach beyond the end', async () => {
    const disk = divided(LOGICAL);
    disk.writeUInt32LE(200_000, 446 + 12);
    const { problems } = await readPartitions(sourceOf(disk));
    assert.ok(problems.includes('Partitions 1 and 2 overlap.'), problems.join());
    assert.ok(problems.includes('Partition 1 reaches beyond the end of the disk.'), problems.join());
  });

  it('finds the file systems in partitions, and their files by one path', async () => {
    mkdirSync(place.at('tree'));
    const tree = makeTree(place.at('tree'), { links: false, many: 3 });
    const disk = divided(LOGICAL);
    run('mkfs.ext4', ['-q', '-F', '-d', place.at('tree'), place.at('linux'), '5M']);
    run('mkfs.fat', ['-C', '-F', '12', place.at('fat'), '10240']);
    run('mcopy', ['-i', place.at('fat'), `${place.at('tree')}/README.TXT`, '::/']);
    const { partitions } = await readPartitions(sourceOf(disk));
    readFileSync(place.at('fat')).copy(disk, partitions[0].offset);
    readFileSync(place.at('linux')).copy(disk, partitions[1].offset);
    disk.write('SWAPSPACE2', (partitions.find(({ number }) => number === 5)?.offset ?? 0) + 4086);
    const opened = await openDisk(sourceOf(disk));
    const report = reportOf(opened);
    assert.deepEqual(report.volumes.map(({ key, fileSystem, named }) => `${key} ${fileSystem?.kind ?? named ?? '-'}`), [
      'partition1 FAT12', 'partition2 ext4', 'partition3 -', 'partition5 Linux swap', 'partition6 -', 'partition4 -',
    ]);
    assert.deepEqual((await entriesAt(opened, '/')).map(({ name }) => name), ['partition1', 'partition2']);
    const big = await nodeOnDisk(opened, '/partition2/big.bin', true);
    assert.deepEqual(Buffer.from(await big.read(1_000_000, 5000)), tree.get('big.bin')?.subarray(1_000_000, 1_005_000));
    assert.equal(Buffer.from(await (await nodeOnDisk(opened, 'partition1/README.TXT', true)).read(0, 99)).toString(), 'Hello.\n');
  });

  it('knows the boot sector of our sample, and says when there is none', async () => {
    const hello = await openDisk(sourceOf(readFileSync(path.join(samples, 'hello', 'hello.img'))));
    assert.match(hello.boot.story, /Shadowbox's sample hello/);
    assert.equal(hello.boot.bootable, true);
    assert.match((await openDisk(sourceOf(new Uint8Array(4096)))).boot.story, /empty/);
    const unsigned = new Uint8Array(4096).fill(0x90);
    assert.match((await openDisk(sourceOf(unsigned))).boot.story, /55 AA/);
  });
});

describe('filesystems: the disk with Debian', function () {
  this.timeout(120_000);
  const image = path.join(cache, 'guests', 'disks', 'debian-amd64.img');
  const place = scratch();

  before(function () {
    if (!existsSync(image)) leaveOut(this, 'no disk with Debian (npm run setup makes it)');
    requireTools(this, { debugfs: 'e2fsprogs', sfdisk: 'fdisk' });
  });
  after(() => { place.remove(); });

  it('has the files that debugfs finds, with the same contents', async () => {
    const source = fileSource(image);
    const disk = await openDisk(source);
    const volume = disk.volumes.find(({ content }) => content.kind === 'file-system' && content.fileSystem.facts.kind === 'ext4');
    assert.ok(volume);
    assert.match(disk.boot.story, /GRUB/);
    const device = `${image}?offset=${volume.offset}`;
    let compared = 0, bytes = 0;
    const begun = performance.now();
    for (const folder of ['etc', 'usr/lib/systemd', 'boot']) {
      const top = path.basename(folder);
      run('debugfs', ['-R', `rdump /${folder} ${place.folder}`, device]);
      const listed = run('find', [place.at(top), '-type', 'f']).trimEnd().split('\n').map((file) => path.relative(place.at(top), file));
      for (const name of listed) {
        const node = await nodeOnDisk(disk, `${volume.key}/${folder}/${Buffer.from(name, 'latin1').toString('utf8')}`, false);
        const ours = createHash('sha256').update(await node.read(0, node.bytes)).digest('hex');
        assert.equal(ours, createHash('sha256').update(readFileSync(path.join(place.at(top), Buffer.from(name, 'latin1').toString('utf8')))).digest('hex'), name);
        compared++;
        bytes += node.bytes;
      }
      const names = (await entriesAt(disk, `${volume.key}/${folder}`)).map(({ name }) => name).sort();
      const theirs = run('debugfs', ['-R', `ls -p /${folder}`, device]).split('\n').flatMap((line) => line.split('/').slice(5, 6)).filter((name) => name !== '.' && name !== '..' && name !== '').sort();
      assert.deepEqual(names, theirs);
    }
    console.log(`      ${compared} files, ${bytes} bytes the same; ${Math.round(performance.now() - begun)} ms with debugfs`);
    assert.ok(compared > 300, `only ${compared} files`);
    source.close();
  });
});
