/** The VGA as a PCI function: 1234:1111, as QEMU's standard VGA. Drivers of Linux, SeaBIOS and OVMF know it by these numbers. */
import { endpoint, type PciFunction } from './pciFunction';
import { VIDEO_BYTES } from './vga-state';

/** Base address registers: the linear frame buffer, registers in memory, the option ROM. */
export const FRAME_BUFFER_BAR = 0;
export const MEMORY_BAR = 2;
export const ROM_BAR = 6;
export const MEMORY_BYTES = 4096;
export const VGA_SLOT = 2;

/** Smallest power of two that holds so many bytes. */
const roundedUp = (bytes: number): number => 2 ** Math.ceil(Math.log2(Math.max(bytes, 2048)));

/** An option ROM whose PCI data structure names this function (PCI Firmware Specification, section 5). */
export function isRomOfVga(rom: Uint8Array): boolean {
  const view = new DataView(rom.buffer, rom.byteOffset, rom.byteLength);
  if (rom.length < 0x1c || view.getUint16(0, true) !== 0xaa55) return false;
  const data = view.getUint16(0x18, true);
  if (data + 8 > rom.length || view.getUint32(data, true) !== 0x5249_4350) return false;
  return view.getUint16(data + 4, true) === 0x1234 && view.getUint16(data + 6, true) === 0x1111;
}

export function vgaFunction(rom?: Uint8Array): PciFunction {
  return endpoint({
    device: VGA_SLOT, function: 0,
    identity: { vendor: 0x1234, device: 0x1111, revision: 2, classCode: 0x030000, subsystemVendor: 0x1af4, subsystem: 0x1100 },
    bars: [
      { index: FRAME_BUFFER_BAR, kind: 'memory', bytes: VIDEO_BYTES, prefetchable: true },
      { index: MEMORY_BAR, kind: 'memory', bytes: MEMORY_BYTES },
      ...(rom === undefined ? [] : [{ index: ROM_BAR, kind: 'rom', bytes: roundedUp(rom.length) } as const]),
    ],
    interruptPin: 0,
  });
}
