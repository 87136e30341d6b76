/**
 * SMBIOS structures: what the machine is called and what it is made of, for `dmidecode` and installers.
 *
 * Source: System Management BIOS Reference Specification 2.8 and 3.0 (DMTF DSP0134). A structure is a formatted area with
 * header, and behind it the strings that it refers to by number.
 */
import { concatenate, put16, put32, put64, putText, zeroTerminated } from '../bytes';
import type { PlatformDescription } from './description';
import { checksumOf } from './linking';

export const SMBIOS_ENTRY_BYTES = 31;
/** The entry point of version 3. */
export const SMBIOS_3_ENTRY_BYTES = 24;

const KIB = 1024;
const MIB = 1024 * KIB;
const MANUFACTURER = 'Shadowbox';
const UNKNOWN = 2;
const NO_HANDLE = 0xfffe;

/** Handles of the structures that others refer to. */
const HANDLE = { bios: 0, system: 0x100, board: 0x200, chassis: 0x300, processor: 0x400, array: 0x1000, memory: 0x1100, range: 0x1300, boot: 0x2000, end: 0x7f00 } as const;

/** A structure of `bytes` formatted bytes; `fill` writes those behind the header. String numbers count from 1. */
function structure(type: number, handle: number, bytes: number, strings: readonly string[], fill: (area: Uint8Array) => void): Uint8Array {
  const area = new Uint8Array(bytes);
  area[0] = type;
  area[1] = bytes;
  put16(area, 2, handle);
  fill(area);
  const texts = strings.length === 0 ? [Uint8Array.of(0)] : strings.map(zeroTerminated);
  return concatenate([area, ...texts, Uint8Array.of(0)]);
}

/** Type 0: ACPI, and "this is a virtual machine". */
function biosInformation(): Uint8Array {
  return structure(0, HANDLE.bios, 24, [MANUFACTURER, '1.0', '01/01/2026'], (area) => {
    area[4] = 1;
    area[5] = 2;
    put16(area, 6, 0xf000);
    area[8] = 3;
    // Characteristics: "not supported" is set, which says that the other bits say nothing.
    put32(area, 10, 0x08);
    area[18] = 0x01;
    area[19] = 0x10;
    area.fill(0xff, 20, 24);
  });
}

/** Type 1. No serial number and no UUID: every machine is made the same. */
function systemInformation(): Uint8Array {
  return structure(1, HANDLE.system, 27, [MANUFACTURER, 'Virtual PC', '1.0'], (area) => {
    area.set([1, 2, 3], 4);
    // Wake-up type: power switch.
    area[24] = 6;
  });
}

/** Type 2: the board that carries all the rest, in the chassis. */
function baseBoard(): Uint8Array {
  return structure(2, HANDLE.board, 15, [MANUFACTURER, 'i440FX/PIIX', '1.0'], (area) => {
    area.set([1, 2, 3], 4);
    // Hosting board.
    area[9] = 0x01;
    put16(area, 11, HANDLE.chassis);
    // Motherboard, which contains nothing that is listed.
    area[13] = 0x0a;
  });
}

function chassis(): Uint8Array {
  return structure(3, HANDLE.chassis, 22, [MANUFACTURER], (area) => {
    area[4] = 1;
    // Type "other", states safe, security unknown.
    area[5] = 1;
    area.set([3, 3, 3, UNKNOWN], 9);
  });
}

/** Type 4, one socket for each processor. */
function processor(index: number): Uint8Array {
  return structure(4, HANDLE.processor + index, 42, [`CPU ${String(index)}`, MANUFACTURER], (area) => {
    area[4] = 1;
    // Central processor, family "other".
    area[5] = 3;
    area[6] = 1;
    area[7] = 2;
    // External clock unknown; 1000 MHz, now and at most.
    put16(area, 20, 1000);
    put16(area, 22, 1000);
    // Socket populated, processor enabled; upgrade "other"; no cache information.
    area[24] = 0x41;
    area[25] = 1;
    area.fill(0xff, 26, 32);
    area.set([1, 1, 1], 35);
    put16(area, 38, UNKNOWN);
    put16(area, 40, 1);
  });
}

/** Types 16, 17 and 19: one array with one device that holds all memory, mapped from 0. */
function memory(memoryBytes: number): readonly Uint8Array[] {
  const kib = memoryBytes / KIB;
  const mib = Math.floor(memoryBytes / MIB);
  const array = structure(16, HANDLE.array, 23, [], (area) => {
    // Location "other", system memory, no error correction.
    area.set([1, 3, 3], 4);
    put32(area, 7, kib);
    put16(area, 11, NO_HANDLE);
    put16(area, 13, 1);
  });
  const device = structure(17, HANDLE.memory, 40, ['DIMM 0', MANUFACTURER], (area) => {
    put16(area, 4, HANDLE.array);
    put16(area, 6, NO_HANDLE);
    // Widths unknown; size in MiB up to 32 GiB - 1 MiB, else in the extended field.
    put32(area, 8, 0xffff_ffff);
    put16(area, 12, mib < 0x7fff ? mib : 0x7fff);
    if (mib >= 0x7fff) put32(area, 28, mib);
    // Form factor DIMM, type RAM.
    area[14] = 9;
    area[16] = 1;
    area[18] = 7;
    put16(area, 19, UNKNOWN);
    area[23] = 2;
  });
  const range = structure(19, HANDLE.range, 31, [], (area) => {
    put32(area, 8, kib - 1);
    put16(area, 12, HANDLE.array);
    area[14] = 1;
  });
  return [array, device, range];
}

/** Type 32: no error at boot. */
function bootInformation(): Uint8Array {
  return structure(32, HANDLE.boot, 11, [], () => undefined);
}

function endOfTable(): Uint8Array {
  return structure(127, HANDLE.end, 4, [], () => undefined);
}

function structures({ cpus, memoryBytes }: PlatformDescription): readonly Uint8Array[] {
  return [
    biosInformation(), systemInformation(), baseBoard(), chassis(),
    ...Array.from({ length: cpus }, (_, index) => processor(index)),
    ...memory(memoryBytes), bootInformation(), endOfTable(),
  ];
}

/** The structure table, all structures one behind the other. */
export function smbiosTable(description: PlatformDescription): Uint8Array {
  return concatenate(structures(description));
}

/** The entry point (5.2.1) to a structure table at a guest-physical address below 4 GiB. */
export function smbiosEntryPoint(description: PlatformDescription, address: number): Uint8Array {
  const list = structures(description);
  const bytes = new Uint8Array(SMBIOS_ENTRY_BYTES);
  putText(bytes, 0, '_SM_');
  bytes[5] = bytes.length;
  bytes[6] = 2;
  bytes[7] = 8;
  put16(bytes, 8, Math.max(...list.map((item) => item.length)));
  putText(bytes, 16, '_DMI_');
  put16(bytes, 22, list.reduce((sum, item) => sum + item.length, 0));
  put32(bytes, 24, address);
  put16(bytes, 28, list.length);
  bytes[30] = 0x28;
  bytes[21] = checksumOf(bytes.subarray(16));
  bytes[4] = checksumOf(bytes);
  return bytes;
}

/** The 64-bit entry point (5.2.2) to the same table, by which newer systems find it wherever it is. */
export function smbios3EntryPoint(description: PlatformDescription, address: number): Uint8Array {
  const bytes = new Uint8Array(SMBIOS_3_ENTRY_BYTES);
  putText(bytes, 0, '_SM3_');
  bytes[6] = bytes.length;
  // Version 3.0.0, revision 1 of the entry point.
  bytes[7] = 3;
  bytes[10] = 1;
  put32(bytes, 12, smbiosTable(description).length);
  put64(bytes, 16, address);
  bytes[5] = checksumOf(bytes);
  return bytes;
}
