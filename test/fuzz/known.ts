/**
 * Where QEMU (TCG, 7.2) is known to be laxer than, or different from, the manual: data, each with how narrowly it is told
 * and the section of the Intel SDM that is on our side. A difference that one of these explains ends its program and is only counted.
 */
import type { Case } from './case';
import { AT } from './layout';
import type { Step } from './lockstep';
import type { MachineState } from './machineState';
import { violatesSegments } from './violations';

export interface KnownDifference {
  readonly id: string;
  readonly reason: string;
  /** Section of the Intel SDM. */
  readonly manual: string;
  matches(step: Step, program: Case): boolean;
}

const GP = 13;
const SS = 12;

/** The vector in whose handler a machine stands, if it is one of the standard handlers. */
export function handlerVector(state: MachineState): number | undefined {
  const offset = Number(state.rip) + Number(state.segments.cs.base) - AT.handlers;
  return offset >= 0 && offset < 0x1000 && offset % 16 === 0 ? offset / 16 : undefined;
}

/** Ours has delivered a fault of this vector, theirs has not. */
function onlyWeFault(step: Step, ...vectors: readonly number[]): boolean {
  if (step.ourStep.kind === 'shutdown') return true;
  const ours = handlerVector(step.ours);
  return step.ourStep.kind === 'delivered' && ours !== undefined && vectors.includes(ours) && handlerVector(step.theirs) !== ours;
}

export const KNOWN: readonly KnownDifference[] = [
  {
    id: 'segment-limits',
    reason: 'TCG checks neither limits nor rights of segments in memory accesses and instruction fetches',
    manual: 'vol. 3, 5.3 and 5.5',
    matches: (step) => step.instruction !== undefined && violatesSegments(step.before, step.instruction) && onlyWeFault(step, GP, SS, 8),
  },
];

/** The known difference that explains a step, if there is one. */
export function known(step: Step, program: Case): KnownDifference | undefined {
  return KNOWN.find((difference) => difference.matches(step, program));
}
