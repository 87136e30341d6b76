/** Partitions of the kind that PCs have had since DOS: four in the first sector, further ones in a chain inside an extended one. */
import { fatGeometry } from './fatGeometry';
import { le16, le32 } from './fields';
import type { Partition, PartitionMap } from './partitions';
import { MBR_TYPES } from './partitionTypes';
import { FileSystemError, type ByteSource } from './source';

const SECTOR = 512;
const TABLE = 446, ENTRY = 16;
const EXTENDED = [0x05, 0x0f, 0x85];
const PROTECTIVE = 0xee;
/** More logical partitions than any system numbers. */
const MOST_LOGICAL = 128;

interface RawEntry {
  readonly status: number;
  readonly type: number;
  readonly first: number;
  readonly sectors: number;
}

function entriesOf(sector: Uint8Array): readonly RawEntry[] {
  return [0, 1, 2, 3].map((index) => {
    const at = TABLE + index * ENTRY;
    return { status: sector[at], type: sector[at + 4], first: le32(sector, at + 8), sectors: le32(sector, at + 12) };
  });
}

const isUsed = ({ type, sectors }: RawEntry): boolean => type !== 0 && sectors !== 0;
export const hasSignature = (sector: Uint8Array): boolean => le16(sector, 510) === 0xaa55;

/** The MBR's map; undefined when the first sector has no table of partitions. */
export async function readMbr(disk: ByteSource): Promise<PartitionMap | undefined> {
  const sector = await disk.read(0, SECTOR);
  const entries = entriesOf(sector);
  const used = entries.filter(isUsed);
  if (!hasSignature(sector) || used.length === 0 || entries.some(({ status }) => (status & 0x7f) !== 0) || isVolume(sector, used, disk.bytes)) return undefined;
  const problems: string[] = [];
  const primary = entries.flatMap((entry, index) => (isUsed(entry) ? [partitionOf(entry, index + 1, 0, EXTENDED.includes(entry.type) ? 'extended' : 'primary')] : []));
  const extended = entries.find((entry) => isUsed(entry) && EXTENDED.includes(entry.type));
  const logical = extended === undefined ? [] : await logicalPartitions(disk, extended, problems);
  const partitions = [...primary, ...logical];
  for (const { number, offset, bytes } of partitions) if (offset + bytes > disk.bytes) problems.push(`Partition ${number} reaches beyond the end of the disk.`);
  if (used.some(({ type }) => type === PROTECTIVE)) problems.push('The disk says that it has a GPT, and neither of its two copies is sound.');
  return { scheme: 'MBR', identifier: le32(sector, 440).toString(16).padStart(8, '0'), partitions, problems };
}

/** A volume without partitions has a boot sector too: code may stand where a table would. */
function isVolume(sector: Uint8Array, used: readonly RawEntry[], bytes: number): boolean {
  const fits = used.every(({ first, sectors }) => first > 0 && (first + sectors) * SECTOR <= bytes);
  if (fits) return false;
  try {
    return fatGeometry(sector, bytes) !== undefined;
  } catch (error) {
    if (error instanceof FileSystemError) return false;
    throw error;
  }
}

function partitionOf({ status, type, first, sectors }: RawEntry, number: number, base: number, place: Partition['place']): Partition {
  return {
    number, offset: (base + first) * SECTOR, bytes: sectors * SECTOR, type: MBR_TYPES[type] ?? 'unknown', code: type.toString(16).padStart(2, '0'), active: (status & 0x80) !== 0, place,
  };
}

/** Each link of the chain has one logical partition, relative to itself, and the next link, relative to the extended partition. */
async function logicalPartitions(disk: ByteSource, extended: RawEntry, problems: string[]): Promise<readonly Partition[]> {
  const found: Partition[] = [];
  const seen = new Set<number>();
  for (let link = extended.first; ;) {
    if (seen.has(link) || found.length >= MOST_LOGICAL) {
      problems.push('The chain of logical partitions leads back to itself.');
      return found;
    }
    seen.add(link);
    if ((link + 1) * SECTOR > disk.bytes) {
      problems.push(`The chain of logical partitions leads to sector ${link}, beyond the end of the disk.`);
      return found;
    }
    const sector = await disk.read(link * SECTOR, SECTOR);
    if (!hasSignature(sector)) {
      problems.push(`The chain of logical partitions ends at sector ${link}, which has no signature (55 AA).`);
      return found;
    }
    const entries = entriesOf(sector);
    const partition = entries.find((entry) => isUsed(entry) && !EXTENDED.includes(entry.type));
    if (partition !== undefined) found.push(partitionOf(partition, 5 + found.length, link, 'logical'));
    const next = entries.find((entry) => isUsed(entry) && EXTENDED.includes(entry.type));
    if (next === undefined) return found;
    link = extended.first + next.first;
  }
}
