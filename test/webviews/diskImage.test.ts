// The editor of disk images in a browser, on a real image with real file systems: its division to scale, files, blocks, sectors.
import assert from 'node:assert/strict';
import { eventually } from './eventually';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { ImageOverview } from '../../src/extension/disks/messages';
import { blockMapOf, ImageFile } from '../../src/extension/disks/image';
import { entriesAt, reportOf } from '../../src/filesystems/volumes';
import { readPartitions } from '../../src/filesystems/partitions';
import { sourceOf } from '../../src/filesystems/source';
import { nodeFiles } from '../../src/host/node/fileAccess';
import { copyDisk, createImage, openImage } from '../../src/monitor/disks/open';
import { FIRST, reduce, restored } from '../../webviews/disk-image/state';
import { runsOf } from '../../webviews/ui/disks/strip';
import { segmentsOf } from '../../webviews/ui/disks/segments';
import { roughSize } from '../../webviews/ui/numbers';
import { makeTree, requireTools, run, scratch } from '../filesystems/support';
import { accessibilityFaults } from '../support/accessibility';
import { screenshot, usePanel, type OpenPanel } from './panelPage';
import { DARK, HIGH_CONTRAST, LIGHT, PSEUDO, type Theme } from './themes';

const MIB = 1024 * 1024;
const BYTES = 96 * MIB;

const overviewOf = (bytes: number): ImageOverview => ({
  name: 'x', path: '/x', chain: [], hexEditor: false,
  report: { bytes, scheme: 'none', volumes: [], problems: [], boot: { bootable: false, story: '' }, catalog: [] },
});

describe('disk-image: what a person does', () => {
  it('opens and closes directories, and keeps them over a reload', () => {
    const open = reduce(reduce(FIRST, { type: 'toggle', path: '/a' }, undefined), { type: 'toggle', path: '/a/b' }, undefined);
    assert.deepEqual(open.open, ['/a', '/a/b']);
    assert.deepEqual(reduce(open, { type: 'toggle', path: '/a' }, undefined).open, ['/a/b']);
    assert.deepEqual(restored({ open: ['/a', 7], sector: -1 }).open, ['/a']);
    assert.deepEqual(restored('rubbish'), FIRST);
  });

  it('goes to sectors that there are, and says which there are not', () => {
    const overview = overviewOf(10 * 512);
    assert.equal(reduce(FIRST, { type: 'sector-text', text: '0x9' }, overview).sector, 9);
    const wrong = reduce(FIRST, { type: 'sector-text', text: '10' }, overview);
    assert.deepEqual([wrong.sector, wrong.sectorWrong], [0, true]);
    assert.equal(reduce(FIRST, { type: 'sector-text', text: 'first' }, overview).sectorWrong, true);
    assert.equal(reduce(FIRST, { type: 'sector', sector: 99 }, overview).sector, 9);
  });

  it('zooms about a place that stays, inside the disk, and out to the whole of it', () => {
    const overview = overviewOf(1024 * MIB);
    const half = reduce(FIRST, { type: 'zoom', factor: 0.5, at: 0.25 }, overview);
    assert.deepEqual(half.zoom, { from: 128 * MIB, to: 640 * MIB });
    assert.equal(reduce(half, { type: 'zoom', factor: 2, at: 0.5 }, overview).zoom, undefined);
    const closest = reduce(FIRST, { type: 'zoom', factor: 1e-9, at: 1 }, overview).zoom;
    assert.deepEqual(closest, { from: 1024 * MIB - 65536, to: 1024 * MIB });
  });
});

describe('pictures of disks', () => {
  it('draw cells side by side that look the same as one, and little as more than nothing', () => {
    assert.deepEqual(runsOf([0, 1, 1, 0.001, 0, 0.5]), [{ first: 1, count: 2, level: 8 }, { first: 3, count: 1, level: 1 }, { first: 5, count: 1, level: 4 }]);
    assert.deepEqual(runsOf([]), []);
  });

  it('divide a disk without holes and overlaps, whatever its table says', () => {
    const partition = (number: number, offset: number, bytes: number) => ({
      key: `partition${number}`, offset, bytes, partition: { number, offset, bytes, type: 'Linux', code: '83', active: false, place: 'primary' as const },
    });
    const report = { ...overviewOf(1000).report, bytes: 1000, scheme: 'MBR' as const, problems: [], boot: { bootable: true, story: '' }, catalog: [] };
    const segments = segmentsOf({ ...report, volumes: [partition(1, 100, 300), partition(2, 300, 300), partition(3, 900, 500), partition(4, 2000, 10)] });
    assert.deepEqual(segments.map(({ kind, offset, bytes }) => [kind, offset, bytes]), [
      ['free', 0, 100], ['volume', 100, 300], ['volume', 400, 200], ['free', 600, 300], ['volume', 900, 100],
    ]);
  });

  it('write sizes in short', () => {
    assert.deepEqual([0, 512, 1023, 1024, 1536, 150 * 1024, 8 * 1024 ** 3].map(roughSize), ['0 B', '512 B', '1023 B', '1 KiB', '1.5 KiB', '150 KiB', '8 GiB']);
  });
});

describe('disk-image: in a browser', function () {
  this.timeout(60_000);
  const place = scratch();
  const show = usePanel('disk-image', '.partition-bar');
  let image: ImageFile | undefined;

  before(async function () {
    requireTools(this, { sfdisk: 'fdisk', 'mkfs.ext4': 'e2fsprogs', 'mkfs.fat': 'dosfstools', mcopy: 'mtools' });
    image = ImageFile.open(await makeImage());
  });
  after(() => {
    image?.close();
    place.remove();
  });

  /** A QCOW2 image on another one: an EFI system partition, Linux, swap, and room that is in none. */
  async function makeImage(): Promise<string> {
    mkdirSync(place.at('tree'));
    makeTree(place.at('tree'), { many: 30 });
    writeFileSync(place.at('disk.img'), new Uint8Array(BYTES));
    run('sfdisk', ['-q', place.at('disk.img')], 'label: gpt\nsize=12M, type=uefi, name="System"\nsize=48M, type=linux, name="root"\nsize=8M, type=swap\nsize=10M, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93C, name="strange"\n');
    run('mkfs.ext4', ['-q', '-F', '-L', 'debian', '-d', place.at('tree'), place.at('linux'), '48M']);
    run('mkfs.fat', ['-C', '-n', 'ESP', place.at('fat'), '12288']);
    run('mcopy', ['-i', place.at('fat'), `${place.at('tree')}/README.TXT`, '::/']);
    const disk = readFileSync(place.at('disk.img'));
    const { partitions } = await readPartitions(sourceOf(disk));
    readFileSync(place.at('fat')).copy(disk, partitions[0].offset);
    readFileSync(place.at('linux')).copy(disk, partitions[1].offset);
    disk.write('SWAPSPACE2', partitions[2].offset + 4086);
    writeFileSync(place.at('disk.img'), disk);
    createImage(nodeFiles, place.at('base.qcow2'), { format: 'qcow2', bytes: BYTES });
    const source = openImage(nodeFiles, place.at('disk.img'), { writable: false }).image;
    const target = openImage(nodeFiles, place.at('base.qcow2'), { writable: true }).image;
    copyDisk(source, target, () => undefined);
    target.close();
    source.close();
    createImage(nodeFiles, place.at('changes.qcow2'), { format: 'qcow2', bytes: BYTES, backing: place.at('base.qcow2') });
    return place.at('changes.qcow2');
  }

  async function ask(request: string, args: object): Promise<unknown> {
    assert.ok(image);
    const { path = '/', offset = 0, bytes = 0, from = 0, to = 0, cells = 1 } = args as Readonly<{ path?: string; offset?: number; bytes?: number; from?: number; to?: number; cells?: number }>;
    switch (request) {
      case 'shadowbox.summary': return { running: false };
      case 'image.overview': return { name: 'changes.qcow2', path: image.path, chain: image.chain, report: reportOf(await image.contents()), hexEditor: true } satisfies ImageOverview;
      case 'image.entries': return { entries: await entriesAt(await image.contents(), path) };
      case 'image.blocks': return blockMapOf(image.image, from, to, cells);
      case 'image.bytes': return { data: Buffer.from(await (await image.contents()).source.read(offset, bytes)).toString('base64') };
      case 'image.boot': throw new Error('There is nothing to boot here.');
      default: return {};
    }
  }

  async function withPanel(theme: Theme, body: (panel: OpenPanel) => Promise<void>): Promise<void> {
    await show({ ask, theme, size: { width: 1200, height: 1500 } }, body);
  }

  it('shows the chain, the division to scale, and what is in each part', () => withPanel(DARK, async ({ page }) => {
    const rows = await page.locator('.chain tbody tr').allInnerTexts();
    assert.match(rows[0], /changes\.qcow2[\s\S]*builds on the next image[\s\S]*qcow2, version 3[\s\S]*96 MiB/);
    assert.match(rows[1], /on base\.qcow2/);
    await eventually(async () => { assert.match(await page.locator('.facts').innerText(), /GPT, disk identifier [0-9a-f-]{36}/); });
    const volumes = await page.locator('.volumes tbody tr').allInnerTexts();
    assert.match(volumes[0], /Partition 1\s+EFI system.*FAT1[26]\s+ESP/s);
    assert.match(volumes[1], /Partition 2\s+Linux.*ext4\s+debian/s);
    assert.match(volumes[2], /Linux swap/);
    const widths = await page.locator('.segment.volume').evaluateAll((segments) => segments.map((segment) => segment.getBoundingClientRect().width));
    // System of 12 MiB, root of 48 MiB.
    assert.ok(Math.abs(widths[1] / widths[0] - 4) < 0.4, widths.join());
    await page.locator('.strip .cell').first().waitFor();
  }));

  it('says everything in the person\'s language', () => withPanel(PSEUDO, async (panel) => {
    await panel.page.locator('.file-row').first().waitFor();
    await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
  }));

  it('opens directories, and asks for a file to be opened', () => withPanel(DARK, async ({ page, asked }) => {
    await page.locator('.file-row').filter({ hasText: 'partition2' }).click();
    await page.locator('.file-row').filter({ hasText: /^▸deep/ }).click();
    await page.locator('.file-row').filter({ hasText: 'absolute' }).filter({ hasText: '/deep/er/and deeper/file' }).waitFor();
    await page.locator('.file-row').filter({ hasText: 'README.TXT' }).first().click();
    await page.waitForFunction(() => true);
    assert.deepEqual(asked.filter(({ request }) => request === 'image.open').map((each) => each.arguments), [{ path: '/partition2/README.TXT' }]);
    await screenshot(page, 'disk-image-dark');
  }));

  it('shows a sector, by number and by a click on a partition', () => withPanel(LIGHT, async ({ page }) => {
    await page.locator('.hex-dump').filter({ hasText: 'ee' }).waitFor();
    await page.locator('.segment.volume').first().click();
    await page.locator('.hex-dump').filter({ hasText: 'mkfs.fat' }).waitFor();
    await eventually(async () => { assert.equal(await page.locator('input[data-field=sector]').inputValue(), '2048'); });
    await page.locator('input[data-field=sector]').fill('99999999999');
    await page.locator('input[data-field=sector]').press('Enter');
    await page.locator('.sector-keys').filter({ hasText: 'Write a number from 0 to 196607' }).waitFor();
    await screenshot(page, 'disk-image-light');
  }));

  it('zooms into the blocks, and says why something could not be done', () => withPanel(HIGH_CONTRAST, async ({ page, asked }) => {
    await page.locator('[data-do=zoom-in]').click();
    await page.locator('.ruler').filter({ hasText: '24 MiB' }).waitFor();
    assert.deepEqual(asked.filter(({ request }) => request === 'image.blocks').at(-1)?.arguments, { from: BYTES / 4, to: (BYTES * 3) / 4, cells: 600 });
    await page.locator('[data-order="image.boot"]').click();
    await page.locator('.notice.error').filter({ hasText: 'There is nothing to boot here.' }).waitFor();
    await screenshot(page, 'disk-image-contrast');
  }));

  for (const theme of [DARK, LIGHT, HIGH_CONTRAST]) {
    it(`breaks no rule of accessibility, an error on it: ${theme.bodyClass}`, () => withPanel(theme, async ({ page }) => {
      await page.locator('.strip .cell').first().waitFor();
      await page.locator('.file-row').first().waitFor();
      await page.locator('[data-order="image.boot"]').click();
      await page.locator('.notice.error').waitFor();
      assert.deepEqual(await accessibilityFaults(page), []);
    }));
  }

  it('says in its map what the file holds, not more than it has', async () => {
    assert.ok(image);
    const map = await blockMapOf(image.image, 0, BYTES, 100);
    assert.equal(map.lookedTo, BYTES);
    const base = statSync(place.at('base.qcow2')).size;
    assert.ok(map.dataBytes > 0 && map.dataBytes <= base, `${map.dataBytes} of ${base}`);
    assert.ok(map.cells.every((part) => part >= 0 && part <= 1));
    const shown = map.cells.reduce((sum, part) => sum + part, 0) * (BYTES / 100);
    assert.ok(Math.abs(shown - map.dataBytes) < 1, `${shown} ${map.dataBytes}`);
  });
});
