/**
 * Symbols that do not come from a file: of a program that the guest itself describes in its memory. They are asked after all symbol
 * files.
 */
import type { SimplePlace } from './conditions/variablePlaces';
import type { Image } from './image';
import type { NamedSymbol, SymbolPosition } from './symbols/symbol-table';
import type { Type } from './symbols/types';

/** A variable: where it lies, or the bytes that it is made of where it lies nowhere. */
export type SourceVariable =
  | { readonly type: Type; readonly address: bigint }
  | { readonly type: Type; readonly bytes: Uint8Array };

/** The variable that a guest with tasks describes: the one that a CPU runs. */
export const DESCRIBED_TASK = '$current';

/** Symbols of a file of the guest's. */
export interface PlacedImage {
  readonly image: Image;
  /** The CR3 (page of the root) of each address space that it is in; absent: all of them. */
  readonly spaces?: readonly number[];
}

/** Answers hold for the moment at which the machine stands. `cpu`: as this CPU has it, from 0; where it is missing, the one whose turn it is. */
export interface SymbolSource {
  /** To be waited for where the machine stands, before the others are asked. */
  ready(): Promise<void>;
  /** `owner`: the part of the program that it belongs to, where it has parts ('e1000'). */
  symbolAt(address: bigint): (SymbolPosition & { readonly owner?: string }) | undefined;
  /** A name for an address that no symbol is for: '/bin/busybox+0x1234 — sh (1)'. */
  placeNamed(address: bigint, cpu?: number): Promise<string | undefined>;
  symbolNamed(name: string): NamedSymbol | undefined;
  /** 'struct list_head', 'pid_t'. */
  typeNamed(name: string): Type | undefined;
  variableNamed(name: string, cpu?: number): SourceVariable | undefined;
  /** How wide the code at an address is, as far as the guest says it. */
  codeBits(address: bigint): 32 | 64 | undefined;
  /** Where such a variable is whenever a CPU, whichever, stands at an address of code; undefined where that cannot be said beforehand. */
  variablePlace(name: string, address: bigint): SimplePlace | undefined;
  /** Symbol files of what runs: of the kernel, and of the CPU's process. */
  images(cpu?: number): readonly Image[];
  /** The same for all processes. */
  allImages(): readonly PlacedImage[];
  /** Up to `most` names that begin so. */
  namesStartingWith(start: string, most: number): string[];
}
