/**
 * Where the tables lie when we place them ourselves: in the first half of the system BIOS's 64 KiB, for the built-in
 * BIOS and for guests that start without any; and as fw_cfg files for firmware that places them itself.
 */
import type { FirmwareMapping, PhysicalMemory } from '../platform';
import { alignUp, concatenate } from '../bytes';
import { ACPI_CONTROL_BASE, SYSTEM_ROM_BASE } from '../memory-map';
import { ACPI_BLOB, acpiBlobs } from './acpi';
import type { PlatformDescription } from './description';
import { linked, loaderScript } from './linking';
import { MP_POINTER_BYTES, mpConfigurationTable, mpFloatingPointer } from './mp';

/** Bytes from F0000 that tables may fill: what is behind belongs to the BIOS. */
export const TABLES_ROOM = 0x8000;

const RSDP = 0;
const MP_POINTER = 0x30;
const ACPI_TABLES = 0x40;
const PAGE = 4096;

/** The tables as they lie from SYSTEM_ROM_BASE up. Operating systems find them by their signatures, on 16-byte borders. */
export function systemAreaTables(description: PlatformDescription): Uint8Array {
  const { pointer, tables } = acpiBlobs(description);
  const addresses = new Map([
    [ACPI_BLOB.tables, SYSTEM_ROM_BASE + ACPI_TABLES],
    [ACPI_BLOB.control, ACPI_CONTROL_BASE],
  ]);
  const addressOf = (name: string): number => addresses.get(name) ?? 0;
  const area = new Uint8Array(TABLES_ROOM);
  area.set(linked(pointer, addressOf), RSDP);
  area.set(linked(tables, addressOf), ACPI_TABLES);
  if (!description.hasApic) return area;
  const mpTable = alignUp(ACPI_TABLES + tables.bytes.length, MP_POINTER_BYTES);
  area.set(mpFloatingPointer(SYSTEM_ROM_BASE + mpTable), MP_POINTER);
  area.set(mpConfigurationTable(description), mpTable);
  return area;
}

/** The address of the RSDP in `systemAreaTables`. */
export const RSDP_ADDRESS = SYSTEM_ROM_BASE + RSDP;

/** The tables as a ROM for a machine in which no BIOS is: whole pages from SYSTEM_ROM_BASE. */
export function tablesRom(description: PlatformDescription): FirmwareMapping {
  const area = systemAreaTables(description);
  const used = area.findLastIndex((byte) => byte !== 0) + 1;
  return { address: SYSTEM_ROM_BASE, bytes: area.slice(0, alignUp(used, PAGE)), writable: false };
}

/** Writes the one table that must lie in RAM: the structure that firmware and operating system share. */
export function writeControlStructure(memory: PhysicalMemory, description: PlatformDescription): void {
  memory.write(ACPI_CONTROL_BASE, acpiBlobs(description).control.bytes);
}

/** The files by which firmware that knows QEMU's table loader (SeaBIOS, OVMF) places the ACPI tables. */
export function tableFiles(description: PlatformDescription): readonly { name: string; bytes: Uint8Array }[] {
  const { pointer, tables, control } = acpiBlobs(description);
  const blobs = [pointer, tables, control];
  return [
    ...blobs.map(({ name, bytes }) => ({ name, bytes })),
    { name: 'etc/table-loader', bytes: concatenate(loaderScript(blobs)) },
  ];
}
