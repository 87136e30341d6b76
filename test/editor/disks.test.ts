// Disks and machines in a real VS Code: the editor for images, the Disks panel and the view Machines, as a person sees them; images that are mounted
// as folders.
import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { cache, samples } from '../../scripts/lib/paths.mjs';
import { requireTools, run } from '../filesystems/support';
import { useEditor } from './harness/suite';
import { chooseInContextMenu, chooseTheme, foldUp, machinesView, openPalette, panelFrame, runCommand, screenshot, stopDebugging, waitForEnd, waitForStopped, waitUntil } from './harness/workbench';
import { screenText } from './visits/ways';

/** Presses a button that a line of the view shows under the mouse; its label may say a key, too. */
async function pressOn(row: Locator, button: string): Promise<void> {
  await row.hover();
  await row.locator(`.action-label[aria-label^="${button}"]`).click();
}

/** The kinds of images besides plain ones, by their files' ends: as qemu-img names them. */
const FORMATS = { qcow2: 'qcow2', vhd: 'vpc', vhdx: 'vhdx' } as const;

const LONG_MS = 60_000;

/**
 * Mounts an image of the folder; gives the line of its own folder. A window of one folder loads itself anew as one of several, and under load
 * VS Code may read the new workspace's file while it is still writing to it: it says that there is no folder then, until the window is loaded once more.
 */
async function mountImage(page: Page, rows: Locator, image: string): Promise<Locator> {
  const isAlone = !page.url().includes('.code-workspace');
  // Where the folder of an image that is mounted has its name already, the image comes behind it.
  await chooseInContextMenu(page, rows.filter({ hasText: image }).last(), 'Mount Disk Image in Explorer');
  if (isAlone) await page.waitForURL(/\.code-workspace/, { timeout: LONG_MS });
  // A folder, which a file of the name is not.
  const root = rows.and(page.locator('[aria-level="1"][aria-expanded]')).filter({ hasText: image });
  const nothing = page.locator('.pane-header', { hasText: 'No Folder Opened' });
  await root.or(nothing).first().waitFor({ timeout: LONG_MS });
  if (await nothing.isVisible()) await page.reload();
  await root.waitFor({ timeout: LONG_MS });
  return root;
}

describe('disks and machines in a real VS Code', function () {
  this.timeout(90_000);
  this.bail(true);
  let folder = '';
  const editor = useEditor(async (context, temporary) => {
    requireTools(context, { 'mkfs.ext4': 'e2fsprogs', 'mkfs.fat': 'dosfstools', mcopy: 'mtools', xorriso: 'xorriso' });
    folder = await temporary(path.join(cache, 'disks-'));
    cpSync(path.join(samples, 'hello', 'hello.img'), path.join(folder, 'boot.img'));
    run('mkfs.ext4', ['-q', '-F', '-L', 'files', '-d', path.join(samples, 'hello'), path.join(folder, 'files.img'), '16M']);
    const [fat, source] = [path.join(folder, 'floppy.img'), path.join(samples, 'hello', 'hello.asm')];
    run('mkfs.fat', ['-C', '-n', 'NOTES', fat, '1440']);
    run('mcopy', ['-i', fat, source, '::/HELLO.ASM']);
    run('xorriso', ['-as', 'mkisofs', '-quiet', '-R', '-J', '-V', 'DISC', '-o', path.join(folder, 'disc.iso'), path.join(samples, 'hello')]);
    return { folder };
  });

  it('an image opens in its editor, and a file in it in a text editor', async () => {
    const { page } = editor;
    // A file that is opened before VS Code has read what its extensions contribute is opened as text.
    await runCommand(page, 'View: Show Run and Debug');
    await page.locator('.pane-header').filter({ hasText: 'Machines' }).waitFor();
    await runCommand(page, 'View: Show Explorer');
    await page.locator('.explorer-folders-view .monaco-list-row').filter({ hasText: 'files.img' }).dblclick();
    const image = await panelFrame(page, 'files.img');
    await image.locator('.volumes').filter({ hasText: 'ext4' }).waitFor();
    assert.match(await image.locator('.facts').innerText(), /Boot sector\s*The first sector is empty/);
    await image.locator('.file-row').filter({ hasText: 'hello.asm' }).waitFor();
    await screenshot(page, 'disk-image-editor');
    await image.locator('.file-row').filter({ hasText: 'hello.asm' }).click();
    await page.locator('.tab.active').filter({ hasText: 'hello.asm' }).waitFor();
    await page.locator('.view-line').filter({ hasText: 'boot sector' }).first().waitFor();
  });

  it('so does one of every other format, and a disc, with the same files in it', async function () {
    requireTools(this, { 'qemu-img': 'qemu-utils' });
    const { page } = editor;
    for (const [end, format] of Object.entries(FORMATS)) run('qemu-img', ['convert', '-O', format, path.join(folder, 'files.img'), path.join(folder, `other.${end}`)]);
    await runCommand(page, 'View: Show Explorer');
    for (const name of [...Object.keys(FORMATS).map((end) => `other.${end}`), 'disc.iso']) {
      const entry = page.locator('.explorer-folders-view .monaco-list-row').and(page.getByRole('treeitem', { name, exact: true }));
      await entry.waitFor();
      await entry.dblclick();
      const image = await panelFrame(page, name);
      await image.locator('.file-row').filter({ hasText: 'hello.asm' }).waitFor();
      await image.locator('.volumes').filter({ hasText: name === 'disc.iso' ? 'ISO 9660' : 'ext4' }).waitFor();
      await screenshot(page, `disk-image-${path.extname(name).slice(1)}`);
    }
    await runCommand(page, 'View: Close All Editors');
  });

  it('the view Machines offers what lies in the folder, and starts it', async () => {
    const { page } = editor;
    await runCommand(page, 'View: Show Run and Debug');
    const pane = machinesView(page);
    // In a folder without launch.json VS Code folds up all views but its own.
    if (await pane.locator('.pane-header').getAttribute('aria-expanded') !== 'true') await pane.locator('.pane-header').click();
    const rows = pane.locator('.monaco-list-row');
    await rows.filter({ hasText: 'Boot boot.img' }).waitFor();
    // Without a boot sector files.img is no machine.
    assert.equal(await rows.filter({ hasText: 'files.img' }).count(), 0);
    await pressOn(rows.filter({ hasText: 'Boot boot.img' }), 'Start');
    await waitForStopped(page);
    await rows.filter({ hasText: 'stopped' }).waitFor();
    await rows.filter({ hasText: 'floppy0' }).filter({ hasText: 'boot.img' }).waitFor();
    await rows.filter({ hasText: 'Snapshots' }).waitFor();
    await screenshot(page, 'machines-view');
  });

  it('moments of the run get names in the view Machines, are gone to, and lose them again', async () => {
    const { page } = editor;
    const rows = machinesView(page).locator('.monaco-list-row');
    const snapshots = rows.filter({ hasText: 'Snapshots' });
    // The view has room for its lines where others are folded up.
    await foldUp(page, 'Watch', 'Breakpoints');
    await pressOn(snapshots, 'Add Bookmark…');
    await page.locator('.quick-input-widget input[type=text]').fill('the start');
    await page.keyboard.press('Enter');
    await snapshots.locator('.monaco-tl-twistie').click();
    const start = rows.filter({ hasText: 'the start' });
    await start.filter({ hasText: '(here)' }).waitFor();
    for (const [name, theme, body] of [['dark', 'Dark 2026', 'vs-dark'], ['high-contrast', 'Dark High Contrast', 'hc-black'], ['light', 'Light 2026', 'vs']] as const) {
      await chooseTheme(page, theme);
      await page.locator(`.monaco-workbench.${body}`).waitFor();
      await screenshot(page, `machines-moments-${name}`);
    }
    await page.keyboard.press('F11');
    await start.filter({ hasNotText: '(here)' }).waitFor();
    await pressOn(start, 'Go There');
    await start.filter({ hasText: '(here)' }).waitFor();
    await pressOn(snapshots, 'Go to the Furthest Moment');
    await start.filter({ hasNotText: '(here)' }).waitFor();
    await pressOn(start, 'Remove Bookmark');
    await start.waitFor({ state: 'detached' });
  });

  it('the Disks panel shows what the BIOS reads', async () => {
    const { page } = editor;
    await runCommand(page, 'Shadowbox: Show Disks');
    const panel = await panelFrame(page, 'Disks');
    await panel.locator('.facts').filter({ hasText: 'sample hello' }).waitFor();
    await page.keyboard.press('F5');
    await waitUntil('the boot sector to be read', () => panel.locator('.counters').innerText(), (text) => /Reads\s+1, 512 B/.test(text));
    await page.locator('.pane .monaco-list-row').filter({ hasText: 'Boot boot.img' }).filter({ hasText: 'running' }).waitFor();
    await screenshot(page, 'disks-panel');
    await page.keyboard.press('Shift+F5');
    await panel.locator('.notice').filter({ hasText: 'No guest is running' }).waitFor();
    await waitForEnd(page);
  });

  it('an image is booted by a right click in the explorer', async () => {
    const { page } = editor;
    await runCommand(page, 'View: Show Explorer');
    await chooseInContextMenu(page, page.locator('.explorer-folders-view .monaco-list-row').filter({ hasText: 'boot.img' }), 'Boot in Shadowbox');
    const screen = await panelFrame(page, 'Screen');
    await waitUntil('what the boot sector writes', () => screenText(screen), (text) => text.includes('Hello from the boot sector!'));
    // By the mouse: the keyboard may be with the guest's screen.
    await page.locator('.debug-toolbar a.codicon-debug-pause').waitFor();
    await page.locator('.debug-toolbar a.codicon-debug-stop').click();
    await waitForEnd(page);
    await page.locator('.statusbar-item[id*="shadowbox.status"]').waitFor({ state: 'hidden' });
  });

  it('Run and Debug offers what can be booted, without a launch.json', async () => {
    const { page } = editor;
    await openPalette(page);
    // As 'Debug: Select and Start Debugging' opens it.
    await page.locator('.quick-input-widget input[type=text]').fill('debug ');
    const rows = page.locator('.quick-input-widget .monaco-list-row');
    await rows.filter({ hasText: 'Shadowbox (x86 guest)' }).click();
    await rows.filter({ hasText: 'Boot boot.img' }).waitFor();
    assert.equal(await rows.filter({ hasText: 'files.img' }).count(), 0, 'it has no boot sector');
    await rows.filter({ hasText: 'Boot boot.img' }).click();
    await page.locator('.debug-toolbar a.codicon-debug-continue').waitFor();
    await stopDebugging(page);
  });

  for (const [kind, image, file] of [['FAT', 'floppy.img', 'HELLO.ASM'], ['ISO 9660', 'disc.iso', 'hello.asm']] as const) {
    it(`an image with ${kind} is mounted as a folder of the explorer, and a file in it opens`, async () => {
      const { page } = editor;
      await runCommand(page, 'View: Show Explorer');
      const rows = page.locator('.explorer-folders-view .monaco-list-row');
      await runCommand(page, 'View: Close All Editors');
      const root = await mountImage(page, rows, image);
      // The folder of this suite has no such file, and its images are no folders.
      const entry = rows.filter({ hasText: new RegExp(`^${file}$`) }).last();
      await waitUntil(`the folder of ${image} to open`, async () => {
        // A tree that has just been made anew may lose a click.
        if (await root.getAttribute('aria-expanded') === 'false') await root.click();
        return entry.waitFor({ timeout: 5000 }).then(() => true, () => false);
      }, (open) => open, LONG_MS);
      await entry.dblclick();
      await page.locator('.tab.active').filter({ hasText: file }).waitFor();
      const [first] = readFileSync(path.join(samples, 'hello', 'hello.asm'), 'utf8').split('\n');
      await page.locator('.view-line').filter({ hasText: first.trim() }).first().waitFor();
      await page.locator('.breadcrumbs-control').filter({ hasText: image }).waitFor();
      await screenshot(page, `mounted-${kind.slice(0, 3).toLowerCase()}`);
    });
  }
});
