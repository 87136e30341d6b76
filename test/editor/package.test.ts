// The package in a fresh VS Code: installed as a person installs it, in a folder that knows nothing of this checkout; and what the
// editor offers around a guest: list of panels, status bar, walkthrough, and keys that answer while a guest runs at full speed.
import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { buildAll } from '../../scripts/lib/bundles.mjs';
import { buildMeter } from '../../scripts/lib/inside-suite.mjs';
import { samples } from '../../scripts/lib/paths.mjs';
import { buildVsix } from '../../scripts/lib/vsix.mjs';
import { useEditor } from './harness/suite';
import { hostBetween, METER_FILE_VARIABLE } from './meter/line';
import { callStack, openPalette, screenshot, startDebugging, stopDebugging, waitForRunning, waitForStopped, waitUntil } from './harness/workbench';

const statusOf = (page: Page) => page.locator('#shadowbox\\.shadowbox\\.shadowbox\\.status, .statusbar-item[id*="shadowbox.status"]').first();
/** Without blanks: how the editor draws one at a line's end is its own affair. */
const TYPED = 'thequickbrownfoxjumpsoverthelazydog';

/** How often it is typed. */
const ROUNDS = 3;

interface Typing {
  /** Milliseconds from each key to its letter in the editor, as this test sees it. */
  readonly seen: readonly number[];
  /** And from the key to the next picture, as the browser measures it (Event Timing). */
  readonly painted: readonly number[];
  readonly from: number;
  readonly to: number;
}

async function latencies(page: Page): Promise<Typing> {
  await page.locator('.tab').filter({ hasText: 'notes.txt' }).click();
  await page.locator('.editor-instance .view-lines').first().click();
  await page.locator('.editor-instance .monaco-editor.focused').first().waitFor();
  const times: number[] = [];
  let expected = '';
  await watchInput(page);
  const from = Date.now();
  for (const letter of TYPED.repeat(ROUNDS)) {
    expected += letter;
    const start = performance.now();
    await page.keyboard.type(letter);
    // The editor makes a line's element anew when it likes.
    await page.waitForFunction((text) => [...document.querySelectorAll('.editor-instance .view-line')].some((line) => line.textContent === text), expected);
    times.push(performance.now() - start);
  }
  const to = Date.now();
  const painted = await page.evaluate(() => (window as unknown as { inputTimes: number[] }).inputTimes);
  return { seen: times.sort((a, b) => a - b), painted: painted.sort((a, b) => a - b), from, to };
}

/** Has the page note how long each key takes to the next picture. */
function watchInput(page: Page): Promise<void> {
  return page.evaluate(() => {
    const times: number[] = [];
    Object.assign(window, { inputTimes: times });
    new PerformanceObserver((list) => {
      for (const { name, duration } of list.getEntries()) if (name === 'keydown') times.push(duration);
    }).observe({ type: 'event', durationThreshold: 16 } as PerformanceObserverInit);
  });
}

/** Sorted milliseconds in words. */
function figures(times: readonly number[]): string {
  if (times.length === 0) return 'all below 16 ms';
  const part = (of: number) => times[Math.min(times.length - 1, Math.floor(times.length * of))].toFixed(0);
  return `median ${part(0.5)}, 90% ${part(0.9)}, 95% ${part(0.95)}, 99% ${part(0.99)}, worst ${part(1)} ms`;
}

/** What people get wrong first, and what they should be told. */
const MISTAKES = [
  { name: 'a wrong path', fields: { multiboot: '${workspaceFolder}/kernel.elf' }, told: /kernel\.elf: there is no such file; check the path/ },
  { name: 'a kernel that is none', fields: { kernel: '${workspaceFolder}/hello/hello.asm' }, told: /looks like a text file.*Name a Linux bzImage/ },
  { name: 'a field that there is not', fields: { program: '${workspaceFolder}/paging-lab/paging-lab.elf' }, told: /program: there is no such field; what is to be booted goes into "multiboot"/ },
  { name: 'nothing to boot', fields: { memory: '64M' }, told: /there is nothing to boot; add one of "kernel", "multiboot"/ },
] as const;

describe('the package, installed into a fresh VS Code', function () {
  this.timeout(90_000);
  this.bail(true);
  let meterFile = '';
  const editor = useEditor(async (_context, temporary) => {
    const folder = await temporary(path.join(os.tmpdir(), 'shadowbox-package-'));
    meterFile = path.join(folder, 'meter.jsonl');
    await buildAll();
    const { name, archive } = await buildVsix();
    const vsix = path.join(folder, name);
    await writeFile(vsix, archive);
    const work = path.join(folder, 'work');
    for (const part of ['.vscode', 'hello', 'paging-lab']) await cp(path.join(samples, part), path.join(work, part), { recursive: true });
    await writeFile(path.join(work, 'notes.txt'), '');
    // The lab's time passes as fast as it can be computed, so that the machine never rests.
    const launch = path.join(work, '.vscode', 'launch.json');
    const mistakes = MISTAKES.map(({ name, fields }) => `${JSON.stringify({ name, type: 'shadowbox', request: 'launch', ...fields })},`).join('\n');
    await writeFile(launch, (await readFile(launch, 'utf8')).replace('"serial": "terminal",', '"serial": "terminal", "pace": "fast",').replace('"configurations": [', `"configurations": [\n${mistakes}`));
    return { folder: work, vsix, extensions: [await buildMeter()], env: { [METER_FILE_VARIABLE]: meterFile } };
  });

  it('has nothing in the status bar before a guest is there', async () => {
    assert.equal(await statusOf(editor.page).isVisible(), false);
  });

  it('the walkthrough opens, with a picture for its step', async () => {
    const { page } = editor;
    await openPalette(page);
    const input = page.locator('.quick-input-widget input[type=text]');
    const row = (text: string) => page.locator('.quick-input-widget .monaco-list-row').filter({ hasText: text }).first();
    await input.fill('>Welcome: Open Walkthrough');
    await row('Welcome: Open Walkthrough').click();
    // The list of walkthroughs comes in the same place.
    await row('Get Started with Shadowbox').waitFor();
    await input.fill('Get Started with Shadowbox');
    await row('Get Started with Shadowbox').click();
    const steps = page.locator('.gettingStartedContainer .getting-started-step');
    await steps.first().waitFor();
    assert.equal(await steps.count(), 6);
    await page.locator('.gettingStartedContainer').filter({ hasText: 'Get the sample guests' }).waitFor();
    const picture = page.frameLocator('.gettingStartedContainer iframe.webview').frameLocator('iframe').locator('svg, img').first();
    await picture.waitFor();
    await screenshot(page, 'walkthrough');
  });

  for (const { name, told } of MISTAKES) {
    it(`says what is wrong with a configuration, and what to do: ${name}`, async () => {
      const { page } = editor;
      await startDebugging(page, name);
      const dialog = page.locator('.monaco-dialog-box');
      await dialog.waitFor();
      await screenshot(page, `mistake-${name.replaceAll(' ', '-')}`);
      assert.match((await dialog.innerText()).replaceAll(/\s+/g, ' '), told);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'hidden' });
    });
  }

  it('F5 on hello stops on the first instruction', async () => {
    const { page } = editor;
    await startDebugging(page, 'hello: boot sector');
    await waitForStopped(page);
    assert.ok((await callStack(page)).length > 0);
  });

  it('the status bar says mode, privilege and why it stands', async () => {
    const { page } = editor;
    const said = await waitUntil('the status bar', () => statusOf(page).innerText().catch(() => ''), (text) => text.includes('CPL'));
    assert.match(said, /real mode · CPL 0 · stopped: \S/);
    await screenshot(page, 'status-bar');
  });

  it('a click on it lists the panels, and the chosen one opens', async () => {
    const { page } = editor;
    await statusOf(page).click();
    const rows = page.locator('.quick-input-widget .monaco-list-row');
    await rows.filter({ hasText: 'Page Tables' }).waitFor();
    await screenshot(page, 'show-panel');
    await rows.filter({ hasText: 'Registers' }).first().click();
    await page.locator('.tab').filter({ hasText: 'Registers' }).waitFor();
  });

  it('the debug toolbar has one icon of ours', async () => {
    const { page } = editor;
    await page.locator('.debug-toolbar a.codicon-layout').waitFor();
    await stopDebugging(page);
    await waitUntil('the status bar item to go', () => statusOf(page).isVisible(), (there) => !there);
  });

  it('typing is answered while a guest runs at full speed', async () => {
    const { page } = editor;
    await page.keyboard.press('Control+P');
    await page.locator('.quick-input-widget input[type=text]').fill('notes.txt');
    await page.locator('.quick-input-widget .monaco-list-row').filter({ hasText: 'notes.txt' }).first().click();
    await page.locator('.tab.active').filter({ hasText: 'notes.txt' }).waitFor();
    const quiet = await latencies(page);
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
    await startDebugging(page, 'paging-lab: address spaces');
    await waitForStopped(page);
    await page.keyboard.press('F5');
    await waitForRunning(page);
    const speed = await waitUntil('the speed', () => statusOf(page).innerText().catch(() => ''), (text) => /[1-9]\d* MIPS/.test(text));
    const busy = await latencies(page);
    console.log(`      load ${os.loadavg()[0].toFixed(1)}, ${os.cpus().length} processors; the guest runs with ${speed.trim()}`);
    for (const [when, typing] of [['without a guest', quiet], ['while it runs', busy]] as const) {
      console.log(`      ${when}: from key to letter ${figures(typing.seen)}; from key to picture ${figures(typing.painted)}`);
      console.log(`        extension host: ${hostBetween(meterFile, typing.from, typing.to)}`);
    }
    await stopDebugging(page);
  });
});
