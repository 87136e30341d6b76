/**
 * The shadow page tables as one structure: which there are, what hangs where, and what keeps them in step with the guest.
 * A guest table page with a shadow is traced, and a write to an entry drops what derives from it, at once, in every space. Of entries that have no
 * shadow nothing is told: nothing derives from them. A page that
 * is written all the time goes out of sync: no translation through it is kept in a TLB, its trace is lifted, and before the
 * next use its entries are compared. So nothing that the guest's tables do not say can ever be used.
 */
import type { AddressSpace, AddressSpaces } from './addressSpaces';
import { EFFORT } from './effort';
import { FORMATS, PTE, hasReservedBits, keyOf, tableIndex, type PagingControls, type PagingMode } from './guestPaging';
import { MAX_SHADOW_TABLES, PAGE_BYTES } from './layout';
import { FRAME, type MachineMemory } from './machineMemory';
import type { PhysicalMap } from './physicalMap';
import { ENTRIES_SHIFT, ReverseMap } from './reverseMap';
import type { ShadowCounters } from './shadowCounters';
import { leafFlags, targetPage } from './shadowEntries';
import { SHADOW, ShadowTable, type ShadowOrigin, type ShadowParent } from './shadowTable';
import type { Techniques } from './techniques';
import type { Tlb } from './tlb';

/**
 * Traced writes without a fill in between after which a table goes out of sync, or is taken to be one no longer. Linux enters
 * 16 pages of a file at one fault; a lower number for the upper levels gives tables up that are only being built.
 */
const LEAF_FLOOD = 6;
const UPPER_FLOOD = 24;
/** Tables given up at once when there are no more: those that were used least recently. */
const EVICTED = 256;
/** A walk makes a table a level, and one of 1 GiB pages two more. */
const TABLES_OF_A_WALK = 8;
/** Beyond so many entries that map a page, and steps up to the spaces that a table is in, all spaces are flushed instead. */
const MANY_PLACES = 256;
const MOST_STEPS = 256;
/** Pages below one entry of a four-level root. What is more is all of a space, in both halves. */
const LARGEST_RANGE = 2 ** 27;
/** What looking for a page in the TLB's six tables costs, in entries of its list that are gone through meanwhile. */
const PROBES = 3;
/** What of the TLBs is withdrawn at a place. */
const ALL_KINDS = 0, WRITES_ONLY = 1;

type Paged = Exclude<PagingMode, 'none'>;

export class ShadowTree {
  /** Counts up with every translation that needs the tables: tables are as old as their last number. */
  now = 0;
  private readonly tables: (ShadowTable | undefined)[] = [];
  private readonly freeIds: number[] = [];
  /** Tables that derive from a guest-physical page, by that page. */
  private readonly byPage = new Map<number, ShadowTable[]>();
  private readonly reverse = new ReverseMap();
  private steps = 0;

  constructor(
    private readonly machine: MachineMemory,
    private readonly map: PhysicalMap,
    private readonly tlb: Tlb,
    private readonly spaces: AddressSpaces,
    private readonly counters: ShadowCounters,
    private readonly techniques: Techniques,
  ) {}

  table(id: number): ShadowTable | undefined {
    return this.tables[id];
  }

  isTraced(guestPage: number): boolean {
    return this.byPage.get(guestPage)?.some((table) => !table.unsynced) ?? false;
  }

  /** Address of a traced page's marks; 0 for a page that several tables derive from, which have marks each. */
  marksOf(guestPage: number): number {
    const list = this.byPage.get(guestPage);
    const [only] = list ?? [];
    return list?.length === 1 && only && !only.unsynced ? only.marks : 0;
  }

  // For those who look.

  /** Tables that derive from a guest-physical page, traced or out of sync. */
  tablesOf(guestPage: number): readonly ShadowTable[] {
    return this.byPage.get(guestPage) ?? [];
  }

  /** Guest-physical pages from which tables derive. */
  tablePages(): Iterable<number> {
    return this.byPage.keys();
  }

  /** Visits the filled leaves of all tables of 4 KiB pages. */
  forSmallLeaves(visit: (low: number) => void): void {
    for (const table of this.tables) if (table?.level === 1) table.forEach((index) => { visit(table.low(index)); });
  }

  /** Visits the leaves that map a guest-physical page, large ones included, until `visit` says false. */
  forLeaves(guestPage: number, visit: (table: ShadowTable, index: number) => boolean): void {
    this.reverse.forEach(guestPage, (name) => {
      const table = this.tables[name >> ENTRIES_SHIFT];
      const index = name & ((1 << ENTRIES_SHIFT) - 1);
      return table && mapsPage(table, index, guestPage) ? visit(table, index) : true;
    });
  }

  // What hangs where.

  /** The table at an entry, if it leads to one. */
  childOf(table: ShadowTable, index: number): ShadowTable | undefined {
    const low = table.low(index);
    return low & SHADOW.present && !(low & SHADOW.leaf) ? this.tables[low >>> 12] : undefined;
  }

  /** A space's root, made if needed. A PAE root is latched, not traced: each space has its own. */
  rootOf(space: AddressSpace, mode: Paged): ShadowTable {
    if (space.table) return space.table;
    const { levels } = FORMATS[mode];
    const table = mode === 'PAE' ? this.make(mode, levels, -1, 'latched') : this.tableFor(mode, levels, this.map.busPage(Math.floor(space.root / PAGE_BYTES)));
    table.spaces.push(space.slot);
    space.table = table;
    return table;
  }

  /** The table for a page of the guest, made if needed. */
  tableFor(mode: Paged, level: number, guestPage: number): ShadowTable {
    const list = this.byPage.get(guestPage);
    if (list) for (const table of list) if (table.level === level && table.mode === mode) return table;
    const table = this.make(mode, level, guestPage, 'table');
    if (list) list.push(table);
    else this.byPage.set(guestPage, [table]);
    this.trace(guestPage);
    // From now on the marks of one table do not say all.
    if (list?.length === 2) this.writeProtect(guestPage);
    return table;
  }

  make(mode: Paged, level: number, guestPage: number, kind: ShadowOrigin['kind']): ShadowTable {
    const id = this.freeIds.pop() ?? this.tables.length;
    const table = new ShadowTable(id, { mode, level, indexBits: FORMATS[mode].indexBits, guestPage, kind }, this.machine);
    table.lastUsed = this.now;
    this.tables[id] = table;
    return table;
  }

  /** Hangs a table from an entry. */
  hang(table: ShadowTable, index: number, lower: ShadowTable, flags: number): void {
    const old = this.childOf(table, index);
    if (old !== lower) {
      if (table.low(index) & SHADOW.present) this.dropEntry(table, index);
      lower.parents.push({ table, index });
    }
    table.set(index, flags | (lower.id << 12), 0);
  }

  /** Enters a leaf; a large one maps 2^spanBits pages from `page` on. */
  setLeaf(table: ShadowTable, index: number, flags: number, page: number, key: number): void {
    const span = table.spanBits;
    const old = table.low(index);
    if (old & SHADOW.present) {
      if (old & SHADOW.leaf) this.forget(table, index);
      else this.dropEntry(table, index);
    }
    let low = flags;
    if (span === 0) {
      const frame = this.map.frame(page);
      low |= frame > 0 ? frame << 12 : SHADOW.noFrame;
    }
    table.setLeaf(index, low, page, key);
    this.reverse.add((table.id << ENTRIES_SHIFT) | index, page, span);
    this.counters.fills++;
  }

  /**
   * A space is entered that nothing is known of. Where its root's entries are those of another space's root, it takes over
   * what that has below them, and the code pages that the TLB has through them: a system's own half is the same in all its
   * spaces. The guest cannot tell: the accessed bit has to be set there already.
   */
  graft(from: AddressSpace, to: AddressSpace, controls: PagingControls): void {
    if ((to.table?.filled ?? 0) !== 0 || to.mode === 'none') return;
    this.trim();
    const source = from.table;
    if (!source || source.filled === 0 || source.unsynced || this.spaces.slots[from.slot] !== from) return;
    const root = this.rootOf(to, to.mode);
    if (root.filled !== 0) return;
    const taken = this.graftEntries(source, root, from, to, controls);
    if (taken.size === 0) return;
    this.counters.grafts += taken.size;
    root.writesSinceFill = 0;
    root.lastUsed = this.now;
    this.machine.effort.spent += EFFORT.flush;
    this.counters.graftedPages += this.tlb.graftCode(from.slot, to.slot, (page) => taken.has(tableIndex(page, root.level, root.indexBits)));
  }

  /** Takes root entries over; gives their indices. */
  private graftEntries(source: ShadowTable, root: ShadowTable, from: AddressSpace, to: AddressSpace, controls: PagingControls): Set<number> {
    const taken = new Set<number>();
    const latched = root.kind === 'latched';
    for (let i = 0, left = source.filled; left > 0; i++) {
      const known = source.low(i);
      if (!(known & SHADOW.present)) continue;
      left--;
      if (latched ? from.pdptes[i] !== to.pdptes[i] : !this.haveEqualEntries(source, root, i)) continue;
      const lower = this.childOf(source, i);
      // What a large page was split into goes by the dirty bit of one entry alone.
      if (lower?.split) continue;
      if (lower) this.hang(root, i, lower, known & 0xfff);
      else if (known & SHADOW.leaf) {
        const flags = leafFlags(controls.noExecute, this.guestWord(root, i, 0), this.guestWord(root, i, 1)) | (known & SHADOW.large);
        this.setLeaf(root, i, flags, source.page(i), source.protectionKey(i));
      } else continue;
      taken.add(i);
    }
    return taken;
  }

  /** Whether an entry says the same in two tables of the guest, and a walk would not change the second one. */
  private haveEqualEntries(one: ShadowTable, other: ShadowTable, index: number): boolean {
    const low = this.guestWord(other, index, 0);
    if ((low & (PTE.present | PTE.accessed)) !== (PTE.present | PTE.accessed)) return false;
    const kept = ~(PTE.accessed | PTE.dirty);
    return (low & kept) === (this.guestWord(one, index, 0) & kept) && this.guestWord(other, index, 1) === this.guestWord(one, index, 1);
  }

  /** The low or high word of an entry of the guest's table; 0 where that is no RAM, or there is no high word. */
  private guestWord(table: ShadowTable, index: number, word: 0 | 1): number {
    const frame = this.map.entry(table.guestPage);
    const wide = table.indexBits !== 10;
    if (frame <= 0 || (word === 1 && !wide)) return 0;
    return this.machine.i32[((frame * PAGE_BYTES) >>> 2) + (wide ? 2 * index + word : index)] ?? 0;
  }

  /** Makes room when few table numbers are left, before a walk is entered: the tables that were used least recently go. */
  trim(): void {
    if (this.tables.length - this.freeIds.length < MAX_SHADOW_TABLES - TABLES_OF_A_WALK) return;
    const oldest = this.tables.filter((table): table is ShadowTable => table !== undefined).sort((a, b) => a.lastUsed - b.lastUsed);
    for (const table of oldest.slice(0, EVICTED)) {
      this.counters.tableEvictions++;
      this.dropTable(table);
    }
  }

  // In step with the guest.

  /** The guest has written to a page that is traced as a table. @returns whether anything that derives from it has gone */
  written(address: number, bytes: number): boolean {
    this.counters.tracedWrites++;
    const list = this.byPage.get(Math.floor(address / PAGE_BYTES));
    if (!list) return false;
    const [only] = list;
    if (list.length === 1 && only) return this.writtenIn(only, address & 0xfff, bytes);
    let dropped = false;
    for (const table of [...list]) if (this.writtenIn(table, address & 0xfff, bytes)) dropped = true;
    return dropped;
  }

  private writtenIn(table: ShadowTable, offset: number, bytes: number): boolean {
    if (table.unsynced || this.tables[table.id] !== table) return false;
    const shift = table.indexBits === 10 ? 2 : 3;
    const first = offset >> shift;
    const last = Math.min((offset + bytes - 1) >> shift, table.entries - 1);
    table.writesSinceFill += last - first + 1;
    if (table.writesSinceFill <= (table.level === 1 ? LEAF_FLOOD : UPPER_FLOOD) || !this.techniques.flood) return this.dropEntries(table, first, last);
    this.counters.floods++;
    if (this.techniques.unsync && table.level === 1 && table.parents.length > 0) this.desync(table);
    else this.dropTable(table);
    return true;
  }

  /** Drops those of the entries `first` to `last` that are filled. Says whether any were. */
  private dropEntries(table: ShadowTable, first: number, last: number): boolean {
    let dropped = false;
    for (let i = first; i <= last; i++) {
      if (!(table.low(i) & SHADOW.present)) continue;
      this.dropEntry(table, i);
      dropped = true;
    }
    return dropped;
  }

  /** Lifts a leaf table's trace. No TLB may know anything through it from now on, until it is compared. */
  private desync(table: ShadowTable): void {
    this.counters.unsyncs++;
    this.withdrawAll(table);
    table.unsynced = true;
    this.untrace(table.guestPage);
  }

  /** Traces a table again, and brings its entries up to date. */
  resync(table: ShadowTable, controls: PagingControls): void {
    this.counters.resyncs++;
    table.unsynced = false;
    table.writesSinceFill = 0;
    this.trace(table.guestPage);
    const frame = this.map.frame(table.guestPage);
    const { i32 } = this.machine;
    const wide = table.indexBits !== 10;
    const first = (frame * PAGE_BYTES) >> 2;
    for (let i = 0, left = table.filled; left > 0; i++) {
      const old = table.low(i);
      if (!(old & SHADOW.present)) continue;
      left--;
      this.counters.resyncedEntries++;
      const low = i32[first + (wide ? 2 * i : i)] ?? 0;
      const high = wide ? (i32[first + 2 * i + 1] ?? 0) : 0;
      const wanted = PTE.present | PTE.accessed;
      if (frame <= 0 || (low & wanted) !== wanted || hasReservedBits(controls, high)) {
        this.forget(table, i);
        table.clear(i);
        continue;
      }
      const page = this.map.busPage(targetPage(low, high, wide));
      const flags = leafFlags(controls.noExecute, low, high);
      const key = wide ? keyOf(high) : 0;
      if (page === table.page(i)) table.setLeaf(i, (old & (~0xfff | SHADOW.noFrame)) | flags, page, key);
      else this.setLeaf(table, i, flags, page, key);
    }
  }

  /** Drops a shadow entry and whatever the TLBs know through it. */
  dropEntry(table: ShadowTable, index: number): void {
    this.counters.entriesDropped++;
    const lower = this.childOf(table, index);
    if (table.low(index) & SHADOW.leaf) this.forget(table, index);
    if (!table.unsynced && !lower?.unsynced) this.withdraw(table, index, 1, ALL_KINDS, lower);
    table.clear(index);
    if (lower) this.orphan(lower, table, index);
  }

  /** Takes a leaf out of the reverse map. */
  private forget(table: ShadowTable, index: number): void {
    this.reverse.remove((table.id << ENTRIES_SHIFT) | index, table.page(index), table.spanBits);
  }

  private dropTable(table: ShadowTable): void {
    if (this.tables[table.id] !== table) return;
    this.counters.tablesDropped++;
    if (!table.unsynced) this.withdrawAll(table);
    this.tables[table.id] = undefined;
    this.freeIds.push(table.id);
    this.remove(table);
    this.machine.effort.spent += table.entries / EFFORT.listed;
    for (let i = 0; table.filled > 0; i++) {
      const low = table.low(i);
      if (!(low & SHADOW.present)) continue;
      if (low & SHADOW.leaf) this.forget(table, i);
      table.clear(i);
      const lower = low & SHADOW.leaf ? undefined : this.tables[low >>> 12];
      if (lower) this.orphan(lower, table, i);
    }
    for (const parent of table.parents) parent.table.clear(parent.index);
    for (const slot of table.spaces) {
      const space = this.spaces.slots[slot];
      if (space?.table === table) space.table = undefined;
    }
  }

  /** A table no longer hangs from an entry: what nothing leads to is not watched. */
  private orphan(lower: ShadowTable, table: ShadowTable, index: number): void {
    this.machine.effort.spent += lower.parents.length / EFFORT.listed;
    removeParent(lower.parents, table, index);
    if (lower.parents.length > 0 || lower.spaces.length > 0) return;
    if (lower.level === 1 && lower.kind === 'table' && this.techniques.unsync) {
      if (!lower.unsynced) this.desync(lower);
    } else this.dropTable(lower);
  }

  /** A space leaves its root. */
  abandon(space: AddressSpace): void {
    const { table } = space;
    if (!table) return;
    space.table = undefined;
    const at = table.spaces.indexOf(space.slot);
    if (at >= 0) table.spaces.splice(at, 1);
    if (table.spaces.length === 0 && table.parents.length === 0) this.dropTable(table);
  }

  private remove(table: ShadowTable): void {
    const list = this.byPage.get(table.guestPage);
    const at = list?.indexOf(table) ?? -1;
    if (!list || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0) this.byPage.delete(table.guestPage);
    this.untrace(table.guestPage);
  }

  private trace(guestPage: number): void {
    const frame = this.map.own(guestPage);
    if (frame <= 0 || this.machine.frameFlags(frame) & FRAME.table) return;
    this.machine.setFrameFlag(frame, FRAME.table);
    this.writeProtect(guestPage);
  }

  /** Lifts the trace of a page that no table needs any more. */
  private untrace(guestPage: number): void {
    if (this.isTraced(guestPage)) return;
    const frame = this.map.entry(guestPage);
    if (frame > 0) this.machine.clearFrameFlag(frame, FRAME.table);
  }

  // What the TLBs hold.

  /** From now on writes to a guest-physical page come to the monitor: no TLB may hold it for writing. */
  writeProtect(guestPage: number): void {
    this.counters.writeProtections++;
    this.withdrawPhysical(guestPage, WRITES_ONLY);
  }

  /** A guest-physical page stands on another frame: no TLB may lead to the old one, and leaves hold the new one. */
  replaceFrame(guestPage: number, frame: number): void {
    this.withdrawPhysical(guestPage, ALL_KINDS);
    this.reverse.forEach(guestPage, (name) => {
      const table = this.tables[name >> ENTRIES_SHIFT];
      const index = name & ((1 << ENTRIES_SHIFT) - 1);
      if (table?.spanBits !== 0 || table.page(index) !== guestPage) return true;
      table.setLeaf(index, (table.low(index) & 0xfff) | (frame << 12), guestPage, table.protectionKey(index));
      return true;
    });
  }

  /** Large pages, and linear addresses without paging, are known by the page in front of a window. */
  private withdrawPhysical(guestPage: number, kinds: number): void {
    this.withdrawPage(guestPage, kinds);
    for (const page of this.map.pagesLeadingTo(guestPage)) this.withdrawPage(page, kinds);
  }

  private withdrawPage(guestPage: number, kinds: number): void {
    for (const space of this.spaces.slots) if (space?.mode === 'none') this.withdrawAt(space.slot, guestPage, 1, kinds);
    let places = 0;
    this.reverse.forEach(guestPage, (name) => {
      const table = this.tables[name >> ENTRIES_SHIFT];
      const index = name & ((1 << ENTRIES_SHIFT) - 1);
      if (!table || !mapsPage(table, index, guestPage) || table.unsynced) return true;
      if (++places > MANY_PLACES) {
        this.flushAll();
        return false;
      }
      this.steps = 0;
      this.withdrawFrom(table, index * table.span + guestPage - table.page(index), 1, kinds);
      if (this.steps > MOST_STEPS) this.flushAll();
      return this.steps <= MOST_STEPS;
    });
  }

  /** Drops from the TLBs what they know through a table. */
  private withdrawAll(table: ShadowTable): void {
    this.withdraw(table, 0, table.entries, ALL_KINDS, table);
  }

  /**
   * Drops from the TLBs what they know through entries of a table; where too many ways lead up to spaces, everything.
   * @param through the only table that they know it through, if that is one
   */
  private withdraw(table: ShadowTable, index: number, count: number, kinds: number, through?: ShadowTable): void {
    // Nothing is known through a table without entries: what was has been withdrawn with them.
    if (through?.filled === 0) return;
    this.steps = 0;
    const leaves = through?.level === 1 ? through : undefined;
    this.withdrawFrom(table, index * table.span, count * table.span, kinds, leaves);
    if (this.steps > MOST_STEPS) this.flushAll();
  }

  /** The same for pages, numbered from the first that the table covers, in all places in which it hangs. */
  private withdrawFrom(table: ShadowTable, first: number, pages: number, kinds: number, leaves?: ShadowTable): void {
    const { spaces, parents } = table;
    this.steps += 1 + spaces.length;
    for (const slot of spaces) this.withdrawAt(slot, canonicalPage(first, table), pages, kinds, leaves);
    for (const { table: parent, index } of parents) {
      if (this.steps > MOST_STEPS) return;
      this.withdrawFrom(parent, index * parent.span + first, pages, kinds, leaves);
    }
  }

  private withdrawAt(slot: number, first: number, pages: number, kinds: number, leaves?: ShadowTable): void {
    if (kinds === WRITES_ONLY) this.tlb.dropWrites(slot, first);
    else if (pages === 1) this.tlb.dropPage(slot, first);
    else if (leaves && leaves.filled * PROBES < this.tlb.listed(slot)) leaves.forEach((index) => { this.tlb.dropPage(slot, first + index); });
    else if (pages > LARGEST_RANGE) this.flushSpace(slot);
    else {
      this.counters.flushesRange++;
      this.machine.effort.spent += EFFORT.flush;
      this.tlb.dropRange(slot, first, pages);
    }
  }

  flushSpace(slot: number): void {
    this.counters.flushesSpace++;
    this.machine.effort.spent += EFFORT.flush;
    this.tlb.flushSpace(slot);
  }

  flushAll(): void {
    this.counters.flushesAll++;
    for (const space of this.spaces.slots) {
      if (!space) continue;
      this.machine.effort.spent += EFFORT.flush;
      this.tlb.flushSpace(space.slot);
    }
  }

  /** Drops all derived state: nothing is known but the spaces' tags. At once: table by table it would take seconds. */
  dropAll(): void {
    const count = this.tables.length - this.freeIds.length;
    this.counters.tablesDropped += count;
    this.machine.effort.spent += count;
    for (const page of this.byPage.keys()) {
      const frame = this.map.entry(page);
      if (frame > 0) this.machine.clearFrameFlag(frame, FRAME.table);
    }
    this.tables.length = 0;
    this.freeIds.length = 0;
    this.byPage.clear();
    this.reverse.clear();
    for (const space of this.spaces.slots) if (space) space.table = undefined;
    this.flushAll();
  }
}

function mapsPage(table: ShadowTable, index: number, guestPage: number): boolean {
  const first = table.page(index);
  return guestPage >= first && guestPage < first + table.span;
}

/** In 64-bit formats linear pages of the upper half are negative. */
export function canonicalPage(page: number, root: ShadowTable): number {
  const half = root.level === 4 ? 2 ** 35 : 2 ** 44;
  return root.level >= 4 && page >= half ? page - 2 * half : page;
}

function removeParent(parents: ShadowParent[], table: ShadowTable, index: number): void {
  for (let i = parents.length - 1; i >= 0; i--) {
    const parent = parents[i];
    if (parent?.table === table && parent.index === index) parents.splice(i, 1);
  }
}
