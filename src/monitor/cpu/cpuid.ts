/**
 * CPUID: what the processor says of itself (Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E, for leaves from
 * 8000_0000h up). All of it follows from the processor's model and features, its place among the machine's CPUs, and
 * some bits of its state.
 */
import type { Cpu } from './cpu';
import * as L from './layout';
import { apicEnabled } from './msrApic';
import { MISC_ENABLE } from './msrBits';
import { allowedXcr0, XCR0 } from './models/controlBits';
import { FEATURES, definitionOf, type CpuidRegister, type Feature } from './models/features';
import type { Cache } from './models/models';
import { physicalBits, signatureOf, type CpuPlace, type Processor } from './models/processor';
import { XSAVE_COMPONENTS, compactedBytes, standardBytes } from './models/xsaveArea';
import { CR4 } from './state';

/** EAX, EBX, ECX, EDX. */
export type CpuidResult = readonly [number, number, number, number];

/** What the answers depend on besides the processor. */
export interface CpuidState {
  readonly place: CpuPlace;
  readonly cr4: number;
  readonly xcr0: number;
  /** Whether the local APIC is enabled (IA32_APIC_BASE). */
  readonly apicEnabled: boolean;
  /** IA32_MISC_ENABLE, low half. */
  readonly miscEnable: number;
  /** Whether 64-bit code asks. */
  readonly code64: boolean;
}

const VENDOR = 'GenuineIntel';
/** What leaf 4000_0000h says to guests that are let know (feature `hypervisor`). */
const HYPERVISOR = 'ShadowboxVMM';

const EXTENDED = 0x80000000;
const HYPERVISOR_LEAF = 0x40000000;
/** One cycle of virtual time is one nanosecond. */
const MEGAHERTZ = 1000;
const LINE_BYTES = 64;
const NOTHING: CpuidResult = [0, 0, 0, 0];
/** States of a processor whose answers are kept, and answers of each: a guest may ask for any leaf. */
const MOST_STATES = 16, MOST_ANSWERS = 1000;

/** The leaf that answers, and its answers that have been given, by subleaf (0 where it has none). */
interface LeafAnswers {
  readonly leaf: number;
  readonly given: Map<number, CpuidResult>;
}

/** Answers that have been given in a state, by the leaf that was asked for. */
interface Given {
  readonly state: CpuidState;
  readonly leaves: Map<number, LeafAnswers>;
}

/** Those of processors, the latest states first: programs ask dozens of times when they start. */
const given = new WeakMap<Processor, Given[]>();

/** Executes CPUID on a CPU. */
export function cpuid(cpu: Cpu, leaf: number, subleaf: number): CpuidResult {
  const s = cpu.state;
  const state: CpuidState = {
    place: cpu.place,
    cr4: s.cr4,
    xcr0: s.u32(L.XCR0),
    apicEnabled: apicEnabled(cpu),
    miscEnable: s.u32(L.MSR_MISC_ENABLE),
    code64: s.code64,
  };
  return rememberedCpuid(cpu.processor, state, leaf >>> 0, subleaf >>> 0);
}

/** What `cpuidLeaf` says, which is kept: it takes a hundred times as long to find out. */
export function rememberedCpuid(processor: Processor, state: CpuidState, leaf: number, subleaf: number): CpuidResult {
  const { leaves } = givenIn(processor, state);
  let answers = leaves.get(leaf);
  if (!answers) {
    if (leaves.size >= MOST_ANSWERS) leaves.clear();
    leaves.set(leaf, (answers = { leaf: answeringLeaf(processor, state, leaf), given: new Map<number, CpuidResult>() }));
  }
  const asked = SUBLEAVES.has(answers.leaf) ? subleaf : 0;
  let known = answers.given.get(asked);
  if (!known) {
    if (answers.given.size >= MOST_ANSWERS) answers.given.clear();
    answers.given.set(asked, (known = answer({ processor, state, subleaf: asked }, answers.leaf)));
  }
  return known;
}

function givenIn(processor: Processor, state: CpuidState): Given {
  let all = given.get(processor);
  if (!all) given.set(processor, (all = []));
  const at = all.findIndex((known) => isSameState(known.state, state));
  const found = all[at] ?? { state, leaves: new Map<number, LeafAnswers>() };
  if (at === 0) return found;
  if (at > 0) all.splice(at, 1);
  else if (all.length >= MOST_STATES) all.pop();
  all.unshift(found);
  return found;
}

function isSameState(a: CpuidState, b: CpuidState): boolean {
  return a.cr4 === b.cr4 && a.xcr0 === b.xcr0 && a.miscEnable === b.miscEnable && a.apicEnabled === b.apicEnabled && a.code64 === b.code64 &&
    a.place.index === b.place.index && a.place.count === b.place.count;
}

/** The answer for a leaf and subleaf. */
export function cpuidLeaf(processor: Processor, state: CpuidState, leaf: number, subleaf: number): CpuidResult {
  return answer({ processor, state, subleaf }, answeringLeaf(processor, state, leaf));
}

/** The leaf that answers for another: leaves that the processor does not have answer as its highest basic one does. */
function answeringLeaf(processor: Processor, state: CpuidState, leaf: number): number {
  if (leaf >= EXTENDED && leaf <= highestExtended(processor)) return leaf;
  if (leaf === HYPERVISOR_LEAF && processor.features.has('hypervisor')) return leaf;
  return Math.min(leaf, highestBasic(processor, state));
}

interface Asked {
  readonly processor: Processor;
  readonly state: CpuidState;
  readonly subleaf: number;
}

type Leaf = (asked: Asked) => CpuidResult;

function answer(asked: Asked, leaf: number): CpuidResult {
  const own = LEAVES.get(leaf)?.(asked) ?? NOTHING;
  const word = (register: CpuidRegister, i: number): number => ((own[i] ?? 0) | featureBits(asked, leaf, register)) >>> 0;
  return [word('a', 0), word('b', 1), word('c', 2), word('d', 3)];
}

/** The features' bits in one register of a leaf. */
function featureBits({ processor, state, subleaf }: Asked, leaf: number, register: CpuidRegister): number {
  let bits = 0;
  for (const feature of processor.features) {
    const at = definitionOf(feature).at;
    // Leaves without subleaves do not look at ECX.
    const here = at && at[0] === leaf && at[2] === register && (at[1] === subleaf || !SUBLEAVES.has(leaf));
    if (here && shown(feature, state)) bits |= 1 << at[3];
  }
  return bits;
}

const SUBLEAVES: ReadonlySet<number> = new Set([4, 7, 0xb, 0xd]);

/** Features that come and go with the processor's state. */
function shown(feature: Feature, state: CpuidState): boolean {
  if (feature === 'apic') return state.apicEnabled;
  if (feature === 'monitor') return (state.miscEnable & MISC_ENABLE.mwait) !== 0;
  if (feature === 'syscall') return state.code64;
  return true;
}

function highestOf(processor: Processor, own: number, isMine: (leaf: number) => boolean): number {
  const leaves = FEATURES.filter((feature) => processor.features.has(feature)).map((feature) => definitionOf(feature).at?.[0] ?? 0);
  return Math.max(own, ...leaves.filter(isMine));
}

function highestBasic(processor: Processor, state: CpuidState): number {
  const all = highestOf(processor, processor.model.basicLeaves, (leaf) => leaf < HYPERVISOR_LEAF);
  return state.miscEnable & MISC_ENABLE.limitCpuid ? Math.min(all, 2) : all;
}

/** Below EXTENDED when there are no extended leaves. */
function highestExtended(processor: Processor): number {
  return highestOf(processor, processor.model.extendedLeaves, (leaf) => leaf >= EXTENDED);
}

/** Four characters as a register holds them. */
function text(source: string, at: number): number {
  let value = 0;
  for (let i = 3; i >= 0; i--) value = (value << 8) | (source.charCodeAt(at + i) || 0);
  return value >>> 0;
}

/** Bits of APIC ids that tell the package's CPUs apart. */
function placeBits({ count }: CpuPlace): number {
  return Math.ceil(Math.log2(count));
}

const vendor: Leaf = ({ processor, state }) => [highestBasic(processor, state), text(VENDOR, 0), text(VENDOR, 8), text(VENDOR, 4)];

/** Whether several CPUs share the package (CPUID.1:EDX.HTT). */
const packaged = ({ processor, state }: Asked): boolean => processor.model.multicore && state.place.count > 1;

const versionAndFeatures: Leaf = (asked) => {
  const { processor, state } = asked;
  const { model, features } = processor;
  const line = features.has('clfsh') ? LINE_BYTES / 8 : 0;
  const ids = packaged(asked) ? 1 << placeBits(state.place) : 0;
  const id = features.has('apic') ? state.place.index : 0;
  const osxsave = features.has('xsave') && state.cr4 & CR4.OSXSAVE ? 1 << 27 : 0;
  const htt = packaged(asked) ? 1 << 28 : 0;
  return [signatureOf(model), (id << 24) | (ids << 16) | (line << 8) | model.brandIndex, osxsave, htt];
};

/** Leaf 2: descriptor bytes of caches and TLBs; AL says that one call tells all. A register with bit 31 set would say nothing. */
const descriptors: Leaf = ({ processor }) => {
  const bytes = [1, ...processor.model.descriptors];
  const word = (i: number): number => [3, 2, 1, 0].reduce((value, at) => (value << 8) | (bytes[4 * i + at] ?? 0), 0);
  return [word(0), word(1), word(2), word(3)];
};

const CACHE_TYPES: Readonly<Record<Cache['type'], number>> = { data: 1, instruction: 2, unified: 3 };

const cacheParameters: Leaf = ({ processor, state, subleaf }) => {
  const cache = processor.model.caches[subleaf];
  if (!cache) return NOTHING;
  const others = (1 << placeBits(state.place)) - 1;
  const sharing = cache.shared ? others : 0;
  const selfInitializing = 1 << 8;
  const inclusive = cache.shared ? 2 : 0;
  return [
    (others << 26) | (sharing << 14) | selfInitializing | (cache.level << 5) | CACHE_TYPES[cache.type],
    ((cache.ways - 1) << 22) | (LINE_BYTES - 1),
    cache.sets - 1,
    inclusive,
  ];
};

/** Leaf 5: MONITOR watches a line, MWAIT knows its extensions (interrupts break it even if masked) and C1 without substates. */
const monitorLine: Leaf = ({ processor }) => (processor.features.has('monitor') ? [LINE_BYTES, LINE_BYTES, 3, 0x10] : NOTHING);

/** Leaf 7: subleaf 0 is the only one. Leaf 7's dynamic bit OSPKE. */
const structuredFeatures: Leaf = ({ processor, state, subleaf }) => {
  const ospke = subleaf === 0 && processor.features.has('pku') && state.cr4 & CR4.PKE ? 1 << 4 : 0;
  return [0, 0, ospke, 0];
};

/** Leaf Bh: one thread a core, all cores in one package. EDX is the x2APIC id at every level. */
const topology: Leaf = ({ state: { place }, subleaf }) => {
  const SMT = 1 << 8, CORE = 2 << 8;
  const level = subleaf & 0xff;
  if (level === 0) return [0, 1, SMT, place.index];
  if (level === 1) return [placeBits(place), place.count, CORE | level, place.index];
  return [0, 0, level, place.index];
};

/** Leaf Dh. Sizes are those of the components that XCR0 enables now, and of all that it could. */
const xsaveArea: Leaf = ({ processor: { features }, state, subleaf }) => {
  if (!features.has('xsave')) return NOTHING;
  const all = allowedXcr0(features);
  // Before anybody sets it, XCR0 enables x87.
  const enabled = state.xcr0 | XCR0.X87;
  if (subleaf === 0) return [all, standardBytes(enabled), standardBytes(all), 0];
  if (subleaf === 1) return [0, features.has('xsavec') ? compactedBytes(enabled) : 0, 0, 0];
  const component = XSAVE_COMPONENTS.find(({ bit, mask }) => bit === subleaf && all & mask);
  return component ? [component.bytes, component.offset, 0, 0] : NOTHING;
};

/** Leaf 15h: the TSC over the crystal, which the local APIC's timer counts, too: both run at 1 GHz. */
const crystal: Leaf = ({ processor }) => (processor.features.has('tsc') ? [1, 1, MEGAHERTZ * 1_000_000, 0] : NOTHING);

/** Leaf 16h: base, maximum and bus frequency in MHz. */
const frequencies: Leaf = () => [MEGAHERTZ, MEGAHERTZ, 100, 0];

const hypervisor: Leaf = () => [HYPERVISOR_LEAF, text(HYPERVISOR, 0), text(HYPERVISOR, 4), text(HYPERVISOR, 8)];

function brand(part: number): Leaf {
  return ({ processor: { model } }) => [0, 4, 8, 12].map((at) => text(model.brand, 16 * part + at)) as [number, number, number, number];
}

/** Leaf 8000_0006h: the second-level cache in KiB, its associativity (6: 8 ways) and line. */
const secondLevelCache: Leaf = ({ processor: { model } }) => {
  const cache = model.caches.find(({ level }) => level === 2);
  if (!cache) return NOTHING;
  const EIGHT_WAYS = 6;
  return [0, 0, ((cache.ways * cache.sets * LINE_BYTES) / 1024 << 16) | (EIGHT_WAYS << 12) | LINE_BYTES, 0];
};

/** Leaf 8000_0008h: bits of physical and linear addresses. */
const addressSizes: Leaf = ({ processor }) => {
  const { features } = processor;
  const linear = features.has('la57') ? 57 : features.has('lm') ? 48 : 32;
  return [(linear << 8) | physicalBits(processor), 0, 0, 0];
};

/** Leaves with something besides features in them. */
const LEAVES: ReadonlyMap<number, Leaf> = new Map<number, Leaf>([
  [0, vendor],
  [1, versionAndFeatures],
  [2, descriptors],
  [4, cacheParameters],
  [5, monitorLine],
  [7, structuredFeatures],
  [0xb, topology],
  [0xd, xsaveArea],
  [0x15, crystal],
  [0x16, frequencies],
  [HYPERVISOR_LEAF, hypervisor],
  [EXTENDED, ({ processor }) => [highestExtended(processor), 0, 0, 0]],
  [EXTENDED + 2, brand(0)],
  [EXTENDED + 3, brand(1)],
  [EXTENDED + 4, brand(2)],
  [EXTENDED + 6, secondLevelCache],
  [EXTENDED + 8, addressSizes],
]);
