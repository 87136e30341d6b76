/**
 * Guest-physical memory as firmware and loaders see it: ROM can be written, devices are reached.
 */
import type { PhysicalMemory } from '../firmware/platform';
import { PAGE_BYTES } from '../memory/layout';
import { DEVICE, type PhysicalMap } from '../memory/physicalMap';

export class FirmwareMemory implements PhysicalMemory {
  constructor(
    private readonly map: PhysicalMap,
    readonly ramBytes: number,
  ) {}

  read(address: number, bytes: number): Uint8Array {
    if (!this.touchesDevice(address, bytes)) return this.map.copyOut(address, bytes);
    return Uint8Array.from({ length: bytes }, (_, i) => this.map.read(address + i, 1));
  }

  write(address: number, bytes: Uint8Array): void {
    if (!this.touchesDevice(address, bytes.length)) return this.map.copyIn(address, bytes);
    bytes.forEach((byte, i) => this.map.write(address + i, 1, byte));
  }

  read8(address: number): number {
    return this.map.read(address, 1);
  }
  read16(address: number): number {
    return this.read8(address) | (this.read8(address + 1) << 8);
  }
  read32(address: number): number {
    return (this.read16(address) | (this.read16(address + 2) << 16)) >>> 0;
  }
  write8(address: number, value: number): void {
    this.write(address, Uint8Array.of(value));
  }
  write16(address: number, value: number): void {
    this.write(address, Uint8Array.of(value, value >>> 8));
  }
  write32(address: number, value: number): void {
    this.write(address, Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24));
  }

  protect(address: number, bytes: number): void {
    this.map.protect(address, bytes);
  }

  private touchesDevice(address: number, bytes: number): boolean {
    const last = Math.floor((address + Math.max(bytes, 1) - 1) / PAGE_BYTES);
    for (let page = Math.floor(address / PAGE_BYTES); page <= last; page++) {
      if (this.map.entry(page) === DEVICE) return true;
    }
    return false;
  }
}
