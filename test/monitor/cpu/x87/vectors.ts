/**
 * Runs the x87 instructions of recorded states of a real processor on our FPU alone: a decoder that knows just enough
 * to find the memory operand, and the comparison afterwards.
 */

import { FPU_STATE_BYTES, FpuState, executeX87, loadFxsave, storeFxsave, waitX87 } from '../../../../src/monitor/cpu/x87';
import type { X87Outcome, X87Port, X87Request } from '../../../../src/monitor/cpu/x87';
import { DATA_WINDOWS, GENERAL, PATTERN, registersAfter, registersBefore, type Registers } from '../../../conformance/expectedState';
import type { MemoryRun, Vector } from '../../../conformance/vectorFile';

/** The windows of both modes: no vector of 32 bits reaches the one that lies above 4 GiB. */
const WINDOWS = DATA_WINDOWS[64];

/** The three data windows. */
class Memory {
  private readonly windows = WINDOWS.map(() => PATTERN.slice());

  /** The bytes at an address, or undefined where a byte is not present. */
  bytes(address: bigint, size: number): Uint8Array | undefined {
    for (const [index, { start, bytes }] of WINDOWS.entries()) {
      const at = Number(address - BigInt(start));
      if (at >= 0 && at + size <= bytes) return this.windows[index].subarray(at, at + size);
    }
    return undefined;
  }

  put(runs: readonly MemoryRun[] | undefined): void {
    for (const [address, hex] of runs ?? []) {
      const bytes = Buffer.from(hex, 'hex');
      const target = this.bytes(BigInt(`0x${address}`), bytes.length);
      if (target === undefined) throw new Error(`vector writes outside of its windows at ${address}`);
      target.set(bytes);
    }
  }

  mask(ranges: readonly (readonly [string, number])[] | undefined): void {
    for (const [address, size] of ranges ?? []) this.bytes(BigInt(`0x${address}`), size)?.fill(0);
  }

  /** Address of the first byte that differs. */
  differsFrom(other: Memory): string | undefined {
    for (const [index, window] of this.windows.entries()) {
      const at = Buffer.compare(window, other.windows[index]) === 0
        ? -1
        : window.findIndex((byte, offset) => byte !== other.windows[index][offset]);
      if (at >= 0) return (WINDOWS[index].start + at).toString(16);
    }
    return undefined;
  }
}

interface Decoded {
  /** D8h to DFh, 9Bh (FWAIT) or AEh (0F AE). */
  readonly opcode: number;
  readonly modrm: number;
  readonly operandSize: 16 | 32 | 64;
  readonly address: bigint;
}

/** Decodes prefixes, REX, opcode, modrm, SIB and displacement; computes the operand's linear address. */
function decode(vector: Vector, registers: Registers): Decoded {
  const bytes = Buffer.from(vector.b, 'hex');
  let at = 0;
  let operandSize: 16 | 32 | 64 = 32;
  let shortAddress = false;
  let base = 0n;
  for (;; at += 1) {
    const prefix = bytes[at];
    if (prefix === 0x66) operandSize = 16;
    else if (prefix === 0x67) shortAddress = true;
    else if (prefix === 0x64) base = registers['fsb'] ?? 0n;
    else if (prefix === 0x65) base = registers['gsb'] ?? 0n;
    else if (![0x26, 0x2e, 0x36, 0x3e].includes(prefix)) break;
  }
  const rex = vector.m === 64 && (bytes[at] & 0xf0) === 0x40 ? bytes[at++] : 0;
  if ((rex & 8) !== 0) operandSize = 64;
  let opcode = bytes[at++];
  if (opcode === 0x0f) opcode = bytes[at++];
  if (opcode === 0x9b) return { opcode, modrm: 0xc0, operandSize, address: 0n };
  const modrm = bytes[at++];
  if (modrm >= 0xc0) return { opcode, modrm, operandSize, address: 0n };
  const addressBits = vector.m === 64 ? (shortAddress ? 32 : 64) : shortAddress ? 16 : 32;
  const offset = addressBits === 16 ? offset16(registers, bytes, at, modrm) : offset32(vector.m, registers, bytes, at, modrm, rex);
  const address = BigInt.asUintN(vector.m, base + BigInt.asUintN(addressBits, offset));
  return { opcode, modrm, operandSize, address };
}

function displacement(bytes: Buffer, at: number, mode: number, size: 2 | 4): bigint {
  if (mode === 1) return BigInt(bytes.readInt8(at));
  return mode === 2 ? BigInt(bytes.readIntLE(at, size)) : 0n;
}

function offset16(registers: Registers, bytes: Buffer, at: number, modrm: number): bigint {
  const mode = modrm >>> 6;
  const rm = modrm & 7;
  if (mode === 0 && rm === 6) return BigInt(bytes.readUInt16LE(at));
  const parts = [['rbx', 'rsi'], ['rbx', 'rdi'], ['rbp', 'rsi'], ['rbp', 'rdi'], ['rsi'], ['rdi'], ['rbp'], ['rbx']][rm];
  return parts.reduce((sum, name) => sum + registers[name], displacement(bytes, at, mode, 2));
}

function offset32(bits: 32 | 64, registers: Registers, bytes: Buffer, start: number, modrm: number, rex: number): bigint {
  const register = (index: number): bigint => registers[GENERAL[64][index]];
  const mode = modrm >>> 6;
  const rm = modrm & 7;
  if (rm === 4) {
    const sib = bytes[start];
    const index = ((sib >>> 3) & 7) | ((rex & 2) << 2);
    const scaled = index === 4 ? 0n : register(index) << BigInt(sib >>> 6);
    if ((sib & 7) === 5 && mode === 0) return scaled + BigInt(bytes.readInt32LE(start + 1));
    return scaled + register((sib & 7) | ((rex & 1) << 3)) + displacement(bytes, start + 1, mode, 4);
  }
  if (mode === 0 && rm === 5) {
    const here = bits === 64 ? registers['ip'] + BigInt(bytes.length) : 0n;
    return here + BigInt(bytes.readInt32LE(start));
  }
  return register(rm | ((rex & 1) << 3)) + displacement(bytes, start, mode, 4);
}

/** How two 80-bit results compare: both as integers of sign and exponent above significand. */
export type ResultComparison = (actual: bigint, expected: bigint) => boolean;

export interface RunOptions {
  /** Compares registers; exact equality by default. */
  readonly sameResult?: ResultComparison;
  /** Status word bits to leave out besides the vector's own. */
  readonly ignoredStatus?: number;
}

/** Everything one vector needs to run: the FPU with the state before, memory, and the port between them. */
class Bench {
  readonly view = new DataView(new ArrayBuffer(FPU_STATE_BYTES));
  readonly fpu = new FpuState(this.view, 0);
  readonly memory = new Memory();
  readonly before: Registers;
  readonly after: Registers;
  ax: number;
  flags: number;

  constructor(readonly vector: Vector) {
    this.before = registersBefore(vector, false);
    this.after = registersAfter(vector, this.before);
    this.ax = Number(this.before['rax'] & 0xffffn);
    this.flags = Number(this.before['fl']);
    this.fpu.controlWord = Number(this.before['fcw']);
    this.fpu.statusWord = Number(this.before['fsw']);
    for (let index = 0; index < 8; index += 1) {
      const value = this.before[`fp${index}`];
      this.fpu.setEncoding(
        index, Number(value >> 64n), Number((value >> 32n) & 0xffffffffn), Number(value & 0xffffffffn),
      );
    }
    this.fpu.tagWord = Number(this.before['ftw']);
    this.memory.put(vector.i.mem);
  }

  register(index: number): bigint {
    const words = [this.fpu.signExponent(index), this.fpu.significandHigh(index), this.fpu.significandLow(index)];
    return words.reduce((value, word) => (value << 32n) | BigInt(word), 0n);
  }

  port(address: bigint): X87Port {
    const scratch = new DataView(new ArrayBuffer(108));
    const bytes = new Uint8Array(scratch.buffer);
    return {
      scratch,
      read: (size) => {
        const source = this.memory.bytes(address, size);
        if (source !== undefined) bytes.set(source);
        return source !== undefined;
      },
      write: (size) => {
        const target = this.memory.bytes(address, size);
        target?.set(bytes.subarray(0, size));
        return target !== undefined;
      },
      probeWrite: (size) => this.memory.bytes(address, size) !== undefined,
      setAx: (value) => { this.ax = value; },
      getFlags: () => this.flags,
      setFlags: (value) => { this.flags = value; },
    };
  }

  run(): X87Outcome {
    const { opcode, modrm, operandSize, address } = decode(this.vector, this.before);
    if (opcode === 0x9b) return waitX87(this.fpu);
    if (opcode === 0xae) return this.runFxsave(modrm, operandSize === 64, address);
    const request: X87Request = {
      opcode, modrm, operandSize, protectedMode: true, instructionPointer: 0, instructionPointerHigh: 0, codeSelector: 0,
      dataPointer: 0, dataPointerHigh: 0, dataSelector: 0,
    };
    return executeX87(request, this.fpu, this.port(address));
  }

  private runFxsave(modrm: number, wide: boolean, address: bigint): X87Outcome {
    const image = this.memory.bytes(address, 512);
    if (image === undefined) return 'fault';
    const view = new DataView(image.buffer, image.byteOffset, image.length);
    if (((modrm >>> 3) & 7) === 0) {
      storeFxsave(this.fpu, view, wide);
      return 'done';
    }
    // Reserved bits of MXCSR give #GP, which is the caller's to see.
    if ((view.getUint32(24, true) & ~MXCSR_MASK) !== 0) return 'fault';
    loadFxsave(this.fpu, view, wide);
    return 'done';
  }
}

const MXCSR_MASK = 0x2ffff;

function expectedOutcome(vector: Vector): X87Outcome {
  switch (vector.x) {
    case undefined: return 'done';
    case '#MF': return 'mathFault';
    case '#UD': return 'undefined';
    default: return 'fault';
  }
}

/** Runs one vector; returns what is wrong, or undefined. */
export function runVector(vector: Vector, options: RunOptions = {}): string | undefined {
  const bench = new Bench(vector);
  const outcome = bench.run();
  if (outcome !== expectedOutcome(vector)) return `outcome ${outcome}, expected ${expectedOutcome(vector)}`;
  return compareState(bench, options) ?? compareMemory(bench);
}

function compareState(bench: Bench, options: RunOptions): string | undefined {
  const { vector, fpu } = bench;
  const differs = (name: string, actual: number, ignored = 0): string | undefined => {
    const expected = Number(bench.after[name]);
    return ((actual ^ expected) & ~ignored) === 0
      ? undefined
      : `${name} ${actual.toString(16)}, expected ${expected.toString(16)}`;
  };
  const undefinedStatus = parseInt(vector.usw ?? '0', 16) | (options.ignoredStatus ?? 0);
  const problem = differs('fsw', fpu.statusWord, undefinedStatus)
    ?? differs('fcw', fpu.controlWord)
    ?? differs('ftw', fpu.tagWord)
    ?? differs('fl', bench.flags, parseInt(vector.u ?? '0', 16));
  if (problem !== undefined) return problem;
  if (bench.ax !== Number(bench.after['rax'] & 0xffffn)) return `ax ${bench.ax.toString(16)}`;
  return compareRegisters(bench, options.sameResult ?? ((actual, expected) => actual === expected));
}

function compareRegisters(bench: Bench, same: ResultComparison): string | undefined {
  for (let index = 0; index < 8; index += 1) {
    const name = `fp${index}`;
    if (bench.vector.ur?.includes(name) === true) continue;
    const actual = bench.register(index);
    const expected = bench.after[name];
    if (!same(actual, expected)) return `${name} ${actual.toString(16)}, expected ${expected.toString(16)}`;
  }
  return undefined;
}

/** FXSAVE's bytes beyond the x87 registers, and MXCSR with its mask, belong to SSE. */
const FXSAVE_SSE: readonly (readonly [number, number])[] = [[24, 8], [160, 352]];

function compareMemory(bench: Bench): string | undefined {
  const { vector } = bench;
  const expected = new Memory();
  expected.put(vector.i.mem);
  expected.put(vector.o.mem);
  const { opcode, address } = decode(vector, bench.before);
  const sse = opcode === 0xae ? FXSAVE_SSE : [];
  const masked = [
    ...vector.um ?? [],
    ...sse.map(([offset, size]) => [(address + BigInt(offset)).toString(16), size] as const),
  ];
  expected.mask(masked);
  bench.memory.mask(masked);
  const at = bench.memory.differsFrom(expected);
  return at === undefined ? undefined : `memory differs at ${at}`;
}
