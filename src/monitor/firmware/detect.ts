/** Tells what kind of file a byte array is by its magic numbers, so that messages can say what to do with it. */
import { hasText, u16, u32 } from './bytes';

export type ImageKind =
  | 'empty' | 'bzimage' | 'multiboot' | 'multiboot2' | 'elf32' | 'elf64' | 'pe'
  | 'gzip' | 'xz' | 'bzip2' | 'zstd' | 'lz4' | 'cpio' | 'tar' | 'zip'
  | 'iso9660' | 'qcow2' | 'vhd' | 'vhdx' | 'vmdk' | 'vdi'
  | 'floppy' | 'disk' | 'option-rom' | 'text' | 'unknown';

export interface ImageIdentity {
  readonly kind: ImageKind;
  /** With its article: 'a Linux kernel (bzImage)'. */
  readonly description: string;
  /** What to do with such a file, as a clause: 'use --floppy'. Absent when there is no advice. */
  readonly advice?: string;
}

/** Multiboot 1 header magic (Multiboot Specification 0.6.96, section 3.1.1). */
export const MULTIBOOT_HEADER_MAGIC = 0x1bad_b002;

/** The header lies in the first 8 KiB of the image, on a 4-byte border. */
const MULTIBOOT_SEARCH_BYTES = 8192;

/** A Multiboot 2 header lies in the first 32 KiB on an 8-byte border. */
const MULTIBOOT2_HEADER_MAGIC = 0xe852_50d6;
const MULTIBOOT2_SEARCH_BYTES = 32768;

/** No floppy drive reads more than this many bytes (2.88 MB medium). */
const LARGEST_FLOPPY = 5760 * 512;

type Test = (bytes: Uint8Array) => boolean;

/** Offset of a Multiboot 1 header whose checksum is right; undefined when there is none. */
export function findMultibootHeader(bytes: Uint8Array): number | undefined {
  const end = Math.min(bytes.length, MULTIBOOT_SEARCH_BYTES) - 12;
  for (let offset = 0; offset <= end; offset += 4) {
    if (u32(bytes, offset) !== MULTIBOOT_HEADER_MAGIC) continue;
    const sum = MULTIBOOT_HEADER_MAGIC + u32(bytes, offset + 4) + u32(bytes, offset + 8);
    if (sum >>> 0 === 0) return offset;
  }
  return undefined;
}

function hasMultiboot2Header(bytes: Uint8Array): boolean {
  const end = Math.min(bytes.length, MULTIBOOT2_SEARCH_BYTES) - 16;
  for (let offset = 0; offset <= end; offset += 8) {
    if (u32(bytes, offset) !== MULTIBOOT2_HEADER_MAGIC) continue;
    const sum = u32(bytes, offset) + u32(bytes, offset + 4) + u32(bytes, offset + 8) + u32(bytes, offset + 12);
    if (sum % 0x1_0000_0000 === 0) return true;
  }
  return false;
}

function magic32(offset: number, value: number): Test {
  return (bytes) => bytes.length >= offset + 4 && u32(bytes, offset) === value;
}

function text(offset: number, value: string): Test {
  return (bytes) => hasText(bytes, offset, value);
}

function isElf(elfClass: number): Test {
  return (bytes) => hasText(bytes, 0, '\x7fELF') && bytes[4] === elfClass;
}

function isBootSector(bytes: Uint8Array): boolean {
  return bytes.length >= 512 && u16(bytes, 510) === 0xaa55;
}

/** A fixed VHD has its only mark in the last sector. */
function isVhd(bytes: Uint8Array): boolean {
  return hasText(bytes, 0, 'conectix') || hasText(bytes, bytes.length - 512, 'conectix');
}

/** A sparse extent, or the text file that describes a disk of several extents. */
function isVmdk(bytes: Uint8Array): boolean {
  return hasText(bytes, 0, 'KDMV') || hasText(bytes, 0, '# Disk DescriptorFile');
}

/** ASCII only: text in another encoding counts as unknown. */
function isText(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 512).every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13);
}

const DISK_ADVICE = 'use --disk, or turn it into a raw image with qemu-img convert -O raw';

/** In order: the more telling magic first (a bzImage is a boot sector and often a PE image as well). */
const KINDS: readonly (readonly [ImageKind, Test, string, string?])[] = [
  ['empty', (bytes) => bytes.length === 0, 'an empty file'],
  ['bzimage', (bytes) => isBootSector(bytes) && hasText(bytes, 0x202, 'HdrS'), 'a Linux kernel (bzImage)', 'use --kernel'],
  ['multiboot', (bytes) => findMultibootHeader(bytes) !== undefined, 'a Multiboot kernel', 'use --multiboot'],
  [
    'multiboot2', hasMultiboot2Header, 'a Multiboot 2 kernel',
    'give it a Multiboot 1 header, or boot it from a disk image with a boot loader',
  ],
  ['elf32', isElf(1), 'a 32-bit ELF file'],
  [
    'elf64', isElf(2), 'a 64-bit ELF file',
    'build it for 32 bits (gcc -m32, ld -m elf_i386), or boot the compressed bzImage of a Linux kernel',
  ],
  ['gzip', (bytes) => u16(bytes, 0) === 0x8b1f, 'a gzip file', 'an initrd may stay so; unpack anything else with gunzip'],
  ['xz', text(0, '\xfd7zXZ\0'), 'an xz file', 'an initrd may stay so; unpack anything else with unxz'],
  ['bzip2', text(0, 'BZh'), 'a bzip2 file', 'unpack it with bunzip2'],
  ['zstd', magic32(0, 0xfd2f_b528), 'a zstd file', 'an initrd may stay so; unpack anything else with unzstd'],
  ['lz4', magic32(0, 0x184c_2102), 'an lz4 file', 'unpack it with unlz4'],
  ['cpio', (bytes) => hasText(bytes, 0, '070701') || hasText(bytes, 0, '070702'), 'a cpio archive', 'use it as --initrd'],
  ['zip', text(0, 'PK\x03\x04'), 'a zip archive', 'unpack it first'],
  ['tar', text(257, 'ustar'), 'a tar archive', 'unpack it first'],
  ['iso9660', text(0x8001, 'CD001'), 'a CD image (ISO 9660)', 'use --cdrom'],
  ['qcow2', text(0, 'QFI\xfb'), 'a QEMU disk image (qcow2)', DISK_ADVICE],
  ['vhdx', text(0, 'vhdxfile'), 'a Hyper-V disk image (VHDX)', DISK_ADVICE],
  ['vhd', isVhd, 'a virtual disk image (VHD)', DISK_ADVICE],
  ['vmdk', isVmdk, 'a VMware disk image (VMDK)', DISK_ADVICE],
  ['vdi', magic32(0x40, 0xbeda_107f), 'a VirtualBox disk image (VDI)', DISK_ADVICE],
  ['floppy', (bytes) => isBootSector(bytes) && bytes.length <= LARGEST_FLOPPY, 'a boot sector or floppy image', 'use --floppy'],
  ['disk', isBootSector, 'a raw disk image', 'use --disk'],
  ['pe', text(0, 'MZ'), 'a DOS or Windows program', 'boot an operating system that runs it'],
  ['option-rom', (bytes) => u16(bytes, 0) === 0xaa55, 'an option ROM', 'use it with --firmware'],
  ['text', isText, 'a text file'],
];

/** What a file is, judged by its content. Any bytes are allowed; 'unknown' when nothing fits. */
export function identifyImage(bytes: Uint8Array): ImageIdentity {
  for (const [kind, test, description, advice] of KINDS) {
    if (test(bytes)) return advice === undefined ? { kind, description } : { kind, description, advice };
  }
  return { kind: 'unknown', description: 'a file of unknown kind' };
}

/** A sentence for messages: 'It looks like a boot sector or floppy image: use --floppy.' */
export function looksLike(bytes: Uint8Array): string {
  const { description, advice } = identifyImage(bytes);
  return advice === undefined ? `It looks like ${description}.` : `It looks like ${description}: ${advice}.`;
}
