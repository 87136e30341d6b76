/**
 * Guest-physical memory as bus masters see it: the map, up to its 40 address bits, and one bus that a device cannot take while
 * another one reaches it.
 */
import type { DmaMemory } from '../devices/dma';
import type { PhysicalMap } from '../memory/physicalMap';

/** Addresses from here up lead nowhere. */
const ADDRESS_END = 2 ** 40;

export class BusMasterMemory implements DmaMemory {
  /** An access is under way: whoever asks now is a device that it has reached. */
  private taken = false;

  constructor(private readonly map: PhysicalMap) {}

  readByte(address: number): number {
    if (!this.reaches(address, 1)) return 0xff;
    return this.hold(() => this.map.read(address, 1));
  }

  writeByte(address: number, value: number): void {
    if (this.reaches(address, 1)) this.hold(() => this.map.write(address, 1, value));
  }

  read(address: number, target: Uint8Array): void {
    if (!this.reaches(address, target.length)) target.fill(0xff);
    else this.hold(() => this.map.readBytes(address, target));
  }

  write(address: number, source: Uint8Array): void {
    if (this.reaches(address, source.length)) this.hold(() => this.map.writeBytes(address, source));
  }

  /** What goes beyond the last address is not done at all. */
  private reaches(address: number, bytes: number): boolean {
    return !this.taken && address >= 0 && address + bytes <= ADDRESS_END;
  }

  private hold<T>(access: () => T): T {
    this.taken = true;
    try {
      return access();
    } finally {
      this.taken = false;
    }
  }
}
