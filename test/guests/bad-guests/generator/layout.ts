/** Where everything lies in the guests that the generator makes: guest-physical addresses, all below 1 MiB. */

export const AT = {
  ivt: 0,
  gdt: 0x1000,
  ldt: 0x1800,
  idt: 0x2000,
  /** Task-state segments, 512 bytes each; the first is the one that LTR loads. */
  tasks: 0x3000,
  prologue: 0x4000,
  /** Pseudo-descriptors and the frame of the last IRET. */
  block: 0x4c00,
  /** Handlers, 64 bytes a kind of code and use. */
  handlers: 0x5000,
  /** Counter of the faults that have led to another unit, and the units' addresses. */
  counter: 0x5800,
  landings: 0x5900,
  code: 0x8000,
  codeEnd: 0xa000,
  /** Where SIPIs lead: its page number is their vector. */
  trampoline: 0xa000,
  trampolineEnd: 0xb000,
  data: 0x10000,
  dataEnd: 0x20000,
  stacks: 0x20000,
  tables: 0x30000,
  tablesEnd: 0x60000,
} as const;

export const RAM_BYTES = 0x200000;
export const LANDINGS = 64;
export const STACK_BYTES = 0x1000;
export const stackTop = (cpl: number): number => AT.stacks + cpl * STACK_BYTES + 0xf00;

/** Selectors that are there at first. Those of TSS and LDT take two entries, as long mode wants it. */
export const SEL = {
  code32: 0x08, data32: 0x10, user32: 0x1b, userData: 0x23, task: 0x28, ldt: 0x38, code64: 0x48, user64: 0x53, code16: 0x58, data16: 0x60, user16: 0x6b,
} as const;
/** First random entry of the GDT, and how many entries there are. */
export const FIRST_FREE = 14;
export const GDT_ENTRIES = 96;
export const LDT_ENTRIES = 32;

/** Page tables of each format, one page each. */
export const TABLES = {
  directory32: AT.tables,
  table32: AT.tables + 0x1000,
  pdpt: AT.tables + 0x2000,
  directory64: AT.tables + 0x3000,
  table64: AT.tables + 0x4000,
  pml4: AT.tables + 0x5000,
  pml5: AT.tables + 0x6000,
  /** Page-directory pointers of 4-level paging, whose rights bits are not reserved as PAE's are. */
  pointers: AT.tables + 0x7000,
  /** Random ones, to which random entries lead. */
  spare: AT.tables + 0x8000,
} as const;
export const SPARE_TABLES = 8;
