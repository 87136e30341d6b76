/**
 * What is known of a watchpoint's hit until its instruction is done, and then told. Hits are frequent, and with a condition most of them are of
 * no interest: so each watchpoint has one record of its last hit that is written anew each time, and what is dear to make (copies of
 * bytes, bigints, who has done it in words) is made when somebody asks for it.
 */
import type { Cpu } from '../cpu/cpu';
import * as L from '../cpu/layout';
import type { Executor } from '../engine/executor';
import type { SeenAccess } from '../memory/accessWatch';
import { PAGE_BYTES } from '../memory/layout';
import { ABSENT, DEVICE, type PhysicalMap } from '../memory/physicalMap';
import { outsideAddress } from './addresses';
import type { Accessor, WatchHit } from './stops';

/** Bytes of a watchpoint that are kept of before and after. */
const MOST_BYTES = 64;
/** Bytes of which conditions see a number. */
const VALUE_BYTES = 8;

/** Bytes to be watched, and who wants to know. */
export interface WatchedBytes {
  readonly space: 'linear' | 'physical';
  readonly address: bigint;
  readonly length: number;
  readonly access: 'read' | 'write' | 'readWrite' | 'change';
  readonly cr3?: number;
}

export interface WatchEnvironment {
  readonly cpu: Cpu;
  readonly executor: Executor;
  readonly map: PhysicalMap;
  /** Bytes of a device's memory, without side effects; undefined for what cannot be read so. */
  peekDevice(address: number, bytes: number): Uint8Array | undefined;
}

/** A watchpoint with its place in pages, and its last hit. All of it holds until the next instruction. */
export class WatchedHit<W extends WatchedBytes> {
  /** First page, offset in it, and pages that the bytes lie in. Pages of the upper half are negative. */
  readonly page: number;
  readonly offset: number;
  private readonly pages: number;
  /** Page of the CR3, if only one address space is meant. */
  private readonly root: number | undefined;

  /** Whether it has been hit by the instruction under way. */
  isHit = false;
  access: WatchHit['access'] = 'read';
  /** Number of the watched byte from which on bytes of before and after are known. */
  from = 0;
  /** Number of the first watched byte that was accessed. */
  private first = 0;
  /** Guest-physical address of the first watched byte that was accessed. */
  physical = 0;
  /** Who has done it. A device has a name, and nothing else. */
  device: string | undefined;
  cpuIndex = 0;
  cpl = 0;
  cr3 = 0;
  private selector = 0;
  private isDelivery = false;
  private isWalker = false;
  private pointer: number | bigint = 0;
  private codeLinear: number | bigint = 0;
  private linearPage: number | undefined;
  private linearOffset = 0;
  private isLong = false;
  /** How many bytes of before and after are known; -1 where they cannot be read. They lie in one page, or in two, of memory or of a device. */
  private known = -1;
  private firstAddress = 0;
  private firstBytes = 0;
  private secondAddress = 0;
  private readonly old: Uint8Array;
  private readonly now: Uint8Array;

  constructor(
    readonly watch: W,
    private readonly environment: WatchEnvironment,
  ) {
    const { address, length, cr3 } = watch;
    this.page = Number(BigInt.asIntN(64, address) >> 12n);
    this.offset = Number(address & 0xfffn);
    this.pages = Math.floor((this.offset + length - 1) / PAGE_BYTES) + 1;
    this.root = cr3 === undefined ? undefined : cr3 - (cr3 % PAGE_BYTES);
    this.old = new Uint8Array(Math.min(length, MOST_BYTES));
    this.now = new Uint8Array(this.old.length);
  }

  // Where it is.

  isOn(page: number): boolean {
    return page >= this.page && page < this.page + this.pages;
  }

  /** Whether it is about the present address space. */
  isInSpace(): boolean {
    if (this.root === undefined || this.watch.space === 'physical') return true;
    const { cr3 } = this.environment.cpu.state;
    return cr3 - (cr3 % PAGE_BYTES) === this.root;
  }

  /** The number in the watchpoint of the byte at an offset of a page; negative before its first. */
  numberOf(page: number, offset: number): number {
    return (page - this.page) * PAGE_BYTES + offset - this.offset;
  }

  // A hit.

  /** Begins a hit, before its access is carried out. `start`: the number of the access's first byte. */
  begin(start: number, access: SeenAccess, kind: 'read' | 'write'): void {
    const first = Math.max(start, 0);
    const skipped = first - start;
    const { length } = this.watch;
    this.access = kind;
    this.first = first;
    this.from = length <= MOST_BYTES ? 0 : Math.min(first, length - MOST_BYTES);
    if (!this.place(this.from, Math.min(length, MOST_BYTES), access)) {
      // A part of them is not there: those that are accessed.
      this.from = first;
      this.place(first, Math.min(start + access.bytes, length, first + MOST_BYTES) - first, access);
    }
    this.linearPage = access.linearPage;
    this.linearOffset = access.offset + skipped;
    this.physical = access.physicalPage * PAGE_BYTES + access.offset + skipped;
    if (this.known >= 0) this.copyTo(this.old);
    this.noteAccessor(access);
  }

  /** Finds so many of the watched bytes, from a number on. False where one is not in memory. */
  private place(from: number, count: number, access: SeenAccess): boolean {
    const at = this.offset + from;
    const offset = at % PAGE_BYTES;
    const page = this.page + Math.floor(at / PAGE_BYTES);
    this.firstBytes = Math.min(count, PAGE_BYTES - offset);
    const first = this.memoryPage(page, access);
    const second = count > this.firstBytes ? this.memoryPage(page + 1, access) : 0;
    this.known = first < 0 || second < 0 ? -1 : count;
    this.firstAddress = first * PAGE_BYTES + offset;
    this.secondAddress = second * PAGE_BYTES;
    return this.known >= 0;
  }

  /** Guest-physical page of one of its pages; -1 where what it holds cannot be seen. */
  private memoryPage(page: number, access: SeenAccess): number {
    const { cpu, map } = this.environment;
    let target = access.physicalPage;
    if (this.watch.space === 'physical') target = map.behindWindows(page);
    else if (page !== access.linearPage) target = cpu.mmu.peekPage(page);
    if (target < 0) return -1;
    const entry = map.entry(target);
    return entry >= ABSENT || (entry === DEVICE && this.environment.peekDevice(target * PAGE_BYTES, 1)) ? target : -1;
  }

  private copyTo(target: Uint8Array): void {
    copySeen(this.environment, this.firstAddress, this.firstBytes, target, 0);
    if (this.known > this.firstBytes) copySeen(this.environment, this.secondAddress, this.known - this.firstBytes, target, this.firstBytes);
  }

  /** Numbers as they are now. With addresses of 57 bits they hold for the instruction alone, and are made exact at once. */
  private noteAccessor(access: SeenAccess): void {
    const { cpu, executor } = this.environment;
    const { state } = cpu;
    this.device = access.device;
    this.isLong = state.longMode;
    if (access.device !== undefined) return;
    const isFar = cpu.machine.far.enabled;
    const pointer = executor.instructionPointer;
    const linear = state.linear(L.CS, pointer);
    this.pointer = isFar ? outsideAddress(state, pointer) : pointer;
    this.codeLinear = isFar ? outsideAddress(state, linear) : linear;
    this.cpuIndex = cpu.place.index;
    this.selector = state.selector(L.CS);
    this.cr3 = state.cr3;
    this.cpl = state.cpl;
    this.isWalker = 'walker' in access;
    this.isDelivery = !this.isWalker && !executor.burst.isRunning;
  }

  // What is told.

  /** Linear address of the first watched byte that was accessed; undefined for an access without one. */
  get linear(): bigint | undefined {
    const { linearPage } = this;
    return linearPage === undefined ? undefined : BigInt.asUintN(this.isLong ? 64 : 32, BigInt(linearPage) * BigInt(PAGE_BYTES) + BigInt(this.linearOffset));
  }

  /** A copy of the bytes from number `from` on, as they were before; undefined where they cannot be seen (most devices). */
  get before(): Uint8Array | undefined {
    return this.known < 0 ? undefined : this.old.slice(0, this.known);
  }

  /** The same now. */
  get after(): Uint8Array | undefined {
    if (this.known < 0) return undefined;
    this.copyTo(this.now);
    return this.now.slice(0, this.known);
  }

  /** The watched bytes as a number, before and now: of up to eight all, of more those from the first one that was accessed; 0 where they are not known. */
  get valueBefore(): bigint | number {
    return this.numberIn(this.old);
  }
  get valueAfter(): bigint | number {
    if (this.known >= 0) this.copyTo(this.now);
    return this.numberIn(this.now);
  }

  private numberIn(bytes: Uint8Array): bigint | number {
    if (this.known < 0) return 0;
    const skipped = this.watch.length <= VALUE_BYTES ? 0 : this.first - this.from;
    return skipped === 0 ? littleEndian(bytes, this.known) : littleEndian(bytes.subarray(skipped), this.known - skipped);
  }

  get by(): Accessor {
    const { device: name, cpuIndex: cpu, selector, cr3, cpl, isDelivery: delivery, isWalker: walker } = this;
    if (name !== undefined) return { kind: 'device', name };
    return { kind: 'cpu', cpu, selector, instructionPointer: exact(this.pointer), linear: exact(this.codeLinear), cr3, cpl, delivery, walker };
  }
}

/** A number or what has been made exact already, as an address for the outside. */
const exact = (address: number | bigint): bigint => BigInt.asUintN(64, BigInt(address));

/** Copies bytes of one page of RAM, ROM or a device that can be looked at. False where there is nothing to be seen. */
export function copySeen({ map, peekDevice }: WatchEnvironment, address: number, bytes: number, target: Uint8Array, at: number): boolean {
  const entry = map.entry(Math.floor(address / PAGE_BYTES));
  if (entry !== DEVICE) {
    copyMemory(map, address, bytes, target, at);
    return entry >= ABSENT;
  }
  const seen = peekDevice(address, bytes);
  if (seen) target.set(seen, at);
  return seen !== undefined;
}

/** Copies bytes of one page of RAM or ROM, and leaves no garbage. What is not there (any more) reads as ones. */
function copyMemory(map: PhysicalMap, address: number, bytes: number, target: Uint8Array, at: number): void {
  const entry = map.entry(Math.floor(address / PAGE_BYTES));
  // RAM that was never written is zeros.
  if (entry <= ABSENT) return void target.fill(entry === ABSENT ? 0 : 0xff, at, at + bytes);
  const { u8 } = map.machine;
  const host = entry * PAGE_BYTES + (address % PAGE_BYTES);
  if (bytes > MOST_BYTES) return target.set(u8.subarray(host, host + bytes), at);
  for (let i = 0; i < bytes; i++) target[at + i] = u8[host + i] ?? 0;
}

/** The first bytes, up to eight of `count`, as a number. */
function littleEndian(bytes: Uint8Array, count: number): bigint | number {
  let low = 0;
  for (let i = Math.min(count, 4) - 1; i >= 0; i--) low = low * 256 + (bytes[i] ?? 0);
  if (count <= 4) return low;
  let high = 0;
  for (let i = Math.min(count, 8) - 1; i >= 4; i--) high = high * 256 + (bytes[i] ?? 0);
  return (BigInt(high) << 32n) | BigInt(low);
}
