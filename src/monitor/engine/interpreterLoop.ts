/**
 * The interpreter's loop: one function that executes the common instructions one after the other, with the next one's handler looked up
 * ahead. A handler of its own for each instruction pays for a call of another function, by table, signature and instance: each waits for
 * the instance that the one before has loaded.
 *
 * It stands at the function table's entries of all instructions that it knows; with others it goes on by the table. It calls
 * nothing: what would ask the monitor (an access that the TLB does not serve, an exception, a service) is left to the
 * instruction's handler of its own, which does all of it, from the start.
 */
import { EIP_BASE, REMAINING } from '../cpu/layout';
import { meaningOf } from '../isa/definitions';
import type { OperandSize } from '../isa/emitter';
import { BUDGET_REFUSED } from '../memory/layout';
import { goOnAtKnown, isReported, type FunctionBody } from './controlFunctions';
import { HandlerEmitter } from './handlerEmitter';
import type { Callees, HandlerKey, HandlerShape } from './handlerShape';
import { R, RECORD_BYTES } from './records';
import { CPU, at } from './operandEmitter';
import { SPECIAL_HANDLERS } from './specialHandlers';
import { I32, I64, OP } from './wasm/encoding';
import { binary, i32, load, unary, type Expression, type Local } from './wasm/expressions';
import { FunctionBuilder } from './wasm/functionBuilder';

/** Places in the loop's function that its cases go to, and what they find there. */
interface Places {
  /** The loop's start, with the next record in the function's parameter and its handler in `handler`. */
  readonly next: number;
  readonly handler: Local;
  /** Handler of the record behind the one that is executed. */
  readonly ahead: Local;
  /** To the instruction's own handler. */
  readonly apart: number;
  /** To the offset in CS that `target` holds (i64). */
  readonly jump: number;
  readonly target: Local;
}

/** An instruction as a case of the loop. */
class CaseEmitter extends HandlerEmitter {
  private changed = false;

  constructor(
    shape: HandlerShape,
    callees: Callees,
    code: FunctionBuilder,
    private readonly places: Places,
  ) {
    super(shape, callees, code);
  }

  /** Goes on with the next record, unless the meaning has gone elsewhere. */
  finishCase(): void {
    if (!this.left) goOn(this.code, this.places, behind(this.record), this.places.ahead);
    this.code.recycle();
  }

  protected override writeSlot(slot: Expression, size: OperandSize, value: Expression): void {
    this.changed = true;
    super.writeSlot(slot, size, value);
  }
  protected override storeState(op: number, offset: number, value: Expression): void {
    this.changed = true;
    super.storeState(op, offset, value);
  }

  override hostAddress(hit: Expression, direct: Expression): Expression {
    this.leaveUnless(hit);
    return this.code.let(direct);
  }
  /** What the TLB holds is memory. */
  override stored(): void {
    this.changed = true;
  }

  override segmentFault(): void {
    this.leave();
  }
  override raise(): void {
    this.leave();
  }
  override service(): void {
    this.leave();
  }
  override transfer(): void {
    throw new Error('A transfer through a gate is no case of the interpreter\'s loop');
  }

  protected override enterBlock(next: Expression): void {
    const remaining = this.code.let(binary(OP.i32_sub, I32, this.remaining(), load(OP.i32_load8_u, I32, next, R.back)));
    this.code.if(binary(OP.i32_ge_s, I32, remaining, i32(0)), () => {
      super.storeState(OP.i32_store, REMAINING, remaining);
      goOn(this.code, this.places, next);
    });
  }
  protected override goTo(offset: Expression): void {
    this.code.set(this.places.target, offset);
    this.code.branch(this.places.jump);
  }

  private leave(condition?: Expression): void {
    // The instruction's own handler starts with the state that this one has left.
    if (this.changed) throw new Error('An instruction of the interpreter\'s loop leaves it with a part done');
    this.code.branch(this.places.apart, condition);
  }
  private leaveUnless(condition: Expression): void {
    this.leave(unary(OP.i32_eqz, I32, condition));
  }
}

const behind = (record: Expression): Expression => binary(OP.i32_add, I32, record, i32(RECORD_BYTES));

/** Goes on with a record, whose handler may be known. */
function goOn(code: FunctionBuilder, { next, handler }: Pick<Places, 'next' | 'handler'>, record: Expression, known?: Expression): void {
  code.set(code.parameter(0), record);
  code.set(handler, known ?? load(OP.i32_load, I32, code.parameter(0), R.handler));
  code.branch(next);
}

/** Executes a record by its entry of the function table, or by the one at a distance from it. */
function goByTable(code: FunctionBuilder, handlerType: number, distance = 0): void {
  const record = code.parameter(0);
  code.returnCallIndirect(handlerType, [record], binary(OP.i32_add, I32, load(OP.i32_load, I32, record, R.handler), i32(distance)));
}

/** As emitProfile has it; what is to be reported is left to that. */
function countEntry(code: FunctionBuilder, handlerType: number, places: Places): void {
  const record = code.parameter(0);
  code.if(unary(OP.i32_eqz, I32, load(OP.i32_load, I32, CPU, BUDGET_REFUSED)), () => {
    const left = code.let(binary(OP.i32_sub, I32, load(OP.i32_load, I32, record, R.link), i32(1)));
    code.if(isReported(left), () => { goByTable(code, handlerType); });
    code.store(OP.i32_store, record, R.link, left);
  });
  goOn(code, places, behind(record), places.ahead);
  code.recycle();
}

/** As emitContinue has it. */
function goOnAtOffset(code: FunctionBuilder, { target, jump }: Places): void {
  const offset = unary(OP.i64_extend_i32_u, I64, load(OP.i32_load16_u, I32, code.parameter(0), R.offset));
  code.set(target, binary(OP.i64_add, I64, load(OP.i64_load, I64, CPU, at(EIP_BASE)), offset));
  code.branch(jump);
}

/** What the loop executes by one entry of the function table: an instruction, or two that follow one another. */
export type LoopCase = readonly HandlerKey[];

/** Where the function table has what the loop is made of. */
export interface LoopEntries {
  /** The first of the loop's cases, which follow one another. */
  readonly first: number;
  /** From a case's entry to that of its first instruction's own handler. */
  readonly toOwn: number;
}

/** Emits the loop for some cases. Throws when an instruction cannot be in one. */
export function emitLoop(known: readonly LoopCase[], callees: Callees, { first, toOwn }: LoopEntries): FunctionBody {
  const code = new FunctionBuilder([I32]);
  const record = code.parameter(0);
  const { handlerType } = callees;
  const [handler, ahead, target] = [code.local(I32), code.local(I32), code.local(I64)];
  code.set(handler, load(OP.i32_load, I32, record, R.handler));
  code.loopBlock(() => {
    const next = code.nesting;
    code.block(() => {
      const apart = code.nesting;
      code.block(() => {
        const places: Places = { next, handler, ahead, apart, jump: code.nesting, target };
        const cases = [() => { countEntry(code, handlerType, places); }, () => { goOnAtOffset(code, places); }, ...known.map((instructions) => () => { emitCase(code, callees, instructions, places); })];
        const special: readonly number[] = [SPECIAL_HANDLERS.profile, SPECIAL_HANDLERS.onward];
        const table = Array.from({ length: first + known.length }, (_, entry) => (entry < first ? special.indexOf(entry) : special.length + entry - first));
        code.set(ahead, load(OP.i32_load, I32, record, RECORD_BYTES + R.handler));
        code.switch(handler, table, cases);
        goByTable(code, handlerType);
      });
      goOnAtKnown(code, handlerType, target, (there) => { goOn(code, { next, handler }, there); });
      code.returnCall(callees.jump, [target]);
    });
    goByTable(code, handlerType, toOwn);
  });
  return { locals: code.locals, code: code.finish() };
}

function emitCase(code: FunctionBuilder, callees: Callees, instructions: LoopCase, places: Places): void {
  instructions.forEach(({ name, shape }, i) => {
    const emitter = new CaseEmitter(shape, callees, code, places);
    meaningOf(name)(emitter);
    if (i === instructions.length - 1) return emitter.finishCase();
    code.set(code.parameter(0), behind(code.parameter(0)));
    code.set(places.ahead, load(OP.i32_load, I32, code.parameter(0), RECORD_BYTES + R.handler));
    code.recycle();
  });
}
