/**
 * A processor's state in the form in which two machines are compared, and the comparison.
 */

export const GENERAL_NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const;
export const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;
export type SegmentName = (typeof SEGMENT_NAMES)[number];

export interface SegmentState {
  readonly selector: number;
  readonly base: bigint;
  /** In bytes, granularity applied. */
  readonly limit: number;
  /** Type (4), S, DPL (2), P, AVL, L, D/B, G from bit 0 up. */
  readonly attributes: number;
}

export interface TableState {
  readonly base: bigint;
  readonly limit: number;
}

export interface MachineState {
  /** In the order of GENERAL_NAMES. */
  readonly general: readonly bigint[];
  readonly rip: bigint;
  readonly flags: number;
  readonly cpl: number;
  readonly segments: Readonly<Record<SegmentName, SegmentState>>;
  readonly gdtr: TableState;
  readonly idtr: TableState;
  readonly cr0: number;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: number;
  readonly efer: number;
  readonly dr6: number;
  readonly dr7: number;
}

export const FLAG = { CF: 1, PF: 4, AF: 0x10, ZF: 0x40, SF: 0x80, TF: 0x100, IF: 0x200, DF: 0x400, OF: 0x800, IOPL: 0x3000, NT: 0x4000, RF: 0x10000, VM: 0x20000, AC: 0x40000, VIF: 0x80000, VIP: 0x100000, ID: 0x200000 } as const;
export const STATUS_FLAGS = FLAG.CF | FLAG.PF | FLAG.AF | FLAG.ZF | FLAG.SF | FLAG.OF;
export const CR0 = { PE: 1, MP: 2, EM: 4, TS: 8, ET: 0x10, NE: 0x20, WP: 0x10000, AM: 0x40000, NW: 0x20000000, CD: 0x40000000, PG: 0x80000000 } as const;
export const CR4 = { VME: 1, PVI: 2, TSD: 4, DE: 8, PSE: 0x10, PAE: 0x20, MCE: 0x40, PGE: 0x80 } as const;
export const EFER = { SCE: 1, LME: 0x100, LMA: 0x400, NXE: 0x800 } as const;
export const ATTRIBUTE = { accessed: 1, writable: 2, readable: 2, conforming: 4, expandDown: 4, code: 8, segment: 0x10, dpl: 0x60, present: 0x80, long: 0x200, big: 0x400 } as const;

export const isProtected = (s: MachineState): boolean => (s.cr0 & CR0.PE) !== 0;
export const isVirtual8086 = (s: MachineState): boolean => isProtected(s) && (s.flags & FLAG.VM) !== 0;
/** Selectors name descriptors. */
export const usesDescriptors = (s: MachineState): boolean => isProtected(s) && !isVirtual8086(s);
export const isLong = (s: MachineState): boolean => (s.efer & EFER.LMA) !== 0;
/** Width of the present code: 16, 32 or 64 bits. */
export function codeBits(s: MachineState): 16 | 32 | 64 {
  const { attributes } = s.segments.cs;
  if (isLong(s) && attributes & ATTRIBUTE.long) return 64;
  return attributes & ATTRIBUTE.big ? 32 : 16;
}
/** A 64-bit address as a number: signed, so that canonical addresses are exact. */
export const signedAddress = (address: bigint): number => Number(BigInt.asIntN(64, address));

/** Linear address of the next instruction: signed in 64-bit code. */
export function codeAddress(s: MachineState): bigint {
  return codeBits(s) === 64 ? BigInt.asIntN(64, s.rip) : (s.segments.cs.base + s.rip) & 0xffffffffn;
}

/** Linear address of the stack's top. */
export function stackAt(s: MachineState): number {
  const { ss } = s.segments;
  if (codeBits(s) === 64) return signedAddress(s.general[4] ?? 0n);
  const mask = ss.attributes & ATTRIBUTE.big && isProtected(s) ? 0xffffffffn : 0xffffn;
  return Number((ss.base + ((s.general[4] ?? 0n) & mask)) & 0xffffffffn);
}

/** One value that differs. */
export interface Difference {
  readonly field: string;
  readonly ours: bigint;
  readonly theirs: bigint;
}

/** The busy bit of a TSS type. */
const TSS_BUSY = 2;

/** A segment register that holds nothing: what else its hidden part says shows nowhere. */
const unusable = (s: SegmentState): boolean => (s.attributes & ATTRIBUTE.present) === 0 || (s.selector & 0xfffc) === 0;

/** QEMU shows 32 bits of a base outside of 64-bit code. */
const shownBase = ({ base }: SegmentState, theirs: MachineState): bigint => (codeBits(theirs) === 64 ? base : BigInt.asUintN(32, base));

function compareSegments(name: SegmentName, ours: MachineState, theirs: MachineState, add: (field: string, a: number | bigint, b: number | bigint) => void): void {
  const a = ours.segments[name];
  const b = theirs.segments[name];
  add(name, a.selector, b.selector);
  // Outside protected mode rights stay what they were; they show when a segment is reloaded.
  const descriptors = usesDescriptors(ours);
  if (descriptors && unusable(a) && unusable(b)) {
    // In 64-bit code FS and GS have bases all the same.
    if (isLong(ours) && (name === 'fs' || name === 'gs')) add(`${name} base`, shownBase(a, theirs), b.base);
    return;
  }
  // The base of CS means nothing in 64-bit code.
  if (name !== 'cs' || codeBits(ours) !== 64) add(`${name} base`, shownBase(a, theirs), b.base);
  add(`${name} limit`, a.limit, b.limit);
  // What shows nowhere: TR is always busy, and what is loaded is accessed. QEMU keeps these bits as it has read them.
  const shown = name === 'tr' ? ~TSS_BUSY : ~ATTRIBUTE.accessed;
  if (descriptors) add(`${name} attributes`, a.attributes & shown, b.attributes & shown);
}

/** All that differs between two machines, in a fixed order. */
export function differences(ours: MachineState, theirs: MachineState): Difference[] {
  const found: Difference[] = [];
  const add = (field: string, a: number | bigint, b: number | bigint): void => {
    if (a !== b) found.push({ field, ours: BigInt(a), theirs: BigInt(b) });
  };
  add('rip', ours.rip, theirs.rip);
  add('flags', ours.flags, theirs.flags);
  // QEMU shows the upper halves and the upper eight registers in 64-bit code only.
  const wide = codeBits(theirs) === 64;
  GENERAL_NAMES.forEach((name, i) => {
    if (wide || i < 8) add(name, BigInt.asUintN(wide ? 64 : 32, ours.general[i] ?? 0n), theirs.general[i] ?? 0n);
  });
  // LDTR and TR show in protected mode only. In real mode QEMU's are those of the program before.
  for (const name of SEGMENT_NAMES) if (isProtected(ours) || (name !== 'ldtr' && name !== 'tr')) compareSegments(name, ours, theirs, add);
  add('cpl', ours.cpl, theirs.cpl);
  for (const table of ['gdtr', 'idtr'] as const) {
    add(`${table} base`, ours[table].base, theirs[table].base);
    add(`${table} limit`, ours[table].limit, theirs[table].limit);
  }
  for (const name of ['cr0', 'cr2', 'cr3', 'cr4', 'efer', 'dr6', 'dr7'] as const) add(name, ours[name], theirs[name]);
  return found;
}
