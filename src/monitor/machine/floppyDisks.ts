/**
 * The floppy disks of a machine: those that were in the drives at power-on, and those that were put in later, by the paths of their images.
 * A disk that has been taken out is kept with what the guest has written to it, for when it is put in again.
 */
import { floppyUnit } from '../devices/board';
import { FIRST_DISK, type BlockBackend, type MachineInput } from '../devices/device';
import type { Drive } from '../disks/drive';
import { MachineError } from './blame';

export interface FloppyDisksOptions {
  /** The image of the disk that is in each drive at first, A first. */
  readonly first: readonly (string | undefined)[];
  /** Images that belong to other drives. */
  readonly taken: readonly string[];
  /** Paths that are written differently and mean the same file come out equal. */
  resolve(path: string): string;
  /** Opens an image; throws LoadError when it cannot be used. */
  open(path: string, writable: boolean): Drive;
}

type MediaInput = Extract<MachineInput, { readonly kind: 'media' }>;

export class FloppyDisks {
  private readonly known = new Map<string, Drive>();
  /** Told of each disk that is opened: nothing has been written to it yet. */
  onOpened: (path: string, disk: Drive) => void = () => undefined;

  constructor(private readonly options: FloppyDisksOptions) {}

  /** Those that were put in later, by path. */
  get later(): ReadonlyMap<string, Drive> {
    return this.known;
  }

  /**
   * A change of a floppy drive's disk as it is logged, with the disk at hand.
   * @throws LoadError (field 'floppy'), MachineError (blame: user) for an image that cannot be put in
   */
  prepare(input: MediaInput): MediaInput {
    const { image, writable = false } = input;
    if (image === null || image === FIRST_DISK) return input;
    const { first, taken, resolve } = this.options;
    const isFirst = (path: string | undefined): boolean => path !== undefined && resolve(image) === resolve(path);
    if (isFirst(first[floppyUnit(input.drive)])) return { kind: 'media', drive: input.drive, image: FIRST_DISK };
    if (first.some(isFirst) || taken.some((path) => resolve(path) === resolve(image))) throw new MachineError(`'${image}' is the image of another drive of this machine: put in another one, or a copy.`, 'user');
    const path = [...this.known.keys()].find((each) => resolve(each) === resolve(image)) ?? image;
    this.take(path, writable);
    return { ...input, image: path };
  }

  /** Opens a disk unless it is known. @throws as `prepare` */
  take(path: string, writable: boolean): void {
    const known = this.known.get(path);
    if (known === undefined) {
      const disk = this.options.open(path, writable);
      this.known.set(path, disk);
      this.onOpened(path, disk);
    } else if ((known.writes === 'image') !== writable) {
      const how = writable ? 'kept in memory' : 'written to its image';
      throw new MachineError(`What the guest writes to '${path}' is ${how}, since it was put in that way before: put it in so again, or use a copy.`, 'user');
    }
  }

  /** A disk that was put in later. */
  disk(path: string): BlockBackend | undefined {
    return this.known.get(path);
  }

  /** The same disk by what a drive reads it through. */
  find(backend: BlockBackend | undefined): Drive | undefined {
    return [...this.known.values()].find((disk) => disk === backend);
  }
}
