// The Disks panel: what glows and fades, and the whole of it in a browser on a real file system.
import assert from 'node:assert/strict';
import { eventually } from './eventually';
import { mkdirSync } from 'node:fs';
import { entriesAt, openDisk, reportOf, type OpenedDisk } from '../../src/filesystems/volumes';
import { FIRST, reduce, shownDisk, type Disk } from '../../webviews/disks/state';
import { fileSource, makeTree, requireTools, run, scratch } from '../filesystems/support';
import { accessibilityFaults } from '../support/accessibility';
import { screenshot, usePanel } from './panelPage';
import { DARK, HIGH_CONTRAST, LIGHT, PSEUDO } from './themes';

function diskOf(name: string, kind: Disk['kind'], more: Partial<Disk> = {}): Disk {
  return {
    name, kind, bus: kind === 'floppy' ? 'floppy' : 'ata', image: `/images/${name}.img`, bytes: 32 * 1024 * 1024, writes: 'overlay', overlayBytes: 8192,
    activity: { reads: 120, readBytes: 640 * 1024, writes: 7, writtenBytes: 28_672, discards: 0 }, cache: { hits: 120, fetches: 12, writes: 0 },
    zones: { reads: [5, 0, 2, 0], writes: [0, 0, 3, 0], overlay: [false, false, true, false] }, ...more,
  };
}

describe('disks: what a person sees of activity', () => {
  const heard = (state: typeof FIRST, reads: readonly number[]) => reduce(state, { type: 'disks', disks: [diskOf('disk0', 'disk', { zones: { reads, writes: [0, 0], overlay: [false, false] } })] });

  it('zones glow when something was asked of them since the last answer, and fade when not', () => {
    const first = heard(FIRST, [1, 0]);
    assert.deepEqual(first.heat.get('disk0')?.readHeat, [1, 0]);
    const second = heard(first, [1, 4]);
    const [faded, glows] = second.heat.get('disk0')?.readHeat ?? [];
    assert.ok(faded > 0 && faded < 1 && glows === 1);
    let later = second;
    for (let answer = 0; answer < 40; answer++) later = heard(later, [1, 4]);
    assert.deepEqual(later.heat.get('disk0')?.readHeat, [0, 0]);
  });

  it('another drive is shown with its directories closed, and the first where there is none of that name', () => {
    const disks = [diskOf('floppy0', 'floppy'), diskOf('disk0', 'disk')];
    const state = reduce(reduce(FIRST, { type: 'toggle', path: '/etc' }), { type: 'show', disk: 'disk0' });
    assert.deepEqual([shownDisk(state, disks)?.name, state.open], ['disk0', []]);
    assert.equal(shownDisk({ ...state, shown: 'disk7' }, disks)?.name, 'floppy0');
    assert.equal(shownDisk(FIRST, []), undefined);
  });
});

describe('disks: in a browser', function () {
  this.timeout(60_000);
  const place = scratch();
  const show = usePanel('disks', '.partition-bar');
  let disk: OpenedDisk;

  before(async function () {
    requireTools(this, { 'mkfs.ext4': 'e2fsprogs' });
    mkdirSync(place.at('tree'));
    makeTree(place.at('tree'), { many: 5 });
    run('mkfs.ext4', ['-q', '-F', '-L', 'root', '-d', place.at('tree'), place.at('disk'), '32M']);
    disk = await openDisk(fileSource(place.at('disk')));
  });
  after(() => { place.remove(); });

  it('shows each drive, what was asked of it, and its files; a disc is taken out', async () => {
    let running = false;
    const machine = [
      diskOf('disk0', 'disk', {
        zones: {
          reads: Array.from({ length: 512 }, (_, zone) => (zone % 40 < 9 ? zone : 0)), writes: Array.from({ length: 512 }, (_, zone) => (zone > 380 && zone < 400 ? 2 : 0)),
          overlay: Array.from({ length: 512 }, (_, zone) => zone > 380 && zone < 400),
        },
      }),
      diskOf('cdrom', 'cdrom', { writes: 'refuse', overlayBytes: 0 }),
    ];
    const ask = async (request: string, args: object): Promise<unknown> => {
      switch (request) {
        case 'shadowbox.summary': return { running, retired: 1, time: 1, memoryBytes: 1, frames: 1 };
        case 'shadowbox.disks': return { disks: machine };
        case 'shadowbox.diskReport': return reportOf(disk);
        case 'shadowbox.diskEntries': return { entries: await entriesAt(disk, (args as { path: string }).path) };
        case 'editor.openDiskFile': throw new Error('The file is gone.');
        default: return {};
      }
    };
    const size = { width: 1100, height: 1000 };
    await show({ ask, theme: DARK, size }, async (panel) => {
      const { page, asked } = panel;
      await eventually(async () => { assert.deepEqual(await page.locator('.tab').allInnerTexts(), ['Disk 0\ndisk0.img', 'CD-ROM\ncdrom.img']); });
      await eventually(async () => { assert.match(await page.locator('.counters').innerText(), /Reads\s+120, 640 KiB\s+Writes\s+7, 28 KiB[\s\S]*Overlay\s+8 KiB/); });
      await eventually(async () => { assert.ok(await page.locator('.cell.reads').count() > 3 && await page.locator('.cell.overlay').count() === 1); });
      await page.locator('.file-row').filter({ hasText: /^▸deep/ }).click();
      await page.locator('.file-row').filter({ hasText: /^▸er/ }).waitFor();
      await screenshot(page, 'disks-dark');
      await page.locator('.file-row').filter({ hasText: 'README.TXT' }).first().click();
      await page.locator('.notice.error').filter({ hasText: 'The file is gone.' }).waitFor();
      await page.locator('.tab').nth(1).click();
      await page.locator('[data-do=eject]').click();
      await page.locator('.facts').filter({ hasText: 'write-protected' }).first().waitFor();
      assert.deepEqual(asked.filter(({ request }) => request === 'shadowbox.changeDisc').map((each) => each.arguments), [{ drive: 'cdrom' }]);
      // While the guest runs nobody looks through its file systems again.
      running = true;
      await panel.tell('continued');
      await page.locator('.note').filter({ hasText: 'read again when the guest stops' }).waitFor();
      const before = asked.filter(({ request }) => request === 'shadowbox.diskReport').length;
      const activity = asked.filter(({ request }) => request === 'shadowbox.disks').length;
      for (let change = 0; change < 5; change++) {
        await panel.tell('shadowbox.changed');
        await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(resolve); }));
      }
      assert.equal(asked.filter(({ request }) => request === 'shadowbox.diskReport').length, before);
      assert.ok(asked.filter(({ request }) => request === 'shadowbox.disks').length > activity);
    });
    running = false;
    for (const theme of [DARK, LIGHT, HIGH_CONTRAST]) {
      await show({ ask, theme, size }, async ({ page }) => {
        await page.locator('.file-row').filter({ hasText: 'README.TXT' }).first().click();
        await page.locator('.notice.error').waitFor();
        assert.deepEqual(await accessibilityFaults(page), [], theme.bodyClass);
      });
    }
    await show({ ask, theme: PSEUDO, size }, async (panel) => {
      await panel.page.locator('.file-row').first().waitFor();
      await eventually(async () => { assert.deepEqual(await panel.untranslated(), []); });
    });
  });

  it('a floppy is taken out, another one put in, by the keyboard, also while the guest runs: what is on it is looked at anew', async () => {
    let floppy = diskOf('floppy0', 'floppy');
    const ask = async (request: string, args: object): Promise<unknown> => {
      switch (request) {
        case 'shadowbox.summary': return { running: true, retired: 1, time: 1, memoryBytes: 1, frames: 1 };
        case 'shadowbox.disks': return { disks: [floppy, diskOf('disk0', 'disk')] };
        case 'shadowbox.diskReport': return reportOf(disk);
        case 'shadowbox.diskEntries': return { entries: await entriesAt(disk, (args as { path: string }).path) };
        case 'shadowbox.changeDisc': {
          const { image, ...empty } = diskOf('floppy0', 'floppy', { bytes: 0, writes: 'refuse' });
          floppy = image === undefined ? floppy : empty;
          return {};
        }
        case 'editor.changeDisc':
          if (floppy.image !== undefined) throw new Error('It is a disk of 2.88 MB.');
          floppy = diskOf('floppy0', 'floppy', { image: '/images/second.img', writes: 'image' });
          return {};
        default: return {};
      }
    };
    await show({ ask, theme: DARK, size: { width: 1100, height: 1000 } }, async ({ page, asked }) => {
      const reports = (): readonly unknown[] => asked.filter(({ request }) => request === 'shadowbox.diskReport').map((each) => each.arguments);
      await page.locator('.file-row').first().waitFor();
      assert.deepEqual(reports(), [{ disk: 'floppy0', image: '/images/floppy0.img' }]);
      await page.getByRole('button', { name: 'Change the Floppy…' }).focus();
      await page.keyboard.press('Enter');
      await page.locator('.notice.error').filter({ hasText: 'It is a disk of 2.88 MB.' }).waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Space');
      await page.getByText('There is no floppy in this drive.').waitFor();
      assert.equal(await page.locator('[data-do=eject]').count(), 0);
      await screenshot(page, 'disks-no-floppy-dark');
      await page.keyboard.press('Enter');
      await page.getByText('/images/second.img').waitFor();
      await page.locator('.facts').filter({ hasText: 'What the guest writes goes to the image.' }).waitFor();
      await eventually(async () => { assert.deepEqual(reports().at(-1), { disk: 'floppy0', image: '/images/second.img' }); });
      await screenshot(page, 'disks-floppy-dark');
      const orders = asked.filter(({ request }) => request.endsWith('changeDisc')).map(({ request, arguments: args }) => [request, args]);
      assert.deepEqual(orders, [['editor.changeDisc', { drive: 'floppy0' }], ['shadowbox.changeDisc', { drive: 'floppy0' }], ['editor.changeDisc', { drive: 'floppy0' }]]);
    });
  });
});
