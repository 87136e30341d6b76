/**
 * One vector on the bench: executed, and compared with what the real processor did. Only what the vector
 * files call undefined or tolerated is left out of the comparison.
 */
import { EXCEPTION_NAMES } from '../../src/monitor/cpu/cpu';
import type { RunOutcome } from '../../src/monitor/engine/executor';
import type { Bench } from './bench';
import { DATA_WINDOWS, PATTERN, registersAfter, registersBefore, slice, writeRuns, type Mode, type Registers } from './expectedState';
import type { Vector } from './vectorFile';

/** One line of the states side by side. */
export interface StateLine {
  readonly name: string;
  readonly before: string;
  readonly expected: string;
  readonly actual: string;
  readonly differs: boolean;
}

/** What one vector has come to: nothing to say, or the states side by side. */
export type Difference = readonly StateLine[];

/** What is tolerated in a family, as the description of the vector files allows. */
export interface Tolerance {
  /** Results of transcendental functions may be off by a relative error of 2^-62. */
  readonly nearResults: boolean;
  /** Status word bits to leave out. */
  readonly statusWord: bigint;
  /** Approximations: each lane of the destination may be off by a relative error of 1.5 * 2^-12. */
  readonly approximate: boolean;
  /** Whether the family belongs to the set with patterns in the upper halves of YMM. */
  readonly v3: boolean;
}

/** C1 and PE of the x87 status word say how the last bit was rounded. */
const ROUNDING_BITS = 0x220n;

export function toleranceOf(family: string): Tolerance {
  const transcendental = family === 'x87-trans';
  return {
    nearResults: transcendental,
    statusWord: transcendental ? ROUNDING_BITS : 0n,
    approximate: family.endsWith('-approx'),
    v3: family.startsWith('v3/'),
  };
}

/** Executes a vector; gives the states side by side when they differ. */
export function runVector(bench: Bench, vector: Vector, tolerance: Tolerance): Difference | undefined {
  const before = registersBefore(vector, tolerance.v3);
  const names = Object.keys(before);
  bench.load(before, vector.i.mem, Uint8Array.from(Buffer.from(vector.b, 'hex')));
  const outcome = bench.step();
  const after = registersAfter(vector, before);
  const actual = bench.registers();
  const exception = exceptionLine(vector, outcome);
  const differing = names.filter((name) => !sameRegister(vector, tolerance, name, after[name], actual[name]));
  const memory = compareMemory(bench, vector);
  if (!exception.differs && differing.length === 0 && memory.length === 0) return undefined;
  const shown = names.filter((name) => differing.includes(name) || vector.i[name] !== undefined || before[name] !== after[name]);
  return [exception, ...shown.map((name) => registerLine(name, before, after, actual, differing)), ...memory];
}

function registerLine(name: string, before: Registers, after: Registers, actual: Registers, differing: readonly string[]): StateLine {
  const hex = (r: Registers): string => r[name].toString(16);
  return { name, before: hex(before), expected: hex(after), actual: hex(actual), differs: differing.includes(name) };
}

function exceptionLine(vector: Vector, outcome: RunOutcome): StateLine {
  const expected = vector.x === undefined ? 'none' : vector.x + (vector.cr2 === undefined ? '' : ` ${vector.cr2}`);
  const actual = describeOutcome(outcome);
  return { name: 'exception', before: '', expected, actual, differs: expected !== actual };
}

function describeOutcome(outcome: RunOutcome): string {
  if (outcome.kind === 'budget') return 'none';
  if (outcome.kind !== 'exception') return outcome.kind;
  const { vector, linear } = outcome.fault;
  const name = EXCEPTION_NAMES[vector] ?? `vector ${vector}`;
  return name === '#PF' ? `${name} ${linear.toString(16)}` : name;
}

function sameRegister(vector: Vector, tolerance: Tolerance, name: string, expected: bigint, actual: bigint): boolean {
  if (expected === actual) return true;
  if (vector.ur?.includes(name)) return true;
  const undefinedBits = name === 'fl' ? BigInt(`0x${vector.u ?? '0'}`) : name === 'fsw' ? BigInt(`0x${vector.usw ?? '0'}`) | tolerance.statusWord : 0n;
  if (((expected ^ actual) & ~undefinedBits) === 0n) return true;
  if (tolerance.approximate && /^[xy]\d/.test(name)) return lanesNear(actual, expected);
  return tolerance.nearResults && name.startsWith('fp') && nearlySame(actual, expected);
}

/** Four binary32 lanes, each equal or normal and off by 1.5 * 2^-12 at most; special values are exact. */
function lanesNear(actual: bigint, expected: bigint): boolean {
  const lanes = new DataView(new ArrayBuffer(8));
  return [0n, 32n, 64n, 96n].every((shift) => {
    lanes.setUint32(0, Number((actual >> shift) & 0xffffffffn));
    lanes.setUint32(4, Number((expected >> shift) & 0xffffffffn));
    if (lanes.getUint32(0) === lanes.getUint32(4)) return true;
    const [a, b] = [lanes.getFloat32(0), lanes.getFloat32(4)];
    // Both approximate the same exact value.
    return Number.isFinite(a) && Number.isFinite(b) && b !== 0 && Math.abs(a - b) <= 2 * 1.5 * 2 ** -12 * Math.abs(b);
  });
}

const SIGNIFICAND = (1n << 64n) - 1n;

/** An 80-bit encoding's magnitude in units of the smallest denormal. */
function magnitude(encoding: bigint): bigint {
  const exponent = (encoding >> 64n) & 0x7fffn;
  return (encoding & SIGNIFICAND) << (exponent === 0n ? 0n : exponent - 1n);
}

/** Equal but for a relative error of 2^-62; denormals, which have fewer bits, but for one unit in the last place. */
export function nearlySame(actual: bigint, expected: bigint): boolean {
  if (actual >> 79n !== expected >> 79n) return false;
  const difference = magnitude(actual) - magnitude(expected);
  const size = difference < 0n ? -difference : difference;
  return size <= 1n || size << 62n <= magnitude(expected);
}

const IMAGES: Readonly<Record<Mode, readonly Uint8Array[]>> = { 32: DATA_WINDOWS[32].map(() => PATTERN.slice()), 64: DATA_WINDOWS[64].map(() => PATTERN.slice()) };

/** Most bytes of a memory difference that are shown in a line. */
const SHOWN_BYTES = 16;

function compareMemory(bench: Bench, vector: Vector): readonly StateLine[] {
  const mode = vector.m;
  const expectedImages = IMAGES[mode];
  expectedImages.forEach((image) => image.set(PATTERN));
  writeRuns(mode, expectedImages, vector.i.mem);
  writeRuns(mode, expectedImages, vector.o.mem);
  for (const [address, bytes] of vector.um ?? []) {
    const start = parseInt(address, 16);
    slice(mode, expectedImages, start, bytes).set(slice(mode, bench.windows, start, bytes));
  }
  return DATA_WINDOWS[mode].flatMap((window, i) => {
    const expected = expectedImages[i];
    const actual = bench.windows[i];
    if (Buffer.compare(expected, actual) === 0) return [];
    const first = expected.findIndex((byte, at) => byte !== actual[at]);
    const hex = (image: Uint8Array): string => Buffer.from(image.subarray(first, first + SHOWN_BYTES)).toString('hex');
    return [{ name: (window.start + first).toString(16), before: '', expected: hex(expected), actual: hex(actual), differs: true }];
  });
}
