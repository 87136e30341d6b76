/**
 * Control registers, debug registers with their four breakpoints in words, and model-specific registers.
 */
import { fieldCells, sameRegister, valueCell } from './cells';
import type { RegisterAnswer, Row, Source } from './model';
import { bitsOf, digits } from './numbers';
import { t } from '../ui/words';

function plainRow(register: RegisterAnswer, before: readonly RegisterAnswer[] | undefined, { pointers }: Source): Row {
  const old = sameRegister(register, before);
  const pointer = pointers.get(register.name);
  return {
    key: register.name, name: register.name, cells: [valueCell(register, old), ...fieldCells(register, old)], more: [],
    ...(register.meaning === undefined ? {} : { note: register.meaning }), ...(pointer ? { pointer } : {}),
    search: (register.fields ?? []).map(({ name, meaning }) => `${name} ${meaning}`).join(' '),
  };
}

export const controlRows = (source: Source): readonly Row[] => source.cpu.control.map((register) => plainRow(register, source.before?.control, source));
export const msrRows = (source: Source): readonly Row[] => source.cpu.msrs.map((register) => plainRow(register, source.before?.msrs, source));

const CONDITIONS = [t('execution'), t('writing'), t('ports'), t('reading or writing')] as const;
/** Of a breakpoint that is not set. */
const OFF = t('off');
const LENGTHS = [t('1 byte'), t('2 bytes'), t('8 bytes'), t('4 bytes')] as const;

/** What DR7 makes of breakpoint `n` (Intel SDM vol. 3, 17.2.4): 'off', 'on writing of 4 bytes, for all tasks'. */
export function breakpointWords(dr7: bigint, n: number): string {
  const local = bitsOf(dr7, 2 * n, 1) === 1n;
  const global = bitsOf(dr7, 2 * n + 1, 1) === 1n;
  if (!local && !global) return OFF;
  const condition = Number(bitsOf(dr7, 16 + 4 * n, 2));
  const length = condition === 0 ? '' : t(' of {0}', LENGTHS[Number(bitsOf(dr7, 18 + 4 * n, 2))]);
  return t('on {0}{1}, for {2}', CONDITIONS[condition], length, global ? t('all tasks') : t('this task'));
}

export function debugRows(source: Source): readonly Row[] {
  const { debug } = source.cpu;
  const dr7 = BigInt(debug.find(({ name }) => name === 'dr7')?.value ?? 0);
  const dr6 = BigInt(debug.find(({ name }) => name === 'dr6')?.value ?? 0);
  return debug.map((register) => {
    const row = plainRow(register, source.before?.debug, source);
    const number = /^dr([0-3])$/.exec(register.name)?.[1];
    if (number === undefined) return row;
    const words = breakpointWords(dr7, Number(number));
    const hit = bitsOf(dr6, Number(number), 1) === 1n;
    return { ...row, note: `${words}${hit ? t('; was hit (DR6)') : ''}`, marked: words !== OFF, search: t('breakpoint {0}', digits(BigInt(register.value), register.bits)) };
  });
}
