/**
 * Encodes ACPI Machine Language: the few terms that our DSDT is written in (ACPI Specification 6.5, chapter 20).
 * Each function gives the bytes of one term; terms are put together by nesting the calls.
 */
import { concatenate, put16, put32, zeroTerminated } from '../bytes';

export type Aml = Uint8Array;

const OP = {
  zero: 0x00, one: 0x01, name: 0x08, byte: 0x0a, word: 0x0b, dword: 0x0c, string: 0x0d, scope: 0x10, buffer: 0x11,
  package: 0x12, method: 0x14, dualName: 0x2e, multiName: 0x2f, extended: 0x5b, root: 0x5c, arg0: 0x68, store: 0x70,
  and: 0x7b, or: 0x7d, createDwordField: 0x8a, if: 0xa0, else: 0xa1, return: 0xa4,
} as const;
/** Opcodes behind the extension prefix. */
const EXTENDED = { region: 0x80, field: 0x81, device: 0x82 } as const;

/** Flags of a method that creates names: only one call of it runs at a time. */
const SERIALIZED = 0x08;
/** A region in the configuration space of the PCI function that the scope is. */
const PCI_CONFIGURATION = 2;
/** Accessed byte by byte, without the global lock; bits beside a field are preserved. */
const BYTE_ACCESS = 0x01;

/** A number in the form of PkgLength (20.2.4): the low bits in a byte that says how many bytes follow. */
function encodedLength(value: number, extra: number): Aml {
  if (extra === 0) return Uint8Array.of(value);
  const bytes = new Uint8Array(1 + extra);
  bytes[0] = (extra << 6) | (value & 0x0f);
  for (let index = 1; index <= extra; index++) bytes[index] = value >>> (8 * index - 4);
  return bytes;
}

/** PkgLength: the bytes of a term behind its opcode, these ones included, in 1 to 4 bytes (20.2.4). */
function packageLength(contents: number): Aml {
  const extra = contents + 1 < 0x40 ? 0 : contents + 2 < 0x1000 ? 1 : contents + 3 < 0x10_0000 ? 2 : 3;
  return encodedLength(contents + 1 + extra, extra);
}

function sized(opcode: readonly number[], ...parts: readonly Aml[]): Aml {
  const contents = concatenate(parts);
  return concatenate([Uint8Array.from(opcode), packageLength(contents.length), contents]);
}

/** A name of up to four characters, filled up with underscores. */
function segment(name: string): Aml {
  return new TextEncoder().encode(name.padEnd(4, '_'));
}

/** A path such as '_SB', 'PCI0' or '\\_SB.PCI0'. */
export function path(text: string): Aml {
  const rooted = text.startsWith('\\');
  const segments = (rooted ? text.slice(1) : text).split('.').map(segment);
  const prefix = segments.length === 1 ? [] : segments.length === 2 ? [OP.dualName] : [OP.multiName, segments.length];
  return concatenate([Uint8Array.from(rooted ? [OP.root, ...prefix] : prefix), ...segments]);
}

/** An integer constant of up to 32 bits, in its shortest form. */
export function integer(value: number): Aml {
  if (value <= 1) return Uint8Array.of(value === 0 ? OP.zero : OP.one);
  if (value <= 0xff) return Uint8Array.of(OP.byte, value);
  if (value <= 0xffff) {
    const bytes = Uint8Array.of(OP.word, 0, 0);
    put16(bytes, 1, value);
    return bytes;
  }
  const bytes = Uint8Array.of(OP.dword, 0, 0, 0, 0);
  put32(bytes, 1, value);
  return bytes;
}

export function text(value: string): Aml {
  return concatenate([Uint8Array.of(OP.string), zeroTerminated(value)]);
}

/** A compressed EISA ID: three letters of five bits and four hexadecimal digits, big-endian (19.3.4, EISAID). */
export function eisaId(id: string): Aml {
  const letter = (index: number): number => id.charCodeAt(index) - 0x40;
  const vendor = (letter(0) << 10) | (letter(1) << 5) | letter(2);
  const product = parseInt(id.slice(3), 16);
  return Uint8Array.of(OP.dword, vendor >>> 8, vendor, product >>> 8, product);
}

export function buffer(bytes: Uint8Array): Aml {
  return sized([OP.buffer], integer(bytes.length), bytes);
}

/** A package of up to 255 elements. */
export function packageOf(...elements: readonly Aml[]): Aml {
  return sized([OP.package], Uint8Array.of(elements.length), ...elements);
}

export function name(of: string, value: Aml): Aml {
  return concatenate([Uint8Array.of(OP.name), path(of), value]);
}

export function scope(of: string, ...terms: readonly Aml[]): Aml {
  return sized([OP.scope], path(of), ...terms);
}

export function device(of: string, ...terms: readonly Aml[]): Aml {
  return sized([OP.extended, EXTENDED.device], path(of), ...terms);
}

/** A method that creates no names. */
export function method(of: string, parameters: number, ...terms: readonly Aml[]): Aml {
  return sized([OP.method], path(of), Uint8Array.of(parameters), ...terms);
}

/** A method that creates names, of which only one call runs at a time. */
export function serializedMethod(of: string, parameters: number, ...terms: readonly Aml[]): Aml {
  return sized([OP.method], path(of), Uint8Array.of(parameters | SERIALIZED), ...terms);
}

/** Byte-wide fields over configuration space of the PCI device that the scope is, one for each name from `first` up. */
export function configurationBytes(region: string, first: number, names: readonly string[]): Aml {
  const fields = names.map((of) => concatenate([segment(of), encodedLength(8, 0)]));
  return concatenate([
    Uint8Array.of(OP.extended, EXTENDED.region), path(region), Uint8Array.of(PCI_CONFIGURATION), integer(first), integer(names.length),
    sized([OP.extended, EXTENDED.field], path(region), Uint8Array.of(BYTE_ACCESS), ...fields),
  ]);
}

/** Names four bytes of a buffer. */
export function dwordField(source: Aml, offset: number, of: string): Aml {
  return concatenate([Uint8Array.of(OP.createDwordField), source, integer(offset), path(of)]);
}

/** A & B, kept nowhere. */
export function and(left: Aml, right: Aml): Aml {
  return concatenate([Uint8Array.of(OP.and), left, right, Uint8Array.of(OP.zero)]);
}

/** Target |= bits. */
export function setBits(target: Aml, bits: Aml): Aml {
  return concatenate([Uint8Array.of(OP.or), target, bits, target]);
}

export function argument(index: number): Aml {
  return Uint8Array.of(OP.arg0 + index);
}

export function store(source: Aml, target: Aml): Aml {
  return concatenate([Uint8Array.of(OP.store), source, target]);
}

export function returned(value: Aml): Aml {
  return concatenate([Uint8Array.of(OP.return), value]);
}

/** If (condition) { whenTrue } Else { whenFalse }. */
export function choose(condition: Aml, whenTrue: Aml, whenFalse: Aml): Aml {
  return concatenate([sized([OP.if], condition, whenTrue), sized([OP.else], whenFalse)]);
}
