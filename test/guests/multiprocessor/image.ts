/** Assembles the guest that tries what several CPUs do together (processors.asm beside this). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  /** Its labels as a list of names, as `nm` prints it. */
  readonly symbols: string;
  /** Removes it. */
  dispose(): void;
}

/** A Multiboot image in a temporary folder. Leaves the suite out where there is no nasm. */
export function assembleGuest(context: Context): AssembledGuest {
  if (spawnSync('nasm', ['-v']).status !== 0) leaveOut(context, 'no nasm (Debian: nasm)');
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-multiprocessor-'));
  const file = path.join(folder, 'processors.bin');
  const map = path.join(folder, 'processors.map');
  const { status, stderr } = spawnSync('nasm', ['-f', 'bin', '--before', `[map symbols ${map}]`, '-o', file, SOURCE], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const symbols = path.join(folder, 'processors.txt');
  writeFileSync(symbols, nameList(readFileSync(map, 'utf8')));
  return { file, symbols, dispose: () => rmSync(folder, { recursive: true }) };
}

/** nasm's map has a row for each label (real address, virtual address, name), local ones as `function.label`: those of functions and data are kept. */
function nameList(map: string): string {
  const rows = [...map.matchAll(/^ *[0-9A-F]+ +([0-9A-F]+) +([A-Za-z_]\w*)$/gm)];
  assert.ok(rows.length > 0, map);
  return rows.map(([, address, name]) => `${address.padStart(8, '0').toLowerCase()} T ${name}\n`).join('');
}
