/** A guest on QEMU, of which pictures of the screen are taken: what our own pictures are compared with. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue of each dot. */
  readonly rgb: Uint8Array;
}

const PATIENCE_MS = 30_000;

/** A portable pixmap of three bytes a dot. */
function readPixmap(bytes: Buffer): Picture {
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.subarray(0, 64).toString('latin1'));
  if (header === null) throw new Error('QEMU wrote no pixmap');
  return { width: Number(header[1]), height: Number(header[2]), rgb: bytes.subarray(header[0].length) };
}

export class QemuScreen {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-qemu-'));
  readonly #process: ChildProcessWithoutNullStreams;
  #pictures = 0;

  /** Boots a floppy image with SeaBIOS and the standard VGA. */
  constructor(floppy: Uint8Array) {
    const image = path.join(this.#folder, 'floppy.img');
    writeFileSync(image, floppy);
    this.#process = spawn('qemu-system-i386', [
      '-accel', 'tcg', '-m', '32', '-display', 'none', '-vga', 'std', '-nodefaults', '-device', 'isa-debugcon,iobase=0xe9,chardev=e9',
      '-chardev', `file,id=e9,path=${path.join(this.#folder, 'debug')}`, '-drive', `file=${image},format=raw,if=floppy`, '-monitor', 'stdio',
    ]);
  }

  /** What the guest has written to port E9. */
  get debug(): string {
    const file = path.join(this.#folder, 'debug');
    return existsSync(file) ? readFileSync(file, 'latin1') : '';
  }

  async until(done: () => boolean, what: string): Promise<void> {
    for (const end = performance.now() + PATIENCE_MS; !done();) {
      if (performance.now() > end || this.#process.exitCode !== null) throw new Error(`QEMU did not come to ${what}: '${this.debug}'`);
      await sleep(10);
    }
  }

  command(line: string): void {
    this.#process.stdin.write(`${line}\n`);
  }

  async picture(): Promise<Picture> {
    const file = path.join(this.#folder, `picture${this.#pictures++}.ppm`);
    this.command(`screendump ${file}`);
    let size = -1;
    const isWhole = (): boolean => {
      const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
      const before = size;
      size = bytes.length;
      if (size < 16 || size !== before) return false;
      const { width, height, rgb } = readPixmap(bytes);
      return rgb.length === width * height * 3;
    };
    await this.until(isWhole, 'a picture');
    return readPixmap(readFileSync(file));
  }

  close(): void {
    this.#process.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
