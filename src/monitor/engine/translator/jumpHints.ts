/**
 * Where indirect jumps, indirect calls and returns are likely to lead: where the interpreter has seen them lead last, and what a
 * jump through a table finds there. Hints only: translated code compares each with where the jump does lead.
 */
import { ZERO } from '../../cpu/layout';
import { R } from '../records';
import type { RegionInstruction } from './regionGraph';

/** Entries of a table of jump targets that are looked at. */
const MOST_ENTRIES = 32;
/** The index of such a table is taken four times. */
const WORDS = 2;

/** The four bytes at an address in the data segment of flat code, if they are at hand. */
export type WordReader = (address: number) => number | undefined;

/** Offsets in CS, cut to 32 bits, to which an instruction that ends a block is likely to transfer control. */
export function jumpHints({ record, handler }: RegionInstruction, view: DataView, word: WordReader): ReadonlySet<number> {
  const found = new Set<number>();
  const last = view.getInt32(record + R.target, true);
  if (last !== 0) found.add(last);
  const register = (field: number): number => view.getUint16(record + field, true);
  const indexed = handler.shape.kinds[0] === 'F' && register(R.base) === ZERO && register(R.index) < ZERO && view.getUint8(record + R.scale) === WORDS;
  if (!indexed) return found;
  const table = view.getInt32(record + R.displacement, true) >>> 0;
  for (let i = 0; i < MOST_ENTRIES; i++) {
    const target = word(table + 4 * i);
    if (target === undefined) break;
    found.add(target);
  }
  return found;
}
