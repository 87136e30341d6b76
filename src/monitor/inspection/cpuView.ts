/**
 * The CPU as people look at it: its mode, registers decoded bit by bit, segments with their hidden parts.
 */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { ATTRIBUTE, CR0, EFER, FLAG } from '../cpu/state';
import type { CpuMode, CpuState, SegmentValue } from './queries';
import {
  controlRegisters, debugRegisters, flagsRegister, generalRegisters, modelSpecificRegisters, vectorRegisters, x87Registers,
} from './registerView';

export const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;

/** The mode that code runs in. */
export function cpuMode(cpu: Cpu): CpuMode {
  const s = cpu.state;
  if (!(s.cr0 & CR0.PE)) return 'real';
  if (s.systemFlags & FLAG.VM) return 'v8086';
  if (s.efer & EFER.LMA) return s.attributes(L.CS) & ATTRIBUTE.long ? 'long-64' : 'compatibility';
  return s.codeBits === 32 ? 'protected-32' : 'protected-16';
}

/** A segment's attributes in words. */
export function segmentMeaning(attributes: number, longMode: boolean): string {
  if (!(attributes & ATTRIBUTE.present)) return 'not usable';
  const dpl = `DPL ${(attributes >> 5) & 3}`;
  const bits = attributes & ATTRIBUTE.long ? '64-bit' : attributes & ATTRIBUTE.big ? '32-bit' : '16-bit';
  if (!(attributes & ATTRIBUTE.segment)) {
    const wide = longMode ? '64-bit' : '32-bit';
    const names: Readonly<Record<number, string>> = { 1: '16-bit TSS', 2: 'LDT', 3: '16-bit TSS, busy', 9: `${wide} TSS`, 11: `${wide} TSS, busy` };
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
    base: unsigned(cpu, s.base(index)),
    limit: s.limit(index),
    attributes,
    present: (attributes & ATTRIBUTE.present) !== 0,
    meaning: segmentMeaning(attributes, s.longMode),
  };
}

/** A linear address as the outside has it. */
const unsigned = (cpu: Cpu, linear: number): bigint => BigInt.asUintN(64, cpu.state.exactAddress(linear));

/** Everything about the CPU between two instructions. */
export function cpuView(cpu: Cpu): CpuState {
  const s = cpu.state;
  return {
    processor: { index: cpu.place.index, count: cpu.place.count },
    mode: cpuMode(cpu),
    cpl: s.cpl,
    halted: s.halted,
    codeBits: s.codeBits,
    selector: s.selector(L.CS),
    instructionPointer: s.u64(L.EIP),
    linear: unsigned(cpu, s.linear(L.CS, s.eip)),
    stackLinear: unsigned(cpu, s.linear(L.SS, s.stackPointer)),
    general: generalRegisters(cpu),
    segments: SEGMENT_NAMES.map((name, i) => segment(cpu, i, name)),
    flags: flagsRegister(cpu),
    control: controlRegisters(cpu),
    debug: debugRegisters(cpu),
    x87: x87Registers(cpu),
    vector: vectorRegisters(cpu),
    msrs: modelSpecificRegisters(cpu),
  };
}
