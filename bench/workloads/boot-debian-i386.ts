/** Workload: the kernel of Debian 12's 32-bit installer, from power-on to its first user process. */
import type { Workload } from './workload';

const FOLDER = '.cache/guests/debian-i386';

export const bootDebianI386: Workload = {
  name: 'boot-debian-i386',
  title: 'Boot of Debian 12\'s installer kernel (6.1, i386)',
  guest: {
    kernel: `${FOLDER}/linux`,
    initrd: `${FOLDER}/initrd.gz`,
    // As in samples/.vscode/launch.json, so that this is the boot that F5 shows.
    cmdline: 'console=ttyS0,115200n8 nomodeset',
    memoryMiB: 512,
  },
  markers: [
    // Until here: the engine's own start, firmware, and the kernel's decompressor.
    { name: 'kernel', title: 'Linux version', pattern: 'Linux version' },
    { name: 'init', title: 'Run /init', pattern: 'Run /init as init process' },
  ],
  further: [{ name: 'installer', title: 'Select a language', pattern: 'Select a language' }],
  fetch: ['scripts/fetch-guests.mjs', '--required'],
};
