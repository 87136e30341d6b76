/** CPUID leaf by leaf, from the manual (Intel SDM vol. 2, CPUID). */
import assert from 'node:assert/strict';
import { cpuidLeaf, rememberedCpuid, type CpuidResult, type CpuidState } from '../../../src/monitor/cpu/cpuid';
import { withNeeds, without, type Feature } from '../../../src/monitor/cpu/models/features';
import { MODELS, MODEL_NAMES, type ModelName } from '../../../src/monitor/cpu/models/models';
import type { Processor } from '../../../src/monitor/cpu/models/processor';

const RESET: CpuidState = { place: { index: 0, count: 1 }, cr4: 0, xcr0: 1, apicEnabled: true, miscEnable: 0x41801, code64: false };

function processor(name: ModelName, ...switched: readonly Feature[]): Processor {
  return { model: MODELS[name], features: withNeeds([...MODELS[name].features, ...switched]) };
}

function ask(of: Processor, leaf: number, subleaf = 0, state: Partial<CpuidState> = {}): CpuidResult {
  return cpuidLeaf(of, { ...RESET, ...state }, leaf, subleaf);
}

const hex = (result: CpuidResult): string => result.map((word) => word.toString(16)).join(' ');

function characters(...words: readonly number[]): string {
  return words.flatMap((word) => [0, 8, 16, 24].map((shift) => String.fromCharCode((word >>> shift) & 0xff))).join('').replace(/\0+$/, '');
}

const V2 = processor('x86-64-v2');
const V3 = processor('x86-64-v3');

describe('CPUID', () => {
  it('remembers what it has said, of each processor, state, leaf and subleaf', () => {
    const states: readonly CpuidState[] = [{}, { miscEnable: 0x441801 }, { code64: true }, { xcr0: 7, cr4: 0x40000 }, { apicEnabled: false }, { place: { index: 1, count: 2 } }].map((differing) => ({ ...RESET, ...differing }));
    const leaves = [0, 1, 2, 4, 7, 0xb, 0xd, 0x16, 0x17, 0x40000000, 0x40000001, 0x80000001, 0x80000008, 0x80000020, 0xffffffff];
    for (let round = 0; round < 2; round++) {
      for (const of of [V2, V3, processor('pentium-pro', 'hypervisor')]) {
        for (const state of states) for (const leaf of leaves) for (const subleaf of [0, 1, 2, 3, 0x123, 0xffffffff]) {
          assert.deepEqual(rememberedCpuid(of, state, leaf, subleaf), cpuidLeaf(of, state, leaf, subleaf), `${leaf.toString(16)}.${subleaf}`);
        }
      }
    }
  });

  it('names vendor and highest leaf', () => {
    const highest: Readonly<Record<string, number>> = { '486': 1, pentium: 1, 'pentium-pro': 2, pentium3: 2, 'x86-64-v2': 0x16, 'x86-64-v3': 0x16 };
    for (const [name, leaf] of Object.entries(highest)) {
      const found = MODEL_NAMES.find((known) => known === name) ?? assert.fail(name);
      const [a, b, c, d] = ask(processor(found), 0);
      assert.equal(a, leaf, name);
      assert.equal(characters(b, d, c), 'GenuineIntel');
    }
  });

  // Flags as the manuals and specification updates of these processors give them.
  it('gives the features of the models', () => {
    assert.equal(hex(ask(processor('486'), 1)), '480 0 0 3');
    assert.equal(hex(ask(processor('pentium'), 1)), '52c 0 0 3bf');
    assert.equal(hex(ask(processor('pentium3'), 1)), '686 2 0 383fbff');
    assert.equal(hex(ask(processor('pentium-pro'), 1)), '66a 0 0 103a97d');
    assert.equal(hex(ask(processor('pentium-pro'), 0x80000001)), '0 0 0 100000');
  });

  it('gives the features of x86-64-v2', () => {
    const [, , c, d] = ask(V2, 1);
    // SSE3, SSSE3, CX16, PCID, SSE4.1, SSE4.2, x2APIC, POPCNT, TSC deadline.
    assert.equal(c.toString(16), (0x1 | 0x200 | 0x2000 | 0x20000 | 0x80000 | 0x100000 | 0x200000 | 0x800000 | 0x1000000).toString(16));
    // As pentium3, with CLFLUSH and SSE2.
    assert.equal(d.toString(16), (0x383fbff | 0x80000 | 0x4000000).toString(16));
    // 1 GiB pages, RDTSCP, long mode, NX; LAHF. SYSCALL shows in 64-bit code.
    assert.equal(hex(ask(V2, 0x80000001)), '0 0 1 2c100000');
    assert.equal(hex(ask(V2, 0x80000001, 0, { code64: true })), '0 0 1 2c100800');
    // Invariant TSC.
    assert.equal(hex(ask(V2, 0x80000007)), '0 0 0 100');
  });

  it('gives the features of x86-64-v3 in leaf 7, and none in other subleaves', () => {
    // FSGSBASE, TSC_ADJUST, BMI1, AVX2, SMEP, BMI2, ERMS, INVPCID; ARCH_CAPABILITIES.
    assert.equal(hex(ask(V3, 7)), '0 7ab 0 20000000');
    assert.equal(hex(ask(V3, 7, 1)), '0 0 0 0');
    // LAHF, LZCNT.
    assert.equal(ask(V3, 0x80000001)[2], 0x21);
  });

  it('does not look at ECX where there are no subleaves', () => {
    assert.equal(hex(ask(V2, 1, 5)), hex(ask(V2, 1)));
    assert.equal(hex(ask(V2, 0x80000001, 9)), hex(ask(V2, 0x80000001)));
  });

  it('answers unknown leaves as the highest basic one', () => {
    const last = hex(ask(V2, 0x16));
    for (const leaf of [0x17, 0x1000, 0x40000000, 0x7fffffff, 0x80000009, 0xc0000000, 0xffffffff]) assert.equal(hex(ask(V2, leaf)), last, leaf.toString(16));
    const p3 = processor('pentium3');
    assert.equal(hex(ask(p3, 0x80000000)), hex(ask(p3, 2)));
    // Leaves in between that mean nothing here are zero.
    for (const leaf of [3, 8, 9, 0xa, 0xc, 0xe, 0x14]) assert.equal(hex(ask(V2, leaf)), '0 0 0 0', leaf.toString(16));
  });

  it('has the leaves that added features need', () => {
    const p3 = processor('pentium3', 'smep', 'nx');
    assert.equal(ask(p3, 0)[0], 7);
    assert.equal(ask(p3, 7)[1], 1 << 7);
    assert.equal(ask(p3, 0x80000000)[0], 0x80000001);
    assert.equal(ask(p3, 0x80000001)[3], 1 << 20);
  });

  it('goes no further than leaf 2 while IA32_MISC_ENABLE limits it', () => {
    const limited = { miscEnable: RESET.miscEnable | 0x400000 };
    assert.equal(ask(V2, 0, 0, limited)[0], 2);
    assert.equal(hex(ask(V2, 7, 0, limited)), hex(ask(V2, 2)));
  });

  it('shows what systems have switched on', () => {
    const OSXSAVE = 1 << 27, OSPKE = 1 << 4;
    assert.equal(ask(V3, 1)[2] & OSXSAVE, 0);
    assert.equal(ask(V3, 1, 0, { cr4: 0x40000 })[2] & OSXSAVE, OSXSAVE);
    const pku = processor('x86-64-v3', 'pku');
    assert.equal(ask(pku, 7)[2], 1 << 3);
    assert.equal(ask(pku, 7, 0, { cr4: 0x400000 })[2], (1 << 3) | OSPKE);
  });

  it('shows the local APIC while it is enabled', () => {
    assert.equal(ask(V2, 1)[3] & 0x200, 0x200);
    assert.equal(ask(V2, 1, 0, { apicEnabled: false })[3] & 0x200, 0);
  });

  it('shows MONITOR while IA32_MISC_ENABLE lets it', () => {
    const monitor = processor('x86-64-v2', 'monitor');
    assert.equal(ask(monitor, 1)[2] & 8, 8);
    assert.equal(ask(monitor, 1, 0, { miscEnable: 0x1801 })[2] & 8, 0);
    // Lines of 64 bytes.
    assert.deepEqual(ask(monitor, 5).slice(0, 2), [64, 64]);
    assert.equal(hex(ask(V2, 5)), '0 0 0 0');
  });

  it('loses what is switched off', () => {
    const less: Processor = { model: MODELS['x86-64-v2'], features: without(MODELS['x86-64-v2'].features, ['sse42']) };
    assert.equal(ask(less, 1)[2] & (1 << 20), 0);
    assert.equal(ask(less, 1)[2] & (1 << 19), 1 << 19);
  });

  it('has the brand string', () => {
    const words = [2, 3, 4].flatMap((leaf) => ask(V2, 0x80000000 + leaf));
    assert.equal(characters(...words), MODELS['x86-64-v2'].brand);
    assert.equal(ask(V2, 0x80000000)[0], 0x80000008);
  });

  it('has address sizes', () => {
    assert.equal(ask(processor('pentium-pro'), 0x80000008)[0], 0x2028);
    assert.equal(ask(V2, 0x80000008)[0], 0x3028);
    assert.equal(ask(processor('x86-64-v2', 'la57'), 0x80000008)[0], 0x3928);
  });

  it('keeps silent about the monitor unless it is told', () => {
    assert.equal(ask(V2, 1)[2] >>> 31, 0);
    const told = processor('x86-64-v2', 'hypervisor');
    assert.equal(ask(told, 1)[2] >>> 31, 1);
    const [a, b, c, d] = ask(told, 0x40000000);
    assert.equal(a, 0x40000000);
    assert.equal(characters(b, c, d), 'ShadowboxVMM');
  });
});

describe('CPUID on caches', () => {
  it('has the descriptors of the Pentium III', () => {
    assert.equal(hex(ask(processor('pentium3'), 2)), '3020101 0 0 c040882');
    assert.equal(hex(ask(processor('pentium-pro'), 2)), '1 0 0 0');
  });

  it('sends readers of leaf 2 to leaf 4', () => {
    const bytes = ask(V2, 2).flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff));
    assert.equal(bytes[0], 1);
    assert.ok(bytes.includes(0xff));
    for (const word of ask(V2, 2)) assert.equal(word >>> 31, 0, 'a register with bit 31 set is not valid');
  });

  it('describes each cache in leaf 4 until type 0', () => {
    const sizes: string[] = [];
    for (let subleaf = 0; ; subleaf++) {
      const [a, b, c] = ask(V2, 4, subleaf);
      if ((a & 31) === 0) break;
      // Ways, partitions, line size, sets: each field holds one less.
      const bytes = ((b >>> 22) + 1) * (((b >>> 12) & 0x3ff) + 1) * ((b & 0xfff) + 1) * (c + 1);
      sizes.push(`L${(a >>> 5) & 7}${['?', 'd', 'i', ''][a & 31]} ${bytes / 1024}K`);
    }
    assert.deepEqual(sizes, ['L1d 32K', 'L1i 32K', 'L2 256K', 'L3 8192K']);
  });

  it('describes the second level in leaf 8000_0006 alike', () => assert.equal(ask(V2, 0x80000006)[2], (256 << 16) | (6 << 12) | 64));
});

describe('CPUID on the place among CPUs', () => {
  const at = (index: number, count: number): Partial<CpuidState> => ({ place: { index, count } });

  it('names the APIC id and how many ids the package takes', () => {
    const HTT = 1 << 28;
    assert.equal(ask(V2, 1)[3] & HTT, 0);
    const [, b, , d] = ask(V2, 1, 0, at(2, 3));
    assert.equal(d & HTT, HTT);
    assert.equal(b >>> 24, 2);
    assert.equal((b >>> 16) & 0xff, 4, 'the next power of two');
    assert.equal((b >>> 8) & 0xff, 8, 'CLFLUSH line in units of 8 bytes');
  });

  it('has a package for each of the old ones', () => {
    const [, b, , d] = ask(processor('pentium3'), 1, 0, at(1, 2));
    assert.equal(d & (1 << 28), 0);
    assert.equal(b >>> 24, 1);
  });

  for (const [count, bits] of [[1, 0], [2, 1], [3, 2], [4, 2], [5, 3], [8, 3]] as const) {
    it(`has ${count} cores in leaf Bh`, () => {
      const index = count - 1;
      // One thread a core.
      assert.equal(hex(ask(V2, 0xb, 0, at(index, count))), hex([0, 1, 0x100, index]));
      assert.equal(hex(ask(V2, 0xb, 1, at(index, count))), hex([bits, count, 0x201, index]));
      assert.equal(hex(ask(V2, 0xb, 2, at(index, count))), hex([0, 0, 2, index]));
    });
  }

  it('shares the last cache among all, the others not', () => {
    const cores = (subleaf: number): readonly number[] => {
      const [a] = ask(V2, 4, subleaf, at(0, 4));
      return [(a >>> 26) + 1, ((a >>> 14) & 0xfff) + 1];
    };
    assert.deepEqual([0, 1, 2, 3].map(cores), [[4, 1], [4, 1], [4, 1], [4, 4]]);
  });
});

describe('CPUID on XSAVE', () => {
  const all = processor('x86-64-v3', 'pku', 'xsavec');

  it('says which components there are, and how large their area is now and at most', () => {
    assert.equal(hex(ask(V3, 0xd)), hex([7, 576, 832, 0]));
    assert.equal(hex(ask(V3, 0xd, 0, { xcr0: 7 })), hex([7, 832, 832, 0]));
    assert.equal(hex(ask(all, 0xd, 0, { xcr0: 0x207 })), hex([0x207, 2696, 2696, 0]));
    assert.equal(ask(all, 0xd, 0, { xcr0: 7 })[1], 832);
  });

  it('says what XSAVE can do, and how large the compacted area is', () => {
    assert.equal(hex(ask(V3, 0xd, 1)), hex([1, 0, 0, 0]));
    assert.equal(hex(ask(all, 0xd, 1, { xcr0: 0x207 })), hex([3, 576 + 256 + 8, 0, 0]));
  });

  it('has size and offset of each component', () => {
    assert.equal(hex(ask(V3, 0xd, 2)), hex([256, 576, 0, 0]));
    assert.equal(hex(ask(V3, 0xd, 9)), '0 0 0 0');
    assert.equal(hex(ask(all, 0xd, 9)), hex([8, 2688, 0, 0]));
    assert.equal(hex(ask(all, 0xd, 3)), '0 0 0 0');
  });

  it('says nothing without it', () => assert.equal(hex(ask(V2, 0xd)), '0 0 0 0'));
});

describe('CPUID on time', () => {
  it('gives a TSC of 1 GHz', () => {
    const [denominator, numerator, crystal] = ask(V2, 0x15);
    assert.equal((crystal * numerator) / denominator, 1_000_000_000);
    assert.equal(ask(V2, 0x16)[0], 1000);
  });

  it('says that the APIC timer never stops', () => assert.equal(ask(V2, 6)[0], 4));
});
