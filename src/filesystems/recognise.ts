/** Which file system there is: opened where there is a reader for it, else by its name. */
import { openExt } from './ext';
import { openFat } from './fat';
import { latin1 } from './fields';
import type { FileSystem } from './fileSystem';
import { openIso } from './iso';
import { CachedSource, FileSystemError, type ByteSource } from './source';

/** What is in a stretch of a disk. */
export type Content =
  | { readonly kind: 'file-system'; readonly fileSystem: FileSystem }
  /** Known by its mark; there is no reader for it. */
  | { readonly kind: 'named'; readonly name: string }
  /** There is one, and it cannot be read. */
  | { readonly kind: 'damaged'; readonly problem: string }
  | { readonly kind: 'unknown' };

interface Mark {
  readonly name: string;
  readonly at: number;
  readonly text: string;
}

const MARKS: readonly Mark[] = [
  { name: 'NTFS', at: 3, text: 'NTFS    ' }, { name: 'exFAT', at: 3, text: 'EXFAT   ' }, { name: 'BitLocker', at: 3, text: '-FVE-FS-' }, { name: 'XFS', at: 0, text: 'XFSB' }, { name: 'LUKS (encrypted)', at: 0, text: 'LUKS\xba\xbe' },
  { name: 'SquashFS', at: 0, text: 'hsqs' }, { name: 'Linux swap', at: 4086, text: 'SWAPSPACE2' }, { name: 'Btrfs', at: 0x10040, text: '_BHRfS_M' }, { name: 'LVM physical volume', at: 512, text: 'LABELONE' },
  { name: 'F2FS', at: 1024, text: '\x10\x20\xf5\xf2' }, { name: 'HFS+', at: 1024, text: 'H+\x00\x04' }, { name: 'ReFS', at: 3, text: 'ReFS' }, { name: 'UDF', at: 0x8801, text: 'NSR0' },
];

async function markIn(source: ByteSource): Promise<string | undefined> {
  for (const { name, at, text } of MARKS) {
    if (at + text.length <= source.bytes && latin1(await source.read(at, text.length)) === text) return name;
  }
  return undefined;
}

/** What begins at the beginning of `source`. What the disk holds never makes it throw; errors of the source itself go through. */
export async function recognise(source: ByteSource): Promise<Content> {
  const cached = new CachedSource(source);
  try {
    const fileSystem = await openIso(cached) ?? await openExt(cached) ?? await openFat(cached);
    if (fileSystem !== undefined) return { kind: 'file-system', fileSystem };
  } catch (error) {
    if (error instanceof FileSystemError) return { kind: 'damaged', problem: error.message };
    throw error;
  }
  const name = await markIn(cached);
  return name === undefined ? { kind: 'unknown' } : { kind: 'named', name };
}
