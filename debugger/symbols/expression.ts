// Evaluates DWARF expressions (DWARF 5, 2.5 and 2.6): where a variable is, or what its value is, at a stop.

import { ByteReader } from "./bytes";
import { DW_ATE, DW_OP } from "./dwarf-constants";
import { BINARY, bitsOf, floatArithmetic, floatOf, floatRelation, floatUnary, RELATIONS, truth, UNARY, Unavailable, wrap } from "./expression-operators";
import type { BaseTypeInfo, Operands } from "./expression-operators";

/** The stopped machine as an expression sees it. */
export interface EvaluationContext {
  /** A register of the frame in question, by its DWARF number; undefined if its value is not known. */
  readRegister(register: number): bigint | undefined;
  /** Memory at a run-time address, or undefined where none can be read. */
  readMemory(address: bigint, size: number): Uint8Array | undefined;
  /** The function's frame base (DW_AT_frame_base, evaluated), for DW_OP_fbreg. */
  readonly frameBase?: bigint | undefined;
  /** The canonical frame address, for DW_OP_call_frame_cfa. */
  readonly cfa?: bigint | undefined;
  /** What a place had when the function was entered, as the caller's call site tells it; for DW_OP_entry_value. */
  entryValue?(place: Uint8Array): bigint | undefined;
  /** What was passed for a parameter, by the offset of its entry in the unit; for DW_OP_GNU_parameter_ref. */
  parameterValue?(offset: number): bigint | undefined;
}

/** What an expression takes from the unit it stands in. */
export interface ExpressionUnit {
  readonly addressSize: number;
  /** 4 or 8: the size of the references that some operations hold. */
  readonly offsetSize: 4 | 8;
  readonly version: number;
  /** Added to addresses in the file to give run-time addresses. */
  readonly bias: bigint;
  addressAt(index: number): bigint;
  /** Size (bytes) and DW_ATE encoding of a base type, by its offset in the unit. */
  baseType(offset: number): { readonly size: number; readonly encoding: number } | undefined;
  /** The expression of another entry at this moment (DW_AT_location), by its offset in the unit or in the section; for DW_OP_call. */
  expressionOf?(offset: number, inSection: boolean): Uint8Array | undefined;
  /** Where the variable of another entry is at this moment, by the entry's offset in the section. */
  locate?(offset: number): Location | undefined;
  /** From the thread's own base to the program's thread-local variables (System V ABI for Thread-Local Storage, variant II). */
  readonly threadOffset?: bigint | undefined;
  /** The DWARF number of the register with the thread's base. */
  readonly threadRegister?: number | undefined;
}

/** Where a value is, or what it is. */
export type Location =
  | { readonly kind: "memory"; readonly address: bigint }
  | { readonly kind: "register"; readonly register: number }
  /** The value itself, as it would lie in memory; it has no place that could be written. */
  | { readonly kind: "value"; readonly bytes: Uint8Array }
  | { readonly kind: "pieces"; readonly pieces: readonly Piece[] }
  /** `pointee`: it is a pointer, and where what it points at is known, although that has no address. */
  | { readonly kind: "optimised-out"; readonly reason: string; readonly pointee?: () => Location };

/** Part of a value that lies in several places; the first piece is the lowest part. */
export interface Piece {
  readonly location: Location;
  /** Size, and where in the location it begins, in bits. */
  readonly bitSize: number;
  readonly bitOffset: number;
}

/** Branches may go backwards, so a broken expression might never end. */
const MAXIMUM_STEPS = 10_000;
const MAXIMUM_STACK = 1_000;
const MAXIMUM_CALLS = 50;
const REGISTER_BITS = 64;

/** A stack entry; without a type it is of the generic type: an unsigned integer as wide as an address. */
interface Entry {
  readonly value: bigint;
  readonly type: BaseTypeInfo | undefined;
}

/**
 * Evaluates a location description.
 * @param expression the bytes of DW_FORM_exprloc or of a location list's entry
 * @throws SymbolFileError if the expression itself is broken; what merely cannot be had gives 'optimised-out' with a reason
 */
export function evaluateLocation(expression: Uint8Array, unit: ExpressionUnit, context: EvaluationContext): Location {
  if (expression.length === 0) return optimisedOut("the compiler kept no place for it here");
  return guarded(() => new Evaluator(expression, unit, context).location(), reason => optimisedOut(reason));
}

/**
 * Evaluates an expression to the number on top of its stack, as CFI and frame bases need it.
 * @param initial pushed first (CFI pushes the CFA)
 * @returns undefined if it needs a register or memory that cannot be had
 */
export function evaluateValue(expression: Uint8Array, unit: ExpressionUnit, context: EvaluationContext, initial?: bigint): bigint | undefined {
  return guarded<bigint | undefined>(() => new Evaluator(expression, unit, context, initial).value(), () => undefined);
}

function guarded<T>(evaluate: () => T, unavailable: (reason: string) => T): T {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof Unavailable) return unavailable(error.message);
    throw error;
  }
}

export function optimisedOut(reason: string): Location {
  return { kind: "optimised-out", reason };
}

/** The low `size` bytes of a number, in memory order. */
export function bytesOf(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = BigInt.asUintN(size * 8, value);
  for (let i = 0; i < size; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

/** Bytes in memory order as an unsigned number. */
export function numberOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

class Evaluator {
  private reader: ByteReader;
  private depth = 0;
  private steps = 0;
  private readonly stack: Entry[] = [];
  private readonly pieces: Piece[] = [];
  /** Where the value is if the expression ends here and it is not the memory that the stack's top points at. */
  private place: Location | undefined;
  private readonly bits: number;

  constructor(
    expression: Uint8Array,
    private readonly unit: ExpressionUnit,
    private readonly context: EvaluationContext,
    initial?: bigint,
  ) {
    this.reader = new ByteReader(expression, "DWARF expression");
    this.bits = unit.addressSize * 8;
    if (initial !== undefined) this.push(initial);
  }

  value(): bigint {
    this.run();
    if (this.place?.kind === "register") return this.register(this.place.register);
    return this.pop();
  }

  location(): Location {
    this.run();
    if (this.pieces.length > 0) return { kind: "pieces", pieces: this.pieces };
    return this.takePlace();
  }

  /** What the operations so far describe: a place that one of them named, else the memory at the top of the stack. */
  private takePlace(): Location {
    const place = this.place;
    this.place = undefined;
    return place ?? { kind: "memory", address: this.pop() };
  }

  private run(): void {
    while (this.reader.remaining > 0) {
      if (++this.steps > MAXIMUM_STEPS) this.reader.fail("an expression that does not end");
      this.step(this.reader.u8());
    }
  }

  private push(value: bigint, type?: BaseTypeInfo): void {
    if (this.stack.length >= MAXIMUM_STACK) this.reader.fail("an expression whose stack grows without bound");
    this.stack.push({ value: wrap(value, type, this.bits), type });
  }

  private popEntry(): Entry {
    return this.stack.pop() ?? this.reader.fail("an expression that takes from an empty stack");
  }

  private pop(): bigint {
    const { value, type } = this.popEntry();
    if (type?.isFloat === true) throw new Unavailable("its place is computed in floating point");
    return BigInt.asUintN(this.bits, value);
  }

  private register(number: number): bigint {
    const value = this.context.readRegister(number);
    if (value === undefined) throw new Unavailable(`register ${number} is not known in this frame`);
    return value;
  }

  private memory(address: bigint, size: number): Uint8Array {
    const bytes = this.context.readMemory(address, size);
    if (bytes === undefined || bytes.length < size) throw new Unavailable(`memory at 0x${address.toString(16)} cannot be read`);
    return bytes;
  }

  private step(op: number): void {
    const { reader } = this;
    if (op >= DW_OP.lit0 && op <= DW_OP.lit31) return this.push(BigInt(op - DW_OP.lit0));
    if (op >= DW_OP.reg0 && op <= DW_OP.reg31) return this.setPlace({ kind: "register", register: op - DW_OP.reg0 });
    if (op >= DW_OP.breg0 && op <= DW_OP.breg31) return this.push(this.register(op - DW_OP.breg0) + reader.slebBig());
    if (this.constant(op) || this.arithmetic(op) || this.typed(op)) return;
    switch (op) {
      case DW_OP.dup: return this.pick(0);
      case DW_OP.over: return this.pick(1);
      case DW_OP.pick: return this.pick(reader.u8());
      case DW_OP.drop: this.popEntry(); return;
      case DW_OP.swap: this.stack.push(this.popEntry(), this.popEntry()); return;
      case DW_OP.rot: return this.rotate();
      case DW_OP.deref: return this.push(numberOf(this.memory(this.pop(), this.unit.addressSize)));
      case DW_OP.deref_size: return this.push(numberOf(this.memory(this.pop(), reader.u8())));
      case DW_OP.bra: return this.branch(reader.signed(2), this.popEntry().value !== 0n);
      case DW_OP.skip: return this.branch(reader.signed(2), true);
      case DW_OP.regx: return this.setPlace({ kind: "register", register: reader.uleb() });
      case DW_OP.bregx: return this.push(this.register(reader.uleb()) + reader.slebBig());
      case DW_OP.fbreg: return this.push(this.known(this.context.frameBase, "the frame base") + reader.slebBig());
      case DW_OP.call_frame_cfa: return this.push(this.known(this.context.cfa, "the frame's address (CFA)"));
      case DW_OP.stack_value: return this.setPlace({ kind: "value", bytes: this.topBytes() });
      case DW_OP.implicit_value: return this.setPlace({ kind: "value", bytes: reader.take(reader.uleb()) });
      case DW_OP.piece: return this.addPiece(reader.uleb() * 8, 0);
      case DW_OP.bit_piece: return this.addPiece(reader.uleb(), reader.uleb());
      case DW_OP.nop: case DW_OP.GNU_uninit: return;
      default: return this.remote(op);
    }
  }

  /** Operations that ask about other entries, other frames, or threads. */
  private remote(op: number): void {
    const { reader, unit, context } = this;
    switch (op) {
      case DW_OP.implicit_pointer: case DW_OP.GNU_implicit_pointer: {
        const target = unit.version <= 2 ? Number(reader.unsigned(unit.addressSize)) : reader.sized(unit.offsetSize);
        return this.setPlace(this.implicitPointer(target, reader.sleb()));
      }
      case DW_OP.entry_value: case DW_OP.GNU_entry_value: {
        const value = context.entryValue?.(reader.take(reader.uleb()));
        if (value === undefined) throw new Unavailable("only its value at the function's entry is described, and that is gone");
        return this.push(value);
      }
      case DW_OP.GNU_parameter_ref: {
        const value = context.parameterValue?.(reader.u32());
        if (value === undefined) throw new Unavailable("only what was passed for it is described, and that is gone");
        return this.push(value);
      }
      case DW_OP.form_tls_address: case DW_OP.GNU_push_tls_address: return this.threadLocal();
      case DW_OP.call2: return this.call(unit.expressionOf?.(reader.u16(), false));
      case DW_OP.call4: return this.call(unit.expressionOf?.(reader.u32(), false));
      case DW_OP.call_ref: return this.call(unit.expressionOf?.(reader.sized(unit.offsetSize), true));
      case DW_OP.GNU_variable_value: return this.variableValue(unit.locate?.(reader.sized(unit.offsetSize)));
      case DW_OP.push_object_address: case DW_OP.xderef:
        throw new Unavailable(`its place is given by DWARF operation 0x${op.toString(16)}, which is not supported`);
      default: reader.fail(`unknown operation 0x${op.toString(16)}`, reader.offset - 1);
    }
  }

  /** A pointer to a variable that has no address: what it points at may be known all the same. */
  private implicitPointer(target: number, offset: number): Location {
    const { unit } = this;
    const reason = "it points at a variable that the compiler gave no address";
    if (unit.locate === undefined) return optimisedOut(reason);
    const { locate } = unit;
    return { kind: "optimised-out", reason, pointee: () => partOfLocation(locate(target) ?? optimisedOut("what it points at is not described"), offset) };
  }

  /** DW_OP_call: the other expression runs on this one's stack. An entry without a place does nothing. */
  private call(expression: Uint8Array | undefined): void {
    if (expression === undefined) return;
    if (++this.depth > MAXIMUM_CALLS) this.reader.fail("expressions that call each other without end");
    const { reader } = this;
    this.reader = new ByteReader(expression, "DWARF expression");
    this.run();
    this.reader = reader;
    this.depth--;
  }

  private variableValue(location: Location | undefined): void {
    switch (location?.kind) {
      case "memory": return this.push(numberOf(this.memory(location.address, this.unit.addressSize)));
      case "register": return this.push(this.register(location.register));
      case "value": return this.push(numberOf(location.bytes));
      default: throw new Unavailable("its place depends on a variable that is not known here");
    }
  }

  private threadLocal(): void {
    const { threadOffset, threadRegister } = this.unit;
    const base = threadRegister === undefined ? undefined : this.context.readRegister(threadRegister);
    if (threadOffset === undefined || base === undefined) throw new Unavailable("it is thread-local, and where this thread has its variables is not known");
    this.push(base + threadOffset + this.pop());
  }

  private known(value: bigint | undefined, what: string): bigint {
    if (value === undefined) throw new Unavailable(`${what} is not known here`);
    return value;
  }

  private setPlace(place: Location): void {
    this.place = place;
  }

  private topBytes(): Uint8Array {
    const { value, type } = this.popEntry();
    return bytesOf(value, type?.size ?? this.unit.addressSize);
  }

  private addPiece(bitSize: number, bitOffset: number): void {
    const nothing = this.place === undefined && this.stack.length === 0;
    const location = nothing ? optimisedOut("this part was optimised out") : this.takePlace();
    this.pieces.push({ location, bitSize, bitOffset });
  }

  private pick(depth: number): void {
    const entry = this.stack[this.stack.length - 1 - depth];
    if (entry === undefined) this.reader.fail("an expression that takes from an empty stack");
    this.push(entry.value, entry.type);
  }

  private rotate(): void {
    const first = this.popEntry();
    const second = this.popEntry();
    const third = this.popEntry();
    this.stack.push(first, third, second);
  }

  private branch(distance: bigint, taken: boolean): void {
    if (taken) this.reader.seek(this.reader.offset + Number(distance));
  }

  private constant(op: number): boolean {
    const { reader, unit } = this;
    switch (op) {
      case DW_OP.addr: this.push(reader.unsigned(unit.addressSize) + unit.bias); return true;
      case DW_OP.addrx: case DW_OP.GNU_addr_index: this.push(unit.addressAt(reader.uleb()) + unit.bias); return true;
      case DW_OP.constx: case DW_OP.GNU_const_index: this.push(unit.addressAt(reader.uleb())); return true;
      case DW_OP.const1u: this.push(reader.unsigned(1)); return true;
      case DW_OP.const1s: this.push(reader.signed(1)); return true;
      case DW_OP.const2u: this.push(reader.unsigned(2)); return true;
      case DW_OP.const2s: this.push(reader.signed(2)); return true;
      case DW_OP.const4u: this.push(reader.unsigned(4)); return true;
      case DW_OP.const4s: this.push(reader.signed(4)); return true;
      case DW_OP.const8u: this.push(reader.unsigned(8)); return true;
      case DW_OP.const8s: this.push(reader.signed(8)); return true;
      case DW_OP.constu: this.push(reader.ulebBig()); return true;
      case DW_OP.consts: this.push(reader.slebBig()); return true;
      default: return false;
    }
  }

  private arithmetic(op: number): boolean {
    const unary = UNARY.get(op);
    if (unary !== undefined) {
      const { value, type } = this.popEntry();
      if (type?.isFloat === true) this.pushFloat(floatUnary(op, floatOf(value, type), this.reader), type);
      else this.push(unary(this.asSigned(value, type)), type);
      return true;
    }
    if (op === DW_OP.plus_uconst) {
      const { value, type } = this.popEntry();
      this.push(value + this.reader.ulebBig(), type);
      return true;
    }
    const binary = BINARY.get(op);
    if (binary === undefined) return false;
    const right = this.popEntry();
    const left = this.popEntry();
    if (left.type?.isFloat === true) return this.floatBinary(op, left.value, right.value, left.type);
    const zeroDivisor = (op === DW_OP.div || op === DW_OP.mod) && right.value === 0n;
    if (zeroDivisor) throw new Unavailable("its place is computed by a division by zero");
    const operands: Operands = {
      left: left.value, right: right.value,
      signedLeft: this.asSigned(left.value, left.type), signedRight: this.asSigned(right.value, right.type),
      bits: BigInt(left.type === undefined ? this.bits : left.type.size * 8),
    };
    this.push(binary(operands), RELATIONS.has(op) ? undefined : left.type);
    return true;
  }

  /** DWARF 5, 2.5.1.4: abs, div, neg, shra and the relations take the generic type as signed. */
  private asSigned(value: bigint, type: BaseTypeInfo | undefined): bigint {
    return type === undefined ? BigInt.asIntN(this.bits, value) : value;
  }

  private typed(op: number): boolean {
    const { reader } = this;
    switch (op) {
      case DW_OP.const_type: case DW_OP.GNU_const_type: {
        const type = this.baseType(reader.uleb());
        this.push(numberOf(reader.take(reader.u8())), type);
        return true;
      }
      case DW_OP.regval_type: case DW_OP.GNU_regval_type: {
        const register = reader.uleb();
        this.push(this.register(register), this.baseType(reader.uleb()));
        return true;
      }
      case DW_OP.deref_type: case DW_OP.GNU_deref_type: {
        const size = reader.u8();
        const type = this.baseType(reader.uleb());
        this.push(numberOf(this.memory(this.pop(), size)), type);
        return true;
      }
      case DW_OP.reinterpret: case DW_OP.GNU_reinterpret: {
        const offset = reader.uleb();
        this.push(this.popEntry().value, offset === 0 ? undefined : this.baseType(offset));
        return true;
      }
      case DW_OP.convert: case DW_OP.GNU_convert: {
        const offset = reader.uleb();
        this.convert(offset === 0 ? undefined : this.baseType(offset));
        return true;
      }
      default: return false;
    }
  }

  private convert(to: BaseTypeInfo | undefined): void {
    const { value, type: from } = this.popEntry();
    const isFromFloat = from?.isFloat === true;
    if (to?.isFloat === true) return this.pushFloat(isFromFloat ? floatOf(value, from) : Number(value), to);
    if (!isFromFloat) return this.push(value, to);
    const number = Math.trunc(floatOf(value, from));
    if (!Number.isFinite(number)) throw new Unavailable("its value is computed from a floating-point number that is none");
    this.push(BigInt(number), to);
  }

  private pushFloat(value: number, type: BaseTypeInfo): void {
    this.push(bitsOf(value, type), { ...type, signed: false });
  }

  private floatBinary(op: number, leftBits: bigint, rightBits: bigint, type: BaseTypeInfo): boolean {
    const left = floatOf(leftBits, type);
    const right = floatOf(rightBits, type);
    const relation = floatRelation(op, left, right);
    if (relation !== undefined) this.push(truth(relation));
    else this.pushFloat(floatArithmetic(op, left, right, this.reader), type);
    return true;
  }

  private baseType(offset: number): BaseTypeInfo {
    const type = this.unit.baseType(offset) ?? this.reader.fail(`an operation names a base type at 0x${offset.toString(16)}, which is none`);
    if (type.encoding === DW_ATE.complex_float || type.size > 16) throw new Unavailable("its value is computed with complex numbers");
    return { size: type.size, signed: type.encoding === DW_ATE.signed || type.encoding === DW_ATE.signed_char, isFloat: type.encoding === DW_ATE.float };
  }
}

/** The part of a value that begins `offset` bytes in. */
function partOfLocation(location: Location, offset: number): Location {
  if (offset === 0) return location;
  switch (location.kind) {
    case "memory": return { kind: "memory", address: location.address + BigInt(offset) };
    case "value": return offset < 0 || offset > location.bytes.length ? optimisedOut("it points outside of the variable") : { kind: "value", bytes: location.bytes.subarray(offset) };
    case "optimised-out": return location;
    case "register": case "pieces": return offset < 0 ? optimisedOut("it points outside of the variable") : { kind: "pieces", pieces: skipBits(location, offset * 8) };
  }
}

function skipBits(location: Extract<Location, { kind: "register" | "pieces" }>, bits: number): Piece[] {
  const pieces = location.kind === "pieces" ? location.pieces : [{ location, bitSize: REGISTER_BITS, bitOffset: 0 }];
  let rest = bits;
  return pieces.flatMap(piece => {
    const skipped = Math.min(rest, piece.bitSize);
    rest -= skipped;
    return skipped === piece.bitSize ? [] : [{ ...piece, bitSize: piece.bitSize - skipped, bitOffset: piece.bitOffset + skipped }];
  });
}
