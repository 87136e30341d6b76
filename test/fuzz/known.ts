/**
 * Where QEMU (TCG, 7.2) is known to be laxer than, or different from, the manual: data in known/, each with how narrowly
 * it is told and the section of the Intel SDM. What these explain is counted and not reported.
 */
import type { Case } from './case';
import { BYTES } from './known/bytes';
import { INSTRUCTIONS } from './known/instructions';
import { LONG_MODE } from './known/longMode';
import { TRANSFERS } from './known/transfers';
import type { KnownBytes, KnownDifference } from './known/types';
import type { MemoryDifference, Step } from './lockstep';

export type { KnownBytes, KnownDifference };

/** Everything that is known, for listings. */
export const ALL_KNOWN: readonly (KnownBytes | KnownDifference)[] = [...TRANSFERS, ...INSTRUCTIONS, ...LONG_MODE, ...BYTES];

/** What explains a run of bytes that differ, if anything. */
export function knownByte(step: Step, difference: MemoryDifference): KnownBytes | undefined {
  return BYTES.find((one) => one.explains(step, difference));
}

/** The known difference that explains a step, if there is one. */
export function known(step: Step, program: Case): KnownDifference | undefined {
  return [...TRANSFERS, ...INSTRUCTIONS, ...LONG_MODE].find((difference) => difference.matches(step, program));
}
