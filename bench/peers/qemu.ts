/** Peer: QEMU's dynamic translator (TCG) for 32-bit PCs, never a hardware accelerator. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Command, Job, Peer, Probe } from './peer';

const PROGRAM = 'qemu-system-i386';
const REMEDY = 'Debian and Ubuntu: apt-get install qemu-system-x86';

/** The command of a job. */
export function qemuCommand({ guest }: Job): Command {
  return {
    program: PROGRAM,
    args: [
      '-accel', 'tcg', '-m', `${guest.memoryMiB}M`,
      '-kernel', guest.kernel, '-initrd', guest.initrd, '-append', guest.cmdline,
      '-nodefaults', '-no-user-config', '-vga', 'std', '-display', 'none', '-serial', 'stdio', '-no-reboot',
    ],
    endsItself: false,
  };
}

async function probe(): Promise<Probe> {
  try {
    const { stdout } = await promisify(execFile)(PROGRAM, ['--version']);
    const version = /version (.+)/.exec(stdout)?.[1] ?? stdout.trim();
    return { version, settings: ['QEMU\'s default CPU model and PC, one processor, no network card'], command: qemuCommand };
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return { missing: missing ? `${PROGRAM} is not installed (${REMEDY})` : `${PROGRAM} --version failed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

export const qemu: Peer = { name: 'qemu', title: 'QEMU TCG', probe };
