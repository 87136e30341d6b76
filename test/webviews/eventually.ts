/** What a page comes to in its own time: panels draw in animation frames, and a busy machine is slow. */

const LONGEST_MS = 10_000;
const PAUSE_MS = 20;

/** Tries until `check` throws nothing any more; what it threw last when that takes too long. */
export async function eventually(check: () => Promise<void> | void): Promise<void> {
  const end = performance.now() + LONGEST_MS;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
  }
}
