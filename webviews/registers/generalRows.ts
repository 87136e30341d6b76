/**
 * General registers with their parts, what they are in decimal and as characters, and what they point to.
 */
import { change, sameRegister, valueCell, wasText } from './cells';
import type { Cell, RegisterAnswer, Row, Source } from './model';
import { bitsOf, characters, decimal, digits } from './numbers';
import { t } from '../ui/words';

interface Part {
  readonly name: string;
  readonly low: number;
  readonly bits: number;
}

/** Names of the parts of a register (Intel SDM vol. 1, 3.4.1). */
export function partsOf(name: string, longMode: boolean): readonly Part[] {
  const numbered = /^r(8|9|1[0-5])$/.exec(name);
  if (numbered) return [{ name: `${name}d`, low: 0, bits: 32 }, { name: `${name}w`, low: 0, bits: 16 }, { name: `${name}b`, low: 0, bits: 8 }];
  const stem = name.replace(/^[re]/, '');
  const double: readonly Part[] = name.startsWith('r') ? [{ name: `e${stem}`, low: 0, bits: 32 }] : [];
  const word: Part = { name: stem, low: 0, bits: 16 };
  if (stem === 'ip') return [...double, word];
  if (/^[a-d]x$/.test(stem)) return [...double, word, { name: `${stem[0]}h`, low: 8, bits: 8 }, { name: `${stem[0]}l`, low: 0, bits: 8 }];
  return [...double, word, ...(longMode ? [{ name: `${stem}l`, low: 0, bits: 8 }] : [])];
}

function partCell(register: RegisterAnswer, { name, low, bits }: Part, old: RegisterAnswer | undefined): Cell {
  const text = digits(bitsOf(BigInt(register.value), low, bits), bits);
  const changed = change(text, old && digits(bitsOf(BigInt(old.value), low, bits), bits));
  return { name, kind: 'part', label: name.toUpperCase(), text, words: `${name} ${text}${wasText(changed.before)}`, ...changed, edit: `0x${text}` };
}

function interpretation(register: RegisterAnswer): Cell {
  const value = BigInt(register.value);
  const text = [decimal(value, register.bits), characters(value, register.bits)].filter(Boolean).join('  ');
  return { name: `${register.name}:decimal`, kind: 'text', text, words: t('in decimal {0}', text) };
}

export function generalRows({ cpu, before, pointers }: Source): readonly Row[] {
  const longMode = cpu.mode === 'long-64' || cpu.mode === 'compatibility';
  return cpu.general.map((register) => {
    const old = sameRegister(register, before?.general);
    const pointer = pointers.get(register.name);
    return {
      key: register.name, name: register.name, cells: [valueCell(register, old), interpretation(register)],
      more: partsOf(register.name, longMode).map((part) => partCell(register, part, old)), ...(pointer ? { pointer } : {}),
    };
  });
}
