/**
 * Emits interpreter handlers: each is an instruction's meaning with its operands left to run time,
 * read from the record that the handler is called with. A handler ends in a tail call to the handler
 * of the next record.
 */
import { CANONICAL_SHIFT, CS, EIP_BASE, FLAG_AUX, FLAG_RESULT, FLAGS_SYSTEM, REG, RSP, SEG_LIMIT, SEGMENT_BYTES, SEGMENTS, STACK_MASK } from '../cpu/layout';
import type { Emitter, OperandSize, Value } from '../isa/emitter';
import { enterBlock, type FunctionBody } from './controlFunctions';
import { ACCESS } from './memoryAccess';
import { CPU, at } from './operandEmitter';
import { R, RECORD_BYTES } from './records';
import { expression } from './valueEmitter';
import { I32, I64, OP } from './wasm/encoding';
import { binary, i32, i64, load, select, unary, type Expression } from './wasm/functionBuilder';
import { X87OperandEmitter } from './x87OperandEmitter';

const CS_BASE = SEGMENTS + CS * SEGMENT_BYTES;
const GENERAL_PROTECTION = 13;

export class HandlerEmitter extends X87OperandEmitter implements Emitter {
  private left = false;

  /** The handler's body and locals; it goes on to the next record unless the meaning has gone elsewhere. */
  finish(): FunctionBody {
    if (!this.left) {
      const next = binary(OP.i32_add, I32, this.record, i32(RECORD_BYTES));
      const handler = load(OP.i32_load, I32, this.record, RECORD_BYTES + R.handler);
      this.code.returnCallIndirect(this.callees.handlerType, [next], handler);
    }
    return { locals: this.code.locals, code: this.code.finish() };
  }

  // Flags.

  flagResult(): Value {
    return load(OP.i64_load, I64, CPU, at(FLAG_RESULT));
  }
  flagAux(): Value {
    return load(OP.i32_load, I32, CPU, at(FLAG_AUX));
  }
  setStatus(result: Value, aux: Value): void {
    // Both are evaluated before either is stored: they may read the old flags.
    const r = this.code.let(expression(result));
    const a = this.code.let(expression(aux));
    this.code.store(OP.i64_store, CPU, at(FLAG_RESULT), r);
    this.code.store(OP.i32_store, CPU, at(FLAG_AUX), a);
  }
  systemFlags(): Value {
    return load(OP.i32_load, I32, CPU, at(FLAGS_SYSTEM));
  }
  setSystemFlags(value: Value): void {
    this.code.store(OP.i32_store, CPU, at(FLAGS_SYSTEM), expression(value));
  }

  // Stack.

  push(value: Value, size: OperandSize): void {
    const bytes = size / 8;
    if (this.shape.model === 'flat') {
      const top = this.code.let(binary(OP.i32_sub, I32, load(OP.i32_load, I32, CPU, at(REG + 8 * RSP)), i32(bytes)));
      this.storeMemory(this.memory.lookUpStack(top, { bytes, kind: ACCESS.write }), size, expression(value));
      this.code.store(OP.i64_store, CPU, at(REG + 8 * RSP), unary(OP.i64_extend_i32_u, I64, top));
      return;
    }
    const pointer = load(OP.i64_load, I64, CPU, at(REG + 8 * RSP));
    const top = this.code.let(this.cutToStack(binary(OP.i64_sub, I64, pointer, i64(BigInt(bytes)))));
    this.storeMemory(this.memory.lookUpStack(top, { bytes, kind: ACCESS.write }), size, expression(value));
    this.setStackPointer(top);
  }

  pop(size: OperandSize): { readonly value: Value; commit(extraBytes?: Value): void } {
    const bytes = BigInt(size / 8);
    const top = this.let(this.stackPointer());
    const value = this.readStack(top, size);
    const commit = (extra?: Value): void => {
      const moved = this.add(top, i64(bytes));
      this.setStackPointer(extra ? this.add(moved, extra) : moved);
    };
    return { value, commit };
  }

  stackPointer(): Value {
    if (this.shape.model === 'flat') {
      return unary(OP.i64_extend_i32_u, I64, load(OP.i32_load, I32, CPU, at(REG + 8 * RSP)));
    }
    return this.cutToStack(load(OP.i64_load, I64, CPU, at(REG + 8 * RSP)));
  }

  readStack(offset: Value, size: OperandSize): Value {
    const cut = this.shape.model === 'flat' ? this.toI32(offset) : this.cutToStack(expression(offset));
    const where = this.let(cut);
    const host = this.memory.lookUpStack(expression(where), { bytes: size / 8, kind: ACCESS.read });
    return this.let(this.loadSized(host, 0, size));
  }

  setStackPointer(value: Value): void {
    const address = at(REG + 8 * RSP);
    if (this.shape.model === 'flat') {
      const cut = unary(OP.i64_extend_i32_u, I64, expression(this.toI32(value)));
      return this.code.store(OP.i64_store, CPU, address, cut);
    }
    if (this.shape.model === 'long') return this.code.store(OP.i64_store, CPU, address, expression(value));
    // A 16-bit stack leaves the upper part of ESP alone.
    const mask = this.code.let(load(OP.i64_load, I64, CPU, at(STACK_MASK)));
    const old = load(OP.i64_load, I64, CPU, address);
    const kept = binary(OP.i64_and, I64, old, binary(OP.i64_xor, I64, mask, i64(-1n)));
    const joined = binary(OP.i64_or, I64, kept, binary(OP.i64_and, I64, expression(value), mask));
    this.code.store(OP.i64_store, CPU, address, joined);
  }

  // Control.

  nextInstruction(size: OperandSize): Value {
    return this.cutOffset(this.behind(), size);
  }

  relativeTarget(): Value {
    const displacement = load(OP.i64_load32_s, I64, this.record, R.immediate);
    return this.cutOffset(binary(OP.i64_add, I64, this.behind(), displacement), this.size);
  }

  checkTarget(offset: Value): void {
    const { model } = this.shape;
    if (model === 'flat') return;
    this.code.if(model === 'long' ? this.notCanonical(expression(offset)) : this.beyondCodeLimit(expression(offset)), () => this.raise(GENERAL_PROTECTION));
  }

  branch(condition?: Value): void {
    this.left = true;
    const link = load(OP.i32_load, I32, this.record, R.link);
    const behind = load(OP.i32_load, I32, this.record, R.linkBehind);
    const taken = condition === undefined ? undefined : expression(condition);
    const slot = this.code.let(taken ? select(taken, link, behind) : link);
    const next = this.code.let(load(OP.i32_load, I32, slot, 0));
    this.code.if(next, () => enterBlock(this.code, this.callees.handlerType, next));
    const target = expression(this.relativeTarget());
    const offset = taken ? select(taken, target, this.cutOffset(this.behind(), this.shape.model === 'long' ? 64 : 32)) : target;
    this.code.returnCall(this.callees.jump, [offset]);
  }

  jump(offset: Value): void {
    this.left = true;
    this.code.returnCall(this.callees.jump, [expression(offset)]);
  }

  // Inner workings.

  private behind(): Expression {
    const start = load(OP.i64_load, I64, CPU, at(EIP_BASE));
    const offset = binary(OP.i32_add, I32, load(OP.i32_load16_u, I32, this.record, R.offset), load(OP.i32_load8_u, I32, this.record, R.length));
    return binary(OP.i64_add, I64, start, unary(OP.i64_extend_i32_u, I64, offset));
  }

  private cutOffset(offset: Expression, size: OperandSize): Expression {
    if (size === 64) return offset;
    return binary(OP.i64_and, I64, offset, i64(size === 16 ? 0xffffn : 0xffffffffn));
  }

  private cutToStack(offset: Expression): Expression {
    if (this.shape.model === 'long') return offset;
    return binary(OP.i64_and, I64, offset, load(OP.i64_load, I64, CPU, at(STACK_MASK)));
  }

  private beyondCodeLimit(offset: Expression): Expression {
    return binary(OP.i64_gt_u, I32, offset, load(OP.i64_load32_u, I64, CPU, at(CS_BASE + SEG_LIMIT)));
  }

  /** Whether the bits above the address width are no copies of its sign. */
  private notCanonical(address: Expression): Expression {
    const shift = load(OP.i64_load, I64, CPU, at(CANONICAL_SHIFT));
    const extended = binary(OP.i64_shr_s, I64, binary(OP.i64_shl, I64, address, shift), shift);
    return binary(OP.i64_ne, I32, extended, address);
  }
}
