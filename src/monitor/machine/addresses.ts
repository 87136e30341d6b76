/**
 * Linear addresses on both sides of the machine's door: outside they are unsigned bigints, inside numbers that are
 * negative for the upper half of a 64-bit space.
 */

/** An address from outside. */
export const signedAddress = (linear: bigint): number => Number(BigInt.asIntN(64, linear));

/** An address for the outside. */
export const unsignedAddress = (linear: number): bigint => BigInt.asUintN(64, BigInt(linear));
