/**
 * The answer to the question about descriptor tables: what GDT, LDT, IDT and TSS hold, beside what the processor has loaded from them.
 */
import type { CpuMode, SegmentValue } from './queries';

/** What one use of a descriptor at the present privilege would come to. */
export interface DescriptorUse {
  /** 'load DS, ES, FS, GS', 'INT 80h'. */
  readonly use: string;
  /** '#GP(0x18)': what it would raise, and why; missing when it would work. */
  readonly fault?: string;
  readonly why?: string;
}

/** Where a gate leads. */
export interface GateTarget {
  readonly selector: number;
  readonly offset: bigint;
  /** Linear address of its code; missing when the selector names no code segment. */
  readonly linear?: bigint;
  /** Entry of the interrupt stack table, 1 to 7. */
  readonly interruptStack?: number;
  /** Parameters that a call gate copies. */
  readonly parameters?: number;
}

export type DescriptorKind =
  | 'empty' | 'unreadable' | 'code' | 'data' | 'ldt' | 'tss' | 'call-gate' | 'interrupt-gate' | 'trap-gate' | 'task-gate' | 'reserved';

export interface TableEntry {
  /** Number of the first slot (GDT, LDT), or the vector (IDT), and how many of them are alike: more than one only if empty or unreadable. */
  readonly index: number;
  readonly count: number;
  /** Linear address. */
  readonly address: bigint;
  /** 8 bytes, or the 16 of long mode's system descriptors and gates. */
  readonly bytes: number;
  readonly raw: bigint;
  readonly kind: DescriptorKind;
  /** In words: 'code, readable, 32-bit'. */
  readonly meaning: string;
  readonly present: boolean;
  readonly dpl: number;
  /** Code, data, LDT and TSS. `limit` in bytes; `attributes` as in SegmentValue. */
  readonly segment?: { readonly base: bigint; readonly limit: number; readonly attributes: number };
  readonly gate?: GateTarget;
  /** In the IDT, the exception's name: '#GP'. */
  readonly name?: string;
  /** The segment registers that hold this selector now. */
  readonly loadedIn: readonly SegmentValue['name'][];
  readonly uses: readonly DescriptorUse[];
}

export interface DescriptorTable {
  readonly base: bigint;
  readonly limit: number;
  readonly entries: readonly TableEntry[];
}

/** A segment register beside the entry that its selector names. */
export interface LoadedSegment {
  readonly register: SegmentValue['name'];
  readonly selector: number;
  /** Missing where it comes from no table: real mode, null selectors. */
  readonly from?: { readonly table: 'gdt' | 'ldt'; readonly index: number };
  /** Parts in which what the processor holds differs from the table as it is now. */
  readonly differences: readonly { readonly part: 'base' | 'limit' | 'attributes'; readonly held: bigint; readonly table: bigint }[];
  readonly stale: boolean;
  /** In words; empty when there is nothing to say. */
  readonly story: string;
}

export interface TaskField {
  readonly name: string;
  readonly at: number;
  readonly bytes: number;
  readonly value: bigint;
  readonly meaning: string;
}

/** A task-state segment. */
export interface TaskState {
  readonly selector: number;
  readonly base: bigint;
  readonly limit: number;
  readonly bits: 16 | 32 | 64;
  /** Whether TR names it. */
  readonly current: boolean;
  /** Those that lie within its limit and can be read. */
  readonly fields: readonly TaskField[];
  /** Ports that its I/O permission map opens to code whose CPL is above IOPL. */
  readonly openPorts: readonly { readonly first: number; readonly last: number }[];
  /** What the map comes to, in words. */
  readonly portStory: string;
}

/** A vector of real mode's interrupt table. */
export interface RealVector {
  readonly vector: number;
  readonly address: bigint;
  readonly selector: number;
  readonly offset: number;
  readonly linear: bigint;
  /** Whose code is there: 'BIOS ROM', 'option ROM', 'guest', 'nobody'. */
  readonly owner: string;
  /** What a PC has it for: 'video services'. */
  readonly purpose?: string;
}

export interface DescriptorTables {
  readonly processor: { readonly index: number; readonly count: number };
  readonly mode: CpuMode;
  readonly cpl: number;
  /** Missing in real mode while GDTR is as at reset. */
  readonly gdt?: DescriptorTable;
  /** Missing while LDTR is null. */
  readonly ldt?: DescriptorTable;
  /** Missing in real mode. */
  readonly idt?: DescriptorTable;
  /** Real mode's interrupt table; also in virtual-8086 mode, whose monitors send interrupts there. */
  readonly vectors?: readonly RealVector[];
  readonly loaded: readonly LoadedSegment[];
  readonly tasks: readonly TaskState[];
}
