/**
 * Emits a region as one WebAssembly function: its graph as nested blocks and loops (Ramsey: Beyond Relooper, 2022).
 * Where it is left, what the region has changed until there goes back into the state block.
 */
import { EIP_BASE, STOP_REQUESTED } from '../../cpu/layout';
import { meaningOf } from '../../isa/definitions';
import type { FunctionBody } from '../controlFunctions';
import { CPU, at } from '../operandEmitter';
import { R, RECORD_BYTES } from '../records';
import { veiled } from '../regionImports';
import { expression } from '../valueEmitter';
import { I32, I64, OP } from '../wasm/encoding';
import { binary, call, i32, i64, load, unary, type Expression } from '../wasm/expressions';
import type { AddressKnowledge } from './addressGroups';
import { flagLiveness } from './flagLiveness';
import { factsOf } from './instructionFacts';
import { RegionEmitter, type Continuation, type EmitterCallees } from './regionEmitter';
import { behindCall, type RegionBlock, type RegionGraph, type RegionInstruction, type RegionPage } from './regionGraph';
import { RegionFlow } from './regionFlow';
import { RegionScope, type WaysOut } from './regionScope';
import { WaysOutside, type Link, type LinkedWay, type SlowWay } from './waysOutside';

/** Numbers of functions that translated code calls. */
export interface RegionCallees extends WaysOut, EmitterCallees {
  readonly service: number;
  /** Number of the type of a region's function. */
  readonly regionType: number;
}

/** How a region's code is read. */
export interface RegionPlace {
  /** Whether it is 64-bit code. */
  readonly wide: boolean;
  /** Whether offsets in CS are linear addresses below 4 GiB. */
  readonly flat: boolean;
  readonly view: DataView;
}

/** The lowest bit of an address of 48 bits that is the same as all above it; with 57 bits more of them may differ. */
const FIRST_SIGN_BIT = 47n;

/** Places at which an indirect jump is asked for before its target is checked. */
const MOST_EXPECTED = 2;

/** Positions to which a block's indirect jump or return is expected to lead. */
const expectedPlaces = (block: RegionBlock): readonly number[] => (block.end.kind === 'return' || block.end.kind === 'jump' ? waysInside(block).map(({ position }) => position) : []);

/** Where a block may go on inside the region without a call that leads out of it. */
const waysInside = ({ successors, resumes }: RegionBlock): readonly RegionBlock[] => successors.filter((next) => next !== resumes);

/** From this byte of a function's code on, it is about an instruction (its record); 0: the ways in and out. */
export interface CodeMark {
  readonly at: number;
  readonly record: number;
}

/** Whether a place is in the block's page, and inside CS's limit. */
const isInPage = ({ context }: RegionPage, place: number): boolean => place >= context.first && place < context.end;

/** All general registers. */
const ALL = 0xffff, ALL_NARROW = 0xff;

export class RegionFunction {
  private readonly scope: RegionScope;
  private readonly outside: WaysOutside;
  /** In the order of the code, once it has been emitted. */
  marks: readonly CodeMark[] = [];
  private readonly begun: CodeMark[] = [];
  private readonly flow: RegionFlow;
  private readonly labels = new Map<RegionBlock, number>();
  /** What is known of addresses where blocks end. */
  private readonly knowledge = new Map<RegionBlock, AddressKnowledge>();
  /** Bits of the pages that the region has blocks of, by their distance from the first one, in the set of those looked up. */
  private readonly pages = new Map<number, number>();
  private readonly turnsPages: boolean;
  /** Whether the monitor is asked somewhere, which may change how pages are mapped. */
  private readonly asks: boolean;
  /** Whether EIP_BASE changes, or is needed often. */
  private readonly hasOrigin: boolean;
  private readsMemory = false;
  private writesMemory = false;
  /** What is dirty where blocks end that have been emitted. */
  private readonly dirtyAtEnd = new Map<RegionBlock, number>();

  constructor(
    private readonly graph: RegionGraph,
    private readonly place: RegionPlace,
    private readonly callees: RegionCallees,
    /** Links by the positions that they lead to. */
    private readonly links: ReadonlyMap<number, Link>,
  ) {
    this.scope = new RegionScope(place.wide, place.flat, callees);
    this.outside = new WaysOutside(this.scope, place, callees, callees.regionType);
    this.flow = new RegionFlow(graph, place.wide ? ALL : ALL_NARROW, place.view);
    for (const { delta } of graph.blocks) if (!this.pages.has(delta)) this.pages.set(delta, 1 << this.pages.size);
    for (const { instructions } of graph.blocks) {
      for (const { handler, service } of instructions) {
        const facts = service ? undefined : factsOf(handler);
        this.readsMemory ||= facts?.readsMemory === true;
        this.writesMemory ||= facts?.writesMemory === true;
      }
    }
    this.turnsPages = this.pages.size > 1;
    this.asks = graph.blocks.some(({ instructions }) => instructions.some(({ service, callout }) => service || callout));
    this.hasOrigin = this.turnsPages || graph.blocks.some((block) => behindCall(block, place.view) !== undefined || ((block.end.kind === 'return' || block.end.kind === 'jump') && block.successors.length > 0));
  }

  /** The function's body and locals. Its parameter, the entry's record, is not looked at. */
  emit(): FunctionBody {
    const { scope } = this;
    const b = scope.builder;
    const [entry] = this.graph.blocks;
    if (entry) scope.load(this.flow.neededAt(entry));
    this.loadTables();
    this.checkBudget();
    if (this.hasOrigin) b.set(scope.origin, load(OP.i64_load, I64, CPU, at(EIP_BASE)));
    if (this.turnsPages) b.set(scope.pages, i32(1));
    this.checkReach();
    b.recycle();
    if (entry) this.tree(entry);
    this.mark(0);
    const code = scope.finish();
    // Blocks for the ways out stand in front of all.
    const before = code.length - b.code.length;
    this.marks = this.begun.map(({ at: place, record }) => ({ at: place + before, record }));
    return { locals: b.locals, code };
  }

  get localNames(): ReadonlyMap<number, string> {
    return this.scope.names();
  }

  /** What is written from here on is about an instruction. */
  private mark(record: number): void {
    this.begun.push({ at: this.scope.builder.code.length, record });
  }

  /**
   * A region is only entered with a budget for the longest way through it, and only looped in with one for the longest way
   * from the loop's head, so that edges forward need not ask. The interpreter does what is left.
   */
  private checkBudget(): void {
    const { graph, scope } = this;
    const loops = graph.blocks.filter(({ isLoop }) => isLoop);
    if (loops.length > 0) scope.setFloor(Math.max(...loops.map((head) => graph.longestFrom(head))));
    const [entry] = graph.blocks;
    const longest = entry ? graph.longestFrom(entry) : 0;
    const first = entry?.instructions[0];
    if (first && longest > 0) scope.builder.if(this.budgetBelow(longest), () => scope.refuse(first.record, 0));
  }

  private budgetBelow(instructions: number): Expression {
    return binary(OP.i32_lt_s, I32, this.scope.remaining, i32(instructions));
  }

  /**
   * Whether the relative target that a block ends in is known to be inside CS's limit, or canonical: it is in the block's page, or in
   * reach of what is asked at the entry.
   */
  private isInOrder({ end, page }: RegionBlock): boolean {
    const taken = end.kind === 'branch' || end.kind === 'call' ? end.taken : undefined;
    return taken !== undefined && (this.place.wide || isInPage(page, taken));
  }

  /**
   * Direct branches of 64-bit code, and places that returns are expected at, may be no canonical addresses, in principle: asked once, for all that lie in
   * other pages than the entry, which is one. What does not differ from it in the bits that are all alike in a canonical address is one as well.
   */
  private checkReach(): void {
    if (!this.place.wide) return;
    const places = this.graph.blocks.flatMap((block) => {
      const { end, page, delta } = block;
      const taken = end.kind === 'branch' || end.kind === 'call' ? end.taken : undefined;
      return [...(taken === undefined || isInPage(page, taken) ? [] : [delta + taken]), ...expectedPlaces(block).filter((place) => !isInPage(page, place))];
    });
    const first = this.graph.blocks[0]?.instructions[0];
    if (places.length === 0 || !first) return;
    const differences = [Math.min(...places), Math.max(...places)].map((place) => binary(OP.i64_xor, I64, this.offsetAt(place), this.offsetAt(0)));
    const upper = binary(OP.i64_shr_u, I64, differences.reduce((a, b) => binary(OP.i64_or, I64, a, b)), i64(FIRST_SIGN_BIT));
    this.scope.builder.if(binary(OP.i64_ne, I32, upper, i64(0n)), () => this.scope.leaveToRecord(first.record, 0));
  }

  private loadTables(): void {
    this.scope.loadTables(this.readsMemory, this.writesMemory);
  }

  /** A block with everything that it dominates. */
  private tree(block: RegionBlock): void {
    const merges = block.children.filter((child) => child.forwardEdges > 1).sort((x, y) => y.order - x.order);
    if (!block.isLoop) return this.within(block, merges);
    this.scope.builder.loopBlock(() => {
      this.labels.set(block, this.scope.builder.nesting);
      this.scope.addresses.forget(this.scope.addresses.knowledge);
      this.within(block, merges);
    });
  }

  /** A block's code, inside a WebAssembly block for each place where ways meet that it dominates. */
  private within(block: RegionBlock, [merge, ...rest]: readonly RegionBlock[]): void {
    if (!merge) return this.body(block);
    const { addresses } = this.scope;
    const { knowledge } = addresses;
    this.scope.builder.block(() => {
      this.labels.set(merge, this.scope.builder.nesting);
      this.within(block, rest);
    });
    addresses.forget(knowledge);
    this.tree(merge);
  }

  private body(block: RegionBlock): void {
    const { scope } = this;
    const live = flagLiveness(block.instructions);
    const { needed, writes } = this.flow.of(block);
    scope.putsBack = !block.isRepeated;
    scope.dirty = block.predecessors.reduce((all, before) => (before.resumes === block ? all : all | (this.dirtyAtEnd.get(before) ?? this.flow.of(before).dirtyAtEnd)), 0);
    scope.source = undefined;
    let continuation: Continuation = { kind: 'next' };
    block.instructions.forEach((instruction, i) => {
      if (continuation.kind === 'gone') return;
      this.mark(instruction.record);
      scope.flagsLive = live[i] ?? true;
      continuation = this.instruction(block, instruction, needed[i] ?? 0, writes[i] ?? 0);
      scope.dirty |= writes[i] ?? 0;
      const { source } = scope;
      // What the last one gives is used where the block ends.
      if (i < block.instructions.length - 1) scope.builder.recycle(source ? [source.a, source.b, source.result].map(expression) : []);
    });
    this.dirtyAtEnd.set(block, scope.dirty);
    this.end(block, continuation, scope.dirty);
    scope.builder.recycle();
  }

  /** @param needed what is needed behind it, if it is a service; `writes` what it may change */
  private instruction(block: RegionBlock, instruction: RegionInstruction, needed: number, writes: number): Continuation {
    const { scope } = this;
    if (instruction.service) return this.callService(block, instruction, needed);
    if (factsOf(instruction.handler).unsafe) {
      scope.leaveToRecord(instruction.record, scope.dirty);
      return { kind: 'gone' };
    }
    const expected = this.place.wide ? expectedPlaces(block).slice(0, MOST_EXPECTED).map((place) => this.offsetAt(place)) : [];
    const emitter = new RegionEmitter(instruction, scope, this.place.view, this.callees, this.isInOrder(block), expected);
    meaningOf(instruction.handler.name)(emitter);
    if (instruction.callout) scope.addresses.forgetLookups();
    if (instruction.callout && emitter.continuation.kind === 'next') this.stopBehind(block, instruction.record, scope.dirty | writes);
    return emitter.continuation;
  }

  /** Has a service done in TypeScript: all state goes into the state block and comes back. */
  private callService(block: RegionBlock, { record }: RegionInstruction, needed: number): Continuation {
    const { scope, callees, place } = this;
    const b = scope.builder;
    scope.spill(scope.dirty);
    scope.dirty = 0;
    scope.spillBudget();
    const number = place.view.getUint32(record + R.link, true);
    b.if(call(callees.service, I32, veiled([i32(record), i32(number)])), () => b.return());
    scope.load(needed);
    scope.addresses.forgetAll();
    this.loadTables();
    // It may have changed how pages are mapped.
    if (this.turnsPages) b.set(scope.pages, i32(0));
    scope.source = undefined;
    this.stopBehind(block, record, 0);
    return { kind: 'next' };
  }

  /**
   * Leaves behind an instruction that has asked the monitor, with so many registers dirty, if that wants control, or has taken
   * of the budget what the way from here may need.
   */
  private stopBehind(block: RegionBlock, record: number, dirty: number): void {
    const wanted = load(OP.i32_load, I32, CPU, at(STOP_REQUESTED));
    const stop = binary(OP.i32_or, I32, wanted, this.budgetBelow(this.graph.longestFrom(block)));
    this.scope.builder.if(stop, () => this.scope.refuse(record + RECORD_BYTES, dirty));
  }

  /** Goes on behind a block, with so many registers dirty. */
  private end(block: RegionBlock, continuation: Continuation, dirty: number): void {
    const { end } = block;
    this.knowledge.set(block, this.scope.addresses.knowledge);
    if (continuation.kind === 'gone') return;
    if (continuation.kind === 'jump') return this.jump(block, continuation.target);
    if (continuation.kind === 'branch') return this.branch(block, continuation);
    if (end.kind === 'onward') return this.edge(block, end.behind, () => this.scope.leaveOnward(this.offsetAt(block.delta + end.behind), dirty));
    if (end.kind === 'leave') return this.scope.leaveToRecord(end.record, dirty);
    throw new Error(`A block ends in a ${end.kind} and goes on`);
  }

  /** An indirect jump: a return is compared with the places behind the calls that the region knows. */
  private jump(block: RegionBlock, target: Expression): void {
    const { builder, exitTarget } = this.scope;
    const inside = waysInside(block);
    // Blocks that are emitted before the way out take temporaries back, and a call needs some.
    const isKept = inside.length > 0 && behindCall(block, this.place.view) !== undefined;
    if (isKept) builder.set(exitTarget, target);
    const outside = isKept ? exitTarget : target;
    const leave = (): void => {
      if (block.end.kind === 'return') this.scope.leaveBack(target, this.dirtyAtEnd.get(block) ?? 0);
      else if (!this.callOutside(block, undefined, this.outside.toOffset(outside))) this.leaveTo(block, outside);
    };
    if (inside.length > 0) this.putBackAtEnd(block);
    for (const next of inside) {
      builder.if(binary(OP.i64_eq, I32, target, this.offsetAt(next.position)), () => this.edge(block, next.position - block.delta, () => this.leaveTo(block, target)));
    }
    leave();
  }

  private branch(block: RegionBlock, { condition, target, behind }: Extract<Continuation, { kind: 'branch' }>): void {
    const { end } = block;
    if (end.kind !== 'branch' && end.kind !== 'call') return;
    const go = (place: number | undefined, offset: () => Expression): void => {
      const leave = (): void => this.leaveTo(block, offset());
      if (place === undefined) leave();
      else this.edge(block, place, leave);
    };
    if (!condition) {
      if (end.kind === 'call' && this.callKnown(block, end.taken, target)) return;
      return go(end.taken, target);
    }
    if (this.isInside(block, end.taken) !== this.isInside(block, end.behind)) this.putBackAtEnd(block);
    this.scope.builder.if(
      condition,
      () => go(end.taken, target),
      () => go(end.behind, behind),
      // What leaves the region stands apart where the other way does not.
      !this.isInside(block, end.taken) && this.isInside(block, end.behind),
    );
  }

  /** Where some ways lead out of the region and others go on in it. */
  private putBackAtEnd(block: RegionBlock): void {
    this.scope.putBack();
    this.dirtyAtEnd.set(block, this.scope.dirty);
  }

  /** Calls a function at a place counted from the block's page, or none that could be known, if it is not in the region. */
  private callKnown(block: RegionBlock, taken: number | undefined, target: () => Expression): boolean {
    const position = taken === undefined ? undefined : block.delta + taken;
    if (waysInside(block).some((callee) => callee.position === position)) return false;
    const isNear = taken !== undefined && isInPage(block.page, taken);
    return this.callOutside(block, position, isNear ? this.outside.toBlock(block.page.table + 4 * taken, taken) : this.outside.toOffset(target()));
  }

  /** The link from a block to a position, if there is one. */
  private linkFrom(from: RegionBlock, position: number | undefined): LinkedWay | undefined {
    const link = position === undefined ? undefined : this.links.get(position);
    if (!link || link.delta === from.delta) return link && { link, start: undefined };
    // A segment may end before the next page.
    if (!this.place.flat && !this.place.wide) return undefined;
    return { link, start: this.scope.builder.let(this.offsetAt(link.delta)) };
  }

  /**
   * Calls a function that is not in the region, and goes on behind the block when a return leads there, in the region or out of it. False, with nothing done, where a block
   * ends in no call.
   */
  private callOutside(block: RegionBlock, position: number | undefined, slow: SlowWay): boolean {
    const { scope, graph } = this;
    const { resumes } = block;
    const place = behindCall(block, this.place.view);
    if (place === undefined) return false;
    const behind = this.offsetAt(block.delta + place);
    const leave = (): void => scope.leaveToOffset(behind, 0);
    this.outside.call(slow, this.linkFrom(block, position), this.dirtyAtEnd.get(block) ?? 0, behind, leave);
    const back = resumes !== undefined && resumes.order <= block.order;
    if (resumes && (!back || graph.dominates(resumes, block))) this.resume(block, resumes, leave);
    else {
      scope.builder.store(OP.i64_store, CPU, at(EIP_BASE), this.offsetAt(block.delta));
      this.leaveForPlace(block, place, 0, leave);
    }
    return true;
  }

  /** Leaves the region for a place counted from a block's page, with so many registers dirty: by a link, by its slot, or in other pages by way of its offset in CS (`leave`). */
  private leaveForPlace(from: RegionBlock, place: number, dirty: number, leave: () => void): void {
    const otherwise = (): void => (isInPage(from.page, place) ? this.scope.leaveToBlock(from.page.table + 4 * place, place, dirty) : leave());
    const link = this.linkFrom(from, from.delta + place);
    if (link) this.outside.leave(link, dirty, otherwise);
    else otherwise();
  }

  /** Goes on where a call has come back to, as when the region is entered there. */
  private resume(from: RegionBlock, to: RegionBlock, leave: () => void): void {
    const { scope, graph } = this;
    const b = scope.builder;
    const start = b.let(this.offsetAt(to.delta));
    if (to.delta !== from.delta && !this.hasBeenIn(to.delta, from)) this.askForPage(to, start, leave);
    b.store(OP.i64_store, CPU, at(EIP_BASE), start);
    // The budget is loaded with it.
    scope.load(this.flow.neededAt(to));
    this.loadTables();
    this.charge(to, to.order <= from.order ? binary(OP.i32_lt_s, I32, scope.remaining, scope.floor) : this.budgetBelow(graph.longestFrom(to)), 0);
    scope.addresses.forgetAll();
    this.knowledge.set(from, scope.addresses.knowledge);
    this.goInside(from, to);
  }

  private isInside({ delta }: RegionBlock, place: number | undefined): boolean {
    return place !== undefined && this.graph.at(delta + place) !== undefined;
  }

  /** Leaves the region behind a block, for an offset in CS. */
  private leaveTo(block: RegionBlock, offset: Expression): void {
    this.scope.leaveToOffset(offset, this.dirtyAtEnd.get(block) ?? 0);
  }

  /** Offset in CS of a position. */
  private offsetAt(position: number): Expression {
    const origin = this.hasOrigin ? this.scope.origin : load(OP.i64_load, I64, CPU, at(EIP_BASE));
    return binary(OP.i64_add, I64, origin, i64(BigInt(position)));
  }

  /**
   * An edge to a place counted from the block's page: inside the region if the place is, and for a way back as long as the budget
   * reaches; else out of it, in other pages by way of its offset in CS (`leave`).
   */
  private edge(from: RegionBlock, place: number, leave: () => void): void {
    const { scope } = this;
    const dirty = this.dirtyAtEnd.get(from) ?? 0;
    const target = this.graph.at(from.delta + place);
    const back = target !== undefined && target.order <= from.order;
    // A way back to a block that is no loop's head would have a second way in.
    if (!target || !from.successors.includes(target) || (back && !this.graph.dominates(target, from))) {
      return this.leaveForPlace(from, place, dirty, leave);
    }
    if (target.delta !== from.delta) this.turnPage(from, target, leave);
    // A transfer that has asked the monitor may have left too little, or nothing where that wants control.
    const asked = from.instructions.at(-1)?.callout === true;
    this.charge(target, back ? binary(OP.i32_lt_s, I32, scope.remaining, scope.floor) : asked ? this.budgetBelow(this.graph.longestFrom(target)) : undefined, dirty);
    this.goInside(from, target);
  }

  /** Takes a block of the region from the budget; leaves for it, with so many registers dirty, where that has been too much. */
  private charge(target: RegionBlock, spent: Expression | undefined, dirty: number): void {
    const { scope } = this;
    const b = scope.builder;
    b.set(scope.remaining, binary(OP.i32_sub, I32, scope.remaining, i32(target.count)));
    if (!spent) return;
    b.if(spent, () => {
      b.set(scope.remaining, binary(OP.i32_add, I32, scope.remaining, i32(target.count)));
      scope.leaveToBlock(target.page.table + 4 * target.offset, target.offset, dirty);
    });
  }

  /** Goes on with a block of the region. */
  private goInside(from: RegionBlock, target: RegionBlock): void {
    const { scope } = this;
    if (target.order > from.order && target.forwardEdges === 1) {
      const known = this.knowledge.get(from);
      if (known) scope.addresses.continueFrom(known);
      return this.tree(target);
    }
    const label = this.labels.get(target);
    if (label === undefined) throw new Error('A block is reached from outside its dominator');
    scope.builder.branch(label);
  }

  /** Goes to another page, if it is still the one that the region was made from: the execute TLB says so. */
  private turnPage(from: RegionBlock, to: RegionBlock, leave: () => void): void {
    const b = this.scope.builder;
    const start = b.let(this.offsetAt(to.delta));
    if (!this.hasBeenIn(to.delta, from)) this.askForPage(to, start, leave);
    b.store(OP.i64_store, CPU, at(EIP_BASE), start);
  }

  /** Asks for a page once, or remembers that it has: where the region may come again, or asks the monitor. */
  private askForPage(to: RegionBlock, start: Expression, leave: () => void): void {
    const { scope } = this;
    if (!this.asks && !to.isRepeated) return this.checkPage(to, start, leave);
    const asked = i32(this.pages.get(to.delta) ?? 0);
    scope.builder.if(unary(OP.i32_eqz, I32, binary(OP.i32_and, I32, scope.pages, asked)), () => {
      this.checkPage(to, start, leave);
      scope.builder.set(scope.pages, binary(OP.i32_or, I32, scope.pages, asked));
    });
  }

  /** Whether every way to the end of a block has been in a page, of which nothing can have changed how it is mapped. */
  private hasBeenIn(delta: number, block: RegionBlock): boolean {
    return !this.asks && this.graph.blocks.some((before) => before.delta === delta && this.graph.dominates(before, block));
  }

  private checkPage(to: RegionBlock, start: Expression, leave: () => void): void {
    const b = this.scope.builder;
    // A segment's end at 4 GiB is no neighbour of its beginning; no page has a number from there on.
    if (!this.place.wide && !this.place.flat) b.if(binary(OP.i64_gt_u, I32, start, i64(0xffffffffn)), leave);
    b.if(this.outside.isElsewhere(start, to.page.table), leave);
  }
}
