/**
 * Guest-physical memory as bus masters see it: the map, up to its 40 address bits, and one bus that a device cannot take while
 * another one reaches it.
 */
import type { DmaMemory } from '../devices/dma';
import { PAGE_BYTES } from '../memory/layout';
import type { PhysicalMap } from '../memory/physicalMap';
import { forPages } from './physicalMemory';

/** Addresses from here up lead nowhere. */
const ADDRESS_END = 2 ** 40;

/** The bus that all masters share: an access is under way, and whoever asks now is a device that it has reached. */
interface Bus {
  taken: boolean;
}

export class BusMasterMemory implements DmaMemory {
  /** @param device who reaches memory here, as watchpoints name it */
  constructor(
    private readonly map: PhysicalMap,
    private readonly device = 'device',
    private readonly bus: Bus = { taken: false },
  ) {}

  /** The same memory for another device, on the same bus. */
  of(device: string): BusMasterMemory {
    return new BusMasterMemory(this.map, device, this.bus);
  }

  readByte(address: number): number {
    if (!this.reaches(address, 1)) return 0xff;
    const value = this.hold(() => this.map.read(address, 1));
    this.sawRead(address, 1);
    return value;
  }

  writeByte(address: number, value: number): void {
    if (this.reaches(address, 1)) this.hold(() => this.seen(address, 1, () => this.map.write(address, 1, value)));
  }

  read(address: number, target: Uint8Array): void {
    if (!this.reaches(address, target.length)) target.fill(0xff);
    else {
      this.hold(() => this.map.readBytes(address, target));
      this.sawRead(address, target.length);
    }
  }

  write(address: number, source: Uint8Array): void {
    if (!this.reaches(address, source.length)) return;
    if (!this.map.watch) return this.hold(() => this.map.writeBytes(address, source));
    this.hold(() => forPages(address, source.length, (at, bytes, done) => {
      this.seen(at, bytes, () => this.map.writeBytes(at, source.subarray(done, done + bytes)));
    }));
  }

  /** What goes beyond the last address is not done at all. */
  private reaches(address: number, bytes: number): boolean {
    return !this.bus.taken && address >= 0 && address + bytes <= ADDRESS_END;
  }

  private hold<T>(access: () => T): T {
    this.bus.taken = true;
    try {
      return access();
    } finally {
      this.bus.taken = false;
    }
  }

  /** Writes inside one page, before the eyes of who watches it. */
  private seen(address: number, bytes: number, store: () => void): void {
    const { watch } = this.map;
    const physicalPage = this.map.behindWindows(Math.floor(address / PAGE_BYTES));
    if (watch?.coversPhysical(physicalPage)) watch.write({ linearPage: undefined, physicalPage, offset: address % PAGE_BYTES, bytes, device: this.device }, store);
    else store();
  }

  private sawRead(address: number, bytes: number): void {
    const { watch } = this.map;
    if (!watch) return;
    forPages(address, bytes, (at, count) => {
      const physicalPage = this.map.behindWindows(Math.floor(at / PAGE_BYTES));
      if (watch.coversPhysical(physicalPage)) watch.read({ linearPage: undefined, physicalPage, offset: at % PAGE_BYTES, bytes: count, device: this.device });
    });
  }
}
