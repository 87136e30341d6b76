/**
 * Cells that all groups have: a whole register, a named bit, and what has become of them since the last stop.
 */
import type { Cell, RegisterAnswer } from './model';
import { bitsOf, digits } from './numbers';
import { t } from '../ui/words';

type Field = NonNullable<RegisterAnswer['fields']>[number];

/** What a changed cell was, in words for tooltip and screen reader. */
export const wasText = (before: string | undefined): string => (before === undefined ? '' : t('; was {0} at the last stop', before));

const READ_ONLY = t('The processor does not let this register be written.');

/** What tells a value from the one before: nothing where it is the same, or was not known. */
export function change(now: string, before: string | undefined): Pick<Cell, 'changed' | 'before'> {
  return before === undefined || before === now ? {} : { changed: true, before };
}

/** The register of the same name at the stop before. */
export function sameRegister(register: RegisterAnswer, before: readonly RegisterAnswer[] | undefined): RegisterAnswer | undefined {
  return before?.find(({ name, bits }) => name === register.name && bits === register.bits);
}

/** A register's number as a whole. */
export function valueCell(register: RegisterAnswer, old: RegisterAnswer | undefined): Cell {
  const { name, bits } = register;
  const text = digits(BigInt(register.value), bits);
  const changed = change(text, old && digits(BigInt(old.value), bits));
  return {
    name, kind: 'value', text, words: `${name} ${text}${wasText(changed.before)}`, ...changed,
    ...(register.readOnly ? { fixed: READ_ONLY } : { edit: `0x${BigInt(register.value).toString(16)}` }),
  };
}

/** A named bit or field of a register. */
export function fieldCell(register: RegisterAnswer, field: Field, old: RegisterAnswer | undefined): Cell {
  const { name, value, bits, lowBit, meaning } = field;
  const text = bits > 8 ? value.toString(16) : String(value);
  const was = old && bitsOf(BigInt(old.value), lowBit, bits);
  const changed = change(text, was === undefined ? undefined : bits > 8 ? was.toString(16) : String(was));
  const place = bits === 1 ? t('bit {0}', lowBit) : t('bits {0} to {1}', lowBit + bits - 1, lowBit);
  return {
    name: `${register.name}.${name.toLowerCase()}`, kind: 'bit', label: name, text, on: value !== 0,
    words: `${name} ${text}: ${meaning} (${place})${wasText(changed.before)}`, ...changed,
    ...(register.readOnly ? { fixed: READ_ONLY } : { edit: bits > 8 ? `0x${text}` : text, ...(bits === 1 ? { toggleTo: value === 0 ? '1' : '0' } : {}) }),
  };
}

export const fieldCells = (register: RegisterAnswer, old: RegisterAnswer | undefined): readonly Cell[] =>
  (register.fields ?? []).map((field) => fieldCell(register, field, old));
