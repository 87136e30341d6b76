/**
 * What becomes of a decoded instruction on this processor and in its present state: itself, or one that faults.
 * It is decided once, when code is decoded, because it is part of the code's context.
 */
import type { CpuPlace } from '../cpu/models/processor';
import type { Instruction } from '../isa/decoder';
import { onProcessor, type FeatureTest } from '../isa/features';

/** Vector instructions that may run now: all, MMX alone, or none (CR0.EM, CR0.TS, CR4.OSFXSR). */
export type VectorUse = 'sse' | 'mmx' | 'none';
/** Instructions with a VEX prefix that may run now: all, those of general registers, or none (mode, CR0.TS, CR4.OSXSAVE, XCR0). */
export type VexUse = 'avx' | 'general' | 'none';

/** What of both may run. */
export interface UnitUse {
  readonly vectors: VectorUse;
  readonly vex: VexUse;
}

/** PAUSE. */
const isPause = ({ name, opcode, repeat }: Instruction): boolean => name === 'nop' && opcode === 0x90 && repeat === 0xf3;

/** The instruction as it is to be executed. With several CPUs PAUSE gives the next one its turn. */
export function admit(instruction: Instruction, { vectors, vex }: UnitUse, { features, place }: { readonly features: FeatureTest; readonly place: CpuPlace }): Instruction {
  if (place.count > 1 && isPause(instruction)) return { ...instruction, name: '!pause' };
  const here = onProcessor(instruction, features);
  if (here.vex) return vex === 'avx' || (vex === 'general' && here.unit === 'none') ? here : { ...here, name: '!no_avx' };
  // What takes vectors away altogether (CR0) takes the x87 unit away, too.
  if (here.unit === 'x87' && (vectors === 'none' || !features.has('fpu'))) return { ...here, name: here.name === 'fwait' ? '!fwait' : '!x87' };
  if (vectors === 'sse' || (here.unit !== 'mmx' && here.unit !== 'sse') || here.unit === vectors) return here;
  return { ...here, name: here.unit === 'sse' ? '!no_sse' : '!no_mmx' };
}
