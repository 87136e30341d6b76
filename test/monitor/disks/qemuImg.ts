/** QEMU's tools and 7-Zip, as judges of images in a folder of their own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const MOST_OUTPUT = 64 * 1024 * 1024;

export function hasTool(name: string): boolean {
  return spawnSync(name, ['--help']).error === undefined;
}

export class Folder {
  readonly path = mkdtempSync(path.join(tmpdir(), 'shadowbox-disks-'));

  at(name: string): string {
    return path.join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Runs a tool here; it has to succeed. */
  run(tool: string, ...words: string[]): Buffer {
    const { status, stdout, stderr, error } = spawnSync(tool, words, { cwd: this.path, maxBuffer: MOST_OUTPUT });
    assert.equal(status, 0, `${tool} ${words.join(' ')}: ${error?.message ?? ''}${String(stdout).slice(-2000)}${String(stderr)}`);
    return stdout;
  }

  qemuImg(...words: string[]): string {
    return this.run('qemu-img', ...words).toString();
  }

  /** The image is as sound as qemu-img can say: without errors, and without leaks unless they are allowed. */
  check(name: string, format: string, leaks: 'none' | 'allowed' = 'none'): void {
    const { status, stdout, stderr } = spawnSync('qemu-img', ['check', '-f', format, name], { cwd: this.path });
    const right = status === 0 || (status === 3 && leaks === 'allowed');
    assert.ok(right, `qemu-img check ${name}: status ${status}\n${String(stdout).slice(0, 2000)}${String(stderr)}`);
  }

  /** The image's disk holds what the raw file holds. */
  compare(raw: string, name: string, format: string): void {
    // It only warns when sizes differ.
    assert.equal(this.qemuImg('compare', '-f', 'raw', '-F', format, raw, name).trim(), 'Images are identical.');
  }
}
