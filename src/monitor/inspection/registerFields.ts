/**
 * The bits and fields of registers in words (Intel SDM vol. 1, 3.4.3, 8.1, 10.2.3 and 13.1; vol. 3, 2.2.1, 2.3, 2.5, 17.2).
 */
import type { RegisterField } from './queries';

/** Name, lowest bit, number of bits (up to 52), meaning. */
export type FieldTable = readonly (readonly [string, number, number, string])[];

export const FLAG_FIELDS: FieldTable = [
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
  ['AC', 18, 1, 'alignment check; with SMAP, supervisor access to user pages'],
  ['VIF', 19, 1, 'virtual interrupt flag'],
  ['VIP', 20, 1, 'virtual interrupt pending'],
  ['ID', 21, 1, 'CPUID is there'],
];

export const CR0_FIELDS: FieldTable = [
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

const CACHING: FieldTable = [
  ['PWT', 3, 1, 'page-level write-through'],
  ['PCD', 4, 1, 'page-level cache disable'],
];

/** CR3 outside long mode. */
export const CR3_FIELDS: FieldTable = CACHING;

const ROOT: FieldTable = [['ROOT', 12, 40, 'guest-physical page of the first table']];

/** CR3 in long mode: with CR4.PCIDE its low bits number the address space. */
export const CR3_LONG_FIELDS: FieldTable = [...CACHING, ...ROOT];
export const CR3_PCID_FIELDS: FieldTable = [['PCID', 0, 12, 'number of the address space (process-context identifier)'], ...ROOT];

export const CR4_FIELDS: FieldTable = [
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
  ['UMIP', 11, 1, 'SGDT, SIDT, SLDT, STR and SMSW for CPL 0 only'],
  ['LA57', 12, 1, 'five levels of paging: linear addresses of 57 bits'],
  ['FSGSBASE', 16, 1, 'RDFSBASE and its like'],
  ['PCIDE', 17, 1, 'address spaces are numbered in CR3'],
  ['OSXSAVE', 18, 1, 'XSAVE and extended states by the operating system'],
  ['SMEP', 20, 1, 'supervisor code does not execute user pages'],
  ['SMAP', 21, 1, 'supervisor code does not access user pages (but with AC set)'],
  ['PKE', 22, 1, 'protection keys for user pages'],
];

export const CR8_FIELDS: FieldTable = [['TPR', 0, 4, 'interrupts of this priority class and below wait']];

export const EFER_FIELDS: FieldTable = [
  ['SCE', 0, 1, 'SYSCALL'],
  ['LME', 8, 1, 'long mode enabled'],
  ['LMA', 10, 1, 'long mode active'],
  ['NXE', 11, 1, 'no-execute pages'],
];

export const XCR0_FIELDS: FieldTable = [
  ['X87', 0, 1, 'x87 state (fixed)'],
  ['SSE', 1, 1, 'XMM registers and MXCSR'],
  ['AVX', 2, 1, 'upper halves of the YMM registers'],
  ['PKRU', 9, 1, 'rights of protection keys'],
];

export const PKRU_FIELDS: FieldTable = Array.from({ length: 16 }, (_, key): FieldTable => [
  [`AD${key}`, 2 * key, 1, `pages with key ${key} cannot be accessed`],
  [`WD${key}`, 2 * key + 1, 1, `pages with key ${key} cannot be written`],
]).flat();

export const DR6_FIELDS: FieldTable = [
  ['B0', 0, 1, 'breakpoint 0 was hit'],
  ['B1', 1, 1, 'breakpoint 1 was hit'],
  ['B2', 2, 1, 'breakpoint 2 was hit'],
  ['B3', 3, 1, 'breakpoint 3 was hit'],
  ['BD', 13, 1, 'debug registers were accessed'],
  ['BS', 14, 1, 'single step'],
  ['BT', 15, 1, 'task switch'],
];

export const DR7_FIELDS: FieldTable = [
  ...[0, 1, 2, 3].flatMap((n): FieldTable => [
    [`L${n}`, 2 * n, 1, `breakpoint ${n} on for this task`],
    [`G${n}`, 2 * n + 1, 1, `breakpoint ${n} on`],
    [`RW${n}`, 16 + 4 * n, 2, '0 execution, 1 write, 2 I/O, 3 read or write'],
    [`LEN${n}`, 18 + 4 * n, 2, 'length: 0 = 1, 1 = 2, 2 = 8, 3 = 4 bytes'],
  ]),
  ['GD', 13, 1, 'accesses to debug registers trap'],
];

/** The six exceptions of floating-point units, lowest bit first. */
const FLOAT_EXCEPTIONS: readonly (readonly [letter: string, meaning: string])[] = [
  ['I', 'invalid operation'], ['D', 'denormal operand'], ['Z', 'division by zero'], ['O', 'overflow'], ['U', 'underflow'], ['P', 'inexact result'],
];
const exceptionFlags: FieldTable = FLOAT_EXCEPTIONS.map(([letter, meaning], i) => [`${letter}E`, i, 1, `${meaning} has happened`]);
const exceptionMasks = (lowest: number): FieldTable => FLOAT_EXCEPTIONS.map(([letter, meaning], i) => [`${letter}M`, lowest + i, 1, `${meaning} is masked`]);
const ROUNDING = 'rounding: 0 to nearest, 1 down, 2 up, 3 towards zero';

export const FCW_FIELDS: FieldTable = [
  ...exceptionMasks(0),
  ['PC', 8, 2, 'precision: 0 single, 2 double, 3 extended'],
  ['RC', 10, 2, ROUNDING],
];

export const FSW_FIELDS: FieldTable = [
  ...exceptionFlags,
  ['SF', 6, 1, 'stack fault'],
  ['ES', 7, 1, 'an exception is pending that is not masked'],
  ['C0', 8, 1, 'condition code 0'],
  ['C1', 9, 1, 'condition code 1'],
  ['C2', 10, 1, 'condition code 2'],
  ['TOP', 11, 3, 'physical number of ST(0)'],
  ['C3', 14, 1, 'condition code 3'],
  ['B', 15, 1, 'busy (as ES)'],
];

export const MXCSR_FIELDS: FieldTable = [
  ...exceptionFlags,
  ['DAZ', 6, 1, 'denormal operands count as zero'],
  ...exceptionMasks(7),
  ['RC', 13, 2, ROUNDING],
  ['FZ', 15, 1, 'denormal results become zero'],
];

/** What a register's value says, field by field. */
export function fieldsOf(table: FieldTable, value: bigint): readonly RegisterField[] {
  return table.map(([name, lowBit, bits, meaning]) => ({ name, lowBit, bits, meaning, value: Number(BigInt.asUintN(bits, value >> BigInt(lowBit))) }));
}
