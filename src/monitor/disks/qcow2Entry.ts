/** Entries of QCOW2 L1 and L2 tables. Source: QEMU, docs/interop/qcow2.txt. */

/** Bits of the upper half of an L1 or L2 entry. */
export const COPIED = 0x80000000;
const COMPRESSED = 0x40000000;
const OFFSET_HIGH = 0x00ffffff;
/** Bits of the lower half. */
const OFFSET_LOW = 0xfffffe00;
export const ZERO = 1;

/** What an L2 entry says of a cluster. */
export type Cluster =
  | { readonly kind: 'unallocated' }
  /** `offset`: a cluster that is kept for it; 0 without. */
  | { readonly kind: 'zero' | 'data'; readonly offset: number; readonly copied: boolean }
  | { readonly kind: 'compressed'; readonly offset: number; readonly bytes: number };

export const UNALLOCATED: Cluster = { kind: 'unallocated' };

/** Where an entry in two halves of 32 bits leads. As one number it would lose its lowest bits to the flags. */
export function tableOffset(high: number, low: number): number {
  return (high & OFFSET_HIGH) * 0x1_0000_0000 + ((low & OFFSET_LOW) >>> 0);
}

/** Decodes an L2 entry, given in two halves of 32 bits. */
export function readEntry(high: number, low: number, clusterBits: number): Cluster {
  if ((high & COMPRESSED) !== 0) {
    // Offset and number of further 512-byte sectors share the 62 bits; the border depends on the cluster size.
    const highBits = 62 - (clusterBits - 8) - 32;
    const sectors = (high & ~(COPIED | COMPRESSED)) >>> highBits;
    const offset = (high & (2 ** highBits - 1)) * 0x1_0000_0000 + low;
    return { kind: 'compressed', offset, bytes: (sectors + 1) * 512 - (offset % 512) };
  }
  const offset = tableOffset(high, low);
  const kind = (low & ZERO) !== 0 ? 'zero' : 'data';
  if (offset === 0 && kind === 'data') return UNALLOCATED;
  return { kind, offset, copied: (high & COPIED) !== 0 };
}
