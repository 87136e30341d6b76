/**
 * Paces a panel's updates: together, in an animation frame, and at most 30 a second.
 */

/** Two frames of a 60 Hz screen; a little less, so that clock jitter does not make it three. */
const SHORTEST_INTERVAL_MS = 32;

/** The browser's clock and animation frames, replaceable in tests. */
export interface FrameSource {
  now(): number;
  nextFrame(callback: () => void): void;
  later(callback: () => void, milliseconds: number): void;
}

export const browserFrames: FrameSource = {
  now: () => performance.now(),
  nextFrame: (callback) => { requestAnimationFrame(callback); },
  later: (callback, milliseconds) => { setTimeout(callback, milliseconds); },
};

/** A function that asks for `update` to run soon; however often it is asked, updates keep their distance. */
export function paced(update: () => void, source: FrameSource = browserFrames): () => void {
  let asked = false;
  let last = -Infinity;
  const run = () => {
    asked = false;
    last = source.now();
    update();
  };
  return () => {
    if (asked) return;
    asked = true;
    const wait = last + SHORTEST_INTERVAL_MS - source.now();
    if (wait <= 0) source.nextFrame(run);
    else source.later(() => { source.nextFrame(run); }, wait);
  };
}
