/**
 * What the context menu of a row is about: the table, or the entries and what they lead to.
 */
import { hex } from '../ui/numbers';
import { menuOn, menuOnEntries, type ShownBytes, type WithMenu } from '../ui/memoryMenu';
import { guestEntry, guestTarget } from './alignment';
import { canonical } from './format';
import type { PartRow, Row, TableRow } from './rows';
import type { TreeContext } from './treeView';

/** All tables lie in pages of this size, or in less. */
const TABLE_BYTES = 4096;

/** Attributes of the row; undefined for one that has no menu. */
export function rowMenu(context: TreeContext, row: Row): WithMenu | undefined {
  if (row.kind === 'note') return undefined;
  return row.kind === 'table' ? tableMenu(context, row) : entriesMenu(context, row);
}

/** Below a large page the guest has no table. */
function tableMenu({ format }: TreeContext, { pair, splitBytes }: TableRow): WithMenu | undefined {
  if (splitBytes !== undefined) return undefined;
  return menuOn(physical(pair.guestTable, Number(pair.bytes / pair.entryBytes) * format.entryBytes));
}

function entriesMenu(context: TreeContext, row: PartRow): WithMenu {
  const { guest } = row.part;
  const linear = `0x${hex(canonical(context.mode, row.linear))}`;
  const bytes = guest?.kind === 'table' ? TABLE_BYTES : Number(row.bytes);
  return menuOnEntries({ linear, entry: entryOf(context, row), target: guest && physical(guestTarget(guest, row.part), bytes) });
}

/** Entries that the processor holds itself (PAE) have no address, and a piece of a large page has no entry of its own. */
function entryOf({ format }: TreeContext, { part, source, guestTable }: PartRow): ShownBytes | undefined {
  if (source !== undefined) return undefined;
  const address = part.guest ? guestEntry(part.guest, part, format.entryBytes).address : guestTable + part.index * format.entryBytes;
  return address < 0 ? undefined : physical(address, part.count * format.entryBytes);
}

const physical = (address: number, bytes: number): ShownBytes => ({ reference: `phys:0x${hex(address)}`, bytes });
