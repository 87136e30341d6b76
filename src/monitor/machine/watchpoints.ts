/**
 * Watchpoints as the memory sees them: which pages are covered, which accesses meet one, and what is known of each hit until the
 * instruction is done. Several accesses of one instruction to one watchpoint are one hit.
 */
import * as L from '../cpu/layout';
import type { Cpu } from '../cpu/cpu';
import type { Executor } from '../engine/executor';
import type { AccessWatch, SeenAccess } from '../memory/accessWatch';
import { PAGE_BYTES } from '../memory/layout';
import { ABSENT, type PhysicalMap } from '../memory/physicalMap';
import { outsideAddress } from './addresses';
import type { Accessor, WatchHit } from './stops';

/** Bytes of a watchpoint that are kept of before and after. */
const MOST_BYTES = 64;

/** Bytes to be watched, and who wants to know. */
export interface WatchedBytes {
  readonly space: 'linear' | 'physical';
  readonly address: bigint;
  readonly length: number;
  readonly access: 'read' | 'write' | 'readWrite' | 'change';
  readonly cr3?: number;
}

/** A hit while its instruction is under way. */
export interface SeenHit<W extends WatchedBytes> {
  readonly watch: W;
  access: WatchHit['access'];
  readonly linear: bigint | undefined;
  readonly physical: number;
  readonly offset: number;
  readonly before: Uint8Array | undefined;
  after: Uint8Array | undefined;
  readonly by: Accessor;
}

interface Placed<W extends WatchedBytes> {
  readonly watch: W;
  /** First page, offset in it, and pages that the bytes lie in. */
  readonly page: number;
  readonly offset: number;
  readonly pages: number;
  /** Page of the CR3, if only one address space is meant. */
  readonly root: number | undefined;
}

export interface WatchEnvironment {
  readonly cpu: Cpu;
  readonly executor: Executor;
  readonly map: PhysicalMap;
}

export class Watchpoints<W extends WatchedBytes> implements AccessWatch {
  private linear: readonly Placed<W>[] = [];
  private physical: readonly Placed<W>[] = [];
  private hits: SeenHit<W>[] = [];
  /** Accesses that are not the guest's own: nobody looks. */
  private muted = false;

  constructor(private readonly environment: WatchEnvironment) {}

  /** Replaces what is watched. What has been seen of the rest is forgotten. */
  set(watches: readonly W[]): void {
    const placed = watches.map(place);
    this.linear = placed.filter(({ watch }) => watch.space === 'linear');
    this.physical = placed.filter(({ watch }) => watch.space === 'physical');
    this.hits = this.hits.filter(({ watch }) => watches.includes(watch));
    this.environment.cpu.mmu.watch = placed.length > 0 ? this : undefined;
  }

  get isPending(): boolean {
    return this.hits.length > 0;
  }

  /** All hits so far, which are forgotten. */
  take(): readonly SeenHit<W>[] {
    const { hits } = this;
    this.hits = [];
    return hits;
  }

  forget(): void {
    this.hits = [];
  }

  /** The instruction under way has faulted, and will read again what it has read. */
  dropReads(): void {
    this.hits = this.hits.filter(({ access }) => access !== 'read');
  }

  /** Does something that is not the guest's doing. */
  silently<T>(action: () => T): T {
    this.muted = true;
    try {
      return action();
    } finally {
      this.muted = false;
    }
  }

  // What memory asks and tells.

  covers(linearPage: number, physicalPage: number): boolean {
    if (this.linear.length > 0) for (const placed of this.linear) if (isOn(placed, linearPage) && this.isInSpace(placed)) return true;
    return this.coversPhysical(physicalPage);
  }

  coversPhysical(physicalPage: number): boolean {
    const { physical } = this;
    if (physical.length === 0) return false;
    for (const placed of physical) if (isOn(placed, physicalPage)) return true;
    const others = this.environment.map.windows.length > 0 ? this.environment.map.pagesLeadingTo(physicalPage) : [];
    return others.some((page) => physical.some((placed) => isOn(placed, page)));
  }

  read(access: SeenAccess): void {
    if (this.muted || this.environment.cpu.mmu.shadow.implicit) return;
    for (const { placed, start } of this.met(access, 'read')) this.note(placed, start, access, 'read', this.keep(placed, start, access));
  }

  write(access: SeenAccess, store: () => void): void {
    if (this.muted) return store();
    const met = this.met(access, 'write').map((each) => ({ ...each, kept: this.keep(each.placed, each.start, access), old: this.touched(access) }));
    store();
    for (const { placed, start, kept, old } of met) {
      const isChange = placed.watch.access !== 'change' || !old || !sameBytes(old, this.touched(access), placed, start);
      if (isChange) this.note(placed, start, access, 'write', kept);
    }
  }

  walkerSets(address: number, store: () => void): void {
    const { map } = this.environment;
    const access: WalkerAccess = { linearPage: undefined, physicalPage: map.behindWindows(Math.floor(address / PAGE_BYTES)), offset: address % PAGE_BYTES, bytes: 4, walker: true };
    this.write(access, store);
  }

  // Hits.

  /** The watchpoints of which an access touches bytes, and the first such byte's number in each (negative: before its first). */
  private met(access: SeenAccess, kind: 'read' | 'write'): { readonly placed: Placed<W>; readonly start: number }[] {
    const found: { placed: Placed<W>; start: number }[] = [];
    const consider = (list: readonly Placed<W>[], page: number): void => {
      for (const placed of list) {
        if (!isWanted(placed.watch.access, kind)) continue;
        const start = (page - placed.page) * PAGE_BYTES + access.offset - placed.offset;
        if (start < placed.watch.length && start + access.bytes > 0) found.push({ placed, start });
      }
    };
    if (access.linearPage !== undefined) consider(this.linear.filter((placed) => this.isInSpace(placed)), access.linearPage);
    if (this.physical.length > 0) {
      const { map } = this.environment;
      for (const page of [access.physicalPage, ...(map.windows.length > 0 ? map.pagesLeadingTo(access.physicalPage) : [])]) consider(this.physical, page);
    }
    return found;
  }

  private isInSpace({ root }: Placed<W>): boolean {
    if (root === undefined) return true;
    const { cr3 } = this.environment.cpu.state;
    return cr3 - (cr3 % PAGE_BYTES) === root;
  }

  private note(placed: Placed<W>, start: number, access: SeenAccess, kind: 'read' | 'write', kept: Kept): void {
    const known = this.hits.find(({ watch }) => watch === placed.watch);
    if (known) {
      if (known.access !== kind) known.access = 'readWrite';
      if (kind === 'write' && known.before) known.after = this.bytesOf(placed, known.offset, known.before.length, access);
      return;
    }
    const first = Math.max(start, 0);
    const { state } = this.environment.cpu;
    const page = access.linearPage;
    const skipped = first - start;
    this.hits.push({
      watch: placed.watch,
      access: kind,
      linear: page === undefined ? undefined : linearOf(page, access.offset + skipped, state.longMode),
      physical: access.physicalPage * PAGE_BYTES + access.offset + skipped,
      offset: kept.offset,
      before: kept.bytes,
      after: kind === 'read' || !kept.bytes ? kept.bytes : this.bytesOf(placed, kept.offset, kept.bytes.length, access),
      by: this.accessor(access),
    });
  }

  /** What the watched bytes are now, before an access that touches them from number `start` on. */
  private keep(placed: Placed<W>, start: number, access: SeenAccess): Kept {
    const { length } = placed.watch;
    const first = Math.max(start, 0);
    const offset = length <= MOST_BYTES ? 0 : Math.min(first, length - MOST_BYTES);
    const all = this.bytesOf(placed, offset, Math.min(length, MOST_BYTES), access);
    if (all) return { offset, bytes: all };
    // A part of them is not there: those that are accessed.
    const count = Math.min(start + access.bytes, length, first + MOST_BYTES) - first;
    return { offset: first, bytes: this.bytesOf(placed, first, count, access) };
  }

  /** So many of the watched bytes, from a number on; undefined where one is not in memory. */
  private bytesOf(placed: Placed<W>, from: number, count: number, access: SeenAccess): Uint8Array | undefined {
    const bytes = new Uint8Array(count);
    for (let done = 0; done < count; ) {
      const at = placed.offset + from + done;
      const page = placed.page + Math.floor(at / PAGE_BYTES);
      const offset = at % PAGE_BYTES;
      const piece = Math.min(count - done, PAGE_BYTES - offset);
      const part = this.plain(this.physicalPage(placed, page, access), offset, piece);
      if (!part) return undefined;
      bytes.set(part, done);
      done += piece;
    }
    return bytes;
  }

  private physicalPage(placed: Placed<W>, page: number, access: SeenAccess): number {
    const { cpu, map } = this.environment;
    if (placed.watch.space === 'physical') return map.behindWindows(page);
    return page === access.linearPage ? access.physicalPage : cpu.mmu.peekPage(page);
  }

  /** The bytes of an access as they are now. */
  private touched({ physicalPage, offset, bytes }: SeenAccess): Uint8Array | undefined {
    return this.plain(physicalPage, offset, bytes);
  }

  /** Bytes of RAM or ROM. */
  private plain(page: number, offset: number, bytes: number): Uint8Array | undefined {
    const { map } = this.environment;
    if (page < 0 || map.entry(page) < ABSENT) return undefined;
    return map.copyOut(page * PAGE_BYTES + offset, bytes);
  }

  private accessor(access: SeenAccess): Accessor {
    if (access.device !== undefined) return { kind: 'device', name: access.device };
    const { cpu, executor } = this.environment;
    const { state } = cpu;
    const pointer = executor.instructionPointer;
    const walker = 'walker' in access;
    return {
      kind: 'cpu',
      cpu: cpu.place.index,
      selector: state.selector(L.CS),
      instructionPointer: outsideAddress(state, pointer),
      linear: outsideAddress(state, state.linear(L.CS, pointer)),
      cr3: state.cr3,
      cpl: state.cpl,
      delivery: !walker && !executor.burst.isRunning,
      walker,
    };
  }
}

interface WalkerAccess extends SeenAccess {
  readonly walker: true;
}

interface Kept {
  readonly offset: number;
  readonly bytes: Uint8Array | undefined;
}

/** Puts watched bytes into pages; linear ones of the upper half are negative. */
function place<W extends WatchedBytes>(watch: W): Placed<W> {
  const page = Number(BigInt.asIntN(64, watch.address) >> 12n);
  const offset = Number(watch.address & 0xfffn);
  const { cr3 } = watch;
  return { watch, page, offset, pages: Math.floor((offset + watch.length - 1) / PAGE_BYTES) + 1, root: cr3 === undefined ? undefined : cr3 - (cr3 % PAGE_BYTES) };
}

const isOn = <W extends WatchedBytes>({ page, pages }: Placed<W>, other: number): boolean => other >= page && other < page + pages;

function isWanted(wanted: WatchedBytes['access'], kind: 'read' | 'write'): boolean {
  return kind === 'read' ? wanted === 'read' || wanted === 'readWrite' : wanted !== 'read';
}

/** Whether those bytes of an access are the same that are watched; `start` is the first one's number. */
function sameBytes<W extends WatchedBytes>(old: Uint8Array, now: Uint8Array | undefined, { watch }: Placed<W>, start: number): boolean {
  if (!now) return false;
  for (let i = Math.max(-start, 0); i < Math.min(old.length, watch.length - start); i++) if (old[i] !== now[i]) return false;
  return true;
}

/** A linear address of a page, signed as its upper half is, for the outside. */
function linearOf(page: number, offset: number, longMode: boolean): bigint {
  return BigInt.asUintN(longMode ? 64 : 32, BigInt(page) * BigInt(PAGE_BYTES) + BigInt(offset));
}
