/**
 * The software TLBs in front of the shadow page tables: for each cached address space a table a kind of
 * access and privilege, read by generated code. An entry is {tag: i64 linear page address, addend}: for
 * data host = linear + addend; for execution the addend is the address of the page's table of blocks.
 */
import {
  MAX_SPACES,
  PAGE_BYTES,
  TLB_BASE,
  TLB_EMPTY,
  TLB_ENTRIES,
  TLB_ENTRY_BYTES,
  TLB_EXECUTE,
  TLB_EXECUTE_ENTRIES,
  TLB_EXECUTE_USER,
  TLB_READ,
  TLB_SPACE_BYTES,
  TLB_USER,
  TLB_WRITE,
} from './layout';
import type { MachineMemory } from './machineMemory';

/** A tag that no page-aligned address equals. */
const EMPTY = 1;
const TWO32 = 2 ** 32;
const PAGES_32 = TWO32 / PAGE_BYTES;

/** Kinds of tables, by their offset in a space's block and their number of entries. */
export const TLB_KIND = {
  read: { offset: TLB_READ, entries: TLB_ENTRIES, user: TLB_USER },
  write: { offset: TLB_WRITE, entries: TLB_ENTRIES, user: TLB_USER },
  execute: { offset: TLB_EXECUTE, entries: TLB_EXECUTE_ENTRIES, user: TLB_EXECUTE_USER },
} as const;
export type TlbKind = (typeof TLB_KIND)[keyof typeof TLB_KIND];

export class Tlb {
  /** Spaces whose data tables of a privilege hold pages from 4 GiB up, by 2 * slot (+ 1 for user). */
  private readonly wide: boolean[] = [];

  constructor(private readonly machine: MachineMemory) {
    this.clear(TLB_BASE, MAX_SPACES * TLB_SPACE_BYTES);
    this.clear(TLB_EMPTY, TLB_ENTRIES * TLB_ENTRY_BYTES);
  }

  /** Address of a table of space `slot`. */
  table(slot: number, kind: TlbKind, user: boolean): number {
    return TLB_BASE + slot * TLB_SPACE_BYTES + kind.offset + (user ? kind.user : 0);
  }

  /** Enters a page; `value` is the host address of its bytes, or for execution of its table of blocks. */
  fill(slot: number, kind: TlbKind, user: boolean, page: number, value: number): void {
    const at = this.entry(slot, kind, user, page) >> 2;
    const low = (page << 12) | 0;
    if (page < 0 || page >= PAGES_32) this.wide[2 * slot + (user ? 1 : 0)] = true;
    this.machine.i32[at] = low;
    this.machine.i32[at + 1] = Math.floor(page / (TWO32 / PAGE_BYTES)) | 0;
    this.machine.i32[at + 2] = kind === TLB_KIND.execute ? value : (value - (low >>> 0)) | 0;
  }

  holds(slot: number, kind: TlbKind, user: boolean, page: number): boolean {
    const at = this.entry(slot, kind, user, page) >> 2;
    const high = Math.floor(page / (TWO32 / PAGE_BYTES)) | 0;
    return this.machine.i32[at] === ((page << 12) | 0) && this.machine.i32[at + 1] === high;
  }

  /** Host address of a page's bytes if a read or write table holds it; -1 otherwise. */
  host(slot: number, kind: TlbKind, user: boolean, page: number): number {
    const at = this.entry(slot, kind, user, page) >> 2;
    const words = this.machine.i32;
    const low = (page << 12) | 0;
    if (words[at] !== low || words[at + 1] !== (Math.floor(page / (TWO32 / PAGE_BYTES)) | 0)) return -1;
    return ((words[at + 2] ?? 0) + low) >>> 0;
  }

  /** Drops a page from the tables of one kind, both privileges. */
  drop(slot: number, kind: TlbKind, page: number): void {
    for (const user of [false, true]) {
      if (this.holds(slot, kind, user, page)) this.machine.i32[this.entry(slot, kind, user, page) >> 2] = EMPTY;
    }
  }

  /** Drops a page altogether. */
  dropPage(slot: number, page: number): void {
    this.drop(slot, TLB_KIND.read, page);
    this.drop(slot, TLB_KIND.write, page);
    this.drop(slot, TLB_KIND.execute, page);
  }

  /** Empties all tables of a space. */
  flushSpace(slot: number): void {
    this.clear(TLB_BASE + slot * TLB_SPACE_BYTES, TLB_SPACE_BYTES);
  }

  /**
   * Empties the read and write tables of a space for one privilege if pages from 4 GiB up are among them: 32-bit code
   * compares the low half of a tag only.
   */
  dropWide(slot: number, user: boolean): void {
    const at = 2 * slot + (user ? 1 : 0);
    if (!this.wide[at]) return;
    this.wide[at] = false;
    for (const kind of [TLB_KIND.read, TLB_KIND.write]) this.clear(this.table(slot, kind, user), kind.entries * TLB_ENTRY_BYTES);
  }

  /** Empties the execute tables of a space: code may mean something else now (mode, CS). */
  flushExecute(slot: number): void {
    this.clear(TLB_BASE + slot * TLB_SPACE_BYTES + TLB_EXECUTE, 2 * TLB_EXECUTE_USER);
  }

  private entry(slot: number, kind: TlbKind, user: boolean, page: number): number {
    return this.table(slot, kind, user) + (page & (kind.entries - 1)) * TLB_ENTRY_BYTES;
  }

  private clear(start: number, bytes: number): void {
    this.machine.i32.fill(EMPTY, start >> 2, (start + bytes) >> 2);
  }
}
