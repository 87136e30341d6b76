/**
 * The file that a recording is kept in: named sections, each in pieces that are compressed and carry a digest, so that a file that was
 * cut off or damaged is known before anything of it is used.
 *
 *     'SHADOWBOX RECORDING\n'  version (32 bits, little-endian)
 *     pieces: name (4 letters), bytes, bytes as they are kept, flags (32 bits each), SHA-256 of what is kept; then that
 *     a last piece 'END ' with the SHA-256 of all headers before it
 */
import { createHash, randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';

const MAGIC = 'SHADOWBOX RECORDING\n';
export const VERSION = 1;
const START_BYTES = MAGIC.length + 4;
const HEADER_BYTES = 48;
const PIECE_BYTES = 2 ** 22;
const DEFLATED = 1;
const LAST_OF_SECTION = 2;
const END = 'END ';

/** What is wrong with a file, as the end of a sentence that begins with its path. */
export class BadRecording extends Error {}

const deflated = promisify<Uint8Array, { level: number }, Buffer>(deflate);
const inflated = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflate);
const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Whether these are the first bytes of such a file. */
export function isContainer(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, MAGIC.length)).toString('latin1') === MAGIC;
}

interface Piece {
  readonly name: string;
  readonly bytes: number;
  readonly kept: number;
  readonly flags: number;
  readonly digest: Uint8Array;
}

function headerOf({ name, bytes, kept, flags, digest }: Piece): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(name, 'latin1');
  header.writeUInt32LE(bytes, 4);
  header.writeUInt32LE(kept, 8);
  header.writeUInt32LE(flags, 12);
  header.set(digest, 16);
  return header;
}

/** Writes sections one after another. What is there under the path stays until all is written. */
export class ContainerWriter {
  private readonly headers = createHash('sha256');
  private bytes = 0;

  private constructor(
    private readonly file: FileHandle,
    private readonly temporary: string,
    private readonly path: string,
  ) {}

  static async create(path: string): Promise<ContainerWriter> {
    const temporary = `${path}.${randomBytes(4).toString('hex')}.part`;
    const writer = new ContainerWriter(await open(temporary, 'wx'), temporary, path);
    const version = Buffer.alloc(4);
    version.writeUInt32LE(VERSION);
    await writer.put(Buffer.concat([Buffer.from(MAGIC, 'latin1'), version]));
    return writer;
  }

  /** @param between called after each piece with how many bytes of the section are written; it may throw to give up */
  async section(name: string, contents: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, between: (bytes: number) => void = () => undefined): Promise<void> {
    let waiting: Uint8Array | undefined;
    let done = 0;
    const flush = async (piece: Uint8Array, flags: number): Promise<void> => {
      const small = await deflated(piece, { level: 3 });
      const isSmaller = small.length < piece.length;
      const kept = isSmaller ? small : piece;
      await this.piece(name, piece.length, kept, flags | (isSmaller ? DEFLATED : 0));
      done += piece.length;
      between(done);
    };
    for await (const part of contents) {
      for (let at = 0; at < part.length; at += PIECE_BYTES) {
        if (waiting) await flush(waiting, 0);
        waiting = part.subarray(at, at + PIECE_BYTES);
      }
    }
    await flush(waiting ?? new Uint8Array(0), LAST_OF_SECTION);
  }

  /** Ends the file and puts it in its place. @returns its size in bytes */
  async finish(): Promise<number> {
    await this.piece(END, 32, this.headers.copy().digest(), LAST_OF_SECTION);
    await this.file.sync();
    await this.file.close();
    await rename(this.temporary, this.path);
    return this.bytes;
  }

  /** Gives up: nothing is left behind. */
  async abandon(): Promise<void> {
    await this.file.close().catch(() => undefined);
    await rm(this.temporary, { force: true });
  }

  private async piece(name: string, bytes: number, kept: Uint8Array, flags: number): Promise<void> {
    const header = headerOf({ name, bytes, kept: kept.length, flags, digest: digestOf(kept) });
    this.headers.update(header);
    await this.put(header);
    await this.put(kept);
  }

  private async put(bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) done += (await this.file.write(bytes, done, bytes.length - done)).bytesWritten;
    this.bytes += bytes.length;
  }
}

/** Reads sections of a file that is whole. */
export class ContainerReader {
  private constructor(
    private readonly file: FileHandle,
    private readonly sections: ReadonlyMap<string, readonly { readonly piece: Piece; readonly at: number }[]>,
    /** Tells this file from all others. */
    readonly digest: string,
  ) {}

  /** @throws BadRecording when it is no recording, of another version, or not whole; what the file system throws */
  static async open(path: string): Promise<ContainerReader> {
    const file = await open(path, 'r');
    try {
      return await ContainerReader.scan(file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  private static async scan(file: FileHandle): Promise<ContainerReader> {
    const start = await readAt(file, 0, START_BYTES);
    if (!isContainer(start)) throw new BadRecording('it is no recording of a run');
    if (start.length < START_BYTES) throw new BadRecording('it ends too early: copy it again');
    const version = start.readUInt32LE(MAGIC.length);
    if (version !== VERSION) throw new BadRecording(`it has format ${version}, and this version of Shadowbox reads format ${VERSION}: open it with the version that wrote it`);
    const sections = new Map<string, { piece: Piece; at: number }[]>();
    const headers = createHash('sha256');
    for (let at = START_BYTES; ;) {
      const header = await readAt(file, at, HEADER_BYTES);
      if (header.length < HEADER_BYTES) throw new BadRecording('it ends too early: copy it again');
      const piece = pieceOf(header);
      at += HEADER_BYTES;
      if (piece.name === END) {
        const digest = headers.digest();
        const kept = await readAt(file, at, piece.kept);
        if (kept.length < digest.length) throw new BadRecording('it ends too early: copy it again');
        if (!digest.equals(kept)) throw new BadRecording('it is damaged: copy it again');
        return new ContainerReader(file, sections, digest.toString('hex'));
      }
      if (piece.bytes > PIECE_BYTES || piece.kept > PIECE_BYTES) throw new BadRecording('it is damaged: copy it again');
      headers.update(header);
      sections.set(piece.name, [...(sections.get(piece.name) ?? []), { piece, at }]);
      at += piece.kept;
    }
  }

  has(name: string): boolean {
    return this.sections.has(name);
  }

  /** A section's bytes, piece by piece. */
  async *pieces(name: string): AsyncGenerator<Uint8Array> {
    const pieces = this.sections.get(name);
    if (!pieces) throw new BadRecording(`it has no section '${name}'`);
    for (const { piece, at } of pieces) {
      const kept = await readAt(this.file, at, piece.kept);
      if (!digestOf(kept).equals(piece.digest)) throw new BadRecording(`it is damaged in section '${name}': copy it again`);
      const bytes = piece.flags & DEFLATED ? await inflated(kept, { maxOutputLength: PIECE_BYTES }) : kept;
      if (bytes.length !== piece.bytes) throw new BadRecording(`it is damaged in section '${name}': copy it again`);
      yield bytes;
    }
  }

  /** A whole section. */
  async section(name: string): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.pieces(name)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

function pieceOf(header: Buffer): Piece {
  return {
    name: header.toString('latin1', 0, 4), bytes: header.readUInt32LE(4), kept: header.readUInt32LE(8), flags: header.readUInt32LE(12), digest: header.subarray(16),
  };
}

async function readAt(file: FileHandle, at: number, count: number): Promise<Buffer> {
  const bytes = Buffer.alloc(count);
  let done = 0;
  while (done < count) {
    const { bytesRead } = await file.read(bytes, done, count - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
