/**
 * The two trees as one list of rows, each row holding the guest's side and the shadow's side of the same range.
 */
import type { GuestEntryRun, TablePair } from '../../src/monitor/inspection/queries';
import { lastIndexWhere } from '../ui/lists';
import { align, entryOf, type Group, type Part } from './alignment';
import { changeCount, changeOf, changesBetween, type PartChange, type TableChanges } from './changes';
import { upperHalf } from './format';
import { baseOf, modeOf, tableKey, type State, type TableSlot } from './state';

/** Runs whose shadow falls into no more parts than this are open from the start. */
const OPEN_PARTS = 12;

interface RowPlace {
  readonly key: string;
  /** 1 for the root's entries; ARIA's level. */
  readonly depth: number;
  /** Level of the table that the row belongs to (1 = leaf). */
  readonly level: number;
  readonly linear: bigint;
  readonly bytes: bigint;
}

/** The head of a table: the guest's page beside the shadow table kept for it. */
export interface TableRow extends RowPlace {
  readonly kind: 'table';
  readonly pair: TablePair;
  /** The size of the guest's large page, when the shadow table splits one. */
  readonly splitBytes: bigint | undefined;
  readonly changed: number;
}

export interface PartRow extends RowPlace {
  readonly kind: 'part';
  readonly part: Part;
  /** `table`: a lower table; `parts`: what the shadow has of a run; `entries`: single entries. */
  readonly opens: 'table' | 'parts' | 'entries' | undefined;
  readonly open: boolean;
  /** The lower table, when it is known. */
  readonly lower: TablePair | undefined;
  /** Differences in the lower table since the last stop. */
  readonly lowerChanges: number;
  /** What the shadow has of a run that is not uniform. */
  readonly parts: readonly Part[] | undefined;
  readonly guestChange: PartChange | undefined;
  readonly shadowChange: PartChange | undefined;
  /** On the path of the walk, or where it ends. */
  readonly walked: 'path' | 'end' | undefined;
  /** In a split table: key of the row of the large page's entry, from which everything here derives. */
  readonly source: string | undefined;
  /** Guest-physical address of the table that it belongs to; in a split table that of no table. */
  readonly guestTable: number;
}

/** Something to say in place of a table. */
export interface NoteRow extends RowPlace {
  readonly kind: 'note';
  readonly note: 'loading' | 'gone' | 'error';
  readonly text: string;
}

export type Row = TableRow | PartRow | NoteRow;

/** A table that the rows need, or would be richer with (`peek`), and the row that stands for it. */
export interface NeededTable {
  readonly level: number | undefined;
  readonly linear: bigint;
  /** The rows that stand for it: the first, and one past the last. */
  readonly row: number;
  readonly end: number;
  readonly peek: boolean;
}

export interface Rows {
  readonly rows: readonly Row[];
  readonly needed: readonly NeededTable[];
  /** Index of the row at which the walk ends, when it is there. */
  readonly walkEnd: number | undefined;
}

type Inputs = Pick<State, 'tables' | 'toggled' | 'shown' | 'running'> & {
  readonly walked: bigint | undefined;
  /** Where the upper half of a sign-extended space begins. */
  readonly seam: bigint | undefined;
};

/** What the rows of one table have in common. */
interface TableContext {
  readonly level: number;
  readonly changes: TableChanges | undefined;
  readonly source: string | undefined;
  readonly guestTable: number;
}

class Builder {
  readonly rows: Row[] = [];
  readonly needed: NeededTable[] = [];

  constructor(private readonly inputs: Inputs, private readonly space: string) {}

  private slot(level: number | undefined, linear: bigint): TableSlot | undefined {
    return this.inputs.tables.get(tableKey(this.space, level, linear));
  }

  private changes(slot: TableSlot | undefined): TableChanges | undefined {
    const base = slot && baseOf(slot, this.inputs.running);
    return base && slot.pair ? changesBetween(base, slot.pair) : undefined;
  }

  private isOpen(key: string, byDefault: boolean): boolean {
    return this.inputs.toggled.get(key) ?? byDefault;
  }

  /** The rows of one table; `parent` is the row under which it stands. */
  table(level: number | undefined, linear: bigint, depth: number, parent?: PartRow): void {
    const row = this.rows.length;
    this.tableRows(level, linear, depth, parent);
    this.needed.push({ level, linear, row, end: this.rows.length, peek: false });
  }

  private tableRows(level: number | undefined, linear: bigint, depth: number, parent: PartRow | undefined): void {
    const slot = this.slot(level, linear);
    if (slot?.pair === undefined) {
      this.note(slot, { key: `n:${level}:${linear}`, depth, level: level ?? 0, linear, bytes: 0n });
      return;
    }
    const source = parent?.part.guest;
    const splits = source?.kind === 'large-page' ? source : undefined;
    // Under a large page the guest has no table: what it has there is the page's entry.
    const pair = splits !== undefined && slot.pair.guest.length === 0 ? insideLarge(slot.pair, splits) : slot.pair;
    const changes = this.changes(slot);
    const place = { level: pair.level, linear: pair.linear, bytes: pair.bytes, depth };
    this.rows.push({
      ...place, kind: 'table', key: `t:${pair.level}:${pair.linear}`, pair,
      splitBytes: splits && splits.bytes / BigInt(splits.count), changed: changes ? changeCount(changes) : 0,
    });
    const table = { level: pair.level, guestTable: pair.guestTable, changes, source: splits && (parent?.source ?? parent?.key) };
    // Nothing lies across the seam of a sign-extended space: its two halves are far apart.
    const seam = level === undefined ? this.inputs.seam : undefined;
    for (const group of align(pair, this.inputs.walked, seam)) this.group(group, table, depth);
  }

  private note(slot: TableSlot | undefined, place: RowPlace): void {
    const note = slot === undefined ? 'loading' : slot.error === undefined ? 'gone' : 'error';
    this.rows.push({ ...place, kind: 'note', note, text: slot?.error ?? '' });
  }

  private group({ guest, parts }: Group, table: TableContext, depth: number): void {
    const [first] = parts;
    if (parts.length === 1 || guest === undefined) {
      for (const part of parts) this.part(part, table, depth, 'g');
      return;
    }
    const last = parts[parts.length - 1];
    const bytes = last.linear + last.bytes - first.linear;
    const whole: Part = { ...first, bytes, count: last.index + last.count - first.index, shadow: undefined };
    const key = `r:${table.level}:${first.linear}`;
    const open = this.isOpen(key, parts.length <= OPEN_PARTS || this.holdsWalk(whole));
    this.push(whole, table, { depth, key, opens: 'parts', open, parts });
    if (open) for (const part of parts) this.part(part, table, depth + 1, 'p');
  }

  private part(part: Part, table: TableContext, depth: number, prefix: string): void {
    const { level } = table;
    const key = `${prefix}:${level}:${part.linear}`;
    const pointer = part.count === 1 && level > 1;
    // The row opens once the machine has named the table.
    const isSplit = maySplit(part, level);
    const leadsDown = pointer && (part.guest?.kind === 'table' || (isSplit && this.slot(level - 1, part.linear)?.pair !== undefined));
    const opens = leadsDown ? 'table' : part.count > 1 && part.guest !== undefined ? 'entries' : undefined;
    const open = opens !== undefined && this.isOpen(key, false);
    const row = this.push(part, table, { depth, key, opens, open, parts: undefined });
    if ((opens === 'table' || isSplit) && !open) {
      const end = this.rows.length;
      this.needed.push({ level: level - 1, linear: part.linear, row: end - 1, end, peek: true });
    }
    if (!open) return;
    if (opens === 'table') this.table(level - 1, part.linear, depth + 1, row);
    else for (let i = 0; i < part.count; i++) this.part(entryOf(part, i), table, depth + 1, 'e');
  }

  private push(part: Part, { level, changes, source, guestTable }: TableContext, row: Pick<PartRow, 'depth' | 'key' | 'opens' | 'open' | 'parts'>): PartRow {
    const lowerSlot = row.opens === 'table' ? this.slot(level - 1, part.linear) : undefined;
    const lowerChanges = this.changes(lowerSlot);
    const made: PartRow = {
      // Written out: spreading `row` here costs more than all the rest of a long list.
      kind: 'part', key: row.key, depth: row.depth, opens: row.opens, open: row.open, parts: row.parts,
      level, source, guestTable, part, linear: part.linear, bytes: part.bytes, lower: lowerSlot?.pair,
      lowerChanges: lowerChanges ? changeCount(lowerChanges) : 0,
      guestChange: changes && changeOf(changes.guest, part),
      shadowChange: changes && changeOf(changes.shadow, part),
      walked: this.holdsWalk(part) ? 'path' : undefined,
    };
    this.rows.push(made);
    return made;
  }

  private holdsWalk(part: Part): boolean {
    const { walked } = this.inputs;
    return walked !== undefined && walked >= part.linear && walked < part.linear + part.bytes;
  }
}

/** Whether a part is a large page that the shadow may have split into a table of frames. */
export function maySplit(part: Part, level: number): boolean {
  return part.count === 1 && level > 1 && part.guest?.kind === 'large-page' && part.shadow !== undefined && part.shadow.kind !== 'page';
}

/** A table that splits a large page: all of it is present in the guest, and what the shadow lacks it may still fill. */
export function insideLarge(pair: TablePair, page: GuestEntryRun): TablePair {
  const { linear, bytes, shadow } = pair;
  return { ...pair, guest: [page], ...shadow ? { shadow: { ...shadow, unfilled: [{ linear, bytes }] } } : {} };
}

/** The linear address of the walk, when it was walked in the space that is drawn. */
export function walkedAddress({ walk, shown }: State): bigint | undefined {
  return walk?.answer !== undefined && walk.answer.key === shown ? walk.answer.linear : undefined;
}

function build(inputs: Inputs): Rows {
  if (inputs.shown === undefined) return { rows: [], needed: [], walkEnd: undefined };
  const builder = new Builder(inputs, inputs.shown);
  builder.table(undefined, 0n, 1);
  const { rows } = builder;
  // Tables before what would only be nice to have, and parents before children.
  const needed = builder.needed.sort((a, b) => Number(a.peek) - Number(b.peek) || a.row - b.row);
  const walkEnd = lastIndexWhere(rows, (row) => row.kind === 'part' && row.walked !== undefined);
  if (walkEnd < 0) return { rows, needed, walkEnd: undefined };
  const end = rows[walkEnd];
  if (end.kind === 'part') rows[walkEnd] = { ...end, walked: 'end' };
  return { rows, needed, walkEnd };
}

let last: { readonly inputs: Inputs; readonly rows: Rows } | undefined;

/** The rows of the space that is drawn. The same state gives the same object again. */
export function rowsOf(state: State): Rows {
  const { tables, toggled, shown, running } = state;
  const inputs: Inputs = { tables, toggled, shown, running, walked: walkedAddress(state), seam: upperHalf(modeOf(state, shown)) };
  const known = last?.inputs;
  if (last !== undefined && known?.tables === tables && known.toggled === toggled && known.shown === shown
    && known.running === running && known.walked === inputs.walked && known.seam === inputs.seam) return last.rows;
  last = { inputs, rows: build(inputs) };
  return last.rows;
}
