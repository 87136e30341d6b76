/** Which format a file is of, by its contents; and when a name promises a format that they are not of. */
import type { FileAccess } from './file';
import { ImageError, SECTOR_BYTES, viewOf, type ImageFormat } from './image';
import { QCOW2_MAGIC } from './qcow2Header';
import { FOOTER_COOKIE } from './vhdFormat';
import { VHDX_SIGNATURE } from './vhdxFormat';

const BY_EXTENSION: Readonly<Record<string, ImageFormat>> = { qcow2: 'qcow2', qcow: 'qcow2', vhd: 'vhd', vpc: 'vhd', vhdx: 'vhdx', avhdx: 'vhdx', avhd: 'vhd' };
const FORMAT_NAMES: Readonly<Record<ImageFormat, string>> = { raw: 'raw', qcow2: 'QCOW2', vhd: 'VHD', vhdx: 'VHDX' };

function startsWith(bytes: Uint8Array, text: string): boolean {
  return [...text].every((character, index) => bytes[index] === character.charCodeAt(0));
}

/** What a file with this first and this last sector would be taken for. */
export function formatOf(first: Uint8Array, last: Uint8Array): ImageFormat {
  if (viewOf(first).getUint32(0) === QCOW2_MAGIC) return 'qcow2';
  if (startsWith(first, VHDX_SIGNATURE)) return 'vhdx';
  if (startsWith(first, FOOTER_COOKIE) || startsWith(last, FOOTER_COOKIE)) return 'vhd';
  return 'raw';
}

/** Formats that are neither supported nor to be taken for raw ones. */
function foreignFormat(first: Uint8Array): string | undefined {
  if (startsWith(first, 'KDMV') || startsWith(first, '# Disk DescriptorFile')) return 'VMDK';
  if (viewOf(first).getUint32(0x40, true) === 0xbeda107f) return 'VDI';
  return undefined;
}

function sector(file: FileAccess, offset: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR_BYTES);
  file.read(Math.max(offset, 0), bytes);
  return bytes;
}

/** @throws ImageError for a format that is not supported, or a name that promises another one */
export function probeFormat(file: FileAccess, name: string): ImageFormat {
  const first = sector(file, 0);
  const found = formatOf(first, sector(file, file.size - SECTOR_BYTES));
  if (found !== 'raw') return found;
  const foreign = foreignFormat(first);
  if (foreign !== undefined) throw new ImageError(`${name}: it is a ${foreign} image, which is not supported; convert it with: qemu-img convert -O qcow2.`);
  const promised = BY_EXTENSION[name.split('.').at(-1)?.toLowerCase() ?? ''];
  if (promised === undefined) return 'raw';
  throw new ImageError(`${name}: by its name it is a ${FORMAT_NAMES[promised]} image, but its contents are not: it is damaged or cut off; restore it from a copy, or rename it if it is a raw image.`);
}
