/**
 * The real thing for conversations over the wire: dist/adapter.js as a process of its own, brought up to date first,
 * and launch configurations of the samples as samples/.vscode/launch.json has them.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DapClient } from '../client';
import { markerLine } from '../markers';

const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));
export const SAMPLES = path.join(CHECKOUT, 'samples');
export const GUESTS = path.join(CHECKOUT, '.cache', 'guests');

/** An answer that takes longer than this is a hang. */
const TIMEOUT_MS = 20_000;

const SOURCE_MAP = { '/shadowbox/samples': SAMPLES };
const LAB = path.join(SAMPLES, 'paging-lab');
const HELLO = path.join(SAMPLES, 'hello');

export const PAGING_LAB = {
  multiboot: path.join(LAB, 'paging-lab.elf'),
  cmdline: '',
  memory: '128M',
  symbols: [path.join(LAB, 'paging-lab.elf')],
  sourceMap: SOURCE_MAP,
};

export const HELLO_FLOPPY = {
  floppy: path.join(HELLO, 'hello.img'),
  memory: '16M',
  symbols: [path.join(HELLO, 'hello.elf')],
  sourceMap: SOURCE_MAP,
};

/** A source file of a sample: 'paging-lab/paging.c'. */
export function sample(file: string): string {
  return path.join(SAMPLES, file);
}

/** The line of a marker comment in a sample's source. */
export function lineIn(file: string, marker: string): number {
  return markerLine(sample(file), marker);
}

let built = false;

/** Starts the adapter of dist/, which is brought up to date first. */
export function startAdapter(): DapClient {
  if (!built) {
    const { status, stderr } = spawnSync(process.execPath, [path.join(CHECKOUT, 'scripts', 'build.mjs')], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    built = true;
  }
  return DapClient.start(process.execPath, [path.join(CHECKOUT, 'dist', 'adapter.js')], { cwd: CHECKOUT, timeout: TIMEOUT_MS });
}

/** Median of a list of figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
