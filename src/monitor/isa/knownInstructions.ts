/**
 * Short instructions that have been decoded before. A kernel's code is made of a few thousand of them, again and again: to find one by its
 * bytes is ten times as fast as to decode it.
 */
import type { CodeBits } from './addressing';
import { decode } from './decoder';
import type { Instruction } from './instruction';

/** Bytes of the longest that are kept: as many as an integer of 32 bits holds. */
const LONGEST = 4;
/** Those of one length that are kept at most: when a guest has more, all are forgotten. */
const MOST = 16384;
/** Prefixes, of which 64-bit code has REX besides. */
const PREFIXES: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
/** LES and LDS, or VEX: which of them the byte behind tells, so that more is looked at than belongs to the instruction. */
const MAYBE_VEX: ReadonlySet<number> = new Set([0xc4, 0xc5]);

/** Those of one kind of code. */
class KnownInCode {
  /** By the bytes, the first one lowest, for each length from 1 on. */
  private readonly byLength = Array.from({ length: LONGEST }, () => new Map<number, Instruction>());
  /** Which lengths there are for a first byte: bit n - 1 for n bytes. */
  private readonly lengths = new Uint8Array(256);

  find(code: Uint8Array, start: number, end: number): Instruction | undefined {
    const lengths = this.lengths[code[start] ?? 0] ?? 0;
    let key = 0;
    for (let i = 0; i < LONGEST && lengths >> i > 0 && start + i < end; i++) {
      key |= (code[start + i] ?? 0) << (8 * i);
      const found = lengths & (1 << i) ? this.byLength[i]?.get(key) : undefined;
      if (found) return found;
    }
    return undefined;
  }

  add(code: Uint8Array, start: number, instruction: Instruction): void {
    let key = 0;
    for (let i = 0; i < instruction.length; i++) key |= (code[start + i] ?? 0) << (8 * i);
    const same = this.byLength[instruction.length - 1];
    if (same && same.size >= MOST) same.clear();
    same?.set(key, instruction);
    this.lengths[code[start] ?? 0] |= 1 << (instruction.length - 1);
  }
}

const known = { 16: new KnownInCode(), 32: new KnownInCode(), 64: new KnownInCode() } as const;

/** What `decode` gives, for the same parameters. */
export function decodeKnown(code: Uint8Array, start: number, end: number, bits: CodeBits): Instruction | undefined {
  const found = known[bits].find(code, start, end);
  if (found) return found;
  const instruction = decode(code, start, end, bits);
  if (instruction && instruction.length <= LONGEST && !mayBeVex(code, start, bits)) known[bits].add(code, start, instruction);
  return instruction;
}

function mayBeVex(code: Uint8Array, start: number, bits: CodeBits): boolean {
  let at = start;
  while (PREFIXES.has(code[at] ?? 0) || (bits === 64 && ((code[at] ?? 0) & 0xf0) === 0x40)) at++;
  return MAYBE_VEX.has(code[at] ?? 0);
}
