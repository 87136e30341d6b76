/** Who decides whether a stop of the machine is one that a person gets to see: the managers of breakpoints of all kinds. */
import type { StopReport } from '../src/monitor/machine/session';

export interface Verdict {
  readonly stop: boolean;
  /** The client's ids. */
  readonly hitBreakpointIds: readonly number[];
}

export interface StopJudge {
  /** @param backwards on the way into the past: hits do not count, and nothing is logged */
  judge(report: StopReport, backwards: boolean): Promise<Verdict>;
}

/** Asks all of them: each has an answer to its own stops alone. */
export function anyOf(judges: readonly StopJudge[]): StopJudge {
  return {
    judge: async (report, backwards) => {
      const verdicts = await Promise.all(judges.map((judge) => judge.judge(report, backwards)));
      return { stop: verdicts.some(({ stop }) => stop), hitBreakpointIds: verdicts.flatMap(({ hitBreakpointIds }) => hitBreakpointIds) };
    },
  };
}

/** The stop is not about anything that this manager has set. */
export const NO_VERDICT: Verdict = { stop: false, hitBreakpointIds: [] };
