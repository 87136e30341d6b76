/**
 * Guest page tables beside the shadow tables kept for them, and the walk of one address through both.
 */
import type { Cpu } from '../cpu/cpu';
import {
  FORMATS,
  PTE,
  entrySpan,
  entryTarget,
  isLarge,
  tableIndex,
  type PagingControls,
  type PagingFormat,
} from '../memory/guestPaging';
import { FRAME } from '../memory/machineMemory';
import { ABSENT, DEVICE, NOTHING } from '../memory/physicalMap';
import { SHADOW, type ShadowTable } from '../memory/shadowTable';
import type { AddressSpace } from '../memory/shadowPaging';
import { TLB_KIND } from '../memory/tlb';
import type {
  AddressSpaceInfo,
  GuestEntryRun,
  GuestWalkStep,
  PageRights,
  ShadowEntryRun,
  ShadowWalkStep,
  TablePair,
  TableRequest,
  WalkAnswer,
} from './queries';

const PAGE = 4096;
const NX_HIGH = 0x80000000 | 0;

interface RawEntry {
  readonly address: number;
  readonly low: number;
  readonly high: number;
}

/** Names of entries by format and level, 1 first. */
const ENTRY_NAMES: Readonly<Record<number, readonly string[]>> = {
  2: ['PTE', 'PDE'],
  3: ['PTE', 'PDE', 'PDPTE'],
  4: ['PTE', 'PDE', 'PDPTE', 'PML4E'],
};

export class PagingView {
  constructor(private readonly cpu: Cpu) {}

  addressSpaces(): readonly AddressSpaceInfo[] {
    const { shadow, currentSpace } = this.cpu.mmu;
    return shadow.knownSpaces().map((space) => {
      const counts = this.count(space);
      return {
        cr3: space.root,
        mode: space.mode,
        current: space === currentSpace,
        shadowTables: counts.tables,
        shadowEntries: counts.entries,
        lastUsed: space.lastUsed,
      };
    });
  }

  private count(space: AddressSpace): { tables: number; entries: number } {
    const seen = new Set<ShadowTable>();
    let entries = 0;
    const visit = (table: ShadowTable): void => {
      if (seen.has(table)) return;
      seen.add(table);
      for (let i = 0; i < table.entries; i++) {
        const low = table.low(i);
        if (!(low & SHADOW.present)) continue;
        if (low & SHADOW.leaf) entries++;
        else {
          const lower = this.cpu.mmu.shadow.table(low >>> 12);
          if (lower) visit(lower);
        }
      }
    };
    if (space.table) visit(space.table);
    return { tables: seen.size, entries };
  }

  /** Controls with which a CR3 is to be read: those of its known space, else the current ones. */
  private controlsFor(cr3: number | undefined): PagingControls {
    const { currentControls, currentSpace, shadow } = this.cpu.mmu;
    if (cr3 === undefined || cr3 === currentSpace.root) return currentControls;
    const known = shadow
      .knownSpaces()
      .filter((s) => s.root === cr3 && s.mode !== 'none')
      .sort((a, b) => b.lastUsed - a.lastUsed)[0];
    const mode = known?.mode ?? (currentControls.mode === 'none' ? '32-bit' : currentControls.mode);
    return { ...currentControls, mode, root: cr3, pdptes: known?.pdptes ?? currentControls.pdptes };
  }

  private spaceFor(controls: PagingControls): AddressSpace | undefined {
    const root = controls.mode === 'none' ? 0 : controls.root;
    const matches = (s: AddressSpace): boolean => s.root === root && s.mode === controls.mode;
    const { currentSpace, shadow } = this.cpu.mmu;
    // One CR3 may be known in two ways (with and without large pages): the current one counts, else the last used.
    if (matches(currentSpace)) return currentSpace;
    return shadow.knownSpaces().filter(matches).sort((a, b) => b.lastUsed - a.lastUsed)[0];
  }

  // Tables.

  table(request: TableRequest): TablePair | undefined {
    const controls = this.controlsFor(request.cr3);
    if (controls.mode === 'none') return undefined;
    const format = FORMATS[controls.mode];
    const level = request.level ?? format.levels;
    const page = pageOf(request.linear ?? 0n);
    const place = this.findTable(controls, format, page, level);
    if (!place) return undefined;
    if (place.large) return this.splitTable(controls, format, page, level, place.large);
    const span = entrySpan(level, format.indexBits);
    const entries = controls.mode === 'PAE' && level === 3 ? 4 : 1 << format.indexBits;
    const firstPage = Math.floor(page / (span * entries)) * span * entries;
    const raws = this.readTable(controls, format, place.address, level, entries);
    const guest = this.guestRuns(controls, format, level, firstPage, raws);
    const shadowTable = this.shadowTableAt(controls, level, page);
    const traced = place.address >= 0 && this.cpu.mmu.shadow.isTraced(this.cpu.mmu.map.busPage(Math.floor(place.address / PAGE)));
    return {
      level,
      linear: linearOf(firstPage, format),
      bytes: BigInt(span * entries) * BigInt(PAGE),
      entryBytes: BigInt(span) * BigInt(PAGE),
      guestTable: place.address,
      traced,
      guest,
      guestAbsent: raws.filter((r) => !(r.low & PTE.present)).length,
      ...(shadowTable ? { shadow: this.shadowSide(format, level, firstPage, raws, shadowTable) } : {}),
    };
  }

  /**
   * Guest-physical address of the table at a level that covers a page (CR3's own for a PAE root), or the large
   * entry that stands above it instead.
   */
  private findTable(controls: PagingControls, format: PagingFormat, page: number, level: number): { address: number; large?: RawEntry } | undefined {
    let address = controls.root;
    for (let l = format.levels; l > level; l--) {
      const raw = this.readEntry(controls, format, address, l, tableIndex(page, l, format.indexBits));
      if (!(raw.low & PTE.present)) return undefined;
      if (isLarge(controls, l, raw.low)) return { address, large: raw };
      address = entryTarget(format, l, raw, false);
    }
    return { address };
  }

  /** The shadow table into which a large page of the guest is split: the guest has one entry for all of it. */
  private splitTable(controls: PagingControls, format: PagingFormat, page: number, level: number, large: RawEntry): TablePair | undefined {
    const table = this.shadowTableAt(controls, level, page);
    if (!table?.split) return undefined;
    const span = entrySpan(level, format.indexBits);
    const entries = table.entries;
    const firstPage = Math.floor(page / (span * entries)) * span * entries;
    // Every frame of the large page derives from its one entry.
    const raws = Array.from({ length: entries }, () => large);
    return {
      level,
      linear: linearOf(firstPage, format),
      bytes: BigInt(span * entries) * BigInt(PAGE),
      entryBytes: BigInt(span) * BigInt(PAGE),
      guestTable: large.address - (large.address % PAGE),
      traced: false,
      guest: [],
      guestAbsent: 0,
      shadow: this.shadowSide(format, level, firstPage, raws, table),
    };
  }

  private readEntry(controls: PagingControls, format: PagingFormat, table: number, level: number, index: number): RawEntry {
    if (controls.mode === 'PAE' && level === 3) {
      const raw = controls.pdptes[index & 3] ?? 0n;
      return { address: table + (index & 3) * 8, low: Number(raw & 0xffffffffn) | 0, high: Number(raw >> 32n) | 0 };
    }
    const { map } = this.cpu.mmu;
    const address = table + index * format.entryBytes;
    const bus = map.busPage(Math.floor(address / PAGE)) * PAGE + (address & 0xfff);
    // A table in device memory is not asked: looking must have no side effects.
    if (map.entry(Math.floor(bus / PAGE)) === DEVICE) return { address, low: 0, high: 0 };
    return { address, low: map.read(bus, 4) | 0, high: format.entryBytes === 8 ? map.read(bus + 4, 4) | 0 : 0 };
  }

  private readTable(controls: PagingControls, format: PagingFormat, table: number, level: number, entries: number): RawEntry[] {
    return Array.from({ length: entries }, (_, i) => this.readEntry(controls, format, table, level, i));
  }

  private guestRuns(controls: PagingControls, format: PagingFormat, level: number, firstPage: number, raws: readonly RawEntry[]): GuestEntryRun[] {
    const span = entrySpan(level, format.indexBits);
    const runs: GuestEntryRun[] = [];
    raws.forEach((raw, index) => {
      if (!(raw.low & PTE.present)) return;
      const entry = this.guestEntry(controls, format, level, firstPage, span, raw, index);
      const last = runs[runs.length - 1];
      if (last && continues(last, entry, span)) {
        runs[runs.length - 1] = { ...last, count: last.count + 1, bytes: last.bytes + entry.bytes };
      } else runs.push(entry);
    });
    return runs;
  }

  private guestEntry(controls: PagingControls, format: PagingFormat, level: number, firstPage: number, span: number, raw: RawEntry, index: number): GuestEntryRun {
    const large = isLarge(controls, level, raw.low);
    return {
      kind: large ? 'large-page' : level === 1 ? 'page' : 'table',
      linear: linearOf(firstPage + index * span, format),
      bytes: BigInt(span) * BigInt(PAGE),
      index,
      count: 1,
      entryAddress: raw.address,
      raw: rawValue(raw),
      target: entryTarget(format, level, raw, large),
      rights: rightsOf(controls, level, raw),
      accessed: (raw.low & PTE.accessed) !== 0,
      dirty: (raw.low & PTE.dirty) !== 0,
      global: (raw.low & PTE.global) !== 0,
      cacheDisabled: (raw.low & PTE.cacheDisable) !== 0,
    };
  }

  private shadowTableAt(controls: PagingControls, level: number, page: number): ShadowTable | undefined {
    let table = this.spaceFor(controls)?.table;
    while (table && table.level > level) {
      const low = table.low(tableIndex(page, table.level, table.indexBits));
      table = low & SHADOW.present && !(low & SHADOW.leaf) ? this.cpu.mmu.shadow.table(low >>> 12) : undefined;
    }
    return table;
  }

  private shadowSide(format: PagingFormat, level: number, firstPage: number, raws: readonly RawEntry[], table: ShadowTable) {
    const span = entrySpan(level, format.indexBits);
    const runs: ShadowEntryRun[] = [];
    const unfilled: { linear: bigint; bytes: bigint }[] = [];
    const bytes = BigInt(span) * BigInt(PAGE);
    raws.forEach((raw, index) => {
      const low = table.low(index);
      const linear = linearOf(firstPage + index * span, format);
      if (!(low & SHADOW.present)) {
        if (!(raw.low & PTE.present)) return;
        const last = unfilled[unfilled.length - 1];
        if (last && last.linear + last.bytes === linear) unfilled[unfilled.length - 1] = { ...last, bytes: last.bytes + bytes };
        else unfilled.push({ linear, bytes });
        return;
      }
      const entry = this.shadowEntry(table, index, linear, bytes, raw.address);
      const last = runs[runs.length - 1];
      if (last && shadowContinues(last, entry)) runs[runs.length - 1] = { ...last, count: last.count + 1, bytes: last.bytes + bytes };
      else runs.push(entry);
    });
    return { id: table.id, frame: Math.floor(table.host / PAGE), runs, unfilled, sharedBy: table.parents.length + table.spaces.length };
  }

  private shadowEntry(table: ShadowTable, index: number, linear: bigint, bytes: bigint, derivesFrom: number): ShadowEntryRun {
    const low = table.low(index);
    const leaf = (low & SHADOW.leaf) !== 0;
    const noFrame = (low & SHADOW.noFrame) !== 0;
    const frame = leaf && !noFrame ? low >>> 12 : -1;
    const writable = (low & SHADOW.writable) !== 0;
    const lower = leaf ? undefined : this.cpu.mmu.shadow.table(low >>> 12);
    return {
      kind: leaf ? (noFrame ? 'device' : 'page') : low & SHADOW.large ? 'large-page' : 'table',
      linear,
      bytes,
      index,
      count: 1,
      frame,
      physical: (leaf ? table.page(index) : Math.max(lower?.guestPage ?? 0, 0)) * PAGE,
      rights: { writable, user: (low & SHADOW.user) !== 0, executable: !(low & SHADOW.noExecute) },
      directWrite: leaf && writable && (low & SHADOW.dirty) !== 0 && frame > 0 && this.cpu.machine.frameFlags(frame) === 0,
      derivesFrom,
    };
  }

  // Walks.

  walk(cr3: number | undefined, linear: bigint): WalkAnswer {
    const controls = this.controlsFor(cr3);
    const page = pageOf(linear);
    const guest: GuestWalkStep[] = [];
    const shadow = this.shadowWalk(controls, page);
    const current = this.spaceFor(controls) === this.cpu.mmu.currentSpace;
    const base = { cr3: controls.mode === 'none' ? 0 : controls.root, linear, guest, shadow, tlb: this.tlbState(controls, page) };
    if (controls.mode === 'none') {
      const physical = Number(linear & 0xffffffffn);
      return { ...base, physical, rights: { writable: true, user: true, executable: true }, ...this.backing(physical), story: 'Paging is off: the linear address is the physical address.' };
    }
    const format = FORMATS[controls.mode];
    let table = controls.root;
    let rights: PageRights = { writable: true, user: true, executable: true };
    for (let level = format.levels; level >= 1; level--) {
      const index = tableIndex(page, level, format.indexBits);
      const raw = this.readEntry(controls, format, table, level, index);
      const large = isLarge(controls, level, raw.low);
      const step = this.guestStep(controls, format, level, index, raw, large);
      guest.push(step);
      if (!step.present) return { ...base, story: `The walk ends at the ${step.name}: it is not present, so any access raises a page fault.` };
      rights = combine(rights, step.rights);
      if (large || level === 1) {
        const span = entrySpan(level, format.indexBits);
        const inside = (page - Math.floor(page / span) * span) * PAGE + Number(linear & 0xfffn);
        const physical = step.target + inside;
        const where = current ? '' : ' (in a space that is not the current one)';
        return { ...base, physical, rights, ...this.backing(physical), story: `Mapped to physical ${physical.toString(16).toUpperCase().padStart(8, '0')}${where}: ${rightsStory(rights)}.` };
      }
      table = step.target;
    }
    return { ...base, story: 'The walk has no end.' };
  }

  private guestStep(controls: PagingControls, format: PagingFormat, level: number, index: number, raw: RawEntry, large: boolean): GuestWalkStep {
    const name = ENTRY_NAMES[format.levels]?.[level - 1] ?? `level ${level}`;
    const present = (raw.low & PTE.present) !== 0;
    const target = entryTarget(format, level, raw, large);
    const rights = rightsOf(controls, level, raw);
    const points = large ? 'a large page' : level === 1 ? 'the page' : `the table of ${ENTRY_NAMES[format.levels]?.[level - 2] ?? ''}s`;
    const story = present ? `${name} ${index} points to ${points} at ${target.toString(16).toUpperCase().padStart(8, '0')}, ${rightsStory(rights)}` : `${name} ${index} is not present`;
    return {
      level,
      name,
      index,
      entryAddress: raw.address,
      raw: rawValue(raw),
      present,
      rights,
      accessed: (raw.low & PTE.accessed) !== 0,
      dirty: (raw.low & PTE.dirty) !== 0,
      large,
      target,
      story,
    };
  }

  private shadowWalk(controls: PagingControls, page: number): ShadowWalkStep[] {
    const steps: ShadowWalkStep[] = [];
    let table = this.spaceFor(controls)?.table;
    while (table) {
      const index = tableIndex(page, table.level, table.indexBits);
      const low = table.low(index);
      const filled = (low & SHADOW.present) !== 0;
      const leaf = (low & SHADOW.leaf) !== 0;
      const entry = this.shadowEntry(table, index, 0n, 0n, 0);
      // A split table has neither entries nor rights of its own: both are the large entry's above it.
      const above = table.split ? steps[steps.length - 1] : undefined;
      // A PAE root is latched, no page of the guest: its entries are where CR3 points.
      const address = table.guestPage < 0 ? controls.root : table.guestPage * PAGE;
      steps.push({
        level: table.level,
        tableId: table.id,
        index,
        filled,
        rights: above?.rights ?? entry.rights,
        frame: entry.frame,
        derivesFrom: above?.derivesFrom ?? address + index * (table.indexBits === 10 ? 4 : 8),
        story: !filled
          ? 'not filled yet: the next access walks the guest\'s tables'
          : leaf
            ? entry.frame > 0
              ? `machine frame ${entry.frame.toString(16).toUpperCase()}, ${entry.directWrite ? 'writes go straight to memory' : 'writes come to the monitor'}`
              : 'no frame: a device, or nothing'
            : `shadow table ${low >>> 12}`,
      });
      table = filled && !leaf ? this.cpu.mmu.shadow.table(low >>> 12) : undefined;
    }
    return steps;
  }

  private tlbState(controls: PagingControls, page: number): WalkAnswer['tlb'] {
    const space = this.spaceFor(controls);
    if (!space) return { read: false, write: false, execute: false };
    const holds = (kind: (typeof TLB_KIND)[keyof typeof TLB_KIND]): boolean =>
      this.cpu.mmu.tlb.holds(space.slot, kind, false, page) || this.cpu.mmu.tlb.holds(space.slot, kind, true, page);
    return { read: holds(TLB_KIND.read), write: holds(TLB_KIND.write), execute: holds(TLB_KIND.execute) };
  }

  private backing(physical: number): { frame?: number; backing: string } {
    const { map } = this.cpu.mmu;
    const entry = map.entry(map.busPage(Math.floor(physical / PAGE)));
    if (entry === NOTHING) return { backing: 'nothing' };
    if (entry === DEVICE) return { backing: 'device' };
    if (entry === ABSENT) return { backing: 'RAM, no frame yet' };
    return { frame: entry, backing: this.cpu.machine.frameFlags(entry) & FRAME.rom ? 'ROM' : 'RAM' };
  }
}

function pageOf(linear: bigint): number {
  return Number(BigInt.asIntN(64, linear) >> 12n);
}

/** A page number as an address; upper-half addresses of 4-level tables are canonical. */
function linearOf(page: number, format: PagingFormat): bigint {
  const address = BigInt(page) * BigInt(PAGE);
  return format.levels >= 4 ? BigInt.asUintN(64, BigInt.asIntN(48, address)) : address;
}

function rawValue(raw: RawEntry): bigint {
  return (BigInt(raw.high >>> 0) << 32n) | BigInt(raw.low >>> 0);
}

function rightsOf(controls: PagingControls, level: number, raw: RawEntry): PageRights {
  if (controls.mode === 'PAE' && level === 3) return { writable: true, user: true, executable: true };
  return {
    writable: (raw.low & PTE.writable) !== 0,
    user: (raw.low & PTE.user) !== 0,
    executable: !(controls.noExecute && raw.high & NX_HIGH),
  };
}

function combine(a: PageRights, b: PageRights): PageRights {
  return { writable: a.writable && b.writable, user: a.user && b.user, executable: a.executable && b.executable };
}

function rightsStory(rights: PageRights): string {
  return `${rights.writable ? 'writable' : 'read-only'}, ${rights.user ? 'user' : 'supervisor only'}${rights.executable ? '' : ', no execution'}`;
}

/** Whether an entry goes on where a run ends: same kind and state, next target. Tables are never merged. */
function continues(run: GuestEntryRun, entry: GuestEntryRun, span: number): boolean {
  return (
    run.kind !== 'table' &&
    run.kind === entry.kind &&
    run.index + run.count === entry.index &&
    run.target + run.count * span * PAGE === entry.target &&
    sameRights(run.rights, entry.rights) &&
    run.accessed === entry.accessed &&
    run.dirty === entry.dirty &&
    run.global === entry.global &&
    run.cacheDisabled === entry.cacheDisabled
  );
}

function shadowContinues(run: ShadowEntryRun, entry: ShadowEntryRun): boolean {
  return (
    run.kind === 'page' &&
    entry.kind === 'page' &&
    run.index + run.count === entry.index &&
    run.physical + run.count * PAGE === entry.physical &&
    run.frame + run.count === entry.frame &&
    sameRights(run.rights, entry.rights) &&
    run.directWrite === entry.directWrite
  );
}

function sameRights(a: PageRights, b: PageRights): boolean {
  return a.writable === b.writable && a.user === b.user && a.executable === b.executable;
}
