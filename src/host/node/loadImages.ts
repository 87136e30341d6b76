/** Reads from the host's files what a machine is built from, with a clear word on what is wrong with one. */
import { access, constants, copyFile, open, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import type { MachineConfiguration } from '../../monitor/machine/configuration';
import type { DiskFile, ImageFile, MachineImages, ModuleFile, VariableFile } from '../../monitor/machine/images';
import { LoadError } from '../../monitor/firmware/platform';
import { fileFault } from './fileFault';
import { findOvmf, variablesBeside } from './ovmf';
import { findSeaBios } from './seabios';

/** Real ROMs have 32 KiB to 16 MiB. */
const LARGEST_ROM = 16 * 1024 * 1024;
/** More than any guest can hold, debug information included. Whether an image fits into memory is its loader's to say. */
const LARGEST_IMAGE = 2 ** 31 - 1;

type Fields = 'firmware' | 'firmwareVariables' | 'vgaBios' | 'kernel' | 'initrd' | 'multiboot' | 'modules' | 'floppy' | 'floppyB' | 'disks' | 'cdrom' | 'network';

async function checked(field: Fields, path: string): Promise<Stats> {
  let stats: Stats;
  try {
    stats = await stat(path);
  } catch (error) {
    throw new LoadError(fileFault(path, error), field);
  }
  if (stats.isDirectory()) throw new LoadError(`${path}: it is a folder; name a file in it`, field);
  // A block device has no size by stat, a pipe no offsets: neither can be a disk or an image here.
  if (!stats.isFile()) throw new LoadError(`${path}: it is no ordinary file; copy it to one`, field);
  if (stats.size === 0) throw new LoadError(`${path}: the file is empty; check how it was made`, field);
  return stats;
}

/** A file's bytes, in memory that the thread with the machine shares: it keeps images for a reset, and two copies are one too many. */
async function readShared(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(new SharedArrayBuffer(size));
    let done = 0;
    while (done < size) {
      const { bytesRead } = await file.read(bytes, done, size - done, done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  } finally {
    await file.close();
  }
}

async function readWhole(field: Fields, path: string, limit: number): Promise<ImageFile> {
  const { size } = await checked(field, path);
  if (size > limit) throw new LoadError(`${path}: ${size} bytes are too many (at most ${limit}); check that this is the right file`, field);
  try {
    return { path, bytes: await readShared(path) };
  } catch (error) {
    throw new LoadError(fileFault(path, error), field);
  }
}

interface DiskEntry {
  readonly path: string;
  readonly writable: boolean;
  readonly overlay?: string | undefined;
}

async function diskFile(field: Fields, { path, writable, overlay }: DiskEntry): Promise<DiskFile> {
  const { size } = await checked(field, path);
  try {
    await access(path, writable ? constants.R_OK | constants.W_OK : constants.R_OK);
  } catch (error) {
    throw new LoadError(fileFault(path, error), field);
  }
  if (overlay === undefined) return { path, bytes: size, writable };
  const overlayIsNew = await stat(overlay).then(() => false, () => true);
  return { path, bytes: size, writable, overlay, overlayIsNew };
}

/** The variable store that the configuration names, made from the build's own one where it is to be written and not there; or that one. */
async function variableFile(named: MachineConfiguration['firmwareVariables'], beside: string | undefined): Promise<VariableFile | undefined> {
  if (named === undefined) return beside === undefined ? undefined : { ...await readWhole('firmware', beside, LARGEST_ROM), writable: false };
  const { path, writable } = named;
  if (writable && beside !== undefined) {
    await copyFile(beside, path, constants.COPYFILE_EXCL).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw new LoadError(fileFault(path, error), 'firmwareVariables');
    });
  }
  await diskFile('firmwareVariables', named);
  return { ...await readWhole('firmwareVariables', path, LARGEST_ROM), writable };
}

/** OVMF as it is installed, or at a path, with its variable store. */
async function uefiFiles(code: string, named: MachineConfiguration['firmwareVariables']): Promise<{ firmware: ImageFile; firmwareVariables?: VariableFile }> {
  const variables = await variableFile(named, await variablesBeside(code));
  return { firmware: await readWhole('firmware', code, LARGEST_ROM), ...(variables === undefined ? {} : { firmwareVariables: variables }) };
}

/** The files of the firmware; none for the built-in one. */
async function firmwareFiles({ firmware, firmwareVariables, vgaBios }: MachineConfiguration): Promise<Pick<MachineImages, 'firmware' | 'firmwareVariables' | 'vgaBios'>> {
  if (firmware === 'builtin') return {};
  if (firmware === 'ovmf') {
    const { code, remedy } = await findOvmf();
    if (code === undefined) throw new LoadError(remedy, 'firmware');
    return uefiFiles(code, firmwareVariables);
  }
  // A build of OVMF at a path is known by the store beside it; one in a single file, by its contents (monitor/firmware/uefi.ts).
  if (firmware !== 'seabios' && (firmwareVariables !== undefined || await variablesBeside(firmware) !== undefined)) return uefiFiles(firmware, firmwareVariables);
  const found = firmware === 'seabios' || vgaBios === undefined ? await findSeaBios() : undefined;
  if (firmware === 'seabios' && found?.bios === undefined) throw new LoadError(found?.remedy ?? '', 'firmware');
  const bios = firmware === 'seabios' ? found?.bios : firmware;
  const vga = vgaBios ?? found?.vgaBios;
  return {
    ...(bios === undefined ? {} : { firmware: await readWhole('firmware', bios, LARGEST_ROM) }),
    ...(vga === undefined ? {} : { vgaBios: await readWhole('vgaBios', vga, LARGEST_ROM) }),
  };
}

async function moduleFiles({ modules }: MachineConfiguration): Promise<ModuleFile[]> {
  return Promise.all((modules ?? []).map(async ({ path, cmdline }) => ({ ...await readWhole('modules', path, LARGEST_IMAGE), cmdline })));
}

/**
 * Loads what `configuration` names; its paths are absolute or relative to the current folder. Whether an image is
 * what it should be is found out by its loader, in the monitor.
 * @throws LoadError naming the field, the file, what is wrong with it and what to do
 */
export async function loadImages(configuration: MachineConfiguration): Promise<MachineImages> {
  const { kernel, initrd, multiboot, floppy, floppyB, disks, cdrom, network } = configuration;
  const networkRom = network === 'none' ? undefined : network.rom;
  return {
    configuration,
    ...await firmwareFiles(configuration),
    ...(kernel === undefined ? {} : { kernel: await readWhole('kernel', kernel, LARGEST_IMAGE) }),
    ...(initrd === undefined ? {} : { initrd: await readWhole('initrd', initrd, LARGEST_IMAGE) }),
    ...(multiboot === undefined ? {} : { multiboot: await readWhole('multiboot', multiboot, LARGEST_IMAGE) }),
    modules: await moduleFiles(configuration),
    ...(networkRom === undefined ? {} : { networkRom: await readWhole('network', networkRom, LARGEST_ROM) }),
    ...(floppy === undefined ? {} : { floppy: floppy === 'empty' ? null : await diskFile('floppy', floppy) }),
    ...(floppyB === undefined ? {} : { floppyB: floppyB === 'empty' ? null : await diskFile('floppyB', floppyB) }),
    disks: await Promise.all((disks ?? []).map(async (disk) => ({ ...await diskFile('disks', disk), bus: disk.bus }))),
    ...(cdrom === undefined ? {} : { cdrom: cdrom === 'empty' ? null : await diskFile('cdrom', { path: cdrom, writable: false }) }),
  };
}
