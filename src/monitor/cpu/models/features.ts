/**
 * The features that tell processors apart: where CPUID shows each (Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix
 * E, for leaf 8000_0001h), and which others it needs. Instructions, control bits and MSRs follow from the set.
 *
 * The identifiers are those by which the opcode maps name what brings an instruction (../../isa/opcodeTable).
 */

/** A CPUID result register. */
export type CpuidRegister = 'a' | 'b' | 'c' | 'd';

export interface FeatureDefinition {
  /** Where CPUID shows it: leaf, subleaf, register, bit. Features without a place are told by the processor's generation. */
  readonly at?: readonly [leaf: number, subleaf: number, register: CpuidRegister, bit: number];
  /** What it cannot be without. */
  readonly needs?: readonly string[];
  /** How people write it, the usual spelling first; where it is missing, as the identifier. */
  readonly written?: readonly string[];
  /** Belongs to the model and cannot be switched. */
  readonly fixed?: boolean;
}

const EXTENDED = 0x80000001;

const DEFINITIONS = {
  // Generations: what came with the 80186, 80286 (protected mode), 80386 (32 bits), 80486 and P6 without a bit in CPUID.
  i186: { fixed: true },
  i286: { fixed: true, needs: ['i186'] },
  i386: { fixed: true, needs: ['i286'] },
  i486: { fixed: true, needs: ['i386'] },
  p6: { fixed: true, needs: ['i486'] },
  cpuid: { needs: ['i486'] },

  fpu: { at: [1, 0, 'd', 0] },
  vme: { at: [1, 0, 'd', 1], needs: ['i386'] },
  de: { at: [1, 0, 'd', 2], needs: ['i386'] },
  pse: { at: [1, 0, 'd', 3], needs: ['i386'] },
  tsc: { at: [1, 0, 'd', 4], needs: ['i486'] },
  msr: { at: [1, 0, 'd', 5], needs: ['i486'] },
  pae: { at: [1, 0, 'd', 6], needs: ['i386'] },
  mce: { at: [1, 0, 'd', 7], needs: ['i486'] },
  cx8: { at: [1, 0, 'd', 8], needs: ['i486'] },
  apic: { at: [1, 0, 'd', 9], needs: ['msr'] },
  sep: { at: [1, 0, 'd', 11], needs: ['msr'], written: ['sep', 'sysenter'] },
  mtrr: { at: [1, 0, 'd', 12], needs: ['msr'] },
  pge: { at: [1, 0, 'd', 13], needs: ['i386'] },
  mca: { at: [1, 0, 'd', 14], needs: ['mce', 'msr'] },
  cmov: { at: [1, 0, 'd', 15], needs: ['i386'] },
  pat: { at: [1, 0, 'd', 16], needs: ['msr'] },
  pse36: { at: [1, 0, 'd', 17], needs: ['pse'], written: ['pse36', 'pse-36'] },
  clfsh: { at: [1, 0, 'd', 19], needs: ['i486'], written: ['clfsh', 'clflush'] },
  mmx: { at: [1, 0, 'd', 23], needs: ['fpu', 'i386'] },
  fxsr: { at: [1, 0, 'd', 24], needs: ['fpu', 'i386'] },
  sse: { at: [1, 0, 'd', 25], needs: ['fxsr', 'mmx'] },
  sse2: { at: [1, 0, 'd', 26], needs: ['sse'] },

  sse3: { at: [1, 0, 'c', 0], needs: ['sse2'], written: ['sse3', 'pni'] },
  pclmul: { at: [1, 0, 'c', 1], needs: ['sse2'], written: ['pclmulqdq', 'pclmul'] },
  monitor: { at: [1, 0, 'c', 3], needs: ['i386'], written: ['monitor', 'mwait'] },
  vmx: { at: [1, 0, 'c', 5], needs: ['msr'] },
  ssse3: { at: [1, 0, 'c', 9], needs: ['sse3'] },
  fma: { at: [1, 0, 'c', 12], needs: ['avx'], written: ['fma', 'fma3'] },
  cx16: { at: [1, 0, 'c', 13], needs: ['cx8', 'lm'] },
  pcid: { at: [1, 0, 'c', 17], needs: ['lm'] },
  sse41: { at: [1, 0, 'c', 19], needs: ['ssse3'], written: ['sse4.1', 'sse4_1'] },
  sse42: { at: [1, 0, 'c', 20], needs: ['sse41'], written: ['sse4.2', 'sse4_2'] },
  x2apic: { at: [1, 0, 'c', 21], needs: ['apic'] },
  movbe: { at: [1, 0, 'c', 22], needs: ['i486'] },
  popcnt: { at: [1, 0, 'c', 23], needs: ['i386'] },
  tscDeadline: { at: [1, 0, 'c', 24], needs: ['apic', 'tsc'], written: ['tsc-deadline', 'tsc_deadline_timer'] },
  aes: { at: [1, 0, 'c', 25], needs: ['sse2'], written: ['aes', 'aesni'] },
  xsave: { at: [1, 0, 'c', 26], needs: ['fxsr'] },
  avx: { at: [1, 0, 'c', 28], needs: ['xsave', 'sse42'] },
  f16c: { at: [1, 0, 'c', 29], needs: ['avx'] },
  rdrand: { at: [1, 0, 'c', 30], needs: ['i386'] },
  hypervisor: { at: [1, 0, 'c', 31], needs: ['cpuid'] },

  arat: { at: [6, 0, 'a', 2], needs: ['apic'] },

  fsgsbase: { at: [7, 0, 'b', 0], needs: ['lm'] },
  tscAdjust: { at: [7, 0, 'b', 1], needs: ['tsc', 'msr'], written: ['tsc-adjust', 'tsc_adjust'] },
  bmi1: { at: [7, 0, 'b', 3], needs: ['i386'] },
  avx2: { at: [7, 0, 'b', 5], needs: ['avx'] },
  smep: { at: [7, 0, 'b', 7], needs: ['i386'] },
  bmi2: { at: [7, 0, 'b', 8], needs: ['i386'] },
  erms: { at: [7, 0, 'b', 9], needs: ['i386'] },
  invpcid: { at: [7, 0, 'b', 10], needs: ['i386'] },
  rdseed: { at: [7, 0, 'b', 18], needs: ['i386'] },
  adx: { at: [7, 0, 'b', 19], needs: ['i386'] },
  smap: { at: [7, 0, 'b', 20], needs: ['i386'] },
  clflushopt: { at: [7, 0, 'b', 23], needs: ['clfsh'] },
  clwb: { at: [7, 0, 'b', 24], needs: ['clfsh'] },
  sha: { at: [7, 0, 'b', 29], needs: ['sse2'], written: ['sha', 'sha-ni'] },
  umip: { at: [7, 0, 'c', 2], needs: ['i386'] },
  pku: { at: [7, 0, 'c', 3], needs: ['lm', 'xsave'] },
  la57: { at: [7, 0, 'c', 16], needs: ['lm'] },
  rdpid: { at: [7, 0, 'c', 22], needs: ['msr'] },
  archCapabilities: { at: [7, 0, 'd', 29], needs: ['msr'], written: ['arch-capabilities', 'arch_capabilities'] },

  xsaveopt: { at: [0xd, 1, 'a', 0], needs: ['xsave'] },
  xsavec: { at: [0xd, 1, 'a', 1], needs: ['xsave'] },
  xgetbv1: { at: [0xd, 1, 'a', 2], needs: ['xsave'] },
  xsaves: { at: [0xd, 1, 'a', 3], needs: ['xsavec', 'msr'] },

  lahf: { at: [EXTENDED, 0, 'c', 0], needs: ['lm'], written: ['lahf_lm', 'lahf'] },
  svm: { at: [EXTENDED, 0, 'c', 2], needs: ['msr'] },
  lzcnt: { at: [EXTENDED, 0, 'c', 5], needs: ['i386'], written: ['lzcnt', 'abm'] },
  prefetchw: { at: [EXTENDED, 0, 'c', 8], needs: ['i486'], written: ['prefetchw', '3dnowprefetch'] },
  // Intel's processors show it in 64-bit code only (see ../cpuid), because they have SYSCALL there only.
  syscall: { at: [EXTENDED, 0, 'd', 11], needs: ['lm'] },
  nx: { at: [EXTENDED, 0, 'd', 20], needs: ['pae', 'msr'], written: ['nx', 'xd'] },
  pdpe1gb: { at: [EXTENDED, 0, 'd', 26], needs: ['lm'] },
  rdtscp: { at: [EXTENDED, 0, 'd', 27], needs: ['tsc', 'msr'] },
  lm: { at: [EXTENDED, 0, 'd', 29], needs: ['pae', 'msr', 'cx8', 'sse2', 'p6'], written: ['lm', 'long-mode'] },
  invariantTsc: { at: [0x80000007, 0, 'd', 8], needs: ['tsc'], written: ['invtsc', 'invariant-tsc'] },
} as const satisfies Readonly<Record<string, FeatureDefinition>>;

export type Feature = keyof typeof DEFINITIONS;

export type FeatureSet = ReadonlySet<Feature>;

function isFeature(word: string): word is Feature {
  return Object.hasOwn(DEFINITIONS, word);
}

export const FEATURES: readonly Feature[] = Object.keys(DEFINITIONS).filter(isFeature);

export function definitionOf(feature: Feature): FeatureDefinition {
  return DEFINITIONS[feature];
}

/** The usual spelling of a feature. */
export function writtenName(feature: Feature): string {
  return definitionOf(feature).written?.[0] ?? feature;
}

/** Spellings do not differ by case and punctuation: sse4.2, SSE4_2 and sse42 are one. */
const plain = (word: string): string => word.toLowerCase().replace(/[^a-z0-9]/g, '');

const BY_WORD: ReadonlyMap<string, Feature> = new Map(
  FEATURES.flatMap((feature) => [feature, ...(definitionOf(feature).written ?? [])].map((word) => [plain(word), feature] as const)),
);

/** The feature that a word names; undefined when there is none, or none that can be switched. */
export function switchableFeature(word: string): Feature | undefined {
  const feature = BY_WORD.get(plain(word));
  return feature === undefined || definitionOf(feature).fixed ? undefined : feature;
}

/** Usual spellings of all features that can be switched. */
export const SWITCHABLE_NAMES: readonly string[] = FEATURES.filter((feature) => !definitionOf(feature).fixed).map(writtenName);

function needsOf(feature: Feature): readonly Feature[] {
  return (definitionOf(feature).needs ?? []).filter(isFeature);
}

/** A set and all that its members need. */
export function withNeeds(features: Iterable<Feature>): Set<Feature> {
  const all = new Set(features);
  // A set's iteration comes to what is added on the way.
  for (const feature of all) for (const needed of needsOf(feature)) all.add(needed);
  return all;
}

/** A set without some features and without all that cannot be without them. */
export function without(features: Iterable<Feature>, taken: Iterable<Feature>): Set<Feature> {
  const gone = new Set(taken);
  return new Set([...features].filter((feature) => ![...withNeeds([feature])].some((needed) => gone.has(needed))));
}
