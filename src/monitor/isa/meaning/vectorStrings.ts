/**
 * Meanings of packed string comparison: PCMPISTRI on bytes (Intel SDM vol. 2, 4.1). Its other forms, and elements of two bytes,
 * are the services'.
 */
import type { Meaning, Value } from '../emitter';
import { CF, OF, SF, ZF, statusWords } from '../flags';

const RCX = 1;
const COUNT = 16;
/** The control byte: whether the index is that of the most significant bit. */
const MOST_SIGNIFICANT = 0x40;

const indexOfMatch: Meaning = (e) =>
  e.orService((giveUpIf) => {
    const control = e.let(e.and(e.toI32(e.immediate()), e.i32(0x7f)));
    const text = e.let(e.readVector(1, 'any'));
    const result = e.compareStrings(e.let(e.readVector(0)), text, control);
    giveUpIf(e.ltS(result.mask, e.i32(0)));
    const first = e.ctz(result.mask);
    const last = e.sub(e.i32(31), e.clz(result.mask));
    const found = e.select(e.and(control, e.i32(MOST_SIGNIFICANT)), last, first);
    e.setRegister(RCX, 32, e.select(result.mask, found, e.i32(COUNT)));
    const flag = (condition: Value, value: number): Value => e.select(condition, e.i32(value), e.i32(0));
    const short = (length: Value): Value => e.ltU(length, e.i32(COUNT));
    const image = e.or(e.or(flag(result.mask, CF), flag(short(result.textLength), ZF)), e.or(flag(short(result.setLength), SF), flag(e.and(result.mask, e.i32(1)), OF)));
    const bound = e.let(image);
    e.setStatus(() => statusWords(e, bound));
  });

export const vectorStrings: Readonly<Record<string, Meaning>> = { pcmpistri: indexOfMatch };
