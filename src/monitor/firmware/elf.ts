/** Loads 32-bit x86 ELF programs by their program headers (Tool Interface Standard, ELF 1.2, book I and III). */
import { hasText, hex, readableSize, u16, u32 } from './bytes';
import { FLAT_GDT_BYTES, flatProtectedMode } from './cpu-setup';
import { looksLike } from './detect';
import { loadError } from './load-error';
import { describeLowMemory } from './memory-map';
import { overlap, Placement } from './placement';
import type { LoadedGuest, PhysicalMemory } from './platform';

const HEADER_BYTES = 52;
const PROGRAM_HEADER_BYTES = 32;
const CLASS_32 = 1;
const DATA_LITTLE_ENDIAN = 1;
const TYPE_EXECUTABLE = 2;
const MACHINE_386 = 3;
const PT_LOAD = 1;
const PT_INTERP = 3;

/** Loaders keep their own structures above the interrupt vectors and the BIOS data area. */
export const LOADER_STRUCTURES_FROM = 0x1000;

/** A piece of a program: bytes from the file, then zeros. */
export interface ProgramSegment {
  /** Guest-physical address (p_paddr). */
  readonly address: number;
  /** Address that the program was linked for (p_vaddr). */
  readonly linear: number;
  readonly data: Uint8Array;
  /** Bytes in memory, not less than `data.length`; the rest is zero. */
  readonly bytes: number;
}

export interface Program {
  /** Guest-physical address of the first instruction. */
  readonly entry: number;
  readonly segments: readonly ProgramSegment[];
}

function checkHeader(bytes: Uint8Array, field: string): void {
  if (!hasText(bytes, 0, '\x7fELF')) {
    throw loadError(field, `The image is no ELF file. ${looksLike(bytes)}`, 'Name a 32-bit x86 ELF executable.');
  }
  if (bytes.length < HEADER_BYTES) {
    throw loadError(
      field,
      `The ELF file is cut short: ${readableSize(bytes.length)} do not hold its header.`,
      'Build or copy it again.',
    );
  }
  if (bytes[4] !== CLASS_32) {
    throw loadError(
      field,
      'The ELF file is a 64-bit one.',
      'Build it for 32 bits (gcc -m32, ld -m elf_i386), or turn it with objcopy -O elf32-i386.',
    );
  }
  if (bytes[5] !== DATA_LITTLE_ENDIAN || u16(bytes, 18) !== MACHINE_386) {
    throw loadError(
      field,
      `The ELF file is for another processor (machine ${String(u16(bytes, 18))}).`,
      'Build it for the Intel 386.',
    );
  }
  if (u16(bytes, 16) !== TYPE_EXECUTABLE) {
    throw loadError(
      field,
      `The ELF file is no executable at a fixed address (type ${String(u16(bytes, 16))}).`,
      'Link it with a fixed address: ld without -shared, -pie or -r.',
    );
  }
}

function programHeaders(bytes: Uint8Array, field: string): readonly number[] {
  const first = u32(bytes, 28);
  const size = u16(bytes, 42);
  const count = u16(bytes, 44);
  if (count > 0 && size < PROGRAM_HEADER_BYTES) {
    throw loadError(
      field,
      `The ELF file's program headers have ${String(size)} bytes each, and must have ${String(PROGRAM_HEADER_BYTES)}.`,
      'Build it again.',
    );
  }
  if (first + count * size > bytes.length) {
    throw loadError(
      field,
      'The ELF file is cut short: its program headers lie behind its end.',
      'Build or copy it again.',
    );
  }
  return Array.from({ length: count }, (_, i) => first + i * size);
}

function segmentAt(bytes: Uint8Array, header: number, field: string): ProgramSegment {
  const offset = u32(bytes, header + 4);
  const fileBytes = u32(bytes, header + 16);
  const memoryBytes = u32(bytes, header + 20);
  const address = u32(bytes, header + 12);
  if (offset + fileBytes > bytes.length) {
    throw loadError(
      field,
      `The ELF file is cut short: the segment for ${hex(address)}h ends at ${String(offset + fileBytes)} of ${String(bytes.length)} bytes.`,
      'Build or copy it again.',
    );
  }
  if (fileBytes > memoryBytes) {
    throw loadError(
      field,
      `The ELF segment for ${hex(address)}h has more bytes in the file than in memory.`,
      'Build it again.',
    );
  }
  return { address, linear: u32(bytes, header + 8), data: bytes.subarray(offset, offset + fileBytes), bytes: memoryBytes };
}

/** The entry is a linear address; the segment that it lies in tells the physical one. */
function physicalEntry(entry: number, segments: readonly ProgramSegment[], field: string): number {
  const linear = segments.find((s) => entry >= s.linear && entry < s.linear + s.bytes);
  if (linear !== undefined) return entry - linear.linear + linear.address;
  if (segments.some((s) => entry >= s.address && entry < s.address + s.bytes)) return entry;
  throw loadError(
    field,
    `The ELF file's entry point ${hex(entry)}h lies in none of its segments.`,
    'Check the linker script (ENTRY).',
  );
}

/**
 * Reads the loadable segments of a 32-bit x86 ELF executable.
 * @param field configuration field for messages
 * @throws LoadError
 */
export function parseElf(bytes: Uint8Array, field: string): Program {
  checkHeader(bytes, field);
  const headers = programHeaders(bytes, field);
  if (headers.some((header) => u32(bytes, header) === PT_INTERP)) {
    throw loadError(
      field,
      'The ELF file is a program for an operating system (it wants a dynamic linker).',
      'Name a kernel, linked with -static -nostdlib.',
    );
  }
  const segments = headers
    .filter((header) => u32(bytes, header) === PT_LOAD && u32(bytes, header + 20) > 0)
    .map((header) => segmentAt(bytes, header, field));
  if (segments.length === 0) {
    throw loadError(field, 'The ELF file has nothing to load (no PT_LOAD segment).', 'Link it to an executable.');
  }
  return { entry: physicalEntry(u32(bytes, 24), segments, field), segments };
}

/**
 * Takes the room for all segments and then writes them: nothing is written when one does not fit.
 * @throws LoadError when a segment lies outside RAM or over another
 */
export function loadSegments(program: Program, memory: PhysicalMemory, placement: Placement, field: string): void {
  const ranges = program.segments.map((s) => ({ first: s.address, end: s.address + s.bytes }));
  ranges.forEach((range, i) => {
    if (!placement.isRam(range)) {
      const where = `${hex(range.first)}h-${hex(range.end - 1)}h`;
      if (range.first >= 0x10_0000 && range.end <= 0x1_0000_0000) {
        throw loadError(
          'memory',
          `The image has a segment at ${where}, and the machine's memory ends at ${hex(memory.ramBytes)}h.`,
          `Give it at least ${String(Math.ceil(range.end / 0x10_0000))}M, or link the image lower.`,
        );
      }
      throw loadError(
        field,
        `The image has a segment at ${where}, where there is no RAM.`,
        'Link it to 100000h (1 MiB) or above.',
      );
    }
    if (ranges.slice(0, i).some((earlier) => overlap(earlier, range))) {
      throw loadError(
        field,
        `The image's segments overlap at ${hex(range.first)}h.`,
        'Check the load addresses (AT) in the linker script.',
      );
    }
  });
  program.segments.forEach((segment, i) => {
    placement.take(ranges[i]);
    memory.write(segment.address, segment.data);
    memory.write(segment.address + segment.data.length, new Uint8Array(segment.bytes - segment.data.length));
  });
}

/** Room for the flat GDT beside what is loaded already. @throws LoadError 'memory' */
export function placeGdt(placement: Placement): number {
  const gdt = placement.takeFirstFit(FLAT_GDT_BYTES, 8, LOADER_STRUCTURES_FROM);
  if (gdt === undefined) {
    throw loadError(
      'memory',
      'The image fills all memory; no room is left for a descriptor table.',
      'Give the machine more memory.',
    );
  }
  return gdt;
}

/**
 * Loads an ELF executable and starts it at its entry in flat 32-bit protected mode (selectors 10h and
 * 18h, interrupts off, no paging, no stack: ESP is 0).
 * @throws LoadError with field 'kernel' or 'memory'
 */
export function loadElf(image: Uint8Array, memory: PhysicalMemory): LoadedGuest {
  const program = parseElf(image, 'kernel');
  const placement = new Placement(memory.ramBytes);
  loadSegments(program, memory, placement, 'kernel');
  describeLowMemory(memory);
  return { cpu: flatProtectedMode(memory, placeGdt(placement), program.entry, { esp: 0 }), notes: [] };
}
