/**
 * A virtual processor beyond its general registers: its mode, segments, privilege, pending events, and
 * the way in which services reach memory through segments.
 */
import { GuestFault } from '../memory/guestFault';
import type { PagingControls, PagingMode } from '../memory/guestPaging';
import type { AddressSpace } from '../memory/shadowPaging';
import type { Mmu } from '../memory/mmu';
import type { MachineMemory } from '../memory/machineMemory';
import { MONITOR_WORDS, TLB_EMPTY } from '../memory/layout';
import { TLB_KIND } from '../memory/tlb';
import * as L from './layout';
import { allowedFlags } from './models/controlBits';
import type { FeatureSet } from './models/features';
import { FULL_PROCESSOR, physicalBits, type CpuPlace, type Processor } from './models/processor';
import type { LocalApicPort } from './msrApic';
import { ATTRIBUTE, CR0, CR4, CpuState, EFER, FLAG, segmentAt } from './state';

export const VECTOR = { DE: 0, DB: 1, NMI: 2, BP: 3, OF: 4, BR: 5, UD: 6, NM: 7, DF: 8, TS: 10, NP: 11, SS: 12, GP: 13, PF: 14, MF: 16, AC: 17, MC: 18, XM: 19 } as const;

export const EXCEPTION_NAMES: readonly string[] = [
  '#DE', '#DB', 'NMI', '#BP', '#OF', '#BR', '#UD', '#NM', '#DF', '(9)', '#TS', '#NP', '#SS', '#GP', '#PF', '(15)', '#MF', '#AC', '#MC', '#XM',
];

/** A fault with an error code of 0 or a selector. */
export function fault(vector: number, errorCode?: number): GuestFault {
  return new GuestFault(vector, errorCode);
}
export const generalProtection = (selector = 0): GuestFault => new GuestFault(VECTOR.GP, selector & 0xfffc);

/** What the CPU asks of the machine around it. */
export interface CpuSurroundings {
  readPort(port: number, size: 1 | 2 | 4): number;
  writePort(port: number, size: 1 | 2 | 4, value: number): void;
  /** INTA: acknowledges the highest interrupt request and gives its vector. */
  acknowledgeInterrupt(): number;
  /** The local APIC's task priority, bits 4-7 (CR8 in 64-bit code); without one it is only kept. */
  readonly taskPriority?: { read(): number; write(value: number): void };
  /** The next 64 random bits, for RDRAND and RDSEED. */
  random?(): bigint;
  /** FERR#: an unmasked x87 exception with CR0.NE clear (IRQ 13). */
  coprocessorError(): void;
  /** Instructions retired before the one under way. */
  retired(): number;
  /** Virtual time in cycles, exact to the instruction under way. */
  now(): number;
  /** Lets virtual time pass (cycles) inside the instruction under way. */
  elapse?(cycles: number): void;
  /** PAUSE, MWAIT: the CPU waits for something, and would rather let another one go on. */
  yieldTurn?(): void;
  /** The local APIC; missing where there is none. */
  readonly localApic?: LocalApicPort;
}

/** Access rights of a segment that real mode has loaded: present, data, writable, accessed. */
export const REAL_MODE_RIGHTS = 0x93;
/** Attributes and limit of all segments in virtual-8086 mode (Intel SDM vol. 3, 20.2). */
export const VIRTUAL_8086_RIGHTS = 0xf3, VIRTUAL_8086_LIMIT = 0xffff;

/** Control registers, and what came of them. */
interface KnownPaging {
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
  readonly pkru: number;
  readonly controls: PagingControls;
  readonly space: AddressSpace;
}

export class Cpu {
  readonly state: CpuState;
  /** Code context (mode, code segment, paging) has changed: blocks in flight may be wrong now. */
  get contextChanged(): boolean {
    return this.changed || this.machine.view.getUint32(MONITOR_WORDS.codeMoved, true) !== 0;
  }
  set contextChanged(changed: boolean) {
    this.changed = changed;
    if (!changed) this.machine.view.setUint32(MONITOR_WORDS.codeMoved, 0, true);
  }
  /** The same, but for what generated code has done by itself (MONITOR_WORDS.codeMoved). */
  private changed = true;
  /** The run loop wants to look at the CPU before the next instruction (interrupt, trap, mode). */
  attention = false;
  /** Whether code, data and stack segments are flat and unrestricted: kept up to date by the engine. */
  flat = false;
  /** Set while single instructions are traced (TF): REP instructions do one iteration at a time. */
  singleIteration = false;
  /**
   * What the instruction under way was fetched from, or a page table, has been written: a repeated one is fetched anew
   * before its next iteration, always, so that it does not show where it was interrupted.
   */
  disturbed = false;
  /** Set when an interrupt by instruction has cleared TF on its way: no single-step trap follows it. */
  trapCleared = false;
  /**
   * Delivers through a gate where that is a common case, going back to EIP; gives false where it is not, and nothing has
   * changed. Exceptions are faults, which are resumed.
   */
  quickDelivery: ((vector: number, isException: boolean, errorCode: number | undefined) => boolean) | undefined;
  /** Told of a task switch: the selectors of the TSS before and now. */
  onTaskSwitch: (from: number, to: number) => void = () => undefined;
  /** Which of the machine's CPUs it is. */
  place: CpuPlace = { index: 0, count: 1 };
  /** What each of them has told the MMU last: nothing that the state block does not say. */
  private readonly paging: KnownPaging[] = [];

  constructor(
    readonly machine: MachineMemory,
    readonly mmu: Mmu,
    readonly surroundings: CpuSurroundings,
    readonly processor: Processor = FULL_PROCESSOR,
  ) {
    this.state = new CpuState(machine);
    this.state.flagBits = allowedFlags(processor.features);
    this.state.alignmentFlagChanged = () => this.selectDataTlb();
    mmu.shadow.alignmentFlag = () => (this.state.systemFlags & FLAG.AC) !== 0;
  }

  /** Width of guest-physical addresses in page tables: 40 at most, and 32 where there is nothing above. */
  get physicalBits(): number {
    return Math.max(physicalBits(this.processor), 32);
  }

  get features(): FeatureSet {
    return this.processor.features;
  }

  /** Whether INTR is raised: kept up to date by the machine. */
  get interruptLine(): boolean {
    return this.machine.view.getUint32(MONITOR_WORDS.interruptLine, true) !== 0;
  }
  set interruptLine(raised: boolean) {
    this.machine.view.setUint32(MONITOR_WORDS.interruptLine, raised ? 1 : 0, true);
  }

  /** Whether memory accesses of the present code count as user accesses. */
  get user(): boolean {
    return this.state.cpl === 3;
  }

  // Segments.

  /** Sets a segment register with its hidden part; `limit` in bytes, granularity applied. */
  setSegment(segment: number, selector: number, base: number, limit: number, attributes: number): void {
    const s = this.state;
    const at = segmentAt(segment);
    // The base of 64-bit code is zero, whatever its descriptor says.
    if (segment === L.CS && attributes & ATTRIBUTE.long && s.longMode) base = 0;
    const same = base === s.base(segment) && limit === s.limit(segment) && ((attributes ^ s.attributes(segment)) & ~ATTRIBUTE.dpl) === 0;
    s.setU32(at + L.SEG_SELECTOR, selector & 0xffff);
    // A present segment that is loaded again as it is: its bounds are there.
    if (same && attributes === s.attributes(segment) && attributes & ATTRIBUTE.present) return;
    s.setWide(at + L.SEG_BASE, base);
    s.setU32(at + L.SEG_LIMIT, limit);
    s.setU32(at + L.SEG_ATTRIBUTES, attributes);
    const { first, last } = validOffsets(limit, attributes);
    const readable = (attributes & (ATTRIBUTE.code | ATTRIBUTE.readable)) !== ATTRIBUTE.code;
    const writable = (attributes & (ATTRIBUTE.code | ATTRIBUTE.writable)) === ATTRIBUTE.writable;
    const usable = (attributes & ATTRIBUTE.present) !== 0 && first <= last;
    this.setBounds(at + L.SEG_READ_FIRST, usable && readable, first, last);
    this.setBounds(at + L.SEG_WRITE_FIRST, usable && writable, first, last);
    if (segment === L.SS) s.setU64(L.STACK_MASK, attributes & ATTRIBUTE.big ? 0xffffffffn : 0xffffn);
    // Reloading what is there changes nothing for code; the privilege has its own way (setCpl).
    if (segment > L.DS || same) return;
    this.contextChanged = true;
    // Code that has its data segments checked goes on with the new one; whether it need not be checked any more is seen when it is next looked for.
    if (segment === L.CS || this.flat) this.attention = true;
  }

  private setBounds(at: number, allowed: boolean, first: number, last: number): void {
    this.state.setWide(at, allowed ? first : 1);
    this.state.setWide(at + 8, allowed ? last : 0);
  }

  /** A segment load in real or virtual-8086 mode. */
  setRealSegment(segment: number, selector: number): void {
    const s = this.state;
    // Real mode keeps limit and default size of the hidden part, and allows all accesses, through CS as well: what comes back from protected
    // mode by a far jump (Intel SDM vol. 3, 9.9.2) writes to its code segment. Virtual-8086 mode sets all of it.
    const base = (selector & 0xffff) * 16;
    const attributes = s.attributes(segment);
    if (s.virtual8086) this.setSegment(segment, selector, base, VIRTUAL_8086_LIMIT, VIRTUAL_8086_RIGHTS);
    // A null selector's hidden part has no limit that could be kept.
    else if ((attributes & ATTRIBUTE.present) === 0) this.setSegment(segment, selector, base, 0xffff, REAL_MODE_RIGHTS);
    else this.setSegment(segment, selector, base, s.limit(segment), (attributes & ~0xff) | REAL_MODE_RIGHTS);
  }

  /** Makes a data segment register unusable (null selector). */
  setNullSegment(segment: number, selector: number): void {
    this.setSegment(segment, selector, 0, 0, 0);
  }

  changedContext(): void {
    this.contextChanged = true;
    this.attention = true;
  }

  setCpl(cpl: number): void {
    if (this.state.cpl === cpl) return;
    this.state.setU32(L.CPL, cpl);
    this.selectTlb();
    this.changedContext();
  }

  /** Points generated code to the TLB tables of the current space and privilege, and of the context that the engine knows code to be in. */
  selectTlb(): void {
    const { state, mmu, user } = this;
    const slot = mmu.currentSpace.slot;
    this.selectDataTlb();
    state.setU32(L.TLB_EXECUTE_TABLE, mmu.tlb.table(slot, TLB_KIND.execute, user));
    state.view.setUint32(MONITOR_WORDS.jumpTag, mmu.tlb.jumpTag(slot, user), true);
  }

  /** Those of data: empty ones where alignment is checked (Intel SDM vol. 3, 6.15, #AC), so that each access comes to the MMU. */
  private selectDataTlb(): void {
    const s = this.state;
    const { mmu, user } = this;
    const slot = mmu.currentSpace.slot;
    mmu.checksAlignment = user && (s.cr0 & CR0.AM) !== 0 && (s.systemFlags & FLAG.AC) !== 0;
    s.setU32(L.TLB_READ_TABLE, mmu.checksAlignment ? TLB_EMPTY : mmu.tlb.table(slot, TLB_KIND.read, user));
    s.setU32(L.TLB_WRITE_TABLE, mmu.checksAlignment ? TLB_EMPTY : mmu.tlb.table(slot, TLB_KIND.write, user));
  }

  /** Tells the MMU what the control registers say now. */
  updatePaging(): void {
    const known = this.paging[this.place.index];
    if (known && this.controlsAre(known)) this.mmu.resumeControls(known.controls, known.space);
    else this.takeControls();
    this.selectTlb();
    this.changedContext();
  }

  /** Whether the control registers are those of the last time. PDPTEs are not looked at: PAE paging is entered anew. */
  private controlsAre({ cr0, cr3, cr4, efer, pkru, controls }: KnownPaging): boolean {
    const s = this.state;
    return s.cr3 === cr3 && s.cr0 === cr0 && s.cr4 === cr4 && s.efer === efer && s.u32(L.PKRU) === pkru && controls.mode !== 'PAE';
  }

  private takeControls(): void {
    const s = this.state;
    const { cr0, cr3, cr4, efer } = s;
    const pkru = s.u32(L.PKRU);
    const mode = pagingMode(s);
    const long = mode === '4-level' || mode === '5-level';
    const controls: PagingControls = {
      mode,
      root: long ? cr3 - (cr3 % 4096) : mode === 'PAE' ? (cr3 & ~0x1f) >>> 0 : (cr3 & ~0xfff) >>> 0,
      // Each of these two means nothing in the other formats: no two address spaces, then, where CPUs differ in it.
      largePages: mode !== '32-bit' || (cr4 & CR4.PSE) !== 0,
      writeProtect: (cr0 & CR0.WP) !== 0,
      noExecute: mode !== '32-bit' && (efer & EFER.NXE) !== 0,
      gigabytePages: this.processor.features.has('pdpe1gb'),
      smep: (cr4 & CR4.SMEP) !== 0,
      smap: (cr4 & CR4.SMAP) !== 0,
      pkru: long && cr4 & CR4.PKE ? pkru : 0,
      pdptes: mode === 'PAE' ? [0, 1, 2, 3].map((i) => s.u64(L.PDPTE + 8 * i)) : [],
      physicalBits: this.physicalBits,
      largePageBits: this.features.has('pse36') ? this.physicalBits : 32,
    };
    s.setU64(L.CANONICAL_SHIFT, mode === '5-level' ? 7n : 16n);
    this.mmu.setControls(controls);
    this.paging[this.place.index] = { cr0, cr3, cr4, efer, pkru, controls, space: this.mmu.currentSpace };
  }

  // Memory through segments. Offsets are unsigned; in 64-bit code signed.

  /** Linear address of a checked access; #GP(0), or #SS(0) through SS. */
  linear(segment: number, offset: number, bytes: number, write: boolean): number {
    if (!this.inside(segment, offset, bytes, write)) throw fault(segment === L.SS ? VECTOR.SS : VECTOR.GP, 0);
    return this.state.linear(segment, offset);
  }

  /** Whether a range lies in its segment, with the right to it; in 64-bit code whether it is canonical. */
  inside(segment: number, offset: number, bytes: number, write: boolean): boolean {
    const s = this.state;
    if (s.code64) {
      const linear = s.linear(segment, offset);
      return s.canonical(linear) && s.canonical(linear + bytes - 1);
    }
    const at = segmentAt(segment);
    const first = s.u32(at + (write ? L.SEG_WRITE_FIRST : L.SEG_READ_FIRST));
    const last = s.u32(at + (write ? L.SEG_WRITE_LAST : L.SEG_READ_LAST));
    return offset >= first && offset + bytes - 1 <= last;
  }

  /** Reads an integer of up to 4 bytes, or an address of 8 (signed, exact below 2^53). */
  read(segment: number, offset: number, size: OperandBytes): number {
    const linear = this.linear(segment, offset, size, false);
    if (size === 8) return this.state.address(this.mmu.read64(linear, this.user));
    return this.mmu.read(linear, size, this.user);
  }

  write(segment: number, offset: number, size: OperandBytes, value: number): void {
    const linear = this.linear(segment, offset, size, true);
    if (size === 8) this.mmu.write64(linear, this.state.exactAddress(value), this.user);
    else this.mmu.write(linear, size, value, this.user);
  }

  /** Eight bytes exactly. */
  read64(segment: number, offset: number): bigint {
    return this.mmu.read64(this.linear(segment, offset, 8, false), this.user);
  }
  write64(segment: number, offset: number, value: bigint): void {
    this.mmu.write64(this.linear(segment, offset, 8, true), value, this.user);
  }

  /** Reads and writes of system structures are supervisor accesses whatever the CPL, and closed by SMAP whatever AC. */
  readSystem(linear: number, size: 1 | 2 | 4): number {
    return this.mmu.readSystem(this.systemLinear(linear), size);
  }
  writeSystem(linear: number, size: 1 | 2 | 4, value: number): void {
    this.mmu.implicitly(() => this.mmu.write(this.systemLinear(linear), size, value, false));
  }
  /** Eight bytes of a system structure, as an address. */
  readSystemWide(linear: number): number {
    return this.mmu.implicitly(() => this.state.address(this.mmu.read64(this.systemLinear(linear), false)));
  }

  private systemLinear(linear: number): number {
    return this.state.longMode ? linear : linear % 2 ** 32;
  }
}

/** Operand sizes of services in bytes. */
export type OperandBytes = 1 | 2 | 4 | 8;

function pagingMode(s: CpuState): PagingMode {
  if (!(s.cr0 & CR0.PG)) return 'none';
  if (!(s.cr4 & CR4.PAE)) return '32-bit';
  if (!s.longMode) return 'PAE';
  return s.cr4 & CR4.LA57 ? '5-level' : '4-level';
}

/** First and last valid offset of a segment (Intel SDM vol. 3, 5.3). */
function validOffsets(limit: number, attributes: number): { first: number; last: number } {
  const down = (attributes & (ATTRIBUTE.code | ATTRIBUTE.expandDown)) === ATTRIBUTE.expandDown && attributes & ATTRIBUTE.segment;
  if (!down) return { first: 0, last: limit };
  return { first: limit + 1, last: attributes & ATTRIBUTE.big ? 0xffffffff : 0xffff };
}
