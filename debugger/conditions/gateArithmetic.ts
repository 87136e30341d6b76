/** Parts that expressions for the monitor are put together from: constants, operations, and changes of width. */
import type { BinaryOperator, GateExpression, Width } from '../../src/monitor/machine/session';
import { refuse } from './refusals';

const WIDTHS: readonly Width[] = [8, 16, 32, 64];

/** A number; negative ones in 64 bits. */
export function constant(value: bigint): GateExpression {
  return { kind: 'constant', value: BigInt.asUintN(64, value) };
}

/** So many bits as a width that the monitor computes in. NotCompilable for others. */
export function widthOf(bits: number): Width {
  return WIDTHS.find((width) => width === bits) ?? refuse(`${bits} bits`);
}

export function binary(op: BinaryOperator, left: GateExpression, right: GateExpression, bits: Width = 64, signed = false): GateExpression {
  return { kind: 'binary', op, left, right, ...(bits === 64 ? {} : { bits }), ...(signed ? { signed } : {}) };
}

export function plus(left: GateExpression, right: GateExpression, bits: Width = 64): GateExpression {
  if (right.kind === 'constant' && right.value === 0n) return left;
  return binary('+', left, right, bits);
}

/** The low bits of something, sign- or zero-extended to 64. */
export function converted(value: GateExpression, bits: number, signed: boolean): GateExpression {
  const width = WIDTHS.find((each) => each === bits);
  if (width !== undefined) return { kind: 'cast', bits: width, signed, value };
  return binary('>>', binary('<<', value, constant(BigInt(64 - bits))), constant(BigInt(64 - bits)), 64, signed);
}

/** Bits of a register from `lowBit` on. */
export function extract(whole: GateExpression, lowBit: number, bits: number): GateExpression {
  return converted(lowBit === 0 ? whole : binary('>>', whole, constant(BigInt(lowBit))), bits, false);
}
