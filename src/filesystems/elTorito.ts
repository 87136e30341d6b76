/** El Torito: what a BIOS or UEFI firmware boots from a CD. Source: "El Torito" Bootable CD-ROM Format Specification, version 1.0. */
import { latin1, le16, le32 } from './fields';
import { ISO_SECTOR, volumeDescriptors } from './iso';
import type { ByteSource } from './source';

export interface BootEntry {
  readonly platform: string;
  /** 'no emulation', '1.44 MB floppy' ... */
  readonly emulation: string;
  readonly bootable: boolean;
  /** Byte offset of the image, and how many bytes of it are loaded. */
  readonly offset: number;
  readonly bytes: number;
}

const PLATFORMS: Readonly<Record<number, string>> = { 0: 'x86 BIOS', 1: 'PowerPC', 2: 'Mac', 0xef: 'UEFI' };
const EMULATION = ['no emulation', '1.2 MB floppy', '1.44 MB floppy', '2.88 MB floppy', 'hard disk'];
const ENTRY = 32;
const HEADER = 0x90, LAST_HEADER = 0x91, EXTENSION = 0x44, BOOTABLE = 0x88;

/** The entries of the boot catalog; none when there is no such catalog, or it is damaged. */
export async function bootCatalog(source: ByteSource): Promise<readonly BootEntry[]> {
  const record = (await volumeDescriptors(source)).find(({ type, bytes }) => type === 0 && latin1(bytes.subarray(7, 30)) === 'EL TORITO SPECIFICATION');
  if (record === undefined) return [];
  const at = le32(record.bytes, 71) * ISO_SECTOR;
  if (at + ISO_SECTOR > source.bytes) return [];
  const catalog = await source.read(at, ISO_SECTOR);
  if (catalog[0] !== 1 || catalog[30] !== 0x55 || catalog[31] !== 0xaa) return [];
  const found = [entryAt(catalog, ENTRY, catalog[1])];
  let platform = catalog[1];
  for (let offset = 2 * ENTRY; offset + ENTRY <= catalog.length; offset += ENTRY) {
    const kind = catalog[offset];
    if (kind === HEADER || kind === LAST_HEADER) platform = catalog[offset + 1];
    else if (kind === BOOTABLE) found.push(entryAt(catalog, offset, platform));
    else if (kind !== EXTENSION) break;
  }
  return found;
}

function entryAt(catalog: Uint8Array, at: number, platform: number): BootEntry {
  return {
    platform: PLATFORMS[platform] ?? `platform ${platform}`, emulation: EMULATION[catalog[at + 1] & 15] ?? 'unknown emulation', bootable: catalog[at] === BOOTABLE,
    offset: le32(catalog, at + 8) * ISO_SECTOR, bytes: le16(catalog, at + 6) * 512,
  };
}
