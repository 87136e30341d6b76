/** GUID partition tables. Source: UEFI specification 2.10, section 5.3. Both copies and their checksums are looked at. */
import { identifierText } from '../monitor/disks/image';
import { crc32 } from './crc32';
import { fixedText, latin1, le32, le64, utf16le } from './fields';
import type { Partition, PartitionMap } from './partitions';
import { GPT_TYPES } from './partitionTypes';
import type { ByteSource } from './source';

/** Sizes of a sector; the header is in the second one. */
const SECTORS = [512, 4096];
const LARGEST_HEADER = 512;
/** A table of entries is 16 KiB; anything much larger is damaged. */
const LARGEST_TABLE = 4 * 1024 * 1024;

interface Header {
  readonly bytes: Uint8Array;
  readonly identifier: string;
  readonly backup: number;
  readonly entriesAt: number;
  readonly count: number;
  readonly entryBytes: number;
}

/** The GPT's map; undefined when there is no sound copy of it. */
export async function readGpt(disk: ByteSource): Promise<PartitionMap | undefined> {
  for (const sectorBytes of SECTORS) {
    const primary = await copyAt(disk, 1, sectorBytes);
    const last = Math.floor(disk.bytes / sectorBytes) - 1;
    const backup = await copyAt(disk, primary?.header.backup ?? last, sectorBytes);
    const copy = primary ?? backup;
    if (copy === undefined) continue;
    const problems = [
      ...(primary === undefined ? ['The first copy of the GPT is damaged: this is the one at the end of the disk.'] : []),
      ...(backup === undefined ? ['The copy of the GPT at the end of the disk is damaged, or was cut off.'] : []),
      ...copy.partitions.filter(({ offset, bytes }) => offset + bytes > disk.bytes).map(({ number }) => `Partition ${number} reaches beyond the end of the disk.`),
    ];
    return { scheme: 'GPT', identifier: copy.header.identifier, partitions: copy.partitions, problems };
  }
  return undefined;
}

/** The copy with its header in a sector; undefined when it is not sound. */
async function copyAt(disk: ByteSource, sector: number, sectorBytes: number): Promise<{ readonly header: Header; readonly partitions: readonly Partition[] } | undefined> {
  const at = sector * sectorBytes;
  if (sector < 1 || at + LARGEST_HEADER > disk.bytes) return undefined;
  const header = headerOf(await disk.read(at, LARGEST_HEADER));
  if (header === undefined) return undefined;
  const { entriesAt, count, entryBytes, bytes } = header;
  const tableBytes = count * entryBytes;
  if (entryBytes < 128 || tableBytes > LARGEST_TABLE || entriesAt * sectorBytes + tableBytes > disk.bytes) return undefined;
  const table = await disk.read(entriesAt * sectorBytes, tableBytes);
  if (crc32(table) !== le32(bytes, 88)) return undefined;
  const partitions: Partition[] = [];
  for (let index = 0; index < count; index++) {
    const entry = table.subarray(index * entryBytes, (index + 1) * entryBytes);
    if (entry.subarray(0, 16).some((byte) => byte !== 0)) partitions.push(partitionOf(entry, index + 1, sectorBytes));
  }
  return { header, partitions };
}

function headerOf(bytes: Uint8Array): Header | undefined {
  const length = le32(bytes, 12);
  if (latin1(bytes.subarray(0, 8)) !== 'EFI PART' || length < 92 || length > bytes.length) return undefined;
  const summed = Uint8Array.from(bytes.subarray(0, length));
  summed.fill(0, 16, 20);
  if (crc32(summed) !== le32(bytes, 16)) return undefined;
  return { bytes, identifier: identifierText(bytes.subarray(56, 72), true), backup: le64(bytes, 32), entriesAt: le64(bytes, 72), count: le32(bytes, 80), entryBytes: le32(bytes, 84) };
}

function partitionOf(entry: Uint8Array, number: number, sectorBytes: number): Partition {
  const code = identifierText(entry.subarray(0, 16), true);
  const first = le64(entry, 32), last = le64(entry, 40);
  const name = fixedText(utf16le(entry.subarray(56, 128)));
  return {
    number, offset: first * sectorBytes, bytes: Math.max(0, last - first + 1) * sectorBytes, type: GPT_TYPES[code] ?? 'unknown', code, active: false, place: 'primary',
    ...(name === undefined ? {} : { name }),
  };
}
