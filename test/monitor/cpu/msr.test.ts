/** Model-specific registers: which there are, what they hold, and what raises #GP(0) (Intel SDM vol. 4 and the places named). */
import assert from 'node:assert/strict';
import { Cpu, VECTOR } from '../../../src/monitor/cpu/cpu';
import * as L from '../../../src/monitor/cpu/layout';
import { withNeeds, type Feature } from '../../../src/monitor/cpu/models/features';
import { MODELS, type ModelName } from '../../../src/monitor/cpu/models/models';
import { readMsr, resetMsrs, writeMsr } from '../../../src/monitor/cpu/msr';
import type { LocalApicPort } from '../../../src/monitor/cpu/msrApic';
import { setFirmwareMemoryTypes } from '../../../src/monitor/cpu/msrMemoryTypes';
import { GuestFault } from '../../../src/monitor/memory/guestFault';
import { MachineMemory } from '../../../src/monitor/memory/machineMemory';
import { Mmu } from '../../../src/monitor/memory/mmu';
import { PhysicalMap } from '../../../src/monitor/memory/physicalMap';

const memory = new MachineMemory(16);
const mmu = new Mmu(memory, new PhysicalMap(memory, { read: () => 0, write: () => undefined }));

let now = 0;

/** A CPU of a model after reset. */
function cpuOf(name: ModelName, more: readonly Feature[] = [], localApic?: LocalApicPort): Cpu {
  const cpu = new Cpu(memory, mmu, {
    readPort: () => 0xff,
    writePort: () => undefined,
    acknowledgeInterrupt: () => 0,
    coprocessorError: () => undefined,
    retired: () => now,
    now: () => now,
    ...(localApic ? { localApic } : {}),
  }, { model: MODELS[name], features: withNeeds([...MODELS[name].features, ...more]) });
  cpu.state.block.fill(0);
  resetMsrs(cpu);
  return cpu;
}

function refuses(name: string, access: () => unknown): void {
  assert.throws(access, (reason) => reason instanceof GuestFault && reason.vector === VECTOR.GP && reason.errorCode === 0, name);
}

const accepted = (cpu: Cpu, number: number, value: bigint): void => {
  writeMsr(cpu, number, value);
  assert.equal(readMsr(cpu, number), value, `${number.toString(16)} ${value.toString(16)}`);
};
const refused = (cpu: Cpu, number: number, value: bigint): void => {
  const before = readMsr(cpu, number);
  refuses(`${number.toString(16)} ${value.toString(16)}`, () => writeMsr(cpu, number, value));
  assert.equal(readMsr(cpu, number), before);
};

describe('model-specific registers', () => {
  beforeEach(() => {
    now = 0;
  });

  it('that do not exist raise #GP(0)', () => {
    const cpu = cpuOf('x86-64-v2');
    for (const number of [0x2, 0x11, 0x120, 0x210, 0x270, 0x414, 0x7ff, 0x900, 0x40000000, 0xc0010015, 0xffffffff]) {
      refuses(number.toString(16), () => readMsr(cpu, number));
      refuses(number.toString(16), () => writeMsr(cpu, number, 0n));
    }
  });

  it('come with their features', () => {
    const rows: readonly (readonly [ModelName, readonly number[], readonly number[]])[] = [
      ['pentium', [0, 1, 0x10], [0x174, 0x8b, 0xfe, 0x179, 0x277, 0x1a0, 0x3b, 0x6e0]],
      ['pentium-pro', [0x10, 0x17, 0x8b, 0x174, 0x277, 0x1a0], [0x1b, 0xfe, 0x179, 0x3b, 0x10a]],
      ['pentium3', [0x10, 0x8b, 0xfe, 0x200, 0x250, 0x2ff, 0x179, 0x413, 0x1d9], [0xc0000080, 0x3a, 0xce, 0x6e0]],
      ['x86-64-v2', [0x3a, 0x3b, 0xce, 0x10a, 0x198], [0xda0]],
    ];
    for (const [name, there, missing] of rows) {
      const cpu = cpuOf(name);
      for (const number of there) readMsr(cpu, number);
      for (const number of missing) refuses(`${name} ${number.toString(16)}`, () => readMsr(cpu, number));
    }
  });

  it('of long mode come with it', () => {
    const numbers = [0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103];
    const cpu = cpuOf('x86-64-v2');
    for (const number of numbers) accepted(cpu, number, 0n);
    const old = cpuOf('pentium3');
    for (const number of numbers) refuses(number.toString(16), () => readMsr(old, number));
    assert.equal(readMsr(cpuOf('pentium-pro'), 0xc0000080), 0n);
    assert.equal(readMsr(cpuOf('pentium3', ['rdpid']), 0xc0000103), 0n);
  });

  it('that are read-only raise #GP(0) when written', () => {
    const cpu = cpuOf('x86-64-v2');
    for (const number of [0x17, 0x3a, 0xce, 0xfe, 0x10a, 0x179, 0x198]) refused(cpu, number, readMsr(cpu, number));
  });

  it('of SYSENTER hold addresses that are canonical; the selector has 32 bits', () => {
    const old = cpuOf('pentium3');
    accepted(old, 0x175, 0xc0001000n);
    const cpu = cpuOf('x86-64-v2');
    accepted(cpu, 0x176, 0xffffffff81000000n);
    accepted(cpu, 0x176, 0x00007fffffffffffn);
    refused(cpu, 0x176, 0x0000800000000000n);
    refused(cpu, 0x175, 0xffff000000000000n);
    accepted(cpuOf('x86-64-v2', ['la57']), 0x176, 0x0000800000000000n);
    writeMsr(cpu, 0x174, 0x1_0000_0010n);
    assert.equal(readMsr(cpu, 0x174), 0x10n);
  });

  it('say that nothing is speculated about', () => {
    const value = readMsr(cpuOf('x86-64-v2'), 0x10a);
    // RDCL_NO, SSB_NO, MDS_NO, TAA_NO; no IBRS, no TSX_CTRL.
    for (const bit of [0n, 4n, 5n, 8n]) assert.equal((value >> bit) & 1n, 1n, String(bit));
    for (const bit of [1n, 7n]) assert.equal((value >> bit) & 1n, 0n, String(bit));
  });

  it('give a microcode revision after the write that asks for it', () => {
    const cpu = cpuOf('x86-64-v3');
    writeMsr(cpu, 0x8b, 0n);
    // Linux distrusts the deadline timer of this model below revision 22h.
    assert.ok(readMsr(cpu, 0x8b) >> 32n >= 0x22n);
    assert.equal(BigInt.asUintN(32, readMsr(cpu, 0x8b)), 0n);
  });

  it('hold what DEBUGCTL and MISC_ENABLE may hold', () => {
    const cpu = cpuOf('x86-64-v2');
    accepted(cpu, 0x1d9, 2n);
    assert.equal(cpu.state.u64(L.MSR_DEBUGCTL), 2n);
    refused(cpu, 0x1d9, 1n << 15n);
    assert.equal(readMsr(cpu, 0x1a0), 0x1801n, 'fast strings; no branch trace, no PEBS');
    writeMsr(cpu, 0x1a0, 0x400000n);
    assert.equal(readMsr(cpu, 0x1a0), 0x401800n);
    refused(cpu, 0x1a0, 0x40000n);
    accepted(cpuOf('x86-64-v2', ['monitor']), 0x1a0, 0x41800n);
  });

  it('for XSAVES take no supervisor state', () => {
    const cpu = cpuOf('x86-64-v3', ['xsaves']);
    accepted(cpu, 0xda0, 0n);
    refused(cpu, 0xda0, 0x100n);
  });
});

describe('the time-stamp counter', () => {
  it('counts from the reset', () => {
    now = 300;
    const cpu = cpuOf('x86-64-v2');
    assert.deepEqual([readMsr(cpu, 0x10), readMsr(cpu, 0x3b)], [0n, 0n]);
    now = 350;
    assert.deepEqual([readMsr(cpu, 0x10), readMsr(cpu, 0x3b)], [50n, 0n]);
  });

  it('counts virtual time from what was written', () => {
    now = 0;
    const cpu = cpuOf('x86-64-v2');
    now = 1000;
    assert.equal(readMsr(cpu, 0x10), 1000n);
    writeMsr(cpu, 0x10, 5n);
    now = 1010;
    assert.equal(readMsr(cpu, 0x10), 15n);
    writeMsr(cpu, 0x10, 0xffffffffffffffffn);
    now = 1012;
    assert.equal(readMsr(cpu, 0x10), 1n);
  });

  it('moves with IA32_TSC_ADJUST, and that with it (18.17.3)', () => {
    now = 0;
    const cpu = cpuOf('x86-64-v2');
    now = 500;
    assert.equal(readMsr(cpu, 0x3b), 0n);
    writeMsr(cpu, 0x10, 700n);
    assert.equal(readMsr(cpu, 0x3b), 200n);
    writeMsr(cpu, 0x3b, 0xfffffffffffffff6n);
    assert.equal(readMsr(cpu, 0x10), 490n);
  });
});

describe('memory type registers', () => {
  it('say what there is, and are off after reset', () => {
    const cpu = cpuOf('pentium3');
    assert.equal(readMsr(cpu, 0xfe), 0x508n);
    assert.equal(readMsr(cpu, 0x2ff), 0n);
    assert.equal(readMsr(cpu, 0x277), 0x0007040600070406n);
  });

  it('refuse types that there are not', () => {
    const cpu = cpuOf('pentium3');
    for (const type of [0n, 1n, 4n, 5n, 6n]) {
      accepted(cpu, 0x2ff, 0xc00n | type);
      accepted(cpu, 0x200, 0x80000000n | type);
      accepted(cpu, 0x26f, type << 56n);
      accepted(cpu, 0x277, type << 24n);
    }
    for (const type of [2n, 3n, 7n, 8n, 0x86n]) {
      refused(cpu, 0x2ff, type);
      refused(cpu, 0x20e, type);
      refused(cpu, 0x250, type << 32n);
    }
    accepted(cpu, 0x277, 7n << 56n);
    for (const type of [2n, 3n, 8n, 0x40n]) refused(cpu, 0x277, type << 56n);
  });

  it('refuse reserved bits', () => {
    const cpu = cpuOf('pentium3');
    for (const bit of [8n, 9n, 12n, 63n]) refused(cpu, 0x2ff, 1n << bit);
    for (const bit of [8n, 11n, 36n, 63n]) refused(cpu, 0x202, 1n << bit);
    for (const bit of [0n, 10n, 36n, 63n]) refused(cpu, 0x203, 1n << bit);
    accepted(cpu, 0x203, 0xf_ffff_f800n);
    const wide = cpuOf('x86-64-v2');
    accepted(wide, 0x203, 0xff_ffff_f800n);
    refused(wide, 0x203, 1n << 40n);
  });

  it('are eight variable pairs and eleven fixed ranges, each on its own', () => {
    const cpu = cpuOf('x86-64-v2');
    const numbers = [...Array.from({ length: 16 }, (_, i) => 0x200 + i), 0x250, 0x258, 0x259, ...Array.from({ length: 8 }, (_, i) => 0x268 + i)];
    numbers.forEach((number, i) => writeMsr(cpu, number, number < 0x250 ? BigInt(i + 1) << 12n : (BigInt(i) % 2n) * 6n + 4n * ((BigInt(i) + 1n) % 2n)));
    numbers.forEach((number, i) => {
      assert.equal(readMsr(cpu, number), number < 0x250 ? BigInt(i + 1) << 12n : (BigInt(i) % 2n) * 6n + 4n * ((BigInt(i) + 1n) % 2n), number.toString(16));
    });
  });

  it('are set by firmware to values that they accept', () => {
    const cpu = cpuOf('x86-64-v2');
    setFirmwareMemoryTypes(cpu);
    for (const number of [0x200, 0x201, 0x250, 0x259, 0x26f, 0x2ff]) accepted(cpu, number, readMsr(cpu, number));
    assert.equal(readMsr(cpu, 0x2ff), 0xc06n);
    assert.equal(readMsr(cpu, 0x200), 0xc0000000n);
    assert.equal(readMsr(cpu, 0x201), 0xff_c000_0800n);
    assert.equal(readMsr(cpu, 0x259), 0n);
    assert.equal(readMsr(cpu, 0x268), 0x0606060606060606n);
  });
});

describe('machine-check registers', () => {
  it('have five banks without errors', () => {
    const cpu = cpuOf('pentium3');
    assert.equal(readMsr(cpu, 0x179), 0x105n);
    for (let number = 0x400; number < 0x414; number++) assert.equal(readMsr(cpu, number), 0n);
  });

  it('can be enabled, and cleared with 0 only (16.3.2)', () => {
    const cpu = cpuOf('pentium3');
    const all = 0xffffffffffffffffn;
    accepted(cpu, 0x17b, all);
    for (let bank = 0; bank < 5; bank++) {
      accepted(cpu, 0x400 + 4 * bank, all);
      for (const register of [1, 2, 3]) {
        accepted(cpu, 0x400 + 4 * bank + register, 0n);
        refused(cpu, 0x400 + 4 * bank + register, 1n);
      }
    }
    accepted(cpu, 0x17a, 4n);
    refused(cpu, 0x17a, 0x10n);
  });
});

describe('the local APIC\'s registers', () => {
  class Port implements LocalApicPort {
    base = 0xfee00900n;
    deadline = 0n;
    moved = 0;
    readBase = (): bigint => this.base;
    writeBase(value: bigint): boolean {
      if (value & 0xffn) return false;
      this.base = value;
      return true;
    }
    readMsr = (number: number): bigint | undefined => (number === 0x802 ? 3n : undefined);
    writeMsr = (number: number, value: bigint): boolean => number === 0x808 && value < 256n;
    readDeadline = (): bigint => this.deadline;
    writeDeadline(value: bigint): void {
      this.deadline = value;
    }
    timeStampChanged(): void {
      this.moved++;
    }
  }

  it('are in the APIC', () => {
    const port = new Port();
    const cpu = cpuOf('x86-64-v2', [], port);
    accepted(cpu, 0x1b, 0xfee00d00n);
    refused(cpu, 0x1b, 0xfee00901n);
    assert.equal(readMsr(cpu, 0x802), 3n);
    refuses('803', () => readMsr(cpu, 0x803));
    writeMsr(cpu, 0x808, 0x20n);
    refuses('808', () => writeMsr(cpu, 0x808, 256n));
    accepted(cpu, 0x6e0, 12345n);
    writeMsr(cpu, 0x10, 7n);
    writeMsr(cpu, 0x3b, 7n);
    assert.equal(port.moved, 2);
  });

  it('are not there without APIC or without its newer forms', () => {
    refuses('none', () => readMsr(cpuOf('x86-64-v2'), 0x1b));
    const cpu = cpuOf('pentium3', [], new Port());
    assert.equal(readMsr(cpu, 0x1b), 0xfee00900n);
    refuses('x2APIC', () => readMsr(cpu, 0x802));
    refuses('deadline', () => readMsr(cpu, 0x6e0));
  });
});
