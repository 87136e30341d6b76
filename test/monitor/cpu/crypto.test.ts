/** AES-NI, PCLMULQDQ and SHA in running code, by the examples of FIPS 197 and FIPS 180-4 and by their definitions. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as L from '../../../src/monitor/cpu/layout';
import { CR4 } from '../../../src/monitor/cpu/state';
import { HLT, protectedGuest, type Guest } from './guest';

/** Register to register forms: destination and source are XMM numbers. */
const modrm = (destination: number, source: number): number => 0xc0 | (destination << 3) | source;
const two = (opcode: number, prefix: readonly number[]) => (d: number, s: number): readonly number[] => [...prefix, 0x0f, 0x38, opcode, modrm(d, s)];
const CODE = {
  aesimc: two(0xdb, [0x66]),
  aesenc: two(0xdc, [0x66]),
  aesenclast: two(0xdd, [0x66]),
  aesdec: two(0xde, [0x66]),
  aesdeclast: two(0xdf, [0x66]),
  aeskeygenassist: (d: number, s: number, imm: number): readonly number[] => [0x66, 0x0f, 0x3a, 0xdf, modrm(d, s), imm],
  pclmulqdq: (d: number, s: number, imm: number): readonly number[] => [0x66, 0x0f, 0x3a, 0x44, modrm(d, s), imm],
  sha1rnds4: (d: number, s: number, imm: number): readonly number[] => [0x0f, 0x3a, 0xcc, modrm(d, s), imm],
  sha1nexte: two(0xc8, []),
  sha1msg1: two(0xc9, []),
  sha1msg2: two(0xca, []),
  sha256rnds2: two(0xcb, []),
  sha256msg1: two(0xcc, []),
  sha256msg2: two(0xcd, []),
};

/** A processor that executes single instructions on XMM registers. */
class Bench {
  private readonly guest: Guest;

  constructor() {
    this.guest = protectedGuest([]);
    this.guest.state.setU32(L.CR4, CR4.OSFXSR | CR4.OSXMMEXCPT | CR4.OSXSAVE);
    this.guest.state.setU32(L.XCR0, 7);
    this.guest.cpu.changedContext();
  }

  /** Executes with registers of four or eight words each, lowest first; gives as many words of XMM1 or YMM1. */
  run(instruction: readonly number[], registers: readonly (readonly number[])[], count = 4): readonly number[] {
    const { state } = this.guest;
    registers.forEach((words, n) => words.forEach((word, i) => state.setU32(L.VECTOR + L.VECTOR_BYTES * n + 4 * i, word >>> 0)));
    this.guest.put(state.eip, [...instruction, HLT]);
    const { eip } = state;
    this.guest.runToHalt();
    state.halted = false;
    state.eip = eip;
    return Array.from({ length: count }, (_, i) => state.u32(L.VECTOR + L.VECTOR_BYTES + 4 * i));
  }
}

/** Bytes in the order in which memory has them, as words. */
function words(hex: string): readonly number[] {
  const bytes = Buffer.from(hex, 'hex');
  return [0, 4, 8, 12].map((at) => bytes.readUInt32LE(at));
}

function hex(from: readonly number[]): string {
  const bytes = Buffer.alloc(16);
  from.forEach((word, i) => bytes.writeUInt32LE(word >>> 0, 4 * i));
  return bytes.toString('hex');
}

const ZERO = [0, 0, 0, 0];

describe('AES-NI', () => {
  const bench = new Bench();
  const apply = (instruction: (d: number, s: number) => readonly number[], a: readonly number[], b: readonly number[]): readonly number[] =>
    bench.run(instruction(1, 2), [ZERO, a, b]);

  /** Round keys of AES-128 as software derives them: AESKEYGENASSIST and exclusive-ors of the words (FIPS 197, 5.2). */
  function roundKeys(key: readonly number[]): readonly (readonly number[])[] {
    const keys = [key];
    for (const constant of [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36]) {
      const last = keys[keys.length - 1];
      const word = bench.run(CODE.aeskeygenassist(1, 2, constant), [ZERO, ZERO, last])[3];
      const next: number[] = [];
      last.forEach((value, i) => next.push((value ^ (i === 0 ? word : next[i - 1])) >>> 0));
      keys.push(next);
    }
    return keys;
  }

  const xor = (a: readonly number[], b: readonly number[]): readonly number[] => a.map((word, i) => (word ^ b[i]) >>> 0);

  // FIPS 197, appendix C.1.
  const PLAIN = '00112233445566778899aabbccddeeff', CIPHER = '69c4e0d86a7b0430d8cdb78070b4c55a';
  const keys = roundKeys(words('000102030405060708090a0b0c0d0e0f'));

  it('derives the last round key of FIPS 197', () => {
    assert.equal(hex(keys[10]), '13111d7fe3944a17f307a78b4d2b30c5');
  });

  it('encrypts the block of FIPS 197', () => {
    let state = xor(words(PLAIN), keys[0]);
    for (let i = 1; i < 10; i++) state = apply(CODE.aesenc, state, keys[i]);
    assert.equal(hex(apply(CODE.aesenclast, state, keys[10])), CIPHER);
  });

  it('decrypts it by the equivalent inverse cipher', () => {
    let state = xor(words(CIPHER), keys[10]);
    for (let i = 9; i > 0; i--) state = apply(CODE.aesdec, state, bench.run(CODE.aesimc(1, 2), [ZERO, ZERO, keys[i]]));
    assert.equal(hex(apply(CODE.aesdeclast, state, keys[0])), PLAIN);
  });
});

describe('AES and PCLMULQDQ with VEX', () => {
  const bench = new Bench();
  const a = words('00102030405060708090a0b0c0d0e0f0'), b = words('d6aa74fdd2af72fadaa678f1d6ab76fe');
  // XMM1 from XMM2 and XMM3: VEX.128.66.0F38 or 0F3A, VEX.vvvv naming XMM2.
  const binary: readonly (readonly [opcode: number, legacy: readonly number[]])[] = [
    [0xdc, CODE.aesenc(1, 2)], [0xdd, CODE.aesenclast(1, 2)], [0xde, CODE.aesdec(1, 2)], [0xdf, CODE.aesdeclast(1, 2)],
  ];
  for (const [opcode, legacy] of binary) {
    it(`${opcode.toString(16)} takes its first source from VEX.vvvv`, () => {
      assert.deepEqual(bench.run([0xc4, 0xe2, 0x69, opcode, 0xcb], [ZERO, ZERO, a, b]), bench.run(legacy, [ZERO, a, b]));
    });
  }

  it('multiply, invert and assist as without', () => {
    assert.deepEqual(bench.run([0xc4, 0xe3, 0x69, 0x44, 0xcb, 0x10], [ZERO, ZERO, a, b]), bench.run(CODE.pclmulqdq(1, 2, 0x10), [ZERO, a, b]));
    assert.deepEqual(bench.run([0xc4, 0xe2, 0x79, 0xdb, 0xca], [ZERO, ZERO, b]), bench.run(CODE.aesimc(1, 2), [ZERO, ZERO, b]));
    assert.deepEqual(bench.run([0xc4, 0xe3, 0x79, 0xdf, 0xca, 0x1b], [ZERO, ZERO, b]), bench.run(CODE.aeskeygenassist(1, 2, 0x1b), [ZERO, ZERO, b]));
  });

  it('clear the upper half of YMM', () => {
    assert.deepEqual(bench.run([0xc4, 0xe2, 0x69, 0xdc, 0xcb], [ZERO, [1, 2, 3, 4, 5, 6, 7, 8], a, b], 8).slice(4), ZERO);
    assert.deepEqual(bench.run(CODE.aesenc(1, 2), [ZERO, [1, 2, 3, 4, 5, 6, 7, 8], a], 8).slice(4), [5, 6, 7, 8]);
  });
});

describe('PCLMULQDQ', () => {
  const bench = new Bench();
  const quadwords = (text: readonly number[]): readonly bigint[] => [0, 2].map((i) => (BigInt(text[i + 1]) << 32n) | BigInt(text[i]));

  it('multiplies polynomials, of the quadwords that its immediate names', () => {
    // (x^63 + 1)(x + 1) = x^64 + x^63 + x + 1; x^63 times itself is x^126; anything times 1 is itself.
    const a = [1, 0x80000000, 1, 0], b = [3, 0, 0, 0x80000000];
    const multiply = (imm: number): readonly bigint[] => quadwords(bench.run(CODE.pclmulqdq(1, 2, imm), [ZERO, a, b]));
    assert.deepEqual(multiply(0x00), [0x8000000000000003n, 1n]);
    assert.deepEqual(multiply(0x01), [3n, 0n]);
    assert.deepEqual(multiply(0x10), [1n << 63n, 1n << 62n]);
    assert.deepEqual(multiply(0x11), [1n << 63n, 0n]);
  });
});

describe('the SHA extensions', () => {
  const bench = new Bench();
  const binary = (instruction: readonly number[], a: readonly number[], b: readonly number[], implicit: readonly number[] = ZERO): readonly number[] =>
    bench.run(instruction, [implicit, a, b]);
  const add = (a: readonly number[], b: readonly number[]): readonly number[] => a.map((word, i) => (word + b[i]) >>> 0);

  /** 'abc', padded to a block (FIPS 180-4, 5.1.1), as words. */
  const BLOCK = [0x61626380, ...new Array<number>(14).fill(0), 24];
  const digest = (algorithm: string): string => createHash(algorithm).update('abc').digest('hex');
  const text = (all: readonly number[]): string => all.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');

  it('make the SHA-1 of "abc"', () => {
    const initial = [0x10325476, 0x98badcfe, 0xefcdab89, 0x67452301];
    // Message words by four, the first of them in the highest lane.
    const message = [0, 4, 8, 12].map((i) => BLOCK.slice(i, i + 4).reverse());
    for (let i = 4; i < 20; i++) {
      const mixed = binary(CODE.sha1msg1(1, 2), message[i - 4], message[i - 3]).map((word, lane) => (word ^ message[i - 2][lane]) >>> 0);
      message.push([...binary(CODE.sha1msg2(1, 2), mixed, message[i - 1])]);
    }
    let state: readonly number[] = initial;
    let before: readonly number[] = [0, 0, 0, 0];
    for (let i = 0; i < 20; i++) {
      const input = i === 0 ? add(message[0], [0, 0, 0, 0xc3d2e1f0]) : binary(CODE.sha1nexte(1, 2), before, message[i]);
      before = state;
      state = binary(CODE.sha1rnds4(1, 2, Math.floor(i / 5)), state, input);
    }
    const last = binary(CODE.sha1nexte(1, 2), before, [0, 0, 0, 0xc3d2e1f0])[3];
    assert.equal(text([...[...add(state, initial)].reverse(), last]), digest('sha1'));
  });

  it('make the SHA-256 of "abc"', () => {
    const primes = Array.from({ length: 320 }, (_, i) => i).filter((n) => n > 1 && !Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && n % d === 0));
    const fraction = (value: number): number => Math.floor((value - Math.floor(value)) * 2 ** 32);
    const constants = primes.slice(0, 64).map((p) => fraction(Math.cbrt(p)));
    const [a, b, c, d, e, f, g, h] = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
    const message = [0, 4, 8, 12].map((i) => BLOCK.slice(i, i + 4));
    for (let i = 4; i < 16; i++) {
      const partial = binary(CODE.sha256msg1(1, 2), message[i - 4], message[i - 3]);
      const behind = [...message[i - 2].slice(1), message[i - 1][0]];
      message.push([...binary(CODE.sha256msg2(1, 2), add(partial, behind), message[i - 1])]);
    }
    const [abef, cdgh] = [[f, e, b, a], [h, g, d, c]];
    let first: readonly number[] = abef;
    let second: readonly number[] = cdgh;
    for (let i = 0; i < 64; i += 2) {
      const sums = [0, 1].map((j) => (message[Math.floor(i / 4)][(i + j) % 4] + constants[i + j]) >>> 0);
      [first, second] = [binary(CODE.sha256rnds2(1, 2), second, first, [...sums, 0, 0]), first];
    }
    const [x, y] = [add(first, abef), add(second, cdgh)];
    assert.equal(text([x[3], x[2], y[3], y[2], x[1], x[0], y[1], y[0]]), digest('sha256'));
  });
});
