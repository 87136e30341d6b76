/**
 * One loaded symbol file. Parts of it are read when they are first asked about, so any question may find it broken:
 * that part then has no answer, and the user is told once.
 */
import { SymbolFileError } from './symbols/bytes';
import type { SymbolTable } from './symbols/symbol-table';

/** What is known of a symbol file beside its symbols. */
export interface ImageDetails {
  /** The format in words: `ELF, 64 bits`. */
  readonly format?: string;
  /** The file with the debugging information, if that is another one. */
  readonly debugPath?: string | undefined;
  readonly buildId?: string | undefined;
  /** What is missing, in words for a person. */
  readonly notes?: readonly string[];
  /** Run-time address minus file address. */
  readonly bias?: bigint;
}

export class Image {
  private readonly told = new Set<string>();

  /** @param id names the image in the protocol, and no other; its name if there is none of the same name */
  constructor(
    readonly name: string,
    readonly path: string,
    private readonly table: SymbolTable,
    private readonly complain: (message: string) => void,
    readonly details: ImageDetails = {},
    readonly id = name,
  ) {}

  /** The answer to a question about the symbols; undefined where the file is broken. */
  ask<Answer>(question: (table: SymbolTable) => Answer): Answer | undefined {
    try {
      return question(this.table);
    } catch (error) {
      if (!(error instanceof SymbolFileError)) throw error;
      if (!this.told.has(error.message)) this.complain(`A part of the symbols cannot be used: ${error.message}`);
      this.told.add(error.message);
      return undefined;
    }
  }
}
