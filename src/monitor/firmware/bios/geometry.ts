/** Cylinders, heads and sectors that the BIOS tells for a drive of so many sectors. */

export interface Geometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

/** Floppy media by size in sectors: geometry, and the drive type that INT 13h AH=08h and CMOS use. */
const MEDIA: readonly (readonly [sectors: number, cylinders: number, heads: number, perTrack: number, type: number])[] = [
  [320, 40, 1, 8, 1],
  [360, 40, 1, 9, 1],
  [640, 40, 2, 8, 1],
  [720, 40, 2, 9, 1],
  [1440, 80, 2, 9, 3],
  [2400, 80, 2, 15, 2],
  [2880, 80, 2, 18, 4],
  [3360, 80, 2, 21, 4],
  [5760, 80, 2, 36, 5],
];

const USUAL_MEDIUM_SECTORS = 2880;

/**
 * Geometry and drive type of a floppy image. An image of no known size counts as the start of a 1.44 MB
 * medium, or of a 2.88 MB one when it is larger.
 */
export function floppyGeometry(sectors: number): Geometry & { readonly type: number } {
  const known = MEDIA.find(([size]) => size === sectors);
  const fallback = sectors <= USUAL_MEDIUM_SECTORS ? USUAL_MEDIUM_SECTORS : 5760;
  const [, cylinders, heads, sectorsPerTrack, type] = known ?? MEDIA.find(([size]) => size === fallback) ?? MEDIA[0];
  return { cylinders, heads, sectorsPerTrack, type };
}

/** Sectors of the largest disk that a floppy drive is made for, by its type. */
const LARGEST_MEDIA: Readonly<Record<number, number | undefined>> = { 1: 720, 2: 2400, 3: 1440, 4: 2880, 5: 5760 };

/** What a floppy drive without a disk says of itself. */
export function floppyDriveGeometry(type: number): Geometry {
  const { cylinders, heads, sectorsPerTrack } = floppyGeometry(LARGEST_MEDIA[type] ?? USUAL_MEDIUM_SECTORS);
  return { cylinders, heads, sectorsPerTrack };
}

const MOST_CYLINDERS = 1024;
const DISK_SECTORS_PER_TRACK = 63;
const HEADS = [16, 32, 64, 128, 255];

/**
 * LBA-assisted translation: 63 sectors, and the smallest number of heads that keeps the cylinders within
 * 1024. What lies behind the last whole cylinder, or behind 8 GB, is reached by LBA only.
 */
export function diskGeometry(sectors: number): Geometry {
  const heads = HEADS.find((h) => sectors <= MOST_CYLINDERS * h * DISK_SECTORS_PER_TRACK) ?? 255;
  const cylinders = Math.floor(sectors / (heads * DISK_SECTORS_PER_TRACK));
  return {
    cylinders: Math.min(MOST_CYLINDERS, Math.max(1, cylinders)),
    heads,
    sectorsPerTrack: DISK_SECTORS_PER_TRACK,
  };
}
