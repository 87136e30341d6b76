/**
 * Guests one after the other until the time is over: what the child process of `npm run bad-guests` does, and the test
 * for a few seconds.
 */
import { addTrial, newFigures, observerFor, type Figures } from './figures';
import { generate } from './generator/generate';
import type { Corpus } from './generator/corpus';
import { GrowthWatch } from './growth';
import type { BadGuest, Mode } from './guest';
import { Machines } from './machines';
import { shrink } from './shrink';
import { tryForLong, tryGuest, type Failure, type Observer } from './trial';

/** Every so many guests: a comparison, a measurement of memory, a run for long. */
const COMPARED_EVERY = 4;
const MEASURED_EVERY = 50;
const LONG_EVERY = 400;
/** Time to make a failure smaller, in milliseconds. */
const SHRINK_MS = 60_000;

export interface Found {
  readonly failure: Failure;
  /** As it was made smaller. */
  readonly guest: BadGuest;
}

export interface CampaignOptions {
  readonly seed: number;
  readonly modes: readonly Mode[];
  /** Moment (performance.now()) at which to stop, if each mode has had its turn. */
  readonly deadline: number;
  /** Kinds of failure after which to stop. */
  readonly most: number;
  /** Whether to measure memory (needs --expose-gc), and to run some guests for long. */
  readonly measures: boolean;
  readonly corpus: Corpus;
}

/** What the campaign tells while it goes on. */
export interface Listener {
  /** A guest is about to run. */
  guest(mode: Mode, seed: number): void;
  /** Between two slices. */
  slice(): void;
  /** A failure of a kind that there was not yet. */
  found(found: Found): void;
}

export interface Outcome {
  readonly figures: Figures;
  /** Failures by their signature. */
  readonly failures: Readonly<Record<string, number>>;
  readonly memory: string;
  readonly nextSeed: number;
}

class Campaign {
  readonly figures = newFigures();
  readonly failures: Record<string, number> = {};
  readonly growth = new GrowthWatch();
  private readonly machines = new Machines();
  private readonly observer: Observer;

  constructor(private readonly options: CampaignOptions, private readonly listener: Listener) {
    const inner = observerFor(this.figures);
    this.observer = {
      slice: (machine) => {
        listener.slice();
        inner.slice(machine);
      },
      exception: inner.exception,
    };
  }

  get kinds(): number {
    return Object.keys(this.failures).length;
  }

  one(mode: Mode, seed: number): void {
    const { corpus, measures } = this.options;
    this.listener.guest(mode, seed);
    const guest = generate(mode, seed, corpus);
    const number = this.figures.guests;
    const long = measures && number % LONG_EVERY === LONG_EVERY - 1;
    const again = number % COMPARED_EVERY === 0;
    const inRun = new GrowthWatch();
    const trial = long ? tryForLong(this.machines, guest, this.observer, () => inRun.look()) : tryGuest(this.machines, guest, again, this.observer);
    addTrial(this.figures, mode, trial);
    if (trial.failure) this.failed(guest, trial.failure, again);
    if (measures && number % MEASURED_EVERY === MEASURED_EVERY - 1) this.measure(guest);
  }

  private measure(guest: BadGuest): void {
    const grown = this.growth.look();
    if (grown !== undefined) this.note({ kind: 'growth', signature: 'growth over many machines', text: grown }, guest);
  }

  private failed(guest: BadGuest, failure: Failure, again: boolean): void {
    if (this.failures[failure.signature] !== undefined || failure.kind === 'growth') return this.note(failure, guest);
    const same = (candidate: BadGuest): boolean => {
      this.listener.slice();
      return tryGuest(this.machines, candidate, again).failure?.signature === failure.signature;
    };
    this.note(failure, same(guest) ? shrink(guest, same, performance.now() + SHRINK_MS) : guest);
  }

  private note(failure: Failure, guest: BadGuest): void {
    const before = this.failures[failure.signature] ?? 0;
    this.failures[failure.signature] = before + 1;
    if (before === 0) this.listener.found({ failure, guest });
  }
}

/** @param pause called after each guest: lets messages out */
export async function campaign(options: CampaignOptions, listener: Listener, pause: () => Promise<void>): Promise<Outcome> {
  const run = new Campaign(options, listener);
  let { seed } = options;
  for (; performance.now() < options.deadline && run.kinds < options.most; seed++) {
    for (const mode of options.modes) {
      // Each mode has its turn once, however slow the host is.
      if (seed > options.seed && performance.now() >= options.deadline) break;
      run.one(mode, seed);
      await pause();
    }
  }
  return { figures: run.figures, failures: run.failures, memory: run.growth.text(), nextSeed: seed };
}
