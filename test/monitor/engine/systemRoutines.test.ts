/**
 * Routines of system instructions against the services that do the same: in random states of 32 and 64-bit systems either
 * both come to the same state and memory, or the routine refuses and has changed nothing.
 */
import assert from 'node:assert/strict';
import { deliver } from '../../../src/monitor/cpu/interrupts';
import * as L from '../../../src/monitor/cpu/layout';
import type { Operation } from '../../../src/monitor/cpu/operation';
import { SERVICES, serviceNumber } from '../../../src/monitor/cpu/services';
import { CR0, FLAG, NMI } from '../../../src/monitor/cpu/state';
import { loadSegment } from '../../../src/monitor/cpu/descriptors';
import { Interpreter } from '../../../src/monitor/engine/interpreter';
import type { RoutineName } from '../../../src/monitor/engine/routines';
import { GuestFault } from '../../../src/monitor/memory/guestFault';
import { TLB_KIND } from '../../../src/monitor/memory/tlb';
import { Random } from '../../fuzz/random';
import { AT, PRESENT, descriptor, dpl, gate, enterUser, protectedGuest, setDescriptor, setGate as setGate32, type Guest, SEL as SEL32 } from '../cpu/guest';
import { AT as AT64, SEL as SEL64, enterLongUser, le64, longGuest, setGate as setGate64, wideGate } from '../cpu/system/longGuest';

const CASES = 1000;
/** Pages that a case may change: tables, and stacks of the system. */
const CHANGED = [AT.gdt, AT.idt, AT.tss, AT.stack0 - 0x2000, AT.stack0 - 0x1000, AT.stack0];
const PAGE = 4096;
/** What only engines use, and differs by the way that was taken. */
const PRIVATE: readonly (readonly [number, number])[] = [[L.REMAINING, 12]];

/** Routines of a guest's memory, called as generated code calls them. */
function routinesOf(guest: Guest): Interpreter {
  const unused = (): never => {
    throw new Error('A routine asks nothing of the monitor');
  };
  return new Interpreter(guest.memory.memory, { access: unused, commit: unused, segmentFault: unused, raise: unused, service: unused, hot: unused, strayed: unused, breakpoint: unused });
}

interface Snapshot {
  readonly block: Uint8Array;
  readonly memory: Uint8Array;
}

function snapshot(guest: Guest): Snapshot {
  const block = guest.state.block.slice(0, L.CPU_STATE_END);
  for (const [at, bytes] of PRIVATE) block.fill(0, at, at + bytes);
  return { block, memory: Buffer.concat(CHANGED.map((page) => guest.map.copyOut(page, PAGE))) };
}

function restore(guest: Guest, { block, memory }: Snapshot): void {
  guest.state.block.set(block);
  CHANGED.forEach((page, i) => guest.map.copyIn(page, memory.subarray(PAGE * i, PAGE * (i + 1))));
}

/** Where two snapshots differ first, for people. */
function difference(a: Snapshot, b: Snapshot): string {
  const name = (part: 'block' | 'memory'): string => {
    if (Buffer.compare(a[part], b[part]) === 0) return '';
    const at = a[part].findIndex((byte, i) => byte !== b[part][i]);
    return `${part} at ${at}: ${a[part][at]} and ${b[part][at]}`;
  };
  return name('block') || name('memory');
}

/** Makes what the case will reach known to the TLB, as it is in a system that does this all the time. */
function warm(guest: Guest): void {
  const levels = guest.state.virtual8086 ? [false, true] : [false];
  for (const page of CHANGED) {
    for (const user of levels) {
      guest.mmu.read(page, 4, user);
      guest.mmu.finishStore(guest.mmu.hostFor(page, 4, 2, user));
    }
  }
}

const operation = (guest: Guest, size: 4 | 8): Operation => ({ size, next: guest.state.eip, immediate: 0 }) as unknown as Operation;
const serviceOf = (name: string, size: 4 | 8) => (guest: Guest): void => void SERVICES[serviceNumber(name)]?.(guest.cpu, operation(guest, size));

interface Case {
  readonly guest: Guest;
  readonly parameters: readonly number[];
  byService(): void;
}

/** Runs random cases on both; gives how many the routine has done. */
function compare(routine: RoutineName, seed: number, make: (random: Random) => Case): number {
  const random = new Random(seed);
  let done = 0;
  for (let i = 0; i < CASES; i++) {
    const { guest, parameters, byService } = make(random);
    warm(guest);
    const call = interpreterOf(guest).routine(routine);
    const before = snapshot(guest);
    const accepted = call(...parameters) !== 0;
    const after = snapshot(guest);
    if (!accepted) {
      assert.equal(difference(before, after), '', `${routine} refuses case ${i}, and has changed something`);
      continue;
    }
    done++;
    restore(guest, before);
    let fault: unknown;
    try {
      byService();
    } catch (reason) {
      if (!(reason instanceof GuestFault)) throw reason;
      fault = reason;
    }
    assert.equal(fault, undefined, `${routine} does case ${i}, which faults`);
    assert.equal(difference(after, snapshot(guest)), '', `${routine}, case ${i}`);
  }
  return done;
}

const interpreters = new WeakMap<Guest, Interpreter>();
function interpreterOf(guest: Guest): Interpreter {
  const known = interpreters.get(guest);
  if (known) return known;
  const made = routinesOf(guest);
  interpreters.set(guest, made);
  return made;
}

/** One guest of a kind for all of its cases: put back before each. */
function reusable(make: () => Guest): () => Guest {
  let guest: Guest | undefined;
  let first: Snapshot | undefined;
  return () => {
    if (!guest || !first) {
      guest = make();
      guest.cpu.quickDelivery = undefined;
      first = snapshot(guest);
    }
    restore(guest, first);
    guest.cpu.interruptLine = false;
    guest.executor.stopVectors = new Set();
    guest.cpu.selectTlb();
    return guest;
  };
}

const flatGuest = reusable(() => protectedGuest([]));
const flatUser = reusable(() => {
  const guest = protectedGuest([]);
  enterUser(guest, []);
  return guest;
});
const codeDescriptor = (level: number): readonly number[] => descriptor(0, 0xfffff, PRESENT | dpl(level) | 0x1b, 0xa);
function withLimits(guest: Guest): Guest {
  setDescriptor(guest, SEL64.code0, codeDescriptor(0));
  setDescriptor(guest, SEL64.code3, codeDescriptor(3));
  return guest;
}
const wideGuest = reusable(() => withLimits(longGuest([])));
const wideUser = reusable(() => {
  const guest = withLimits(longGuest([]));
  enterLongUser(guest, []);
  return guest;
});

/** Registers, flags and what else may be in the way, mostly as systems have them. */
function disturb(guest: Guest, random: Random): void {
  const s = guest.state;
  for (const register of [L.RAX, L.RBX, L.RCX, L.RDX, L.RSI, L.RDI, 11]) s.setReg(register, random.u32());
  s.flags = (random.u32() & ~(FLAG.TF | FLAG.VM | FLAG.NT | FLAG.RF)) | 2;
  const rarely = (what: () => void): void => {
    if (random.below(20) === 0) what();
  };
  rarely(() => (s.flags |= random.pick([FLAG.TF, FLAG.NT, FLAG.RF])));
  rarely(() => s.setU32(L.CR0, (s.cr0 | CR0.AM) >>> 0));
  rarely(() => (guest.cpu.interruptLine = true));
  rarely(() => s.setU32(L.NON_MASKABLE, random.pick([NMI.pending, NMI.blocked])));
  rarely(() => s.setU32(L.DR + 56, 0x401));
  rarely(() => guest.cpu.setSegment(L.SS, s.selector(L.SS), 0, 0xffff, 0x93 | (s.cpl << 5)));
  rarely(() => guest.cpu.setSegment(L.CS, s.selector(L.CS), 0x1000, 0xfffff, s.attributes(L.CS)));
  rarely(() => guest.cpu.setSegment(L.FS, SEL32.data0, 0, 0xffffffff, 0xc93));
  rarely(() => guest.cpu.setSegment(L.GS, 3, 0, 0, 0));
  guest.cpu.selectTlb();
}

function randomSelector(random: Random, usual: readonly number[]): number {
  return random.below(8) === 0 ? random.below(0x80) : random.pick(usual);
}

/** A descriptor of any kind in the free place behind the others. */
function randomDescriptor(guest: Guest, random: Random, free: number): void {
  setDescriptor(guest, free, descriptor(random.below(2) * 0x12340, random.pick([0xfffff, 0x1234]), random.below(256) | (random.below(4) ? PRESENT | 0x11 : 0), random.below(16)));
}

/** A stack near the top of its page, sometimes across it. */
const randomStack = (random: Random): number => AT.stack0 - 0x1000 - random.pick([0, 8, 16, 40, 64, 100, 0x800]);

describe('routines of system instructions', function () {
  this.timeout(60_000);

  it('SYSENTER and SYSEXIT', () => {
    const make = (guestOf: () => Guest, name: string) => (random: Random): Case => {
      const guest = guestOf();
      disturb(guest, random);
      guest.state.setU32(L.SYSENTER_CS, randomSelector(random, [SEL32.code0, SEL32.code0, 0, 3, 0x60]));
      guest.state.setU32(L.SYSENTER_ESP, random.u32());
      guest.state.setU32(L.SYSENTER_EIP, random.u32());
      return { guest, parameters: [], byService: () => serviceOf(name, 4)(guest) };
    };
    assert.ok(compare('sysenter', 1, make(flatUser, 'sysenter')) > CASES / 4);
    compare('sysenter', 2, make(flatGuest, 'sysenter'));
    assert.ok(compare('sysexit', 3, make(flatGuest, 'sysexit')) > CASES / 4);
    assert.equal(compare('sysexit', 4, make(flatUser, 'sysexit')), 0);
  });

  it('SYSCALL and SYSRET', () => {
    const make = (guestOf: () => Guest, name: string) => (random: Random): Case => {
      const guest = guestOf();
      disturb(guest, random);
      const s = guest.state;
      s.setU32(L.MSR_STAR + 4, (randomSelector(random, [SEL64.code0]) | (randomSelector(random, [SEL64.compat3]) << 16)) >>> 0);
      s.setU64(L.MSR_LSTAR, 0xffffffff81000000n + BigInt(random.below(0x10000)));
      s.setU32(L.MSR_FMASK, random.pick([0x257fd5, 0x47700, 0, 0x200]));
      s.setU64(8 * L.RCX, random.pick([0x7fff12345678n, 0x800000000000n, 0x401000n, 0xffffffff81000000n]));
      s.setU64(88, BigInt(random.pick([random.u32(), 0x246, 0x202, 2])));
      if (random.below(20) === 0) s.setU32(L.EFER, s.efer & ~1);
      return { guest, parameters: [], byService: () => serviceOf(name, 8)(guest) };
    };
    assert.ok(compare('syscall', 5, make(wideUser, 'syscall')) > CASES / 4);
    compare('syscall', 6, make(wideGuest, 'syscall'));
    assert.ok(compare('sysret', 7, make(wideGuest, 'sysret')) > CASES / 8);
    assert.equal(compare('sysret', 8, make(wideUser, 'sysret')), 0);
  });

  it('IRET', () => {
    const flags = (random: Random): number => random.pick([0x202, 0x246, 0x2, 0x10202, 0x40202, 0x10246, random.u32()]);
    const narrow = (random: Random): Case => {
      const guest = flatGuest();
      disturb(guest, random);
      randomDescriptor(guest, random, SEL32.free);
      const top = randomStack(random);
      const target = [random.pick([AT.code, random.u32()]), randomSelector(random, [SEL32.code0, SEL32.code3, SEL32.code3, SEL32.free]), flags(random)];
      [...target, random.u32(), randomSelector(random, [SEL32.data3, SEL32.data3, SEL32.free + 3])].forEach((word, i) => guest.put32(top + 4 * i, word));
      guest.state.setReg(L.RSP, top);
      if (random.below(2)) for (const segment of [L.DS, L.ES, L.FS, L.GS]) guest.cpu.setSegment(segment, SEL32.data3, 0, 0xffffffff, 0xcf3);
      return { guest, parameters: [], byService: () => serviceOf('iret', 4)(guest) };
    };
    assert.ok(compare('iret32', 9, narrow) > CASES / 8);
    const wide = (random: Random): Case => {
      const guest = wideGuest();
      disturb(guest, random);
      randomDescriptor(guest, random, SEL64.free);
      const top = randomStack(random);
      const target = [random.pick([0x401000n, 0x800000000000n, -4096n]), BigInt(randomSelector(random, [SEL64.code0, SEL64.code3, SEL64.code3, SEL64.compat3])), BigInt(flags(random))];
      const stack = [BigInt(random.u32()) << 8n, BigInt(randomSelector(random, [SEL64.data3, SEL64.data3, SEL64.data0, 0, 3]))];
      [...target, ...stack].forEach((word, i) => guest.put(top + 8 * i, le64(word)));
      guest.state.setReg(L.RSP, top);
      for (const segment of [L.DS, L.ES, L.FS, L.GS]) guest.cpu.setSegment(segment, random.below(4), 0, 0, 0);
      return { guest, parameters: [], byService: () => serviceOf('iret', 8)(guest) };
    };
    assert.ok(compare('iret64', 10, wide) > CASES / 20);
  });

  it('interrupts and exceptions', () => {
    const make = (guestOf: () => Guest, long: boolean) => (random: Random): Case => {
      const guest = guestOf();
      disturb(guest, random);
      const s = guest.state;
      const [code, free] = long ? [SEL64.code0, SEL64.free] : [SEL32.code0, SEL32.free];
      randomDescriptor(guest, random, free);
      const vector = 32 + random.below(8);
      const type = random.below(8) === 0 ? random.below(256) : PRESENT | dpl(random.pick([0, 3])) | random.pick([0x0e, 0x0f]);
      const selector = randomSelector(random, [code, code, code, free]);
      if (long) setGate64(guest, vector, wideGate(selector, random.pick([0x401000n, -4096n, 0x800000000000n]), type, random.below(10) === 0 ? 1 : 0));
      else setGate32(guest, vector, gate(selector, random.u32(), type));
      if (random.below(4) === 0) guest.put32(AT.tss + 4, randomStack(random));
      if (!long && random.below(10) === 0) guest.put32(AT.tss + 8, randomSelector(random, [SEL32.data0]));
      if (s.cpl === 0) s.setReg(L.RSP, randomStack(random));
      const cause = random.pick(['software', 'exception', 'external'] as const);
      const errorCode = cause === 'exception' && random.below(2) ? random.below(0x10000) : undefined;
      const kind = (errorCode === undefined ? 0 : 1) | (cause === 'software' ? 2 : 0) | (cause === 'exception' ? 4 : 0);
      return { guest, parameters: [vector, kind, errorCode ?? 0], byService: () => deliver(guest.cpu, { vector, cause, byNumber: cause === 'software', errorCode, returnTo: s.eip }) };
    };
    assert.ok(compare('interrupt32', 11, make(flatGuest, false)) > CASES / 4);
    assert.ok(compare('interrupt32', 12, make(flatUser, false)) > CASES / 4);
    assert.ok(compare('interrupt64', 13, make(wideGuest, true)) > CASES / 8);
    assert.ok(compare('interrupt64', 14, make(wideUser, true)) > CASES / 8);
  });

  it('find pages of the system that others have put out of their place in the TLB', () => {
    // From 16 MiB on the same memory once more: a page there for each of the system's, with the same place.
    const other = (page: number): number => PAGE * (0x1000 | (page / PAGE));
    const same = (routine: RoutineName, parameters: readonly number[], prepare: (guest: Guest) => void, service: (guest: Guest) => void): void => {
      const guest = withLimits(longGuest([]));
      guest.cpu.quickDelivery = undefined;
      guest.put32(AT64.directory + 8 * 8, 0x87);
      prepare(guest);
      const { mmu } = guest;
      const access = (page: number): void => {
        mmu.read(page, 4, false);
        mmu.finishStore(mmu.hostFor(page, 4, 2, false));
      };
      // The first stores give pages frames of their own.
      for (const page of CHANGED) for (const linear of [page, other(page)]) access(linear);
      mmu.shadow.flushAll();
      for (const page of CHANGED) {
        for (const linear of [page, other(page)]) access(linear);
        for (const kind of [TLB_KIND.read, TLB_KIND.write]) assert.equal(mmu.tlb.holds(mmu.currentSpace.slot, kind, false, page / PAGE), false);
      }
      const before = snapshot(guest);
      assert.equal(interpreterOf(guest).routine(routine)(...parameters), 1, `${routine} refuses`);
      const after = snapshot(guest);
      restore(guest, before);
      service(guest);
      assert.equal(difference(after, snapshot(guest)), '', routine);
    };
    same('interrupt64', [0x20, 0, 0], (guest) => enterLongUser(guest, []), ({ cpu }) => deliver(cpu, { vector: 0x20, cause: 'external', returnTo: cpu.state.eip }));
    const frame = [0x401000, SEL64.code3, 0x202, 0x38000, SEL64.data3];
    const onFrame = (guest: Guest): void => {
      const top = AT.stack0 - 40;
      frame.forEach((word, i) => guest.put(top + 8 * i, le64(BigInt(word))));
      guest.state.setReg(L.RSP, top);
      for (const segment of [L.DS, L.ES, L.FS, L.GS]) guest.cpu.setSegment(segment, 0, 0, 0, 0);
    };
    same('iret64', [], onFrame, serviceOf('iret', 8));
  });

  it('an INT n that the debugger waits for is left to the service', () => {
    const guest = flatUser();
    setGate32(guest, 0x80, gate(SEL32.code0, AT.handlers, PRESENT | dpl(3) | 0x0f));
    warm(guest);
    guest.executor.stopVectors = new Set([14]);
    assert.equal(interpreterOf(guest).routine('interrupt32')(0x80, 2, 0), 0);
    guest.executor.stopVectors = new Set();
    assert.equal(interpreterOf(guest).routine('interrupt32')(0x80, 2, 0), 1);
  });

  it('FXSAVE and FXRSTOR', () => {
    const make = (guestOf: () => Guest, name: string, size: 4 | 8) => (random: Random): Case => {
      const guest = guestOf();
      const s = guest.state;
      for (let at = L.VECTOR; at < L.VECTOR + 16 * L.VECTOR_BYTES; at += 4) s.setU32(at, random.u32());
      const place = AT.stack0 - 0x1000 + 16 * random.below(200);
      const words = [random.below(0x80) ? 0x37f : random.u32(), random.u32() & 0xff, random.u32(), random.u32(), random.u32(), random.u32(), random.below(20) ? random.u32() & 0xffff : random.u32()];
      for (let i = 0; i < 128; i++) guest.put32(place + 4 * i, words[i] ?? random.u32());
      // control and status word: masked exceptions, any TOP, condition codes
      guest.put32(place, 0x37f | ((random.u32() & 0x7f3f) << 16));
      const registers = L.FPU;
      for (let i = 0; i < 8; i++) s.setU64(registers + 16 * i, BigInt(random.u32()) << 31n);
      s.setU32(registers + 128, 0x37f | ((random.u32() & 0x7f00) << 16));
      s.setU32(registers + 132, random.u32() & 0x7ff00ff);
      s.setU64(registers + 136, BigInt(random.u32()));
      s.setU32(registers + 152, random.u32());
      const host = guest.map.frame(place >> 12) * 4096 + (place & 4095);
      const wide = size === 8 ? 1 : 0;
      const op = { size, offset: place, segment: L.DS, isMemory: true } as unknown as Operation;
      return { guest, parameters: [host, wide, guest.state.code64 ? 16 : 8], byService: () => void SERVICES[serviceNumber(name)]?.(guest.cpu, op) };
    };
    for (const name of ['fxsave', 'fxrstor'] as const) {
      assert.ok(compare(name, 20, make(flatGuest, name, 4)) > CASES / 2);
      assert.ok(compare(name, 21, make(wideGuest, name, 4)) > CASES / 2);
      assert.ok(compare(name, 22, make(wideGuest, name, 8)) > CASES / 2);
    }
  });

  it('loads of data segments', () => {
    const make = (guestOf: () => Guest, long: boolean, mode: 'protected' | 'real' | 'virtual') => (random: Random): Case => {
      const guest = guestOf();
      disturb(guest, random);
      const s = guest.state;
      if (mode === 'real') s.setU32(L.CR0, s.cr0 & ~CR0.PE);
      if (mode === 'virtual') {
        s.setU32(L.FLAGS_SYSTEM, s.systemFlags | FLAG.VM);
        for (const segment of [L.ES, L.CS, L.SS, L.DS, L.FS, L.GS]) guest.cpu.setRealSegment(segment, random.below(0x10000));
      }
      const free = long ? SEL64.free : SEL32.free;
      randomDescriptor(guest, random, free);
      const segment = random.below(8);
      const selector = randomSelector(random, [SEL32.data3, SEL32.data0, free, free + 3, 0, 3, 0xfff0]);
      return { guest, parameters: [segment, selector], byService: () => loadSegment(guest.cpu, segment, selector) };
    };
    assert.ok(compare('loadSegment', 15, make(flatGuest, false, 'protected')) > CASES / 8);
    assert.ok(compare('loadSegment', 16, make(flatUser, false, 'protected')) > CASES / 8);
    assert.ok(compare('loadSegment', 17, make(wideGuest, true, 'protected')) > CASES / 8);
    assert.ok(compare('loadSegment', 18, make(wideUser, true, 'protected')) > CASES / 8);
    assert.ok(compare('loadSegment', 19, make(flatGuest, false, 'real')) > CASES / 4);
    assert.ok(compare('loadSegment', 23, make(flatUser, false, 'virtual')) > CASES / 4);
  });

  it('far transfers, INT and IRET of real mode, and jumps, calls and returns of virtual-8086 tasks', () => {
    // No two of these have one entry.
    const known = [0x0010, 0x1235, 0xffff, 0x0823];
    const selectorOf = (random: Random): number => (random.below(10) === 0 ? random.below(0x10000) : random.pick(known));
    const offsetOf = (random: Random): number => random.pick([0, 0xffff, random.below(0x10000)]);
    const make = (guestOf: () => Guest, virtual: boolean, parametersOf: (random: Random) => readonly number[], name: string) => (random: Random): Case => {
      const guest = guestOf();
      const { state: s, cpu } = guest;
      disturb(guest, random);
      s.setU32(L.IDTR_LIMIT, random.below(20) === 0 ? 0x1ff : 0x3ff);
      if (!virtual) s.setU32(L.CR0, s.cr0 & ~CR0.PE);
      else s.setU32(L.FLAGS_SYSTEM, s.systemFlags | FLAG.VM);
      const segment = (register: number, selector: number): void => cpu.setSegment(register, selector, 16 * selector, !virtual && random.below(30) === 0 ? 0xfff : 0xffff, virtual ? 0xf3 : register === L.CS && random.below(20) === 0 ? 0x9b : 0x93);
      segment(L.CS, random.pick(known));
      segment(L.SS, (AT.stack0 - 0x2000) >> 4);
      if (random.below(20) === 0) cpu.setSegment(L.SS, 0x2e00, 0x2e000, 0xffff, virtual ? 0x4f3 : 0x493);
      s.setReg(L.RSP, random.u32());
      s.setReg(L.RSP, random.pick([0x0, 0x2, 0x4, 0x1000, 0xffe, 0x1003, 0x2ffc, 0x2000 + random.below(0xff0)]), 2);
      s.eip = random.below(0x10000);
      const { slot } = cpu.mmu.currentSpace;
      for (const selector of known) cpu.mmu.tlb.rememberFarTarget(slot, cpu.user, selector);
      // What a return or IRET finds, and the vectors.
      const top = AT.stack0 - 0x2000 + (s.reg(L.RSP) & 0xffff);
      const flags = random.pick([0x202, 0x246, 0x2, 0x7202, 0x102, random.below(0x10000)]);
      [offsetOf(random), selectorOf(random), flags].forEach((word, i) => { if (top < AT.stack0 + 0xff0) guest.put(top + 2 * i, [word & 0xff, word >> 8]); });
      for (let vector = 0; vector < 256; vector++) guest.put32(AT.idt + 4 * vector, (offsetOf(random) | (selectorOf(random) << 16)) >>> 0);
      const parameters = parametersOf(random);
      const immediate = name.startsWith('retf') || name === 'int' ? parameters[0] : parameters[1];
      const op = { size: 2, next: s.eip, immediate, immediateHigh: parameters[0] } as unknown as Operation;
      return { guest, parameters, byService: () => void SERVICES[serviceNumber(name)]?.(cpu, op) };
    };
    const pointer = (random: Random): readonly number[] => [selectorOf(random), offsetOf(random)];
    const modes: readonly (readonly [() => Guest, boolean])[] = [[flatGuest, false], [flatUser, true]];
    modes.forEach(([guestOf, virtual], i) => {
      assert.ok(compare('realJump', 30 + i, make(guestOf, virtual, pointer, 'jmpf_ap')) > CASES / 4);
      assert.ok(compare('realCall', 32 + i, make(guestOf, virtual, pointer, 'callf_ap')) > CASES / 4);
      assert.ok(compare('realReturn', 34 + i, make(guestOf, virtual, (random) => [random.pick([0, 2, 0xfff0])], 'retf_imm')) > CASES / 4);
    });
    assert.ok(compare('realInterrupt', 36, make(flatGuest, false, (random) => [random.below(256)], 'int')) > CASES / 4);
    assert.ok(compare('realInterruptReturn', 37, make(flatGuest, false, () => [], 'iret')) > CASES / 4);
    assert.equal(compare('realInterrupt', 38, make(flatUser, true, (random) => [random.below(256)], 'int')), 0);
    assert.equal(compare('realInterruptReturn', 39, make(flatUser, true, () => [], 'iret')), 0);
  });
});
