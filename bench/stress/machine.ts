/**
 * Runs stress-ng in Debian's amd64 kernel on our engine in this very process, and prints what the engine holds every ten seconds: whether the
 * translation cache stays bounded. It is bundled before it is run (run.ts).
 */
import { nodeFiles } from '../../src/host/node/fileAccess';
import { loadImages } from '../../src/host/node/loadImages';
import { problemText, validateConfiguration } from '../../src/monitor/machine/configuration';
import { createMachine } from '../../src/monitor/machine/create';
import type { RunnableMachine } from '../../src/monitor/machine/runnable';
import type { StressOrder } from './order';

const SLICE_CYCLES = 1_000_000;
const EVERY_MS = 10_000;
const PROMPT = 'guest# ';
const MIB = 2 ** 20;

const COLUMNS = ['s', 'million', 'RSS MiB', 'heap MiB', 'regions', 'modules', 'module KiB', 'table', 'pages', 'code KiB', 'compiled KiB', 'dropped', 'evicted', 'flushes', 'frames'] as const;

function row(machine: RunnableMachine, since: number): readonly number[] {
  const counters = machine.counters();
  const counter = (name: string): number => counters[name] ?? 0;
  const { rss, heapUsed } = process.memoryUsage();
  return [
    (performance.now() - since) / 1000, counter('retired') / 1e6, rss / MIB, heapUsed / MIB, counter('held.regions'), counter('held.modules'), counter('held.moduleBytes') / 1024,
    counter('held.tableEntries'), counter('held.codePages'), counter('held.codeBytes') / 1024, counter('translator.moduleBytes') / 1024, counter('regions.regionsDropped'),
    counter('regions.regionsEvicted'), counter('code.cacheFlushes'), counter('frames'),
  ].map(Math.round);
}

const line = (cells: readonly (string | number)[]): string => `${cells.map((cell) => String(cell).padStart(12)).join('')}\n`;

/** One slice, and the idle time behind it. Throws when the machine has stopped. */
function slice(machine: RunnableMachine): void {
  const outcome = machine.runSlice(SLICE_CYCLES);
  if (typeof outcome === 'string') return;
  if ('reason' in outcome) throw new Error(`the machine stopped: ${JSON.stringify(outcome.reason)}`);
  if (Number.isFinite(outcome.idleCycles)) machine.warp(outcome.idleCycles);
}

async function main({ configuration, command, minutes, serial }: StressOrder): Promise<void> {
  const validation = validateConfiguration(configuration, { front: 'commandLine' });
  if ('problems' in validation) throw new Error(validation.problems.map(problemText).join('\n'));
  const machine = createMachine(await loadImages(validation.configuration), nodeFiles);
  machine.resume({ kind: 'continue' });
  const since = performance.now();
  const decoder = new TextDecoder();
  let text = '';
  let next = EVERY_MS;
  process.stdout.write(line(COLUMNS));
  while (performance.now() - since < minutes * 60_000) {
    slice(machine);
    for (const { channel, bytes } of machine.takeOutput()) {
      if (channel !== 'com1') continue;
      if (serial) process.stderr.write(bytes);
      text = (text + decoder.decode(bytes, { stream: true })).slice(-1000);
    }
    if (text.endsWith(PROMPT)) {
      text = '';
      machine.input({ kind: 'serial', port: 'com1', bytes: new TextEncoder().encode(`${command}\n`) });
    }
    if (performance.now() - since < next) continue;
    next += EVERY_MS;
    process.stdout.write(line(row(machine, since)));
    // Buffers that V8 has not looked at for long, and modules that nobody uses any more, are given back when the thread is idle for a moment.
    await new Promise((resolve) => { setImmediate(resolve); });
  }
}

// What run.ts gives has the type that it makes it by.
void main(JSON.parse(process.argv[2] ?? '') as StressOrder).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
  process.exitCode = 1;
});
