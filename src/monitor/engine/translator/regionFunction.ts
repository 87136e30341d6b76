/**
 * Emits a region as one WebAssembly function: its graph as nested blocks and loops (Ramsey: Beyond Relooper, 2022), and
 * behind them the ways out, where guest state goes back into the state block.
 */
import { EIP_BASE, STOP_REQUESTED } from '../../cpu/layout';
import { meaningOf } from '../../isa/definitions';
import { executeEntry, linearAddress, type FunctionBody } from '../controlFunctions';
import { CPU, at } from '../operandEmitter';
import { R, RECORD_BYTES } from '../records';
import type { Routines } from '../routines';
import { expression } from '../valueEmitter';
import { I32, I64, OP } from '../wasm/encoding';
import { binary, call, i32, i64, load, unary, type Expression } from '../wasm/functionBuilder';
import { flagLiveness } from './flagLiveness';
import { factsOf } from './instructionFacts';
import { RegionEmitter, type Continuation } from './regionEmitter';
import type { RegionBlock, RegionGraph, RegionInstruction } from './regionGraph';
import { RegionScope, type RegionUse } from './regionScope';

/** Numbers of functions that translated code calls. */
export interface RegionCallees {
  readonly enter: number;
  readonly follow: number;
  readonly jump: number;
  readonly service: number;
  readonly routines: Routines;
}

/** How a region's code is read. */
export interface RegionPlace {
  /** Whether it is 64-bit code. */
  readonly wide: boolean;
  readonly view: DataView;
}

/** Registers a region has to load for services, which may read and set any. */
const ALL = 0xffff, ALL_NARROW = 0xff;

/** What a region's instructions use. */
function useOf(graph: RegionGraph, { view, wide }: RegionPlace): RegionUse {
  let registers = 0, written = 0;
  let flags = false, flagsWritten = false, readsMemory = false, writesMemory = false;
  const named = (record: number, fields: ReadonlySet<number>): number => {
    let set = 0;
    for (const field of fields) {
      const slot = view.getUint16(record + field, true);
      if (slot < 128) set |= 1 << (slot >> 3);
    }
    return set;
  };
  for (const block of graph.blocks) {
    for (const { handler, record, service } of block.instructions) {
      const facts = factsOf(handler);
      if (service || facts.unsafe) continue;
      registers |= facts.readRegisters | named(record, facts.readFields);
      written |= facts.writtenRegisters | named(record, facts.writtenFields);
      flags ||= facts.setsFlags || facts.readsFlags.none;
      flagsWritten ||= facts.setsFlags;
      readsMemory ||= facts.readsMemory;
      writesMemory ||= facts.writesMemory;
    }
  }
  const all = wide ? ALL : ALL_NARROW;
  return { registers: registers & all, written: written & all, flags, flagsWritten, readsMemory, writesMemory };
}

export class RegionFunction {
  private readonly scope: RegionScope;
  private readonly labels = new Map<RegionBlock, number>();

  constructor(
    private readonly graph: RegionGraph,
    private readonly place: RegionPlace,
    private readonly callees: RegionCallees,
  ) {
    this.scope = new RegionScope(place.wide, useOf(graph, place));
  }

  /** The function's body and locals. Its parameter, the entry's record, is not looked at. */
  emit(): FunctionBody {
    const { scope, callees } = this;
    const b = scope.builder;
    scope.load();
    scope.setFloor();
    b.recycle();
    b.block(() => {
      const jump = b.nesting;
      b.block(() => {
        const block = b.nesting;
        b.block(() => {
          scope.exits = { record: b.nesting, block, jump };
          const [entry] = this.graph.blocks;
          if (entry) this.tree(entry);
        });
        scope.spill();
        b.returnCall(callees.enter, [scope.exitRecord]);
      });
      scope.spill();
      b.returnCall(callees.follow, [scope.exitSlot, scope.exitOffset]);
    });
    scope.spill();
    b.returnCall(callees.jump, [scope.exitTarget]);
    return { locals: b.locals, code: b.finish() };
  }

  /** A block with everything that it dominates. */
  private tree(block: RegionBlock): void {
    const merges = block.children.filter((child) => child.forwardEdges > 1).sort((x, y) => y.order - x.order);
    if (!block.isLoop) return this.within(block, merges);
    this.scope.builder.loopBlock(() => {
      this.labels.set(block, this.scope.builder.nesting);
      this.within(block, merges);
    });
  }

  /** A block's code, inside a WebAssembly block for each place where ways meet that it dominates. */
  private within(block: RegionBlock, [merge, ...rest]: readonly RegionBlock[]): void {
    if (!merge) return this.body(block);
    this.scope.builder.block(() => {
      this.labels.set(merge, this.scope.builder.nesting);
      this.within(block, rest);
    });
    this.tree(merge);
  }

  private body(block: RegionBlock): void {
    const { scope } = this;
    const live = flagLiveness(block.instructions);
    scope.source = undefined;
    let continuation: Continuation = { kind: 'next' };
    block.instructions.forEach((instruction, i) => {
      if (continuation.kind === 'gone') return;
      scope.flagsLive = live[i] ?? true;
      continuation = this.instruction(instruction);
      const { source } = scope;
      // What the last one gives is used where the block ends.
      if (i < block.instructions.length - 1) scope.builder.recycle(source ? [source.a, source.b, source.result].map(expression) : []);
    });
    this.end(block, continuation);
    scope.builder.recycle();
  }

  private instruction(instruction: RegionInstruction): Continuation {
    const { scope } = this;
    if (instruction.service) return this.callService(instruction);
    if (factsOf(instruction.handler).unsafe) {
      scope.leaveToRecord(instruction.record);
      return { kind: 'gone' };
    }
    const emitter = new RegionEmitter(instruction, scope, this.place.view, this.callees.routines);
    meaningOf(instruction.handler.name)(emitter);
    return emitter.continuation;
  }

  /** Has a service done in TypeScript: all state goes into the state block and comes back. */
  private callService({ record }: RegionInstruction): Continuation {
    const { scope, callees, place } = this;
    const b = scope.builder;
    scope.spill();
    const number = place.view.getUint32(record + R.link, true);
    b.if(call(callees.service, I32, [i32(record), i32(number)]), () => b.return());
    scope.load();
    scope.source = undefined;
    b.if(load(OP.i32_load, I32, CPU, at(STOP_REQUESTED)), () => scope.leaveToRecord(record + RECORD_BYTES));
    return { kind: 'next' };
  }

  /** Goes on behind a block. */
  private end(block: RegionBlock, continuation: Continuation): void {
    if (continuation.kind === 'gone') return;
    if (continuation.kind === 'jump') return this.jump(block, continuation.target);
    if (continuation.kind === 'branch') return this.branch(block, continuation);
    if (block.end.kind === 'onward') return this.edge(block, block.end.behind, () => this.offsetAt(block.end.kind === 'onward' ? block.end.behind : 0));
    if (block.end.kind === 'leave') return this.scope.leaveToRecord(block.end.record);
    throw new Error(`A block ends in a ${block.end.kind} and goes on`);
  }

  /** An indirect jump: a return is compared with the places behind the calls that the region knows. */
  private jump(block: RegionBlock, target: Expression): void {
    const b = this.scope.builder;
    for (const next of block.successors) {
      const place = next.position - block.delta;
      b.if(binary(OP.i64_eq, I32, target, this.offsetAt(place)), () => this.edge(block, place, () => target));
    }
    this.scope.leaveToOffset(target);
  }

  private branch(block: RegionBlock, { condition, target, behind }: Extract<Continuation, { kind: 'branch' }>): void {
    const { end } = block;
    if (end.kind !== 'branch' && end.kind !== 'call') return;
    const go = (place: number | undefined, unlinked: () => Expression): void => (place === undefined ? this.scope.leaveToOffset(unlinked()) : this.edge(block, place, unlinked));
    if (!condition) return go(end.taken, target);
    this.scope.builder.if(
      condition,
      () => go(end.taken, target),
      () => go(end.behind, behind),
    );
  }

  /** Offset in CS of a place that is counted from the present page. */
  private offsetAt(place: number): Expression {
    return binary(OP.i64_add, I64, load(OP.i64_load, I64, CPU, at(EIP_BASE)), i64(BigInt(place)));
  }

  /**
   * An edge to a place counted from the block's page: inside the region as long as the budget reaches, else out of it, in
   * other pages by way of its offset in CS.
   */
  private edge(from: RegionBlock, place: number, unlinked: () => Expression): void {
    const { scope } = this;
    const b = scope.builder;
    const target = this.graph.at(from.delta + place);
    const back = target !== undefined && target.order <= from.order;
    // A way back to a block that is no loop's head would have a second way in.
    if (!target || !from.successors.includes(target) || (back && !this.graph.dominates(target, from))) {
      const inside = place >= from.page.context.first && place < from.page.context.end;
      return inside ? scope.leaveToBlock(from.page.table + 4 * place, place) : scope.leaveToOffset(unlinked());
    }
    if (target.delta !== from.delta) this.turnPage(from, target, unlinked);
    b.set(scope.remaining, binary(OP.i32_sub, I32, scope.remaining, i32(target.count)));
    b.if(binary(OP.i32_lt_s, I32, scope.remaining, back ? scope.floor : i32(0)), () => {
      b.set(scope.remaining, binary(OP.i32_add, I32, scope.remaining, i32(target.count)));
      scope.leaveToBlock(target.page.table + 4 * target.offset, target.offset);
    });
    if (!back && target.forwardEdges === 1) return this.tree(target);
    const label = this.labels.get(target);
    if (label === undefined) throw new Error('A block is reached from outside its dominator');
    b.branch(label);
  }

  /** Goes to another page, if it is still the one that the region was made from: the execute TLB says so. */
  private turnPage(from: RegionBlock, to: RegionBlock, unlinked: () => Expression): void {
    const { scope } = this;
    const b = scope.builder;
    const start = b.let(this.offsetAt(to.delta - from.delta));
    const linear = b.let(linearAddress(start));
    const entry = b.let(executeEntry(unary(OP.i32_wrap_i64, I32, linear)));
    const moved = binary(OP.i64_ne, I32, load(OP.i64_load, I64, entry, 0), linear);
    const other = binary(OP.i32_ne, I32, load(OP.i32_load, I32, entry, 8), i32(to.page.table));
    const elsewhere = binary(OP.i32_or, I32, moved, other);
    // A segment's end at 4 GiB is no neighbour of its beginning.
    const beyond = this.place.wide ? elsewhere : binary(OP.i32_or, I32, elsewhere, binary(OP.i64_gt_u, I32, start, i64(0xffffffffn)));
    b.if(beyond, () => scope.leaveToOffset(unlinked()));
    b.store(OP.i64_store, CPU, at(EIP_BASE), start);
  }
}
