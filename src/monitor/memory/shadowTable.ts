/**
 * Shadow page tables: radix tables that the monitor owns, one beside each guest table page that has been
 * walked, entry for entry. Entry i derives from entry i of the guest's table. They lie in machine memory.
 *
 * Entry (8 bytes): low word: flags, and the machine frame (leaf of 4 KiB) or the number of the lower table in bits
 * 12-31; high word of a leaf: guest-physical page (28 bits), and its protection key in bits 28-31. The leaf of a large
 * page holds no frame: what lies behind each of its pages is the physical map's affair.
 */
import { FORMATS, entrySpan, type PagingMode } from './guestPaging';
import { PAGE_MARKS, SHADOW_BASE, SHADOW_TABLE_BYTES, TABLE_MARKS } from './layout';
import type { MachineMemory } from './machineMemory';
import { MarkedBytes } from './markedBytes';

export const SHADOW = {
  present: 1,
  writable: 2,
  user: 4,
  noExecute: 8,
  /** The guest's dirty bit is set: writes need not be seen. */
  dirty: 0x10,
  leaf: 0x20,
  /** No frame: a device, or nothing at all. */
  noFrame: 0x40,
  global: 0x80,
  /** Derives from a large page of the guest. */
  large: 0x100,
} as const;

/** Bits of a leaf's high word that are the guest-physical page: 40 address bits. */
const LEAF_PAGE = 0x0fffffff;

/** A place in the tree from which a table hangs. */
export interface ShadowParent {
  readonly table: ShadowTable;
  readonly index: number;
}

/** What a shadow table stands beside. */
export interface ShadowOrigin {
  readonly mode: Exclude<PagingMode, 'none'>;
  /** 1 = leaf. */
  readonly level: number;
  readonly indexBits: number;
  /** Guest-physical page of the guest's table; for a split large page the first page that it maps; -1 for a latched root. */
  readonly guestPage: number;
  /**
   * `table`: a page of the guest, whose writes are traced. `latched`: the four PDPTEs that a CPU holds. `split`: a large
   * page of the guest, divided: nothing is traced, all entries derive from one.
   */
  readonly kind: 'table' | 'latched' | 'split';
}

export class ShadowTable {
  readonly mode: ShadowOrigin['mode'];
  readonly level: number;
  readonly indexBits: number;
  readonly guestPage: number;
  readonly kind: ShadowOrigin['kind'];
  readonly entries: number;
  /** Pages that one entry covers, and the same as a power of two. */
  readonly span: number;
  readonly spanBits: number;
  /** Tables and entries that point here. */
  readonly parents: ShadowParent[] = [];
  /** Slots of the spaces whose root this is. */
  readonly spaces: number[] = [];
  /** Traced writes since an entry was last filled: many mean that the guest uses the page for something else. */
  writesSinceFill = 0;
  filled = 0;
  /** Guest writes are not seen for now: entries have to be compared before one is used. */
  unsynced = false;
  /** When it was last walked through, in translations. */
  lastUsed = 0;
  /** Index of its first word in machine memory. */
  readonly words: number;
  /** Address of the marks of its filled entries' bytes in the guest's table. */
  readonly marks: number;
  private readonly marked: MarkedBytes;
  /** Bytes of an entry of the guest's. */
  private readonly guestBytes: number;
  private readonly i32: Int32Array;

  constructor(
    readonly id: number,
    origin: ShadowOrigin,
    machine: MachineMemory,
  ) {
    this.mode = origin.mode;
    this.level = origin.level;
    this.indexBits = origin.indexBits;
    this.guestPage = origin.guestPage;
    this.kind = origin.kind;
    this.entries = 1 << origin.indexBits;
    this.span = entrySpan(origin.level, origin.indexBits);
    this.spanBits = origin.indexBits * (origin.level - 1);
    this.i32 = machine.i32;
    this.words = (SHADOW_BASE + id * SHADOW_TABLE_BYTES) >> 2;
    this.i32.fill(0, this.words, this.words + 2 * this.entries);
    this.guestBytes = FORMATS[origin.mode].entryBytes;
    this.marks = TABLE_MARKS + id * PAGE_MARKS;
    this.marked = new MarkedBytes(machine.i32, this.marks >> 2);
    this.marked.clear();
  }

  /** A large page of the guest, split into frames. */
  get split(): boolean {
    return this.kind === 'split';
  }

  /** Host address of the table. */
  get host(): number {
    return this.words * 4;
  }

  /** Visits the entries that are filled. */
  forEach(visit: (index: number) => void): void {
    for (let index = 0, left = this.filled; left > 0; index++) {
      if (!(this.low(index) & SHADOW.present)) continue;
      left--;
      visit(index);
    }
  }

  low(index: number): number {
    return this.i32[this.words + 2 * index] ?? 0;
  }

  /** Guest-physical page of a leaf entry. */
  page(index: number): number {
    return (this.i32[this.words + 2 * index + 1] ?? 0) & LEAF_PAGE;
  }

  /** Protection key of a leaf entry. */
  protectionKey(index: number): number {
    return (this.i32[this.words + 2 * index + 1] ?? 0) >>> 28;
  }

  setLeaf(index: number, low: number, page: number, key: number): void {
    this.set(index, low, page | (key << 28));
  }

  set(index: number, low: number, high: number): void {
    const at = this.words + 2 * index;
    if (!((this.i32[at] ?? 0) & SHADOW.present)) {
      this.filled++;
      this.marked.mark(index * this.guestBytes, (index + 1) * this.guestBytes);
    }
    this.i32[at] = low;
    this.i32[at + 1] = high;
  }

  clear(index: number): void {
    const at = this.words + 2 * index;
    if ((this.i32[at] ?? 0) & SHADOW.present) {
      this.filled--;
      this.marked.unmark(index * this.guestBytes, (index + 1) * this.guestBytes);
    }
    this.i32[at] = 0;
  }
}
