/**
 * The attributes of a segment as named bits (Intel SDM vol. 3, 3.4.5), in the order in which SegmentValue has them.
 */

import { t } from './words';

/** Name, lowest bit, number of bits, meaning; for code, data and system segments. */
export type Bits = readonly (readonly [name: string, low: number, bits: number, meaning: string])[];
const COMMON: Bits = [['S', 4, 1, t('1 code or data, 0 system')], ['DPL', 5, 2, t('privilege')], ['P', 7, 1, t('present')], ['AVL', 8, 1, t('for the operating system')]];
const SIZES: Bits = [['L', 9, 1, t('64-bit code')], ['D', 10, 1, t('32-bit operands, addresses or stack')], ['G', 11, 1, t('limit counted in pages')]];
const CODE: Bits = [['A', 0, 1, t('accessed')], ['R', 1, 1, t('readable')], ['C', 2, 1, t('conforming')], ['X', 3, 1, t('code')]];
const DATA: Bits = [['A', 0, 1, t('accessed')], ['W', 1, 1, t('writable')], ['E', 2, 1, t('expands down')], ['X', 3, 1, t('code')]];
const SYSTEM: Bits = [['TYPE', 0, 4, t('type of system segment')]];

/** The named bits of a segment's attributes. */
export function attributeBits(attributes: number): Bits {
  const type = (attributes & 0x10) === 0 ? SYSTEM : attributes & 8 ? CODE : DATA;
  return [...type, ...COMMON, ...SIZES];
}
