/**
 * The shapes of the paging modes (Intel SDM vol. 3, chapter 4) as far as a picture needs them: how a linear address
 * divides into indexes, how wide entries and addresses are, and what an entry's bits are called.
 */
import type { AddressSpaceInfo } from '../../src/monitor/inspection/queries';
import { hex } from '../ui/numbers';

export type PagingMode = AddressSpaceInfo['mode'];

export interface PagingFormat {
  /** Bits of each index, the leaf table's first. */
  readonly indexBits: readonly number[];
  /** Bytes of an entry in memory. */
  readonly entryBytes: 4 | 8;
  /** Hexadecimal digits of a linear and of a physical address. */
  readonly linearDigits: number;
  readonly physicalDigits: number;
}

const NARROW: PagingFormat = { indexBits: [10, 10], entryBytes: 4, linearDigits: 8, physicalDigits: 8 };

const FORMATS: Readonly<Record<PagingMode, PagingFormat>> = {
  none: { ...NARROW, indexBits: [] },
  '32-bit': NARROW,
  PAE: { indexBits: [9, 9, 2], entryBytes: 8, linearDigits: 8, physicalDigits: 9 },
  '4-level': { indexBits: [9, 9, 9, 9], entryBytes: 8, linearDigits: 16, physicalDigits: 10 },
  '5-level': { indexBits: [9, 9, 9, 9, 9], entryBytes: 8, linearDigits: 16, physicalDigits: 10 },
};

const OFFSET_BITS = 12;

export function formatOf(mode: PagingMode): PagingFormat {
  return FORMATS[mode];
}

/** Bits of a linear address that count: 32, 48 or 57. */
export function linearBits(mode: PagingMode): number {
  const { indexBits } = FORMATS[mode];
  return indexBits.length === 0 ? 32 : indexBits.reduce((sum, bits) => sum + bits, OFFSET_BITS);
}

/** Highest and lowest bit of the index at a level (1 = leaf); level 0 is the offset in the page. */
export function indexField(mode: PagingMode, level: number): { readonly high: number; readonly low: number } {
  if (level === 0) return { high: OFFSET_BITS - 1, low: 0 };
  const { indexBits } = FORMATS[mode];
  const low = indexBits.slice(0, level - 1).reduce((sum, bits) => sum + bits, OFFSET_BITS);
  return { high: low + (indexBits[level - 1] ?? 0) - 1, low };
}

/** An address without its sign extension: its place in a space of `linearBits`. */
export function placeOf(mode: PagingMode, linear: bigint): bigint {
  return BigInt.asUintN(linearBits(mode), linear);
}

/** The canonical address at a place of the space: bits above the highest that counts repeat it. */
export function canonical(mode: PagingMode, place: bigint): bigint {
  const bits = linearBits(mode);
  return bits === 32 ? place : BigInt.asUintN(64, BigInt.asIntN(bits, place));
}

/** The place at which the sign-extended half of a space begins; undefined where addresses are not sign-extended. */
export function upperHalf(mode: PagingMode): bigint | undefined {
  const bits = linearBits(mode);
  return bits === 32 ? undefined : 1n << BigInt(bits - 1);
}

const GROUP_DIGITS = 8;

/** Hexadecimal digits; sixteen of them in two groups of eight, which an eye can hold: 'ffff8880 00001000'. */
export function grouped(digits: string): string {
  return digits.length <= GROUP_DIGITS ? digits : `${digits.slice(0, -GROUP_DIGITS)} ${digits.slice(-GROUP_DIGITS)}`;
}

/** The canonical address at a place, in hexadecimal digits as wide as the mode's addresses are, in groups. */
export function linearHex(mode: PagingMode, place: bigint): string {
  return grouped(hex(canonical(mode, place), FORMATS[mode].linearDigits));
}

/** What a person has typed or pasted, for the debugger to evaluate: an address in groups, as the panel writes it, loses its gap. */
export function typedAddress(text: string): string {
  const trimmed = text.trim();
  const [, high, low] = /^(?:0x)?([0-9a-f]{8}) ([0-9a-f]{8})$/i.exec(trimmed) ?? [];
  return low === undefined ? trimmed : `0x${high}${low}`;
}

export interface EntryField {
  readonly name: string;
  readonly high: number;
  readonly low: number;
  readonly value: bigint;
}

/** Entry bits 0 to 8, which all formats share where they have them. */
const LOW_BITS = ['P', 'R/W', 'U/S', 'PWT', 'PCD', 'A', 'D', 'PS', 'G'] as const;
const FIRST_FREE_BIT = 9;
const WIDE_PHYSICAL_END = 51;
/** Lowest bit of a protection key, which 64-bit modes have in entries that map pages (Intel SDM vol. 3, 4.6.2). */
const KEY_LOW = 59;

/**
 * An entry's fields, highest bit first, as the manual draws them.
 * @param leaf whether the entry maps a page (then bit 6 is D, bit 8 is G; else both are ignored)
 */
export function entryFields(mode: PagingMode, level: number, raw: bigint, leaf: boolean): EntryField[] {
  const { entryBytes } = FORMATS[mode];
  const field = (name: string, high: number, low: number): EntryField => (
    { name, high, low, value: BigInt.asUintN(high - low + 1, raw >> BigInt(low)) });
  const hasKey = leaf && linearBits(mode) > 32;
  const high = entryBytes === 8
    ? [
        field('XD', 63, 63), ...hasKey ? [field('key', 62, KEY_LOW)] : [],
        field('', hasKey ? KEY_LOW - 1 : 62, WIDE_PHYSICAL_END + 1), field('frame', WIDE_PHYSICAL_END, OFFSET_BITS),
      ]
    : [field('frame', 31, OFFSET_BITS)];
  const low = LOW_BITS.map((name, bit) => field(lowBitName(name, level, leaf), bit, bit));
  return [...high, field('free', OFFSET_BITS - 1, FIRST_FREE_BIT), ...low.reverse()];
}

function lowBitName(name: string, level: number, leaf: boolean): string {
  if (name === 'PS' && level === 1) return 'PAT';
  return !leaf && (name === 'D' || name === 'G') ? '' : name;
}
