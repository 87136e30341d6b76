/**
 * Who wants to see accesses to memory, and what is told. Accesses of the processor come by the MMU, which keeps no TLB entry of a
 * page that is covered, or none for writing where reads are not wanted; those of bus masters by the bus; bits that page walks set by shadow paging.
 */

/** An access to a covered page, or a part of one: inside of one page. */
export interface SeenAccess {
  /** Linear page, and guest-physical page; the linear one is undefined for what has no linear address. */
  readonly linearPage: number | undefined;
  readonly physicalPage: number;
  readonly offset: number;
  readonly bytes: number;
  /** The bus master whose access it is; undefined for the processor. */
  readonly device?: string;
}

export interface AccessWatch {
  /** Whether accesses to a page by a linear address (of the present address space) are to be seen. */
  covers(linearPage: number, physicalPage: number): boolean;
  /** Whether reads are among them. */
  coversReads(linearPage: number, physicalPage: number): boolean;
  /** Whether an access to a covered page may touch bytes that somebody wants to see. */
  touches(linearPage: number, physicalPage: number, offset: number, bytes: number): boolean;
  /** Whether accesses to a guest-physical page are to be seen, by whatever way. */
  coversPhysical(physicalPage: number): boolean;
  /** Bytes have been read. */
  read(access: SeenAccess): void;
  /** Carries a write out by `store`; looks before and behind it. */
  write(access: SeenAccess, store: () => void): void;
  /** A bit of an entry of 4 bytes at a guest-physical address is set by a page walk. */
  walkerSets(address: number, store: () => void): void;
}
