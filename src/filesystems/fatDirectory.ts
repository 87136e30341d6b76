/** Directories and files of FAT: entries of 32 bytes, long names in front of the short one's entry. */
import { ClusterChain, type AllocationTable } from './fatChains';
import { codePage437, dosTime, LongName, shortName } from './fatNames';
import { fixedText, le16, le32 } from './fields';
import { BaseNode, type Entry, type Node } from './fileSystem';
import type { ByteSource } from './source';

const ENTRY = 32;
const DELETED = 0xe5;
const ATTRIBUTE = { readOnly: 1, volume: 8, directory: 0x10, longName: 0x0f } as const;
/** A directory has at most so many entries (they are numbered with 16 bits). */
const LARGEST_DIRECTORY = 65536 * ENTRY;

interface Raw {
  readonly bytes: Uint8Array;
  readonly longName: string | undefined;
}

export class FatDirectory extends BaseNode implements Node {
  readonly kind = 'directory';
  readonly bytes = 0;

  private constructor(
    private readonly source: ByteSource, private readonly table: AllocationTable, readonly id: number, readonly modified: number | undefined,
    private readonly contents: () => Promise<Uint8Array>,
  ) {
    super();
  }

  static root(source: ByteSource, table: AllocationTable): FatDirectory {
    const { root } = table.geometry;
    const contents = 'cluster' in root
      ? async () => new ClusterChain(source, table, root.cluster).read(0, LARGEST_DIRECTORY)
      : () => source.read(root.offset, root.entries * ENTRY);
    return new FatDirectory(source, table, 0, undefined, contents);
  }

  private async entries(): Promise<readonly Raw[]> {
    const bytes = await this.contents();
    const found: Raw[] = [];
    const long = new LongName();
    for (let at = 0; at + ENTRY <= bytes.length; at += ENTRY) {
      const entry = bytes.subarray(at, at + ENTRY);
      if (entry[0] === 0) break;
      if (entry[0] === DELETED) long.forget();
      else if ((entry[11] & 0x3f) === ATTRIBUTE.longName) long.add(entry);
      else found.push({ bytes: entry, longName: long.take(entry) });
    }
    return found;
  }

  /** The volume's label, if this is the root directory and has one. */
  async label(): Promise<string | undefined> {
    const entry = (await this.entries()).find(({ bytes }) => (bytes[11] & (ATTRIBUTE.volume | ATTRIBUTE.directory)) === ATTRIBUTE.volume);
    return entry === undefined ? undefined : fixedText(codePage437(entry.bytes.subarray(0, 11)));
  }

  override async list(): Promise<readonly Entry[]> {
    const entries = (await this.entries()).filter(({ bytes }) => (bytes[11] & ATTRIBUTE.volume) === 0);
    return entries.flatMap(({ bytes, longName }) => {
      const short = shortName(bytes);
      return short === '.' || short === '..' ? [] : [{ name: longName ?? short, node: this.nodeOf(bytes) }];
    });
  }

  private nodeOf(entry: Uint8Array): Node {
    const { source, table } = this;
    const high = table.geometry.bits === 32 ? le16(entry, 20) : 0;
    const cluster = high * 0x1_0000 + le16(entry, 26);
    const modified = dosTime(le16(entry, 24), le16(entry, 22));
    if ((entry[11] & ATTRIBUTE.directory) === 0) return new FatFile(source, table, cluster, le32(entry, 28), modified, (entry[11] & ATTRIBUTE.readOnly) !== 0);
    return new FatDirectory(source, table, cluster, modified, async () => new ClusterChain(source, table, cluster).read(0, LARGEST_DIRECTORY));
  }
}

class FatFile extends BaseNode implements Node {
  readonly kind = 'file';
  readonly mode: number;
  private chain: ClusterChain | undefined;

  constructor(
    private readonly source: ByteSource, private readonly table: AllocationTable, readonly id: number, readonly bytes: number, readonly modified: number | undefined, isReadOnly: boolean,
  ) {
    super();
    this.mode = 0o100000 | (isReadOnly ? 0o444 : 0o644);
  }

  override async read(offset: number, bytes: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(bytes, this.bytes - offset));
    if (wanted === 0) return new Uint8Array(0);
    this.chain ??= new ClusterChain(this.source, this.table, this.id);
    return this.chain.read(offset, wanted);
  }
}
