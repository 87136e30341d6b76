/**
 * Translates hot code: takes the blocks that are reported hot, lets regions grow from them, emits and compiles many
 * of them in one module, and puts each in front of its entry block's records.
 */
import type { Cpu } from '../../cpu/cpu';
import { CS, EIP_BASE } from '../../cpu/layout';
import { PAGE_BYTES } from '../../memory/layout';
import { TLB_KIND } from '../../memory/tlb';
import { sameContext, type CodeCache, type CodePage } from '../codeCache';
import type { Interpreter } from '../interpreter';
import { SPECIAL_HANDLERS } from '../interpreterModule';
import { importRoutines } from '../routines';
import { R } from '../records';
import { I32, I64 } from '../wasm/encoding';
import { ModuleBuilder } from '../wasm/moduleBuilder';
import { BlockReader } from './blockReader';
import { growRegion } from './regionGrowth';
import { RegionFunction, type RegionCallees } from './regionFunction';
import type { RegionGraph } from './regionGraph';

export interface TranslatorCounters {
  hotBlocks: number;
  regions: number;
  regionBlocks: number;
  regionInstructions: number;
  modules: number;
  moduleBytes: number;
}

/** Hot blocks that are compiled together at once, even while generated code is running. */
const BATCH = 32;
/** Fewer wait for others, through so many returns of generated code: a module costs as much as a few regions in it. */
const PATIENCE = 40;
/** Entries after which a loop inside a region, or a block that another region of its batch has taken in, is hot. */
const SOON = 4;

/** A block that waits for translation: its profile record, and how linear addresses led to its page when it was reported. */
interface HotBlock {
  readonly record: number;
  /** Offset in CS of the page, and CS's base. */
  readonly start: number;
  readonly base: number;
  /** The address space's slot and the privilege in it. */
  readonly slot: number;
  readonly user: boolean;
}

/** A hot block that is still there, and its region. */
interface Chosen {
  readonly page: CodePage;
  readonly offset: number;
  readonly graph: RegionGraph;
}

export class Translator {
  readonly counters: TranslatorCounters = { hotBlocks: 0, regions: 0, regionBlocks: 0, regionInstructions: 0, modules: 0, moduleBytes: 0 };
  private readonly reader: BlockReader;
  private queue: HotBlock[] = [];
  private waited = 0;

  constructor(
    private readonly cpu: Cpu,
    private readonly interpreter: Interpreter,
    private readonly code: CodeCache,
  ) {
    this.reader = new BlockReader(code, interpreter, cpu.state.view);
  }

  private get view(): DataView {
    return this.cpu.state.view;
  }

  /** The block of a profile record has been entered often; it is the one that is entered now. */
  hot(record: number): void {
    this.counters.hotBlocks++;
    this.enqueue(record);
    if (this.queue.length >= BATCH) this.translatePending();
  }

  /** Translates the block at an address by itself and at once, unless it is translated already. It is entered next. */
  translateNow(address: number): void {
    if (this.view.getUint32(address + R.handler, true) !== SPECIAL_HANDLERS.profile) return;
    this.enqueue(address);
    this.translatePending();
  }

  /** Generated code has returned: translates what is hot, if enough is or it has waited long enough. */
  poll(sliceBegins: boolean): void {
    if (this.queue.length === 0) return;
    this.waited += sliceBegins ? PATIENCE / 4 : 1;
    if (this.waited >= PATIENCE) this.translatePending();
  }

  private enqueue(record: number): void {
    const { state, mmu, user } = this.cpu;
    const base = state.code64 ? 0 : state.base(CS);
    this.queue.push({ record, start: state.wide(EIP_BASE), base, slot: mmu.currentSpace.slot, user });
  }

  /** Translates what is hot. */
  private translatePending(): void {
    const waiting = this.queue;
    this.queue = [];
    this.waited = 0;
    const taken = new Set<number>();
    const chosen: Chosen[] = [];
    for (const block of waiting) {
      const { record } = block;
      const page = this.code.pageById(this.view.getUint32(record + R.page, true));
      const offset = this.view.getUint16(record + R.offset, true);
      if (!page || this.code.block(page, offset) !== record || this.view.getUint32(record + R.handler, true) !== SPECIAL_HANDLERS.profile) continue;
      if (taken.has(record)) {
        this.view.setInt32(record + R.link, SOON, true);
        continue;
      }
      const graph = growRegion(this.code, this.view, this.reader, offset, {
        pageAt: (delta) => this.pageAt(page, block, delta), start: block.start, word: (address) => this.wordAt(block, address),
      });
      if (!graph) {
        // A stop stands in it: another time.
        this.view.setInt32(record + R.link, SOON, true);
        continue;
      }
      chosen.push({ page, offset, graph });
      for (const member of graph.blocks) taken.add(this.code.block(member.page, member.offset));
    }
    if (chosen.length > 0) this.compile(chosen);
  }

  /** The page at a distance from a hot block's, as linear addresses led there; none that is read in another way. */
  private pageAt(home: CodePage, { start, base, slot, user }: HotBlock, delta: number): CodePage | undefined {
    if (delta === 0) return home;
    const { bits } = home.context;
    const there = start + delta;
    // Offsets of 16 bits wrap inside pages; addresses beyond 2^52 (LA57) have no number that lasts.
    if (bits === 16 || Math.abs(there) >= 2 ** 52 || (bits === 32 && (there < 0 || there >= 2 ** 32))) return undefined;
    const linear = bits === 64 ? there : (base + there) % 2 ** 32;
    const table = this.cpu.mmu.tlb.codeTable(slot, user, Math.floor(linear / PAGE_BYTES));
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

  private compile(chosen: readonly Chosen[]): void {
    const module = new ModuleBuilder();
    const regionType = module.type([I32], []);
    const callees: RegionCallees = {
      enter: module.importFunction('base', 'enter', regionType),
      follow: module.importFunction('base', 'follow', module.type([I32, I32, I32], [])),
      leap: module.importFunction('base', 'leap', module.type([I32, I32], [])),
      jump: module.importFunction('base', 'jump', module.type([I64], [])),
      service: module.importFunction('base', 'service', module.type([I32, I32], [I32])),
      routines: importRoutines(module),
    };
    chosen.forEach(({ page, graph }, i) => {
      const { locals, code } = new RegionFunction(graph, { wide: page.context.bits === 64, flat: page.context.model === 'flat', view: this.view }, callees).emit();
      const fn = module.declare();
      module.define(fn, regionType, locals, code);
      module.exportFunction(`region${i}`, fn);
    });
    const bytes = module.build();
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), this.interpreter.imports);
    this.counters.modules++;
    this.counters.moduleBytes += bytes.length;
    chosen.forEach(({ page, offset, graph }, i) => {
      const region = instance.exports[`region${i}`];
      if (!region) return;
      this.code.setRegion(page, offset, this.interpreter.install(region), new Set(graph.blocks.map((block) => block.page)));
      this.note(graph);
    });
  }

  private note({ blocks }: RegionGraph): void {
    this.counters.regions++;
    this.counters.regionBlocks += blocks.length;
    for (const { page, count, isLoop, order, offset } of blocks) {
      this.counters.regionInstructions += count;
      // A loop that stays long leaves its region at its head: which should not be left to the interpreter for long then.
      const record = this.code.block(page, offset);
      const counting = this.view.getUint32(record + R.handler, true) === SPECIAL_HANDLERS.profile;
      if (isLoop && order > 0 && counting && this.view.getInt32(record + R.link, true) > SOON) this.view.setInt32(record + R.link, SOON, true);
    }
  }
}
