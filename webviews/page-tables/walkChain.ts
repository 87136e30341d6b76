/**
 * A walk as a chain of steps: from CR3 through each level to the page, guest and shadow side by side.
 */
import type { GuestWalkStep, ShadowWalkStep, WalkAnswer } from '../../src/monitor/inspection/queries';
import { indexField, placeOf, type PagingMode } from './format';

export type ChainStep =
  | { readonly kind: 'root' }
  | { readonly kind: 'level'; readonly level: number; readonly guest: GuestWalkStep | undefined; readonly shadow: ShadowWalkStep | undefined }
  | { readonly kind: 'page' };

/** The steps of a walk, root first. Without paging there is only the page. */
export function chainOf(answer: WalkAnswer): readonly ChainStep[] {
  const levels = [...new Set([...answer.guest, ...answer.shadow].map(({ level }) => level))].sort((a, b) => b - a);
  const steps = levels.map((level): ChainStep => ({
    kind: 'level', level,
    guest: answer.guest.find((step) => step.level === level),
    shadow: answer.shadow.find((step) => step.level === level),
  }));
  return steps.length === 0 ? [{ kind: 'page' }] : [{ kind: 'root' }, ...steps, { kind: 'page' }];
}

/** The bits of the linear address that a step uses, as binary digits; none for the root. */
export function addressBits(mode: PagingMode, linear: bigint, step: ChainStep): { readonly digits: string; readonly high: number; readonly low: number } | undefined {
  if (step.kind === 'root') return undefined;
  const { high, low } = indexField(mode, step.kind === 'page' ? 0 : step.level);
  const width = high - low + 1;
  const value = BigInt.asUintN(width, placeOf(mode, linear) >> BigInt(low));
  return { digits: value.toString(2).padStart(width, '0'), high, low };
}

/** The step in focus: the one chosen, else the last. */
export function chosenStep(steps: number, chosen: number | undefined): number {
  return Math.min(steps - 1, Math.max(0, chosen ?? steps - 1));
}
