/**
 * How forms of instructions lie in memory, where routines find them (./formRoutines) and ./instructionForms puts them. A form is all of an instruction but
 * its displacement and its immediate: prefixes, opcode, ModRM and SIB, its head.
 */
import { FORM_WORDS } from '../memory/layout';

/** Places that are looked at for a form. */
export const FORM_PLACES = 4;
/** Prefixes, opcode, ModRM and SIB of a form: no more bytes than two words. */
export const MOST_HEAD_BYTES = 8;

/** What a form is found by, and known (u32 each): its head, its context with the head's length, and what it is like. They lie apart from the rest, of which only what is written needs any. */
export const FORM_KEY = { low: 0, high: 4, context: 8, nature: 12 } as const;
/** Words of a form's record that are neither a constant nor a place (u32 each). An immediate that stands in the head is no constant. */
export const FORM_BODY = { handler: 0, registers: 4, address: 8, sizes: 12, segment: 16, link: 20, immediate: 24 } as const;
/** Bits below a form's context that have its head's length. */
export const FORM_LENGTH_BITS = 4;

/** Fields of `nature`: lengths in bytes, of the instruction, its head, displacement and immediate (4 bits each); the rest are flags, its tail (3), and where it leads (LEADS, 2). */
export const NATURE = { length: 0, head: 4, displacement: 8, immediate: 12, signed: 16, closes: 17, relativeToIp: 18, tail: 20, leads: 23 } as const;

/** Whether opcodes of the four maps have a ModRM byte: not known yet, no, yes, some of them. */
export const MODRM = { unknown: 0, none: 1, present: 2, mixed: 3 } as const;

/** What a byte in front of an opcode is: nothing, a prefix, the one for the address size, one in 64-bit code only. */
export const PREFIX = { none: 0, plain: 1, address: 2, rex: 3 } as const;

/** First byte of VEX prefixes, and of the instructions that look like them: both are left to the decoder. */
export const VEX_LIKE = 0xc4;

/** Numbers of code sizes, in the lowest bits of a context's number. */
export const CODE_BITS = { 16: 0, 32: 1, 64: 2 } as const;
export const CODE_BITS_MASK = 3;

/** Factors of the hash that a form is found by: for both words of the head, its context, and all of it. */
export const FORM_HASH = { low: 0x9e3779b1, high: 0x85ebca77, context: 0xc2b2ae3d, all: 0x27d4eb2f } as const;

/** Addresses of what `readHead` finds beside the head's length: its two words, the bytes of its displacement, its opcode with the map in bits 8 and 9 (-1 for none). */
export const HEAD_FOUND = { low: FORM_WORDS, high: FORM_WORDS + 4, displacement: FORM_WORDS + 8, opcode: FORM_WORDS + 12 } as const;
/** Addresses of what `writeRun` gives beside the number of instructions: where the next one begins, whether the last one ends a block, and where that leads (LEADS). */
export const RUN_WRITTEN = { end: FORM_WORDS + 16, closed: FORM_WORDS + 20, leads: FORM_WORDS + 24 } as const;
