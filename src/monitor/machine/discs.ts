/** The discs that a CD-ROM drive may be given, by the paths of their images. They are opened when they are first asked for. */
import type { BlockBackend } from '../devices/device';
import { openCdrom } from '../disks/image';
import type { FileStore } from './images';

export class Discs {
  private readonly open = new Map<string, BlockBackend>();

  constructor(private readonly files: FileStore) {}

  /**
   * The disc of an image.
   * @throws MachineError (blame: user) when the file cannot be opened, RangeError when it is empty
   */
  disc(path: string): BlockBackend {
    const known = this.open.get(path);
    if (known !== undefined) return known;
    const disc = openCdrom(this.files.open(path, false), { name: path });
    this.open.set(path, disc);
    return disc;
  }
}
