/** The part of an emitted instruction that reaches segment registers, privilege, and what the monitor knows. */
import { CANONICAL_SHIFT, CPL, CR0, CR2, CR3, CR4, FS, GS, IDLE, MSR_KERNEL_GS_BASE, MSR_TSC_AUX, MSR_TSC_OFFSET, SEG_BASE, SEG_SELECTOR, SEGMENT_BYTES, SEGMENTS, SHADOW_COUNT, SHADOW_WHOLE } from '../cpu/layout';
import type { OperandSize, Value } from '../isa/emitter';
import type { SystemEmitter, TransferRoutine } from '../isa/systemEmitter';
import { MONITOR_WORDS } from '../memory/layout';
import { ACCESS } from './memoryAccess';
import { CPU, at } from './operandEmitter';
import { R, type Model } from './records';
import { WATCHED } from './stopDecisions';
import { StringOperandEmitter } from './stringOperandEmitter';
import { expression, isWiderThan } from './valueEmitter';
import { F64, I32, I64, OP } from './wasm/encoding';
import { binary, call, i32, load, unary, type Expression } from './wasm/expressions';

const FS_BASE = SEGMENTS + FS * SEGMENT_BYTES + SEG_BASE;
const GS_BASE = SEGMENTS + GS * SEGMENT_BYTES + SEG_BASE;

export abstract class SystemOperandEmitter extends StringOperandEmitter implements SystemEmitter {
  /** What is left of the budget that was given, counting the block under way as done. */
  protected abstract remaining(): Expression;
  abstract transfer(routine: TransferRoutine, ...parameters: readonly Value[]): void;

  get codeModel(): Model {
    return this.shape.model;
  }

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

  pushFrame(pointer: Value, frame: Value, locals: Value): Value {
    return this.let(call(this.routines.pushFrame, I32, [pointer, frame, this.i32(this.size / 8), locals].map(expression)));
  }

  registersOnStack(lowest: Value, kind: 'read' | 'write', giveUpIf: (condition: Value) => void): Value {
    // Eight registers have as many bytes as one has bits.
    const bytes = this.i32(this.size);
    const offset = expression(this.toI32(lowest));
    if (this.shape.model === 'flat') return this.memory.lookUpRun(this.code.let(offset), expression(bytes), ACCESS[kind], giveUpIf);
    const host = this.let(call(this.routines.stackRun, I32, [offset, expression(bytes), i32(kind === 'write' ? 1 : 0)]));
    giveUpIf(this.eqz(host));
    return host;
  }
  loadFrom(host: Value, offset: number): Value {
    return this.let(this.loadSized(expression(host), offset, this.size));
  }
  storeTo(host: Value, offset: number, value: Value): void {
    this.code.store(this.size === 16 ? OP.i32_store16 : OP.i32_store, expression(host), offset, expression(value));
  }

  loadSegment(segment: Value, selector: Value): Value {
    return this.let(call(this.routines.loadSegment, I32, [expression(segment), expression(selector)]));
  }

  segmentBase(number: number): Value {
    return this.let(this.loadState(OP.i64_load, I64, number === 0 ? FS_BASE : GS_BASE));
  }

  setSegmentBase(number: Value, base: Value): void {
    const other = this.select(this.eq(number, i32(1)), i32(GS_BASE), i32(MSR_KERNEL_GS_BASE));
    const offset = this.let(this.select(number, other, i32(FS_BASE)));
    this.code.store(OP.i64_store, expression(offset), at(0), expression(base));
  }

  isNotCanonical(address: Value): Value {
    return isWiderThan(expression(address), this.code.let(this.loadState(OP.i64_load, I64, CANONICAL_SHIFT)));
  }

  controlRegister(number: 0 | 2 | 3 | 4): Value {
    return this.loadState(OP.i64_load, I64, { 0: CR0, 2: CR2, 3: CR3, 4: CR4 }[number]);
  }

  registersWatched(): Value {
    return this.let(this.and(load(OP.i32_load, I32, CPU, MONITOR_WORDS.eventsWatched), this.i32(WATCHED.registers)));
  }

  interruptWaits(): Value {
    return load(OP.i32_load, I32, CPU, MONITOR_WORDS.interruptLine);
  }
  changeableFlags(): Value {
    return load(OP.i32_load, I32, CPU, MONITOR_WORDS.flagsChangeable);
  }
  fixedFlags(): Value {
    return load(OP.i32_load, I32, CPU, MONITOR_WORDS.flagsFixed);
  }

  holdInterrupts(): void {
    // The next boundary is behind this instruction.
    this.storeState(OP.f64_store, SHADOW_COUNT, this.retired(1));
    this.storeState(OP.i32_store, SHADOW_WHOLE, i32(0));
  }

  timeStamp(): Value {
    const time = binary(OP.f64_add, F64, this.retired(0), this.loadState(OP.f64_load, F64, IDLE));
    return this.add(unary(OP.i64_trunc_sat_f64_s, I64, time), this.loadState(OP.i64_load, I64, MSR_TSC_OFFSET));
  }

  timeStampAuxiliary(): Value {
    return this.loadState(OP.i32_load, I32, MSR_TSC_AUX);
  }

  /** Instructions retired before this one, and so many more. */
  private retired(more: number): Expression {
    const back = binary(OP.i32_sub, I32, this.field(OP.i32_load8_u, I32, R.back), i32(more));
    const open = binary(OP.i32_add, I32, this.remaining(), back);
    return binary(OP.f64_sub, F64, load(OP.f64_load, F64, CPU, MONITOR_WORDS.retiredEnd), unary(OP.f64_convert_i32_s, F64, open));
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
