/**
 * Runs one bad guest and looks at everything: no exception, no slow slice, a sensible end, and the same state after
 * running in one go and in uneven slices.
 */
import { Random } from '../../fuzz/random';
import type { RunnableMachine } from '../../../src/monitor/machine/runnable';
import type { StopReason } from '../../../src/monitor/machine/session';
import { LoadError } from '../../../src/monitor/firmware/platform';
import type { BadGuest } from './guest';
import type { Machines } from './machines';

/** Processor time that a slice may take, in milliseconds. */
export const SLICE_MS = 2000;
/** The longest slice that a host asks for, in cycles. */
const LONGEST_SLICE = 4_000_000;
/** A guest that has taken so much time is left, in milliseconds. */
const GUEST_MS = 1500;

const SENSIBLE: ReadonlySet<StopReason['kind']> = new Set(['count', 'triple-fault', 'halted-forever', 'power-off', 'exit']);

/** What went wrong. */
export interface Failure {
  readonly kind: 'exception' | 'slow slice' | 'bad end' | 'nondeterministic' | 'hang' | 'growth';
  /** What two failures have in common that count as one. */
  readonly signature: string;
  readonly text: string;
}

/** Where a run ended. */
export interface End {
  readonly how: StopReason['kind'] | 'time' | 'waits' | 'given up';
  readonly retired: number;
  readonly time: number;
  readonly slices: number;
  /** Processor time of the slowest slice, in milliseconds. */
  readonly slowest: number;
}

/** What is told of a run while it goes on. */
export interface Observer {
  /** Between two slices. */
  slice(machine: RunnableMachine): void;
  /** An exception or trap before its delivery, in runs that stop at them. */
  exception(vector: number): void;
}

/** How a run is cut up. */
interface Rhythm {
  slice(): number;
  idle(): number;
  pauses(): boolean;
}

const STEADY: Rhythm = { slice: () => LONGEST_SLICE, idle: () => Infinity, pauses: () => false };

function uneven(random: Random): Rhythm {
  return { slice: () => 1 + random.below(random.chance(25) ? 50 : random.pick([1000, 20_000, 1_000_000])), idle: () => 1 + random.below(2_000_000), pauses: () => random.chance(10) };
}

const processorTime = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

class SlowSlice extends Error {}

const ALL_EXCEPTIONS = Array.from({ length: 32 }, (_, vector) => ({ vector }));

/** Runs to the guest's limits: exactly so many retired instructions, or so many cycles. */
function run(machine: RunnableMachine, guest: BadGuest, rhythm: Rhythm, observer: Observer, patience: number): End {
  const first = machine.summary();
  const count = first.retired + guest.instructions;
  const until = first.time + guest.cycles;
  const started = performance.now();
  let slices = 0;
  let slowest = 0;
  const end = (how: End['how']): End => ({ how, retired: machine.summary().retired, time: machine.summary().time, slices, slowest });
  const resume = (): void => machine.resume({ kind: 'instructions', count: count - machine.summary().retired });
  resume();
  for (;;) {
    const { time } = machine.summary();
    if (time >= until) return end('time');
    if (performance.now() - started > patience) return end('given up');
    const before = processorTime();
    const outcome = machine.runSlice(Math.min(rhythm.slice(), until - time));
    const took = processorTime() - before;
    slices++;
    slowest = Math.max(slowest, took);
    if (took > SLICE_MS) throw new SlowSlice(`a slice took ${Math.round(took)} ms of processor time, in which ${machine.summary().retired - first.retired} instructions had been retired`);
    machine.takeOutput();
    observer.slice(machine);
    if (typeof outcome === 'string') {
      if (rhythm.pauses()) {
        machine.requestPause();
        resume();
      }
    } else if ('reason' in outcome) {
      const { reason } = outcome;
      if (reason.kind !== 'exception') return end(reason.kind);
      observer.exception(reason.exception.vector);
      // It stands between an instruction and a delivery that does not count: other runs end behind that.
      if (machine.summary().retired === count) return end('given up');
      resume();
    } else {
      // Less what the slice itself has taken: no run is to go beyond the end that all have.
      const idle = Math.min(outcome.idleCycles, rhythm.idle(), until - machine.summary().time);
      if (!Number.isFinite(outcome.idleCycles)) return end('waits');
      machine.warp(idle);
    }
  }
}

/** Asks all that can be asked. */
function inspect(machine: RunnableMachine): void {
  machine.cpu();
  machine.screen();
  machine.devices();
  machine.counters();
  for (const { cr3, key } of machine.addressSpaces()) {
    machine.walk(cr3, 0x8123n, key);
    machine.table({ cr3, key });
  }
}

/** The lines of a stack that say where in the monitor it was. */
function whereabouts(error: Error): string {
  const lines = (error.stack ?? '').split('\n').filter((line) => line.trim().startsWith('at '));
  return lines.slice(0, 3).map((line) => line.trim().replace(/\(.*[/\\]/, '(')).join(' ');
}

export interface Trial {
  /** Missing when the guest could not even be loaded. */
  readonly end?: End;
  readonly failure?: Failure;
  /** Whether a second run was compared with the first. */
  readonly compared: boolean;
}

const NOBODY: Observer = { slice: () => undefined, exception: () => undefined };

/**
 * @param again whether to run it twice and compare
 * @param observer told of both runs
 * @param patience after which the guest is left, in milliseconds
 */
export function tryGuest(machines: Machines, guest: BadGuest, again: boolean, observer: Observer = NOBODY, patience = GUEST_MS): Trial {
  return guarded(machines, guest, () => {
    const machine = machines.with(guest);
    const end = run(machine, guest, STEADY, observer, patience);
    if (end.how !== 'time' && end.how !== 'waits' && end.how !== 'given up' && !SENSIBLE.has(end.how)) {
      return { end, compared: false, failure: { kind: 'bad end', signature: `bad end: ${end.how}`, text: `the run ended with "${end.how}"` } };
    }
    const hash = machine.hash();
    inspect(machine);
    if (machine.hash() !== hash) return { end, compared: false, failure: { kind: 'nondeterministic', signature: 'inspection changes state', text: 'inspection has changed the hash' } };
    if (!again || end.how === 'given up') return { end, compared: false };
    return { end, ...compare(machines, guest, end, hash, observer) };
  });
}

/** Takes whatever comes out of the monitor for a failure. */
function guarded(machines: Machines, guest: BadGuest, body: () => Trial): Trial {
  try {
    return body();
  } catch (error) {
    machines.forget();
    if (error instanceof LoadError) return { compared: false };
    if (error instanceof SlowSlice) return { compared: false, failure: { kind: 'slow slice', signature: `slow slice: ${guest.mode}`, text: error.message } };
    const reason = error instanceof Error ? error : new Error(String(error));
    const signature = `${reason.name}: ${reason.message.replace(/\d+/g, 'N')} ${whereabouts(reason)}`;
    return { compared: false, failure: { kind: 'exception', signature, text: reason.stack ?? reason.message } };
  }
}

/** Segments of a long run, and processor time for each in milliseconds. */
const SEGMENTS = 10;
const SEGMENT_MS = 700;

/**
 * One guest for long: `look` is asked between its segments, and says what has grown.
 */
export function tryForLong(machines: Machines, guest: BadGuest, observer: Observer, look: () => string | undefined): Trial {
  return guarded(machines, guest, () => {
    const machine = machines.with(guest);
    let end: End | undefined;
    for (let segment = 0; segment < SEGMENTS; segment++) {
      end = run(machine, { ...guest, instructions: 1e12, cycles: 1e12 }, STEADY, observer, SEGMENT_MS);
      const grown = look();
      if (grown !== undefined) return { end, compared: false, failure: { kind: 'growth', signature: `growth in one run: ${guest.mode}`, text: `in one run: ${grown}` } };
      if (end.how !== 'given up') break;
      machine.requestPause();
    }
    return { ...(end ? { end } : {}), compared: false };
  });
}

/** The same guest in a fresh machine, in uneven slices, every second time with a stop at each exception. */
function compare(machines: Machines, guest: BadGuest, first: End, hash: string, observer: Observer): Pick<Trial, 'compared' | 'failure'> {
  const random = new Random(guest.seed, 77);
  const machine = machines.with(guest, true);
  const stops = random.chance(50);
  if (stops) machine.setExceptionStops(ALL_EXCEPTIONS);
  const second = run(machine, guest, uneven(random), observer, 10 * GUEST_MS);
  if (second.how === 'given up') return { compared: false };
  const story = ({ how, retired, time }: End): string => `${how} after ${retired} instructions and ${time} cycles`;
  const same = story(first) === story(second);
  if (same && machine.hash() === hash) return { compared: true };
  const text = `in one go: ${story(first)}, hash ${hash}; in uneven slices${stops ? ' with stops at exceptions' : ''}: ${story(second)}, hash ${machine.hash()}`;
  return { compared: true, failure: { kind: 'nondeterministic', signature: `nondeterministic: ${stops ? 'exception stops' : 'slices'} ${same ? 'state' : 'end'}`, text } };
}
