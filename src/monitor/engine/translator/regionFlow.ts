/**
 * What flows through a region: which registers are dirty (changed since they were last in the state block) at each place where
 * it can be left, and which are to be taken out of the state block at its entry and behind its services. The two flag words
 * count as one register more.
 */
import { sourcesOf } from './flagLiveness';
import { factsOf, type SourceKind } from './instructionFacts';
import type { RegionBlock, RegionGraph, RegionInstruction } from './regionGraph';

/** The flag words in a set of registers; bit n below is general register n. */
export const FLAG_WORDS = 1 << 16;

/** What an instruction does: sets of registers. */
interface Effects {
  /** Whether it is done outside of translated code: `service` with a way back, `gone` without one. */
  readonly kind: 'plain' | 'service' | 'gone';
  readonly reads: number;
  readonly writes: number;
  /** What it always writes, without need of what was there. */
  readonly kills: number;
  readonly mayLeave: boolean;
  /** Whether the region may be left behind it, too. */
  readonly callout: boolean;
}

/** A block as far as it is translated. */
export interface BlockFlow {
  /** What is dirty where the block ends, at most: what has been put back early is not. */
  dirtyAtEnd: number;
  /** What each instruction may change. */
  readonly writes: readonly number[];
  /** What is needed out of the state block behind each instruction that is a service. */
  readonly needed: number[];
}

interface Working extends BlockFlow {
  readonly block: RegionBlock;
  readonly effects: readonly Effects[];
  /** What is dirty before each instruction, at most. */
  readonly dirty: number[];
  dirtyAtStart: number;
  neededAtStart: number;
}

export class RegionFlow {
  private readonly flows: readonly Working[];

  /**
   * @param all the registers that code of this kind has
   * @param view memory with the instructions' records
   */
  constructor(
    graph: RegionGraph,
    private readonly all: number,
    private readonly view: DataView,
  ) {
    this.flows = graph.blocks.map((block) => {
      const effects = this.effectsOf(block.instructions);
      return { block, effects, writes: effects.map(({ writes }) => writes), dirty: [], dirtyAtEnd: 0, needed: [], dirtyAtStart: 0, neededAtStart: 0 };
    });
    while (this.flows.filter((flow) => this.forward(flow)).length > 0);
    const backwards = [...this.flows].reverse();
    while (backwards.filter((flow) => this.backward(flow)).length > 0);
  }

  of({ order }: RegionBlock): BlockFlow {
    const flow = this.flows[order];
    if (!flow) throw new Error('A block is not of this region');
    return flow;
  }

  /** What a block needs out of the state block where the region begins, or is come back to, with it. */
  neededAt({ order }: RegionBlock): number {
    return this.flows[order]?.neededAtStart ?? 0;
  }

  /** Up to the first instruction that the region never comes behind. */
  private effectsOf(instructions: readonly RegionInstruction[]): readonly Effects[] {
    const sources = sourcesOf(instructions);
    const effects: Effects[] = [];
    for (const [i, instruction] of instructions.entries()) {
      const effect = this.effectOf(instruction, sources[i] ?? 'none');
      effects.push(effect);
      if (effect.kind === 'gone') break;
    }
    return effects;
  }

  private effectOf({ handler, record, service, callout }: RegionInstruction, source: SourceKind): Effects {
    if (service) return { kind: 'service', reads: 0, writes: 0, kills: 0, mayLeave: true, callout: false };
    const facts = factsOf(handler);
    if (facts.unsafe) return { kind: 'gone', reads: 0, writes: 0, kills: 0, mayLeave: true, callout: false };
    const flagsReplaced = facts.killsFlags && !facts.keepsFlags;
    const written = (facts.writtenRegisters | this.named(record, facts.writtenFields)) & this.all;
    return {
      kind: 'plain',
      reads: ((facts.readRegisters | this.named(record, facts.readFields)) & this.all) | (facts.readsFlags[source] ? FLAG_WORDS : 0),
      writes: written | (facts.setsFlags ? FLAG_WORDS : 0),
      kills: written | (flagsReplaced ? FLAG_WORDS : 0),
      mayLeave: facts.mayLeave,
      callout,
    };
  }

  /** Registers that fields of a record name. */
  private named(record: number, fields: ReadonlySet<number>): number {
    let set = 0;
    for (const field of fields) {
      const slot = this.view.getUint16(record + field, true);
      if (slot < 128) set |= 1 << (slot >> 3);
    }
    return set;
  }

  /** Follows what is dirty through a block. Says whether more is where it ends than was known. */
  private forward(flow: Working): boolean {
    const before = flow.dirtyAtEnd;
    let dirty = flow.dirtyAtStart;
    flow.effects.forEach(({ kind, writes }, i) => {
      flow.dirty[i] = dirty;
      dirty = kind === 'service' ? 0 : dirty | writes;
    });
    flow.dirtyAtEnd = dirty;
    for (const block of flow.block.successors) {
      const next = this.flows[block.order];
      // What is dirty before a call that leads out of the region goes into the state block.
      if (next && block !== flow.block.resumes) next.dirtyAtStart |= dirty;
    }
    return dirty !== before;
  }

  /** Follows what is needed back through a block. Says whether more is where it begins than was known. */
  private backward(flow: Working): boolean {
    const before = flow.neededAtStart;
    // Edges may leave: back, when the budget is spent, and into other pages.
    let needed = flow.dirtyAtEnd;
    for (const block of flow.block.successors) if (block !== flow.block.resumes) needed |= this.neededAt(block);
    for (let i = flow.effects.length - 1; i >= 0; i--) {
      const effect = flow.effects[i];
      if (!effect) continue;
      const dirty = flow.dirty[i] ?? 0;
      flow.needed[i] = needed;
      if (effect.callout) needed |= dirty | effect.writes;
      if (effect.kind !== 'plain') needed = dirty;
      else needed = (needed & ~effect.kills) | effect.reads | (effect.mayLeave ? dirty : 0);
    }
    flow.neededAtStart = needed;
    return needed !== before;
  }
}
