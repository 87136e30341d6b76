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
    const target = new Uint8Array(bytes);
    forPages(address, bytes, (at, count, done) => {
      if (!this.isDevice(at)) return target.set(this.map.copyOut(at, count), done);
      for (let i = 0; i < count; i++) target[done + i] = this.map.read(at + i, 1);
    });
    return target;
  }

  write(address: number, bytes: Uint8Array): void {
    forPages(address, bytes.length, (at, count, done) => {
      this.seen(at, count, () => this.put(at, bytes.subarray(done, done + count)));
    });
  }

  /** Writes inside one page. */
  private put(address: number, bytes: Uint8Array): void {
    if (!this.isDevice(address)) return this.map.copyIn(address, bytes);
    bytes.forEach((byte, i) => this.map.write(address + i, 1, byte));
  }

  /** The same, before the eyes of who watches the page. */
  private seen(address: number, bytes: number, store: () => void): void {
    const { watch } = this.map;
    const physicalPage = this.map.behindWindows(Math.floor(address / PAGE_BYTES));
    if (watch?.coversPhysical(physicalPage)) watch.write({ linearPage: undefined, physicalPage, offset: address % PAGE_BYTES, bytes, device: 'bios' }, store);
    else store();
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

  private isDevice(address: number): boolean {
    return this.map.entry(Math.floor(address / PAGE_BYTES)) === DEVICE;
  }
}

/** Cuts a range at the borders of pages. */
export function forPages(address: number, bytes: number, visit: (at: number, count: number, done: number) => void): void {
  for (let done = 0; done < bytes;) {
    const count = Math.min(bytes - done, PAGE_BYTES - ((address + done) % PAGE_BYTES));
    visit(address + done, count, done);
    done += count;
  }
}
