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
import type { GuestLine } from '../protocol';
import { StretchProfiler } from './profiler';
import type { Order, Progress } from './progress';

/** Slices are short, since a mark is dated at the end of the slice that it comes in. In cycles. */
const SLICE_CYCLES = 250_000;

/** The clock, the retired instructions and the counters at one moment. */
interface Moment {
  readonly milliseconds: number;
  /** Processor time of this process so far, all threads, in microseconds. */
  readonly cpu: number;
  readonly retired: number;
  readonly counters: Readonly<Record<string, number>>;
}

function momentOf(machine: RunnableMachine): Moment {
  const { user, system } = process.cpuUsage();
  return { milliseconds: performance.now(), cpu: user + system, retired: machine.summary().retired, counters: machine.counters() };
}

/** What a stretch of the run cost. */
type Cost = Pick<Progress, 'seconds' | 'cpuSeconds' | 'retired' | 'counters' | 'hot'>;

/** What happened between two moments; counters that have not moved are left out. */
function between(from: Moment, to: Moment): Cost {
  const moved = Object.entries(to.counters)
    .map(([name, value]): [string, number] => [name, value - (from.counters[name] ?? 0)])
    .filter(([, value]) => value !== 0);
  return {
    seconds: (to.milliseconds - from.milliseconds) / 1000, cpuSeconds: (to.cpu - from.cpu) / 1e6,
    retired: to.retired - from.retired, counters: Object.fromEntries(moved),
  };
}

function tell(progress: Progress): void {
  process.stdout.write(`${JSON.stringify(progress)}\n`);
}

/** One slice, and the idle time after it. @returns why the machine has stopped; undefined while it goes on */
function slice(machine: RunnableMachine): string | undefined {
  const outcome = machine.runSlice(SLICE_CYCLES);
  if (typeof outcome === 'string') return undefined;
  if ('reason' in outcome) return JSON.stringify(outcome.reason);
  if (!Number.isFinite(outcome.idleCycles)) return 'the guest waits for input for ever';
  machine.warp(outcome.idleCycles);
  return undefined;
}

/** Takes the guest's lines, and tells what each part cost. */
class Clerk {
  private readonly reader = new LineReader();
  private readonly start: Moment;
  private begun: Moment;
  private work: Cost;
  done = false;

  constructor(private readonly machine: RunnableMachine, private readonly profiler: StretchProfiler | undefined) {
    this.start = momentOf(machine);
    this.begun = this.start;
    this.work = between(this.start, this.start);
  }

  take(bytes: Uint8Array): void {
    for (const text of this.reader.take(bytes)) {
      const line = readLine(text);
      if (line !== undefined) this.takeLine(line);
    }
  }

  private takeLine(line: GuestLine): void {
    switch (line.kind) {
      case 'ready': return tell({ part: 'boot', ...between(this.start, momentOf(this.machine)) });
      case 'begin': return this.begin();
      case 'end': return this.end(line.part);
      case 'result': return tell({ part: line.part, ...this.work, checksum: line.checksum, count: line.count });
      case 'failed': return tell({ part: line.part, ...between(this.start, this.start), failure: line.reason });
      case 'done': this.done = true;
    }
  }

  private begin(): void {
    this.profiler?.start();
    this.begun = momentOf(this.machine);
  }

  private end(part: string): void {
    this.work = between(this.begun, momentOf(this.machine));
    if (this.profiler !== undefined) this.work = { ...this.work, hot: this.profiler.stop(part) };
  }
}

async function main({ configuration, serial, profile }: Order): Promise<void> {
  const validation = validateConfiguration(configuration, { front: 'commandLine' });
  if ('problems' in validation) throw new Error(validation.problems.map(problemText).join('\n'));
  const machine = createMachine(await loadImages(validation.configuration), nodeFiles);
  const clerk = new Clerk(machine, profile === undefined ? undefined : new StretchProfiler(profile));
  machine.resume({ kind: 'continue' });
  while (!clerk.done) {
    const stopped = slice(machine);
    for (const { channel, bytes } of machine.takeOutput()) {
      if (channel !== 'com1') continue;
      if (serial) process.stderr.write(bytes);
      clerk.take(bytes);
    }
    if (stopped !== undefined && !clerk.done) throw new Error(`the machine stopped before the last part was done: ${stopped}`);
  }
}

// What run.ts gives has the type that it makes it by.
void main(JSON.parse(process.argv[2]) as Order).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
  process.exitCode = 1;
});
