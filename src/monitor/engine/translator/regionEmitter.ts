/**
 * Emits translated code: an instruction's meaning with its operands fixed. Fields of its record are constants, registers
 * and flags are locals of the region, and what is not the common case (an access that the TLB does not serve, a fault)
 * leaves the region with the state as before the instruction, for the interpreter's handler to do it.
 */
import { EIP_BASE, MASK16, MASK32, MASK64, TWO32, ZERO } from '../../cpu/layout';
import type { OperandSize, StatusSource, StatusWords, Value } from '../../isa/emitter';
import { InstructionEmitter } from '../instructionEmitter';
import { PAGE_BYTES } from '../../memory/layout';
import { ACCESS, type Access } from '../memoryAccess';
import { R } from '../records';
import { veiled } from '../regionImports';
import type { Routines } from '../routines';
import { expression } from '../valueEmitter';
import { I32, I64, OP, type WasmType } from '../wasm/encoding';
import { binary, call, i32, i64, load, unary, type Expression, type Local } from '../wasm/expressions';
import type { RegionInstruction } from './regionGraph';
import type { RegionScope } from './regionScope';

/** Registers that are constants. */
const CONSTANT_SLOTS: ReadonlyMap<number, bigint> = new Map([
  [ZERO, 0n],
  [MASK16, 0xffffn],
  [MASK32, 0xffffffffn],
  [MASK64, -1n],
  [TWO32, 1n << 32n],
]);

/** How a block goes on behind its last instruction. */
export type Continuation =
  | { readonly kind: 'next' }
  /** A direct branch, its offsets in CS for when they lie outside the page. */
  | { readonly kind: 'branch'; readonly condition: Expression | undefined; target(): Expression; behind(): Expression }
  /** An indirect jump, to an offset in CS. */
  | { readonly kind: 'jump'; readonly target: Expression }
  /** It has left the region. */
  | { readonly kind: 'gone' };

/** Numbers of functions that instructions call. */
export interface EmitterCallees {
  readonly beside: number;
  readonly access: number;
  readonly commit: number;
  readonly routines: Routines;
}

export class RegionEmitter extends InstructionEmitter {
  continuation: Continuation = { kind: 'next' };
  /** What is emitted deeper than here is done on a condition. */
  private readonly nesting = this.code.nesting;

  constructor(
    private readonly instruction: RegionInstruction,
    private readonly scope: RegionScope,
    private readonly view: DataView,
    private readonly callees: EmitterCallees,
    /** Whether a relative target is known to be in order. */
    private readonly inOrder: boolean,
    /** Where an indirect jump is expected to lead, which is known to be in order. */
    private readonly expected: readonly Expression[],
  ) {
    super(instruction.handler.shape, scope.builder, callees.routines);
  }

  // Operands.

  field(op: number, type: WasmType, offset: number): Expression {
    const at = this.instruction.record + offset;
    if (this.instruction.patched && (offset === R.immediate || offset === R.displacement)) return load(op, type, i32(at), 0);
    switch (op) {
      case OP.i32_load8_u:
        return i32(this.view.getUint8(at));
      case OP.i32_load16_u:
        return i32(this.view.getUint16(at, true));
      case OP.i32_load:
        return i32(this.view.getInt32(at, true));
      case OP.i64_load32_s:
        return i64(BigInt(this.view.getInt32(at, true)));
      case OP.i64_load:
        return i64(this.view.getBigInt64(at, true));
      default:
        throw new Error(`Record fields are not read by opcode ${op.toString(16)}h (${type})`);
    }
  }

  addressRegister(slot: Expression, wide: boolean): Expression {
    const at = numberOf(slot);
    const constant = CONSTANT_SLOTS.get(at);
    if (constant !== undefined) return wide ? i64(constant) : i32(Number(BigInt.asIntN(32, constant)));
    if (at === EIP_BASE) return wide ? this.loadState(OP.i64_load, I64, EIP_BASE) : this.loadState(OP.i32_load, I32, EIP_BASE);
    return this.readSlot(slot, wide ? 64 : 32);
  }

  protected readSlot(slot: Expression, size: OperandSize): Expression {
    const at = numberOf(slot);
    const { wide, addresses } = this.scope;
    const local = this.scope.register(at >> 3).known(addresses.register(at >> 3));
    if (size === 64) return wide ? local : unary(OP.i64_extend_i32_u, I64, local);
    const word = wide ? unary(OP.i32_wrap_i64, I32, local) : local;
    if (size === 32) return word;
    if (at & 7) return binary(OP.i32_and, I32, binary(OP.i32_shr_u, I32, word, i32(8)), i32(0xff));
    return binary(OP.i32_and, I32, word, i32(size === 8 ? 0xff : 0xffff));
  }

  protected writeSlot(slot: Expression, size: OperandSize, value: Expression): void {
    const at = numberOf(slot);
    const local = this.scope.register(at >> 3);
    const word = this.scope.wide ? wideWord(local, at & 7, size, value) : narrowWord(local, at & 7, size, value);
    this.code.set(local, word);
    this.scope.addresses.setRegister(at >> 3, this.isCertain ? word.anchored : undefined);
  }

  /** Whether what is emitted here is done in any case. */
  private get isCertain(): boolean {
    return this.code.nesting === this.nesting;
  }

  // Memory.

  override shared(linear: Expression, access: Access): Expression | undefined {
    const { callout, apart } = this.instruction;
    if (callout || apart || !this.isCertain) return undefined;
    return this.scope.addresses.access(linear, access, (hit) => this.leaveUnless(hit));
  }

  tlbTable(kind: number): Expression {
    return kind === ACCESS.read ? this.scope.readTable : this.scope.writeTable;
  }

  hostAddress(hit: Expression, direct: Expression, halves: () => readonly [Expression, Expression], { bytes, kind }: Access): Expression {
    const { code, scope, callees } = this;
    if (!this.instruction.callout) {
      this.leaveUnless(hit);
      return code.let(direct);
    }
    const host = code.temporary(I32);
    const sizeAndKind = i32(bytes | (kind << 8));
    code.if(
      hit,
      () => code.set(host, direct),
      () => {
        code.set(host, call(callees.beside, I32, veiled([...halves(), sizeAndKind])));
        code.if(unary(OP.i32_eqz, I32, host), () => {
          // A fault finds the state as it was before the instruction, in the state block.
          scope.spill(scope.dirty);
          scope.spillBudget();
          code.set(host, call(callees.access, I32, veiled([...halves(), sizeAndKind, i32(this.instruction.record)])));
          code.if(unary(OP.i32_eqz, I32, host), () => code.return());
          scope.afterAccess();
        });
      },
    );
    return host;
  }

  stored(host: Expression): void {
    // Without a callout only what the TLB holds is stored to.
    if (!this.instruction.callout) return;
    const { code, scope, callees } = this;
    code.if(binary(OP.i32_lt_u, I32, host, i32(PAGE_BYTES)), () => {
      code.call(callees.commit, veiled([i32(this.instruction.record)]));
      scope.afterAccess();
    });
  }

  // Flags.

  flagResult(): Value {
    return this.scope.flagResult;
  }
  flagAux(): Value {
    return this.scope.flagAux;
  }
  setStatus(words: () => StatusWords, source?: StatusSource): void {
    const { scope, code } = this;
    scope.source = this.isCertain ? source : undefined;
    if (this.isCertain && !scope.flagsLive) return;
    const { result, aux } = words();
    const r = code.let(expression(result));
    code.set(scope.flagAux, expression(aux));
    code.set(scope.flagResult, r);
  }
  statusSource(): StatusSource | undefined {
    return this.scope.source;
  }

  // Ways out.

  segmentFault(): void {
    this.leave();
  }
  raise(): void {
    this.leave();
  }
  service(): void {
    this.leave();
  }
  override checkTarget(target: Value): void {
    const [first, ...others] = this.expected.map((place) => binary(OP.i64_ne, I32, expression(target), place));
    if (!first) return super.checkTarget(target);
    this.code.rarely(others.reduce((all, other) => binary(OP.i32_and, I32, all, other), first), () => super.checkTarget(target));
  }
  override checkRelativeTarget(taken?: Value): void {
    if (!this.inOrder) super.checkRelativeTarget(taken);
  }
  branch(condition?: Value): void {
    this.continuation = {
      kind: 'branch',
      condition: condition && this.code.let(expression(condition)),
      target: () => expression(this.relativeTarget()),
      behind: () => this.offsetBehind(),
    };
  }
  jump(offset: Value): void {
    this.continuation = { kind: 'jump', target: this.code.let(expression(offset)) };
  }
  /** How the block ends says which of both it is. */
  goBack(offset: Value): void {
    this.jump(offset);
  }

  /** Blocks end before them. */
  transfer(): void {
    this.leave();
  }

  protected remaining(): Expression {
    return this.scope.remaining;
  }

  /** Leaves for the interpreter, if the TLB does not serve an access. */
  private leaveUnless(hit: Expression): void {
    if (this.isCertain) this.scope.putBack();
    this.code.if(unary(OP.i32_eqz, I32, hit), () => this.scope.leaveToAccess(this.instruction.record, this.scope.dirty));
  }

  private leave(): void {
    this.scope.leaveToRecord(this.instruction.record, this.scope.dirty);
  }
}

function numberOf(slot: Expression): number {
  if (typeof slot.constant !== 'number') throw new Error('A register of translated code is known when it is translated');
  return slot.constant;
}

/** A 32-bit register with a part of it replaced. */
function narrowWord(old: Local, high: number, size: OperandSize, value: Expression): Expression {
  if (size === 64) return unary(OP.i32_wrap_i64, I32, value);
  if (size === 32) return value;
  const mask = size === 16 ? 0xffff : high ? 0xff00 : 0xff;
  const placed = high ? binary(OP.i32_shl, I32, value, i32(8)) : value;
  return binary(OP.i32_or, I32, binary(OP.i32_and, I32, old, i32(~mask)), binary(OP.i32_and, I32, placed, i32(mask)));
}

/** A 64-bit register with a part of it replaced; a 32-bit result clears the upper half. */
function wideWord(old: Local, high: number, size: OperandSize, value: Expression): Expression {
  if (size === 64) return value;
  const extended = unary(OP.i64_extend_i32_u, I64, value);
  if (size === 32) return extended;
  const mask = size === 16 ? 0xffffn : high ? 0xff00n : 0xffn;
  const placed = high ? binary(OP.i64_shl, I64, extended, i64(8n)) : extended;
  return binary(OP.i64_or, I64, binary(OP.i64_and, I64, old, i64(~mask)), binary(OP.i64_and, I64, placed, i64(mask)));
}
