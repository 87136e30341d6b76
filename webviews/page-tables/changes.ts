/**
 * What differs between two looks at one table, entry by entry, on either side.
 */
import type { GuestEntryRun, PageRights, ShadowEntryRun, TablePair } from '../../src/monitor/inspection/queries';
import type { Part } from './alignment';

export type Change = 'new' | 'changed' | 'gone';

export interface TableChanges {
  /** By index of the entry in its table. */
  readonly guest: ReadonlyMap<number, Change>;
  readonly shadow: ReadonlyMap<number, Change>;
}

export interface PartChange {
  readonly change: Change;
  /** How many of the part's entries. */
  readonly count: number;
}

type Run = GuestEntryRun | ShadowEntryRun;

const rightsText = ({ writable, user, executable }: PageRights) => `${writable}${user}${executable}`;

function guestText(run: GuestEntryRun): string {
  return [run.kind, rightsText(run.rights), run.accessed, run.dirty, run.global, run.cacheDisabled, run.protectionKey].join();
}

function shadowText(run: ShadowEntryRun): string {
  return [run.kind, rightsText(run.rights), run.directWrite].join();
}

/** What each entry says, as text to compare, by index in the table. */
function entryTexts<T extends Run>(pair: TablePair, runs: readonly T[], text: (run: T) => string, place: (run: T) => number): Map<number, string> {
  const texts = new Map<number, string>();
  for (const run of runs) {
    const common = text(run);
    const span = Number(run.bytes) / run.count;
    const first = Number((run.linear - pair.linear) / pair.entryBytes);
    for (let i = 0; i < run.count; i++) {
      texts.set(first + i, `${common},${run.kind === 'table' ? place(run) : place(run) + i * span}`);
    }
  }
  return texts;
}

function compare(before: ReadonlyMap<number, string>, after: ReadonlyMap<number, string>): Map<number, Change> {
  const changes = new Map<number, Change>();
  for (const [index, text] of after) {
    const old = before.get(index);
    if (old === undefined) changes.set(index, 'new');
    else if (old !== text) changes.set(index, 'changed');
  }
  for (const index of before.keys()) {
    if (!after.has(index)) changes.set(index, 'gone');
  }
  return changes;
}

const guestTexts = (pair: TablePair) => entryTexts(pair, pair.guest, guestText, (run) => run.target);
const shadowTexts = (pair: TablePair) => entryTexts(pair, pair.shadow?.runs ?? [], shadowText, (run) => run.physical);

const known = new WeakMap<TablePair, { readonly before: TablePair; readonly changes: TableChanges }>();

/** Differences of `after` against `before`, both of the same table. */
export function changesBetween(before: TablePair, after: TablePair): TableChanges {
  const found = known.get(after);
  if (found?.before === before) return found.changes;
  const changes = {
    guest: compare(guestTexts(before), guestTexts(after)),
    shadow: compare(shadowTexts(before), shadowTexts(after)),
  };
  known.set(after, { before, changes });
  return changes;
}

/** What has happened to a part's entries as a whole: the kind that they share, else 'changed'. */
export function changeOf(changes: ReadonlyMap<number, Change>, part: Part): PartChange | undefined {
  let kind: Change | undefined;
  let count = 0;
  for (let index = part.index; index < part.index + part.count; index++) {
    const change = changes.get(index);
    if (change === undefined) continue;
    kind = kind === undefined || kind === change ? change : 'changed';
    count++;
  }
  return kind === undefined ? undefined : { change: kind, count };
}

export function changeCount(changes: TableChanges): number {
  return changes.guest.size + changes.shadow.size;
}
