/** Where the blocks of a file are: trees of extents (ext4), or direct and indirect blocks (ext2, ext3). */
import type { ExtVolume } from './ext';
import { le16, le32 } from './fields';
import { FileSystemError } from './source';

/** What an inode has in the place of its block map. */
export interface BlockMap {
  readonly blockMap: Uint8Array;
  readonly hasExtents: boolean;
}

/** So many blocks one after the other; `block` is undefined for a hole. */
export interface Run {
  readonly block: number | undefined;
  readonly count: number;
}

const EXTENT_MAGIC = 0xf30a;
const DEEPEST = 5;
/** A longer extent is allocated and not written: it reads as zeros. */
const LONGEST_WRITTEN = 32768;
const HEADER = 12, ENTRY = 12;
const DIRECT = 12;

/** The run that begins with a file's block `logical`, of at most `most` blocks. */
export function runAt(volume: ExtVolume, map: BlockMap, logical: number, most: number): Promise<Run> {
  return map.hasExtents ? extentAt(volume, map.blockMap, logical, most) : indirectAt(volume, map.blockMap, logical, most);
}

async function extentAt(volume: ExtVolume, root: Uint8Array, logical: number, most: number): Promise<Run> {
  let node = root;
  let depth = DEEPEST + 1;
  // Where the next sibling, of any level, begins: a hole ends there.
  let behind = Number.POSITIVE_INFINITY;
  for (;;) {
    const entries = Math.min(le16(node, 2), Math.floor((node.length - HEADER) / ENTRY));
    const level = le16(node, 6);
    if (le16(node, 0) !== EXTENT_MAGIC || level >= depth) throw new FileSystemError('A tree of extents is damaged: one of its nodes is none.');
    depth = level;
    const at = lastAtOrBefore(node, entries, logical);
    if (at + 1 < entries) behind = Math.min(behind, le32(node, HEADER + (at + 1) * ENTRY));
    if (at < 0) return hole(logical, behind, most);
    const entry = HEADER + at * ENTRY;
    if (level === 0) {
      const first = le32(node, entry), length = le16(node, entry + 4);
      const written = length <= LONGEST_WRITTEN;
      const count = (written ? length : length - LONGEST_WRITTEN) - (logical - first);
      if (count <= 0) return hole(logical, behind, most);
      const block = le32(node, entry + 8) + le16(node, entry + 6) * 0x1_0000_0000 + logical - first;
      return { block: written ? block : undefined, count: Math.min(count, most) };
    }
    node = await volume.block(le32(node, entry + 4) + le16(node, entry + 8) * 0x1_0000_0000);
  }
}

function hole(logical: number, behind: number, most: number): Run {
  return { block: undefined, count: Math.max(1, Math.min(most, behind - logical)) };
}

/** The last entry that begins at or before `logical`; -1 when there is none. */
function lastAtOrBefore(node: Uint8Array, entries: number, logical: number): number {
  let low = 0, high = entries;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (le32(node, HEADER + middle * ENTRY) <= logical) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The pointer to a block, and how many follow that lead to its neighbours. */
async function indirectAt(volume: ExtVolume, map: Uint8Array, logical: number, most: number): Promise<Run> {
  if (logical < DIRECT) return runOf(map.subarray(0, DIRECT * 4), logical, most);
  const perBlock = volume.superblock.blockBytes / 4;
  let rest = logical - DIRECT;
  for (let levels = 1; levels <= 3; levels++) {
    const span = perBlock ** levels;
    if (rest >= span) {
      rest -= span;
      continue;
    }
    let table = map.subarray((DIRECT + levels - 1) * 4, (DIRECT + levels) * 4);
    let index = 0;
    for (let covers = span; covers >= 1; covers /= perBlock) {
      const block = le32(table, index * 4);
      if (covers === 1) return runOf(table, index, most);
      if (block === 0) return { block: undefined, count: Math.min(most, covers - (rest % covers)) };
      table = await volume.block(block);
      index = Math.floor((rest % covers) / (covers / perBlock));
    }
  }
  throw new FileSystemError(`A file has a block ${logical}, which no block map reaches: its inode is damaged.`);
}

function runOf(table: Uint8Array, index: number, most: number): Run {
  const block = le32(table, index * 4);
  let count = 1;
  while (count < most && (index + count) * 4 < table.length && le32(table, (index + count) * 4) === (block === 0 ? 0 : block + count)) count++;
  return { block: block === 0 ? undefined : block, count };
}
