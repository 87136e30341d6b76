/**
 * Standard page tables, in both 32-bit formats: low memory mapped to itself, two playgrounds whose entries programs
 * vary, and a large page (Intel SDM vol. 3, 4.3 and 4.4).
 */
import { Writer, le32, le64 } from './bytes';
import { AT, COMPARED_BYTES } from './layout';

export const PTE = { present: 1, writable: 2, user: 4, writeThrough: 8, cacheDisable: 0x10, accessed: 0x20, dirty: 0x40, large: 0x80, global: 0x100 } as const;
const PAGE = 0x1000;
const ALL = PTE.present | PTE.writable | PTE.user;

/** Pages of a playground. */
export const PLAYGROUND_PAGES = 16;
/** Linear addresses: two playgrounds, a large page onto low memory, and nothing. */
export const LINEAR = { playground: 0x400000, second: 0x800000, large: 0xc00000, nothing: 0x1400000 } as const;

/** Where tables lie (guest-physical). */
const T = AT.tables;
export const TABLES = { directory: T, low: T + 0x1000, playground: T + 0x2000, second: T + 0x3000, pointers: T + 0x4000, paeDirectory: T + 0x5000, end: T + 0x8000 } as const;

/** Address of the entry that maps page `number` of a playground, and its bytes. */
export function playgroundEntry(second: boolean, number: number, pae: boolean): number {
  return (second ? TABLES.second : TABLES.playground) + number * (pae ? 8 : 4);
}

/** Address of the directory entry of a linear address below 1 GiB. */
export function directoryEntry(linear: number, pae: boolean): number {
  return pae ? TABLES.paeDirectory + 8 * Math.floor(linear / 0x200000) : TABLES.directory + 4 * Math.floor(linear / 0x400000);
}

/** Writes the tables of one format into memory. */
export function writePageTables(memory: Uint8Array, pae: boolean): void {
  const entry = (address: number, value: number): void => {
    new Writer(memory, address).put(pae ? le64(BigInt(value)) : le32(value));
  };
  const bytes = pae ? 8 : 4;
  for (let page = 0; page < COMPARED_BYTES / PAGE; page++) entry(TABLES.low + page * bytes, page * PAGE | ALL);
  for (const second of [false, true]) {
    for (let page = 0; page < PLAYGROUND_PAGES; page++) entry(playgroundEntry(second, page, pae), (AT.data + page * PAGE) | ALL);
  }
  entry(directoryEntry(0, pae), TABLES.low | ALL);
  entry(directoryEntry(LINEAR.playground, pae), TABLES.playground | ALL);
  entry(directoryEntry(LINEAR.second, pae), TABLES.second | ALL);
  entry(directoryEntry(LINEAR.large, pae), ALL | PTE.large);
  if (pae) new Writer(memory, TABLES.pointers).put(le64(BigInt(TABLES.paeDirectory | PTE.present)));
}

/** What CR3 holds for the tables of a format. */
export const rootOf = (pae: boolean): number => (pae ? TABLES.pointers : TABLES.directory);
