/**
 * Symbols that do not come from a file: of a program that the guest itself describes in its memory. They are asked after all symbol
 * files.
 */
import type { NamedSymbol, SymbolPosition } from './symbols/symbol-table';
import type { Type } from './symbols/types';

/** A variable: where it lies, or the bytes that it is made of where it lies nowhere. */
export type SourceVariable =
  | { readonly type: Type; readonly address: bigint }
  | { readonly type: Type; readonly bytes: Uint8Array };

/** Answers hold for the moment at which the machine stands. */
export interface SymbolSource {
  /** To be waited for where the machine stands, before the others are asked. */
  ready(): Promise<void>;
  /** `owner`: the part of the program that it belongs to, where it has parts ('e1000'). */
  symbolAt(address: bigint): (SymbolPosition & { readonly owner?: string }) | undefined;
  /** A name for an address that no symbol is for: '/bin/busybox+0x1234 — sh (1)'. */
  placeNamed(address: bigint): Promise<string | undefined>;
  symbolNamed(name: string): NamedSymbol | undefined;
  /** 'struct list_head', 'pid_t'. */
  typeNamed(name: string): Type | undefined;
  variableNamed(name: string): SourceVariable | undefined;
  /** Up to `most` names that begin so. */
  namesStartingWith(start: string, most: number): string[];
}
