/**
 * Floating-point services in the VEX encoding, called directly: operand order, what becomes of the rest of the destination,
 * memory operands. (Results are the recorded vectors' business.)
 */
import assert from 'node:assert/strict';
import { VECTOR as EXCEPTION } from '../../../src/monitor/cpu/cpu';
import * as L from '../../../src/monitor/cpu/layout';
import type { Operation } from '../../../src/monitor/cpu/operation';
import { sseServices } from '../../../src/monitor/cpu/services/sse';
import { GuestFault } from '../../../src/monitor/memory/guestFault';
import { AT, protectedGuest } from './guest';
import type { Guest } from './guest';

const register = (number: number): number => L.VECTOR + L.VECTOR_BYTES * number;

/** VEX.128 with registers 0 (destination), 1 and 2; `more` overrides. */
function operation(more: Partial<Operation> = {}): Operation {
  return {
    size: 4, addressBits: 32, modrm: 0, opcode: 0, isMemory: false, reg: 0, rm: 0, immediate: 0, immediateHigh: 0, segment: L.DS, repeat: 'none',
    offset: AT.data, offsetOf: (bytes) => AT.data + bytes, slotA: register(0), slotB: register(1), slotC: register(2), vectorBytes: 16, start: 0, next: 0,
    ...more,
  };
}

/** A guest whose registers 0 to 2 hold these singles, eight each. */
function guestWith(...registers: readonly (readonly number[])[]): Guest {
  const guest = protectedGuest([]);
  guest.state.setU32(L.MXCSR, 0x1f80);
  registers.forEach((values, number) => {
    new Uint32Array(Float32Array.from(values).buffer).forEach((word, i) => guest.state.setU32(register(number) + 4 * i, word));
  });
  return guest;
}

function execute(guest: Guest, mnemonic: string, op: Operation): void {
  const service = sseServices[mnemonic];
  assert.ok(service, `there is no service ${mnemonic}`);
  assert.equal(service(guest.cpu, op), 'next');
}

const singles = (guest: Guest, number: number): readonly number[] => {
  const words = Uint32Array.from({ length: 8 }, (_, i) => guest.state.u32(register(number) + 4 * i));
  return [...new Float32Array(words.buffer)];
};

const EIGHT = [1, 2, 3, 4, 5, 6, 7, 8];
const TENS = [10, 20, 30, 40, 50, 60, 70, 80];
const HUNDREDS = [100, 200, 300, 400, 500, 600, 700, 800];

describe('AVX floating-point services', () => {
  it('of 128 bits take both sources, and clear the upper half', () => {
    const guest = guestWith(EIGHT, TENS, HUNDREDS);
    execute(guest, 'vsubps', operation());
    assert.deepEqual(singles(guest, 0), [-90, -180, -270, -360, 0, 0, 0, 0]);
    assert.deepEqual(singles(guest, 1), TENS);
  });

  it('of 256 bits take all lanes, and memory wherever it lies', () => {
    const guest = guestWith(EIGHT, TENS, HUNDREDS);
    guest.put(AT.data + 4, [...new Uint8Array(Float32Array.from(EIGHT).buffer)]);
    execute(guest, 'vaddps', operation({ isMemory: true, offset: AT.data + 4, vectorBytes: 32 }));
    assert.deepEqual(singles(guest, 0), [11, 22, 33, 44, 55, 66, 77, 88]);
  });

  it('of scalars take the rest from the first source', () => {
    const guest = guestWith(EIGHT, TENS, HUNDREDS);
    execute(guest, 'vsubss', operation());
    assert.deepEqual(singles(guest, 0), [-90, 20, 30, 40, 0, 0, 0, 0]);
    execute(guest, 'vsqrtss', operation());
    assert.deepEqual(singles(guest, 0), [10, 20, 30, 40, 0, 0, 0, 0]);
  });

  it('of one source and 256 bits', () => {
    const guest = guestWith(EIGHT, [1, 4, 9, 16, 25, 36, 49, 64]);
    execute(guest, 'vsqrtps', operation({ vectorBytes: 32 }));
    assert.deepEqual(singles(guest, 0), EIGHT);
  });

  it('HADD and DP work in each 16 bytes', () => {
    const guest = guestWith([], EIGHT, TENS);
    execute(guest, 'vhaddps', operation({ vectorBytes: 32 }));
    assert.deepEqual(singles(guest, 0), [3, 7, 30, 70, 11, 15, 110, 150]);
    execute(guest, 'vdpps', operation({ vectorBytes: 32, immediate: 0x31 }));
    assert.deepEqual(singles(guest, 0), [50, 0, 0, 0, 610, 0, 0, 0]);
  });

  it('have 32 predicates', () => {
    const guest = guestWith([], [1, NaN, 1, 2, 0, 0, 0, 0], [1, 1, 2, 1, 0, 0, 0, 0]);
    // GT_OQ
    execute(guest, 'vcmpps', operation({ immediate: 0x1e }));
    assert.deepEqual([0, 4, 8, 12].map((at) => guest.state.u32(register(0) + at)), [0, 0, 0, 0xffffffff]);
    assert.equal(guest.state.u32(L.MXCSR), 0x1f80);
  });

  it('narrow and widen between 256 and 128 bits', () => {
    const guest = guestWith(EIGHT, TENS);
    execute(guest, 'vcvtps2pd', operation({ vectorBytes: 32 }));
    assert.deepEqual([0, 8, 16, 24].map((at) => guest.state.f64(register(0) + at)), [10, 20, 30, 40]);
    execute(guest, 'vcvtpd2ps', operation({ slotA: register(2), slotB: register(0), vectorBytes: 32 }));
    assert.deepEqual(singles(guest, 2), [10, 20, 30, 40, 0, 0, 0, 0]);
  });

  it('change nothing when an exception is not masked', () => {
    const guest = guestWith(EIGHT, TENS, [0, 1, 1, 1, 1, 1, 1, 1]);
    guest.state.setU32(L.MXCSR, 0x1d80);
    guest.state.setU32(L.CR4, 0x600);
    assert.throws(() => execute(guest, 'vdivps', operation()), (fault) => fault instanceof GuestFault && fault.vector === EXCEPTION.XM);
    assert.deepEqual(singles(guest, 0), EIGHT);
  });
});

describe('FMA services', () => {
  /** Operands 2, 3 and 5 in the destination, the second and the third. */
  const cases: readonly (readonly [string, number])[] = [
    ['vfmadd132ss', 2 * 5 + 3], ['vfmadd213ss', 3 * 2 + 5], ['vfmadd231ss', 3 * 5 + 2], ['vfmsub132ss', 2 * 5 - 3], ['vfnmadd231ss', -(3 * 5) + 2],
    ['vfnmsub213ss', -(3 * 2) - 5],
  ];
  for (const [mnemonic, result] of cases) {
    it(`${mnemonic} knows its operands, and keeps the rest of the destination`, () => {
      const guest = guestWith([2, 22, 222, 2222, 1, 1, 1, 1], [3, 33, 333, 3333], [5, 55, 555, 5555]);
      execute(guest, mnemonic, operation());
      assert.deepEqual(singles(guest, 0), [result, 22, 222, 2222, 0, 0, 0, 0]);
    });
  }

  it('alternate between lanes', () => {
    const guest = guestWith(EIGHT, TENS, HUNDREDS);
    execute(guest, 'vfmaddsub231ps', operation());
    assert.deepEqual(singles(guest, 0).slice(0, 4), [999, 4002, 8997, 16004]);
    const other = guestWith(EIGHT, TENS, HUNDREDS);
    execute(other, 'vfmsubadd231ps', operation());
    assert.deepEqual(singles(other, 0).slice(0, 4), [1001, 3998, 9003, 15996]);
  });
});

describe('F16C services', () => {
  it('convert to halves in a register and back', () => {
    const guest = guestWith(EIGHT, [1, -2, 0.5, 65504, 1e9, 2 ** -24, 0, -0]);
    execute(guest, 'vcvtps2ph', operation({ vectorBytes: 32 }));
    assert.deepEqual([0, 4, 8, 12, 16].map((at) => guest.state.u32(register(0) + at)), [0xc0003c00, 0x7bff3800, 0x00017c00, 0x80000000, 0]);
    execute(guest, 'vcvtph2ps', operation({ slotA: register(2), slotB: register(0), vectorBytes: 32 }));
    assert.deepEqual(singles(guest, 2), [1, -2, 0.5, 65504, Infinity, 2 ** -24, 0, -0]);
  });

  it('convert to halves in memory, from the first register operand', () => {
    const guest = guestWith([1, 2, 3, 4]);
    guest.put32(AT.data + 8, 0xeeeeeeee);
    execute(guest, 'vcvtps2ph', operation({ isMemory: true }));
    assert.deepEqual([0, 4, 8].map((at) => guest.u32(AT.data + at)), [0x40003c00, 0x44004200, 0xeeeeeeee]);
  });
});
