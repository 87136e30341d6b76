// A tiny extension beside ours that measures what the extension host has to do: how busy its thread is, how late it comes to what waits,
// and which messages of the debug adapter go through it. It writes a line a second.
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import * as vscode from 'vscode';
import { METER_FILE_VARIABLE, type MeterLine } from './line';

const EVERY_MS = 1000;
const NANOSECONDS = 1e6;

function nameOf(message: unknown): string {
  if (typeof message !== 'object' || message === null) return 'something';
  const { type, command, event } = message as { readonly type?: string; readonly command?: string; readonly event?: string };
  return `${type ?? ''} ${command ?? event ?? ''}`;
}

export function activate(context: vscode.ExtensionContext): void {
  const file = process.env[METER_FILE_VARIABLE];
  if (file === undefined) throw new Error(`$${METER_FILE_VARIABLE} does not say where the figures go`);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  let messages: Record<string, number> = {};
  let before = performance.eventLoopUtilization();
  const count = (message: unknown) => {
    const name = nameOf(message);
    messages[name] = (messages[name] ?? 0) + 1;
  };
  context.subscriptions.push(vscode.debug.registerDebugAdapterTrackerFactory('shadowbox', {
    createDebugAdapterTracker: () => ({ onWillReceiveMessage: count, onDidSendMessage: count }),
  }));
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { active, idle } = performance.eventLoopUtilization(now, before);
    const line: MeterLine = { at: Date.now(), busyMs: active, idleMs: idle, worstDelayMs: delay.max / NANOSECONDS, messages };
    appendFileSync(file, `${JSON.stringify(line)}\n`);
    before = now;
    messages = {};
    delay.reset();
  }, EVERY_MS);
  context.subscriptions.push({ dispose: () => { clearInterval(timer); } });
}
