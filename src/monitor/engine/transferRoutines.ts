/**
 * Routines of the transfers into an operating system's kernel and back: fast system calls, interrupts, exceptions, and IRET,
 * between flat code of 32 bits, or code of 64 bits, at privilege 0 and 3, whose segments stay the same but for that.
 *
 * The instruction pointer to go back to is EIP in the state block; a routine that gives 1 leaves there where to go on.
 * Sources: Intel SDM vol. 2 (SYSENTER, SYSEXIT, SYSCALL, SYSRET, IRET), vol. 3, 6.12 to 6.14.
 */
import * as L from '../cpu/layout';
import { ATTRIBUTE, EFER, FLAG, NMI } from '../cpu/state';
import { DELIVERY, type KernelRoutine } from '../isa/systemEmitter';
import type { Value } from '../isa/emitter';
import { MONITOR_WORDS } from '../memory/layout';
import type { FunctionBody } from './controlFunctions';
import { WATCHED } from './stopDecisions';
import { SystemRoutineEmitter, USER, partOf } from './systemRoutineEmitter';
import { I32, type WasmType } from './wasm/encoding';

/** Attributes of the segments that the fast system calls load, at privilege 0. */
const CODE_32 = 0xc9b, CODE_64 = 0xa9b, DATA = 0xc93;
/** Bits of RFLAGS that SYSRET takes from R11. */
const SYSRET_FLAGS = 0x3c7fd7;
const R11 = 11;
/** General registers, as offsets in the state block. */
const register = (number: number): number => L.REG + 8 * number;

/** TSS descriptors: available or busy, of 32 bits and of long mode. */
const TSS = 0x89, TSS_BUSY_OR_NOT = 2;
/** Offset of the stack pointer for privilege 0 in a TSS of 32 bits, and of 64. */
const TSS_STACK = 4;
const GATE_TYPE = 0x9e, GATE = 0x8e;

class TransferEmitter extends SystemRoutineEmitter {
  /** A debugger waits for what transfers do: services are asked about it. */
  override begin(mode: 'legacy' | 'long'): void {
    this.refuseIf(this.and(this.monitorWord(MONITOR_WORDS.eventsWatched), this.i32(WATCHED.transfers)));
    super.begin(mode);
  }

  /** Code and stack are the flat ones that the fast system calls load. */
  private refuseUnlessFlat(code: number): void {
    this.refuseOther(L.CS, this.flatDescriptor(code));
    if (code === CODE_32) this.refuseOther(L.SS, this.flatDescriptor(DATA));
  }

  private flatSegments(code: Value, stack: Value, privilege: Value, long: boolean): void {
    this.reselect(L.CS, code, privilege);
    if (!long) return this.reselect(L.SS, stack, privilege);
    const attributes = this.or(this.i32(DATA), this.shl(privilege, this.i32(5)));
    this.setLongStack(this.or(this.and(stack, this.i32(0xfffc)), privilege), { ...this.flatDescriptor(DATA), attributes: this.let(attributes) });
  }

  private refuseUnlessSystem(): void {
    this.refuseIf(this.word(L.CPL));
  }

  sysenter(): FunctionBody {
    this.begin('legacy');
    this.refuseUnlessFlat(CODE_32);
    const selector = this.word(L.SYSENTER_CS);
    this.refuseIf(this.eqz(this.and(selector, this.i32(0xfffc))));
    this.setWord(L.FLAGS_SYSTEM, this.and(this.word(L.FLAGS_SYSTEM), this.i32(~(FLAG.IF | FLAG.RF))));
    this.flatSegments(selector, this.add(selector, this.i32(8)), this.i32(0), false);
    this.setWide(register(L.RSP), this.toI64Unsigned(this.word(L.SYSENTER_ESP)));
    this.setWide(L.EIP, this.toI64Unsigned(this.word(L.SYSENTER_EIP)));
    this.setPrivilege(this.i32(0));
    return this.done();
  }

  sysexit(): FunctionBody {
    this.begin('legacy');
    this.refuseUnlessSystem();
    this.refuseUnlessFlat(CODE_32);
    const selector = this.word(L.SYSENTER_CS);
    this.refuseIf(this.eqz(this.and(selector, this.i32(0xfffc))));
    this.flatSegments(this.add(selector, this.i32(16)), this.add(selector, this.i32(24)), this.i32(USER), false);
    this.setWide(register(L.RSP), this.toI64Unsigned(this.word(register(L.RCX))));
    this.setWide(L.EIP, this.toI64Unsigned(this.word(register(L.RDX))));
    this.setPrivilege(this.i32(USER));
    return this.done();
  }

  syscall(): FunctionBody {
    this.begin('long');
    this.refuseUnlessFlat(CODE_64);
    this.refuseIf(this.eqz(this.and(this.word(L.EFER), this.i32(EFER.SCE))));
    const flags = this.let(this.and(this.flags(), this.i32(~FLAG.RF)));
    const selector = this.let(this.and(this.word(L.MSR_STAR + 4), this.i32(0xffff)));
    this.setWide(register(L.RCX), this.wide(L.EIP));
    this.setWide(register(R11), this.toI64Unsigned(flags));
    this.setFlags(this.let(this.and(flags, this.xor(this.word(L.MSR_FMASK), this.i32(-1)))));
    this.flatSegments(selector, this.add(selector, this.i32(8)), this.i32(0), true);
    this.setWide(L.EIP, this.wide(L.MSR_LSTAR));
    this.setPrivilege(this.i32(0));
    return this.done();
  }

  sysret(): FunctionBody {
    this.begin('long');
    this.refuseUnlessSystem();
    this.refuseUnlessFlat(CODE_64);
    this.refuseIf(this.eqz(this.and(this.word(L.EFER), this.i32(EFER.SCE))));
    const target = this.wide(register(L.RCX));
    this.refuseIf(this.notCanonical(target));
    const image = this.let(this.or(this.and(this.word(register(R11)), this.i32(SYSRET_FLAGS)), this.i32(2)));
    this.refuseEventful(image);
    const selector = this.let(this.shrU(this.word(L.MSR_STAR + 4), this.i32(16)));
    this.setFlags(image);
    this.flatSegments(this.add(selector, this.i32(16)), this.add(selector, this.i32(8)), this.i32(USER), true);
    this.setWide(L.EIP, target);
    this.setPrivilege(this.i32(USER));
    return this.done();
  }

  /** IRET of a kernel, to itself or to a program. */
  interruptReturn(long: boolean): FunctionBody {
    this.begin(long ? 'long' : 'legacy');
    this.refuseUnlessSystem();
    this.refuseIf(this.and(this.word(L.FLAGS_SYSTEM), this.i32(FLAG.NT)));
    this.refuseIf(this.and(this.word(L.NON_MASKABLE), this.i32(NMI.pending | NMI.blocked)));
    if (!long) this.refuseOther(L.SS, this.flatDescriptor(DATA));
    const frame = this.returnFrame(long);
    this.refuseIf(this.and(frame.image, this.i32(FLAG.VM)));
    this.refuseEventful(frame.image);
    // A return that resumes means something where the guest has breakpoints of its own.
    const breakpoints = this.and(this.word(L.DR + 8 * 7), this.i32(0xff));
    this.refuseIf(this.and(this.ne(this.and(frame.image, this.i32(FLAG.RF)), this.i32(0)), this.ne(breakpoints, this.i32(0))));
    const privilege = this.let(this.and(frame.code, this.i32(3)));
    const outer = this.let(this.eq(privilege, this.i32(USER)));
    this.refuseIf(this.eqz(this.or(outer, this.eqz(privilege))));
    this.refuseIf(this.eqz(this.and(frame.code, this.i32(0xfffc))));
    const code = this.descriptor(frame.code);
    this.refuseIf(this.ne(this.and(code.attributes, this.i32(ATTRIBUTE.code | ATTRIBUTE.conforming)), this.i32(ATTRIBUTE.code)));
    this.refuseIf(this.ne(this.privilegeOf(code.attributes), privilege));
    this.refuseOther(L.CS, code);
    this.refuseIf(long ? this.notCanonical(frame.offset) : this.gtU(this.toI32(frame.offset), code.limit));
    if (long) this.returnStack(frame.stack, privilege, frame.pointer);
    else {
      const pointer = this.variable(frame.behind);
      this.if(outer, () => {
        this.refuseOtherStack(frame.stack, this.i32(USER));
        this.assign(pointer, this.toI32(frame.pointer));
      });
      this.if(outer, () => this.refuseInnerSegments());
      this.if(outer, () => {
        this.clearNullSelectors();
        this.reselect(L.SS, frame.stack, this.i32(USER));
      });
      this.setWide(register(L.RSP), this.toI64Unsigned(pointer));
    }
    this.setFlags(frame.image);
    this.reselect(L.CS, frame.code, privilege);
    this.setWide(L.EIP, frame.offset);
    this.setPrivilege(privilege);
    return this.done();
  }

  /** What IRET finds on the stack; `pointer` and `stack` are there in 64-bit code, and in a return to a program. */
  private returnFrame(long: boolean): { readonly offset: Value; readonly code: Value; readonly image: Value; readonly pointer: Value; readonly stack: Value; readonly behind: Value } {
    if (long) {
      const host = this.host('read', this.wide(register(L.RSP)), this.i32(40));
      const half = (offset: number): Value => this.loadAt(host, offset);
      return { offset: this.loadWideAt(host, 0), code: this.let(this.and(half(8), this.i32(0xffff))), image: half(16), pointer: this.loadWideAt(host, 24), stack: this.let(this.and(half(32), this.i32(0xffff))), behind: this.i32(0) };
    }
    const top = this.word(register(L.RSP));
    const linear = this.let(this.toI64Unsigned(top));
    // All five words are in one page, whether they are asked for or not: the page of a kernel's stack.
    const host = this.host('read', linear, this.i32(12));
    const code = this.let(this.and(this.loadAt(host, 4), this.i32(0xffff)));
    const pointer = this.variable(this.i32(0));
    const stack = this.variable(this.i32(0));
    this.if(this.eq(this.and(code, this.i32(3)), this.i32(USER)), () => {
      const more = this.host('read', linear, this.i32(20));
      this.assign(pointer, this.loadAt(more, 12));
      this.assign(stack, this.and(this.loadAt(more, 16), this.i32(0xffff)));
    });
    return { offset: this.let(this.toI64Unsigned(this.loadAt(host, 0))), code, image: this.loadAt(host, 8), pointer: this.toI64Unsigned(pointer), stack, behind: this.let(this.add(top, this.i32(12))) };
  }

  /** SS for a return of 64-bit code, and RSP. */
  private returnStack(selector: Value, privilege: Value, pointer: Value): void {
    const isNull = this.let(this.eqz(this.and(selector, this.i32(0xfffc))));
    // A program always has a stack segment; a null one has the privilege of the code.
    this.refuseIf(this.or(this.ne(this.and(selector, this.i32(3)), privilege), this.and(isNull, this.eq(privilege, this.i32(USER)))));
    this.if(this.eq(privilege, this.i32(USER)), () => this.refuseInnerSegments());
    this.if(
      isNull,
      () => this.setLongStack(this.i32(0), undefined),
      () => {
        const stack = this.stackDescriptor(selector, privilege);
        this.setLongStack(selector, stack);
      },
    );
    this.if(this.eq(privilege, this.i32(USER)), () => this.clearNullSelectors());
    this.setWide(register(L.RSP), pointer);
  }

  private stackDescriptor(selector: Value, privilege: Value): ReturnType<SystemRoutineEmitter['descriptor']> {
    this.refuseIf(this.ne(this.and(selector, this.i32(3)), privilege));
    this.refuseIf(this.eqz(this.and(selector, this.i32(0xfffc))));
    const stack = this.descriptor(selector);
    const kind = ATTRIBUTE.code | ATTRIBUTE.expandDown | ATTRIBUTE.writable;
    this.refuseIf(this.ne(this.and(stack.attributes, this.i32(kind)), this.i32(ATTRIBUTE.writable)));
    this.refuseIf(this.ne(this.privilegeOf(stack.attributes), privilege));
    return stack;
  }

  private refuseOtherStack(selector: Value, privilege: Value): void {
    this.refuseOther(L.SS, this.stackDescriptor(selector, privilege));
  }

  /** Refuses when a data segment has to go because the program may not see it. */
  private refuseInnerSegments(): void {
    for (const segment of [L.ES, L.DS, L.FS, L.GS]) {
      const attributes = this.word(partOf(segment, L.SEG_ATTRIBUTES));
      const present = this.ne(this.and(attributes, this.i32(ATTRIBUTE.present)), this.i32(0));
      this.refuseIf(this.and(present, this.ne(this.privilegeOf(attributes), this.i32(USER))));
    }
  }

  /** Null selectors lose their RPL. */
  private clearNullSelectors(): void {
    for (const segment of [L.ES, L.DS, L.FS, L.GS]) {
      const at = partOf(segment, L.SEG_SELECTOR);
      const selector = this.word(at);
      this.setWord(at, this.select(this.and(selector, this.i32(0xfffc)), selector, this.i32(0)));
    }
  }

  /** Delivery through an interrupt or trap gate to privilege 0 (parameters: vector, DELIVERY bits, error code). */
  interrupt(long: boolean): FunctionBody {
    const [vector, kind, errorCode] = [this.parameter(0), this.parameter(1), this.parameter(2)];
    this.begin(long ? 'long' : 'legacy');
    const software = this.let(this.ne(this.and(kind, this.i32(DELIVERY.software)), this.i32(0)));
    this.refuseIf(this.and(software, this.monitorWord(MONITOR_WORDS.vectorsWatched)));
    const cpl = this.word(L.CPL);
    const inner = this.let(this.eq(cpl, this.i32(USER)));
    this.refuseIf(this.eqz(this.or(inner, this.eqz(cpl))));
    const gate = this.gate(vector, long);
    this.refuseIf(this.and(software, this.ltU(this.privilegeOf(gate.attributes), cpl)));
    this.refuseIf(this.eqz(this.and(gate.selector, this.i32(0xfffc))));
    const code = this.descriptor(gate.selector);
    this.refuseIf(this.ne(this.and(code.attributes, this.i32(ATTRIBUTE.code | ATTRIBUTE.conforming | ATTRIBUTE.dpl)), this.i32(ATTRIBUTE.code)));
    this.refuseOther(L.CS, code);
    if (long) this.refuseIf(this.ne(this.and(code.attributes, this.i32(ATTRIBUTE.long | ATTRIBUTE.big)), this.i32(ATTRIBUTE.long)));
    else {
      this.refuseIf(this.gtU(this.toI32(gate.offset), code.limit));
      this.refuseOther(L.SS, this.flatDescriptor(DATA));
    }
    const flags = this.flags();
    const image = this.let(this.or(flags, this.select(this.and(kind, this.i32(DELIVERY.resume)), this.i32(FLAG.RF), this.i32(0))));
    const hasError = this.let(this.and(kind, this.i32(DELIVERY.errorCode)));
    if (long) this.pushLongFrame(inner, image, hasError, errorCode);
    else this.pushFrame(inner, image, hasError, errorCode);
    const masked = this.select(this.and(gate.attributes, this.i32(1)), this.i32(0), this.i32(FLAG.IF));
    const cleared = this.or(masked, this.i32(FLAG.TF | FLAG.NT | FLAG.RF | FLAG.VM));
    this.setWord(L.FLAGS_SYSTEM, this.and(this.word(L.FLAGS_SYSTEM), this.xor(cleared, this.i32(-1))));
    this.reselect(L.CS, gate.selector, this.i32(0));
    this.setWide(L.EIP, gate.offset);
    this.setWord(L.HALTED, this.i32(0));
    this.setPrivilege(this.i32(0));
    return this.done();
  }

  /** The gate of a vector; `attributes` are those of a descriptor. Stacks of the interrupt stack table are refused. */
  private gate(vector: Value, long: boolean): { readonly selector: Value; readonly offset: Value; readonly attributes: Value } {
    const bytes = long ? 16 : 8;
    const offset = this.let(this.mul(vector, this.i32(bytes)));
    this.refuseIf(this.gtU(this.add(offset, this.i32(bytes - 1)), this.word(L.IDTR_LIMIT)));
    const linear = this.let(this.add(this.wide(L.IDTR_BASE), this.toI64Unsigned(offset)));
    const host = this.host('read', linear, this.i32(bytes));
    const [low, high] = [this.loadAt(host, 0), this.loadAt(host, 4)];
    const attributes = this.let(this.and(this.shrU(high, this.i32(8)), this.i32(0xff)));
    this.refuseIf(this.ne(this.and(attributes, this.i32(GATE_TYPE)), this.i32(GATE)));
    const lower = this.toI64Unsigned(this.or(this.and(low, this.i32(0xffff)), this.and(high, this.i32(0xffff0000))));
    const selector = this.let(this.shrU(low, this.i32(16)));
    if (!long) return { selector, offset: this.let(lower), attributes };
    this.refuseIf(this.and(high, this.i32(7)));
    const target = this.let(this.or(lower, this.shl(this.toI64Unsigned(this.loadAt(host, 8)), this.i64(32n))));
    this.refuseIf(this.notCanonical(target));
    return { selector, offset: target, attributes };
  }

  /** Host address of the part of the TSS that has the stack for privilege 0. */
  private innerStack(bytes: number): Value {
    const attributes = this.word(partOf(L.TR, L.SEG_ATTRIBUTES));
    this.refuseIf(this.ne(this.and(attributes, this.i32(0x9f & ~TSS_BUSY_OR_NOT)), this.i32(TSS)));
    this.refuseIf(this.ltU(this.word(partOf(L.TR, L.SEG_LIMIT)), this.i32(TSS_STACK + bytes)));
    const linear = this.let(this.add(this.wide(partOf(L.TR, L.SEG_BASE)), this.i64(BigInt(TSS_STACK))));
    return this.host('read', linear, this.i32(bytes));
  }

  private pushFrame(inner: Value, image: Value, hasError: Value, errorCode: Value): void {
    const old = this.word(register(L.RSP));
    const pointer = this.variable(old);
    const stack = this.variable(this.i32(0));
    this.if(inner, () => {
      const host = this.innerStack(8);
      this.assign(stack, this.and(this.loadAt(host, 4), this.i32(0xffff)));
      this.refuseOtherStack(stack, this.i32(0));
      this.assign(pointer, this.loadAt(host, 0));
    });
    const bytes = this.let(this.add(this.add(this.i32(12), this.shl(hasError, this.i32(2))), this.shl(inner, this.i32(3))));
    const top = this.let(this.sub(pointer, bytes));
    const host = this.host('write', this.let(this.toI64Unsigned(top)), bytes);
    this.if(hasError, () => this.storeAt(host, 0, errorCode));
    const frame = this.let(this.add(host, this.shl(hasError, this.i32(2))));
    this.storeAt(frame, 0, this.word(L.EIP));
    this.storeAt(frame, 4, this.word(partOf(L.CS, L.SEG_SELECTOR)));
    this.storeAt(frame, 8, image);
    this.if(inner, () => {
      this.storeAt(frame, 12, old);
      this.storeAt(frame, 16, this.word(partOf(L.SS, L.SEG_SELECTOR)));
      this.reselect(L.SS, stack, this.i32(0));
    });
    this.setWide(register(L.RSP), this.toI64Unsigned(top));
  }

  private pushLongFrame(inner: Value, image: Value, hasError: Value, errorCode: Value): void {
    const old = this.wide(register(L.RSP));
    const pointer = this.variable(old);
    this.if(inner, () => this.assign(pointer, this.loadWideAt(this.innerStack(8), 0)));
    const bytes = this.let(this.add(this.i32(40), this.shl(hasError, this.i32(3))));
    const top = this.let(this.sub(this.and(pointer, this.i64(-16n)), this.toI64Unsigned(bytes)));
    const host = this.host('write', top, bytes);
    const wide = (value: Value): Value => this.toI64Unsigned(value);
    this.if(hasError, () => this.storeAt(host, 0, wide(errorCode)));
    const frame = this.let(this.add(host, this.shl(hasError, this.i32(3))));
    this.storeAt(frame, 0, this.wide(L.EIP));
    this.storeAt(frame, 8, wide(this.word(partOf(L.CS, L.SEG_SELECTOR))));
    this.storeAt(frame, 16, wide(image));
    this.storeAt(frame, 24, old);
    this.storeAt(frame, 32, wide(this.word(partOf(L.SS, L.SEG_SELECTOR))));
    this.if(inner, () => this.setLongStack(this.i32(0), undefined));
    this.setWide(register(L.RSP), top);
  }
}

const DONE: readonly WasmType[] = [I32];
const transfer = { parameters: [], results: DONE } as const;
const delivery = { parameters: [I32, I32, I32], results: DONE } as const;

export const TRANSFER_ROUTINES: Readonly<Record<KernelRoutine, { readonly parameters: readonly WasmType[]; readonly results: readonly WasmType[] }>> = {
  sysenter: transfer,
  sysexit: transfer,
  syscall: transfer,
  sysret: transfer,
  iret32: transfer,
  iret64: transfer,
  interrupt32: delivery,
  interrupt64: delivery,
};

export function emitTransferRoutine(name: KernelRoutine): FunctionBody {
  const e = new TransferEmitter(TRANSFER_ROUTINES[name].parameters);
  switch (name) {
    case 'iret32':
      return e.interruptReturn(false);
    case 'iret64':
      return e.interruptReturn(true);
    case 'interrupt32':
      return e.interrupt(false);
    case 'interrupt64':
      return e.interrupt(true);
    default:
      return e[name]();
  }
}
