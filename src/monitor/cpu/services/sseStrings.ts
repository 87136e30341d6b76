/**
 * Services for the string comparisons of SSE4.2: PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM.
 *
 * Source: Intel SDM volume 2, 4.1 (imm8 control byte, aggregation, polarity, outputs and flags).
 */
import type { Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Service } from '../operation';
import { FLAG } from '../state';
import { XMM_BYTES, loadRegister, loadSource, storeResult, unit } from './sseOperands';

/** Aggregation, bits 2 and 3 of the control byte. */
const Aggregation = { equalAny: 0, ranges: 1, equalEach: 2, equalOrdered: 3 } as const;
/** Polarity, bits 4 and 5: odd ones negate, and 3 only where the second operand has elements. */
const NEGATE = 1, MASKED = 2;

/** A comparison's operands: `text` is the second operand, `set` the first. */
interface Strings {
  /** Elements in 16 bytes: 16 or 8. */
  readonly count: number;
  readonly set: readonly number[];
  readonly setLength: number;
  readonly text: readonly number[];
  readonly textLength: number;
}

const bytesOf = (lanes: { readonly u32: Uint32Array }): DataView => new DataView(lanes.u32.buffer);
const setBytes = bytesOf(unit.a);
const textBytes = bytesOf(unit.b);
const resultBytes = bytesOf(unit.result);

/** Elements of an operand: bytes or words (bit 0 of `control`), unsigned or signed (bit 1). */
function elements(from: DataView, control: number): number[] {
  const words = (control & 1) !== 0;
  const signed = (control & 2) !== 0;
  return Array.from({ length: words ? 8 : 16 }, (_, i) => {
    if (words) return signed ? from.getInt16(2 * i, true) : from.getUint16(2 * i, true);
    return signed ? from.getInt8(i) : from.getUint8(i);
  });
}

/** Where the first zero element stands: the implicit length. */
function implicitLength(values: readonly number[]): number {
  const end = values.indexOf(0);
  return end < 0 ? values.length : end;
}

/** The explicit length in EAX or EDX (RAX or RDX with REX.W): its magnitude, saturated. */
function explicitLength(cpu: Cpu, op: Operation, register: number, count: number): number {
  const value = op.size === 8 ? cpu.state.wide(L.REG + 8 * register) : cpu.state.reg(register) | 0;
  return Math.min(Math.abs(value), count);
}

/** Aggregated comparison of the text's element `j` (IntRes1[j] of the manual). */
function matches(strings: Strings, aggregation: number, j: number): boolean {
  const { set, setLength, text, textLength, count } = strings;
  const element = text[j];
  const inText = j < textLength;
  switch (aggregation) {
    case Aggregation.equalAny:
      return inText && set.indexOf(element) >= 0 && set.indexOf(element) < setLength;
    case Aggregation.ranges:
      return inText && set.some((low, i) => (i & 1) === 0 && i + 1 < setLength && element >= low && element <= set[i + 1]);
    case Aggregation.equalEach:
      return inText === j < setLength && (!inText || set[j] === element);
    default:
      // Where the set has ended everything matches; where only the text has, nothing does.
      for (let i = 0; i < Math.min(setLength, count - j); i++) {
        if (j + i >= textLength || text[j + i] !== set[i]) return false;
      }
      return true;
  }
}

/** The final bit mask (IntRes2). */
function compareStrings(strings: Strings, control: number): number {
  const { count, textLength } = strings;
  const polarity = control >> 4;
  let mask = 0;
  for (let j = 0; j < count; j++) {
    if (matches(strings, (control >> 2) & 3, j)) mask |= 1 << j;
  }
  if ((polarity & NEGATE) === 0) return mask;
  return mask ^ ((1 << (polarity & MASKED ? textLength : count)) - 1);
}

/** Index of the least (or, bit 6 of `control`, most) significant one of the mask, in ECX; the count if there is none. */
function storeIndex(cpu: Cpu, strings: Strings, mask: number, control: number): void {
  const least = 31 - Math.clz32(mask & -mask);
  const most = 31 - Math.clz32(mask);
  cpu.state.setReg(L.RCX, mask === 0 ? strings.count : control & 0x40 ? most : least);
}

/** The mask in XMM0: as bits, or (bit 6 of `control`) as elements of ones. */
function storeMask(cpu: Cpu, strings: Strings, mask: number, control: number): void {
  const expand = (control & 0x40) !== 0;
  unit.result.u32.fill(0);
  unit.result.u32[0] = expand ? 0 : mask;
  const size = XMM_BYTES / strings.count;
  for (let i = 0; expand && i < XMM_BYTES; i++) resultBytes.setUint8(i, mask & (1 << Math.floor(i / size)) ? 0xff : 0);
  storeResult(cpu, L.VECTOR, XMM_BYTES);
}

function comparison(explicit: boolean, store: typeof storeIndex): Service {
  return (cpu, op) => {
    const control = op.immediate & 0x7f;
    // The memory operand need not be aligned.
    loadSource(cpu, op, unit.b, XMM_BYTES);
    loadRegister(cpu, unit.a, op.slotA, XMM_BYTES);
    const set = elements(setBytes, control);
    const text = elements(textBytes, control);
    const count = set.length;
    const setLength = explicit ? explicitLength(cpu, op, L.RAX, count) : implicitLength(set);
    const textLength = explicit ? explicitLength(cpu, op, L.RDX, count) : implicitLength(text);
    const strings: Strings = { count, set, setLength, text, textLength };
    const mask = compareStrings(strings, control);
    store(cpu, strings, mask, control);
    cpu.state.status =
      (mask !== 0 ? FLAG.CF : 0) | (textLength < count ? FLAG.ZF : 0) | (setLength < count ? FLAG.SF : 0) | (mask & 1 ? FLAG.OF : 0);
    return 'next';
  };
}

export const sseStrings: Readonly<Record<string, Service>> = {
  pcmpestri: comparison(true, storeIndex),
  pcmpestrm: comparison(true, storeMask),
  pcmpistri: comparison(false, storeIndex),
  pcmpistrm: comparison(false, storeMask),
};
