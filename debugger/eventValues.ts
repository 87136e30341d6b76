/** Names in conditions for what an event brings: `$vector`, and where nothing else can be meant also `vector`. */
import type { EventValue } from '../src/monitor/machine/session';

/** Clearer words than the monitor's own. */
const WORDS: Partial<Record<EventValue, readonly string[]>> = {
  faultAddress: ['address', 'faultaddress'], errorCode: ['error', 'errorcode'], before: ['before', 'old', 'from'], after: ['after', 'new', 'to'],
};

/** The names of some values, in lower case. */
export function eventNames(values: readonly EventValue[]): ReadonlyMap<string, EventValue> {
  return new Map(values.flatMap((value) => (WORDS[value] ?? [value.toLowerCase()]).flatMap((word): [string, EventValue][] => [[word, value], [`$${word}`, value]])));
}
