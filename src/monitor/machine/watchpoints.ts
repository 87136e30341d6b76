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

/** A hit, when its instruction is done. */
export interface SeenHit<W extends WatchedBytes> {
  readonly watch: W;
  readonly access: WatchHit['access'];
  readonly linear: bigint | undefined;
  readonly physical: number;
  readonly offset: number;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
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
  private hits = new Map<W, MutableHit<W>>();
  /** Accesses that are not the guest's own: nobody looks. */
  private muted = false;

  constructor(private readonly environment: WatchEnvironment) {}

  /** Replaces what is watched. What has been seen of the rest is forgotten. */
  set(watches: readonly W[]): void {
    const placed = watches.map(place);
    this.linear = placed.filter(({ watch }) => watch.space === 'linear');
    this.physical = placed.filter(({ watch }) => watch.space === 'physical');
    for (const watch of this.hits.keys()) if (!watches.includes(watch)) this.hits.delete(watch);
    this.environment.cpu.mmu.watch = placed.length > 0 ? this : undefined;
  }

  get isPending(): boolean {
    return this.hits.size > 0;
  }

  /** All hits so far, which are forgotten. */
  take(): readonly SeenHit<W>[] {
    const hits = [...this.hits.values()].map((hit): SeenHit<W> => ({ ...hit, after: hit.pieces && this.bytesOf(hit.pieces) }));
    this.hits.clear();
    return hits;
  }

  forget(): void {
    this.hits.clear();
  }

  /** The instruction under way has faulted, and will read again what it has read. */
  dropReads(): void {
    for (const [watch, { access }] of this.hits) if (access === 'read') this.hits.delete(watch);
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
    this.meet(access, 'read', (placed, start) => this.note(placed, start, access, 'read'));
  }

  write(access: SeenAccess, store: () => void): void {
    if (this.muted) return store();
    const changes: Placed<W>[] = [];
    this.meet(access, 'write', (placed, start) => {
      if (placed.watch.access === 'change') changes.push(placed);
      else this.note(placed, start, access, 'write');
    });
    if (changes.length === 0) return store();
    const old = this.plain(access.physicalPage, access.offset, access.bytes);
    const found = changes.filter((placed) => !this.hits.has(placed.watch)).map((placed) => this.newHit(placed, this.startOf(placed, access), access, 'write'));
    store();
    const now = this.plain(access.physicalPage, access.offset, access.bytes);
    for (const hit of found) if (!old || !now || !sameBytes(old, now, hit)) this.hits.set(hit.watch, hit);
  }

  walkerSets(address: number, store: () => void): void {
    const { map } = this.environment;
    const access: WalkerAccess = { linearPage: undefined, physicalPage: map.behindWindows(Math.floor(address / PAGE_BYTES)), offset: address % PAGE_BYTES, bytes: 4, walker: true };
    this.write(access, store);
  }

  // Hits.

  /** Tells the watchpoints of which an access touches bytes, and the number of its first byte in each (negative: before the first). */
  private meet(access: SeenAccess, kind: 'read' | 'write', visit: (placed: Placed<W>, start: number) => void): void {
    const { linearPage, physicalPage } = access;
    const consider = (list: readonly Placed<W>[], page: number): void => {
      for (const placed of list) {
        const start = distance(placed, page, access.offset);
        if (start < placed.watch.length && start + access.bytes > 0 && isWanted(placed.watch.access, kind) && this.isInSpace(placed)) visit(placed, start);
      }
    };
    if (linearPage !== undefined) consider(this.linear, linearPage);
    if (this.physical.length === 0) return;
    consider(this.physical, physicalPage);
    const { map } = this.environment;
    if (map.windows.length > 0) for (const page of map.pagesLeadingTo(physicalPage)) consider(this.physical, page);
  }

  /** The number of an access's first byte in a watchpoint that it meets. */
  private startOf(placed: Placed<W>, access: SeenAccess): number {
    const { map } = this.environment;
    const pages = placed.watch.space === 'linear' ? [access.linearPage ?? 0] : [access.physicalPage, ...map.pagesLeadingTo(access.physicalPage)];
    return distance(placed, pages.find((page) => isOn(placed, page)) ?? 0, access.offset);
  }

  private isInSpace({ root, watch }: Placed<W>): boolean {
    if (root === undefined || watch.space === 'physical') return true;
    const { cr3 } = this.environment.cpu.state;
    return cr3 - (cr3 % PAGE_BYTES) === root;
  }

  private note(placed: Placed<W>, start: number, access: SeenAccess, kind: 'read' | 'write'): void {
    const known = this.hits.get(placed.watch);
    if (!known) this.hits.set(placed.watch, this.newHit(placed, start, access, kind));
    else if (known.access !== kind) known.access = 'readWrite';
  }

  /** A hit before its access is carried out. */
  private newHit(placed: Placed<W>, start: number, access: SeenAccess, kind: 'read' | 'write'): MutableHit<W> {
    const first = Math.max(start, 0);
    const skipped = first - start;
    const { linearPage } = access;
    const { length } = placed.watch;
    let offset = length <= MOST_BYTES ? 0 : Math.min(first, length - MOST_BYTES);
    let pieces = this.piecesOf(placed, offset, Math.min(length, MOST_BYTES), access);
    if (!pieces) {
      // A part of them is not there: those that are accessed.
      offset = first;
      pieces = this.piecesOf(placed, first, Math.min(start + access.bytes, length, first + MOST_BYTES) - first, access);
    }
    return {
      watch: placed.watch, access: kind, start, offset, pieces,
      linear: linearPage === undefined ? undefined : linearOf(linearPage, access.offset + skipped, this.environment.cpu.state.longMode),
      physical: access.physicalPage * PAGE_BYTES + access.offset + skipped,
      before: pieces && this.bytesOf(pieces),
      by: this.accessor(access),
    };
  }

  /** Where so many of the watched bytes are, from a number on; undefined where one is not in memory. */
  private piecesOf(placed: Placed<W>, from: number, count: number, access: SeenAccess): readonly Piece[] | undefined {
    const { map } = this.environment;
    const pieces: Piece[] = [];
    for (let done = 0; done < count; ) {
      const at = placed.offset + from + done;
      const offset = at % PAGE_BYTES;
      const bytes = Math.min(count - done, PAGE_BYTES - offset);
      const page = this.physicalPage(placed, placed.page + Math.floor(at / PAGE_BYTES), access);
      if (page < 0 || map.entry(page) < ABSENT) return undefined;
      pieces.push({ page, offset, bytes });
      done += bytes;
    }
    return pieces;
  }

  private bytesOf(pieces: readonly Piece[]): Uint8Array {
    const { map } = this.environment;
    const [first] = pieces;
    if (first && pieces.length === 1) return map.copyOut(first.page * PAGE_BYTES + first.offset, first.bytes);
    const all = new Uint8Array(pieces.reduce((sum, { bytes }) => sum + bytes, 0));
    let done = 0;
    for (const { page, offset, bytes } of pieces) {
      all.set(map.copyOut(page * PAGE_BYTES + offset, bytes), done);
      done += bytes;
    }
    return all;
  }

  private physicalPage(placed: Placed<W>, page: number, access: SeenAccess): number {
    const { cpu, map } = this.environment;
    if (placed.watch.space === 'physical') return map.behindWindows(page);
    return page === access.linearPage ? access.physicalPage : cpu.mmu.peekPage(page);
  }

  /** Bytes of RAM or ROM. */
  private plain(page: number, offset: number, bytes: number): Uint8Array | undefined {
    const { map } = this.environment;
    return map.entry(page) < ABSENT ? undefined : map.copyOut(page * PAGE_BYTES + offset, bytes);
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

/** Watched bytes in one page of memory. */
interface Piece {
  readonly page: number;
  readonly offset: number;
  readonly bytes: number;
}

/** A hit, while what follows it is still to come. */
interface MutableHit<W extends WatchedBytes> extends Omit<SeenHit<W>, 'access' | 'after'> {
  access: WatchHit['access'];
  /** Number of the access's first byte, negative if it lies before the watched ones. */
  readonly start: number;
  readonly pieces: readonly Piece[] | undefined;
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

/** Whether the watched bytes of an access are the same before and after. */
function sameBytes<W extends WatchedBytes>(old: Uint8Array, now: Uint8Array, { start, watch }: MutableHit<W>): boolean {
  for (let i = Math.max(-start, 0); i < Math.min(old.length, watch.length - start); i++) if (old[i] !== now[i]) return false;
  return true;
}

/** From the first watched byte to an offset in a page. */
function distance<W extends WatchedBytes>(placed: Placed<W>, page: number, offset: number): number {
  return (page - placed.page) * PAGE_BYTES + offset - placed.offset;
}

/** A linear address of a page, signed as its upper half is, for the outside. */
function linearOf(page: number, offset: number, longMode: boolean): bigint {
  return BigInt.asUintN(longMode ? 64 : 32, BigInt(page) * BigInt(PAGE_BYTES) + BigInt(offset));
}
