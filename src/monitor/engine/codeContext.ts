/** How code is to be read: what the meaning of its bytes hangs on beside themselves. */
import type { UnitUse } from './admission';
import { CODE_BITS } from './formLayout';
import type { Model } from './records';

/** How code in a page is to be read. */
export interface CodeContext extends UnitUse {
  readonly bits: 16 | 32 | 64;
  readonly model: Model;
  /** Offsets in the page that lie inside CS's limit: [first, end). A page inside the limit has 0 and 4096. */
  readonly first: number;
  readonly end: number;
  /** Whether its blocks may be translated. */
  readonly translated: boolean;
}

/** Whether code is read in one way in two contexts. */
export function sameContext(a: CodeContext, b: CodeContext): boolean {
  return a.bits === b.bits && a.model === b.model && a.vectors === b.vectors && a.vex === b.vex && a.first === b.first && a.end === b.end && a.translated === b.translated;
}

const MODEL = { flat: 0, seg: 1, long: 2 } as const;
const VECTORS = { sse: 0, mmx: 1, none: 2 } as const;
const VEX = { avx: 0, general: 1, none: 2 } as const;

/** A number for what of a context an instruction's meaning depends on. */
export const contextNumber = ({ bits, model, vectors, vex }: CodeContext): number => CODE_BITS[bits] | (MODEL[model] << 2) | (VECTORS[vectors] << 4) | (VEX[vex] << 6);
