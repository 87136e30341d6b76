/**
 * Paging as the manual has it, over plain bytes: no TLB, no shadow, every access walks the tables (Intel SDM vol. 3, 4.3 to
 * 4.8). What memory virtualization does is compared with this.
 */
import type { PagingControls } from '../../../src/monitor/memory/guestPaging';

const PAGE = 4096;
const P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80;
const NX = 1n << 63n;

export interface PlainAccess {
  readonly write: boolean;
  readonly user: boolean;
  readonly fetch: boolean;
}

/** A page, or the error code of a page fault. */
export type PlainAnswer = { readonly page: number } | { readonly error: number };

interface Level {
  readonly shift: number;
  readonly bits: number;
  readonly mayBeLarge: boolean;
}

/** Levels from the root down: where the index stands in the page number. PAE's first is the four latched PDPTEs. */
const LEVELS: Readonly<Record<string, readonly Level[]>> = {
  '32-bit': [{ shift: 10, bits: 10, mayBeLarge: true }, { shift: 0, bits: 10, mayBeLarge: false }],
  PAE: [{ shift: 18, bits: 2, mayBeLarge: false }, { shift: 9, bits: 9, mayBeLarge: true }, { shift: 0, bits: 9, mayBeLarge: false }],
  '4-level': [
    { shift: 27, bits: 9, mayBeLarge: false }, { shift: 18, bits: 9, mayBeLarge: true }, { shift: 9, bits: 9, mayBeLarge: true }, { shift: 0, bits: 9, mayBeLarge: false },
  ],
};

/** Bits that must be zero in a present entry, of a processor with 40 address bits and NX enabled where there is NX (tables 4-4 to 4-20). */
function reservedBits({ mode }: PagingControls, { shift, mayBeLarge }: Level, large: boolean): bigint {
  if (mode === '32-bit') return large ? 1n << 21n : 0n;
  let bits = 0xfffn << 40n;
  if (mode === 'PAE') bits |= 0x7ffn << 52n;
  if (large) bits |= ((1n << BigInt(shift)) - 1n & ~1n) << 12n;
  if (!mayBeLarge && shift > 0) bits |= BigInt(PS);
  return bits;
}

/** Bits that a PDPTE of PAE paging must not have when CR3 is loaded (4.4.1). */
export const PDPTE_RESERVED = 0xffffff00000001e6n;

export class PlainMachine {
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Memory that is not there reads as ones, and forgets what is written. */
  read32(address: number): number {
    return address + 4 <= this.bytes.length ? this.view.getUint32(address, true) : 0xffffffff;
  }

  write32(address: number, value: number): void {
    if (address + 4 <= this.bytes.length) this.view.setUint32(address, value, true);
  }

  /** The walk for a linear page; on success A is set in all entries, and D in the last one if the access writes. */
  resolve(controls: PagingControls, linearPage: number, { write, user, fetch }: PlainAccess): PlainAnswer {
    const wide = controls.mode !== '32-bit';
    const showsFetch = fetch && (controls.smep || (controls.noExecute && wide));
    const tried = (write ? 2 : 0) | (user ? 4 : 0) | (showsFetch ? 0x10 : 0);
    const met: { readonly address: number; readonly low: number }[] = [];
    let table = controls.root;
    let [writable, userPage, executable] = [true, true, true];
    const number = BigInt.asUintN(52, BigInt(linearPage));
    for (const [depth, level] of (LEVELS[controls.mode] ?? []).entries()) {
      const index = Number((number >> BigInt(level.shift)) & BigInt((1 << level.bits) - 1));
      const latched = controls.mode === 'PAE' && depth === 0;
      const address = table + index * (wide ? 8 : 4);
      const entry = latched ? (controls.pdptes[index] ?? 0n) : BigInt(this.read32(address)) | (wide ? BigInt(this.read32(address + 4)) << 32n : 0n);
      const low = Number(entry & 0xffffffffn);
      if (!(low & P)) return { error: tried };
      if (!latched) {
        met.push({ address, low });
        writable &&= (low & W) !== 0;
        userPage &&= (low & U) !== 0;
        executable &&= !(controls.noExecute && wide && (entry & NX) !== 0n);
      }
      const large = level.mayBeLarge && (low & PS) !== 0;
      const span = 2 ** level.shift;
      if (!latched && (entry & reservedBits(controls, level, large)) !== 0n) return { error: tried | 1 | 8 };
      table = Number((entry >> 12n) & 0xfffffffn) * PAGE;
      // PSE-36: bits 13 to 20 of a page of 4 MiB are address bits 32 to 39 (table 4-4).
      if (large && !wide) table = Math.floor(low / 2 ** 22) * 2 ** 22 + ((low >> 13) & 0xff) * 2 ** 32;
      if (!large && level.shift > 0) continue;
      const allowed = (!user || userPage) && (!write || writable || (!user && !controls.writeProtect)) && (!fetch || executable) && !(fetch && !user && userPage && controls.smep);
      if (!allowed) return { error: tried | 1 };
      met.forEach((each, i) => { this.write32(each.address, each.low | A | (write && i === met.length - 1 ? D : 0)); });
      const inside = Number(number % BigInt(span));
      return { page: large ? Math.floor(table / PAGE / span) * span + inside : table / PAGE };
    }
    throw new Error('no such mode');
  }
}
