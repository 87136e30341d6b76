/**
 * Where everything lies in the little machine that both sides are given: guest-physical addresses, and linear ones
 * as long as low memory is mapped to itself.
 */

/** Memory of QEMU's machine; ours has the compared part alone, and a program that leaves that has strayed. */
export const RAM_BYTES = 0x200000;
/** From 0 up to here memory is compared after each step. */
export const COMPARED_BYTES = 0x40000;

export const AT = {
  /** Real mode's vectors. */
  ivt: 0,
  gdt: 0x1000,
  ldt: 0x1800,
  idt: 0x2000,
  /** Task-state segments, each in its own 1 KiB: the first is the one that TR holds. */
  tasks: 0x3000,
  prologue: 0x4000,
  /** What the prologue loads: pseudo-descriptors, far pointers, registers. */
  block: 0x4800,
  /** Handlers, 16 bytes a vector; of task gates' tasks behind them. */
  handlers: 0x5000,
  /** Where gates lead, 16 bytes each. */
  landings: 0x6000,
  /** The program is somewhere in these two pages. */
  code: 0x8000,
  codeEnd: 0xa000,
  data: 0x10000,
  /** What units plant for their operands. */
  planted: 0x19000,
  plantedEnd: 0x1a000,
  dataEnd: 0x20000,
  /** Stacks of CPL 0 to 3, 4 KiB each. */
  stacks: 0x20000,
  /** The stack of the prologue's last IRET. */
  frame: 0x25000,
  /** Stacks of IST, 2 KiB each. */
  istStacks: 0x26000,
  /** Page tables. */
  tables: 0x30000,
} as const;

export const STACK_BYTES = 0x1000;
/** Initial stack pointer of a privilege: some way below the stack's end. */
export const stackTop = (cpl: number): number => AT.stacks + cpl * STACK_BYTES + 0xf00;
/** Initial stack pointer of IST entry 1 to 7. */
export const istStack = (number: number): number => AT.istStacks + number * 0x800 - 0x40;
export const TASK_BYTES = 0x400;
export const taskAt = (number: number): number => AT.tasks + number * TASK_BYTES;
export const handlerOf = (vector: number): number => AT.handlers + vector * 16;
export const landingAt = (number: number): number => AT.landings + number * 16;

/** Selectors that every protected-mode program finds; the rest of the GDT and the LDT are random. */
export const SEL = {
  code0: 0x08, data0: 0x10, code3: 0x1b, data3: 0x23, task: 0x28, ldt: 0x30,
  code0bits16: 0x38, data0bits16: 0x40, code3bits16: 0x4b, data3bits16: 0x53,
  code1: 0x59, data1: 0x61, code2: 0x6a, data2: 0x72,
} as const;
/**
 * Selectors of long-mode programs where they are not as above: code0 to code2 are 64-bit code there, code3 is 32-bit code
 * (as SYSRET wants it), and the descriptors of the TSS and the LDT have 16 bytes.
 */
export const LONG_SEL = { code3: 0x2b, code0bits32: 0x30, task: 0x78, ldt: 0x88 } as const;
/** First free entry of the GDT, and how many there are. */
export const FIRST_FREE = 15;
export const LONG_FIRST_FREE = 19;
export const GDT_ENTRIES = 48;
export const LDT_ENTRIES = 16;
/** Limit of the main TSS: 104 bytes and an I/O map up to port 67Fh with its end mark. */
export const IO_MAP_AT = 0x68;
export const TASK_LIMIT = IO_MAP_AT + 0x680 / 8;

/** Ports: the line that requests an interrupt (a UART's interrupt enable register on QEMU's side), and one that nobody answers. */
export const PORT = { interrupt: 0x3f9, nobody: 0x600 } as const;
export const INTERRUPT_VECTOR = 0x24;
