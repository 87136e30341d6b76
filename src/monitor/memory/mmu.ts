/**
 * The memory management unit as generated code and services see it: linear addresses to host bytes,
 * by TLB, shadow tables and guest tables in this order; what cannot go straight to memory (page
 * crossings, devices, traced pages) goes through a bounce buffer.
 */
import type { AccessWatch } from './accessWatch';
import { BOUNCE, PAGE_BYTES } from './layout';
import { GuestFault } from './guestFault';
import { GuestWalk, NO_PAGING, walkGuest, type PagingControls } from './guestPaging';
import { LARGE_ZERO } from './largeNumbers';
import { FRAME, type MachineMemory } from './machineMemory';
import type { PhysicalMap } from './physicalMap';
import { ShadowPaging, type AddressSpace } from './shadowPaging';
import { Techniques } from './techniques';
import { TLB_KIND, Tlb } from './tlb';
import { WatchMarks } from './watchMarks';

const PAGE_FAULT = 14, ALIGNMENT_CHECK = 17;
const TWO32 = 2 ** 32;
const LAST_PAGE_32 = 0xfffff;

/** What `access` gives for one that faults: no host address of a guest's bytes. */
export const REFUSED = 0;

/** Kinds of access in bits 8-9 of `sizeAndKind`; what is neither reads and writes. */
const READ = 0, WRITE = 1;

/** How table entries are read: large pages in 32-bit tables, no-execute and 1 GiB pages in the others. */
type TableRules = Pick<PagingControls, 'largePages' | 'noExecute' | 'gigabytePages'>;

/** A store that waits in the bounce buffer: at most two pieces of neighbouring pages. */
interface BouncedStore {
  bytes: number;
  firstAddress: number;
  firstBytes: number;
  secondAddress: number;
  /** Linear page of the first byte, if anybody watches it or the page behind it; and of the second piece. */
  seenPage: number | undefined;
  seenNext: number;
}

export class Mmu {
  readonly tlb: Tlb;
  private readonly watchMarks: WatchMarks;
  readonly shadow: ShadowPaging;
  private space: AddressSpace;
  private controls: PagingControls = NO_PAGING;
  /** Those under which shadow tables were derived, and those under which the TLB was filled: the last with paging. */
  private rules: TableRules = NO_PAGING;
  private rights: PagingControls = NO_PAGING;
  private readonly store: BouncedStore = { bytes: 0, firstAddress: LARGE_ZERO, firstBytes: 0, secondAddress: LARGE_ZERO, seenPage: undefined, seenNext: LARGE_ZERO };
  /** Linear pages that the TLB must not hold for data: watched for the guest's debug registers. */
  private watchedPages = new Set<number>();
  private readonly peekWalk = new GuestWalk();
  /** Told of each data access to a watched page: linear page, offset, bytes, whether it writes. */
  onWatched: ((page: number, offset: number, bytes: number, write: boolean) => void) | undefined;
  private accessWatch: AccessWatch | undefined;
  /** Whether linear addresses of the present code end at 4 GiB: what crosses that border goes on at 0. */
  wrap32 = true;
  /** Whether services may store beside what marks say of code. They say nothing of a repeated instruction that is executed alone, and may write over itself. */
  storesBesideCode = true;
  /** Whether user accesses must be aligned (CR0.AM and EFLAGS.AC at CPL 3): then none of them may go by the TLB alone. */
  checksAlignment = false;
  /** The fault for which `access` or `fetch` has refused: faults are frequent, and exceptions of JavaScript are dear. */
  private refusal: GuestFault | undefined;

  constructor(
    private readonly machine: MachineMemory,
    readonly map: PhysicalMap,
    techniques = new Techniques(),
  ) {
    this.tlb = new Tlb(machine, techniques.victims);
    this.watchMarks = new WatchMarks(machine.u8, this.tlb);
    this.shadow = new ShadowPaging(machine, map, this.tlb, techniques);
    map.sharesZeros = techniques.zeroFrame;
    map.frames = {
      frameReplaced: (page, frame) => this.shadow.replaceFrame(page, frame),
      frameShared: (page) => this.shadow.writeProtect(page),
    };
    this.space = this.shadow.enter(this.controls);
  }

  get currentSpace(): AddressSpace {
    return this.space;
  }

  get currentControls(): PagingControls {
    return this.controls;
  }

  /** Takes new paging controls (CR0, CR3, CR4 or EFER have changed). */
  setControls(controls: PagingControls): void {
    if (controls.mode !== 'none') this.followRules(controls);
    this.take(controls);
    this.space = this.shadow.enter(controls);
  }

  /** Takes controls back that held before, with the address space that was theirs: another CPU's turn has come. */
  resumeControls(controls: PagingControls, space: AddressSpace): void {
    if (controls.mode !== 'none') this.followRules(controls);
    this.take(controls);
    this.space = this.shadow.reenter(controls, space);
  }

  private take(controls: PagingControls): void {
    this.controls = controls;
    this.machine.far.enabled = controls.mode === '5-level';
  }

  /**
   * Drops what was derived under other rules. Without paging there are none: a CPU may go through real mode, or stay there
   * while others take turns with it, and nothing is lost.
   */
  private followRules(controls: PagingControls): void {
    const { rules, rights } = this;
    if (controls === rights) return;
    this.rights = controls;
    // Shadow tables are found by mode and page alone, so those of a mode must have been derived under the same rules.
    if (controls.mode === '32-bit') {
      if (controls.largePages !== rules.largePages) this.dropTables({ ...rules, largePages: controls.largePages });
    } else if (controls.noExecute !== rules.noExecute || controls.gigabytePages !== rules.gigabytePages) {
      this.dropTables({ ...controls, largePages: rules.largePages });
    }
    const { writeProtect, smep, smap, pkru } = rights;
    if (controls.writeProtect !== writeProtect || controls.smep !== smep || controls.smap !== smap || keysChanged(pkru, controls.pkru)) this.shadow.flushAll();
  }

  private dropTables({ largePages, noExecute, gigabytePages }: TableRules): void {
    this.rules = { largePages, noExecute, gigabytePages };
    this.shadow.dropAll();
  }

  /** INVLPG. Nothing of the page could be wrong; it is dropped as a processor would. */
  invalidate(page: number): void {
    this.shadow.counters.flushesInvlpg++;
    this.tlb.dropPage(this.space.slot, page);
  }

  /** The guest has asked for other translations to be forgotten: there is nothing to do. */
  noteFlush(kind: 'cr3' | 'global' | 'context'): void {
    const { counters } = this.shadow;
    if (kind === 'cr3') counters.flushesCr3++;
    else if (kind === 'global') counters.flushesGlobal++;
    else counters.flushesContext++;
  }

  /** Replaces the set of watched linear pages. */
  setWatchedPages(pages: Set<number>): void {
    this.watchedPages = pages;
    this.shadow.flushAll();
  }

  /** Who sees accesses to pages that it covers. To be set anew whenever it covers others: what the TLB knows is forgotten. */
  set watch(watch: AccessWatch | undefined) {
    this.accessWatch = this.map.watch = watch;
    this.shadow.flushAll();
  }

  /** Whether an access to a page has to come to the MMU each time, because somebody wants to see it. */
  private isWatched(page: number, target: number, write: boolean): boolean {
    if (this.watchedPages.size > 0 && this.watchedPages.has(page)) return true;
    const watch = this.accessWatch;
    return watch !== undefined && (write ? watch.covers(page, target) : watch.coversReads(page, target));
  }

  /**
   * An access that generated code could not serve from its TLB. Gives the host address of the bytes, or the
   * bounce buffer's; REFUSED for one that faults (`takeFault`).
   */
  access(low: number, high: number, bytes: number, kind: number, user: boolean): number {
    const page = high * (TWO32 / PAGE_BYTES) + (low >>> 12);
    const offset = low & 0xfff;
    const write = kind !== READ;
    if (user && this.isMisaligned(offset, alignmentOf(bytes))) return this.refuse(alignmentFault());
    if (offset + bytes > PAGE_BYTES) return this.crossing(page, offset, bytes, kind, user);
    const target = this.translate(page, write, user);
    if (target < 0) return this.refuse(this.pageFault(page, offset));
    const direct = this.direct(page, target, write, user);
    const isPlain = direct < 0 && this.isBeside(page, target, offset, bytes) && !(write && this.enterWatched(page, target, user));
    const host = isPlain ? this.plainHost(target, write) : direct;
    if (host >= 0) return host + offset;
    const address = target * PAGE_BYTES + offset;
    if (this.watchedPages.has(page)) this.onWatched?.(page, offset, bytes, write);
    if (kind !== WRITE) {
      this.loadBounce(0, address, bytes);
      this.sawRead(page, target, offset, bytes);
    }
    if (write) this.expectStore(bytes, address, bytes, 0, this.accessWatch?.covers(page, target) ? page : undefined, page);
    return BOUNCE;
  }

  /**
   * #AC(0) for a user access to an address (or its offset in the page) that is not a multiple of `alignment`, a power of
   * 2, where that is asked for. Operands of 2, 4 and 8 bytes are aligned to their size (Intel SDM vol. 3, table 6-7); wider
   * ones, if at all, to 16 bytes with #GP.
   */
  checkAlignment(address: number, alignment: number): void {
    if (this.isMisaligned(address, alignment)) throw alignmentFault();
  }

  private isMisaligned(address: number, alignment: number): boolean {
    return this.checksAlignment && (address & (alignment - 1)) !== 0;
  }

  private refuse(fault: GuestFault): typeof REFUSED {
    this.refusal = fault;
    return REFUSED;
  }

  /** The fault for which an access or a fetch has just been refused. */
  takeFault(): GuestFault {
    const { refusal } = this;
    if (!refusal) throw new Error('No access was refused');
    this.refusal = undefined;
    return refusal;
  }

  /** After bytes have been stored at an address that `hostFor` gave: carries them out if it was the bounce buffer's. */
  finishStore(host: number): void {
    if (host < PAGE_BYTES) this.commit();
  }

  /** Carries out the store that lies in the bounce buffer. */
  commit(): void {
    const { bytes, firstAddress, firstBytes, secondAddress, seenPage } = this.store;
    if (seenPage !== undefined) return this.commitSeen(seenPage);
    this.storeBounce(0, firstAddress, firstBytes);
    if (bytes > firstBytes) this.storeBounce(firstBytes, secondAddress, bytes - firstBytes);
  }

  /** The same, before the eyes of who watches one of its pages. */
  private commitSeen(linearPage: number): void {
    const { bytes, firstAddress, firstBytes, secondAddress, seenNext } = this.store;
    this.storeSeen(linearPage, 0, firstAddress, firstBytes);
    if (bytes > firstBytes) this.storeSeen(seenNext, firstBytes, secondAddress, bytes - firstBytes);
  }

  private storeSeen(linearPage: number, at: number, address: number, bytes: number): void {
    const physicalPage = Math.floor(address / PAGE_BYTES);
    const store = (): void => this.storeBounce(at, address, bytes);
    if (this.accessWatch?.covers(linearPage, physicalPage)) this.accessWatch.write({ linearPage, physicalPage, offset: address % PAGE_BYTES, bytes }, store);
    else store();
  }

  private sawRead(linearPage: number, physicalPage: number, offset: number, bytes: number): void {
    if (this.accessWatch?.covers(linearPage, physicalPage)) this.accessWatch.read({ linearPage, physicalPage, offset, bytes });
  }

  private crossing(page: number, offset: number, bytes: number, kind: number, user: boolean): number {
    const write = kind !== READ;
    const firstBytes = PAGE_BYTES - offset;
    const next = this.wrap32 && page === LAST_PAGE_32 ? 0 : page + 1;
    const firstPage = this.translate(page, write, user);
    if (firstPage < 0) return this.refuse(this.pageFault(page, offset));
    const secondPage = this.translate(next, write, user);
    if (secondPage < 0) return this.refuse(this.pageFault(next, 0));
    const first = firstPage * PAGE_BYTES + offset;
    const second = secondPage * PAGE_BYTES;
    if (this.watchedPages.has(page)) this.onWatched?.(page, offset, firstBytes, write);
    if (this.watchedPages.has(next)) this.onWatched?.(next, 0, bytes - firstBytes, write);
    if (kind !== WRITE) {
      this.loadBounce(0, first, firstBytes);
      this.loadBounce(firstBytes, second, bytes - firstBytes);
      this.sawRead(page, firstPage, offset, firstBytes);
      this.sawRead(next, secondPage, 0, bytes - firstBytes);
    }
    const watch = this.accessWatch;
    const isSeen = watch !== undefined && (watch.covers(page, firstPage) || watch.covers(next, secondPage));
    if (write) this.expectStore(bytes, first, firstBytes, second, isSeen ? page : undefined, next);
    return BOUNCE;
  }

  /** Guest-physical page of a linear page for data; -1 for a page fault. */
  private translate(page: number, write: boolean, user: boolean): number {
    return this.shadow.translate(this.space, this.controls, page, write, user, false);
  }

  /** The same, or the page fault thrown. */
  private resolve(page: number, offset: number, write: boolean, user: boolean): number {
    const target = this.translate(page, write, user);
    if (target < 0) throw this.pageFault(page, offset);
    return target;
  }

  private pageFault(page: number, offset: number): GuestFault {
    return new GuestFault(PAGE_FAULT, this.shadow.errorCode, (page << 12) | offset, Math.floor(page / (TWO32 / PAGE_BYTES)) | 0);
  }

  /** Whether an access has to do with its page alone, and with nothing that somebody watches in it. */
  private isBeside(page: number, target: number, offset: number, bytes: number): boolean {
    return this.accessWatch !== undefined && !(this.watchedPages.size > 0 && this.watchedPages.has(page)) && !this.accessWatch.touches(page, target, offset, bytes);
  }

  /** Host address of a page for one access that nobody has to see; -1 where there is none, or its frame is traced. */
  private plainHost(target: number, write: boolean): number {
    const frame = write ? this.map.frameToWrite(target) : this.map.frame(target);
    return frame <= 0 || (write && this.flagsFor(target, frame, true) !== 0) ? -1 : frame * PAGE_BYTES;
  }

  /** Why a frame may be traced. What it is kept for is done before it is written to. */
  private flagsFor(target: number, frame: number, write: boolean): number {
    const flags = this.machine.frameFlags(frame);
    if (!write || !(flags & FRAME.kept) || flags & (FRAME.rom | FRAME.shared)) return flags;
    this.map.release(target, frame);
    return flags & ~FRAME.kept;
  }

  /** Host address of a page that may be accessed directly, entered in the TLB; -1 for a bounce. */
  private direct(page: number, target: number, write: boolean, user: boolean): number {
    if (this.isWatched(page, target, write)) return -1;
    const frame = write ? this.map.frameToWrite(target) : this.map.frame(target);
    if (frame <= 0) return -1;
    const isTraced = this.flagsFor(target, frame, write) !== 0;
    if (write && isTraced) {
      this.enterTraced(page, target, frame, user);
      return -1;
    }
    const host = frame * PAGE_BYTES;
    const { shadow, tlb } = this;
    if (!this.isCacheable(page)) return host;
    const { slot } = this.space;
    tlb.fill(slot, write ? TLB_KIND.write : TLB_KIND.read, user, page, host);
    // What may be read is often written next, and the other way round.
    if (!shadow.techniques.pairs) return host;
    if (write) tlb.offer(slot, TLB_KIND.read, user, page, host);
    else if (shadow.writable && !isTraced && !this.isWatched(page, target, true)) tlb.offer(slot, TLB_KIND.write, user, page, host);
    return host;
  }

  /**
   * Lets generated code write to the bytes of a page that no code has been decoded from, or to a table's entries that no shadow table has, if that is
   * all that it is traced for.
   */
  private enterTraced(page: number, target: number, frame: number, user: boolean): void {
    if (!this.isCacheable(page)) return;
    const flags = this.machine.frameFlags(frame);
    const marks = flags === FRAME.code ? this.map.traces?.codeMarks(frame) ?? 0 : flags === FRAME.table ? this.shadow.tableMarks(target) : 0;
    if (marks > 0) this.tlb.fillTraced(this.space.slot, user, page, frame * PAGE_BYTES, marks);
  }

  /** Lets generated code write to the bytes of a page that nobody watches, if it is traced for nothing. Says whether it does. */
  private enterWatched(page: number, target: number, user: boolean): boolean {
    const { accessWatch, tlb, space: { slot } } = this;
    if (tlb.holds(slot, TLB_KIND.traced, user, page)) return true;
    const frame = this.map.frameToWrite(target);
    if (!accessWatch || frame <= 0 || this.flagsFor(target, frame, true) !== 0 || !this.isCacheable(page)) return false;
    const marks = this.watchMarks.make(slot, page, (offset, bytes) => accessWatch.touches(page, target, offset, bytes));
    tlb.fillTraced(slot, user, page, frame * PAGE_BYTES, marks);
    return true;
  }

  /** Whether a TLB may hold a page. 32-bit code could not tell one from 4 GiB up (of a system table) from its own. */
  private isCacheable(page: number): boolean {
    return this.shadow.cacheable && !(this.wrap32 && (page < 0 || page > LAST_PAGE_32));
  }

  private expectStore(bytes: number, firstAddress: number, firstBytes: number, secondAddress: number, seenPage: number | undefined, seenNext: number): void {
    const store = this.store;
    store.bytes = bytes;
    store.firstAddress = firstAddress;
    store.firstBytes = firstBytes;
    store.secondAddress = secondAddress;
    store.seenPage = seenPage;
    store.seenNext = seenNext;
  }

  private loadBounce(at: number, address: number, bytes: number): void {
    if (bytes === 4) return this.machine.write(BOUNCE + at, 4, this.map.read(address, 4));
    forPieces(address, bytes, (size, done) => {
      this.machine.write(BOUNCE + at + done, size, this.map.read(address + done, size));
    });
  }

  private storeBounce(at: number, address: number, bytes: number): void {
    if (bytes === 4) return this.map.write(address, 4, this.machine.read(BOUNCE + at, 4));
    forPieces(address, bytes, (size, done) => {
      this.map.write(address + done, size, this.machine.read(BOUNCE + at + done, size));
    });
  }

  // For services: values at linear addresses (numbers; 32-bit addresses are unsigned, canonical 64-bit ones signed).

  read(linear: number, size: 1 | 2 | 4, user: boolean): number {
    return this.machine.read(this.hostFor(linear, size, READ, user), size);
  }

  write(linear: number, size: 1 | 2 | 4, value: number, user: boolean): void {
    const host = this.hostFor(linear, size, WRITE, user);
    this.machine.write(host, size, value);
    if (host < PAGE_BYTES) this.commit();
  }

  read64(linear: number, user: boolean): bigint {
    return this.machine.view.getBigUint64(this.hostFor(linear, 8, READ, user), true);
  }

  write64(linear: number, value: bigint, user: boolean): void {
    const host = this.hostFor(linear, 8, WRITE, user);
    this.machine.view.setBigUint64(host, BigInt.asUintN(64, value), true);
    if (host < PAGE_BYTES) this.commit();
  }

  /** Checks that a range may be read or written, so that a later access to it cannot fault. */
  check(linear: number, bytes: number, write: boolean, user: boolean): void {
    const first = this.pageOf(linear);
    const last = this.pageOf(linear + bytes - 1);
    for (let page = first; page <= last; page++) {
      const wrapped = this.wrap32 && page === LAST_PAGE_32 + 1 ? 0 : page;
      this.resolve(wrapped, page === first ? offsetInPage(linear) : 0, write, user);
    }
  }

  /** Host address of `bytes` at a linear address, or the bounce buffer's (see `access`). Throws GuestFault. */
  hostFor(linear: number, bytes: number, kind: number, user: boolean): number {
    const page = this.pageOf(linear);
    const offset = offsetInPage(linear);
    const known = this.knownBytes(page, offset, bytes, kind !== READ, user);
    if (known >= 0) return known;
    const host = this.access((page << 12) | offset, Math.floor(page / (TWO32 / PAGE_BYTES)), bytes, kind, user);
    if (host === REFUSED) throw this.takeFault();
    return host;
  }

  /** Whether one direct host run of bytes from here to the page's end may be used: its host address, or -1. */
  hostRun(linear: number, write: boolean, user: boolean): number {
    const page = this.pageOf(linear);
    const offset = offsetInPage(linear);
    if (this.checksAlignment && user) return -1;
    const known = this.known(page, write, user);
    if (known >= 0) return known + offset;
    const host = this.direct(page, this.resolve(page, offset, write, user), write, user);
    return host < 0 ? -1 : host + offset;
  }

  /**
   * Stores bytes from here on inside the page, if its frame is traced for the code in it or as a table, and for nothing else: the traces are told once of all of
   * them. Says whether it has. Throws GuestFault.
   * @param bytes gives them; where they are the guest's own and the target begins among them they would have to repeat, which is left to the caller
   */
  storeOverTraced(linear: number, bytes: () => Uint8Array, user: boolean): boolean {
    if (this.checksAlignment && user) return false;
    const page = this.pageOf(linear);
    const offset = offsetInPage(linear);
    const target = this.resolve(page, offset, true, user);
    const frame = this.map.frameToWrite(target);
    if (frame <= 0 || this.isWatched(page, target, true)) return false;
    const flags = this.flagsFor(target, frame, true);
    if (flags === 0 || (flags & ~(FRAME.code | FRAME.table)) !== 0) return false;
    const source = bytes();
    const ahead = frame * PAGE_BYTES + offset - source.byteOffset;
    if (source.buffer === this.machine.u8.buffer && ahead > 0 && ahead < source.length) return false;
    this.map.storeOverTraced(target, frame, offset, source, flags);
    return true;
  }

  /** Number of the page that a linear address lies in. */
  pageOf(linear: number): number {
    return this.machine.far.enabled ? this.machine.far.page(linear) : Math.floor(linear / PAGE_BYTES);
  }

  /** Reads a structure of the system's: a supervisor's access whatever the CPL, and closed by SMAP whatever AC. */
  readSystem(linear: number, size: 1 | 2 | 4): number {
    const known = this.knownBytes(this.pageOf(linear), offsetInPage(linear), size, false, false);
    if (known >= 0) return this.machine.read(known, size);
    return this.implicitly(() => this.read(linear, size, false));
  }

  /** Does what makes such accesses. */
  implicitly<T>(access: () => T): T {
    this.shadow.implicit = true;
    try {
      return access();
    } finally {
      this.shadow.implicit = false;
    }
  }

  /** Host address of bytes in a page that the TLB holds for this kind of access, all of them; -1 otherwise. */
  private knownBytes(page: number, offset: number, bytes: number, write: boolean, user: boolean): number {
    if (offset + bytes > PAGE_BYTES || (this.checksAlignment && user)) return -1;
    const host = this.known(page, write, user);
    if (host >= 0) return host + offset;
    return write && this.storesBesideCode ? this.tlb.besideCode(this.space.slot, user, page, offset, bytes) : -1;
  }

  /** Host address of a page that the TLB holds for this kind of access; -1 otherwise. */
  private known(page: number, write: boolean, user: boolean): number {
    return this.tlb.host(this.space.slot, write ? TLB_KIND.write : TLB_KIND.read, user, page);
  }

  /** Guest-physical page behind a linear page for instruction fetch. Throws the page fault, at the given offset. */
  fetchPage(page: number, offset: number, user: boolean): number {
    const target = this.fetch(page, offset, user);
    if (target < 0) throw this.takeFault();
    return target;
  }

  /** The same; -1 for a page fault (`takeFault`). */
  fetch(page: number, offset: number, user: boolean): number {
    const target = this.shadow.translate(this.space, this.controls, page, false, user, true);
    if (target < 0) {
      this.refuse(this.pageFault(page, offset));
      return -1;
    }
    // Code never runs from a shared frame: what is known of code is kept by frame.
    this.map.own(target);
    return target;
  }

  /**
   * Frame of a linear page that the shadow tables lead to for a fetch as it is now, and from which code has been decoded; -1 otherwise. It only looks.
   */
  knownCodeFrame(page: number, user: boolean): number {
    const target = this.shadow.knownForFetch(this.space, this.controls, page, user);
    const frame = target < 0 ? -1 : this.map.entry(target);
    return frame > 0 && this.machine.frameFlags(frame) & FRAME.code ? frame : -1;
  }

  /** Guest-physical page behind a linear page of the current space (or under other controls), looking only; -1 when not mapped. */
  peekPage(page: number, controls: PagingControls = this.controls): number {
    walkGuest(controls, this.map, page, this.peekWalk);
    return this.peekWalk.mapped ? this.map.busPage(this.peekWalk.page) : -1;
  }

  /** From now on writes to this page are seen by the code cache. */
  traceCode(page: number, frame: number): void {
    if (this.machine.frameFlags(frame) & FRAME.code) return;
    this.machine.setFrameFlag(frame, FRAME.code);
    this.shadow.writeProtect(page);
  }
}

const alignmentFault = (): GuestFault => new GuestFault(ALIGNMENT_CHECK, 0);

/** What operands of so many bytes are aligned to where that is asked for: those of 10, of the x87 unit, to 8. */
function alignmentOf(bytes: number): number {
  if (bytes === 10) return 8;
  return bytes === 2 || bytes === 4 || bytes === 8 ? bytes : 1;
}

const offsetInPage = (linear: number): number => linear - Math.floor(linear / PAGE_BYTES) * PAGE_BYTES;

/** Whether a change of PKRU can make wrong what the TLB holds: pages with key 0, or all keys while PKRU was open. */
function keysChanged(old: number, now: number): boolean {
  return ((old ^ now) & 3) !== 0 || (old === 0) !== (now === 0);
}

/** Cuts an access into naturally aligned pieces of 4, 2 and 1 bytes, as a bus would. */
function forPieces(address: number, bytes: number, visit: (size: 1 | 2 | 4, done: number) => void): void {
  let done = 0;
  while (done < bytes) {
    const left = bytes - done;
    const at = address + done;
    const inPage = PAGE_BYTES - (at & 0xfff);
    const size = left >= 4 && inPage >= 4 ? 4 : left >= 2 && inPage >= 2 ? 2 : 1;
    visit(size, done);
    done += size;
  }
}
