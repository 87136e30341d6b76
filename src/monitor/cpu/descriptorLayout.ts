/**
 * Segment descriptors and gates as they lie in their tables (Intel SDM vol. 3, 3.4.5, 5.8.3 and 6.11).
 */
import { ATTRIBUTE } from './state';

/** A descriptor as read from a table. */
export interface Descriptor {
  readonly selector: number;
  readonly low: number;
  readonly high: number;
  /** Type (4), S, DPL (2), P, AVL, L, D/B, G from bit 0 up. */
  readonly attributes: number;
  readonly base: number;
  /** In bytes, granularity applied. */
  readonly limit: number;
  readonly type: number;
  readonly dpl: number;
  readonly present: boolean;
  readonly isSegment: boolean;
  readonly isCode: boolean;
  readonly isConforming: boolean;
  /** Linear address of the descriptor, for the accessed and busy bits. */
  readonly address: number;
}

/** System descriptor types. */
export const SYSTEM = { tss16: 1, ldt: 2, tss16Busy: 3, callGate16: 4, taskGate: 5, interruptGate16: 6, trapGate16: 7, tss32: 9, tss32Busy: 11, callGate32: 12, interruptGate32: 14, trapGate32: 15 } as const;

export function decodeDescriptor(selector: number, low: number, high: number, address: number): Descriptor {
  const attributes = ((high >>> 8) & 0xff) | ((high >>> 12) & 0xf00);
  const raw = (low & 0xffff) | (high & 0xf0000);
  const limit = attributes & ATTRIBUTE.granular ? ((raw << 12) | 0xfff) >>> 0 : raw;
  const isSegment = (attributes & ATTRIBUTE.segment) !== 0;
  const isCode = isSegment && (attributes & ATTRIBUTE.code) !== 0;
  return {
    selector,
    low,
    high,
    attributes,
    base: ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000)) >>> 0,
    limit,
    type: attributes & 0xf,
    dpl: (attributes >> 5) & 3,
    present: (attributes & ATTRIBUTE.present) !== 0,
    isSegment,
    isCode,
    isConforming: isCode && (attributes & ATTRIBUTE.conforming) !== 0,
    address,
  };
}

/** Selector that a gate names. */
export const gateSelector = (gate: Descriptor): number => gate.low >>> 16;

/** Offset that a gate names: 16 bits in gates of 16 bits; its lower half in those of long mode. */
export function gateOffset(gate: Descriptor): number {
  return gate.type & 8 ? ((gate.low & 0xffff) | (gate.high & 0xffff0000)) >>> 0 : gate.low & 0xffff;
}
