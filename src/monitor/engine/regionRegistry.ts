/**
 * The regions of translated code that there are: which blocks each was made from, and which WebAssembly module holds it. A
 * region whose code is written to is put to sleep, and wakes when all its blocks are back. A module goes when few of its
 * regions are left, so that what is kept is never much more than what is used.
 */
import { redirectJumps } from '../memory/jumpCache';
import type { MachineMemory } from '../memory/machineMemory';
import { disappointReturns } from '../memory/returnStack';
import type { CodePage } from './codePage';
import type { EngineSettings } from './engineSettings';
import type { Interpreter } from './interpreter';
import { RegionLinks, type ModuleLinks } from './regionLinks';
import type { WayOutside } from './translator/regionGraph';
import { SPECIAL_HANDLERS } from './specialHandlers';
import { R } from './records';

/** A compiled module of regions. V8 keeps it as long as one of its functions is in the table. */
export interface RegionModule {
  /** Counts up as modules are made. */
  readonly number: number;
  readonly bytes: number;
  readonly regions: Region[];
  readonly links: ModuleLinks | undefined;
  /** How many of them have not been dropped. */
  live: number;
}

/** A block of a region: its page, its offset there, and its first record's address. */
export interface RegionPart {
  readonly page: CodePage;
  readonly offset: number;
  readonly address: number;
  /** Bytes from the start of the entry's page, and positions at which it may go on inside the region (see PlacedBlock). */
  readonly position: number;
  readonly targets: readonly number[];
  readonly resumption: number | undefined;
}

/** Translated code in front of a block. */
export interface Region {
  /** Its function's entry in the table. */
  readonly entry: number;
  readonly translated: WebAssembly.ExportValue;
  /** Its blocks; the one that it begins with is the first. */
  readonly parts: readonly RegionPart[];
  readonly home: RegionPart;
  /** Ways out of it that are links. */
  readonly ways: readonly WayOutside[];
  readonly module: RegionModule;
  state: 'in use' | 'asleep' | 'dropped';
}

/** What the code cache knows of the blocks that regions are made from. */
export interface RegionBlocks {
  /** Whether it is, or can be there again because its bytes are as they were. */
  comesBack(part: RegionPart): boolean;
}

export interface RegionCounters {
  regionsDropped: number;
  /** Regions that were dropped because few others of their module were left, or to make room. */
  regionsEvicted: number;
  /** Regions whose code was written to, and those that came back since their bytes were as before. */
  regionsAsleep: number;
  regionsWoken: number;
}

/** A module is given up when less than this part of its regions is left. */
const SPARSE = 1 / 4;
/** What is left of the modules when there were too many. */
const KEPT = 3 / 4;
/** Entries after which a region that may be there still, or was given up for room alone, is looked for. */
const SOON = 4;
/** Regions that begin with one block and sleep. */
const MOST_ASLEEP = 4;

/** Where the table of blocks of its page has a region's first block. */
const slotOf = ({ home: { page, offset } }: Region): number => page.table + 4 * offset;

export class RegionRegistry {
  readonly counters: RegionCounters = { regionsDropped: 0, regionsEvicted: 0, regionsAsleep: 0, regionsWoken: 0 };
  readonly links: RegionLinks;
  /** Modules with live regions, in the order in which they were made. */
  private readonly modules = new Set<RegionModule>();
  private readonly sparse = new Set<RegionModule>();
  /** Regions that sleep, by the address of their first block. */
  private readonly asleep = new Map<number, Region[]>();
  /** First blocks that count down to a look at their sleeping regions, and not to a translation. */
  private readonly early = new Set<number>();
  /** Table entries of dropped regions, of which one may be running. */
  private readonly limbo: number[] = [];
  /** Links of modules that have gone, whose regions may be running. */
  private readonly limboLinks: ModuleLinks[] = [];
  private live = 0;
  private made = 0;
  private liveBytes = 0;

  constructor(
    private readonly machine: MachineMemory,
    private readonly interpreter: Interpreter,
    private readonly settings: EngineSettings,
    private readonly blocks: RegionBlocks,
  ) {
    this.links = new RegionLinks(machine.view);
  }

  /** Regions, modules and bytes of modules that are held. */
  get held(): { readonly regions: number; readonly modules: number; readonly moduleBytes: number } {
    return { regions: this.live, modules: this.modules.size, moduleBytes: this.liveBytes };
  }

  /** All regions that have not been dropped, the oldest first. */
  *all(): Generator<Region> {
    for (const { regions } of this.modules) for (const region of regions) if (region.state !== 'dropped') yield region;
  }

  /** A module of so many bytes, whose regions are added next. */
  openModule(bytes: number, links: ModuleLinks | undefined): RegionModule {
    const module: RegionModule = { number: ++this.made, bytes, regions: [], links, live: 0 };
    if (links) this.links.open(links);
    this.modules.add(module);
    this.liveBytes += bytes;
    return module;
  }

  /** Puts translated code in front of its first block. */
  add(module: RegionModule, made: Pick<Region, 'entry' | 'translated' | 'parts' | 'ways'>): void {
    const { parts } = made;
    const [home] = parts;
    if (!home) return;
    const region: Region = { ...made, home, module, state: 'in use' };
    for (const { page } of parts) page.regions.add(region);
    module.regions.push(region);
    module.live++;
    this.live++;
    this.early.delete(home.address);
    this.enterBy(region);
  }

  /** One of a region's blocks is not what it was, and may be so again. */
  sleep(region: Region): void {
    if (region.state !== 'in use') return;
    region.state = 'asleep';
    this.links.mislead(slotOf(region));
    disappointReturns(this.machine.view);
    this.counters.regionsAsleep++;
    const { address } = region.home;
    const others = this.asleep.get(address) ?? [];
    this.asleep.set(address, [region, ...others]);
    if (others.length >= MOST_ASLEEP) this.drop(others[MOST_ASLEEP - 1] ?? region);
    this.early.add(address);
    this.count(address, SOON);
  }

  /** A block is back. It may have been hot when it went, and is so soon again. */
  cameBack(address: number): void {
    const { view } = this.machine;
    const counts = view.getUint32(address + R.handler, true) === SPECIAL_HANDLERS.profile && view.getUint8(address + R.length) === 0;
    if (counts && view.getInt32(address + R.link, true) <= 0) view.setInt32(address + R.link, SOON, true);
  }

  /** The block at an address has counted down. Says whether it has a region again, or shall count on; else it is hot. */
  wake(address: number): boolean {
    const wasEarly = this.early.delete(address);
    const region = this.asleep.get(address)?.find(({ parts }) => parts.every((part) => this.blocks.comesBack(part)));
    if (region) {
      this.forgetSleeper(region);
      region.state = 'in use';
      this.counters.regionsWoken++;
      this.enterBy(region);
      return true;
    }
    if (wasEarly) this.count(address, this.settings.heat);
    return wasEarly;
  }

  /** Drops a region; its first block counts again, now or when it comes back. */
  drop(region: Region, heat = this.settings.heat): void {
    if (region.state === 'dropped') return;
    const { home, module } = region;
    const wasInUse = region.state === 'in use';
    if (wasInUse) this.links.mislead(slotOf(region));
    else this.forgetSleeper(region);
    region.state = 'dropped';
    disappointReturns(this.machine.view);
    this.counters.regionsDropped++;
    this.limbo.push(region.entry);
    for (const { page } of region.parts) page.regions.delete(region);
    this.live--;
    if (--module.live === 0) this.forget(module);
    else if (module.live < module.regions.length * SPARSE) this.sparse.add(module);
    if (wasInUse) this.count(home.address, heat);
  }

  /** Has a region translated anew, soon. */
  renew(region: Region): void {
    this.drop(region, SOON);
  }

  /** Takes what was dropped out of the table, and gives modules up that hold little. Only while generated code is not running. */
  collect(): void {
    if (this.limbo.length === 0 && this.sparse.size === 0 && this.liveBytes <= this.settings.moduleBytes) return;
    for (const module of this.sparse) this.evict(module);
    this.sparse.clear();
    const { moduleBytes } = this.settings;
    if (this.liveBytes > moduleBytes) {
      for (const module of this.modules) {
        if (this.liveBytes <= moduleBytes * KEPT) break;
        this.evict(module);
      }
    }
    for (const entry of this.limbo) this.interpreter.remove(entry);
    this.limbo.length = 0;
    for (const links of this.limboLinks) this.links.close(links);
    this.limboLinks.length = 0;
  }

  /** Has a block count its entries. */
  private count(address: number, heat: number): void {
    this.setHandler(address, SPECIAL_HANDLERS.profile);
    this.machine.view.setUint32(address + R.link, heat, true);
  }

  /** A region's first block is entered by it from now on. */
  private enterBy(region: Region): void {
    const { entry, translated, home } = region;
    this.setHandler(home.address, entry);
    this.links.lead(slotOf(region), translated, this.machine.view.getUint8(home.address + R.back));
  }

  private setHandler(address: number, handler: number): void {
    redirectJumps(this.machine.i32, address, handler);
    this.machine.view.setUint32(address + R.handler, handler, true);
  }

  private evict(module: RegionModule): void {
    for (const region of module.regions) {
      if (region.state === 'dropped') continue;
      this.counters.regionsEvicted++;
      this.drop(region, SOON);
    }
  }

  private forgetSleeper(region: Region): void {
    const { address } = region.home;
    const left = (this.asleep.get(address) ?? []).filter((other) => other !== region);
    if (left.length > 0) this.asleep.set(address, left);
    else {
      this.asleep.delete(address);
      this.early.delete(address);
    }
  }

  private forget(module: RegionModule): void {
    if (this.modules.delete(module)) {
      this.liveBytes -= module.bytes;
      if (module.links) this.limboLinks.push(module.links);
    }
    this.sparse.delete(module);
  }
}
