/** Which snapshot is missed least: they lie closer the nearer they are to the present, so that each distance has its share. */

/**
 * The index of the snapshot to forget next; -1 when there is none that may go. The first one stays, and so does the last.
 * @param times when the snapshots were taken, in any unit that tells how long it takes to run from one to another
 * @param present the moment that distances count from
 * @param isKept whether a snapshot has to stay
 */
export function leastMissed(times: readonly number[], present: number, isKept: (index: number) => boolean): number {
  let least = -1;
  let leastWorth = Infinity;
  for (let i = 1; i < times.length - 1; i++) {
    if (isKept(i)) continue;
    const gap = (times[i + 1] ?? 0) - (times[i - 1] ?? 0);
    const worth = gap / (Math.abs(present - (times[i] ?? 0)) + 1);
    if (worth >= leastWorth) continue;
    least = i;
    leastWorth = worth;
  }
  return least;
}
