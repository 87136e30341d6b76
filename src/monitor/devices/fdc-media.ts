/** The floppy disks that are in the controller's drives, and which disks a drive takes. */
import type { BlockBackend, FloppyFormat } from './device';
import { FIRST_DISK, floppyFormat } from './device';
import type { FdcState } from './fdc-state';

/** A disk in a drive. */
export interface Medium {
  readonly disk: BlockBackend;
  readonly format: FloppyFormat;
}

/** What is in a drive's place at first: a disk, a drive without one, or no drive. */
export type FloppyPlace = BlockBackend | 'empty' | undefined;

/** Disks by the names of their images, for those that are put in later. */
export type FloppySource = (image: string) => BlockBackend | undefined;

/** Type of a drive that has no disk at first, as the CMOS counts: 1.44 MB. */
const USUAL_TYPE = 4;

/** Types of disks that a drive of a type reads, both as the CMOS counts: disks of 5.25 inches do not go into a drive of 3.5, nor does a drive read denser ones than its own. */
const READABLE: Readonly<Record<number, readonly number[] | undefined>> = { 1: [1], 2: [1, 2], 3: [3], 4: [3, 4], 5: [3, 4, 5] };
const NAMES: Readonly<Record<number, string | undefined>> = { 1: '360 KB', 2: '1.2 MB', 3: '720 KB', 4: '1.44 MB', 5: '2.88 MB' };

/** Type of the drive that is at a place, as the CMOS counts; 0 for no drive. The disk that is in it at first says which it is. */
export function floppyDriveType(place: FloppyPlace): number {
  if (place === undefined) return 0;
  return place === 'empty' ? USUAL_TYPE : floppyFormat(place.sectors)?.driveType ?? 0;
}

function mediumOf(disk: BlockBackend | undefined): Medium | undefined {
  const format = disk && floppyFormat(disk.sectors);
  return disk === undefined || format === undefined ? undefined : { disk, format };
}

export class FloppyMedia {
  readonly #places: readonly FloppyPlace[];
  readonly #source: FloppySource;

  /** Throws RangeError for a disk at first that has no floppy's size. */
  constructor(places: readonly FloppyPlace[], source: FloppySource) {
    this.#places = places;
    this.#source = source;
    places.forEach((place, unit) => {
      if (typeof place === 'object' && mediumOf(place) === undefined) throw new RangeError(`Floppy ${unit}: ${place.sectors} sectors is no floppy's size.`);
    });
  }

  /** What each drive holds at first, for its state. */
  get firstImages(): readonly (string | null)[] {
    return this.#places.map((place) => (typeof place === 'object' ? FIRST_DISK : null));
  }

  hasDrive(unit: number): boolean {
    return this.#places[unit] !== undefined;
  }

  /** The disk that is in a drive now; undefined for none, and where there is no drive. */
  medium(state: FdcState, unit: number): Medium | undefined {
    return this.#named(unit, state.drives[unit].image);
  }

  #named(unit: number, image: string | null): Medium | undefined {
    const place = this.#places[unit];
    if (place === undefined || image === null) return undefined;
    if (image !== FIRST_DISK) return mediumOf(this.#source(image));
    return place === 'empty' ? undefined : mediumOf(place);
  }

  /** Throws RangeError, in words for the person, for a disk that does not go into a drive. */
  check(unit: number, image: string): void {
    const medium = this.#named(unit, image);
    if (medium === undefined) throw new RangeError('There is no such floppy disk.');
    const type = floppyDriveType(this.#places[unit]);
    const found = medium.format.driveType;
    if (READABLE[type]?.includes(found) === true) return;
    const why = this.#places[unit] === 'empty' ? 'a drive that begins empty is of this kind' : 'a machine has the drive of the disk that it starts with';
    throw new RangeError(`The floppy drive is one for disks of ${NAMES[type] ?? 'another kind'}, and this is a disk of ${NAMES[found] ?? 'another kind'}: ${why}.`);
  }
}
