/** A Linux guest with a shell on its serial line, booted by the `shadowbox` command and talked to as a person would. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { commandFile } from '../harness';
import { Conversation, PROMPT } from './conversation';
import type { ProcessEnd } from './conversation';
import { LINUX } from './testGuests';

export interface LinuxOptions {
  /** Flavour of Debian's kernel: '686', '686-pae', 'amd64'. */
  readonly flavour: string;
  /** Initial RAM file system: 'shell-i386'. */
  readonly initrd: string;
  readonly cpuModel: string;
  readonly cpus: number;
  readonly memory: string;
  /** Kernel parameters besides the console's. */
  readonly parameters?: string;
  readonly timeoutSeconds: number;
}

export interface Figures {
  readonly retired: number;
  readonly wallSeconds: number;
}

/** How the run ended, and what it took. */
export interface LinuxEnded extends ProcessEnd {
  readonly figures: Figures;
}

export class LinuxGuest {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-linux-'));
  private readonly console: Conversation;

  constructor({ flavour, initrd, cpuModel, cpus, memory, parameters = '', timeoutSeconds }: LinuxOptions) {
    this.console = new Conversation(spawn(process.execPath, [
      commandFile(), 'run', '--kernel', path.join(LINUX, `vmlinuz-${flavour}`), '--initrd', path.join(LINUX, `${initrd}.cpio`),
      '--cmdline', `console=ttyS0,115200 ${parameters}`, '--memory', memory, '--cpus', String(cpus), '--cpu-model', cpuModel,
      '--timeout', String(timeoutSeconds), '--stats', this.statsFile,
    ]));
  }

  private get statsFile(): string {
    return path.join(this.folder, 'stats.json');
  }

  /** Everything that the guest has written on its serial line. */
  get output(): string {
    return this.console.output;
  }

  /** Waits until this comes, behind what was waited for before: the text up to its end, without carriage returns. */
  async waitFor(pattern: RegExp): Promise<string> {
    return this.console.waitFor(pattern);
  }

  /** Waits for the shell's first prompt: the kernel's messages. */
  async boot(): Promise<string> {
    return this.waitFor(PROMPT);
  }

  /** Types a command and waits for the next prompt: what came in between, with the echo. */
  async type(line: string): Promise<string> {
    return this.console.type(line);
  }

  /** `poweroff`, and the end of the run. */
  async powerOff(): Promise<LinuxEnded> {
    this.console.send('poweroff -f');
    const ended = await this.console.ended;
    return { ...ended, figures: JSON.parse(readFileSync(this.statsFile, 'utf8')) as Figures };
  }

  /** Ends the run if it goes on still, and puts its files away. */
  async dispose(): Promise<void> {
    this.console.child.kill('SIGTERM');
    await this.console.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
