/** Writes and compiles the regions of an order as one module: all of the translator's work that needs no machine but its records. */
import { LINK_CELLS } from '../../memory/layout';
import { compileLoop, type CompileHot } from '../loopCompilation';
import { regionImportName, regionImportSignature, type RegionImport } from '../regionImports';
import { importRoutinesOnDemand } from '../routines';
import { I32 } from '../wasm/encoding';
import { ModuleBuilder } from '../wasm/moduleBuilder';
import type { LoopOrder, LoopReply, RegionOrder, RegionSummary, TranslationOrder, TranslationReply } from './order';
import { OrderReader, type OrderMessage } from './orderMessage';
import { RegionFunction, type CodeMark, type RegionCallees } from './regionFunction';
import { RegionGraph } from './regionGraph';
import { linksFor } from './waysOutside';

/** Name under which a module exports the function of its region so-and-so. */
export const regionName = (index: number): string => `region${index}`;

/** Name under which it exports the table of their links. */
export const LINKS = 'links';

/** A region's module for those who read it. */
export interface SpelledRegion {
  /** With one function of its own, behind its imports. */
  readonly bytes: Uint8Array;
  readonly marks: readonly CodeMark[];
  /** What the function's locals are for, by their numbers; temporaries have no names. */
  readonly locals: ReadonlyMap<number, string>;
  readonly graph: RegionGraph;
}

/** What makes a module of its bytes. */
export type Compile = (bytes: Uint8Array) => WebAssembly.Module;

const compileAsUsual: Compile = (bytes) => new WebAssembly.Module(bytes as BufferSource);

/** The module of an order. Throws when a region cannot be written: that is our mistake, or its records are gone. */
export function writeRegions(order: TranslationOrder, compile: Compile = compileAsUsual): TranslationReply {
  const { bytes, graphs } = buildModule(order);
  return { id: order.id, module: compile(bytes), bytes: bytes.length, regions: graphs.map(summaryOf) };
}

/** One region as it would be written now, and which code of it comes from which instruction. Throws as `writeRegions` does. */
export function spellRegion(region: RegionOrder, memory: ArrayBufferLike): SpelledRegion {
  const { bytes, graphs: [graph], functions: [fn] } = buildModule({ id: 0, regions: [region], cells: LINK_CELLS, memory });
  return { bytes, marks: fn.marks, locals: fn.localNames, graph };
}

/** Puts an order's module together. */
function buildModule({ regions, cells, memory }: TranslationOrder): { bytes: Uint8Array; graphs: RegionGraph[]; functions: RegionFunction[] } {
  const view = new DataView(memory);
  const module = new ModuleBuilder();
  const regionType = module.type([I32], []);
  const base = (name: RegionImport): number => {
    const { parameters, results } = regionImportSignature(name);
    return module.importFunction('base', regionImportName(name), module.type(parameters, results));
  };
  const callees: RegionCallees = {
    enter: base('enter'), stray: base('stray'), refuse: base('refuse'), follow: base('follow'), leap: base('leap'), jump: base('jump'), back: base('back'),
    service: base('service'), beside: base('beside'), access: base('access'), commit: base('commit'),
    routines: importRoutinesOnDemand(module),
    regionType,
  };
  const graphs = regions.map(({ blocks }) => new RegionGraph(blocks));
  let links = 0;
  const functions = graphs.map((graph, i) => {
    const ways = regions[i]?.ways ?? [];
    const first = links;
    links += ways.length;
    return new RegionFunction(graph, { wide: regions[i]?.wide === true, flat: regions[i]?.flat === true, view }, callees, linksFor(ways, first, cells));
  });
  const bodies = functions.map((fn) => fn.emit());
  // What the bodies import is known now.
  bodies.forEach(({ locals, code }, i) => {
    const fn = module.declare();
    module.define(fn, regionType, locals, code);
    module.exportFunction(regionName(i), fn);
  });
  if (links > 0) module.exportTable(LINKS, links);
  return { bytes: module.build(), graphs, functions };
}

function summaryOf({ blocks }: RegionGraph): RegionSummary {
  return {
    blocks: blocks.length,
    instructions: blocks.reduce((sum, { count }) => sum + count, 0),
    loops: blocks.filter(({ isLoop, order }) => isLoop && order > 0).map(({ position }) => position),
  };
}

/** Carries orders out that come from another thread, whatever that leads to. */
export class TranslationWorkshop {
  private readonly reader = new OrderReader();

  constructor(
    private readonly compile: Compile = compileAsUsual,
    private readonly compileHot?: CompileHot,
  ) {}

  carryOut(message: OrderMessage | LoopOrder): TranslationReply | LoopReply {
    if ('is64Bit' in message) return compileLoop(message, this.compileHot);
    const order = this.reader.read(message);
    try {
      return writeRegions(order, this.compile);
    } catch (reason) {
      return { id: order.id, failure: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason) };
    }
  }
}
