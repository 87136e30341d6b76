/**
 * How guest code may be run, as a function of what the CPU is in and of nothing else: directly, with guards, or not as
 * translated code at all. What follows from it for the code that is emitted is the segment model (see ./records).
 *
 * Direct execution (Adams, Agesen: A Comparison of Software and Hardware Techniques for x86 Virtualization, 2006; Intel SDM
 * vol. 3, 2.3 and vol. 1, 19.3): at CPL 3, with IOPL below 3, every instruction that could read or change what the monitor
 * has to know of ends in a fault or a transfer to the supervisor, and POPF leaves IF and IOPL alone. In flat or 64-bit
 * segments no access can run over a limit, either. Such code needs no guards, and nothing that this decision hangs on can
 * change while it runs. All other code is translated with guards: supervisor code for what its instructions do to the
 * machine, code in other segments for each access, real and virtual-8086 mode for both.
 */
import type { Model } from './records';

export type ExecutionMode =
  /** Translated without guards. */
  | 'direct'
  /** Translated with guards. */
  | 'guarded'
  /** By handlers alone: the engine, or the state of the registers, does not allow translated code. */
  | 'interpreted'
  /** Instruction by instruction. */
  | 'stepped';

/** What a mode has been decided by. */
export type ModeReason = 'unprivileged' | 'supervisor' | 'io-privilege' | 'interrupts-off' | 'segments' | 'real-mode' | 'virtual-8086' | 'upper-halves' | 'no-translator' | 'trap-flag';

/** All that the decision hangs on. */
export interface ExecutionConditions {
  /** Protected (or long) mode, real mode, or a virtual-8086 task. */
  readonly operation: 'protected' | 'real' | 'virtual-8086';
  readonly cpl: number;
  readonly iopl: number;
  readonly interruptFlag: boolean;
  readonly trapFlag: boolean;
  /** What the segments come to. */
  readonly model: Model;
  /** Whether there is a translator. */
  readonly translates: boolean;
  /** Whether the registers hold nothing that translated code of this size could not keep. */
  readonly upperHalvesClear: boolean;
}

export interface ModeDecision {
  readonly mode: ExecutionMode;
  readonly reason: ModeReason;
}

/** Every decision that there is, so that deciding allocates nothing. */
const DECISIONS = {
  unprivileged: { mode: 'direct', reason: 'unprivileged' },
  supervisor: { mode: 'guarded', reason: 'supervisor' },
  ioPrivilege: { mode: 'guarded', reason: 'io-privilege' },
  interruptsOff: { mode: 'guarded', reason: 'interrupts-off' },
  segments: { mode: 'guarded', reason: 'segments' },
  realMode: { mode: 'guarded', reason: 'real-mode' },
  virtual8086: { mode: 'guarded', reason: 'virtual-8086' },
  upperHalves: { mode: 'interpreted', reason: 'upper-halves' },
  noTranslator: { mode: 'interpreted', reason: 'no-translator' },
  trapFlag: { mode: 'stepped', reason: 'trap-flag' },
} as const satisfies Record<string, ModeDecision>;

/** How code runs under these conditions, and which of them decides it. */
export function decideMode(conditions: ExecutionConditions): ModeDecision {
  const { operation, cpl, iopl, interruptFlag, trapFlag, model, translates, upperHalvesClear } = conditions;
  if (trapFlag) return DECISIONS.trapFlag;
  if (!translates) return DECISIONS.noTranslator;
  if (!upperHalvesClear) return DECISIONS.upperHalves;
  if (operation === 'real') return DECISIONS.realMode;
  if (operation === 'virtual-8086') return DECISIONS.virtual8086;
  if (cpl < 3) return DECISIONS.supervisor;
  if (iopl === 3) return DECISIONS.ioPrivilege;
  if (!interruptFlag) return DECISIONS.interruptsOff;
  if (model === 'seg') return DECISIONS.segments;
  return DECISIONS.unprivileged;
}

/** What has changed where one mode, or its reason, has given way to another. */
export type SwitchCause = 'operation' | 'privilege' | 'iopl' | 'interruptFlag' | 'segments' | 'registers' | 'trapFlag' | 'engine';

/** The condition that has led from one decision to another; where several have changed, the one that is decided by first. */
export function causeOfSwitch(before: ExecutionConditions, after: ExecutionConditions): SwitchCause {
  if (before.trapFlag !== after.trapFlag) return 'trapFlag';
  if (before.translates !== after.translates) return 'engine';
  if (before.operation !== after.operation) return 'operation';
  if ((before.cpl === 3) !== (after.cpl === 3)) return 'privilege';
  if (before.upperHalvesClear !== after.upperHalvesClear) return 'registers';
  if ((before.iopl === 3) !== (after.iopl === 3)) return 'iopl';
  if (before.interruptFlag !== after.interruptFlag) return 'interruptFlag';
  return 'segments';
}
