/**
 * ext2, ext3 and ext4, read as "The second extended file system" and the kernel's documentation of ext4's data structures describe
 * them. The journal is not replayed, and checksums are not compared.
 */
import { ExtNode } from './extNode';
import { readSuperblock, SUPERBLOCK_OFFSET, type Superblock } from './extSuperblock';
import type { FileSystem, FileSystemFacts } from './fileSystem';
import { le16, le32 } from './fields';
import { FileSystemError, type ByteSource } from './source';

const ROOT_INODE = 2;

/** The groups of blocks: where their inodes are. */
export class ExtVolume {
  constructor(readonly source: ByteSource, readonly superblock: Superblock) {}

  block(number: number, from = 0, bytes = this.superblock.blockBytes - from): Promise<Uint8Array> {
    const { blockBytes, blocks } = this.superblock;
    if (number >= blocks || number <= 0) return Promise.reject(new FileSystemError(`Block ${number} is outside the file system, which has ${blocks}: what leads there is damaged.`));
    return this.source.read(number * blockBytes + from, bytes);
  }

  /** An inode's bytes. */
  async inode(number: number): Promise<Uint8Array> {
    const { inodes, inodesPerGroup, inodeBytes, blockBytes } = this.superblock;
    if (number < 1 || number > inodes) throw new FileSystemError(`Inode ${number} is outside the file system, which has ${inodes}: what leads there is damaged.`);
    const group = Math.floor((number - 1) / inodesPerGroup);
    const at = ((number - 1) % inodesPerGroup) * inodeBytes;
    const table = await this.inodeTable(group);
    return this.block(table + Math.floor(at / blockBytes), at % blockBytes, inodeBytes);
  }

  private async inodeTable(group: number): Promise<number> {
    const { blockBytes, descriptorBytes } = this.superblock;
    const perBlock = blockBytes / descriptorBytes;
    const index = Math.floor(group / perBlock);
    const descriptor = await this.source.read(this.descriptorBlock(index, perBlock) * blockBytes + (group % perBlock) * descriptorBytes, descriptorBytes);
    return le32(descriptor, 8) + (descriptorBytes >= 64 ? le32(descriptor, 0x28) * 0x1_0000_0000 : 0);
  }

  /** Which block has the group descriptors number `index`: behind the superblock, or spread over the groups (meta_bg). */
  private descriptorBlock(index: number, perBlock: number): number {
    const { firstDataBlock, blocksPerGroup, metaGroups, firstMetaGroup } = this.superblock;
    if (!metaGroups || index < firstMetaGroup) return firstDataBlock + 1 + index;
    const group = index * perBlock;
    return firstDataBlock + group * blocksPerGroup + (this.hasSuperblock(group) ? 1 : 0);
  }

  /** Whether a group begins with a copy of the superblock: all, or with sparse_super 0, 1 and powers of 3, 5 and 7. */
  private hasSuperblock(group: number): boolean {
    if (!this.superblock.sparseSuperblocks || group <= 1) return true;
    return [3, 5, 7].some((base) => {
      let power = base;
      while (power < group) power *= base;
      return power === group;
    });
  }

  async node(number: number): Promise<ExtNode> {
    return new ExtNode(this, number, await this.inode(number));
  }
}

/** The file system in `source`; undefined when there is no ext. Throws FileSystemError for one that is damaged, or has what is not supported. */
export async function openExt(source: ByteSource): Promise<FileSystem | undefined> {
  if (source.bytes < 2 * SUPERBLOCK_OFFSET) return undefined;
  const bytes = await source.read(SUPERBLOCK_OFFSET, 1024);
  if (le16(bytes, 0x38) !== 0xef53) return undefined;
  const superblock = readSuperblock(bytes, source.bytes);
  const volume = new ExtVolume(source, superblock);
  const root = await volume.node(ROOT_INODE);
  if (root.kind !== 'directory') throw new FileSystemError(`The root of the ${superblock.kind} file system (inode ${ROOT_INODE}) is no directory: the file system is damaged.`);
  const { kind, label, identifier, blocks, freeBlocks, blockBytes, notes } = superblock;
  const facts: FileSystemFacts = {
    kind, bytes: blocks * blockBytes, freeBytes: freeBlocks * blockBytes, blockBytes, identifier, notes, ...(label === undefined ? {} : { label }),
  };
  return { facts, root };
}
