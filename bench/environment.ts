/** The facts of this machine that figures depend on. */
import { readFileSync } from 'node:fs';
import os from 'node:os';

export interface Environment {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly system: string;
  readonly node: string;
  /** Load average of the minute before the first run: near 0 on a machine that is ours alone. */
  readonly load: number;
}

/** The distribution's name (os-release(5)), or the kernel's where there is none. */
function systemName(): string {
  try {
    const name = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    if (name !== undefined) return `${name}, ${os.type()} ${os.release()}`;
  } catch {
    // Not every system has the file; the kernel's name says enough.
  }
  return `${os.type()} ${os.release()}`;
}

/** Looks at this machine, now. */
export function environment(): Environment {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? os.arch(),
    cores: cpus.length,
    memoryMiB: Math.round(os.totalmem() / 1024 / 1024),
    system: systemName(),
    node: process.versions.node,
    load: os.loadavg()[0],
  };
}
