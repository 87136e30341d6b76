/** How entries of guest tables become entries of shadow tables: rights and states bit by bit, and what they point to. */
import { PTE, type PagingControls } from './guestPaging';
import { SHADOW } from './shadowTable';

/** Flags of a shadow leaf for a guest entry; `noExecute`: whether its highest bit forbids execution. */
export function leafFlags(noExecute: boolean, low: number, high: number): number {
  return (
    SHADOW.present |
    SHADOW.leaf |
    (low & (PTE.writable | PTE.user)) |
    (low & PTE.dirty ? SHADOW.dirty : 0) |
    (low & PTE.global ? SHADOW.global : 0) |
    (noExecute && high < 0 ? SHADOW.noExecute : 0)
  );
}

/** Flags of a shadow entry that leads to a lower table. A latched entry restricts nothing. */
export function tableFlags(noExecute: boolean, low: number, high: number, latched: boolean): number {
  if (latched) return SHADOW.present | SHADOW.writable | SHADOW.user;
  return SHADOW.present | (low & (PTE.writable | PTE.user)) | (noExecute && high < 0 ? SHADOW.noExecute : 0);
}

/** Page that an entry for a table or a page of 4 KiB points to. */
export function targetPage(low: number, high: number, wide: boolean): number {
  return (low >>> 12) + (wide ? (high & 0xff) * 2 ** 20 : 0);
}

/** Rights that no control register but EFLAGS.AC or PKRU changes may be kept in the TLB. */
export function mayCache(controls: PagingControls, userPage: boolean, key: number, user: boolean): boolean {
  return !userPage || ((user || !controls.smap) && (key === 0 || controls.pkru === 0));
}
