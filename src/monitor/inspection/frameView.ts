/**
 * Guest-physical memory as it stands: kinds of pages and how lately they were used, in runs; all about one page, with who maps it. It
 * only looks: nothing is counted for it while the guest runs.
 */
import type { Cpu } from '../cpu/cpu';
import type { CodeCache } from '../engine/codeCache';
import { FIRST_FRAME, PAGE_BYTES } from '../memory/layout';
import { FRAME } from '../memory/machineMemory';
import { ABSENT, CHUNK_PAGES, DEVICE, NOTHING, type PhysicalMap } from '../memory/physicalMap';
import type { AddressSpace } from '../memory/shadowPaging';
import { SHADOW, type ShadowTable } from '../memory/shadowTable';
import { canonicalPage } from '../memory/shadowTree';
import { TLB_KIND } from '../memory/tlb';
import { backingOf, type DeviceAt } from './backing';
import type { BalloonView, FrameCode, FrameDetails, FrameKind, FrameMap, FrameMapping, FrameRegion, FrameTable } from './frameTypes';

const KINDS = ['nothing', 'untouched', 'zeros', 'RAM', 'shared', 'table', 'code', 'ROM', 'video', 'device', 'ballooned'] as const satisfies readonly FrameKind[];
/** The number of each. */
const CODES: Readonly<Record<FrameKind, number>> = { nothing: 0, untouched: 1, zeros: 2, RAM: 3, shared: 4, table: 5, code: 6, ROM: 7, video: 8, device: 9, ballooned: 10 };
/** How lately a frame has been used. */
const MAPPED = 1, HELD = 2, HELD_FOR_WRITING = 3;
const USE_SHIFT = 4;
const WRITTEN = 0x40;
/** 4 GiB. */
const LEAST_PAGES = 2 ** 20;
/** Most places, and other pages, that are listed of a page; steps up the tree of tables for them. */
const MOST_LISTED = 64;
const MOST_STEPS = 512;

export class FrameView {
  constructor(
    private readonly cpu: Cpu,
    private readonly code: CodeCache,
    private readonly deviceAt: DeviceAt,
    private readonly balloon: () => BalloonView | undefined = () => undefined,
  ) {}

  private get map(): PhysicalMap {
    return this.cpu.mmu.map;
  }

  // The whole.

  frames(): FrameMap {
    const { map } = this;
    const runs = new RunWriter();
    const regions = new RegionWriter();
    const uses = this.uses();
    const tables = new Set(this.cpu.mmu.shadow.derived.tablePages());
    for (const first of this.stretches()) {
      runs.skipTo(first);
      for (let page = first; page < first + CHUNK_PAGES; page++) {
        const home = map.behindWindows(page);
        const entry = map.entry(home);
        const kind = this.kindOf(home, entry, tables);
        runs.add(CODES[kind] | this.useOf(entry, uses));
        regions.add(page, this.nameOf(page, kind, entry));
      }
    }
    let pages = LEAST_PAGES;
    while (pages < runs.end) pages *= 2;
    const balloon = this.balloon();
    return {
      pages, kinds: KINDS, runs: runs.finish(), regions: regions.regions, snapshots: map.keeper !== undefined, ballooned: map.counters.ballooned,
      ...(balloon === undefined ? {} : { balloon }),
    };
  }

  /** First pages of stretches in which there is anything. */
  private stretches(): readonly number[] {
    const found = new Set(this.map.declared());
    for (const { first, count } of this.map.windows) {
      for (let page = first - (first % CHUNK_PAGES); page < first + count; page += CHUNK_PAGES) found.add(page);
    }
    return [...found].sort((a, b) => a - b);
  }

  private kindOf(page: number, entry: number, tables: { has(page: number): boolean }): FrameKind {
    if (entry === NOTHING) return 'nothing';
    if (entry === DEVICE) return 'device';
    // A table has a frame: its writes are traced.
    const { map } = this;
    if (entry === ABSENT) return map.isGivenBack(page) ? 'ballooned' : 'untouched';
    if (tables.has(page)) return 'table';
    const { machine } = map;
    if (entry === machine.zeroFrame) return map.isGivenBack(page) ? 'ballooned' : 'zeros';
    if (entry >= machine.videoFrame && entry < machine.videoFrame + machine.videoFrames) return 'video';
    const flags = machine.frameFlags(entry);
    if (flags & FRAME.code) return 'code';
    if (flags & FRAME.rom) return 'ROM';
    return flags & FRAME.shared ? 'shared' : 'RAM';
  }

  /** How lately each frame has been used, by its number less FIRST_FRAME. */
  private uses(): Uint8Array {
    const { machine } = this.map;
    const uses = new Uint8Array(machine.u8.length / PAGE_BYTES - FIRST_FRAME);
    const note = (frame: number, use: number): void => {
      const at = frame - FIRST_FRAME;
      if (at >= 0 && use > (uses[at] ?? 0)) uses[at] = use;
    };
    const { tlb, shadow } = this.cpu.mmu;
    shadow.derived.forSmallLeaves((low) => { if (!(low & SHADOW.noFrame)) note(low >>> 12, MAPPED); });
    tlb.forEachHeld((kind, value) => {
      if (kind === TLB_KIND.execute) note(this.code.pageOfTable(value)?.frame ?? 0, HELD);
      else note(value >>> 12, kind === TLB_KIND.read ? HELD : HELD_FOR_WRITING);
    });
    return uses;
  }

  private useOf(entry: number, uses: Uint8Array): number {
    // All pages of zeros are one frame.
    if (entry <= 0 || entry === this.map.machine.zeroFrame) return 0;
    return ((uses[entry - FIRST_FRAME] ?? 0) << USE_SHIFT) | (this.isWritten(entry) ? WRITTEN : 0);
  }

  private isWritten(frame: number): boolean {
    const { keeper, machine } = this.map;
    return keeper !== undefined && (machine.frameFlags(frame) & (FRAME.kept | FRAME.shared | FRAME.rom)) === 0;
  }

  private nameOf(page: number, kind: FrameKind, entry: number): string | undefined {
    if (kind === 'nothing') return undefined;
    // ROM with code in it is still ROM.
    const isRam = kind !== 'device' && kind !== 'video' && (entry <= 0 || (this.map.machine.frameFlags(entry) & FRAME.rom) === 0);
    if (isRam) return 'RAM';
    return backingOf(this.map, this.deviceAt, page * PAGE_BYTES).backing.replace(/^device: /, '');
  }

  // One page.

  frame(outside: number): FrameDetails {
    const { map } = this;
    const page = map.behindWindows(outside);
    const entry = map.entry(page);
    const { derived } = this.cpu.mmu.shadow;
    const tables = derived.tablesOf(page);
    const { mappings, more } = this.mappings(page);
    return {
      page: outside,
      kind: this.kindOf(page, entry, { has: () => tables.length > 0 }),
      backing: backingOf(map, this.deviceAt, page * PAGE_BYTES).backing,
      ...(entry > 0 ? { frame: entry } : {}),
      ...(page === outside ? {} : { leadsTo: page }),
      ...(map.keeper === undefined || entry <= 0 ? {} : { written: this.isWritten(entry) }),
      shared: this.sharers(page, entry),
      mappings, more,
      tables: tables.map(tableView),
      code: entry > 0 ? this.codeIn(entry) : [],
    };
  }

  private sharers(page: number, entry: number): readonly number[] {
    const { map } = this;
    const found: number[] = [];
    if (!map.isShared(page)) return found;
    for (const [other, frame] of map.framed()) if (frame === entry && other !== page && found.push(other) === MOST_LISTED) break;
    return found;
  }

  private codeIn(frame: number): readonly FrameCode[] {
    return this.code.pagesOf(frame).filter(({ live }) => live).map(({ context, unstable, present, regions }) => ({
      bits: context.bits, model: context.model, unstable,
      blocks: present.map(({ start, end }) => ({ start, end })),
      regions: [...regions].filter(({ state }) => state === 'in use').map(({ entry }) => entry),
    }));
  }

  /** Where a page is mapped: up from each leaf to the spaces whose tables lead to it. */
  private mappings(page: number): { mappings: readonly FrameMapping[]; more: boolean } {
    const { shadow, currentSpace } = this.cpu.mmu;
    const spaces = shadow.knownSpaces();
    const mappings: FrameMapping[] = [];
    let steps = 0;
    const enter = (space: AddressSpace, linearPage: number, leaf: ShadowTable | undefined, index: number): void => {
      const low = leaf?.low(index) ?? SHADOW.writable | SHADOW.user;
      mappings.push({
        key: space.tag, cr3: space.mode === 'none' ? 0 : space.root, mode: space.mode, current: space === currentSpace,
        linear: BigInt.asUintN(64, BigInt(linearPage) * BigInt(PAGE_BYTES)),
        rights: { writable: (low & SHADOW.writable) !== 0, user: (low & SHADOW.user) !== 0, executable: (low & SHADOW.noExecute) === 0 },
        bytes: leaf ? bytesMapped(leaf) : PAGE_BYTES, shadowTable: leaf?.id ?? -1, derivesFrom: leaf ? entryOf(leaf, index) : -1,
      });
    };
    const climb = (table: ShadowTable, first: number, leaf: ShadowTable, index: number): boolean => {
      if (++steps > MOST_STEPS) return false;
      for (const slot of table.spaces) {
        const space = spaces.find((known) => known.slot === slot);
        if (mappings.length >= MOST_LISTED) return false;
        if (space) enter(space, canonicalPage(first, table), leaf, index);
      }
      return table.parents.every((parent) => climb(parent.table, parent.index * parent.table.span + first, leaf, index));
    };
    for (const space of spaces) if (space.mode === 'none') enter(space, page, undefined, 0);
    let more = false;
    shadow.derived.forLeaves(page, (table, index) => {
      more = !climb(table, index * table.span + page - table.page(index), table, index);
      return !more;
    });
    return { mappings, more };
  }
}

function tableView(table: ShadowTable): FrameTable {
  const { mode, level, id, filled, unsynced, parents, spaces } = table;
  return { mode, level, shadowTable: id, filled, unsynced, sharedBy: parents.length + spaces.length };
}

/** Bytes that the guest's entry of a leaf maps: a large page that was split is one entry of the guest. */
function bytesMapped(table: ShadowTable): number {
  return PAGE_BYTES * (table.split ? table.span * table.entries : table.span);
}

/** Guest-physical address of the guest's entry that a leaf derives from; -1 where it is in no table of its own. */
function entryOf(table: ShadowTable, index: number): number {
  return table.kind === 'table' ? table.guestPage * PAGE_BYTES + index * (table.indexBits === 10 ? 4 : 8) : -1;
}

/** Writes the runs of a FrameMap. */
class RunWriter {
  private readonly bytes: number[] = [];
  private state = 0;
  private count = 0;
  /** One past the last page so far. */
  end = 0;

  add(state: number, count = 1): void {
    if (state !== this.state) this.close();
    this.state = state;
    this.count += count;
    this.end += count;
  }

  skipTo(page: number): void {
    if (page > this.end) this.add(0, page - this.end);
  }

  finish(): Uint8Array {
    this.close();
    return Uint8Array.from(this.bytes);
  }

  private close(): void {
    if (this.count === 0) return;
    this.bytes.push(this.state);
    let rest = this.count;
    for (; rest > 0x7f; rest >>>= 7) this.bytes.push((rest & 0x7f) | 0x80);
    this.bytes.push(rest);
    this.count = 0;
  }
}

/** Puts neighbours of one name together. */
class RegionWriter {
  readonly regions: { first: number; count: number; name: string }[] = [];

  add(page: number, name: string | undefined): void {
    if (name === undefined) return;
    const last: FrameRegion | undefined = this.regions.at(-1);
    if (last?.name === name && last.first + last.count === page) this.regions[this.regions.length - 1].count++;
    else this.regions.push({ first: page, count: 1, name });
  }
}
