/** Assembles the guest that tries what several CPUs do together (processors.asm beside this). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';
import { leaveOut } from '../../support/leaveOut';

const SOURCE = fileURLToPath(new URL('processors.asm', import.meta.url));

/** What the guest exits with when it has come to its end: isa-debug-exit makes (21h << 1) | 1 of it. */
export const EXIT_STATUS = 0x43;

export interface AssembledGuest {
  readonly file: string;
  /** Removes it. */
  dispose(): void;
}

/** A Multiboot image in a temporary folder. Leaves the suite out where there is no nasm. */
export function assembleGuest(context: Context): AssembledGuest {
  if (spawnSync('nasm', ['-v']).status !== 0) leaveOut(context, 'no nasm (Debian: nasm)');
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-multiprocessor-'));
  const file = path.join(folder, 'processors.bin');
  const { status, stderr } = spawnSync('nasm', ['-f', 'bin', '-o', file, SOURCE], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return { file, dispose: () => rmSync(folder, { recursive: true }) };
}
