/**
 * Loads, stores, exchanges, conditional moves and constants. Source: Intel SDM volume 2.
 */

import { preventsResult, roomToPush, roundingMode, signalStackUnderflow, underflowStack } from './delivery';
import { Float, FloatKind, setFinite, setZero } from './float';
import { quieten } from './nan';
import type { LoadType, StoreType } from './operands';
import { EXTENDED, FloatFlag, roundToFormat } from './rounding';
import type { FpuState } from './state';
import type { X87Handler, X87Port } from './types';

const value = new Float();

/** FLD m32/m64, FILD and FBLD: pushes a memory operand, which every type holds exactly. */
export function loadMemory(type: LoadType): X87Handler {
  return (fpu, port) => {
    if (!port.read(type.bytes)) return 'fault';
    if (!roomToPush(fpu)) return 'done';
    type.load(value, port.scratch);
    pushLoaded(fpu);
    return 'done';
  };
}

/** Pushes `value` with the exceptions that a conversion to double-extended raises. */
function pushLoaded(fpu: FpuState): void {
  let flags = 0;
  if (value.kind === FloatKind.signallingNaN) {
    flags = FloatFlag.invalid;
    quieten(value);
  } else if (value.kind === FloatKind.denormal) {
    flags = FloatFlag.denormal;
  }
  const prevented = preventsResult(fpu, flags);
  fpu.raise(flags);
  if (prevented) return;
  fpu.push();
  fpu.write(0, value);
}

/** Bytes of a double-extended operand in memory. */
const EXTENDED_BYTES = 10;

/** FLD m80: copies the encoding, whatever it is. */
export const loadExtended: X87Handler = (fpu, port) => {
  if (!port.read(EXTENDED_BYTES)) return 'fault';
  if (!roomToPush(fpu)) return 'done';
  fpu.push();
  fpu.setEncoding(
    fpu.top, port.scratch.getUint16(8, true), port.scratch.getUint32(4, true), port.scratch.getUint32(0, true),
  );
  fpu.raise(0);
  return 'done';
};

/** FSTP m80. */
export const storeExtendedAndPop: X87Handler = (fpu, port) => {
  const empty = fpu.isEmpty(0);
  if (empty && preventsResult(fpu, FloatFlag.invalid)) {
    if (!port.probeWrite(EXTENDED_BYTES)) return 'fault';
    signalStackUnderflow(fpu);
    return 'done';
  }
  const top = fpu.top;
  port.scratch.setUint32(0, empty ? 0 : fpu.significandLow(top), true);
  port.scratch.setUint32(4, empty ? 0xc0000000 : fpu.significandHigh(top), true);
  port.scratch.setUint16(8, empty ? 0xffff : fpu.signExponent(top), true);
  if (!port.write(EXTENDED_BYTES)) return 'fault';
  if (empty) signalStackUnderflow(fpu);
  else fpu.raise(0);
  fpu.pop();
  return 'done';
};

/** Exceptions that, unmasked, keep a store from writing its memory operand. */
const PREVENTS_STORE = FloatFlag.invalid | FloatFlag.overflow | FloatFlag.underflow;

/** FST, FSTP, FIST, FISTP, FISTTP and FBSTP to memory. The operand is written before any state changes. */
export function storeMemory(type: StoreType, pops: boolean): X87Handler {
  return (fpu, port) => {
    const flags = encodeTop(fpu, port, type);
    const preventing = flags & PREVENTS_STORE & ~fpu.controlWord;
    if (!(preventing === 0 ? port.write(type.bytes) : port.probeWrite(type.bytes))) return 'fault';
    if (fpu.isEmpty(0)) signalStackUnderflow(fpu);
    else fpu.raise(preventing === 0 ? flags : preventing);
    if (pops && preventing === 0) fpu.pop();
    return 'done';
  };
}

/** Puts ST(0) as `type` into the port's scratch; returns exceptions. */
function encodeTop(fpu: FpuState, port: X87Port, type: StoreType): number {
  if (fpu.isEmpty(0)) {
    type.storeIndefinite(port.scratch, value);
    return FloatFlag.invalid;
  }
  fpu.read(value, 0);
  const controlWord = fpu.controlWord;
  return type.store(port.scratch, value, roundingMode(controlWord), ~controlWord);
}

/** FLD ST(i). */
export const loadRegister: X87Handler = (fpu, _port, request) => {
  const source = request.modrm & 7;
  if (fpu.isEmpty(source)) {
    if (signalStackUnderflow(fpu)) pushIndefinite(fpu);
    return 'done';
  }
  if (!roomToPush(fpu)) return 'done';
  fpu.push();
  fpu.copyRegister(source + 1, 0);
  fpu.raise(0);
  return 'done';
};

/** The masked response of FLD ST(i) from an empty register. */
function pushIndefinite(fpu: FpuState): void {
  fpu.push();
  underflowStack(fpu, 0);
}

/** FST ST(i) and FSTP ST(i). */
export function storeRegister(pops: boolean): X87Handler {
  return (fpu, _port, request) => {
    const destination = request.modrm & 7;
    if (fpu.isEmpty(0)) {
      if (!underflowStack(fpu, destination)) return 'done';
    } else {
      fpu.copyRegister(0, destination);
      fpu.raise(0);
    }
    if (pops) fpu.pop();
    return 'done';
  };
}

/** FXCH. Masked stack underflow first fills the empty registers with the indefinite. */
export const exchangeRegisters: X87Handler = (fpu, _port, request) => {
  const other = request.modrm & 7;
  fpu.raise(0);
  if (fpu.isEmpty(0) && !underflowStack(fpu, 0)) return 'done';
  if (fpu.isEmpty(other) && !underflowStack(fpu, other)) return 'done';
  fpu.exchangeRegisters(0, other);
  return 'done';
};

/** FCMOVcc: moves if any of `flags` is set, or if none is and `negated`. */
export function conditionalMove(flags: number, negated: boolean): X87Handler {
  return (fpu, port, request) => {
    const source = request.modrm & 7;
    if (fpu.isEmpty(0) || fpu.isEmpty(source)) {
      underflowStack(fpu, 0);
      return 'done';
    }
    if (((port.getFlags() & flags) !== 0) !== negated) fpu.copyRegister(source, 0);
    return 'done';
  };
}

/**
 * FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2 and FLDLN2: pushes a positive constant, rounded by RC from the 96
 * significand bits given. No precision exception (SDM volume 2, FLD1).
 */
export function loadConstant(exponent: number, high: number, low: number, extra: number): X87Handler {
  return (fpu) => {
    if (!roomToPush(fpu)) return 'done';
    setFinite(value, 0, exponent, high, low);
    value.extra = extra;
    roundToFormat(value, EXTENDED, roundingMode(fpu.controlWord), 0);
    fpu.push();
    fpu.write(0, value);
    fpu.raise(0);
    return 'done';
  };
}

/** FLDZ. */
export const loadZero: X87Handler = (fpu) => {
  if (!roomToPush(fpu)) return 'done';
  setZero(value, 0);
  fpu.push();
  fpu.write(0, value);
  fpu.raise(0);
  return 'done';
};
