/** A run of paging-lab with keys typed on the way, recorded to a file by an adapter of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DapClient } from '../client';
import { PAGING_LAB, launchStopped, startAdapter } from './adapter';

/** A run that was saved. */
export interface RecordedRun {
  readonly file: string;
  /** Hash of the machine where it stood when it was saved. */
  readonly hash: string;
  readonly retired: number;
  remove(): void;
}

/** The bookmark at the first instruction of `wait_turn`, early in the run: the tasks go to and fro for two seconds of virtual time behind it. */
export const WAIT_TURN = 'wait_turn';

export async function recordPagingLab(): Promise<RecordedRun> {
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-recorded-'));
  const file = path.join(folder, 'lab.shadowbox');
  const client = startAdapter();
  try {
    await launchStopped(client, { ...PAGING_LAB, pace: 'fast' });
    await runToFunction(client, 'ping');
    await runToFunction(client, 'wait_turn');
    await client.request('shadowbox.bookmark', { kind: 'add', name: WAIT_TURN });
    for (const code of [30, 48]) {
      await runUntil(client, '300 ms');
      for (const down of [true, false]) await client.request('shadowbox.key', { code, down });
    }
    await runUntil(client, '1.4 s');
    const { result: hash } = await client.request('evaluate', { expression: 'hash', context: 'repl' });
    const { retired } = (await client.request('shadowbox.timeline', {})).present;
    await client.request('shadowbox.saveRecording', { path: file, embed: true });
    return { file, hash, retired, remove: () => rmSync(folder, { recursive: true, force: true }) };
  } finally {
    await client.close();
  }
}

/** Runs to the first instruction of a function behind its prologue, as a function breakpoint has it. */
export async function runToFunction(client: DapClient, name: string): Promise<void> {
  const { breakpoints: [breakpoint] } = await client.request('setFunctionBreakpoints', { breakpoints: [{ name }] });
  if (!breakpoint.verified) throw new Error(breakpoint.message);
  await client.request('continue', { threadId: 1 });
  await client.stopped('breakpoint');
  await client.request('setFunctionBreakpoints', { breakpoints: [] });
}

async function runUntil(client: DapClient, until: string): Promise<void> {
  await client.request('shadowbox.runUntil', { until });
  await client.stopped('pause');
}
