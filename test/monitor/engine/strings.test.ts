/**
 * String instructions, alone and repeated, against a model that moves one element after the other: all sizes, both
 * directions, overlaps, and page borders; and which of them need a service.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { FLAG } from '../../../src/monitor/cpu/state';
import { AT, HLT, protectedGuest } from '../cpu/guest';

const ROUNDS = 3000;
const STATUS = 0x8d5;
/** Memory that instructions work on: two pages and a border between. */
const FIRST = AT.data, BYTES = 0x2000;

type Name = 'movs' | 'cmps' | 'stos' | 'lods' | 'scas';
const OPCODES: Readonly<Record<Name, number>> = { movs: 0xa4, cmps: 0xa6, stos: 0xaa, lods: 0xac, scas: 0xae };
const NAMES = Object.keys(OPCODES) as readonly Name[];

class Random {
  private state = 88675123;
  below(count: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 4) % count;
  }
}

interface Registers {
  eax: number;
  ecx: number;
  esi: number;
  edi: number;
  flags: number;
}

interface Case {
  readonly name: Name;
  readonly size: 1 | 2 | 4;
  readonly repeat: 'none' | 'rep' | 'repne';
}

const COMPARING: ReadonlySet<Name> = new Set(['cmps', 'scas']);

/** Flags of a - b. */
function flagsOf(a: number, b: number, size: number): number {
  const bits = size * 8;
  const mask = 2 ** bits - 1;
  const result = (a - b) & mask;
  const sign = (value: number): number => Math.floor(value / 2 ** (bits - 1)) & 1;
  const wide = result >>> 0;
  let low = wide & 0xff;
  let ones = 0;
  for (; low; low >>= 1) ones += low & 1;
  const overflow = sign(a) !== sign(b) && sign(wide) !== sign(a);
  return (a < b ? FLAG.CF : 0) | (ones % 2 ? 0 : FLAG.PF) | ((a & 15) < (b & 15) ? FLAG.AF : 0) | (wide === 0 ? FLAG.ZF : 0) | (sign(wide) ? FLAG.SF : 0) | (overflow ? FLAG.OF : 0);
}

/** The instruction, element by element, on a copy of memory. */
function model({ name, size, repeat }: Case, r: Registers, memory: DataView): void {
  const get = (at: number): number => ({ 1: () => memory.getUint8(at - FIRST), 2: () => memory.getUint16(at - FIRST, true), 4: () => memory.getUint32(at - FIRST, true) })[size]();
  const put = (at: number, value: number): void => ({ 1: () => memory.setUint8(at - FIRST, value), 2: () => memory.setUint16(at - FIRST, value, true), 4: () => memory.setUint32(at - FIRST, value, true) })[size]();
  const step = r.flags & FLAG.DF ? -size : size;
  const mask = 2 ** (8 * size) - 1;
  const accumulator = (): number => (size === 4 ? r.eax : r.eax & mask);
  while (repeat === 'none' || r.ecx !== 0) {
    if (name === 'movs') put(r.edi, get(r.esi));
    if (name === 'stos') put(r.edi, accumulator());
    if (name === 'lods') r.eax = size === 4 ? get(r.esi) : ((r.eax & ~mask) | get(r.esi)) >>> 0;
    const [a, b] = name === 'cmps' ? [get(r.esi), get(r.edi)] : name === 'scas' ? [accumulator(), get(r.edi)] : [0, 0];
    if (COMPARING.has(name)) r.flags = (r.flags & ~STATUS) | flagsOf(a, b, size);
    if (name === 'movs' || name === 'cmps' || name === 'lods') r.esi += step;
    if (name !== 'lods') r.edi += step;
    if (repeat === 'none') return;
    r.ecx--;
    if (COMPARING.has(name) && (a === b) !== (repeat === 'rep')) return;
  }
}

const code = ({ name, size, repeat }: Case): readonly number[] => [
  ...(size === 2 ? [0x66] : []), ...(repeat === 'rep' ? [0xf3] : repeat === 'repne' ? [0xf2] : []), OPCODES[name] + (size === 1 ? 0 : 1), HLT,
];

describe('string instructions', function () {
  this.timeout(30_000);

  it('move and compare one element after the other', () => {
    const guest = protectedGuest([]);
    const { state } = guest;
    const start = state.eip;
    const random = new Random();
    for (let i = 0; i < ROUNDS; i++) {
      const one: Case = {
        name: NAMES[random.below(NAMES.length)] ?? 'movs', size: ([1, 2, 4] as const)[random.below(3)] ?? 1, repeat: (['none', 'rep', 'rep', 'repne'] as const)[random.below(4)] ?? 'none',
      };
      // Two values only, so that comparisons go on for a while.
      const dull = random.below(2) === 0;
      const bytes = Uint8Array.from({ length: BYTES }, () => (dull ? (random.below(60) === 0 ? 1 : 0) : random.below(256)));
      const near = random.below(3) === 0;
      const esi = FIRST + 0x800 + (near ? 0x700 : 0) + random.below(0x200);
      const edi = random.below(3) === 0 ? esi + random.below(40) - 20 : FIRST + 0x1000 + random.below(0x400) - (near ? 0x80 : 0);
      // How C libraries look for the end of a string.
      const longest = dull && one.name === 'scas' && one.repeat === 'repne' && random.below(2) === 0;
      if (longest) bytes.fill(0x55, 0x1f00).fill(0, 0x1ff0);
      // Elements that are written to a page with code, or read from it.
      const inCode = random.below(3) === 0 ? random.below(BYTES) : undefined;
      if (inCode !== undefined) bytes[inCode] = HLT;
      const registers: Registers = { eax: dull ? 0 : random.below(0x7fffffff), ecx: longest ? 0xffffffff : random.below(random.below(4) === 0 ? 300 : 20), esi, edi, flags: 2 | (!longest && random.below(4) === 0 ? FLAG.DF : 0) };
      guest.put(FIRST, [...bytes]);
      if (inCode !== undefined) {
        state.eip = FIRST + inCode;
        state.halted = false;
        guest.runToHalt();
      }
      guest.put(start, code(one));
      state.setReg(L.RAX, registers.eax);
      state.setReg(L.RCX, registers.ecx);
      state.setReg(L.RSI, esi);
      state.setReg(L.RDI, edi);
      state.flags = registers.flags;
      state.eip = start;
      state.halted = false;
      guest.runToHalt();
      const text = `${JSON.stringify(one)} ecx ${registers.ecx} esi ${esi.toString(16)} edi ${edi.toString(16)} flags ${registers.flags.toString(16)}`;
      model(one, registers, new DataView(bytes.buffer));
      const actual: Registers = { eax: state.reg(L.RAX), ecx: state.reg(L.RCX), esi: state.reg(L.RSI), edi: state.reg(L.RDI), flags: state.flags };
      assert.deepEqual(actual, registers, text);
      assert.ok(Buffer.compare(Buffer.from(guest.map.copyOut(FIRST, BYTES)), Buffer.from(bytes)) === 0, `memory after ${text}`);
    }
  });

  it('need no service alone, and for short runs in pages that have been accessed', () => {
    const guest = protectedGuest([]);
    const { state, executor } = guest;
    const start = state.eip;
    const services = (one: Case, count: number): number => {
      guest.put(start, code(one));
      state.setReg(L.RCX, count);
      state.setReg(L.RSI, FIRST);
      state.setReg(L.RDI, FIRST + 0x1000);
      state.flags = 2;
      state.eip = start;
      state.halted = false;
      const before = executor.counters.services;
      guest.runToHalt();
      // HLT is one.
      return executor.counters.services - before - 1;
    };
    services({ name: 'movs', size: 4, repeat: 'none' }, 0);
    for (const name of NAMES) for (const size of [1, 2, 4] as const) assert.equal(services({ name, size, repeat: 'none' }, 0), 0, `${name} of ${size} bytes`);
    guest.put(FIRST, new Array<number>(0x1000).fill(7));
    guest.put(FIRST + 0x1000, [...new Array<number>(0xff0).fill(7), 0]);
    state.setReg(L.RAX, 0);
    for (const size of [1, 2, 4] as const) {
      services({ name: 'cmps', size, repeat: 'rep' }, 1);
      for (const count of [1, 2, 7, 64, 0x1000 / size, 0x7fffffff]) assert.equal(services({ name: 'cmps', size, repeat: 'rep' }, count), 0, `${count} times cmps of ${size} bytes`);
    }
    for (const count of [1, 2, 7, 64, 0x1000, 0xffffffff]) assert.equal(services({ name: 'scas', size: 1, repeat: 'repne' }, count), 0, `${count} times scas`);
    assert.equal(state.reg(L.RDI), FIRST + 0x1ff1);
    for (const name of ['movs', 'stos'] as const) {
      for (const size of [1, 2, 4] as const) {
        for (const count of [0, 1, 2, 7, 64, 0x1000 / size]) assert.equal(services({ name, size, repeat: 'rep' }, count), 0, `${count} times ${name} of ${size} bytes`);
        assert.ok(services({ name, size, repeat: 'rep' }, 0x1004 / size) > 0, 'runs over pages do');
      }
    }
  });

  it('write over code at once, and what they have written is what runs', () => {
    const guest = protectedGuest([]);
    const { state, executor } = guest;
    const page = FIRST + 0x1000;
    const runAt = (eip: number): void => {
      state.eip = eip;
      state.halted = false;
      guest.runToHalt();
    };
    for (const [one, edx] of [[{ name: 'stos', size: 4, repeat: 'rep' }, 0x91], [{ name: 'movs', size: 4, repeat: 'rep' }, 0x55]] as const) {
      // Blocks all over the page: INC EBX; HLT.
      for (let at = page; at < page + 0x1000; at += 2) guest.put(at, [0x43, HLT]);
      for (let at = page; at < page + 0x1000; at += 32) runAt(at);
      // MOV EDX, 55h; HLT, to be copied.
      guest.put(FIRST, [0xba, 0x55, 0, 0, 0, HLT]);
      guest.put(AT.code, code(one));
      state.setReg(L.RAX, 0xf4f4f442);
      state.setReg(L.RDX, 0x90);
      state.setReg(L.RCX, 0x400);
      state.setReg(L.RSI, FIRST);
      state.setReg(L.RDI, page);
      state.flags = 2;
      const before = executor.counters.codeTraces;
      runAt(AT.code);
      assert.equal(state.reg(L.RCX), 0);
      assert.equal(state.reg(L.RDI), page + 0x1000);
      assert.ok(executor.counters.codeTraces - before <= 2, `${executor.counters.codeTraces - before} times to the monitor for ${one.name}`);
      runAt(page);
      assert.equal(state.reg(L.RDX), edx);
    }
  });

  it('trap behind each iteration when TF is set', () => {
    const guest = protectedGuest([0xf3, 0xaa, HLT]);
    const { state, executor } = guest;
    const start = state.eip;
    const begin = (flags: number): void => {
      state.setReg(L.RCX, 5);
      state.setReg(L.RDI, AT.data);
      state.flags = flags;
      state.eip = start;
      state.halted = false;
    };
    // What the TLB has makes no difference.
    begin(2);
    guest.runToHalt();
    executor.stopVectors = new Set([1]);
    begin(2 | FLAG.TF);
    assert.equal(guest.run(1).kind, 'exception');
    assert.equal(state.reg(L.RCX), 4);
    assert.equal(state.eip, start);
  });
});
