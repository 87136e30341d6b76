/** The entries in one block of an ext directory. */
import { le16, le32, utf8 } from './fields';
import { FileSystemError } from './source';

export interface DirectoryEntry {
  readonly name: string;
  readonly inode: number;
}

const HEADER = 8;
/** An entry of the whole of a block of 64 KiB does not fit into 16 bits. */
const WHOLE_BLOCK = 0xffff;

/** @param directory the inode's number, for messages. Throws FileSystemError for entries that cannot be. */
export function readDirectoryBlock(block: Uint8Array, directory: number): readonly DirectoryEntry[] {
  const found: DirectoryEntry[] = [];
  for (let at = 0; at + HEADER <= block.length;) {
    const inode = le32(block, at), written = le16(block, at + 4), nameBytes = block[at + 6];
    const length = written === 0 || written === WHOLE_BLOCK ? block.length - at : written;
    if (length < HEADER || at + length > block.length || (inode !== 0 && nameBytes > length - HEADER)) {
      throw new FileSystemError(`The directory of inode ${directory} has an entry of ${written} bytes with a name of ${nameBytes}, which cannot be: it is damaged.`);
    }
    // Entries without an inode are deleted, an index's, or a checksum's.
    if (inode !== 0) found.push({ inode, name: utf8(block.subarray(at + HEADER, at + HEADER + nameBytes)) });
    at += length;
  }
  return found;
}
