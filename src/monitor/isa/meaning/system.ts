/**
 * Meanings of system instructions, as operating systems and programs of real mode execute them. What virtual-8086 tasks may not do without
 * their IOPL, and programs that may not do what they try, are left to the services of the same names.
 *
 * Source: Intel SDM vol. 2.
 */
import type { Emitter, Meaning, Value } from '../emitter';
import { DELIVERY, type TransferRoutine } from '../systemEmitter';
import { AC, IF, IOPL, RF, STATUS_MASK, TF, VIF, VIP, VM, statusImage, statusWords } from '../flags';

const IOPL_SHIFT = 12, IF_SHIFT = 9;

/** CLI where the task may clear IF: its IOPL lets it, and real mode. */
const cli: Meaning = (e) =>
  e.orService((giveUpIf) => {
    const flags = e.let(e.systemFlags());
    giveUpIf(e.gtU(e.privilegeLevel(), e.and(e.shrU(flags, e.i32(IOPL_SHIFT)), e.i32(3))));
    e.setSystemFlags(e.and(flags, e.i32(~IF)));
  });

const pushf: Meaning = (e) =>
  e.orService((giveUpIf) => {
    const flags = e.let(e.systemFlags());
    giveUpIf(e.and(flags, e.i32(VM)));
    const image = e.let(e.and(e.or(flags, statusImage(e)), e.i32(~RF)));
    e.push(e.size === 64 ? e.toI64Unsigned(image) : image, e.size);
  });

/** STI where the task may set IF, and no interrupt waits for it. */
const sti: Meaning = (e) =>
  e.orService((giveUpIf) => {
    const flags = e.let(e.systemFlags());
    giveUpIf(e.and(flags, e.i32(VM)));
    giveUpIf(e.gtU(e.privilegeLevel(), e.and(e.shrU(flags, e.i32(IOPL_SHIFT)), e.i32(3))));
    giveUpIf(e.interruptWaits());
    e.if(e.eqz(e.and(flags, e.i32(IF))), () => {
      e.setSystemFlags(e.or(flags, e.i32(IF)));
      e.holdInterrupts();
    });
  });

/** POPF, unless TF or AC change, or an interrupt can be taken behind it. Programs change neither IF nor IOPL. */
const popf: Meaning = (e) =>
  e.orService((giveUpIf) => {
    const flags = e.let(e.systemFlags());
    giveUpIf(e.and(flags, e.i32(VM | TF)));
    const isProgram = e.let(e.ne(e.privilegeLevel(), e.i32(0)));
    // One that may change IF.
    giveUpIf(e.and(isProgram, e.ne(e.and(flags, e.i32(IOPL)), e.i32(0))));
    const top = e.pop(e.size);
    const popped = e.let(e.size === 64 ? e.toI32(top.value) : top.value);
    // The upper half stays with an operand of 16 bits.
    const image = e.size === 16 ? e.let(e.or(popped, e.and(flags, e.i32(~0xffff)))) : popped;
    giveUpIf(e.and(e.xor(image, flags), e.i32(TF | AC)));
    const kept = e.let(e.or(e.i32(VM | VIF | VIP), e.select(isProgram, e.i32(IF | IOPL), e.i32(0))));
    const old = e.and(flags, kept);
    const fresh = e.and(e.and(image, e.changeableFlags()), e.xor(e.or(kept, e.i32(STATUS_MASK | RF)), e.i32(-1)));
    const next = e.let(e.or(e.or(old, fresh), e.fixedFlags()));
    giveUpIf(e.and(e.interruptWaits(), e.and(e.shrU(next, e.i32(IF_SHIFT)), e.i32(1))));
    e.setSystemFlags(next);
    e.setStatus(() => statusWords(e, image));
    top.commit();
  });

/** A selector goes to a register in the operand size, and to memory as 16 bits. */
const moveFromSegment: Meaning = (e) => {
  const selector = e.selector(e.toI32(e.immediate()));
  if (e.isRegister(0)) e.write(0, e.toOperand(selector));
  else e.write(0, selector, 16);
};

const CS = 1, GS = 5;

const moveToSegment: Meaning = (e) =>
  e.orService((giveUpIf) => {
    const segment = e.toI32(e.immediate());
    giveUpIf(e.or(e.eq(segment, e.i32(CS)), e.gtU(segment, e.i32(GS))));
    giveUpIf(e.eqz(e.loadSegment(segment, e.read(0, 16))));
  });

const pushSegment = (segment: number): Meaning => (e: Emitter) => {
  const selector: Value = e.selector(e.i32(segment));
  e.pushSelector(selector, e.size);
};

const popSegment = (segment: number): Meaning => (e: Emitter) =>
  e.orService((giveUpIf) => {
    const top = e.pop(e.size);
    giveUpIf(e.eqz(e.loadSegment(e.i32(segment), e.size === 64 ? e.toI32(top.value) : top.value)));
    top.commit();
  });

/** A far pointer in memory: its offset, in the operand size, and the selector behind that. */
function farPointer(e: Emitter, index: number): { readonly offset: Value; readonly selector: Value } {
  const offset = e.let(e.read(index));
  e.displace(index, e.i64(BigInt(e.size / 8)));
  return { offset, selector: e.read(index, 16) };
}

/** LES and its like; LSS is the service's. */
const loadFarPointer = (segment: number): Meaning => (e) =>
  e.orService((giveUpIf) => {
    const { offset, selector } = farPointer(e, 1);
    giveUpIf(e.eqz(e.loadSegment(e.i32(segment), selector)));
    e.write(0, offset);
  });

/** MOV from CR0, CR2 and CR3; operands have the code's width. */
const moveFromControl: Meaning = (e) =>
  e.orService((giveUpIf) => {
    giveUpIf(e.privilegeLevel());
    const number = e.toI32(e.immediate());
    const is = (register: number): Value => e.eq(number, e.i32(register));
    giveUpIf(e.eqz(e.or(is(0), e.or(is(2), is(3)))));
    const value = e.select(is(0), e.controlRegister(0), e.select(is(2), e.controlRegister(2), e.controlRegister(3)));
    if (e.codeModel === 'long') e.write(0, value, 64);
    else e.write(0, e.toI32(value), 32);
  });

/** CR4.TSD: programs may not read the time-stamp counter. */
const TSD = 4;
const RAX = 0, RCX = 1, RDX = 2;

/** RDTSC; RDTSCP gives IA32_TSC_AUX besides. */
const readTimeStamp = (auxiliary: boolean): Meaning => (e) =>
  e.orService((giveUpIf) => {
    giveUpIf(e.and(e.ne(e.privilegeLevel(), e.i32(0)), e.ne(e.and(e.toI32(e.controlRegister(4)), e.i32(TSD)), e.i32(0))));
    const now = e.let(e.timeStamp());
    e.setRegister(RAX, 32, e.toI32(now));
    e.setRegister(RDX, 32, e.toI32(e.shrU(now, e.i64(32n))));
    if (auxiliary) e.setRegister(RCX, 32, e.timeStampAuxiliary());
  });

/** IA32_FS_BASE, GS_BASE and KERNEL_GS_BASE. */
const BASES = [0xc0000100, 0xc0000101, 0xc0000102] as const;

/** WRMSR to a segment base of 64-bit code, with which each switch of tasks begins. */
const writeModelSpecific: Meaning = (e) => {
  if (e.codeModel !== 'long') return e.service();
  e.orService((giveUpIf) => {
    giveUpIf(e.or(e.privilegeLevel(), e.registersWatched()));
    const number = e.let(e.sub(e.register(RCX, 32), e.i32(BASES[0])));
    giveUpIf(e.geU(number, e.i32(BASES.length)));
    const value = e.let(e.or(e.shl(e.toI64Unsigned(e.register(RDX, 32)), e.i64(32n)), e.toI64Unsigned(e.register(RAX, 32))));
    giveUpIf(e.isNotCanonical(value));
    e.setSegmentBase(number, value);
  });
};

/** CR4.FSGSBASE. */
const FSGSBASE = 0x10000;

/** RDFSBASE and its like: the base is `number` of those that WRMSR writes. */
const readBase = (number: number): Meaning => (e) =>
  e.orService((giveUpIf) => {
    giveUpIf(e.eqz(e.and(e.toI32(e.controlRegister(4)), e.i32(FSGSBASE))));
    const base = e.segmentBase(number);
    e.write(0, e.size === 64 ? base : e.toI32(base));
  });

const writeBase = (number: number): Meaning => (e) =>
  e.orService((giveUpIf) => {
    giveUpIf(e.eqz(e.and(e.toI32(e.controlRegister(4)), e.i32(FSGSBASE))));
    const read = e.read(0);
    const base = e.let(e.size === 64 ? read : e.toI64Unsigned(read));
    giveUpIf(e.isNotCanonical(base));
    e.setSegmentBase(e.i32(number), base);
  });

/** A transfer between flat code of 32 bits, or code of 64 bits; all others are the service's. */
const transfer = (flat: TransferRoutine | undefined, long: TransferRoutine | undefined): Meaning => (e) => {
  const routine = e.codeModel === 'flat' ? flat : e.codeModel === 'long' ? long : undefined;
  const whole = e.size === (e.codeModel === 'long' ? 64 : 32);
  if (routine && (whole || SIZELESS.has(routine))) e.transfer(routine);
  else e.service();
};
const interruptReturn: Meaning = (e) => {
  if (e.codeModel === 'seg' && e.size === 16) e.transfer('realInterruptReturn');
  else transfer('iret32', 'iret64')(e);
};

/** Far transfers of real mode, in its operand size; all others are the service's. */
const farTransfer = (body: (e: Emitter) => void): Meaning => (e) => {
  if (e.codeModel === 'seg' && e.size === 16) body(e);
  else e.service();
};

const immediatePointer = (e: Emitter): readonly [selector: Value, offset: Value] => [e.secondImmediate(), e.immediate()];
const memoryPointer = (e: Emitter): readonly [selector: Value, offset: Value] => {
  const { offset, selector } = farPointer(e, 0);
  return [selector, offset];
};

/** Transfers that do not ask for the operand size. */
const SIZELESS: ReadonlySet<TransferRoutine> = new Set<TransferRoutine>(['sysenter', 'syscall']);

const interrupt: Meaning = (e) => {
  const routine = e.codeModel === 'flat' ? 'interrupt32' : e.codeModel === 'long' ? 'interrupt64' : undefined;
  const vector = e.and(e.toI32(e.immediate()), e.i32(0xff));
  if (routine) e.transfer(routine, vector, e.i32(DELIVERY.software), e.i32(0));
  else e.transfer('realInterrupt', vector);
};

/** Data segments that POP, and LES and its like, load; SS is the service's. */
const LOADED: readonly (readonly [string, number])[] = [['es', 0], ['ds', 3], ['fs', 4], ['gs', 5]];

/** Meanings by name. */
export const system: Readonly<Record<string, Meaning>> = {
  cli,
  sti,
  pushf,
  popf,
  mov_from_seg: moveFromSegment,
  mov_to_seg: moveToSegment,
  mov_from_cr: moveFromControl,
  rdtsc: readTimeStamp(false),
  rdtscp: readTimeStamp(true),
  sysenter: transfer('sysenter', undefined),
  sysexit: transfer('sysexit', undefined),
  syscall: transfer(undefined, 'syscall'),
  sysret: transfer(undefined, 'sysret'),
  iret: interruptReturn,
  jmpf_ap: farTransfer((e) => e.transfer('realJump', ...immediatePointer(e))),
  jmpf_m: farTransfer((e) => e.transfer('realJump', ...memoryPointer(e))),
  callf_ap: farTransfer((e) => e.transfer('realCall', ...immediatePointer(e))),
  callf_m: farTransfer((e) => e.transfer('realCall', ...memoryPointer(e))),
  retf: farTransfer((e) => e.transfer('realReturn', e.i32(0))),
  retf_imm: farTransfer((e) => e.transfer('realReturn', e.immediate())),
  int: interrupt,
  wrmsr: writeModelSpecific,
  rdfsbase: readBase(0),
  rdgsbase: readBase(1),
  wrfsbase: writeBase(0),
  wrgsbase: writeBase(1),
  ...Object.fromEntries(['es', 'cs', 'ss', 'ds', 'fs', 'gs'].map((name, segment) => [`push_${name}`, pushSegment(segment)])),
  ...Object.fromEntries(LOADED.flatMap(([name, segment]) => [[`pop_${name}`, popSegment(segment)], [`l${name}`, loadFarPointer(segment)]])),
  swapgs: (e) =>
    e.orService((giveUpIf) => {
      giveUpIf(e.privilegeLevel());
      e.exchangeGsBase();
    }),
};
