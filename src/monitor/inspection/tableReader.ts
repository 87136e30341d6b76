/**
 * Reads descriptor tables without side effects, and finds a selector's descriptor in them.
 */
import type { Cpu } from '../cpu/cpu';
import { decodeDescriptor, type Descriptor } from '../cpu/descriptorLayout';
import * as L from '../cpu/layout';
import { ATTRIBUTE } from '../cpu/state';

/** Bytes of linear memory; fewer where something is not mapped. */
export type ReadLinear = (address: bigint, bytes: number) => Uint8Array;

/** Bytes of a table, of which the first `bytes.length` could be read. */
export interface TableBytes {
  readonly base: bigint;
  readonly limit: number;
  /** Slots of 8 bytes that could be read; others are undefined. */
  readonly slots: readonly (Slot | undefined)[];
}

/** 8 bytes of a table as two words. */
export interface Slot {
  readonly low: number;
  readonly high: number;
}

const SLOT = 8;
const PAGE = 4096n;

export const slotRaw = ({ low, high }: Slot): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** A table of so many bytes, page by page, so that one page that is not mapped takes no other with it. */
export function readTable(read: ReadLinear, base: bigint, limit: number): TableBytes {
  const count = Math.floor((limit + 1) / SLOT);
  const bytes = new Uint8Array(count * SLOT);
  const known = new Uint8Array(count * SLOT);
  for (let done = 0; done < bytes.length;) {
    const at = BigInt.asUintN(64, base + BigInt(done));
    const here = Math.min(bytes.length - done, Number(PAGE - (at % PAGE)));
    const got = read(at, here);
    bytes.set(got, done);
    known.fill(1, done, done + got.length);
    done += here;
  }
  const view = new DataView(bytes.buffer);
  const slots = Array.from({ length: count }, (_, i): Slot | undefined => (
    known.subarray(SLOT * i, SLOT * i + SLOT).every(Boolean) ? { low: view.getUint32(SLOT * i, true), high: view.getUint32(SLOT * i + 4, true) } : undefined
  ));
  return { base, limit, slots };
}

/** The tables that segment selectors name. */
export class SelectorTables {
  readonly gdt: TableBytes;
  /** Undefined while LDTR is null. */
  readonly ldt: TableBytes | undefined;

  constructor(cpu: Cpu, readonly read: ReadLinear) {
    const s = cpu.state;
    this.gdt = readTable(read, s.u64(L.GDTR_BASE), s.u32(L.GDTR_LIMIT));
    // A null selector means that there is none, whatever its hidden part was at reset.
    this.ldt = s.attributes(L.LDTR) & ATTRIBUTE.present && (s.selector(L.LDTR) & 0xfffc) !== 0
      ? readTable(read, BigInt.asUintN(64, s.exactAddress(s.base(L.LDTR))), Math.min(s.limit(L.LDTR), 0xffff))
      : undefined;
  }

  /** The descriptor that a selector names, its upper half where it may have one; undefined outside the table, or not readable. */
  find(selector: number): { readonly descriptor: Descriptor; readonly upper: Slot | undefined } | undefined {
    const table = selector & 4 ? this.ldt : this.gdt;
    const slot = table?.slots[selector >> 3];
    if (slot === undefined) return undefined;
    return { descriptor: decodeDescriptor(selector, slot.low, slot.high, 0), upper: table?.slots[(selector >> 3) + 1] };
  }
}
