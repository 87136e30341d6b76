/** Assembles the guests whose code changes while they run (flat.asm and packer.asm beside this). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';
import { leaveOut } from '../../support/leaveOut';
import type { Configuration } from '../harness';

const SOURCES = fileURLToPath(new URL('.', import.meta.url));

/** What each guest exits with: isa-debug-exit makes (21h << 1) | 1 of it. */
export const EXIT_STATUS = 0x43;

/** What is to run: whether it changes its code, how often, and how long it runs in between. */
export interface Variant {
  readonly modified: boolean;
  readonly rounds: number;
  readonly turns: number;
}

const FLOPPY_BYTES = 1_474_560;

export class RewritingGuests {
  private readonly folder: string;
  private count = 0;

  /** Leaves the suite out where there is no nasm. */
  constructor(context: Context) {
    if (spawnSync('nasm', ['-v']).status !== 0) leaveOut(context, 'no nasm (Debian: nasm)');
    this.folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-rewriting-'));
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true });
  }

  /** A Multiboot guest of a pattern of flat.asm. */
  flat(pattern: number, variant: Variant): Configuration {
    const file = this.assemble('flat.asm', variant, `-DPATTERN=${pattern}`);
    return { multiboot: file, memory: '8M', cpus: 2, quantum: 1000 };
  }

  /** The packed program, on a floppy. */
  packer(variant: Variant): Configuration {
    const program = readFileSync(this.assemble('program.asm', variant));
    const packed = path.join(this.folder, 'packed.bin');
    let before = 0x5a;
    writeFileSync(packed, program.map((byte) => {
      const coded = byte ^ before;
      before = byte;
      return coded;
    }));
    const sector = readFileSync(this.assemble('packer.asm', variant, `-DPACKED="${packed}"`));
    const file = path.join(this.folder, `floppy${this.count++}.img`);
    writeFileSync(file, Buffer.concat([sector, Buffer.alloc(FLOPPY_BYTES - sector.length)]));
    return { floppy: file, memory: '8M' };
  }

  private assemble(source: string, { modified, rounds, turns }: Variant, ...more: readonly string[]): string {
    const file = path.join(this.folder, `guest${this.count++}.bin`);
    const words = ['-f', 'bin', `-DMODIFIED=${modified ? 1 : 0}`, `-DROUNDS=${rounds}`, `-DTURNS=${turns}`, ...more, '-o', file, path.join(SOURCES, source)];
    const { status, stderr } = spawnSync('nasm', words, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return file;
  }
}
