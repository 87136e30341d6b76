/**
 * Runs the benchmark's guest on our engine in this very process, without threads, so that a profiler sees everything, and says a line of
 * JSON for each part. It is bundled before it is run (run.ts): a tool that compiles as it goes would cost the engine its speed.
 */
import { nodeFiles } from '../../src/host/node/fileAccess';
import { loadImages } from '../../src/host/node/loadImages';
import { problemText, validateConfiguration } from '../../src/monitor/machine/configuration';
import { createMachine } from '../../src/monitor/machine/create';
import type { RunnableMachine } from '../../src/monitor/machine/runnable';
import { LineReader, readLine } from '../protocol';
import type { Progress } from './progress';

/** Slices are short, since a mark is dated at the end of the slice that it comes in. In cycles. */
const SLICE_CYCLES = 250_000;

/** The clock, the retired instructions and the counters at one moment. */
interface Moment {
  readonly milliseconds: number;
  readonly retired: number;
  readonly counters: Readonly<Record<string, number>>;
}

function momentOf(machine: RunnableMachine): Moment {
  return { milliseconds: performance.now(), retired: machine.summary().retired, counters: machine.counters() };
}

/** What happened between two moments; counters that have not moved are left out. */
function between(from: Moment, to: Moment): Pick<Progress, 'seconds' | 'retired' | 'counters'> {
  const moved = Object.entries(to.counters)
    .map(([name, value]): [string, number] => [name, value - (from.counters[name] ?? 0)])
    .filter(([, value]) => value !== 0);
  return { seconds: (to.milliseconds - from.milliseconds) / 1000, retired: to.retired - from.retired, counters: Object.fromEntries(moved) };
}

function tell(progress: Progress): void {
  process.stdout.write(`${JSON.stringify(progress)}\n`);
}

/** One slice, and the idle time after it. @returns why the machine has stopped; undefined while it goes on */
function slice(machine: RunnableMachine): string | undefined {
  const outcome = machine.runSlice(SLICE_CYCLES);
  if (outcome === 'more') return undefined;
  if ('reason' in outcome) return JSON.stringify(outcome.reason);
  if (!Number.isFinite(outcome.idleCycles)) return 'the guest waits for input for ever';
  machine.warp(outcome.idleCycles);
  return undefined;
}

async function main(values: Readonly<Record<string, unknown>>, showSerial: boolean): Promise<void> {
  const validation = validateConfiguration(values, { front: 'commandLine' });
  if ('problems' in validation) throw new Error(validation.problems.map(problemText).join('\n'));
  const machine = createMachine(await loadImages(validation.configuration), nodeFiles);
  const reader = new LineReader();
  const start = momentOf(machine);
  let begun = start, work = between(start, start), done = false;
  machine.resume({ kind: 'continue' });
  while (!done) {
    const stopped = slice(machine);
    for (const { channel, bytes } of machine.takeOutput()) {
      if (channel !== 'com1') continue;
      if (showSerial) process.stderr.write(bytes);
      for (const line of reader.take(bytes).map(readLine)) {
        if (line?.kind === 'ready') tell({ part: 'boot', ...between(start, momentOf(machine)) });
        else if (line?.kind === 'begin') begun = momentOf(machine);
        else if (line?.kind === 'end') work = between(begun, momentOf(machine));
        else if (line?.kind === 'result') tell({ part: line.part, ...work, checksum: line.checksum, count: line.count });
        else if (line?.kind === 'failed') tell({ part: line.part, ...between(begun, begun), failure: line.reason });
        else if (line?.kind === 'done') done = true;
      }
    }
    if (stopped !== undefined && !done) throw new Error(`the machine stopped before the last part was done: ${stopped}`);
  }
}

const [, , values = '{}', serial] = process.argv;
const parsed: unknown = JSON.parse(values);
void main(typeof parsed === 'object' ? { ...parsed } : {}, serial === 'serial').catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
  process.exitCode = 1;
});
