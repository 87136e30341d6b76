/** Running until something: the words of the console's `until` and of `shadowbox.runUntil` as requests of the machine. */
import type { RunRequest } from '../src/monitor/machine/session';
import type { Evaluation } from './evaluation';
import { userError } from './ports';
import type { Runner, Stop } from './runner';
import type { CpuThread } from './threads';

/** What may stand alone behind `until`. */
const EVENTS = ['return', 'branch', 'iret', 'user', 'kernel', 'cr3'] as const;
const NANOSECONDS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
const UNITS = Object.keys(NANOSECONDS);
const INSTRUCTIONS = 'instructions';

export const UNTIL_USAGE = `until ADDRESS | ${EVENTS.join(' | ')} | COUNT ${INSTRUCTIONS} | TIME ${UNITS.join('|')}`;

/** The words that may come next, behind those that there are. */
export function untilWords(before: readonly string[]): readonly string[] {
  if (before.length === 0) return EVENTS;
  return before.length === 1 && isNumber(before[0]) ? [INSTRUCTIONS, ...UNITS] : [];
}

function isNumber(word: string): boolean {
  return /^\d+(\.\d+)?$/.test(word);
}

/** A change between user and kernel leads to the other one: never more than two are wanted. */
const MOST_CHANGES = 2;

export class RunUntil {
  constructor(private readonly runner: Runner, private readonly evaluation: Evaluation) {}

  /** The command for some words. Error (with what there is) for words that mean nothing. */
  async command(text: string, thread: CpuThread): Promise<() => Promise<Stop>> {
    const words = text.trim().toLowerCase().split(/\s+/);
    const [word, unit] = words;
    if (word === '') throw userError(`Usage: ${UNTIL_USAGE}`);
    switch (EVENTS.find((each) => each === word)) {
      case undefined: break;
      case 'return': return () => thread.stepper.stepOut();
      case 'branch': return this.next(thread, 'branch');
      case 'iret': return this.next(thread, 'interruptReturn');
      case 'cr3': return this.next(thread, 'cr3');
      case 'user':
      case 'kernel': return () => this.privilege(thread, word === 'user');
    }
    if (words.length === 2 && (unit === INSTRUCTIONS || /^(instruction|n)$/.test(unit))) return this.run({ kind: 'instructions', count: await this.count(word) });
    if (words.length === 2 && UNITS.includes(unit) && isNumber(word)) {
      const { time } = await thread.target.inspect.summary();
      return this.run({ kind: 'untilTime', time: Math.round(time + Number(word) * NANOSECONDS[unit]) });
    }
    return this.run({ kind: 'until', address: await this.evaluation.linear(text.trim()) });
  }

  private run(request: RunRequest): () => Promise<Stop> {
    return () => this.runner.run(request);
  }

  private next({ target: { index: cpu } }: CpuThread, what: 'branch' | 'interruptReturn' | 'cr3' | 'privilege'): () => Promise<Stop> {
    return this.run({ kind: 'next', what, ...(cpu === undefined ? {} : { cpu }) });
  }

  /** Until code runs at CPL 3, or at another one. */
  private async privilege(thread: CpuThread, user: boolean): Promise<Stop> {
    const once = this.next(thread, 'privilege');
    for (let changes = 1; ; changes++) {
      const stop = await once();
      const isThere = ((await thread.target.cpu()).cpl === 3) === user;
      if (stop.report.reason.kind !== 'step' || isThere || changes >= MOST_CHANGES) return stop;
    }
  }

  private async count(word: string): Promise<number> {
    const count = Number(await this.evaluation.integer(word));
    if (!Number.isSafeInteger(count) || count < 1) throw userError(`${word} is no number of instructions: give a whole number from 1 up.`);
    return count;
  }
}
