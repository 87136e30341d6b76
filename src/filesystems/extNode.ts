/** Inodes of ext2, ext3 and ext4: their facts, contents, directories and symbolic links. */
import type { ExtVolume } from './ext';
import { readDirectoryBlock, type DirectoryEntry } from './extDirectory';
import { runAt } from './extMap';
import { le16, le32, utf8 } from './fields';
import { BaseNode, type Entry, type Node, type NodeKind } from './fileSystem';
import { FileSystemError } from './source';

const FLAG = { extents: 0x80000, inline: 0x1000_0000 } as const;
const TYPE: Readonly<Record<number, NodeKind>> = { 0x8000: 'file', 0x4000: 'directory', 0xa000: 'link' };
const EXTENT_MAGIC = 0xf30a;
/** Where the block map, the first extents, a short link or inline data are in an inode. */
const BLOCK_MAP = 0x28, BLOCK_MAP_BYTES = 60;
const ATTRIBUTE_MAGIC = 0xea020000;
/** Index of the names that begin with 'system.'. */
const SYSTEM_NAMES = 7;
const LONGEST_LINK = 65536;
/** Larger directories take longer to list than anybody waits. */
const LARGEST_DIRECTORY = 512 * 1024 * 1024;

export class ExtNode extends BaseNode implements Node {
  readonly kind: NodeKind;
  readonly bytes: number;
  readonly modified: number;
  readonly mode: number;
  private readonly flags: number;

  constructor(private readonly volume: ExtVolume, readonly id: number, private readonly inode: Uint8Array) {
    super();
    this.mode = le16(inode, 0);
    this.kind = TYPE[this.mode & 0xf000] ?? 'special';
    this.flags = le32(inode, 0x20);
    this.bytes = le32(inode, 4) + le32(inode, 0x6c) * 0x1_0000_0000;
    this.modified = modifiedOf(inode);
  }

  private get blockMap(): Uint8Array {
    return this.inode.subarray(BLOCK_MAP, BLOCK_MAP + BLOCK_MAP_BYTES);
  }

  private get hasExtents(): boolean {
    return (this.flags & FLAG.extents) !== 0;
  }

  private get isInline(): boolean {
    return (this.flags & FLAG.inline) !== 0;
  }

  override read(offset: number, bytes: number): Promise<Uint8Array> {
    return this.kind === 'file' ? this.contents(offset, bytes) : super.read(offset, bytes);
  }

  private async contents(offset: number, bytes: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(bytes, this.bytes - offset));
    const target = new Uint8Array(wanted);
    if (this.isInline) {
      target.set(this.inlineData().subarray(offset, offset + wanted));
      return target;
    }
    const { blockBytes } = this.volume.superblock;
    for (let done = 0; done < wanted;) {
      const within = (offset + done) % blockBytes;
      const most = Math.ceil((within + wanted - done) / blockBytes);
      const { block, count } = await runAt(this.volume, { blockMap: this.blockMap, hasExtents: this.hasExtents }, Math.floor((offset + done) / blockBytes), most);
      const length = Math.min(wanted - done, count * blockBytes - within);
      // What was never written reads as zeros.
      if (block !== undefined) target.set(await this.volume.source.read(block * blockBytes + within, length), done);
      done += length;
    }
    return target;
  }

  /** The first bytes are in the place of the block map, the rest in an extended attribute behind the inode's fields. */
  private inlineData(): Uint8Array {
    const rest = this.inlineAttribute();
    const all = new Uint8Array(BLOCK_MAP_BYTES + rest.length);
    all.set(this.blockMap);
    all.set(rest, BLOCK_MAP_BYTES);
    return all;
  }

  private inlineAttribute(): Uint8Array {
    const { inode } = this;
    const none = new Uint8Array(0);
    if (inode.length <= 132) return none;
    const header = 128 + le16(inode, 0x80);
    if (header + 8 > inode.length || le32(inode, header) !== ATTRIBUTE_MAGIC) return none;
    const first = header + 4;
    for (let at = first; at + 16 <= inode.length && le32(inode, at) !== 0;) {
      const nameBytes = inode[at];
      const value = first + le16(inode, at + 2), length = le32(inode, at + 8);
      if (inode[at + 1] === SYSTEM_NAMES && utf8(inode.subarray(at + 16, at + 16 + nameBytes)) === 'data') return inode.subarray(value, value + length);
      at += 16 + Math.ceil(nameBytes / 4) * 4;
    }
    return none;
  }

  override async list(): Promise<readonly Entry[]> {
    if (this.kind !== 'directory') return super.list();
    const entries = this.isInline ? this.inlineEntries() : await this.blockEntries();
    const found: Entry[] = [];
    for (const { name, inode } of entries) {
      if (name !== '.' && name !== '..') found.push({ name, node: await this.volume.node(inode) });
    }
    return found;
  }

  /** Blocks of an index (htree) look like empty ones to who reads one after the other. */
  private async blockEntries(): Promise<readonly DirectoryEntry[]> {
    const { blockBytes } = this.volume.superblock;
    if (this.bytes > LARGEST_DIRECTORY) throw new FileSystemError(`The directory of inode ${this.id} has ${this.bytes} bytes, more than any directory: it is damaged.`);
    const found: DirectoryEntry[] = [];
    for (let at = 0; at < this.bytes; at += blockBytes) {
      found.push(...readDirectoryBlock(await this.contents(at, blockBytes), this.id));
    }
    return found;
  }

  /** The number of the parent comes first; '.' and '..' have no entries. */
  private inlineEntries(): readonly DirectoryEntry[] {
    const rest = this.inlineAttribute();
    return [...readDirectoryBlock(this.blockMap.subarray(4), this.id), ...(rest.length === 0 ? [] : readDirectoryBlock(rest, this.id))];
  }

  override async target(): Promise<string> {
    if (this.kind !== 'link') return super.target();
    if (this.bytes > LONGEST_LINK) throw new FileSystemError(`The symbolic link of inode ${this.id} has ${this.bytes} bytes, more than any path: it is damaged.`);
    const isShort = this.bytes < BLOCK_MAP_BYTES && !this.isInline && !(this.hasExtents && le16(this.blockMap, 0) === EXTENT_MAGIC);
    return utf8(isShort ? this.blockMap.subarray(0, this.bytes) : await this.contents(0, this.bytes));
  }
}

/** 32 bits, signed, and two more of the field with nanoseconds, where there is one. */
function modifiedOf(inode: Uint8Array): number {
  const seconds = le32(inode, 0x10) | 0;
  const hasMore = inode.length >= 0x8c && le16(inode, 0x80) >= 0xc;
  return seconds + (hasMore ? (le32(inode, 0x88) & 3) * 0x1_0000_0000 : 0);
}
