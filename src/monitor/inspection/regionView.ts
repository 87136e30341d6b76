/**
 * Regions of translated code: which there are, and one region's guest code beside the WebAssembly that is emitted for it. The engine does
 * not keep what it has emitted, so it is emitted anew, from the same blocks and by the same code, for whoever wants to read it.
 */
import type { Cpu } from '../cpu/cpu';
import type { Executor } from '../engine/executor';
import type { Region, RegionPart } from '../engine/regionRegistry';
import { R } from '../engine/records';
import { factsOf } from '../engine/translator/instructionFacts';
import type { PlacedBlock, RegionBlock, RegionInstruction } from '../engine/translator/regionGraph';
import { spellRegion } from '../engine/translator/writeRegions';
import { PAGE_BYTES } from '../memory/layout';
import { TLB_KIND } from '../memory/tlb';
import type { RegionBlockView, RegionDetails, RegionInstructionKind, RegionInstructionView, RegionList, RegionSummaryView } from './regionTypes';
import { readModule } from './wasmReader';
import { wasmText } from './wasmText';

/** Regions that are listed at once. */
const MOST_LISTED = 3000;

/** Where frames and code pages are found. */
interface Places {
  /** Linear address of a page by its table of blocks, as a TLB has it. */
  readonly linear: ReadonlyMap<number, bigint>;
  /** Guest-physical page by frame. */
  readonly physical: ReadonlyMap<number, number>;
}

export class RegionView {
  constructor(
    private readonly cpu: Cpu,
    private readonly executor: Executor,
  ) {}

  regions(): RegionList {
    const all = [...this.executor.code.allRegions()].reverse();
    const places = this.places(all);
    const summaries = all.map((region) => this.summary(region, places));
    const lately = summaries.filter(({ cold }) => cold !== true);
    const listed = summaries.length <= MOST_LISTED ? summaries : [...lately, ...summaries.filter(({ cold }) => cold === true)].slice(0, MOST_LISTED);
    return { regions: listed, left: summaries.length - listed.length };
  }

  region(entry: number): RegionDetails | undefined {
    const region = [...this.executor.code.allRegions()].find((one) => one.entry === entry);
    if (!region) return undefined;
    const places = this.places([region]);
    const summary = this.summary(region, places);
    const blocks = region.parts.map((part) => this.placed(part));
    const present = blocks.filter((block) => block !== undefined);
    if (present.length < blocks.length) {
      return { summary, blocks: [], wasm: [], bodyBytes: 0, story: 'Its code has been written to, or is waiting to be decoded again: there is nothing to show until it is back.' };
    }
    return this.spelled(region, summary, present, places);
  }

  private spelled(region: Region, summary: RegionSummaryView, blocks: readonly PlacedBlock[], places: Places): RegionDetails {
    const { context } = region.home.page;
    const { bytes, marks, locals, graph } = spellRegion({ wide: context.bits === 64, flat: context.model === 'flat', blocks, ways: region.ways }, this.cpu.state.view.buffer);
    const ids = new Map<number, number>();
    for (const { instructions } of graph.blocks) for (const { record } of instructions) ids.set(record, ids.size);
    const module = readModule(bytes);
    const wasm = wasmText(module, locals, [{ at: 0, id: undefined }, ...marks.map(({ at, record }) => ({ at, id: ids.get(record) }))]);
    return { summary, blocks: graph.blocks.map((block) => this.blockView(block, region, ids, places)), wasm, bodyBytes: module.code.length };
  }

  /** A block as the region has it, if it stands. */
  private placed({ page, offset, address, position, targets, resumption }: RegionPart): PlacedBlock | undefined {
    const { code, translator } = this.executor;
    if (code.block(page, offset) !== address) return undefined;
    const block = translator.reader.read(page, offset);
    return block && { ...block, delta: Math.floor(position / PAGE_BYTES) * PAGE_BYTES, position, targets, resumption };
  }

  private blockView(block: RegionBlock, region: Region, ids: ReadonlyMap<number, number>, { physical }: Places): RegionBlockView {
    const { view } = this.cpu.state;
    const { position, offset, instructions } = block;
    const part = region.parts.find((one) => one.position === position) ?? region.home;
    const end = instructions.reduce((last, { record }) => Math.max(last, view.getUint16(record + R.offset, true) + view.getUint8(record + R.length)), offset);
    const host = part.page.frame * PAGE_BYTES + offset;
    return {
      distance: position - region.home.offset,
      physical: (physical.get(part.page.frame) ?? 0) * PAGE_BYTES + offset,
      bytes: this.cpu.machine.u8.slice(host, host + end - offset),
      instructions: instructions.map((instruction): RegionInstructionView => ({
        id: ids.get(instruction.record) ?? -1, offset: view.getUint16(instruction.record + R.offset, true) - offset, kind: kindOf(instruction), patched: instruction.patched,
      })),
      isLoop: block.isLoop,
    };
  }

  private summary({ entry, state, home, parts, module }: Region, { linear, physical }: Places): RegionSummaryView {
    const last = home.page.lastPage;
    const current = linear.get(home.page.table);
    const page = current ?? (last === undefined ? undefined : linearOf(last));
    const { view } = this.cpu.state;
    return {
      entry, state: state === 'asleep' ? 'asleep' : 'in use',
      ...(page === undefined ? {} : { linear: BigInt.asUintN(64, page + BigInt(home.offset)) }),
      ...(current === undefined ? { cold: true } : {}),
      physical: (physical.get(home.page.frame) ?? 0) * PAGE_BYTES + home.offset,
      bits: home.page.context.bits, model: home.page.context.model,
      blocks: parts.length,
      instructions: parts.reduce((sum, { address }) => sum + view.getUint8(address + R.back), 0),
      module: module.number, moduleBytes: module.bytes, moduleRegions: module.live,
    };
  }

  private places(regions: readonly Region[]): Places {
    const { mmu } = this.cpu;
    const linear = new Map<number, bigint>();
    mmu.tlb.forEachHeld((kind, value, page, slot) => {
      if (kind === TLB_KIND.execute && (!linear.has(value) || slot === mmu.currentSpace.slot)) linear.set(value, linearOf(page));
    });
    const wanted = new Set(regions.map(({ home }) => home.page.frame));
    for (const { parts } of regions.length === 1 ? regions : []) for (const { page } of parts) wanted.add(page.frame);
    const physical = new Map<number, number>();
    for (const [page, frame] of mmu.map.framed()) if (wanted.has(frame) && !physical.has(frame)) physical.set(frame, page);
    return { linear, physical };
  }
}

const linearOf = (page: number): bigint => BigInt(page) * BigInt(PAGE_BYTES);

function kindOf({ handler, service, callout }: RegionInstruction): RegionInstructionKind {
  if (service) return 'service';
  if (factsOf(handler).unsafe) return 'interpreted';
  return callout ? 'callout' : 'translated';
}
