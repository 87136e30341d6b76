// The view Machines in a real VS Code by the keyboard alone: a machine is started, its floppy taken out, its moments named, gone to and
// removed, its memory watched, and it is ended; rules of accessibility, and how it looks in three themes.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { cache, samples } from '../../scripts/lib/paths.mjs';
import { accessibilityFaults } from '../support/accessibility';
import type { OpenEditor } from './harness/editor';
import { openEditor, requireEditor } from './harness/editor';
import { chooseTheme, foldUp, panelFrame, runCommand, screenshot, screenshotOfFailure, waitForEnd, waitForStopped, waitUntil } from './harness/workbench';

const PANE = '.pane:has(> .pane-header[aria-label^="Machines"])';

describe('the view Machines by the keyboard', function () {
  this.timeout(120_000);
  this.bail(true);
  let editor: OpenEditor;
  let folder: string | undefined;

  before(async function () {
    this.timeout(300_000);
    await requireEditor(this);
    folder = await mkdtemp(path.join(cache, 'machines-'));
    cpSync(path.join(samples, 'hello', 'hello.img'), path.join(folder, 'boot.img'));
    mkdirSync(path.join(folder, '.vscode'));
    const configuration = { type: 'shadowbox', request: 'launch', name: 'my machine', floppy: '${workspaceFolder}/boot.img', floppyB: 'empty', memory: '32M' };
    writeFileSync(path.join(folder, '.vscode', 'launch.json'), JSON.stringify({ version: '0.2.0', configurations: [configuration] }, undefined, 2));
    editor = await openEditor({ folder });
  });
  afterEach(async function () {
    await screenshotOfFailure((editor as OpenEditor | undefined)?.page, this);
  });
  after(async () => {
    await (editor as OpenEditor | undefined)?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const rows = (page: Page): Locator => page.locator(`${PANE} .monaco-list-row`);
  const row = (page: Page, text: string | RegExp): Locator => rows(page).filter({ hasText: text });
  const focused = (page: Page): Promise<string> => page.locator(`${PANE} .monaco-list-row.focused`).innerText().then((text) => text.replaceAll(/\s+/g, ' '), () => '');

  /** Gives the view the keyboard, and goes down to a line. */
  async function goTo(page: Page, text: string): Promise<void> {
    // A view that is unfolded by this has no lines yet that could take the keyboard.
    await waitUntil('the view to have the keyboard', async () => {
      await runCommand(page, 'Run and Debug: Focus on Machines View');
      await row(page, text).first().waitFor();
      return page.locator(`${PANE} .monaco-list:focus`).count();
    }, (lists) => lists > 0);
    await page.keyboard.press('Home');
    for (let steps = 0; !(await focused(page)).includes(text); steps++) {
      assert.ok(steps < 30, `the keyboard gets to ${text}; it is on: ${await focused(page)}`);
      await page.keyboard.press('ArrowDown');
    }
  }

  /** Opens the line's menu by the keyboard, and takes an entry of it. Gives all entries. */
  async function fromMenu(page: Page, label: string): Promise<readonly string[]> {
    await page.keyboard.press('Shift+F10');
    const entries = page.locator('.monaco-menu .action-item:not(.disabled) .action-label:not(.separator)');
    await entries.first().waitFor();
    const all = await entries.allInnerTexts();
    const chosen = page.locator('.monaco-menu .action-item.focused');
    for (let steps = 0; !(await chosen.count() > 0 && (await chosen.innerText()).startsWith(label)); steps++) {
      assert.ok(steps < 30, `the menu has ${label}: ${all.join(', ')}`);
      await page.keyboard.press('ArrowDown');
    }
    await page.keyboard.press('Enter');
    return all;
  }

  it('says what a configured machine would be, and starts it with Enter', async () => {
    const { page } = editor;
    await runCommand(page, 'View: Show Run and Debug');
    await page.locator('.pane-header').filter({ hasText: 'Machines' }).waitFor();
    await goTo(page, 'my machine');
    await page.keyboard.press('ArrowRight');
    await row(page, 'Memory').filter({ hasText: '32M' }).waitFor();
    await row(page, 'boot.img').first().waitFor();
    assert.equal(await row(page, /^empty/).count(), 0, 'a drive without a disk names no file');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await waitForStopped(page);
    await row(page, 'stopped').waitFor();
  });

  it('has what there is and can be done with each line in its menu: a floppy is taken out', async () => {
    const { page } = editor;
    for (const name of ['Watch Section', 'Breakpoints Section', 'Variables Section']) {
      const header = page.locator(`.pane-header[aria-label="${name}"][aria-expanded=true]`);
      if (await header.count() > 0) await header.click();
    }
    for (const fact of ['1 CPU', '32 MiB', 'floppy0', 'floppy1', 'Snapshots']) await row(page, fact).first().waitFor();
    await goTo(page, 'floppy0');
    const menu = await fromMenu(page, 'Take It Out');
    assert.ok(menu.includes('Insert or Change the Disc…') && menu.includes('Show Disks'), menu.join());
    await row(page, 'floppy0').filter({ hasText: 'empty' }).waitFor();
    await goTo(page, 'floppy1');
    const emptyDrive = await fromMenu(page, 'Show Disks');
    assert.ok(emptyDrive.includes('Insert or Change the Disc…') && !emptyDrive.includes('Take It Out'), emptyDrive.join());
    await (await panelFrame(page, 'Disks')).locator('[data-disk=floppy1]').filter({ hasText: /Floppy 1\s*empty/ }).waitFor();
  });

  it('names moments, renames them with F2, goes there with Enter, removes them with Delete', async () => {
    const { page } = editor;
    await goTo(page, 'Snapshots');
    await fromMenu(page, 'Add Bookmark…');
    const box = page.locator('.quick-input-widget');
    const input = box.locator('input[type=text]');
    /** Types over what is in the box for a name, as a person does: VS Code asks after each key whether it is one. */
    const name = async (text: string): Promise<void> => {
      await box.filter({ hasText: 'A name for this moment of the run' }).waitFor();
      await page.keyboard.press('Control+A');
      await page.keyboard.type(text, { delay: 40 });
      await page.waitForTimeout(200);
      await page.keyboard.press('Enter');
      await box.waitFor({ state: 'hidden' });
    };
    await name('the start');
    await goTo(page, 'Snapshots');
    // The view is drawn anew when it hears of the bookmark, and a key before that is lost.
    const snapshots = row(page, 'Snapshots').first();
    await waitUntil('the snapshots to be unfolded', async () => {
      if (await snapshots.getAttribute('aria-expanded') !== 'true') await page.keyboard.press('ArrowRight');
      return snapshots.getAttribute('aria-expanded');
    }, (expanded) => expanded === 'true');
    await row(page, 'the start').filter({ hasText: '(here)' }).waitFor();
    await goTo(page, 'the start');
    await page.keyboard.press('F2');
    await waitUntil('the name to be asked for', () => input.inputValue().catch(() => ''), (value) => value === 'the start');
    await name('first moment');
    const start = row(page, 'first moment');
    await start.waitFor();
    await page.keyboard.press('F11');
    await start.filter({ hasNotText: '(here)' }).waitFor();
    await goTo(page, 'first moment');
    for (const [look, theme, body] of [['dark', 'Dark 2026', 'vs-dark'], ['high-contrast', 'Dark High Contrast', 'hc-black'], ['light', 'Light 2026', 'vs']] as const) {
      await chooseTheme(page, theme);
      await page.locator(`.monaco-workbench.${body}`).waitFor();
      await screenshot(page, `machines-keyboard-${look}`);
      // The header of the view is VS Code's own.
      assert.deepEqual(await accessibilityFaults(page, `${PANE} .pane-body`), [], theme);
    }
    await goTo(page, 'first moment');
    await page.keyboard.press('Enter');
    await start.filter({ hasText: '(here)' }).waitFor();
    await goTo(page, 'first moment');
    await page.keyboard.press('Delete');
    await start.waitFor({ state: 'detached' });
    assert.equal(await page.locator('.notification-list-item').filter({ hasText: 'my machine' }).count(), 0, 'nothing went wrong');
  });

  /** Types into the box of VS Code's that asks this, and gives the answer. */
  async function answer(page: Page, question: string, text: string): Promise<void> {
    const box = page.locator('.quick-input-widget').filter({ hasText: question });
    await box.waitFor();
    await box.locator('input[type=text]').fill(text);
    await page.waitForTimeout(200);
    await page.keyboard.press('Enter');
    await box.waitFor({ state: 'hidden' });
  }

  it('watches a range of memory, which can be disabled with the space bar, and stops at who writes to it', async () => {
    const { page } = editor;
    await goTo(page, 'Watched Memory');
    await fromMenu(page, 'Watch Memory…');
    await answer(page, 'What is to be watched', 'phys:0xb8000');
    await answer(page, 'How many bytes', '4000');
    const ways = page.locator('.quick-input-widget').filter({ has: page.locator('input[placeholder="Which accesses the guest is to stop at"]') });
    await ways.locator('.monaco-list-row').first().waitFor();
    assert.deepEqual(await ways.locator('.monaco-list-row .label-name').allInnerTexts(), ['writes', 'reads', 'reads and writes']);
    await page.keyboard.press('Enter');
    const line = row(page, 'phys:0xb8000');
    await line.filter({ hasText: 'writes, 4000 bytes' }).waitFor();
    await page.locator('.notification-list-item').filter({ hasText: 'The guest stops at writes of phys:0xb8000, 4000 bytes.' }).waitFor();
    await runCommand(page, 'Notifications: Clear All Notifications');
    await goTo(page, 'phys:0xb8000');
    await page.keyboard.press('Space');
    await line.filter({ hasText: 'disabled: writes' }).waitFor();
    await goTo(page, 'phys:0xb8000');
    const menu = await fromMenu(page, 'Enable');
    for (const entry of ['Remove', 'Show in Physical Memory', 'View Memory Here', 'Copy Address']) assert.ok(menu.some((each) => each.startsWith(entry)), `${entry}: ${menu.join()}`);
    await line.filter({ hasNotText: 'disabled' }).waitFor();
    await screenshot(page, 'machines-watched');
    assert.deepEqual(await accessibilityFaults(page, `${PANE} .pane-body`), []);
    // Without its floppy the machine has nothing to boot, and its BIOS says so on the screen.
    await page.keyboard.press('F5');
    await row(page, 'my machine').filter({ hasText: /stopped: phys:0xb8000/ }).waitFor();
    await runCommand(page, 'View: Toggle Debug Console');
    await page.locator('.repl').filter({ hasText: /phys:0xb8000 \(4000 bytes\): byte 0x\w+ was .*; written by / }).waitFor();
    await screenshot(page, 'machines-watched-stop');
  });

  it('ends the machine from the menu, and opens its configuration', async () => {
    const { page } = editor;
    await goTo(page, 'stopped');
    const menu = await fromMenu(page, 'Stop');
    for (const entry of ['Continue', 'Reset', 'Show Time']) assert.ok(menu.some((each) => each.startsWith(entry)), `${entry}: ${menu.join()}`);
    await waitForEnd(page);
    await row(page, 'stopped').waitFor({ state: 'detached' });
    await goTo(page, 'my machine');
    await fromMenu(page, 'Open in launch.json');
    await page.locator('.tab.active').filter({ hasText: 'launch.json' }).waitFor();
  });

  it('watches again in the next run what was watched, until it is removed with Delete', async () => {
    const { page } = editor;
    await goTo(page, 'my machine');
    await page.keyboard.press('Enter');
    await waitForStopped(page);
    // Only lines in view are there.
    await foldUp(page, 'Call Stack');
    const line = row(page, 'phys:0xb8000');
    await line.filter({ hasText: 'writes, 4000 bytes' }).waitFor();
    await goTo(page, 'phys:0xb8000');
    await page.keyboard.press('Delete');
    await line.waitFor({ state: 'detached' });
    await row(page, 'Watched Memory').filter({ hasText: 'none' }).waitFor();
    await page.keyboard.press('Shift+F5');
    await waitForEnd(page);
  });
});
