/**
 * The guest's debug registers DR0-DR7: execution and data breakpoints (Intel SDM vol. 3, chapter 17).
 */
import type { Cpu } from './cpu';
import * as L from './layout';

/** Conditions in DR7's R/W fields. */
const EXECUTE = 0, WRITE = 1, READ_WRITE = 3;
const LENGTHS = [1, 2, 8, 4];

interface Watch {
  readonly number: number;
  readonly address: number;
  readonly bytes: number;
  readonly kind: number;
}

export class DebugRegisters {
  private watches: readonly Watch[] = [];
  private seen = -1;
  private seenAddresses = '';

  constructor(private readonly cpu: Cpu) {
    cpu.mmu.onWatched = (page, offset, bytes, write) => this.dataAccess(page * 4096 + offset, bytes, write);
  }

  /** Linear addresses of enabled execution breakpoints. */
  executionAddresses(): readonly number[] {
    this.refresh();
    return this.watches.filter((w) => w.kind === EXECUTE).map((w) => w.address);
  }

  /** Whether an execution breakpoint stands at an address; DR6 then names it. */
  executionHit(linear: number): boolean {
    this.refresh();
    if (this.watches.length === 0) return false;
    let hits = 0;
    for (const watch of this.watches) if (watch.kind === EXECUTE && watch.address === linear) hits |= 1 << watch.number;
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

  private dataAccess(linear: number, bytes: number, write: boolean): void {
    let hits = 0;
    for (const watch of this.watches) {
      const matches = watch.kind === READ_WRITE || (watch.kind === WRITE && write);
      if (matches && linear < watch.address + watch.bytes && watch.address < linear + bytes) hits |= 1 << watch.number;
    }
    if (!hits) return;
    const s = this.cpu.state;
    s.setU32(L.PENDING_DEBUG, s.u32(L.PENDING_DEBUG) | hits);
    this.cpu.attention = true;
  }

  /**
   * Follows changes of the registers: data breakpoints take their pages out of the TLB. Says whether
   * anything has changed.
   */
  refresh(): boolean {
    const s = this.cpu.state;
    const dr7 = s.u32(L.DR + 8 * 7);
    if ((dr7 & 0xff) === 0 && this.watches.length === 0) return false;
    const addresses = [0, 1, 2, 3].map((i) => s.wide(L.DR + 8 * i));
    const key = addresses.join();
    if (dr7 === this.seen && key === this.seenAddresses) return false;
    this.seen = dr7;
    this.seenAddresses = key;
    this.watches = addresses.flatMap((address, number) => {
      if (!((dr7 >> (2 * number)) & 3)) return [];
      const kind = (dr7 >> (16 + 4 * number)) & 3;
      const bytes = LENGTHS[(dr7 >> (18 + 4 * number)) & 3] ?? 1;
      return [{ number, kind, bytes, address: kind === EXECUTE ? address : Math.floor(address / bytes) * bytes }];
    });
    const pages = this.watches.filter((w) => w.kind !== EXECUTE).map((w) => Math.floor(w.address / 4096));
    this.cpu.mmu.setWatchedPages(new Set(pages));
    return true;
  }
}

