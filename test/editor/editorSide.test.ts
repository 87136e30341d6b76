// The extension in a real VS Code, with stand-ins for debug adapter and panel: does the editor's side hold?
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { cache } from '../../scripts/lib/paths.mjs';
import type { OpenEditor } from './harness/editor';
import { openEditor, requireEditor } from './harness/editor';
import { buildStandIns, fixtureWorkspace } from '../../scripts/lib/stand-ins.mjs';
import {
  callStack, openFile, panelFrame, runCommand, screenshot, screenshotOfFailure, startDebugging, stopDebugging, terminalText, toggleBreakpoint, typeInTerminal,
  variableRows, waitForLine, waitForStopped, waitForTerminal, waitUntil,
} from './harness/workbench';

// Lines of fixtures/workspace/program.c.
const ENTRY_LINE = 10;
const BREAKPOINT_LINE = 12;

describe('in a real VS Code, with stand-ins', function () {
  this.timeout(60_000);
  // Each test goes on where the one before left the window.
  this.bail(true);
  let editor: OpenEditor;

  before(async function () {
    this.timeout(300_000);
    await requireEditor(this);
    editor = await openEditor({ folder: fixtureWorkspace, replacements: await buildStandIns() });
  });
  afterEach(async function () {
    await screenshotOfFailure(editor.page, this);
  });
  after(async () => {
    // Undefined where before() left the suite out or failed.
    await (editor as OpenEditor | undefined)?.close();
  });

  it('F5 starts the chosen configuration, stopped on entry', async () => {
    await toggleBreakpoint(editor.page, 'program.c', BREAKPOINT_LINE);
    await startDebugging(editor.page, 'stand-in guest');
    await waitForStopped(editor.page);
    await waitForLine(editor.page, ENTRY_LINE);
    assert.deepEqual(await callStack(editor.page), [
      { name: 'main', place: `program.c ${ENTRY_LINE}` },
      { name: 'start', place: 'program.c 1' },
    ]);
    const rows = await waitUntil('the registers', () => variableRows(editor.page), (seen) => seen.length > 1);
    assert.match(rows[1], /eip.*line 10/);
  });

  it('opens a terminal for the serial port, shows what came, and sends keys back', async () => {
    await waitForTerminal(editor.page, 'hello from com1');
    await typeInTerminal(editor.page, 'ab\n');
    const text = await waitForTerminal(editor.page, '<enter>');
    assert.match(text, /^hello from com1\n<a><b><enter>$/);
  });

  it('opens the panel, which shows what a custom request answered, and its error', async () => {
    await runCommand(editor.page, 'Shadowbox: Show Page Tables');
    const panel = await panelFrame(editor.page, 'Page Tables');
    const answer = await panel.locator('#answer-1').textContent();
    assert.deepEqual(JSON.parse(answer ?? ''), { asked: { cr3: '0x1000' }, line: ENTRY_LINE, keysSeen: 'ab\r' });
    assert.match(await panel.locator('#error-2').textContent() ?? '', /knows no request 'shadowbox\.noSuchThing'/);
    await screenshot(editor.page, 'stand-ins-stopped-on-entry');
  });

  it('lets no script into the panel but its own', async () => {
    const panel = await panelFrame(editor.page, 'Page Tables');
    const ran = await panel.evaluate(() => new Promise<boolean>((resolve) => {
      const script = document.createElement('script');
      script.textContent = 'window.intruded = true';
      document.addEventListener('securitypolicyviolation', () => { resolve('intruded' in window); });
      document.body.append(script);
    }));
    assert.equal(ran, false);
  });

  it('tells the panel when the guest stops elsewhere, and when it has changed', async () => {
    const panel = await panelFrame(editor.page, 'Page Tables');
    const shown = () => panel.locator('#event').textContent({ timeout: 5000 });
    await editor.page.keyboard.press('F10');
    await waitForLine(editor.page, ENTRY_LINE + 1);
    await waitUntil('the panel to hear of the stop', shown, (text) => text?.includes('"event":"stopped"') ?? false);
    await waitUntil('the panel to ask anew', () => panel.locator('#answer-1').textContent(), (text) => text?.includes(`"line":${ENTRY_LINE + 1}`) ?? false);
    await typeInTerminal(editor.page, 'c');
    await waitUntil('the panel to hear of the change', shown, (text) => text?.includes('"event":"shadowbox.changed"') ?? false);
  });

  it('F5 goes on to the breakpoint', async () => {
    await editor.page.keyboard.press('F5');
    await waitForLine(editor.page, BREAKPOINT_LINE);
    await waitUntil('the call stack to follow', () => callStack(editor.page), ([top]) => top?.place === `program.c ${BREAKPOINT_LINE}`);
    await screenshot(editor.page, 'stand-ins-at-breakpoint');
  });

  it('ends: the terminal keeps its text and says so, the panel says that nothing runs', async () => {
    const panel = await panelFrame(editor.page, 'Page Tables');
    await stopDebugging(editor.page);
    assert.match(await waitForTerminal(editor.page, 'the line is dead'), /hello from com1/);
    await waitUntil('the panel to hear of the end', () => panel.locator('#event').textContent(), (text) => text === '{"event":"session","body":null}');
    await waitUntil('the panel to be told', () => panel.locator('#error-1').textContent(), (text) => text === 'No guest is running. Start one with F5.');
  });

  it('a second start uses the same terminal, with a clean screen, and the panel follows', async () => {
    await startDebugging(editor.page, 'stand-in guest');
    await waitForStopped(editor.page);
    await waitUntil('a clean screen', () => terminalText(editor.page), (text) => text === 'hello from com1');
    const panel = await panelFrame(editor.page, 'Page Tables');
    await waitUntil('the panel to ask anew', () => panel.locator('#answer-1').textContent(), (text) => text?.includes('"keysSeen":""') ?? false);
  });

  it('brings the panel back after the window was loaded anew', async () => {
    await stopDebugging(editor.page);
    await editor.page.reload();
    const panel = await panelFrame(editor.page, 'Page Tables', 60_000);
    assert.match(await panel.locator('#error-1').textContent() ?? '', /No guest is running/);
    await screenshot(editor.page, 'stand-ins-panel-restored');
  });
});

describe('in a real VS Code, in a folder without launch.json', function () {
  this.timeout(60_000);
  let editor: OpenEditor | undefined;
  let folder: string;

  before(async function () {
    this.timeout(300_000);
    await requireEditor(this);
    folder = await mkdtemp(path.join(cache, 'no-launch-json-'));
    await cp(path.join(fixtureWorkspace, 'program.c'), path.join(folder, 'program.c'));
    editor = await openEditor({ folder, replacements: await buildStandIns() });
  });
  after(async () => {
    await editor?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  it('F5 on a C file makes one, with our first configuration in it', async () => {
    assert.ok(editor);
    await openFile(editor.page, 'program.c');
    await editor.page.keyboard.press('F5');
    await editor.page.locator('.tab.active').filter({ hasText: 'launch.json' }).waitFor();
    await screenshot(editor.page, 'no-launch-json');
    const made = await readFile(path.join(folder, '.vscode', 'launch.json'), 'utf8');
    assert.match(made, /"type": "shadowbox"/);
  });
});
