/** The images that a machine was started from, as a recording names them: by role, path, size and digest. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { FIRST_DISK } from '../../../monitor/devices/device';
import type { MachineConfiguration } from '../../../monitor/machine/configuration';
import type { MachineImages } from '../../../monitor/machine/images';
import type { LoggedInput } from '../../../monitor/machine/session';

/** Where an image belongs: 'kernel', 'disks.0', 'media.0' (a disc that was put in later). */
export interface ImageSource {
  readonly role: string;
  /** By which the machine knows it, and where it is. */
  readonly path: string;
  readonly place: string;
  /** Its contents; absent for a disk, which stays a file. */
  readonly contents?: Uint8Array;
}

export interface ImageIdentity {
  readonly role: string;
  readonly path: string;
  readonly bytes: number;
  /** SHA-256, in hexadecimal. */
  readonly digest: string;
  /** The section of the recording that holds the image, if one does. */
  readonly section?: string;
  /** Whether the guest that was recorded had written to it: then it has to be as it was when the recording was saved. */
  readonly isChanged?: boolean;
}

/** Discs and floppies that were put in while the machine ran, each once. */
export function insertedDiscs(inputs: readonly LoggedInput[]): readonly string[] {
  return [...new Set(inputs.flatMap(({ input }) => (input.kind === 'media' && input.image !== null && input.image !== FIRST_DISK ? [input.image] : [])))];
}

/** All images of a machine, and of the discs in its input. */
export function imageSources(images: MachineImages, inputs: readonly LoggedInput[]): readonly ImageSource[] {
  const { firmware, firmwareVariables, vgaBios, kernel, initrd, multiboot, networkRom, modules, floppy, floppyB, disks, cdrom, discPlaces } = images;
  const at = (path: string): string => discPlaces?.get(path) ?? path;
  const read = Object.entries({ firmware, firmwareVariables, vgaBios, kernel, initrd, multiboot, networkRom })
    .flatMap(([role, file]): ImageSource[] => (file === undefined ? [] : [{ role, path: file.path, place: file.path, contents: file.bytes }]));
  const files = Object.entries({ floppy, floppyB, cdrom }).flatMap(([role, file]): ImageSource[] => (file === undefined || file === null ? [] : [{ role, path: file.path, place: at(file.path) }]));
  return [
    ...read, ...files,
    ...modules.map(({ path, bytes }, index) => ({ role: `modules.${index}`, path, place: path, contents: bytes })),
    ...disks.map(({ path }, index) => ({ role: `disks.${index}`, path, place: path })),
    ...insertedDiscs(inputs).map((path, index) => ({ role: `media.${index}`, path, place: at(path) })),
  ];
}

/** SHA-256 and size of bytes, or of a file. `between` is called on the way and may throw to give up. */
export async function identify(source: Pick<ImageSource, 'place' | 'contents'>, between: (bytes: number) => void = () => undefined): Promise<Pick<ImageIdentity, 'bytes' | 'digest'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of source.contents ? [source.contents] : createReadStream(source.place, { highWaterMark: 2 ** 20 })) {
    const part: Uint8Array = piece;
    hash.update(part);
    bytes += part.length;
    between(bytes);
  }
  return { bytes, digest: hash.digest('hex') };
}

/** The disk that a configuration has in a drive, if it has one. */
const inDrive = (floppy: MachineConfiguration['floppy']): Exclude<MachineConfiguration['floppy'], 'empty'> => (floppy === 'empty' ? undefined : floppy);

/** The path that a configuration names for a role. */
export function pathIn(configuration: MachineConfiguration, role: string): string | undefined {
  const [field, index] = role.split('.');
  switch (field) {
    case 'kernel': return configuration.kernel;
    case 'initrd': return configuration.initrd;
    case 'multiboot': return configuration.multiboot;
    case 'firmware': return configuration.firmware;
    case 'vgaBios': return configuration.vgaBios;
    case 'floppy': case 'floppyB': return inDrive(configuration[field])?.path;
    case 'cdrom': return configuration.cdrom;
    case 'modules': return configuration.modules?.[Number(index)]?.path;
    case 'disks': return configuration.disks?.[Number(index)]?.path;
    default: return undefined;
  }
}

/** A configuration that names another path for a role. */
export function withPath(configuration: MachineConfiguration, role: string, path: string): MachineConfiguration {
  const [field, index] = role.split('.');
  const at = Number(index);
  const placed = <T extends { readonly path: string }>(list: readonly T[] | undefined): T[] => (list ?? []).map((each, place) => (place === at ? { ...each, path } : each));
  switch (field) {
    case 'kernel': case 'initrd': case 'multiboot': case 'firmware': case 'vgaBios': case 'cdrom': return { ...configuration, [field]: path };
    case 'floppy': case 'floppyB': {
      const floppy = inDrive(configuration[field]);
      return floppy ? { ...configuration, [field]: { ...floppy, path } } : configuration;
    }
    case 'modules': return { ...configuration, modules: placed(configuration.modules) };
    case 'disks': return { ...configuration, disks: placed(configuration.disks) };
    case 'networkRom': return configuration.network === 'none' ? configuration : { ...configuration, network: { ...configuration.network, rom: path } };
    default: return configuration;
  }
}
