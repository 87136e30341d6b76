/**
 * Registers in groups, as people look at them: general, control, debug, x87, vector and model-specific ones. Which there
 * are follows from the processor's features and from the mode; each can be set by its name (machine/registerEdits.ts).
 */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { allowedCr4, allowedEfer, allowedXcr0 } from '../cpu/models/controlBits';
import { listMsrs } from '../cpu/msr';
import { CR4 } from '../cpu/state';
import { FpuState, describeX87 } from '../cpu/x87';
import { CPU_BASE } from '../memory/layout';
import type { RegisterValue } from './queries';
import * as F from './registerFields';

export const GENERAL_NAMES = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
export const LONG_NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const;

const XMM_BITS = 128, YMM_BITS = 256, EXTENDED_BITS = 80;

/** The x87 unit of the CPU whose turn it is. */
export const fpuOf = (cpu: Cpu): FpuState => new FpuState(cpu.state.view, CPU_BASE + L.FPU);

function plain(name: string, value: bigint, bits: number): RegisterValue {
  return { name, value, bits };
}

function decoded(name: string, value: bigint, bits: number, table: F.FieldTable): RegisterValue {
  return { name, value, bits, fields: F.fieldsOf(table, value) };
}

/** Registers that are there only if `present`. */
const given = (present: boolean, ...registers: readonly RegisterValue[]): readonly RegisterValue[] => (present ? registers : []);

/** In long mode all sixteen, 64 bits wide; otherwise eight of 32 bits. */
export function generalRegisters(cpu: Cpu): readonly RegisterValue[] {
  const s = cpu.state;
  if (!s.longMode) {
    return [...GENERAL_NAMES.map((name, i) => plain(name, BigInt(s.reg(i)), 32)), plain('eip', s.u64(L.EIP), 32)];
  }
  return [...LONG_NAMES.map((name, i) => plain(name, s.reg64(i), 64)), plain('rip', s.u64(L.EIP), 64)];
}

export function flagsRegister(cpu: Cpu): RegisterValue {
  const [name, bits] = cpu.state.longMode ? (['rflags', 64] as const) : (['eflags', 32] as const);
  return decoded(name, BigInt(cpu.state.flags >>> 0), bits, F.FLAG_FIELDS);
}

function pageTableRegister(cpu: Cpu): RegisterValue {
  const s = cpu.state;
  if (!s.longMode) return decoded('cr3', BigInt(s.u32(L.CR3)), 32, F.CR3_FIELDS);
  return decoded('cr3', s.u64(L.CR3), 64, s.cr4 & CR4.PCIDE ? F.CR3_PCID_FIELDS : F.CR3_LONG_FIELDS);
}

export function controlRegisters(cpu: Cpu): readonly RegisterValue[] {
  const s = cpu.state;
  const { features } = cpu;
  const { taskPriority } = cpu.surroundings;
  const addressBits = s.longMode ? 64 : 32;
  return [
    decoded('cr0', BigInt(s.cr0), 32, F.CR0_FIELDS),
    plain('cr2', BigInt.asUintN(addressBits, s.u64(L.CR2)), addressBits),
    pageTableRegister(cpu),
    ...given(allowedCr4(features) !== 0, decoded('cr4', BigInt(s.cr4), 32, F.CR4_FIELDS)),
    ...given(features.has('lm') && taskPriority !== undefined, decoded('cr8', BigInt(taskPriority?.read() ?? 0), 4, F.CR8_FIELDS)),
    ...given(allowedEfer(features) !== 0, decoded('efer', s.u64(L.EFER), 64, F.EFER_FIELDS)),
    ...given(allowedXcr0(features) !== 0, decoded('xcr0', s.u64(L.XCR0), 64, F.XCR0_FIELDS)),
    ...given(features.has('pku'), decoded('pkru', BigInt(s.u32(L.PKRU)), 32, F.PKRU_FIELDS)),
    plain('gdtr.base', s.u64(L.GDTR_BASE), addressBits),
    plain('gdtr.limit', BigInt(s.u32(L.GDTR_LIMIT)), 16),
    plain('idtr.base', s.u64(L.IDTR_BASE), addressBits),
    plain('idtr.limit', BigInt(s.u32(L.IDTR_LIMIT)), 16),
  ];
}

export function debugRegisters(cpu: Cpu): readonly RegisterValue[] {
  const s = cpu.state;
  const bits = s.longMode ? 64 : 32;
  return [
    ...[0, 1, 2, 3].map((i) => plain(`dr${i}`, BigInt.asUintN(bits, s.u64(L.DR + 8 * i)), bits)),
    decoded('dr6', BigInt(s.u32(L.DR + 48)), 32, F.DR6_FIELDS),
    decoded('dr7', BigInt(s.u32(L.DR + 56)), 32, F.DR7_FIELDS),
  ];
}

export function x87Registers(cpu: Cpu): readonly RegisterValue[] {
  if (!cpu.features.has('fpu')) return [];
  const fpu = fpuOf(cpu);
  const description = describeX87(fpu);
  const stack = description.registers.map(({ index, hex, decimal, tag }): RegisterValue => ({
    name: `st${index}`, value: BigInt(`0x${hex.replace(' ', '')}`), bits: EXTENDED_BITS, meaning: tag === 'empty' ? 'empty' : decimal,
  }));
  const mmx = description.registers.map((_, i) =>
    plain(`mm${i}`, (BigInt(fpu.significandHigh(i)) << 32n) | BigInt(fpu.significandLow(i)), 64));
  return [
    ...stack,
    decoded('fcw', BigInt(fpu.controlWord), 16, F.FCW_FIELDS),
    decoded('fsw', BigInt(fpu.statusWord), 16, F.FSW_FIELDS),
    plain('ftw', BigInt(description.tagWord), 16),
    plain('fop', BigInt(fpu.lastOpcode), 11),
    plain('fcs', BigInt(fpu.instructionSelector), 16),
    plain('fip', fpu.instructionPointer, 64),
    plain('fds', BigInt(fpu.dataSelector), 16),
    plain('fdp', fpu.dataPointer, 64),
    ...given(cpu.features.has('mmx'), ...mmx),
  ];
}

/** A vector register's low `bits`, as one number. */
function vectorValue(cpu: Cpu, index: number, bits: number): bigint {
  const at = L.VECTOR + L.VECTOR_BYTES * index;
  let value = 0n;
  for (let word = bits / 64 - 1; word >= 0; word--) value = (value << 64n) | cpu.state.u64(at + 8 * word);
  return value;
}

/** XMM registers (eight, or sixteen in long mode) and MXCSR; with AVX the YMM registers besides, whose low halves they are. */
export function vectorRegisters(cpu: Cpu): readonly RegisterValue[] {
  const { features, state } = cpu;
  if (!features.has('sse')) return [];
  const registers = (prefix: string, bits: number): readonly RegisterValue[] =>
    Array.from({ length: state.longMode ? 16 : 8 }, (_, i) => plain(`${prefix}${i}`, vectorValue(cpu, i, bits), bits));
  return [
    ...registers('xmm', XMM_BITS),
    decoded('mxcsr', BigInt(state.u32(L.MXCSR)), 32, F.MXCSR_FIELDS),
    ...given(features.has('avx'), ...registers('ymm', YMM_BITS)),
  ];
}

/** Model-specific registers under the manual's names, in lower case. */
export function modelSpecificRegisters(cpu: Cpu): readonly RegisterValue[] {
  return listMsrs(cpu).map(({ number, name, value, readOnly }) => ({
    name: name.toLowerCase(), value, bits: 64, meaning: `MSR ${number.toString(16)}`, ...(readOnly ? { readOnly } : {}),
  }));
}
