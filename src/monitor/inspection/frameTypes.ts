/**
 * Answers about guest-physical memory: what stands behind each page, how lately it has been used, and who maps it.
 */
import type { Model } from '../engine/records';
import type { PageRights, PagingModeName } from './queries';

/**
 * What a guest-physical page is. `untouched`: RAM that has no machine frame yet; `ballooned`: RAM that the guest gave back and has not written since: no
 * frame of its own; `zeros`: RAM on the one frame of zeros; `shared`: on a
 * frame with other pages, copied at the next write; `table`: from which shadow tables derive; `code`: with decoded code.
 */
export type FrameKind = 'nothing' | 'untouched' | 'zeros' | 'RAM' | 'shared' | 'table' | 'code' | 'ROM' | 'video' | 'device' | 'ballooned';

/** A stretch of pages with a name: 'RAM', 'BIOS ROM', 'local APIC'. */
export interface FrameRegion {
  readonly first: number;
  readonly count: number;
  readonly name: string;
}

/** The memory balloon. All sizes in bytes. */
export interface BalloonView {
  /** All RAM of the guest, what it is to be left of it, and what its driver has given back. */
  readonly memory: number;
  readonly target: number;
  readonly taken: number;
  /** Whether the guest has a driver for it that is ready. */
  readonly driven: boolean;
  /** What the driver has told last of the guest's memory: bytes for the sizes, numbers for the rest. */
  readonly statistics: readonly { readonly name: string; readonly value: number }[];
}

/** All guest-physical pages, in runs of pages alike. */
export interface FrameMap {
  /** How many pages the picture has: a power of two, 4 GiB at least. All behind the last run is nothing. */
  readonly pages: number;
  /** What the low four bits of a run's state mean. */
  readonly kinds: readonly FrameKind[];
  /**
   * The runs from page 0 on: a byte of state, then the number of pages as unsigned LEB128. Bits of the state: 0-3 kind; 4-5 how
   * lately it has been used (0: not known to be; 1: a shadow table maps it; 2: a TLB holds it; 3: a TLB holds it for writing);
   * 6: written since the last snapshot.
   */
  readonly runs: Uint8Array;
  readonly regions: readonly FrameRegion[];
  /** Whether there are snapshots, without which bit 6 is never set. */
  readonly snapshots: boolean;
  /** Pages that a balloon in the guest has given back since power-on. */
  readonly ballooned: number;
  /** The balloon, where the machine has one. */
  readonly balloon?: BalloonView;
}

/** A place in an address space at which a page is mapped, as far as shadow tables know. */
export interface FrameMapping {
  /** Of the space (see AddressSpaceInfo). */
  readonly key: string;
  readonly cr3: number;
  readonly mode: PagingModeName;
  readonly current: boolean;
  readonly linear: bigint;
  readonly rights: PageRights;
  /** Bytes that the guest's entry maps. */
  readonly bytes: number;
  /** Shadow table with the leaf, and guest-physical address of the entry that it derives from; -1 without paging. */
  readonly shadowTable: number;
  readonly derivesFrom: number;
}

/** A guest page table in a page, as a shadow table stands beside it. */
export interface FrameTable {
  readonly mode: PagingModeName;
  readonly level: number;
  readonly shadowTable: number;
  readonly filled: number;
  /** Whether its writes are not traced now, and its entries are compared before they are used. */
  readonly unsynced: boolean;
  /** Tables and spaces that lead to it. */
  readonly sharedBy: number;
}

/** Decoded code of a page, in one way to read it. */
export interface FrameCode {
  readonly bits: 16 | 32 | 64;
  readonly model: Model;
  /** Whether code in it has been written to. */
  readonly unstable: boolean;
  /** Bytes [start, end) of each block. */
  readonly blocks: readonly { readonly start: number; readonly end: number }[];
  /** Regions of translated code with blocks in it, by their entries (see RegionSummaryView). */
  readonly regions: readonly number[];
}

/** All about one guest-physical page. */
export interface FrameDetails {
  readonly page: number;
  readonly kind: FrameKind;
  /** In words: 'RAM', 'device: VGA text memory'. */
  readonly backing: string;
  /** The machine frame, if there is one. */
  readonly frame?: number;
  /** The page that it leads to, where that is another one (video memory at the place of a PCI function). */
  readonly leadsTo?: number;
  /** Whether it has been written since the last snapshot; missing without snapshots. */
  readonly written?: boolean;
  /** Other pages on the same frame, some at least. */
  readonly shared: readonly number[];
  readonly mappings: readonly FrameMapping[];
  /** Whether there are more places than are listed. */
  readonly more: boolean;
  readonly tables: readonly FrameTable[];
  readonly code: readonly FrameCode[];
}
