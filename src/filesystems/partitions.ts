/** The partitions of a disk: GPT where there is one, else MBR with its logical partitions, else none. */
import { readGpt } from './gpt';
import { readMbr } from './mbr';
import type { ByteSource } from './source';

export interface Partition {
  /** As systems number it, from 1. */
  readonly number: number;
  /** Byte offset on the disk. */
  readonly offset: number;
  readonly bytes: number;
  /** What is said to be in it: 'Linux', 'EFI system'. */
  readonly type: string;
  /** The same as it is stored: '83', or a GUID. */
  readonly code: string;
  readonly name?: string;
  /** The one that an MBR boots. */
  readonly active: boolean;
  readonly place: 'primary' | 'extended' | 'logical';
}

export interface PartitionMap {
  readonly scheme: 'GPT' | 'MBR' | 'none';
  /** Disk identifier, as tools write it. */
  readonly identifier?: string;
  /** In the order of their numbers. */
  readonly partitions: readonly Partition[];
  /** Sentences on what is wrong. */
  readonly problems: readonly string[];
}

/** How the disk is divided. Never throws for what is on the disk: it says what is wrong. */
export async function readPartitions(disk: ByteSource): Promise<PartitionMap> {
  if (disk.bytes < 512) return { scheme: 'none', partitions: [], problems: [] };
  const gpt = await readGpt(disk);
  if (gpt !== undefined) return { ...gpt, problems: [...gpt.problems, ...overlaps(gpt.partitions)] };
  const mbr = await readMbr(disk);
  return mbr === undefined ? { scheme: 'none', partitions: [], problems: [] } : { ...mbr, problems: [...mbr.problems, ...overlaps(mbr.partitions)] };
}

function overlaps(partitions: readonly Partition[]): string[] {
  const sorted = partitions.filter(({ place }) => place !== 'extended').sort((one, other) => one.offset - other.offset);
  return sorted.flatMap((partition, index) => {
    const before = sorted[index - 1] as Partition | undefined;
    return before !== undefined && before.offset + before.bytes > partition.offset ? [`Partitions ${before.number} and ${partition.number} overlap.`] : [];
  });
}
