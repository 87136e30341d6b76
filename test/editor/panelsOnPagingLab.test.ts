// Every panel in a real VS Code on the sample paging-lab: what it shows, by keys alone, in three themes; the menus on memory in them, and what
// of them is there again in a window that is loaded anew.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { samples } from '../../scripts/lib/paths.mjs';
import { showPanel, visitPanels } from './harness/panelVisits';
import { useEditor } from './harness/suite';
import {
  callStack, chooseInContextMenu, foldUp, machinesView, panelFrame, reloadWindow, runCommand, screenshot, startDebugging, stopDebugging, toggleBreakpoint, variableRow, waitForLine, waitForStopped, waitUntil,
} from './harness/workbench';
import { PAGING_LAB_VISITS } from './visits/pagingLab';
import { walkTo } from './visits/ways';

const LAB = 'paging-lab: address spaces';

describe('all panels in a real VS Code, on paging-lab', function () {
  this.timeout(90_000);
  // Each test goes on where the one before left the guest.
  this.bail(true);
  const editor = useEditor(() => Promise.resolve({ folder: samples }));

  it('stops where a page is to be copied', async () => {
    const { page } = editor;
    const line = readFileSync(path.join(samples, 'paging-lab', 'paging.c'), 'utf8').split('\n').findIndex((text) => text.includes('marker: copy-frame')) + 1;
    await toggleBreakpoint(page, 'paging.c', line);
    await startDebugging(page, LAB);
    await waitForStopped(page);
    await page.keyboard.press('F5');
    await waitForLine(page, line);
  });

  it('a variable leads to the frame behind its address in Physical Memory', async () => {
    const { page } = editor;
    const row = variableRow(page, 'entry');
    await row.waitFor();
    const [, pointer = ''] = /0x([0-9a-f]+)/.exec(await row.innerText()) ?? [];
    await chooseInContextMenu(page, row, 'Show in Physical Memory');
    const panel = await showPanel(page, 'Physical Memory');
    // The kernel maps all of its memory one to one.
    const frame = `0x${(parseInt(pointer, 16) & ~0xfff).toString(16).padStart(8, '0')}`;
    await panel.locator('.detail h2').filter({ hasText: `Page ${frame}` }).waitFor();
    await panel.locator('#here').filter({ hasText: new RegExp(`^${frame}`) }).waitFor();
  });

  it('a walk in Page Tables leads to its frame there', async () => {
    const { page } = editor;
    const tables = await showPanel(page, 'Page Tables');
    await tables.locator('input[data-field=address]').fill('0x000b8000');
    await tables.locator('form[data-form=walk] button').click();
    await tables.locator('.walk h2').filter({ hasText: 'Walk of 000b8000' }).waitFor();
    await tables.locator('[data-open=frame]').click();
    const panel = await showPanel(page, 'Physical Memory');
    await panel.locator('.detail h2').filter({ hasText: 'Page 0x000b8000: Device' }).waitFor();
  });

  visitPanels('paging-lab', editor, PAGING_LAB_VISITS);

  /** Takes an entry of the menu that is open, by keys. Gives all entries. */
  async function takeFromMenu(page: Page, label: string): Promise<readonly string[]> {
    const entries = page.locator('.monaco-menu .action-item:not(.disabled) .action-label:not(.separator)');
    await entries.first().waitFor();
    const all = await entries.allInnerTexts();
    const chosen = page.locator('.monaco-menu .action-item.focused');
    for (let steps = 0; !(await chosen.count() > 0 && (await chosen.innerText()).trim() === label); steps++) {
      assert.ok(steps < 30, `the menu has ${label}: ${all.join(', ')}`);
      await page.keyboard.press('ArrowDown');
    }
    await page.keyboard.press('Enter');
    await page.locator('.monaco-menu').waitFor({ state: 'detached' });
    return all;
  }

  it('a key opens the menu of a row in Page Tables, and Break on Write to the Entry stops where it is copied', async () => {
    const { page } = editor;
    const panel = await showPanel(page, 'Page Tables');
    await walkTo(panel, '0x60000000', /read-only, user/);
    await panel.locator('.row.walked-end').click();
    await panel.locator('.row.walked-end[aria-selected=true]').waitFor();
    await panel.locator('#trees').focus();
    await page.keyboard.press('Shift+F10');
    await page.locator('.monaco-menu').waitFor();
    await screenshot(page, 'page-tables-menu');
    const all = await takeFromMenu(page, 'Break on Write to the Entry');
    for (const entry of ['View Memory Here', 'Show in Physical Memory', 'Who Wrote This?', 'Break on Write', 'Break on Access…', 'Who Wrote the Entry?', 'Copy Linear Address']) {
      assert.ok(all.includes(entry), `${entry}: ${all.join(', ')}`);
    }
    await runCommand(page, 'Run and Debug: Focus on Machines View');
    await foldUp(page, 'Variables', 'Watch', 'Breakpoints');
    const watched = machinesView(page).locator('.monaco-list-row').filter({ hasText: 'writes, 4 bytes' });
    await watched.waitFor();
    await runCommand(page, 'Notifications: Clear All Notifications');
    await runCommand(page, 'View: Focus First Editor Group');
    await page.keyboard.press('F5');
    await page.locator('.debug-call-stack, .pane').filter({ hasText: /phys:0x\w+: 0x\w+ → 0x\w+/ }).first().waitFor();
    const [top] = await waitUntil('the call stack', () => callStack(page), ([first]) => first?.name !== undefined);
    assert.match(top.place, /^paging\.c /);
  });

  it('a line of bytes in Physical Memory has them, too', async () => {
    const { page } = editor;
    const panel = await showPanel(page, 'Physical Memory');
    await panel.locator('[data-field=address]').fill('0x00100000');
    await page.keyboard.press('Enter');
    const line = panel.locator('.dump > span').nth(1);
    await line.filter({ hasText: /^00100010/ }).waitFor();
    await line.click({ button: 'right' });
    const all = await takeFromMenu(page, 'Break on Write');
    assert.ok(all.includes('Copy Address') && !all.includes('Break on Write to the Entry'), all.join(', '));
    await machinesView(page).locator('.monaco-list-row').filter({ hasText: 'phys:0x100010' }).filter({ hasText: 'writes, 16 bytes' }).waitFor();
    await screenshot(page, 'physical-memory-watched');
  });

  it('a window that is loaded anew has them as they were set up, and in the next run memory is watched again', async () => {
    const { page } = editor;
    for (const [title, tab] of [['Translations', 'profile'], ['Devices', 'events']] as const) {
      const panel = await showPanel(page, title);
      await panel.locator(`[data-tab=${tab}]`).click();
      await panel.locator(`[data-tab=${tab}][aria-selected=true]`).waitFor();
    }
    await walkTo(await showPanel(page, 'Page Tables'), '0x000b8000', /^Mapped to physical/);
    await reloadWindow(page);
    await page.locator('.tab').filter({ hasText: 'Page Tables' }).click({ timeout: 60_000 });
    await (await panelFrame(page, 'Page Tables', 60_000)).getByText('No guest is running').waitFor();
    await startDebugging(page, LAB);
    await waitForStopped(page);
    const tables = await showPanel(page, 'Page Tables');
    assert.equal(await tables.locator('input[data-field=address]').inputValue(), '0x000b8000');
    await tables.locator('.walk h2').filter({ hasText: 'Walk of 000b8000' }).waitFor();
    await (await showPanel(page, 'Translations')).locator('[data-tab=profile][aria-selected=true]').waitFor();
    await (await showPanel(page, 'Devices')).locator('[data-tab=events][aria-selected=true]').waitFor();
    for (const title of ['Page Tables', 'Translations', 'Devices']) assert.equal(await page.locator('.tab').filter({ hasText: title }).count(), 1, `there is one panel ${title}`);
    await runCommand(page, 'Run and Debug: Focus on Machines View');
    await foldUp(page, 'Call Stack');
    const lines = machinesView(page).locator('.monaco-list-row');
    for (const size of ['writes, 4 bytes', 'writes, 16 bytes']) await lines.filter({ hasText: size }).waitFor();
    await screenshot(page, 'panels-after-reload');
  });

  it('ends', async () => {
    await stopDebugging(editor.page);
  });
});
