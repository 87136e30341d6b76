/**
 * The 64-bit kernel of ./long-mode, built where the tools are: one ELF64 file with debug information, which Multiboot
 * loads by the addresses in its header.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { markerLine } from '../markers';

const SOURCES = fileURLToPath(new URL('./long-mode/', import.meta.url));

const C_FLAGS = [
  '-m64', '-march=x86-64', '-std=c17', '-ffreestanding', '-Wall', '-Wextra', '-Werror', '-mcmodel=kernel', '-mno-red-zone',
  '-fno-pic', '-fno-pie', '-fno-stack-protector', '-fcf-protection=none', '-fno-asynchronous-unwind-tables', '-g', '-gdwarf-5',
];

/** How each source is translated. */
const STEPS: readonly (readonly [tool: string, source: string, flags: readonly string[]])[] = [
  ['nasm', 'boot.asm', ['-f', 'elf64', '-g', '-F', 'dwarf']],
  ['gcc', 'entry.s', [...C_FLAGS, '-c']],
  ['gcc', 'kernel.c', [...C_FLAGS, '-O0', '-c']],
  ['gcc', 'list.c', [...C_FLAGS, '-O1', '-fomit-frame-pointer', '-c']],
  ['gcc', 'traps.c', [...C_FLAGS, '-O0', '-mgeneral-regs-only', '-c']],
];

export interface BuiltGuest {
  /** The kernel's file. */
  readonly elf: string;
  remove(): void;
}

/** Runs a tool in the folder of the sources; what it says if it fails. */
function run(tool: string, args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(tool, [...args], { cwd: SOURCES, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  return status === 0 ? undefined : `${tool}: ${error?.message ?? stderr}`;
}

/** Builds the kernel in a folder of its own. Where a tool is missing, says which; a source that does not build is an error. */
export function buildLongModeGuest(): BuiltGuest | { readonly missing: string } {
  for (const tool of ['nasm', 'gcc', 'ld']) if (run(tool, ['-v']) !== undefined) return { missing: `${tool} (Debian: nasm, gcc, binutils)` };
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-long-mode-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const elf = path.join(folder, 'long-mode.elf');
  const objects = STEPS.map(([, source]) => path.join(folder, `${source}.o`));
  const commands = [
    ...STEPS.map(([tool, source, flags], index): [string, string[]] => [tool, [...flags, '-o', objects[index], source]]),
    ['ld', ['-m', 'elf_x86_64', '-nostdlib', '--build-id=none', '-z', 'max-page-size=4096', '-z', 'noexecstack', '-T', 'kernel.ld', '-o', elf, ...objects]] as const,
  ];
  for (const [tool, args] of commands) {
    const complaint = run(tool, args);
    if (complaint === undefined) continue;
    remove();
    throw new Error(complaint);
  }
  return { elf, remove };
}

/** A source of the kernel. */
export function longModeSource(file: string): string {
  return path.join(SOURCES, file);
}

/** The line of a marker comment in one of them. */
export function longModeLine(file: string, marker: string): number {
  return markerLine(longModeSource(file), marker);
}
