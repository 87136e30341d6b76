/**
 * Routines of far transfers in real mode, and of those of virtual-8086 tasks that are no interrupts: jumps, calls, returns, INT and IRET of 16 bits, between
 * code segments whose code has been found before (../memory/farTargets). CS's base is all of a code's context that changes.
 *
 * The instruction pointer behind is EIP in the state block; a routine that gives 1 leaves there where to go on, and has told the monitor that
 * code is read with another CS. Sources: Intel SDM vol. 2 (CALL, INT, IRET, JMP, RET), vol. 3, 20.1.
 */
import { REAL_MODE_RIGHTS, VIRTUAL_8086_RIGHTS } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { CR0, FLAG, NMI } from '../cpu/state';
import type { Value } from '../isa/emitter';
import type { FarRoutine } from '../isa/systemEmitter';
import { FAR_TARGET_VALID } from '../memory/farTargets';
import { FAR_TARGET, FAR_TARGETS, FAR_TARGET_BYTES, FAR_TARGET_COUNT, MONITOR_WORDS } from '../memory/layout';
import type { FunctionBody } from './controlFunctions';
import { CPU, at } from './operandEmitter';
import { WATCHED } from './stopDecisions';
import { StackRoutineEmitter } from './stackRoutineEmitter';
import { partOf } from './systemRoutineEmitter';
import { expression } from './valueEmitter';
import { I32, OP, type WasmType } from './wasm/encoding';
import { load } from './wasm/expressions';

const LOW_HALF = 0xffff;
const STACK_POINTER = L.REG + 8 * L.RSP;
/** Bytes of a far pointer, and of an interrupt's frame: it has the flags as well. */
const POINTER_BYTES = 4, FRAME_BYTES = 6;

/** Code that a transfer may lead to. */
interface Target {
  readonly selector: Value;
  readonly offset: Value;
  /** Host address of its FAR_TARGET. */
  readonly entry: Value;
}

class FarEmitter extends StackRoutineEmitter {
  jump(): FunctionBody {
    this.beginReal('virtual-8086 too');
    this.enter(this.target(this.parameter(0), this.parameter(1)));
    return this.done();
  }

  call(): FunctionBody {
    this.beginReal('virtual-8086 too');
    const target = this.target(this.parameter(0), this.parameter(1));
    const { frame, top } = this.room(POINTER_BYTES);
    this.storeAt(frame, 0, this.returnPointer());
    this.setStackPointer(top);
    this.enter(target);
    return this.done();
  }

  /** Parameter: bytes of arguments that go from the stack. */
  return(): FunctionBody {
    this.beginReal('virtual-8086 too');
    const { frame, pointer } = this.top(POINTER_BYTES);
    const target = this.popped(frame);
    this.setStackPointer(this.add(this.add(pointer, this.i32(POINTER_BYTES)), this.parameter(0)));
    this.enter(target);
    return this.done();
  }

  /** INT (parameter: vector) by the table at the address that LIDT has set. */
  interrupt(): FunctionBody {
    this.beginReal('real mode');
    this.refuseIf(this.monitorWord(MONITOR_WORDS.vectorsWatched));
    const place = this.let(this.shl(this.parameter(0), this.i32(2)));
    this.refuseIf(this.gtU(this.add(place, this.i32(POINTER_BYTES - 1)), this.word(L.IDTR_LIMIT)));
    const vector = this.find('read', this.let(this.add(this.wide(L.IDTR_BASE), this.toI64Unsigned(place))), POINTER_BYTES);
    const target = this.popped(vector);
    const { frame, top } = this.room(FRAME_BYTES);
    this.storeAt(frame, 0, this.returnPointer());
    this.code.store(OP.i32_store16, expression(frame), POINTER_BYTES, expression(this.flags()));
    this.setStackPointer(top);
    this.setWord(L.FLAGS_SYSTEM, this.and(this.word(L.FLAGS_SYSTEM), this.i32(~(FLAG.IF | FLAG.TF | FLAG.AC | FLAG.RF))));
    this.enter(target);
    return this.done();
  }

  interruptReturn(): FunctionBody {
    this.beginReal('real mode');
    this.refuseIf(this.and(this.word(L.NON_MASKABLE), this.i32(NMI.pending | NMI.blocked)));
    const { frame, pointer } = this.top(FRAME_BYTES);
    const lower = this.let(load(OP.i32_load16_u, I32, expression(frame), POINTER_BYTES));
    const image = this.let(this.or(lower, this.and(this.word(L.FLAGS_SYSTEM), this.i32(~LOW_HALF))));
    this.refuseEventful(image);
    const target = this.popped(frame);
    this.setFlags(image);
    this.setStackPointer(this.add(pointer, this.i32(FRAME_BYTES)));
    this.enter(target);
    return this.done();
  }

  /** Refuses what has ways of its own in services: protected mode, single steps, stacks of 32 bits, alignment checks, and what a debugger waits for. */
  private beginReal(modes: 'real mode' | 'virtual-8086 too'): void {
    const flags = this.word(L.FLAGS_SYSTEM);
    const cr0 = this.word(L.CR0);
    this.refuseIf(this.and(this.monitorWord(MONITOR_WORDS.eventsWatched), this.i32(WATCHED.transfers)));
    this.refuseIf(this.and(flags, this.i32(FLAG.TF)));
    const isProtected = this.and(cr0, this.i32(CR0.PE));
    const isVirtual = this.let(this.and(flags, this.i32(FLAG.VM)));
    this.refuseIf(modes === 'real mode' ? isProtected : this.and(isProtected, this.eqz(isVirtual)));
    // What real mode has of protected mode's code segment goes with the first transfer.
    const rights = modes === 'real mode' ? this.i32(REAL_MODE_RIGHTS) : this.select(isVirtual, this.i32(VIRTUAL_8086_RIGHTS), this.i32(REAL_MODE_RIGHTS));
    this.refuseIf(this.ne(this.and(this.word(partOf(L.CS, L.SEG_ATTRIBUTES)), this.i32(0xff)), rights));
    this.refuseOtherStacks(cr0, flags);
  }

  /** Refuses code that is not known, and an offset outside of its segment. */
  private target(selector: Value, offset: Value): Target {
    const low = this.let(this.and(selector, this.i32(LOW_HALF)));
    const number = this.and(this.xor(low, this.shrU(low, this.i32(Math.log2(FAR_TARGET_COUNT)))), this.i32(FAR_TARGET_COUNT - 1));
    const entry = this.let(this.add(this.mul(number, this.i32(FAR_TARGET_BYTES)), this.i32(FAR_TARGETS)));
    this.refuseIf(this.ne(this.loadAt(entry, FAR_TARGET.selector), this.or(low, this.i32(FAR_TARGET_VALID))));
    const place = this.let(offset);
    this.refuseIf(this.gtU(place, this.word(partOf(L.CS, L.SEG_LIMIT))));
    return { selector: low, offset: place, entry };
  }

  /** The target that a far pointer in memory names. */
  private popped(host: Value): Target {
    const pointer = this.loadAt(host, 0);
    return this.target(this.shrU(pointer, this.i32(16)), this.and(pointer, this.i32(LOW_HALF)));
  }

  private enter({ selector, offset, entry }: Target): void {
    this.setWord(partOf(L.CS, L.SEG_SELECTOR), selector);
    this.setWide(partOf(L.CS, L.SEG_BASE), this.toI64Unsigned(this.shl(selector, this.i32(4))));
    this.setWide(L.EIP, this.toI64Unsigned(offset));
    this.setWord(L.TLB_EXECUTE_TABLE, this.loadAt(entry, FAR_TARGET.tables));
    this.setMonitorWord(MONITOR_WORDS.jumpTag, this.loadAt(entry, FAR_TARGET.tag));
    this.setMonitorWord(MONITOR_WORDS.codeMoved, this.i32(1));
  }

  /** CS, and the instruction pointer behind, as they are pushed. */
  private returnPointer(): Value {
    return this.or(this.and(this.word(L.EIP), this.i32(LOW_HALF)), this.shl(this.word(partOf(L.CS, L.SEG_SELECTOR)), this.i32(16)));
  }

  /** Where so many bytes are to be pushed: host address, and the stack pointer that comes of it. */
  private room(bytes: number): { readonly frame: Value; readonly top: Value } {
    const pointer = this.pointer();
    this.refuseIf(this.ltU(pointer, this.i32(bytes)));
    const top = this.let(this.sub(pointer, this.i32(bytes)));
    return { frame: this.stack('write', top, bytes), top };
  }

  /** What lies on top of the stack: host address, and the stack pointer. */
  private top(bytes: number): { readonly frame: Value; readonly pointer: Value } {
    const pointer = this.pointer();
    return { frame: this.stack('read', pointer, bytes), pointer };
  }

  private pointer(): Value {
    return this.let(this.and(this.word(STACK_POINTER), this.i32(LOW_HALF)));
  }
  /** The pointer's lower half, which is all of it that a stack of 16 bits has. */
  private setStackPointer(value: Value): void {
    this.code.store(OP.i32_store16, CPU, at(STACK_POINTER), expression(value));
  }

  private setMonitorWord(address: number, value: Value): void {
    this.code.store(OP.i32_store, CPU, address, expression(value));
  }
}

const signature = (count: number): { readonly parameters: readonly WasmType[]; readonly results: readonly WasmType[] } => ({ parameters: new Array<WasmType>(count).fill(I32), results: [I32] });

export const FAR_ROUTINES: Readonly<Record<FarRoutine, ReturnType<typeof signature>>> = {
  realJump: signature(2), realCall: signature(2), realReturn: signature(1), realInterrupt: signature(1), realInterruptReturn: signature(0),
};

/** @param beside as StackRoutineEmitter's */
export function emitFarRoutine(name: FarRoutine, beside: number): FunctionBody {
  const e = new FarEmitter(FAR_ROUTINES[name].parameters, beside);
  switch (name) {
    case 'realJump': return e.jump();
    case 'realCall': return e.call();
    case 'realReturn': return e.return();
    case 'realInterrupt': return e.interrupt();
    case 'realInterruptReturn': return e.interruptReturn();
  }
}
