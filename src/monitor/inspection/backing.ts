/**
 * What stands behind a guest-physical address, in words: memory, a ROM or a device by its name, or nothing.
 */
import { FRAME } from '../memory/machineMemory';
import { ABSENT, DEVICE, NOTHING, type PhysicalMap } from '../memory/physicalMap';

/** Name of the device that answers at a guest-physical address (bytes); undefined when none does. */
export type DeviceAt = (physical: number) => string | undefined;

interface Area {
  readonly first: number;
  /** One past the last byte. */
  readonly end: number;
  readonly name: string;
}

/** What a PC's first MiB holds beyond conventional memory (IBM PC/AT Technical Reference, system memory map). */
const PC_AREAS: readonly Area[] = [
  { first: 0xa0000, end: 0xb0000, name: 'VGA graphics memory' },
  { first: 0xb0000, end: 0xb8000, name: 'VGA monochrome text memory' },
  { first: 0xb8000, end: 0xc0000, name: 'VGA text memory' },
  { first: 0xc0000, end: 0xc8000, name: 'VGA BIOS ROM' },
  { first: 0xc8000, end: 0xe0000, name: 'option ROM' },
  { first: 0xe0000, end: 0x100000, name: 'BIOS ROM' },
];

/** What a PC has at an address of its first MiB, above conventional memory. */
export const areaName = (physical: number): string | undefined =>
  PC_AREAS.find(({ first, end }) => physical >= first && physical < end)?.name;

/** The machine frame behind a guest-physical address (bytes), if there is one, and what it is. It only looks. */
export function backingOf(map: PhysicalMap, deviceAt: DeviceAt, physical: number): { frame?: number; backing: string } {
  const page = map.busPage(Math.floor(physical / 4096));
  const address = page * 4096 + (physical % 4096);
  const entry = map.entry(page);
  if (entry === NOTHING) return { backing: 'nothing' };
  if (entry === ABSENT) return { backing: 'RAM, no frame yet' };
  if (entry === DEVICE) return { backing: `device: ${areaName(address) ?? deviceAt(address) ?? 'without a name'}` };
  if (entry === map.machine.zeroFrame) return { frame: entry, backing: 'RAM, never written: the frame of zeros' };
  const { videoFrame, videoFrames } = map.machine;
  if (entry >= videoFrame && entry < videoFrame + videoFrames) return { frame: entry, backing: 'video memory' };
  const flags = map.machine.frameFlags(entry);
  if (!(flags & FRAME.rom)) return { frame: entry, backing: flags & FRAME.shared ? 'RAM, on a shared frame' : 'RAM' };
  // Firmware's mirror below 4 GiB is the BIOS, too.
  return { frame: entry, backing: areaName(address) ?? 'BIOS ROM' };
}
