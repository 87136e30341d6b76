/** The scene paging-lab: a kernel in C with its source, stopped where it copies a page on write. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { samples } from '../../../scripts/lib/paths.mjs';
import { callStack, panelFrame, runCommand, startDebugging, stopDebugging, toggleBreakpoint, waitForLine, waitForStopped, waitUntil } from '../harness/workbench';
import type { Camera } from './camera';
import { askConsole, setExceptionFilter } from './window';

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

  for (const part of [showPanel, pageFault, whoWrote, registers, descriptorTables]) await camera.step(() => part(page, camera));
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
