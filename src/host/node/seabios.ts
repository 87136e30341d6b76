/** Finds the SeaBIOS that is installed on this computer. */
import { access, constants } from 'node:fs/promises';
import path from 'node:path';

/** Where distributions put it: Debian's package seabios, QEMU's own copies, Homebrew's QEMU. */
const FOLDERS: readonly string[] = ['/usr/share/seabios', '/usr/share/qemu', '/usr/local/share/qemu', '/opt/homebrew/share/qemu'];
/** The 256 KiB build has more in it than the 128 KiB one. */
const BIOS_NAMES: readonly string[] = ['bios-256k.bin', 'bios.bin'];
const VGA_BIOS_NAMES: readonly string[] = ['vgabios-stdvga.bin'];

async function readable(file: string): Promise<boolean> {
  try {
    await access(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

async function firstOf(folders: readonly string[], names: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    for (const name of names) {
      const file = path.join(folder, name);
      if (await readable(file)) return file;
    }
  }
  return undefined;
}

export interface SeaBios {
  readonly bios?: string;
  readonly vgaBios?: string;
  /** What to do when `bios` is missing. */
  readonly remedy: string;
}

/** Looks for the BIOS and the VGA BIOS that belongs to it. Never fails: what is not found is left out. */
export async function findSeaBios(folders: readonly string[] = FOLDERS): Promise<SeaBios> {
  const bios = await firstOf(folders, BIOS_NAMES);
  const vgaBios = await firstOf(folders, VGA_BIOS_NAMES);
  return {
    ...(bios === undefined ? {} : { bios }),
    ...(vgaBios === undefined ? {} : { vgaBios }),
    remedy: `no SeaBIOS in ${folders.join(', ')}; install it (Debian and Ubuntu: apt-get install seabios), or set "firmware" to "builtin" or to the path of a BIOS image`,
  };
}
