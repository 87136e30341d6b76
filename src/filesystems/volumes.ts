/** A whole disk: its partitions, what is in each, and the files in them by one path. */
import { describeBootSector, type BootSector } from './bootSector';
import { bootCatalog, type BootEntry } from './elTorito';
import { BaseNode, nodeAt, type Entry, type FileSystem, type Node } from './fileSystem';
import { readPartitions, type Partition, type PartitionMap } from './partitions';
import { recognise, type Content } from './recognise';
import type { DiskReport, EntryReport, VolumeReport } from './report';
import { CachedSource, FileSystemError, partOf, type ByteSource } from './source';

export interface Volume {
  /** In paths: 'partition1'; 'disk' for what covers the whole disk. */
  readonly key: string;
  readonly offset: number;
  readonly bytes: number;
  readonly partition?: Partition;
  readonly content: Content;
}

export interface OpenedDisk {
  readonly source: ByteSource;
  readonly map: PartitionMap;
  readonly boot: BootSector;
  readonly catalog: readonly BootEntry[];
  readonly volumes: readonly Volume[];
  /**
   * All file systems as one: where there is only one, and it covers the disk, its own files; else a folder for each, by the
   * volume's key.
   */
  readonly files: FileSystem;
}

/** Looks through a disk. What is on it never makes this throw; errors of the source go through. */
export async function openDisk(whole: ByteSource): Promise<OpenedDisk> {
  const source = new CachedSource(whole);
  const sector = source.bytes < 512 ? new Uint8Array(512) : await source.read(0, 512);
  const map = await readPartitions(source);
  const volumes: Volume[] = [];
  const content = await recognise(source);
  if (content.kind === 'file-system' || content.kind === 'named' || map.partitions.length === 0) volumes.push({ key: 'disk', offset: 0, bytes: source.bytes, content });
  for (const partition of map.partitions) {
    const { offset, bytes, number } = partition;
    const isThere = offset < source.bytes && partition.place !== 'extended';
    volumes.push({ key: `partition${number}`, offset, bytes, partition, content: isThere ? await recognise(partOf(source, offset, bytes)) : { kind: 'unknown' } });
  }
  volumes.sort((one, other) => one.offset - other.offset || other.bytes - one.bytes);
  return { source, map, boot: describeBootSector(sector), catalog: content.kind === 'file-system' ? await bootCatalog(source) : [], volumes, files: filesOf(source, volumes) };
}

function filesOf(source: ByteSource, volumes: readonly Volume[]): FileSystem {
  const readable = volumes.flatMap(({ key, content }) => (content.kind === 'file-system' ? [{ key, fileSystem: content.fileSystem }] : []));
  if (readable.length === 1 && readable[0].key === 'disk') return readable[0].fileSystem;
  const entries = readable.map(({ key, fileSystem }) => ({ name: key, node: fileSystem.root }));
  return { facts: { kind: 'disk', bytes: source.bytes, blockBytes: 512, notes: [] }, root: new VolumeList(entries) };
}

class VolumeList extends BaseNode implements Node {
  readonly kind = 'directory';
  readonly bytes = 0;
  readonly id = 0;

  constructor(private readonly entries: readonly Entry[]) {
    super();
  }

  override list(): Promise<readonly Entry[]> {
    return Promise.resolve(this.entries);
  }
}

/** The node at a path on the disk. Absolute symbolic links begin at the root of their own file system. */
export async function nodeOnDisk({ files, volumes }: OpenedDisk, path: string, follow: boolean): Promise<Node> {
  const [, first, rest] = /^\/*([^/]*)(.*)$/s.exec(path) ?? ['', '', ''];
  const volume = files.root instanceof VolumeList ? volumes.find(({ key }) => key === first) : undefined;
  if (volume?.content.kind === 'file-system') return nodeAt(volume.content.fileSystem, rest, follow);
  return nodeAt(files, path, follow);
}

export function reportOf({ source, map, boot, catalog, volumes }: OpenedDisk): DiskReport {
  return {
    bytes: source.bytes, scheme: map.scheme, problems: map.problems, boot, catalog, volumes: volumes.map(volumeReport),
    ...(map.identifier === undefined ? {} : { identifier: map.identifier }),
  };
}

function volumeReport({ key, offset, bytes, partition, content }: Volume): VolumeReport {
  return {
    key, offset, bytes,
    ...(partition === undefined ? {} : { partition }),
    ...(content.kind === 'file-system' ? { fileSystem: content.fileSystem.facts } : {}),
    ...(content.kind === 'named' ? { named: content.name } : {}),
    ...(content.kind === 'damaged' ? { problem: content.problem } : {}),
  };
}

/** More names than a panel shows of one directory. */
export const MOST_ENTRIES = 5000;

/** What is in a directory, directories first, then by name. */
export async function entriesAt(disk: OpenedDisk, path: string): Promise<readonly EntryReport[]> {
  const directory = await nodeOnDisk(disk, path, true);
  if (directory.kind !== 'directory') throw new FileSystemError(`${path} is no directory.`, 'not-a-directory');
  const entries = (await directory.list()).slice(0, MOST_ENTRIES);
  const reports = await Promise.all(entries.map(async ({ name, node }): Promise<EntryReport> => {
    const { kind, bytes, modified } = node;
    const target = kind === 'link' ? await node.target() : undefined;
    return { name, kind, bytes, ...(modified === undefined ? {} : { modified }), ...(target === undefined ? {} : { target }) };
  }));
  return reports.sort((one, other) => Number(other.kind === 'directory') - Number(one.kind === 'directory') || (one.name < other.name ? -1 : 1));
}
