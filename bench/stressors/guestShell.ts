/** A guest with a shell on its first serial port, which is a program's stdin and stdout: commands are typed there, and the clock is read when they are done. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { root } from '../../scripts/lib/paths.mjs';

/** What the guest's /init says when the shell is there (scripts/fetch-test-guests.mjs). */
const READY = 'a shell on ttyS0';
const BOOT_MS = 180_000;
/** The shell that begins behind READY prints its prompt first. */
const SETTLE_MS = 1000;
/** Characters of stderr that are kept for a reason. */
const COMPLAINTS_KEPT = 1000;

export interface Done {
  readonly seconds: number;
  /** What the command has printed. */
  readonly text: string;
}

export class GuestShell {
  private readonly child: ChildProcessWithoutNullStreams;
  private text = '';
  /** Why nothing comes any more, and what the program has said about it. */
  private gone: string | undefined;
  private complaints = '';
  private heard: () => void = () => undefined;
  private commands = 0;

  private constructor(program: string, args: readonly string[]) {
    this.child = spawn(program, args, { cwd: root, stdio: 'pipe' });
    this.child.stdout.on('data', (data: Buffer) => {
      this.text += data.toString('latin1');
      this.heard();
    });
    this.child.stderr.on('data', (data: Buffer) => { this.complaints = (this.complaints + data.toString('utf8')).slice(-COMPLAINTS_KEPT); });
    // A program that has gone says so by 'close', or could not be started.
    this.child.stdin.on('error', () => undefined);
    this.child.on('error', (error) => this.leave(error.message));
    this.child.on('close', (status) => this.leave(`it has ended (status ${String(status)})`));
  }

  private leave(reason: string): void {
    this.gone ??= reason;
    this.heard();
  }

  /** Boots a guest, up to its shell. @throws Error when that does not come */
  static async boot(program: string, args: readonly string[]): Promise<GuestShell> {
    const shell = new GuestShell(program, args);
    if (!await shell.hears(READY, BOOT_MS)) {
      shell.end();
      const reason = shell.gone ?? `no shell after ${BOOT_MS / 1000} s`;
      throw new Error(`${program}: ${reason}; the last that came was ${JSON.stringify(shell.text.slice(-200))}\n${shell.complaints}`.trimEnd());
    }
    await new Promise((resolve) => { setTimeout(resolve, SETTLE_MS); });
    await shell.run('stty -echo', BOOT_MS);
    return shell;
  }

  /** Has a command done. @returns undefined when it is not done after so many milliseconds, or the guest has gone: it is of no more use then */
  async run(command: string, milliseconds: number): Promise<Done | undefined> {
    const number = this.commands++;
    this.text = '';
    const begin = performance.now();
    // The quotes keep what is typed from being taken for what is said.
    this.child.stdin.write(`${command}; echo done-''${number}.\n`);
    if (!await this.hears(`done-${number}.`, milliseconds)) return undefined;
    return { seconds: (performance.now() - begin) / 1000, text: this.text };
  }

  end(): void {
    this.child.kill('SIGKILL');
  }

  private hears(words: string, milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (heard: boolean): void => {
        clearTimeout(patience);
        this.heard = () => undefined;
        resolve(heard);
      };
      const patience = setTimeout(finish, milliseconds, false);
      this.heard = () => {
        const heard = this.text.includes(words);
        if (heard || this.gone !== undefined) finish(heard);
      };
      this.heard();
    });
  }
}
