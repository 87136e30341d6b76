/**
 * Whether a symbol file describes the program that lies in a process's memory: by build id, or by the code itself, as far as it is in
 * memory.
 */
import { littleEndian } from '../numbers';
import type { LoadedSymbols } from '../symbolLoader';
import { SymbolFileError } from '../symbols/bytes';
import { SHF } from '../symbols/elf';
import type { ReadProgram } from './programMemory';

const PAGE = 4096;
const MAGIC = 0x464c_457fn;
const PT_NOTE = 4n;
/** The type of a note with a build id, and its owner, 'GNU'. */
const BUILD_ID = 3n, GNU = 0x55_4e47n;
/** Pages of code that are compared at most. */
const MOST_PAGES = 8;
/** Pages of code that are looked at for it. */
const MOST_LOOKED = 512;
const LONGEST_ID = 64n;

/**
 * The build id of an ELF file from its headers in memory, in hexadecimal digits; undefined where it has none, or where its first page
 * is not in memory: nobody may have touched it.
 */
export async function buildIdInMemory(lowest: bigint, read: ReadProgram): Promise<string | undefined> {
  const header = await read(lowest, PAGE);
  const field = (at: number, size: number): bigint => littleEndian(header.subarray(at, at + size));
  if (header.length < PAGE || field(0, 4) !== MAGIC) return undefined;
  const is64 = header[4] === 2;
  const [table, size, count] = is64 ? [field(32, 8), field(54, 2), field(56, 2)] : [field(28, 4), field(42, 2), field(44, 2)];
  for (let index = 0n; index < count; index++) {
    const at = Number(table + index * size);
    if (at + Number(size) > PAGE) return undefined;
    // What the file has in its first page lies in memory as it does in the file.
    const [offset, length] = is64 ? [field(at + 8, 8), field(at + 32, 8)] : [field(at + 4, 4), field(at + 16, 4)];
    if (field(at, 4) !== PT_NOTE || offset + length > BigInt(PAGE)) continue;
    const found = buildIdIn(header.subarray(Number(offset), Number(offset + length)));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The build id among notes (gABI, 'Note section'). */
export function buildIdIn(notes: Uint8Array): string | undefined {
  for (let at = 0; at + 12 <= notes.length;) {
    const field = (offset: number): bigint => littleEndian(notes.subarray(at + offset, at + offset + 4));
    const [nameBytes, bytes, type] = [field(0), field(4), field(8)];
    const start = at + 12 + Number((nameBytes + 3n) & ~3n);
    if (type === BUILD_ID && nameBytes === 4n && field(12) === GNU && bytes <= LONGEST_ID) {
      return [...notes.subarray(start, start + Number(bytes))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    }
    at = start + Number((bytes + 3n) & ~3n);
  }
  return undefined;
}

/** Whether a file is of the build that is in memory, or of another; 'unknown' where what is in memory does not tell. */
export type Fit = 'same' | 'other' | 'unknown';

export async function fitOf({ image, object }: LoadedSymbols, buildId: string | undefined, read: ReadProgram): Promise<Fit> {
  const theirs = image.details.buildId;
  if (buildId !== undefined && theirs !== undefined) return buildId === theirs ? 'same' : 'other';
  const bias = image.details.bias ?? 0n;
  let compared = 0, looked = 0;
  for (const section of object.sections) {
    if ((section.flags & SHF.EXECINSTR) === 0 || (section.flags & SHF.ALLOC) === 0) continue;
    const code = contentsOf(object, section.name);
    if (!code) continue;
    for (let at = 0; at < code.length && compared < MOST_PAGES && looked < MOST_LOOKED; looked++) {
      const address = section.address + BigInt(at);
      const bytes = Math.min(code.length - at, PAGE - Number(address % BigInt(PAGE)));
      const there = await read(address + bias, bytes);
      if (there.length === bytes) {
        if (there.every((byte, index) => byte === code[at + index])) return 'same';
        compared++;
      }
      at += bytes;
    }
  }
  return compared > 0 ? 'other' : 'unknown';
}

function contentsOf(object: LoadedSymbols['object'], name: string): Uint8Array | undefined {
  try {
    return object.debugSection(name);
  } catch (error) {
    if (error instanceof SymbolFileError) return undefined;
    throw error;
  }
}
