/**
 * The guest's debug registers DR0-DR7: execution, data and I/O breakpoints (Intel SDM vol. 3, chapter 17).
 */
import type { Cpu } from './cpu';
import { PAGE_BYTES } from '../memory/layout';
import * as L from './layout';
import { CR4, type CpuState } from './state';

/** Conditions in DR7's R/W fields. */
const EXECUTE = 0, WRITE = 1, IO = 2, READ_WRITE = 3;
const LENGTHS = [1, 2, 8, 4];

/** Bits of DR7 and DR6. */
export const DR7 = { enabled: 0xff, generalDetect: 0x2000 } as const;
export const DR6 = { generalDetect: 0x2000, singleStep: 0x4000, taskSwitch: 0x8000 } as const;

/** Has a debug trap come behind the present instruction, for reasons that are bits of DR6. */
export function trapBehind(cpu: Cpu, reasons: number): void {
  const s = cpu.state;
  s.setU32(L.PENDING_DEBUG, s.u32(L.PENDING_DEBUG) | reasons);
  cpu.attention = true;
}

/** A port has been accessed: an I/O breakpoint (with CR4.DE) traps behind the instruction. */
export function portAccessed(cpu: Cpu, port: number, bytes: number): void {
  const s = cpu.state;
  const dr7 = s.u32(L.DR + 8 * 7);
  if ((dr7 & DR7.enabled) === 0 || !(s.cr4 & CR4.DE)) return;
  let hits = 0;
  for (const { number, kind, address, bytes: watched } of watchesOf(s)) {
    if (kind === IO && port < address + watched && address < port + bytes) hits |= 1 << number;
  }
  if (hits) trapBehind(cpu, hits);
}

/** The breakpoints that DR7 enables. */
function watchesOf(s: CpuState): readonly Watch[] {
  const dr7 = s.u32(L.DR + 8 * 7);
  return [0, 1, 2, 3].flatMap((number) => {
    if (!((dr7 >> (2 * number)) & 3)) return [];
    const address = s.wide(L.DR + 8 * number);
    const kind = (dr7 >> (16 + 4 * number)) & 3;
    const bytes = LENGTHS[(dr7 >> (18 + 4 * number)) & 3] ?? 1;
    return [{ number, kind, bytes, address: kind === EXECUTE ? address : Math.floor(address / bytes) * bytes }];
  });
}

interface Watch {
  readonly number: number;
  readonly address: number;
  readonly bytes: number;
  readonly kind: number;
}

/** Page and offset stay what they are, whatever stands for the address. */
interface PlacedWatch extends Watch {
  readonly page: number;
  readonly offset: number;
}

const offsetInPage = (linear: number): number => linear - Math.floor(linear / PAGE_BYTES) * PAGE_BYTES;

const NO_ADDRESSES: readonly number[] = [];

export class DebugRegisters {
  private watches: readonly PlacedWatch[] = [];
  private seen = -1;
  private seenAddresses = '';

  constructor(private readonly cpu: Cpu) {
    cpu.mmu.onWatched = (page, offset, bytes, write) => this.dataAccess(page, offset, bytes, write);
  }

  /** Linear addresses of enabled execution breakpoints. */
  executionAddresses(): readonly number[] {
    this.refresh();
    // It is asked for at each return of generated code.
    if (this.watches.length === 0) return NO_ADDRESSES;
    return this.watches.filter((w) => w.kind === EXECUTE).map((w) => this.cpu.machine.far.ofPage(w.page) + w.offset);
  }

  /** Whether an execution breakpoint stands at an address; DR6 then names it. */
  executionHit(linear: number): boolean {
    this.refresh();
    if (this.watches.length === 0) return false;
    let hits = 0;
    const page = this.cpu.mmu.pageOf(linear);
    for (const watch of this.watches) if (watch.kind === EXECUTE && watch.page === page && watch.offset === offsetInPage(linear)) hits |= 1 << watch.number;
    if (hits) this.setDr6(hits);
    return hits !== 0;
  }

  /** Moves the pending trap's causes into DR6. */
  recordPending(): void {
    const s = this.cpu.state;
    this.setDr6(s.u32(L.PENDING_DEBUG));
    s.setU32(L.PENDING_DEBUG, 0);
  }

  private setDr6(bits: number): void {
    const s = this.cpu.state;
    s.setU32(L.DR + 8 * 6, (s.u32(L.DR + 8 * 6) | bits) >>> 0);
  }

  private dataAccess(page: number, offset: number, bytes: number, write: boolean): void {
    let hits = 0;
    for (const watch of this.watches) {
      const matches = watch.kind === READ_WRITE || (watch.kind === WRITE && write);
      const distance = (page - watch.page) * PAGE_BYTES + offset - watch.offset;
      if (matches && distance < watch.bytes && -distance < bytes) hits |= 1 << watch.number;
    }
    if (hits) trapBehind(this.cpu, hits);
  }

  /**
   * Follows changes of the registers: data breakpoints take their pages out of the TLB. Says whether
   * anything has changed.
   */
  refresh(): boolean {
    const s = this.cpu.state;
    const dr7 = s.u32(L.DR + 8 * 7);
    if ((dr7 & 0xff) === 0 && this.watches.length === 0) return false;
    // Under five-level paging addresses are read otherwise.
    const key = [0, 1, 2, 3].map((i) => s.u64(L.DR + 8 * i)).join() + (this.cpu.machine.far.enabled ? '+' : '');
    if (dr7 === this.seen && key === this.seenAddresses) return false;
    this.seen = dr7;
    this.seenAddresses = key;
    this.watches = watchesOf(s).map((watch) => ({ ...watch, page: this.cpu.mmu.pageOf(watch.address), offset: offsetInPage(watch.address) }));
    const pages = this.watches.filter((w) => w.kind === WRITE || w.kind === READ_WRITE).map((w) => w.page);
    this.cpu.mmu.setWatchedPages(new Set(pages));
    return true;
  }
}

