// Inside VS Code: a real guest in a debug session through the API, with its terminal and its panel.
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import type { PanelRequests } from '../../../debugger/panelProtocol';
import { memoryUri } from '../../../src/extension/places';
import { folder, next } from './workspace';

const CONFIGURATION = 'paging-lab: address spaces';

/** Starts the configuration and waits until its first stop has put a frame in focus. */
async function startAndStop(): Promise<vscode.DebugSession> {
  const stopped = next(vscode.debug.onDidChangeActiveStackItem, 'a frame in focus', (item) => item instanceof vscode.DebugStackFrame);
  assert.equal(await vscode.debug.startDebugging(folder(), CONFIGURATION), true);
  const { session } = await stopped ?? {};
  assert.ok(session);
  return session;
}

async function stop(session: vscode.DebugSession): Promise<void> {
  const ended = next(vscode.debug.onDidTerminateDebugSession, 'the session to end', ({ id }) => id === session.id);
  await vscode.debug.stopDebugging(session);
  await ended;
}

/** What has been typed on the guest's first serial line and waits there: on its way, or in the receiver. */
async function waitingOnLine(session: vscode.DebugSession): Promise<string> {
  const { devices } = await session.customRequest('shadowbox.devices') as PanelRequests['shadowbox.devices']['answer'];
  const { received, incoming } = devices.find(({ name }) => name === 'com1')?.state as { readonly received: number[]; readonly incoming: number[] };
  return String.fromCharCode(...received, ...incoming);
}

describe('session', () => {
  let session: vscode.DebugSession;

  before(async () => {
    session = await startAndStop();
  });
  after(async () => {
    await stop(session);
  });

  it('is ours, and the active one', () => {
    assert.equal(session.type, 'shadowbox');
    assert.equal(vscode.debug.activeDebugSession?.id, session.id);
  });

  it('stands on the guest\'s first instruction, in a source of the workspace', async () => {
    const { threads } = await session.customRequest('threads') as DebugProtocol.ThreadsResponse['body'];
    const [{ id }] = threads;
    const { stackFrames } = await session.customRequest('stackTrace', { threadId: id }) as DebugProtocol.StackTraceResponse['body'];
    assert.equal(stackFrames[0].name, '_start');
    // VS Code from npm is a remote to its window, and has put its scheme in front.
    const shown = stackFrames[0].source?.path ?? '';
    assert.ok(shown.endsWith(vscode.Uri.joinPath(folder().uri, 'paging-lab', 'boot.s').path), shown);
  });

  it('answers a panel\'s questions', async () => {
    const { spaces } = await session.customRequest('shadowbox.addressSpaces') as PanelRequests['shadowbox.addressSpaces']['answer'];
    // A Multiboot kernel begins without paging.
    assert.deepEqual(spaces.map(({ mode, current }) => ({ mode, current })), [{ mode: 'none', current: true }]);
  });

  it('runs to a breakpoint on a function, where paging is on', async () => {
    const breakpoint = new vscode.FunctionBreakpoint('tick_handler');
    vscode.debug.addBreakpoints([breakpoint]);
    const stopped = next(vscode.debug.onDidChangeActiveStackItem, 'the breakpoint', (item) => item instanceof vscode.DebugStackFrame);
    await vscode.commands.executeCommand('workbench.action.debug.continue');
    await stopped;
    vscode.debug.removeBreakpoints([breakpoint]);
    const { stackFrames } = await session.customRequest('stackTrace', { threadId: 1 }) as DebugProtocol.StackTraceResponse['body'];
    assert.equal(stackFrames[0].name, 'tick_handler');
    const { spaces } = await session.customRequest('shadowbox.addressSpaces') as PanelRequests['shadowbox.addressSpaces']['answer'];
    assert.ok(spaces.some(({ mode, current }) => mode === '32-bit' && current), JSON.stringify(spaces));
  });

  it('goes back to who wrote a variable, by the command of its context menu', async () => {
    const before = await session.customRequest('shadowbox.summary') as PanelRequests['shadowbox.summary']['answer'];
    const stopped = next(vscode.debug.onDidChangeActiveStackItem, 'the stop in the past', (item) => item instanceof vscode.DebugStackFrame);
    // As VS Code calls it: with the DAP variable in a wrapper.
    await vscode.commands.executeCommand('shadowbox.whoWroteVariable', { variable: { name: 'frame', value: '0x1', evaluateName: 'frame' } });
    await stopped;
    const after = await session.customRequest('shadowbox.summary') as PanelRequests['shadowbox.summary']['answer'];
    assert.ok(after.retired < before.retired, `${after.retired} is not before ${before.retired}`);
  });

  it('has opened a terminal for its serial port, which takes what is typed to the guest', async () => {
    const terminal = vscode.window.terminals.find(({ name }) => name === `${CONFIGURATION}: com1`);
    assert.ok(terminal, 'there is no terminal');
    assert.equal(await waitingOnLine(session), '');
    terminal.sendText('key', false);
    // The guest stands, so nothing of it is read.
    for (let tries = 0; await waitingOnLine(session) === '' && tries < 100; tries++) await new Promise((resolve) => { setTimeout(resolve, 20); });
    assert.equal(await waitingOnLine(session), 'key');
  });

  it('opens Physical Memory and Translations, whose questions the machine answers', async () => {
    const isOpen = (label: string): boolean => vscode.window.tabGroups.all.some((group) => group.tabs.some((tab) => tab.label === label));
    for (const [command, label] of [['shadowbox.showPhysicalMemory', 'Physical Memory'], ['shadowbox.showTranslations', 'Translations']] as const) {
      await vscode.commands.executeCommand(command);
      for (let tries = 0; !isOpen(label) && tries < 100; tries++) await new Promise((resolve) => { setTimeout(resolve, 50); });
      assert.ok(isOpen(label), label);
    }
    const { kinds } = await session.customRequest('shadowbox.frames') as PanelRequests['shadowbox.frames']['answer'];
    assert.ok(kinds.includes('table'));
    const { regions } = await session.customRequest('shadowbox.regions') as PanelRequests['shadowbox.regions']['answer'];
    assert.ok(Array.isArray(regions));
  });

  it('shows memory at any address as a file, as the hex editor opens it, and takes what is written there', async () => {
    const whole = memoryUri(session, '0x100000');
    assert.equal(whole.query, 'baseAddress=0x100000');
    assert.equal((await vscode.workspace.fs.stat(whole)).permissions, undefined, 'it may be written');
    // The hex editor reads and writes ranges of it.
    const uri = whole.with({ query: `range=0:16&${whole.query}` });
    const bytes = await vscode.workspace.fs.readFile(uri);
    const read = async () => Buffer.from((await session.customRequest('readMemory', { memoryReference: '0x100000', count: 16 }) as { readonly data: string }).data, 'base64');
    assert.deepEqual(Buffer.from(bytes), await read());
    assert.ok(bytes.some((byte) => byte !== 0), 'paging-lab lies at 1 MiB');
    const changed = bytes.map((byte, i) => (i === 3 ? byte ^ 0xff : byte));
    await vscode.workspace.fs.writeFile(uri, changed);
    assert.deepEqual(await read(), Buffer.from(changed));
    await vscode.workspace.fs.writeFile(uri, bytes);
    assert.deepEqual(await read(), Buffer.from(bytes));
  });

  it('opens one Page Tables panel, however often it is asked for', async () => {
    await vscode.commands.executeCommand('shadowbox.showPageTables');
    await vscode.commands.executeCommand('shadowbox.showPageTables');
    const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter(({ label }) => label === 'Page Tables');
    if (tabs().length === 0) await next(vscode.window.tabGroups.onDidChangeTabs, 'the panel', () => tabs().length > 0);
    assert.equal(tabs().length, 1);
  });
});
