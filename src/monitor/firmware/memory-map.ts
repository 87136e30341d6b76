/** The one map of guest-physical memory that the BIOS and all loaders tell their guests (INT 15h E820 form). */
import { put32, put64 } from './bytes';
import { loadError } from './load-error';
import type { PhysicalMemory } from './platform';

/** Range types of the E820 map (ACPI specification, section 15.1). */
export const E820_RAM = 1;
export const E820_RESERVED = 2;

/** Bytes of one E820 entry: base (8), length (8), type (4). */
export const E820_ENTRY_BYTES = 20;

export const ONE_MIB = 0x10_0000;

/** Extended BIOS data area: the last KiB of conventional memory. */
export const EBDA_BASE = 0x9_fc00;

/** Conventional memory below the EBDA in KiB, as INT 12h and the BIOS data area tell it. */
export const CONVENTIONAL_KIB = EBDA_BASE / 1024;

/** The ACPI control structure (FACS, 64 bytes), in the EBDA behind the BIOS's variables. */
export const ACPI_CONTROL_BASE = EBDA_BASE + 0x100;

/** Where the 64 KiB of the system BIOS lie. */
export const SYSTEM_ROM_BASE = 0xf_0000;

export interface MemoryRange {
  /** First guest-physical address. */
  readonly base: number;
  readonly bytes: number;
  /** E820_RAM or E820_RESERVED. */
  readonly type: number;
}

/**
 * The map for a machine with `ramBytes` of RAM counted from address 0 (the hole at A0000-FFFFF
 * included). @throws LoadError 'memory' below 1 MiB.
 */
export function memoryMap(ramBytes: number): readonly MemoryRange[] {
  if (ramBytes < ONE_MIB) {
    throw loadError('memory', 'The machine has less than 1 MiB of memory.', 'Give it at least 1M.');
  }
  const map: MemoryRange[] = [
    { base: 0, bytes: EBDA_BASE, type: E820_RAM },
    { base: EBDA_BASE, bytes: 0xa_0000 - EBDA_BASE, type: E820_RESERVED },
    { base: SYSTEM_ROM_BASE, bytes: ONE_MIB - SYSTEM_ROM_BASE, type: E820_RESERVED },
  ];
  if (ramBytes > ONE_MIB) map.push({ base: ONE_MIB, bytes: ramBytes - ONE_MIB, type: E820_RAM });
  return map;
}

/** The 20 bytes of an entry as INT 15h E820 and Linux's boot_params hold it. */
export function encodeE820(range: MemoryRange): Uint8Array {
  const entry = new Uint8Array(E820_ENTRY_BYTES);
  put64(entry, 0, range.base);
  put64(entry, 8, range.bytes);
  put32(entry, 16, range.type);
  return entry;
}

/** Memory from 1 MiB up, in KiB. */
export function extendedKib(ramBytes: number): number {
  return Math.max(0, Math.floor((ramBytes - ONE_MIB) / 1024));
}

/**
 * Writes the two words of the BIOS data area that kernels look at even when no BIOS ran: the segment
 * of the EBDA (40:0E) and the size of conventional memory (40:13).
 */
export function describeLowMemory(memory: PhysicalMemory): void {
  memory.write16(0x40e, EBDA_BASE >>> 4);
  memory.write16(0x413, CONVENTIONAL_KIB);
}
