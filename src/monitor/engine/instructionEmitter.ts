/**
 * What interpreter handlers and translated code have in common: the stack, flags and addresses of code, over operands,
 * flags and ways out that each of them has in its own way.
 */
import { CS, EIP_BASE, FLAGS_SYSTEM, REG, RSP, SEG_LIMIT, SEGMENT_BYTES, SEGMENTS, STACK_MASK } from '../cpu/layout';
import type { Emitter, OperandSize, StatusSource, StatusWords, Value } from '../isa/emitter';
import { ACCESS } from './memoryAccess';
import { R } from './records';
import { SystemOperandEmitter } from './systemOperandEmitter';
import { expression } from './valueEmitter';
import { I32, I64, OP } from './wasm/encoding';
import { binary, i32, i64, unary, type Expression } from './wasm/expressions';

const CS_BASE = SEGMENTS + CS * SEGMENT_BYTES;
const GENERAL_PROTECTION = 13;

const STACK_POINTER = i32(REG + 8 * RSP);

export abstract class InstructionEmitter extends SystemOperandEmitter implements Emitter {
  // Flags.

  abstract flagResult(): Value;
  abstract flagAux(): Value;
  abstract setStatus(words: () => StatusWords, source?: StatusSource): void;
  abstract statusSource(): StatusSource | undefined;
  systemFlags(): Value {
    return this.loadState(OP.i32_load, I32, FLAGS_SYSTEM);
  }
  setSystemFlags(value: Value): void {
    this.storeState(OP.i32_store, FLAGS_SYSTEM, expression(value));
  }

  // Stack.

  push(value: Value, size: OperandSize): void {
    this.pushPart(value, size, size);
  }

  protected pushPart(value: Value, size: OperandSize, written: OperandSize): void {
    const moved = size / 8;
    const access = { bytes: written / 8, kind: ACCESS.write };
    if (this.shape.model === 'flat') {
      const top = this.code.let(binary(OP.i32_sub, I32, this.readSlot(STACK_POINTER, 32), i32(moved)));
      this.storeMemory(this.memory.lookUpStack(top, access), written, expression(value));
      this.writeSlot(STACK_POINTER, 32, top);
      return;
    }
    const pointer = this.readSlot(STACK_POINTER, 64);
    const top = this.code.let(this.cutToStack(binary(OP.i64_sub, I64, pointer, i64(BigInt(moved)))));
    this.storeMemory(this.memory.lookUpStack(top, access), written, expression(value));
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
      return unary(OP.i64_extend_i32_u, I64, this.readSlot(STACK_POINTER, 32));
    }
    return this.cutToStack(this.readSlot(STACK_POINTER, 64));
  }

  readStack(offset: Value, size: OperandSize): Value {
    const cut = this.shape.model === 'flat' ? this.toI32(offset) : this.cutToStack(expression(offset));
    const where = this.let(cut);
    const host = this.memory.lookUpStack(expression(where), { bytes: size / 8, kind: ACCESS.read });
    return this.let(this.loadSized(host, 0, size));
  }

  setStackPointer(value: Value): void {
    if (this.shape.model === 'flat') return this.writeSlot(STACK_POINTER, 32, expression(this.toI32(value)));
    if (this.shape.model === 'long') return this.writeSlot(STACK_POINTER, 64, expression(value));
    // A 16-bit stack leaves the upper part of ESP alone.
    const mask = this.code.let(this.loadState(OP.i64_load, I64, STACK_MASK));
    const old = this.readSlot(STACK_POINTER, 64);
    const kept = binary(OP.i64_and, I64, old, binary(OP.i64_xor, I64, mask, i64(-1n)));
    const joined = binary(OP.i64_or, I64, kept, binary(OP.i64_and, I64, expression(value), mask));
    this.writeSlot(STACK_POINTER, 64, joined);
  }

  // Control.

  nextInstruction(size: OperandSize): Value {
    return this.cutOffset(this.behind(), size);
  }

  relativeTarget(): Value {
    const displacement = this.field(OP.i64_load32_s, I64, R.immediate);
    return this.cutOffset(binary(OP.i64_add, I64, this.behind(), displacement), this.size);
  }

  checkTarget(offset: Value): void {
    if (!this.hasBounds) return;
    this.code.if(this.shape.model === 'long' ? expression(this.isNotCanonical(offset)) : this.beyondCodeLimit(expression(offset)), () => this.raise(GENERAL_PROTECTION));
  }

  checkRelativeTarget(taken?: Value): void {
    const check = (): void => this.checkTarget(this.relativeTarget());
    if (taken && this.hasBounds) this.if(taken, check);
    else check();
  }

  /** Whether there are targets out of bounds. */
  private get hasBounds(): boolean {
    return this.shape.model !== 'flat';
  }

  abstract branch(condition?: Value): void;
  abstract jump(offset: Value): void;
  abstract goBack(offset: Value): void;

  // Inner workings.

  /** Offset in CS of the instruction behind a branch that is not taken. */
  protected offsetBehind(): Expression {
    return this.cutOffset(this.behind(), this.shape.model === 'long' ? 64 : 32);
  }

  private behind(): Expression {
    const start = this.loadState(OP.i64_load, I64, EIP_BASE);
    const offset = binary(OP.i32_add, I32, this.field(OP.i32_load16_u, I32, R.offset), this.field(OP.i32_load8_u, I32, R.length));
    return binary(OP.i64_add, I64, start, unary(OP.i64_extend_i32_u, I64, offset));
  }

  private cutOffset(offset: Expression, size: OperandSize): Expression {
    if (size === 64) return offset;
    return binary(OP.i64_and, I64, offset, i64(size === 16 ? 0xffffn : 0xffffffffn));
  }

  private cutToStack(offset: Expression): Expression {
    if (this.shape.model === 'long') return offset;
    return binary(OP.i64_and, I64, offset, this.loadState(OP.i64_load, I64, STACK_MASK));
  }

  private beyondCodeLimit(offset: Expression): Expression {
    return binary(OP.i64_gt_u, I32, offset, this.loadState(OP.i64_load32_u, I64, CS_BASE + SEG_LIMIT));
  }
}
