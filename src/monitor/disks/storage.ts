/** Opens the disk that a drive asks for: by format, padded like a floppy, or under a file that takes what is written. */
import { floppySectorsFor } from '../devices/device';
import type { DiskRequest } from './blockStore';
import type { FileAccess, FileStore } from './file';
import { aligned, ImageError, SECTOR_BYTES, type DiskImage } from './image';
import { createImage, openImage } from './open';
import { probeFormat } from './probe';
import { RawImage } from './raw';

const LARGEST_FLOPPY = 5760 * SECTOR_BYTES;

/** The first volume descriptor of ISO 9660: where its identifier is, and what that is. */
const CD_IDENTIFIER = { at: 16 * 2048 + 1, text: 'CD001' };

const BOOT_SIGNATURE = { at: 510, bytes: [0x55, 0xaa] } as const;

/** What a file is that is no raw image of a floppy, whatever its size; undefined for what may be one. Throws ImageError for a format that is not known well enough. */
function otherThanFloppy(file: FileAccess, path: string): string | undefined {
  const format = probeFormat(file, path);
  if (format !== 'raw') return `is a disk image (${format})`;
  const identifier = new Uint8Array(CD_IDENTIFIER.text.length);
  file.read(CD_IDENTIFIER.at, identifier);
  if (String.fromCharCode(...identifier) !== CD_IDENTIFIER.text) return undefined;
  // What can be started as either (GRUB's rescue image) has a boot sector besides.
  const signature = new Uint8Array(BOOT_SIGNATURE.bytes.length);
  file.read(BOOT_SIGNATURE.at, signature);
  return signature.every((byte, i) => byte === BOOT_SIGNATURE.bytes[i]) ? undefined : 'is an image of a CD';
}

function checkFloppy(file: FileAccess, path: string): void {
  const other = otherThanFloppy(file, path);
  if (other !== undefined) throw new ImageError(`'${path}' ${other}: a floppy needs a raw image of one.`);
}

/** A lone boot sector of 512 bytes is a 1.44 MB floppy. */
function openFloppy(files: FileStore, { path, writable }: DiskRequest): DiskImage {
  const file = files.open(path, writable);
  try {
    checkFloppy(file, path);
  } catch (error) {
    file.close();
    throw error;
  }
  const sectors = file.size === 0 ? undefined : floppySectorsFor(Math.ceil(file.size / SECTOR_BYTES));
  if (sectors === undefined) {
    file.close();
    throw new ImageError(`Floppy image '${path}' has ${file.size} bytes: give one of 1 to ${LARGEST_FLOPPY} bytes, or use it as a disk.`);
  }
  return new RawImage(file, { readOnly: !writable, bytes: sectors * SECTOR_BYTES, name: path });
}

/** Bytes in a block of a CD. */
const CD_BLOCK = 2048;

function openCdrom(files: FileStore, { path }: DiskRequest): DiskImage {
  const file = files.open(path, false);
  if (file.size > 0) return new RawImage(file, { readOnly: true, bytes: aligned(file.size, CD_BLOCK), name: path });
  file.close();
  throw new ImageError(`CD image '${path}' is empty: give an ISO image.`);
}

/** The overlay's image, made for `path` where it is not there; refused when it belongs to another one. */
function openOverlay(files: FileStore, path: string, overlay: string): DiskImage {
  const base = openImage(files, path, { writable: false });
  const { bytes } = base.image;
  base.image.close();
  if (!files.exists(overlay)) createImage(files, overlay, { format: 'qcow2', bytes, backing: path });
  const opened = openImage(files, overlay, { writable: true });
  const found = opened.parent?.path;
  if (found === undefined || files.resolve(path, found) !== files.resolve(path, path)) {
    opened.image.close();
    throw new ImageError(`${overlay}: it builds on ${found ?? 'no other image'}, not on ${path}; name another file as "overlay".`);
  }
  if (opened.image.bytes !== bytes) {
    opened.image.close();
    throw new ImageError(`${overlay}: its disk has ${opened.image.bytes} bytes, and that of ${path} has ${bytes}: the image has been changed under it; restore it, or name another file as "overlay".`);
  }
  return opened.image;
}

/** @throws ImageError for images that cannot be used, MachineError for files that cannot be opened */
export function openDisk(files: FileStore, request: DiskRequest): DiskImage {
  const { path, writable, format, overlay } = request;
  if (request.medium === 'floppy') return openFloppy(files, request);
  if (request.medium === 'cdrom') return openCdrom(files, request);
  if (overlay !== undefined) return openOverlay(files, path, overlay);
  const { image } = openImage(files, path, { writable, ...(format === undefined ? {} : { format }) });
  if (image.bytes > 0) return image;
  image.close();
  throw new ImageError(`Disk image '${path}' is empty: give one of at least ${SECTOR_BYTES} bytes.`);
}
