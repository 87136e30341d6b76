/** A guest with a shell on its first serial port, which is a program's stdin and stdout: commands are typed there, and the clock is read when they are done. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { root } from '../../scripts/lib/paths.mjs';

/** What the guest's /init says when the shell is there (scripts/lib/initramfs.mjs). */
const READY = 'a shell on ttyS0';
const BOOT_MS = 180_000;
/** The shell that begins behind READY prints its prompt first. */
const SETTLE_MS = 1000;

export interface Done {
  readonly seconds: number;
  /** What the command has printed. */
  readonly text: string;
}

export class GuestShell {
  private readonly child: ChildProcessWithoutNullStreams;
  private text = '';
  private heard: () => void = () => undefined;
  private commands = 0;

  private constructor(program: string, args: readonly string[]) {
    this.child = spawn(program, args, { cwd: root, stdio: 'pipe' });
    this.child.stdout.on('data', (data: Buffer) => {
      this.text += data.toString('latin1');
      this.heard();
    });
    this.child.stderr.resume();
    // Whoever waits sees that nothing comes any more.
    this.child.stdin.on('error', () => undefined);
    this.child.on('error', () => undefined);
  }

  /** Boots a guest, up to its shell. @throws Error when that does not come */
  static async boot(program: string, args: readonly string[]): Promise<GuestShell> {
    const shell = new GuestShell(program, args);
    if (!await shell.hears(READY, BOOT_MS)) {
      shell.end();
      throw new Error(`${program}: no shell after ${BOOT_MS / 1000} s; the last that came was ${JSON.stringify(shell.text.slice(-200))}`);
    }
    await new Promise((resolve) => { setTimeout(resolve, SETTLE_MS); });
    await shell.run('stty -echo', BOOT_MS);
    return shell;
  }

  /** Has a command done. @returns undefined when it is not done after so many milliseconds: then the guest is of no more use */
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
      this.heard = () => { if (this.text.includes(words)) finish(true); };
      this.heard();
    });
  }
}
