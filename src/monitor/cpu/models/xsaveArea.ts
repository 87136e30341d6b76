/**
 * The components of the XSAVE area: their bits in XCR0, sizes and places in bytes (Intel SDM vol. 1, 13.4 and 13.5; CPUID
 * leaf Dh). The legacy region (512 bytes: x87 and SSE) and the header (64 bytes) come before them.
 */
import { XCR0 } from './controlBits';
import type { Feature } from './features';

export interface XsaveComponent {
  /** Its bit in XCR0, as number and as mask. */
  readonly bit: number;
  readonly mask: number;
  readonly feature: Feature;
  readonly bytes: number;
  /** Offset in the standard (non-compacted) format: as Intel's processors have it, with the gaps of MPX and AVX-512. */
  readonly offset: number;
}

/** Size of the legacy region and the header. */
export const XSAVE_BASE_BYTES = 576;

export const XSAVE_COMPONENTS: readonly XsaveComponent[] = [
  { bit: 2, mask: XCR0.AVX, feature: 'avx', bytes: 256, offset: XSAVE_BASE_BYTES },
  { bit: 9, mask: XCR0.PKRU, feature: 'pku', bytes: 8, offset: 2688 },
];

/** Size of the area in the standard format for the components of `mask`. */
export function standardBytes(mask: number): number {
  return XSAVE_COMPONENTS.reduce((size, c) => (mask & c.mask ? Math.max(size, c.offset + c.bytes) : size), XSAVE_BASE_BYTES);
}

/** Size in the compacted format: components one behind the other (none of ours asks for alignment). */
export function compactedBytes(mask: number): number {
  return XSAVE_COMPONENTS.reduce((size, c) => (mask & c.mask ? size + c.bytes : size), XSAVE_BASE_BYTES);
}
