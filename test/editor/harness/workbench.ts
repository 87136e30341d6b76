// What a person does and sees in VS Code's window, as functions for tests: commands, debugging, panels,
// terminals, screenshots. Everything waits until it is so; nothing sleeps for a guessed time.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Frame, Locator, Page } from 'playwright-core';
import { testResults } from '../../../scripts/lib/paths.mjs';

const POLL_MS = 50;
const DEFAULT_TIMEOUT_MS = 20_000;

export interface CallStackRow {
  /** The frame's name, such as `main`. */
  readonly name: string;
  /** File, line and (unless it is 0) column as shown, such as `program.c 10:5`; empty for a frame without source. */
  readonly place: string;
}

/**
 * Asks `look` until `good` likes the answer.
 * @throws Error that says what was waited for and what was last seen
 */
export async function waitUntil<T>(what: string, look: () => Promise<T>, good: (seen: T) => boolean, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (good(seen)) return seen;
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs / 1000} s for ${what}; last seen: ${JSON.stringify(seen)}`);
    }
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
}

/** Picks the row with this label in the open quick input, after typing `text` into it. */
async function pickInQuickInput(page: Page, text: string, label: string): Promise<void> {
  const quickInput = page.locator('.quick-input-widget');
  await quickInput.locator('input[type=text]').fill(text);
  await quickInput.locator('.monaco-list-row').filter({ has: page.getByText(label, { exact: true }) }).first().click();
  await quickInput.waitFor({ state: 'hidden' });
}

/** Opens the command palette. A key that comes while another quick input is on its way out is lost: it is pressed again. */
export async function openPalette(page: Page): Promise<void> {
  const input = page.locator('.quick-input-widget input[type=text]');
  await waitUntil('the command palette', async () => {
    await page.keyboard.press('F1');
    return input.waitFor({ state: 'visible', timeout: 2000 }).then(() => true, () => false);
  }, (open) => open);
}

/** Opens the command palette with a text in it; anew where another quick input took its place before the text was there. */
async function typeInPalette(page: Page, text: string): Promise<void> {
  const input = page.locator('.quick-input-widget input[type=text]');
  await waitUntil('the command palette to take a text', async () => {
    await openPalette(page);
    const took = await input.fill(text, { timeout: 3000 }).then(() => true, () => false);
    if (!took) await page.keyboard.press('Escape');
    return took;
  }, (took) => took, 60_000);
}

/**
 * Runs a command from the command palette by its full title, such as `Shadowbox: Show Page Tables`. VS Code closes the palette when it opens the source of
 * a stop meanwhile: it is opened anew.
 */
export async function runCommand(page: Page, title: string): Promise<void> {
  const quickInput = page.locator('.quick-input-widget');
  const row = quickInput.locator('.monaco-list-row').filter({ has: page.getByText(title, { exact: true }) }).first();
  await waitUntil(`the command '${title}' to be chosen`, async () => {
    await typeInPalette(page, `>${title}`);
    return row.click({ timeout: 5000 }).then(() => true, () => false);
  }, (chosen) => chosen, 60_000);
  await quickInput.waitFor({ state: 'hidden' });
}

/**
 * Loads the window anew by VS Code's own command: it writes down which tabs there are before it goes. A browser's button does not wait
 * for that, and now and then brings back the window of a minute ago.
 */
export async function reloadWindow(page: Page): Promise<void> {
  const loaded = page.waitForEvent('load');
  await runCommand(page, 'Developer: Reload Window');
  await loaded;
}

/** Changes the colour theme by its name: 'Light 2026'. */
export async function chooseTheme(page: Page, theme: string): Promise<void> {
  await typeInPalette(page, '>Preferences: Color Theme');
  const quickInput = page.locator('.quick-input-widget');
  await quickInput.locator('.monaco-list-row').filter({ has: page.getByText('Preferences: Color Theme', { exact: true }) }).first().click();
  await quickInput.locator('input[type=text]').fill(theme);
  await quickInput.locator('.monaco-list-row').filter({ has: page.getByText(theme, { exact: true }) }).first().waitFor();
  await page.keyboard.press('Enter');
  await quickInput.waitFor({ state: 'hidden' });
}

/** Opens a file of the workspace by name, and puts the cursor on a line of it. */
export async function openFile(page: Page, name: string, line = 1): Promise<void> {
  await page.keyboard.press('Control+P');
  await pickInQuickInput(page, name, name);
  await page.locator('.tab.active').filter({ hasText: name }).waitFor();
  await page.keyboard.press('Control+G');
  const quickInput = page.locator('.quick-input-widget');
  await quickInput.locator('input[type=text]').fill(`:${line}`);
  // Enter counts once the widget has understood the number.
  await quickInput.locator('.monaco-list-row').filter({ hasText: new RegExp(`line ${line}\\b`) }).waitFor();
  await page.keyboard.press('Enter');
  await quickInput.waitFor({ state: 'hidden' });
}

/** Sets (or removes) the breakpoint on a line of a file, with F9. */
export async function toggleBreakpoint(page: Page, file: string, line: number): Promise<void> {
  await openFile(page, file, line);
  await page.keyboard.press('F9');
}

/** Chooses a configuration of launch.json in the Run and Debug view. */
export async function chooseConfiguration(page: Page, name: string): Promise<void> {
  await runCommand(page, 'View: Show Run and Debug');
  const chosen = page.locator('.start-debug-action-item-label');
  await chosen.waitFor();
  if (await chosen.textContent() === name) return;
  const choices = page.locator('.action-widget.action-widget-dropdown');
  const choice = choices.locator('.monaco-list-row').filter({ has: page.getByText(name, { exact: true }) });
  // A view that is still being laid out closes the list again.
  await waitUntil(`the list of configurations with '${name}'`, async () => {
    if (!await choice.isVisible()) await chosen.click();
    return choice.click({ timeout: 2000 }).then(() => true, () => false);
  }, (done) => done);
  await choices.waitFor({ state: 'hidden' });
  await chosen.filter({ hasText: name }).waitFor();
}

/** Chooses a configuration and presses F5. Returns at once: wait for what should come of it. */
export async function startDebugging(page: Page, name: string): Promise<void> {
  await chooseConfiguration(page, name);
  await page.keyboard.press('F5');
}

/** Presses Shift+F5 and waits until the debug toolbar is gone. */
export async function stopDebugging(page: Page): Promise<void> {
  await page.keyboard.press('Shift+F5');
  await waitForEnd(page);
}

/** Waits until no debug session is left. */
export async function waitForEnd(page: Page, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<void> {
  await page.locator('.debug-toolbar').waitFor({ state: 'hidden', timeout: timeoutMs });
}

/** Waits until the chosen thread stands and its call stack is there; the Run and Debug view must be in front (startDebugging puts it there). */
export async function waitForStopped(page: Page, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<void> {
  await page.locator('.debug-toolbar a.codicon-debug-continue').waitFor({ timeout: timeoutMs });
  await page.locator('.debug-call-stack .stack-frame').first().waitFor({ timeout: timeoutMs });
}

/** Waits until the chosen thread runs. */
export async function waitForRunning(page: Page, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<void> {
  await page.locator('.debug-toolbar a.codicon-debug-pause').waitFor({ timeout: timeoutMs });
}

/** Picks an item of the context menu of something in the window. */
export async function chooseInContextMenu(page: Page, target: Locator, item: string): Promise<void> {
  await target.click({ button: 'right' });
  const label = page.locator('.monaco-menu .action-label').filter({ has: page.getByText(item, { exact: true }) });
  await label.waitFor();
  // A menu that has just opened takes a click for the end of the one that opened it, and stays.
  await waitUntil(`the menu to take '${item}'`, async () => {
    if (await label.isVisible()) await label.click({ timeout: 2000 }).catch(() => undefined);
    await page.waitForTimeout(POLL_MS);
    return label.isVisible();
  }, (open) => !open);
}

/** The view Machines, beside the call stack. */
export function machinesView(page: Page): Locator {
  return page.locator('.pane').filter({ has: page.locator('.pane-header', { hasText: 'Machines' }) });
}

/** Folds up sections of the Run and Debug view by their names, so that the others have room. */
export async function foldUp(page: Page, ...sections: readonly string[]): Promise<void> {
  for (const name of sections) {
    const header = page.locator(`.pane-header[aria-label="${name} Section"]`);
    if (await header.getAttribute('aria-expanded') === 'true') await header.click();
  }
}

/** The row of the Variables view that shows this variable. */
export function variableRow(page: Page, name: string): Locator {
  return page.locator('.debug-variables .monaco-list-row').filter({ has: page.locator('.name', { hasText: new RegExp(`^${name}\\b`) }) }).first();
}

/**
 * The line of the active editor that is highlighted as the place where execution stands (or, for a frame other
 * than the top one, the place of that call); undefined if there is none in view.
 */
export function highlightedLine(page: Page): Promise<number | undefined> {
  return page.evaluate(() => {
    const mark = document.querySelector('.view-overlays .debug-top-stack-frame-line, .view-overlays .debug-focused-stack-frame-line');
    const row = mark?.parentElement;
    const editor = mark?.closest('.monaco-editor');
    if (row === null || row === undefined || editor === null || editor === undefined) return undefined;
    const top = row.getBoundingClientRect().top;
    const numbers = [...editor.querySelectorAll('.margin-view-overlays .line-numbers')];
    const number = numbers.find((each) => Math.abs(each.getBoundingClientRect().top - top) < 2);
    return number === undefined ? undefined : Number(number.textContent);
  });
}

/** Waits until execution stands on a line of the active editor. */
export async function waitForLine(page: Page, line: number, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<void> {
  await waitUntil(`line ${line} to be highlighted`, () => highlightedLine(page), (seen) => seen === line, timeoutMs);
}

/**
 * The rows of the call stack that are frames, innermost first. The view follows the highlighted line a moment later:
 * after a step, ask with waitUntil.
 */
export function callStack(page: Page): Promise<CallStackRow[]> {
  return page.locator('.debug-call-stack .stack-frame').evaluateAll((rows) => rows.map((row) => ({
    name: row.querySelector('.label')?.textContent ?? '',
    place: `${row.querySelector('.file-name')?.textContent ?? ''} ${row.querySelector('.line-number')?.textContent ?? ''}`.trim(),
  })));
}

/** The rows of the Variables view as shown, scopes and variables alike: `Registers`, `eip = 0x7c00`. */
export function variableRows(page: Page): Promise<string[]> {
  return page.locator('.debug-variables .monaco-list-row').evaluateAll((rows) => rows.map((row) => row.textContent.trim()));
}

/**
 * The document of a webview panel, by the panel's title. (VS Code puts a webview's page into an iframe in an
 * iframe, apart from the editor that it seems to lie in.)
 */
export async function panelFrame(page: Page, title: string, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<Frame> {
  const find = async () => {
    for (const frame of page.frames()) {
      // A frame may go while it is asked: then it is not the one.
      if (await frame.title().catch(() => '') === title && frame.parentFrame() !== null) return frame;
    }
    return undefined;
  };
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const frame = await find();
    if (frame !== undefined) return frame;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s for the panel '${title}'`);
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }
}

/**
 * The text in view in the terminal in front, a line a row, without trailing blanks. It is read from the DOM
 * renderer, which the test settings choose.
 */
export function terminalText(page: Page): Promise<string> {
  return page.locator('.terminal-wrapper.active .xterm-rows').first().evaluate((rows) => (
    [...rows.children].map((row) => row.textContent.replaceAll('\u00a0', ' ').trimEnd()).join('\n').trimEnd()
  ));
}

/** Waits until the terminal in front shows a text (a string to contain, or a pattern). */
export function waitForTerminal(page: Page, wanted: string | RegExp, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<string> {
  const good = (text: string) => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text));
  return waitUntil(`the terminal to show ${String(wanted)}`, () => terminalText(page), good, timeoutMs);
}

/** Types into the terminal in front, key by key: '\n' is Enter. */
export async function typeInTerminal(page: Page, text: string): Promise<void> {
  await page.locator('.terminal-wrapper.active .xterm-screen').first().click();
  await page.keyboard.type(text);
}

/** Types a line into the debug console, and sends it. */
export async function typeInDebugConsole(page: Page, line: string): Promise<void> {
  await runCommand(page, 'Debug Console: Focus on Debug Console View');
  await page.locator('.repl-input-wrapper .monaco-editor.focused').waitFor();
  await page.keyboard.type(line);
  // Words that it offers would take the Enter key.
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
}

/** Scrolls the terminal in front to the oldest line that it keeps; it stays there while output goes on. */
export async function scrollTerminalToTop(page: Page): Promise<void> {
  await page.locator('.terminal-wrapper.active .xterm-screen').first().click();
  await runCommand(page, 'Terminal: Scroll to Top');
}

/** What notifications say that are in view now. */
export function notifications(page: Page): Promise<string[]> {
  return page.locator('.notifications-toasts .notification-list-item-message').allInnerTexts();
}

/** Takes a picture of the window into test-results/screenshots/<name>.png. */
export async function screenshot(page: Page, name: string): Promise<string> {
  const folder = path.join(testResults, 'screenshots');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name}.png`);
  await page.screenshot({ path: file });
  return file;
}

/** For a suite's `afterEach`: a picture of what the window looked like when a test failed. */
export async function screenshotOfFailure(page: Page | undefined, context: Mocha.Context): Promise<void> {
  if (page === undefined || context.currentTest?.state !== 'failed') return;
  const name = context.currentTest.fullTitle().replaceAll(/[^a-z0-9]+/gi, '-').slice(0, 100);
  console.log(`    screenshot: ${await screenshot(page, `failed-${name}`)}`);
}
