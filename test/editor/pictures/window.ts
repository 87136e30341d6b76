/** What the scenes do to VS Code's window beside what the tests do. */
import type { Page } from 'playwright-core';
import { runCommand, waitUntil } from '../harness/workbench';

/** Pixels of a row, and more than any list has; rows to look at until the end is sure to be reached. */
const ROW = 22;
const TOP = 10_000;
const LOOKS = 60;

/** With the side bar and the panel at the bottom out of view while something is done. */
export async function hideBeside(page: Page, meanwhile: () => Promise<void>): Promise<void> {
  const sides = [['.part.sidebar', 'View: Toggle Primary Side Bar Visibility'], ['.part.panel', 'View: Toggle Panel Visibility']] as const;
  const hidden: string[] = [];
  for (const [part, command] of sides) {
    if (!await page.locator(part).isVisible()) continue;
    await runCommand(page, command);
    await page.locator(part).waitFor({ state: 'hidden' });
    hidden.push(command);
  }
  try {
    await meanwhile();
  } finally {
    for (const command of hidden) await runCommand(page, command);
  }
}

/** Gives the side bar half as much room again. */
export async function widenSideBar(page: Page): Promise<void> {
  const bar = await page.locator('.part.sidebar').boundingBox();
  if (bar === null) throw new Error('there is no side bar');
  const [edge, middle] = [bar.x + bar.width, bar.y + bar.height / 2];
  await page.mouse.move(edge, middle);
  await page.mouse.down();
  await page.mouse.move(edge + bar.width / 2, middle, { steps: 5 });
  await page.mouse.up();
}

/** Ticks an exception in the view Breakpoints, or takes the tick away. */
export async function setExceptionFilter(page: Page, name: string, wanted: boolean): Promise<void> {
  const list = page.locator('.debug-breakpoints .monaco-list');
  const box = list.locator('.monaco-list-row').filter({ hasText: name }).getByRole('checkbox').first();
  await list.hover();
  // Rows out of view are not there: it is looked for from the top down, again and again.
  let looks = 0;
  await waitUntil(`the row of ${name}`, async () => {
    if (!await box.isVisible()) await page.mouse.wheel(0, looks++ % LOOKS === 0 ? -TOP : ROW);
    return box.isVisible();
  }, Boolean);
  await waitUntil(`the box of ${name}`, async () => {
    if (await box.isChecked() !== wanted) await box.click();
    return box.isChecked();
  }, (is) => is === wanted);
}

/** Scrolls the debug console to what stands at its top. */
export async function toFirstLine(page: Page): Promise<void> {
  const list = page.locator('.repl .monaco-list').first();
  await list.hover();
  // It goes on following what is written for a moment.
  await waitUntil('the debug console’s first line', async () => {
    await page.mouse.wheel(0, -ROW);
    const [first, all] = [await list.locator('.monaco-list-row').first().boundingBox(), await list.boundingBox()];
    return first !== null && all !== null && first.y >= all.y;
  }, Boolean);
}

/** Types a line into the debug console, alone in an empty one, and waits for what comes of it. */
export async function askConsole(page: Page, line: string, answer: RegExp): Promise<void> {
  await runCommand(page, 'Debug Console: Focus on Debug Console View');
  await runCommand(page, 'Clear Console');
  await page.locator('.repl-input-wrapper .monaco-editor').click();
  await page.keyboard.type(line);
  await page.keyboard.press('Enter');
  await page.locator('.repl .monaco-list-rows').filter({ hasText: answer }).waitFor();
}
