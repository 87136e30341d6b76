/**
 * The CPU models that a configuration can name. Each is plain data: who it says it is, which leaves of CPUID it
 * has, its features, and its caches. Signatures are those of processors that were sold with these features, so that
 * guests that go by family and model take the right way.
 */
import { withNeeds, type Feature, type FeatureSet } from './features';

/** A cache for the deterministic parameters of leaf 4. Sizes: ways × sets × 64 bytes. */
export interface Cache {
  readonly type: 'data' | 'instruction' | 'unified';
  readonly level: number;
  readonly ways: number;
  readonly sets: number;
  /** Shared by all CPUs of the package. */
  readonly shared?: boolean;
}

export interface CpuModel {
  readonly name: string;
  /** A sentence for the configuration's documentation. */
  readonly doc: string;
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  /** CPUID.1:EBX[7:0], for models that have no brand string; 0 for none. */
  readonly brandIndex: number;
  /** Brand string (at most 47 characters); '' for models without the leaves for it. */
  readonly brand: string;
  /** Highest basic and extended leaf (0: no extended leaves). Features with higher leaves raise them. */
  readonly basicLeaves: number;
  readonly extendedLeaves: number;
  readonly physicalBits: number;
  /** Leaf 2: descriptor bytes of TLBs and caches, lowest byte of EAX (always 01) left out. */
  readonly descriptors: readonly number[];
  /** Leaf 4. */
  readonly caches: readonly Cache[];
  /** Several CPUs are cores of one package; otherwise each is a package of its own. */
  readonly multicore: boolean;
  readonly features: FeatureSet;
}

const I486: readonly Feature[] = ['i486', 'fpu', 'cpuid', 'vme'];
const PENTIUM: readonly Feature[] = [...I486, 'de', 'pse', 'tsc', 'msr', 'mce', 'cx8', 'apic'];
const PENTIUM3: readonly Feature[] = [...PENTIUM, 'p6', 'pae', 'sep', 'mtrr', 'pge', 'mca', 'cmov', 'pat', 'pse36', 'mmx', 'fxsr', 'sse'];
/** The level of the x86-64 psABI, and what systems expect of a machine of that age. */
const V2: readonly Feature[] = [
  ...PENTIUM3, 'clfsh', 'sse2', 'sse3', 'ssse3', 'sse41', 'sse42', 'popcnt', 'cx16', 'lm', 'syscall', 'lahf', 'nx', 'pdpe1gb', 'rdtscp',
  'pcid', 'x2apic', 'tscDeadline', 'tscAdjust', 'arat', 'invariantTsc', 'archCapabilities',
];
const V3: readonly Feature[] = [
  ...V2, 'xsave', 'xsaveopt', 'avx', 'avx2', 'fma', 'f16c', 'bmi1', 'bmi2', 'lzcnt', 'movbe', 'aes', 'pclmul', 'rdrand', 'fsgsbase', 'smep', 'invpcid', 'erms',
];

/** Translation look-aside buffers and prefetch of the Nehalem generation (SDM vol. 2, table 3-12); FF: caches by leaf 4. */
const MODERN_DESCRIPTORS: readonly number[] = [0x5a, 0x03, 0x55, 0xff, 0xb2, 0xf0, 0, 0xca];
const MODERN_CACHES: readonly Cache[] = [
  { type: 'data', level: 1, ways: 8, sets: 64 },
  { type: 'instruction', level: 1, ways: 4, sets: 128 },
  { type: 'unified', level: 2, ways: 8, sets: 512 },
  { type: 'unified', level: 3, ways: 16, sets: 8192, shared: true },
];

const OLD = { brandIndex: 0, brand: '', extendedLeaves: 0, physicalBits: 32, descriptors: [], caches: [], multicore: false } as const;
/** Leaves 15h and 16h tell systems the frequencies, so that they need not measure. */
const MODERN = { brandIndex: 0, basicLeaves: 0x16, extendedLeaves: 0x80000008, physicalBits: 40, descriptors: MODERN_DESCRIPTORS, caches: MODERN_CACHES, multicore: true } as const;

export const MODELS = {
  '8086': {
    ...OLD, name: '8086', doc: 'Intel 8086: real mode only, 1 MiB, no coprocessor.', family: 0, model: 0, stepping: 0, basicLeaves: 0,
    physicalBits: 20, features: new Set<Feature>(),
  },
  '486': {
    ...OLD, name: '486', doc: 'Intel 486 DX4: 32 bits and x87.', family: 4, model: 8, stepping: 0, basicLeaves: 1, features: withNeeds(I486),
  },
  pentium: {
    ...OLD, name: 'pentium', doc: 'Intel Pentium (P54C): adds TSC, MSRs, large pages, CMPXCHG8B, APIC.', family: 5, model: 2, stepping: 12, basicLeaves: 1,
    features: withNeeds(PENTIUM),
  },
  'pentium-pro': {
    ...OLD, name: 'pentium-pro', doc: 'Intel Pentium Pro: i686 with CMOV, PAE, SYSENTER, x87 and FXSAVE, and NX.', family: 6, model: 6, stepping: 10,
    basicLeaves: 2, extendedLeaves: 0x80000008, physicalBits: 40, brand: 'Shadowbox virtual CPU',
    features: withNeeds(['p6', 'cpuid', 'fpu', 'de', 'pse', 'tsc', 'msr', 'pae', 'cx8', 'sep', 'pge', 'cmov', 'pat', 'pse36', 'fxsr', 'nx']),
  },
  pentium3: {
    ...OLD, name: 'pentium3', doc: 'Intel Pentium III (Coppermine): adds MTRRs, machine checks, MMX, SSE.', family: 6, model: 8, stepping: 6, basicLeaves: 2, brandIndex: 2,
    // Instruction TLBs of 32 small and 2 large pages, data TLBs of 64 and 8; L2 256 KiB, L1 16 KiB data and 16 KiB code.
    physicalBits: 36, descriptors: [0x01, 0x02, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0x82, 0x08, 0x04, 0x0c], features: withNeeds(PENTIUM3),
  },
  'x86-64-v2': {
    ...MODERN, name: 'x86-64-v2', doc: '64 bits with SSE4.2, POPCNT, CMPXCHG16B (as of Nehalem).', family: 6, model: 0x1a, stepping: 5,
    brand: 'Shadowbox virtual CPU x86-64-v2 @ 1.00GHz', features: withNeeds(V2),
  },
  'x86-64-v3': {
    ...MODERN, name: 'x86-64-v3', doc: 'Adds AVX2, FMA, BMI1/2, F16C, MOVBE, AES, XSAVE, SMEP (as of Haswell).', family: 6, model: 0x3c, stepping: 3,
    brand: 'Shadowbox virtual CPU x86-64-v3 @ 1.00GHz', features: withNeeds(V3),
  },
} as const satisfies Readonly<Record<string, CpuModel>>;

export type ModelName = keyof typeof MODELS;

export function isModelName(word: string): word is ModelName {
  return Object.hasOwn(MODELS, word);
}

/** From the oldest to the newest. (An object's keys come with those first that are numbers.) */
export const MODEL_NAMES: readonly ModelName[] = Object.values(MODELS).sort((a, b) => a.features.size - b.features.size).map(({ name }) => name);

/** The model of a configuration that names none. */
export const DEFAULT_CPU_MODEL: ModelName = 'x86-64-v2';
