/**
 * What the recorded vectors do not show of the x87 FPU: image formats of real mode, pointers, precise
 * faults, undefined encodings, MMX aliasing, long remainders, and the register view.
 */

import assert from 'node:assert/strict';
import {
  FPU_STATE_BYTES, FpuState, StatusWord, describeX87, enterMmx, executeX87, loadFxsave,
  storeFxsave, waitX87, writeMmx,
} from '../../../../src/monitor/cpu/x87';
import type { X87Outcome, X87Port, X87Request } from '../../../../src/monitor/cpu/x87';

const MEMORY_BYTES = 128;

/** An FPU with a memory operand of its own. */
class Machine {
  readonly state = new DataView(new ArrayBuffer(FPU_STATE_BYTES + 16));
  readonly fpu = new FpuState(this.state, 16);
  readonly memory = new DataView(new ArrayBuffer(MEMORY_BYTES));
  faulting = false;
  flags = 0x202;
  readonly request: X87Request = {
    opcode: 0xd8, modrm: 0xc0, operandSize: 32, protectedMode: true, instructionPointer: 0x12345, instructionPointerHigh: 0,
    codeSelector: 0x8, dataPointer: 0x54321, dataPointerHigh: 0, dataSelector: 0x10,
  };

  private readonly port: X87Port = {
    scratch: new DataView(new ArrayBuffer(MEMORY_BYTES)),
    read: (size) => !this.faulting && this.copy(this.memory, this.port.scratch, size),
    write: (size) => !this.faulting && this.copy(this.port.scratch, this.memory, size),
    probeWrite: () => !this.faulting,
    setAx: () => undefined,
    getFlags: () => this.flags,
    setFlags: (flags) => { this.flags = flags; },
  };

  constructor() {
    this.fpu.initialise();
  }

  private copy(from: DataView, to: DataView, size: number): boolean {
    for (let index = 0; index < size; index += 1) to.setUint8(index, from.getUint8(index));
    return true;
  }

  run(opcode: number, modrm: number): X87Outcome {
    this.request.opcode = opcode;
    this.request.modrm = modrm;
    return executeX87(this.request, this.fpu, this.port);
  }

  push(value: number): void {
    this.memory.setFloat64(0, value, true);
    assert.equal(this.run(0xdd, 0x00), 'done');
  }

  pop(): number {
    assert.equal(this.run(0xdd, 0x18), 'done');
    return this.memory.getFloat64(0, true);
  }

  bytes(): string {
    return Buffer.from(this.state.buffer).toString('hex');
  }
}

/** Register forms that the SDM's map leaves empty, and a memory form of each empty place. */
const UNDEFINED: readonly (readonly [number, number])[] = [
  [0xd9, 0xd1], [0xd9, 0xd7], [0xd9, 0xe2], [0xd9, 0xe6], [0xd9, 0xef], [0xda, 0xe0], [0xda, 0xe8], [0xda, 0xf0],
  [0xdb, 0xe5], [0xdb, 0xf8], [0xdd, 0xf0], [0xde, 0xd8], [0xde, 0xda], [0xdf, 0xe1], [0xdf, 0xf8],
  [0xd9, 0x08], [0xdb, 0x20], [0xdb, 0x30], [0xdd, 0x28],
];

describe('x87 instructions', () => {
  it('leaves the state untouched with an undefined encoding', () => {
    for (const [opcode, modrm] of UNDEFINED) {
      const machine = new Machine();
      const before = machine.bytes();
      assert.equal(machine.run(opcode, modrm), 'undefined', `${opcode.toString(16)} ${modrm.toString(16)}`);
      assert.equal(machine.bytes(), before);
    }
  });

  it('changes nothing when the memory operand faults, not even TOP', () => {
    // FADD, FLD, FSTP m32/m64/m80, FISTTP, FISTP, FBSTP, FLDENV, FNSTENV, FRSTOR, FNSAVE, FLDCW, FNSTCW, FNSTSW.
    for (const [opcode, modrm] of [
      [0xd8, 0x00], [0xd9, 0x00], [0xd9, 0x18], [0xdd, 0x18], [0xdb, 0x38], [0xdf, 0x08], [0xdf, 0x38], [0xdf, 0x30],
      [0xd9, 0x20], [0xd9, 0x30], [0xdd, 0x20], [0xdd, 0x30], [0xd9, 0x28], [0xd9, 0x38], [0xdd, 0x38],
    ]) {
      const machine = new Machine();
      machine.push(1 / 3);
      machine.faulting = true;
      const before = machine.bytes();
      assert.equal(machine.run(opcode, modrm), 'fault', `${opcode.toString(16)} ${modrm.toString(16)}`);
      assert.equal(machine.bytes(), before, `${opcode.toString(16)} ${modrm.toString(16)}`);
    }
  });

  it('reports a pending exception at waiting instructions only', () => {
    const machine = new Machine();
    machine.fpu.controlWord = 0x037e;
    assert.equal(machine.run(0xd9, 0xfa), 'done', 'FSQRT of an empty register raises, it does not fault');
    assert.notEqual(machine.fpu.statusWord & StatusWord.exceptionSummary, 0);
    assert.equal(machine.run(0xd9, 0xe8), 'mathFault');
    assert.equal(waitX87(machine.fpu), 'mathFault');
    assert.equal(machine.run(0xdf, 0xe0), 'done', 'FNSTSW AX');
    assert.equal(machine.run(0xdb, 0xe2), 'done', 'FNCLEX');
    assert.equal(waitX87(machine.fpu), 'done');
    assert.equal(machine.run(0xd9, 0xe8), 'done');
  });

  it('computes', () => {
    const machine = new Machine();
    machine.push(2);
    machine.push(10);
    machine.run(0xde, 0xf9);
    assert.equal(machine.pop(), 0.2, 'FDIVP: ST(1) / ST(0)');
    machine.push(2);
    machine.run(0xd9, 0xfa);
    assert.equal(machine.pop(), Math.SQRT2);
  });

  it('records the last instruction, but no control instruction', () => {
    const machine = new Machine();
    machine.push(1);
    machine.request.instructionPointerHigh = 0xffffffff;
    machine.run(0xd8, 0xc0);
    machine.request.instructionPointer = 0x999;
    machine.run(0xdb, 0xe2);
    assert.equal(machine.fpu.instructionPointer, 0xffffffff00012345n);
    assert.equal(machine.fpu.instructionSelector, 0x8);
    assert.equal(machine.fpu.lastOpcode, 0x0c0);
    assert.equal(machine.fpu.dataPointer, 0x54321n, 'of the FLD before');
    assert.equal(machine.fpu.dataSelector, 0x10);
  });

  it('stores the environment in each of the four formats of SDM figures 8-9 to 8-12, and loads it back', () => {
    // FLD m64 at 0010:54321, then FADD ST, ST at 0008:12345; linear addresses 54421 and 123C5.
    const images = [
      { protectedMode: true, operandSize: 32, image: '7f03ffff0038ffffff3fffff452301000800c000214305001000ffff' },
      { protectedMode: false, operandSize: 32, image: '7f03ffff0038ffffff3fffffc523ffffc01000002144ffff00500000' },
      { protectedMode: true, operandSize: 16, image: '7f030038ff3f4523080021431000' },
      { protectedMode: false, operandSize: 16, image: '7f030038ff3fc523c01021440050' },
    ] as const;
    for (const { protectedMode, operandSize, image } of images) {
      const machine = new Machine();
      machine.push(1);
      machine.run(0xd8, 0xc0);
      Object.assign(machine.request, { protectedMode, operandSize });
      const stored = (): string => {
        assert.equal(machine.run(0xd9, 0x30), 'done');
        return Buffer.from(machine.memory.buffer).toString('hex').slice(0, image.length);
      };
      assert.equal(stored(), image);
      assert.equal(machine.run(0xd9, 0x20), 'done');
      machine.memory.setUint32(0, 0, true);
      assert.equal(stored(), image, 'after FLDENV');
    }
  });

  it('FNSAVE initialises, and FRSTOR brings all back', () => {
    const machine = new Machine();
    [1, -2, 3.5].forEach((value) => machine.push(value));
    machine.run(0xdd, 0xc1);
    const before = machine.bytes();
    assert.equal(machine.run(0xdd, 0x30), 'done');
    assert.deepEqual([machine.fpu.controlWord, machine.fpu.statusWord, machine.fpu.tagWord], [0x37f, 0, 0]);
    assert.equal(machine.run(0xdd, 0x20), 'done');
    assert.equal(machine.bytes(), before);
  });

  it('an FXSAVE image holds all of the x87 state', () => {
    const machine = new Machine();
    [1, -2, 3.5].forEach((value) => machine.push(value));
    const before = machine.bytes();
    for (const wide of [true, false]) {
      const image = new DataView(new ArrayBuffer(512));
      storeFxsave(machine.fpu, image, wide);
      assert.equal(image.getUint16(2, true), 0x2800);
      assert.equal(image.getUint8(4), 0xe0, 'abridged tags');
      assert.equal(image.getUint16(32 + 8, true), 0x4000, 'ST(0) first');
      assert.equal(image.getUint32(24, true), 0, 'MXCSR is not touched');
      if (wide) continue;
      machine.fpu.initialise();
      loadFxsave(machine.fpu, image, wide);
      assert.equal(machine.bytes(), before);
    }
  });

  it('FPREM takes any distance of exponents to the exact remainder, some 32 to 63 bits a step', () => {
    const machine = new Machine();
    machine.push(3);
    machine.push(2 ** 1000);
    let steps = 0;
    do {
      assert.equal(machine.run(0xd9, 0xf8), 'done');
      steps += 1;
    } while ((machine.fpu.statusWord & StatusWord.c2) !== 0);
    assert.equal(machine.pop(), 1, '2^1000 mod 3');
    assert.ok(steps >= 16 && steps <= 32, `${steps} steps`);
  });

  it('FPREM1 rounds the quotient to nearest even and reports its last bits in C0, C3, C1', () => {
    const machine = new Machine();
    machine.push(2);
    machine.push(11);
    machine.run(0xd9, 0xf5);
    // 11 / 2 = 5.5, so the quotient is 6 = 110b.
    assert.equal(machine.fpu.statusWord & StatusWord.conditionCodes, StatusWord.c0 | StatusWord.c3);
    assert.equal(machine.pop(), -1);
  });

  it('MMX registers are the physical ones', () => {
    const machine = new Machine();
    machine.push(1);
    machine.push(2);
    enterMmx(machine.fpu);
    assert.deepEqual([machine.fpu.top, machine.fpu.tagWord], [0, 0xff]);
    assert.equal(machine.fpu.significandHigh(7), 0x80000000, 'the 1 pushed first');
    writeMmx(machine.fpu, 7, 0x01234567, 0x89abcdef);
    assert.deepEqual([machine.fpu.significandHigh(7), machine.fpu.significandLow(7)], [0x01234567, 0x89abcdef]);
    assert.equal(machine.fpu.signExponent(7), 0xffff);
    assert.equal(machine.fpu.significandHigh(6), 0x80000000, 'its neighbour is untouched');
  });

  it('FCMOVcc looks at the flags, FCOMI sets them', () => {
    const machine = new Machine();
    machine.push(5);
    machine.push(7);
    machine.flags = 0x202;
    machine.run(0xda, 0xc1);
    assert.equal(machine.fpu.signExponent(machine.fpu.top), 0x4001, 'not moved without CF: 7');
    machine.run(0xdb, 0xf1);
    assert.equal(machine.flags, 0x202, '7 > 5');
    machine.run(0xd9, 0xc9);
    machine.run(0xdb, 0xf1);
    assert.equal(machine.flags, 0x203, '5 < 7');
    machine.run(0xda, 0xc1);
    assert.equal(machine.pop(), 7);
  });
});

describe('x87 register view', () => {
  it('shows class, 20 digits, encoding and tag', () => {
    const machine = new Machine();
    [0.1, -Infinity, 0, 2 ** 70, NaN].forEach((value) => machine.push(value));
    machine.run(0xd9, 0xeb);
    const description = describeX87(machine.fpu);
    assert.deepEqual(JSON.parse(JSON.stringify(description)), description, 'plain data');
    const { registers, top, tagWord, dataPointer } = description;
    assert.equal(dataPointer, '0000000000054321');
    assert.equal(top, 2);
    assert.equal(tagWord, 0b00_10_01_00_10_00_11_11, 'physical 7 to 0');
    assert.deepEqual(registers.map((register) => [register.class, register.decimal, register.tag]).slice(0, 6), [
      ['normal', '3.1415926535897932385', 'valid'],
      ['quiet NaN', 'NaN', 'special'],
      ['normal', '1.1805916207174113034e+21', 'valid'],
      ['zero', '0', 'zero'],
      ['infinity', '-infinity', 'special'],
      ['normal', '0.10000000000000000555', 'valid'],
    ]);
    assert.equal(registers[0].hex, '4000 c90fdaa22168c235');
    assert.deepEqual([registers[0].physical, registers[7].class, registers[7].tag], [2, 'empty', 'empty']);
  });

  it('shows the extremes of the format', () => {
    const machine = new Machine();
    machine.fpu.setEncoding(0, 0x7ffe, 0xffffffff, 0xffffffff);
    machine.fpu.setEncoding(1, 0x8000, 0, 1);
    machine.fpu.setEncoding(2, 0x3fff, 0, 1);
    const [largest, least, unnormal] = describeX87(machine.fpu).registers;
    assert.equal(largest.decimal, '1.189731495357231765e+4932');
    assert.deepEqual([least.class, least.decimal], ['denormal', '-3.6451995318824746025e-4951']);
    assert.deepEqual([unnormal.class, unnormal.decimal], ['unsupported', 'unsupported']);
  });
});
