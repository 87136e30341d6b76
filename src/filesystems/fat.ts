/**
 * FAT12, FAT16 and FAT32 with long names, read as Microsoft's "FAT: General Overview of On-Disk Format" (version 1.03) describes them.
 */
import { AllocationTable } from './fatChains';
import { FatDirectory } from './fatDirectory';
import { fatGeometry, type FatGeometry } from './fatGeometry';
import { fixedText, latin1, le32 } from './fields';
import type { FileSystem, FileSystemFacts } from './fileSystem';
import type { ByteSource } from './source';

/** Marks of FSInfo, the sector in which FAT32 says how much is free. */
const FSINFO_LEAD = 0x41615252, FSINFO_STRUCTURE = 0x61417272, UNKNOWN_COUNT = 0xffffffff;

/** Free bytes by FSInfo, where it can be believed. */
async function freeByFsInfo(source: ByteSource, { fsInfoOffset, clusters, clusterBytes }: FatGeometry): Promise<number | undefined> {
  if (fsInfoOffset === undefined) return undefined;
  const info = await source.read(fsInfoOffset, 512);
  const count = le32(info, 488);
  return le32(info, 0) === FSINFO_LEAD && le32(info, 484) === FSINFO_STRUCTURE && count !== UNKNOWN_COUNT && count <= clusters ? count * clusterBytes : undefined;
}

/** The file system in `source`; undefined when there is no FAT. Throws FileSystemError for one that is damaged. */
export async function openFat(source: ByteSource): Promise<FileSystem | undefined> {
  if (source.bytes < 512) return undefined;
  const sector = await source.read(0, 512);
  const geometry = fatGeometry(sector, source.bytes);
  if (geometry === undefined) return undefined;
  const table = new AllocationTable(source, geometry);
  const free = await table.countFree();
  const root = FatDirectory.root(source, table);
  const label = await root.label() ?? labelOf(sector, geometry);
  const serial = le32(sector, geometry.bits === 32 ? 67 : 39).toString(16).toUpperCase().padStart(8, '0');
  const freeBytes = free === undefined ? await freeByFsInfo(source, geometry) : free * geometry.clusterBytes;
  const facts: FileSystemFacts = {
    kind: `FAT${geometry.bits}`, bytes: geometry.bytes, blockBytes: geometry.clusterBytes, identifier: `${serial.slice(0, 4)}-${serial.slice(4)}`, notes: geometry.notes,
    ...(label === undefined ? {} : { label }),
    ...(freeBytes === undefined ? {} : { freeBytes }),
  };
  return { facts, root };
}

function labelOf(sector: Uint8Array, { bits }: FatGeometry): string | undefined {
  const at = bits === 32 ? 71 : 43;
  // Without this mark serial number and label are something else.
  if (sector[bits === 32 ? 66 : 38] !== 0x29) return undefined;
  const label = fixedText(latin1(sector.subarray(at, at + 11)));
  return label === 'NO NAME' ? undefined : label;
}
