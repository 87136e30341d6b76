/** Gates of stops: whether one that has been come to counts, by its condition and its hits, and what logs note. */
import { CannotEvaluate, compileExpression, type Evaluate, type GateContext } from './gateExpressions';
import type { Gate, GateProblem, LogEntry, StopList } from './stops';

/** Where logs go. */
export interface LogKeeper {
  note(entry: Pick<LogEntry, 'list' | 'id' | 'values'>): void;
}

/** Whether to stop; or to stop because a gate could not be evaluated, and why. */
export type Verdict = boolean | GateProblem;

export class CompiledGate {
  private readonly condition: Evaluate | undefined;
  private readonly log: readonly Evaluate[] | undefined;
  private count = 0;

  /** MachineError (blame: user) for a gate that cannot be. */
  constructor(
    private readonly list: StopList,
    private readonly id: number,
    private readonly gate: Gate,
    context: GateContext,
    private readonly keeper: LogKeeper,
  ) {
    this.condition = gate.condition && compileExpression(gate.condition, context);
    this.log = gate.log?.values.map((value) => compileExpression(value, context));
  }

  /**
   * The stop has been come to.
   * @param backwards on a search in the past: hits are not counted, logs not written
   */
  judge(backwards: boolean): Verdict {
    try {
      if (this.condition && this.condition() === 0n) return false;
    } catch (reason) {
      return { id: this.id, problem: `The condition cannot be evaluated. ${messageOf(reason)}` };
    }
    if (backwards) return this.log === undefined;
    this.count++;
    if (!this.isCounted()) return false;
    if (!this.log) return true;
    this.keeper.note({ list: this.list, id: this.id, values: this.log.map(valueOf) });
    return false;
  }

  private isCounted(): boolean {
    const { hits } = this.gate;
    if (!hits) return true;
    if (hits.op === 'multiple') return this.count % hits.count === 0;
    return hits.op === '==' ? this.count === hits.count : this.count >= hits.count;
  }
}

function valueOf(evaluate: Evaluate): bigint | string {
  try {
    return evaluate();
  } catch (reason) {
    return messageOf(reason);
  }
}

function messageOf(reason: unknown): string {
  if (reason instanceof CannotEvaluate) return reason.message;
  throw reason;
}
