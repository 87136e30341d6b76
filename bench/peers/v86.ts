/** Peer: v86, from npm, headless in a Node process of its own. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { findSeaBios } from '../../src/host/node/seabios';
import { root } from '../../scripts/lib/paths.mjs';
import type { Architecture } from '../ownGuest';
import type { Command, Job, Peer, Probe } from './peer';

const HARNESS = 'bench/peers/v86-machine.mjs';

/** Where v86's firmware is. npm's package has none. */
export interface Firmware {
  readonly bios: string;
  readonly vgaBios: string;
}

/** The command of a job. */
export function v86Command({ bios, vgaBios }: Firmware, { guest }: Job): Command {
  return {
    program: process.execPath,
    args: [
      HARNESS, '--bios', bios, '--vga-bios', vgaBios, '--memory', String(guest.memoryMiB),
      '--kernel', guest.kernel, '--initrd', guest.initrd, '--cmdline', guest.cmdline,
    ],
    endsItself: false,
  };
}

/** The installed package's version; undefined when it is not installed. */
async function installedVersion(): Promise<string | undefined> {
  try {
    const description: unknown = JSON.parse(await readFile(path.join(root, 'node_modules', 'v86', 'package.json'), 'utf8'));
    return typeof description === 'object' && description !== null && 'version' in description ? String(description.version) : undefined;
  } catch {
    return undefined;
  }
}

async function probe(architecture: Architecture): Promise<Probe> {
  if (architecture === 'amd64') return { missing: 'it knows no 64-bit code' };
  const version = await installedVersion();
  if (version === undefined) return { missing: 'the npm package v86 is not installed (npm ci)' };
  const { bios, vgaBios } = await findSeaBios();
  if (bios === undefined || vgaBios === undefined) return { missing: 'v86 needs SeaBIOS and its VGA BIOS (Debian and Ubuntu: apt-get install seabios)' };
  return {
    version: `${version}, in Node ${process.versions.node}`,
    settings: ['its JIT on, ACPI off (both are its defaults), no network card, no screen'],
    command: (job) => v86Command({ bios, vgaBios }, job),
  };
}

export const v86: Peer = { name: 'v86', title: 'v86', probe };
