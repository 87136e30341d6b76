/** A disk in memory for device tests; sector n begins with n as a little-endian dword, the rest is n's low byte. */
import type { BlockBackend } from '../../../src/monitor/devices/device';
import { BlockError } from '../../../src/monitor/devices/device';

export class MemoryDisk implements BlockBackend {
  readonly written = new Map<number, Uint8Array>();
  /** The sector whose access fails as a host's file would. */
  badSector = -1;

  constructor(
    readonly sectors: number,
    readonly readOnly = false,
  ) {}

  read(lba: number, count: number, target: Uint8Array): boolean {
    this.#check(lba, count);
    for (let index = 0; index < count; index++) target.set(this.sector(lba + index), index * 512);
    return true;
  }

  write(lba: number, source: Uint8Array): boolean {
    this.#check(lba, source.length / 512);
    for (let index = 0; index * 512 < source.length; index++) {
      this.written.set(lba + index, source.slice(index * 512, index * 512 + 512));
    }
    return true;
  }

  prefetch(): void {
    // All is there.
  }

  flush(): boolean {
    return true;
  }

  discard(): boolean {
    return true;
  }

  sector(lba: number): Uint8Array {
    const written = this.written.get(lba);
    if (written !== undefined) return written;
    const sector = new Uint8Array(512).fill(lba & 0xff);
    new DataView(sector.buffer).setUint32(0, lba % 0x100000000, true);
    return sector;
  }

  #check(lba: number, count: number): void {
    if (lba < 0 || lba + count > this.sectors) throw new RangeError(`sectors ${lba}+${count} of ${this.sectors}`);
    if (this.badSector >= lba && this.badSector < lba + count) throw new BlockError('bad sector');
  }
}
