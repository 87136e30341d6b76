/**
 * Tiny guests for tests of system behaviour: RAM, a CPU and the engine, and helpers that write machine
 * code, descriptors and page tables by hand. Nothing else of a machine is there.
 */
import { Cpu } from '../../../src/monitor/cpu/cpu';
import * as L from '../../../src/monitor/cpu/layout';
import type { CpuState } from '../../../src/monitor/cpu/state';
import type { EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { Executor, type RunOutcome } from '../../../src/monitor/engine/executor';
import type { TranslationService } from '../../../src/monitor/engine/translator/order';
import { resetCpuTo } from '../../../src/monitor/machine/firmwareCpu';
import { MachineMemory } from '../../../src/monitor/memory/machineMemory';
import { Mmu } from '../../../src/monitor/memory/mmu';
import { ABSENT, PhysicalMap } from '../../../src/monitor/memory/physicalMap';

const PAGE = 4096;
const RAM_BYTES = 0x400000;


/** Little-endian bytes. */
export const le16 = (value: number): readonly number[] => [value & 0xff, (value >> 8) & 0xff];
export const le32 = (value: number): readonly number[] => [...le16(value), ...le16(value >>> 16)];
/** Code from opcode bytes and operands. */
export const code = (...parts: readonly (number | readonly number[])[]): readonly number[] => parts.flat();

/** Frequent instructions (32-bit code). */
export const HLT = 0xf4;
export const NOP = 0x90;
export const movEax = (value: number): readonly number[] => [0xb8, ...le32(value)];
/** MOV [address], EAX. */
export const storeEax = (address: number): readonly number[] => [0xa3, ...le32(address)];
/** MOV EAX, [address]. */
export const loadEax = (address: number): readonly number[] => [0xa1, ...le32(address)];
export const int = (vector: number): readonly number[] => [0xcd, vector];
/** JMP FAR selector:offset. */
export const jmpFar = (selector: number, offset: number): readonly number[] => [0xea, ...le32(offset), ...le16(selector)];
export const callFar = (selector: number, offset: number): readonly number[] => [0x9a, ...le32(offset), ...le16(selector)];
export const push = (value: number): readonly number[] => [0x68, ...le32(value)];
export const IRET = 0xcf;
export const RETF = 0xcb;

/** A segment or system descriptor; `access` is byte 5, `flags` the upper nibble of byte 6 (G, D/B). */
export function descriptor(base: number, limit: number, access: number, flags = 0): readonly number[] {
  return [...le16(limit), ...le16(base), (base >>> 16) & 0xff, access, ((limit >>> 16) & 0xf) | (flags << 4), base >>> 24];
}

/** A gate; `type` is byte 5 with P and DPL. */
export function gate(selector: number, offset: number, type: number, parameters = 0): readonly number[] {
  return [...le16(offset), ...le16(selector), parameters, type, ...le16(offset >>> 16)];
}

/** Bits of byte 5. */
export const PRESENT = 0x80;
export const dpl = (level: number): number => level << 5;

/** Where things lie in a guest of `protectedGuest`. */
export const AT = { gdt: 0x1000, idt: 0x2000, tss: 0x3000, code: 0x10000, handlers: 0x12000, userCode: 0x14000, data: 0x20000, stack0: 0x30000, stack3: 0x38000, tables: 0x100000 } as const;
/** Selectors of `protectedGuest`: flat code and data at CPL 0 and 3, TSS, and free ones behind. */
export const SEL = { code0: 0x08, data0: 0x10, code3: 0x1b, data3: 0x23, tss: 0x28, free: 0x30 } as const;

export class Guest {
  readonly memory = new MachineMemory(RAM_BYTES / PAGE);
  readonly map = new PhysicalMap(this.memory, { read: () => 0, write: () => undefined });
  readonly mmu = new Mmu(this.memory, this.map);
  readonly cpu: Cpu;
  readonly executor: Executor;
  /** Vector that the next acknowledged interrupt has. */
  interruptVector = 0x20;
  /** Called for each write to a port. */
  onWrite: (() => void) | undefined;

  constructor(settings?: EngineSettings, translation?: TranslationService) {
    this.map.declare(0, RAM_BYTES / PAGE, ABSENT);
    this.cpu = new Cpu(this.memory, this.mmu, {
      readPort: () => 0xff,
      writePort: () => this.onWrite?.(),
      acknowledgeInterrupt: () => {
        this.cpu.interruptLine = false;
        return this.interruptVector;
      },
      coprocessorError: () => undefined,
      retired: () => this.executor.retired(),
      now: () => this.executor.retired(),
    });
    this.executor = new Executor(this.cpu, this.memory, settings, translation);
  }

  get state(): CpuState {
    return this.cpu.state;
  }

  put(address: number, bytes: readonly number[]): void {
    this.map.copyIn(address, Uint8Array.from(bytes));
  }
  u32(address: number): number {
    return this.map.read(address, 4);
  }
  u16(address: number): number {
    return this.map.read(address, 2);
  }
  put32(address: number, value: number): void {
    this.put(address, le32(value));
  }

  /** Raises INTR as an interrupt controller would. */
  interrupt(vector: number): void {
    this.interruptVector = vector;
    this.cpu.interruptLine = true;
    this.cpu.attention = true;
  }

  run(instructions: number): RunOutcome {
    return this.executor.run(instructions);
  }

  /** Runs until so many instructions have retired, or to HLT. */
  runTo(retired: number): void {
    const left = (): number => retired - this.state.f64(L.RETIRED);
    while (left() > 0) if (this.run(left()).kind === 'halted') return;
  }

  /** Runs to HLT. Throws when it does not come. */
  runToHalt(most = 1000): void {
    let outcome = this.run(most);
    // It comes back inside of long instructions.
    for (let i = 0; i < most && outcome.kind === 'returned'; i++) outcome = this.run(most);
    if (outcome.kind !== 'halted') {
      throw new Error(`No HLT after ${most} instructions: ${outcome.kind}, EIP ${this.state.eip.toString(16)}`);
    }
  }

  /** The 32-bit words from the stack pointer up. */
  stack(words: number): readonly number[] {
    return Array.from({ length: words }, (_, i) => this.u32(this.state.base(L.SS) + this.state.reg(L.RSP) + 4 * i));
  }
}

/** Real mode at 0:7C00 with a stack below it. */
export function realGuest(program: readonly number[], settings?: EngineSettings): Guest {
  const guest = new Guest(settings);
  const segment = { selector: 0, base: 0, limit: 0xffff, attributes: 0x93 };
  resetCpuTo(guest.cpu, {
    instructionPointer: 0x7c00,
    general: { esp: 0x7c00 },
    segments: { cs: segment, ds: segment, es: segment, ss: segment, fs: segment, gs: segment },
    cr0: 0x10,
  });
  guest.put(0x7c00, program);
  return guest;
}

/**
 * Flat 32-bit protected mode at CPL 0 (selectors SEL) with a GDT, an IDT whose 256 interrupt gates lead to
 * one HLT each at AT.handlers + vector * 16, a 32-bit TSS with an inner stack, and the program at AT.code.
 */
export function protectedGuest(program: readonly number[], settings?: EngineSettings, translation?: TranslationService): Guest {
  const guest = new Guest(settings, translation);
  const gdt = [
    descriptor(0, 0, 0),
    descriptor(0, 0xfffff, PRESENT | 0x1b, 0xc),
    descriptor(0, 0xfffff, PRESENT | 0x13, 0xc),
    descriptor(0, 0xfffff, PRESENT | dpl(3) | 0x1b, 0xc),
    descriptor(0, 0xfffff, PRESENT | dpl(3) | 0x13, 0xc),
    descriptor(AT.tss, 0x67, PRESENT | 0x0b),
  ];
  guest.put(AT.gdt, gdt.flat());
  for (let vector = 0; vector < 256; vector++) {
    setGate(guest, vector, gate(SEL.code0, handlerOf(vector), PRESENT | 0x0e));
    guest.put(handlerOf(vector), [HLT]);
  }
  guest.put32(AT.tss + 4, AT.stack0);
  guest.put32(AT.tss + 8, SEL.data0);
  guest.put32(AT.tss + 0x64, 0x680000);
  guest.put(AT.code, program);
  const flatCode = { selector: SEL.code0, base: 0, limit: 0xffffffff, attributes: 0xc9b };
  const flatData = { selector: SEL.data0, base: 0, limit: 0xffffffff, attributes: 0xc93 };
  resetCpuTo(guest.cpu, {
    instructionPointer: AT.code,
    general: { esp: AT.stack0 - 0x1000 },
    segments: { cs: flatCode, ds: flatData, es: flatData, ss: flatData, fs: flatData, gs: flatData },
    cr0: 0x11,
    gdtr: { base: AT.gdt, limit: 0x3ff },
    idtr: { base: AT.idt, limit: 0x7ff },
  });
  guest.cpu.setSegment(L.TR, SEL.tss, AT.tss, 0x67, 0x8b);
  return guest;
}

export const handlerOf = (vector: number): number => AT.handlers + vector * 16;
export function setGate(guest: Guest, vector: number, bytes: readonly number[]): void {
  guest.put(AT.idt + 8 * vector, bytes);
}
export function setDescriptor(guest: Guest, selector: number, bytes: readonly number[]): void {
  guest.put(AT.gdt + (selector & 0xfff8), bytes);
}

/** Puts the CPU at CPL 3 in the flat user segments, at AT.userCode where `program` is written. */
export function enterUser(guest: Guest, program: readonly number[], flags = 2): void {
  guest.put(AT.userCode, program);
  const { cpu } = guest;
  cpu.setSegment(L.CS, SEL.code3, 0, 0xffffffff, 0xcfb);
  for (const segment of [L.SS, L.DS, L.ES, L.FS, L.GS]) cpu.setSegment(segment, SEL.data3, 0, 0xffffffff, 0xcf3);
  cpu.setCpl(3);
  cpu.state.setReg(L.RSP, AT.stack3);
  cpu.state.flags = flags;
  cpu.state.eip = AT.userCode;
}

/** The vector whose handler's HLT has been reached. */
export function haltedIn(guest: Guest): number {
  return (guest.state.eip - 1 - AT.handlers) / 16;
}
