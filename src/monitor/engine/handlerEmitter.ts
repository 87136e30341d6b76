/**
 * Emits interpreter handlers: each is an instruction's meaning with its operands left to run time, read from the record
 * that the handler is called with. A handler ends in a tail call to the handler of the next record.
 */
import { EIP, FLAG_AUX, FLAG_RESULT, REG, REMAINING, TLB_READ_TABLE, TLB_WRITE_TABLE } from '../cpu/layout';
import type { OperandSize, StatusSource, StatusWords, Value } from '../isa/emitter';
import type { TransferRoutine } from '../isa/systemEmitter';
import { PAGE_BYTES } from '../memory/layout';
import { enterBlock, type FunctionBody } from './controlFunctions';
import type { Callees, HandlerShape } from './handlerShape';
import { InstructionEmitter } from './instructionEmitter';
import { ACCESS, type Access } from './memoryAccess';
import { CPU, at } from './operandEmitter';
import { R, RECORD_BYTES } from './records';
import { returnIfAwaited } from './returns';
import { expression } from './valueEmitter';
import { I32, I64, OP, type WasmType } from './wasm/encoding';
import { binary, call, i32, load, select, unary, type Expression } from './wasm/expressions';
import { FunctionBuilder } from './wasm/functionBuilder';

export class HandlerEmitter extends InstructionEmitter {
  protected readonly record = this.code.parameter(0);
  /** Whether the meaning has gone elsewhere than to the next record. */
  protected left = false;

  constructor(
    shape: HandlerShape,
    protected readonly callees: Callees,
    code = new FunctionBuilder([I32]),
  ) {
    super(shape, code, callees.routines);
  }

  /** The handler's body and locals; it goes on to the next record unless the meaning has gone elsewhere. */
  finish(): FunctionBody {
    if (!this.left) {
      const next = binary(OP.i32_add, I32, this.record, i32(RECORD_BYTES));
      const handler = load(OP.i32_load, I32, this.record, RECORD_BYTES + R.handler);
      this.code.returnCallIndirect(this.callees.handlerType, [next], handler);
    }
    return { locals: this.code.locals, code: this.code.finish() };
  }

  // Operands.

  field(op: number, type: WasmType, offset: number): Expression {
    return load(op, type, this.record, offset);
  }

  addressRegister(slot: Expression, wide: boolean): Expression {
    return load(wide ? OP.i64_load : OP.i32_load, wide ? I64 : I32, slot, at(REG));
  }

  protected readSlot(slot: Expression, size: OperandSize): Expression {
    return this.loadSized(...place(slot), size);
  }

  protected writeSlot(slot: Expression, size: OperandSize, value: Expression): void {
    const [address, offset] = place(slot);
    if (size === 64) return this.code.store(OP.i64_store, address, offset, value);
    // A 32-bit result clears the upper half of the register.
    if (size === 32) return this.code.store(OP.i64_store, address, offset, unary(OP.i64_extend_i32_u, I64, value));
    this.code.store(size === 8 ? OP.i32_store8 : OP.i32_store16, address, offset, value);
  }

  // Memory.

  tlbTable(kind: number): Expression {
    return load(OP.i32_load, I32, CPU, at(kind === ACCESS.read ? TLB_READ_TABLE : TLB_WRITE_TABLE));
  }

  hostAddress(hit: Expression, direct: Expression, halves: () => readonly [Expression, Expression], { bytes, kind }: Access): Expression {
    const host = this.code.temporary(I32);
    this.code.if(
      hit,
      () => this.code.set(host, direct),
      () => {
        this.code.set(host, call(this.callees.access, I32, [...halves(), i32(bytes | (kind << 8)), this.record]));
        this.code.if(unary(OP.i32_eqz, I32, host), () => this.code.return());
      },
    );
    return host;
  }

  stored(host: Expression): void {
    this.code.if(binary(OP.i32_lt_u, I32, host, i32(PAGE_BYTES)), () => this.code.call(this.callees.commit, [this.record]));
  }

  segmentFault(segment: Expression): void {
    this.code.call(this.callees.segmentFault, [this.record, segment]);
    this.code.return();
  }

  // Flags.

  flagResult(): Value {
    return this.loadState(OP.i64_load, I64, FLAG_RESULT);
  }
  flagAux(): Value {
    return this.loadState(OP.i32_load, I32, FLAG_AUX);
  }
  setStatus(words: () => StatusWords): void {
    // Both are evaluated before either is stored: they may read the old flags.
    const { result, aux } = words();
    const r = this.code.let(expression(result));
    const a = this.code.let(expression(aux));
    this.storeState(OP.i64_store, FLAG_RESULT, r);
    this.storeState(OP.i32_store, FLAG_AUX, a);
  }
  /** What has set the flags is known at run time only. */
  statusSource(): StatusSource | undefined {
    return undefined;
  }

  // Control.

  raise(vector: number): void {
    this.code.call(this.callees.raise, [this.record, i32(vector)]);
    this.code.return();
  }

  service(): void {
    const leave = call(this.callees.service, I32, [this.record, this.field(OP.i32_load, I32, R.link)]);
    this.code.if(leave, () => this.code.return());
  }

  branch(condition?: Value): void {
    this.left = true;
    const link = this.field(OP.i32_load, I32, R.link);
    const behind = this.field(OP.i32_load, I32, R.linkBehind);
    const taken = condition === undefined ? undefined : expression(condition);
    const slot = this.code.let(taken ? select(taken, link, behind) : link);
    const next = this.code.let(load(OP.i32_load, I32, slot, 0));
    this.code.if(next, () => { this.enterBlock(next); });
    const target = expression(this.relativeTarget());
    this.goTo(taken ? select(taken, target, this.offsetBehind()) : target);
  }

  /** Goes to the block at a record if the budget reaches through it; falls through otherwise. */
  protected enterBlock(next: Expression): void {
    enterBlock(this.code, this.callees.handlerType, next);
  }

  /** Goes to an offset in CS (i64). */
  protected goTo(offset: Expression): void {
    this.code.returnCall(this.callees.jump, [offset]);
  }

  transfer(routine: TransferRoutine, ...parameters: readonly Value[]): void {
    this.storeState(OP.i64_store, EIP, this.offsetBehind());
    const done = call(this.callees.routines[routine], I32, parameters.map(expression));
    this.code.if(done, () => this.code.returnCall(this.callees.arrive, []));
    this.service();
  }

  protected remaining(): Expression {
    return this.loadState(OP.i32_load, I32, REMAINING);
  }

  jump(offset: Value): void {
    this.left = true;
    const target = this.code.let(expression(offset));
    this.code.store(OP.i64_store32, this.record, R.target, target);
    this.goTo(target);
  }

  goBack(offset: Value): void {
    this.left = true;
    const target = this.code.let(expression(offset));
    returnIfAwaited(this.code, target);
    this.goTo(target);
  }
}

/** Address and offset of a register whose state-block offset is known now, or at run time. */
function place(slot: Expression): readonly [Expression, number] {
  return typeof slot.constant === 'number' ? [CPU, at(slot.constant)] : [slot, at(REG)];
}
