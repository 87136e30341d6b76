/**
 * Collects what the mouse does between two messages to the guest: pure functions. Buttons are in both worlds a bit each: left, right,
 * middle, and the two at the side.
 */
export interface Motion {
  readonly dx: number;
  /** Upwards. */
  readonly dy: number;
  /** Steps of the wheel, away from the person; fractions wait until they are whole. */
  readonly wheel: number;
  readonly buttons: number;
}

export const AT_REST: Motion = { dx: 0, dy: 0, wheel: 0, buttons: 0 };

/** Pixels of a step of the wheel, for events that count in pixels; lines of one for those that count in lines. */
const STEP_PIXELS = 100;
const STEP_LINES = 3;
const LINE_MODE = 1;

/** The page counts downwards. */
export function moved(motion: Motion, right: number, down: number, buttons: number): Motion {
  return { ...motion, dx: motion.dx + right, dy: motion.dy - down, buttons };
}

export function wheeled(motion: Motion, down: number, mode: number): Motion {
  return { ...motion, wheel: motion.wheel - down / (mode === LINE_MODE ? STEP_LINES : STEP_PIXELS) };
}

/** What is to be told now in whole counts, and what is left of it. Undefined when there is nothing to tell. */
export function told(motion: Motion, buttonsBefore: number): { readonly motion: Motion; readonly rest: Motion } | undefined {
  // Zero has one sign.
  const [dx, dy, wheel] = [motion.dx, motion.dy, motion.wheel].map((count) => Math.trunc(count) + 0);
  if (dx === 0 && dy === 0 && wheel === 0 && motion.buttons === buttonsBefore) return undefined;
  const whole = { dx, dy, wheel, buttons: motion.buttons };
  return { motion: whole, rest: { dx: motion.dx - dx, dy: motion.dy - dy, wheel: motion.wheel - wheel, buttons: motion.buttons } };
}
