/**
 * First values of fields that come to hold numbers of more than 31 bits: counts of instructions, times, addresses. V8 keeps small integers otherwise than all
 * other numbers, and when a field has held nothing else, the first large one gives its object another shape: all that was optimised for the old
 * one is thrown away. For an object that much code knows, such as the engine, that is much of what a boot has optimised, and at the moment when it counts.
 */

/** None yet: less than any count, time or address. */
export const NONE_YET = Number.NEGATIVE_INFINITY;

/** Zero, kept as numbers are that are not small integers. */
export const LARGE_ZERO = -0;
