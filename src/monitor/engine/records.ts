/**
 * Decoded instructions as records in the shared memory: the form that handlers read. A record is
 * RECORD_BYTES long; the records of a basic block lie one behind the other.
 */

export const RECORD_BYTES = 40;
/** Bytes of records behind a first access in which those that are looked up with it stand (see translator/addressGroups.ts). */
export const GROUP_BYTES = 64 * RECORD_BYTES;

/** Fields, as byte offsets in a record. */
export const R = {
  /** Handler's entry in the function table (u32). */
  handler: 0,
  /** Offset of the instruction in its page (u16): EIP = EIP_BASE + offset. */
  offset: 4,
  /** Length in bytes (u8). */
  length: 6,
  /**
   * Instructions of the block from this one on (u8): what has to be given back to REMAINING when the
   * block is left before this record. In a block's first record it is the block's instruction count.
   */
  back: 7,
  /** In a profile record: the number of its code page (u32). In a bridge: address of the next page's table of blocks. */
  page: 8,
  /** State-block offsets of the first and second register operand (u16). */
  registerA: 8,
  registerB: 10,
  /**
   * State-block offsets of base and index register (u16; ZERO for none), and the index's scale (u8). Bits 6 and 7
   * of the scale are REX.B and REX.R, for services: a shift's count does not see them.
   */
  base: 12,
  index: 14,
  scale: 16,
  /** Prefixes and sizes for services (u8): see FLAG. */
  flags: 17,
  /** State-block offset of the address-size mask (u16). */
  mask: 18,
  /** State-block offset of the segment (u16). */
  segment: 20,
  /** ModRM (u8) and last opcode byte (u8), for services. */
  modrm: 22,
  opcode: 23,
  /** Displacement (i32). */
  displacement: 24,
  /** Address of the slot that holds the block at the branch target (u32); or the service's number. */
  link: 28,
  /** For indirect jumps and calls: the offset in CS to which the interpreter has seen it lead last, cut to 32 bits (u32); 0 for none. */
  target: 28,
  /** Immediate (i64); for branches the displacement in its low half. */
  immediate: 32,
  /** For branches: the slot of the block behind the instruction (u32). */
  linkBehind: 36,
  /** For VEX instructions, whose immediate has one byte: state-block offset of the third register operand (u16), and VEX.L (u8). */
  registerC: 36,
  vexLength: 38,
} as const;

export const FLAG = {
  lock: 1,
  repeatNotEqual: 2,
  repeat: 4,
  memory: 8,
  /** Operand size: 0 = 8, 1 = 16, 2 = 32, 3 = 64 bits. */
  sizeShift: 4,
  /** Address size: 0 = 16, 1 = 32, 2 = 64 bits. */
  addressShift: 6,
} as const;

/** Why generated code has returned to TypeScript. */
export const EXIT = {
  /** The next instruction is at EIP: no block is there, or the budget does not reach through it. */
  jump: 1,
  /** EXIT_RECORD was not executed: it crosses a page and is to be stepped alone. */
  crossing: 2,
  /** EXIT_RECORD was not executed: a breakpoint stands before it. */
  breakpoint: 3,
  /** EXIT_RECORD was not executed: something wanted control after the instruction before it. */
  stop: 4,
  /** EXIT_RECORD has faulted: the fault is in the CPU, nothing of the instruction has happened. */
  fault: 5,
  /** EXIT_RECORD is done, and EIP is the next instruction. */
  done: 6,
  /** EXIT_RECORD is to be executed again (a long REP at one of its borders): EIP stands on it. */
  again: 7,
} as const;

/** How code addresses memory: flat 32-bit segments, segments that must be checked, or 64-bit. */
export type Model = 'flat' | 'seg' | 'long';
