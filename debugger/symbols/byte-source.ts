// Where a symbol file's bytes come from: memory, or a file that is read in parts because it may be larger than memory.

import { ByteReader, SymbolFileError } from "./bytes";

/** Random access to the bytes of a file. */
export interface ByteSource {
  /** In bytes. */
  readonly size: number;
  /** The bytes from `offset` on; fewer than `size` only at the end of the file. Throws if the file cannot be read any more. */
  read(offset: number, size: number): Uint8Array;
}

/** A file that is in memory whole. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (offset, size) => bytes.subarray(offset, offset + size) };
}

/** A source with a name, which gives cursors over its parts. */
export class SourceFile {
  /** @param name what to call the file in errors */
  constructor(private readonly source: ByteSource, readonly name: string) {}

  /** In bytes. */
  get size(): number {
    return this.source.size;
  }

  /** Throws `SymbolFileError` naming the file. */
  fail(problem: string, offset?: number): never {
    throw new SymbolFileError(problem, this.name, offset);
  }

  /** The bytes of [start, end), which are read now; throws `SymbolFileError` where the file has none or cannot be read. */
  bytes(start: number, end: number): Uint8Array {
    if (start < 0 || start > end || end > this.size) {
      this.fail(`needs bytes up to 0x${end.toString(16)}, but the data ends at 0x${this.size.toString(16)}`, start);
    }
    let bytes: Uint8Array;
    try {
      bytes = this.source.read(start, end - start);
    } catch (error) {
      return this.fail(`cannot be read: ${error instanceof Error ? error.message : String(error)}`, start);
    }
    if (bytes.length < end - start) this.fail(`${end - start} bytes were asked for and ${bytes.length} came; has the file changed?`, start);
    return bytes;
  }

  /** A cursor over [start, end), which counts offsets from the file's beginning. */
  reader(start: number, end: number): ByteReader {
    return new ByteReader(this.bytes(start, end), this.name, start, end, start);
  }
}
