/**
 * ISO 9660 (ECMA-119), with Joliet's or Rock Ridge's names where there are any.
 */
import { fixedText, latin1, le16, le32, utf16be } from './fields';
import type { FileSystem, FileSystemFacts } from './fileSystem';
import { IsoNode, readRecord, type IsoRecord, type Naming } from './isoDirectory';
import { hasRockRidge } from './rockRidge';
import { FileSystemError, type ByteSource } from './source';

export const ISO_SECTOR = 2048;
const FIRST_DESCRIPTOR = 16;
/** More descriptors than any disc has. */
const MOST_DESCRIPTORS = 64;
const TYPE = { boot: 0, primary: 1, supplementary: 2, end: 255 } as const;
/** Escape sequences of UCS-2 in a supplementary descriptor. */
const JOLIET = ['%/@', '%/C', '%/E'];

export interface VolumeDescriptor {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** All volume descriptors; none when this is no ISO 9660. */
export async function volumeDescriptors(source: ByteSource): Promise<readonly VolumeDescriptor[]> {
  const found: VolumeDescriptor[] = [];
  for (let sector = FIRST_DESCRIPTOR; sector < FIRST_DESCRIPTOR + MOST_DESCRIPTORS; sector++) {
    if ((sector + 1) * ISO_SECTOR > source.bytes) break;
    const bytes = await source.read(sector * ISO_SECTOR, ISO_SECTOR);
    if (latin1(bytes.subarray(1, 6)) !== 'CD001' || bytes[0] === TYPE.end) break;
    found.push({ type: bytes[0], bytes });
  }
  return found;
}

/** The file system in `source`; undefined when there is no ISO 9660. Throws FileSystemError for one that is damaged. */
export async function openIso(source: ByteSource): Promise<FileSystem | undefined> {
  const descriptors = await volumeDescriptors(source);
  const primary = descriptors.find(({ type }) => type === TYPE.primary)?.bytes;
  if (primary === undefined) return undefined;
  const blockBytes = le16(primary, 128);
  if (blockBytes !== ISO_SECTOR && blockBytes !== 1024 && blockBytes !== 512) throw new FileSystemError(`The ISO 9660 descriptor says that blocks have ${blockBytes} bytes: it is damaged.`);
  const plainRoot = rootOf(primary);
  const joliet = descriptors.find(({ type, bytes }) => type === TYPE.supplementary && JOLIET.includes(latin1(bytes.subarray(88, 91))))?.bytes;
  const rockRidge = await hasRockRidge(source, plainRoot.extent * blockBytes, plainRoot.bytes);
  const naming: Naming = rockRidge !== undefined ? { kind: 'rock-ridge', skip: rockRidge.skip } : joliet !== undefined ? { kind: 'joliet' } : { kind: 'plain' };
  const root = naming.kind === 'joliet' && joliet !== undefined ? rootOf(joliet) : plainRoot;
  const label = joliet !== undefined ? fixedText(utf16be(joliet.subarray(40, 72))) : fixedText(latin1(primary.subarray(40, 72)));
  const bytes = le32(primary, 80) * blockBytes;
  const facts: FileSystemFacts = {
    kind: naming.kind === 'plain' ? 'ISO 9660' : `ISO 9660 with ${naming.kind === 'joliet' ? 'Joliet' : 'Rock Ridge'}`, bytes, blockBytes,
    notes: bytes > source.bytes ? [`The disc has ${bytes} bytes, and only ${source.bytes} are there: what lies behind cannot be read.`] : [],
    ...(label === undefined ? {} : { label }),
  };
  return { facts, root: new IsoNode({ source, blockBytes, naming }, root, [root.extent]) };
}

function rootOf(descriptor: Uint8Array): IsoRecord {
  const record = readRecord(descriptor, 156);
  if (record === undefined || !record.isDirectory) throw new FileSystemError('The ISO 9660 descriptor has no root directory: it is damaged.');
  return record;
}
