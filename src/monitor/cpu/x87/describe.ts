/**
 * The FPU's state as plain data (that survives JSON) for a register view.
 */

import { Float, FloatKind, bitLength, isFiniteNonZero, significandBigInt } from './float';
import { fullTag, fullTagWord } from './environment';
import { StatusWord } from './layout';
import type { FpuState } from './state';

export type RegisterClass =
  | 'empty' | 'zero' | 'normal' | 'denormal' | 'infinity' | 'quiet NaN' | 'signalling NaN' | 'unsupported';

export interface X87RegisterDescription {
  /** i of ST(i). */
  index: number;
  /** The physical register that ST(i) is now; also MMi's number. */
  physical: number;
  class: RegisterClass;
  /** Decimal value with 20 significant digits, or a name; of an empty register its leftover content's. */
  decimal: string;
  /** Sign and exponent (4 digits), a space, significand (16 digits), hexadecimal. */
  hex: string;
  tag: 'valid' | 'zero' | 'special' | 'empty';
}

export interface X87Description {
  /** ST(0) to ST(7). */
  registers: X87RegisterDescription[];
  controlWord: number;
  statusWord: number;
  /** Full form, two bits a register. */
  tagWord: number;
  top: number;
  /** 11 bits. */
  lastOpcode: number;
  /** 64 bits, 16 hexadecimal digits (JSON has no such integers). */
  instructionPointer: string;
  instructionSelector: number;
  /** 64 bits, 16 hexadecimal digits. */
  dataPointer: string;
  dataSelector: number;
  exceptionPending: boolean;
}

const TAG_NAMES = ['valid', 'zero', 'special', 'empty'] as const;

const CLASS_NAMES: Readonly<Record<FloatKind, RegisterClass>> = {
  [FloatKind.zero]: 'zero',
  [FloatKind.normal]: 'normal',
  [FloatKind.denormal]: 'denormal',
  [FloatKind.infinity]: 'infinity',
  [FloatKind.quietNaN]: 'quiet NaN',
  [FloatKind.signallingNaN]: 'signalling NaN',
  [FloatKind.unsupported]: 'unsupported',
};

/** Describes the whole FPU. Reads only. */
export function describeX87(fpu: FpuState): X87Description {
  return {
    registers: Array.from({ length: 8 }, (_, index) => describeRegister(fpu, index)),
    controlWord: fpu.controlWord,
    statusWord: fpu.statusWord,
    tagWord: fullTagWord(fpu),
    top: fpu.top,
    lastOpcode: fpu.lastOpcode,
    instructionPointer: hexadecimal(fpu.instructionPointer, 16),
    instructionSelector: fpu.instructionSelector,
    dataPointer: hexadecimal(fpu.dataPointer, 16),
    dataSelector: fpu.dataSelector,
    exceptionPending: (fpu.statusWord & StatusWord.exceptionSummary) !== 0,
  };
}

function describeRegister(fpu: FpuState, index: number): X87RegisterDescription {
  const physical = fpu.physical(index);
  const value = new Float();
  fpu.readPhysical(value, physical);
  return {
    index,
    physical,
    class: fpu.isEmpty(index) ? 'empty' : CLASS_NAMES[value.kind],
    decimal: toDecimal(value),
    hex: `${hexadecimal(fpu.signExponent(physical), 4)} ${significandHex(fpu, physical)}`,
    tag: TAG_NAMES[fullTag(fpu, physical)],
  };
}

function significandHex(fpu: FpuState, physical: number): string {
  return hexadecimal(fpu.significandHigh(physical), 8) + hexadecimal(fpu.significandLow(physical), 8);
}

function hexadecimal(value: number | bigint, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

const DIGITS = 20;

/** Decimal exponents from and below which the scientific form is used. */
const FIXED_BELOW = 20;
const FIXED_FROM = -6;

/** A value in decimal, correctly rounded to 20 significant digits, without trailing zeros. */
export function toDecimal(value: Float): string {
  const sign = value.sign === 1 ? '-' : '';
  if (value.kind === FloatKind.zero) return `${sign}0`;
  if (value.kind === FloatKind.infinity) return `${sign}infinity`;
  if (!isFiniteNonZero(value)) return value.kind === FloatKind.unsupported ? 'unsupported' : `${sign}NaN`;
  const { digits, exponent } = decimalDigits(significandBigInt(value), value.exponent - 63);
  const significant = digits.replace(/0+$/, '');
  if (exponent >= FIXED_FROM && exponent < FIXED_BELOW) return sign + fixedForm(significant, exponent);
  const fraction = significant.slice(1);
  return `${sign}${significant[0]}${fraction === '' ? '' : `.${fraction}`}e${exponent < 0 ? '' : '+'}${exponent}`;
}

function fixedForm(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

/** The DIGITS leading digits of magnitude * 2^scale, and the decimal exponent of the first. */
function decimalDigits(magnitude: bigint, scale: number): { digits: string; exponent: number } {
  let exponent = Math.floor((bitLength(magnitude) - 1 + scale) * Math.LOG10E * Math.LN2);
  for (;;) {
    const digits = scaledToInteger(magnitude, scale, DIGITS - 1 - exponent).toString();
    if (digits.length === DIGITS) return { digits, exponent };
    exponent += digits.length - DIGITS;
  }
}

/** magnitude * 2^scale * 10^power, rounded to nearest. */
function scaledToInteger(magnitude: bigint, scale: number, power: number): bigint {
  const numerator = magnitude * (scale > 0 ? 1n << BigInt(scale) : 1n) * (power > 0 ? 10n ** BigInt(power) : 1n);
  const denominator = (scale < 0 ? 1n << BigInt(-scale) : 1n) * (power < 0 ? 10n ** BigInt(-power) : 1n);
  return (2n * numerator + denominator) / (2n * denominator);
}
