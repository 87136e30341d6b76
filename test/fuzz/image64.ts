/**
 * The image of a long-mode program: descriptors and gates of 16 bytes, a 64-bit task-state segment with stacks for IST, and the
 * rest of the prologue: into long mode, MSRs, registers of 64 bits, and IRETQ to the program (Intel SDM vol. 3, chapters 7 and 9).
 */
import { BIG, GRANULAR, LONG, PRESENT, Writer, descriptor, dpl, gate, le16, le32, le64 } from './bytes';
import type { Start } from './case';
import { AT, IO_MAP_AT, LDT_ENTRIES, LONG_SEL, SEL, TASK_LIMIT, handlerOf, istStack, stackTop, taskAt } from './layout';

const CODE = 0x1b, DATA = 0x13, LDT_TYPE = 2, TSS_TYPE = 9, INTERRUPT_GATE = 0x8e;
const IST_STACKS = 7;

export const MSR = { star: 0xc0000081, lstar: 0xc0000082, cstar: 0xc0000083, fmask: 0xc0000084, fsBase: 0xc0000100, gsBase: 0xc0000101, kernelGsBase: 0xc0000102, tscAux: 0xc0000103 } as const;
/** Where SYSCALL leads: SYSRETQ, and IA32_STAR that fits the descriptors below. */
export const SYSCALL_TARGET = AT.landings + 0x700;
const STAR_HIGH = (0x1b << 16) | SEL.code0;

/** A gate of 16 bytes. */
export function longGate(selector: number, offset: bigint, access: number, ist = 0): readonly number[] {
  return [...gate(selector, Number(offset & 0xffffffffn), access, ist), ...le32(Number((offset >> 32n) & 0xffffffffn)), ...le32(0)];
}

/** A system descriptor of 16 bytes. */
export function longDescriptor(base: bigint, limit: number, access: number, flags = 0): readonly number[] {
  return [...descriptor(Number(base & 0xffffffffn), limit, access, flags), ...le32(Number((base >> 32n) & 0xffffffffn)), ...le32(0)];
}

/** A handler in 64-bit code that drops the error code, if there is one, and returns. */
export const longHandler = (errorCode: boolean): readonly number[] => (errorCode ? [0x48, 0x83, 0xc4, 8, 0x48, 0xcf] : [0x48, 0xcf]);

/** The tables that every long-mode program finds. `errorCodes`: vectors that push one. */
export function writeLongTables(memory: Uint8Array, errorCodes: ReadonlySet<number>): void {
  const flat = (access: number, flags: number): readonly number[] => descriptor(0, 0xfffff, access, GRANULAR | flags);
  new Writer(memory, AT.gdt).put(
    descriptor(0, 0, 0),
    flat(PRESENT | CODE, LONG),
    flat(PRESENT | DATA, BIG),
    flat(PRESENT | dpl(3) | CODE, BIG),
    flat(PRESENT | dpl(3) | DATA, BIG),
    flat(PRESENT | dpl(3) | CODE, LONG),
    flat(PRESENT | CODE, BIG),
    descriptor(0, 0xffff, PRESENT | CODE),
    descriptor(AT.data, 0xffff, PRESENT | DATA),
    descriptor(0, 0xffff, PRESENT | dpl(3) | CODE),
    descriptor(AT.data, 0xffff, PRESENT | dpl(3) | DATA),
    flat(PRESENT | dpl(1) | CODE, LONG),
    flat(PRESENT | dpl(1) | DATA, BIG),
    flat(PRESENT | dpl(2) | CODE, LONG),
    flat(PRESENT | dpl(2) | DATA, BIG),
    longDescriptor(BigInt(AT.tasks), TASK_LIMIT, PRESENT | TSS_TYPE),
    longDescriptor(BigInt(AT.ldt), LDT_ENTRIES * 8 - 1, PRESENT | LDT_TYPE),
  );
  const idt = new Writer(memory, AT.idt);
  for (let vector = 0; vector < 256; vector++) {
    idt.put(longGate(SEL.code0, BigInt(handlerOf(vector)), INTERRUPT_GATE));
    new Writer(memory, handlerOf(vector)).put(longHandler(errorCodes.has(vector)));
  }
  new Writer(memory, SYSCALL_TARGET).put([0x48, 0x0f, 0x07]);
}

/** Stacks of CPL 0 to 2, the stacks of IST, and the I/O map as in the TSS of 32 bits. */
export function writeLongTask(memory: Uint8Array): void {
  const pointer = (address: number): readonly number[] => le64(BigInt(address));
  const stacks = [0, 1, 2].map((cpl) => pointer(stackTop(cpl)));
  const ist = Array.from({ length: IST_STACKS }, (_, i) => pointer(istStack(i + 1)));
  new Writer(memory, taskAt(0)).put(le32(0), ...stacks, le32(0), le32(0), ...ist);
  new Writer(memory, taskAt(0) + IO_MAP_AT - 2).put(le16(IO_MAP_AT));
  for (let at = IO_MAP_AT; at < TASK_LIMIT; at += 4) new Writer(memory, taskAt(0) + at).put(0xff, 3, 0, 0);
  memory[taskAt(0) + TASK_LIMIT] = 0xff;
}

/** MOV r64, imm64. */
const movWide = (register: number, value: bigint): readonly number[] => [register < 8 ? 0x48 : 0x49, 0xb8 | (register & 7), ...le64(value)];
/** WRMSR of a constant. */
const writeMsr = (number: number, low: number, high = 0): readonly number[] => [0xb9, ...le32(number), 0xb8, ...le32(low), 0xba, ...le32(high), 0x0f, 0x30];
const loadSegment = (modrm: number, selector: number): readonly number[] => [0x66, 0xb8, ...le16(selector), 0x8e, modrm];

/** From real mode, with CR3, CR4 and EFER set, to the first instruction of the program. */
export function writeLongPrologue(memory: Uint8Array, code: Writer, start: Start): void {
  const { segments, general, cr0 } = start;
  // MOV EAX, imm32; MOV CR0, EAX: protection first, and a far jump to 32-bit code.
  code.put(0x66, 0xb8, le32(0x11), 0x0f, 0x22, 0xc0);
  code.put(0x66, 0xea, le32(code.address + 8), le16(LONG_SEL.code0bits32));
  for (const modrm of [0xd8, 0xc0, 0xd0]) code.put(loadSegment(modrm, SEL.data0));
  code.put(0xb8, le32(cr0), 0x0f, 0x22, 0xc0);
  code.put(0xea, le32(code.address + 7), le16(SEL.code0));
  // 64-bit code from here on.
  code.put(0x48, 0xbc, le64(BigInt(AT.frame)));
  code.put(0x66, 0xb8, le16(LONG_SEL.ldt), 0x0f, 0x00, 0xd0, 0x66, 0xb8, le16(LONG_SEL.task), 0x0f, 0x00, 0xd8);
  code.put(writeMsr(MSR.star, 0, STAR_HIGH), writeMsr(MSR.lstar, SYSCALL_TARGET), writeMsr(MSR.cstar, SYSCALL_TARGET), writeMsr(MSR.fmask, 0x700));
  code.put(writeMsr(MSR.kernelGsBase, AT.data), writeMsr(MSR.tscAux, 5));
  code.put(loadSegment(0xc0, segments.es), loadSegment(0xe0, segments.fs), loadSegment(0xe8, segments.gs), loadSegment(0xd8, segments.ds));
  for (let register = 0; register < 16; register++) if (register !== 4) code.put(movWide(register, BigInt(general[register] ?? 0)));
  code.put(0x48, 0xcf);
  new Writer(memory, AT.frame).put(...[start.ip, start.cs, start.flags, general[4] ?? 0, segments.ss].map((value) => le64(BigInt(value))));
}
