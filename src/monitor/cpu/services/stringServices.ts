/**
 * Services for repeated string instructions: MOVS, STOS, LODS, CMPS, SCAS (short runs of all but LODS are done in
 * generated code). Runs inside a page go as one copy, fill or comparison; registers always stand at the last finished
 * iteration, so that a fault or an interrupt finds them right.
 */
import type { Cpu, OperandBytes } from '../cpu';
import * as L from '../layout';
import type { Operation, Outcome, Service } from '../operation';
import { FLAG } from '../state';
import { subtractionWords } from '../statusWords';

/** Iterations after which a repeated instruction lets the run loop look. */
const BURST = 65536;
/**
 * A repeated instruction is one instruction, however long it takes; so that a guest which does nothing else does not stand still in its own
 * time, some passes whenever the bytes that are left come to a multiple of MARK. Only there can it bring an interrupt about: at
 * the same iteration always, whatever the runs were that it has been done in.
 */
const MARK = 4096;
/** Cycles from mark to mark: 16 bytes a cycle where they are moved and filled; elsewhere a cycle for each element. */
const BLOCK_CYCLES = MARK / 16;
const PAGE = 4096;

const counter = (cpu: Cpu, op: Operation): number => unsigned(cpu.state.pointer(L.RCX, op.addressBits));
const unsigned = (value: number): number => (value < 0 ? value + 2 ** 64 : value);
const pointer = (cpu: Cpu, op: Operation, register: number): number => cpu.state.pointer(register, op.addressBits);
const stepOf = (cpu: Cpu, size: OperandBytes): number => (cpu.state.systemFlags & FLAG.DF ? -size : size);

const offsetInPage = (linear: number): number => linear - Math.floor(linear / PAGE) * PAGE;

/** Elements from `offset` up that stay in the segment's page and below the end of the address size. */
function elementsInPage(cpu: Cpu, segment: number, offset: number, op: Operation, size: OperandBytes): number {
  const toPageEnd = PAGE - offsetInPage(cpu.state.effectiveBase(segment) + offset);
  // No power of what is known at run time alone: V8 asks the C library for that.
  const toEnd = op.addressBits === 64 ? PAGE : (op.addressBits === 32 ? 2 ** 32 : 2 ** 16) - offset;
  return Math.floor(Math.min(toPageEnd, toEnd) / size);
}

/** Elements from `offset` down that stay in the segment's page and do not wrap around below 0. */
function elementsDownInPage(cpu: Cpu, segment: number, offset: number, op: Operation, size: OperandBytes): number {
  const inPage = offsetInPage(cpu.state.effectiveBase(segment) + offset);
  const toStart = op.addressBits === 64 ? PAGE : offset;
  return inPage + size > PAGE ? 0 : Math.floor(Math.min(inPage, toStart) / size) + 1;
}

/** Elements from mark to mark. */
const markedElements = (size: OperandBytes): number => MARK / size;

/** Elements up to the next mark, that one included: 1 to `markedElements`. */
function elementsToMark(cpu: Cpu, size: OperandBytes): number {
  const last = markedElements(size) - 1;
  return ((cpu.state.reg(L.RCX) - 1) & last) + 1;
}

/** Runs `body` over all iterations: it does up to `count` and says how many it did. Time passes in `cycles` from mark to mark. */
function iterate(cpu: Cpu, op: Operation, size: OperandBytes, cycles: number, body: (count: number) => number): Outcome {
  let count = counter(cpu, op);
  let budget = cpu.singleIteration ? 1 : BURST;
  let begun = false;
  cpu.disturbed = false;
  while (count > 0) {
    // A data breakpoint traps behind the iteration that met it.
    if (budget <= 0 || (begun && (cpu.attention || cpu.disturbed))) return 'again';
    begun = true;
    const toMark = elementsToMark(cpu, size);
    const done = body(Math.min(count, budget, toMark));
    count -= done;
    budget -= done;
    cpu.state.advance(L.RCX, op.addressBits, -done);
    if (done === toMark && count > 0) cpu.surroundings.elapse?.(cycles);
  }
  return 'next';
}

const movs: Service = (cpu, op) => {
  const { size } = op;
  const step = stepOf(cpu, size);
  if (step > 0 && moveAtOnce(cpu, op, size)) return 'next';
  return iterate(cpu, op, size, BLOCK_CYCLES, (count) => {
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
  s.setReg(L.RCX, 0);
  return true;
}

/** Copies as many elements as lie in one page on both sides; 0 when it cannot be done at once. */
function copyRun(cpu: Cpu, op: Operation, size: OperandBytes, from: number, to: number, count: number): number {
  const elements = Math.min(count, elementsInPage(cpu, op.segment, from, op, size), elementsInPage(cpu, L.ES, to, op, size));
  const bytes = elements * size;
  if (elements < 2 || !cpu.inside(op.segment, from, bytes, false) || !cpu.inside(L.ES, to, bytes, true)) return 0;
  const source = cpu.mmu.hostRun(cpu.linear(op.segment, from, bytes, false), false, cpu.user);
  const destination = cpu.linear(L.ES, to, bytes, true);
  if (source < 0) return 0;
  const target = cpu.mmu.hostRun(destination, true, cpu.user);
  const memory = cpu.machine.u8;
  if (target < 0) return cpu.mmu.storeOverTraced(destination, () => memory.subarray(source, source + bytes), cpu.user) ? elements : 0;
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

const stos: Service = (cpu, op) => {
  const { size } = op;
  const step = stepOf(cpu, size);
  const value = accumulator(cpu, size);
  return iterate(cpu, op, size, BLOCK_CYCLES, (count) => {
    const to = pointer(cpu, op, L.RDI);
    const done = count > 1 ? (step > 0 ? fillRun(cpu, op, size, to, count, value) : fillRunDown(cpu, op, size, to, count, value)) : 0;
    if (done === 0) {
      if (typeof value === 'bigint') cpu.write64(L.ES, to, value);
      else cpu.write(L.ES, to, size, value);
    }
    cpu.state.advance(L.RDI, op.addressBits, Math.max(done, 1) * step);
    return Math.max(done, 1);
  });
};

/** An element of 8 bytes is a bigint, a smaller one a number. */
type Element = number | bigint;

const accumulator = (cpu: Cpu, size: OperandBytes): Element => (size === 8 ? cpu.state.reg64(L.RAX) : cpu.state.reg(L.RAX, size));

const readElement = (cpu: Cpu, segment: number, offset: number, size: OperandBytes): Element =>
  size === 8 ? cpu.read64(segment, offset) : cpu.read(segment, offset, size);

function fillRun(cpu: Cpu, op: Operation, size: OperandBytes, to: number, count: number, value: Element): number {
  const elements = Math.min(count, elementsInPage(cpu, L.ES, to, op, size));
  const bytes = elements * size;
  if (elements < 2 || !cpu.inside(L.ES, to, bytes, true)) return 0;
  const destination = cpu.linear(L.ES, to, bytes, true);
  const target = cpu.mmu.hostRun(destination, true, cpu.user);
  const { machine } = cpu;
  if (target < 0) {
    const filled = (): Uint8Array => {
      const run = new Uint8Array(bytes);
      fill(new DataView(run.buffer), run, 0, bytes, value, size);
      return run;
    };
    return cpu.mmu.storeOverTraced(destination, filled, cpu.user) ? elements : 0;
  }
  fill(machine.view, machine.u8, target, bytes, value, size);
  return elements;
}

/** The same with DF set: from the element at `to` downwards. */
function fillRunDown(cpu: Cpu, op: Operation, size: OperandBytes, to: number, count: number, value: Element): number {
  const elements = Math.min(count, elementsDownInPage(cpu, L.ES, to, op, size));
  const before = (elements - 1) * size;
  if (elements < 2 || !cpu.inside(L.ES, to - before, elements * size, true)) return 0;
  const end = cpu.mmu.hostRun(cpu.linear(L.ES, to, size, true), true, cpu.user);
  if (end < 0) return 0;
  fill(cpu.machine.view, cpu.machine.u8, end - before, elements * size, value, size);
  return elements;
}

/** Fills a run: with zeros, as nearly always, at once; else its first element is written, and then doubled until the run is full. */
function fill(view: DataView, memory: Uint8Array, target: number, bytes: number, value: Element, size: OperandBytes): void {
  if (value === 0 || value === 0n) {
    memory.fill(0, target, target + bytes);
    return;
  }
  if (typeof value === 'bigint') view.setBigUint64(target, value, true);
  else if (size === 1) view.setUint8(target, value);
  else if (size === 2) view.setUint16(target, value, true);
  else view.setUint32(target, value, true);
  for (let have: number = size; have < bytes; have *= 2) memory.copyWithin(target + have, target, target + Math.min(have, bytes - have));
}

function lods(bytes: 1 | 0): Service {
  return (cpu, op) => {
    const size = bytes === 1 ? 1 : op.size;
    const step = stepOf(cpu, size);
    return iterate(cpu, op, size, markedElements(size), () => {
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

/** How a comparing instruction finds its elements. */
interface Comparison {
  /** The values of one iteration, whose pointers it moves. */
  readonly pair: (cpu: Cpu, op: Operation, size: OperandBytes, step: number) => readonly [Element, Element];
  /** Compares upwards inside a page until the repetition ends; sets flags and pointers, and gives the elements done; 0 when it cannot be done at once. */
  readonly run: (cpu: Cpu, op: Operation, size: 1 | 2 | 4, count: number) => number;
  /** The same downwards; missing where that is done element by element. */
  readonly runDown?: (cpu: Cpu, op: Operation, size: 1 | 2 | 4, count: number) => number;
}

/** CMPS and SCAS. */
function compare(bytes: 1 | 0, { pair, run: runUp, runDown }: Comparison): Service {
  return (cpu, op) => {
    const size = bytes === 1 ? 1 : op.size;
    const step = stepOf(cpu, size);
    const s = cpu.state;
    const run = cpu.singleIteration ? undefined : step > 0 ? runUp : runDown;
    let count = counter(cpu, op);
    let budget = BURST;
    while (count > 0) {
      if (budget <= 0 || (budget < BURST && (cpu.singleIteration || cpu.attention))) return 'again';
      const toMark = elementsToMark(cpu, size);
      let done = run && size !== 8 ? run(cpu, op, size, Math.min(count, budget, toMark)) : 0;
      if (done === 0) {
        const [a, b] = pair(cpu, op, size, step);
        setComparison(cpu, a, b, size);
        done = 1;
      }
      count -= done;
      budget -= done;
      s.advance(L.RCX, op.addressBits, -done);
      if (done === toMark && count > 0) cpu.surroundings.elapse?.(markedElements(size));
      if (((s.flags & FLAG.ZF) !== 0) !== (op.repeat === 'rep')) break;
    }
    return 'next';
  };
}

/** Host address of a run of elements in one page; -1 when they cannot be reached at once. */
function elementRun(cpu: Cpu, segment: number, offset: number, bytes: number): number {
  return cpu.inside(segment, offset, bytes, false) ? cpu.mmu.hostRun(cpu.linear(segment, offset, bytes, false), false, cpu.user) : -1;
}

const cmps: Comparison = {
  pair(cpu, op, size, step) {
    const a = readElement(cpu, op.segment, pointer(cpu, op, L.RSI), size);
    const b = readElement(cpu, L.ES, pointer(cpu, op, L.RDI), size);
    cpu.state.advance(L.RSI, op.addressBits, step);
    cpu.state.advance(L.RDI, op.addressBits, step);
    return [a, b];
  },
  run(cpu, op, size, count) {
    const from = pointer(cpu, op, L.RSI);
    const to = pointer(cpu, op, L.RDI);
    const elements = Math.min(count, elementsInPage(cpu, op.segment, from, op, size), elementsInPage(cpu, L.ES, to, op, size));
    if (elements < 2) return 0;
    const source = elementRun(cpu, op.segment, from, elements * size);
    const target = source < 0 ? -1 : elementRun(cpu, L.ES, to, elements * size);
    if (target < 0) return 0;
    const { machine } = cpu;
    const whileEqual = op.repeat === 'rep';
    let at = 0;
    const last = (elements - 1) * size;
    while (at < last && (machine.read(source + at, size) === machine.read(target + at, size)) === whileEqual) at += size;
    setComparison(cpu, machine.read(source + at, size), machine.read(target + at, size), size);
    cpu.state.advance(L.RSI, op.addressBits, at + size);
    cpu.state.advance(L.RDI, op.addressBits, at + size);
    return at / size + 1;
  },
};

const scas: Comparison = {
  pair(cpu, op, size, step) {
    const b = readElement(cpu, L.ES, pointer(cpu, op, L.RDI), size);
    cpu.state.advance(L.RDI, op.addressBits, step);
    return [accumulator(cpu, size), b];
  },
  run(cpu, op, size, count) {
    const to = pointer(cpu, op, L.RDI);
    const elements = Math.min(count, elementsInPage(cpu, L.ES, to, op, size));
    const host = elements < 2 ? -1 : elementRun(cpu, L.ES, to, elements * size);
    if (host < 0) return 0;
    const { machine } = cpu;
    const value = cpu.state.reg(L.RAX, size);
    const last = (elements - 1) * size;
    let at = 0;
    if (size === 1 && op.repeat === 'repne') {
      // The search for a byte: strlen, strchr.
      const found = machine.u8.subarray(host, host + last).indexOf(value);
      at = found < 0 ? last : found;
    } else {
      const whileEqual = op.repeat === 'rep';
      while (at < last && (machine.read(host + at, size) === value) === whileEqual) at += size;
    }
    setComparison(cpu, value, machine.read(host + at, size), size);
    cpu.state.advance(L.RDI, op.addressBits, at + size);
    return at / size + 1;
  },
  runDown(cpu, op, size, count) {
    const to = pointer(cpu, op, L.RDI);
    const elements = Math.min(count, elementsDownInPage(cpu, L.ES, to, op, size));
    const last = (elements - 1) * size;
    if (elements < 2 || !cpu.inside(L.ES, to - last, elements * size, false)) return 0;
    const host = cpu.mmu.hostRun(cpu.linear(L.ES, to, size, false), false, cpu.user);
    if (host < 0) return 0;
    const { machine } = cpu;
    const value = cpu.state.reg(L.RAX, size);
    let at = 0;
    if (size === 1 && op.repeat === 'repne') {
      // The search for a byte from behind: strrchr.
      const found = machine.u8.subarray(host - last + 1, host + 1).lastIndexOf(value);
      at = found < 0 ? last : last - 1 - found;
    } else {
      const whileEqual = op.repeat === 'rep';
      while (at < last && (machine.read(host - at, size) === value) === whileEqual) at += size;
    }
    setComparison(cpu, value, machine.read(host - at, size), size);
    cpu.state.advance(L.RDI, op.addressBits, -(at + size));
    return at / size + 1;
  },
};

export const stringServices: Readonly<Record<string, Service>> = {
  rep_movs: movs,
  rep_stos: stos,
  lodsb: lods(1),
  lodsv: lods(0),
  repe_cmps: compare(0, cmps),
  repne_scas: compare(0, scas),
  cmpsb: compare(1, cmps),
  cmpsv: compare(0, cmps),
  scasb: compare(1, scas),
  scasv: compare(0, scas),
};
