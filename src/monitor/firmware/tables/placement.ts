/**
 * Where the tables lie when we place them ourselves: in the first half of the system BIOS's 64 KiB, for the built-in
 * BIOS; and as fw_cfg files for firmware that places them itself.
 */
import type { PhysicalMemory } from '../platform';
import { alignUp, concatenate, hasText } from '../bytes';
import { ACPI_CONTROL_BASE, SYSTEM_ROM_BASE } from '../memory-map';
import { ACPI_BLOB, acpiBlobs, controlStructure, RSDP_SIGNATURE } from './acpi';
import type { PlatformDescription } from './description';
import { linked, loaderScript } from './linking';
import { mpConfigurationTable, mpFloatingPointer } from './mp';
import { interruptRoutingTable } from './pir';
import { SMBIOS_3_ENTRY_BYTES, SMBIOS_ENTRY_BYTES, smbios3EntryPoint, smbiosEntryPoint, smbiosTable } from './smbios';

const RSDP = 0;
const MP_POINTER = 0x30;
const ACPI_TABLES = 0x40;
/** Entry points lie on such borders, and all tables here do. */
const BORDER = 16;

/**
 * The tables as they lie from SYSTEM_ROM_BASE up, less than 32 KiB. Operating systems find them by their signatures, on
 * 16-byte borders.
 */
export function systemAreaTables(description: PlatformDescription): Uint8Array {
  const { pointer, tables } = acpiBlobs(description);
  const addresses = new Map<string, number>([
    [ACPI_BLOB.tables, SYSTEM_ROM_BASE + ACPI_TABLES],
    [ACPI_BLOB.control, ACPI_CONTROL_BASE],
  ]);
  const addressOf = (name: string): number => addresses.get(name) ?? 0;
  const mpTable = alignUp(ACPI_TABLES + tables.bytes.length, BORDER);
  const configuration = description.hasApic ? mpConfigurationTable(description) : new Uint8Array(0);
  const smbios = alignUp(mpTable + configuration.length, BORDER);
  const smbios3 = smbios + alignUp(SMBIOS_ENTRY_BYTES, BORDER);
  const smbiosStructures = smbios3 + alignUp(SMBIOS_3_ENTRY_BYTES, BORDER);
  const structures = smbiosTable(description);
  const routing = interruptRoutingTable();
  const routingAt = alignUp(smbiosStructures + structures.length, BORDER);
  const area = new Uint8Array(routingAt + routing.length);
  area.set(linked(pointer, addressOf), RSDP);
  area.set(linked(tables, addressOf), ACPI_TABLES);
  if (description.hasApic) area.set(mpFloatingPointer(SYSTEM_ROM_BASE + mpTable), MP_POINTER);
  area.set(configuration, mpTable);
  area.set(smbiosEntryPoint(description, SYSTEM_ROM_BASE + smbiosStructures), smbios);
  area.set(smbios3EntryPoint(description, SYSTEM_ROM_BASE + smbiosStructures), smbios3);
  area.set(structures, smbiosStructures);
  area.set(routing, routingAt);
  return area;
}

/** The address of the RSDP in `systemAreaTables`. */
export const RSDP_ADDRESS = SYSTEM_ROM_BASE + RSDP;

/** Whether our tables are in memory. */
export function hasRootPointer(memory: PhysicalMemory): boolean {
  return hasText(memory.read(RSDP_ADDRESS, RSDP_SIGNATURE.length), 0, RSDP_SIGNATURE);
}

/** Writes the one table that must lie in RAM: the structure that firmware and operating system share. */
export function writeControlStructure(memory: PhysicalMemory): void {
  memory.write(ACPI_CONTROL_BASE, controlStructure().bytes);
}

/** A file of fw_cfg; a function gives contents that follow from the machine's present state. */
export interface TableFile {
  readonly name: string;
  readonly bytes: Uint8Array | (() => Uint8Array);
}

/**
 * The files by which firmware that knows QEMU's table loader (SeaBIOS, OVMF) places the ACPI tables and SMBIOS. The firmware
 * has placed the power management ports by then: `powerManagementPort` says where they are, undefined while nowhere.
 */
export function tableFiles(description: PlatformDescription, powerManagementPort: () => number | undefined = () => undefined): readonly TableFile[] {
  const { pointer, tables, control } = acpiBlobs(description);
  const blobs = [pointer, tables, control];
  const built = new Map<number | undefined, Uint8Array>([[undefined, tables.bytes]]);
  const present = (): Uint8Array => {
    const port = powerManagementPort();
    const known = built.get(port);
    if (known !== undefined) return known;
    const { bytes } = acpiBlobs({ ...description, ...(port === undefined ? {} : { powerManagementPort: port }) }).tables;
    built.clear();
    built.set(port, bytes);
    return bytes;
  };
  return [
    ...blobs.map(({ name, bytes }) => ({ name, bytes: name === ACPI_BLOB.tables ? present : bytes })),
    { name: 'etc/table-loader', bytes: concatenate(loaderScript(blobs)) },
    // The firmware writes the address and the checksums of the entry point.
    { name: 'etc/smbios/smbios-anchor', bytes: smbiosEntryPoint(description, 0) },
    { name: 'etc/smbios/smbios-tables', bytes: smbiosTable(description) },
  ];
}
