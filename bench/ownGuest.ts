/** The guest that scripts/make-bench-guests.mjs makes: a kernel of Debian's, and an initial RAM disk with our own programs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { root } from '../scripts/lib/paths.mjs';

export type Architecture = 'i386' | 'amd64';
export const ARCHITECTURES: readonly Architecture[] = ['i386', 'amd64'];

/** Flavours of Debian's kernel. */
export type Flavour = '686' | '686-pae' | 'amd64';

/** The flavour that an architecture's programs run on when it does not matter. */
export const FLAVOUR_OF: Readonly<Record<Architecture, Flavour>> = { i386: '686', amd64: 'amd64' };

/** Words of the kernel command line that leave out what takes long in a boot, for guests whose boot is not measured. */
export const SHORT_BOOT = 'quiet cryptomgr.notests noisapnp';

/** A Linux guest that every engine boots in the same way. Paths are relative to the checkout. */
export interface Guest {
  /** A Linux bzImage. */
  readonly kernel: string;
  readonly initrd: string;
  readonly cmdline: string;
  readonly memoryMiB: number;
}

/**
 * A guest that runs these parts in this order, and turns itself off.
 * @param more words of the kernel command line
 */
export function ownGuest(flavour: Flavour, parts: readonly string[], more = ''): Guest {
  return {
    kernel: `.cache/guests/linux/vmlinuz-${flavour}`,
    initrd: `.cache/bench/bench-${flavour === 'amd64' ? 'amd64' : 'i386'}.cpio`,
    cmdline: `console=ttyS0,115200n8${more === '' ? '' : ` ${more}`}${parts.length === 0 ? '' : ` parts=${parts.join(',')}`}`,
    memoryMiB: 256,
  };
}

/** Makes the files of an architecture's guests, or finds them up to date. @returns whether they are there; why not has been said on stderr */
export async function makeOwnGuests(architecture: Architecture, signal?: AbortSignal): Promise<boolean> {
  const child = spawn(process.execPath, ['scripts/make-bench-guests.mjs', architecture], {
    cwd: root, stdio: ['ignore', 2, 2], ...(signal === undefined ? {} : { signal, killSignal: 'SIGKILL' as const }),
  });
  const [status]: unknown[] = await once(child, 'close');
  return status === 0;
}
