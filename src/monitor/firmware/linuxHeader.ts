/**
 * What a Linux kernel's file says of itself, and what holds whichever way it is started (Linux documentation, arch/x86/boot.rst).
 */
import { alignDown, alignUp, hasText, put16, put32, readableSize, u16, u32, zeroTerminated } from './bytes';
import { looksLike } from './detect';
import { loadError } from './load-error';
import { ONE_MIB } from './memory-map';
import type { PhysicalMemory } from './platform';

/** Offsets of the setup header, the same in the kernel file and in boot_params (boot.rst, 'The Real-Mode Kernel Header'). */
export const SETUP_SECTS = 0x1f1;
const SYSSIZE = 0x1f4;
const VID_MODE = 0x1fa;
const BOOT_FLAG = 0x1fe;
const JUMP_DISPLACEMENT = 0x201;
const HEADER_MAGIC = 0x202;
const VERSION = 0x206;
const TYPE_OF_LOADER = 0x210;
export const LOADFLAGS = 0x211;
const CODE32_START = 0x214;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
export const HEAP_END_PTR = 0x224;
const CMD_LINE_PTR = 0x228;
const INITRD_ADDR_MAX = 0x22c;
const KERNEL_ALIGNMENT = 0x230;
const RELOCATABLE_KERNEL = 0x234;
const XLOADFLAGS = 0x236;
const CMDLINE_SIZE = 0x238;
const PREF_ADDRESS = 0x258;
const INIT_SIZE = 0x260;

/** Where the setup header must have ended in boot_params: edd_mbr_sig_buffer begins there. */
const HEADER_AREA_END = 0x290;

const OLDEST_PROTOCOL = 0x0202;
/** Older kernels, and programs in a kernel's form, are started by their real-mode code. */
const OLDEST_32_BIT_PROTOCOL = 0x0204;
const LOADED_HIGH = 0x01;
const LOADER_UNDEFINED = 0xff;
const VIDEO_NORMAL = 0xffff;
const XLF_KERNEL_64 = 0x01;
const SECTOR = 512;
const PAGE = 4096;

/** The longest command line that a kernel older than protocol 2.06 takes. */
const OLD_CMDLINE_SIZE = 255;
/** The highest byte of an initrd for one older than 2.03. */
const OLD_INITRD_ADDR_MAX = 0x37ff_ffff;

/** What the loader needs to know of a kernel. */
export interface Kernel {
  readonly header: Uint8Array;
  /** The boot sector and the real-mode code behind it. */
  readonly setup: Uint8Array;
  readonly protocol: number;
  readonly protectedMode: Uint8Array;
  readonly loadAddress: number;
  /** First byte behind all memory that the kernel uses before it has read the memory map. */
  readonly end: number;
  readonly cmdlineSize: number;
  readonly initrdAddressMax: number;
  readonly is64Bit: boolean;
  /** It cannot be entered by its protected-mode code. */
  readonly startsInRealMode: boolean;
}

function protocolName(version: number): string {
  return `${String(version >>> 8)}.${String(version & 0xff).padStart(2, '0')}`;
}

function truncated(bytes: number, wanted: number): Error {
  return loadError(
    'kernel',
    `The kernel is cut short: ${readableSize(bytes)} of ${readableSize(wanted)}.`,
    'Copy or download it again.',
  );
}

/** Checks the setup header and gives the protocol version. */
function checkHeader(kernel: Uint8Array): number {
  if (kernel.length < 2 * SECTOR) {
    throw loadError(
      'kernel',
      `The kernel has only ${readableSize(kernel.length)}, too few for a bzImage. ${looksLike(kernel)}`,
      'Name a Linux bzImage (vmlinuz).',
    );
  }
  if (u16(kernel, BOOT_FLAG) !== 0xaa55 || !hasText(kernel, HEADER_MAGIC, 'HdrS')) {
    throw loadError(
      'kernel',
      `The kernel is no Linux bzImage (no 'HdrS' at offset 202h). ${looksLike(kernel)}`,
      'Name a Linux bzImage (vmlinuz).',
    );
  }
  const protocol = u16(kernel, VERSION);
  if (protocol < OLDEST_PROTOCOL) {
    throw loadError(
      'kernel',
      `The kernel is too old: boot protocol ${protocolName(protocol)}, and 2.02 is needed.`,
      'Use Linux 2.4 or newer, or boot this one from a disk with its own boot loader.',
    );
  }
  if ((kernel[LOADFLAGS] & LOADED_HIGH) === 0) {
    throw loadError('kernel', 'The kernel is a zImage, which loads below 1 MiB.', 'Build a bzImage.');
  }
  return protocol;
}

/** Where the kernel will lie once it has unpacked itself (boot.rst, field init_size). */
function runtimeEnd(kernel: Uint8Array, protocol: number, loadAddress: number, bytes: number): number {
  if (protocol < 0x020a) return loadAddress + bytes;
  const preferred = u32(kernel, PREF_ADDRESS);
  const start =
    kernel[RELOCATABLE_KERNEL] === 0
      ? preferred
      : alignUp(Math.max(loadAddress, preferred), Math.max(1, u32(kernel, KERNEL_ALIGNMENT)));
  return Math.max(loadAddress + bytes, start + u32(kernel, INIT_SIZE));
}

/** Whether a file is a Linux kernel of 64 bits (boot.rst, xloadflags). */
export function is64BitKernel(file: Uint8Array): boolean {
  return hasText(file, HEADER_MAGIC, 'HdrS') && u16(file, VERSION) >= 0x020c && (u16(file, XLOADFLAGS) & XLF_KERNEL_64) !== 0;
}

/** Throws LoadError 'kernel'. */
export function parseKernel(kernel: Uint8Array): Kernel {
  const protocol = checkHeader(kernel);
  // A setup_sects of 0 stands for 4 (boot.rst).
  const setupBytes = ((kernel[SETUP_SECTS] === 0 ? 4 : kernel[SETUP_SECTS]) + 1) * SECTOR;
  // syssize counts paragraphs; what follows in the file (a signature) is not loaded. Before 2.04 it has not all its bits.
  const kernelBytes = protocol < OLDEST_32_BIT_PROTOCOL ? kernel.length - setupBytes : u32(kernel, SYSSIZE) * 16;
  // The size is rounded up to a paragraph, so up to 15 bytes may rightly be missing.
  if (kernelBytes === 0 || kernel.length < setupBytes + kernelBytes - 15) {
    throw truncated(kernel.length, setupBytes + kernelBytes);
  }
  const startsInRealMode = protocol < OLDEST_32_BIT_PROTOCOL || u32(kernel, CODE32_START) < ONE_MIB;
  // Real-mode code finds the rest at 1 MiB, whatever it enters there.
  const loadAddress = startsInRealMode ? ONE_MIB : u32(kernel, CODE32_START);
  const headerEnd = Math.min(HEADER_MAGIC + kernel[JUMP_DISPLACEMENT], HEADER_AREA_END);
  return {
    header: kernel.subarray(SETUP_SECTS, headerEnd),
    setup: kernel.subarray(0, setupBytes),
    protocol,
    protectedMode: kernel.subarray(setupBytes, setupBytes + kernelBytes),
    loadAddress,
    end: startsInRealMode ? loadAddress + kernelBytes : runtimeEnd(kernel, protocol, loadAddress, kernelBytes),
    cmdlineSize: protocol >= 0x0206 ? u32(kernel, CMDLINE_SIZE) : OLD_CMDLINE_SIZE,
    initrdAddressMax: protocol >= 0x0203 ? u32(kernel, INITRD_ADDR_MAX) : OLD_INITRD_ADDR_MAX,
    startsInRealMode,
    is64Bit: is64BitKernel(kernel),
  };
}

/** Throws LoadError 'memory' when there is too little for the kernel to unpack itself. */
export function checkMemory(kernel: Kernel, memory: PhysicalMemory): void {
  if (kernel.end > memory.ramBytes) {
    throw loadError(
      'memory',
      `The machine has ${readableSize(memory.ramBytes)} of memory, and this kernel needs ${readableSize(kernel.end)} only to unpack itself.`,
      `Give it at least ${String(alignUp(kernel.end, 0x400_0000) / 0x10_0000)}M.`,
    );
  }
}

/** The address for the initrd: as high as the kernel and memory permit, on a page border. Throws LoadError 'initrd'. */
function placeInitrd(kernel: Kernel, initrd: Uint8Array, memory: PhysicalMemory): number {
  if (initrd.length === 0) {
    throw loadError('initrd', 'The initrd is an empty file.', 'Name another one, or leave it out.');
  }
  const limit = Math.min(memory.ramBytes, kernel.initrdAddressMax + 1);
  const address = alignDown(limit - initrd.length, PAGE);
  if (address < kernel.end) {
    const needed = alignUp(kernel.end, PAGE) + alignUp(initrd.length, PAGE);
    const remedy =
      needed <= kernel.initrdAddressMax + 1
        ? `Give the machine at least ${String(alignUp(needed, 0x400_0000) / 0x10_0000)}M.`
        : `The kernel takes none above ${readableSize(kernel.initrdAddressMax + 1)}: make it smaller.`;
    throw loadError(
      'initrd',
      `The initrd (${readableSize(initrd.length)}) does not fit between the kernel's end at ${readableSize(kernel.end)} and ${readableSize(limit)}.`,
      remedy,
    );
  }
  return address;
}

/**
 * Fills in what a loader says of itself and of what it has loaded, and puts the initrd into memory.
 * @param header what has the setup header at its usual offset: boot_params, or the real-mode code
 * @param commandLine its address
 * @throws LoadError 'initrd'
 */
export function completeHeader(header: Uint8Array, commandLine: number, kernel: Kernel, initrd: Uint8Array | undefined, memory: PhysicalMemory): void {
  header[TYPE_OF_LOADER] = LOADER_UNDEFINED;
  put16(header, VID_MODE, VIDEO_NORMAL);
  put32(header, CMD_LINE_PTR, commandLine);
  if (initrd === undefined) return;
  const address = placeInitrd(kernel, initrd, memory);
  put32(header, RAMDISK_IMAGE, address);
  put32(header, RAMDISK_SIZE, initrd.length);
  memory.write(address, initrd);
}

/** The command line with its zero, in at most `room` bytes. Throws LoadError 'cmdline'. */
export function encodeCmdline(cmdline: string, kernel: Kernel, room: number): Uint8Array {
  const bytes = zeroTerminated(cmdline);
  const longest = Math.min(kernel.cmdlineSize, room - 1);
  if (bytes.length - 1 > longest) {
    throw loadError(
      'cmdline',
      `The kernel command line has ${String(bytes.length - 1)} bytes, and this kernel takes ${String(longest)}.`,
      'Shorten it.',
    );
  }
  if (bytes.indexOf(0) !== bytes.length - 1) {
    throw loadError('cmdline', 'The kernel command line has a zero character in it.', 'Take it out.');
  }
  return bytes;
}
