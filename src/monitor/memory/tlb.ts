/**
 * The software TLBs in front of the shadow page tables: for each cached address space a table a kind of
 * access and privilege, read by generated code. An entry is {tag: i64 linear page address, addend}: for
 * data host = linear + addend; for execution the addend is the address of the page's table of blocks. Pages that are traced
 * have entries of their own kind, in which the address of the page's marks stands behind the addend. Execute tables are for
 * one code context each (./codeBanks); what is said of a page is done in those of all contexts. Pages of data that share a place put one another
 * out: the last of them that went is kept in a small table beside (*victims*; Jouppi, Improving Direct-Mapped Cache Performance, 1990).
 */
import {
  CODE_BANK_BASE,
  CODE_BASE,
  EMPTY_TAG as EMPTY,
  MAX_SPACES,
  MONITOR_WORDS,
  PAGE_BYTES,
  TLB_BASE,
  TLB_EMPTY,
  TLB_EMPTY_BYTES,
  TLB_ENTRIES,
  TLB_ENTRY_BYTES,
  TLB_EXECUTE,
  TLB_EXECUTE_ENTRIES,
  TLB_EXECUTE_USER,
  TLB_READ,
  TLB_SPACE_BYTES,
  TLB_TRACED,
  TLB_TRACED_ENTRIES,
  TLB_USER,
  TLB_VICTIM_ENTRIES,
  TLB_VICTIM_READ,
  TLB_VICTIM_WRITE,
  TLB_WRITE,
} from './layout';
import { CODE_BANK_BYTES, CodeBanks, type CodeBank } from './codeBanks';
import { forgetFarTargets, rememberFarTarget } from './farTargets';
import { forgetJumps } from './jumpCache';
import type { MachineMemory } from './machineMemory';
import { MarkedBytes } from './markedBytes';

const TWO32 = 2 ** 32;
const PAGES_32 = TWO32 / PAGE_BYTES;

/**
 * Entries of a space that are remembered one by one since its TLB was last empty. A space that has filled more of them is
 * emptied, or searched, as a whole.
 */
const LISTED = 2048;

/** Pages of code that are remembered when others put them out: with one more, all jumps of the space are forgotten. */
const MOST_PUT_OUT = 256;

const JUMP_TAG = MONITOR_WORDS.jumpTag >> 2;

/** Kinds of tables, by their offset in a space's block and their number of entries. */
export const TLB_KIND = {
  read: { offset: TLB_READ, entries: TLB_ENTRIES, user: TLB_USER },
  write: { offset: TLB_WRITE, entries: TLB_ENTRIES, user: TLB_USER },
  execute: { offset: TLB_EXECUTE, entries: TLB_EXECUTE_ENTRIES, user: TLB_EXECUTE_USER },
  traced: { offset: TLB_TRACED, entries: TLB_TRACED_ENTRIES, user: TLB_USER },
  victimRead: { offset: TLB_VICTIM_READ, entries: TLB_VICTIM_ENTRIES, user: TLB_USER },
  victimWrite: { offset: TLB_VICTIM_WRITE, entries: TLB_VICTIM_ENTRIES, user: TLB_USER },
} as const;
export type TlbKind = (typeof TLB_KIND)[keyof typeof TLB_KIND];

export class Tlb {
  /** Spaces whose data tables of a privilege hold pages from 4 GiB up, by 2 * slot (+ 1 for user). */
  private readonly wide: boolean[] = [];
  private readonly words: Int32Array;
  /** Slots whose tables have been used: the others are zeros, and the host has no memory for them yet. */
  private readonly used = new Uint8Array(MAX_SPACES);
  /** Where entries that may be filled lie (indices of words), LISTED for each space, and how many: more than LISTED when there was no room. */
  private readonly filled = new Int32Array(MAX_SPACES * LISTED);
  private readonly filledCount = new Int32Array(MAX_SPACES);
  /** Pages of code that others have put out of a space's tables since jumps by them were forgotten, with what they had as their value: there may be jumps to them. */
  private readonly putOut = Array.from({ length: MAX_SPACES }, () => new Map<number, number>());
  /** Whether execute tables have nothing but what code has been fetched from in their spaces: somebody wants to see the first time. */
  executedOnly = false;
  /** Banks of the pool that have been used. */
  private readonly usedBanks = new Set<number>();
  private readonly banks: CodeBanks;

  /**
   * @param keepsVictims whether pages of data that are put out of their tables are kept beside them
   * @param mostTags tags of jumps are below this (see CodeBanks)
   */
  constructor(machine: MachineMemory, private readonly keepsVictims = true, mostTags?: number) {
    this.banks = new CodeBanks((bank) => { this.giveUpBank(bank); }, () => { forgetJumps(this.words); }, mostTags);
    this.words = machine.i32;
    this.clear(TLB_EMPTY, TLB_EMPTY_BYTES);
  }

  /** Makes the tables of a slot ready for its first space. */
  prepare(slot: number): void {
    if (this.used[slot] !== 0) return;
    this.used[slot] = 1;
    this.clear(TLB_BASE + slot * TLB_SPACE_BYTES, TLB_SPACE_BYTES);
  }

  /** Address of a table of space `slot`; of those for execution, the one for the context that was selected last. */
  table(slot: number, kind: TlbKind, user: boolean): number {
    const tables = kind === TLB_KIND.execute ? this.banks.address(slot) : TLB_BASE + slot * TLB_SPACE_BYTES + kind.offset;
    return tables + (user ? kind.user : 0);
  }

  /** The code context whose execute tables a space uses; 0 when it has none. */
  codeContext(slot: number): number {
    return this.banks.context(slot);
  }

  /** Code of a space means something else from now on (mode, CS): it uses the execute tables of another context. */
  selectCode(slot: number, context: number): void {
    this.banks.select(slot, context);
    const address = this.banks.address(slot);
    if (address < CODE_BANK_BASE || this.usedBanks.has(address)) return;
    this.usedBanks.add(address);
    this.clear(address, CODE_BANK_BYTES);
  }

  /** Enters a page; `value` is the host address of its bytes, or for execution of its table of blocks. @returns whether another page had its place */
  fill(slot: number, kind: TlbKind, user: boolean, page: number, value: number): boolean {
    const { words } = this;
    const at = this.entry(slot, kind, user, page) >> 2;
    const low = (page << 12) | 0;
    const putsOut = !holdsNothing(words[at]) && !this.holdsAt(at, page);
    if (holdsNothing(words[at])) this.list(slot, at);
    else if (kind === TLB_KIND.execute) this.replaceCode(slot, at, page, value);
    else if (putsOut) this.keepVictim(slot, kind, user, at);
    if (kind === TLB_KIND.execute) this.comesBack(slot, page, value);
    words[at] = low;
    words[at + 2] = kind === TLB_KIND.execute ? value : (value - (low >>> 0)) | 0;
    if (page >= 0 && page < PAGES_32) words[at + 1] = 0;
    else {
      this.wide[2 * slot + (user ? 1 : 0)] = true;
      words[at + 1] = Math.floor(page / PAGES_32) | 0;
    }
    return putsOut;
  }

  /** Keeps the page of an entry that another one is about to have, if it is one of the large tables'. */
  private keepVictim(slot: number, kind: TlbKind, user: boolean, at: number): void {
    const beside = victimsOf(kind);
    if (!beside || !this.keepsVictims) return;
    const { words } = this;
    const place = this.entry(slot, beside, user, this.pageAt(at)) >> 2;
    if (holdsNothing(words[place])) this.list(slot, place);
    for (let word = 0; word < TLB_ENTRY_BYTES >> 2; word++) words[place + word] = words[at + word] ?? 0;
  }

  /**
   * A page of code takes another one's place. Jumps to that are still found (./jumpCache), so that two pages which are in each other's way cost
   * nothing as long as the same places are jumped to; but it has to be remembered that there may be some.
   */
  private replaceCode(slot: number, at: number, page: number, value: number): void {
    const old = this.words[at + 2] ?? 0;
    const known = this.putOut[slot];
    if (this.holdsAt(at, page)) {
      if (old !== value) this.forgetJumps(slot);
    } else if (known && known.size < MOST_PUT_OUT) known.set(this.pageAt(at), old);
    else this.forgetJumps(slot);
  }

  /** A page of code is entered, which may have been put out: as what it was then, or as something else. */
  private comesBack(slot: number, page: number, value: number): void {
    if ((this.putOut[slot]?.get(page) ?? value) !== value) this.forgetJumps(slot);
  }

  /** Whether there may be jumps to pages that the execute tables of a space do not hold any more, from `first` on, `count` of them. */
  private hasPutOut(slot: number, first: number, count: number): boolean {
    for (const page of this.putOut[slot]?.keys() ?? []) if (page >= first && page < first + count) return true;
    return false;
  }

  /** Forgets where jumps have led that were found by the tables of a space. */
  private forgetJumps(slot: number): void {
    this.putOut[slot]?.clear();
    for (const bank of this.banks.of(slot)) this.renewTag(bank);
  }

  private renewTag(bank: CodeBank): void {
    const { words, banks } = this;
    forgetFarTargets(words);
    const current = words[JUMP_TAG] ?? 0;
    const inUse = banks.withTag(current & ~1);
    banks.renewTag(bank);
    if (inUse) words[JUMP_TAG] = inUse.tag | (current & 1);
  }

  /** The tag of jumps that are found by the execute tables which a space uses now. */
  jumpTag(slot: number, user: boolean): number {
    return this.banks.tag(slot) | (user ? 1 : 0);
  }

  /** Generated code may go to the code segment of a selector by the execute tables that a space uses now. */
  rememberFarTarget(slot: number, user: boolean, selector: number): void {
    rememberFarTarget(this.words, selector, this.table(slot, TLB_KIND.execute, user), this.jumpTag(slot, user));
  }
  forgetFarTargets(): void {
    forgetFarTargets(this.words);
  }

  /** Enters a page that is traced, for writing to the bytes that are not marked (see PAGE_MARKS). */
  fillTraced(slot: number, user: boolean, page: number, host: number, marks: number): void {
    this.fill(slot, TLB_KIND.traced, user, page, host);
    this.words[(this.entry(slot, TLB_KIND.traced, user, page) >> 2) + 3] = marks;
  }

  /** Enters a page that has not been asked for, if that costs no other page its place. */
  offer(slot: number, kind: TlbKind, user: boolean, page: number, value: number): void {
    if (kind === TLB_KIND.execute && this.executedOnly) return;
    if (holdsNothing(this.words[this.entry(slot, kind, user, page) >> 2])) this.fill(slot, kind, user, page, value);
  }

  /**
   * Enters what another space has in its execute table for supervisors, in its present context, page by page as `accepts` says, where
   * that costs no other page its place. @returns how many
   */
  graftCode(from: number, to: number, accepts: (page: number) => boolean): number {
    if (this.executedOnly) return 0;
    const { words } = this;
    this.selectCode(to, this.codeContext(from));
    const step = TLB_ENTRY_BYTES >> 2;
    const first = this.table(from, TLB_KIND.execute, false) >> 2;
    const distance = (this.table(to, TLB_KIND.execute, false) >> 2) - first;
    let entered = 0;
    for (let at = first; at < first + TLB_EXECUTE_ENTRIES * step; at += step) {
      const target = at + distance;
      if (holdsNothing(words[at]) || !holdsNothing(words[target]) || !accepts(this.pageAt(at))) continue;
      this.list(to, target);
      this.comesBack(to, this.pageAt(at), words[at + 2] ?? 0);
      for (let word = 0; word < step; word++) words[target + word] = words[at + word] ?? 0;
      entered++;
    }
    return entered;
  }

  /** Whether nothing can be found by a space's tables: they hold nothing, and there is no jump to a page that they have held. */
  private isEmpty(slot: number): boolean {
    return this.filledCount[slot] === 0 && this.putOut[slot]?.size === 0;
  }

  private list(slot: number, at: number): void {
    const count = this.filledCount[slot] ?? 0;
    if (count < LISTED) this.filled[slot * LISTED + count] = at;
    this.filledCount[slot] = count + 1;
  }

  /** How many entries of a space have to be gone through to find all that may be filled. */
  listed(slot: number): number {
    const count = this.filledCount[slot] ?? 0;
    return count > LISTED ? TLB_SPACE_BYTES / TLB_ENTRY_BYTES : count;
  }

  /**
   * Visits what the tables of all spaces hold: the host address of a page's bytes, for data, or of its table of blocks. `page` is linear,
   * `kind` an entry of TLB_KIND. Some may be visited twice.
   */
  forEachHeld(visit: (kind: TlbKind, value: number, page: number, slot: number) => void): void {
    const see = (at: number, slot: number): void => {
      const low = this.words[at];
      if (low === undefined || holdsNothing(low)) return;
      const kind = this.kindAt(at * 4, slot);
      const value = this.words[at + 2] ?? 0;
      visit(kind, kind === TLB_KIND.execute ? value : (value + low) >>> 0, this.pageAt(at), slot);
    };
    const seeAll = (address: number, bytes: number, slot: number): void => {
      for (let at = address >> 2; at < (address + bytes) >> 2; at += TLB_ENTRY_BYTES >> 2) see(at, slot);
    };
    for (let slot = 0; slot < MAX_SPACES; slot++) {
      if (this.used[slot] === 0) continue;
      const count = this.filledCount[slot] ?? 0;
      if (count <= LISTED) for (let i = 0; i < count; i++) see(this.filled[slot * LISTED + i] ?? 0, slot);
      else {
        seeAll(TLB_BASE + slot * TLB_SPACE_BYTES, TLB_SPACE_BYTES, slot);
        for (const { address } of this.banks.of(slot)) if (address >= CODE_BANK_BASE) seeAll(address, CODE_BANK_BYTES, slot);
      }
    }
  }

  /** What an entry at an address in a space's tables is for. */
  private kindAt(address: number, slot: number): TlbKind {
    const offset = address - (TLB_BASE + slot * TLB_SPACE_BYTES);
    if (address >= CODE_BANK_BASE || (offset >= TLB_EXECUTE && offset < TLB_TRACED)) return TLB_KIND.execute;
    if (offset < TLB_WRITE) return TLB_KIND.read;
    if (offset < TLB_EXECUTE) return TLB_KIND.write;
    const behind = TLB_TRACED + ((offset - TLB_TRACED) % TLB_USER);
    return behind < TLB_VICTIM_READ ? TLB_KIND.traced : behind < TLB_VICTIM_WRITE ? TLB_KIND.read : TLB_KIND.write;
  }

  holds(slot: number, kind: TlbKind, user: boolean, page: number): boolean {
    return this.holdsAt(this.entry(slot, kind, user, page) >> 2, page);
  }

  private holdsAt(at: number, page: number): boolean {
    const { words } = this;
    return words[at] === ((page << 12) | 0) && words[at + 1] === (page >= 0 && page < PAGES_32 ? 0 : Math.floor(page / PAGES_32) | 0);
  }

  /** Host address of a page's bytes if a read or write table holds it; -1 otherwise. */
  host(slot: number, kind: TlbKind, user: boolean, page: number): number {
    const at = this.entry(slot, kind, user, page) >> 2;
    if (this.holdsAt(at, page)) return ((this.words[at + 2] ?? 0) + (page << 12)) >>> 0;
    const beside = victimsOf(kind);
    return beside ? this.host(slot, beside, user, page) : -1;
  }

  /**
   * Host address of bytes in a page that is traced for the code in it, if they may be written beside what is marked; -1 otherwise. Generated code asks the same
   * (emitUnmarked), and of tables, too; but what services write to a table is mostly all of it, by which the monitor sees that it is none any more.
   */
  besideCode(slot: number, user: boolean, page: number, offset: number, bytes: number): number {
    const at = this.entry(slot, TLB_KIND.traced, user, page) >> 2;
    if (!this.holdsAt(at, page)) return -1;
    const marks = this.words[at + 3] ?? 0;
    if (marks < CODE_BASE) return -1;
    if (new MarkedBytes(this.words, marks >> 2).has(offset, offset + bytes)) return -1;
    return (((this.words[at + 2] ?? 0) + (page << 12)) >>> 0) + offset;
  }

  /** Address of the table of blocks that a page's code is found by; -1 if the execute table at an address (`table`) does not hold it. */
  codeTable(table: number, page: number): number {
    const at = entryIn(table, TLB_KIND.execute, page) >> 2;
    return this.holdsAt(at, page) ? (this.words[at + 2] ?? -1) : -1;
  }

  /** Drops a page from the tables of one kind, both privileges. */
  drop(slot: number, kind: TlbKind, page: number): void {
    if (kind === TLB_KIND.execute) {
      let hadCode = this.putOut[slot]?.has(page) === true;
      for (const { address } of this.banks.of(slot)) if (this.dropIn(address, kind, page)) hadCode = true;
      if (hadCode) this.forgetJumps(slot);
    } else this.dropIn(this.table(slot, kind, false), kind, page);
    const beside = victimsOf(kind);
    if (beside) this.dropIn(this.table(slot, beside, false), beside, page);
  }

  /** The same for the tables of both privileges at an address. Says whether one had it. */
  private dropIn(table: number, kind: TlbKind, page: number): boolean {
    const at = entryIn(table, kind, page) >> 2;
    const had = this.dropAt(at, page);
    return this.dropAt(at + (kind.user >> 2), page) || had;
  }

  private dropAt(at: number, page: number): boolean {
    if (!this.holdsAt(at, page)) return false;
    this.vacate(at);
    return true;
  }

  /** Drops a page from all tables for writing. */
  dropWrites(slot: number, page: number): void {
    this.drop(slot, TLB_KIND.write, page);
    this.drop(slot, TLB_KIND.traced, page);
  }

  /** Empties all tables for writing, of all spaces. */
  dropAllWrites(): void {
    for (let slot = 0; slot < MAX_SPACES; slot++) {
      const count = this.filledCount[slot] ?? 0;
      if (count > LISTED) {
        this.clear(TLB_BASE + slot * TLB_SPACE_BYTES + TLB_WRITE, TLB_EXECUTE - TLB_WRITE);
        this.clear(TLB_BASE + slot * TLB_SPACE_BYTES + TLB_TRACED, TLB_SPACE_BYTES - TLB_TRACED);
      } else if (count > 0) this.dropListedWrites(slot, count);
    }
  }

  private dropListedWrites(slot: number, count: number): void {
    const { words, filled } = this;
    const start = slot * LISTED;
    const tables = (TLB_BASE + slot * TLB_SPACE_BYTES) >> 2;
    let kept = start;
    for (let i = start; i < start + count; i++) {
      const at = filled[i] ?? 0;
      if (holdsNothing(words[at])) continue;
      const offset = (at - tables) << 2;
      if ((offset >= TLB_WRITE && offset < TLB_EXECUTE) || (offset >= TLB_TRACED && offset < TLB_SPACE_BYTES)) this.vacate(at);
      else filled[kept++] = at;
    }
    this.filledCount[slot] = kept - start;
  }

  /** Drops a page altogether. */
  dropPage(slot: number, page: number): void {
    if (this.isEmpty(slot)) return;
    this.drop(slot, TLB_KIND.read, page);
    this.dropWrites(slot, page);
    this.drop(slot, TLB_KIND.execute, page);
  }

  /** Drops all pages from `first` on, `count` of them, of whatever kind. */
  dropRange(slot: number, first: number, count: number): void {
    const { words, filled } = this;
    const all = this.filledCount[slot] ?? 0;
    let hadCode = this.hasPutOut(slot, first, count);
    if (all > LISTED) hadCode = this.dropRangeUnlisted(slot, first, count) || hadCode;
    else {
      const start = slot * LISTED;
      let kept = start;
      for (let i = start; i < start + all; i++) {
        const at = filled[i] ?? 0;
        if (holdsNothing(words[at])) continue;
        if (this.isInRange(at, first, count)) hadCode = this.empty(slot, at) || hadCode;
        else filled[kept++] = at;
      }
      this.filledCount[slot] = kept - start;
    }
    if (hadCode) this.forgetJumps(slot);
  }

  /** Says whether any was in an execute table. */
  private dropRangeUnlisted(slot: number, first: number, count: number): boolean {
    let hadCode = false;
    for (const [from, bytes] of this.partsOf(slot)) {
      for (let at = from >> 2; at < (from + bytes) >> 2; at += TLB_ENTRY_BYTES >> 2) {
        if (!holdsNothing(this.words[at]) && this.isInRange(at, first, count)) hadCode = this.empty(slot, at) || hadCode;
      }
    }
    return hadCode;
  }

  /** Addresses and lengths of all tables of a space. */
  private partsOf(slot: number): (readonly [number, number])[] {
    const [, ...others] = this.banks.of(slot);
    return [[TLB_BASE + slot * TLB_SPACE_BYTES, TLB_SPACE_BYTES], ...others.map(({ address }) => [address, CODE_BANK_BYTES] as const)];
  }

  /** Empties the entry at an index of words. Says whether it was an execute table's. */
  private empty(slot: number, at: number): boolean {
    this.vacate(at);
    return this.kindAt(at * 4, slot) === TLB_KIND.execute;
  }

  /** The page that an entry holds, signed as pages of the upper half are. */
  private pageAt(at: number): number {
    return (this.words[at + 1] ?? 0) * PAGES_32 + ((this.words[at] ?? 0) >>> 12);
  }

  private isInRange(at: number, first: number, count: number): boolean {
    const page = this.pageAt(at);
    return page >= first && page < first + count;
  }

  /** Empties all tables of a space. */
  flushSpace(slot: number): void {
    const count = this.filledCount[slot] ?? 0;
    if (!this.isEmpty(slot)) this.forgetJumps(slot);
    if (count > LISTED) for (const [from, bytes] of this.partsOf(slot)) this.clear(from, bytes);
    else for (let i = slot * LISTED; i < slot * LISTED + count; i++) this.vacate(this.filled[i] ?? 0);
    this.filledCount[slot] = 0;
  }

  /**
   * Empties the read and write tables of a space for one privilege if pages from 4 GiB up are among them: 32-bit code
   * compares the low half of a tag only.
   */
  dropWide(slot: number, user: boolean): void {
    const at = 2 * slot + (user ? 1 : 0);
    if (!this.wide[at]) return;
    this.wide[at] = false;
    for (const kind of [TLB_KIND.read, TLB_KIND.write, TLB_KIND.victimRead, TLB_KIND.victimWrite]) this.clear(this.table(slot, kind, user), kind.entries * TLB_ENTRY_BYTES);
  }

  /** Empties the execute tables of a space, for all contexts: blocks have changed. */
  flushExecute(slot: number): void {
    for (const bank of this.banks.of(slot)) this.emptyBank(bank);
    this.putOut[slot]?.clear();
  }

  /** A bank is about to be another context's. */
  private giveUpBank(bank: CodeBank): void {
    forgetFarTargets(this.words);
    this.emptyBank(bank);
  }

  private emptyBank(bank: CodeBank): void {
    const { slot, address } = bank;
    const count = this.filledCount[slot] ?? 0;
    if (this.isEmpty(slot)) return;
    this.renewTag(bank);
    if (count > LISTED) return this.clear(address, CODE_BANK_BYTES);
    const { words, filled } = this;
    const start = slot * LISTED;
    let kept = start;
    for (let i = start; i < start + count; i++) {
      const at = filled[i] ?? 0;
      if (at >= address >> 2 && at < (address + CODE_BANK_BYTES) >> 2) this.vacate(at);
      else if (!holdsNothing(words[at])) filled[kept++] = at;
    }
    this.filledCount[slot] = kept - start;
  }

  private entry(slot: number, kind: TlbKind, user: boolean, page: number): number {
    return entryIn(this.table(slot, kind, user), kind, page);
  }

  /** Empties an entry. What is left in it is no page that would have its place. */
  private vacate(at: number): void {
    const tag = this.words[at] ?? EMPTY;
    if (!holdsNothing(tag)) this.words[at] = (tag ^ PAGE_BYTES) | EMPTY;
  }

  /** Empties tables, of one space or of none. */
  private clear(start: number, bytes: number): void {
    this.words.fill(EMPTY, start >> 2, (start + bytes) >> 2);
    // That is in the first page, whose place is the first one.
    for (const table of start < TLB_EMPTY ? tablesOf(start) : [start]) if (table >= start && table < start + bytes) this.words[table >> 2] = EMPTY | PAGE_BYTES;
  }
}

const holdsNothing = (tag: number | undefined): boolean => ((tag ?? EMPTY) & 1) !== 0;

/** Addresses of the large tables for data of the space in whose tables an address is. */
function tablesOf(address: number): readonly number[] {
  const space = address - ((address - TLB_BASE) % TLB_SPACE_BYTES);
  return [TLB_READ, TLB_READ + TLB_USER, TLB_WRITE, TLB_WRITE + TLB_USER].map((offset) => space + offset);
}

/** Where pages are kept that are put out of a table; undefined for those of which none are. */
function victimsOf(kind: TlbKind): TlbKind | undefined {
  if (kind === TLB_KIND.read) return TLB_KIND.victimRead;
  return kind === TLB_KIND.write ? TLB_KIND.victimWrite : undefined;
}

/** Address of a page's entry in the table at `table`. Generated code computes the same from a linear address. */
function entryIn(table: number, kind: TlbKind, page: number): number {
  return table + (page & (kind.entries - 1)) * TLB_ENTRY_BYTES;
}
