/**
 * Translates hot code: takes the blocks that are reported hot, lets regions grow from them, has many of them written into
 * one module (by another thread, if there is one), and puts each in front of its entry block's records.
 */
import type { Cpu } from '../../cpu/cpu';
import { CS, EIP_BASE, TLB_EXECUTE_TABLE } from '../../cpu/layout';
import { CODE_BASE, PAGE_BYTES, STORES_TO_SAMPLE, STRAYED_RECORD, STRAYS_TO_SAMPLE } from '../../memory/layout';
import { TLB_KIND } from '../../memory/tlb';
import type { CodeCache } from '../codeCache';
import { sameContext } from '../codeContext';
import type { CodePage } from '../codePage';
import type { Interpreter } from '../interpreter';
import { SPECIAL_HANDLERS } from '../specialHandlers';
import { GROUP_BYTES, R } from '../records';
import { BlockReader } from './blockReader';
import { HotBlocks, type HotBlock } from './hotBlocks';
import type { RegionSummary, TranslationOrder, TranslationReply, TranslationService } from './order';
import { OrderWriter } from './orderMessage';
import type { PlacedBlock } from './regionGraph';
import { growRegion, type GrownRegion } from './regionGrowth';
import { LINKS, regionName, writeRegions } from './writeRegions';

export interface TranslatorCounters {
  hotBlocks: number;
  regions: number;
  regionBlocks: number;
  regionInstructions: number;
  modules: number;
  moduleBytes: number;
  /** Modules that another thread has written. */
  modulesElsewhere: number;
  /** Regions that came too late: their code had been dropped meanwhile. */
  lateRegions: number;
  /** Instructions that ask the monitor from inside their regions, because they kept doing so. */
  callouts: number;
  /** Instructions whose accesses are looked up for themselves, because with others they were often not in one page. */
  apart: number;
}

/** Hot blocks that are enough for an order, even while generated code is running. */
const BATCH = 32;
/** Fewer wait for others, through so many returns of generated code: a module costs as much as a few regions in it. */
const PATIENCE = 40;
/**
 * Instructions of regions that another thread has still to write, behind which all others wait here: enough that it is never out of work, and no more,
 * since what waits may not be needed any more when its turn has come.
 */
const MOST_UNDER_WAY = 600;
/** Instructions of an order behind which no other region is taken into it. */
const ORDERED_AT_ONCE = 300;
/** Entries after which a loop inside a region is hot, or a block whose region came to nothing. */
const SOON = 4;
/**
 * What of the usual entries makes a block hot that another region has taken in: what it has been entered before says nothing about the ways to it that do not
 * lead through that region. Not all of them: a block that counts from the start is not warm enough to be taken in.
 */
const TAKEN_IN = 0.9;
/** Accesses after which an instruction gets a callout, and records that are counted for it at once. */
const MOST_TRIPS = 64;
const MOST_TRIPPING = 1024;
/** Stores beside marked bytes between two that the monitor is told of, and for how many accesses such a one counts. */
const SAMPLED_STORES = 1024, SAMPLE_WEIGHT = 16;
/**
 * Accesses that the TLB does not serve between two that the monitor is told of, and how many of those at one instruction set it apart: it
 * takes thousands until they have cost as much as translating all regions anew that the instruction is in.
 */
const SAMPLED_STRAYS = 256, MOST_STRAYS = 32;

/** A record of translated code whose access, or one that is looked up with it, the TLB did not serve, and its page. */
interface Stray {
  readonly record: number;
  readonly page: CodePage | undefined;
}

/** A hot block and its region, and the generations of the region's pages. */
interface Chosen {
  readonly page: CodePage;
  readonly offset: number;
  readonly record: number;
  readonly region: GrownRegion;
  readonly generations: ReadonlyMap<CodePage, number>;
}

/** Slots that links of regions lead to, in the links' order. */
const slotsOf = (chosen: readonly Chosen[]): readonly number[] =>
  chosen.flatMap(({ region: { ways } }) => ways.map(({ position, table }) => table + 4 * (((position % PAGE_BYTES) + PAGE_BYTES) % PAGE_BYTES)));

const instructionsOf = (blocks: readonly PlacedBlock[]): number => blocks.reduce((sum, { count }) => sum + count, 0);

/** Regions of one module. */
interface Batch {
  readonly chosen: readonly Chosen[];
  /** Addresses of all blocks in them. */
  readonly taken: ReadonlySet<number>;
  readonly instructions: number;
  /** Address of the first cell of their links; undefined when there are no cells left: then they have none. */
  readonly cells: number | undefined;
}

export class Translator {
  readonly counters: TranslatorCounters = { hotBlocks: 0, regions: 0, regionBlocks: 0, regionInstructions: 0, modules: 0, moduleBytes: 0, modulesElsewhere: 0, lateRegions: 0, callouts: 0, apart: 0 };
  /** Reads decoded blocks. */
  readonly reader: BlockReader;
  private readonly waiting: HotBlocks;
  /** How often records' accesses have come to the monitor without being remembered by a TLB. */
  private readonly trips = new Map<number, number>();
  /** How often records were found whose accesses the TLB did serve, one by one, but not together. */
  private readonly strays = new Map<number, number>();
  /** What the monitor was told of last, unless it was an access that the TLB did not have. */
  private strayed: Stray | undefined;
  private waited = 0;
  /** What another thread works on, by the orders' numbers. */
  private readonly underWay = new Map<number, Batch>();
  private instructionsUnderWay = 0;
  private orders = 0;
  private readonly writer = new OrderWriter();

  constructor(
    private readonly cpu: Cpu,
    private readonly interpreter: Interpreter,
    private readonly code: CodeCache,
    private readonly service: TranslationService | undefined,
  ) {
    this.reader = new BlockReader(code, interpreter, cpu.state.view);
    this.waiting = new HotBlocks(cpu.state.view);
  }

  private get view(): DataView {
    return this.cpu.state.view;
  }

  /** The block of a profile record has been entered often; it is the one that is entered now. */
  hot(record: number): void {
    if (this.code.wake(record)) return;
    this.counters.hotBlocks++;
    // Reported once more while it waits: nothing returns that could end its waiting. And what is written to may not be there then.
    const waits = this.waiting.has(record);
    const page = this.code.pageById(this.view.getUint32(record + R.page, true));
    if (!waits) this.enqueue(record);
    if (waits || page?.unstable || this.waiting.count >= BATCH) this.translatePending();
  }

  /** Translates the block at an address by itself and at once, unless it is translated already. It is entered next. */
  translateNow(address: number): void {
    if (!this.isCounting(address) || this.code.wake(address)) return;
    this.enqueue(address);
    this.translatePending();
  }

  /** An access has gone to the bounce buffer, and not to stay there: its instruction may do better with a callout. */
  noteTrip(record: number): void {
    // A sample of many stores beside marked bytes, or an access for itself.
    const sampled = this.view.getInt32(STORES_TO_SAMPLE, true) <= 0;
    if (sampled) this.view.setInt32(STORES_TO_SAMPLE, SAMPLED_STORES, true);
    if (record >= CODE_BASE) this.tripped(record, sampled ? SAMPLE_WEIGHT : 1);
  }

  /** An access of a record's instruction has come to the monitor, or so many have, and will again. */
  private tripped(record: number, times: number): void {
    const count = (this.trips.get(record) ?? 0) + times;
    if (count < MOST_TRIPS) {
      if (this.trips.size >= MOST_TRIPPING) this.trips.clear();
      this.trips.set(record, count);
      return;
    }
    this.trips.delete(record);
    const page = this.currentPage();
    if (page?.context.translated && this.code.callOut(page, record)) this.counters.callouts++;
  }

  /**
   * One of several accesses of translated code that the TLB did not serve: that of a record, or others that are looked up with it.
   * Which of both is known when the interpreter has done the instructions behind it.
   */
  noteStray(record: number): void {
    this.view.setInt32(STRAYS_TO_SAMPLE, SAMPLED_STRAYS, true);
    // Where a page was found beside the large tables, the monitor has not been asked (see emitAccess).
    if (this.strayed && this.view.getUint32(STRAYED_RECORD, true) !== 0) this.countStray(this.strayed);
    this.strayed = { record, page: this.currentPage() };
    this.view.setUint32(STRAYED_RECORD, record, true);
  }

  /** The TLB has not served an access of the interpreter's. */
  noteMiss(record: number): void {
    if (this.strayed && record >= this.strayed.record && record < this.strayed.record + GROUP_BYTES) this.strayed = undefined;
  }

  private countStray({ record, page }: Stray): void {
    const count = (this.strays.get(record) ?? 0) + 1;
    if (count < MOST_STRAYS) {
      if (this.strays.size >= MOST_TRIPPING) this.strays.clear();
      this.strays.set(record, count);
      return;
    }
    this.strays.delete(record);
    if (page && this.code.setApart(page, record)) this.counters.apart++;
  }

  /** The code page that is executed in. */
  private currentPage(): CodePage | undefined {
    const { state, mmu } = this.cpu;
    const start = state.wide(EIP_BASE) + (state.code64 ? 0 : state.base(CS));
    const table = mmu.tlb.codeTable(state.u32(TLB_EXECUTE_TABLE), Math.floor((state.code64 ? start : start % 2 ** 32) / PAGE_BYTES));
    return table > 0 ? this.code.pageOfTable(table) : undefined;
  }

  /** Generated code has returned: takes what another thread has done, and translates what is hot, if enough is or it has waited long enough. */
  poll(sliceBegins: boolean): void {
    const { loops } = this.interpreter;
    if (sliceBegins && loops.areUnderWay) loops.giveUpWaiting();
    if (this.underWay.size > 0 || loops.areUnderWay) this.takeReplies();
    if (this.waiting.count === 0) return;
    this.waited += sliceBegins ? PATIENCE / 4 : 1;
    if (this.waited >= PATIENCE) this.translatePending();
  }

  private enqueue(record: number): void {
    const { state, mmu, user } = this.cpu;
    const base = state.code64 ? 0 : state.base(CS);
    if (this.waiting.count === 0) this.waited = 0;
    this.waiting.add({ record, start: state.wide(EIP_BASE), base, slot: mmu.currentSpace.slot, user, execute: state.u32(TLB_EXECUTE_TABLE) });
  }

  /** Whether a block's first record counts its entries: it is neither translated nor gone. */
  private isCounting(record: number): boolean {
    return this.view.getUint32(record + R.handler, true) === SPECIAL_HANDLERS.profile;
  }

  /** Has a block counted anew, so that it is hot after so many entries. */
  private countDown(record: number, entries: number): void {
    this.view.setInt32(record + R.link, entries, true);
  }

  /** A block is in a region: it is hot when it is entered by other ways often enough. */
  private countOtherWays(record: number): void {
    this.waiting.remove(record);
    const entries = Math.ceil(this.code.settings.heat * TAKEN_IN);
    if (this.view.getInt32(record + R.link, true) < entries) this.countDown(record, entries);
  }

  /** Translates what is hot, or has it translated, as far as there is somebody to do it now. */
  private translatePending(): void {
    const { service } = this;
    if (this.instructionsUnderWay >= MOST_UNDER_WAY && service?.isGone() === false) return;
    do {
      const batch = this.choose();
      if (batch.chosen.length === 0) return;
      const order = this.orderOf(batch);
      if (service?.atWork()) {
        service.submit(this.writer.write(order));
        this.underWay.set(order.id, batch);
        this.instructionsUnderWay += batch.instructions;
        return;
      }
      this.giveUpWaiting();
      this.install(writeRegions(order), batch);
    } while (this.waiting.count > 0);
  }

  /** Nobody works on orders any more: what was ordered counts anew. */
  private giveUpWaiting(): void {
    for (const batch of this.underWay.values()) {
      for (const one of batch.chosen) if (this.isStill(one)) this.countDown(one.record, SOON);
      this.releaseCells(batch);
    }
    this.underWay.clear();
    this.instructionsUnderWay = 0;
  }

  private batchOf(chosen: readonly Chosen[], taken: ReadonlySet<number>): Batch {
    const instructions = chosen.reduce((sum, { region: { blocks } }) => sum + instructionsOf(blocks), 0);
    return { chosen, taken, instructions, cells: this.code.links.reserve(slotsOf(chosen).length) };
  }

  private releaseCells({ chosen, cells }: Batch): void {
    if (cells !== undefined) this.code.links.release(cells, slotsOf(chosen).length);
  }

  private orderOf({ chosen, cells }: Batch): TranslationOrder {
    const regions = chosen.map(({ page, region: { blocks, ways } }) => ({ wide: page.context.bits === 64, flat: page.context.model === 'flat', blocks, ways: cells === undefined ? [] : ways }));
    return { id: this.orders++, regions, cells: cells ?? 0, memory: this.view.buffer };
  }

  /**
   * Lets regions grow from hot blocks that are still there, and are in no other one's region, as many as are enough for an order. The other blocks
   * wait on.
   */
  private choose(): Batch {
    const taken = new Set<number>();
    const chosen: Chosen[] = [];
    let instructions = 0;
    this.waited = 0;
    for (const block of this.waiting.hottestFirst()) {
      if (instructions >= ORDERED_AT_ONCE) break;
      const { record } = block;
      this.waiting.remove(record);
      const page = this.code.pageById(this.view.getUint32(record + R.page, true));
      const offset = this.view.getUint16(record + R.offset, true);
      if (!page || this.code.block(page, offset) !== record || !this.isCounting(record)) continue;
      if (taken.has(record) || this.isUnderWay(record)) {
        this.countOtherWays(record);
        continue;
      }
      const region = growRegion(this.code, this.view, this.reader, offset, {
        pageAt: (delta) => this.pageAt(page, block, delta), start: block.start, word: (address) => this.wordAt(block, address),
      });
      if (!region) {
        // A stop stands in it: another time.
        this.countDown(record, SOON);
        continue;
      }
      chosen.push({ page, offset, record, region, generations: new Map([...region.pages].map((each) => [each, each.generation])) });
      for (const { address } of region.parts) taken.add(address);
      instructions += instructionsOf(region.blocks);
    }
    return this.batchOf(chosen, taken);
  }

  /** The page at a distance from a hot block's, as linear addresses led there; none that is read in another way. */
  private pageAt(home: CodePage, { start, base, execute }: HotBlock, delta: number): CodePage | undefined {
    if (delta === 0) return home;
    const { bits } = home.context;
    const there = start + delta;
    // Offsets of 16 bits wrap inside pages; addresses beyond 2^52 (LA57) have no number that lasts.
    if (bits === 16 || Math.abs(there) >= 2 ** 52 || (bits === 32 && (there < 0 || there >= 2 ** 32))) return undefined;
    const linear = bits === 64 ? there : (base + there) % 2 ** 32;
    const table = this.cpu.mmu.tlb.codeTable(execute, Math.floor(linear / PAGE_BYTES));
    const page = table > 0 ? this.code.pageOfTable(table) : undefined;
    return page && sameContext(page.context, home.context) ? page : undefined;
  }

  /** The four bytes at a linear address below 4 GiB, as it led from a hot block, if the TLB has their page. */
  private wordAt({ slot, user }: HotBlock, address: number): number | undefined {
    const page = Math.floor(address / PAGE_BYTES);
    const host = this.cpu.mmu.tlb.host(slot, TLB_KIND.read, user, page);
    const offset = address - page * PAGE_BYTES;
    return host < 0 || offset > PAGE_BYTES - 4 ? undefined : this.view.getInt32(host + offset, true);
  }

  /** Whether a block is in a region that is being translated. */
  private isUnderWay(record: number): boolean {
    for (const { taken } of this.underWay.values()) if (taken.has(record)) return true;
    return false;
  }

  private takeReplies(): void {
    for (let reply = this.service?.receive(); reply; reply = this.service?.receive()) {
      if ('loop' in reply) {
        this.interpreter.loops.take(reply);
        continue;
      }
      const batch = this.underWay.get(reply.id);
      this.underWay.delete(reply.id);
      if (!batch) continue;
      this.instructionsUnderWay -= batch.instructions;
      // There is somebody to work on what waits.
      this.waited = PATIENCE;
      this.install(reply, batch);
      this.counters.modulesElsewhere++;
    }
  }

  /** Whether a region's code is what it was when it was chosen, and its entry waits for it. */
  private isStill({ record, region, generations }: Chosen): boolean {
    for (const [each, generation] of generations) if (each.generation !== generation || this.code.pageById(each.id) !== each) return false;
    return region.parts.every((part) => this.code.block(part.page, part.offset) === part.address) && this.isCounting(record);
  }

  /** Puts translated code in front of its blocks. Only while generated code is not running, unless it was written just now. */
  private install(reply: TranslationReply, batch: Batch): void {
    const { chosen } = batch;
    const present = chosen.map((one) => this.isStill(one));
    this.counters.lateRegions += present.filter((still) => !still).length;
    // Its entry may still be hot.
    chosen.forEach(({ page, offset, record }, i) => {
      if (!present[i] && this.code.block(page, offset) === record && this.isCounting(record)) this.countDown(record, SOON);
    });
    if (!present.includes(true) || 'failure' in reply) this.releaseCells(batch);
    if (!present.includes(true)) return;
    if ('failure' in reply) return this.writeAgain(batch.chosen.filter((_, i) => present[i]));
    const instance = new WebAssembly.Instance(reply.module, this.interpreter.imports);
    this.counters.modules++;
    this.counters.moduleBytes += reply.bytes;
    const table = instance.exports[LINKS];
    const links = batch.cells !== undefined && table instanceof WebAssembly.Table ? { cells: batch.cells, slots: slotsOf(chosen), table } : undefined;
    const held = this.code.openModule(reply.bytes, links);
    chosen.forEach(({ region }, i) => {
      const translated = instance.exports[regionName(i)];
      const summary = reply.regions[i];
      if (!present[i] || !translated || !summary) return;
      this.code.setRegion(held, translated, region);
      for (const { address } of region.parts) if (this.isCounting(address)) this.countOtherWays(address);
      this.note(region, summary);
    });
  }

  /**
   * Does here what another thread has failed to do. Anything may come of records that are gone, so it need not be our
   * mistake; if it is, this throws.
   */
  private writeAgain(chosen: readonly Chosen[]): void {
    const batch = this.batchOf(chosen, new Set());
    this.install(writeRegions(this.orderOf(batch)), batch);
  }

  private note({ blocks, parts }: GrownRegion, { blocks: count, instructions, loops }: RegionSummary): void {
    this.counters.regions++;
    this.counters.regionBlocks += count;
    this.counters.regionInstructions += instructions;
    blocks.forEach(({ position }, i) => {
      // A loop that stays long leaves its region at its head: which should not be left to the interpreter for long then.
      const record = parts[i]?.address;
      if (record === undefined || !loops.includes(position) || !this.isCounting(record)) return;
      if (this.view.getInt32(record + R.link, true) > SOON) this.countDown(record, SOON);
    });
  }
}
