/**
 * The guest's half of a row: a table's head, a run of entries, or what is not there.
 */
import { h, type Child, type ElementDescription } from '../ui/description';
import { hex } from '../ui/numbers';
import { guestEntry, guestTarget } from './alignment';
import { tableBars, tableCounts } from './bars';
import { grouped, linearHex } from './format';
import { icon } from './icons';
import type { PartRow, TableRow } from './rows';
import { S } from './strings';
import type { TreeContext } from './treeView';
import { changeInWords, changeMark, entrySize, flagsBadge, flagsInWords, rightsBadge, rightsInWords, tag } from './words';
import { t } from '../ui/words';

export function guestCell(context: TreeContext, row: TableRow | PartRow): ElementDescription {
  return row.kind === 'table' ? tableHead(context, row) : row.part.guest === undefined ? absent(context, row) : entries(context, row);
}

function cell(label: string, className: string, ...children: readonly Child[]): ElementDescription {
  return h('div', { class: `cell guest ${className}`, role: 'gridcell', 'aria-label': label, 'aria-colindex': 1 }, children);
}

function tableHead({ format }: TreeContext, { pair, splitBytes, changed }: TableRow): ElementDescription {
  const address = hex(pair.guestTable, format.physicalDigits);
  const { present, all } = tableCounts(pair);
  if (splitBytes !== undefined) {
    const name = S.insideLarge(entrySize({ bytes: splitBytes, count: 1 }));
    return cell(name, 'head split', changeMark(undefined), h('span', { class: 'indent' }), h('span', { class: 'name' }, name));
  }
  const name = S.tableName(pair.level);
  const words = [name, S.tableAt(address), S.presentOf(present, all), pair.traced ? S.traced : '', changed > 0 ? S.changes(changed) : ''];
  return cell(words.filter(Boolean).join(', '), 'head',
    changeMark(undefined),
    h('span', { class: 'indent' }),
    h('span', { class: 'name' }, h('strong', {}, name), ' ', h('span', { class: 'hex' }, address)),
    pair.traced && tag('traced', 'eye', S.traced, S.tracedHint),
    changed > 0 && h('span', { class: 'tag changes', title: S.changes(changed) }, `● ${changed}`),
    h('span', { class: 'spring' }),
    h('span', { class: 'count' }, S.presentOf(present, all)));
}

/** '00400000–007fffff'; the end is hidden where there is no room. */
function range({ mode }: TreeContext, { linear, bytes }: PartRow): Child {
  return h('span', { class: 'range hex' },
    linearHex(mode, linear), h('span', { class: 'range-end' }, `–${linearHex(mode, linear + bytes - 1n)}`));
}

function rangeInWords({ mode }: TreeContext, { linear, bytes }: PartRow): string {
  return t('{0} to {1}', linearHex(mode, linear), linearHex(mode, linear + bytes - 1n));
}

function twisty(row: PartRow): ElementDescription {
  if (row.opens === undefined) return h('span', { class: 'twisty' });
  return h('span', { class: 'twisty', 'data-toggle': row.key }, icon(row.open ? 'open' : 'closed'));
}

function absent(context: TreeContext, row: PartRow): ElementDescription {
  const words = S.absent(row.part.count);
  const label = [rangeInWords(context, row), words, row.guestChange ? changeInWords(row.guestChange) : ''].filter(Boolean).join(', ');
  return cell(label, 'absent', changeMark(row.guestChange),
    h('span', { class: 'indent' }), twisty(row), range(context, row), h('span', { class: 'spring' }), h('span', { class: 'count' }, words));
}

/** 'PDE 768', 'PTE 16–31', and how many. */
function indexes(row: PartRow): string {
  const { index, count } = row.part;
  return `${S.entryName(row.level)} ${count > 1 ? `${index}–${index + count - 1}` : index}`;
}

function entries(context: TreeContext, row: PartRow): ElementDescription {
  const { guest } = row.part;
  if (guest === undefined) return absent(context, row);
  const { format } = context;
  const target = hex(guestTarget(guest, row.part), format.physicalDigits);
  // Below a large page there are no entries of the guest's own, only pieces of what its entry maps.
  const piece = row.source !== undefined;
  const large = guest.kind === 'large-page' && !piece ? entrySize(guest) : undefined;
  const traced = row.lower?.traced === true && guest.kind === 'table';
  const key = guest.protectionKey === undefined || guest.protectionKey === 0 ? '' : S.protectionKey(guest.protectionKey);
  const words = [
    rangeInWords(context, row), piece ? '' : indexes(row), guest.kind === 'table' ? `${S.tableName(row.level - 1)} ${target}` : `→ ${target}`,
    piece ? '' : rightsInWords(guest.rights), piece ? '' : flagsInWords(guest), large === undefined ? '' : S.flag.large(large), key, traced ? S.traced : '',
    row.guestChange ? changeInWords(row.guestChange) : '', row.lowerChanges > 0 ? S.changes(row.lowerChanges) : '',
  ];
  return cell(words.filter(Boolean).join(', '), piece ? 'entries piece' : 'entries',
    changeMark(row.guestChange),
    h('span', { class: 'indent' }), twisty(row), range(context, row),
    large !== undefined && h('span', { class: 'tag large' }, row.part.count > 1 ? `${row.part.count} × ${large}` : large),
    !piece && h('span', { class: 'index', title: entryHint(context, row) }, indexes(row)),
    row.part.count > 1 && large === undefined && h('span', { class: 'times' }, S.entries(row.part.count)),
    key !== '' && h('span', { class: 'tag key', title: S.protectionKeyHint }, key),
    traced && h('span', { class: 'tag traced short', title: S.tracedHint }, icon('eye')),
    row.lowerChanges > 0 && !row.open && h('span', { class: 'tag changes', title: S.changes(row.lowerChanges) }, `● ${row.lowerChanges}`),
    h('span', { class: 'spring' }),
    guest.kind === 'table' && row.lower !== undefined && tableBars(row.lower).guest,
    h('span', { class: 'target hex', title: S.target }, `→ ${target}`),
    piece ? h('span', { class: 'rights' }) : rightsBadge(guest.rights),
    piece ? h('span', { class: 'flags' }) : flagsBadge(guest));
}

/** Where the first entry lies in the guest's memory, and its raw value. */
function entryHint({ format }: TreeContext, row: PartRow): string | undefined {
  const { guest } = row.part;
  if (guest === undefined) return undefined;
  const { address, raw } = guestEntry(guest, row.part, format.entryBytes);
  return `${S.entryAt(hex(address, format.physicalDigits))}: ${grouped(hex(raw, format.entryBytes * 2))}`;
}
