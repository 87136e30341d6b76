/**
 * Real code to cut pieces from and to change: the samples, SeaBIOS, and what of Debian's kernels and of memtest86+ has
 * been fetched for other tests. What is not there is left out.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findSeaBios } from '../../../../src/host/node/seabios';
import type { Bits } from './assembler';

/** Bytes of a file that are read at most. */
const MOST = 4 << 20;

export interface Corpus {
  /** Real code by its size; empty where nothing was found. */
  readonly code: Readonly<Record<Bits, readonly Uint8Array[]>>;
  /** Whole images to change: they boot as they are. */
  readonly floppies: readonly Uint8Array[];
  readonly kernels: readonly Uint8Array[];
  readonly firmwares: readonly Uint8Array[];
}

/** @param checkout the folder with samples/ and .cache/ */
export async function readCorpus(checkout: string): Promise<Corpus> {
  const read = (...names: readonly string[]): readonly Uint8Array[] => {
    const file = path.resolve(checkout, ...names);
    return existsSync(file) ? [new Uint8Array(readFileSync(file)).subarray(0, MOST)] : [];
  };
  const guests = ['.cache', 'guests'] as const;
  const hello = read('samples', 'hello', 'hello.img');
  const lab = read('samples', 'paging-lab', 'paging-lab.elf');
  const { bios } = await findSeaBios();
  const seabios = bios === undefined ? [] : read(bios);
  return {
    code: {
      16: [...hello, ...seabios],
      32: [...lab, ...seabios, ...read(...guests, 'memtest86+', 'memtest86+ia32.bin'), ...read(...guests, 'linux', 'vmlinuz-686-pae')],
      64: [...read(...guests, 'memtest86+', 'memtest86+x64.bin'), ...read(...guests, 'linux', 'vmlinuz-amd64')],
    },
    floppies: hello,
    kernels: lab,
    firmwares: seabios,
  };
}
