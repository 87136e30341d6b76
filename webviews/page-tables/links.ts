/**
 * The derivation lines: from each guest entry to the shadow entries that derive from it.
 */
import { derivation, guestEntry } from './alignment';
import type { PartRow, Row } from './rows';

export interface Link {
  /** Rows of the guest's and of the shadow's end, by index in the list of rows. */
  readonly from: number;
  readonly to: number;
  readonly fromKey: string;
  readonly toKey: string;
  /** `table`: a shadow table of a guest table; `run`: many entries at once; `entry`: a single one. */
  readonly kind: 'table' | 'run' | 'entry';
  /** Writes there are seen by the monitor first. */
  readonly traced: boolean;
}

/** Whether the shadow's entries of a row derive from the guest's entries of the same row. */
function derivesHere(row: PartRow, entryBytes: number): boolean {
  const { guest, shadow } = row.part;
  if (guest === undefined || shadow === undefined || row.source !== undefined) return false;
  return guestEntry(guest, row.part, entryBytes).address === derivation(shadow, row.part, entryBytes);
}

/** Finds the row that shows a guest entry by itself or in a run, the most detailed one. */
function holderOf(rows: readonly Row[], address: number, entryBytes: number): number {
  let found = -1;
  rows.forEach((row, at) => {
    if (row.kind !== 'part' || row.part.guest === undefined || row.source !== undefined) return;
    const first = guestEntry(row.part.guest, row.part, entryBytes).address;
    if (address >= first && address < first + row.part.count * entryBytes) found = at;
  });
  return found;
}

function sourceOf(rows: readonly Row[], row: PartRow, at: number, entryBytes: number): number {
  const { shadow } = row.part;
  if (shadow === undefined) return -1;
  if (row.source !== undefined) return rows.findIndex((candidate) => candidate.key === row.source);
  return derivesHere(row, entryBytes) ? at : holderOf(rows, derivation(shadow, row.part, entryBytes), entryBytes);
}

function linkOf(rows: readonly Row[], at: number, entryBytes: number): Link | undefined {
  const row = rows[at];
  if (row.kind === 'table') {
    return row.pair.shadow && { from: at, to: at, fromKey: row.key, toKey: row.key, kind: 'table', traced: false };
  }
  if (row.kind !== 'part') return undefined;
  const partly = row.opens === 'parts' && !row.open && row.parts?.some(({ state }) => state === 'filled') === true;
  const from = partly ? at : sourceOf(rows, row, at, entryBytes);
  if (from < 0) return undefined;
  const { shadow, count } = row.part;
  const traced = shadow !== undefined && shadow.kind === 'page' && shadow.rights.writable && !shadow.directWrite;
  return { from, to: at, fromKey: rows[from].key, toKey: row.key, kind: count > 1 ? 'run' : 'entry', traced };
}

/** The lines whose shadow end is among the rows from `first` to before `end`. */
export function linksOf(rows: readonly Row[], first: number, end: number, entryBytes: number): readonly Link[] {
  const links: Link[] = [];
  for (let at = first; at < end; at++) {
    const link = linkOf(rows, at, entryBytes);
    if (link !== undefined) links.push(link);
  }
  return links;
}
