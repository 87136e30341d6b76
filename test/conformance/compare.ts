/**
 * One vector on the bench: executed, and compared with what the real processor did. Only what the vector
 * files call undefined or tolerated is left out of the comparison.
 */
import { EXCEPTION_NAMES } from '../../src/monitor/cpu/cpu';
import type { RunOutcome } from '../../src/monitor/engine/executor';
import type { Bench } from './bench';
import { DATA_WINDOWS, PATTERN, REGISTER_NAMES, registersAfter, registersBefore, slice, writeRuns, type Registers } from './expectedState';
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
}

const EXACT: Tolerance = { nearResults: false, statusWord: 0n };
/** C1 and PE say how the last bit was rounded. */
const TRANSCENDENTAL: Tolerance = { nearResults: true, statusWord: 0x220n };

export function toleranceOf(family: string): Tolerance {
  return family === 'x87-trans' ? TRANSCENDENTAL : EXACT;
}

/** Executes a vector; gives the states side by side when they differ. */
export function runVector(bench: Bench, vector: Vector, tolerance: Tolerance): Difference | undefined {
  const before = registersBefore(vector);
  bench.load(before, vector.i.mem, Uint8Array.from(Buffer.from(vector.b, 'hex')));
  const outcome = bench.step();
  const after = registersAfter(vector, before);
  const actual = bench.registers();
  const exception = exceptionLine(vector, outcome);
  const differing = REGISTER_NAMES.filter((name) => !sameRegister(vector, tolerance, name, after[name], actual[name]));
  const memory = compareMemory(bench, vector);
  if (!exception.differs && differing.length === 0 && memory.length === 0) return undefined;
  const shown = REGISTER_NAMES.filter((name) => differing.includes(name) || vector.i[name] !== undefined || before[name] !== after[name]);
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
  const { vector, linearLow } = outcome.fault;
  const name = EXCEPTION_NAMES[vector] ?? `vector ${vector}`;
  return name === '#PF' ? `${name} ${linearLow.toString(16)}` : name;
}

function sameRegister(vector: Vector, tolerance: Tolerance, name: string, expected: bigint, actual: bigint): boolean {
  if (expected === actual) return true;
  if (vector.ur?.includes(name)) return true;
  const undefinedBits = name === 'fl' ? BigInt(`0x${vector.u ?? '0'}`) : name === 'fsw' ? BigInt(`0x${vector.usw ?? '0'}`) | tolerance.statusWord : 0n;
  if (((expected ^ actual) & ~undefinedBits) === 0n) return true;
  return tolerance.nearResults && name.startsWith('fp') && nearlySame(actual, expected);
}

const SIGNIFICAND = (1n << 64n) - 1n;

/** An 80-bit encoding's magnitude in units of the smallest denormal. */
function magnitude(encoding: bigint): bigint {
  const exponent = (encoding >> 64n) & 0x7fffn;
  return (encoding & SIGNIFICAND) << (exponent === 0n ? 0n : exponent - 1n);
}

/** Equal but for a relative error of 2^-62; denormals, which have fewer bits, but for one unit in the last place. */
function nearlySame(actual: bigint, expected: bigint): boolean {
  if (actual >> 79n !== expected >> 79n) return false;
  const difference = magnitude(actual) - magnitude(expected);
  const size = difference < 0n ? -difference : difference;
  return size <= 1n || size << 62n <= magnitude(expected);
}

const expectedImages: readonly Uint8Array[] = DATA_WINDOWS.map(() => PATTERN.slice());

/** Most bytes of a memory difference that are shown in a line. */
const SHOWN_BYTES = 16;

function compareMemory(bench: Bench, vector: Vector): readonly StateLine[] {
  expectedImages.forEach((image) => image.set(PATTERN));
  writeRuns(expectedImages, vector.i.mem);
  writeRuns(expectedImages, vector.o.mem);
  for (const [address, bytes] of vector.um ?? []) {
    const start = parseInt(address, 16);
    slice(expectedImages, start, bytes).set(slice(bench.windows, start, bytes));
  }
  return DATA_WINDOWS.flatMap((window, i) => {
    const expected = expectedImages[i];
    const actual = bench.windows[i];
    if (Buffer.compare(expected, actual) === 0) return [];
    const first = expected.findIndex((byte, at) => byte !== actual[at]);
    const hex = (image: Uint8Array): string => Buffer.from(image.subarray(first, first + SHOWN_BYTES)).toString('hex');
    return [{ name: (window.start + first).toString(16), before: '', expected: hex(expected), actual: hex(actual), differs: true }];
  });
}
