/**
 * Translates hot code: takes the blocks that are reported hot, lets regions grow from them, emits and compiles many
 * of them in one module, and puts each in front of its entry block's records.
 */
import type { CodeCache, CodePage } from '../codeCache';
import type { Interpreter } from '../interpreter';
import { SPECIAL_HANDLERS } from '../interpreterModule';
import { importRoutines } from '../routines';
import { R } from '../records';
import { I32, I64 } from '../wasm/encoding';
import { ModuleBuilder } from '../wasm/moduleBuilder';
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

/** A block that waits for translation. */
interface HotBlock {
  readonly page: CodePage;
  readonly offset: number;
  readonly address: number;
}

export class Translator {
  readonly counters: TranslatorCounters = { hotBlocks: 0, regions: 0, regionBlocks: 0, regionInstructions: 0, modules: 0, moduleBytes: 0 };
  /** Addresses of profile records. */
  private queue: number[] = [];
  private waited = 0;

  constructor(
    private readonly view: DataView,
    private readonly interpreter: Interpreter,
    private readonly code: CodeCache,
  ) {}

  /** A block has been entered often: `record` is its profile record. */
  hot(record: number): void {
    this.counters.hotBlocks++;
    this.queue.push(record);
    if (this.queue.length >= BATCH) this.translatePending();
  }

  /** Translates the block at an address by itself and at once, unless it is translated already. */
  translateNow(address: number): void {
    if (this.view.getUint32(address + R.handler, true) !== SPECIAL_HANDLERS.profile) return;
    this.queue.push(address);
    this.translatePending();
  }

  /** Generated code has returned: translates what is hot, if enough is or it has waited long enough. */
  poll(sliceBegins: boolean): void {
    if (this.queue.length === 0) return;
    this.waited += sliceBegins ? PATIENCE / 4 : 1;
    if (this.waited >= PATIENCE) this.translatePending();
  }

  /** Translates what is hot. */
  private translatePending(): void {
    const records = this.queue;
    this.queue = [];
    this.waited = 0;
    const taken = new Set<number>();
    const chosen: { readonly block: HotBlock; readonly graph: RegionGraph }[] = [];
    for (const record of records) {
      const block = this.hotBlock(record);
      if (!block) continue;
      if (taken.has(record)) {
        this.view.setInt32(record + R.link, SOON, true);
        continue;
      }
      const graph = growRegion(this.code, this.view, block.page, block.offset);
      if (!graph) continue;
      chosen.push({ block, graph });
      for (const { offset } of graph.blocks) taken.add(this.code.block(block.page, offset));
    }
    if (chosen.length > 0) this.compile(chosen);
  }

  /** The block of a profile record, if it is still there and not translated. */
  private hotBlock(record: number): HotBlock | undefined {
    const page = this.code.pageById(this.view.getUint32(record + R.page, true));
    const offset = this.view.getUint16(record + R.offset, true);
    const waiting = page && this.code.block(page, offset) === record && this.view.getUint32(record + R.handler, true) === SPECIAL_HANDLERS.profile;
    return waiting ? { page, offset, address: record } : undefined;
  }

  private compile(chosen: readonly { readonly block: HotBlock; readonly graph: RegionGraph }[]): void {
    const module = new ModuleBuilder();
    const regionType = module.type([I32], []);
    const callees: RegionCallees = {
      enter: module.importFunction('base', 'enter', regionType),
      follow: module.importFunction('base', 'follow', module.type([I32, I32], [])),
      jump: module.importFunction('base', 'jump', module.type([I64], [])),
      service: module.importFunction('base', 'service', module.type([I32, I32], [I32])),
      routines: importRoutines(module),
    };
    chosen.forEach(({ block: { page }, graph }, i) => {
      const place = { table: page.table, wide: page.context.bits === 64, view: this.view };
      const { locals, code } = new RegionFunction(graph, place, callees).emit();
      const fn = module.declare();
      module.define(fn, regionType, locals, code);
      module.exportFunction(`region${i}`, fn);
    });
    const bytes = module.build();
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), this.interpreter.imports);
    this.counters.modules++;
    this.counters.moduleBytes += bytes.length;
    chosen.forEach(({ block, graph }, i) => {
      const region = instance.exports[`region${i}`];
      if (!region) return;
      this.code.setRegion(block.page, block.address, this.interpreter.install(region));
      this.note(block.page, graph);
    });
  }

  private note(page: CodePage, graph: RegionGraph): void {
    this.counters.regions++;
    this.counters.regionBlocks += graph.blocks.length;
    for (const { count, isLoop, order, offset } of graph.blocks) {
      this.counters.regionInstructions += count;
      // A loop that stays long leaves its region at its head: which should not be left to the interpreter for long then.
      const address = this.code.block(page, offset);
      if (isLoop && order > 0 && this.view.getInt32(address + R.link, true) > SOON) this.view.setInt32(address + R.link, SOON, true);
    }
  }
}
