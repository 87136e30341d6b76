/**
 * The part of an emitted instruction that reaches operands: general registers, memory and immediates, as the
 * instruction's record names them. Whether the record is read at run time or known now is for a subclass to say.
 */
import { RDI, REG, RSP } from '../cpu/layout';
import type { OperandSize, Value } from '../isa/emitter';
import { CPU_BASE } from '../memory/layout';
import { isRegisterKind, type HandlerShape } from './handlerShape';
import { ACCESS, MemoryAccess, type Access, type AccessScope } from './memoryAccess';
import { R } from './records';
import { ValueEmitter, expression } from './valueEmitter';
import { I32, I64, OP, type WasmType } from './wasm/encoding';
import { i32, load, type Expression } from './wasm/expressions';
import type { FunctionBuilder } from './wasm/functionBuilder';

export const CPU = i32(0);
/** Address of a field of the state block. */
export const at = (offset: number): number => CPU_BASE + offset;

/** Fields of a record that hold registers, in the order of operands. */
const REGISTER_FIELDS = [R.registerA, R.registerB, R.registerC];

export abstract class OperandEmitter extends ValueEmitter implements AccessScope {
  readonly addressSize: 16 | 32 | 64;
  protected readonly memory: MemoryAccess;

  constructor(
    protected readonly shape: HandlerShape,
    code: FunctionBuilder,
  ) {
    super(shape.size, code);
    this.addressSize = shape.addressSize;
    this.memory = new MemoryAccess(code, this, shape);
  }

  /** A field of the record. */
  abstract field(op: number, type: WasmType, offset: number): Expression;
  abstract addressRegister(slot: Expression, wide: boolean): Expression;
  abstract tlbTable(kind: number): Expression;
  abstract hostAddress(hit: Expression, direct: Expression, halves: () => readonly [Expression, Expression], access: Access): Expression;
  /** Each access is looked up for itself, unless somebody knows better. */
  shared(_linear: Expression, _access: Access): Expression | undefined {
    return undefined;
  }
  abstract segmentFault(segment: Expression): void;
  abstract raise(vector: number): void;
  abstract stored(host: Expression): void;
  abstract service(): void;
  /** The general register, or part of one, at a state-block offset. */
  protected abstract readSlot(slot: Expression, size: OperandSize): Expression;
  /** Sets it; 32 bits clear the upper half, fewer leave the rest alone. */
  protected abstract writeSlot(slot: Expression, size: OperandSize, value: Expression): void;

  /** A field of the state block that is no general register. */
  protected loadState(op: number, type: WasmType, offset: number): Expression {
    return load(op, type, CPU, at(offset));
  }
  protected storeState(op: number, offset: number, value: Expression): void {
    this.code.store(op, CPU, at(offset), value);
  }

  isRegister(index: number): boolean {
    return isRegisterKind(this.shape.kinds[index === 0 ? 0 : this.source(index)]);
  }

  read(index: number, size: OperandSize = this.size): Value {
    const source = this.source(index);
    const kind = this.shape.kinds[source];
    if (kind === 'i') return this.immediate();
    if (isRegisterKind(kind)) return this.readRegister(source, size);
    const host = this.memory.probe(source, { bytes: size / 8, kind: ACCESS.read });
    return this.let(this.loadSized(host, 0, size));
  }

  modify(index: number, size: OperandSize = this.size): Value {
    if (this.isRegister(index)) return this.read(index, size);
    const host = this.memory.probe(index, { bytes: size / 8, kind: ACCESS.modify });
    this.memory.place(index).host = host;
    return this.let(this.loadSized(host, 0, size));
  }

  write(index: number, value: Value, size: OperandSize = this.size): void {
    if (this.isRegister(index)) return this.writeSlot(this.registerAddress(index), size, expression(value));
    const host = this.memory.place(index).host ?? this.memory.probe(index, { bytes: size / 8, kind: ACCESS.write });
    this.storeMemory(host, size, expression(value));
  }

  effectiveAddress(index: number): Value {
    return this.memory.effectiveAddress(index);
  }

  displace(index: number, bytes: Value): void {
    this.memory.place(index).extra = this.code.let(expression(bytes));
  }

  isStackBased(): Value {
    return this.eq(this.field(OP.i32_load16_u, I32, R.base), i32(REG + 8 * RSP));
  }

  readElement(index: number, offset: Value, bits: 32 | 64): Value {
    return this.let(this.loadSized(this.element(this.source(index), offset, bits, ACCESS.read), 0, bits));
  }
  checkElement(index: number, offset: Value, bits: 32 | 64): void {
    this.element(index, offset, bits, ACCESS.write);
  }
  writeElement(index: number, offset: Value, value: Value, bits: 32 | 64): void {
    this.storeMemory(this.element(index, offset, bits, ACCESS.write), bits, expression(value));
  }

  /** Host address of a part of a memory operand. */
  private element(position: number, offset: Value, bits: 32 | 64, kind: number): Expression {
    this.memory.place(position).extra = expression(offset);
    return this.memory.probe(position, { bytes: bits / 8, kind });
  }

  readDestination(): Value {
    return this.let(this.loadSized(this.destination(ACCESS.read), 0, this.size));
  }
  writeDestination(value: Value): void {
    this.storeMemory(this.destination(ACCESS.write), this.size, expression(value));
  }

  /** Host address of memory at rDI in ES. */
  private destination(kind: number): Expression {
    const pointer = this.register(RDI, this.addressSize);
    const offset = this.code.let(expression(this.shape.model === 'flat' ? pointer : this.toI64Unsigned(pointer)));
    return this.memory.lookUpExtra(offset, { bytes: this.size / 8, kind });
  }

  immediate(): Value {
    if (this.size !== 64) return this.narrow(this.field(OP.i32_load, I32, R.immediate), this.size);
    // Behind the immediate byte of a VEX instruction the record has another register.
    return this.field(this.shape.vex ? OP.i64_load32_s : OP.i64_load, I64, R.immediate);
  }

  secondImmediate(): Value {
    return this.field(OP.i32_load16_u, I32, R.immediate + 4);
  }

  register(number: number, size: OperandSize): Value {
    return this.readSlot(i32(REG + 8 * number), size);
  }
  setRegister(number: number, size: OperandSize, value: Value): void {
    this.writeSlot(i32(REG + 8 * number), size, expression(value));
  }
  highByte(number: number): Value {
    return this.readSlot(i32(REG + 8 * number + 1), 8);
  }
  setHighByte(number: number, value: Value): void {
    this.writeSlot(i32(REG + 8 * number + 1), 8, expression(value));
  }

  /**
   * Position of source operand `index`. Meanings take operand 0 for destination and first source, as without VEX; where
   * VEX.vvvv names one of the two, all sources stand one place behind.
   */
  protected source(index: number): number {
    return (this.shape.vex?.names ?? 'none') === 'none' ? index : index + 1;
  }

  /** State-block offset of the register operand at a position. */
  protected registerAddress(position: number): Expression {
    const { kinds } = this.shape;
    let earlier = 0;
    for (let i = 0; i < position; i++) if (isRegisterKind(kinds[i])) earlier++;
    return this.field(OP.i32_load16_u, I32, REGISTER_FIELDS[earlier] ?? R.registerC);
  }

  /** A register operand of an integer instruction: a general register, or the low part of a vector register. */
  private readRegister(source: number, size: OperandSize): Value {
    const slot = this.registerAddress(source);
    return this.let(this.shape.kinds[source] === 'r' ? this.readSlot(slot, size) : this.loadSized(slot, at(REG), size));
  }

  protected loadSized(address: Expression, offset: number, size: OperandSize): Expression {
    if (size === 64) return load(OP.i64_load, I64, address, offset);
    const op = size === 8 ? OP.i32_load8_u : size === 16 ? OP.i32_load16_u : OP.i32_load;
    return load(op, I32, address, offset);
  }

  protected storeMemory(host: Expression, size: OperandSize, value: Expression): void {
    const op = { 8: OP.i32_store8, 16: OP.i32_store16, 32: OP.i32_store, 64: OP.i64_store }[size];
    this.code.store(op, host, 0, value);
    this.memory.commit(host);
  }
}
