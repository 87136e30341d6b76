/**
 * A tiny guest in 64-bit mode: page tables of four or five levels, GDT, TSS and IDT of long mode, all written by hand,
 * and a HLT for each vector. Built on the RAM, CPU and engine of ../guest.
 */
import * as L from '../../../../src/monitor/cpu/layout';
import type { EngineSettings } from '../../../../src/monitor/engine/engineSettings';
import { resetCpuTo } from '../../../../src/monitor/machine/firmwareCpu';
import { AT as AT32, Guest, HLT, PRESENT, SEL as SEL32, descriptor, dpl, le16, le32 } from '../guest';

/** Where things lie: as in ../guest, but that the handlers stand behind a longer IDT. */
export const AT = { ...AT32, pml4: 0x100000, pdpt: 0x101000, directory: 0x102000, pml5: 0x103000, ist: 0x3c000 } as const;
/**
 * Selectors: code and data at CPL 0 and 3 in the order that SYSCALL and SYSRET want, 32-bit code for both, a TSS of two
 * entries, and free ones behind.
 */
export const SEL = { code0: 0x08, data0: 0x10, compat3: 0x1b, data3: 0x23, code3: 0x2b, compat0: 0x30, tss: 0x38, free: 0x48 } as const;

const CR0_LONG = 0x80010031;
const PAE = 0x20, LA57 = 0x1000;
const LME_LMA = 0x500, SCE_NXE = 0x801;

export const le64 = (value: bigint): readonly number[] => [...le32(Number(value & 0xffffffffn)), ...le32(Number(BigInt.asUintN(64, value) >> 32n))];

/** A system descriptor of 16 bytes. */
export function wideDescriptor(base: bigint, limit: number, access: number): readonly number[] {
  return [...descriptor(Number(base & 0xffffffffn), limit, access), ...le32(Number(BigInt.asUintN(64, base) >> 32n)), ...le32(0)];
}

/** A gate of 16 bytes; `type` is byte 5 with P and DPL. */
export function wideGate(selector: number, offset: bigint, type: number, ist = 0): readonly number[] {
  const low = Number(offset & 0xffffffffn);
  return [...le16(low), ...le16(selector), ist, type, ...le16(low >>> 16), ...le32(Number(BigInt.asUintN(64, offset) >> 32n)), ...le32(0)];
}

export interface LongOptions {
  readonly fiveLevels?: boolean;
  /** Further bits of CR4 and CR0. */
  readonly cr4?: number;
  readonly cr0?: number;
  readonly engine?: EngineSettings;
}

export const handlerOf = (vector: number): number => AT.handlers + vector * 16;

export function setGate(guest: Guest, vector: number, bytes: readonly number[]): void {
  guest.put(AT.idt + 16 * vector, bytes);
}

/**
 * 64-bit code at CPL 0 at AT.code. The first 4 MiB of memory are mapped one to one for everybody; interrupt gates of
 * DPL 0 lead to HLT at handlerOf(vector), stacks for CPL 0 and for IST 1 are in the TSS.
 */
export function longGuest(program: readonly number[], options: LongOptions = {}): Guest {
  const guest = new Guest(options.engine);
  guest.put(AT.gdt, [
    ...descriptor(0, 0, 0),
    ...descriptor(0, 0, PRESENT | 0x1b, 0x2),
    ...descriptor(0, 0xfffff, PRESENT | 0x13, 0xc),
    ...descriptor(0, 0xfffff, PRESENT | dpl(3) | 0x1b, 0xc),
    ...descriptor(0, 0xfffff, PRESENT | dpl(3) | 0x13, 0xc),
    ...descriptor(0, 0, PRESENT | dpl(3) | 0x1b, 0x2),
    ...descriptor(0, 0xfffff, PRESENT | 0x1b, 0xc),
    ...wideDescriptor(BigInt(AT.tss), 0x67, PRESENT | 0x0b),
  ]);
  for (let vector = 0; vector < 256; vector++) {
    setGate(guest, vector, wideGate(SEL.code0, BigInt(handlerOf(vector)), PRESENT | 0x0e));
    guest.put(handlerOf(vector), [HLT]);
  }
  guest.put(AT.tss + 4, le64(BigInt(AT.stack0)));
  guest.put(AT.tss + 0x24, le64(BigInt(AT.ist)));
  guest.put32(AT.tss + 0x64, 0x680000);
  guest.put32(AT.pml5, AT.pml4 | 7);
  guest.put32(AT.pml4, AT.pdpt | 7);
  guest.put32(AT.pdpt, AT.directory | 7);
  guest.put32(AT.directory, 0x87);
  guest.put32(AT.directory + 8, 0x200087);
  guest.put(AT.code, program);
  const s = guest.state;
  resetCpuTo(guest.cpu, {
    instructionPointer: AT.code,
    general: { esp: AT.stack0 - 0x1000 },
    cr0: 0x11,
    gdtr: { base: AT.gdt, limit: 0x3ff },
    idtr: { base: AT.idt, limit: 0xfff },
  });
  s.setU32(L.CR4, PAE | (options.fiveLevels ? LA57 : 0) | (options.cr4 ?? 0));
  s.setU32(L.EFER, LME_LMA | SCE_NXE);
  s.setU32(L.CR0, (CR0_LONG | (options.cr0 ?? 0)) >>> 0);
  s.setWide(L.CR3, options.fiveLevels ? AT.pml5 : AT.pml4);
  guest.cpu.setSegment(L.CS, SEL.code0, 0, 0xffffffff, 0xa9b);
  for (const segment of [L.SS, L.DS, L.ES, L.FS, L.GS]) guest.cpu.setSegment(segment, SEL.data0, 0, 0xffffffff, 0xc93);
  guest.cpu.setSegment(L.TR, SEL.tss, AT.tss, 0x67, 0x8b);
  guest.cpu.updatePaging();
  return guest;
}

/** Puts the CPU at CPL 3 in 64-bit code at AT.userCode, where `program` is written. */
export function enterLongUser(guest: Guest, program: readonly number[], flags = 2): void {
  guest.put(AT.userCode, program);
  const { cpu } = guest;
  cpu.setSegment(L.CS, SEL.code3, 0, 0xffffffff, 0xafb);
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

/** The 64-bit words from the stack pointer up. */
export function stack64(guest: Guest, words: number): readonly bigint[] {
  const top = Number(guest.state.reg64(L.RSP));
  return Array.from({ length: words }, (_, i) => (BigInt(guest.u32(top + 8 * i + 4)) << 32n) | BigInt(guest.u32(top + 8 * i)));
}

export { SEL32 };
