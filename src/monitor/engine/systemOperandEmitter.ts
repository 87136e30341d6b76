/** The part of an emitted instruction that reaches segment registers and privilege. */
import { CPL, GS, MSR_KERNEL_GS_BASE, SEG_BASE, SEG_SELECTOR, SEGMENT_BYTES, SEGMENTS } from '../cpu/layout';
import type { OperandSize, Value } from '../isa/emitter';
import type { SystemEmitter } from '../isa/systemEmitter';
import { at } from './operandEmitter';
import { StringOperandEmitter } from './stringOperandEmitter';
import { expression } from './valueEmitter';
import { I32, I64, OP } from './wasm/encoding';
import { binary, i32, load, type Expression } from './wasm/functionBuilder';

const GS_BASE = SEGMENTS + GS * SEGMENT_BYTES + SEG_BASE;

export abstract class SystemOperandEmitter extends StringOperandEmitter implements SystemEmitter {
  /** Pushes a value of `size` bits, of which the lower `written` are stored. */
  protected abstract pushPart(value: Value, size: OperandSize, written: OperandSize): void;

  privilegeLevel(): Value {
    return this.loadState(OP.i32_load, I32, CPL);
  }

  selector(segment: Value): Value {
    const number = expression(segment);
    if (typeof number.constant === 'number') return this.loadState(OP.i32_load16_u, I32, SEGMENTS + number.constant * SEGMENT_BYTES + SEG_SELECTOR);
    const offset: Expression = binary(OP.i32_mul, I32, number, i32(SEGMENT_BYTES));
    return this.let(load(OP.i32_load16_u, I32, offset, at(SEGMENTS + SEG_SELECTOR)));
  }

  pushSelector(selector: Value, size: OperandSize): void {
    if (size === 64) this.pushPart(this.toI64Unsigned(selector), 64, 64);
    else this.pushPart(selector, size, 16);
  }

  exchangeGsBase(): void {
    const base = this.code.let(this.loadState(OP.i64_load, I64, GS_BASE));
    const other = this.code.let(this.loadState(OP.i64_load, I64, MSR_KERNEL_GS_BASE));
    this.storeState(OP.i64_store, GS_BASE, other);
    this.storeState(OP.i64_store, MSR_KERNEL_GS_BASE, base);
  }
}
