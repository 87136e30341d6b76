/**
 * Floating-point instructions in generated code against the services that they leave hard cases to: the same results,
 * flags and faults, for random and for special operands, under all kinds of MXCSR. And easy cases are not left to them.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import type { Operation } from '../../../src/monitor/cpu/operation';
import { SERVICES, findService } from '../../../src/monitor/cpu/services';
import { CR4 } from '../../../src/monitor/cpu/state';
import { decode } from '../../../src/monitor/isa/decoder';
import { GuestFault } from '../../../src/monitor/memory/guestFault';
import { HLT, protectedGuest } from '../cpu/guest';

const PREFIXES: Readonly<Record<string, readonly number[]>> = { ps: [], pd: [0x66], ss: [0xf3], sd: [0xf2] };
const forms = (opcode: number, suffixes: readonly string[], immediate = false): readonly (readonly number[])[] =>
  suffixes.map((suffix) => [...(PREFIXES[suffix] ?? []), 0x0f, opcode, 0xca, ...(immediate ? [0] : [])]);
const ALL = ['ps', 'pd', 'ss', 'sd'];

/** Register forms of XMM1 (or ECX) and XMM2 (or EDX); a last byte of 0 is an immediate, which is varied. */
const PLAIN = [
  ...[0x51, 0x58, 0x59, 0x5a, 0x5c, 0x5d, 0x5e, 0x5f].flatMap((opcode) => forms(opcode, ALL)),
  ...[0x7c, 0x7d, 0xd0].flatMap((opcode) => forms(opcode, ['pd', 'sd'])),
  ...[0x2e, 0x2f].flatMap((opcode) => forms(opcode, ['ps', 'pd'])),
  ...[0x2a, 0x2c, 0x2d].flatMap((opcode) => forms(opcode, ['ss', 'sd'])),
  ...forms(0x5b, ['ps', 'pd', 'ss']),
  ...forms(0xe6, ['pd', 'ss', 'sd']),
];
const WITH_IMMEDIATE = [...forms(0xc2, ALL, true), ...[8, 9, 10, 11].map((opcode) => [0x66, 0x0f, 0x3a, opcode, 0xca, 0])];

const ROUNDS = 300;
const DESTINATION = L.VECTOR + L.VECTOR_BYTES, SOURCE = L.VECTOR + 2 * L.VECTOR_BYTES;

/** Numbers that are the same in each run. */
class Random {
  private state = 12345;
  word(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return (this.state ^ (this.state >>> 15)) >>> 0;
  }
  below(count: number): number {
    return (this.word() >>> 7) % count;
  }
}

const scratch = new DataView(new ArrayBuffer(8));
const singleBits = (value: number): number => {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
};
const doubleBits = (value: number): readonly [low: number, high: number] => {
  scratch.setFloat64(0, value);
  return [scratch.getUint32(4), scratch.getUint32(0)];
};

const SPECIAL_SINGLES = [0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x00800001, 0x3f800000, 0xbf800000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x4f000000, 0xcf000000];
const SPECIAL_HIGHS = [0, 0x80000000, 0x000fffff, 0x00100000, 0x3ff00000, 0xbff00000, 0x7fefffff, 0x7ff00000, 0xfff00000, 0x7ff80000, 0x38100000, 0x47efffff, 0x41e00000, 0xc1e00000];

/** Four words of an operand: of singles or doubles, usual numbers, special ones, or any bits. */
function operand(random: Random, doubles: boolean): readonly number[] {
  const usual = (): number => (random.below(2) === 0 ? random.below(2000) - 1000 : (random.word() / 2 ** 32 - 0.5) * 2 ** (random.below(80) - 40));
  const kind = random.below(4);
  if (doubles) {
    return [0, 1].flatMap(() => {
      if (kind < 2) return doubleBits(usual());
      return kind === 2 ? [random.below(3) === 0 ? random.word() : 0, SPECIAL_HIGHS[random.below(SPECIAL_HIGHS.length)]] : [random.word(), random.word()];
    });
  }
  return [0, 1, 2, 3].map(() => (kind < 2 ? singleBits(usual()) : kind === 2 ? SPECIAL_SINGLES[random.below(SPECIAL_SINGLES.length)] : random.word()));
}

/** MXCSR: as a program finds it, with PE set, and all kinds of others. */
const control = (random: Random): number => [0x1f80, 0x1fa0, 0x1fa0, random.word() & 0xffff, 0x1fa0 | (random.below(4) << 13), 0x9fe0][random.below(6)];

interface Bench {
  /** Executes with the given operands; gives a text of all that may have changed. */
  generated(instruction: readonly number[], a: readonly number[], b: readonly number[], mxcsr: number): string;
  served(instruction: readonly number[], a: readonly number[], b: readonly number[], mxcsr: number): string;
  /** Services that generated code has asked for. */
  services(): number;
}

function makeBench(): Bench {
  const guest = protectedGuest([]);
  const { state, executor } = guest;
  state.setU32(L.CR4, CR4.OSFXSR | CR4.OSXMMEXCPT);
  guest.cpu.changedContext();
  executor.stopVectors = new Set([6, 19]);
  const start = state.eip;

  const load = (a: readonly number[], b: readonly number[], mxcsr: number): void => {
    a.forEach((word, i) => state.setU32(DESTINATION + 4 * i, word));
    b.forEach((word, i) => state.setU32(SOURCE + 4 * i, word));
    state.setReg(L.RCX, a[0]);
    state.setReg(L.RDX, b[0]);
    state.setU32(L.MXCSR, mxcsr);
    state.flags = 0x8d7;
  };
  const result = (fault: number | undefined): string => {
    const words = [0, 4, 8, 12].map((at) => state.u32(DESTINATION + at).toString(16));
    return `fault ${fault ?? 'none'} xmm1 ${words.join(' ')} ecx ${state.reg(L.RCX).toString(16)} mxcsr ${state.u32(L.MXCSR).toString(16)} flags ${(state.flags & 0x8d5).toString(16)}`;
  };

  return {
    generated(instruction, a, b, mxcsr) {
      guest.put(start, [...instruction, HLT]);
      load(a, b, mxcsr);
      state.eip = start;
      state.halted = false;
      const outcome = executor.run(1);
      return result(outcome.kind === 'exception' ? outcome.fault.vector : undefined);
    },
    served(instruction, a, b, mxcsr) {
      load(a, b, mxcsr);
      const decoded = decode(Uint8Array.from([...instruction, ...new Array<number>(16).fill(0)]), 0, 16, 32);
      const service = SERVICES[findService(decoded?.name ?? '') ?? -1];
      assert.ok(decoded && service, `no service for ${Buffer.from(instruction).toString('hex')}`);
      const [slotA, slotB] = decoded.operands.flatMap((o) => (o.kind === 'vector' ? [L.VECTOR + L.VECTOR_BYTES * o.number] : o.kind === 'register' ? [o.slot] : []));
      const op: Operation = {
        size: 4, addressBits: 32, modrm: 0xca, opcode: decoded.opcode, isMemory: false, reg: 1, rm: 2, immediate: Number(decoded.immediate), immediateHigh: 0, segment: L.DS,
        repeat: 'none', offset: 0, offsetOf: () => 0, slotA, slotB, slotC: 0, vectorBytes: 16, start: 0, next: 0,
      };
      try {
        service(guest.cpu, op);
        return result(undefined);
      } catch (reason) {
        if (!(reason instanceof GuestFault)) throw reason;
        return result(reason.vector);
      }
    },
    services: () => executor.counters.services,
  };
}

const nameOf = (instruction: readonly number[]): string => decode(Uint8Array.from([...instruction, ...new Array<number>(16).fill(0)]), 0, 16, 32)?.name ?? '';

describe('floating-point instructions in generated code', function () {
  this.timeout(60_000);

  for (const instruction of [...PLAIN, ...WITH_IMMEDIATE]) {
    const name = nameOf(instruction);
    it(`${name} does what its service does`, () => {
      const random = new Random();
      const bench = makeBench();
      const immediate = WITH_IMMEDIATE.includes(instruction);
      for (let round = 0; round < ROUNDS; round++) {
        const doubles = name.startsWith('cvt') ? random.below(2) === 0 : /d$/.test(name);
        const [a, b] = [operand(random, doubles), random.below(4) === 0 ? undefined : operand(random, doubles)];
        const source = b ?? a;
        const code = immediate ? [...instruction.slice(0, -1), random.below(16)] : instruction;
        const mxcsr = control(random);
        const text = `${Buffer.from(code).toString('hex')} ${[...a, ...source].map((word) => word.toString(16)).join(' ')} mxcsr ${mxcsr.toString(16)}`;
        assert.equal(bench.generated(code, a, source, mxcsr), bench.served(code, a, source, mxcsr), text);
      }
    });
  }

  it('are not left to services where they are easy', () => {
    const inexact = 0x1fa0, exact = 0x1f80;
    /** Denormals as zeros, and flushed to zero; and with division by zero, overflow and invalid operations unmasked. */
    const flushing = 0x9fe0, trapping = 0x1920;
    const infinity = doubleBits(Infinity), third = doubleBits(1 / 3), two = doubleBits(2), six = doubleBits(6);
    const easy: readonly (readonly [instruction: readonly number[], mxcsr: number, a: readonly number[], b: readonly number[]])[] = [
      ...[0x58, 0x59, 0x5c, 0x5e].map((opcode) => [[0xf2, 0x0f, opcode, 0xca], inexact, [...third, 0, 0], [...two, 0, 0]] as const),
      ...[0x58, 0x59, 0x5c, 0x5e, 0x5d, 0x5f].map((opcode) => [[0xf2, 0x0f, opcode, 0xca], exact, [...six, 0, 0], [...two, 0, 0]] as const),
      ...[0x58, 0x59, 0x5c].map((opcode) => [[0x0f, opcode, 0xca], inexact, [1, 2, 3, 4].map(singleBits), [0, 7, -1, 0.1].map(singleBits)] as const),
      [[0xf2, 0x0f, 0x2c, 0xca], exact, [0, 0, 0, 0], [...six, 0, 0]],
      [[0xf2, 0x0f, 0x2a, 0xca], exact, [0, 0, 0, 0], [7, 0, 0, 0]],
      [[0x66, 0x0f, 0x2e, 0xca], exact, [...six, 0, 0], [...two, 0, 0]],
      // Infinities, and a quiet NaN that is compared.
      ...[0x58, 0x59, 0x5c, 0x5e].map((opcode) => [[0xf2, 0x0f, opcode, 0xca], exact, [...infinity, 0, 0], [...two, 0, 0]] as const),
      ...[0x58, 0x59, 0x5e].map((opcode) => [[0xf3, 0x0f, opcode, 0xca], exact, [singleBits(-2), 0, 0, 0], [singleBits(Infinity), 0, 0, 0]] as const),
      [[0x66, 0x0f, 0x2e, 0xca], exact, [...doubleBits(NaN), 0, 0], [...two, 0, 0]],
      [[0x0f, 0x2e, 0xca], exact, [singleBits(NaN), 0, 0, 0], [singleBits(NaN), 0, 0, 0]],
      ...[flushing, trapping].flatMap((mxcsr) => [
        ...[0x58, 0x59, 0x5c, 0x5e].map((opcode) => [[0xf2, 0x0f, opcode, 0xca], mxcsr, [...third, 0, 0], [...two, 0, 0]] as const),
        [[0xf2, 0x0f, 0x2c, 0xca], mxcsr, [0, 0, 0, 0], [...third, 0, 0]] as const,
        [[0xf2, 0x0f, 0x5a, 0xca], mxcsr, [0, 0, 0, 0], [...third, 0, 0]] as const,
        [[0xf2, 0x0f, 0x51, 0xca], mxcsr, [0, 0, 0, 0], [...two, 0, 0]] as const,
      ]),
    ];
    const bench = makeBench();
    for (const [instruction, mxcsr, a, b] of easy) {
      const before = bench.services();
      bench.generated(instruction, a, b, mxcsr);
      assert.equal(bench.services(), before, `${nameOf(instruction)} with MXCSR ${mxcsr.toString(16)}`);
    }
  });
});
