/** A Linux guest with a shell on its serial line, booted by the `shadowbox` command and talked to as a person would. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from '../harness';
import type { Ended } from '../harness';
import { LINUX } from './testGuests';

/** The shell waits for a command: PS1 of the /init in scripts/fetch-test-guests.mjs, at the start of a line. */
const PROMPT = /^guest# /m;

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
export interface LinuxEnded extends Ended {
  readonly figures: Figures;
}

export class LinuxGuest {
  private readonly folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-linux-'));
  private readonly command: Command;
  /** How much of the output has been waited for. */
  private seen = 0;
  private running = true;
  private look: () => void = () => undefined;

  constructor({ flavour, initrd, cpuModel, cpus, memory, parameters = '', timeoutSeconds }: LinuxOptions) {
    this.command = new Command([
      'run', '--kernel', path.join(LINUX, `vmlinuz-${flavour}`), '--initrd', path.join(LINUX, `${initrd}.cpio`),
      '--cmdline', `console=ttyS0,115200 ${parameters}`, '--memory', memory, '--cpus', String(cpus), '--cpu-model', cpuModel,
      '--timeout', String(timeoutSeconds), '--stats', this.statsFile,
    ], () => this.look());
    void this.command.ended.then(() => {
      this.running = false;
      this.look();
    });
  }

  private get statsFile(): string {
    return path.join(this.folder, 'stats.json');
  }

  /** Everything that the guest has written on its serial line. */
  get output(): string {
    return this.command.out;
  }

  /** Waits until this comes, behind what was waited for before: the text up to its end, without carriage returns. */
  async waitFor(pattern: RegExp): Promise<string> {
    for (;;) {
      const text = this.output.slice(this.seen);
      const match = pattern.exec(text);
      if (match) {
        const end = match.index + match[0].length;
        this.seen += end;
        return text.slice(0, end).replaceAll('\r', '');
      }
      assert.ok(this.running, `the run ended without ${String(pattern)}: ${this.command.err}\nIt ended in:\n${this.output.slice(-3000)}`);
      await new Promise<void>((resolve) => { this.look = resolve; });
    }
  }

  /** Waits for the shell's first prompt: the kernel's messages. */
  async boot(): Promise<string> {
    return this.waitFor(PROMPT);
  }

  /** Types a command and waits for the next prompt: what came in between, with the echo. */
  async type(line: string): Promise<string> {
    this.command.child.stdin.write(`${line}\n`);
    return this.waitFor(PROMPT);
  }

  /** `poweroff`, and the end of the run. */
  async powerOff(): Promise<LinuxEnded> {
    this.command.child.stdin.write('poweroff -f\n');
    const ended = await this.command.ended;
    return { ...ended, figures: JSON.parse(readFileSync(this.statsFile, 'utf8')) as Figures };
  }

  /** Ends the run if it goes on still, and puts its files away. */
  async dispose(): Promise<void> {
    this.command.child.kill('SIGTERM');
    await this.command.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
