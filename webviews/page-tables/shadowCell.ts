/**
 * The shadow's half of a row: a shadow table's head, filled entries, or what is not filled yet.
 */
import type { ShadowEntryRun } from '../../src/monitor/inspection/queries';
import { h, type Child, type ElementDescription } from '../ui/description';
import { hex, size } from '../ui/numbers';
import { derivation, shadowFrame } from './alignment';
import { runBar, tableBars, tableCounts } from './bars';
import type { PartRow, TableRow } from './rows';
import { S } from './strings';
import type { TreeContext } from './treeView';
import { changeInWords, changeMark, rightsBadge, rightsInWords, tag } from './words';

/** Machine frame numbers are shown with so many digits at least. */
const FRAME_DIGITS = 5;

export function shadowCell(context: TreeContext, row: TableRow | PartRow): ElementDescription {
  if (row.kind === 'table') return tableHead(row);
  if (row.parts !== undefined) return summary(row, row.parts);
  const { shadow } = row.part;
  if (shadow !== undefined) return filled(context, row, shadow);
  return row.part.state === 'unfilled' ? unfilled(row) : nothing(row);
}

function cell(label: string, className: string, ...children: readonly Child[]): ElementDescription {
  return h('div', { class: `cell shadow ${className}`, role: 'gridcell', 'aria-label': label, 'aria-colindex': 2 }, children);
}

function tableHead({ pair, splitBytes }: TableRow): ElementDescription {
  const { shadow } = pair;
  if (shadow === undefined) return cell(S.noShadowTable, 'head none', changeMark(undefined), h('span', { class: 'name' }, S.noShadowTable));
  const { filled: entries, all } = tableCounts(pair);
  const name = S.shadowTable(shadow.id);
  const frame = hex(shadow.frame, FRAME_DIGITS);
  const isShared = shadow.sharedBy > 1;
  const split = splitBytes === undefined ? undefined : S.splitTable(size(splitBytes));
  const label = [name, S.shadowTableFrame(frame), split ?? '', S.filledOf(entries, all), isShared ? S.shared(shadow.sharedBy) : ''].filter(Boolean).join(', ');
  return cell(label, 'head',
    changeMark(undefined),
    h('span', { class: 'name' }, h('strong', {}, name), ' ', h('span', { class: 'wide' }, split ?? S.shadowTableFrame(frame))),
    isShared && tag('shared', 'shared', S.shared(shadow.sharedBy), S.sharedHint(shadow.sharedBy)),
    h('span', { class: 'spring' }),
    h('span', { class: 'count' }, S.filledOf(entries, all)));
}

/** A run of the guest of which the shadow has some. */
function summary(row: PartRow, parts: readonly { readonly state: string; readonly count: number }[]): ElementDescription {
  const entries = parts.reduce((sum, part) => sum + (part.state === 'filled' ? part.count : 0), 0);
  const words = S.filledOf(entries, row.part.count);
  const label = [words, row.shadowChange ? changeInWords(row.shadowChange) : ''].filter(Boolean).join(', ');
  return cell(label, 'summary', changeMark(row.shadowChange),
    h('span', { class: 'count' }, words), h('span', { class: 'spring' }), runBar(row.parts ?? [], row.linear, row.bytes));
}

type WriteMode = 'direct' | 'traced' | 'readonly' | 'device';

function writeMode({ kind, rights, directWrite }: ShadowEntryRun): WriteMode {
  if (kind === 'device') return 'device';
  return directWrite ? 'direct' : rights.writable ? 'traced' : 'readonly';
}

const WRITE_WORDS: Readonly<Record<WriteMode, string>> = { direct: S.directWrite, traced: S.writeTraced, readonly: S.readOnly, device: S.deviceAccess };
const WRITE_HINTS: Readonly<Record<WriteMode, string>> = { direct: S.directWriteHint, traced: S.writeTracedHint, readonly: S.readOnlyHint, device: S.deviceAccessHint };

/** Whether an entry leads to a lower shadow table: to the guest's, or to one that splits a large page. */
function leadsOn({ kind, frame }: ShadowEntryRun): boolean {
  return kind === 'table' || (kind === 'large-page' && frame < 0);
}

function what(row: PartRow, shadow: ShadowEntryRun): string {
  if (row.lower?.shadow !== undefined) return S.shadowTable(row.lower.shadow.id);
  if (shadow.kind === 'table') return S.table;
  if (shadow.kind === 'large-page' && shadow.frame < 0) return S.splitFrames;
  const first = shadowFrame(shadow, row.part);
  if (first === undefined) return S.device;
  const pages = Number(row.bytes / 4096n);
  return pages > 1 ? `${S.frame} ${hex(first, FRAME_DIGITS)}–${hex(first + pages - 1, FRAME_DIGITS)}` : `${S.frame} ${hex(first, FRAME_DIGITS)}`;
}

function filled({ format }: TreeContext, row: PartRow, shadow: ShadowEntryRun): ElementDescription {
  const isTable = leadsOn(shadow);
  const mode = writeMode(shadow);
  const from = S.derives(hex(derivation(shadow, row.part, format.entryBytes), format.physicalDigits));
  const lower = row.lower?.shadow;
  const isShared = lower !== undefined && lower.sharedBy > 1;
  const isStale = row.part.guest === undefined;
  const label = [
    what(row, shadow), rightsInWords(shadow.rights), isTable ? '' : WRITE_WORDS[mode], from, isShared ? S.shared(lower.sharedBy) : '',
    isStale ? S.stale : '', row.shadowChange ? changeInWords(row.shadowChange) : '',
  ].filter(Boolean).join(', ');
  return cell(label, isTable ? 'filled table' : 'filled',
    changeMark(row.shadowChange),
    h('span', { class: 'what hex' }, what(row, shadow)),
    isShared && tag('shared', 'shared', S.shared(lower.sharedBy), S.sharedHint(lower.sharedBy)),
    isStale && h('span', { class: 'tag stale', title: S.staleHint }, S.stale),
    h('span', { class: 'spring' }),
    isTable && row.lower !== undefined && tableBars(row.lower).shadow,
    !isTable && h('span', { class: `mode ${mode}`, title: WRITE_HINTS[mode] }, WRITE_WORDS[mode]),
    rightsBadge(shadow.rights),
    h('span', { class: 'from hex', title: S.derivesHint }, from));
}

function unfilled(row: PartRow): ElementDescription {
  const words = row.part.count > 1 ? S.unfilledCount(row.part.count) : S.unfilled;
  const label = [words, row.shadowChange ? changeInWords(row.shadowChange) : ''].filter(Boolean).join(', ');
  return cell(label, 'unfilled', changeMark(row.shadowChange), h('span', { class: 'hatch', title: S.unfilledHint }, h('span', { class: 'words' }, words)));
}

function nothing(row: PartRow): ElementDescription {
  const label = row.shadowChange ? `${S.nothingKept}, ${changeInWords(row.shadowChange)}` : S.nothingKept;
  return cell(label, 'none', changeMark(row.shadowChange));
}
