/**
 * SSE instructions in running code: what the recorded vectors do not show, or would not explain. Exceptions and their
 * masks, alignment, MXCSR, FXSAVE, the x87 state behind MMX registers, string comparisons.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { CR4 } from '../../../src/monitor/cpu/state';
import { FPU_LAYOUT } from '../../../src/monitor/cpu/x87';
import { AT, HLT, handlerOf, haltedIn, protectedGuest } from './guest';
import type { Guest } from './guest';

const GP = 13, XM = 19, UD = 6, MF = 16;

/** Instructions of the tests (32-bit code, absolute addresses at AT.data). */
const CODE = {
  ADDPS_MEM: [0x0f, 0x58, 0x05, 0x00, 0x00, 0x02, 0x00],
  ADDPS_MEM_PLUS_8: [0x0f, 0x58, 0x05, 0x08, 0x00, 0x02, 0x00],
  ADDSS_MEM_PLUS_1: [0xf3, 0x0f, 0x58, 0x05, 0x01, 0x00, 0x02, 0x00],
  ADDSS: [0xf3, 0x0f, 0x58, 0xc1],
  DIVSS: [0xf3, 0x0f, 0x5e, 0xc1],
  DIVPS: [0x0f, 0x5e, 0xc1],
  LDMXCSR: [0x0f, 0xae, 0x15, 0x00, 0x00, 0x02, 0x00],
  STMXCSR: [0x0f, 0xae, 0x1d, 0x00, 0x00, 0x02, 0x00],
  FXSAVE_FF0: [0x0f, 0xae, 0x05, 0xf0, 0x0f, 0x02, 0x00],
  FXRSTOR_FF0: [0x0f, 0xae, 0x0d, 0xf0, 0x0f, 0x02, 0x00],
  FXSAVE_FF8: [0x0f, 0xae, 0x05, 0xf8, 0x0f, 0x02, 0x00],
  COMISD: [0x66, 0x0f, 0x2f, 0xc1],
  UCOMISD: [0x66, 0x0f, 0x2e, 0xc1],
  CVTPI2PS_MM3: [0x0f, 0x2a, 0xc3],
  CVTPI2PS_MEM: [0x0f, 0x2a, 0x05, 0x00, 0x00, 0x02, 0x00],
  CVTTPD2PI_MM2: [0x66, 0x0f, 0x2c, 0xd0],
  RSQRTSS: [0xf3, 0x0f, 0x52, 0xc1],
  RCPSS: [0xf3, 0x0f, 0x53, 0xc1],
  DPPS_F1: [0x66, 0x0f, 0x3a, 0x40, 0xc1, 0xf1],
  PCMPISTRI: (control: number): number[] => [0x66, 0x0f, 0x3a, 0x63, 0xc1, control],
  PCMPISTRI_MEM_PLUS_1: (control: number): number[] => [0x66, 0x0f, 0x3a, 0x63, 0x05, 0x01, 0x00, 0x02, 0x00, control],
  PCMPISTRM: (control: number): number[] => [0x66, 0x0f, 0x3a, 0x62, 0xc1, control],
  PCMPESTRI: (control: number): number[] => [0x66, 0x0f, 0x3a, 0x61, 0xc1, control],
};

const MXCSR_RESET = 0x1f80;
/** Mask bits of MXCSR. */
const ZERO_DIVIDE_MASK = 0x200, INEXACT_MASK = 0x1000, INVALID_MASK = 0x80, OVERFLOW_MASK = 0x400;

/** A guest with SSE switched on, that ends in HLT. */
function sseGuest(...instructions: readonly (readonly number[])[]): Guest {
  const guest = protectedGuest([...instructions.flat(), HLT]);
  guest.state.setU32(L.CR4, CR4.OSFXSR | CR4.OSXMMEXCPT);
  guest.state.setU32(L.MXCSR, MXCSR_RESET);
  guest.cpu.changedContext();
  return guest;
}

const register = (number: number): number => L.VECTOR + L.VECTOR_BYTES * number;

function setSingles(guest: Guest, number: number, ...values: readonly number[]): void {
  const words = new Uint32Array(Float32Array.from(values).buffer);
  words.forEach((word, i) => guest.state.setU32(register(number) + 4 * i, word));
}

function setDoubles(guest: Guest, number: number, low: number, high: number): void {
  guest.state.setF64(register(number), low);
  guest.state.setF64(register(number) + 8, high);
}

function setText(guest: Guest, number: number, text: string): void {
  const bytes = new Uint8Array(16);
  bytes.set(Buffer.from(text, 'latin1'));
  new Uint32Array(bytes.buffer).forEach((word, i) => guest.state.setU32(register(number) + 4 * i, word));
}

const words = (guest: Guest, number: number): readonly number[] => [0, 4, 8, 12].map((at) => guest.state.u32(register(number) + at));
const singles = (guest: Guest, number: number): readonly number[] => [...new Float32Array(Uint32Array.from(words(guest, number)).buffer)];
const mxcsr = (guest: Guest): number => guest.state.u32(L.MXCSR);

/** Runs to the handler of a fault and checks which one, and that it points at the program's first instruction. */
function expectFault(guest: Guest, vector: number): void {
  guest.runToHalt();
  assert.equal(haltedIn(guest), vector);
  const errorCode = vector === GP ? 1 : 0;
  if (errorCode) assert.equal(guest.stack(1)[0], 0);
  assert.equal(guest.stack(2)[errorCode], AT.code);
}

describe('SSE exceptions', () => {
  it('masked: the default result, and a flag that stays', () => {
    const guest = sseGuest(CODE.DIVSS, CODE.ADDSS);
    setSingles(guest, 0, 1, 2, 3, 4);
    setSingles(guest, 1, 0, 9, 9, 9);
    guest.runToHalt();
    assert.deepEqual(singles(guest, 0), [Infinity, 2, 3, 4]);
    assert.equal(mxcsr(guest), MXCSR_RESET | 4);
  });

  it('unmasked: #XM with the flag set and the destination as it was', () => {
    const guest = sseGuest(CODE.DIVPS);
    guest.state.setU32(L.MXCSR, MXCSR_RESET & ~ZERO_DIVIDE_MASK);
    setSingles(guest, 0, 1, 1, 1, 1);
    setSingles(guest, 1, 3, 0, 1, 1);
    expectFault(guest, XM);
    assert.deepEqual(singles(guest, 0), [1, 1, 1, 1]);
    // The division of another lane is inexact, but that is found after the division by zero.
    assert.equal(mxcsr(guest), (MXCSR_RESET & ~ZERO_DIVIDE_MASK) | 4);
  });

  it('unmasked after computation: all flags are set', () => {
    const guest = sseGuest(CODE.DIVPS);
    guest.state.setU32(L.MXCSR, MXCSR_RESET & ~INEXACT_MASK);
    setSingles(guest, 0, 1, 1, 1, 1);
    setSingles(guest, 1, 3, 0, 1, 1);
    expectFault(guest, XM);
    assert.equal(mxcsr(guest), (MXCSR_RESET & ~INEXACT_MASK) | 0x24);
  });

  it('unmasked with CR4.OSXMMEXCPT clear: #UD', () => {
    const guest = sseGuest(CODE.DIVSS);
    guest.state.setU32(L.CR4, CR4.OSFXSR);
    guest.state.setU32(L.MXCSR, MXCSR_RESET & ~ZERO_DIVIDE_MASK);
    setSingles(guest, 0, 1, 1, 1, 1);
    setSingles(guest, 1, 0, 0, 0, 0);
    expectFault(guest, UD);
    assert.deepEqual(singles(guest, 0), [1, 1, 1, 1]);
  });

  it('a flag that is set already does not fault', () => {
    const guest = sseGuest(CODE.ADDSS);
    guest.state.setU32(L.MXCSR, (MXCSR_RESET & ~ZERO_DIVIDE_MASK) | 4);
    setSingles(guest, 0, 1, 1, 1, 1);
    setSingles(guest, 1, 1, 1, 1, 1);
    guest.runToHalt();
    assert.equal(singles(guest, 0)[0], 2);
  });

  it('of DPPS come stage by stage: an unmasked one of the products hides those of the sums', () => {
    const guest = sseGuest(CODE.DPPS_F1);
    guest.state.setU32(L.MXCSR, MXCSR_RESET & ~OVERFLOW_MASK);
    setSingles(guest, 0, 2 ** 127, -Infinity, Infinity, 1);
    setSingles(guest, 1, 2 ** 127, 1, 1, 1);
    expectFault(guest, XM);
    // Infinity - infinity of the sums has not been met. (The product is a power of two, so nothing is inexact.)
    assert.equal(mxcsr(guest) & 0x3f, 8);
  });

  it('leave the status flags alone when a comparison faults', () => {
    const guest = sseGuest(CODE.COMISD);
    guest.state.setU32(L.MXCSR, MXCSR_RESET & ~INVALID_MASK);
    guest.state.flags = 0x8d7;
    setDoubles(guest, 0, NaN, 0);
    expectFault(guest, XM);
    assert.equal(guest.stack(3)[2] & 0x8d5, 0x8d5);
  });
});

describe('SSE comparisons to EFLAGS', () => {
  const cases: readonly (readonly [number, number, number])[] = [[2, 1, 0], [1, 2, 1], [1, 1, 0x40], [-0, 0, 0x40], [NaN, 1, 0x45]];
  for (const [a, b, flags] of cases) {
    it(`of ${a} with ${b}`, () => {
      for (const [instruction, invalid] of [[CODE.COMISD, 1], [CODE.UCOMISD, 0]] as const) {
        const guest = sseGuest(instruction);
        guest.state.flags = 0x8d7;
        setDoubles(guest, 0, a, 0);
        setDoubles(guest, 1, b, 0);
        guest.runToHalt();
        assert.equal(guest.state.flags & 0x8d5, flags);
        assert.equal(mxcsr(guest) & 0x3f, Number.isNaN(a) ? invalid : 0);
      }
    });
  }
});

describe('SSE memory operands', () => {
  it('of 16 bytes must be aligned', () => {
    const guest = sseGuest(CODE.ADDPS_MEM_PLUS_8);
    setSingles(guest, 0, 1, 2, 3, 4);
    expectFault(guest, GP);
    assert.deepEqual(singles(guest, 0), [1, 2, 3, 4]);
    assert.equal(mxcsr(guest), MXCSR_RESET);
  });

  it('aligned and scalar ones are read', () => {
    const guest = sseGuest(CODE.ADDPS_MEM, CODE.ADDSS_MEM_PLUS_1);
    guest.put(AT.data, [...new Uint8Array(Float32Array.of(10, 20, 30, 40).buffer)]);
    // The unaligned number at AT.data + 1 is 41 20 00 00 shifted: 0041A000, a denormal.
    setSingles(guest, 0, 1, 2, 3, 4);
    guest.runToHalt();
    assert.deepEqual(singles(guest, 0), [11, 22, 33, 44]);
    assert.equal(mxcsr(guest), MXCSR_RESET | 0x22);
  });

  it('of string comparisons need no alignment', () => {
    const guest = sseGuest(CODE.PCMPISTRI_MEM_PLUS_1(0x08));
    guest.put(AT.data, [...Buffer.from('?abcd', 'latin1'), ...new Array<number>(16).fill(0)]);
    setText(guest, 0, 'abXd');
    guest.runToHalt();
    assert.equal(guest.state.reg(L.RCX), 0);
  });
});

describe('MXCSR', () => {
  it('is loaded and stored', () => {
    const guest = sseGuest(CODE.LDMXCSR);
    guest.put32(AT.data, 0xffbf);
    guest.runToHalt();
    assert.equal(mxcsr(guest), 0xffbf);
    const store = sseGuest(CODE.STMXCSR);
    store.state.setU32(L.MXCSR, 0x7fc1);
    store.runToHalt();
    assert.equal(store.u32(AT.data), 0x7fc1);
  });

  for (let bit = 16; bit < 32; bit++) {
    it(`has no bit ${bit}: #GP(0)`, () => {
      const guest = sseGuest(CODE.LDMXCSR);
      guest.put32(AT.data, MXCSR_RESET | 2 ** bit);
      expectFault(guest, GP);
      assert.equal(mxcsr(guest), MXCSR_RESET);
    });
  }
});

describe('FXSAVE and FXRSTOR', () => {
  const IMAGE = AT.data + 0xff0;

  function filled(...instructions: readonly (readonly number[])[]): Guest {
    const guest = sseGuest(...instructions);
    for (let number = 0; number < 16; number++) setText(guest, number, `register ${number}`);
    guest.state.setU32(L.MXCSR, 0x3fa1);
    return guest;
  }

  it('save MXCSR with its mask and XMM0 to XMM7 over a page border (SDM vol. 1, table 10-2)', () => {
    const guest = filled(CODE.FXSAVE_FF0);
    guest.put(IMAGE + 288, new Array<number>(224).fill(0xee));
    guest.runToHalt();
    assert.equal(guest.u32(IMAGE + 24), 0x3fa1);
    assert.equal(guest.u32(IMAGE + 28), 0xffff);
    for (let number = 0; number < 8; number++) {
      const text = Buffer.from(guest.map.copyOut(IMAGE + 160 + 16 * number, 16)).toString('latin1');
      assert.equal(text, `register ${number}`.padEnd(16, '\0'));
    }
    assert.ok(guest.map.copyOut(IMAGE + 288, 224).every((byte) => byte === 0xee), 'nothing behind XMM7 is written in 32-bit code');
  });

  it('load what was saved, and leave XMM8 to XMM15 alone in 32-bit code', () => {
    const guest = filled(CODE.FXSAVE_FF0, [0x0f, 0xae, 0x15, 0x00, 0x00, 0x02, 0x00], CODE.FXRSTOR_FF0);
    guest.put32(AT.data, MXCSR_RESET);
    guest.run(2);
    for (let number = 0; number < 16; number++) setText(guest, number, 'other');
    guest.runToHalt();
    assert.equal(mxcsr(guest), 0x3fa1);
    const text = (number: number): string => Buffer.from(Uint32Array.from(words(guest, number)).buffer).toString('latin1').replaceAll('\0', '');
    assert.deepEqual([0, 7, 8, 15].map(text), ['register 0', 'register 7', 'other', 'other']);
  });

  it('need an aligned image', () => {
    expectFault(sseGuest(CODE.FXSAVE_FF8), GP);
  });

  it('FXRSTOR refuses reserved bits of MXCSR before anything is loaded', () => {
    const guest = filled(CODE.FXRSTOR_FF0);
    guest.put32(IMAGE, 0x0c7f);
    guest.put32(IMAGE + 24, 0x10000);
    const before = [...words(guest, 0), guest.state.u32(L.FPU + FPU_LAYOUT.controlWord)];
    expectFault(guest, GP);
    assert.deepEqual([...words(guest, 0), guest.state.u32(L.FPU + FPU_LAYOUT.controlWord)], before);
  });
});

describe('SSE conversions with MMX registers', () => {
  const statusWord = (guest: Guest): number => guest.state.u32(L.FPU + FPU_LAYOUT.controlWord) >>> 16;
  const tagWord = (guest: Guest): number => guest.state.u32(L.FPU + FPU_LAYOUT.tagWord) & 0xffff;
  const setStatusWord = (guest: Guest, value: number): void => guest.state.setU32(L.FPU + FPU_LAYOUT.controlWord, (value << 16) | 0x37f);

  it('make the x87 unit an MMX one: TOP 0, all registers valid', () => {
    const guest = sseGuest(CODE.CVTPI2PS_MM3, CODE.CVTTPD2PI_MM2);
    setStatusWord(guest, 0x3800);
    guest.state.setU32(L.FPU + 16 * 3, 7);
    guest.state.setU32(L.FPU + 16 * 3 + 4, 0xfffffffe);
    guest.run(1);
    assert.deepEqual(singles(guest, 0).slice(0, 2), [7, -2]);
    assert.deepEqual([statusWord(guest) & 0x3800, tagWord(guest)], [0, 0xff]);
    setDoubles(guest, 0, -1.9, 2.9);
    guest.runToHalt();
    assert.deepEqual([0, 4, 8].map((at) => guest.state.u32(L.FPU + 16 * 2 + at)), [0xffffffff, 2, 0xffff]);
  });

  it('from memory leave the x87 state alone', () => {
    const guest = sseGuest(CODE.CVTPI2PS_MEM);
    setStatusWord(guest, 0x3800);
    guest.runToHalt();
    assert.deepEqual([statusWord(guest), tagWord(guest)], [0x3800, 0]);
  });

  it('wait for a pending x87 exception: #MF', () => {
    const guest = sseGuest(CODE.CVTPI2PS_MM3);
    guest.state.setU32(L.CR0, guest.state.cr0 | 0x20);
    // Invalid operation, not masked: flag, ES and B.
    guest.state.setU32(L.FPU + FPU_LAYOUT.controlWord, (0x8081 << 16) | 0x37e);
    expectFault(guest, MF);
    assert.equal(handlerOf(MF) + 1, guest.state.eip);
  });
});

describe('SSE estimates', () => {
  it('have a relative error of at most 1.5 * 2^-12, raise nothing, and know special values', () => {
    for (const [instruction, exact] of [[CODE.RCPSS, (x: number) => 1 / x], [CODE.RSQRTSS, (x: number) => 1 / Math.sqrt(x)]] as const) {
      for (const x of [1, 3, 1e-30, 7.77e20, 0, -0, Infinity, 2 ** -149, -(2 ** -149), -5]) {
        const guest = sseGuest(instruction);
        guest.state.setU32(L.MXCSR, 0);
        setSingles(guest, 1, x, 0, 0, 0);
        guest.runToHalt();
        const operand = Math.abs(x) < 2 ** -126 ? x * 0 : x;
        const want = exact(operand);
        const [have] = singles(guest, 0);
        if (Number.isFinite(want) && want !== 0) assert.ok(Math.abs(have / want - 1) <= 1.5 / 4096, `${x}: ${have}`);
        else assert.ok(Object.is(have, want), `${x}: ${have}`);
        assert.equal(mxcsr(guest), 0);
      }
    }
  });

  it('flush tiny reciprocals to zero', () => {
    const guest = sseGuest(CODE.RCPSS);
    setSingles(guest, 1, -3e38, 0, 0, 0);
    guest.runToHalt();
    assert.ok(Object.is(singles(guest, 0)[0], -0));
  });
});

describe('SSE4.2 string comparisons', () => {
  /** ECX and the status flags after PCMPISTRI of two texts. */
  function index(set: string, text: string, control: number): { ecx: number; flags: number } {
    const guest = sseGuest(CODE.PCMPISTRI(control));
    guest.state.flags = 0x8d7;
    setText(guest, 0, set);
    setText(guest, 1, text);
    guest.runToHalt();
    return { ecx: guest.state.reg(L.RCX), flags: guest.state.flags & 0x8d5 };
  }
  const CF = 1, ZF = 0x40, SF = 0x80, OF = 0x800;

  it('find any of a set of characters', () => {
    assert.deepEqual(index('xyz', 'no such y here!!', 0x00), { ecx: 8, flags: CF | SF });
    assert.deepEqual(index('xyz', 'zoo', 0x00), { ecx: 0, flags: CF | SF | ZF | OF });
    assert.deepEqual(index('xyz', 'abc', 0x00), { ecx: 16, flags: SF | ZF });
  });

  it('find characters of ranges, or the last one outside of them', () => {
    assert.deepEqual(index('azAZ', '123 Word', 0x04), { ecx: 4, flags: CF | SF | ZF });
    assert.deepEqual(index('azAZ', 'ab1d2ef', 0x74), { ecx: 4, flags: CF | SF | ZF });
  });

  it('find where two strings differ', () => {
    assert.deepEqual(index('same text', 'same test', 0x18), { ecx: 7, flags: CF | SF | ZF });
    assert.deepEqual(index('equal', 'equal', 0x18), { ecx: 16, flags: SF | ZF });
  });

  it('find a substring, also one that the register cuts off', () => {
    assert.deepEqual(index('ndl', 'hay needle ndl', 0x0c), { ecx: 11, flags: CF | SF | ZF });
    assert.deepEqual(index('xyz', '0123456789abcdxy', 0x0c), { ecx: 14, flags: CF | SF });
    assert.deepEqual(index('', 'anything', 0x0c), { ecx: 0, flags: CF | SF | ZF | OF });
  });

  it('take explicit lengths as magnitudes and cut them at the register', () => {
    const guest = sseGuest(CODE.PCMPESTRI(0x00));
    setText(guest, 0, 'z');
    setText(guest, 1, '0123456789abcdez');
    guest.state.setReg(L.RAX, 0xffffffff);
    guest.state.setReg(L.RDX, 0x80000000);
    guest.runToHalt();
    assert.equal(guest.state.reg(L.RCX), 15);
    assert.equal(guest.state.flags & 0x8d5, CF | SF);
  });

  it('give the mask as bits or as elements', () => {
    for (const [control, want] of [[0x08, [0b101, 0, 0, 0]], [0x48, [0x00ff00ff, 0, 0, 0]]] as const) {
      const guest = sseGuest(CODE.PCMPISTRM(control));
      setText(guest, 0, 'aXc\u0001');
      setText(guest, 1, 'abc\u0002');
      guest.runToHalt();
      // Both have ended behind the fourth element, which counts as equal.
      assert.deepEqual(words(guest, 0), [want[0] | (control & 0x40 ? 0 : 0xfff0), ...(control & 0x40 ? [0xffffffff, 0xffffffff, 0xffffffff] : [0, 0, 0])]);
    }
  });
});
