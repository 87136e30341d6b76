/**
 * Guest-physical memory as firmware and loaders see it: ROM can be written, devices are reached.
 */
import type { PhysicalMemory } from '../firmware/platform';
import type { AccessWatch, SeenAccess } from '../memory/accessWatch';
import { PAGE_BYTES } from '../memory/layout';
import { DEVICE, type PhysicalMap } from '../memory/physicalMap';

export class FirmwareMemory implements PhysicalMemory {
  constructor(
    private readonly map: PhysicalMap,
    readonly ramBytes: number,
    /** Whether linear addresses are others than physical ones now. */
    private readonly isPaged: () => boolean,
  ) {}

  read(address: number, bytes: number): Uint8Array {
    const target = new Uint8Array(bytes);
    forPages(address, bytes, (at, count, done) => {
      if (!this.isDevice(at)) target.set(this.map.copyOut(at, count), done);
      else for (let i = 0; i < count; i++) target[done + i] = this.map.read(at + i, 1);
      this.watched(at, count, (watch, access) => watch.read(access));
    });
    return target;
  }

  write(address: number, bytes: Uint8Array): void {
    forPages(address, bytes.length, (at, count, done) => {
      const store = (): void => this.put(at, bytes.subarray(done, done + count));
      if (!this.watched(at, count, (watch, access) => watch.write(access, store))) store();
    });
  }

  /** Writes inside one page. */
  private put(address: number, bytes: Uint8Array): void {
    if (!this.isDevice(address)) return this.map.copyIn(address, bytes);
    bytes.forEach((byte, i) => this.map.write(address + i, 1, byte));
  }

  /**
   * Tells who watches a page of an access inside of it; says whether somebody does. The BIOS stands for instructions of the processor: without
   * paging, who watches the linear address sees it as well.
   */
  private watched(address: number, bytes: number, tell: (watch: AccessWatch, access: SeenAccess) => void): boolean {
    const { watch } = this.map;
    if (!watch) return false;
    const page = Math.floor(address / PAGE_BYTES);
    const physicalPage = this.map.behindWindows(page);
    const linearPage = this.isPaged() ? undefined : page;
    if (!(linearPage === undefined ? watch.coversPhysical(physicalPage) : watch.covers(linearPage, physicalPage))) return false;
    tell(watch, { linearPage, physicalPage, offset: address % PAGE_BYTES, bytes, device: 'bios' });
    return true;
  }

  read8(address: number): number {
    const value = this.map.read(address, 1);
    this.watched(address, 1, (watch, access) => watch.read(access));
    return value;
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
