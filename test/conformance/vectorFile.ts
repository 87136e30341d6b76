/**
 * Files of recorded single instructions (format 'x86-vectors-1'): their form, and reading them with
 * messages that say what is wrong where.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** Bytes at an address, both in hexadecimal. */
export type MemoryRun = readonly [address: string, bytes: string];

/** Registers by name as hexadecimal strings, and memory. */
export interface StateChange {
  readonly mem?: readonly MemoryRun[];
  readonly [name: string]: string | readonly MemoryRun[] | undefined;
}

/** One recorded instruction. */
export interface Vector {
  /** CPU mode. */
  readonly m: 32 | 64;
  /** Instruction bytes, and their disassembly for reading. */
  readonly b: string;
  readonly d: string;
  /** What differs from the default state before, and what the instruction changed. */
  readonly i: StateChange;
  readonly o: StateChange;
  /** The exception raised, and a page fault's address. */
  readonly x?: string;
  readonly cr2?: string;
  /** Undefined afterwards: RFLAGS bits, x87 status word bits, registers, memory. */
  readonly u?: string;
  readonly usw?: string;
  readonly ur?: readonly string[];
  readonly um?: readonly (readonly [address: string, bytes: number])[];
}

export interface Family {
  /** Path below the directory without the extension: `alu`, `v3/avx`. */
  readonly name: string;
  readonly vectors: readonly Vector[];
}

/** A directory or file that cannot be used; the message is for the person. */
export class VectorFileError extends Error {}

/** Where tests look for the files: SHADOWBOX_SILICON, or `shared/silicon` beside the checkout. */
export const SILICON = resolve(process.env['SHADOWBOX_SILICON'] ?? fileURLToPath(new URL('../../../shared/silicon', import.meta.url)));

const EXTENSION = '.jsonl.gz';
const FORMAT = 'x86-vectors-1';

/** Names of all families in a directory and the directories in it, sorted. Throws VectorFileError. */
export function familyNames(directory: string): readonly string[] {
  if (!existsSync(directory)) throw new VectorFileError(`${directory}: there is no such directory`);
  if (!statSync(directory).isDirectory()) throw new VectorFileError(`${directory} is a file; give the directory that holds the *${EXTENSION} files`);
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(EXTENSION))
    .map((name) => relative('', name).slice(0, -EXTENSION.length).replaceAll('\\', '/'));
  if (names.length === 0) throw new VectorFileError(`${directory} holds no *${EXTENSION} files`);
  return names.sort();
}

/** Reads one family. Throws VectorFileError that names file and line. */
export function readFamily(directory: string, name: string): Family {
  const file = join(directory, `${name}${EXTENSION}`);
  const lines = unpack(file).trimEnd().split('\n');
  const header = parse(file, 1, lines[0] ?? '');
  if (header['format'] !== FORMAT) {
    throw new VectorFileError(`${file}, line 1: the format is ${JSON.stringify(header['format'])}, not "${FORMAT}"`);
  }
  const vectors = lines.slice(1).map((line, i) => vector(file, i + 2, line));
  const count = header['count'];
  if (count !== vectors.length) {
    throw new VectorFileError(`${file}: ${vectors.length} vectors, but its first line says ${String(count)}: is the file cut off?`);
  }
  return { name, vectors };
}

function unpack(file: string): string {
  try {
    return gunzipSync(readFileSync(file)).toString('utf8');
  } catch (reason) {
    throw new VectorFileError(`${basename(file)} cannot be read: ${reason instanceof Error ? reason.message : String(reason)}`);
  }
}

function parse(file: string, line: number, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new VectorFileError(`${file}, line ${line}: not a line of JSON`);
  }
  if (typeof value !== 'object' || value === null) throw new VectorFileError(`${file}, line ${line}: not a JSON object`);
  return value as Readonly<Record<string, unknown>>;
}

function vector(file: string, line: number, text: string): Vector {
  const value = parse(file, line, text);
  const state = (field: string): boolean => typeof value[field] === 'object' && value[field] !== null;
  if (value['m'] !== 32 && value['m'] !== 64) throw new VectorFileError(`${file}, line ${line}: m is neither 32 nor 64`);
  if (typeof value['b'] !== 'string' || !/^([0-9a-f]{2}){1,15}$/.test(value['b'])) {
    throw new VectorFileError(`${file}, line ${line}: b is not the bytes of an instruction`);
  }
  if (!state('i') || !state('o')) throw new VectorFileError(`${file}, line ${line}: i and o must be objects`);
  return value as object as Vector;
}
