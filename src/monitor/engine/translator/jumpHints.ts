/**
 * Where indirect jumps and indirect calls are likely to lead: where the interpreter has seen them lead last, and what a
 * jump through a table finds there. Hints only: translated code compares each with where the jump does lead.
 */
import { ZERO } from '../../cpu/layout';
import { R } from '../records';
import type { RegionInstruction } from './regionGraph';

/** Entries of a table of jump targets that are looked at. */
const MOST_ENTRIES = 32;
/** Bytes of an entry, as a power of 2, by how code addresses memory: in 64-bit code an entry has eight, of which the lower half is looked at. */
const ENTRY_SCALE = { F: 2, L: 3 } as const;

/** The four bytes at a linear address below 4 GiB, if they are at hand. */
export type WordReader = (address: number) => number | undefined;

/** Offsets in CS, cut to 32 bits, to which an instruction that ends a block is likely to transfer control. */
export function jumpHints({ record, handler }: RegionInstruction, view: DataView, word: WordReader): ReadonlySet<number> {
  const found = new Set<number>();
  const last = view.getInt32(record + R.target, true);
  if (last !== 0) found.add(last);
  const register = (field: number): number => view.getUint16(record + field, true);
  const [kind] = handler.shape.kinds;
  if ((kind !== 'F' && kind !== 'L') || register(R.base) !== ZERO || register(R.index) >= ZERO) return found;
  const scale = ENTRY_SCALE[kind];
  const displacement = view.getInt32(record + R.displacement, true);
  // Bits 6 and 7 are REX's. A negative displacement is an address of the upper half, which is no number here.
  if ((view.getUint8(record + R.scale) & 3) !== scale || (kind === 'L' && displacement < 0)) return found;
  for (let i = 0; i < MOST_ENTRIES; i++) {
    const target = word((displacement >>> 0) + (i << scale));
    if (target === undefined) break;
    found.add(target);
  }
  return found;
}
