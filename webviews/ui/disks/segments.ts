/**
 * How a disk is divided, as stretches one after the other: partitions, file systems without partitions, and what lies between them.
 */
import type { DiskReport, VolumeReport } from '../../../src/filesystems/report';
import { t } from '../words';

export interface Segment {
  readonly kind: 'volume' | 'free';
  readonly offset: number;
  readonly bytes: number;
  readonly volume?: VolumeReport;
  /** Whether it lies in an extended partition. */
  readonly inside: boolean;
}

/** Gaps that are smaller than this part of the disk are not drawn: there is one in front of nearly every first partition. */
const SMALLEST_GAP = 1 / 400;

/** Stretches that do not overlap, in the order of the disk. Extended partitions are left out: what is in them is there. */
export function segmentsOf({ bytes, volumes }: DiskReport): readonly Segment[] {
  const extended = volumes.filter(({ partition }) => partition?.place === 'extended');
  const isInside = (offset: number): boolean => extended.some((each) => offset >= each.offset && offset < each.offset + each.bytes);
  const partitions = volumes.filter(({ partition }) => partition !== undefined && partition.place !== 'extended');
  // What covers the whole disk is drawn where there is nothing else to draw.
  const drawn = partitions.length > 0 ? partitions : volumes;
  const segments: Segment[] = [];
  let end = 0;
  const gap = (to: number): void => {
    if (to - end > bytes * SMALLEST_GAP) segments.push({ kind: 'free', offset: end, bytes: to - end, inside: isInside(end) });
  };
  for (const volume of drawn) {
    if (volume.offset >= bytes || volume.bytes === 0) continue;
    gap(volume.offset);
    const from = Math.max(volume.offset, end), to = Math.min(bytes, volume.offset + volume.bytes);
    if (to <= from) continue;
    segments.push({ kind: 'volume', offset: from, bytes: to - from, volume, inside: volume.partition?.place === 'logical' });
    end = to;
  }
  gap(bytes);
  return segments;
}

/** What a volume is called: 'Partition 1', 'Whole disk'. */
export function volumeName({ partition }: VolumeReport): string {
  return partition === undefined ? t('Whole disk') : t('Partition {0}', partition.number);
}

/** What is in it, in a word or two. */
export function contentName({ fileSystem, named, problem, partition }: VolumeReport): string {
  if (fileSystem !== undefined) return fileSystem.kind;
  if (named !== undefined) return named;
  if (problem !== undefined) return t('damaged');
  return partition?.place === 'extended' ? t('logical partitions') : t('nothing known');
}
