/** The superblock of ext2, ext3 and ext4, checked. */
import { identifierText } from '../monitor/disks/image';
import { fixedText, isPowerOfTwo, le16, le32, utf8 } from './fields';
import { FileSystemError } from './source';

export const SUPERBLOCK_OFFSET = 1024;

export interface Superblock {
  readonly kind: 'ext2' | 'ext3' | 'ext4';
  readonly label: string | undefined;
  readonly identifier: string;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly blockBytes: number;
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly inodes: number;
  readonly inodesPerGroup: number;
  readonly inodeBytes: number;
  readonly descriptorBytes: number;
  /** Group descriptors lie in their groups, from this block of descriptors on. */
  readonly metaGroups: boolean;
  readonly firstMetaGroup: number;
  readonly sparseSuperblocks: boolean;
  readonly notes: readonly string[];
}

/** Incompatible features that a reader has to know. */
const INCOMPATIBLE = {
  compression: 0x1, needsRecovery: 0x4, journalDevice: 0x8, metaGroups: 0x10, extents: 0x40, wide: 0x80, encryption: 0x10000,
} as const;
/** All that are understood, or change nothing for who only reads: file types, MMP, flexible groups, values in inodes, checksum seed, large and case-insensitive directories, inline data. */
const UNDERSTOOD = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000;
const HAS_JOURNAL = 0x4;
const SPARSE_SUPERBLOCKS = 0x1;
const CLEAN = 0x1, ERRORS = 0x2;

/** @param bytes the 1024 bytes of the superblock, with the right magic number */
export function readSuperblock(bytes: Uint8Array, available: number): Superblock {
  const revision = le32(bytes, 0x4c);
  const incompatible = revision === 0 ? 0 : le32(bytes, 0x60);
  refuse(incompatible);
  const wide = (incompatible & INCOMPATIBLE.wide) !== 0;
  const high = (at: number): number => (wide ? le32(bytes, at) * 0x1_0000_0000 : 0);
  const superblock: Superblock = {
    kind: kindOf(bytes, incompatible), label: fixedText(utf8(bytes.subarray(0x78, 0x88))), identifier: identifierText(bytes.subarray(0x68, 0x78), false),
    blocks: le32(bytes, 0x4) + high(0x150), freeBlocks: le32(bytes, 0xc) + high(0x158),
    blockBytes: 1024 * 2 ** le32(bytes, 0x18), firstDataBlock: le32(bytes, 0x14), blocksPerGroup: le32(bytes, 0x20),
    inodes: le32(bytes, 0), inodesPerGroup: le32(bytes, 0x28), inodeBytes: revision === 0 ? 128 : le16(bytes, 0x58), descriptorBytes: wide ? le16(bytes, 0xfe) : 32,
    metaGroups: (incompatible & INCOMPATIBLE.metaGroups) !== 0, firstMetaGroup: le32(bytes, 0x104), sparseSuperblocks: (le32(bytes, 0x64) & SPARSE_SUPERBLOCKS) !== 0,
    notes: [],
  };
  check(superblock);
  return { ...superblock, notes: notesOn(bytes, incompatible, superblock, available) };
}

function kindOf(bytes: Uint8Array, incompatible: number): Superblock['kind'] {
  if ((incompatible & (INCOMPATIBLE.extents | INCOMPATIBLE.wide)) !== 0) return 'ext4';
  return (le32(bytes, 0x5c) & HAS_JOURNAL) === 0 ? 'ext2' : 'ext3';
}

function refuse(incompatible: number): void {
  if ((incompatible & INCOMPATIBLE.journalDevice) !== 0) throw new FileSystemError('This is the journal of another ext file system, and has no files.');
  const strange = incompatible & ~UNDERSTOOD;
  if (strange !== 0) throw new FileSystemError(`The ext file system has features that are not supported (incompatible features ${strange.toString(16)}h); look at it with a system that knows them.`);
}

/** What everything else is computed with has to be possible. */
function check({ blockBytes, blocksPerGroup, inodesPerGroup, inodeBytes, descriptorBytes, blocks, inodes }: Superblock): void {
  const sound = blockBytes <= 65536 && blocksPerGroup > 0 && inodesPerGroup > 0 && blocks > 0 && inodes > 0
    && isPowerOfTwo(inodeBytes) && inodeBytes >= 128 && inodeBytes <= blockBytes && isPowerOfTwo(descriptorBytes) && descriptorBytes >= 32 && descriptorBytes <= blockBytes;
  if (!sound) throw new FileSystemError(`The ext superblock is damaged (blocks of ${blockBytes} bytes, ${blocksPerGroup} to a group, inodes of ${inodeBytes}); repair the file system with: e2fsck.`);
}

function notesOn(bytes: Uint8Array, incompatible: number, { blocks, blockBytes }: Superblock, available: number): string[] {
  const state = le16(bytes, 0x3a);
  const recovery = (incompatible & INCOMPATIBLE.needsRecovery) !== 0;
  const size = blocks * blockBytes;
  return [
    ...(recovery ? ['It is mounted, or was not unmounted: what is in the journal only is not shown.'] : (state & CLEAN) === 0 ? ['It was not cleanly unmounted.'] : []),
    ...((state & ERRORS) !== 0 ? ['A system has found errors in it: e2fsck repairs them.'] : []),
    ...((incompatible & INCOMPATIBLE.encryption) !== 0 ? ['Encrypted directories show their names and contents as they are stored.'] : []),
    ...(size > available ? [`The file system has ${size} bytes, and only ${available} are there: what lies behind cannot be read.`] : []),
  ];
}
