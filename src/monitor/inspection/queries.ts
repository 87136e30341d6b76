/**
 * The questions that the outside may ask of a machine, and the types of the answers. Read-only; valid
 * while the machine runs or stands. A panel's picture is a pure function of an answer (invariant 7).
 *
 * How wide numbers are written: linear addresses, sizes and raw entries have up to 64 bits and are bigints; upper-half
 * addresses are canonical (sign-extended to 64 bits, not negative). JSON has no bigint, so on their way to a panel they
 * are text: '0xffff888000001000' (debugger/codec.ts; webviews/page-tables/answers.ts takes them back). Guest-physical
 * addresses have at most 52 bits (Intel SDM vol. 3, 4.1.4) and machine frames 32: these are plain numbers, which a
 * double holds exactly up to 53 bits.
 */
import type { MachineInput } from '../devices/device';
import type { MemorySpace } from '../machine/session';
import type { DescriptorTables } from './descriptorTypes';
import type { FrameDetails, FrameMap } from './frameTypes';
import type { ProfileAction, ProfileView, RegionDetails, RegionList } from './regionTypes';

export type * from './frameTypes';
export type * from './regionTypes';
export type {
  DescriptorKind, DescriptorTable, DescriptorTables, DescriptorUse, GateTarget, LoadedSegment, RealVector, TableEntry, TaskField, TaskState,
} from './descriptorTypes';

/** One bit or field of a register, decoded. */
export interface RegisterField {
  /** Manual's name: 'ZF', 'PG', 'IOPL'. */
  readonly name: string;
  readonly value: number;
  readonly lowBit: number;
  readonly bits: number;
  /** What it means, in words. */
  readonly meaning: string;
}

export interface RegisterValue {
  /** Lower case: 'eax', 'cr0', 'cs', 'dr6', 'st0', 'xmm3', 'gdtr.base', 'ia32_lstar'. */
  readonly name: string;
  /** Unsigned. */
  readonly value: bigint;
  readonly bits: number;
  readonly fields?: readonly RegisterField[];
  /** In words, where the number alone says little: '2.5', 'empty', 'MSR c0000082'. */
  readonly meaning?: string;
  readonly readOnly?: boolean;
}

/** A segment register with its hidden part. */
export interface SegmentValue {
  readonly name: 'cs' | 'ss' | 'ds' | 'es' | 'fs' | 'gs' | 'ldtr' | 'tr';
  readonly selector: number;
  readonly base: bigint;
  /** In bytes, granularity applied: the last valid offset (the one below the first for expand-down). */
  readonly limit: number;
  /** Access byte and flags as in the descriptor: type (4), S, DPL (2), P, AVL, L, D/B, G from bit 0 up. */
  readonly attributes: number;
  readonly present: boolean;
  /** 'code, readable, 32-bit, DPL 0'. */
  readonly meaning: string;
}

export type CpuMode = 'real' | 'v8086' | 'protected-16' | 'protected-32' | 'compatibility' | 'long-64';

export interface CpuState {
  /** Which of the machine's CPUs it is, from 0, and how many there are. */
  readonly processor: { readonly index: number; readonly count: number };
  readonly mode: CpuMode;
  readonly cpl: number;
  readonly halted: boolean;
  /** Address size in bits of code at this point: 16, 32 or 64 (for the disassembler). */
  readonly codeBits: 16 | 32 | 64;
  readonly selector: number;
  readonly instructionPointer: bigint;
  readonly linear: bigint;
  /** SS base + stack pointer. */
  readonly stackLinear: bigint;
  /** eax..edi and eip; in long mode rax..r15 and rip, in compatibility mode too. */
  readonly general: readonly RegisterValue[];
  readonly segments: readonly SegmentValue[];
  /** 'eflags', in long mode 'rflags'. */
  readonly flags: RegisterValue;
  /** CR0, CR2, CR3, GDTR, IDTR; CR4, CR8, EFER, XCR0, PKRU as the processor has them. */
  readonly control: readonly RegisterValue[];
  /** DR0-3, DR6, DR7. */
  readonly debug: readonly RegisterValue[];
  /** ST(0) to ST(7), the unit's words, and the MMX registers; empty without the unit. */
  readonly x87: readonly RegisterValue[];
  /** XMM registers and MXCSR, and with AVX the YMM registers; empty without SSE. */
  readonly vector: readonly RegisterValue[];
  readonly msrs: readonly RegisterValue[];
}

/** Rights that an entry, or a whole walk, grants. */
export interface PageRights {
  readonly writable: boolean;
  readonly user: boolean;
  readonly executable: boolean;
}

/** How linear addresses are translated; 'none' before CR0.PG is set. */
export type PagingModeName = 'none' | '32-bit' | 'PAE' | '4-level' | '5-level';

/**
 * A known address space. One CR3 may stand for several: the same table read in another mode, or with other rules for its
 * entries, says something else, and has a shadow of its own.
 */
export interface AddressSpaceInfo {
  /** Tells it from all other spaces of the machine, as long as it is known. Text without meaning: for comparison only. */
  readonly key: string;
  /** CR3 value (guest-physical address of the root table, with its low flag bits cleared). */
  readonly cr3: number;
  readonly mode: PagingModeName;
  /** Whether bit 7 of a page-directory entry makes a large page (CR4.PSE; always so but in 32-bit mode). */
  readonly largePages: boolean;
  /** Whether entries may forbid execution (EFER.NXE). */
  readonly noExecute: boolean;
  readonly current: boolean;
  /** Shadow tables that are kept for it now, and leaf entries filled in them. */
  readonly shadowTables: number;
  readonly shadowEntries: number;
  /** Counts up over all spaces as they are entered: the greatest is the one that was entered last. */
  readonly lastUsed: number;
}

/**
 * One run of equal neighbouring entries of one guest table: entry i maps frame + i, with the same
 * rights and state. `count` is 1 for a pointer to a lower table.
 */
export interface GuestEntryRun {
  readonly kind: 'table' | 'page' | 'large-page';
  /** First linear address and how many bytes the run covers. */
  readonly linear: bigint;
  readonly bytes: bigint;
  /** Index of the first entry in its table, and number of entries. */
  readonly index: number;
  readonly count: number;
  /** Guest-physical address of the first entry itself, and its raw value. */
  readonly entryAddress: number;
  readonly raw: bigint;
  /** Guest-physical address that the first entry points to. */
  readonly target: number;
  readonly rights: PageRights;
  readonly accessed: boolean;
  readonly dirty: boolean;
  readonly global: boolean;
  readonly cacheDisabled: boolean;
  /** Bits 62:59 of an entry that maps a page in the 64-bit modes: its protection key, 0 to 15. */
  readonly protectionKey?: number;
}

/** One run of neighbouring filled entries of one shadow table, with equal rights and state. */
export interface ShadowEntryRun {
  readonly kind: 'table' | 'page' | 'large-page' | 'device';
  readonly linear: bigint;
  readonly bytes: bigint;
  readonly index: number;
  readonly count: number;
  /** Machine frame of the first entry (4 KiB units in machine memory); -1 for a device. */
  readonly frame: number;
  /** Guest-physical address that the first entry stands for. */
  readonly physical: number;
  readonly rights: PageRights;
  /** Whether writes may go straight to memory (dirty is set in the guest, frame not traced). */
  readonly directWrite: boolean;
  /** Guest-physical address of the guest entry from which the first of them derives. */
  readonly derivesFrom: number;
}

/** One guest table page beside the shadow table that is kept for it, if there is one. */
export interface TablePair {
  /** 1 = page table (leaf), 2 = directory, 3, 4, 5. */
  readonly level: number;
  /** First linear address and span in bytes of the table. */
  readonly linear: bigint;
  readonly bytes: bigint;
  readonly entryBytes: bigint;
  /** Guest-physical address of the guest table. */
  readonly guestTable: number;
  /** Whether guest writes to this page are traced. */
  readonly traced: boolean;
  readonly guest: readonly GuestEntryRun[];
  /** Number of entries not present in the guest's table. */
  readonly guestAbsent: number;
  /** Undefined when nothing of this table is shadowed yet. */
  readonly shadow?: {
    /** Number of the shadow table in the monitor, and machine frame that holds it. */
    readonly id: number;
    readonly frame: number;
    readonly runs: readonly ShadowEntryRun[];
    /** Present in the guest but not yet filled in the shadow: first linear addresses and bytes. */
    readonly unfilled: readonly { readonly linear: bigint; readonly bytes: bigint }[];
    /** How many parents (other tables or roots) share it. */
    readonly sharedBy: number;
  };
}

/** Which table of a space: the root when `linear` and `level` are missing, else the one at `level` that covers `linear`. */
export interface TableRequest {
  readonly cr3: number;
  /** Which of the spaces under this CR3; without it, or when it is not known any more: see `Inspection.walk`. */
  readonly key?: string;
  readonly linear?: bigint;
  readonly level?: number;
}

/** One step of a guest walk. */
export interface GuestWalkStep {
  readonly level: number;
  /** 'PDE', 'PTE', 'PDPTE', 'PML4E'. */
  readonly name: string;
  readonly index: number;
  readonly entryAddress: number;
  readonly raw: bigint;
  readonly present: boolean;
  readonly rights: PageRights;
  readonly accessed: boolean;
  readonly dirty: boolean;
  readonly large: boolean;
  readonly target: number;
  /** In words. */
  readonly story: string;
}

export interface ShadowWalkStep {
  readonly level: number;
  readonly tableId: number;
  readonly index: number;
  readonly filled: boolean;
  readonly rights: PageRights;
  readonly frame: number;
  readonly derivesFrom: number;
  readonly story: string;
}

export interface WalkAnswer {
  readonly cr3: number;
  /** The space that was walked, and how its addresses are divided. `key` is missing when the space is not known. */
  readonly key?: string;
  readonly mode: PagingModeName;
  readonly linear: bigint;
  readonly guest: readonly GuestWalkStep[];
  readonly shadow: readonly ShadowWalkStep[];
  /** Guest-physical result, when the guest's tables map it. */
  readonly physical?: number;
  readonly rights?: PageRights;
  /** Machine frame behind it, when there is one. */
  readonly frame?: number;
  /** 'RAM', 'RAM, no frame yet', 'BIOS ROM', 'device: VGA text memory', 'nothing'. */
  readonly backing?: string;
  /** Whether the software TLB holds it now, for reading / writing / execution. */
  readonly tlb: { readonly read: boolean; readonly write: boolean; readonly execute: boolean };
  /** Why it ends where it does, in words. */
  readonly story: string;
}

/**
 * How the engine runs the guest's code: translated without guards (user code in flat or 64-bit segments), translated with
 * them, by the interpreter alone, or instruction by instruction.
 */
export type ExecutionModeName = 'direct' | 'guarded' | 'interpreted' | 'stepped';

/** How code is run now, and what has happened since power-on. */
export interface ExecutionState {
  readonly mode: ExecutionModeName;
  /** What the mode was decided by: 'supervisor', 'segments', … */
  readonly reason: string;
  /** The same in words. */
  readonly story: string;
  /** Instructions retired in each mode; what was stepped is in the mode that it was stepped in. */
  readonly instructions: Readonly<Record<string, number>>;
  /** Switches into a mode, by what changed: 'privilege', 'segments', … Those that never happened are left out. */
  readonly switches: readonly { readonly to: ExecutionModeName; readonly cause: string; readonly count: number }[];
  /** Why generated code came back to the monitor, or what it asked of it, by cause. */
  readonly exits: Readonly<Record<string, number>>;
  /** What there is now: regions, modules, decoded code, shadow tables. */
  readonly held: HeldCode;
  /** Everything else that translator, code cache and shadow paging count. */
  readonly translator: Counters;
  readonly code: Counters;
  readonly shadow: Counters;
}

/** What the engine holds at a moment. */
export interface HeldCode {
  /** Regions of translated code, and the WebAssembly modules and bytes of modules that they keep. */
  readonly regions: number;
  readonly modules: number;
  readonly moduleBytes: number;
  /** Entries of the function table, used ones and free ones. */
  readonly tableEntries: number;
  /** Decoded code: pages, each in one way to read it, and bytes of their tables and records. */
  readonly codePages: number;
  readonly codeBytes: number;
}

/** Counters of the engine and of memory virtualization, by name. */
export type Counters = Readonly<Record<string, number>>;

export interface DeviceView {
  readonly name: string;
  /** The device's plain state. */
  readonly state: unknown;
  /** Its registers as they are now; left out for a device that has not been described. */
  readonly registers?: DeviceRegisters;
}

export interface DeviceRegisters {
  /** What the device is, for people: 'Interval timer (8254) and speaker control'. */
  readonly title: string;
  /** Data sheet or specification. */
  readonly source: string;
  readonly blocks: readonly RegisterBlockView[];
}

export interface RegisterBlockView {
  readonly name: string;
  readonly space: 'port' | 'memory' | 'configuration' | 'index';
  /** Port or guest-physical address at power-on; configuration space: device * 8 + function, times 256. */
  readonly base: number;
  readonly registers: readonly RegisterView[];
}

export interface RegisterView {
  /** The data sheet's name, and the same in words. */
  readonly name: string;
  readonly title: string;
  /** Offset from the base, or the index that it is behind. */
  readonly at: number;
  readonly bytes: 1 | 2 | 4;
  readonly access: 'read-write' | 'read-only' | 'write-only' | 'write-one-clears' | 'special';
  /** As a guest would read it now; left out when there is nothing to show. */
  readonly value?: number;
  readonly fields: readonly RegisterFieldView[];
}

export interface RegisterFieldView {
  readonly name: string;
  readonly low: number;
  readonly bits: number;
  readonly meaning: string;
  readonly value?: number;
  /** The value in words, where the data sheet has some. */
  readonly word?: string;
}

/** What a device has scheduled for a moment of virtual time. */
export interface ScheduledEventView {
  readonly device: string;
  /** The device's own name for it: 'irq0', 'character'. */
  readonly event: string;
  /** Cycles (nanoseconds of guest time). */
  readonly time: number;
}

/** An 8259's view of one of its inputs. */
export interface PicLineView {
  readonly requested: boolean;
  readonly masked: boolean;
  readonly inService: boolean;
  readonly levelTriggered: boolean;
  readonly vector: number;
  /** The ISA line in service that holds it back, by the chips' priorities: its own, when that is in service and asks again. */
  readonly behind?: number;
  /** On the slave, when the input is masked by which the slave reaches the master. */
  readonly cascadeMasked?: true;
}

/** A redirection entry of the I/O APIC. */
export interface IoApicLineView {
  readonly input: number;
  readonly masked: boolean;
  readonly levelTriggered: boolean;
  readonly activeLow: boolean;
  /** Sent and not yet served (remote IRR), or waiting until an APIC takes it. */
  readonly pending: boolean;
  readonly vector: number;
  /** 'fixed', 'lowest priority', 'SMI', 'NMI', 'INIT', 'ExtINT'. */
  readonly delivery: string;
  readonly destination: number;
  readonly logical: boolean;
}

/** One interrupt line, from its devices to the processors. */
export interface InterruptLineView {
  /** 0 to 15: ISA lines (IRQ); 16 to 19: PCI interrupts A to D; up to 23: inputs of the I/O APIC that lead nowhere. */
  readonly line: number;
  /** Who may raise it. */
  readonly devices: readonly string[];
  readonly raised: boolean;
  /** Of lines 0 to 15. */
  readonly pic?: PicLineView;
  readonly ioApic?: IoApicLineView;
  /** Processors whose local APIC has the entry's vector requested, or in service: their numbers. */
  readonly requestedAt: readonly number[];
  readonly inServiceAt: readonly number[];
}

/** What a processor's local APIC has. */
export interface LocalApicView {
  readonly cpu: number;
  readonly mode: 'disabled' | 'xapic' | 'x2apic';
  readonly taskPriority: number;
  /** Vectors, ascending. */
  readonly requested: readonly number[];
  readonly inService: readonly number[];
  /** The 8259 pair asks through it. */
  readonly external: boolean;
}

export interface InterruptWiring {
  readonly lines: readonly InterruptLineView[];
  readonly apics: readonly LocalApicView[];
}

export interface InterruptPicture extends InterruptWiring {
  /** Whether each processor has IF set, from CPU 0 on. */
  readonly interruptFlags: readonly boolean[];
}

export interface ScreenText {
  readonly columns: number;
  readonly rows: number;
  /** One string a row. */
  readonly text: readonly string[];
  /** Attribute bytes, row by row. */
  readonly attributes: Uint8Array;
  readonly cursor: { readonly column: number; readonly row: number; readonly visible: boolean };
}

/** The screen in colours, whatever mode it is in. */
export interface ScreenPicture {
  /** Counts the pictures that have been different. Hand it back to be told when nothing has changed. */
  readonly change: number;
  /** In dots and lines as they are shown: mode 13h has 640 by 400. */
  readonly width: number;
  readonly height: number;
  /** Width of the whole picture to its height, as a monitor shows it: 4/3 for the VGA's own modes, whose dots are no squares. */
  readonly aspect: number;
  /** Red, green, blue and 255 of each dot, line by line. Missing when nothing has changed since the picture that was asked by. */
  readonly pixels?: Uint8Array;
}

export interface MachineSummary {
  readonly running: boolean;
  readonly retired: number;
  readonly time: number;
  readonly memoryBytes: number;
  /** Machine frames in use (4 KiB). */
  readonly frames: number;
}

/** A drive of the machine: what is in it, and what the guest has asked of it since power-on. */
export interface DiskView {
  /** 'floppy0', 'disk0' ..., 'cdrom'. */
  readonly name: string;
  readonly kind: 'floppy' | 'disk' | 'cdrom';
  readonly bus: 'floppy' | 'ata' | 'virtio';
  /** The image's path; left out for a drive without a disc. All that follows is zero then. */
  readonly image?: string;
  /** Size of the disk. */
  readonly bytes: number;
  /** Where what the guest writes goes: to memory, to the image, nowhere. */
  readonly writes: 'overlay' | 'image' | 'refuse';
  /** Memory that takes what was written. */
  readonly overlayBytes: number;
  readonly activity: {
    readonly reads: number; readonly readBytes: number; readonly writes: number; readonly writtenBytes: number; readonly discards: number;
  };
  /** Reads that the cache answered, blocks of 64 KiB that it fetched, and pieces that it wrote. */
  readonly cache: { readonly hits: number; readonly fetches: number; readonly writes: number };
  /**
   * By stretches of equal length: how many requests touched each, and whether the guest has written to it over the image (in memory). All
   * have the same number of members.
   */
  readonly zones: { readonly reads: readonly number[]; readonly writes: readonly number[]; readonly overlay: readonly boolean[] };
}

/** A moment of a run. */
export interface TimelineMoment {
  readonly retired: number;
  /** Virtual time in cycles. */
  readonly time: number;
}

/** A snapshot, with how much had happened by then. */
export interface TimelineSnapshot extends TimelineMoment {
  /** Interrupts that had been delivered, and device events handled, since power-on. */
  readonly interrupts: number;
  readonly events: number;
  /** Pages that are kept of it because they have changed since: 4 KiB each at most. */
  readonly pages: number;
}

/** Inputs of one kind that lie close together; the moment is the first one's. */
export interface TimelineInput extends TimelineMoment {
  readonly kind: MachineInput['kind'];
  readonly count: number;
}

/** What time travel has of a run. */
export interface Timeline {
  /** Snapshots, oldest first: none when time travel is off. */
  readonly moments: readonly TimelineSnapshot[];
  readonly present: TimelineMoment;
  /** The latest moment that the run has reached, which the present may lie before. */
  readonly furthest: TimelineMoment;
  /** Memory that images of pages take, in bytes, and how much they may take. */
  readonly bytes: number;
  readonly mostBytes: number;
  /** What came in, oldest first. */
  readonly inputs: readonly TimelineInput[];
  /** Where a debugger changed something; the last 500. */
  readonly edits: readonly TimelineMoment[];
  /** Where the run was stopped, as far as it is remembered. */
  readonly stops: readonly (TimelineMoment & { readonly kind: 'breakpoint' | 'watchpoint' | 'event' | 'exception' })[];
  readonly bookmarks: readonly (TimelineMoment & { readonly name: string })[];
  /** Futures that were left when the past was changed: where, and how far they had come. */
  readonly forks: readonly (TimelineMoment & { readonly id: number; readonly end: TimelineMoment })[];
}

/** Part of a time line, in retired instructions, both included. */
export interface TimelineRange {
  readonly from: number;
  readonly to: number;
}

/** All questions. Each works while the machine runs (between two slices) or stands. */
export interface Inspection {
  summary(): Promise<MachineSummary>;
  /** The CPU with this index, from 0; default: the one whose turn it is, or was when the machine stopped. */
  cpu(index?: number): Promise<CpuState>;
  /** Descriptor tables, of the CPU whose turn it is. */
  descriptors(): Promise<DescriptorTables>;
  /** Reads without rights checks and without side effects; the answer is short when a page is absent or a device. */
  readMemory(space: MemorySpace, address: bigint, bytes: number): Promise<Uint8Array>;
  addressSpaces(): Promise<readonly AddressSpaceInfo[]>;
  /** One pair of tables; undefined when the path to it is not present in the guest. */
  table(request: TableRequest): Promise<TablePair | undefined>;
  /**
   * The walk of an address. Without `cr3` in the current space. With it in the space of that `key`; without a key (or when
   * it is not known any more) in the current space if that is its CR3, else in the one under that CR3 that was entered last.
   */
  walk(cr3: number | undefined, linear: bigint, key?: string): Promise<WalkAnswer>;
  /** What stands behind all guest-physical pages. */
  frames(): Promise<FrameMap>;
  /** All about one guest-physical page, by its number. */
  frame(page: number): Promise<FrameDetails>;
  /** Regions of translated code. */
  regions(): Promise<RegionList>;
  /** One of them, by its entry; undefined when it is gone. */
  region(entry: number): Promise<RegionDetails | undefined>;
  /** What sampling has found. An action sets it going (anew) or ends it; the guest never knows of it. */
  profile(action?: ProfileAction): Promise<ProfileView>;
  counters(): Promise<Counters>;
  execution(): Promise<ExecutionState>;
  devices(): Promise<readonly DeviceView[]>;
  /** Who raises which interrupt line, and how far the interrupt has got. */
  interrupts(): Promise<InterruptPicture>;
  /** What devices have scheduled, the next first, and the present moment in cycles. */
  events(): Promise<{ readonly now: number; readonly events: readonly ScheduledEventView[] }>;
  disks(): Promise<readonly DiskView[]>;
  /** Bytes of a drive's disk (by `DiskView.name`) as the guest would read them now; at most 1 MiB. Throws for what is not there. */
  readDisk(name: string, offset: number, bytes: number): Promise<Uint8Array>;
  screen(): Promise<ScreenText>;
  /** `range`: the part that is looked at, whose inputs are told apart the better the shorter it is; default: all of it. */
  timeline(range?: TimelineRange): Promise<Timeline>;
  /** The screen as a picture; without its pixels when `since` is the number of the picture as it is now. */
  picture(since?: number): Promise<ScreenPicture>;
  /** Hash of the whole machine (memory, CPU, devices), hex. */
  hash(): Promise<string>;
}
