/** The SHA extensions (Intel SDM volume 2, SHA1RNDS4 and the entries around it; FIPS 180-4 for the functions). */
import type { Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Service } from '../operation';
import { XMM_BYTES, loadAlignedSource, loadRegister, storeRegister } from './sseOperands';

type Words = readonly [number, number, number, number];

const block = { u32: new Uint32Array(4) };
const wordsOf = ({ u32 }: typeof block): Words => [u32[0] ?? 0, u32[1] ?? 0, u32[2] ?? 0, u32[3] ?? 0];

/** An instruction from the words of both operands, lowest first, to those of the result. */
function instruction(body: (a: Words, b: Words, cpu: Cpu, op: Operation) => Words): Service {
  return (cpu, op) => {
    loadAlignedSource(cpu, op, block);
    const b = wordsOf(block);
    loadRegister(cpu, block, op.slotA, XMM_BYTES);
    const a = wordsOf(block);
    block.u32.set(body(a, b, cpu, op));
    storeRegister(cpu, block, op.slotA, XMM_BYTES);
    return 'next';
  };
}

const rotateLeft = (a: number, n: number): number => (a << n) | (a >>> (32 - n));
const rotateRight = (a: number, n: number): number => rotateLeft(a, 32 - n);

const choose = (x: number, y: number, z: number): number => (x & y) ^ (~x & z);
const parity = (x: number, y: number, z: number): number => x ^ y ^ z;
const majority = (x: number, y: number, z: number): number => (x & y) ^ (x & z) ^ (y & z);

/** Function and constant of each twenty rounds of SHA-1 (FIPS 180-4, 4.1.1 and 4.2.1). */
const SHA1_ROUNDS = [
  { f: choose, constant: 0x5a827999 },
  { f: parity, constant: 0x6ed9eba1 },
  { f: majority, constant: 0x8f1bbcdc },
  { f: parity, constant: 0xca62c1d6 },
] as const;

/** Four rounds; the first word holds E already. */
const sha1Rounds = instruction(([d0, c0, b0, a0], [w3, w2, w1, w0], _cpu, op) => {
  const { f, constant } = SHA1_ROUNDS[op.immediate & 3];
  let [a, b, c, d, e] = [a0, b0, c0, d0, 0];
  for (const w of [w0, w1, w2, w3]) {
    const next = (f(b, c, d) + rotateLeft(a, 5) + w + e + constant) | 0;
    [a, b, c, d, e] = [next, a, rotateLeft(b, 30), c, d];
  }
  return [d, c, b, a];
});

const sha1NextE = instruction((a, b) => [b[0], b[1], b[2], (b[3] + rotateLeft(a[3], 30)) | 0]);
const sha1Message1 = instruction((a, b) => [b[2] ^ a[0], b[3] ^ a[1], a[0] ^ a[2], a[1] ^ a[3]]);

const sha1Message2 = instruction((a, b) => {
  const w16 = rotateLeft(a[3] ^ b[2], 1);
  return [rotateLeft(a[0] ^ w16, 1), rotateLeft(a[1] ^ b[0], 1), rotateLeft(a[2] ^ b[1], 1), w16];
});

/** FIPS 180-4, 4.1.2. */
const bigSigma0 = (x: number): number => rotateRight(x, 2) ^ rotateRight(x, 13) ^ rotateRight(x, 22);
const bigSigma1 = (x: number): number => rotateRight(x, 6) ^ rotateRight(x, 11) ^ rotateRight(x, 25);
const smallSigma0 = (x: number): number => rotateRight(x, 7) ^ rotateRight(x, 18) ^ (x >>> 3);
const smallSigma1 = (x: number): number => rotateRight(x, 17) ^ rotateRight(x, 19) ^ (x >>> 10);

/** Two rounds; message words with their constants are in XMM0. */
const sha256Rounds = instruction(([h0, g0, d0, c0], [f0, e0, b0, a0], cpu) => {
  let [a, b, c, d, e, f, g, h] = [a0, b0, c0, d0, e0, f0, g0, h0];
  for (const word of [cpu.state.u32(L.VECTOR), cpu.state.u32(L.VECTOR + 4)]) {
    const sum = (choose(e, f, g) + bigSigma1(e) + word + h) | 0;
    [a, b, c, d, e, f, g, h] = [(sum + majority(a, b, c) + bigSigma0(a)) | 0, a, b, c, (sum + d) | 0, e, f, g];
  }
  return [f, e, b, a];
});

const sha256Message1 = instruction((a, b) => [
  (a[0] + smallSigma0(a[1])) | 0,
  (a[1] + smallSigma0(a[2])) | 0,
  (a[2] + smallSigma0(a[3])) | 0,
  (a[3] + smallSigma0(b[0])) | 0,
]);

const sha256Message2 = instruction((a, b) => {
  const w16 = (a[0] + smallSigma1(b[2])) | 0;
  const w17 = (a[1] + smallSigma1(b[3])) | 0;
  return [w16, w17, (a[2] + smallSigma1(w16)) | 0, (a[3] + smallSigma1(w17)) | 0];
});

export const shaServices: Readonly<Record<string, Service>> = {
  sha1rnds4: sha1Rounds,
  sha1nexte: sha1NextE,
  sha1msg1: sha1Message1,
  sha1msg2: sha1Message2,
  sha256rnds2: sha256Rounds,
  sha256msg1: sha256Message1,
  sha256msg2: sha256Message2,
};
