// The bytes of a value, wherever it lies, and scalars read out of them.

import { numberOf } from "./expression";
import type { Location } from "./expression";
import { DW_ATE } from "./dwarf-constants";
import type { ReadMemory } from "./cfi";
import type { BaseType } from "./types";

/** The bytes of one value, with their address if they are in memory. */
export interface ValueSource {
  /** Run-time address of the first byte; undefined for values in registers, in pieces, or computed. */
  readonly address: bigint | undefined;
  /** Bytes `offset` to `offset + size`; undefined where they cannot be had. */
  read(offset: number, size: number): Uint8Array | undefined;
  /** Why there are no bytes at all, for a value that has none. */
  readonly missing: string | undefined;
  /** Of a pointer without a value: what it points at, where the compiler has kept that. */
  readonly pointee?: ValueSource | undefined;
}

/** A value in memory. */
export function memoryValue(address: bigint, readMemory: ReadMemory): ValueSource {
  return { address, missing: undefined, read: (offset, size) => readMemory(address + BigInt(offset), size) };
}

/** A value that is these bytes. */
export function byteValue(bytes: Uint8Array): ValueSource {
  return {
    address: undefined, missing: undefined,
    read: (offset, size) => offset >= 0 && offset + size <= bytes.length ? bytes.subarray(offset, offset + size) : undefined,
  };
}

/** A value that is not there, and why. */
export function missingValue(reason: string): ValueSource {
  return { address: undefined, missing: reason, read: () => undefined };
}

/** The bytes in which a bit field of a record at `address` lies. */
export function bytesAround({ offset, size }: { readonly offset: number; readonly size: number }, address: bigint): { readonly address: bigint; readonly bytes: number } {
  return { address: address + BigInt(Math.floor(offset / 8)), bytes: Math.ceil((offset % 8 + size) / 8) };
}

/** Part of a value: a member or element. */
export function partOf(source: ValueSource, offset: number): ValueSource {
  return {
    address: source.address === undefined ? undefined : source.address + BigInt(offset),
    missing: source.missing,
    read: (inner, size) => source.read(offset + inner, size),
  };
}

/** How to fetch what a location names. */
export interface ValueReaders {
  readonly readMemory: ReadMemory;
  /** All bytes of a register by DWARF number, lowest first. */
  readRegisterBytes(register: number): Uint8Array | undefined;
}

/**
 * The value at a location (see `SymbolTable.locate`).
 * @param size bytes that the variable's type has
 */
export function valueAt(location: Location, size: number, readers: ValueReaders): ValueSource {
  switch (location.kind) {
    case "memory": return memoryValue(location.address, readers.readMemory);
    case "value": return byteValue(location.bytes);
    case "optimised-out": {
      const { pointee } = location;
      return pointee === undefined ? missingValue(location.reason)
        : { ...missingValue(location.reason), get pointee() { return valueAt(pointee(), MOST_POINTEE_BYTES, readers); } };
    }
    case "register": {
      const bytes = readers.readRegisterBytes(location.register);
      return bytes === undefined ? missingValue(`register ${location.register} is not known in this frame`) : byteValue(bytes);
    }
    case "pieces": return pieces(location, size, readers);
  }
}

/** What an implicit pointer points at is read up to here. */
const MOST_POINTEE_BYTES = 4096;

/** Puts the pieces together; a piece that is missing leaves its bytes unreadable, not the whole value. */
function pieces(location: Extract<Location, { kind: "pieces" }>, size: number, readers: ValueReaders): ValueSource {
  const bytes = new Uint8Array(size);
  const known = new Uint8Array(size);
  let at = 0;
  for (const piece of location.pieces) {
    const width = Math.min(piece.bitSize, size * 8 - at);
    if (width <= 0) break;
    const last = Math.floor((at + width - 1) / 8);
    const source = valueAt(piece.location, Math.ceil((piece.bitOffset + width) / 8), readers);
    const raw = source.read(0, Math.ceil((piece.bitOffset + width) / 8));
    if (raw !== undefined) {
      const value = BigInt.asUintN(width, numberOf(raw) >> BigInt(piece.bitOffset)) << BigInt(at % 8);
      for (let i = Math.floor(at / 8), rest = value; i <= last; i++, rest >>= 8n) {
        bytes[i] |= Number(rest & 0xffn);
        known[i] = 1;
      }
    }
    at += width;
  }
  if (!known.includes(1)) return missingValue("all of its parts were optimised out");
  return {
    address: undefined, missing: undefined,
    read: (offset, length) => offset >= 0 && offset + length <= size && !known.subarray(offset, offset + length).includes(0)
      ? bytes.subarray(offset, offset + length) : undefined,
  };
}

/** Bits [bitOffset, bitOffset + bitSize) of a value, counted from its first byte's lowest bit, as an unsigned number. */
export function readBits(source: ValueSource, bitOffset: number, bitSize: number): bigint | undefined {
  const first = Math.floor(bitOffset / 8);
  const bytes = source.read(first, Math.ceil((bitOffset + bitSize) / 8) - first);
  return bytes && BigInt.asUintN(bitSize, numberOf(bytes) >> BigInt(bitOffset % 8));
}

/** Whether a base type's numbers are signed. */
export function isSignedEncoding(type: BaseType): boolean {
  return type.encoding === DW_ATE.signed || type.encoding === DW_ATE.signed_char;
}

/** A float, double or x87 extended number (Intel SDM volume 1, 4.2.2) as text; undefined for sizes that are none of these. */
export function floatText(bytes: Uint8Array, typeSize: number, typeName: string): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (typeSize === 4) return shortestFloat(view.getFloat32(0, true));
  if (typeSize === 8) return numberText(view.getFloat64(0, true));
  // The same sizes serve for IEEE quadruple precision, which has names of its own.
  if (typeSize >= 10 && typeName === "long double") return extendedText(numberOf(bytes.subarray(0, 8)), view.getUint16(8, true));
  return undefined;
}

function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** The shortest decimal that reads back as the same single-precision number. */
function shortestFloat(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return numberText(text);
  }
  return numberText(Number(value.toPrecision(9)));
}

const EXTENDED_DIGITS = 20;

function extendedText(mantissa: bigint, signAndExponent: number): string {
  const sign = (signAndExponent & 0x8000) !== 0 ? "-" : "";
  const exponent = signAndExponent & 0x7fff;
  if (exponent === 0x7fff) return BigInt.asUintN(63, mantissa) === 0n ? `${sign}Infinity` : "NaN";
  if (mantissa === 0n) return `${sign}0`;
  // The significand is an integer with 63 fraction bits; exponent 0 (denormal) weighs as much as 1.
  const power = Math.max(exponent, 1) - 16383 - 63;
  const numerator = power >= 0 ? mantissa << BigInt(power) : mantissa;
  const denominator = power >= 0 ? 1n : 1n << BigInt(-power);
  return sign + decimalText(numerator, denominator);
}

/** A positive fraction rounded to EXTENDED_DIGITS significant digits, as JavaScript would spell such a number. */
function decimalText(numerator: bigint, denominator: bigint): string {
  let exponent = numerator.toString().length - denominator.toString().length;
  const scaled = (shift: number): bigint => {
    const top = shift >= 0 ? numerator * 10n ** BigInt(shift) : numerator;
    const bottom = shift >= 0 ? denominator : denominator * 10n ** BigInt(-shift);
    return (top * 2n + bottom) / (bottom * 2n);
  };
  let digits = scaled(EXTENDED_DIGITS - 1 - exponent).toString();
  if (digits.length !== EXTENDED_DIGITS) {
    exponent += digits.length - EXTENDED_DIGITS;
    digits = scaled(EXTENDED_DIGITS - 1 - exponent).toString().slice(0, EXTENDED_DIGITS);
  }
  const kept = digits.replace(/0+$/, "");
  if (exponent < -7 || exponent > 21) return `${kept[0]}${kept.length > 1 ? `.${kept.slice(1)}` : ""}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${kept}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = kept.slice(exponent + 1);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}
