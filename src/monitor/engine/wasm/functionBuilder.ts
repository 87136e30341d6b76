/**
 * Writes the body of one WebAssembly function: pure expressions are small trees that are folded
 * where their operands are known and serialised where they are used; statements are written at once.
 */
import { ByteWriter, I32, I64, OP, V128, type WasmType } from './encoding';
import { foldBinary, foldIdentity, foldUnary, type Constant } from './folding';
import { VECTOR_OP } from './vectorOpcodes';

/**
 * A value as its distance from another one that is not known: `anchor` stands for that one. In 32-bit code it is known modulo 2^32
 * whatever type it has.
 */
export interface Anchored {
  readonly anchor: number;
  readonly offset: number;
  readonly bits: 32 | 64;
}

/** A pure expression. `constant` is its value where that is known while emitting. */
export interface Expression {
  readonly type: WasmType;
  readonly constant?: number | bigint;
  readonly anchored?: Anchored;
  /** An address in linear memory as another one and a distance behind it, whose sum is no more than an address. */
  readonly displaced?: { readonly base: Expression; readonly offset: number };
  /** Pushes the value. */
  push(code: ByteWriter): void;
}

/** A local variable of the function. */
export interface Local extends Expression {
  readonly index: number;
}

export function i32(value: number): Expression {
  const constant = value | 0;
  return {
    type: I32,
    constant,
    push: (code) => {
      code.byte(OP.i32_const);
      code.s32(constant);
    },
  };
}

export function i64(value: bigint): Expression {
  const constant = BigInt.asIntN(64, value);
  return {
    type: I64,
    constant,
    push: (code) => {
      code.byte(OP.i64_const);
      code.s64(constant);
    },
  };
}

/** A constant of either integer type. */
const constantOf = (value: Constant): Expression => (typeof value === 'bigint' ? i64(value) : i32(value));

export function unary(op: number, type: WasmType, a: Expression): Expression {
  const folded = a.constant === undefined ? undefined : foldUnary(op, a.constant);
  if (folded !== undefined) return constantOf(folded);
  const same = a.anchored?.bits === 32 && (op === OP.i32_wrap_i64 || op === OP.i64_extend_i32_u);
  return {
    type,
    ...(same ? { anchored: a.anchored } : {}),
    push: (code) => {
      a.push(code);
      code.opcode(op);
    },
  };
}

export function binary(op: number, type: WasmType, a: Expression, b: Expression): Expression {
  if (a.constant !== undefined || b.constant !== undefined) {
    const folded = a.constant !== undefined && b.constant !== undefined ? foldBinary(op, a.constant, b.constant) : undefined;
    if (folded !== undefined) return constantOf(folded);
    const same = foldIdentity(op, a.constant, b.constant);
    if (same) return same === 'a' ? a : b;
  }
  const anchored = moved(op, a, b);
  return {
    type,
    ...(anchored ? { anchored } : {}),
    push: (code) => {
      a.push(code);
      b.push(code);
      code.opcode(op);
    },
  };
}

/** What becomes of an anchored value with a constant added to it, or taken from it. */
function moved(op: number, a: Expression, b: Expression): Anchored | undefined {
  const adds = op === OP.i32_add || op === OP.i64_add;
  if (!adds && op !== OP.i32_sub && op !== OP.i64_sub) return undefined;
  const [from, by] = adds && a.constant !== undefined ? [b.anchored, a.constant] : [a.anchored, b.constant];
  const distance = Number(by);
  if (!from || by === undefined || Math.abs(distance) >= 2 ** 31) return undefined;
  const offset = from.offset + (adds ? distance : -distance);
  return { ...from, offset: from.bits === 32 ? offset | 0 : offset };
}

/** An instruction with bytes behind its opcode: a lane's number, a shuffle's sixteen. */
export function withBytes(op: number, type: WasmType, operands: readonly Expression[], bytes: readonly number[]): Expression {
  return {
    type,
    push: (code) => {
      operands.forEach((operand) => operand.push(code));
      code.opcode(op);
      code.bytes(bytes);
    },
  };
}

/** A vector constant from its low and high halves. */
export function v128(low: bigint, high: bigint): Expression {
  const bytes = [low, high].flatMap((half) => Array.from({ length: 8 }, (_, i) => Number((half >> BigInt(8 * i)) & 0xffn)));
  return withBytes(VECTOR_OP.const, V128, [], bytes);
}

export function select(condition: Expression, yes: Expression, no: Expression): Expression {
  if (condition.constant !== undefined) return condition.constant === 0 ? no : yes;
  return {
    type: yes.type,
    push: (code) => {
      yes.push(code);
      no.push(code);
      condition.push(code);
      code.byte(OP.select);
    },
  };
}

const isLocal = (value: Expression): value is Local => 'index' in value;

/** log2 of the natural alignment that the format wants named; we promise none (0) beyond bytes. */
const ALIGNMENT = 0;

/** A load from linear memory at `address + offset`. Not pure against stores: bind it with `let` in time. */
export function load(op: number, type: WasmType, address: Expression, offset: number): Expression {
  const { base, offset: distance } = address.displaced ?? { base: address, offset: 0 };
  return {
    type,
    push: (code) => {
      base.push(code);
      code.opcode(op);
      code.u32(ALIGNMENT);
      code.u32(distance + offset);
    },
  };
}

/** A call used as an expression; it is made where the expression is pushed, so bind it with `let`. */
export function call(fn: number, type: WasmType, args: readonly Expression[]): Expression {
  return {
    type,
    push: (code) => {
      args.forEach((a) => a.push(code));
      code.byte(OP.call);
      code.u32(fn);
    },
  };
}

const EMPTY_BLOCK = 0x40;

/** One function's body under construction. */
export class FunctionBuilder {
  readonly code = new ByteWriter();
  readonly locals: WasmType[] = [];
  private depth = 0;
  /** Locals that hold nothing any more, by type, and those handed out since the last `recycle`. */
  private readonly free = new Map<WasmType, number[]>();
  private temporaries: Local[] = [];

  constructor(private readonly parameters: readonly WasmType[]) {}

  /** Blocks and loops around the place where code is being written. */
  get nesting(): number {
    return this.depth;
  }

  parameter(index: number): Local {
    return this.localAt(index, this.parameters[index] ?? I32);
  }

  /** A fresh local. */
  local(type: WasmType): Local {
    const index = this.parameters.length + this.locals.push(type) - 1;
    return this.localAt(index, type);
  }

  /** A local until the next `recycle`: what it holds at first is undefined. */
  temporary(type: WasmType): Local {
    const used = this.free.get(type)?.pop();
    const local = used === undefined ? this.local(type) : this.localAt(used, type);
    this.temporaries.push(local);
    return local;
  }

  /** Takes all temporaries back, except those that are still to be read. */
  recycle(kept: readonly Expression[] = []): void {
    const left: Local[] = [];
    for (const local of this.temporaries) {
      if (kept.some((value) => isLocal(value) && value.index === local.index)) left.push(local);
      else {
        const list = this.free.get(local.type);
        if (list) list.push(local.index);
        else this.free.set(local.type, [local.index]);
      }
    }
    this.temporaries = left;
  }

  set(local: Local, value: Expression): void {
    value.push(this.code);
    this.code.byte(OP.local_set);
    this.code.u32(local.index);
  }

  /** Evaluates now and keeps the value in a local; constants stay constants. */
  let(value: Expression): Expression {
    if (value.constant !== undefined) return value;
    const local = this.temporary(value.type);
    this.set(local, value);
    return value.anchored ? { ...local, anchored: value.anchored } : local;
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

  if(condition: Expression, then: () => void, otherwise?: () => void): void {
    if (condition.constant !== undefined) {
      if (condition.constant !== 0) then();
      else otherwise?.();
      return;
    }
    condition.push(this.code);
    this.code.byte(OP.if);
    this.code.byte(EMPTY_BLOCK);
    this.depth++;
    then();
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

  returnCallIndirect(type: number, args: readonly Expression[], entry: Expression): void {
    args.forEach((a) => a.push(this.code));
    entry.push(this.code);
    this.code.byte(OP.return_call_indirect);
    this.code.u32(type);
    this.code.u32(0);
  }

  /** Goes to a way out of the function: see `finish`. */
  leave(way: number): void {
    this.code.byte(OP.br);
    this.code.u32(this.depth + way);
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

  private localAt(index: number, type: WasmType): Local {
    return {
      type,
      index,
      push: (code) => {
        code.byte(OP.local_get);
        code.u32(index);
      },
    };
  }
}
