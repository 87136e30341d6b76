/**
 * Shadow page tables: radix tables that the monitor owns, one beside each guest table page that has been
 * walked, entry for entry. Entry i derives from entry i of the guest's table. They lie in machine memory.
 *
 * Entry (8 bytes): low word: flags, and the machine frame (leaf) or the number of the lower table in bits
 * 12-31; high word of a leaf: guest-physical page (28 bits), and its protection key in bits 28-31.
 */
import { SHADOW_BASE, SHADOW_TABLE_BYTES } from './layout';
import type { MachineMemory } from './machineMemory';

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

export class ShadowTable {
  /** Tables and entries that point here. */
  readonly parents: ShadowParent[] = [];
  /** Slots of the spaces whose root this is. */
  readonly spaces: number[] = [];
  /** Traced writes since an entry was last filled: many mean that the guest uses the page for something else. */
  writesSinceFill = 0;
  filled = 0;
  private readonly words: number;

  constructor(
    readonly id: number,
    /** 1 = leaf. */
    readonly level: number,
    readonly indexBits: number,
    /** Guest-physical page of the guest's table; for a split large page the first page that it maps. */
    readonly guestPage: number,
    /** A large page of the guest, split into frames: nothing is traced, all entries derive from one. */
    readonly split: boolean,
    /** Under which the monitor finds it again. */
    readonly key: string,
    /** Guest-physical address of the large entry that a split table belongs to; 0 for others. */
    readonly origin: number,
    private readonly machine: MachineMemory,
  ) {
    this.words = (SHADOW_BASE + id * SHADOW_TABLE_BYTES) >> 2;
    this.machine.i32.fill(0, this.words, this.words + SHADOW_TABLE_BYTES / 4);
  }

  get entries(): number {
    return 1 << this.indexBits;
  }

  /** Host address of the table. */
  get host(): number {
    return this.words * 4;
  }

  low(index: number): number {
    return this.machine.i32[this.words + 2 * index] ?? 0;
  }

  /** Guest-physical page of a leaf entry. */
  page(index: number): number {
    return (this.machine.i32[this.words + 2 * index + 1] ?? 0) & LEAF_PAGE;
  }

  /** Protection key of a leaf entry. */
  protectionKey(index: number): number {
    return (this.machine.i32[this.words + 2 * index + 1] ?? 0) >>> 28;
  }

  setLeaf(index: number, low: number, page: number, key: number): void {
    this.set(index, low, page | (key << 28));
  }

  set(index: number, low: number, high: number): void {
    if (!(this.low(index) & SHADOW.present)) this.filled++;
    this.machine.i32[this.words + 2 * index] = low;
    this.machine.i32[this.words + 2 * index + 1] = high;
  }

  clear(index: number): void {
    if (this.low(index) & SHADOW.present) this.filled--;
    this.machine.i32[this.words + 2 * index] = 0;
  }
}
