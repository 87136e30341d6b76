// How a file of the workspace is booted: by what it is, in one launch configuration.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { identifyImage, type ImageIdentity, type ImageKind } from '../../monitor/firmware/detect';

/** What a launch configuration needs besides name and type. */
export type BootFields = Readonly<Record<string, string | readonly string[]>>;

/** How each kind of file is booted; the others are not. */
const FIELDS: Readonly<Partial<Record<ImageKind, (file: string) => BootFields>>> = {
  bzimage: (file) => ({ kernel: file, cmdline: 'console=ttyS0' }),
  multiboot: (file) => ({ multiboot: file }),
  floppy: (file) => ({ floppy: file }),
  disk: (file) => ({ disks: [file] }),
  iso9660: (file) => ({ cdrom: file }),
  qcow2: (file) => ({ disks: [file] }),
  vhd: (file) => ({ disks: [file] }),
  vhdx: (file) => ({ disks: [file] }),
};

/** More than any floppy has, so that a disk is not taken for one; headers are nearer to the beginning. */
const HEAD = 3 * 1024 * 1024;
/** A fixed VHD has its mark in the last sector. */
const TAIL = 512;

/** What a file is. Throws what the host's file system throws. */
export function identifyFile(file: string): ImageIdentity {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const read = (offset: number, bytes: number): Uint8Array => {
      const target = new Uint8Array(bytes);
      return target.subarray(0, readSync(descriptor, target, 0, bytes, offset));
    };
    const head = identifyImage(read(0, Math.min(HEAD, size)));
    const byTail = size > HEAD ? identifyImage(read(size - TAIL, TAIL)) : head;
    return byTail.kind === 'vhd' ? byTail : head;
  } finally {
    closeSync(descriptor);
  }
}

/** How it is booted; undefined when it cannot be. `file`: as it is to stand in the configuration. */
export function bootFieldsOf({ kind }: ImageIdentity, file: string): BootFields | undefined {
  return FIELDS[kind]?.(file);
}

/** Why a file of that kind cannot be booted, and what to do: a sentence. */
export function whyNotBootable({ kind, description, advice }: ImageIdentity, file: string): string {
  const name = path.basename(file);
  if (kind === 'unknown' || kind === 'empty') return `${name} cannot be booted: it is ${description}, without a boot sector's signature (55 AA at byte 510) or a kernel's header.`;
  return `${name} cannot be booted as it is: it is ${description}${advice === undefined ? '' : `; ${advice.replace(/use (it )?(with |as )?--/, 'name it in launch.json as ')}`}.`;
}

/** File names that may be worth looking into: what dynamic configurations are made from. */
export const BOOT_FILES = '**/{*.img,*.ima,*.flp,*.vfd,*.iso,*.qcow2,*.vhd,*.vhdx,*.bin,*.elf,*.raw,*.bzImage,bzImage,bzImage-*,vmlinuz,vmlinuz-*,kernel,linux}';
