/**
 * The states that a vector stands for, written out in full: before the instruction, and after it, with
 * the defaults that the files leave out.
 */
import type { MemoryRun, StateChange, Vector } from './vectorFile';

/** Registers by the names of the vector files. */
export type Registers = Readonly<Record<string, bigint>>;

export const GENERAL = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const;
export const FPU_REGISTERS = ['fp0', 'fp1', 'fp2', 'fp3', 'fp4', 'fp5', 'fp6', 'fp7'] as const;

/** All that is compared in 32-bit mode, with its default value. */
export const DEFAULTS: Registers = {
  rax: 0x7c469eb1n,
  rcx: 0x95a8641dn,
  rdx: 0xd147a3cen,
  rbx: 0x2068f53cn,
  rsp: 0x9000n,
  rbp: 0xbe1a9275n,
  rsi: 0x510bd94cn,
  rdi: 0x86f2a71bn,
  ip: 0x20100n,
  fl: 0x202n,
  fcw: 0x37fn,
  fsw: 0n,
  ftw: 0n,
  ...Object.fromEntries(FPU_REGISTERS.map((name) => [name, 0n])),
};
export const REGISTER_NAMES: readonly string[] = Object.keys(DEFAULTS);

/** A piece of guest memory with a pattern in it, at a linear address. */
export interface Window {
  readonly start: number;
  readonly bytes: number;
}

/** The windows of 32-bit mode. */
export const DATA_WINDOWS: readonly Window[] = [
  { start: 0x8000, bytes: 0x2000 },
  { start: 0xe0000000, bytes: 0x2000 },
];
export const CODE_WINDOWS: readonly Window[] = [
  { start: 0x20000, bytes: 0x1000 },
  { start: 0xe0010000, bytes: 0x1000 },
];
export const CODE_FILL = 0xcc;

/** The content of a data window before anything is written to it. */
export const PATTERN: Uint8Array = Uint8Array.from({ length: 0x2000 }, (_, o) => (o * 0x6d + (o >> 8) * 0x35 + 0x5a) & 0xff);

function withChanges(registers: Registers, change: StateChange): Registers {
  const result: Record<string, bigint> = { ...registers };
  for (const [name, value] of Object.entries(change)) if (typeof value === 'string') result[name] = BigInt(`0x${value}`);
  return result;
}

export function registersBefore(vector: Vector): Registers {
  return withChanges(DEFAULTS, vector.i);
}

/** The registers afterwards; `ip` stands behind the instruction unless it faulted or the vector says otherwise. */
export function registersAfter(vector: Vector, before: Registers): Registers {
  const length = BigInt(vector.x === undefined ? vector.b.length / 2 : 0);
  return withChanges({ ...before, ip: (before['ip'] + length) & 0xffffffffn }, vector.o);
}

/** Writes runs into images of the data windows. Throws when a run lies outside them: the vector is broken. */
export function writeRuns(images: readonly Uint8Array[], runs: readonly MemoryRun[] | undefined): void {
  for (const [address, hex] of runs ?? []) {
    const bytes = Buffer.from(hex, 'hex');
    slice(images, parseInt(address, 16), bytes.length).set(bytes);
  }
}

/** The bytes of the window images at an address. */
export function slice(images: readonly Uint8Array[], address: number, bytes: number): Uint8Array {
  const index = DATA_WINDOWS.findIndex((w) => address >= w.start && address + bytes <= w.start + w.bytes);
  const window = DATA_WINDOWS[index];
  if (!window) throw new Error(`the vector has memory at ${address.toString(16)}, outside the data windows`);
  return images[index].subarray(address - window.start, address - window.start + bytes);
}
