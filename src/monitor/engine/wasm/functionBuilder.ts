/**
 * Writes the body of one WebAssembly function: expressions (./expressions) are serialised where they are used; statements are written at once.
 */
import { ByteWriter, I32, OP, type WasmType } from './encoding';
import { ALIGNMENT, Local, i32, type Expression } from './expressions';

const EMPTY_BLOCK = 0x40;

/** One function's body under construction. */
export class FunctionBuilder {
  readonly code = new ByteWriter();
  readonly locals: WasmType[] = [];
  private depth = 0;
  /** Locals that hold nothing any more, by type, and those handed out since the last `recycle`. */
  private readonly free = new Map<WasmType, Local[]>();
  private temporaries: Local[] = [];
  /** Where the code ended when the last `leave` had been written. */
  private leftAt = -1;

  constructor(private readonly parameters: readonly WasmType[]) {}

  /** Blocks and loops around the place where code is being written. */
  get nesting(): number {
    return this.depth;
  }

  parameter(index: number): Local {
    return new Local(this.parameters[index] ?? I32, index);
  }

  /** A fresh local. */
  local(type: WasmType): Local {
    return new Local(type, this.parameters.length + this.locals.push(type) - 1);
  }

  /** A local until the next `recycle`: what it holds at first is undefined. */
  temporary(type: WasmType): Local {
    const local = this.free.get(type)?.pop() ?? this.local(type);
    this.temporaries.push(local);
    return local;
  }

  /** Takes all temporaries back, except those that are still to be read. */
  recycle(kept: readonly Expression[] = []): void {
    const left: Local[] = [];
    for (const local of this.temporaries) {
      if (kept.some((value) => value.localIndex === local.index)) left.push(local);
      else {
        const list = this.free.get(local.type);
        if (list) list.push(local);
        else this.free.set(local.type, [local]);
      }
    }
    this.temporaries = left;
  }

  set(local: Local, value: Expression): void {
    value.push(this.code);
    this.code.byte(OP.local_set);
    this.code.u32(local.index);
  }

  /** Evaluates now and keeps the value in a local, an extended one as what has been extended; constants stay constants. */
  let(value: Expression): Expression {
    if (value.constant !== undefined) return value;
    const extended = value.isExtended ? value.lowerHalf : undefined;
    if (extended) return value.onOperand(this.let(extended));
    const local = this.temporary(value.type);
    this.set(local, value);
    return value.anchored ? local.known(value.anchored) : local;
  }

  store(op: number, address: Expression, offset: number, value: Expression): void {
    const { base, offset: distance } = address.displaced ?? { base: address, offset: 0 };
    base.push(this.code);
    value.push(this.code);
    this.code.opcode(op);
    this.code.u32(ALIGNMENT);
    this.code.u32(distance + offset);
  }

  /** Stores lane 0 of a vector, with an opcode that names its width. */
  storeLane(op: number, address: Expression, offset: number, value: Expression): void {
    this.store(op, address, offset, value);
    this.code.byte(0);
  }

  /** Calls a function whose results, if any, are left where they are. */
  call(fn: number, args: readonly Expression[]): void {
    args.forEach((a) => a.push(this.code));
    this.code.byte(OP.call);
    this.code.u32(fn);
  }

  /** Calls a function and keeps its results, one in each local. */
  callInto(fn: number, args: readonly Expression[], results: readonly Local[]): void {
    this.call(fn, args);
    for (const local of [...results].reverse()) {
      this.code.byte(OP.local_set);
      this.code.u32(local.index);
    }
  }

  /** Does something on a condition that is nearly never true. */
  rarely(condition: Expression, then: () => void): void {
    this.if(condition, then, undefined, true);
  }

  /** A condition that leads to a way out is taken for one that is nearly never true (`rare`). */
  if(condition: Expression, then: () => void, otherwise?: () => void, rare = false): void {
    if (condition.constant !== undefined) {
      if (condition.constant !== 0) then();
      else otherwise?.();
      return;
    }
    condition.push(this.code);
    const { unlikely, length } = this.code;
    const place = unlikely.length;
    this.code.byte(OP.if);
    this.code.byte(EMPTY_BLOCK);
    this.depth++;
    then();
    if (rare || this.leftAt === this.code.length) unlikely.splice(place, 0, length);
    if (otherwise) {
      this.code.byte(OP.else);
      otherwise();
    }
    this.depth--;
    this.code.byte(OP.end);
  }

  /** A block; `body` is given a function that leaves it, and others leave it with `branch` and the nesting that it has inside. */
  block(body: (leave: (condition?: Expression) => void) => void): void {
    this.structure(OP.block, () => {
      const own = this.depth;
      body((condition) => this.branch(own, condition));
    });
  }

  /** A loop; `branch` to the nesting that its body has goes back to its start. */
  loopBlock(body: () => void): void {
    this.structure(OP.loop, body);
  }

  /**
   * Goes to the case whose number stands at an index of `table`; behind all cases for a number that no case has, and for an
   * index beyond the table. A case must not end by itself: it leaves with `branch`, `return` or a tail call.
   */
  switch(index: Expression, table: readonly number[], cases: readonly (() => void)[]): void {
    // Case i stands behind the i-th block from inside; one more block ends behind all of them.
    for (let i = 0; i <= cases.length; i++) {
      this.code.byte(OP.block);
      this.code.byte(EMPTY_BLOCK);
    }
    this.depth += cases.length + 1;
    index.push(this.code);
    this.code.byte(OP.br_table);
    this.code.u32(table.length);
    for (const number of table) this.code.u32(number in cases ? number : cases.length);
    this.code.u32(cases.length);
    for (const write of cases) {
      this.depth--;
      this.code.byte(OP.end);
      write();
    }
    this.depth--;
    this.code.byte(OP.end);
  }

  private structure(opcode: number, body: () => void): void {
    this.code.byte(opcode);
    this.code.byte(EMPTY_BLOCK);
    this.depth++;
    body();
    this.depth--;
    this.code.byte(OP.end);
  }

  /** Goes to the label of the block or loop whose body has the given nesting. */
  branch(nesting: number, condition?: Expression): void {
    if (condition) condition.push(this.code);
    this.code.byte(condition ? OP.br_if : OP.br);
    this.code.u32(this.depth - nesting);
  }

  /** Returns, with the function's results. */
  return(...results: readonly Expression[]): void {
    results.forEach((result) => result.push(this.code));
    this.code.byte(OP.return);
  }

  returnCall(fn: number, args: readonly Expression[]): void {
    args.forEach((a) => a.push(this.code));
    this.code.byte(OP.return_call);
    this.code.u32(fn);
  }

  /** Calls what stands at an entry of the function table; for good: `returnCallIndirect`. */
  callIndirect(type: number, args: readonly Expression[], entry: Expression, op: number = OP.call_indirect): void {
    args.forEach((a) => a.push(this.code));
    entry.push(this.code);
    this.code.byte(op);
    this.code.u32(type);
    this.code.u32(0);
  }

  returnCallIndirect(type: number, args: readonly Expression[], entry: Expression): void {
    this.callIndirect(type, args, entry, OP.return_call_indirect);
  }

  /** Puts a function, which the module exports, into so many entries of the function table. */
  fillTable(entry: number, fn: number, count: number): void {
    i32(entry).push(this.code);
    this.code.opcode(OP.ref_func);
    this.code.u32(fn);
    i32(count).push(this.code);
    this.code.opcode(OP.table_fill);
    this.code.u32(0);
  }

  /** Goes to a way out of the function: see `finish`. */
  leave(way: number): void {
    this.code.byte(OP.br);
    this.code.u32(this.depth + way);
    this.leftAt = this.code.length;
  }

  /** The finished body. Ways out stand behind all that was written before, which reaches each by its number. */
  finish(waysOut: readonly (() => void)[] = []): ByteWriter {
    const body = new ByteWriter();
    for (const write of waysOut) {
      body.byte(OP.block);
      body.byte(EMPTY_BLOCK);
      this.code.byte(OP.end);
      write();
    }
    this.code.byte(OP.end);
    body.append(this.code);
    return body;
  }
}
