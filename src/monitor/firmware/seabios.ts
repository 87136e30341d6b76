/** Says where an external firmware (SeaBIOS, or another one for QEMU's PC, and the VGA BIOS) is mapped. */
import { readableSize, u16 } from './bytes';
import { looksLike } from './detect';
import { loadError } from './load-error';
import { A20 } from './install';
import type { FirmwareMapping } from './platform';

const KIB = 1024;
const FOUR_GIB = 0x1_0000_0000;
/** Flash chips for PCs have whole blocks of this size, and at most 16 MiB, which a PC decodes below 4 GiB. */
const BLOCK = 64 * KIB;
const LARGEST = 16 * 1024 * KIB;
const LOW_WINDOW = 128 * KIB;
const LOW_WINDOW_END = 0x10_0000;
const VGA_ROM_BASE = 0xc_0000;
const VGA_ROM_ROOM = 64 * KIB;
const PAGE = 4096;

const INSTALL = 'Install the Debian package `seabios` (apt install seabios) or name the file.';

/** The reset vector: what the processor executes first lies so many bytes before the end. */
const RESET_VECTOR_BYTES = 16;

function checkSystemBios(bios: Uint8Array | undefined): Uint8Array {
  if (bios === undefined) throw loadError('firmware', 'There is no bios.bin of SeaBIOS.', INSTALL);
  if (bios.length === 0 || bios.length % BLOCK !== 0 || bios.length > LARGEST) {
    throw loadError(
      'firmware',
      `The firmware has ${readableSize(bios.length)}, and must have a multiple of 64 KiB, up to 16 MiB. ${looksLike(bios)}`,
      INSTALL,
    );
  }
  const first = bios.subarray(bios.length - RESET_VECTOR_BYTES);
  if (first.every((byte) => byte === first[0])) {
    throw loadError('firmware', 'The firmware has no code at its reset vector (16 bytes before its end).', INSTALL);
  }
  return bios;
}

/** An option ROM begins with 55 AA and its length in 512-byte units (PCI Firmware Specification, section 5). */
function checkVgaBios(vgaBios: Uint8Array | undefined): Uint8Array {
  if (vgaBios === undefined) throw loadError('firmware', 'There is no vgabios.bin of SeaBIOS.', INSTALL);
  if (u16(vgaBios, 0) !== 0xaa55 || vgaBios[2] * 512 > vgaBios.length || vgaBios.length > VGA_ROM_ROOM) {
    throw loadError('firmware', `The VGA BIOS is no option ROM of at most 64 KiB. ${looksLike(vgaBios)}`, INSTALL);
  }
  const padded = new Uint8Array(Math.ceil(vgaBios.length / PAGE) * PAGE);
  padded.set(vgaBios);
  return padded;
}

/**
 * Where the pieces of an external firmware go: the whole below 4 GiB as ROM, its last 128 KiB (or all of 64) below
 * 1 MiB and the VGA BIOS at C0000; and the same 128 KiB where they are looked for while address line 20 is closed. The low copies are writable, as shadow RAM that a chipset has
 * opened: SeaBIOS keeps variables there when it finds no chipset that it knows to unlock.
 *
 * The processor starts in its architectural reset state (F000:FFF0, CS base FFFF0000).
 * @throws LoadError with field 'firmware' when a file is missing (undefined) or is something else
 */
export function mapExternalFirmware(
  bios: Uint8Array | undefined,
  vgaBios: Uint8Array | undefined,
): readonly FirmwareMapping[] {
  const system = checkSystemBios(bios);
  const low = system.slice(-LOW_WINDOW);
  return [
    { address: VGA_ROM_BASE, bytes: checkVgaBios(vgaBios), writable: true },
    { address: LOW_WINDOW_END - low.length, bytes: low, writable: true },
    { address: FOUR_GIB - system.length, bytes: system, writable: false },
    // Firmware so large that it lies here itself leaves no place for the copy.
    ...(system.length > A20 ? [] : [{ address: FOUR_GIB - A20 - low.length, bytes: low, writable: false }]),
  ];
}
