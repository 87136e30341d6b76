/**
 * Flags as boxes, and what each conditional jump would do now (Intel SDM vol. 1, appendix B).
 */
import { fieldCells, sameRegister, valueCell } from './cells';
import type { Cell, Row, Source } from './model';
import { bitsOf } from './numbers';
import { t } from '../ui/words';

interface Flags {
  readonly cf: boolean;
  readonly pf: boolean;
  readonly zf: boolean;
  readonly sf: boolean;
  readonly of: boolean;
}

/** Conditions: names of the jumps, what they ask, and when they hold. */
const CONDITIONS: readonly (readonly [names: string, asks: string, holds: (f: Flags) => boolean])[] = [
  ['JE JZ', t('equal, zero'), ({ zf }) => zf], ['JNE JNZ', t('not equal, not zero'), ({ zf }) => !zf],
  ['JB JC', t('below, carry'), ({ cf }) => cf], ['JAE JNC', t('above or equal, no carry'), ({ cf }) => !cf],
  ['JBE', t('below or equal'), ({ cf, zf }) => cf || zf], ['JA', t('above'), ({ cf, zf }) => !cf && !zf],
  ['JL', t('less (signed)'), ({ sf, of }) => sf !== of], ['JGE', t('greater or equal (signed)'), ({ sf, of }) => sf === of],
  ['JLE', t('less or equal (signed)'), ({ zf, sf, of }) => zf || sf !== of], ['JG', t('greater (signed)'), ({ zf, sf, of }) => !zf && sf === of],
  ['JS', t('negative'), ({ sf }) => sf], ['JNS', t('not negative'), ({ sf }) => !sf],
  ['JO', t('overflow'), ({ of }) => of], ['JNO', t('no overflow'), ({ of }) => !of],
  ['JP', t('parity even'), ({ pf }) => pf], ['JNP', t('parity odd'), ({ pf }) => !pf],
];

/** What each conditional jump would do with these flags. */
export function jumpCells(value: bigint): readonly Cell[] {
  const bit = (at: number) => bitsOf(value, at, 1) === 1n;
  const flags: Flags = { cf: bit(0), pf: bit(2), zf: bit(6), sf: bit(7), of: bit(11) };
  return CONDITIONS.map(([names, asks, holds]) => {
    const taken = holds(flags);
    const text = taken ? t('taken') : t('not taken');
    return { name: `jump:${names}`, kind: 'text', label: names, text, words: `${names.replace(' ', ', ')} (${asks}): ${text}`, on: taken };
  });
}

export function flagRows({ cpu, before }: Source): readonly Row[] {
  const { flags } = cpu;
  const old = before && sameRegister(flags, [before.flags]);
  return [
    { key: flags.name, name: flags.name, cells: [valueCell(flags, old), ...fieldCells(flags, old)], more: [] },
    { key: 'jumps', name: t('jumps'), cells: jumpCells(BigInt(flags.value)), more: [], search: t('conditional jumps Jcc') },
  ];
}
