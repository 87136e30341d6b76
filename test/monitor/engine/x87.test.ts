/**
 * x87 instructions in generated code against the service that they leave hard cases to: every opcode, on random and special
 * registers, control, status and tag words. All of the unit's state is the same afterwards, with memory, flags and faults.
 * And what is common is not left to the service.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import type { Operation } from '../../../src/monitor/cpu/operation';
import { SERVICES, serviceNumber } from '../../../src/monitor/cpu/services';
import { FPU_LAYOUT, FPU_STATE_BYTES } from '../../../src/monitor/cpu/x87';
import { GuestFault } from '../../../src/monitor/memory/guestFault';
import { AT, HLT, protectedGuest } from '../cpu/guest';

const ROUNDS = 60;
/** Where the memory operand lies, and the registers that address it: [ECX + 4 * EDX + 8]. */
const OPERAND = AT.data + 0x100, ECX = AT.data, EDX = (0x100 - 8) / 4;
/** That of FNSAVE is the longest. */
const OPERAND_BYTES = 108;

class Random {
  private state = 362436069;
  word(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return this.state >>> 0;
  }
  below(count: number): number {
    return (this.word() >>> 3) % count;
  }
  one<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

const CONTROL_WORDS = [0x37f, 0x37f, 0x37f, 0x27f, 0x7f, 0x77f, 0xb7f, 0xf7f, 0x37e, 0x35f, 0x340, 0x17f];

/** What an instruction begins with. */
interface Start {
  readonly unit: Uint8Array;
  readonly memory: Uint8Array;
  readonly flags: number;
}

function register(view: DataView, random: Random, at: number): void {
  const sign = random.below(2) << 15;
  const usual = sign | (0x3fff + random.below(40) - 20);
  const [word, high, low] = random.one<() => readonly [number, number, number]>([
    () => [usual, random.word() | 0x80000000, random.word()],
    () => [usual, random.word() | 0x80000000, random.word() & ~0x7ff],
    () => [sign | (0x3fff + random.below(34)), 0x80000000 | random.word() & 0x7ff00000, 0],
    () => [sign, 0, 0],
    () => [sign | random.one([0, 1, 0x7fff, 0x7ffe, 0x3c00, 0x43fe, 0x403e]), random.one([0x80000000, 0xc0000000, 0xffffffff, 0x40000000, 1]), random.one([0, 1, 0xffffffff])],
  ])();
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
  view.setUint32(at + 8, word, true);
}

function start(random: Random): Start {
  const unit = new Uint8Array(FPU_STATE_BYTES);
  const view = new DataView(unit.buffer);
  for (let i = 0; i < 8; i++) register(view, random, 16 * i);
  const control = random.one(CONTROL_WORDS);
  const flags = random.below(3) === 0 ? random.below(64) & control : random.one([0, 0x20, 0x21]) & control;
  const pending = random.below(16) === 0 ? 0x8081 : 0;
  view.setUint16(FPU_LAYOUT.controlWord, pending ? control & ~1 : control, true);
  view.setUint16(FPU_LAYOUT.statusWord, flags | pending | (random.below(8) << 11) | (random.word() & 0x4740), true);
  view.setUint16(FPU_LAYOUT.tagWord, random.one([0xff, 0xff, 0x7f, 0xfe, 0, random.word() & 0xff, 0x0f, 0xf0, 0xef]), true);
  view.setUint16(FPU_LAYOUT.lastOpcode, random.below(0x800), true);
  for (const at of [FPU_LAYOUT.instructionPointer, FPU_LAYOUT.dataPointer, FPU_LAYOUT.instructionSelector]) view.setUint32(at, random.word(), true);
  const memory = new Uint8Array(OPERAND_BYTES);
  for (let i = 0; i < OPERAND_BYTES; i++) memory[i] = random.word();
  const words = new DataView(memory.buffer);
  const kind = random.below(6);
  if (kind === 0) words.setFloat64(0, random.below(1000) / 8 - 50, true);
  else if (kind === 1) words.setFloat32(0, random.below(1000) / 8 - 50, true);
  else if (kind === 2) words.setInt32(0, random.below(2000) - 1000, true);
  else if (kind === 3) register(words, random, 0);
  else if (kind === 4) words.setBigInt64(0, random.one([0n, -1n, 0x7ff0000000000000n, 0x7ff8000000000000n, 0x7ff4000000000000n, 1n, -(1n << 63n), 0x7f800000n, 0xffc00000n, 0x7fa00000n, 0x8000000000n]), true);
  return { unit, memory, flags: (random.word() & 0x8d5) | 2 };
}

/** Both ways of executing an x87 instruction; each gives a text of all that may have changed. */
function makeBench() {
  const guest = protectedGuest([]);
  const { state, executor } = guest;
  executor.stopVectors = new Set([6, 7, 16]);
  state.setU32(L.CR0, state.cr0 | 0x20);
  guest.cpu.changedContext();
  const address = state.eip;
  const unit = state.block.subarray(L.FPU, L.FPU + FPU_STATE_BYTES);
  const service = SERVICES[serviceNumber('x87')];

  const load = (from: Start): void => {
    unit.set(from.unit);
    guest.put(OPERAND, [...from.memory]);
    state.setReg(L.RAX, 0x12345678);
    state.setReg(L.RCX, ECX);
    state.setReg(L.RDX, EDX);
    state.flags = from.flags;
  };
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const result = (fault: number | undefined): string =>
    `fault ${fault ?? 'none'} unit ${hex(unit)} memory ${hex(guest.map.copyOut(OPERAND, OPERAND_BYTES))} eax ${state.reg(L.RAX).toString(16)} flags ${(state.flags & 0x8d5).toString(16)}`;

  return {
    generated(code: readonly number[], from: Start): string {
      guest.put(address, [...code, HLT]);
      load(from);
      state.eip = address;
      state.halted = false;
      const outcome = executor.run(1);
      return result(outcome.kind === 'exception' ? outcome.fault.vector : undefined);
    },
    served([opcode, modrm]: readonly [number, number, ...number[]], from: Start, size: 2 | 4 = 4): string {
      load(from);
      const op: Operation = {
        size, addressBits: 32, modrm, opcode, isMemory: modrm < 0xc0, reg: (modrm >> 3) & 7, rm: modrm & 7, immediate: 0, immediateHigh: 0, segment: L.DS, repeat: 'none',
        offset: OPERAND, offsetOf: (bytes) => OPERAND + bytes, slotA: 0, slotB: 0, slotC: 0, vectorBytes: 16, start: address, next: 0,
      };
      try {
        service(guest.cpu, op);
        return result(undefined);
      } catch (reason) {
        if (!(reason instanceof GuestFault)) throw reason;
        return result(reason.vector);
      }
    },
    services: (): number => executor.counters.services,
  };
}

/** All forms of the escape opcodes: each register form, and each memory form once. */
function forms(): readonly (readonly [number, number, ...number[]])[] {
  const opcodes = [0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf];
  return opcodes.flatMap((opcode) => [
    ...Array.from({ length: 8 }, (_, reg) => [opcode, 0x44 | (reg << 3), 0x91, 8] as const),
    ...Array.from({ length: 64 }, (_, i) => [opcode, 0xc0 | i] as const),
  ]);
}

describe('x87 instructions in generated code', function () {
  this.timeout(60_000);

  it('do what the service does, in all forms and states', () => {
    const bench = makeBench();
    const random = new Random();
    for (const form of forms()) {
      for (let i = 0; i < ROUNDS; i++) {
        const from = start(random);
        const generated = bench.generated(form, from);
        const text = `${Buffer.from(form).toString('hex')} from ${Buffer.from(from.unit).toString('hex')} memory ${Buffer.from(from.memory).toString('hex')} flags ${from.flags.toString(16)}`;
        assert.equal(generated, bench.served(form, from), text);
      }
    }
  });

  it('do what the service does with images of 16 bits', () => {
    const bench = makeBench();
    const random = new Random();
    for (const form of [[0xd9, 0x64, 0x91, 8], [0xd9, 0x74, 0x91, 8], [0xdd, 0x64, 0x91, 8], [0xdd, 0x74, 0x91, 8]] as const) {
      for (let i = 0; i < ROUNDS; i++) {
        const from = start(random);
        assert.equal(bench.generated([0x66, ...form], from), bench.served(form, from, 2), Buffer.from(form).toString('hex'));
      }
    }
  });

  it('need no service for numbers that programs compute with', () => {
    const bench = makeBench();
    const unit = new Uint8Array(FPU_STATE_BYTES);
    const view = new DataView(unit.buffer);
    [1.5, -3.25, 0, 100, 1e-3, 7].forEach((value, i) => {
      const bits = new DataView(new ArrayBuffer(8));
      bits.setFloat64(0, value);
      const encoded = bits.getBigUint64(0);
      if (value !== 0) view.setBigUint64(16 * i, ((encoded & 0xfffffffffffffn) << 11n) | (1n << 63n), true);
      if (value !== 0) view.setUint16(16 * i + 8, Number(((encoded >> 63n) << 15n) | (((encoded >> 52n) & 0x7ffn) + 15360n)), true);
    });
    view.setUint16(FPU_LAYOUT.controlWord, 0x37f, true);
    view.setUint16(FPU_LAYOUT.tagWord, 0x3f, true);
    const memory = new Uint8Array(OPERAND_BYTES);
    new DataView(memory.buffer).setFloat64(0, 2.5, true);
    // As an integer of 16 bits that is no zero either.
    new DataView(memory.buffer).setFloat32(0, 2.6, true);
    const from: Start = { unit, memory, flags: 2 };
    const common = [
      ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((reg) => [[0xd8, 0x44 | (reg << 3)], [0xda, 0x44 | (reg << 3)], [0xdc, 0x44 | (reg << 3)], [0xde, 0x44 | (reg << 3)]]),
      ...[0xc1, 0xc9, 0xd1, 0xd9, 0xe1, 0xe9, 0xf1, 0xf9].flatMap((modrm) => [[0xd8, modrm], [0xdc, modrm], [0xde, modrm === 0xd1 ? 0xc1 : modrm]]),
      [0xd9, 0x44], [0xd9, 0x54], [0xd9, 0x5c], [0xd9, 0x6c], [0xd9, 0x7c], [0xd9, 0x64], [0xd9, 0x74], [0xdd, 0x64], [0xdd, 0x74], [0xdb, 0xe2], [0xdb, 0xe3], [0xdb, 0x44], [0xdb, 0x4c], [0xdb, 0x54], [0xdb, 0x5c], [0xdb, 0x6c], [0xdb, 0x7c],
      [0xdd, 0x44], [0xdd, 0x4c], [0xdd, 0x54], [0xdd, 0x5c], [0xdd, 0x7c], [0xdf, 0x44], [0xdf, 0x4c], [0xdf, 0x54], [0xdf, 0x5c], [0xdf, 0x6c], [0xdf, 0x7c],
      [0xd9, 0xc1], [0xd9, 0xc9], [0xd9, 0xe0], [0xd9, 0xe1], [0xd9, 0xe4], [0xd9, 0xe5], [0xd9, 0xe8], [0xd9, 0xeb], [0xd9, 0xee], [0xd9, 0xf6], [0xd9, 0xf7],
      [0xd9, 0xfa], [0xd9, 0xfc], [0xda, 0xc1], [0xda, 0xe9], [0xdb, 0xc1], [0xdb, 0xe9], [0xdb, 0xf1], [0xdd, 0xc1], [0xdd, 0xd1], [0xdd, 0xd9], [0xdd, 0xe1], [0xdd, 0xe9],
      [0xdf, 0xe0], [0xdf, 0xe9], [0xdf, 0xf1],
    ];
    for (const [opcode = 0, modrm = 0] of common) {
      const before = bench.services();
      bench.generated(modrm < 0xc0 ? [opcode, modrm, 0x91, 8] : [opcode, modrm], from);
      assert.equal(bench.services(), before, `${opcode.toString(16)} ${modrm.toString(16)} is left to the service`);
    }
  });

  it('need no service for infinities and quiet NaNs that are carried about and compared', () => {
    const bench = makeBench();
    const infinite = 0x7ff0000000000000n, notANumber = 0x7ff8000000000000n;
    /** ST(0) is a number, an infinity, or a quiet NaN, ST(1) is 1.5, and the operand a double. */
    const starting = (top: readonly [bigint, number], operand: bigint): Start => {
      const unit = new Uint8Array(FPU_STATE_BYTES);
      const view = new DataView(unit.buffer);
      [top, [3n << 62n, 0x3fff] as const].forEach(([significand, word], i) => {
        view.setBigUint64(16 * i, significand, true);
        view.setUint16(16 * i + 8, word, true);
      });
      view.setUint16(FPU_LAYOUT.controlWord, 0x37f, true);
      view.setUint16(FPU_LAYOUT.tagWord, 3, true);
      const memory = new Uint8Array(OPERAND_BYTES);
      new DataView(memory.buffer).setBigUint64(0, operand, true);
      return { unit, memory, flags: 2 };
    };
    const number = [3n << 62n, 0x3fff] as const, infinity = [1n << 63n, 0x7fff] as const, nan = [3n << 62n, 0x7fff] as const;
    const cases: readonly (readonly [code: readonly number[], from: Start])[] = [
      ...[infinite, notANumber].map((operand) => [[0xdd, 0x44, 0x91, 8], starting(number, operand)] as const),
      ...[infinity, nan].flatMap((top) => [[0xd9, 0x5c], [0xdd, 0x54], [0xdd, 0x5c]].map((code) => [[...code, 0x91, 8], starting(top, 0n)] as const)),
      // Compared with infinities: FCOM, FCOMI, FUCOMI, FUCOM; a NaN by those that take one.
      ...[[0xd8, 0xd1], [0xdb, 0xf1], [0xdb, 0xe9], [0xdd, 0xe1]].map((code) => [code, starting(infinity, 0n)] as const),
      ...[[0xdb, 0xe9], [0xdd, 0xe1]].map((code) => [code, starting(nan, 0n)] as const),
      // Sums, products, and quotients both ways.
      ...[0xc1, 0xc9, 0xe1, 0xf1, 0xf9].map((modrm) => [[0xd8, modrm], starting(infinity, 0n)] as const),
    ];
    for (const [code, from] of cases) {
      const before = bench.services();
      bench.generated(code, from);
      assert.equal(bench.services(), before, `${code.map((byte) => byte.toString(16)).join(' ')} is left to the service`);
    }
  });
});
