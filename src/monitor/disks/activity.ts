/** What has been asked of a drive since power-on, and where on the disk. For people to look at: no part of the machine's state. */
import { SECTOR_BYTES } from './image';

/** Stretches of equal length that a disk is divided into for counting. */
export const ACTIVITY_ZONES = 512;

export class DriveActivity {
  readonly counters = { reads: 0, readBytes: 0, writes: 0, writtenBytes: 0, discards: 0 };
  /** Requests that touched each zone. */
  readonly readZones = new Array<number>(ACTIVITY_ZONES).fill(0);
  readonly writeZones = new Array<number>(ACTIVITY_ZONES).fill(0);

  constructor(private readonly sectors: number) {}

  read(lba: number, count: number): void {
    this.counters.reads++;
    this.counters.readBytes += count * SECTOR_BYTES;
    this.touch(this.readZones, lba, count);
  }

  write(lba: number, count: number): void {
    this.counters.writes++;
    this.counters.writtenBytes += count * SECTOR_BYTES;
    this.touch(this.writeZones, lba, count);
  }

  discard(): void {
    this.counters.discards++;
  }

  private touch(zones: number[], lba: number, count: number): void {
    const last = zoneOf(lba + Math.max(1, count) - 1, this.sectors);
    for (let zone = zoneOf(lba, this.sectors); zone <= last; zone++) zones[zone]++;
  }
}

/** The zone in which a sector lies. */
export function zoneOf(sector: number, sectors: number): number {
  return Math.min(ACTIVITY_ZONES - 1, Math.floor((sector * ACTIVITY_ZONES) / Math.max(1, sectors)));
}
