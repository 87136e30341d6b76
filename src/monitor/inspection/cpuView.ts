/**
 * The CPU as people look at it: registers decoded bit by bit, segments with their hidden parts, the mode.
 */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { ATTRIBUTE, CR0, EFER, FLAG } from '../cpu/state';
import { FpuState, describeX87 } from '../cpu/x87';
import { CPU_BASE } from '../memory/layout';
import type { CpuMode, CpuState, RegisterField, RegisterValue, SegmentValue } from './queries';

/** Name, lowest bit, number of bits, meaning. */
type FieldTable = readonly (readonly [string, number, number, string])[];

const FLAG_FIELDS: FieldTable = [
  ['CF', 0, 1, 'carry'],
  ['PF', 2, 1, 'parity of the low byte is even'],
  ['AF', 4, 1, 'carry out of bit 3'],
  ['ZF', 6, 1, 'result is zero'],
  ['SF', 7, 1, 'result is negative'],
  ['TF', 8, 1, 'single-step trap'],
  ['IF', 9, 1, 'interrupts enabled'],
  ['DF', 10, 1, 'string instructions go down'],
  ['OF', 11, 1, 'signed overflow'],
  ['IOPL', 12, 2, 'I/O privilege level'],
  ['NT', 14, 1, 'nested task'],
  ['RF', 16, 1, 'resume: no debug fault on the next instruction'],
  ['VM', 17, 1, 'virtual-8086 mode'],
  ['AC', 18, 1, 'alignment check'],
  ['VIF', 19, 1, 'virtual interrupt flag'],
  ['VIP', 20, 1, 'virtual interrupt pending'],
  ['ID', 21, 1, 'CPUID is there'],
];

const CR0_FIELDS: FieldTable = [
  ['PE', 0, 1, 'protected mode'],
  ['MP', 1, 1, 'WAIT tests TS'],
  ['EM', 2, 1, 'x87 instructions trap'],
  ['TS', 3, 1, 'task switched: x87 state belongs to another task'],
  ['ET', 4, 1, '387 (fixed)'],
  ['NE', 5, 1, 'x87 errors raise #MF'],
  ['WP', 16, 1, 'supervisor writes respect read-only pages'],
  ['AM', 18, 1, 'alignment checks allowed'],
  ['NW', 29, 1, 'not write-through'],
  ['CD', 30, 1, 'caches off'],
  ['PG', 31, 1, 'paging'],
];

const CR3_FIELDS: FieldTable = [
  ['PWT', 3, 1, 'page-level write-through'],
  ['PCD', 4, 1, 'page-level cache disable'],
];

const CR4_FIELDS: FieldTable = [
  ['VME', 0, 1, 'virtual-8086 extensions'],
  ['PVI', 1, 1, 'protected-mode virtual interrupts'],
  ['TSD', 2, 1, 'RDTSC for CPL 0 only'],
  ['DE', 3, 1, 'debug extensions'],
  ['PSE', 4, 1, 'large pages'],
  ['PAE', 5, 1, 'physical address extension'],
  ['MCE', 6, 1, 'machine checks'],
  ['PGE', 7, 1, 'global pages'],
  ['PCE', 8, 1, 'RDPMC for all'],
  ['OSFXSR', 9, 1, 'FXSAVE and SSE by the operating system'],
  ['OSXMMEXCPT', 10, 1, '#XM by the operating system'],
];

const EFER_FIELDS: FieldTable = [
  ['SCE', 0, 1, 'SYSCALL'],
  ['LME', 8, 1, 'long mode enabled'],
  ['LMA', 10, 1, 'long mode active'],
  ['NXE', 11, 1, 'no-execute pages'],
];

const DR6_FIELDS: FieldTable = [
  ['B0', 0, 1, 'breakpoint 0 was hit'],
  ['B1', 1, 1, 'breakpoint 1 was hit'],
  ['B2', 2, 1, 'breakpoint 2 was hit'],
  ['B3', 3, 1, 'breakpoint 3 was hit'],
  ['BD', 13, 1, 'debug registers were accessed'],
  ['BS', 14, 1, 'single step'],
  ['BT', 15, 1, 'task switch'],
];

const DR7_FIELDS: FieldTable = [0, 1, 2, 3].flatMap((n): [string, number, number, string][] => [
  [`L${n}`, 2 * n, 1, `breakpoint ${n} on for this task`],
  [`G${n}`, 2 * n + 1, 1, `breakpoint ${n} on`],
  [`RW${n}`, 16 + 4 * n, 2, '0 execution, 1 write, 2 I/O, 3 read or write'],
  [`LEN${n}`, 18 + 4 * n, 2, 'length: 0 = 1, 1 = 2, 3 = 4 bytes'],
]);

function fieldsOf(table: FieldTable, value: number): readonly RegisterField[] {
  return table.map(([name, lowBit, bits, meaning]) => ({ name, lowBit, bits, meaning, value: (value >>> lowBit) & ((1 << bits) - 1) }));
}

function decoded(name: string, value: number, table: FieldTable): RegisterValue {
  return { name, value: BigInt(value >>> 0), bits: 32, fields: fieldsOf(table, value) };
}

export const GENERAL_NAMES = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
export const LONG_NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const;
export const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;

/** The mode that code runs in. */
export function cpuMode(cpu: Cpu): CpuMode {
  const s = cpu.state;
  if (!(s.cr0 & CR0.PE)) return 'real';
  if (s.systemFlags & FLAG.VM) return 'v8086';
  if (s.efer & EFER.LMA) return s.attributes(L.CS) & ATTRIBUTE.long ? 'long-64' : 'compatibility';
  return s.codeBits === 32 ? 'protected-32' : 'protected-16';
}

function segmentMeaning(attributes: number): string {
  if (!(attributes & ATTRIBUTE.present)) return 'not usable';
  const dpl = `DPL ${(attributes >> 5) & 3}`;
  const bits = attributes & ATTRIBUTE.long ? '64-bit' : attributes & ATTRIBUTE.big ? '32-bit' : '16-bit';
  if (!(attributes & ATTRIBUTE.segment)) {
    const names: Readonly<Record<number, string>> = { 1: '16-bit TSS', 2: 'LDT', 3: '16-bit TSS, busy', 9: '32-bit TSS', 11: '32-bit TSS, busy' };
    return `${names[attributes & 0xf] ?? 'system'}, ${dpl}`;
  }
  if (attributes & ATTRIBUTE.code) {
    const parts = ['code', attributes & ATTRIBUTE.readable ? 'readable' : 'execute-only'];
    if (attributes & ATTRIBUTE.conforming) parts.push('conforming');
    return [...parts, bits, dpl].join(', ');
  }
  const parts = ['data', attributes & ATTRIBUTE.writable ? 'writable' : 'read-only'];
  if (attributes & ATTRIBUTE.expandDown) parts.push('expand-down');
  return [...parts, bits, dpl].join(', ');
}

function segment(cpu: Cpu, index: number, name: SegmentValue['name']): SegmentValue {
  const s = cpu.state;
  const attributes = s.attributes(index);
  return {
    name,
    selector: s.selector(index),
    base: unsigned(s.base(index)),
    limit: s.limit(index),
    attributes,
    present: (attributes & ATTRIBUTE.present) !== 0,
    meaning: segmentMeaning(attributes),
  };
}

function controlRegisters(cpu: Cpu): readonly RegisterValue[] {
  const s = cpu.state;
  const plain = (name: string, value: bigint, bits = 32): RegisterValue => ({ name, value, bits });
  return [
    decoded('cr0', s.cr0, CR0_FIELDS),
    plain('cr2', s.u64(L.CR2)),
    s.longMode ? plain('cr3', s.u64(L.CR3), 64) : decoded('cr3', s.u32(L.CR3), CR3_FIELDS),
    decoded('cr4', s.cr4, CR4_FIELDS),
    decoded('efer', s.efer, EFER_FIELDS),
    plain('gdtr.base', s.u64(L.GDTR_BASE)),
    plain('gdtr.limit', BigInt(s.u32(L.GDTR_LIMIT)), 16),
    plain('idtr.base', s.u64(L.IDTR_BASE)),
    plain('idtr.limit', BigInt(s.u32(L.IDTR_LIMIT)), 16),
    ...[0, 1, 2, 3].map((i) => plain(`dr${i}`, s.u64(L.DR + 8 * i))),
    decoded('dr6', s.u32(L.DR + 48), DR6_FIELDS),
    decoded('dr7', s.u32(L.DR + 56), DR7_FIELDS),
  ];
}

function x87Registers(cpu: Cpu): readonly RegisterValue[] {
  const fpu = new FpuState(cpu.state.view, CPU_BASE + L.FPU);
  const description = describeX87(fpu);
  const registers = description.registers.map((r, i): RegisterValue => ({
    name: `st${i}`,
    value: BigInt(`0x${r.hex.replace(/[^0-9a-f]/gi, '') || '0'}`),
    bits: 80,
    readOnly: true,
    fields: [{ name: r.tag, value: 0, lowBit: 0, bits: 2, meaning: r.decimal }],
  }));
  return [
    { name: 'fcw', value: BigInt(fpu.controlWord), bits: 16, readOnly: true },
    { name: 'fsw', value: BigInt(fpu.statusWord), bits: 16, readOnly: true },
    { name: 'ftw', value: BigInt(fpu.tagWord), bits: 16, readOnly: true },
    ...registers,
  ];
}

/** A linear address as the outside has it. */
const unsigned = (linear: number): bigint => BigInt.asUintN(64, BigInt(linear));

/** In long mode all sixteen, 64 bits wide; otherwise eight of 32 bits. */
function generalRegisters(cpu: Cpu): readonly RegisterValue[] {
  const s = cpu.state;
  if (!s.longMode) {
    return [...GENERAL_NAMES.map((name, i): RegisterValue => ({ name, value: BigInt(s.reg(i)), bits: 32 })), { name: 'eip', value: s.u64(L.EIP), bits: 32 }];
  }
  return [...LONG_NAMES.map((name, i): RegisterValue => ({ name, value: s.reg64(i), bits: 64 })), { name: 'rip', value: s.u64(L.EIP), bits: 64 }];
}

/** Everything about the CPU between two instructions. */
export function cpuView(cpu: Cpu): CpuState {
  const s = cpu.state;
  const flags = s.flags;
  return {
    mode: cpuMode(cpu),
    cpl: s.cpl,
    halted: s.halted,
    codeBits: s.codeBits,
    selector: s.selector(L.CS),
    instructionPointer: s.u64(L.EIP),
    linear: unsigned(s.linear(L.CS, s.eip)),
    stackLinear: unsigned(s.linear(L.SS, s.stackPointer)),
    general: generalRegisters(cpu),
    segments: SEGMENT_NAMES.map((name, i) => segment(cpu, i, name)),
    flags: decoded('eflags', flags, FLAG_FIELDS),
    control: controlRegisters(cpu),
    x87: x87Registers(cpu),
  };
}
