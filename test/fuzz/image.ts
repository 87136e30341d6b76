/**
 * The memory that both machines are given for a program: tables, handlers, stacks, a prologue that brings the processor
 * from real mode into the program's start, and the program. Hidden state is made by the guest's own instructions only.
 */
import { BIG, GRANULAR, PRESENT, Writer, descriptor, dpl, gate, le16, le32 } from './bytes';
import type { Case, Start } from './case';
import { AT, COMPARED_BYTES, GDT_ENTRIES, IO_MAP_AT, LDT_ENTRIES, PORT, SEL, TASK_LIMIT, handlerOf, stackTop, taskAt } from './layout';
import { writeLongPrologue, writeLongTables, writeLongTask } from './image64';
import { CR0, CR4, EFER, FLAG } from './machineState';
import { writePageTables, type Format } from './pageTables';

const HLT = 0xf4;
const CODE = 0x1b;
const DATA = 0x13;
const LDT_TYPE = 2;
const TSS32 = 9;
const INTERRUPT_GATE32 = 0x8e;

/** Vectors whose delivery pushes an error code (Intel SDM vol. 3, table 6-1). */
export const ERROR_CODE_VECTORS: ReadonlySet<number> = new Set([8, 10, 11, 12, 13, 14, 17]);

/** IA32_SYSENTER_CS, ESP and EIP, which programs change. */
const SYSENTER_MSRS = [0x174, 0x175, 0x176] as const;

/** Where the prologue's pieces of data lie in AT.block. */
const BLOCK = { gdtr: AT.block, idtr: AT.block + 8, stack: AT.block + 0x10, registers: AT.block + 0x20 } as const;

/** A handler that drops the error code, if there is one, and returns. */
export function handlerCode(vector: number, codeBits: 16 | 32, gateSize: 2 | 4): readonly number[] {
  const iret = (codeBits === 32) === (gateSize === 4) ? [0xcf] : [0x66, 0xcf];
  return ERROR_CODE_VECTORS.has(vector) ? [0x83, 0xc4, gateSize, ...iret] : iret;
}

function writeDescriptorTables(memory: Uint8Array): void {
  new Writer(memory, AT.gdt).put(
    descriptor(0, 0, 0),
    descriptor(0, 0xfffff, PRESENT | CODE, GRANULAR | BIG),
    descriptor(0, 0xfffff, PRESENT | DATA, GRANULAR | BIG),
    descriptor(0, 0xfffff, PRESENT | dpl(3) | CODE, GRANULAR | BIG),
    descriptor(0, 0xfffff, PRESENT | dpl(3) | DATA, GRANULAR | BIG),
    descriptor(AT.tasks, TASK_LIMIT, PRESENT | TSS32),
    descriptor(AT.ldt, LDT_ENTRIES * 8 - 1, PRESENT | LDT_TYPE),
    descriptor(0, 0xffff, PRESENT | CODE),
    descriptor(AT.data, 0xffff, PRESENT | DATA),
    descriptor(0, 0xffff, PRESENT | dpl(3) | CODE),
    descriptor(AT.data, 0xffff, PRESENT | dpl(3) | DATA),
    descriptor(0, 0xfffff, PRESENT | dpl(1) | CODE, GRANULAR | BIG),
    descriptor(0, 0xfffff, PRESENT | dpl(1) | DATA, GRANULAR | BIG),
    descriptor(0, 0xfffff, PRESENT | dpl(2) | CODE, GRANULAR | BIG),
    descriptor(0, 0xfffff, PRESENT | dpl(2) | DATA, GRANULAR | BIG),
  );
  const idt = new Writer(memory, AT.idt);
  for (let vector = 0; vector < 256; vector++) {
    idt.put(gate(SEL.code0, handlerOf(vector), INTERRUPT_GATE32));
    new Writer(memory, handlerOf(vector)).put(handlerCode(vector, 32, 4));
  }
}

/** The main TSS: inner stacks and an I/O map that permits every port but the first ten of each 32. */
function writeTask(memory: Uint8Array, cr3: number): void {
  const stack = (cpl: number): readonly number[] => [...le32(stackTop(cpl)), ...le32(cpl === 0 ? SEL.data0 : cpl === 1 ? SEL.data1 : SEL.data2)];
  new Writer(memory, taskAt(0)).put(le32(0), stack(0), stack(1), stack(2), le32(cr3));
  new Writer(memory, taskAt(0) + IO_MAP_AT - 2).put(le16(IO_MAP_AT));
  for (let at = IO_MAP_AT; at < TASK_LIMIT; at += 4) new Writer(memory, taskAt(0) + at).put(0xff, 3, 0, 0);
  memory[taskAt(0) + TASK_LIMIT] = 0xff;
}

/** Real mode's vectors and their handlers. */
function writeVectors(memory: Uint8Array): void {
  const ivt = new Writer(memory, AT.ivt);
  for (let vector = 0; vector < 256; vector++) {
    ivt.put(le16(handlerOf(vector)), le16(0));
    new Writer(memory, handlerOf(vector)).put(0xcf);
  }
}

/** In 16-bit code: MOV EAX, imm32. */
const movEax16 = (value: number): readonly number[] => [0x66, 0xb8, ...le32(value)];

/** Interrupt controllers: vectors from 20h, automatic end of interrupt, only IRQ 4 let through; and the UART's request off. */
function writeControllers(code: Writer): void {
  const out = (port: number, value: number): readonly number[] => [0xb0, value, 0xe6, port];
  code.put(out(0x20, 0x11), out(0x21, 0x20), out(0x21, 4), out(0x21, 3), out(0x21, 0xef), out(0xa1, 0xff));
  code.put(0xba, le16(PORT.interrupt), 0xb0, 0, 0xee);
}

/** The frame that the last IRET of the prologue pops, and the far pointer to it. */
function writeFrame(memory: Uint8Array, start: Start, cpl: number): void {
  const { segments, general } = start;
  const esp = general[4] ?? 0;
  const words = [start.ip, start.cs, start.flags];
  const virtual = (start.flags & FLAG.VM) !== 0;
  if (virtual) words.push(esp, segments.ss, segments.es, segments.ds, segments.fs, segments.gs);
  else if (cpl > 0) words.push(esp, segments.ss);
  const bytes = words.flatMap(le32);
  const inPlace = !virtual && cpl === 0;
  const at = inPlace ? esp - bytes.length : AT.frame;
  // At CPL 0 the frame lies on the program's own stack.
  const base = inPlace && segments.ss === SEL.data0bits16 ? AT.data : 0;
  new Writer(memory, base + at).put(bytes);
  new Writer(memory, BLOCK.stack).put(le32(at), le16(inPlace ? segments.ss : SEL.data0));
}

function writeRegisters(memory: Uint8Array, general: readonly number[]): void {
  // PUSHAD's order: EDI at the lowest address.
  new Writer(memory, BLOCK.registers).put([...general].reverse().flatMap(le32));
}

function writeCommonPrologue(code: Writer, start: Start): void {
  code.put(0xfa);
  writeControllers(code);
  code.put(0xdb, 0xe3);
  code.put(0x66, 0x0f, 0x01, 0x16, le16(BLOCK.gdtr), 0x66, 0x0f, 0x01, 0x1e, le16(BLOCK.idtr));
  code.put(movEax16(0x400), 0x0f, 0x23, 0xf8, movEax16(0xffff0ff0), 0x0f, 0x23, 0xf0);
  for (const modrm of [0xc0, 0xc8, 0xd0, 0xd8]) code.put(movEax16(0), 0x0f, 0x23, modrm);
  for (const msr of SYSENTER_MSRS) code.put(0x66, 0xb9, le32(msr), 0x66, 0x31, 0xd2, 0x66, 0x31, 0xc0, 0x0f, 0x30);
  if (start.cr4 !== 0) code.put(movEax16(start.cr4), 0x0f, 0x22, 0xe0);
  if (start.efer !== 0) code.put(movEax16(start.efer), 0x66, 0xb9, le32(0xc0000080), 0x66, 0x31, 0xd2, 0x0f, 0x30);
  code.put(movEax16(start.cr3), 0x0f, 0x22, 0xd8);
}

function writeRealPrologue(memory: Uint8Array, start: Start): void {
  const { segments, general } = start;
  const esp = (general[4] ?? 0) & 0xffff;
  const frame = segments.ss * 16 + esp - 6;
  new Writer(memory, frame).put(le16(start.ip), le16(start.cs), le16(start.flags & 0xffff));
  new Writer(memory, BLOCK.stack).put(le16(esp - 6), le16(segments.ss));
  const code = new Writer(memory, AT.prologue);
  writeCommonPrologue(code, start);
  code.put(0xbc, le16(BLOCK.registers));
  const loads: readonly (readonly [number, number])[] = [[0xc0, segments.es], [0xe0, segments.fs], [0xe8, segments.gs], [0xd8, segments.ds]];
  for (const [modrm, selector] of loads) code.put(0xb8, le16(selector), 0x8e, modrm);
  code.put(0x66, 0x61, 0x2e, 0x0f, 0xb2, 0x26, le16(BLOCK.stack), 0xcf);
}

function writeProtectedPrologue(memory: Uint8Array, start: Start): void {
  const code = new Writer(memory, AT.prologue);
  writeCommonPrologue(code, start);
  code.put(movEax16(CR0.PE | CR0.ET), 0x0f, 0x22, 0xc0);
  const far = code.address + 8;
  code.put(0x66, 0xea, le32(far), le16(SEL.code0));
  const load = (modrm: number, selector: number): readonly number[] => [0x66, 0xb8, ...le16(selector), 0x8e, modrm];
  code.put(load(0xd8, SEL.data0), load(0xc0, SEL.data0), load(0xd0, SEL.data0), 0xbc, le32(AT.frame));
  code.put(0x66, 0xb8, le16(SEL.ldt), 0x0f, 0x00, 0xd0, 0x66, 0xb8, le16(SEL.task), 0x0f, 0x00, 0xd8);
  code.put(0xb8, le32(start.cr0), 0x0f, 0x22, 0xc0);
  if (!(start.flags & FLAG.VM)) {
    const { es, fs, gs, ds } = start.segments;
    code.put(load(0xc0, es), load(0xe0, fs), load(0xe8, gs), load(0xd8, ds));
  }
  code.put(0xbc, le32(BLOCK.registers), 0x61, 0x2e, 0x0f, 0xb2, 0x25, le32(BLOCK.stack), 0xcf);
}

const isLongStart = (start: Start): boolean => (start.efer & EFER.LME) !== 0;

/** The format of a program's page tables. */
export function formatOf(start: Start): Format {
  if (!(start.cr4 & CR4.PAE)) return '32-bit';
  return isLongStart(start) ? '4-level' : 'PAE';
}

/** The machine's memory (compared part) before the prologue. */
export function buildImage(program: Case): Uint8Array {
  const memory = new Uint8Array(COMPARED_BYTES);
  const { start } = program;
  const real = !(start.cr0 & CR0.PE);
  memory.fill(HLT, AT.landings, AT.codeEnd);
  const long = isLongStart(start);
  if (real) writeVectors(memory);
  else if (long) writeLongTables(memory, ERROR_CODE_VECTORS);
  else writeDescriptorTables(memory);
  if (long) writeLongTask(memory);
  else writeTask(memory, start.cr3);
  if (start.cr0 & CR0.PG) writePageTables(memory, formatOf(start));
  new Writer(memory, BLOCK.gdtr).put(le16(GDT_ENTRIES * 8 - 1), le32(AT.gdt));
  new Writer(memory, BLOCK.idtr).put(le16(real ? 0x3ff : long ? 0xfff : 0x7ff), le32(real ? AT.ivt : AT.idt));
  for (const { address, bytes } of program.patches) memory.set(bytes, address);
  for (const unit of program.units) {
    for (const { address, bytes } of unit.patches) memory.set(bytes, address);
    memory.set(unit.code, unit.at);
  }
  if (long) {
    const code = new Writer(memory, AT.prologue);
    writeCommonPrologue(code, start);
    writeLongPrologue(memory, code, start);
    return memory;
  }
  writeRegisters(memory, start.general);
  if (real) writeRealPrologue(memory, start);
  else {
    writeFrame(memory, start, start.flags & FLAG.VM ? 3 : start.cs & 3);
    writeProtectedPrologue(memory, start);
  }
  return memory;
}
