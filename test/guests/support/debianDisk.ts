/** Debian on a hard disk (scripts/lib/debian-disk.mjs), booted through BIOS and GRUB by the `shadowbox` command or by QEMU, and logged in to. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { commandFile, GUESTS } from '../harness';
import { Conversation, PROMPT } from './conversation';

export type Architecture = 'i386' | 'amd64';
export const ARCHITECTURES: readonly Architecture[] = ['i386', 'amd64'];

/** What root logs in with: see scripts/lib/debian-disk.mjs. */
const PASSWORD = 'shadowbox';
/** Where the disk's only partition begins, in bytes: sector 2048. */
const PARTITION_OFFSET = 2048 * 512;

/** The word of scripts/fetch-test-guests.mjs for a disk. */
export const diskWord = (architecture: Architecture): string => `disk-${architecture}`;

/** The image, which nobody writes to. */
export const diskImage = (architecture: Architecture): string => path.join(GUESTS, 'disks', `debian-${architecture}.img`);

/** A copy that may be written to; holes stay holes. */
export function copyDisk(architecture: Architecture, file: string): void {
  succeed('cp', '--sparse=always', '--reflink=auto', diskImage(architecture), file);
}

/** A raw image's file system as the programs of e2fsprogs take it: a name with an offset behind. */
export const partitionOf = (image: string): string => `${image}?offset=${PARTITION_OFFSET}`;

/** Runs one of the programs for file systems and images, which not everybody has on the path. */
function tool(program: string, words: readonly string[]): { readonly status: number | null; readonly text: string } {
  const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', env });
  return { status, text: `${stdout}${stderr}` };
}

/** Runs such a program, which must succeed: what it says. */
export function succeed(program: string, ...words: readonly string[]): string {
  const { status, text } = tool(program, words);
  assert.equal(status, 0, `${program} ${words.join(' ')}: ${text}`);
  return text;
}

/** Copies the file system of a raw image into a file of its own. */
export function extractPartition(image: string, file: string): void {
  succeed('dd', `if=${image}`, `of=${file}`, `skip=${PARTITION_OFFSET / 2 ** 20}`, 'bs=1M', 'conv=sparse', 'status=none');
}

/** `e2fsck` on a file system, or by a name with an offset: its status and what it says. */
export function fsck(fileSystem: string, options: string): { readonly status: number | null; readonly text: string } {
  return tool('e2fsck', [options, fileSystem]);
}

/** The same on a raw image, to look only. */
export function e2fsck(image: string, options: '-fn'): { readonly status: number | null; readonly text: string } {
  return fsck(partitionOf(image), options);
}

/** What `--stats` says of a run. */
export interface RunFigures {
  readonly reason: string;
  readonly wallSeconds: number;
  readonly retired: number;
  readonly timeCycles: number;
  readonly counters: Readonly<Record<string, number>>;
}

export interface DiskGuestOptions {
  /** As in a launch configuration. */
  readonly disk: { readonly path: string; readonly writable?: boolean; readonly overlay?: string };
  readonly cpus: number;
  readonly network?: boolean;
  /** Kernel and initial RAM file system without BIOS and GRUB, and a shell in the place of systemd: see `shell`. Ours only. */
  readonly direct?: { readonly kernel: string; readonly initrd: string };
  readonly timeoutSeconds: number;
}

/** Reads a file of a raw image's file system into a file. */
export function copyOut(image: string, name: string, file: string): void {
  succeed('debugfs', '-R', `dump ${name} ${file}`, partitionOf(image));
}

/** Takes kernel and initial RAM file system out of a raw image, into `folder`. */
export function copyKernelOut(image: string, folder: string): { readonly kernel: string; readonly initrd: string } {
  const names = succeed('debugfs', '-R', 'ls -p /boot', partitionOf(image));
  const [kernel, initrd] = ['vmlinuz', 'initrd.img'].map((start) => {
    const found = new RegExp(`/(${start}-[^/]+)/`).exec(names);
    assert.ok(found, `there is no ${start} in:\n${names}`);
    const file = path.join(folder, start);
    copyOut(image, `/boot/${found[1]}`, file);
    return file;
  });
  return { kernel, initrd };
}

/** The system's console, from GRUB's menu to the power-off. */
export class DiskGuest {
  readonly console: Conversation;
  private readonly folder: string;

  private constructor(words: readonly string[], folder: string, program: string) {
    this.folder = folder;
    this.console = new Conversation(spawn(program, words));
  }

  /** Starts it on our machine, in a process of its own. */
  static onShadowbox({ disk, cpus, network = false, direct, timeoutSeconds }: DiskGuestOptions): DiskGuest {
    const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-disk-guest-'));
    const file = path.join(folder, 'machine.json');
    writeFileSync(file, JSON.stringify({
      disks: [disk], cpus, memory: '512M', cpuModel: 'x86-64-v2', pace: network ? 'realtime' : 'fast', ...(network ? { network: 'user' } : {}),
      ...(direct === undefined ? {} : { ...direct, cmdline: 'console=ttyS0,115200 root=/dev/sda1 rw quiet loglevel=3 init=/bin/sh' }),
    }));
    const words = [commandFile(), 'run', file, '--timeout', String(timeoutSeconds), '--stats', path.join(folder, 'stats.json')];
    return new DiskGuest(words, folder, process.execPath);
  }

  /** The same on QEMU without hardware virtualization; the disk stays as it is unless it is declared writable. */
  static onQemu({ disk, cpus, network = false, timeoutSeconds }: DiskGuestOptions): DiskGuest {
    const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-disk-guest-'));
    const words = [
      String(timeoutSeconds), 'qemu-system-x86_64', '-accel', 'tcg', '-cpu', 'Nehalem', '-m', '512', '-smp', String(cpus), '-display', 'none', '-monitor', 'none', '-serial', 'stdio',
      '-drive', `file=${disk.path},format=raw,if=ide,snapshot=${disk.writable === true ? 'off' : 'on'}`, '-nic', network ? 'user,model=e1000' : 'none',
    ];
    return new DiskGuest(words, folder, 'timeout');
  }

  /** The process whose console this is. */
  get pid(): number {
    const { pid } = this.console.child;
    assert.ok(pid !== undefined, 'the process could not be started');
    return pid;
  }

  /** Waits for the login prompt. @returns what has come before */
  async boot(): Promise<string> {
    return this.console.waitFor(/^debian login: /m);
  }

  /** Logs root in, and has a shell that does not draw on the line, with nothing echoed: what is typed ahead would come between. */
  async logIn(): Promise<void> {
    this.console.send('root');
    await this.console.waitFor(/^Password: /m);
    this.console.send(PASSWORD);
    await this.console.waitFor(/root@debian:~# /);
    await this.quietShell();
  }

  /** Waits for the shell that a guest without systemd has at once. */
  async shell(): Promise<void> {
    await this.console.waitFor(/^# /m);
    await this.quietShell();
  }

  private async quietShell(): Promise<void> {
    this.console.send("stty -echo; PS1='guest# ' PS2= exec sh");
    await this.console.waitFor(PROMPT);
  }

  /** Types a command: its output, and its exit status. */
  async run(command: string): Promise<{ readonly text: string; readonly status: number }> {
    const all = await this.console.type(`${command}; echo "status=$?"`);
    const found = /^status=(\d+)$/m.exec(all);
    assert.ok(found, `no status of '${command}' in:\n${all}`);
    return { status: Number(found[1]), text: all.slice(0, found.index).trimEnd() };
  }

  /** Puts a text file into the guest, line by line. */
  async put(file: string, text: string): Promise<void> {
    await this.console.type(`cat > ${file} <<'END OF FILE'\n${text.trimEnd()}\nEND OF FILE`);
  }

  /** Powers off in an orderly way, and waits for the end of the run. */
  async powerOff(): Promise<{ readonly status: number | null; readonly err: string; readonly figures: RunFigures | undefined }> {
    this.console.send('systemctl poweroff');
    const { status, err } = await this.console.ended;
    return { status, err, figures: this.figures() };
  }

  /** What our command has said about the run; undefined before its end. */
  private figures(): RunFigures | undefined {
    try {
      return JSON.parse(readFileSync(path.join(this.folder, 'stats.json'), 'utf8')) as RunFigures;
    } catch {
      return undefined;
    }
  }

  /** The most memory that the process has had resident, in bytes; while it runs. */
  peakMemory(): number {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'))?.[1];
    assert.ok(kib !== undefined, 'the system does not say how much memory a process has had');
    return Number(kib) * 1024;
  }

  /** Ends the run if it goes on still, and puts its files away. */
  async dispose(): Promise<void> {
    this.console.child.kill('SIGTERM');
    await this.console.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
