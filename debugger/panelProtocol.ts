/**
 * The custom requests and events by which panels ask the debug adapter; webviews import these types and nothing else
 * of the debugger. Numbers of 64 bits travel as '0x…' text, bytes as base64 (codec.ts).
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type {
  AddressSpaceInfo, Counters, CpuState, DescriptorTables, DeviceView, DiskView, ExecutionState, FrameDetails, FrameMap, InterruptPicture, MachineSummary, ProfileAction, ProfileView, RegionDetails, RegionInstructionView, RegionSummaryView, ScheduledEventView, ScreenText,
  TablePair, Timeline, WalkAnswer,
} from '../src/monitor/inspection/queries';
import type { DiskReport, EntryReport } from '../src/filesystems/report';
import type { Wire } from './codec';
import type { PictureAnswer } from './pictures';
import type { SavedRecording } from './ports';

/** What a register points to. */
export interface PointerNote {
  readonly register: string;
  readonly linear: string;
  /** 'name' or 'name+0x12'. */
  readonly symbol?: string;
  /** The string that is there, or its beginning. */
  readonly text?: string;
}

/** A region in a line, with the symbol that it begins in. */
export type NamedRegion = Wire<RegionSummaryView> & { readonly name?: string };

/** An instruction of a region, as text. */
export interface RegionLine extends Omit<RegionInstructionView, 'offset'> {
  /** Linear where that is known, else guest-physical. */
  readonly address: string;
  readonly bytes: string;
  readonly text: string;
}

/** A block of a region. */
export interface RegionBlock {
  readonly address: string;
  readonly isLoop: boolean;
  /** 'name' or 'name+0x12' of the symbol that it begins in. */
  readonly name?: string;
  readonly lines: readonly RegionLine[];
}

export interface RegionAnswer extends Omit<Wire<RegionDetails>, 'summary' | 'blocks'> {
  readonly summary: NamedRegion;
  readonly blocks: readonly RegionBlock[];
}

/** A place in the tree of callers: a parent before its children. */
export interface ProfileNode {
  readonly name: string;
  readonly depth: number;
  readonly samples: number;
  /** Instructions, those of its callees among them. */
  readonly retired: number;
  /** A linear address in it. */
  readonly linear: string;
  readonly user: boolean;
}

export interface ProfileAnswer extends Omit<ProfileView, 'stacks'> {
  readonly nodes: readonly ProfileNode[];
  /** Places that were left out because little is in them. */
  readonly hidden: number;
}

/** Command → arguments and answer (`body`). */
export interface PanelRequests {
  /** `cpu`: which one, from 0; the one whose turn it is when it is missing. */
  'shadowbox.cpu': { arguments: { readonly cpu?: number }; answer: Wire<CpuState> };
  /** Registers that point to a symbol of the program or to a string. */
  'shadowbox.pointers': { arguments: { readonly cpu?: number }; answer: { readonly pointers: readonly PointerNote[] } };
  /** Sets a register or a part of one ('ax', 'eflags.zf', 'xmm0.f64[1]') to what a person typed: a number or an expression. The guest must stand. */
  'shadowbox.setRegister': { arguments: { readonly name: string; readonly value: string; readonly cpu?: number }; answer: Record<string, never> };
  /** Descriptor tables; `names` has symbols by the linear addresses of gates and vectors. */
  'shadowbox.descriptors': {
    arguments: Record<string, never>; answer: { readonly tables: Wire<DescriptorTables>; readonly names: Readonly<Record<string, string>> };
  };
  /** Where the code at an address can be read: its source, or a listing. */
  'shadowbox.codeAt': { arguments: { readonly linear: string }; answer: { readonly source: DebugProtocol.Source; readonly line: number } };
  'shadowbox.summary': { arguments: Record<string, never>; answer: Wire<MachineSummary> };
  'shadowbox.addressSpaces': { arguments: Record<string, never>; answer: { readonly spaces: Wire<readonly AddressSpaceInfo[]> } };
  /**
   * The root table when `linear` and `level` are missing. `table` is missing when the path is not present. `space` is the
   * key of a space (`AddressSpaceInfo`): under one CR3 there may be several.
   */
  'shadowbox.table': {
    arguments: { readonly cr3: number; readonly space?: string; readonly linear?: string; readonly level?: number };
    answer: { readonly table?: Wire<TablePair> };
  };
  /** `linear` may be any expression, and digits alone are hexadecimal; the current address space when `cr3` is missing. */
  'shadowbox.walk': { arguments: { readonly linear: string; readonly cr3?: number; readonly space?: string }; answer: Wire<WalkAnswer> };
  /** What stands behind every guest-physical page (see FrameMap). */
  'shadowbox.frames': { arguments: Record<string, never>; answer: Wire<FrameMap> };
  /** All about one guest-physical page, by its number; with its bytes (base64), fewer where there is no memory. */
  'shadowbox.frame': { arguments: { readonly page: number }; answer: { readonly frame: Wire<FrameDetails>; readonly data: string } };
  /** Regions of translated code, with symbols where there are any. */
  'shadowbox.regions': { arguments: Record<string, never>; answer: { readonly regions: readonly NamedRegion[]; readonly left: number } };
  /** A region's guest code beside the WebAssembly text that is emitted for it; missing when it is gone. */
  'shadowbox.region': { arguments: { readonly entry: number }; answer: { readonly region?: RegionAnswer } };
  /** What sampling has found; `action` sets it going (anew) or ends it. */
  'shadowbox.profile': { arguments: { readonly action?: ProfileAction }; answer: ProfileAnswer };
  'shadowbox.counters': { arguments: Record<string, never>; answer: Wire<Counters> };
  'shadowbox.execution': { arguments: Record<string, never>; answer: Wire<ExecutionState> };
  'shadowbox.devices': { arguments: Record<string, never>; answer: { readonly devices: Wire<readonly DeviceView[]> } };
  /** The interrupt system: a row for each line, and what each processor has of requests. */
  'shadowbox.interrupts': { arguments: Record<string, never>; answer: InterruptPicture };
  /** What devices have scheduled, the next first; with the present virtual time, in cycles. */
  'shadowbox.events': { arguments: Record<string, never>; answer: { readonly now: number; readonly events: readonly ScheduledEventView[] } };
  'shadowbox.disks': { arguments: Record<string, never>; answer: { readonly disks: Wire<readonly DiskView[]> } };
  /**
   * How the disk in a drive is divided, and what is on it (`disk`: DiskView.name). `image`: which one is thought to be in the drive; the answer is of the
   * one that is.
   */
  'shadowbox.diskReport': { arguments: { readonly disk: string; readonly image?: string }; answer: Wire<DiskReport> };
  /** What is in a directory on it, by a path as the explorer has them: '/partition1/boot'. */
  'shadowbox.diskEntries': { arguments: { readonly disk: string; readonly path: string; readonly image?: string }; answer: { readonly entries: Wire<readonly EntryReport[]> } };
  /** Bytes (base64) of the disk as the guest would read them; at most 1 MiB. */
  'shadowbox.readDisk': { arguments: { readonly disk: string; readonly offset: number; readonly bytes: number }; answer: { readonly data: string } };
  /**
   * Another disc for the CD-ROM drive ('cdrom') or a floppy drive ('floppy0'): an image's path; without one what is in it is taken out.
   * `writable`: what the guest writes to a floppy goes to its image; if not, it is kept in memory.
   */
  'shadowbox.changeDisc': { arguments: { readonly drive: string; readonly image?: string; readonly writable?: boolean }; answer: Record<string, never> };
  /** What the guest is to be left of its memory by the balloon, in bytes. */
  'shadowbox.balloon': { arguments: { readonly memory: number }; answer: Record<string, never> };
  'shadowbox.screen': { arguments: Record<string, never>; answer: Wire<ScreenText> };
  /** `since`: the `change` of the picture that is had already. */
  'shadowbox.picture': { arguments: { readonly since?: number }; answer: PictureAnswer };
  /** What the mouse has done (see MouseMotion). */
  'shadowbox.mouse': {
    arguments: { readonly dx: number; readonly dy: number; readonly wheel?: number; readonly buttons: number }; answer: Record<string, never>;
  };
  /** Bytes (base64) that come in on a serial port: 'com1'. */
  'shadowbox.serialInput': { arguments: { readonly port: string; readonly data: string }; answer: Record<string, never> };
  /** A key by its set-1 make code (0xE0 in the high byte for grey keys). */
  'shadowbox.key': { arguments: { readonly code: number; readonly down: boolean }; answer: Record<string, never> };
  /** What runs in the machine, when that is a Linux; `system` is missing for other guests. Address spaces are named by the processes' CR3. */
  'shadowbox.processes': {
    arguments: Record<string, never>; answer: { readonly system?: string; readonly processes: readonly ProcessInfo[] };
  };
  /** A button in front of the machine is pressed. */
  'shadowbox.button': { arguments: { readonly button: 'power' | 'reset' }; answer: Record<string, never> };
  /** A device's register is written from outside, as a guest would write it, with all that follows (see RegisterWrite). */
  'shadowbox.writeRegister': {
    arguments: { readonly space: 'port' | 'memory' | 'configuration'; readonly address: number; readonly bytes: number; readonly value: number };
    answer: Record<string, never>;
  };
  /** The time line; `from` and `to`: the part, in retired instructions, whose inputs are to be told apart. */
  'shadowbox.timeline': { arguments: { readonly from?: number; readonly to?: number }; answer: Wire<Timeline> };
  /** Goes to a moment; answered when it goes, and `stopped` follows. One of these says where. */
  'shadowbox.travel': {
    arguments: { readonly retired?: number; readonly time?: number; readonly bookmark?: string; readonly fork?: number; readonly furthest?: boolean };
    answer: Record<string, never>;
  };
  /** Adds a bookmark at the present moment, renames (`to`) or removes one. */
  'shadowbox.bookmark': { arguments: { readonly kind: 'add' | 'rename' | 'remove'; readonly name: string; readonly to?: string }; answer: Record<string, never> };
  /** Saves the run of a machine that stands to a file of the adapter's computer; `embed`: with images of up to 64 MiB; `snapshots`: with some of its snapshots. */
  'shadowbox.saveRecording': { arguments: { readonly path: string; readonly embed?: boolean; readonly snapshots?: boolean }; answer: SavedRecording };
  /**
   * Watches memory beside the client's data breakpoints, which `setDataBreakpoints` replaces and this does not: writes, or what `access` says. `expression` is a
   * memory reference ('0x…', 'phys:0x…', 'lin:CR3:0x…'), or what lies where it says; `bytes` are those of its value where they are not given, of an address one.
   */
  'shadowbox.watchWrites': {
    arguments: { readonly expression: string; readonly bytes?: number; readonly access?: MemoryWatch['access']; readonly enabled?: boolean; readonly frameId?: number };
    answer: { readonly watch: MemoryWatch };
  };
  /** What is watched so, in the order in which it was asked for. */
  'shadowbox.watches': { arguments: Record<string, never>; answer: { readonly watches: readonly MemoryWatch[] } };
  'shadowbox.changeWatch': { arguments: { readonly id: number; readonly kind: 'enable' | 'disable' | 'remove' }; answer: Record<string, never> };
  /** Whether numbers of the program's variables are shown in hexadecimal. */
  'shadowbox.format': { arguments: { readonly hex: boolean }; answer: Record<string, never> };
}

/** Memory that is watched beside the client's data breakpoints. */
export interface MemoryWatch {
  readonly id: number;
  /** What it was asked for by: an expression, or its memory reference. */
  readonly name: string;
  readonly memoryReference: string;
  readonly bytes: number;
  readonly access: 'write' | 'read' | 'readWrite';
  readonly enabled: boolean;
}

/** A process of the guest's system. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** As `ps` says it: R, S, D, T, t, X, Z, P, I. */
  readonly state: string;
  readonly name: string;
  /** Of its own page tables; missing for threads of the kernel. */
  readonly cr3?: number;
  /** Whether a CPU runs one of its threads. */
  readonly current: boolean;
  /** Its threads beside the first; missing where there are none. */
  readonly threads?: readonly ThreadInfo[];
}

/** A thread of a process. */
export interface ThreadInfo {
  readonly tid: number;
  /** As of processes. */
  readonly state: string;
  readonly name: string;
  /** Whether a CPU runs it. */
  readonly current: boolean;
}

export type PanelCommand = keyof PanelRequests;

/** Custom events and their bodies. */
export interface PanelEvents {
  /** The guest's serial port is to be shown in a terminal; sent once at launch. */
  'shadowbox.serialOpen': { readonly port: string };
  /** Output of a serial port (base64), batched. */
  'shadowbox.serial': { readonly port: string; readonly data: string };
  /** The machine has changed since the last event of this kind: ask anew. At most 30 a second. */
  'shadowbox.changed': Record<string, never>;
  /** All memory that is watched beside the client's data breakpoints, whenever something of it has changed. */
  'shadowbox.watchesChanged': { readonly watches: readonly MemoryWatch[] };
}
