/**
 * Keeps account of how guest code is run: instructions in each execution mode, and every switch between modes with its
 * cause. It is told where contexts change; generated code that goes from one privilege to another by itself counts that in words
 * of its own, which are read here.
 */
import { LARGE_ZERO } from '../memory/largeNumbers';
import { MONITOR_WORDS } from '../memory/layout';
import { causeOfSwitch, decideMode, type ExecutionConditions, type ExecutionMode, type ModeDecision, type SwitchCause } from './executionMode';

/** The modes that code stays in; what is stepped is counted by steps (see EngineCounters). */
export type LastingMode = Exclude<ExecutionMode, 'stepped'>;

const none = (): Record<SwitchCause, number> => ({ operation: 0, privilege: 0, iopl: 0, interruptFlag: 0, segments: 0, registers: 0, trapFlag: 0, engine: 0 });

export class ExecutionLog {
  /** Switches into each mode, by cause; a change of the reason alone is none. */
  readonly switches: Readonly<Record<LastingMode, Record<SwitchCause, number>>> = { direct: none(), guarded: none(), interpreted: none() };
  private readonly instructions: Record<LastingMode, number> = { direct: 0, guarded: 0, interpreted: 0 };
  private conditions: ExecutionConditions | undefined;
  private mode: LastingMode = 'guarded';
  /** Retired count up to which instructions have been put down to a mode. */
  private counted = LARGE_ZERO;

  /** @param view the machine's memory, in which generated code counts its own switches of privilege (see MONITOR_WORDS) */
  constructor(private readonly view: DataView) {}

  /** The CPU goes on under these conditions (the trap flag left out of account), after so many retired instructions. */
  note(conditions: ExecutionConditions, retired: number): ModeDecision {
    this.settle(retired);
    const decision = decideMode(conditions);
    const before = this.conditions;
    this.conditions = conditions;
    if (decision.mode === 'stepped' || (before && decision.mode === this.mode)) return decision;
    this.mode = decision.mode;
    if (before) this.switches[decision.mode][causeOfSwitch(before, conditions)]++;
    return decision;
  }

  /** Instructions retired in each mode, up to a retired count; `switches` is brought up to it, too. */
  instructionsUntil(retired: number): Readonly<Record<LastingMode, number>> {
    this.settle(retired);
    return { ...this.instructions };
  }

  /** The machine has gone to a moment with so many retired instructions, without executing those between. */
  goTo(retired: number): void {
    this.counted = retired;
  }

  /** All counts by name. */
  counters(retired: number): Readonly<Record<string, number>> {
    const found: Record<string, number> = {};
    for (const [mode, count] of Object.entries(this.instructionsUntil(retired))) found[`${mode}Instructions`] = count;
    for (const [mode, causes] of Object.entries(this.switches)) {
      for (const [cause, count] of Object.entries(causes)) if (count > 0) found[`${mode}By${capital(cause)}`] = count;
    }
    return found;
  }

  /** Puts instructions down to the modes that they were retired in. */
  private settle(retired: number): void {
    const { view, conditions } = this;
    const toUser = view.getUint32(MONITOR_WORDS.toUser, true);
    const toSupervisor = view.getUint32(MONITOR_WORDS.toSupervisor, true);
    // A machine that was reset or restored counts from another place.
    const passed = Math.max(0, retired - this.counted);
    if (!conditions || toUser + toSupervisor === 0) this.instructions[this.mode] += passed;
    else this.settleSwitches(conditions, toUser, toSupervisor, retired);
    this.counted = retired;
  }

  /** The same, where generated code has gone to and fro between programs and the supervisor, in segments that stayed the same. */
  private settleSwitches(conditions: ExecutionConditions, toUser: number, toSupervisor: number, retired: number): void {
    const { view, switches, instructions } = this;
    const wasUser = conditions.cpl === 3;
    const isUser = toUser === toSupervisor ? wasUser : toUser > toSupervisor;
    const sum = view.getFloat64(MONITOR_WORDS.userRetired, true) + (isUser ? retired : 0) - (wasUser ? this.counted : 0);
    const passed = Math.max(0, retired - this.counted);
    const user = Math.min(passed, Math.max(0, sum));
    const [outer, inner] = [3, 0].map((cpl) => lasting(decideMode({ ...conditions, cpl, interruptFlag: true }).mode));
    if (outer && inner) {
      instructions[outer] += user;
      instructions[inner] += passed - user;
      this.mode = isUser ? outer : inner;
      if (outer !== inner) {
        switches[outer].privilege += toUser;
        switches[inner].privilege += toSupervisor;
      }
    }
    this.conditions = { ...conditions, cpl: isUser ? 3 : 0 };
    view.setUint32(MONITOR_WORDS.toUser, 0, true);
    view.setUint32(MONITOR_WORDS.toSupervisor, 0, true);
    view.setFloat64(MONITOR_WORDS.userRetired, 0, true);
  }
}

const lasting = (mode: ExecutionMode): LastingMode => (mode === 'stepped' ? 'guarded' : mode);

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
