/**
 * Services for string instructions: MOVS, STOS, LODS, CMPS, SCAS, alone and repeated. Runs inside a page go
 * as one copy or fill; registers always stand at the last finished iteration, so that a fault or an
 * interrupt finds them right.
 */
import type { Cpu } from '../cpu';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { FLAG } from '../state';

type Bytes = 1 | 2 | 4;

/** Iterations after which a repeated instruction lets the run loop look. */
const BURST = 65536;
const PAGE = 4096;

const repeated = (op: Operation): boolean => op.repeat !== 'none';
const counter = (cpu: Cpu, op: Operation): number => (repeated(op) ? (cpu.state.reg(L.RCX) & op.addressMask) >>> 0 : 1);
const pointer = (cpu: Cpu, op: Operation, register: number): number => (cpu.state.reg(register) & op.addressMask) >>> 0;
const stepOf = (cpu: Cpu, size: Bytes): number => (cpu.state.systemFlags & FLAG.DF ? -size : size);

/** Elements from `offset` up that stay in the segment's page and below the address mask's end. */
function elementsInPage(cpu: Cpu, segment: number, offset: number, op: Operation, size: Bytes): number {
  const linear = cpu.state.base(segment) + offset;
  const toPageEnd = PAGE - (linear % PAGE);
  return Math.floor(Math.min(toPageEnd, op.addressMask - offset + 1) / size);
}

/** Elements from `offset` down that stay in the segment's page and do not wrap around below 0. */
function elementsDownInPage(cpu: Cpu, segment: number, offset: number, size: Bytes): number {
  const inPage = (cpu.state.base(segment) + offset) % PAGE;
  return inPage + size > PAGE ? 0 : Math.floor(Math.min(inPage, offset) / size) + 1;
}

/** Runs `body` over all iterations: it does up to `count` and says how many it did. */
function iterate(cpu: Cpu, op: Operation, body: (count: number) => number): Outcome {
  let count = counter(cpu, op);
  let budget = cpu.singleIteration ? 1 : BURST;
  while (count > 0) {
    if (budget <= 0) return 'again';
    const done = body(Math.min(count, budget));
    count -= done;
    budget -= done;
    if (repeated(op)) cpu.state.setMasked(L.RCX, op.addressMask, count);
  }
  return 'next';
}

function movs(bytes: 1 | 0): Service {
  return (cpu, op) => {
    const size: Bytes = bytes === 1 ? 1 : op.size;
    const step = stepOf(cpu, size);
    if (step > 0 && moveAtOnce(cpu, op, size)) return 'next';
    return iterate(cpu, op, (count) => {
      const from = pointer(cpu, op, L.RSI);
      const to = pointer(cpu, op, L.RDI);
      const done = count > 1 ? (step > 0 ? copyRun(cpu, op, size, from, to, count) : copyRunDown(cpu, op, size, from, to, count)) : 0;
      if (done === 0) cpu.write(L.ES, to, size, cpu.read(op.segment, from, size));
      const moved = Math.max(done, 1) * step;
      cpu.state.setMasked(L.RSI, op.addressMask, from + moved);
      cpu.state.setMasked(L.RDI, op.addressMask, to + moved);
      return Math.max(done, 1);
    });
  };
}

/** Longest copy that is done word by word rather than by a call for the whole. */
const SHORT_COPY = 64;

/** The common case of compilers' memcpy: flat segments, all of it inside one page on both sides. */
function moveAtOnce(cpu: Cpu, op: Operation, size: Bytes): boolean {
  if (!cpu.flat || cpu.singleIteration || op.segment >= L.FS || op.addressMask !== 0xffffffff) return false;
  const s = cpu.state;
  const count = repeated(op) ? s.reg(L.RCX) : 1;
  const bytes = count * size;
  const from = s.reg(L.RSI);
  const to = s.reg(L.RDI);
  if (count === 0 || (from % PAGE) + bytes > PAGE || (to % PAGE) + bytes > PAGE) return false;
  const source = cpu.mmu.hostRun(from, false, cpu.user);
  const target = cpu.mmu.hostRun(to, true, cpu.user);
  // Overlapping upwards repeats the pattern: that is left to single elements.
  if (source < 0 || target < 0 || (target > source && target < source + bytes)) return false;
  if (bytes > SHORT_COPY) cpu.machine.u8.copyWithin(target, source, source + bytes);
  else for (let i = 0; i < bytes; i += size) cpu.machine.write(target + i, size, cpu.machine.read(source + i, size));
  s.setReg(L.RSI, from + bytes);
  s.setReg(L.RDI, to + bytes);
  if (repeated(op)) s.setReg(L.RCX, 0);
  return true;
}

/** Copies as many elements as lie in one page on both sides; 0 when it cannot be done at once. */
function copyRun(cpu: Cpu, op: Operation, size: Bytes, from: number, to: number, count: number): number {
  const elements = Math.min(count, elementsInPage(cpu, op.segment, from, op, size), elementsInPage(cpu, L.ES, to, op, size));
  const bytes = elements * size;
  if (elements < 2 || !within(cpu, op.segment, from, bytes, false) || !within(cpu, L.ES, to, bytes, true)) return 0;
  const source = cpu.mmu.hostRun(cpu.linear(op.segment, from, bytes, false), false, cpu.user);
  const target = cpu.mmu.hostRun(cpu.linear(L.ES, to, bytes, true), true, cpu.user);
  if (source < 0 || target < 0) return 0;
  const memory = cpu.machine.u8;
  if (target > source && target < source + bytes) {
    // Overlapping upwards repeats the pattern, element by element.
    for (let i = 0; i < bytes; i += size) memory.copyWithin(target + i, source + i, source + i + size);
  } else memory.copyWithin(target, source, source + bytes);
  return elements;
}

/** The same with DF set: from the elements at `from` and `to` downwards. */
function copyRunDown(cpu: Cpu, op: Operation, size: Bytes, from: number, to: number, count: number): number {
  const elements = Math.min(count, elementsDownInPage(cpu, op.segment, from, size), elementsDownInPage(cpu, L.ES, to, size));
  const before = (elements - 1) * size;
  const bytes = elements * size;
  if (elements < 2 || !within(cpu, op.segment, from - before, bytes, false) || !within(cpu, L.ES, to - before, bytes, true)) return 0;
  // The page is looked up by the first element, whose address a fault has to name.
  const sourceEnd = cpu.mmu.hostRun(cpu.linear(op.segment, from, size, false), false, cpu.user);
  const targetEnd = cpu.mmu.hostRun(cpu.linear(L.ES, to, size, true), true, cpu.user);
  if (sourceEnd < 0 || targetEnd < 0) return 0;
  const [source, target] = [sourceEnd - before, targetEnd - before];
  // Overlapping downwards repeats the pattern: that is left to single elements.
  if (target < source && source < target + bytes) return 0;
  cpu.machine.u8.copyWithin(target, source, source + bytes);
  return elements;
}

/** Whether a range lies in its segment: if not, single elements find the exact fault. */
function within(cpu: Cpu, segment: number, offset: number, bytes: number, write: boolean): boolean {
  const s = cpu.state;
  const at = L.SEGMENTS + segment * L.SEGMENT_BYTES;
  const last = s.u32(at + (write ? L.SEG_WRITE_LAST : L.SEG_READ_LAST));
  const first = s.u32(at + (write ? L.SEG_WRITE_FIRST : L.SEG_READ_FIRST));
  return offset >= first && offset + bytes - 1 <= last;
}

function stos(bytes: 1 | 0): Service {
  return (cpu, op) => {
    const size: Bytes = bytes === 1 ? 1 : op.size;
    const step = stepOf(cpu, size);
    const value = cpu.state.reg(L.RAX, size);
    return iterate(cpu, op, (count) => {
      const to = pointer(cpu, op, L.RDI);
      const done = step > 0 && count > 1 ? fillRun(cpu, op, size, to, count, value) : 0;
      if (done === 0) cpu.write(L.ES, to, size, value);
      cpu.state.setMasked(L.RDI, op.addressMask, to + Math.max(done, 1) * step);
      return Math.max(done, 1);
    });
  };
}

function fillRun(cpu: Cpu, op: Operation, size: Bytes, to: number, count: number, value: number): number {
  const elements = Math.min(count, elementsInPage(cpu, L.ES, to, op, size));
  const bytes = elements * size;
  if (elements < 2 || !within(cpu, L.ES, to, bytes, true)) return 0;
  const target = cpu.mmu.hostRun(cpu.linear(L.ES, to, bytes, true), true, cpu.user);
  if (target < 0) return 0;
  const memory = cpu.machine.u8;
  const low = value & 0xff;
  const uniform = size === 1 || (value === (size === 2 ? low * 0x101 : (low * 0x1010101) >>> 0));
  if (uniform) memory.fill(low, target, target + bytes);
  else for (let i = 0; i < bytes; i += size) cpu.machine.write(target + i, size, value);
  return elements;
}

function lods(bytes: 1 | 0): Service {
  return (cpu, op) => {
    const size: Bytes = bytes === 1 ? 1 : op.size;
    const step = stepOf(cpu, size);
    return iterate(cpu, op, () => {
      const from = pointer(cpu, op, L.RSI);
      cpu.state.setReg(L.RAX, cpu.read(op.segment, from, size), size);
      cpu.state.setMasked(L.RSI, op.addressMask, from + step);
      return 1;
    });
  };
}

/** Status flags of a - b. */
export function subtractionFlags(a: number, b: number, size: Bytes): number {
  const bits = size * 8;
  const mask = size === 4 ? 0xffffffff : (1 << bits) - 1;
  const result = ((a - b) & mask) >>> 0;
  let flags = 0;
  if (a < b) flags |= FLAG.CF;
  if (result === 0) flags |= FLAG.ZF;
  if ((result >>> (bits - 1)) & 1) flags |= FLAG.SF;
  if (((a ^ b) & (a ^ result)) >>> (bits - 1) & 1) flags |= FLAG.OF;
  if ((a ^ b ^ result) & 0x10) flags |= FLAG.AF;
  let parity = result & 0xff;
  parity ^= parity >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  if (!(parity & 1)) flags |= FLAG.PF;
  return flags;
}

/** CMPS and SCAS: `left` gives the first value and moves the pointers of the iteration. */
function compare(bytes: 1 | 0, pair: (cpu: Cpu, op: Operation, size: Bytes, step: number) => readonly [number, number]): Service {
  return (cpu, op) => {
    const size: Bytes = bytes === 1 ? 1 : op.size;
    const step = stepOf(cpu, size);
    const s = cpu.state;
    let count = counter(cpu, op);
    for (let done = 0; count > 0; done++) {
      if (done === BURST || (cpu.singleIteration && done > 0)) return 'again';
      const [a, b] = pair(cpu, op, size, step);
      s.status = subtractionFlags(a, b, size);
      count--;
      if (!repeated(op)) break;
      s.setMasked(L.RCX, op.addressMask, count);
      if ((a === b) !== (op.repeat === 'rep')) break;
    }
    return 'next';
  };
}

/** REPNE SCASB over a run of memory in one page: a search for a byte. Gives the elements done; 0 when it cannot be done at once. */
function scanRun(cpu: Cpu, op: Operation, to: number, count: number): number {
  const elements = Math.min(count, elementsInPage(cpu, L.ES, to, op, 1));
  if (elements < 2 || !within(cpu, L.ES, to, elements, false)) return 0;
  const host = cpu.mmu.hostRun(cpu.linear(L.ES, to, elements, false), false, cpu.user);
  if (host < 0) return 0;
  const value = cpu.state.reg(L.RAX, 1);
  const found = cpu.machine.u8.subarray(host, host + elements).indexOf(value);
  const done = found < 0 ? elements : found + 1;
  cpu.state.status = subtractionFlags(value, cpu.machine.read(host + done - 1, 1), 1);
  return done;
}

/** SCASB; `repne` (the search for a byte: strlen, strchr) goes by runs. */
function scasb(cpu: Cpu, op: Operation): Outcome {
  const s = cpu.state;
  if (op.repeat !== 'repne' || s.systemFlags & FLAG.DF || cpu.singleIteration) return compare(1, scasPair)(cpu, op);
  let count = counter(cpu, op);
  while (count > 0) {
    const to = pointer(cpu, op, L.RDI);
    const done = scanRun(cpu, op, to, count);
    if (done === 0) return compare(1, scasPair)(cpu, op);
    count -= done;
    s.setMasked(L.RDI, op.addressMask, to + done);
    s.setMasked(L.RCX, op.addressMask, count);
    if (s.flags & FLAG.ZF) break;
  }
  return 'next';
}

const cmpsPair = (cpu: Cpu, op: Operation, size: Bytes, step: number): readonly [number, number] => {
  const from = pointer(cpu, op, L.RSI);
  const to = pointer(cpu, op, L.RDI);
  const a = cpu.read(op.segment, from, size);
  const b = cpu.read(L.ES, to, size);
  cpu.state.setMasked(L.RSI, op.addressMask, from + step);
  cpu.state.setMasked(L.RDI, op.addressMask, to + step);
  return [a, b];
};

const scasPair = (cpu: Cpu, op: Operation, size: Bytes, step: number): readonly [number, number] => {
  const to = pointer(cpu, op, L.RDI);
  const b = cpu.read(L.ES, to, size);
  cpu.state.setMasked(L.RDI, op.addressMask, to + step);
  return [cpu.state.reg(L.RAX, size), b];
};

export const stringServices: Readonly<Record<string, Service>> = {
  movsb: movs(1),
  movsv: movs(0),
  stosb: stos(1),
  stosv: stos(0),
  lodsb: lods(1),
  lodsv: lods(0),
  cmpsb: compare(1, cmpsPair),
  cmpsv: compare(0, cmpsPair),
  scasb,
  scasv: compare(0, scasPair),
};
