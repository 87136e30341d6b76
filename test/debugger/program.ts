/**
 * Builds the tests' C program with gcc into a temporary folder, and makes a fake guest of it.
 */
import type { Context } from 'mocha';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SymbolTable } from '../../debugger/symbols/symbol-table';
import type { FakeGuest } from './fakeMachine';
import { leaveOut } from '../support/leaveOut';

const SOURCES = fileURLToPath(new URL('guest/', import.meta.url));
const BASE = 0x100000;
const STACK = 0x20000;

export interface BuiltProgram {
  readonly folder: string;
  readonly elf: string;
  readonly source: string;
  /** `how` goes to kernel_main and decides how the program ends (guest/program.c). */
  guest(how: number): FakeGuest;
  /** Address of a symbol. */
  addressOf(name: string): number;
}

let built: BuiltProgram | undefined;

/** The program, built once; where there is no gcc for 32-bit code the test, or the suite of a `before` hook, is left out. */
export function needProgram(test: Context): BuiltProgram {
  return buildProgram() ?? leaveOut(test, 'no gcc -m32 (Debian: gcc-multilib)');
}

function buildProgram(): BuiltProgram | undefined {
  if (built) return built;
  const folder = mkdtempSync(join(tmpdir(), 'shadowbox-debugger-'));
  for (const name of ['program.c', 'start.s']) copyFileSync(join(SOURCES, name), join(folder, name));
  const run = (command: string, ...args: string[]): void => {
    execFileSync(command, args, { cwd: folder, stdio: 'pipe' });
  };
  try {
    run('gcc', '-m32', '-g', '-O0', '-ffreestanding', '-fno-pic', '-fno-pie', '-fcf-protection=none', '-fno-stack-protector', '-c', 'program.c');
  } catch {
    return undefined;
  }
  run('as', '--32', 'start.s', '-o', 'start.o');
  run('ld', '-m', 'elf_i386', '-Ttext', `0x${BASE.toString(16)}`, '-o', 'program.elf', 'start.o', 'program.o', '--no-warn-rwx-segments');
  run('objcopy', '-O', 'binary', '--only-section=.text', '--only-section=.data', '--only-section=.rodata', '--only-section=.eh_frame', 'program.elf', 'program.bin');
  const image = readFileSync(join(folder, 'program.bin'));
  const bytes = new Uint8Array(image.buffer, image.byteOffset, image.byteLength);
  built = {
    folder,
    elf: join(folder, 'program.elf'),
    source: join(folder, 'program.c'),
    addressOf: (name) => symbolAddress(join(folder, 'program.elf'), name),
    guest: (how) => ({
      bits: 32,
      mapped: [[0, STACK], [BASE, Math.ceil(bytes.length / 4096) * 4096 + 4096]],
      // _start pushes EAX as the argument; the machine starts one instruction later with the number on the stack.
      images: [{ address: BASE, bytes }, { address: STACK - 8, bytes: Uint8Array.of(how, 0, 0, 0) }],
      entry: BASE + 1,
      stack: STACK - 8,
    }),
  };
  return built;
}

function symbolAddress(elf: string, name: string): number {
  const [found] = SymbolTable.parse(new Uint8Array(readFileSync(elf))).symbolsNamed(name);
  if (!found) throw new Error(`there is no symbol ${name} in ${elf}`);
  return Number(found.address);
}
