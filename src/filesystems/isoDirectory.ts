/** Directory records of ISO 9660, and the nodes that they stand for. */
import { latin1, le32, utf16be } from './fields';
import { BaseNode, type Entry, type Node, type NodeKind } from './fileSystem';
import { readRockRidge, type RockRidge } from './rockRidge';
import { FileSystemError, type ByteSource } from './source';

/** By which names a disc is read. `skip`: bytes before the first field of a system use area. */
export type Naming = { readonly kind: 'plain' } | { readonly kind: 'joliet' } | { readonly kind: 'rock-ridge'; readonly skip: number };

export interface IsoDisc {
  readonly source: ByteSource;
  readonly blockBytes: number;
  readonly naming: Naming;
}

export interface IsoRecord {
  readonly extent: number;
  readonly bytes: number;
  readonly modified: number | undefined;
  readonly isDirectory: boolean;
  /** Another record of the same name goes on with the file. */
  readonly goesOn: boolean;
  /** As it is stored. */
  readonly identifier: Uint8Array;
  readonly systemUse: Uint8Array;
}

const SHORTEST = 33;
const FLAG = { directory: 2, goesOn: 0x80 } as const;
const SECTOR = 2048;
/** Larger directories are damaged ones. */
const LARGEST_DIRECTORY = 64 * 1024 * 1024;
/** Directories in one another: a circle, if there are more. */
const DEEPEST = 256;

/** The record at `at`; undefined when it cannot be one. */
export function readRecord(bytes: Uint8Array, at: number): IsoRecord | undefined {
  const length = bytes[at], identifierBytes = bytes[at + 32];
  if (length <= SHORTEST || at + length > bytes.length || SHORTEST + identifierBytes > length) return undefined;
  const flags = bytes[at + 25];
  const systemUse = at + SHORTEST + identifierBytes + (identifierBytes % 2 === 0 ? 1 : 0);
  return {
    extent: le32(bytes, at + 2) + bytes[at + 1], bytes: le32(bytes, at + 10), modified: recordTime(bytes.subarray(at + 18, at + 25)),
    isDirectory: (flags & FLAG.directory) !== 0, goesOn: (flags & FLAG.goesOn) !== 0,
    identifier: bytes.subarray(at + SHORTEST, at + SHORTEST + identifierBytes), systemUse: bytes.subarray(Math.min(systemUse, at + length), at + length),
  };
}

/** Years since 1900, month, day, hour, minute, second, and quarters of an hour east of Greenwich. */
export function recordTime(field: Uint8Array): number | undefined {
  const [year, month, day, hour, minute, second, zone] = field;
  if (month === 0) return undefined;
  return Date.UTC(1900 + year, month - 1, day, hour, minute, second) / 1000 - ((zone << 24) >> 24) * 900;
}

function* recordsIn(directory: Uint8Array): Generator<IsoRecord> {
  for (let at = 0; at < directory.length;) {
    // A record does not cross the border of a sector; the rest of one is zeros.
    if (directory[at] === 0) {
      at = (Math.floor(at / SECTOR) + 1) * SECTOR;
      continue;
    }
    const record = readRecord(directory, at);
    if (record === undefined) throw new FileSystemError(`A directory of the ISO 9660 file system has a record of ${directory[at]} bytes that cannot be: it is damaged.`);
    yield record;
    at += directory[at];
  }
}

function storedName({ identifier }: IsoRecord, naming: Naming): string {
  if (naming.kind === 'joliet') return utf16be(identifier).replace(/;\d+$/, '');
  return latin1(identifier).replace(/;\d+$/, '').replace(/\.$/, '');
}

const isDot = ({ identifier }: IsoRecord): boolean => identifier.length === 1 && identifier[0] <= 1;

export class IsoNode extends BaseNode implements Node {
  readonly kind: NodeKind;
  readonly id: number;
  readonly bytes: number;
  readonly modified?: number;
  readonly mode?: number;

  /** @param path extents of the directories that lead here, and of this one. @param parts for a file in several pieces: all of them */
  constructor(
    private readonly disc: IsoDisc, private readonly record: IsoRecord, private readonly path: readonly number[],
    private readonly more: RockRidge = {}, private readonly parts: readonly IsoRecord[] = [record],
  ) {
    super();
    const type = (more.mode ?? 0) & 0xf000;
    this.kind = more.link !== undefined ? 'link' : record.isDirectory ? 'directory' : type === 0 || type === 0x8000 ? 'file' : 'special';
    this.id = record.extent;
    this.bytes = this.kind === 'file' ? parts.reduce((sum, part) => sum + part.bytes, 0) : 0;
    const modified = more.modified ?? record.modified;
    if (modified !== undefined) this.modified = modified;
    if (more.mode !== undefined) this.mode = more.mode;
  }

  override async read(offset: number, bytes: number): Promise<Uint8Array> {
    if (this.kind !== 'file') return super.read(offset, bytes);
    const wanted = Math.max(0, Math.min(bytes, this.bytes - offset));
    const target = new Uint8Array(wanted);
    let start = 0;
    for (const part of this.parts) {
      const from = Math.max(offset, start), to = Math.min(offset + wanted, start + part.bytes);
      if (from < to) target.set(await this.disc.source.read(part.extent * this.disc.blockBytes + from - start, to - from), from - offset);
      start += part.bytes;
    }
    return target;
  }

  override target(): Promise<string> {
    const { link } = this.more;
    return link === undefined ? super.target() : Promise.resolve(link);
  }

  override async list(): Promise<readonly Entry[]> {
    if (this.kind !== 'directory') return super.list();
    const { bytes, extent } = this.record;
    if (bytes > LARGEST_DIRECTORY) throw new FileSystemError(`A directory of the ISO 9660 file system has ${bytes} bytes, more than any directory: it is damaged.`);
    const directory = await this.disc.source.read(extent * this.disc.blockBytes, bytes);
    const found: Entry[] = [];
    let parts: IsoRecord[] = [];
    for (const record of recordsIn(directory)) {
      if (isDot(record)) continue;
      parts.push(record);
      if (record.goesOn) continue;
      const entry = await this.entryOf(parts);
      if (entry !== undefined) found.push(entry);
      parts = [];
    }
    return found;
  }

  private async entryOf(parts: readonly IsoRecord[]): Promise<Entry | undefined> {
    const { disc } = this;
    const [record] = parts;
    const { naming } = disc;
    const more = naming.kind === 'rock-ridge' ? await readRockRidge(disc, record.systemUse.subarray(naming.skip)) : {};
    if (more.relocated === true) return undefined;
    const name = more.name ?? storedName(record, naming);
    const place = more.child === undefined ? record : { ...record, isDirectory: true, extent: more.child, bytes: await this.directoryBytes(more.child) };
    if (place.isDirectory && (this.path.length > DEEPEST || this.path.includes(place.extent))) {
      throw new FileSystemError(`The directory '${name}' of the ISO 9660 file system contains itself: it is damaged.`);
    }
    return { name, node: new IsoNode(disc, place, [...this.path, place.extent], more, more.child === undefined ? parts : [place]) };
  }

  /** What a directory that was moved (because it was too deep) says of itself. */
  private async directoryBytes(extent: number): Promise<number> {
    const own = readRecord(await this.disc.source.read(extent * this.disc.blockBytes, this.disc.blockBytes), 0);
    if (own === undefined) throw new FileSystemError(`The directory at block ${extent} of the ISO 9660 file system is none: what leads there is damaged.`);
    return own.bytes;
  }
}
