/**
 * What a machine is built from: the checked configuration together with the bytes that booting needs, and the
 * names of the disks that stay files. Structured-clonable, so that the host can hand it to the monitor context.
 */
import type { DriveStart } from '../disks/drive';
import type { MachineConfiguration } from './configuration';
import type { SavedSnapshot } from './savedSnapshots';
import type { RunRecord } from './session';

/** A file that was read whole. */
export interface ImageFile {
  /** Where it came from, for messages. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Variable store of a UEFI firmware. */
export interface VariableFile extends ImageFile {
  /** Whether what the guest changes goes to the file. */
  readonly writable: boolean;
}

/** A Multiboot module: its bytes and the string that the boot loader passes along with it (Multiboot 0.6.96, section 3.3). */
export interface ModuleFile extends ImageFile {
  readonly cmdline: string;
}

/** A disk or floppy whose sectors stay in a file of the host, reached through `FileStore` or a storage thread. */
export interface DiskFile {
  readonly path: string;
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** Whether guest writes go to the file. If not, they are kept in memory, and the file is opened for reading only. */
  readonly writable: boolean;
  /** A QCOW2 image that takes what the guest writes; made if it is not there. */
  readonly overlay?: string;
  /** Whether that was not there when the machine was started: it then began with what `path` holds. */
  readonly overlayIsNew?: boolean;
  /** In a recording: what the disk held at power-on that the file does not. */
  readonly start?: DriveStart;
  /** How a hard disk is connected. Default: 'ata'. */
  readonly bus?: 'ata' | 'virtio';
}

export interface MachineImages {
  readonly configuration: MachineConfiguration;
  /** Undefined: the built-in BIOS. */
  readonly firmware?: ImageFile;
  /** Variable store of a UEFI firmware, when it is a file of its own. */
  readonly firmwareVariables?: VariableFile;
  readonly vgaBios?: ImageFile;
  readonly kernel?: ImageFile;
  readonly initrd?: ImageFile;
  readonly multiboot?: ImageFile;
  readonly modules: readonly ModuleFile[];
  /** Expansion ROM of the network card. */
  readonly networkRom?: ImageFile;
  /** The disks in the floppy drives A and B; null for a drive without one, undefined for no drive. */
  readonly floppy?: DiskFile | null;
  readonly floppyB?: DiskFile | null;
  readonly disks: readonly DiskFile[];
  /** The disc in the CD-ROM drive; null for a drive without one, undefined for no drive. */
  readonly cdrom?: DiskFile | null;
  /** Where the images of discs are now, by the paths under which the machine knows them, which are part of its state. Others are where these say. */
  readonly discPlaces?: ReadonlyMap<string, string>;
  /** The time line to begin with: its input comes at its recorded moments, and it can be gone along, and be changed, like any other. */
  readonly recording?: RunRecord;
  /** Snapshots of it, each told from the one before. The machine takes them out of the list. */
  readonly snapshots?: SavedSnapshot[];
}

/** Fields of the floppy drives, A first: of the configuration, of images, and roles of images in a recording. */
export const FLOPPY_FIELDS = ['floppy', 'floppyB'] as const;

/** The floppy drives that there are, A first, each with the disk that is in it at first. */
export function floppiesIn(images: MachineImages): readonly (DiskFile | null)[] {
  return FLOPPY_FIELDS.flatMap((field) => images[field] ?? (images[field] === null ? [null] : []));
}

export type { FileAccess, FileStore } from '../disks/file';
