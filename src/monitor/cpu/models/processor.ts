/**
 * A processor as a machine is given it: a model with its features switched, and its place among its like.
 */
import { withNeeds, FEATURES, type FeatureSet } from './features';
import { MODELS, type CpuModel } from './models';

export interface Processor {
  readonly model: CpuModel;
  readonly features: FeatureSet;
}

/** Which CPU of the machine this is, counted from 0, and of how many (1 to 8). */
export interface CpuPlace {
  readonly index: number;
  readonly count: number;
}

/** All features that there are, on the newest model: for a CPU that nobody has chosen a model for. */
export const FULL_PROCESSOR: Processor = { model: MODELS['x86-64-v3'], features: withNeeds(FEATURES) };

/** The signature: CPUID.1:EAX, and EDX after reset (Intel SDM vol. 2, CPUID, figure 3-6). */
export function signatureOf({ family, model, stepping }: CpuModel): number {
  const shortFamily = Math.min(family, 15);
  return (((family - shortFamily) << 20) | ((model >> 4) << 16) | (shortFamily << 8) | ((model & 15) << 4) | stepping) >>> 0;
}

/** Number of bits of physical addresses: reserved bits in MTRRs, IA32_APIC_BASE and page tables follow. */
export function physicalBits({ model }: Processor): number {
  return model.physicalBits;
}
