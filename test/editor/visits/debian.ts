// The panels on Debian's 64-bit kernel: what each shows of it, and a way through each by keys.
import assert from 'node:assert/strict';
import type { Frame } from 'playwright-core';
import { sourceBeside, tabTo, waitForKeys, type Visit } from '../harness/panelVisits';
import { callStack, screenshot, waitForRunning, waitForStopped, waitUntil } from '../harness/workbench';
import { chooseFaultGate, DESCRIPTOR_TABLES, devices, PHYSICAL_MEMORY, SCREEN, screenText, showExecution, waitForKinds, walkTo } from './ways';

const label = async (panel: Frame, selector: string): Promise<string> => await panel.locator(selector).first().getAttribute('aria-label') ?? '';

/** What each panel promises when the kernel stands in vfs_read, and a program reads a virtio disk. */
export const DEBIAN_VISITS: readonly Visit[] = [
  {
    title: 'Page Tables',
    shows: 'four levels beside their shadow, the process by its name, and a walk to a symbol',
    content: async (panel) => {
      await panel.locator('[data-picker]').filter({ hasText: /md5sum|sh/ }).waitFor();
      assert.match(await label(panel, '.row.table .cell.guest'), /^PML4 table, at [0-9a-f]+, \d+ of 512 present, traced/);
      assert.match(await label(panel, '.row.table .cell.shadow'), /^Shadow table #\d+, .* filled/);
      await walkTo(panel, 'vfs_read', /^Mapped to physical [0-9A-F]+: .*supervisor/);
    },
    keys: async (panel, page) => {
      await tabTo(panel, page, '#trees');
      await page.keyboard.press('End');
      await page.keyboard.press('Enter');
      // The walk's address comes into the field.
      await waitUntil('the row\'s address', () => panel.locator('[data-field=address]').inputValue(), (address) => address.startsWith('0x'));
      await page.keyboard.press('/');
      await page.keyboard.type('jiffies');
      await page.keyboard.press('Enter');
      await panel.locator('.walk .verdict').filter({ hasText: /^Mapped to physical .*writable|^Mapped to physical .*read/ }).waitFor();
      // The strip is about the walked address now: from all of 2^48 bytes to its page and back.
      await tabTo(panel, page, '[data-strip]');
      await panel.locator('.scale').filter({ hasText: '32 TiB' }).waitFor();
      for (let presses = 0; presses < 20; presses++) await page.keyboard.press('+');
      await panel.locator('.scale').filter({ hasText: '4 KiB' }).waitFor();
      await panel.locator('[data-strip][aria-valuetext*="guest mapped"][aria-valuetext*="ffffffff"]').waitFor();
      await screenshot(page, 'debian-page-tables-zoomed');
      await page.keyboard.press('0');
      await panel.locator('.scale').filter({ hasText: '32 TiB' }).waitFor();
    },
    ready: (panel) => panel.locator('.walk .verdict').waitFor(),
  },
  {
    ...PHYSICAL_MEMORY,
    shows: 'pages of every kind that Linux has, and who maps one',
    content: async (panel, page) => {
      await waitForKinds(panel, 'RAM', 'Page table', 'Code', 'Zero page', 'Untouched', 'ROM', 'Device');
      await panel.locator('[data-field=address]').fill('0x01000000');
      await page.keyboard.press('Enter');
      await panel.locator('.detail h2').filter({ hasText: 'Page 0x01000000' }).waitFor();
      // The kernel's text lies there: mapped for every process, by supervisor entries.
      await panel.locator('.detail table').filter({ hasText: /0xffffffff81000000/ }).filter({ hasText: 'supervisor' }).waitFor();
    },
  },
  {
    title: 'Registers',
    shows: '64-bit registers with the symbol that RIP points to',
    content: async (panel) => {
      await panel.locator('.mode').filter({ hasText: '64-bit mode, CPL 0' }).waitFor();
      await panel.locator('[data-row=rip]').filter({ hasText: 'vfs_read' }).waitFor();
      await panel.locator('[data-cell="cr4.pae"].on').waitFor();
    },
    keys: async (panel, page) => {
      await tabTo(panel, page, '#registers');
      await page.keyboard.press('/');
      await page.keyboard.type('lstar');
      await panel.locator('[data-row]').filter({ hasText: 'entry_SYSCALL_64' }).waitFor();
      await page.keyboard.press('Escape');
      await panel.locator('[data-row=rip]').waitFor();
    },
    ready: (panel) => panel.locator('[data-row=rip]').waitFor(),
  },
  {
    ...DESCRIPTOR_TABLES,
    shows: 'Linux’s gates by their handlers’ names, and its task-state segment',
    content: async (panel) => {
      await panel.locator('.mode').filter({ hasText: 'long mode, CPL 0' }).waitFor();
      await chooseFaultGate(panel, 'asm_exc_page_fault');
    },
  },
  {
    ...devices('line control'),
    shows: 'virtio’s registers, the lines that Linux has programmed, and the PCI bus',
    content: async (panel) => {
      await panel.locator('[data-tab=interrupts]').click();
      await panel.locator('tr').filter({ hasText: 'com1' }).filter({ hasText: 'in 4' }).waitFor();
      await panel.locator('[data-tab=pci]').click();
      await panel.locator('tr').filter({ hasText: '1af4:' }).first().waitFor();
      await panel.locator('[data-tab=events]').click();
      await panel.locator('tr').nth(1).waitFor();
    },
  },
  {
    ...SCREEN,
    shows: 'the kernel’s console as picture and as text',
    content: async (panel) => {
      await panel.locator('#surface').waitFor();
      await waitUntil('the console', () => screenText(panel), (text) => /Run \/init as init process/.test(text));
    },
  },
  {
    title: 'Disks',
    shows: 'the disk that was read, how it is divided, and its files',
    content: async (panel) => {
      await panel.locator('.facts').filter({ hasText: 'connected by virtio' }).waitFor();
      assert.match(await panel.locator('.counters').innerText(), /Reads\s+[1-9]/);
      await panel.locator('.division').filter({ hasText: 'ext4' }).waitFor();
      await panel.locator('.file-row').filter({ hasText: 'hello.asm' }).waitFor();
    },
    keys: async (panel, page) => {
      await tabTo(panel, page, '.file-row, .file-row *');
      await page.keyboard.press('Enter');
    },
    ready: (panel) => panel.locator('.file-row').first().waitFor(),
  },
  {
    title: 'Time',
    shows: 'the snapshots of the boot, what was typed, and a moment by its name',
    content: async (panel, page) => {
      await panel.locator('.where').filter({ hasText: ': the furthest moment' }).waitFor();
      await panel.locator('.snapshots .mark').nth(2).waitFor({ state: 'attached' });
      await panel.locator('[data-do=bookmark]').click();
      await panel.locator('#name').fill('md5sum reads');
      await page.keyboard.press('Enter');
      await panel.locator('.list .name.here').filter({ hasText: 'md5sum reads' }).waitFor();
    },
    keys: async (panel, page) => {
      await tabTo(panel, page, '#line');
      const source = await sourceBeside(page);
      await page.keyboard.press('ArrowLeft');
      await panel.locator('.where').filter({ hasText: 'in the past' }).waitFor({ timeout: 60_000 });
      // Snapshots are not taken where vfs_read begins.
      await waitUntil('the call stack of that moment', () => callStack(page), ([top]) => top !== undefined && top.name !== 'vfs_read');
      await waitForKeys(panel, page, '#line', source);
      await page.keyboard.press('End');
      await panel.locator('.where').filter({ hasText: ': the furthest moment' }).waitFor({ timeout: 60_000 });
    },
    ready: (panel) => panel.locator('.snapshots .mark').first().waitFor({ state: 'attached' }),
  },
  {
    title: 'Translations',
    shows: 'the kernel’s functions beside their WebAssembly, how code is run and why, and where time goes',
    content: async (panel, page) => {
      await panel.locator('[data-tab=regions]').click();
      // Which regions were run last is the translator's choice; that those of the kernel have its names is not.
      await panel.locator('[data-field=filter]').fill('0xffffffff8');
      const rows = panel.locator('#regions .row');
      await rows.filter({ hasNotText: '0xffffffff8' }).first().waitFor({ state: 'detached' });
      const kernel = rows.first();
      const name = (await kernel.locator('.name').innerText()).replace(/\+.*/, '');
      assert.match(name, /^\w+$/);
      await kernel.click();
      await panel.locator('.head h2').filter({ hasText: name }).waitFor();
      await panel.locator('#guest .code').first().waitFor();
      assert.match(await panel.locator('#wasm').innerText(), /local\.get \$r|i64\./);
      await showExecution(panel, 'Instructions retired by mode', 'Exits and causes', 'Decoded code, and what was invalidated');
      await panel.locator('[data-tab=profile]').click();
      await panel.locator('[data-profile=start]').click();
      await panel.locator('[data-profile=stop]').waitFor();
      await page.keyboard.press('F5');
      await waitForRunning(page);
      // vfs_read is on the way of each read.
      await panel.locator('#flame .bar').filter({ hasText: 'vfs_read' }).first().waitFor({ state: 'attached' });
      await page.keyboard.press('F6');
      await waitForStopped(page);
      await panel.locator('[data-profile=stop]').click();
      await panel.locator('[data-profile=start]').waitFor();
    },
    keys: async (panel, page) => {
      await tabTo(panel, page, '#flame');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      await panel.locator('.bar.chosen').waitFor();
      await tabTo(panel, page, '[role=tab]');
    },
    ready: (panel) => panel.locator('#flame .bar').first().waitFor(),
  },
];
