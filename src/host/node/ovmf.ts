/** Finds the OVMF (UEFI firmware) that is installed on this computer, and the variable store that belongs to a build. */
import { access, constants } from 'node:fs/promises';
import path from 'node:path';

/** Debian's package ovmf, and Fedora's edk2-ovmf. */
const FOLDERS: readonly string[] = ['/usr/share/OVMF', '/usr/share/edk2/ovmf'];
const CODE_NAMES: readonly string[] = ['OVMF_CODE_4M.fd', 'OVMF_CODE.fd'];

async function readable(file: string): Promise<boolean> {
  try {
    await access(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Ovmf {
  readonly code?: string;
  /** What to do when `code` is missing. */
  readonly remedy: string;
}

/** Looks for the code part of OVMF. */
export async function findOvmf(folders: readonly string[] = FOLDERS): Promise<Ovmf> {
  const remedy = `no OVMF in ${folders.join(', ')}; install it (Debian and Ubuntu: apt-get install ovmf), or set "firmware" to the path of a build`;
  for (const folder of folders) {
    for (const name of CODE_NAMES) {
      const code = path.join(folder, name);
      if (await readable(code)) return { code, remedy };
    }
  }
  return { remedy };
}

/** The variable store beside a build's code: OVMF_VARS_4M.fd for OVMF_CODE_4M.fd. Undefined when there is none. */
export async function variablesBeside(code: string): Promise<string | undefined> {
  const name = path.basename(code);
  const beside = path.join(path.dirname(code), name.replace(/CODE/, 'VARS').replace(/\.secboot/, ''));
  return name.includes('CODE') && await readable(beside) ? beside : undefined;
}
