/**
 * The x87 stack as values and bits, and vector registers (MMX, SSE, AVX) in lanes of every size.
 */
import { change, fieldCells, sameRegister, valueCell, wasText } from './cells';
import type { Cell, LaneView, RegisterAnswer, Row, Source } from './model';
import { bitsOf, digits, floatOf, floatText } from './numbers';
import { t } from '../ui/words';

/** Text of one lane, as shown and as edited. */
function laneText(value: bigint, lane: number, view: LaneView): string {
  const bits = Number(view.slice(1));
  const part = bitsOf(value, lane * bits, bits);
  if (view === 'f32') return floatText(floatOf(part, 32), true);
  return view === 'f64' ? floatText(floatOf(part, 64), false) : digits(part, bits);
}

/** A register's lanes, the lowest first. */
export function laneCells(register: RegisterAnswer, view: LaneView, old: RegisterAnswer | undefined): readonly Cell[] {
  const bits = Number(view.slice(1));
  return Array.from({ length: register.bits / bits }, (_, lane) => {
    const text = laneText(BigInt(register.value), lane, view);
    const changed = change(text, old && laneText(BigInt(old.value), lane, view));
    return {
      name: `${register.name}.${view}[${lane}]`, kind: 'lane', label: String(lane), text, words: t('{0} {1} lane {2}: {3}{4}', register.name, view, lane, text, wasText(changed.before)),
      ...changed, edit: view.startsWith('f') ? text : `0x${text}`,
    };
  });
}

function laneRow(register: RegisterAnswer, before: readonly RegisterAnswer[] | undefined, source: Source, editable: boolean): Row {
  const old = sameRegister(register, before);
  const view = source.laneView(register.name);
  const lanes = laneCells(register, view, old);
  return {
    key: register.name, name: register.name, more: [valueCell(register, old)], lanes: view,
    // The parts of MMX registers have no names of their own: the register is set as a whole.
    cells: editable ? lanes : lanes.map(({ edit: _edit, ...lane }) => ({ ...lane, fixed: t('Set the register as a whole: open the row (Right).') })),
  };
}

const TAGS = ['valid', 'zero', 'special', 'empty'] as const;
const TAG_WORDS = { valid: t('valid'), zero: t('zero'), special: t('special'), empty: t('empty') } as const;

/** One register of the x87 stack: its number, then its sign, exponent and significand. */
function stackRow(register: RegisterAnswer, top: number, tagWord: number, before: readonly RegisterAnswer[] | undefined): Row {
  const old = sameRegister(register, before);
  const index = Number(register.name.slice(2));
  const physical = (top + index) & 7;
  const tag = TAGS[(tagWord >> (2 * physical)) & 3];
  const value = BigInt(register.value);
  const number = register.meaning === 'empty' ? t('empty') : register.meaning ?? '';
  const changed = change(`${number} ${register.value}`, old && `${old.meaning ?? ''} ${old.value}`);
  const was = changed.changed ? old?.meaning : undefined;
  const bit = (label: string, text: string, words: string): Cell => ({ name: `${register.name}:${label}`, kind: 'text', label, text, words });
  return {
    key: register.name, name: `ST(${index})`, marked: index === 0,
    cells: [{
      name: register.name, kind: 'value', text: number, words: `ST(${index}) ${number}${index === 0 ? t(', top of the stack') : ''}${wasText(was)}`, on: tag !== 'empty',
      ...(changed.changed ? { changed: true, before: was ?? '' } : {}), edit: register.meaning === 'empty' ? '0' : number,
    }],
    more: [
      bit('sign', String(value >> 79n), t('sign')), bit('exponent', digits(bitsOf(value, 64, 15), 16), t('exponent, biased by 3fff')),
      bit('significand', digits(bitsOf(value, 0, 64), 64), t('significand with its integer bit')),
    ],
    note: `R${physical}, ${TAG_WORDS[tag]}${index === 0 ? t(', top') : ''}`, search: t('{0} x87 floating point', register.name),
  };
}

export function x87Rows(source: Source): readonly Row[] {
  const { x87 } = source.cpu;
  const before = source.before?.x87;
  const word = (name: string) => Number(x87.find((register) => register.name === name)?.value ?? 0);
  const top = (word('fsw') >> 11) & 7;
  return x87.map((register) => {
    if (/^st\d$/.test(register.name)) return stackRow(register, top, word('ftw'), before);
    if (/^mm\d$/.test(register.name)) return laneRow(register, before, source, false);
    const old = sameRegister(register, before);
    return {
      key: register.name, name: register.name, cells: [valueCell(register, old), ...fieldCells(register, old)], more: [],
      search: (register.fields ?? []).map(({ name, meaning }) => `${name} ${meaning}`).join(' '),
    };
  });
}

/** With AVX the wide registers alone: the others are their low halves. */
export function vectorRows(source: Source): readonly Row[] {
  const { vector } = source.cpu;
  const before = source.before?.vector;
  const hasWide = vector.some(({ name }) => name.startsWith('ymm'));
  return vector.filter(({ name }) => !(hasWide && name.startsWith('xmm'))).map((register) => {
    if (register.bits >= 128) return laneRow(register, before, source, true);
    const old = sameRegister(register, before);
    return {
      key: register.name, name: register.name, cells: [valueCell(register, old), ...fieldCells(register, old)], more: [],
      search: (register.fields ?? []).map(({ name, meaning }) => `${name} ${meaning}`).join(' '),
    };
  });
}
