/**
 * AES-NI and PCLMULQDQ, with and without VEX (Intel SDM volume 2, AESENC and the entries around it; FIPS 197 for the
 * cipher's steps).
 */
import type { Cpu } from '../cpu';
import type { Operation, Outcome, Service } from '../operation';
import * as L from '../layout';
import { XMM_BYTES, loadAlignedSource, loadRegister, loadSource, storeRegister } from './sseOperands';

/** An operand in pieces of each size. */
class Block {
  readonly u8 = new Uint8Array(XMM_BYTES);
  readonly u32 = new Uint32Array(this.u8.buffer);
  readonly u64 = new BigUint64Array(this.u8.buffer);
}

const destination = new Block();
const source = new Block();

/** Multiplication by x in GF(2^8), modulo x^8 + x^4 + x^3 + x + 1. */
const timesX = (a: number): number => ((a << 1) ^ (a & 0x80 ? 0x11b : 0)) & 0xff;

function product(a: number, b: number): number {
  let result = 0;
  for (let factor = a, rest = b; rest !== 0; rest >>= 1, factor = timesX(factor)) if (rest & 1) result ^= factor;
  return result;
}

/** FIPS 197, 5.1.1: the inverse in GF(2^8), and an affine transformation over its bits. */
function substitutionBox(): Uint8Array {
  const box = new Uint8Array(256);
  // 3 generates the field's multiplicative group: power runs through it upwards, inverse downwards.
  for (let i = 0, power = 1, inverse = 1; i < 255; i++) {
    box[power] = [0, 1, 2, 3, 4].reduce((sum, turn) => sum ^ (inverse << turn) ^ (inverse >> (8 - turn)), 0x63) & 0xff;
    power = product(power, 3);
    inverse = product(inverse, 0xf6);
  }
  box[0] = 0x63;
  return box;
}

const BOX = substitutionBox();
const INVERSE_BOX = Uint8Array.from({ length: 256 }, (_, i) => BOX.indexOf(i));

/** Where each byte of a state comes from when rows are shifted: row r is byte r of each of the four columns. */
const SHIFTED = Array.from({ length: 16 }, (_, i) => (i + 4 * (i % 4)) % 16);
const SHIFTED_BACK = Array.from({ length: 16 }, (_, i) => (i + 12 * (i % 4)) % 16);

const MIX: readonly number[] = [2, 3, 1, 1];
const MIX_BACK: readonly number[] = [14, 11, 13, 9];

/** Products by each coefficient, as tables. */
const TIMES = new Map([...MIX, ...MIX_BACK].map((factor) => [factor, Uint8Array.from({ length: 256 }, (_, i) => product(i, factor))]));

function mixColumns(state: Uint8Array, coefficients: readonly number[]): Uint8Array {
  return state.map((_, i) => {
    const column = i & ~3;
    return coefficients.reduce((sum, factor, k) => sum ^ (TIMES.get(factor)?.[state[column + ((i + k) & 3)] ?? 0] ?? 0), 0);
  });
}

const substituted = (bytes: Uint8Array, box: Uint8Array, order: readonly number[]): Uint8Array => bytes.map((_, i) => box[bytes[order[i] ?? 0] ?? 0] ?? 0);

/** Where an encoding has its operands; `source` and `destination` are filled and stored by it. */
interface Form {
  loadUnary(cpu: Cpu, op: Operation): void;
  loadBinary(cpu: Cpu, op: Operation): void;
  store(cpu: Cpu, op: Operation): Outcome;
}

const LEGACY: Form = {
  loadUnary: (cpu, op) => loadAlignedSource(cpu, op, source),
  loadBinary: (cpu, op) => {
    loadAlignedSource(cpu, op, source);
    loadRegister(cpu, destination, op.slotA, XMM_BYTES);
  },
  store: (cpu, op) => {
    storeRegister(cpu, destination, op.slotA, XMM_BYTES);
    return 'next';
  },
};

const VEX: Form = {
  loadUnary: (cpu, op) => loadSource(cpu, op, source, XMM_BYTES),
  loadBinary: (cpu, op) => {
    loadSource(cpu, op, source, XMM_BYTES, op.slotC);
    loadRegister(cpu, destination, op.slotB, XMM_BYTES);
  },
  store: (cpu, op) => {
    for (let at = XMM_BYTES; at < L.VECTOR_BYTES; at += 8) cpu.state.setU64(op.slotA + at, 0n);
    return LEGACY.store(cpu, op);
  },
};

const round = (back: boolean, last: boolean) => (form: Form): Service => (cpu, op) => {
  form.loadBinary(cpu, op);
  const state = substituted(destination.u8, back ? INVERSE_BOX : BOX, back ? SHIFTED_BACK : SHIFTED);
  const mixed = last ? state : mixColumns(state, back ? MIX_BACK : MIX);
  mixed.forEach((byte, i) => (destination.u8[i] = byte ^ (source.u8[i] ?? 0)));
  return form.store(cpu, op);
};

const inverseMixColumns = (form: Form): Service => (cpu, op) => {
  form.loadUnary(cpu, op);
  destination.u8.set(mixColumns(source.u8, MIX_BACK));
  return form.store(cpu, op);
};

/** SubWord of FIPS 197, 5.2. */
const substitutedWord = (word: number): number => [0, 8, 16, 24].reduce((all, shift) => all | ((BOX[(word >>> shift) & 0xff] ?? 0) << shift), 0);
const rotated = (word: number): number => (word >>> 8) | (word << 24);

const keyAssist = (form: Form): Service => (cpu, op) => {
  form.loadUnary(cpu, op);
  const constant = op.immediate & 0xff;
  const [first, second] = [substitutedWord(source.u32[1] ?? 0), substitutedWord(source.u32[3] ?? 0)];
  destination.u32.set([first, rotated(first) ^ constant, second, rotated(second) ^ constant]);
  return form.store(cpu, op);
};

/** PCLMULQDQ: the product of one quadword of each operand without carries. */
const carrylessProduct = (form: Form): Service => (cpu, op) => {
  form.loadBinary(cpu, op);
  const a = destination.u64[op.immediate & 1] ?? 0n;
  const b = source.u64[(op.immediate >> 4) & 1] ?? 0n;
  let sum = 0n;
  for (let i = 0n; i < 64n; i++) if ((b >> i) & 1n) sum ^= a << i;
  destination.u64.set([BigInt.asUintN(64, sum), sum >> 64n]);
  return form.store(cpu, op);
};

const SERVICES: Readonly<Record<string, (form: Form) => Service>> = {
  aesenc: round(false, false),
  aesenclast: round(false, true),
  aesdec: round(true, false),
  aesdeclast: round(true, true),
  aesimc: inverseMixColumns,
  aeskeygenassist: keyAssist,
  pclmulqdq: carrylessProduct,
};

export const aesServices: Readonly<Record<string, Service>> = Object.fromEntries(
  Object.entries(SERVICES).flatMap(([name, service]) => [[name, service(LEGACY)] as const, [`v${name}`, service(VEX)] as const]),
);
