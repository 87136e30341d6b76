// Inside VS Code: a debug session through the API, with the debug adapter as a process, its terminal and its panel.
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { folder, next } from './workspace';

const CONFIGURATION = 'stand-in guest';

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

  it('answers standard requests', async () => {
    const { threads } = await session.customRequest('threads') as DebugProtocol.ThreadsResponse['body'];
    const [{ id }] = threads;
    const { stackFrames } = await session.customRequest('stackTrace', { threadId: id }) as DebugProtocol.StackTraceResponse['body'];
    assert.equal(stackFrames[0].name, 'main');
  });

  it('resolves relative paths from the workspace folder', async () => {
    const { stackFrames } = await session.customRequest('stackTrace', { threadId: 1 }) as DebugProtocol.StackTraceResponse['body'];
    // VS Code from npm is a remote to its window, and has put its scheme in front.
    const shown = stackFrames[0].source?.path ?? '';
    assert.ok(shown.endsWith(vscode.Uri.joinPath(folder().uri, 'program.c').path), shown);
  });

  it('has opened a terminal for its serial port', () => {
    assert.ok(vscode.window.terminals.some(({ name }) => name === `${CONFIGURATION}: com1`));
  });

  it('opens one Page Tables panel, however often it is asked for', async () => {
    await vscode.commands.executeCommand('shadowbox.showPageTables');
    await vscode.commands.executeCommand('shadowbox.showPageTables');
    const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs).filter(({ label }) => label === 'Page Tables');
    if (tabs().length === 0) await next(vscode.window.tabGroups.onDidChangeTabs, 'the panel', () => tabs().length > 0);
    assert.equal(tabs().length, 1);
  });
});
