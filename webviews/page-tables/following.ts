/**
 * Which address space is drawn while the guest runs and "Follow current" is ticked.
 *
 * A guest may switch spaces thousands of times a second, and a panel looks at it at most thirty times: drawing whatever a
 * look happens to find would show a person thirty different trees a second, and none of them long enough to be read. So
 * the drawing moves to another space only when that has been found current in every look for a while. A guest that
 * switches faster leaves the drawing where it is; the bar says that it does, and does not mark a current one, because that
 * mark would jump about in the same way. What is exempt: leaving "paging off", which has no tree that could be torn from
 * the eye, and a stop, at which there is one current space.
 */
import type { AddressSpaceInfo } from '../../src/monitor/inspection/queries';
import { modeOf, spaceOf, type State, type Streak } from './state';

/** Looks in a row that must find the same space: at thirty a second, 0.4 s, about what it takes to see that something moved. */
export const SETTLED_LOOKS = 12;

const currentOf = (spaces: readonly AddressSpaceInfo[]) => spaces.find((space) => space.current);

/**
 * The streak after another look, made when so many instructions were retired. A machine that stands, or has retired nothing
 * since the last look, needs no more looks: where it is, it stays.
 */
export function lookedAgain(streak: Streak | undefined, spaces: readonly AddressSpaceInfo[], { running, retired }: Pick<State, 'running' | 'retired'>): Streak | undefined {
  const key = currentOf(spaces)?.key;
  if (key === undefined) return undefined;
  const stays = streak?.key === key;
  const still = !running || (stays && retired !== undefined && streak.retired === retired);
  const looks = still ? SETTLED_LOOKS : stays ? Math.min(SETTLED_LOOKS, streak.looks + 1) : 1;
  return { key, looks, retired };
}

/** The space that can be called current; undefined while the guest switches too often for that. */
export function settledSpace(state: State): AddressSpaceInfo | undefined {
  const { streak } = state;
  return streak?.looks === SETTLED_LOOKS ? spaceOf(state, streak.key) : undefined;
}

/** Whether the guest switches spaces faster than a person can follow. */
export function isSwitching(state: State): boolean {
  return state.running && state.streak !== undefined && state.streak.looks < SETTLED_LOOKS;
}

/** Key of the space that is to be drawn now. */
export function spaceToShow(state: State): string | undefined {
  const { spaces, shown, follow, running } = state;
  if (spaces === undefined) return shown;
  const current = currentOf(spaces);
  if (spaceOf(state, shown) === undefined) return (current ?? spaces.at(0))?.key;
  if (!follow || current === undefined) return shown;
  if (!running || modeOf(state, shown) === 'none') return current.key;
  return settledSpace(state)?.key ?? shown;
}
