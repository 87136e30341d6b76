/**
 * Guest page tables beside the shadow tables kept for them, and the walk of one address through both.
 */
import type { Cpu } from '../cpu/cpu';
import {
  FORMATS,
  PTE,
  controlsUnder,
  entrySpan,
  entryTarget,
  isLarge,
  tableIndex,
  type PagingControls,
  type PagingFormat,
} from '../memory/guestPaging';
import { FRAME } from '../memory/machineMemory';
import { DEVICE } from '../memory/physicalMap';
import { SHADOW, type ShadowTable } from '../memory/shadowTable';
import type { AddressSpace } from '../memory/shadowPaging';
import { TLB_KIND } from '../memory/tlb';
import { backingOf, type DeviceAt } from './backing';
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

/** An address space as it is looked at. `space` is missing when the monitor keeps nothing of it. */
interface Reading {
  readonly controls: PagingControls;
  readonly space: AddressSpace | undefined;
}

interface RawEntry {
  readonly address: number;
  readonly low: number;
  readonly high: number;
}

/** Names of entries by level, 1 first. */
const ENTRY_NAMES: readonly string[] = ['PTE', 'PDE', 'PDPTE', 'PML4E', 'PML5E'];
const entryName = (level: number): string => ENTRY_NAMES[level - 1] ?? `level ${level}`;

export class PagingView {
  constructor(
    private readonly cpu: Cpu,
    private readonly deviceAt: DeviceAt,
  ) {}

  addressSpaces(): readonly AddressSpaceInfo[] {
    const { shadow, currentSpace } = this.cpu.mmu;
    return shadow.knownSpaces().map((space) => {
      const counts = this.count(space);
      return {
        key: space.tag,
        cr3: space.root,
        mode: space.mode,
        largePages: space.mode === '32-bit' ? space.controls.largePages : space.mode !== 'none',
        noExecute: space.mode !== 'none' && space.mode !== '32-bit' && space.controls.noExecute,
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
      // The lowest tables lead to pages alone. There are hundreds of them, and a panel asks many times a second.
      if (table.level === 1) {
        entries += table.filled;
        return;
      }
      table.forEach((i) => {
        const low = table.low(i);
        if (low & SHADOW.leaf) entries++;
        else {
          const lower = this.cpu.mmu.shadow.table(low >>> 12);
          if (lower) visit(lower);
        }
      });
    };
    if (space.table) visit(space.table);
    return { tables: seen.size, entries };
  }

  /** The space that is meant by a CR3 and a key (see `Inspection.walk`), if it is known. */
  private spaceOf(cr3: number | undefined, key: string | undefined): AddressSpace | undefined {
    const { currentSpace, shadow } = this.cpu.mmu;
    if (cr3 === undefined) return currentSpace;
    const known = shadow.knownSpaces().filter((space) => space.root === cr3);
    const meant = known.find((space) => space.tag === key);
    if (meant || currentSpace.root === cr3) return meant ?? currentSpace;
    return known.filter((space) => space.mode !== 'none').sort((a, b) => b.lastUsed - a.lastUsed)[0];
  }

  /** What a CR3 means: the space, and the controls with which its tables are to be read. An unknown one is read as the current one is. */
  private readingOf(cr3: number | undefined, key: string | undefined): Reading {
    const { currentControls, currentSpace, map } = this.cpu.mmu;
    const space = this.spaceOf(cr3, key);
    if (space === currentSpace) return { controls: currentControls, space };
    if (space) return { controls: { ...space.controls, pdptes: space.pdptes }, space };
    const mode = currentControls.mode === 'none' ? '32-bit' : currentControls.mode;
    return { controls: controlsUnder({ ...currentControls, mode }, map, cr3 ?? 0), space: undefined };
  }

  // Tables.

  table(request: TableRequest): TablePair | undefined {
    const { controls, space } = this.readingOf(request.cr3, request.key);
    if (controls.mode === 'none') return undefined;
    const format = FORMATS[controls.mode];
    const level = request.level ?? format.levels;
    const page = pageOf(request.linear ?? 0n);
    const place = this.findTable(controls, format, page, level);
    if (!place) return undefined;
    if (place.large) return this.splitTable(space, format, page, level, place.large);
    const span = entrySpan(level, format.indexBits);
    const entries = controls.mode === 'PAE' && level === 3 ? 4 : 1 << format.indexBits;
    const firstPage = Math.floor(page / (span * entries)) * span * entries;
    const raws = this.readTable(controls, format, place.address, level, entries);
    const guest = this.guestRuns(controls, format, level, firstPage, raws);
    const shadowTable = shadowTableAt(this.cpu, space, level, page);
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
  private splitTable(space: AddressSpace | undefined, format: PagingFormat, page: number, level: number, large: RawEntry): TablePair | undefined {
    const table = shadowTableAt(this.cpu, space, level, page);
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
      ...(format.levels >= 4 && (large || level === 1) ? { protectionKey: (raw.high >>> 27) & 0xf } : {}),
    };
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
    const large = (low & SHADOW.large) !== 0 && table.kind !== 'split';
    // The leaf of a large page holds no frame: its first page's is shown.
    const entry = leaf && large ? this.cpu.mmu.map.entry(table.page(index)) : low >>> 12;
    const frame = leaf && !noFrame && entry > 0 ? entry : -1;
    const writable = (low & SHADOW.writable) !== 0;
    const lower = leaf ? undefined : this.cpu.mmu.shadow.table(low >>> 12);
    return {
      kind: large ? 'large-page' : !leaf ? 'table' : noFrame ? 'device' : 'page',
      linear,
      bytes,
      index,
      count: 1,
      frame,
      physical: (leaf ? table.page(index) : Math.max(lower?.guestPage ?? 0, 0)) * PAGE,
      rights: { writable, user: (low & SHADOW.user) !== 0, executable: !(low & SHADOW.noExecute) },
      directWrite: leaf && writable && (low & SHADOW.dirty) !== 0 && frame > 0 && (this.cpu.machine.frameFlags(frame) & ~FRAME.kept) === 0,
      derivesFrom,
    };
  }

  // Walks.

  walk(cr3: number | undefined, linear: bigint, key?: string): WalkAnswer {
    const { controls, space } = this.readingOf(cr3, key);
    const page = pageOf(linear);
    const guest: GuestWalkStep[] = [];
    const shadow = this.shadowWalk(controls, space, page);
    const current = space === this.cpu.mmu.currentSpace;
    const { mode } = controls;
    const base = {
      cr3: mode === 'none' ? 0 : controls.root, ...(space ? { key: space.tag } : {}), mode, linear, guest, shadow, tlb: this.tlbState(space, page),
    };
    if (mode === 'none') {
      const physical = Number(linear & 0xffffffffn);
      return { ...base, physical, rights: { writable: true, user: true, executable: true }, ...backingOf(this.cpu.mmu.map, this.deviceAt, physical), story: 'Paging is off: the linear address is the physical address.' };
    }
    const format = FORMATS[mode];
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
        return { ...base, physical, rights, ...backingOf(this.cpu.mmu.map, this.deviceAt, physical), story: `Mapped to physical ${physical.toString(16).toUpperCase().padStart(8, '0')}${where}: ${rightsStory(rights)}.` };
      }
      table = step.target;
    }
    return { ...base, story: 'The walk has no end.' };
  }

  private guestStep(controls: PagingControls, format: PagingFormat, level: number, index: number, raw: RawEntry, large: boolean): GuestWalkStep {
    const name = entryName(level);
    const present = (raw.low & PTE.present) !== 0;
    const target = entryTarget(format, level, raw, large);
    const rights = rightsOf(controls, level, raw);
    const points = large ? 'a large page' : level === 1 ? 'the page' : `the table of ${entryName(level - 1)}s`;
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

  private shadowWalk(controls: PagingControls, space: AddressSpace | undefined, page: number): ShadowWalkStep[] {
    const steps: ShadowWalkStep[] = [];
    let table = space?.table;
    while (table) {
      const index = tableIndex(page, table.level, table.indexBits);
      const low = table.low(index);
      const filled = (low & SHADOW.present) !== 0;
      const leaf = (low & SHADOW.leaf) !== 0;
      const entry = this.shadowEntry(table, index, 0n, 0n, 0);
      const isLarge = leaf && entry.kind === 'large-page';
      const frame = isLarge ? this.frameIn(table, index, page) : entry.frame;
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
        frame,
        derivesFrom: above?.derivesFrom ?? address + index * (table.indexBits === 10 ? 4 : 8),
        story: !filled
          ? 'not filled yet: the next access walks the guest\'s tables'
          : leaf
            ? frame > 0
              ? `${entry.kind === 'large-page' ? 'a large page, here ' : ''}machine frame ${frame.toString(16).toUpperCase()}, ${entry.directWrite ? 'writes go straight to memory' : 'writes come to the monitor'}`
              : 'no frame: a device, or nothing'
            : `shadow table ${low >>> 12}`,
      });
      table = filled && !leaf ? this.cpu.mmu.shadow.table(low >>> 12) : undefined;
    }
    return steps;
  }

  /** The frame behind one page of a large one. */
  private frameIn(table: ShadowTable, index: number, page: number): number {
    const entry = this.cpu.mmu.map.entry(table.page(index) + (page & (table.span - 1)));
    return entry > 0 ? entry : -1;
  }

  private tlbState(space: AddressSpace | undefined, page: number): WalkAnswer['tlb'] {
    if (!space) return { read: false, write: false, execute: false };
    const holds = (kind: (typeof TLB_KIND)[keyof typeof TLB_KIND]): boolean =>
      this.cpu.mmu.tlb.holds(space.slot, kind, false, page) || this.cpu.mmu.tlb.holds(space.slot, kind, true, page);
    return { read: holds(TLB_KIND.read), write: holds(TLB_KIND.write), execute: holds(TLB_KIND.execute) };
  }
}

/** The shadow table at a level that covers a page. */
function shadowTableAt(cpu: Cpu, space: AddressSpace | undefined, level: number, page: number): ShadowTable | undefined {
  let table = space?.table;
  while (table && table.level > level) {
    const low = table.low(tableIndex(page, table.level, table.indexBits));
    table = low & SHADOW.present && !(low & SHADOW.leaf) ? cpu.mmu.shadow.table(low >>> 12) : undefined;
  }
  return table;
}

function pageOf(linear: bigint): number {
  return Number(BigInt.asIntN(64, linear) >> 12n);
}

const PAGE_BITS = 12;

/** A page number as an address; those of the 64-bit formats (48 or 57 bits) are canonical. */
function linearOf(page: number, format: PagingFormat): bigint {
  const address = BigInt(page) * BigInt(PAGE);
  const bits = PAGE_BITS + format.levels * format.indexBits;
  return format.levels >= 4 ? BigInt.asUintN(64, BigInt.asIntN(bits, address)) : address;
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
    run.cacheDisabled === entry.cacheDisabled &&
    run.protectionKey === entry.protectionKey
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
