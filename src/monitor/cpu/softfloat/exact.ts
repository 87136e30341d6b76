/**
 * Error-free transformations: what a rounded-to-nearest sum, product, quotient or root has lost, found with
 * doubles alone.
 *
 * Sources: Dekker, "A floating-point technique for extending the available precision" (1971); Knuth, The Art of
 * Computer Programming vol. 2, 4.2.2; Boldo and Melquiond, "Emulation of FMA and correctly rounded sums" (2008).
 */

/** Splits a double into two halves of at most 26 bits. */
const SPLITTER = 2 ** 27 + 1;

/** Magnitudes between which products of doubles lose nothing to overflow or underflow on the way. */
const LEAST_PRODUCT = 2 ** -960;
const LARGEST_PRODUCT = 2 ** 1020;
const LARGEST_FACTOR = 2 ** 990;

/** a + b - sum, exactly, for sum = a + b rounded; the sum must be finite. */
export function sumError(a: number, b: number, sum: number): number {
  const partB = sum - a;
  return a - (sum - partB) + (b - partB);
}

/** a * b - product, exactly, for product = a * b rounded, where `productIsSafe`. */
export function productError(a: number, b: number, product: number): number {
  const scaledA = SPLITTER * a;
  const highA = scaledA - (scaledA - a);
  const lowA = a - highA;
  const scaledB = SPLITTER * b;
  const highB = scaledB - (scaledB - b);
  const lowB = b - highB;
  return highA * highB - product + highA * lowB + lowA * highB + lowA * lowB;
}

/** Whether `productError` may be asked. */
export function productIsSafe(a: number, b: number, product: number): boolean {
  const magnitude = Math.abs(product);
  return magnitude >= LEAST_PRODUCT && magnitude <= LARGEST_PRODUCT && Math.abs(a) <= LARGEST_FACTOR && Math.abs(b) <= LARGEST_FACTOR;
}

/** Whether a * b is exactly `product`, where `productIsSafe`. */
export function isExactProduct(a: number, b: number, product: number): boolean {
  return a * b === product && productError(a, b, product) === 0;
}
