/** A guest of 32-bit code with two address spaces that are alike but for one page: a function's, which each has in a frame of its own. */
import * as L from '../../../src/monitor/cpu/layout';
import { CR0 } from '../../../src/monitor/cpu/state';
import type { EngineSettings } from '../../../src/monitor/engine/engineSettings';
import { AT, protectedGuest, type Guest } from '../cpu/guest';

export const PRESENT_WRITABLE_USER = 7;
export const [DIRECTORY, TABLE, OTHER_DIRECTORY, OTHER_TABLE] = [AT.tables, AT.tables + 0x1000, AT.tables + 0x2000, AT.tables + 0x3000];
/** The function's linear page, and its frames. */
export const FUNCTION = 0x200000;
export const [FIRST, SECOND] = [0x210000, 0x211000];

export const entryOf = (table: number, linear: number): number => table + 4 * ((linear >> 12) & 0x3ff);

/** The guest in its first space, with a program and what stands in the frames. */
export function guestOfTwoSpaces(program: readonly number[], functions: readonly [readonly number[], readonly number[]], settings?: EngineSettings): Guest {
  const guest = protectedGuest(program, settings);
  for (const [directory, table, frame] of [[DIRECTORY, TABLE, FIRST], [OTHER_DIRECTORY, OTHER_TABLE, SECOND]] as const) {
    guest.put32(directory, table | PRESENT_WRITABLE_USER);
    for (let page = 0; page < 1024; page++) guest.put32(table + 4 * page, (page << 12) | PRESENT_WRITABLE_USER);
    guest.put32(entryOf(table, FUNCTION), frame | PRESENT_WRITABLE_USER);
  }
  guest.put(FIRST, functions[0]);
  guest.put(SECOND, functions[1]);
  guest.state.setWide(L.CR3, DIRECTORY);
  guest.state.setU32(L.CR0, (guest.state.cr0 | CR0.PG) >>> 0);
  guest.cpu.updatePaging();
  return guest;
}
