/**
 * Exact conversions between the virtual clock (cycles) and a chip's own input clock (ticks).
 *
 * Seconds and the rest are taken apart, so that no product exceeds 2^53 and nothing is ever rounded:
 * a chip that has run for a month has lost no tick.
 */
import { CYCLES_PER_SECOND } from './device';

/** Quotient of two non-negative integers below 2^53, rounded down, exact. */
function wholeQuotient(dividend: number, divisor: number): number {
  return (dividend - (dividend % divisor)) / divisor;
}

/** Number of ticks that a clock of `hertz` (at most 4 MHz) has made at `cycle` since cycle 0. */
export function ticksAt(cycle: number, hertz: number): number {
  const rest = cycle % CYCLES_PER_SECOND;
  const seconds = wholeQuotient(cycle, CYCLES_PER_SECOND);
  return seconds * hertz + wholeQuotient(rest * hertz, CYCLES_PER_SECOND);
}

/** First cycle at which `ticksAt` has reached `tick`. */
export function cycleOfTick(tick: number, hertz: number): number {
  const seconds = wholeQuotient(tick, hertz);
  const product = (tick % hertz) * CYCLES_PER_SECOND;
  const roundUp = product % hertz === 0 ? 0 : 1;
  return seconds * CYCLES_PER_SECOND + wholeQuotient(product, hertz) + roundUp;
}
