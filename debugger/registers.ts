/**
 * Registers by name: every spelling that a person may use (eax, AX, $al, eflags.zf, cs.base), found in the CPU state,
 * and how a new value reaches the machine.
 */
import type { CpuState, RegisterValue, SegmentValue } from '../src/monitor/inspection/queries';
import { linearPlace, type Place } from './addresses';
import { fitInto } from './numbers';
import { userError } from './ports';

/** A register, or a part of one. */
export interface NamedRegister {
  readonly name: string;
  readonly value: bigint;
  readonly bits: number;
  readonly readOnly: boolean;
  /** Present when the register is part of another, which is the one that can be set. */
  readonly part?: { readonly whole: string; readonly wholeValue: bigint; readonly wholeBits: number; readonly lowBit: number };
}

interface Part {
  readonly lowBit: number;
  readonly bits: number;
}

/** Letters of the registers whose four low parts have names (al, ah, ax). */
const BYTE_REGISTERS = ['a', 'b', 'c', 'd'];
const WORD_REGISTERS = ['si', 'di', 'bp', 'sp', 'ip'];
/** Those of 64-bit code, whose parts are r8d, r8w and r8b. */
const NUMBERED_REGISTERS = [8, 9, 10, 11, 12, 13, 14, 15].map((number) => `r${number}`);

/** The names under which parts of general registers are known: 'al' is bits 0 to 7 of 'eax'. */
const PARTS: ReadonlyMap<string, Part & { readonly stem: string }> = new Map([
  ...BYTE_REGISTERS.flatMap((letter): [string, Part & { stem: string }][] => [
    [`${letter}l`, { stem: `${letter}x`, lowBit: 0, bits: 8 }],
    [`${letter}h`, { stem: `${letter}x`, lowBit: 8, bits: 8 }],
    [`${letter}x`, { stem: `${letter}x`, lowBit: 0, bits: 16 }],
    [`e${letter}x`, { stem: `${letter}x`, lowBit: 0, bits: 32 }],
  ]),
  ...WORD_REGISTERS.flatMap((name): [string, Part & { stem: string }][] => [
    [name, { stem: name, lowBit: 0, bits: 16 }],
    [`e${name}`, { stem: name, lowBit: 0, bits: 32 }],
  ]),
  ...NUMBERED_REGISTERS.flatMap((name): [string, Part & { stem: string }][] => [
    [`${name}d`, { stem: name, lowBit: 0, bits: 32 }],
    [`${name}w`, { stem: name, lowBit: 0, bits: 16 }],
    [`${name}b`, { stem: name, lowBit: 0, bits: 8 }],
  ]),
]);
/** Bytes that only 64-bit code can name (REX prefix). */
const LOW_BYTES: ReadonlyMap<string, Part & { readonly stem: string }> = new Map(
  ['si', 'di', 'bp', 'sp'].map((name) => [`${name}l`, { stem: name, lowBit: 0, bits: 8 }]),
);

/** Whether the processor is in long mode, whatever the width of the present code. */
export function isLongMode(cpu: CpuState): boolean {
  return cpu.mode === 'long-64' || cpu.mode === 'compatibility';
}

function whole(register: RegisterValue): NamedRegister {
  return { name: register.name, value: register.value, bits: register.bits, readOnly: register.readOnly === true };
}

/** All registers but the flags and the segments. */
function groups(cpu: CpuState): readonly (readonly RegisterValue[])[] {
  return [cpu.general, cpu.control, cpu.debug, cpu.vector, cpu.x87, cpu.msrs];
}

function listed(cpu: CpuState, name: string): RegisterValue | undefined {
  const flagsName = name === 'flags' || name === 'rflags' ? 'eflags' : name;
  if (cpu.flags.name === name || (flagsName === 'eflags' && cpu.flags.name.endsWith('flags'))) return cpu.flags;
  return groups(cpu).flatMap((group) => group.find((register) => register.name === name) ?? [])[0];
}

function segmentPart(cpu: CpuState, name: string): NamedRegister | undefined {
  const [segmentName, field] = name.split('.');
  const segment = cpu.segments.find((candidate) => candidate.name === segmentName);
  if (!segment) return undefined;
  switch (field) {
    case undefined: return { name, value: BigInt(segment.selector), bits: 16, readOnly: false };
    // In long mode FS and GS have bases of their own, whatever their selectors.
    case 'base': return { name, value: segment.base, bits: 64, readOnly: !(isLongMode(cpu) && /^[fg]s$/.test(segmentName)) };
    case 'limit': return { name, value: BigInt(segment.limit >>> 0), bits: 32, readOnly: true };
    case 'attributes': return { name, value: BigInt(segment.attributes), bits: 16, readOnly: true };
    default: return undefined;
  }
}

function flagPart(cpu: CpuState, name: string): NamedRegister | undefined {
  const dot = name.indexOf('.');
  if (dot < 0) return undefined;
  const register = listed(cpu, name.slice(0, dot));
  const field = register?.fields?.find((candidate) => candidate.name.toLowerCase() === name.slice(dot + 1));
  return register && field ? partOf(register, { lowBit: field.lowBit, bits: field.bits }, name) : undefined;
}

function partOf(register: RegisterValue, part: Part, name: string): NamedRegister {
  return {
    name,
    value: BigInt.asUintN(part.bits, register.value >> BigInt(part.lowBit)),
    bits: part.bits,
    readOnly: register.readOnly === true,
    part: { whole: register.name, wholeValue: register.value, wholeBits: register.bits, lowBit: part.lowBit },
  };
}

function namedPart(cpu: CpuState, name: string): NamedRegister | undefined {
  const part = PARTS.get(name) ?? (isLongMode(cpu) ? LOW_BYTES.get(name) : undefined);
  if (!part) return undefined;
  const register = ['r', 'e', ''].flatMap((prefix) => listed(cpu, prefix + part.stem) ?? [])[0];
  return register ? partOf(register, part, name) : undefined;
}

/** The instruction pointer, which the CPU state also gives on its own. */
function instructionPointer(cpu: CpuState, name: string): NamedRegister | undefined {
  const bits = { ip: 16, eip: 32, rip: 64 }[name];
  return bits === undefined
    ? undefined
    : { name, value: BigInt.asUintN(bits, cpu.instructionPointer), bits, readOnly: false };
}

/** The register of that name (any case, with or without `$` or `%`); undefined when there is none. */
export function registerNamed(cpu: CpuState, spelling: string): NamedRegister | undefined {
  const name = spelling.replace(/^[$%]/, '').toLowerCase();
  const register = listed(cpu, name);
  if (register) return whole(register);
  return segmentPart(cpu, name) ?? namedPart(cpu, name) ?? flagPart(cpu, name) ?? instructionPointer(cpu, name);
}

/** All names that `registerNamed` knows in this state, for completions. */
export function registerNames(cpu: CpuState): string[] {
  const names = [...groups(cpu), [cpu.flags]].flat().map((register) => register.name);
  const segments = cpu.segments.flatMap((segment: SegmentValue) => [segment.name, `${segment.name}.base`, `${segment.name}.limit`]);
  const parts = [...PARTS.keys(), ...LOW_BYTES.keys()].filter((name) => namedPart(cpu, name) !== undefined);
  return [...new Set([...names, ...segments, ...parts])];
}

/** Those that a processor has in one mode and not in another. */
const IN_SOME_MODE = /^(?:r(?:[a-d]x|[sd]i|[bs]p|ip|flags|8|9|1[0-5])|[xy]mm\d+|[er]?flags|[er]?ip)$/;

/** Whether a register is called so (any case, with or without `$` or `%`), in the present mode or in another. */
export function isRegisterName(cpu: CpuState, spelling: string): boolean {
  const name = spelling.replace(/^[$%]/, '').toLowerCase();
  return registerNamed(cpu, name) !== undefined || PARTS.has(name) || LOW_BYTES.has(name) || IN_SOME_MODE.test(name);
}

/**
 * What `setRegister` has to be called with so that `register` takes `value`.
 * Errors: the register is read-only, the value does not fit.
 */
export function registerWrite(register: NamedRegister, value: bigint): { readonly name: string; readonly value: bigint } {
  if (register.readOnly) throw userError(`${register.name} cannot be set.`);
  const fitted = fitInto(value, register.bits, register.name);
  if (!register.part) return { name: register.name, value: fitted };
  const { whole: name, wholeValue, wholeBits, lowBit } = register.part;
  const mask = ((1n << BigInt(register.bits)) - 1n) << BigInt(lowBit);
  return { name, value: BigInt.asUintN(wholeBits, (wholeValue & ~mask) | (fitted << BigInt(lowBit))) };
}

/** Registers outside the general ones that hold linear addresses. */
const LINEAR_REGISTER = /^(cr2|dr[0-3]|[gi]dtr\.base|ia32_([lc]star|sysenter_e[si]p|(kernel_)?[fg]s_base))$/;
/** CR3's bits below the table's address: flags, or the space's number (SDM volume 3, 4.5 to 4.7). */
const BELOW_TABLE = 0xfffn;
/** PAE's table of page-directory pointers is aligned to 32 bytes (SDM volume 3, 4.4.1). */
const BELOW_PAE_TABLE = 0x1fn;
const CR4_PAE = 1n << 5n;

/**
 * The memory that a register is an address of: general registers are offsets in the segment that instructions use with
 * them by default (SDM volume 1, 3.7.4). Undefined for a register that holds no address.
 */
export function memoryOfRegister(cpu: CpuState, { name, value }: Pick<RegisterValue, 'name' | 'value'>): Place | undefined {
  if (cpu.general.some((register) => register.name === name)) {
    const base = cpu.codeBits === 64 ? 0n : cpu.segments.find((segment) => segment.name === defaultSegment(name))?.base ?? 0n;
    return linearPlace(BigInt.asUintN(cpu.codeBits === 64 ? 64 : 32, base + value));
  }
  if (LINEAR_REGISTER.test(name)) return linearPlace(value);
  if (name !== 'cr3') return undefined;
  const isPae = !isLongMode(cpu) && ((listed(cpu, 'cr4')?.value ?? 0n) & CR4_PAE) !== 0n;
  return { space: { kind: 'physical' }, address: value & ~(isPae ? BELOW_PAE_TABLE : BELOW_TABLE) };
}

function defaultSegment(general: string): string {
  if (/ip$/.test(general)) return 'cs';
  return /[sb]p$/.test(general) ? 'ss' : 'ds';
}
