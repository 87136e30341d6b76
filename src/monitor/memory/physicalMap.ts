/**
 * The physical map (pmap): what stands behind each guest-physical page: a machine frame, RAM that has
 * no frame yet, a device, or nothing. Guest-physical is never host-linear (invariant 4). Several pages may stand on one
 * frame; the first write to one of them gives it a frame of its own.
 */
import type { AccessWatch } from './accessWatch';
import { EFFORT } from './effort';
import { FRAME, type MachineMemory } from './machineMemory';
import { PAGE_BYTES } from './layout';

/** Entries of the map that are no frame numbers. */
export const ABSENT = 0;
export const NOTHING = -1;
export const DEVICE = -2;

/** Answers to accesses to pages that are marked DEVICE. */
export interface DeviceMemory {
  read(address: number, size: 1 | 2 | 4): number;
  write(address: number, size: 1 | 2 | 4, value: number): void;
}

/** Told of writes to traced frames, after the bytes have changed. */
export interface TraceListener {
  tableWritten(address: number, bytes: number): void;
  codeWritten(frame: number, offset: number, bytes: number): void;
  /** Address of the marks that say which bytes of a frame have been decoded (see PAGE_MARKS); 0 when there is no room for them. */
  codeMarks(frame: number): number;
}

/** Told when a page stands on another frame than before, or when writes to it have to come here from now on. */
export interface FrameListener {
  frameReplaced(page: number, frame: number): void;
  frameShared(page: number): void;
}

/** Told before the bytes of a page of RAM or ROM change, which stand on a frame now (0 for a page that has none). */
export interface PageKeeper {
  before(page: number, frame: number): void;
}

/** What the map counts, and what there is now: pages on the frame of zeros, pages on other shared frames. */
export interface FrameCounters {
  cowBreaks: number;
  ballooned: number;
  zeroPages: number;
  sharedPages: number;
}

/** Guest-physical pages that lead to others: to video memory, wherever a guest has put it, or a part of it. */
export interface PageWindow {
  readonly first: number;
  readonly count: number;
  /** Where its first page leads to. */
  readonly home: number;
}

/** Pages that the map keeps together. */
export const CHUNK_PAGES = 1024;
const ALL_PAGES = 0x0fffffff;

export class PhysicalMap {
  private readonly chunks = new Map<number, Int32Array>();
  /** Pages that lead to devices. */
  private devicePages: number[] = [];
  private lastChunk = -1;
  private lastEntries: Int32Array = new Int32Array(0);
  /** Page-number mask: bit 8 (1 MiB) is off while the A20 gate is closed. */
  private pageMask = ALL_PAGES;
  private openWindows: readonly PageWindow[] = [];
  traces: TraceListener | undefined;
  frames: FrameListener | undefined;
  /** Who wants to know of pages that are about to change: who keeps snapshots. */
  keeper: PageKeeper | undefined;
  /** Who sees accesses to pages. This map does not tell: who reaches memory for the guest does (see Mmu.watch). */
  watch: AccessWatch | undefined;
  /** Pages of ROM. */
  private readonly rom = new Set<number>();
  /** Pages that the guest has given back, and not written since: they have no frame of their own. */
  private readonly givenBack = new Set<number>();
  /** Whether pages that are only read share the frame of zeros. */
  sharesZeros = true;
  readonly counters: FrameCounters = { cowBreaks: 0, ballooned: 0, zeroPages: 0, sharedPages: 0 };

  constructor(
    readonly machine: MachineMemory,
    private readonly devices: DeviceMemory,
  ) {}

  /** Declares pages [first, first + count) to be RAM (no frames yet), a device, or nothing. */
  declare(first: number, count: number, kind: typeof ABSENT | typeof DEVICE | typeof NOTHING): void {
    for (let page = first; page < first + count;) {
      const place = page % CHUNK_PAGES;
      const behind = Math.min(CHUNK_PAGES, place + first + count - page);
      this.entries(page, true).fill(kind, place, behind);
      page += behind - place;
    }
    if (kind === DEVICE) for (let page = first; page < first + count; page++) this.devicePages.push(page);
  }

  /** No page leads to a device any more. Chunks that are empty then go: a guest may move a device through all of the address space. */
  withdrawDevices(): void {
    const left = new Set<number>();
    for (const page of this.devicePages) {
      const entries = this.entries(page, false);
      if (entries[page % CHUNK_PAGES] === DEVICE) entries[page % CHUNK_PAGES] = NOTHING;
      left.add(Math.floor(page / CHUNK_PAGES));
    }
    for (const chunk of left) if (this.chunks.get(chunk)?.every((entry) => entry === NOTHING)) this.chunks.delete(chunk);
    this.devicePages = [];
    this.lastChunk = -1;
  }

  /** Puts a frame behind a page (a mirror of ROM, for example). */
  place(page: number, frame: number): void {
    this.entries(page, true)[page % CHUNK_PAGES] = frame;
  }

  /** Nothing stands behind any page; frames are the caller's to free. */
  clear(): void {
    if (this.keeper) for (const [page, frame] of this.framed()) this.keeper.before(page, frame);
    this.rom.clear();
    this.givenBack.clear();
    this.chunks.clear();
    this.devicePages = [];
    this.openWindows = [];
    this.lastChunk = -1;
    this.counters.zeroPages = this.counters.sharedPages = 0;
  }

  set a20(enabled: boolean) {
    this.pageMask = enabled ? ALL_PAGES : ALL_PAGES & ~0x100;
  }

  get a20(): boolean {
    return this.pageMask === ALL_PAGES;
  }

  /**
   * Pages that lead to other pages from now on. All that follows from a page (its frame, traces, code, tables) is kept under the
   * page that it leads to, so that what can be reached in two ways is one thing. RAM and ROM stay where they are.
   */
  set windows(windows: readonly PageWindow[]) {
    this.openWindows = windows.filter(({ first, count }) => {
      for (let page = first; page < first + count; page++) if (this.entry(page) >= ABSENT) return false;
      return true;
    });
  }

  get windows(): readonly PageWindow[] {
    return this.openWindows;
  }

  /** A page number as it leaves the processor and arrives: with the A20 gate applied, 40 address bits, behind windows. */
  busPage(page: number): number {
    const outside = page & this.pageMask;
    return this.openWindows.length === 0 ? outside : this.behindWindows(outside);
  }

  /** The pages that lead to a page through windows. */
  pagesLeadingTo(page: number): number[] {
    return this.openWindows.flatMap(({ first, count, home }) => (page >= home && page < home + count ? [first + page - home] : []));
  }

  /** The page that a page leads to: through a window, or itself. */
  behindWindows(page: number): number {
    for (const { first, count, home } of this.openWindows) if (page >= first && page < first + count) return home + page - first;
    return page;
  }

  /** The map's entry: a frame number, ABSENT, DEVICE or NOTHING. */
  entry(page: number): number {
    const chunk = page >>> 10;
    if (chunk !== this.lastChunk) {
      const entries = this.chunks.get(chunk);
      if (!entries) return NOTHING;
      this.lastChunk = chunk;
      this.lastEntries = entries;
    }
    return this.lastEntries[page & (CHUNK_PAGES - 1)] ?? NOTHING;
  }

  /**
   * The frame behind a page, for reading: RAM that has none gets the frame of zeros. DEVICE or NOTHING otherwise. Who writes
   * to it by other ways than this map's looks at its flags first.
   */
  frame(page: number): number {
    const entry = this.entry(page);
    if (entry !== ABSENT) return entry;
    if (!this.sharesZeros) return this.own(page);
    this.counters.zeroPages++;
    this.place(page, this.machine.zeroFrame);
    return this.machine.zeroFrame;
  }

  /** The frame for an access that may write: RAM that has none gets one. It may be shared, as its flags say. */
  frameToWrite(page: number): number {
    const entry = this.entry(page);
    return entry === ABSENT ? this.own(page) : entry;
  }

  /** The frame behind a page that no other page shares, made now if needed; DEVICE or NOTHING otherwise. */
  own(page: number): number {
    const entry = this.entry(page);
    if (entry === ABSENT) {
      this.keeper?.before(page, ABSENT);
      this.givenBack.delete(page);
      const frame = this.machine.allocate();
      this.place(page, frame);
      return frame;
    }
    return entry > 0 && this.machine.frameFlags(entry) & FRAME.shared ? this.breakSharing(page, entry) : entry;
  }

  /** Before the bytes of a page's own frame change, by other ways than this map's: whoever keeps it as it is has it then. */
  release(page: number, frame: number): void {
    if (!(this.machine.frameFlags(frame) & FRAME.kept)) return;
    this.keeper?.before(page, frame);
    this.machine.clearFrameFlag(frame, FRAME.kept);
  }

  private breakSharing(page: number, shared: number): number {
    const { machine, counters } = this;
    this.keeper?.before(page, shared);
    this.givenBack.delete(page);
    machine.clearFrameFlag(shared, FRAME.kept);
    counters.cowBreaks++;
    if (shared === machine.zeroFrame) counters.zeroPages--;
    else {
      counters.sharedPages--;
      if (machine.addSharer(shared, -1) === 0) {
        // The last one keeps it.
        machine.clearFrameFlag(shared, FRAME.shared);
        return shared;
      }
    }
    const frame = machine.allocate();
    if (shared !== machine.zeroFrame) machine.u8.copyWithin(frame * PAGE_BYTES, shared * PAGE_BYTES, (shared + 1) * PAGE_BYTES);
    this.place(page, frame);
    this.frames?.frameReplaced(page, frame);
    return frame;
  }

  /** Whether a page has a frame of its own that nobody watches: RAM that may be put on another frame. */
  isPlain(page: number): boolean {
    const entry = this.entry(page);
    return entry > 0 && (this.machine.frameFlags(entry) & ~FRAME.kept) === 0;
  }

  /** Whether a page has a frame with data that other pages may have, too. */
  isShared(page: number): boolean {
    const entry = this.entry(page);
    return entry > 0 && entry !== this.machine.zeroFrame && (this.machine.frameFlags(entry) & FRAME.shared) !== 0;
  }

  /** Puts a plain page on the frame of another one with the same bytes, or of zeros (no `other`). Its own frame is free then. */
  share(page: number, other?: number): void {
    const { machine, counters } = this;
    const old = this.entry(page);
    let target = machine.zeroFrame;
    if (other === undefined) counters.zeroPages++;
    else {
      target = this.entry(other);
      if (!(machine.frameFlags(target) & FRAME.shared)) {
        counters.sharedPages++;
        this.frames?.frameShared(other);
      }
      machine.addSharer(target, 1);
      counters.sharedPages++;
    }
    this.place(page, target);
    this.frames?.frameReplaced(page, target);
    machine.free(old);
  }

  /**
   * The balloon's door: takes a page of RAM away. What it held is lost, and it reads as zeros from now on, as if the guest had
   * written them; it has a frame again when it is written, and counts as given back until then. False for what is no RAM, or ROM.
   */
  balloon(page: number): boolean {
    const { machine } = this;
    const entry = this.entry(page);
    if (entry < 0 || (entry > 0 && machine.frameFlags(entry) & FRAME.rom)) return false;
    this.counters.ballooned++;
    if (entry === ABSENT || entry === machine.zeroFrame) {
      this.givenBack.add(page);
      return true;
    }
    const frame = this.own(page);
    this.release(page, frame);
    machine.u8.fill(0, frame * PAGE_BYTES, (frame + 1) * PAGE_BYTES);
    this.noteWrite(frame, page * PAGE_BYTES, PAGE_BYTES, machine.frameFlags(frame));
    // A table, or code that somebody else still watches, keeps its frame of zeros.
    if (machine.frameFlags(frame) === 0 && this.sharesZeros) {
      this.share(page);
      this.givenBack.add(page);
    }
    return true;
  }

  /** The guest takes a page again that the balloon had: it is RAM that was never used. */
  deflate(page: number): void {
    this.givenBack.delete(page);
  }

  isGivenBack(page: number): boolean {
    return this.givenBack.has(page);
  }

  /** All pages that the guest has given back and not written since, ascending. */
  givenBackPages(): readonly number[] {
    return [...this.givenBack].sort((one, other) => one - other);
  }

  /** Those that were so at a moment, when memory holds what it held then: zeros in these. */
  restoreGivenBack(pages: readonly number[]): void {
    this.givenBack.clear();
    for (const page of pages) {
      if (this.sharesZeros && this.isPlain(page)) this.share(page);
      this.givenBack.add(page);
    }
  }

  /** Reads 1, 2 or 4 bytes inside one page. Nothing reads as all ones. */
  read(address: number, size: 1 | 2 | 4): number {
    this.machine.effort.spent += EFFORT.bus;
    const entry = this.entry(this.behindWindows(Math.floor(address / PAGE_BYTES)));
    if (entry > 0) return this.machine.read(entry * PAGE_BYTES + (address & 0xfff), size);
    if (entry === ABSENT) return 0;
    if (entry === DEVICE) return this.devices.read(address, size);
    return size === 4 ? 0xffffffff : (1 << (size * 8)) - 1;
  }

  /** A write by the guest inside one page: dropped by ROM and nothing, seen by devices and traces. */
  write(address: number, size: 1 | 2 | 4, value: number): void {
    this.machine.effort.spent += EFFORT.bus;
    const page = this.behindWindows(Math.floor(address / PAGE_BYTES));
    let frame = this.frameToWrite(page);
    if (frame === DEVICE) return this.devices.write(address, size, value);
    if (frame === NOTHING) return;
    let flags = this.machine.frameFlags(frame);
    if (flags & FRAME.rom) return;
    if (flags & (FRAME.shared | FRAME.kept)) {
      frame = this.own(page);
      this.release(page, frame);
      flags = this.machine.frameFlags(frame);
    }
    const host = frame * PAGE_BYTES + (address & 0xfff);
    // Code that is written as it is stays what it is.
    if (flags & FRAME.code && this.machine.read(host, size) === (size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1))) flags &= ~FRAME.code;
    this.machine.write(host, size, value);
    if (flags !== 0) this.noteWrite(frame, page * PAGE_BYTES + (address & 0xfff), size, flags);
  }

  /** Fills `target` as reads of the single bytes would. */
  readBytes(address: number, target: Uint8Array): void {
    this.forPages(address, target.length, (page, offset, count, done) => {
      this.machine.effort.spent += EFFORT.bus + count / EFFORT.copied;
      const entry = this.entry(page);
      const part = target.subarray(done, done + count);
      if (entry > 0) part.set(this.machine.u8.subarray(entry * PAGE_BYTES + offset, entry * PAGE_BYTES + offset + count));
      else if (entry === DEVICE) for (let i = 0; i < count; i++) part[i] = this.read(address + done + i, 1);
      else part.fill(entry === ABSENT ? 0 : 0xff);
    });
  }

  /** Writes `source` as writes of the single bytes would; what traces a page is told once. */
  writeBytes(address: number, source: Uint8Array): void {
    this.forPages(address, source.length, (page, offset, count, done) => {
      this.machine.effort.spent += EFFORT.bus + count / EFFORT.copied;
      const part = source.subarray(done, done + count);
      const entry = this.entry(page);
      if (entry === DEVICE) for (let i = 0; i < count; i++) this.write(address + done + i, 1, part[i]);
      if (entry < 0 || (entry > 0 && this.machine.frameFlags(entry) & FRAME.rom)) return;
      const frame = this.own(page);
      this.release(page, frame);
      this.machine.u8.set(part, frame * PAGE_BYTES + offset);
      const flags = this.machine.frameFlags(frame);
      if (flags !== 0) this.noteWrite(frame, page * PAGE_BYTES + offset, count, flags);
    });
  }

  /** Stores bytes in a page whose frame is traced for code or as a table (`flags`); the traces are told once of all of them. What is written as it is stays what it is. */
  storeOverTraced(page: number, frame: number, offset: number, source: Uint8Array, flags: number): void {
    this.machine.effort.spent += EFFORT.bus + source.length / EFFORT.copied;
    const host = frame * PAGE_BYTES + offset;
    const target = this.machine.u8.subarray(host, host + source.length);
    if (source.every((byte, i) => target[i] === byte)) return;
    target.set(source);
    this.noteWrite(frame, page * PAGE_BYTES + offset, source.length, flags);
  }

  /** Tells the traces that bytes of a frame have changed by other ways than `write`. */
  noteWrite(frame: number, address: number, bytes: number, flags: number): void {
    if (flags & FRAME.table) this.traces?.tableWritten(address, bytes);
    if (flags & FRAME.code) this.traces?.codeWritten(frame, address & 0xfff, bytes);
  }

  /** Copies guest-physical bytes out; absent RAM is zero, nothing is FF, devices are not asked (FF). */
  copyOut(address: number, bytes: number): Uint8Array {
    const target = new Uint8Array(bytes);
    this.forPages(address, bytes, (page, offset, count, done) => {
      const entry = this.entry(page);
      if (entry > 0) {
        const host = entry * PAGE_BYTES + offset;
        target.set(this.machine.u8.subarray(host, host + count), done);
      } else if (entry !== ABSENT) target.fill(0xff, done, done + count);
    });
    return target;
  }

  /** Copies bytes in, ROM included; devices and nothing swallow them. Traces are told. */
  copyIn(address: number, source: Uint8Array): void {
    this.forPages(address, source.length, (page, offset, count, done) => {
      const frame = this.own(page);
      if (frame <= 0) return;
      this.release(page, frame);
      this.machine.u8.set(source.subarray(done, done + count), frame * PAGE_BYTES + offset);
      const flags = this.machine.frameFlags(frame);
      if (flags !== 0) this.noteWrite(frame, page * PAGE_BYTES + offset, count, flags);
    });
  }

  /** Marks a range as ROM from now on (page aligned). */
  protect(address: number, bytes: number): void {
    const first = address / PAGE_BYTES;
    for (let page = first; page < first + bytes / PAGE_BYTES; page++) this.setRom(page, true);
  }

  /** Makes a page ROM, or plain RAM again, and says whether that is news. No TLB may hold what becomes ROM for writing. */
  setRom(page: number, isRom: boolean): boolean {
    if (this.rom.has(page) === isRom) return false;
    const frame = this.own(page);
    if (frame <= 0) return false;
    if (isRom) {
      this.machine.setFrameFlag(frame, FRAME.rom);
      this.rom.add(page);
      this.frames?.frameShared(page);
    } else {
      this.machine.clearFrameFlag(frame, FRAME.rom);
      this.rom.delete(page);
    }
    return true;
  }

  /** All pages of ROM. */
  romPages(): readonly number[] {
    return [...this.rom];
  }

  /** First pages of the stretches of `CHUNK_PAGES` pages in which anything has been declared or placed, ascending. */
  declared(): readonly number[] {
    return [...this.chunks.keys()].sort((a, b) => a - b).map((chunk) => chunk * CHUNK_PAGES);
  }

  /** All pages with frames but that of zeros, ascending: [page, frame]. */
  *framed(): Generator<[page: number, frame: number]> {
    const order = [...this.chunks.keys()].sort((a, b) => a - b);
    for (const chunk of order) {
      const entries = this.chunks.get(chunk);
      if (!entries) continue;
      for (let i = 0; i < CHUNK_PAGES; i++) {
        const frame = entries[i] ?? NOTHING;
        if (frame > 0 && frame !== this.machine.zeroFrame) yield [chunk * CHUNK_PAGES + i, frame];
      }
    }
  }

  private entries(page: number, create: boolean): Int32Array {
    const chunk = page >>> 10;
    let entries = this.chunks.get(chunk);
    if (!entries) {
      entries = new Int32Array(CHUNK_PAGES).fill(NOTHING);
      if (create) this.chunks.set(chunk, entries);
    }
    return entries;
  }

  private forPages(address: number, bytes: number, visit: (page: number, offset: number, count: number, done: number) => void): void {
    let done = 0;
    while (done < bytes) {
      const at = address + done;
      const offset = at % PAGE_BYTES;
      const count = Math.min(bytes - done, PAGE_BYTES - offset);
      visit(this.behindWindows(Math.floor(at / PAGE_BYTES)), offset, count, done);
      done += count;
    }
  }
}

