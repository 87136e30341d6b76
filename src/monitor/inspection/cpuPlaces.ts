/**
 * Names of the fixed places in machine memory that translated code reaches: fields of the CPU's state block, and the monitor's words.
 */
import * as L from '../cpu/layout';
import { BOUNCE, CPU_BASE, MONITOR_WORDS } from '../memory/layout';

const REGISTERS = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const;
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;
const SEGMENT_FIELDS: readonly (readonly [number, string])[] = [
  [L.SEG_BASE, 'base'], [L.SEG_READ_FIRST, 'first readable'], [L.SEG_READ_LAST, 'last readable'], [L.SEG_WRITE_FIRST, 'first writable'], [L.SEG_WRITE_LAST, 'last writable'], [L.SEG_SELECTOR, 'selector'],
];
const FIELDS: readonly (readonly [number, string])[] = [
  [L.EIP_BASE, 'EIP of the page'], [L.FLAG_RESULT, 'flags: result'], [L.FLAG_AUX, 'flags: carries'], [L.FLAGS_SYSTEM, 'system flags'], [L.REMAINING, 'budget'], [L.EXIT_REASON, 'exit reason'],
  [L.EXIT_RECORD, 'exit record'], [L.TLB_READ_TABLE, 'TLB table for reading'], [L.TLB_WRITE_TABLE, 'TLB table for writing'], [L.TLB_EXECUTE_TABLE, 'TLB table for execution'], [L.CPL, 'CPL'],
  [L.STOP_REQUESTED, 'stop requested'], [L.EIP, 'EIP'], [L.MASK16, 'mask of 16 bits'], [L.MASK32, 'mask of 32 bits'], [L.MASK64, 'mask of 64 bits'], [L.LINEAR_MASK, 'mask of linear addresses'],
  [L.STACK_MASK, 'mask of the stack pointer'], [L.CANONICAL_SHIFT, 'canonical shift'], [L.MXCSR, 'MXCSR'], [L.RETIRED, 'retired'],
];

const PLACES: ReadonlyMap<number, string> = new Map([
  ...Array.from({ length: 16 }, (_, i) => [CPU_BASE + L.REG + 8 * i, `cpu.${REGISTERS[i] ?? `r${i}`}`] as const),
  ...FIELDS.map(([offset, name]) => [CPU_BASE + offset, `cpu: ${name}`] as const),
  ...SEGMENTS.flatMap((segment, i) => SEGMENT_FIELDS.map(([offset, name]) => [CPU_BASE + L.SEGMENTS + i * L.SEGMENT_BYTES + offset, `${segment}: ${name}`] as const)),
  ...Array.from({ length: 16 }, (_, i) => [CPU_BASE + L.VECTOR + i * L.VECTOR_BYTES, `xmm${i}`] as const),
  ...Object.entries(MONITOR_WORDS).map(([name, address]) => [address, `monitor: ${name}`] as const),
  [BOUNCE, 'bounce buffer'],
]);

/** What lies at an address of machine memory; undefined for what has no name. */
export const cpuPlace = (address: number): string | undefined => PLACES.get(address);
