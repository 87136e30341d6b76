/**
 * Standard page tables, in the 32-bit, PAE and 4-level formats: low memory mapped to itself, two playgrounds whose entries
 * programs vary, and a large page (Intel SDM vol. 3, 4.3 to 4.5). With four levels all of it stands a second time at the top.
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

/** With four levels: what low addresses stand at a second time, and how many bytes. */
export const HIGH_ALIAS = -0x80000000, HIGH_ALIAS_BYTES = 0x40000000;
/** With four levels: a page of 1 GiB onto low memory. */
export const HUGE = 0x40000000;

export type Format = '32-bit' | 'PAE' | '4-level';

/** Where tables lie (guest-physical). */
const T = AT.tables;
export const TABLES = { directory: T, low: T + 0x1000, playground: T + 0x2000, second: T + 0x3000, pointers: T + 0x4000, paeDirectory: T + 0x5000, top: T + 0x6000, end: T + 0x8000 } as const;

/** Address of the entry that maps page `number` of a playground, and its bytes. */
export function playgroundEntry(second: boolean, number: number, pae: boolean): number {
  return (second ? TABLES.second : TABLES.playground) + number * (pae ? 8 : 4);
}

/** Address of the directory entry of a linear address below 1 GiB. */
export function directoryEntry(linear: number, pae: boolean): number {
  return pae ? TABLES.paeDirectory + 8 * Math.floor(linear / 0x200000) : TABLES.directory + 4 * Math.floor(linear / 0x400000);
}

/** Writes the tables of one format into memory. */
export function writePageTables(memory: Uint8Array, format: Format): void {
  const pae = format !== '32-bit';
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
  if (format === 'PAE') entry(TABLES.pointers, TABLES.paeDirectory | PTE.present);
  if (format !== '4-level') return;
  for (const index of [0, 510]) entry(TABLES.pointers + 8 * index, TABLES.paeDirectory | ALL);
  entry(TABLES.pointers + 8, ALL | PTE.large);
  for (const index of [0, 511]) entry(TABLES.top + 8 * index, TABLES.pointers | ALL);
}

/** What CR3 holds for the tables of a format. */
export const rootOf = (format: Format): number => (format === '32-bit' ? TABLES.directory : format === 'PAE' ? TABLES.pointers : TABLES.top);
