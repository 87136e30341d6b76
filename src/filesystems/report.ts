/** What a disk looks like, as plain data for panels: how it is divided, what is in its parts, what it boots. */
import type { BootSector } from './bootSector';
import type { BootEntry } from './elTorito';
import type { FileSystemFacts } from './fileSystem';
import type { PartitionMap, Partition } from './partitions';

export type { BootEntry, BootSector, FileSystemFacts, Partition };

export interface VolumeReport {
  /** In paths: 'partition1', 'disk'. */
  readonly key: string;
  /** Byte offset on the disk. */
  readonly offset: number;
  readonly bytes: number;
  /** Missing for the disk as a whole. */
  readonly partition?: Partition;
  readonly fileSystem?: FileSystemFacts;
  /** A word for what is there and cannot be looked into: 'NTFS', 'Linux swap'. */
  readonly named?: string;
  /** Why what is there cannot be read. */
  readonly problem?: string;
}

export interface DiskReport {
  /** Size of the disk, bytes. */
  readonly bytes: number;
  readonly scheme: PartitionMap['scheme'];
  readonly identifier?: string;
  /** In the order of their offsets. */
  readonly volumes: readonly VolumeReport[];
  /** Sentences on what is wrong with how the disk is divided. */
  readonly problems: readonly string[];
  readonly boot: BootSector;
  /** What a CD boots. */
  readonly catalog: readonly BootEntry[];
}

/** One name in a directory, as panels are given it. */
export interface EntryReport {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'special';
  readonly bytes: number;
  /** Seconds since 1970. */
  readonly modified?: number;
  readonly target?: string;
}
