/**
 * The manual's rules for access rights and page faults (Intel SDM vol. 3, 4.6 and 4.7), written once more and on their
 * own: tests compare the machine with this. Nothing here knows how the monitor does it.
 */

export type Mode = '32-bit' | 'PAE' | '4-level' | '5-level';

/** The control bits that decide. */
export interface Rules {
  readonly wp: boolean;
  readonly smep: boolean;
  readonly smap: boolean;
  readonly nxe: boolean;
  /** PKRU if CR4.PKE is set. */
  readonly pkru: number | undefined;
}

/** What the entries of a translation say together: R/W and U/S of all, XD of any, the key of the last. */
export interface Rights {
  readonly writable: boolean;
  readonly user: boolean;
  readonly noExecute: boolean;
  readonly key: number;
}

export interface MemoryAccess {
  readonly kind: 'read' | 'write' | 'fetch';
  /** User-mode access: CPL 3, and not one that the processor makes to a system structure. */
  readonly user: boolean;
  /** Made by the processor itself: to the GDT, IDT, TSS. Supervisor-mode whatever the CPL. */
  readonly implicit: boolean;
  /** EFLAGS.AC. */
  readonly ac: boolean;
}

const P = 1, WR = 2, US = 4, RSVD = 8, ID = 0x10, PK = 0x20;

/** The bits of an error code that say what was tried. */
function tried(mode: Mode, rules: Rules, { kind, user }: MemoryAccess): number {
  const showsFetch = rules.smep || (mode !== '32-bit' && rules.nxe);
  return (kind === 'write' ? WR : 0) | (user ? US : 0) | (kind === 'fetch' && showsFetch ? ID : 0);
}

export const notPresent = (mode: Mode, rules: Rules, access: MemoryAccess): number => tried(mode, rules, access);
export const reserved = (mode: Mode, rules: Rules, access: MemoryAccess): number => P | RSVD | tried(mode, rules, access);

/** 4.6.1: whether the paging structures and control registers let the access pass; protection keys apart. */
function modesAllow(mode: Mode, rules: Rules, rights: Rights, { kind, user, implicit, ac }: MemoryAccess): boolean {
  const mayFetch = mode === '32-bit' || !rules.nxe || !rights.noExecute;
  if (user) {
    // User-mode accesses reach user-mode addresses only.
    if (!rights.user) return false;
    if (kind === 'fetch') return mayFetch;
    return kind === 'read' || rights.writable;
  }
  if (kind === 'fetch') return mayFetch && !(rights.user && rules.smep);
  if (rights.user && rules.smap && (implicit || !ac)) return false;
  return kind === 'read' || rights.writable || !rules.wp;
}

/** 4.6.2: whether the protection key lets a data access pass. Keys are of user-mode addresses, in 4-level and 5-level paging. */
function keyForbids(mode: Mode, rules: Rules, rights: Rights, { kind, user }: MemoryAccess): boolean {
  if (rules.pkru === undefined || (mode !== '4-level' && mode !== '5-level')) return false;
  if (kind === 'fetch' || !rights.user) return false;
  const accessDisable = (rules.pkru >>> (2 * rights.key)) & 1;
  const writeDisable = (rules.pkru >>> (2 * rights.key + 1)) & 1;
  if (accessDisable) return true;
  return writeDisable !== 0 && kind === 'write' && (user || rules.wp);
}

/** The error code of an access to a page that is mapped; undefined if it is allowed. */
export function expectedFault(mode: Mode, rules: Rules, rights: Rights, access: MemoryAccess): number | undefined {
  const key = keyForbids(mode, rules, rights, access);
  if (modesAllow(mode, rules, rights, access) && !key) return undefined;
  return P | tried(mode, rules, access) | (key ? PK : 0);
}

/** Every kind of access that there is. */
export const ACCESSES: readonly MemoryAccess[] = [false, true].flatMap((ac) => [
  ...(['read', 'write', 'fetch'] as const).flatMap((kind) => [true, false].map((user) => ({ kind, user, implicit: false, ac }))),
  ...(['read', 'write'] as const).map((kind) => ({ kind, user: false, implicit: true, ac })),
]);
