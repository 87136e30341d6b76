/** Puts firmware mappings into guest-physical memory, and gives the processor state that starts them. */
import type { FirmwareMapping, InitialCpu, PhysicalMemory } from './platform';

/**
 * Address line 20. While it is closed the first instruction after a reset comes from 1 MiB lower, where a PIIX3 shows the ROM as well (data
 * sheet 290550: top of 4 GiB less 1 MiB).
 */
export const A20 = 0x10_0000;

/** Writes each mapping and declares those that are not writable to be ROM. */
export function installFirmware(mappings: readonly FirmwareMapping[], memory: PhysicalMemory): void {
  for (const { address, bytes, writable } of mappings) {
    memory.write(address, bytes);
    if (!writable) memory.protect(address, bytes.length);
  }
}

/**
 * The architectural reset state (Intel SDM volume 3, table 10-1): real mode at F000:FFF0 with the base
 * of CS at FFFF0000h, so that the first instruction comes from the ROM's mirror below 4 GiB; its far
 * jump loads CS anew and goes on below 1 MiB. Everything else keeps its reset value.
 */
export function resetCpu(): InitialCpu {
  return {
    instructionPointer: 0xfff0,
    segments: { cs: { selector: 0xf000, base: 0xffff_0000, limit: 0xffff, attributes: 0x93 } },
  };
}

/** The reset state of an 8086: FFFF:0000 (8086 Family User's Manual, table 2-5). The flags are clear, as far as they can be. */
export function resetCpu8086(): InitialCpu {
  return {
    instructionPointer: 0,
    segments: { cs: { selector: 0xffff, base: 0xf_fff0, limit: 0xffff, attributes: 0x93 } },
  };
}
