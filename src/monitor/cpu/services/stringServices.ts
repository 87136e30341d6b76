/**
 * Services for string instructions: MOVS, STOS, LODS, CMPS, SCAS, alone and repeated. Runs inside a page go
 * as one copy or fill; registers always stand at the last finished iteration, so that a fault or an
 * interrupt finds them right.
 */
import type { Cpu, OperandBytes } from '../cpu';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { FLAG } from '../state';
import { subtractionWords } from '../statusWords';

/** Iterations after which a repeated instruction lets the run loop look. */
const BURST = 65536;
const PAGE = 4096;

const repeated = (op: Operation): boolean => op.repeat !== 'none';
const counter = (cpu: Cpu, op: Operation): number => (repeated(op) ? unsigned(cpu.state.pointer(L.RCX, op.addressBits)) : 1);
const unsigned = (value: number): number => (value < 0 ? value + 2 ** 64 : value);
const pointer = (cpu: Cpu, op: Operation, register: number): number => cpu.state.pointer(register, op.addressBits);
const stepOf = (cpu: Cpu, size: OperandBytes): number => (cpu.state.systemFlags & FLAG.DF ? -size : size);

const offsetInPage = (linear: number): number => linear - Math.floor(linear / PAGE) * PAGE;

/** Elements from `offset` up that stay in the segment's page and below the end of the address size. */
function elementsInPage(cpu: Cpu, segment: number, offset: number, op: Operation, size: OperandBytes): number {
  const toPageEnd = PAGE - offsetInPage(cpu.state.effectiveBase(segment) + offset);
  const toEnd = op.addressBits === 64 ? PAGE : 2 ** op.addressBits - offset;
  return Math.floor(Math.min(toPageEnd, toEnd) / size);
}

/** Elements from `offset` down that stay in the segment's page and do not wrap around below 0. */
function elementsDownInPage(cpu: Cpu, segment: number, offset: number, op: Operation, size: OperandBytes): number {
  const inPage = offsetInPage(cpu.state.effectiveBase(segment) + offset);
  const toStart = op.addressBits === 64 ? PAGE : offset;
  return inPage + size > PAGE ? 0 : Math.floor(Math.min(inPage, toStart) / size) + 1;
}

/** Runs `body` over all iterations: it does up to `count` and says how many it did. */
function iterate(cpu: Cpu, op: Operation, body: (count: number) => number): Outcome {
  let count = counter(cpu, op);
  let budget = cpu.singleIteration ? 1 : BURST;
  let begun = false;
  cpu.disturbed = false;
  while (count > 0) {
    // A data breakpoint traps behind the iteration that met it.
    if (budget <= 0 || (begun && (cpu.attention || cpu.disturbed))) return 'again';
    begun = true;
    const done = body(Math.min(count, budget));
    count -= done;
    budget -= done;
    if (repeated(op)) cpu.state.advance(L.RCX, op.addressBits, -done);
  }
  return 'next';
}

function movs(bytes: 1 | 0): Service {
  return (cpu, op) => {
    const size = bytes === 1 ? 1 : op.size;
    const step = stepOf(cpu, size);
    if (step > 0 && moveAtOnce(cpu, op, size)) return 'next';
    return iterate(cpu, op, (count) => {
      const from = pointer(cpu, op, L.RSI);
      const to = pointer(cpu, op, L.RDI);
      const done = count > 1 ? (step > 0 ? copyRun(cpu, op, size, from, to, count) : copyRunDown(cpu, op, size, from, to, count)) : 0;
      if (done === 0) moveElement(cpu, op, size, from, to);
      const moved = Math.max(done, 1) * step;
      cpu.state.advance(L.RSI, op.addressBits, moved);
      cpu.state.advance(L.RDI, op.addressBits, moved);
      return Math.max(done, 1);
    });
  };
}

function moveElement(cpu: Cpu, op: Operation, size: OperandBytes, from: number, to: number): void {
  if (size === 8) cpu.write64(L.ES, to, cpu.read64(op.segment, from));
  else cpu.write(L.ES, to, size, cpu.read(op.segment, from, size));
}

/** Longest copy that is done word by word rather than by a call for the whole. */
const SHORT_COPY = 64;

/** The common case of compilers' memcpy: flat addresses, all of it inside one page on both sides. */
function moveAtOnce(cpu: Cpu, op: Operation, size: OperandBytes): boolean {
  const flat = op.addressBits === 64 || (cpu.flat && op.addressBits === 32);
  if (!flat || cpu.singleIteration || op.segment >= L.FS) return false;
  const s = cpu.state;
  const count = counter(cpu, op);
  const bytes = count * size;
  const from = pointer(cpu, op, L.RSI);
  const to = pointer(cpu, op, L.RDI);
  if (count === 0 || offsetInPage(from) + bytes > PAGE || offsetInPage(to) + bytes > PAGE) return false;
  if (op.addressBits === 64 && !(s.canonical(from) && s.canonical(to))) return false;
  const source = cpu.mmu.hostRun(from, false, cpu.user);
  const target = cpu.mmu.hostRun(to, true, cpu.user);
  // Overlapping upwards repeats the pattern: that is left to single elements.
  if (source < 0 || target < 0 || (target > source && target < source + bytes)) return false;
  const word = size === 8 ? 4 : size;
  if (bytes > SHORT_COPY) cpu.machine.u8.copyWithin(target, source, source + bytes);
  else for (let i = 0; i < bytes; i += word) cpu.machine.write(target + i, word, cpu.machine.read(source + i, word));
  s.advance(L.RSI, op.addressBits, bytes);
  s.advance(L.RDI, op.addressBits, bytes);
  if (repeated(op)) s.setReg(L.RCX, 0);
  return true;
}

/** Copies as many elements as lie in one page on both sides; 0 when it cannot be done at once. */
function copyRun(cpu: Cpu, op: Operation, size: OperandBytes, from: number, to: number, count: number): number {
  const elements = Math.min(count, elementsInPage(cpu, op.segment, from, op, size), elementsInPage(cpu, L.ES, to, op, size));
  const bytes = elements * size;
  if (elements < 2 || !cpu.inside(op.segment, from, bytes, false) || !cpu.inside(L.ES, to, bytes, true)) return 0;
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
function copyRunDown(cpu: Cpu, op: Operation, size: OperandBytes, from: number, to: number, count: number): number {
  const elements = Math.min(count, elementsDownInPage(cpu, op.segment, from, op, size), elementsDownInPage(cpu, L.ES, to, op, size));
  const before = (elements - 1) * size;
  const bytes = elements * size;
  if (elements < 2 || !cpu.inside(op.segment, from - before, bytes, false) || !cpu.inside(L.ES, to - before, bytes, true)) return 0;
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

function stos(bytes: 1 | 0): Service {
  return (cpu, op) => {
    const size = bytes === 1 ? 1 : op.size;
    const step = stepOf(cpu, size);
    const value = accumulator(cpu, size);
    return iterate(cpu, op, (count) => {
      const to = pointer(cpu, op, L.RDI);
      const done = step > 0 && count > 1 ? fillRun(cpu, op, size, to, count, value) : 0;
      if (done === 0) {
        if (typeof value === 'bigint') cpu.write64(L.ES, to, value);
        else cpu.write(L.ES, to, size, value);
      }
      cpu.state.advance(L.RDI, op.addressBits, Math.max(done, 1) * step);
      return Math.max(done, 1);
    });
  };
}

/** An element of 8 bytes is a bigint, a smaller one a number. */
type Element = number | bigint;

const accumulator = (cpu: Cpu, size: OperandBytes): Element => (size === 8 ? cpu.state.reg64(L.RAX) : cpu.state.reg(L.RAX, size));

const readElement = (cpu: Cpu, segment: number, offset: number, size: OperandBytes): Element =>
  size === 8 ? cpu.read64(segment, offset) : cpu.read(segment, offset, size);

function fillRun(cpu: Cpu, op: Operation, size: OperandBytes, to: number, count: number, value: Element): number {
  const elements = Math.min(count, elementsInPage(cpu, L.ES, to, op, size));
  const bytes = elements * size;
  if (elements < 2 || !cpu.inside(L.ES, to, bytes, true)) return 0;
  const target = cpu.mmu.hostRun(cpu.linear(L.ES, to, bytes, true), true, cpu.user);
  if (target < 0) return 0;
  const { machine } = cpu;
  // The first element is written, and then doubled until the run is full.
  if (typeof value === 'bigint') machine.view.setBigUint64(target, value, true);
  else machine.write(target, size === 8 ? 4 : size, value);
  for (let have: number = size; have < bytes; have *= 2) machine.u8.copyWithin(target + have, target, target + Math.min(have, bytes - have));
  return elements;
}

function lods(bytes: 1 | 0): Service {
  return (cpu, op) => {
    const size = bytes === 1 ? 1 : op.size;
    const step = stepOf(cpu, size);
    return iterate(cpu, op, () => {
      const value = readElement(cpu, op.segment, pointer(cpu, op, L.RSI), size);
      if (typeof value === 'bigint') cpu.state.setReg64(L.RAX, value);
      else cpu.state.setReg(L.RAX, value, size);
      cpu.state.advance(L.RSI, op.addressBits, step);
      return 1;
    });
  };
}

function setComparison(cpu: Cpu, a: Element, b: Element, size: OperandBytes): void {
  const { result, aux } = subtractionWords(a, b, size);
  cpu.state.setStatusWords(result, aux);
}

/** CMPS and SCAS: `left` gives the first value and moves the pointers of the iteration. */
function compare(bytes: 1 | 0, pair: (cpu: Cpu, op: Operation, size: OperandBytes, step: number) => readonly [Element, Element]): Service {
  return (cpu, op) => {
    const size = bytes === 1 ? 1 : op.size;
    const step = stepOf(cpu, size);
    const s = cpu.state;
    let count = counter(cpu, op);
    for (let done = 0; count > 0; done++) {
      if (done === BURST || ((cpu.singleIteration || cpu.attention) && done > 0)) return 'again';
      const [a, b] = pair(cpu, op, size, step);
      setComparison(cpu, a, b, size);
      count--;
      if (!repeated(op)) break;
      s.advance(L.RCX, op.addressBits, -1);
      if ((a === b) !== (op.repeat === 'rep')) break;
    }
    return 'next';
  };
}

/** REPNE SCASB over a run of memory in one page: a search for a byte. Gives the elements done; 0 when it cannot be done at once. */
function scanRun(cpu: Cpu, op: Operation, to: number, count: number): number {
  const elements = Math.min(count, elementsInPage(cpu, L.ES, to, op, 1));
  if (elements < 2 || !cpu.inside(L.ES, to, elements, false)) return 0;
  const host = cpu.mmu.hostRun(cpu.linear(L.ES, to, elements, false), false, cpu.user);
  if (host < 0) return 0;
  const value = cpu.state.reg(L.RAX, 1);
  const found = cpu.machine.u8.subarray(host, host + elements).indexOf(value);
  const done = found < 0 ? elements : found + 1;
  setComparison(cpu, value, cpu.machine.read(host + done - 1, 1), 1);
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
    s.advance(L.RDI, op.addressBits, done);
    s.advance(L.RCX, op.addressBits, -done);
    if (s.flags & FLAG.ZF) break;
  }
  return 'next';
}

const cmpsPair = (cpu: Cpu, op: Operation, size: OperandBytes, step: number): readonly [Element, Element] => {
  const a = readElement(cpu, op.segment, pointer(cpu, op, L.RSI), size);
  const b = readElement(cpu, L.ES, pointer(cpu, op, L.RDI), size);
  cpu.state.advance(L.RSI, op.addressBits, step);
  cpu.state.advance(L.RDI, op.addressBits, step);
  return [a, b];
};

const scasPair = (cpu: Cpu, op: Operation, size: OperandBytes, step: number): readonly [Element, Element] => {
  const b = readElement(cpu, L.ES, pointer(cpu, op, L.RDI), size);
  cpu.state.advance(L.RDI, op.addressBits, step);
  return [accumulator(cpu, size), b];
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
