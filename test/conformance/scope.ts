/**
 * Which vectors the engine can be held to. The others are left out, with the reason, and are never counted as
 * passed.
 */
import type { Vector } from './vectorFile';

/** Why a vector is left out, or undefined. */
export function vectorLeftOut(family: string, _vector: Vector): string | undefined {
  return family.startsWith('v3/') ? 'AVX is not there yet' : undefined;
}
