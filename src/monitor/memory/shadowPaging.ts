/**
 * Shadow paging: the translation of linear pages by address spaces, cached under tags, and shadow tables that are filled
 * from the guest's own as they are used. The tables and what keeps them in step with the guest's are ./shadowTree's: since they
 * always are, a CR3 write flushes nothing, and the TLB never holds what the guest's tables do not say.
 */
import { AddressSpaces, type AddressSpace } from './addressSpaces';
import { PAGE_BYTES } from './layout';
import {
  FORMATS,
  GuestWalk,
  PF,
  PTE,
  accessBits,
  entrySpan,
  hasReservedBits,
  is64BitFormat,
  keyCloses,
  keyOf,
  tableIndex,
  violation,
  walkGuest,
  type PagingControls,
  type PagingMode,
  type WalkedEntry,
} from './guestPaging';
import { FRAME, type MachineMemory } from './machineMemory';
import { DEVICE, NOTHING, type PhysicalMap } from './physicalMap';
import { newShadowCounters, type ShadowCounters } from './shadowCounters';
import { leafFlags, mayCache, tableFlags, targetPage } from './shadowEntries';
import { SHADOW, type ShadowTable } from './shadowTable';
import { ShadowTree } from './shadowTree';
import { Techniques } from './techniques';
import type { Tlb } from './tlb';

export type { AddressSpace } from './addressSpaces';

/** Leaf entries that are looked at together when one is filled. */
const BATCH = 8;
/** `fromLastTable` cannot say: the guest's tables have to be walked. */
const UNDECIDED = -2;

export class ShadowPaging {
  readonly counters: ShadowCounters = newShadowCounters();
  private readonly spaces = new AddressSpaces();
  private readonly tree: ShadowTree;
  private readonly walk = new GuestWalk();
  private current: AddressSpace | undefined;

  constructor(
    private readonly machine: MachineMemory,
    private readonly map: PhysicalMap,
    private readonly tlb: Tlb,
    readonly techniques = new Techniques(),
  ) {
    this.tree = new ShadowTree(machine, map, tlb, this.spaces, this.counters, techniques);
  }

  // Address spaces.

  /** The space for the given controls: a cached one, or a new one that is still empty. */
  enter(controls: PagingControls): AddressSpace {
    let space = this.spaces.find(controls);
    if (!space) space = this.addSpace(controls);
    else if (controls.mode === 'PAE') this.latch(space, controls.pdptes);
    return this.takeUp(space, controls);
  }

  /** The same, by the space that these very controls had before; a new one if that was given up meanwhile. */
  reenter(controls: PagingControls, space: AddressSpace): AddressSpace {
    if (this.spaces.slots[space.slot] !== space || (controls.mode === 'PAE' && space.pdptes !== controls.pdptes)) return this.enter(controls);
    return this.takeUp(space, controls);
  }

  private takeUp(space: AddressSpace, controls: PagingControls): AddressSpace {
    space.controls = controls;
    this.spaces.touch(space);
    this.counters.spaceSwitches++;
    const { current } = this;
    if (current && current !== space) {
      if (!this.techniques.spaces) this.giveUp(current);
      else if (this.techniques.graft && space.mode === current.mode) this.tree.graft(current, space, controls);
    }
    this.current = space;
    return space;
  }

  /** PDPTEs were loaded anew: what derives from those that have changed goes. */
  private latch(space: AddressSpace, pdptes: readonly bigint[]): void {
    const { table } = space;
    if (table) pdptes.forEach((value, i) => {
      if (value !== space.pdptes[i] && table.low(i) & SHADOW.present) this.tree.dropEntry(table, i);
    });
    space.pdptes = pdptes;
  }

  private addSpace(controls: PagingControls): AddressSpace {
    const slot = this.freeSlot();
    this.tlb.prepare(slot);
    return this.spaces.add(controls, slot);
  }

  private freeSlot(): number {
    const free = this.spaces.freeSlot();
    if (free >= 0) return free;
    const oldest = this.spaces.leastRecent();
    if (!oldest) throw new Error('No address space to evict');
    this.counters.spaceEvictions++;
    this.giveUp(oldest);
    return oldest.slot;
  }

  private giveUp(space: AddressSpace): void {
    if (this.spaces.slots[space.slot] !== space) return;
    this.spaces.remove(space);
    this.tree.flushSpace(space.slot);
    this.tree.abandon(space);
  }

  knownSpaces(): readonly AddressSpace[] {
    return this.spaces.slots.filter((s): s is AddressSpace => s !== undefined);
  }

  /** The tables as they hang, for those who look. */
  get derived(): Pick<ShadowTree, 'tablesOf' | 'tablePages' | 'forSmallLeaves' | 'forLeaves'> {
    return this.tree;
  }

  // What others ask of the tables.

  table(id: number): ShadowTable | undefined {
    return this.tree.table(id);
  }

  isTraced(guestPage: number): boolean {
    return this.tree.isTraced(guestPage);
  }

  /** Address of the marks that say which entries of the guest's table in a page have a shadow (see PAGE_MARKS); 0 where writes to all have to be seen. */
  tableMarks(guestPage: number): number {
    return this.techniques.marks ? this.tree.marksOf(guestPage) : 0;
  }

  /** The guest has written to a page that is traced as a table. @returns whether anything that derives from it has gone */
  tableWritten(address: number, bytes: number): boolean {
    return this.tree.written(address, bytes);
  }

  /** From now on writes to a guest-physical page come to the monitor: no TLB may hold it for writing. */
  writeProtect(guestPage: number): void {
    this.tree.writeProtect(guestPage);
  }

  /** A guest-physical page stands on another frame now, with the same bytes. */
  replaceFrame(guestPage: number, frame: number): void {
    this.tree.replaceFrame(guestPage, frame);
  }

  flushAll(): void {
    this.tree.flushAll();
  }

  dropAll(): void {
    this.tree.dropAll();
  }

  // Translation.

  /** Error code of the last page fault that `translate` has found. */
  errorCode = 0;
  /** Whether the TLB may hold what `translate` has found: rights that follow EFLAGS.AC or PKRU are looked up each time. */
  cacheable = true;
  /** Whether the guest's tables let the same access write without anything else being done. */
  writable = false;
  /** EFLAGS.AC, for SMAP; and whether the access under way is an implicit one (to a descriptor table, for example). */
  alignmentFlag: () => boolean = () => false;
  implicit = false;

  /** Whether supervisor accesses reach user pages in spite of SMAP. */
  private get smapOpen(): boolean {
    return !this.implicit && this.alignmentFlag();
  }

  /**
   * Resolves an access: the guest-physical page, or -1 for a page fault whose error code is then in
   * `errorCode`. Sets accessed and dirty bits as the processor does. `cacheable` then says whether the TLB may
   * hold the answer, and `writable` whether for writing, too.
   */
  translate(space: AddressSpace, controls: PagingControls, page: number, write: boolean, user: boolean, fetch: boolean): number {
    this.cacheable = true;
    this.writable = true;
    if (space.mode === 'none') return this.map.busPage(page & 0xfffff);
    const found = this.lookUp(space, controls, page, write, user, fetch);
    return found === UNDECIDED ? this.walkThrough(space, controls, page, write, user, fetch) : found;
  }

  /** Looks a page up in the shadow tables, and in the guest's last table if they lead to it. */
  private lookUp(space: AddressSpace, controls: PagingControls, page: number, write: boolean, user: boolean, fetch: boolean): number {
    let { table } = space;
    if (!table) return UNDECIDED;
    const { tree } = this;
    const { i32 } = this.machine;
    const now = ++tree.now;
    let rights = SHADOW.writable | SHADOW.user;
    let noExecute = 0;
    for (;;) {
      table.lastUsed = now;
      const index = tableIndex(page, table.level, table.indexBits);
      const low: number = i32[table.words + 2 * index] ?? 0;
      if (!(low & SHADOW.present)) {
        if (table.level !== 1 || table.kind !== 'table' || !this.techniques.direct) return UNDECIDED;
        return this.fromLastTable(controls, table, index, rights, noExecute, write, user, fetch);
      }
      rights &= low;
      noExecute |= low & SHADOW.noExecute;
      if (low & SHADOW.leaf) {
        const key = table.protectionKey(index);
        if (!this.allows(controls, rights, noExecute, key, write, user, fetch)) return controls.pkru === 0 ? this.forbidden(controls, write, user, fetch) : UNDECIDED;
        if (write && !(low & SHADOW.dirty)) return UNDECIDED;
        this.settle(controls, rights, low & SHADOW.dirty, key, user);
        return table.level === 1 ? table.page(index) : this.map.busPage(table.page(index) + (page & (table.span - 1)));
      }
      table = tree.table(low >>> 12);
      if (!table) return UNDECIDED;
      if (table.unsynced) tree.resync(table, controls);
    }
  }

  /** Guest-physical page of a linear page that a fetch would find by the shadow tables as they are; -1 where it would take more. It only looks. */
  knownForFetch(space: AddressSpace, controls: PagingControls, page: number, user: boolean): number {
    if (space.mode === 'none') return this.map.busPage(page & 0xfffff);
    let { table } = space;
    let rights = SHADOW.writable | SHADOW.user;
    let noExecute = 0;
    while (table && !table.unsynced) {
      const index = tableIndex(page, table.level, table.indexBits);
      const low = table.low(index);
      if (!(low & SHADOW.present)) return -1;
      rights &= low;
      noExecute |= low & SHADOW.noExecute;
      if (!(low & SHADOW.leaf)) {
        table = this.tree.table(low >>> 12);
        continue;
      }
      if (!this.allows(controls, rights, noExecute, 0, false, user, true)) return -1;
      return table.level === 1 ? table.page(index) : this.map.busPage(table.page(index) + (page & (table.span - 1)));
    }
    return -1;
  }

  /** Whether the rights of a translation, collected on the way to it, allow an access. */
  private allows(controls: PagingControls, rights: number, noExecute: number, key: number, write: boolean, user: boolean, fetch: boolean): boolean {
    const userPage = (rights & SHADOW.user) !== 0;
    if (user && !userPage) return false;
    if (fetch && noExecute) return false;
    if (write && !(rights & SHADOW.writable) && (user || controls.writeProtect)) return false;
    if (!userPage) return true;
    if (!user && (fetch ? controls.smep : controls.smap && !this.smapOpen)) return false;
    return fetch || controls.pkru === 0 || !keyCloses(controls, key, write, user);
  }

  /** An access that the rights forbid which the shadow tables have of the guest's. What walks them would set no accessed bits that are not set. */
  private forbidden(controls: PagingControls, write: boolean, user: boolean, fetch: boolean): -1 {
    this.errorCode = PF.present | accessBits(controls, { write, user, fetch, smapOpen: false });
    this.counters.reflectedFaults++;
    return -1;
  }

  /** Says what the TLB may hold of a translation. */
  private settle(controls: PagingControls, rights: number, dirty: number, key: number, user: boolean): void {
    const userPage = (rights & SHADOW.user) !== 0;
    this.cacheable = mayCache(controls, userPage, key, user);
    this.writable =
      dirty !== 0 &&
      ((rights & SHADOW.writable) !== 0 || (!user && !controls.writeProtect)) &&
      !(userPage && controls.pkru !== 0 && keyCloses(controls, key, true, user));
  }

  /**
   * The shadow tables lead to a guest's table of 4 KiB pages and have no entry for this one. All above it is known, so its
   * entry alone is read. UNDECIDED for whatever takes more than a look at it.
   */
  private fromLastTable(
    controls: PagingControls, table: ShadowTable, index: number, above: number, noExecuteAbove: number, write: boolean, user: boolean, fetch: boolean,
  ): number {
    const frame = this.map.entry(table.guestPage);
    if (frame <= 0 || this.machine.frameFlags(frame) & FRAME.rom) return UNDECIDED;
    const { i32 } = this.machine;
    const wide = table.indexBits !== 10;
    const at = ((frame * PAGE_BYTES) >>> 2) + (wide ? 2 * index : index);
    const low = i32[at] ?? 0;
    if (!(low & PTE.present)) {
      this.errorCode = accessBits(controls, { write, user, fetch, smapOpen: false });
      this.counters.reflectedFaults++;
      return -1;
    }
    const high = wide ? (i32[at + 1] ?? 0) : 0;
    if (wide && hasReservedBits(controls, high)) return UNDECIDED;
    const flags = leafFlags(controls.noExecute, low, high);
    const rights = above & flags;
    const key = is64BitFormat(controls.mode) ? keyOf(high) : 0;
    if (!this.allows(controls, rights, noExecuteAbove | (flags & SHADOW.noExecute), key, write, user, fetch)) return UNDECIDED;
    const set = low | PTE.accessed | (write ? PTE.dirty : 0);
    if (set !== low) {
      this.map.release(table.guestPage, frame);
      if (this.map.watch?.coversPhysical(table.guestPage)) this.map.watch.walkerSets(table.guestPage * PAGE_BYTES + ((4 * at) % PAGE_BYTES), () => { i32[at] = set; });
      else i32[at] = set;
    }
    this.counters.hiddenFaults++;
    this.counters.directFills++;
    const page = this.map.busPage(targetPage(low, high, wide));
    table.writesSinceFill = 0;
    this.tree.setLeaf(table, index, write ? flags | SHADOW.dirty : flags, page, wide ? keyOf(high) : 0);
    if (this.techniques.batching) this.fillNeighbours(table, controls, index);
    this.settle(controls, rights, set & PTE.dirty, key, user);
    return page;
  }

  private walkThrough(space: AddressSpace, controls: PagingControls, page: number, write: boolean, user: boolean, fetch: boolean): number {
    const { walk } = this;
    this.counters.guestWalks++;
    walkGuest(controls, this.map, page, walk);
    const access = { write, user, fetch, smapOpen: this.smapOpen };
    if (!walk.mapped) {
      this.errorCode = walk.errorCode | accessBits(controls, access);
      this.counters.reflectedFaults++;
      return -1;
    }
    const forbidden = violation(controls, walk, access);
    if (forbidden) {
      this.errorCode = forbidden;
      this.counters.reflectedFaults++;
      return -1;
    }
    this.counters.hiddenFaults++;
    this.setAccessedDirty(write);
    const rights = (walk.writable ? SHADOW.writable : 0) | (walk.user ? SHADOW.user : 0);
    this.settle(controls, rights, walk.entry(walk.count - 1).low & PTE.dirty, walk.key, user);
    if (this.isShadowable()) this.fill(space, controls, page);
    else this.cacheable = false;
    return this.map.busPage(walk.page);
  }

  /** Tables in device memory may change without a write: of them nothing is kept. */
  private isShadowable(): boolean {
    const { walk, map } = this;
    for (let i = 0; i < walk.count; i++) {
      const { address } = walk.entry(i);
      if (address >= 0 && map.entry(map.busPage(Math.floor(address / PAGE_BYTES))) === DEVICE) return false;
    }
    return true;
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
      const page = this.map.busPage(Math.floor(entry.address / PAGE_BYTES));
      const frame = this.map.own(page);
      if (frame > 0 && !(this.machine.frameFlags(frame) & FRAME.rom)) {
        this.map.release(page, frame);
        const set = (): void => this.machine.write(frame * PAGE_BYTES + (entry.address & 0xfff), 4, entry.low);
        if (this.map.watch?.coversPhysical(page)) this.map.watch.walkerSets(page * PAGE_BYTES + (entry.address & 0xfff), set);
        else set();
      }
    }
  }

  /** Enters the walk just made into the shadow tables. */
  private fill(space: AddressSpace, controls: PagingControls, page: number): void {
    const { mode } = space;
    if (mode === 'none') return;
    this.tree.trim();
    const { walk, tree } = this;
    const wide = FORMATS[mode].entryBytes === 8;
    let table = tree.rootOf(space, mode);
    for (let i = 0; i < walk.count; i++) {
      const entry = walk.entry(i);
      table.writesSinceFill = 0;
      table.lastUsed = tree.now;
      if (i === walk.count - 1) return this.fillLast(table, controls, mode, page, entry);
      const flags = tableFlags(controls.noExecute, entry.low, entry.high, entry.address < 0);
      let lower = tree.childOf(table, entry.index);
      lower ??= tree.tableFor(mode, entry.level - 1, this.map.busPage(targetPage(entry.low, entry.high, wide)));
      if (lower.unsynced) tree.resync(lower, controls);
      tree.hang(table, entry.index, lower, flags);
      table = lower;
    }
  }

  private fillLast(table: ShadowTable, controls: PagingControls, mode: Exclude<PagingMode, 'none'>, page: number, entry: WalkedEntry): void {
    const { walk, tree, map } = this;
    const flags = leafFlags(controls.noExecute, entry.low, entry.high);
    // 32-bit entries have no high half, PAE entries zeros there: no key.
    const key = keyOf(entry.high);
    if (walk.leafLevel === 1) {
      tree.setLeaf(table, entry.index, flags, map.busPage(walk.page), key);
      if (this.techniques.batching) this.fillNeighbours(table, controls, entry.index);
      return;
    }
    const span = entrySpan(entry.level, FORMATS[mode].indexBits);
    const first = walk.page - (page - Math.floor(page / span) * span);
    // With address line 20 held low, neighbours in the guest's page are not neighbours on the bus.
    if (this.techniques.large && map.a20) {
      this.counters.largeFills++;
      return tree.setLeaf(table, entry.index, flags | SHADOW.large, first, key);
    }
    this.fillSplit(table, mode, page, entry, first, flags, key);
  }

  /** A large page that is split into frames. Rights stand in the entry above; the large entry's D bit is the one of all its pages. */
  private fillSplit(top: ShadowTable, mode: Exclude<PagingMode, 'none'>, page: number, entry: WalkedEntry, firstPage: number, flags: number, key: number): void {
    const { tree } = this;
    const open = SHADOW.present | SHADOW.writable | SHADOW.user;
    let table = top;
    let first = firstPage;
    for (let level = entry.level; level > 1; level--) {
      const index = tableIndex(page, level, table.indexBits);
      // A 1 GiB page: one more level of split tables.
      if (table !== top) first = table.guestPage + index * table.span;
      let lower = tree.childOf(table, index);
      lower ??= tree.make(mode, level - 1, first, 'split');
      tree.hang(table, index, lower, SHADOW.large | (table === top ? flags & (open | SHADOW.noExecute) : open));
      table = lower;
    }
    const index = tableIndex(page, 1, table.indexBits);
    const kept = SHADOW.present | SHADOW.leaf | SHADOW.dirty | SHADOW.global;
    tree.setLeaf(table, index, (flags & kept) | SHADOW.writable | SHADOW.user | SHADOW.large, this.map.busPage(table.guestPage + index), key);
  }

  /** Takes neighbours in whose accessed bit is set already: nothing of the guest changes by that. */
  private fillNeighbours(table: ShadowTable, controls: PagingControls, index: number): void {
    const frame = this.map.entry(table.guestPage);
    if (frame <= 0) return;
    const { i32 } = this.machine;
    const wide = table.indexBits !== 10;
    const base = (frame * PAGE_BYTES) >>> 2;
    const wanted = PTE.present | PTE.accessed;
    const first = index & ~(BATCH - 1);
    for (let i = first; i < first + BATCH; i++) {
      const low = i32[base + (wide ? 2 * i : i)] ?? 0;
      if ((low & wanted) !== wanted || table.low(i) & SHADOW.present) continue;
      const high = wide ? (i32[base + 2 * i + 1] ?? 0) : 0;
      if (hasReservedBits(controls, high)) continue;
      const page = this.map.busPage(targetPage(low, high, wide));
      if (this.map.entry(page) === NOTHING) continue;
      this.tree.setLeaf(table, i, leafFlags(controls.noExecute, low, high), page, keyOf(high));
      this.counters.batchedFills++;
    }
  }
}
