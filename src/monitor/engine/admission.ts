/**
 * What becomes of a decoded instruction on this processor and in its present state: itself, or one that faults.
 * It is decided once, when code is decoded, because it is part of the code's context.
 */
import type { Instruction } from '../isa/decoder';
import { onProcessor, type FeatureTest } from '../isa/features';

/** Vector instructions that may run now: all, MMX alone, or none (CR0.EM, CR0.TS, CR4.OSFXSR). */
export type VectorUse = 'sse' | 'mmx' | 'none';

/** The instruction as it is to be executed. */
export function admit(instruction: Instruction, vectors: VectorUse, features: FeatureTest): Instruction {
  const here = onProcessor(instruction, features);
  if (vectors === 'sse' || (here.unit !== 'mmx' && here.unit !== 'sse') || here.unit === vectors) return here;
  return { ...here, name: here.unit === 'sse' ? '!no_sse' : '!no_mmx' };
}
