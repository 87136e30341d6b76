/**
 * Which bits of the control registers, EFER, EFLAGS and XCR0 a processor has: they follow from its features (Intel
 * SDM vol. 3, 2.3, 2.5, 2.6, 2.2.1). A write of 1 to any other bit of CR4, EFER or XCR0 is #GP(0); other bits of
 * EFLAGS and the low half of CR0 do not change.
 */
import { CR0, CR4, EFER, FLAG } from '../state';
import type { Feature, FeatureSet } from './features';

type BitsOf = readonly (readonly [Feature, number])[];

const CR4_BITS: BitsOf = [
  ['vme', CR4.VME | CR4.PVI], ['tsc', CR4.TSD], ['de', CR4.DE], ['pse', CR4.PSE], ['pae', CR4.PAE], ['mce', CR4.MCE], ['pge', CR4.PGE], ['p6', CR4.PCE],
  ['fxsr', CR4.OSFXSR], ['sse', CR4.OSXMMEXCPT], ['umip', CR4.UMIP], ['la57', CR4.LA57], ['fsgsbase', CR4.FSGSBASE], ['pcid', CR4.PCIDE],
  ['xsave', CR4.OSXSAVE], ['smep', CR4.SMEP], ['smap', CR4.SMAP], ['pku', CR4.PKE],
];
const EFER_BITS: BitsOf = [['syscall', EFER.SCE], ['lm', EFER.LME | EFER.LMA], ['nx', EFER.NXE]];
const FLAG_BITS: BitsOf = [
  ['i286', FLAG.IOPL | FLAG.NT], ['i386', FLAG.RF | FLAG.VM], ['i486', FLAG.AC], ['vme', FLAG.VIF | FLAG.VIP], ['cpuid', FLAG.ID],
];
const CR0_BITS: BitsOf = [
  ['i286', CR0.PE | CR0.MP | CR0.EM | CR0.TS], ['i386', CR0.PG], ['i486', CR0.NE | CR0.WP | CR0.AM | CR0.NW | CR0.CD],
];

/** XCR0's bits: x87, SSE, AVX, PKRU (Intel SDM vol. 1, 13.1). */
export const XCR0 = { X87: 1, SSE: 2, AVX: 4, PKRU: 0x200 } as const;
const XCR0_BITS: BitsOf = [['xsave', XCR0.X87 | XCR0.SSE], ['avx', XCR0.AVX], ['pku', XCR0.PKRU]];

const FLAGS_OF_8086 = FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.TF | FLAG.IF | FLAG.DF | FLAG.OF;

function union(bits: BitsOf, features: FeatureSet): number {
  return bits.reduce((all, [feature, mask]) => (features.has(feature) ? all | mask : all), 0) >>> 0;
}

/** CR4's bits. None: the processor has no CR4, and an access to it is #UD. */
export function allowedCr4(features: FeatureSet): number {
  return union(CR4_BITS, features);
}

/** EFER's bits (LMA among them, although it is read-only). None: there is no EFER, and an access to it is #GP(0). */
export function allowedEfer(features: FeatureSet): number {
  return union(EFER_BITS, features);
}

/** CR0's bits that can be changed; ET is 1 always, all others are 0. */
export function allowedCr0(features: FeatureSet): number {
  return union(CR0_BITS, features);
}

/** Bits of XCR0 that may be set; 0 without XSAVE. */
export function allowedXcr0(features: FeatureSet): number {
  return union(XCR0_BITS, features);
}

/** Bits of the flags register that can be changed, and those that are 1 always: bit 1, and 12 to 15 on an 8086. */
export function allowedFlags(features: FeatureSet): { readonly changeable: number; readonly ones: number } {
  return { changeable: FLAGS_OF_8086 | union(FLAG_BITS, features), ones: features.has('i286') ? 2 : 0xf002 };
}
