/**
 * The active virtual CPU's state block as TypeScript reads and writes it (layout: ./layout).
 */
import type { FarAddresses } from '../memory/farAddresses';
import { CPU_BASE, CPU_BYTES, MONITOR_WORDS } from '../memory/layout';
import type { MachineMemory } from '../memory/machineMemory';
import { statusFromWords, wordsFromStatus } from './statusWords';
import * as L from './layout';

export const FLAG = {
  CF: 1,
  PF: 4,
  AF: 0x10,
  ZF: 0x40,
  SF: 0x80,
  TF: 0x100,
  IF: 0x200,
  DF: 0x400,
  OF: 0x800,
  IOPL: 0x3000,
  NT: 0x4000,
  RF: 0x10000,
  VM: 0x20000,
  AC: 0x40000,
  VIF: 0x80000,
  VIP: 0x100000,
  ID: 0x200000,
} as const;
export const STATUS_FLAGS = 0x8d5;
/** All bits of EFLAGS that there are, besides the fixed bit 1. */
const ALL_FLAGS = 0x3f7fd5;

/** Bits of L.NON_MASKABLE. */
export const NMI = { pending: 1, blocked: 2 } as const;

export const CR0 = { PE: 1, MP: 2, EM: 4, TS: 8, ET: 0x10, NE: 0x20, WP: 0x10000, AM: 0x40000, NW: 0x20000000, CD: 0x40000000, PG: 0x80000000 } as const;
export const CR4 = {
  VME: 1, PVI: 2, TSD: 4, DE: 8, PSE: 0x10, PAE: 0x20, MCE: 0x40, PGE: 0x80, PCE: 0x100, OSFXSR: 0x200, OSXMMEXCPT: 0x400, UMIP: 0x800, LA57: 0x1000,
  FSGSBASE: 0x10000, PCIDE: 0x20000, OSXSAVE: 0x40000, SMEP: 0x100000, SMAP: 0x200000, PKE: 0x400000,
} as const;
export const EFER = { SCE: 1, LME: 0x100, LMA: 0x400, NXE: 0x800, LMSLE: 0x2000, FFXSR: 0x4000 } as const;

/** Attribute bits of a segment (see L.SEG_ATTRIBUTES). */
export const ATTRIBUTE = { dpl: 0x60, accessed: 1, writable: 2, readable: 2, conforming: 4, expandDown: 4, code: 8, segment: 0x10, present: 0x80, long: 0x200, big: 0x400, granular: 0x800 } as const;

/** First linear address of 64 bits that is not canonical with four-level paging. */
const CANONICAL_END = 2 ** 47;

/** Flags that can be changed, and those that are 1 always. */
interface FlagBits {
  readonly changeable: number;
  readonly ones: number;
}

export class CpuState {
  readonly view: DataView;
  readonly block: Uint8Array;
  private readonly far: FarAddresses;
  private knownFlags: FlagBits = { changeable: ALL_FLAGS, ones: 2 };

  /** Told when EFLAGS.AC may have changed by a load of the flags. */
  alignmentFlagChanged: () => void = () => undefined;

  constructor(readonly machine: MachineMemory) {
    this.view = machine.view;
    this.far = machine.far;
    this.block = machine.u8.subarray(CPU_BASE, CPU_BASE + CPU_BYTES);
    this.flagBits = this.knownFlags;
  }

  /** Which flags there are: the processor's (models/controlBits). */
  get flagBits(): FlagBits {
    return this.knownFlags;
  }
  set flagBits(bits: FlagBits) {
    this.knownFlags = bits;
    this.view.setUint32(MONITOR_WORDS.flagsChangeable, bits.changeable, true);
    this.view.setUint32(MONITOR_WORDS.flagsFixed, bits.ones, true);
  }

  u32(offset: number): number {
    return this.view.getUint32(CPU_BASE + offset, true);
  }
  setU32(offset: number, value: number): void {
    this.view.setUint32(CPU_BASE + offset, value, true);
  }
  u64(offset: number): bigint {
    return this.view.getBigUint64(CPU_BASE + offset, true);
  }
  setU64(offset: number, value: bigint): void {
    this.view.setBigUint64(CPU_BASE + offset, value, true);
  }
  f64(offset: number): number {
    return this.view.getFloat64(CPU_BASE + offset, true);
  }
  setF64(offset: number, value: number): void {
    this.view.setFloat64(CPU_BASE + offset, value, true);
  }
  /** A 64-bit field that holds an address or count: signed, exact below 2^53; addresses of 57 bits as ../memory/farAddresses has them. */
  wide(offset: number): number {
    const low = this.u32(offset);
    const high = this.view.getInt32(CPU_BASE + offset + 4, true);
    return this.far.enabled ? this.far.near(high, low) : low + high * 2 ** 32;
  }
  setWide(offset: number, value: number): void {
    this.setU32(offset, value >>> 0);
    this.setU32(offset + 4, (this.far.enabled ? this.far.high(value) : Math.floor(value / 2 ** 32)) >>> 0);
  }
  /** An address of 64 bits as a number, and back. */
  address(exact: bigint): number {
    return this.far.nearOf(exact);
  }
  exactAddress(address: number): bigint {
    return this.far.exact(address);
  }

  /** General register `number`, `bytes` wide, by its slot (byte offset in the register file); 8 bytes as `wide`. */
  slot(slot: number, bytes: number): number {
    if (bytes === 8) return this.wide(L.REG + slot);
    const at = CPU_BASE + L.REG + slot;
    return bytes === 4 ? this.view.getUint32(at, true) : bytes === 2 ? this.view.getUint16(at, true) : this.view.getUint8(at);
  }
  /** Sets it as the processor does: 32-bit values clear the upper half. */
  setSlot(slot: number, bytes: number, value: number): void {
    if (bytes === 8) return this.setWide(L.REG + slot, value);
    const at = CPU_BASE + L.REG + slot;
    if (bytes === 4) {
      this.view.setUint32(at, value, true);
      this.view.setUint32(at + 4, 0, true);
    } else if (bytes === 2) this.view.setUint16(at, value, true);
    else this.view.setUint8(at, value);
  }
  reg(number: number, bytes = 4): number {
    return this.slot(number * 8, bytes);
  }
  setReg(number: number, value: number, bytes = 4): void {
    this.setSlot(number * 8, bytes, value);
  }
  /** All 64 bits of a general register. */
  reg64(number: number): bigint {
    return this.u64(L.REG + 8 * number);
  }
  setReg64(number: number, value: bigint): void {
    this.setU64(L.REG + 8 * number, BigInt.asUintN(64, value));
  }
  /** A pointer or counter of 16, 32 or 64 bits: unsigned, or signed with 64 bits. */
  pointer(number: number, bits: AddressBits): number {
    return bits === 32 ? this.reg(number) : bits === 16 ? this.reg(number, 2) : this.wide(L.REG + 8 * number);
  }
  /** Adds to the low `bits` of a register as string instructions do: a 32-bit sum clears the upper half. */
  advance(number: number, bits: AddressBits, by: number): void {
    if (bits === 16) return this.setReg(number, (this.reg(number, 2) + by) & 0xffff, 2);
    const sum = this.reg(number) + by;
    const high = bits === 32 ? 0 : this.u32(L.REG + 8 * number + 4) + Math.floor(sum / 2 ** 32);
    this.setReg(number, sum >>> 0);
    this.setU32(L.REG + 8 * number + 4, high >>> 0);
  }

  get flags(): number {
    return flagsIn(this.view, CPU_BASE);
  }
  set flags(value: number) {
    this.status = value;
    const { changeable, ones } = this.flagBits;
    const old = this.systemFlags;
    this.setU32(L.FLAGS_SYSTEM, (value & changeable & ~STATUS_FLAGS) | ones);
    if ((old ^ value) & FLAG.AC) this.alignmentFlagChanged();
  }
  /** Sets the status flags alone. */
  set status(value: number) {
    const [result, aux] = wordsFromStatus(value);
    this.setU32(L.FLAG_RESULT, result);
    this.setU32(L.FLAG_RESULT + 4, 0);
    this.setU32(L.FLAG_AUX, aux);
  }
  setStatusWords(result: bigint, aux: number): void {
    this.view.setBigInt64(CPU_BASE + L.FLAG_RESULT, result, true);
    this.setU32(L.FLAG_AUX, aux);
  }
  get systemFlags(): number {
    return this.u32(L.FLAGS_SYSTEM);
  }

  get eip(): number {
    return this.wide(L.EIP);
  }
  set eip(value: number) {
    this.setWide(L.EIP, value);
  }
  get cpl(): number {
    return this.u32(L.CPL);
  }
  get cr0(): number {
    return this.u32(L.CR0);
  }
  get cr4(): number {
    return this.u32(L.CR4);
  }
  get cr3(): number {
    return this.wide(L.CR3);
  }
  get efer(): number {
    return this.u32(L.EFER);
  }
  get halted(): boolean {
    return this.u32(L.HALTED) !== 0;
  }
  set halted(value: boolean) {
    this.setU32(L.HALTED, value ? 1 : 0);
  }
  /** A non-maskable interrupt waits and may be taken. */
  get nmiReady(): boolean {
    return this.u32(L.NON_MASKABLE) === NMI.pending;
  }
  get protectedMode(): boolean {
    return (this.cr0 & CR0.PE) !== 0;
  }
  get virtual8086(): boolean {
    return (this.systemFlags & FLAG.VM) !== 0;
  }
  /** Protected mode and not virtual-8086 mode: selectors name descriptors. */
  get descriptorMode(): boolean {
    return this.protectedMode && !this.virtual8086;
  }
  get iopl(): number {
    return (this.systemFlags >> 12) & 3;
  }

  selector(segment: number): number {
    return this.u32(segmentAt(segment) + L.SEG_SELECTOR);
  }
  base(segment: number): number {
    return this.wide(segmentAt(segment) + L.SEG_BASE);
  }
  limit(segment: number): number {
    return this.u32(segmentAt(segment) + L.SEG_LIMIT);
  }
  attributes(segment: number): number {
    return this.u32(segmentAt(segment) + L.SEG_ATTRIBUTES);
  }
  /** Long mode: 64-bit code, or compatibility mode. */
  get longMode(): boolean {
    return (this.u32(L.EFER) & EFER.LMA) !== 0;
  }
  get codeBits(): AddressBits {
    const attributes = this.attributes(L.CS);
    if (attributes & ATTRIBUTE.long && this.longMode) return 64;
    return attributes & ATTRIBUTE.big ? 32 : 16;
  }
  /** 64-bit code runs. */
  get code64(): boolean {
    return (this.attributes(L.CS) & ATTRIBUTE.long) !== 0 && this.longMode;
  }
  /** Width of the stack pointer. */
  get stackBits(): AddressBits {
    return this.code64 ? 64 : this.u32(L.STACK_MASK) === 0xffff ? 16 : 32;
  }
  /** The stack pointer in its width. */
  get stackPointer(): number {
    return this.pointer(L.RSP, this.stackBits);
  }
  set stackPointer(value: number) {
    const bits = this.stackBits;
    if (bits === 16) this.setReg(L.RSP, value, 2);
    else this.setSlot(8 * L.RSP, bits / 8, cut(value, bits));
  }
  /** Base of a segment as accesses use it: 64-bit code has bases in FS and GS only. */
  effectiveBase(segment: number): number {
    return segment < L.FS && this.code64 ? 0 : this.base(segment);
  }
  /** Linear address of an offset in a segment, without any check. */
  linear(segment: number, offset: number): number {
    const base = this.effectiveBase(segment);
    const sum = base + offset;
    if (this.code64) return this.far.enabled && base !== 0 ? this.address(this.exactAddress(base) + this.exactAddress(offset)) : cut(sum, 64);
    // A remainder of doubles is slow, and hardly ever needed.
    return sum >= 0 && sum < 2 ** 32 ? sum : sum % 2 ** 32;
  }
  /** Whether an address is canonical: of 48 bits, or of 57 with five-level paging. */
  canonical(linear: number): boolean {
    if (this.far.enabled) return this.far.isCanonical(linear);
    return linear >= -CANONICAL_END && linear < CANONICAL_END;
  }
}

/** EFLAGS of the state block that begins `at` bytes into a view. */
export function flagsIn(view: DataView, at: number): number {
  const low = view.getUint32(at + L.FLAG_RESULT, true);
  const high = view.getUint32(at + L.FLAG_RESULT + 4, true);
  const zero = low === 0 && high === 0;
  const aux = view.getUint32(at + L.FLAG_AUX, true);
  return view.getUint32(at + L.FLAGS_SYSTEM, true) | statusFromWords(zero, high >>> 31 === 1, low & 0xff, aux);
}

export type AddressBits = 16 | 32 | 64;

/** An offset cut to 16 or 32 bits (unsigned), or to 64 (signed). */
export function cut(value: number, bits: AddressBits): number {
  if (bits === 32) return value >>> 0;
  if (bits === 16) return value & 0xffff;
  return value >= 2 ** 63 ? value - 2 ** 64 : value < -(2 ** 63) ? value + 2 ** 64 : value;
}

/** State-block offset of a segment register. */
export function segmentAt(segment: number): number {
  return L.SEGMENTS + segment * L.SEGMENT_BYTES;
}
