/**
 * The real thing for conversations over the wire: dist/adapter.js as a process of its own, brought up to date first,
 * launch configurations of the samples as samples/.vscode/launch.json has them, and what tests ask again and again.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { DapClient } from '../client';
import { markerLine } from '../markers';

const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));
export const SAMPLES = path.join(CHECKOUT, 'samples');
export const GUESTS = path.join(CHECKOUT, '.cache', 'guests');

/** An answer that takes longer than this is a hang. */
const TIMEOUT_MS = 20_000;
/** Tests of wall time are taken again so often: a computer may be busy for seconds, an adapter that is too slow always is. */
export const RETRIES = 2;
/** "Pause always answers within 50 ms" (docs/architecture.md, invariant 8). */
const PAUSE_LIMIT_MS = 50;

const SOURCE_MAP = { '/shadowbox/samples': SAMPLES };

export const PAGING_LAB = {
  multiboot: sample('paging-lab/paging-lab.elf'),
  cmdline: '',
  memory: '128M',
  symbols: [sample('paging-lab/paging-lab.elf')],
  sourceMap: SOURCE_MAP,
};

export const HELLO = {
  floppy: sample('hello/hello.img'),
  memory: '16M',
  symbols: [sample('hello/hello.elf')],
  sourceMap: SOURCE_MAP,
};

/** A file of a sample: 'paging-lab/paging.c'. */
export function sample(file: string): string {
  return path.join(SAMPLES, file);
}

/** The line of a marker comment in a sample's source. */
export function lineOf(file: string, marker: string): number {
  return markerLine(sample(file), marker);
}

/** Sources of paging-lab in which tests stop. */
export const MAIN = 'paging-lab/main.c';
export const PAGING = 'paging-lab/paging.c';
export const USER = 'paging-lab/user.c';

let built = false;

/**
 * What every suite here does: gives each test an adapter of its own, or all tests of the suite one, and ends it. A word
 * on its stderr is a failure. `take` gets the client.
 */
export function useAdapter(suite: Mocha.Suite, lifetime: 'each test' | 'suite', take: (client: DapClient) => void): void {
  suite.timeout(60_000);
  suite.slow(5000);
  let client: DapClient | undefined;
  const start = (): void => take(client = startAdapter());
  const end = async (): Promise<void> => {
    // A suite that is left out has none.
    if (client === undefined) return;
    await client.close();
    assert.equal(client.stderr, '');
  };
  if (lifetime === 'suite') {
    suite.beforeAll('starts an adapter', start);
    suite.afterAll('ends the adapter', end);
  } else {
    suite.beforeEach('starts an adapter', start);
    suite.afterEach('ends the adapter', end);
  }
}

/** Starts the adapter of dist/, which is brought up to date first. */
export function startAdapter(): DapClient {
  if (!built) {
    const { status, stderr } = spawnSync(process.execPath, [path.join(CHECKOUT, 'scripts', 'build.mjs')], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    built = true;
  }
  return DapClient.start(process.execPath, [path.join(CHECKOUT, 'dist', 'adapter.js')], { cwd: CHECKOUT, timeout: TIMEOUT_MS });
}

/** Launches a guest that stops on entry, with breakpoints on marked lines: `{ 'paging-lab/main.c': ['main-booted'] }`. */
export async function launchStopped(
  client: DapClient, configuration: object, markers: Readonly<Record<string, readonly string[]>> = {},
): Promise<Dap.StackFrame> {
  await client.launch(configuration, async () => {
    for (const [file, names] of Object.entries(markers)) await breakAt(client, file, names);
  });
  return (await client.stopped('entry')).frame;
}

/** Sets the breakpoints of one source file to its marked lines; all must be taken as they are. */
export async function breakAt(client: DapClient, file: string, markers: readonly string[], more: Partial<Dap.SourceBreakpoint> = {}): Promise<Dap.Breakpoint[]> {
  const lines = markers.map((marker) => lineOf(file, marker));
  const { breakpoints } = await client.request('setBreakpoints', {
    source: { path: sample(file) }, breakpoints: lines.map((line) => ({ line, ...more })),
  });
  assert.deepEqual(breakpoints.map(({ verified, line }) => [verified, line]), lines.map((line) => [true, line]));
  return breakpoints;
}

/** continue, up to the next breakpoint. Gives the innermost frame. */
export async function goOn(client: DapClient): Promise<Dap.StackFrame> {
  await client.request('continue', { threadId: 1 });
  return (await client.stopped('breakpoint')).frame;
}

/** One step, to its end. Gives the innermost frame. */
export async function step(client: DapClient, command: 'next' | 'stepIn' | 'stepOut', granularity?: 'instruction'): Promise<Dap.StackFrame> {
  await client.request(command, { threadId: 1, ...(granularity ? { granularity } : {}) });
  return (await client.stopped('step')).frame;
}

/** Names of the frames of the stack, innermost first. */
export async function frames(client: DapClient): Promise<Dap.StackFrame[]> {
  return (await client.request('stackTrace', { threadId: 1 })).stackFrames;
}

/** The variables of a scope ('Locals', 'General Registers', …) of a frame, and the reference to set them by. */
export async function scopeOf(client: DapClient, frameId: number, name: string): Promise<{ readonly reference: number; readonly variables: Dap.Variable[] }> {
  const { scopes } = await client.request('scopes', { frameId });
  const scope = scopes.find((candidate) => candidate.name === name);
  assert.ok(scope, `a scope ${name} among ${scopes.map((each) => each.name).join(', ')}`);
  const { variables } = await client.request('variables', { variablesReference: scope.variablesReference });
  return { reference: scope.variablesReference, variables };
}

/** The value of one variable of a list. */
export function valueOf(variables: readonly Dap.Variable[], name: string): string {
  return variableOf(variables, name).value;
}

/** The memory that is offered for one variable of a list. */
export function memoryOf(variables: readonly Dap.Variable[], name: string): string | undefined {
  return variableOf(variables, name).memoryReference;
}

function variableOf(variables: readonly Dap.Variable[], name: string): Dap.Variable {
  const found = variables.find((variable) => variable.name === name);
  assert.ok(found, `${name} among ${variables.map((each) => each.name).join(', ')}`);
  return found;
}

/** What an expression comes to in the innermost frame. */
export async function valueNow(client: DapClient, expression: string): Promise<string> {
  return (await client.request('evaluate', { expression, context: 'watch' })).result;
}

/** The number that an expression comes to. */
export async function numberNow(client: DapClient, expression: string): Promise<number> {
  return Number(/^\S+/.exec(await valueNow(client, expression))?.[0]);
}

/** Lets a running machine run for a while. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** Pauses a machine that runs; gives the milliseconds from the request to the stop. */
export async function timedPause(client: DapClient): Promise<number> {
  const asked = performance.now();
  const stop = client.event('stopped');
  await client.request('pause', { threadId: 1 });
  assert.equal((await stop).reason, 'pause');
  return performance.now() - asked;
}

/** Three of four within the limit: this computer may be busy with other things just then. */
export function assertPromptly(pauses: readonly number[]): void {
  const late = pauses.filter((milliseconds) => milliseconds >= PAUSE_LIMIT_MS);
  assert.ok(late.length <= pauses.length / 4, `pauses of ${late.map((each) => each.toFixed()).join(', ')} ms`);
}

/** Figures in words: 'median 2.1, worst 4.0 ms of 20'. */
export function figures(milliseconds: readonly number[]): string {
  return `median ${median(milliseconds).toFixed(1)}, worst ${Math.max(...milliseconds).toFixed(1)} ms of ${milliseconds.length}`;
}

export function median(list: readonly number[]): number {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
}
