/** The discs that a CD-ROM drive may be given, by the paths of their images. They are opened when they are first asked for. */
import type { BlockBackend } from '../devices/device';
import type { Drive } from '../disks/drive';

export class Discs {
  private readonly known = new Map<string, Drive>();

  /** `open`: opens an image; throws LoadError when it cannot be used. */
  constructor(private readonly open: (path: string) => Drive) {}

  /**
   * The disc of an image.
   * @throws LoadError (field 'cdrom') when it cannot be used
   */
  disc(path: string): BlockBackend {
    const known = this.known.get(path);
    if (known !== undefined) return known;
    const disc = this.open(path);
    this.known.set(path, disc);
    return disc;
  }

  /** The same disc by what a drive reads it through; undefined when it is none of these. */
  find(backend: BlockBackend | undefined): Drive | undefined {
    return [...this.known.values()].find((disc) => disc === backend);
  }
}
