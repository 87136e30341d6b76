/**
 * Emits a region as one WebAssembly function: its graph as nested blocks and loops (Ramsey: Beyond Relooper, 2022), and
 * behind them the ways out, where guest state goes back into the state block.
 */
import { STOP_REQUESTED } from '../../cpu/layout';
import { meaningOf } from '../../isa/definitions';
import type { FunctionBody } from '../controlFunctions';
import { CPU, at } from '../operandEmitter';
import { R, RECORD_BYTES } from '../records';
import type { Routines } from '../routines';
import { expression } from '../valueEmitter';
import { I32, OP } from '../wasm/encoding';
import { binary, call, i32, load, type Expression } from '../wasm/functionBuilder';
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

/** Where a region's code lies, and how it is read. */
export interface RegionPlace {
  /** Address of the page's table of blocks. */
  readonly table: number;
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
      scope.builder.recycle(source ? [source.a, source.b, source.result].map(expression) : []);
    });
    // The local of a branch's condition has been taken back already, but nothing is emitted before it is used.
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
    const { end } = block;
    switch (end.kind) {
      case 'leave':
        if (continuation.kind !== 'gone') this.scope.leaveToRecord(end.record);
        return;
      case 'onward':
        if (continuation.kind !== 'gone') this.edge(block, end.behind);
        return;
      case 'branch':
        if (continuation.kind === 'branch') this.branch(block, continuation);
        return;
      case 'jump':
        return;
    }
  }

  private branch(block: RegionBlock, { condition, target, behind }: Extract<Continuation, { kind: 'branch' }>): void {
    const { end } = block;
    if (end.kind !== 'branch') return;
    const go = (offset: number | undefined, unlinked: () => Expression): void => (offset === undefined ? this.scope.leaveToOffset(unlinked()) : this.edge(block, offset));
    if (!condition) return go(end.taken, target);
    this.scope.builder.if(
      condition,
      () => go(end.taken, target),
      () => go(end.behind, behind),
    );
  }

  /** An edge to an offset in the page: inside the region as long as the budget reaches, else out of it. */
  private edge(from: RegionBlock, offset: number): void {
    const { scope, place } = this;
    const b = scope.builder;
    const target = this.graph.at(offset);
    const back = target !== undefined && target.order <= from.order;
    const slot = place.table + 4 * offset;
    // A way back to a block that is no loop's head would have a second way in.
    if (!target || (back && !this.graph.dominates(target, from))) return scope.leaveToBlock(slot, offset);
    b.set(scope.remaining, binary(OP.i32_sub, I32, scope.remaining, i32(target.count)));
    b.if(binary(OP.i32_lt_s, I32, scope.remaining, back ? scope.floor : i32(0)), () => {
      b.set(scope.remaining, binary(OP.i32_add, I32, scope.remaining, i32(target.count)));
      scope.leaveToBlock(slot, offset);
    });
    if (!back && target.forwardEdges === 1) return this.tree(target);
    const label = this.labels.get(target);
    if (label === undefined) throw new Error('A block is reached from outside its dominator');
    b.branch(label);
  }
}
