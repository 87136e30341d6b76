/**
 * What a machine can be told to stop at: breakpoints, watchpoints, events, and the gates (conditions, counts, logs) that each of
 * them may have. Plain data, decided about inside the monitor. Each list is replaced as a whole, running or not; the same list
 * again costs nothing. Stops survive resets and ways through time, and are no part of the machine: with and without them it is
 * the same, bit for bit. What they mean in detail, what they cost, and where they end is in docs/stops.md.
 */

/** Privilege of the code that does something: user is CPL 3. */
export type Privilege = 'user' | 'kernel';

/** Who or where a stop is about. All that is given has to hold. */
export interface StopFilter {
  /** Only under this CR3 (the page of the root; lower bits are ignored). */
  readonly cr3?: number;
  readonly privilege?: Privilege;
  /** Only on this CPU, from 0. */
  readonly cpu?: number;
}

// Gates.

/** Bytes of a text that a condition compares with, at most: more would take as long as many operators. */
export const LONGEST_TEXT = 4096;

/** A value in a condition, computed in 64 bits; widths and signs are those of the operators. */
export type GateExpression =
  | { readonly kind: 'constant'; readonly value: bigint }
  /**
   * A register by its name in `Inspection.cpu()`, lower case: 'rax', 'eip', 'cr3', 'xmm0' (its low 64 bits), 'ia32_lstar'; a
   * segment register's selector 'cs', and 'cs.base', 'cs.limit', 'cs.attributes'; a field 'eflags.ZF', 'cr4.SMEP'. General
   * registers have their names of 32 and 64 bits in every mode.
   */
  | { readonly kind: 'register'; readonly name: string }
  /** So many bytes (1 to 8) of memory, little-endian, without sign. */
  | { readonly kind: 'memory'; readonly space: 'linear' | 'physical'; readonly address: GateExpression; readonly bytes: number }
  /**
   * Whether the text at an address is `bytes` (up to LONGEST_TEXT, none of them zero), 1 or 0. The text there ends before its first
   * zero byte, or behind `room` bytes. Bytes are read up to the first that differs, and none behind it.
   */
  | { readonly kind: 'text'; readonly space: 'linear' | 'physical'; readonly address: GateExpression; readonly bytes: Uint8Array; readonly room?: number }
  /** What the event brings: see EVENT_VALUES. */
  | { readonly kind: 'event'; readonly name: EventValue }
  /** The low `bits` of a value, without sign, or with. */
  | { readonly kind: 'cast'; readonly bits: Width; readonly signed: boolean; readonly value: GateExpression }
  | { readonly kind: 'unary'; readonly op: '-' | '~' | '!'; readonly value: GateExpression }
  /**
   * Arithmetic in `bits` (default 64): operands are cut to them, with or without sign (default without), and so is the result. Comparisons
   * give 1 or 0. A division by zero cannot be evaluated.
   */
  | { readonly kind: 'binary'; readonly op: BinaryOperator; readonly left: GateExpression; readonly right: GateExpression; readonly bits?: Width; readonly signed?: boolean }
  /** The right side is evaluated only where the left does not decide. */
  | { readonly kind: 'and' | 'or'; readonly left: GateExpression; readonly right: GateExpression };

export type Width = 8 | 16 | 32 | 64;
export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '<<' | '>>' | '==' | '!=' | '<' | '<=' | '>' | '>=';

/**
 * What events bring: retired instructions; the number of the CPU; of interrupts and exceptions the vector and error code (0 without one)
 * and CR2-to-be of a page fault; of interrupts the line (`irq`, -1 for what no line has raised); of port and MSR accesses, and CR3 loads, the number and the value that is written (0 for reads);
 * of a watchpoint the linear and physical address, and the value of the watched bytes (up to 8; of more those from the first one that was accessed) before and after. 0 for what the event does not have.
 */
export const EVENT_VALUES = ['retired', 'cpu', 'vector', 'irq', 'errorCode', 'faultAddress', 'port', 'msr', 'value', 'bytes', 'write', 'linear', 'physical', 'before', 'after'] as const;
export type EventValue = (typeof EVENT_VALUES)[number];

/** When a stop that has been come to counts. */
export interface Gate {
  /** Only if this is not 0. Where it cannot be evaluated (memory that is absent), the machine stops and says so. */
  readonly condition?: GateExpression;
  /** Only at these of its hits, counted from 1, among those for which the condition holds. */
  readonly hits?: { readonly op: '==' | '>=' | 'multiple'; readonly count: number };
  /** Does not stop, but sends a `log` event with these values. */
  readonly log?: { readonly values: readonly GateExpression[] };
}

/** What all stops have in common. */
export interface Stop extends StopFilter {
  /** The caller's own; unique in its list. A stop that comes again with the same id and contents keeps its hits. */
  readonly id: number;
  readonly gate?: Gate;
}

// Breakpoints.

/** Where code is. */
export type CodePlace =
  | { readonly linear: bigint }
  /** Guest-physical, however it is mapped, also before the code is there. */
  | { readonly physical: number }
  /** In real and virtual-8086 mode: at the linear address segment * 16 + offset, whatever CS is. */
  | { readonly segment: number; readonly offset: number };

/** An invisible execution breakpoint: stops before the instruction that begins there is executed. As many as one likes. */
export type ExecutionBreakpoint = Stop & CodePlace;

// Watchpoints.

/** Bytes that are watched: linear in every address space, linear under `cr3`, or guest-physical. */
export interface Watchpoint extends Stop {
  readonly space: 'linear' | 'physical';
  readonly address: bigint;
  /** How many, 1 or more. */
  readonly length: number;
  /** `change`: writes that leave other bytes than before. */
  readonly access: 'read' | 'write' | 'readWrite' | 'change';
}

/** Who has accessed memory. */
export type Accessor =
  /** An instruction, by its address; `delivery`: not itself, but the delivery of an interrupt or fault there. */
  | {
      readonly kind: 'cpu'; readonly cpu: number; readonly selector: number; readonly instructionPointer: bigint; readonly linear: bigint;
      readonly cr3: number; readonly cpl: number; readonly delivery: boolean;
      /** It was the page walk for the instruction, setting A or D. */
      readonly walker: boolean;
    }
  /** A device, as a bus master; 'bios' for the built-in BIOS. */
  | { readonly kind: 'device'; readonly name: string };

/** A watchpoint that was met. Several accesses of one instruction are one hit. */
export interface WatchHit {
  readonly id: number;
  readonly access: 'read' | 'write' | 'readWrite';
  /** Of the first watched byte that was accessed. No linear address where a device or the page walker did it; the built-in BIOS has one where there is no paging. */
  readonly linear?: bigint;
  readonly physical: number;
  /**
   * The watched bytes before and after: up to 64, from the watchpoint's byte number `offset` on, among them the first that was
   * accessed. Absent where they cannot be read without side effects (device memory).
   */
  readonly offset: number;
  readonly before?: Uint8Array;
  readonly after?: Uint8Array;
  readonly by: Accessor;
}

// Events.

/** Something that a machine does, to stop at. Whether before or after its effects is said with each. */
export type EventStop = Stop &
  (
    /** A hardware interrupt, before it is delivered (and acknowledged); of all vectors, or one. */
    | { readonly kind: 'interrupt'; readonly vector?: number }
    /** INT n, INT3, INTO (if it traps), before the instruction. */
    | { readonly kind: 'softwareInterrupt'; readonly vector?: number }
    /** IN, OUT, INS, OUTS to any of `count` ports from `port` on, before the instruction. */
    | { readonly kind: 'port'; readonly port: number; readonly count?: number; readonly access?: 'read' | 'write' }
    /** RDMSR, WRMSR, before the instruction; of all registers, or one. */
    | { readonly kind: 'msr'; readonly msr?: number; readonly access?: 'read' | 'write' }
    /** MOV to CR3, before the instruction. A task switch loads CR3, too: see there. */
    | { readonly kind: 'cr3' }
    /** The CPU's mode (CpuMode) has become another: behind the instruction or delivery that has changed it. */
    | { readonly kind: 'mode' }
    /** Another task's TSS is in TR: behind the instruction or delivery that has switched to it. */
    | { readonly kind: 'taskSwitch' }
    /** A page of 4 KiB is accessed for the first time since the stop was set; behind a read or write, before an instruction in it. */
    | { readonly kind: 'touch'; readonly space: 'linear' | 'physical'; readonly address: bigint; readonly access: 'execute' | 'read' | 'write' }
  );

/** What has happened at an event stop. Values as EVENT_VALUES has them. */
export type EventReport =
  /** `irq`: 0 to 15 ISA lines, 16 to 19 PCI interrupts A to D; missing for what no line has raised. */
  | { readonly kind: 'interrupt'; readonly vector: number; readonly irq?: number }
  | { readonly kind: 'softwareInterrupt'; readonly vector: number }
  | { readonly kind: 'port'; readonly port: number; readonly bytes: number; readonly access: 'read' | 'write'; readonly value?: number }
  | { readonly kind: 'msr'; readonly msr: number; readonly access: 'read' | 'write'; readonly value?: bigint }
  | { readonly kind: 'cr3'; readonly from: bigint; readonly to: bigint }
  | { readonly kind: 'mode'; readonly from: string; readonly to: string }
  | { readonly kind: 'taskSwitch'; readonly from: number; readonly to: number }
  | { readonly kind: 'touch'; readonly hit: WatchHit }
  | { readonly kind: 'execute'; readonly linear: bigint; readonly physical: number };

/** A stop whose condition, or log, could not be evaluated, and why: a sentence. */
export interface GateProblem {
  readonly id: number;
  readonly problem: string;
}

/** What a log has noted. `values`: in the order of the gate's; a text where one cannot be evaluated. */
export interface LogEntry {
  readonly list: StopList;
  readonly id: number;
  /** Retired instructions, virtual time in cycles, and the instruction's linear address. */
  readonly retired: number;
  readonly time: number;
  readonly linear: bigint;
  readonly values: readonly (bigint | string)[];
}

/** Which list an id belongs to. */
export type StopList = 'breakpoints' | 'exceptions' | 'watchpoints' | 'events';
