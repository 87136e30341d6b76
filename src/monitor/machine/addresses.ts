/**
 * Linear addresses on both sides of the machine's door: outside they are unsigned bigints, inside numbers that are
 * negative for the upper half of a 64-bit space.
 */
import type { CpuState } from '../cpu/state';

/** An address from outside; exact below 2^53. */
export const signedAddress = (linear: bigint): number => Number(BigInt.asIntN(64, linear));

/** An address of the CPU under way for the outside. */
export const outsideAddress = (state: CpuState, linear: number): bigint => BigInt.asUintN(64, state.exactAddress(linear));
