/**
 * One loaded symbol file. Parts of it are read when they are first asked about, so any question may find it broken:
 * that part then has no answer, and the user is told once.
 */
import { SymbolFileError } from './symbols/bytes';
import type { SymbolTable } from './symbols/symbol-table';

export class Image {
  private readonly told = new Set<string>();

  constructor(
    readonly name: string,
    readonly path: string,
    private readonly table: SymbolTable,
    private readonly complain: (message: string) => void,
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
