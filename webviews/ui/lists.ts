/**
 * Small searches in lists.
 */

/** Index of the last item that `good` likes; -1 when there is none. */
export function lastIndexWhere<T>(items: readonly T[], good: (item: T) => boolean): number {
  for (let at = items.length - 1; at >= 0; at--) {
    if (good(items[at])) return at;
  }
  return -1;
}
