/** Where things are on a FAT volume: its first sector (BIOS parameter block), checked. */
import { isPowerOfTwo, le16, le32 } from './fields';
import { FileSystemError } from './source';

export interface FatGeometry {
  readonly bits: 12 | 16 | 32;
  readonly bytes: number;
  readonly clusterBytes: number;
  /** Clusters of data; their numbers begin with 2. */
  readonly clusters: number;
  /** Entries from here on end a chain. */
  readonly endOfChain: number;
  /** Byte offsets. */
  readonly tableOffset: number;
  readonly dataOffset: number;
  /** The fixed root directory, or the first cluster of FAT32's. */
  readonly root: { readonly offset: number; readonly entries: number } | { readonly cluster: number };
  readonly fsInfoOffset?: number;
  readonly notes: readonly string[];
}

/** A FAT16 has more clusters than these. What has no 16-bit size of its table is a FAT32, also where that is very small. */
const MOST_FAT12 = 4084;

/**
 * Undefined when the sector is not the first one of a FAT volume.
 * @throws FileSystemError when it is, and cannot be right
 */
export function fatGeometry(sector: Uint8Array, available: number): FatGeometry | undefined {
  const sectorBytes = le16(sector, 11), perCluster = sector[13], reserved = le16(sector, 14), tables = sector[16], media = sector[21];
  const jumps = sector[0] === 0xeb || sector[0] === 0xe9;
  if (!jumps || ![512, 1024, 2048, 4096].includes(sectorBytes) || !isPowerOfTwo(perCluster) || reserved === 0 || tables === 0 || tables > 4 || media < 0xf0) return undefined;
  const rootEntries = le16(sector, 17), small = le16(sector, 19), tableSmall = le16(sector, 22);
  const sectors = small === 0 ? le32(sector, 32) : small;
  const tableSectors = tableSmall === 0 ? le32(sector, 36) : tableSmall;
  if (sectors === 0 || tableSectors === 0) return undefined;
  const rootSectors = Math.ceil((rootEntries * 32) / sectorBytes);
  const dataSector = reserved + tables * tableSectors + rootSectors;
  const clusters = Math.floor((sectors - dataSector) / perCluster);
  if (clusters < 1) throw new FileSystemError(`The FAT boot sector says that the volume has ${sectors} sectors, and that data begin with sector ${dataSector}: one of both is wrong.`);
  const bits = tableSmall === 0 ? 32 : clusters <= MOST_FAT12 ? 12 : 16;
  if (tableSectors * sectorBytes * 8 < (clusters + 2) * bits) throw new FileSystemError(`The FAT${bits} table has ${tableSectors} sectors, too few for ${clusters} clusters.`);
  const bytes = sectors * sectorBytes;
  const fsInfo = bits === 32 ? le16(sector, 48) : 0;
  return {
    bits, bytes, clusters, clusterBytes: perCluster * sectorBytes,
    endOfChain: bits === 12 ? 0xff8 : bits === 16 ? 0xfff8 : 0x0fff_fff8,
    tableOffset: reserved * sectorBytes, dataOffset: dataSector * sectorBytes,
    root: bits === 32 ? { cluster: le32(sector, 44) } : { offset: (reserved + tables * tableSectors) * sectorBytes, entries: rootEntries },
    ...(fsInfo > 0 && fsInfo < reserved ? { fsInfoOffset: fsInfo * sectorBytes } : {}),
    notes: bytes > available ? [`The file system has ${bytes} bytes, and only ${available} are there: what lies behind cannot be read.`] : [],
  };
}
