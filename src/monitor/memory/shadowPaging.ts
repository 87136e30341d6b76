/**
 * Shadow paging: address spaces cached under tags (mode and CR3), shadow tables filled from the guest's
 * own as they are used, and traces on the guest's table pages that keep both in step: a guest write to a
 * traced entry drops what derives from it, at once, in every space. So a CR3 write flushes nothing, and
 * the TLB never holds what the guest's tables do not say.
 */
import { EFFORT } from './effort';
import { MAX_SHADOW_TABLES, MAX_SPACES, PAGE_BYTES } from './layout';
import {
  FORMATS,
  GuestWalk,
  PTE,
  accessBits,
  entrySpan,
  keyCloses,
  keyOf,
  hasReservedBits,
  tableIndex,
  violation,
  walkGuest,
  type PagingControls,
  type PagingMode,
} from './guestPaging';
import { FRAME, type MachineMemory } from './machineMemory';
import { NOTHING, type PhysicalMap } from './physicalMap';
import { SHADOW, ShadowTable, type ShadowParent } from './shadowTable';
import { TLB_KIND, type Tlb } from './tlb';

/** An address space that the monitor knows. */
export interface AddressSpace {
  /** Index of its TLB tables. */
  readonly slot: number;
  readonly mode: PagingMode;
  readonly root: number;
  /** What tells it from all others: the table's address and the rules under which its tables are read. */
  readonly tag: string;
  /** The controls under which it was last entered. */
  controls: PagingControls;
  table: ShadowTable | undefined;
  /** Latched PDPTEs from which the root derives (PAE). */
  pdptes: readonly bigint[];
  lastUsed: number;
}

/** Counters, named as the literature names them. */
export interface ShadowCounters {
  fills: number;
  batchedFills: number;
  guestWalks: number;
  hiddenFaults: number;
  reflectedFaults: number;
  spaceSwitches: number;
  spaceEvictions: number;
  tracedWrites: number;
  entriesDropped: number;
  tablesDropped: number;
  writeProtections: number;
}

/** Traced writes without a fill in between after which a table is taken to be one no longer. */
const FLOOD = 24;
/** Leaf entries that are looked at together when one is filled. */
const BATCH = 8;
/** Beyond so many entries that map a page, and steps up to the spaces that a table is in, all spaces are flushed instead. */
const MANY_PLACES = 64;
const MOST_STEPS = 256;

export class ShadowPaging {
  readonly counters: ShadowCounters = {
    fills: 0,
    batchedFills: 0,
    guestWalks: 0,
    hiddenFaults: 0,
    reflectedFaults: 0,
    spaceSwitches: 0,
    spaceEvictions: 0,
    tracedWrites: 0,
    entriesDropped: 0,
    tablesDropped: 0,
    writeProtections: 0,
  };
  private readonly spaces: (AddressSpace | undefined)[] = new Array<AddressSpace | undefined>(MAX_SPACES).fill(undefined);
  private readonly spaceByTag = new Map<string, AddressSpace>();
  private readonly tables: (ShadowTable | undefined)[] = [];
  private readonly freeIds: number[] = [];
  private readonly tableByGuest = new Map<string, ShadowTable>();
  /** Tables that derive from a guest-physical page, by that page. */
  private readonly traced = new Map<number, ShadowTable[]>();
  /** Leaf entries (table id * 1024 + index) that map a guest-physical page. */
  private readonly reverse = new Map<number, Set<number>>();
  private readonly walk = new GuestWalk();
  private uses = 0;

  constructor(
    private readonly machine: MachineMemory,
    private readonly map: PhysicalMap,
    readonly tlb: Tlb,
  ) {}

  /** The space for the given controls: a cached one, or a new one that is still empty. */
  enter(controls: PagingControls): AddressSpace {
    const root = controls.mode === 'none' ? 0 : controls.root;
    // Without paging the other controls mean nothing, and there is one space.
    const tag = controls.mode === 'none' ? controls.mode : `${controls.mode}${controls.largePages ? '+' : ''}${controls.noExecute ? 'x' : ''}:${root}`;
    let space = this.spaceByTag.get(tag);
    if (!space) {
      const slot = this.freeSlot();
      space = { slot, mode: controls.mode, root, tag, controls, table: undefined, pdptes: controls.pdptes, lastUsed: 0 };
      this.spaces[slot] = space;
      this.spaceByTag.set(tag, space);
    } else if (controls.mode === 'PAE' && space.pdptes.some((p, i) => p !== controls.pdptes[i])) {
      if (space.table) this.dropTable(space.table);
      this.flushSpace(space.slot);
      space.pdptes = controls.pdptes;
    }
    space.controls = controls;
    space.lastUsed = ++this.uses;
    this.counters.spaceSwitches++;
    return space;
  }

  /** The same, by the space that these very controls had before; a new one if that was given up meanwhile. */
  reenter(controls: PagingControls, space: AddressSpace): AddressSpace {
    if (this.spaces[space.slot] !== space || (controls.mode === 'PAE' && space.pdptes !== controls.pdptes)) return this.enter(controls);
    space.controls = controls;
    space.lastUsed = ++this.uses;
    this.counters.spaceSwitches++;
    return space;
  }

  knownSpaces(): readonly AddressSpace[] {
    return this.spaces.filter((s): s is AddressSpace => s !== undefined);
  }

  table(id: number): ShadowTable | undefined {
    return this.tables[id];
  }

  isTraced(guestPage: number): boolean {
    return this.traced.has(guestPage);
  }

  /**
   * Resolves an access: the guest-physical page, or -1 for a page fault whose error code is then in
   * `errorCode`. Sets accessed and dirty bits as the processor does. `cacheable` then says whether the TLB may
   * hold the answer.
   */
  translate(space: AddressSpace, controls: PagingControls, page: number, write: boolean, user: boolean, fetch: boolean): number {
    this.cacheable = true;
    if (space.mode === 'none') return this.map.busPage(page & 0xfffff);
    const hit = this.lookUp(space, controls, page, write, user, fetch);
    if (hit >= 0) return hit;
    this.counters.guestWalks++;
    walkGuest(controls, this.map, page, this.walk);
    const access = { write, user, fetch, smapOpen: this.smapOpen };
    if (!this.walk.mapped) {
      this.errorCode = this.walk.errorCode | accessBits(controls, access);
      this.counters.reflectedFaults++;
      return -1;
    }
    const forbidden = violation(controls, this.walk, access);
    if (forbidden) {
      this.errorCode = forbidden;
      this.counters.reflectedFaults++;
      return -1;
    }
    this.counters.hiddenFaults++;
    this.cacheable = mayCache(controls, this.walk.user, this.walk.key, user);
    this.setAccessedDirty(write);
    this.fill(space, controls, page);
    return this.map.busPage(this.walk.page);
  }

  /** Error code of the last page fault that `translate` has found. */
  errorCode = 0;
  /** Whether the TLB may hold what `translate` has found: rights that follow EFLAGS.AC or PKRU are looked up each time. */
  cacheable = true;
  /** EFLAGS.AC, for SMAP; and whether the access under way is an implicit one (to a descriptor table, for example). */
  alignmentFlag: () => boolean = () => false;
  implicit = false;

  /** Whether supervisor accesses reach user pages in spite of SMAP. */
  private get smapOpen(): boolean {
    return !this.implicit && this.alignmentFlag();
  }

  /** Looks a page up in the shadow tables only: its guest-physical page, or -1. */
  private lookUp(space: AddressSpace, controls: PagingControls, page: number, write: boolean, user: boolean, fetch: boolean): number {
    let table = space.table;
    if (!table) return -1;
    let rights = SHADOW.writable | SHADOW.user;
    let noExecute = 0;
    for (;;) {
      const index = tableIndex(page, table.level, table.indexBits);
      const low = table.low(index);
      if (!(low & SHADOW.present)) return -1;
      rights &= low;
      noExecute |= low & SHADOW.noExecute;
      if (low & SHADOW.leaf) {
        if (user && !(rights & SHADOW.user)) return -1;
        if (fetch && noExecute) return -1;
        if (write && (!(low & SHADOW.dirty) || (!(rights & SHADOW.writable) && (user || controls.writeProtect)))) return -1;
        const userPage = (rights & SHADOW.user) !== 0;
        if (userPage && !user && (fetch ? controls.smep : controls.smap && !this.smapOpen)) return -1;
        const key = table.protectionKey(index);
        if (userPage && !fetch && controls.pkru !== 0 && keyCloses(controls, key, write, user)) return -1;
        this.cacheable = mayCache(controls, userPage, key, user);
        return table.page(index);
      }
      table = this.tables[low >>> 12];
      if (!table) return -1;
    }
  }

  /** Sets A in every entry of the walk, and D in the leaf on a write: as the processor, without tripping traces. */
  private setAccessedDirty(write: boolean): void {
    const walk = this.walk;
    for (let i = 0; i < walk.count; i++) {
      const entry = walk.entry(i);
      if (entry.address < 0) continue;
      const dirty = write && i === walk.count - 1 ? PTE.dirty : 0;
      const wanted = PTE.accessed | dirty;
      if ((entry.low & wanted) === wanted) continue;
      entry.low |= wanted;
      const frame = this.map.frame(this.map.busPage(Math.floor(entry.address / PAGE_BYTES)));
      if (frame > 0 && !(this.machine.frameFlags(frame) & FRAME.rom)) {
        this.machine.write(frame * PAGE_BYTES + (entry.address & 0xfff), 4, entry.low);
      }
    }
  }

  /** Enters the walk just made into the shadow tables. */
  private fill(space: AddressSpace, controls: PagingControls, page: number): void {
    const mode = space.mode;
    if (mode === 'none') return;
    this.trim();
    const walk = this.walk;
    const format = FORMATS[mode];
    let table = space.table ?? this.makeRoot(space, mode);
    for (let i = 0; i < walk.count; i++) {
      const entry = walk.entry(i);
      table.writesSinceFill = 0;
      const last = i === walk.count - 1;
      if (last && walk.leafLevel === 1) {
        this.setLeaf(table, entry.index, controls, entry.low, entry.high, this.map.busPage(walk.page), 0);
        this.fillNeighbours(table, controls, entry.index, entry.address);
        return;
      }
      const large = last;
      const latched = entry.address < 0;
      const flags =
        SHADOW.present |
        (latched ? SHADOW.writable | SHADOW.user : entry.low & (PTE.writable | PTE.user)) |
        (controls.noExecute && entry.high < 0 && !latched ? SHADOW.noExecute : 0);
      const lowerPage = large
        ? walk.page - offsetInEntry(page, entrySpan(entry.level, format.indexBits))
        : this.map.busPage(this.targetPage(entry.low, entry.high, format.entryBytes));
      let lower = this.childOf(table, entry.index);
      if (!lower) {
        lower = this.tableAt(mode, entry.level - 1, lowerPage, large, format.indexBits, large ? entry.address : 0);
        lower.parents.push({ table, index: entry.index });
      }
      table.set(entry.index, flags | (lower.id << 12) | (large ? SHADOW.large : 0), 0);
      table = lower;
      if (large) return this.fillSplit(table, entry.level - 1, page, entry, mode, format.indexBits);
    }
  }

  /** Fills the leaf of a large page that is split into frames. */
  private fillSplit(first: ShadowTable, level: number, page: number, origin: { readonly low: number; readonly high: number }, mode: PagingMode, indexBits: number): void {
    let table = first;
    for (let l = level; l > 1; l--) {
      // A 1 GiB page: one more level of split tables.
      const index = tableIndex(page, l, indexBits);
      let lower = this.childOf(table, index);
      if (!lower) {
        lower = this.tableAt(mode, l - 1, table.guestPage + index * entrySpan(l, indexBits), true, indexBits, table.origin);
        lower.parents.push({ table, index });
        table.set(index, SHADOW.present | SHADOW.writable | SHADOW.user | SHADOW.large | (lower.id << 12), 0);
      }
      table = lower;
    }
    const index = tableIndex(page, 1, indexBits);
    // Rights stand in the entry above; the large entry's D bit is the one of all its pages.
    const entry = origin.low | PTE.writable | PTE.user;
    this.setLeaf(table, index, undefined, entry, origin.high, this.map.busPage(table.guestPage + index), SHADOW.large);
  }

  private targetPage(low: number, high: number, entryBytes: number): number {
    return (low >>> 12) + (entryBytes === 8 ? (high & 0xff) * 2 ** 20 : 0);
  }

  private setLeaf(table: ShadowTable, index: number, controls: PagingControls | undefined, low: number, high: number, page: number, extra: number): void {
    const old = table.low(index);
    if (old & SHADOW.present) this.forget(table, index);
    const frame = this.map.frame(page);
    const flags =
      SHADOW.present |
      SHADOW.leaf |
      (low & (PTE.writable | PTE.user)) |
      (low & PTE.dirty ? SHADOW.dirty : 0) |
      (low & PTE.global ? SHADOW.global : 0) |
      (controls?.noExecute && high < 0 ? SHADOW.noExecute : 0) |
      extra;
    // 32-bit entries have no high half, PAE entries zeros there: no key.
    table.setLeaf(index, frame > 0 ? flags | (frame << 12) : flags | SHADOW.noFrame, page, keyOf(high));
    const key = table.id * 1024 + index;
    const list = this.reverse.get(page);
    if (list) list.add(key);
    else this.reverse.set(page, new Set([key]));
    this.counters.fills++;
  }

  /** Takes neighbours in whose accessed bit is set already: nothing of the guest changes by that. */
  private fillNeighbours(table: ShadowTable, controls: PagingControls, index: number, address: number): void {
    const format = FORMATS[controls.mode === 'none' ? '32-bit' : controls.mode];
    const first = index & ~(BATCH - 1);
    for (let i = first; i < first + BATCH; i++) {
      if (i === index || table.low(i) & SHADOW.present) continue;
      const at = this.map.busPage(Math.floor(address / PAGE_BYTES)) * PAGE_BYTES + (address & 0xfff) + (i - index) * format.entryBytes;
      const low = this.map.read(at, 4) | 0;
      const high = format.entryBytes === 8 ? this.map.read(at + 4, 4) | 0 : 0;
      const wanted = PTE.present | PTE.accessed;
      if ((low & wanted) !== wanted || hasReservedBits(controls, high)) continue;
      const page = this.map.busPage(this.targetPage(low, high, format.entryBytes));
      if (this.map.entry(page) === NOTHING) continue;
      this.setLeaf(table, i, controls, low, high, page, 0);
      this.counters.batchedFills++;
    }
  }

  private childOf(table: ShadowTable, index: number): ShadowTable | undefined {
    const low = table.low(index);
    return low & SHADOW.present && !(low & SHADOW.leaf) ? this.tables[low >>> 12] : undefined;
  }

  private makeRoot(space: AddressSpace, mode: Exclude<PagingMode, 'none'>): ShadowTable {
    const format = FORMATS[mode];
    const latched = mode === 'PAE';
    // A PAE root is latched, not traced: each space has its own.
    const page = latched ? -1 - space.slot : this.map.busPage(Math.floor(space.root / PAGE_BYTES));
    const table = this.tableAt(mode, format.levels, page, latched, format.indexBits);
    table.spaces.push(space.slot);
    space.table = table;
    return table;
  }

  /** `origin`: address of the large entry that a split table belongs to: its dirty bit is that entry's alone. */
  private tableAt(mode: PagingMode, level: number, guestPage: number, split: boolean, indexBits: number, origin = 0): ShadowTable {
    const key = tableKey(mode, level, guestPage, split, origin);
    const known = this.tableByGuest.get(key);
    if (known) return known;
    const id = this.freeIds.pop() ?? this.tables.length;
    const table = new ShadowTable(id, level, indexBits, guestPage, split, key, origin, this.machine);
    this.tables[id] = table;
    this.tableByGuest.set(key, table);
    if (!split) {
      const list = this.traced.get(guestPage);
      if (list) list.push(table);
      else {
        this.traced.set(guestPage, [table]);
        const frame = this.map.frame(guestPage);
        if (frame > 0) this.machine.setFrameFlag(frame, FRAME.table);
        this.writeProtect(guestPage);
      }
    }
    return table;
  }

  /** Makes room when few table numbers are left, before a walk is entered. */
  private trim(): void {
    if (this.tables.length - this.freeIds.length >= MAX_SHADOW_TABLES - 16) this.dropAll();
  }

  /** The guest has written to a page that is traced as a table. */
  tableWritten(address: number, bytes: number): void {
    this.counters.tracedWrites++;
    const page = Math.floor(address / PAGE_BYTES);
    const tables = this.traced.get(page);
    if (!tables) return;
    for (const table of [...tables]) {
      const shift = table.indexBits === 10 ? 2 : 3;
      const first = (address & 0xfff) >> shift;
      const last = Math.min(((address & 0xfff) + bytes - 1) >> shift, table.entries - 1);
      for (let i = first; i <= last; i++) if (table.low(i) & SHADOW.present) this.dropEntry(table, i);
      if (++table.writesSinceFill > FLOOD) this.dropTable(table);
    }
  }

  /** Drops a shadow entry and whatever the TLBs know through it. */
  private dropEntry(table: ShadowTable, index: number): void {
    this.counters.entriesDropped++;
    if (table.low(index) & SHADOW.leaf) {
      this.forget(table, index);
      this.forPlaces(table, index, (slot, page) => this.tlb.dropPage(slot, page));
    } else {
      const lower = this.childOf(table, index);
      if (lower) this.orphan(lower, (p) => p.table === table && p.index === index);
      this.flushSpacesOf(table);
      if (lower?.split && lower.parents.length === 0) this.dropTable(lower);
    }
    table.clear(index);
  }

  /** Takes a leaf out of the reverse map. */
  private forget(table: ShadowTable, index: number): void {
    const page = table.page(index);
    const list = this.reverse.get(page);
    if (!list) return;
    list.delete(table.id * 1024 + index);
    if (list.size === 0) this.reverse.delete(page);
  }

  private dropTable(table: ShadowTable): void {
    if (this.tables[table.id] !== table) return;
    this.counters.tablesDropped++;
    this.flushSpacesOf(table);
    this.tables[table.id] = undefined;
    this.freeIds.push(table.id);
    this.tableByGuest.delete(table.key);
    const lowers = new Set<ShadowTable>();
    for (let i = 0; i < table.entries; i++) {
      const low = table.low(i);
      if (!(low & SHADOW.present)) continue;
      if (low & SHADOW.leaf) this.forget(table, i);
      else {
        const lower = this.tables[low >>> 12];
        if (lower) lowers.add(lower);
      }
    }
    this.machine.effort.spent += table.entries / EFFORT.listed;
    for (const lower of lowers) {
      this.orphan(lower, (p) => p.table === table);
      if (lower.split && lower.parents.length === 0) this.dropTable(lower);
    }
    for (const parent of table.parents) parent.table.clear(parent.index);
    for (const slot of table.spaces) {
      const space = this.spaces[slot];
      if (space?.table === table) space.table = undefined;
    }
    this.untrace(table);
  }

  private untrace(table: ShadowTable): void {
    const list = this.traced.get(table.guestPage);
    if (!list) return;
    removeWhere(list, (t) => t === table);
    if (list.length > 0) return;
    this.traced.delete(table.guestPage);
    this.clearTrace(table.guestPage);
  }

  private clearTrace(guestPage: number): void {
    const frame = this.map.entry(guestPage);
    if (frame > 0) this.machine.clearFrameFlag(frame, FRAME.table);
  }

  /** A table no longer hangs from some of its parents. */
  private orphan(lower: ShadowTable, matches: (parent: ShadowParent) => boolean): void {
    this.machine.effort.spent += lower.parents.length / EFFORT.listed;
    removeWhere(lower.parents, matches);
  }

  /** From now on writes to a guest-physical page come to the monitor: no TLB may hold it for writing. */
  writeProtect(guestPage: number): void {
    this.counters.writeProtections++;
    for (const space of this.spaces) {
      if (space?.mode === 'none') this.tlb.drop(space.slot, TLB_KIND.write, guestPage);
    }
    const keys = this.reverse.get(guestPage);
    if (!keys) return;
    if (keys.size > MANY_PLACES) return this.flushAll();
    for (const key of keys) {
      const table = this.tables[key >> 10];
      if (table) this.forPlaces(table, key & 1023, (slot, page) => this.tlb.drop(slot, TLB_KIND.write, page));
    }
  }

  /** Nothing that is known of a guest-physical page holds any more (its frame has changed). */
  dropPhysical(guestPage: number): void {
    for (const key of [...(this.reverse.get(guestPage) ?? [])]) {
      const table = this.tables[key >> 10];
      if (table) this.dropEntry(table, key & 1023);
    }
    for (const space of this.spaces) if (space?.mode === 'none') this.tlb.dropPage(space.slot, guestPage);
  }

  flushAll(): void {
    for (const space of this.spaces) if (space) this.flushSpace(space.slot);
  }

  private flushSpace(slot: number): void {
    this.machine.effort.spent += EFFORT.flush;
    this.tlb.flushSpace(slot);
  }

  /** Drops all derived state: nothing is known but the spaces' tags. At once: table by table it would take seconds. */
  dropAll(): void {
    this.counters.tablesDropped += this.tableByGuest.size;
    this.machine.effort.spent += this.tableByGuest.size;
    for (const page of this.traced.keys()) this.clearTrace(page);
    this.tables.length = 0;
    this.freeIds.length = 0;
    for (const known of [this.tableByGuest, this.traced, this.reverse]) known.clear();
    for (const space of this.spaces) if (space) space.table = undefined;
    this.flushAll();
  }

  /** Calls back for each space and linear page at which an entry stands; where too many ways lead up to them, all is flushed. */
  private forPlaces(table: ShadowTable, index: number, visit: (slot: number, page: number) => void): void {
    let steps = 0;
    const climb = (t: ShadowTable, page: number): void => {
      for (const slot of t.spaces) visit(slot, canonicalPage(page, t));
      steps += 1 + t.spaces.length;
      for (const parent of t.parents) {
        if (steps > MOST_STEPS) return;
        climb(parent.table, parent.index * entrySpan(parent.table.level, t.indexBits) + page);
      }
    };
    climb(table, index * entrySpan(table.level, table.indexBits));
    if (steps > MOST_STEPS) this.flushAll();
  }

  private flushSpacesOf(table: ShadowTable): void {
    const slots = new Set<number>();
    const seen = new Set<ShadowTable>();
    const climb = (t: ShadowTable): void => {
      if (seen.has(t)) return;
      seen.add(t);
      t.spaces.forEach((slot) => slots.add(slot));
      this.machine.effort.spent += t.parents.length / EFFORT.listed;
      t.parents.forEach((p) => climb(p.table));
    };
    climb(table);
    for (const slot of slots) this.flushSpace(slot);
  }

  private freeSlot(): number {
    const free = this.spaces.findIndex((s) => s === undefined);
    if (free >= 0) return free;
    let oldest = this.spaces[0];
    for (const space of this.spaces) if (space && oldest && space.lastUsed < oldest.lastUsed) oldest = space;
    if (!oldest) throw new Error('No address space to evict');
    this.counters.spaceEvictions++;
    this.evict(oldest);
    return oldest.slot;
  }

  private evict(space: AddressSpace): void {
    for (const [tag, known] of this.spaceByTag) if (known === space) this.spaceByTag.delete(tag);
    this.spaces[space.slot] = undefined;
    this.flushSpace(space.slot);
    if (!space.table) return;
    removeWhere(space.table.spaces, (slot) => slot === space.slot);
    if (space.table.spaces.length === 0 && space.table.parents.length === 0) this.dropTable(space.table);
  }
}

function tableKey(mode: PagingMode, level: number, guestPage: number, split: boolean, origin: number): string {
  return `${mode}${split ? '/' : ':'}${level}:${guestPage}:${origin}`;
}

/** Pages between the start of the entry that covers a page and the page itself. */
function offsetInEntry(page: number, span: number): number {
  return page - Math.floor(page / span) * span;
}

/** In 64-bit formats linear pages of the upper half are negative. */
function canonicalPage(page: number, root: ShadowTable): number {
  const half = root.level === 4 ? 2 ** 35 : 2 ** 44;
  return root.level >= 4 && page >= half ? page - 2 * half : page;
}

/** Rights that no control register but EFLAGS.AC or PKRU changes may be kept in the TLB. */
function mayCache(controls: PagingControls, userPage: boolean, key: number, user: boolean): boolean {
  return !userPage || ((user || !controls.smap) && (key === 0 || controls.pkru === 0));
}

function removeWhere<T>(list: T[], matches: (item: T) => boolean): void {
  for (let i = list.length - 1; i >= 0; i--) {
    const item = list[i];
    if (item !== undefined && matches(item)) list.splice(i, 1);
  }
}
