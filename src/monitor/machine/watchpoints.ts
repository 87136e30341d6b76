/**
 * Watchpoints as the memory sees them: which pages are covered, and which accesses meet one. Several accesses of one instruction to one
 * watchpoint are one hit.
 */
import type { AccessWatch, SeenAccess } from '../memory/accessWatch';
import { PAGE_BYTES } from '../memory/layout';
import { copySeen, WatchedHit, type WatchedBytes, type WatchEnvironment } from './watchHits';

export type { WatchedBytes, WatchedHit } from './watchHits';

export class Watchpoints<W extends WatchedBytes> implements AccessWatch {
  private all: readonly WatchedHit<W>[] = [];
  private linear: readonly WatchedHit<W>[] = [];
  private physical: readonly WatchedHit<W>[] = [];
  /** Whether there is any that sees reads. */
  private seesReads = false;
  /** Those that the instruction under way has hit. */
  private hits: WatchedHit<W>[] = [];
  /** Accesses that are not the guest's own: nobody looks. */
  private muted = false;
  /** What bytes held that are about to be written. */
  private readonly old = new Uint8Array(PAGE_BYTES);
  private readonly now = new Uint8Array(PAGE_BYTES);

  constructor(private readonly environment: WatchEnvironment) {}

  /** Replaces what is watched. What has been seen of the rest is forgotten. */
  set(watches: readonly W[]): void {
    const known = new Map(this.all.map((placed) => [placed.watch, placed]));
    this.all = watches.map((watch) => known.get(watch) ?? new WatchedHit(watch, this.environment));
    this.linear = this.all.filter(({ watch }) => watch.space === 'linear');
    this.physical = this.all.filter(({ watch }) => watch.space === 'physical');
    this.seesReads = this.all.some(({ watch }) => isWanted(watch.access, 'read'));
    this.keep((hit) => this.all.includes(hit));
    this.environment.cpu.mmu.watch = this.all.length > 0 ? this : undefined;
  }

  get isPending(): boolean {
    return this.hits.length > 0;
  }

  /** All hits so far, which are forgotten: what they say holds until the next instruction. */
  take(): readonly WatchedHit<W>[] {
    const { hits } = this;
    this.forget();
    return hits;
  }

  forget(): void {
    for (const hit of this.hits) hit.isHit = false;
    this.hits = [];
  }

  /** The instruction under way has faulted, and will read again what it has read. */
  dropReads(): void {
    this.keep(({ access }) => access !== 'read');
  }

  private keep(isKept: (hit: WatchedHit<W>) => boolean): void {
    const { hits } = this;
    this.forget();
    for (const hit of hits) if (isKept(hit)) this.add(hit);
  }

  private add(hit: WatchedHit<W>): void {
    hit.isHit = true;
    this.hits.push(hit);
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
    return this.coversLinear(linearPage, false) || this.coversPhysical(physicalPage);
  }

  coversReads(linearPage: number, physicalPage: number): boolean {
    return this.seesReads && (this.coversLinear(linearPage, true) || this.coversFrame(physicalPage, true));
  }

  touches(linearPage: number, physicalPage: number, offset: number, bytes: number): boolean {
    const meets = (placed: WatchedHit<W>, page: number): boolean => {
      const start = placed.numberOf(page, offset);
      return start < placed.watch.length && start + bytes > 0;
    };
    for (const placed of this.linear) if (meets(placed, linearPage) && placed.isInSpace()) return true;
    if (this.physical.length === 0) return false;
    for (const placed of this.physical) if (meets(placed, physicalPage)) return true;
    // By which other addresses the bytes are reached is looked at where the access is told.
    return this.environment.map.windows.length > 0 && this.environment.map.pagesLeadingTo(physicalPage).length > 0;
  }

  private coversLinear(page: number, forReads: boolean): boolean {
    if (this.linear.length === 0) return false;
    for (const placed of this.linear) if (placed.isOn(page) && placed.isInSpace() && (!forReads || isWanted(placed.watch.access, 'read'))) return true;
    return false;
  }

  coversPhysical(physicalPage: number): boolean {
    return this.coversFrame(physicalPage, false);
  }

  private coversFrame(physicalPage: number, forReads: boolean): boolean {
    const { physical } = this;
    if (physical.length === 0) return false;
    const isMeant = ({ watch }: WatchedHit<W>): boolean => !forReads || isWanted(watch.access, 'read');
    for (const placed of physical) if (placed.isOn(physicalPage) && isMeant(placed)) return true;
    const others = this.environment.map.windows.length > 0 ? this.environment.map.pagesLeadingTo(physicalPage) : [];
    return others.some((page) => physical.some((placed) => placed.isOn(page) && isMeant(placed)));
  }

  read(access: SeenAccess): void {
    if (this.muted || this.environment.cpu.mmu.shadow.implicit) return;
    this.meet(access, 'read');
  }

  write(access: SeenAccess, store: () => void): void {
    if (this.muted) return store();
    const changing = this.meet(access, 'write');
    if (!changing) return store();
    const { old, now } = this;
    const isSeen = this.copySeen(access, old);
    store();
    // Where the bytes cannot be seen, each write counts.
    if (isSeen) this.copySeen(access, now);
    for (const { placed, start } of changing) {
      const isChanged = !isSeen || !sameBytes(old, now, start, access.bytes, placed.watch.length);
      if (isChanged && !placed.isHit) this.add(placed);
    }
  }

  walkerSets(address: number, store: () => void): void {
    const { map } = this.environment;
    const access: WalkerAccess = { linearPage: undefined, physicalPage: map.behindWindows(Math.floor(address / PAGE_BYTES)), offset: address % PAGE_BYTES, bytes: 4, walker: true };
    this.write(access, store);
  }

  // Hits.

  /** Notes a hit of each watchpoint of which an access touches bytes. Gives those for which that hangs on what the write changes. */
  private meet(access: SeenAccess, kind: 'read' | 'write'): Changing<W>[] | undefined {
    const { linearPage, physicalPage } = access;
    let changing = linearPage === undefined ? undefined : this.meetIn(this.linear, linearPage, access, kind, undefined);
    if (this.physical.length === 0) return changing;
    changing = this.meetIn(this.physical, physicalPage, access, kind, changing);
    const { map } = this.environment;
    if (map.windows.length > 0) for (const page of map.pagesLeadingTo(physicalPage)) changing = this.meetIn(this.physical, page, access, kind, changing);
    return changing;
  }

  private meetIn(list: readonly WatchedHit<W>[], page: number, access: SeenAccess, kind: 'read' | 'write', changing: Changing<W>[] | undefined): Changing<W>[] | undefined {
    for (const placed of list) {
      const start = placed.numberOf(page, access.offset);
      if (start >= placed.watch.length || start + access.bytes <= 0 || !isWanted(placed.watch.access, kind) || !placed.isInSpace()) continue;
      if (placed.isHit) {
        if (placed.access !== kind) placed.access = 'readWrite';
        continue;
      }
      placed.begin(start, access, kind);
      if (placed.watch.access !== 'change') this.add(placed);
      else (changing ??= []).push({ placed, start });
    }
    return changing;
  }

  /** Copies the bytes of an access, if they can be seen. */
  private copySeen({ physicalPage, offset, bytes }: SeenAccess, target: Uint8Array): boolean {
    return copySeen(this.environment, physicalPage * PAGE_BYTES + offset, bytes, target, 0);
  }
}

interface WalkerAccess extends SeenAccess {
  readonly walker: true;
}

/** A hit if the bytes become others, and the number of the access's first byte in the watchpoint. */
interface Changing<W extends WatchedBytes> {
  readonly placed: WatchedHit<W>;
  readonly start: number;
}

function isWanted(wanted: WatchedBytes['access'], kind: 'read' | 'write'): boolean {
  return kind === 'read' ? wanted === 'read' || wanted === 'readWrite' : wanted !== 'read';
}

/** Whether the watched ones (of so many) among an access's bytes are the same before and after. */
function sameBytes(old: Uint8Array, now: Uint8Array, start: number, bytes: number, watched: number): boolean {
  for (let i = Math.max(-start, 0); i < Math.min(bytes, watched - start); i++) if (old[i] !== now[i]) return false;
  return true;
}
