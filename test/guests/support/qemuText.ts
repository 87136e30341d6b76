/** A guest on QEMU whose text screen is read: what ours is compared with. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 120_000;
const COLUMNS = 80;
/** Where colour text is in memory, and how long it is, in bytes: a character and its attribute for each place. */
const TEXT = { address: 0xb8000, bytes: 2 * COLUMNS * 25 } as const;

export class QemuText {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-qemu-'));
  readonly #process: ChildProcessWithoutNullStreams;
  #said = '';
  #screens = 0;

  /** Boots an image with SeaBIOS, from a drive of this kind. */
  constructor(drive: 'floppy' | 'cdrom', image: string) {
    const medium = drive === 'floppy' ? ['-drive', `file=${image},format=raw,if=floppy,snapshot=on`, '-boot', 'a'] : ['-cdrom', image, '-boot', 'd'];
    this.#process = spawn('qemu-system-i386', ['-accel', 'tcg', '-m', '64', '-display', 'none', '-net', 'none', '-monitor', 'stdio', ...medium]);
    this.#process.stdout.on('data', (data: Buffer) => { this.#said += data.toString('latin1'); });
    this.#process.stderr.on('data', (data: Buffer) => { this.#said += data.toString('latin1'); });
  }

  command(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  /** The text screen, a line a row. */
  async screen(): Promise<string> {
    const file = path.join(this.#folder, `text${this.#screens++}`);
    this.command(`pmemsave ${TEXT.address} ${TEXT.bytes} "${file}"`);
    await this.#until(() => existsSync(file) && statSync(file).size === TEXT.bytes, 'a screen');
    const bytes = readFileSync(file);
    const characters = String.fromCharCode(...bytes.filter((_, index) => index % 2 === 0));
    return Array.from({ length: characters.length / COLUMNS }, (_, row) => characters.slice(row * COLUMNS, (row + 1) * COLUMNS).trimEnd()).join('\n');
  }

  /** Gives the screen on which the text is. */
  async waitFor(text: string | RegExp): Promise<string> {
    for (const end = performance.now() + PATIENCE_MS; ;) {
      const screen = await this.screen();
      if (typeof text === 'string' ? screen.includes(text) : text.test(screen)) return screen;
      if (performance.now() > end) throw new Error(`QEMU's guest did not come to ${String(text)}; its screen:\n${screen}`);
      await sleep(100);
    }
  }

  close(): void {
    this.#process.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; !done();) {
      if (performance.now() > end || this.#process.exitCode !== null) throw new Error(`QEMU did not come to ${what}: '${this.#said}'`);
      await sleep(10);
    }
  }
}
