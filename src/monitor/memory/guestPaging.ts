/**
 * Guest page tables: their formats and the walk through them (Intel SDM vol. 3, chapter 4).
 */
import { LARGE_ZERO } from './largeNumbers';
import { PAGE_BYTES } from './layout';
import type { PhysicalMap } from './physicalMap';

export type PagingMode = 'none' | '32-bit' | 'PAE' | '4-level' | '5-level';

/** What control registers say about paging. */
export interface PagingControls {
  readonly mode: PagingMode;
  /** CR3's table address (guest-physical, bytes). */
  readonly root: number;
  /** 4 MiB pages in 32-bit mode (CR4.PSE). */
  readonly largePages: boolean;
  /** Supervisor writes respect read-only pages (CR0.WP). */
  readonly writeProtect: boolean;
  readonly noExecute: boolean;
  /** 1 GiB pages (CPUID); without them the bit is reserved. */
  readonly gigabytePages: boolean;
  /** Supervisor code may not fetch from, nor touch, user pages (CR4.SMEP, CR4.SMAP). */
  readonly smep: boolean;
  readonly smap: boolean;
  /** Protection keys: PKRU when CR4.PKE is set, else 0 (every key open). */
  readonly pkru: number;
  /** PDPTEs as latched with CR3 in PAE mode. */
  readonly pdptes: readonly bigint[];
  /** Width of guest-physical addresses, 32 to 40: bits above it are reserved in entries. */
  readonly physicalBits: number;
  /** Width of the address of a 4 MiB page: 32 without PSE-36. */
  readonly largePageBits: number;
}

/**
 * The rules of `controls` with the tables of another CR3, whose low bits are flags or the number of the space. PAE's four PDPTEs are those
 * that a load of that CR3 would latch now.
 */
export function controlsUnder(controls: PagingControls, map: PhysicalMap, cr3: number): PagingControls {
  const root = rootOf(controls.mode, cr3);
  if (controls.mode !== 'PAE') return { ...controls, root };
  const bytes = map.copyOut(root, PDPT_BYTES);
  const table = new DataView(bytes.buffer, bytes.byteOffset);
  return { ...controls, root, pdptes: [0, 8, 16, 24].map((at) => table.getBigUint64(at, true)) };
}

/** The table that a CR3 names: a page, or with PAE one of 32 bytes. */
export function rootOf(mode: PagingMode, cr3: number): number {
  return cr3 - (cr3 % (mode === 'PAE' ? PDPT_BYTES : PAGE_BYTES));
}

const PDPT_BYTES = 32;

/** Entry bits that all formats share. */
export const PTE = { present: 1, writable: 2, user: 4, writeThrough: 8, cacheDisable: 0x10, accessed: 0x20, dirty: 0x40, large: 0x80, global: 0x100 } as const;
/** Page-fault error code bits. */
export const PF = { present: 1, write: 2, user: 4, reserved: 8, fetch: 0x10, protectionKey: 0x20 } as const;

/** Controls of a processor that does not page, with everything off. */
export const NO_PAGING: PagingControls = {
  mode: 'none',
  root: 0,
  largePages: false,
  writeProtect: false,
  noExecute: false,
  gigabytePages: false,
  smep: false,
  smap: false,
  pkru: 0,
  pdptes: [],
  physicalBits: 40,
  largePageBits: 40,
};

/** Geometry of a format. */
export interface PagingFormat {
  readonly levels: number;
  readonly entryBytes: 4 | 8;
  readonly indexBits: number;
}

export const FORMATS: Readonly<Record<Exclude<PagingMode, 'none'>, PagingFormat>> = {
  '32-bit': { levels: 2, entryBytes: 4, indexBits: 10 },
  PAE: { levels: 3, entryBytes: 8, indexBits: 9 },
  '4-level': { levels: 4, entryBytes: 8, indexBits: 9 },
  '5-level': { levels: 5, entryBytes: 8, indexBits: 9 },
};

/** Pages that one entry covers, by level and index bits. Walks ask all the time, and V8 has no quick way to a power that it does not know when it compiles. */
const SPANS: readonly (readonly number[])[] = Array.from({ length: 11 }, (_, indexBits) => Array.from({ length: 6 }, (_level, level) => 2 ** (indexBits * (level - 1))));

/** Index of a linear page in its table at a level (1 = leaf). */
export function tableIndex(page: number, level: number, indexBits: number): number {
  const mask = (1 << indexBits) - 1;
  if (level === 1) return page & mask;
  // Shifts are quick, and right for page numbers of 32-bit addresses.
  if (page >= 0 && page < 2 ** 20) return level > 3 ? 0 : (page >> (indexBits * (level - 1))) & mask;
  return Math.floor(page / entrySpan(level, indexBits)) & mask;
}

/** Pages that one entry at a level (1 to 5) of a format covers. */
export function entrySpan(level: number, indexBits: number): number {
  return SPANS[indexBits][level];
}

/** One entry met on a walk. Values: low and high half of the raw entry. */
export interface WalkedEntry {
  level: number;
  index: number;
  /** Guest-physical address of the entry; -1 for a latched PDPTE. */
  address: number;
  low: number;
  high: number;
}

/** A walk's outcome; one object is used again and again. */
export class GuestWalk {
  readonly entries: WalkedEntry[] = [];
  count = 0;
  /** Level of the leaf entry: 1, or more for a large page. */
  leafLevel = 0;
  /** Guest-physical page of the linear page asked for. */
  page = LARGE_ZERO;
  writable = false;
  user = false;
  noExecute = false;
  /** Protection key of a user page in 64-bit formats; 0 otherwise. */
  key = 0;
  /** Whether the walk found a mapping; else `errorCode` has P and RSVD as they apply. */
  mapped = false;
  errorCode = 0;

  entry(i: number): WalkedEntry {
    let entry = this.entries[i];
    if (!entry) this.entries[i] = entry = { level: 0, index: 0, address: 0, low: 0, high: 0 };
    return entry;
  }
}

const NX_HIGH = 0x80000000 | 0;
/** Address bits of an 8-byte entry's high half for 40 physical bits. */
const HIGH_ADDRESS = 0xff;
/** Bits 32 to 51, of which those from the physical width up are reserved. */
const HIGH_BITS = 0x000fffff;
/** Bits 52-62 are reserved in PAE entries, and free for software (or the key) in 64-bit ones. */
const HIGH_RESERVED_PAE = 0x7ff00000;

/** Walks the guest's tables for a linear page. Reads only; nothing is set. */
export function walkGuest(controls: PagingControls, map: PhysicalMap, page: number, walk: GuestWalk): void {
  const mode = controls.mode;
  walk.count = 0;
  walk.mapped = false;
  walk.errorCode = 0;
  if (mode === 'none') return identity(page, walk);
  const format = FORMATS[mode];
  walk.writable = walk.user = true;
  walk.noExecute = false;
  walk.key = 0;
  let table = controls.root;
  for (let level = format.levels; level >= 1; level--) {
    const entry = walk.entry(walk.count++);
    entry.level = level;
    entry.index = tableIndex(page, level, format.indexBits);
    const latched = mode === 'PAE' && level === 3;
    if (latched) {
      const raw = controls.pdptes[entry.index & 3] ?? 0n;
      entry.index &= 3;
      entry.address = -1;
      entry.low = Number(raw & 0xffffffffn) | 0;
      entry.high = Number(raw >> 32n) | 0;
    } else {
      entry.address = table + entry.index * format.entryBytes;
      const bus = map.busPage(Math.floor(entry.address / 4096)) * 4096 + (entry.address & 0xfff);
      entry.low = map.read(bus, 4) | 0;
      entry.high = format.entryBytes === 8 ? map.read(bus + 4, 4) | 0 : 0;
    }
    if (!(entry.low & PTE.present)) return;
    const large = isLarge(controls, level, entry.low);
    if (reservedBits(controls, level, entry, large, latched)) {
      walk.errorCode = PF.present | PF.reserved;
      return;
    }
    if (!latched) {
      walk.writable &&= (entry.low & PTE.writable) !== 0;
      walk.user &&= (entry.low & PTE.user) !== 0;
      walk.noExecute ||= controls.noExecute && (entry.high & NX_HIGH) !== 0;
    }
    const target = entryTarget(format, level, entry, large);
    if (large || level === 1) {
      walk.leafLevel = level;
      if (is64BitFormat(mode)) walk.key = keyOf(entry.high);
      walk.page = target / 4096 + (page - Math.floor(page / entrySpan(level, format.indexBits)) * entrySpan(level, format.indexBits));
      walk.mapped = true;
      return;
    }
    table = target;
  }
}

function identity(page: number, walk: GuestWalk): void {
  walk.mapped = true;
  walk.leafLevel = 0;
  walk.page = page & 0xfffff;
  walk.writable = walk.user = true;
  walk.noExecute = false;
  walk.key = 0;
}

/** Whether linear addresses have 48 or 57 bits. */
export const is64BitFormat = (mode: PagingMode): boolean => mode === '4-level' || mode === '5-level';

/** Protection key in the high half of a leaf entry. */
export const keyOf = (high: number): number => (high >>> 27) & 0xf;

export function isLarge(controls: PagingControls, level: number, low: number): boolean {
  if (!(low & PTE.large)) return false;
  if (controls.mode === '32-bit') return level === 2 && controls.largePages;
  return level === 2 || (level === 3 && controls.gigabytePages && is64BitFormat(controls.mode));
}

/** Guest-physical address that an entry points to. */
export function entryTarget(format: PagingFormat, level: number, entry: { low: number; high: number }, large: boolean): number {
  if (format.entryBytes === 4) {
    if (!large) return (entry.low & 0xfffff000) >>> 0;
    // PSE-36: bits 13-20 of a 4 MiB entry are address bits 32-39.
    return ((entry.low & 0xffc00000) >>> 0) + ((entry.low >>> 13) & 0xff) * 2 ** 32;
  }
  const high = (entry.high & HIGH_ADDRESS) * 2 ** 32;
  const mask = !large ? 0xfffff000 : level === 2 ? 0xffe00000 : 0xc0000000;
  return high + ((entry.low & mask) >>> 0);
}

/** Whether the high half of an 8-byte entry has reserved bits set, in any level but the latched one of PAE. */
export function hasReservedBits(controls: PagingControls, high: number): boolean {
  if ((high & HIGH_BITS) >>> (controls.physicalBits - 32) || (!controls.noExecute && high & NX_HIGH)) return true;
  return controls.mode === 'PAE' && (high & HIGH_RESERVED_PAE) !== 0;
}

function reservedBits(controls: PagingControls, level: number, entry: WalkedEntry, large: boolean, latched: boolean): boolean {
  // Bits 13 up to 20 of a 4 MiB entry are address bits 32 up to 39, as many as there are.
  if (controls.mode === '32-bit') return large && (entry.low & 0x003fe000) >>> (controls.largePageBits - 19) !== 0;
  // What is latched was checked when CR3 was loaded.
  if (latched) return false;
  if (hasReservedBits(controls, entry.high)) return true;
  if (large) return (entry.low & (level === 2 ? 0x001fe000 : 0x3fffe000)) !== 0;
  return level >= 3 && (entry.low & PTE.large) !== 0;
}

/** What an access is: a fetch is never a write. */
export interface Access {
  readonly write: boolean;
  readonly user: boolean;
  readonly fetch: boolean;
  /** Supervisor accesses to user pages are open in spite of SMAP: explicit ones with EFLAGS.AC set. */
  readonly smapOpen: boolean;
}

/** Rights of a translation. */
export interface PageRights {
  readonly writable: boolean;
  readonly user: boolean;
  readonly noExecute: boolean;
  readonly key: number;
}

/** The error code of an access that the rights forbid; 0 when it is allowed (Intel SDM vol. 3, 4.6 and 4.7). */
export function violation(controls: PagingControls, rights: PageRights, access: Access): number {
  const { write, user, fetch } = access;
  const allowed =
    (!user || rights.user) &&
    (!write || rights.writable || (!user && !controls.writeProtect)) &&
    (!fetch || !rights.noExecute) &&
    (user || !rights.user || (fetch ? !controls.smep : !controls.smap || access.smapOpen));
  // A closed key shows in the error code whatever else forbids the access (Intel SDM vol. 3, 4.7).
  const closed = !fetch && rights.user && controls.pkru !== 0 && keyCloses(controls, rights.key, write, user);
  if (allowed && !closed) return 0;
  return PF.present | accessBits(controls, access) | (closed ? PF.protectionKey : 0);
}

/** Whether PKRU forbids a data access to a user page with this key. */
export function keyCloses(controls: PagingControls, key: number, write: boolean, user: boolean): boolean {
  const bits = (controls.pkru >>> (2 * key)) & 3;
  return (bits & 1) !== 0 || ((bits & 2) !== 0 && write && (user || controls.writeProtect));
}

/** The bits of a page-fault error code that say what was tried. Fetches show where they can be forbidden: SMEP, or NXE with CR4.PAE. */
export function accessBits(controls: PagingControls, { write, user, fetch }: Access): number {
  const fetchBit = fetch && (controls.smep || (controls.noExecute && controls.mode !== '32-bit')) ? PF.fetch : 0;
  return (write ? PF.write : 0) | (user ? PF.user : 0) | fetchBit;
}
