/**
 * The list of address spaces to choose from, with a filter: a machine with a Linux in it has hundreds.
 */
import type { AddressSpaceInfo } from '../../src/monitor/inspection/queries';
import { spaceName, spaceWords } from './spaceNames';
import type { State } from './state';

export interface Picker {
  readonly filter: string;
  /** Key of the space that Enter would choose; the first of the list when it is not on it. */
  readonly active: string | undefined;
  /** Keys in the order in which they are listed: by last use when the list was opened. A list that moved under the mouse could not be clicked. */
  readonly order: readonly string[];
}

const latestFirst = (a: AddressSpaceInfo, b: AddressSpaceInfo) => b.lastUsed - a.lastUsed;

/** The list as it opens. */
export function openedPicker({ spaces = [], shown }: State): Picker {
  return { filter: '', active: shown, order: [...spaces].sort(latestFirst).map(({ key }) => key) };
}

/** The spaces that the filter leaves: each of its words is in what the list says of the space. New spaces come last. */
export function listedSpaces(state: State): readonly AddressSpaceInfo[] {
  const { picker, spaces = [] } = state;
  if (picker === undefined) return [];
  const rank = new Map(picker.order.map((key, i) => [key, i]));
  const inOrder = [...spaces].sort((a, b) => (rank.get(a.key) ?? rank.size) - (rank.get(b.key) ?? rank.size));
  const words = picker.filter.toLowerCase().split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return inOrder;
  return inOrder.filter((space) => {
    const text = spaceWords(spaceName(space, state), space.current).toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** The space that Enter would choose. */
export function activeSpace(state: State): AddressSpaceInfo | undefined {
  const listed = listedSpaces(state);
  return listed.find(({ key }) => key === state.picker?.active) ?? listed.at(0);
}

/** The picker after an arrow key, which stays at the list's ends. */
export function pickerMoved(state: State, to: number | 'first' | 'last'): State {
  const { picker } = state;
  const listed = listedSpaces(state);
  if (picker === undefined || listed.length === 0) return state;
  const at = listed.findIndex(({ key }) => key === activeSpace(state)?.key);
  const next = to === 'first' ? 0 : to === 'last' ? listed.length - 1 : Math.min(listed.length - 1, Math.max(0, at + to));
  return { ...state, picker: { ...picker, active: listed[next].key } };
}
