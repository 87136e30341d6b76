/**
 * Where things lie in the one shared WebAssembly memory of a machine (byte addresses). Guest RAM,
 * ROM and every other machine frame come behind FRAMES_BASE; all before it belongs to the monitor.
 */

export const PAGE_BYTES = 4096;
export const PAGE_SHIFT = 12;

/**
 * The active virtual CPU's state block (see ../cpu/layout). Where memory begins, so that the host's instructions have a byte for where a general register is, instead
 * of four.
 */
export const CPU_BASE = 0;
export const CPU_BYTES = 0xb00;

/** A word that is always zero: the link of a record that leads nowhere yet. */
export const NULL_SLOT = 0xb40;

/** A word that counts stores to traced pages, beside what is marked there, down to the next one that the monitor is told of. */
export const STORES_TO_SAMPLE = 0xb48;

/** A word that counts accesses of translated code that the TLB does not serve down, likewise. */
export const STRAYS_TO_SAMPLE = 0xb4c;

/**
 * A word that is 1 from where a region has refused what is left of the budget: the interpreter does that, which says nothing of what
 * is hot.
 */
export const BUDGET_REFUSED = 0xb50;
/** Record of the group of accesses of which one has just left translated code (see Translator.noteStray); 0 where what was amiss has been found. */
export const STRAYED_RECORD = 0xb54;

/**
 * What generated code has to know of the monitor, for the CPU whose turn it is: no part of the guest's state. The retired
 * count at which the budget that was given ends (f64), whether an interrupt waits, whether the debugger waits for vectors, and for other events,
 * the bits of EFLAGS that can be changed, and that are 1 always, whether the jump cache holds any (not 0), and the tag of its entries that are good now
 * (see ./jumpCache), the last place that a return is waited for at (see ./returnStack), whether it has gone to another code segment by itself, and
 * whether any is known that it could go to (see ./farTargets) (u32 each). And what it
 * keeps account of, for ExecutionLog: its switches to privilege 3 and to privilege 0 (u32 each), and the retired counts of the
 * second less those of the first (f64).
 */
export const MONITOR_WORDS = {
  retiredEnd: 0xb60, interruptLine: 0xb68, vectorsWatched: 0xb6c, eventsWatched: 0xb90, flagsChangeable: 0xb70, flagsFixed: 0xb74, jumpsKnown: 0xb78,
  toUser: 0xb7c, toSupervisor: 0xb80, userRetired: 0xb88, jumpTag: 0xb94, returnTop: 0xb98, codeMoved: 0xb9c, farTargetsKnown: 0xba0,
} as const;

/**
 * Where an access that cannot go straight to memory (page-crossing, device, traced) leaves its
 * bytes; an address below PAGE_BYTES tells generated code that a store has to be committed.
 */
export const BOUNCE = 0xc00;
/** Bytes a bounce buffer holds: the widest access (64-byte vector states go by pieces). */
export const BOUNCE_BYTES = 64;

/** Places that returns are waited for at (see ./returnStack), and how many there may be. */
export const RETURN_STACK = 0xc40;
export const RETURN_STACK_ENTRIES = 64;
export const RETURN_ENTRY_BYTES = 8;

/** Most virtual CPUs of a machine, and where the state blocks of those lie whose turn it is not: one page each. */
export const MAX_CPUS = 8;
export const WAITING_CPUS = 0x4000;
/**
 * Bytes of a page's marks: a bit for each of its bytes, set if code has been decoded from it, if it belongs to an entry of a guest's table that a shadow
 * table has, or if writes to it are watched (see ./markedBytes). A bit, and not one for several bytes: variables stand between instructions.
 */
export const PAGE_MARKS = PAGE_BYTES / 8;
/** Marks of pages of which some bytes are watched, PAGE_MARKS for each (see ./watchMarks). */
export const WATCH_MARKS = WAITING_CPUS + MAX_CPUS * PAGE_BYTES;
export const WATCHED_PAGES = 64;

/** Records of the instruction that is stepped alone. */
export const SCRATCH_RECORDS = 0x3000;
/** The record of an instruction whose code has been written to, to be compared with the one that it has. */
export const PATCHED_RECORD = SCRATCH_RECORDS + 0x400;
/** Code segments that generated code may go to by itself (see ./farTargets): entries of selector (with FAR_TARGET_VALID), execute tables, tag of jumps. */
export const FAR_TARGETS = SCRATCH_RECORDS + 0x800;
export const FAR_TARGET_COUNT = 128;
export const FAR_TARGET_BYTES = 16;
export const FAR_TARGET = { selector: 0, tables: 4, tag: 8 } as const;

/** Software TLBs: one set of tables for each cached address space. */
export const TLB_BASE = WATCH_MARKS + WATCHED_PAGES * PAGE_MARKS;
/**
 * Entries of a read or write table and of an execute table. A page's entry is that of the lower bits of its number, so that no two neighbours share one, on which
 * accesses across pages rely, and a kernel's text of some MiB fits as a whole.
 */
export const TLB_ENTRIES = 4096;
export const TLB_EXECUTE_ENTRIES = 4096;
export const TLB_ENTRY_BYTES = 16;
/**
 * Set in the tag of an entry that holds nothing. Above it such a tag has a page that another entry would hold, if any: generated code asks for how far an address is
 * from a tag, and not whether they are alike.
 */
export const EMPTY_TAG = 1;
/** Tables of one space, in bytes from its start, supervisor first. */
export const TLB_READ = 0;
export const TLB_WRITE = 2 * TLB_ENTRIES * TLB_ENTRY_BYTES;
export const TLB_EXECUTE = 4 * TLB_ENTRIES * TLB_ENTRY_BYTES;
/** Distance from a supervisor table to the user table of its kind. */
export const TLB_USER = TLB_ENTRIES * TLB_ENTRY_BYTES;
export const TLB_EXECUTE_USER = TLB_EXECUTE_ENTRIES * TLB_ENTRY_BYTES;
/**
 * Pages that are traced for the code in them alone, or as tables alone, and pages of which only some bytes are watched, for writing beside
 * what is marked: few entries, as far behind the table for writing of each privilege, so that one pointer leads to both.
 */
export const TLB_TRACED = TLB_EXECUTE + 2 * TLB_EXECUTE_USER;
export const TLB_TRACED_ENTRIES = 64;
/** Behind them, as far from the same table: pages that others have put out of the tables for reading and for writing. */
export const TLB_VICTIM_ENTRIES = 64;
export const TLB_VICTIM_READ = TLB_TRACED + TLB_TRACED_ENTRIES * TLB_ENTRY_BYTES;
export const TLB_VICTIM_WRITE = TLB_VICTIM_READ + TLB_VICTIM_ENTRIES * TLB_ENTRY_BYTES;
/** Where what lies behind the table for writing of a privilege ends. */
const TLB_BEHIND_END = TLB_VICTIM_WRITE + TLB_VICTIM_ENTRIES * TLB_ENTRY_BYTES;
export const TLB_SPACE_BYTES = TLB_BEHIND_END + TLB_USER;
/** Address spaces whose derived structures are kept at once. */
export const MAX_SPACES = 64;
/** A read or write table that stays empty, with what lies behind it, for code whose every access has to be looked at. */
export const TLB_EMPTY = TLB_BASE + MAX_SPACES * TLB_SPACE_BYTES;
export const TLB_EMPTY_BYTES = TLB_BEHIND_END - TLB_WRITE;

/**
 * Where jumps of generated code have led (see ./jumpCache): entries of 32 bytes, found by the address, with linear address
 * (i64), tag, block's record, its handler, its instruction count.
 */
export const JUMP_CACHE = TLB_EMPTY + TLB_EMPTY_BYTES;
export const JUMP_ENTRIES = 4096;
export const JUMP_ENTRY_BYTES = 32;
export const JUMP = { linear: 0, tag: 8, record: 12, handler: 16, count: 20 } as const;

/** Execute tables for further code contexts of address spaces (see ./codeBanks). */
export const CODE_BANK_BASE = JUMP_CACHE + JUMP_ENTRIES * JUMP_ENTRY_BYTES;
export const CODE_BANKS = 24;
const CODE_BANKS_END = CODE_BANK_BASE + CODE_BANKS * 2 * TLB_EXECUTE_USER;

/** What ways from region to region have in memory (see ../engine/regionLinks). */
export const LINK_CELLS = CODE_BANKS_END;
export const LINK_CELL_BYTES = 4;
export const LINK_CELL_COUNT = 65536;

/** Shadow page tables: chunks of 8 KiB (1024 entries of 8 bytes). */
export const SHADOW_BASE = 0x2000000;
export const SHADOW_TABLE_BYTES = 8192;
export const MAX_SHADOW_TABLES = 3072;
/** Marks of the guest's tables, PAGE_MARKS for each shadow table. */
export const TABLE_MARKS = SHADOW_BASE + SHADOW_TABLE_BYTES * MAX_SHADOW_TABLES;

/** Forms of instructions (see ../engine/formLayout): what each is found by, and what its record is written from. */
export const FORMS = 16384;
export const FORM_KEYS = TABLE_MARKS + MAX_SHADOW_TABLES * PAGE_MARKS;
export const FORM_KEY_BYTES = 16;
export const FORM_BODIES = FORM_KEYS + FORMS * FORM_KEY_BYTES;
export const FORM_BODY_BYTES = 32;
/** A byte for each opcode of the four maps, and for each byte that may stand in front of one. */
export const OPCODE_MODRM = FORM_BODIES + FORMS * FORM_BODY_BYTES;
export const PREFIX_KINDS = OPCODE_MODRM + 4 * 256;
/** What routines that read code give beside their results (../engine/formLayout). */
export const FORM_WORDS = PREFIX_KINDS + 256;
/** Which handlers make pairs (../engine/pairTable): a byte for each handler that may begin one, and that may end one; 16 bits for each two of those. */
export const PAIR_HANDLERS = 8192;
export const PAIR_KINDS = 128;
export const PAIR_ROWS = FORM_KEYS + (1 << 20);
export const PAIR_COLUMNS = PAIR_ROWS + PAIR_HANDLERS;
export const PAIR_ENTRIES = PAIR_COLUMNS + PAIR_HANDLERS;
/** Blocks that generated code has decoded, which the monitor has not noted yet (../engine/decodedBlocks): how many, and 24 bytes for each. */
export const DECODED_BLOCKS = PAIR_ENTRIES + 2 * PAIR_KINDS * PAIR_KINDS;
export const MOST_DECODED_BLOCKS = 256;

/** Decoded code: tables of a page's blocks (4096 words), and chunks of records, which are as small as what the host has memory for at once. */
export const CODE_BYTES = 128 << 20;
export const CODE_TABLE_BYTES = 4 * PAGE_BYTES;
export const CODE_CHUNK_BYTES = PAGE_BYTES;
/** What generated code has to know of each page with decoded code (../engine/codeHead), by the place of its table of blocks. */
export const CODE_HEADS = PAIR_ROWS + (1 << 16);
export const CODE_HEAD_BYTES = 32;
export const CODE_BASE = CODE_HEADS + (CODE_BYTES / CODE_TABLE_BYTES) * CODE_HEAD_BYTES;

/** First machine frame. */
export const FRAMES_BASE = CODE_BASE + CODE_BYTES;
export const FIRST_FRAME = FRAMES_BASE / PAGE_BYTES;
