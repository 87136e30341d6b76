/** Peer: QEMU's dynamic translator (TCG), never a hardware accelerator. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Architecture } from '../ownGuest';
import type { Command, Job, Peer, Probe } from './peer';

const PROGRAMS: Readonly<Record<Architecture, string>> = { i386: 'qemu-system-i386', amd64: 'qemu-system-x86_64' };
const REMEDY = 'Debian and Ubuntu: apt-get install qemu-system-x86';

/** The command of a job. */
export function qemuCommand(architecture: Architecture, { guest }: Job): Command {
  return {
    program: PROGRAMS[architecture],
    args: [
      '-accel', 'tcg', '-m', `${guest.memoryMiB}M`,
      '-kernel', guest.kernel, '-initrd', guest.initrd, '-append', guest.cmdline,
      '-nodefaults', '-no-user-config', '-vga', 'std', '-display', 'none', '-serial', 'stdio', '-no-reboot',
    ],
    endsItself: false,
  };
}

async function probe(architecture: Architecture): Promise<Probe> {
  const program = PROGRAMS[architecture];
  try {
    const { stdout } = await promisify(execFile)(program, ['--version']);
    const version = /version (.+)/.exec(stdout)?.[1] ?? stdout.trim();
    return { version, settings: ['QEMU\'s default CPU model and PC, one processor, no network card'], command: (job) => qemuCommand(architecture, job) };
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return { missing: missing ? `${program} is not installed (${REMEDY})` : `${program} --version failed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

export const qemu: Peer = { name: 'tcg', title: 'QEMU TCG', probe };
