/**
 * The states that a vector stands for, written out in full: before the instruction, and after it, with
 * the defaults that the files leave out.
 */
import type { MemoryRun, StateChange, Vector } from './vectorFile';

/** Registers by the names of the vector files. */
export type Registers = Readonly<Record<string, bigint>>;

/** CPU mode of a vector. */
export type Mode = 32 | 64;

const numbered = (letter: string, count: number, first = 0): readonly string[] => Array.from({ length: count }, (_, i) => `${letter}${first + i}`);

const GENERAL_DEFAULTS: Readonly<Record<string, bigint>> = {
  rax: 0x8a3d5f127c469eb1n,
  rcx: 0x13c7e02b95a8641dn,
  rdx: 0xf25b0986d147a3cen,
  rbx: 0x4e91b7da2068f53cn,
  rsp: 0x9000n,
  rbp: 0x6d04c8f3be1a9275n,
  rsi: 0xa7f8236e510bd94cn,
  rdi: 0x305e9dc486f2a71bn,
  r8: 0xc916784beda35f20n,
  r9: 0x5be2a10f374dc896n,
  r10: 0xe87d4c3a92b6051fn,
  r11: 0x21f6d85907c3be4an,
  r12: 0x94abf35e6812d07cn,
  r13: 0x7f50b9c21d8e46a3n,
  r14: 0xd6038e754fc19b2an,
  r15: 0x08c4e7a1fb35692dn,
};

/** General registers of a mode, in the order of their numbers. */
export const GENERAL: Readonly<Record<Mode, readonly string[]>> = {
  32: Object.keys(GENERAL_DEFAULTS).slice(0, 8),
  64: Object.keys(GENERAL_DEFAULTS),
};
export const FPU_REGISTERS: readonly string[] = numbered('fp', 8);
/** Vector registers of a mode: low and high halves. */
export const XMM: Readonly<Record<Mode, readonly string[]>> = { 32: numbered('x', 8), 64: numbered('x', 16) };
export const YMM_HIGH: Readonly<Record<Mode, readonly string[]>> = { 32: numbered('y', 8), 64: numbered('y', 16) };

const everyByte = (i: number): bigint => BigInt(i) * 0x01010101010101010101010101010101n;
const XMM_DEFAULT = 0x3c5a96f00f69a5c31234cdef89ab5670n;
const YMM_DEFAULT = 0xb1d24c7e3390f86a57e0a1b2c3d49f88n;

/** All that is compared in a mode, with its default value; the `v3` set has patterns in the upper halves of YMM. */
export function defaultsOf(mode: Mode, v3: boolean): Registers {
  const entries: [string, bigint][] = GENERAL[mode].map((name) => [name, mode === 64 ? GENERAL_DEFAULTS[name] : GENERAL_DEFAULTS[name] & 0xffffffffn]);
  entries.push(['ip', 0x20100n], ['fl', 0x202n], ['fcw', 0x37fn], ['fsw', 0n], ['ftw', 0n], ['mxcsr', 0x1f80n]);
  if (mode === 64) entries.push(['fsb', 0n], ['gsb', 0n]);
  for (const name of FPU_REGISTERS) entries.push([name, 0n]);
  XMM[mode].forEach((name, i) => entries.push([name, XMM_DEFAULT ^ everyByte(i)]));
  YMM_HIGH[mode].forEach((name, i) => entries.push([name, v3 ? YMM_DEFAULT ^ everyByte(i) : 0n]));
  return Object.fromEntries(entries);
}

/** A piece of guest memory with a pattern in it, at a linear address. */
export interface Window {
  readonly start: number;
  readonly bytes: number;
}

const window = (start: number, bytes: number): Window => ({ start, bytes });

export const DATA_WINDOWS: Readonly<Record<Mode, readonly Window[]>> = {
  32: [window(0x8000, 0x2000), window(0xe0000000, 0x2000)],
  64: [window(0x8000, 0x2000), window(0xe0000000, 0x2000), window(0x123456780000, 0x2000)],
};
export const CODE_WINDOWS: Readonly<Record<Mode, readonly Window[]>> = {
  32: [window(0x20000, 0x1000), window(0xe0010000, 0x1000)],
  64: [window(0x20000, 0x1000), window(0x123456790000, 0x1000)],
};
export const CODE_FILL = 0xcc;

/** The content of a data window before anything is written to it. */
export const PATTERN: Uint8Array = Uint8Array.from({ length: 0x2000 }, (_, o) => (o * 0x6d + (o >> 8) * 0x35 + 0x5a) & 0xff);

function withChanges(registers: Registers, change: StateChange): Registers {
  const result: Record<string, bigint> = { ...registers };
  for (const [name, value] of Object.entries(change)) if (typeof value === 'string') result[name] = BigInt(`0x${value}`);
  return result;
}

export function registersBefore(vector: Vector, v3: boolean): Registers {
  return withChanges(defaultsOf(vector.m, v3), vector.i);
}

/** The registers afterwards; `ip` stands behind the instruction unless it faulted or the vector says otherwise. */
export function registersAfter(vector: Vector, before: Registers): Registers {
  const length = BigInt(vector.x === undefined ? vector.b.length / 2 : 0);
  return withChanges({ ...before, ip: BigInt.asUintN(vector.m, before['ip'] + length) }, vector.o);
}

/** Writes runs into images of the data windows. Throws when a run lies outside them: the vector is broken. */
export function writeRuns(mode: Mode, images: readonly Uint8Array[], runs: readonly MemoryRun[] | undefined): void {
  for (const [address, hex] of runs ?? []) {
    const bytes = Buffer.from(hex, 'hex');
    slice(mode, images, parseInt(address, 16), bytes.length).set(bytes);
  }
}

/** The bytes of the window images at an address. */
export function slice(mode: Mode, images: readonly Uint8Array[], address: number, bytes: number): Uint8Array {
  const index = DATA_WINDOWS[mode].findIndex((w) => address >= w.start && address + bytes <= w.start + w.bytes);
  const found = DATA_WINDOWS[mode][index];
  if (!found) throw new Error(`the vector has memory at ${address.toString(16)}, outside the data windows`);
  return images[index].subarray(address - found.start, address - found.start + bytes);
}
