/** Where file systems are read from: bytes by offset, asynchronously, whoever has them. And what all readers throw. */

/** Something that has bytes: a disk, a part of one, a file. */
export interface ByteSource {
  readonly bytes: number;
  /**
   * Exactly `bytes` bytes from `offset` on.
   * @throws FileSystemError when they are not all inside
   */
  read(offset: number, bytes: number): Promise<Uint8Array>;
}

/** What is on the disk cannot be, is of a kind that is not supported, or is not there. A whole sentence. */
export class FileSystemError extends Error {
  constructor(message: string, readonly kind: 'damaged' | 'not-found' | 'not-a-directory' | 'is-a-directory' = 'damaged') {
    super(message);
    this.name = 'FileSystemError';
  }
}

/** Refuses a stretch that is not wholly inside `bytes` bytes. */
export function checkRange(offset: number, bytes: number, size: number): void {
  if (Number.isSafeInteger(offset) && Number.isSafeInteger(bytes) && offset >= 0 && bytes >= 0 && offset + bytes <= size) return;
  throw new FileSystemError(`Bytes ${offset} to ${offset + bytes - 1} are outside the ${size} bytes that there are: the structure that leads there is damaged, or the image is cut off.`);
}

/** A stretch of another source, for example a partition. What reaches beyond the end of `whole` is cut off. */
export function partOf(whole: ByteSource, offset: number, bytes: number): ByteSource {
  const size = Math.max(0, Math.min(bytes, whole.bytes - offset));
  return {
    bytes: size,
    read: async (at, count) => {
      checkRange(at, count, size);
      return whole.read(offset + at, count);
    },
  };
}

export function sourceOf(contents: Uint8Array): ByteSource {
  return {
    bytes: contents.length,
    read: async (offset, bytes) => {
      checkRange(offset, bytes, contents.length);
      return Uint8Array.from(contents.subarray(offset, offset + bytes));
    },
  };
}

const CACHE_BLOCK = 32 * 1024;
const CACHE_BLOCKS = 128;

/** Keeps what was read last, in blocks: file systems look at the same tables again and again. */
export class CachedSource implements ByteSource {
  readonly bytes: number;
  private readonly blocks = new Map<number, Promise<Uint8Array>>();

  constructor(private readonly source: ByteSource) {
    this.bytes = source.bytes;
  }

  async read(offset: number, bytes: number): Promise<Uint8Array> {
    checkRange(offset, bytes, this.bytes);
    // Contents of files go by the cache: they would only drive the tables out.
    if (bytes > CACHE_BLOCK) return this.source.read(offset, bytes);
    const target = new Uint8Array(bytes);
    for (let done = 0; done < bytes;) {
      const number = Math.floor((offset + done) / CACHE_BLOCK);
      const from = offset + done - number * CACHE_BLOCK;
      const block = await this.block(number);
      const piece = block.subarray(from, Math.min(block.length, from + bytes - done));
      target.set(piece, done);
      done += piece.length;
    }
    return target;
  }

  private block(number: number): Promise<Uint8Array> {
    const known = this.blocks.get(number);
    this.blocks.delete(number);
    const start = number * CACHE_BLOCK;
    const block = known ?? this.source.read(start, Math.min(CACHE_BLOCK, this.bytes - start));
    this.blocks.set(number, block);
    if (known === undefined) {
      // What failed is asked for again the next time.
      block.catch(() => { this.blocks.delete(number); });
      if (this.blocks.size > CACHE_BLOCKS) this.forgetOldest();
    }
    return block;
  }

  private forgetOldest(): void {
    for (const oldest of this.blocks.keys()) {
      this.blocks.delete(oldest);
      return;
    }
  }
}
