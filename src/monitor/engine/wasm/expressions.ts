/**
 * Pure expressions of a function's body: small trees that are folded where their operands are known, and serialised where they are used.
 * Millions of them are made while code is translated, so all of them have one shape.
 */
import type { ByteWriter} from './encoding';
import { I32, I64, OP, V128, type WasmType } from './encoding';
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

/** An address in linear memory as another one and a distance behind it, whose sum is no more than an address. */
export interface Displaced {
  readonly base: Expression;
  readonly offset: number;
}

/** How an expression is written. */
const FORM = { constant: 0, local: 1, unary: 2, binary: 3, select: 4, load: 5, call: 6, lanes: 7, open: 8 } as const;
type Form = (typeof FORM)[keyof typeof FORM];

/** log2 of the natural alignment that the format wants named; we promise none (0) beyond bytes. */
export const ALIGNMENT = 0;

const NONE: readonly never[] = [];

/** Operations of 64 bits whose result's lower half hangs on the operands' lower halves alone, and those of 32 bits that compute it. */
const NARROW: ReadonlyMap<number, number> = new Map([
  [OP.i64_add, OP.i32_add], [OP.i64_sub, OP.i32_sub], [OP.i64_mul, OP.i32_mul], [OP.i64_and, OP.i32_and], [OP.i64_or, OP.i32_or], [OP.i64_xor, OP.i32_xor],
]);

/** A pure expression. */
export class Expression {
  constructor(
    readonly type: WasmType,
    private readonly form: Form,
    /** Its opcode, or the number of a local or a function. */
    private readonly number: number,
    private readonly a: Expression | undefined,
    private readonly b: Expression | undefined,
    /** Its value where that is known while emitting. */
    readonly constant: Constant | undefined,
    readonly anchored: Anchored | undefined,
    /** Other operands than `a` and `b`. */
    private readonly more: readonly Expression[] = NONE,
    /** A load's distance behind its address; bytes behind an opcode. */
    private readonly offset = 0,
    private readonly bytes: readonly number[] = NONE,
    readonly displaced: Displaced | undefined = undefined,
  ) {}

  /** Pushes the value. */
  push(code: ByteWriter): void {
    const { a, b, number, constant } = this;
    switch (this.form) {
      case FORM.constant:
        if (typeof constant === 'bigint') {
          code.byte(OP.i64_const);
          code.s64(constant);
        } else {
          code.byte(OP.i32_const);
          code.s32(constant ?? 0);
        }
        return;
      case FORM.local:
        code.byte(OP.local_get);
        code.u32(number);
        return;
      case FORM.unary:
      case FORM.binary:
        a?.push(code);
        b?.push(code);
        code.opcode(number);
        return;
      case FORM.select:
        a?.push(code);
        b?.push(code);
        for (const condition of this.more) condition.push(code);
        code.byte(OP.select);
        return;
      case FORM.load:
        a?.push(code);
        code.opcode(number);
        code.u32(ALIGNMENT);
        code.u32(this.offset);
        return;
      case FORM.call:
        for (const argument of this.more) argument.push(code);
        code.byte(OP.call);
        code.u32(number);
        return;
      case FORM.lanes:
        for (const operand of this.more) operand.push(code);
        code.opcode(number);
        code.bytes(this.bytes);
        return;
      case FORM.open:
        throw new Error('An open operand writes itself');
    }
  }

  /** Number of the local that it reads; -1 if it is no local. */
  get localIndex(): number {
    return this.form === FORM.local ? this.number : -1;
  }

  /** The lower half of a value of 64 bits, where no more than 32 bits have to be computed for it; undefined elsewhere. */
  get lowerHalf(): Expression | undefined {
    const { constant, number, a, b } = this;
    if (typeof constant === 'bigint') return i32(Number(BigInt.asIntN(32, constant)));
    if (this.form === FORM.unary) return this.isExtended ? a : undefined;
    const narrow = this.form === FORM.binary ? NARROW.get(number) : undefined;
    if (narrow === undefined) return undefined;
    const lower = a?.lowerHalf;
    const other = lower && b?.lowerHalf;
    return lower && other && binary(narrow, I32, lower, other);
  }

  /** Whether its upper half follows from the lower one. */
  get isExtended(): boolean {
    return this.form === FORM.unary && (this.number === OP.i64_extend_i32_u || this.number === OP.i64_extend_i32_s);
  }

  /** The same operation on another operand. */
  onOperand(a: Expression): Expression {
    return unary(this.number, this.type, a);
  }

  /** The same value, of which more is known. */
  known(anchored: Anchored | undefined, displaced?: Displaced): Expression {
    return new Expression(this.type, this.form, this.number, this.a, this.b, this.constant, anchored, this.more, this.offset, this.bytes, displaced);
  }
}

/** A local variable of the function. */
export class Local extends Expression {
  constructor(type: WasmType, readonly index: number) {
    super(type, FORM.local, index, undefined, undefined, undefined, undefined);
  }
}

/** An operand whose code is filled in later: it writes itself. */
export abstract class OpenOperand extends Expression {
  constructor(type: WasmType) {
    super(type, FORM.open, 0, undefined, undefined, undefined, undefined);
  }

  abstract override push(code: ByteWriter): void;
}

const constantOf = (constant: Constant): Expression => new Expression(typeof constant === 'bigint' ? I64 : I32, FORM.constant, 0, undefined, undefined, constant, undefined);

/** Those that there are most of. */
const SMALL: readonly Expression[] = Array.from({ length: 256 }, (_, value) => constantOf(value));

export function i32(value: number): Expression {
  const constant = value | 0;
  return SMALL[constant] ?? constantOf(constant);
}

export function i64(value: bigint): Expression {
  return constantOf(BigInt.asIntN(64, value));
}

export function unary(op: number, type: WasmType, a: Expression): Expression {
  const folded = a.constant === undefined ? undefined : foldUnary(op, a.constant);
  if (folded !== undefined) return constantOf(folded);
  const same = a.anchored?.bits === 32 && (op === OP.i32_wrap_i64 || op === OP.i64_extend_i32_u);
  const narrow = op === OP.i32_wrap_i64 ? a.lowerHalf : undefined;
  if (narrow) return same && !narrow.anchored ? narrow.known(a.anchored) : narrow;
  return new Expression(type, FORM.unary, op, a, undefined, undefined, same ? a.anchored : undefined);
}

export function binary(op: number, type: WasmType, a: Expression, b: Expression): Expression {
  if (a.constant !== undefined || b.constant !== undefined) {
    const folded = a.constant !== undefined && b.constant !== undefined ? foldBinary(op, a.constant, b.constant) : undefined;
    if (folded !== undefined) return constantOf(folded);
    const same = foldIdentity(op, a.constant, b.constant);
    if (same) return same === 'a' ? a : b;
  }
  return new Expression(type, FORM.binary, op, a, b, undefined, moved(op, a, b));
}

/** What becomes of an anchored value with a constant added to it, or taken from it. */
function moved(op: number, a: Expression, b: Expression): Anchored | undefined {
  const adds = op === OP.i32_add || op === OP.i64_add;
  if (!adds && op !== OP.i32_sub && op !== OP.i64_sub) return undefined;
  const reversed = adds && a.constant !== undefined;
  const from = reversed ? b.anchored : a.anchored;
  const by = reversed ? a.constant : b.constant;
  if (!from || by === undefined) return undefined;
  const distance = Number(by);
  if (Math.abs(distance) >= 2 ** 31) return undefined;
  const offset = from.offset + (adds ? distance : -distance);
  return { anchor: from.anchor, offset: from.bits === 32 ? offset | 0 : offset, bits: from.bits };
}

/** An instruction with bytes behind its opcode: a lane's number, a shuffle's sixteen. */
export function withBytes(op: number, type: WasmType, operands: readonly Expression[], bytes: readonly number[]): Expression {
  return new Expression(type, FORM.lanes, op, undefined, undefined, undefined, undefined, operands, 0, bytes);
}

/** A vector constant from its low and high halves. */
export function v128(low: bigint, high: bigint): Expression {
  const bytes = [low, high].flatMap((half) => Array.from({ length: 8 }, (_, i) => Number((half >> BigInt(8 * i)) & 0xffn)));
  return withBytes(VECTOR_OP.const, V128, NONE, bytes);
}

/** A vector of zeros. */
export const ZERO_VECTOR = v128(0n, 0n);

export function select(condition: Expression, yes: Expression, no: Expression): Expression {
  if (condition.constant !== undefined) return condition.constant === 0 ? no : yes;
  return new Expression(yes.type, FORM.select, 0, yes, no, undefined, undefined, [condition]);
}

/** A load from linear memory at `address + offset`. Not pure against stores: bind it with `let` in time. */
export function load(op: number, type: WasmType, address: Expression, offset: number): Expression {
  const { displaced } = address;
  return displaced
    ? new Expression(type, FORM.load, op, displaced.base, undefined, undefined, undefined, NONE, displaced.offset + offset)
    : new Expression(type, FORM.load, op, address, undefined, undefined, undefined, NONE, offset);
}

/** A call used as an expression; it is made where the expression is pushed, so bind it with `let`. */
export function call(fn: number, type: WasmType, args: readonly Expression[]): Expression {
  return new Expression(type, FORM.call, fn, undefined, undefined, undefined, undefined, args);
}
