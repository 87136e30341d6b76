/**
 * Loads a Linux bzImage by the 32-bit boot protocol (Linux documentation, arch/x86/boot.rst and
 * zero-page.rst): no real-mode code runs, the kernel's protected-mode entry gets a filled boot_params.
 */
import { alignDown, alignUp, hasText, put16, put32, put64, readableSize, u16, u32, zeroTerminated } from './bytes';
import { FLAT_GDT_BYTES, flatProtectedMode } from './cpu-setup';
import { looksLike } from './detect';
import { loadError } from './load-error';
import { describeLowMemory, encodeE820, E820_ENTRY_BYTES, extendedKib, memoryMap } from './memory-map';
import type { LoadedGuest, PhysicalMemory } from './platform';
import { RSDP_ADDRESS, hasRootPointer } from './tables/placement';

/** Offsets of the setup header, the same in the kernel file and in boot_params (boot.rst, 'The Real-Mode Kernel Header'). */
const SETUP_SECTS = 0x1f1;
const SYSSIZE = 0x1f4;
const VID_MODE = 0x1fa;
const BOOT_FLAG = 0x1fe;
const JUMP_DISPLACEMENT = 0x201;
const HEADER_MAGIC = 0x202;
const VERSION = 0x206;
const TYPE_OF_LOADER = 0x210;
const LOADFLAGS = 0x211;
const CODE32_START = 0x214;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;
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

/** Other fields of boot_params (zero-page.rst). */
const ACPI_RSDP_ADDR = 0x070;
const ALT_MEM_K = 0x1e0;
const E820_ENTRIES = 0x1e8;
const E820_TABLE = 0x2d0;
const BOOT_PARAMS_BYTES = 4096;

const OLDEST_PROTOCOL = 0x0204;
const LOADED_HIGH = 0x01;
const LOADER_UNDEFINED = 0xff;
const VIDEO_NORMAL = 0xffff;
const XLF_KERNEL_64 = 0x01;
const SECTOR = 512;
const PAGE = 4096;

/** The longest command line that a kernel older than protocol 2.06 takes. */
const OLD_CMDLINE_SIZE = 255;

/** Where the loader's own structures go, all below the EBDA; the command line follows the GDT. */
const BOOT_PARAMS = 0x9_0000;
const GDT = BOOT_PARAMS + BOOT_PARAMS_BYTES;
const CMDLINE = GDT + FLAT_GDT_BYTES;
const CMDLINE_ROOM = 0xe000;

/** What the loader needs to know of a kernel. */
interface Kernel {
  readonly header: Uint8Array;
  readonly protocol: number;
  readonly protectedMode: Uint8Array;
  readonly loadAddress: number;
  /** First byte behind all memory that the kernel uses before it has read the memory map. */
  readonly end: number;
  readonly cmdlineSize: number;
  readonly initrdAddressMax: number;
  readonly is64Bit: boolean;
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
      `The kernel is too old: boot protocol ${protocolName(protocol)}, and 2.04 is needed.`,
      'Use Linux 2.6.14 or newer, or boot this one from a disk with its own boot loader.',
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

function parseKernel(kernel: Uint8Array): Kernel {
  const protocol = checkHeader(kernel);
  // A setup_sects of 0 stands for 4 (boot.rst).
  const setupBytes = ((kernel[SETUP_SECTS] === 0 ? 4 : kernel[SETUP_SECTS]) + 1) * SECTOR;
  // syssize counts paragraphs; what follows in the file (a signature) is not loaded.
  const kernelBytes = u32(kernel, SYSSIZE) * 16;
  // The size is rounded up to a paragraph, so up to 15 bytes may rightly be missing.
  if (kernelBytes === 0 || kernel.length < setupBytes + kernelBytes - 15) {
    throw truncated(kernel.length, setupBytes + kernelBytes);
  }
  const loadAddress = u32(kernel, CODE32_START);
  const headerEnd = Math.min(HEADER_MAGIC + kernel[JUMP_DISPLACEMENT], HEADER_AREA_END);
  return {
    header: kernel.subarray(SETUP_SECTS, headerEnd),
    protocol,
    protectedMode: kernel.subarray(setupBytes, setupBytes + kernelBytes),
    loadAddress,
    end: runtimeEnd(kernel, protocol, loadAddress, kernelBytes),
    cmdlineSize: protocol >= 0x0206 ? u32(kernel, CMDLINE_SIZE) : OLD_CMDLINE_SIZE,
    initrdAddressMax: u32(kernel, INITRD_ADDR_MAX),
    is64Bit: protocol >= 0x020c && (u16(kernel, XLOADFLAGS) & XLF_KERNEL_64) !== 0,
  };
}

function checkMemory(kernel: Kernel, memory: PhysicalMemory): void {
  if (kernel.loadAddress < 0x10_0000) {
    throw loadError(
      'kernel',
      `The kernel wants to be loaded at ${kernel.loadAddress.toString(16)}h, below 1 MiB.`,
      'Use an unmodified bzImage.',
    );
  }
  if (kernel.end > memory.ramBytes) {
    throw loadError(
      'memory',
      `The machine has ${readableSize(memory.ramBytes)} of memory, and this kernel needs ${readableSize(kernel.end)} only to unpack itself.`,
      `Give it at least ${String(alignUp(kernel.end, 0x400_0000) / 0x10_0000)}M.`,
    );
  }
}

/** The address for the initrd: as high as the kernel and memory permit, on a page border. */
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

function encodeCmdline(cmdline: string, kernel: Kernel): Uint8Array {
  const bytes = zeroTerminated(cmdline);
  const longest = Math.min(kernel.cmdlineSize, CMDLINE_ROOM - 1);
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

/** screen_info for 80x25 colour text on a VGA (include/uapi/linux/screen_info.h), cursor at the top left. */
function describeScreen(params: Uint8Array, ramBytes: number): void {
  put16(params, 0x02, Math.min(extendedKib(ramBytes), 0xffff));
  params[0x06] = 3;
  params[0x07] = 80;
  // INT 10h AH=12h BL=10h would have said: 256 KiB of video memory (3), colour (0).
  put16(params, 0x0a, 3);
  params[0x0e] = 25;
  params[0x0f] = 1;
  put16(params, 0x10, 16);
}

function describeMemory(params: Uint8Array, ramBytes: number): void {
  const map = memoryMap(ramBytes);
  params[E820_ENTRIES] = map.length;
  map.forEach((range, i) => params.set(encodeE820(range), E820_TABLE + i * E820_ENTRY_BYTES));
  put32(params, ALT_MEM_K, extendedKib(ramBytes));
}

/**
 * Writes kernel, initrd, command line and boot_params into memory.
 *
 * @param kernel bytes of a bzImage, boot protocol 2.04 or newer
 * @param initrd bytes of the initial RAM disk, or undefined for none
 * @param cmdline kernel command line, UTF-8
 * @returns the processor at the kernel's 32-bit entry: __BOOT_CS 10h, __BOOT_DS 18h, ESI = boot_params,
 *   EBP = EDI = EBX = 0, interrupts off, protection on, paging off. The A20 gate must be open, and a BIOS's
 *   self-test done (`BuiltinBios.prepare`), which leaves the VGA in text mode 3.
 * @throws LoadError with field 'kernel', 'initrd', 'cmdline' or 'memory'
 */
export function loadLinux(
  kernel: Uint8Array,
  initrd: Uint8Array | undefined,
  cmdline: string,
  memory: PhysicalMemory,
): LoadedGuest {
  const parsed = parseKernel(kernel);
  const cmdlineBytes = encodeCmdline(cmdline, parsed);
  checkMemory(parsed, memory);
  const params = new Uint8Array(BOOT_PARAMS_BYTES);
  params.set(parsed.header, SETUP_SECTS);
  describeScreen(params, memory.ramBytes);
  describeMemory(params, memory.ramBytes);
  params[TYPE_OF_LOADER] = LOADER_UNDEFINED;
  put16(params, VID_MODE, VIDEO_NORMAL);
  put32(params, CMD_LINE_PTR, CMDLINE);
  if (hasRootPointer(memory)) put64(params, ACPI_RSDP_ADDR, RSDP_ADDRESS);
  if (initrd !== undefined) {
    const address = placeInitrd(parsed, initrd, memory);
    put32(params, RAMDISK_IMAGE, address);
    put32(params, RAMDISK_SIZE, initrd.length);
    memory.write(address, initrd);
  }
  memory.write(parsed.loadAddress, parsed.protectedMode);
  memory.write(CMDLINE, cmdlineBytes);
  memory.write(BOOT_PARAMS, params);
  describeLowMemory(memory);
  const cpu = flatProtectedMode(memory, GDT, parsed.loadAddress, {
    esi: BOOT_PARAMS,
    ebp: 0,
    edi: 0,
    ebx: 0,
    esp: BOOT_PARAMS,
  });
  const notes = parsed.is64Bit
    ? ['This is a 64-bit kernel: it halts at once on a CPU model without long mode. Use an i386 kernel there.']
    : [];
  return { cpu, notes };
}
