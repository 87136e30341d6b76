/** The scene paging-lab: a kernel in C with its source, stopped where it copies a page on write. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { samples } from '../../../scripts/lib/paths.mjs';
import { callStack, foldUp, machinesView, panelFrame, runCommand, startDebugging, stopDebugging, toggleBreakpoint, waitForLine, waitForStopped, waitUntil } from '../harness/workbench';
import type { Camera } from './camera';
import { askConsole, setExceptionFilter, widenSideBar } from './window';

const CONFIGURATION = 'paging-lab: address spaces';
/** Where the code of each task begins (layout.h). */
const USER_CODE = '0x40000000';
/** Nobody waits for pictures: a computer may have much else to do. */
const SLOW_MS = 180_000;

/** The line of paging.c with this marker, from 1. */
function markedLine(marker: string): number {
  return readFileSync(path.join(samples, 'paging-lab', 'paging.c'), 'utf8').split('\n').findIndex((line) => line.includes(`marker: ${marker}`)) + 1;
}

async function onward(page: Page, line: number): Promise<void> {
  await page.keyboard.press('F5');
  await waitForLine(page, line);
}

export async function pagingLab(page: Page, camera: Camera): Promise<void> {
  const copying = markedLine('copy-frame');
  const released = markedLine('copy-release');
  await toggleBreakpoint(page, 'paging.c', copying);
  await toggleBreakpoint(page, 'paging.c', released);
  await startDebugging(page, CONFIGURATION);
  await waitForStopped(page, SLOW_MS);
  await onward(page, copying);
  await onward(page, released);
  await runCommand(page, 'Shadowbox: Show Page Tables');
  const tables = await panelFrame(page, 'Page Tables');
  await tables.locator('input[data-field=address]').fill(USER_CODE);
  await tables.locator('form[data-form=walk] button').click();
  await tables.locator('.walk .verdict').waitFor();
  await waitUntil('the call stack', () => callStack(page), ({ length }) => length > 2);
  await runCommand(page, 'View: Toggle Panel Visibility');
  await camera.window('paging-lab');

  for (const part of [showPanel, pageFault, whoWrote, registers, descriptorTables, time, machines]) await camera.step(() => part(page, camera));
  await stopDebugging(page);
}

async function showPanel(page: Page, camera: Camera): Promise<void> {
  await page.locator('.statusbar-item[id*="shadowbox.status"]').click();
  await page.locator('.quick-input-widget .monaco-list-row').filter({ hasText: 'Descriptor Tables' }).first().waitFor();
  await camera.window('show-panel', { width: 1100, height: 680 });
  await page.keyboard.press('Escape');
}

async function pageFault(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'View: Focus First Editor Group');
  await setExceptionFilter(page, '#PF', true);
  await page.keyboard.press('F5');
  await waitForStopped(page, SLOW_MS);
  await page.locator('.debug-call-stack .stack-frame').first().click();
  await page.locator('.exception-widget').waitFor();
  await camera.parts('page-fault', { width: 1480, height: 700 }, page.locator('.editor-group-container').filter({ has: page.locator('.exception-widget') }));
  await setExceptionFilter(page, '#PF', false);
}

async function whoWrote(page: Page, camera: Camera): Promise<void> {
  await askConsole(page, 'who paging_counts', /written by/);
  await camera.parts('who-wrote', { width: 1200, height: 760 }, page.locator('.repl'));
}

async function registers(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'Shadowbox: Show Registers');
  await camera.panel('registers', 'Registers', { width: 860, height: 760 }, async (panel) => {
    await panel.locator('[data-row=eip]').first().waitFor();
  });
}

async function descriptorTables(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'Shadowbox: Show Descriptor Tables');
  await camera.panel('descriptor-tables', 'Descriptor Tables', { width: 860, height: 760 }, async (panel) => {
    await panel.locator('[data-line="gdt:1"]').click();
    await panel.locator('.uses li').first().waitFor();
  });
}

/** The run as it has come to here: the machine stands in the past, at the write that was looked for, between two moments with names. */
async function time(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'Shadowbox: Show Time');
  const panel = await panelFrame(page, 'Time');
  const name = async (words: string): Promise<void> => {
    await panel.locator('[data-do=bookmark]').click();
    await panel.locator('#name').fill(words);
    await page.keyboard.press('Enter');
    await panel.locator('.list .name.here').filter({ hasText: words }).waitFor();
  };
  await panel.locator('.where').filter({ hasText: 'in the past' }).waitFor();
  await name('the copy');
  await panel.locator('[data-do=end]').click();
  await panel.locator('.where').filter({ hasText: ': the furthest moment' }).waitFor();
  await name('page fault');
  await panel.locator('[data-do=go]').first().click();
  await panel.locator('.where').filter({ hasText: 'in the past' }).waitFor();
  await camera.panel('time', 'Time', { width: 1000, height: 420 }, async (frame) => {
    await frame.locator('.snapshots .mark').first().waitFor({ state: 'attached' });
  });
}

async function machines(page: Page, camera: Camera): Promise<void> {
  await runCommand(page, 'View: Show Run and Debug');
  await foldUp(page, 'Variables', 'Watch', 'Call Stack', 'Loaded Scripts', 'Breakpoints');
  const view = machinesView(page);
  const header = view.locator('.pane-header');
  if (await header.getAttribute('aria-expanded') !== 'true') await header.click();
  const rows = view.locator('.monaco-list-row');
  await widenSideBar(page);
  await rows.filter({ hasText: 'Snapshots' }).locator('.monaco-tl-twistie').click();
  await rows.filter({ hasText: 'page fault' }).waitFor();
  await camera.parts('machines', { width: 1480, height: 900 }, view);
}
