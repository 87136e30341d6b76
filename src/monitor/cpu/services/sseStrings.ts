/**
 * Services for the string comparisons of SSE4.2: PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM.
 *
 * Source: Intel SDM volume 2, 4.1 (imm8 control byte, aggregation, polarity, outputs and flags).
 */
import type { Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Service } from '../operation';
import type { Lanes } from '../softfloat/lanes';
import { FLAG } from '../state';
import { XMM_BYTES, loadRegister, loadSource, unit } from './sseOperands';
import type { Encoding, EncodingSet } from './vectorEncoding';

/** Aggregation, bits 2 and 3 of the control byte. */
const Aggregation = { equalAny: 0, ranges: 1, equalEach: 2, equalOrdered: 3 } as const;
/** Polarity, bits 4 and 5: odd ones negate, and 3 only where the second operand has elements. */
const NEGATE = 1, MASKED = 2;
const OTHER_OUTPUT = 0x40;

/** One operand's elements, of which the first `length` count. */
class Elements {
  readonly values = new Int32Array(XMM_BYTES);
  length = 0;
  private readonly bytes: DataView;

  constructor(lanes: Lanes) {
    this.bytes = new DataView(lanes.u32.buffer);
  }

  /** Takes them from the lanes: bytes or words (bit 0 of `control`), unsigned or signed (bit 1). Gives their number. */
  load(control: number): number {
    const { values, bytes } = this;
    const signed = (control & 2) !== 0;
    if ((control & 1) === 0) {
      for (let i = 0; i < XMM_BYTES; i++) values[i] = signed ? bytes.getInt8(i) : bytes.getUint8(i);
      return XMM_BYTES;
    }
    for (let i = 0; i < XMM_BYTES / 2; i++) values[i] = signed ? bytes.getInt16(2 * i, true) : bytes.getUint16(2 * i, true);
    return XMM_BYTES / 2;
  }

  /** Ends before the first zero: the implicit length. */
  endAtZero(count: number): void {
    let end = 0;
    while (end < count && this.values[end] !== 0) end++;
    this.length = end;
  }

  /** Whether one of them equals a value. */
  has(value: number): boolean {
    for (let i = 0; i < this.length; i++) if (this.values[i] === value) return true;
    return false;
  }

  /** Whether a value lies in one of the ranges that pairs of them are. */
  spans(value: number): boolean {
    for (let i = 0; i + 1 < this.length; i += 2) if (value >= this.values[i] && value <= this.values[i + 1]) return true;
    return false;
  }
}

/** The first operand and the second: what is looked for, and where. */
const set = new Elements(unit.a);
const text = new Elements(unit.b);
const resultBytes = new DataView(unit.result.u32.buffer);

/** The explicit length in EAX or EDX (RAX or RDX with REX.W): its magnitude, saturated. */
function explicitLength(cpu: Cpu, op: Operation, register: number, count: number): number {
  const value = op.size === 8 ? cpu.state.wide(L.REG + 8 * register) : cpu.state.reg(register) | 0;
  return Math.min(Math.abs(value), count);
}

/** Aggregated comparison of the text's element `j` (IntRes1[j] of the manual). */
function matches(aggregation: number, j: number, count: number): boolean {
  const inText = j < text.length;
  switch (aggregation) {
    case Aggregation.equalAny: return inText && set.has(text.values[j]);
    case Aggregation.ranges: return inText && set.spans(text.values[j]);
    case Aggregation.equalEach: return inText === j < set.length && (!inText || set.values[j] === text.values[j]);
    default: return startsAt(j, count);
  }
}

/** Whether the set begins at the text's element `j`. What the register's end cuts off counts as equal, what the text's end does not. */
function startsAt(j: number, count: number): boolean {
  const compared = Math.min(set.length, count - j);
  for (let i = 0; i < compared; i++) if (j + i >= text.length || text.values[j + i] !== set.values[i]) return false;
  return true;
}

/** The final bit mask (IntRes2). */
function compareStrings(control: number, count: number): number {
  const aggregation = (control >> 2) & 3;
  const polarity = control >> 4;
  let mask = 0;
  for (let j = 0; j < count; j++) if (matches(aggregation, j, count)) mask |= 1 << j;
  if ((polarity & NEGATE) === 0) return mask;
  return mask ^ ((1 << (polarity & MASKED ? text.length : count)) - 1);
}

/** What becomes of the mask: bit 6 of `control` chooses between two forms of it. */
type Output = (cpu: Cpu, mask: number, count: number, control: number, encoding: Encoding) => void;

/** Index of the least (or most) significant one of the mask, in ECX; the number of elements if there is none. */
const storeIndex: Output = (cpu, mask, count, control) => {
  const chosen = control & OTHER_OUTPUT ? mask : mask & -mask;
  cpu.state.setReg(L.RCX, mask === 0 ? count : 31 - Math.clz32(chosen));
};

/** The mask in XMM0: as bits (or as elements of ones). */
const storeMask: Output = (cpu, mask, count, control, encoding) => {
  const expand = (control & OTHER_OUTPUT) !== 0;
  unit.result.u32.fill(0);
  unit.result.u32[0] = expand ? 0 : mask;
  const size = XMM_BYTES / count;
  for (let i = 0; expand && i < XMM_BYTES; i++) resultBytes.setUint8(i, mask & (1 << Math.floor(i / size)) ? 0xff : 0);
  encoding.storeVector(cpu, L.VECTOR, XMM_BYTES);
};

function comparison(encoding: Encoding, explicit: boolean, store: Output): Service {
  return (cpu, op) => {
    const control = op.immediate & 0x7f;
    // The memory operand need not be aligned.
    loadSource(cpu, op, unit.b, XMM_BYTES);
    loadRegister(cpu, unit.a, op.slotA, XMM_BYTES);
    const count = set.load(control);
    text.load(control);
    if (explicit) {
      set.length = explicitLength(cpu, op, L.RAX, count);
      text.length = explicitLength(cpu, op, L.RDX, count);
    } else {
      set.endAtZero(count);
      text.endAtZero(count);
    }
    const mask = compareStrings(control, count);
    store(cpu, mask, count, control, encoding);
    cpu.state.status =
      (mask !== 0 ? FLAG.CF : 0) | (text.length < count ? FLAG.ZF : 0) | (set.length < count ? FLAG.SF : 0) | (mask & 1 ? FLAG.OF : 0);
    return 'next';
  };
}

/** All of them, by their mnemonics in SSE. */
export function stringServices({ unary }: EncodingSet): Readonly<Record<string, Service>> {
  return {
    pcmpestri: comparison(unary, true, storeIndex),
    pcmpestrm: comparison(unary, true, storeMask),
    pcmpistri: comparison(unary, false, storeIndex),
    pcmpistrm: comparison(unary, false, storeMask),
  };
}
