/** Loads Multiboot 1 kernels and modules as the Multiboot Specification 0.6.96 asks of a boot loader. */
import { alignUp, hasText, hex, put32, readableSize, u32, zeroTerminated } from './bytes';
import { FLAT_GDT_BYTES, flatProtectedMode } from './cpu-setup';
import { findMultibootHeader, looksLike } from './detect';
import { LOADER_STRUCTURES_FROM, loadSegments, parseElf, type Program } from './elf';
import { loadError } from './load-error';
import { CONVENTIONAL_KIB, describeLowMemory, E820_ENTRY_BYTES, encodeE820, extendedKib, memoryMap } from './memory-map';
import { Placement } from './placement';
import type { LoadedGuest, PhysicalMemory } from './platform';

/** Flags of the header (section 3.1.2). Bits 0-15 are demands, a loader that does not know one must refuse. */
const WANTS_VIDEO = 0x0000_0004;
const HAS_ADDRESSES = 0x0001_0000;
const KNOWN_DEMANDS = 0x0000_0007;
const DEMANDS = 0x0000_ffff;

/** What EAX holds at the entry (section 3.2). */
const BOOTED_BY_MULTIBOOT = 0x2bad_b002;

/** Flags of the information structure (section 3.3): memory, command line, modules, map, loader name. */
const INFO_MEMORY = 1 << 0;
const INFO_CMDLINE = 1 << 2;
const INFO_MODULES = 1 << 3;
const INFO_MAP = 1 << 6;
const INFO_LOADER_NAME = 1 << 9;
const INFO_BYTES = 88;
const MODULE_ENTRY_BYTES = 16;
const MAP_ENTRY_BYTES = 4 + E820_ENTRY_BYTES;

const PAGE = 4096;
const LOADER_NAME = 'Shadowbox';

export interface MultibootModule {
  readonly bytes: Uint8Array;
  /** The module's string: by custom its file name and arguments. */
  readonly cmdline: string;
}

interface PlacedModule {
  readonly first: number;
  readonly end: number;
  readonly cmdline: string;
}

function checkDemands(flags: number): void {
  const unknown = flags & DEMANDS & ~KNOWN_DEMANDS;
  if (unknown !== 0) {
    throw loadError(
      'multiboot',
      `The Multiboot header demands features that this loader does not have (flags ${hex(unknown)}h).`,
      'Clear these bits in the header; only bits 0, 1, 2 and 16 are known.',
    );
  }
}

/** The program described by the header's own address fields ('a.out kludge', section 3.1.3). */
function parseAddressFields(image: Uint8Array, header: number): Program {
  const [headerAddress, loadAddress, loadEnd, bssEnd, entry] = [12, 16, 20, 24, 28].map((at) => u32(image, header + at));
  const start = header - (headerAddress - loadAddress);
  if (header + 32 > image.length || start < 0 || headerAddress < loadAddress) {
    throw loadError(
      'multiboot',
      `The Multiboot header's address fields are wrong: header_addr ${hex(headerAddress)}h, load_addr ${hex(loadAddress)}h, header at offset ${hex(header)}h.`,
      'Correct them, or clear bit 16 of the flags to load by ELF.',
    );
  }
  const fileBytes = loadEnd === 0 ? image.length - start : loadEnd - loadAddress;
  if (fileBytes < 0 || start + fileBytes > image.length) {
    throw loadError(
      'multiboot',
      `The Multiboot image is cut short: load_end_addr ${hex(loadEnd)}h lies behind the file's last byte.`,
      'Build or copy it again.',
    );
  }
  const bytes = bssEnd === 0 ? fileBytes : bssEnd - loadAddress;
  if (bytes < fileBytes) {
    throw loadError(
      'multiboot',
      `The Multiboot header's bss_end_addr ${hex(bssEnd)}h lies before the end of the loaded data.`,
      'Correct it, or set it to 0.',
    );
  }
  if (entry < loadAddress || entry >= loadAddress + bytes) {
    throw loadError(
      'multiboot',
      `The Multiboot header's entry_addr ${hex(entry)}h lies outside the image.`,
      'Correct it.',
    );
  }
  const data = image.subarray(start, start + fileBytes);
  return { entry, segments: [{ address: loadAddress, linear: loadAddress, data, bytes }] };
}

function parseProgram(image: Uint8Array, header: number, flags: number): Program {
  if ((flags & HAS_ADDRESSES) !== 0) return parseAddressFields(image, header);
  if (!hasText(image, 0, '\x7fELF')) {
    throw loadError(
      'multiboot',
      'The Multiboot image is no ELF file and its header has no address fields.',
      'Link it as 32-bit ELF, or set bit 16 of the flags and fill the addresses.',
    );
  }
  return parseElf(image, 'multiboot');
}

/** Takes room for bytes that must not fail for lack of it without a message. */
function take(
  placement: Placement,
  bytes: number,
  alignment: number,
  from: number,
  field: string,
  what: string,
): number {
  const address = placement.takeFirstFit(bytes, alignment, from);
  if (address === undefined) {
    throw loadError(
      field,
      `There is no room in memory for ${what} (${readableSize(bytes)}).`,
      'Give the machine more memory.',
    );
  }
  return address;
}

/** Modules begin on page borders behind the kernel, whether the header asks for that (bit 0) or not. */
function placeModules(modules: readonly MultibootModule[], kernelEnd: number, placement: Placement): PlacedModule[] {
  return modules.map(({ bytes, cmdline }) => {
    // An empty module still gets a page, so that its address is its own.
    const room = Math.max(PAGE, alignUp(bytes.length, PAGE));
    const first = take(placement, room, PAGE, kernelEnd, 'modules', `module '${cmdline}'`);
    return { first, end: first + bytes.length, cmdline };
  });
}

/** Writes a zero-terminated string to free low memory and gives its address. */
function placeString(text: string, memory: PhysicalMemory, placement: Placement): number {
  const bytes = zeroTerminated(text);
  const address = take(placement, bytes.length, 4, LOADER_STRUCTURES_FROM, 'memory', 'a string of the boot information');
  memory.write(address, bytes);
  return address;
}

function placeTable(table: Uint8Array, memory: PhysicalMemory, placement: Placement): number {
  const address = take(placement, table.length, 8, LOADER_STRUCTURES_FROM, 'memory', 'the boot information');
  memory.write(address, table);
  return address;
}

function encodeModules(modules: readonly PlacedModule[], memory: PhysicalMemory, placement: Placement): Uint8Array {
  const table = new Uint8Array(modules.length * MODULE_ENTRY_BYTES);
  modules.forEach((module, i) => {
    put32(table, i * MODULE_ENTRY_BYTES, module.first);
    put32(table, i * MODULE_ENTRY_BYTES + 4, module.end);
    put32(table, i * MODULE_ENTRY_BYTES + 8, placeString(module.cmdline, memory, placement));
  });
  return table;
}

/** The map in Multiboot form: each entry begins with its size, which does not count the size field. */
function encodeMap(ramBytes: number): Uint8Array {
  const map = memoryMap(ramBytes);
  const table = new Uint8Array(map.length * MAP_ENTRY_BYTES);
  map.forEach((range, i) => {
    put32(table, i * MAP_ENTRY_BYTES, E820_ENTRY_BYTES);
    table.set(encodeE820(range), i * MAP_ENTRY_BYTES + 4);
  });
  return table;
}

/** Writes the information structure (section 3.3) and gives its address. */
function writeInfo(
  cmdline: string,
  modules: readonly PlacedModule[],
  memory: PhysicalMemory,
  placement: Placement,
): number {
  const info = new Uint8Array(INFO_BYTES);
  const map = encodeMap(memory.ramBytes);
  put32(info, 0, INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MAP | INFO_LOADER_NAME);
  put32(info, 4, CONVENTIONAL_KIB);
  put32(info, 8, extendedKib(memory.ramBytes));
  put32(info, 16, placeString(cmdline, memory, placement));
  put32(info, 20, modules.length);
  if (modules.length > 0) put32(info, 24, placeTable(encodeModules(modules, memory, placement), memory, placement));
  put32(info, 44, map.length);
  put32(info, 48, placeTable(map, memory, placement));
  put32(info, 64, placeString(LOADER_NAME, memory, placement));
  return placeTable(info, memory, placement);
}

/**
 * Loads a Multiboot 1 kernel (ELF, or by the header's address fields), its modules and the boot
 * information.
 *
 * @param image bytes of the kernel file
 * @param modules in the order that the kernel will see
 * @param cmdline kernel command line, UTF-8
 * @returns the processor at the kernel's entry: EAX = 2BADB002h, EBX = information structure, flat
 *   segments, interrupts off, paging off (section 3.2). The A20 gate must be open.
 * @throws LoadError with field 'multiboot', 'modules' or 'memory'
 */
export function loadMultiboot(
  image: Uint8Array,
  modules: readonly MultibootModule[],
  cmdline: string,
  memory: PhysicalMemory,
): LoadedGuest {
  const header = findMultibootHeader(image);
  if (header === undefined) {
    throw loadError(
      'multiboot',
      `The image has no Multiboot header in its first 8 KiB. ${looksLike(image)}`,
      'Put the header (magic 1BADB002h, right checksum, 4-byte aligned) into the first section of the linker script.',
    );
  }
  const flags = u32(image, header + 4);
  checkDemands(flags);
  const program = parseProgram(image, header, flags);
  const placement = new Placement(memory.ramBytes);
  loadSegments(program, memory, placement, 'multiboot');
  const kernelEnd = Math.max(...program.segments.map((s) => s.address + s.bytes));
  const placed = placeModules(modules, kernelEnd, placement);
  placed.forEach((place, i) => memory.write(place.first, modules[i].bytes));
  const gdt = take(placement, FLAT_GDT_BYTES, 8, LOADER_STRUCTURES_FROM, 'memory', 'a descriptor table');
  const info = writeInfo(cmdline, placed, memory, placement);
  describeLowMemory(memory);
  const cpu = flatProtectedMode(memory, gdt, program.entry, { eax: BOOTED_BY_MULTIBOOT, ebx: info, esp: 0 });
  const notes =
    (flags & WANTS_VIDEO) !== 0 ? ['The kernel asks for a video mode; it starts in 80x25 text instead.'] : [];
  return { cpu, notes };
}
