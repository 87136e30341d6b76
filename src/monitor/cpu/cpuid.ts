/**
 * CPUID: what the processor says of itself (Intel SDM vol. 2). A Pentium Pro class processor with
 * NX and FXSAVE.
 */

const FEATURE = { fpu: 0, de: 2, pse: 3, tsc: 4, msr: 5, pae: 6, cx8: 8, sep: 11, pge: 13, cmov: 15, pat: 16, pse36: 17, fxsr: 24 } as const;
const FEATURES = Object.values(FEATURE).reduce<number>((bits, bit) => bits | (1 << bit), 0);
const NO_EXECUTE = 1 << 20;
/** Family 6, model 6, stepping 10. */
const SIGNATURE = 0x66a;
const BRAND = 'Shadowbox virtual CPU';

function text(source: string, at: number): number {
  let value = 0;
  for (let i = 3; i >= 0; i--) value = (value << 8) | (source.charCodeAt(at + i) || 0);
  return value >>> 0;
}

/** EAX, EBX, ECX, EDX for a leaf. Leaves beyond the highest basic one answer as that one does. */
export function cpuid(leaf: number, _subleaf: number): readonly [number, number, number, number] {
  const vendor = 'GenuineIntel';
  switch (leaf) {
    case 0:
      return [2, text(vendor, 0), text(vendor, 8), text(vendor, 4)];
    case 1:
      return [SIGNATURE, 0, 0, FEATURES >>> 0];
    case 0x80000000:
      return [0x80000008, 0, 0, 0];
    case 0x80000001:
      return [0, 0, 0, NO_EXECUTE];
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: {
      const at = (leaf - 0x80000002) * 16;
      return [text(BRAND, at), text(BRAND, at + 4), text(BRAND, at + 8), text(BRAND, at + 12)];
    }
    case 0x80000008:
      // 40 physical and 32 linear address bits.
      return [0x2028, 0, 0, 0];
    default:
      // Leaf 2: no descriptors of caches and TLBs beyond the obligatory count.
      return leaf < 0x80000000 ? [1, 0, 0, 0] : [0, 0, 0, 0];
  }
}
