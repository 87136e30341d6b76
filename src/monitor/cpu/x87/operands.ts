/**
 * Memory operands of x87 instructions: each type's size, how it is loaded, and how it is stored.
 */

import {
  FloatKind, doubleHigh, doubleLow, isFiniteNonZero, isNaNOrUnsupported, setDefaultNaN, singleBits, unpackDouble,
  unpackSingle,
} from './float';
import type { Float } from './float';
import {
  BCD_BYTES, loadBcd, setInteger32, setInteger64, setIntegerIndefinite, storeBcd, storeBcdIndefinite, toInteger,
} from './integers';
import { quieten } from './nan';
import { DOUBLE, FloatFlag, RoundingMode, SINGLE, roundToFormat } from './rounding';
import type { FloatFormat } from './rounding';

/** A type of memory operand that can be loaded. */
export interface LoadType {
  readonly bytes: number;
  load(to: Float, from: DataView): void;
}

/** A type of memory operand that can be stored. */
export interface StoreType {
  readonly bytes: number;
  /** Rounds and encodes `value` (which it may change); returns exceptions and `roundedUp`. `unmasked`: see roundToFormat. */
  store(to: DataView, value: Float, mode: RoundingMode, unmasked: number): number;
  /** Encodes what an empty register is stored as. */
  storeIndefinite(to: DataView, value: Float): void;
}

export const SINGLE_REAL: LoadType & StoreType = {
  bytes: 4,
  load: (to, from) => unpackSingle(to, from.getUint32(0, true)),
  store: (to, value, mode, unmasked) => {
    const flags = roundForStore(value, SINGLE, mode, unmasked);
    to.setUint32(0, singleBits(value), true);
    return flags;
  },
  storeIndefinite: (to, value) => {
    setDefaultNaN(value);
    to.setUint32(0, singleBits(value), true);
  },
};

export const DOUBLE_REAL: LoadType & StoreType = {
  bytes: 8,
  load: (to, from) => unpackDouble(to, from.getUint32(4, true), from.getUint32(0, true)),
  store: (to, value, mode, unmasked) => {
    const flags = roundForStore(value, DOUBLE, mode, unmasked);
    setDoubleBits(to, value);
    return flags;
  },
  storeIndefinite: (to, value) => {
    setDefaultNaN(value);
    setDoubleBits(to, value);
  },
};

function setDoubleBits(to: DataView, value: Float): void {
  to.setUint32(4, doubleHigh(value), true);
  to.setUint32(0, doubleLow(value), true);
}

function roundForStore(value: Float, format: FloatFormat, mode: RoundingMode, unmasked: number): number {
  if (isFiniteNonZero(value)) return roundToFormat(value, format, mode, unmasked);
  if (!isNaNOrUnsupported(value)) return 0;
  const invalid = value.kind !== FloatKind.quietNaN;
  if (value.kind === FloatKind.unsupported) setDefaultNaN(value);
  quieten(value);
  return invalid ? FloatFlag.invalid : 0;
}

/** A signed binary integer of 16, 32 or 64 bits. `mode`: a fixed rounding mode, for FISTTP. */
function integerType(bits: 16 | 32 | 64, fixedMode?: RoundingMode): LoadType & StoreType {
  const put = (to: DataView, value: Float): void => {
    if (bits === 16) {
      to.setUint16(0, value.low & 0xffff, true);
      return;
    }
    to.setUint32(0, value.low, true);
    if (bits === 64) to.setUint32(4, value.high, true);
  };
  return {
    bytes: bits / 8,
    load: (to, from) => {
      if (bits === 16) setInteger32(to, from.getInt16(0, true));
      else if (bits === 32) setInteger32(to, from.getInt32(0, true));
      else setInteger64(to, from.getUint32(4, true), from.getUint32(0, true));
    },
    store: (to, value, mode) => {
      const flags = toInteger(value, bits, fixedMode ?? mode);
      put(to, value);
      return flags;
    },
    storeIndefinite: (to, value) => {
      setIntegerIndefinite(value, bits);
      put(to, value);
    },
  };
}

export const INTEGER_16 = integerType(16);
export const INTEGER_32 = integerType(32);
export const INTEGER_64 = integerType(64);
export const TRUNCATED_16 = integerType(16, RoundingMode.truncate);
export const TRUNCATED_32 = integerType(32, RoundingMode.truncate);
export const TRUNCATED_64 = integerType(64, RoundingMode.truncate);

export const PACKED_BCD: LoadType & StoreType = {
  bytes: BCD_BYTES,
  load: loadBcd,
  store: (to, value, mode) => storeBcd(to, value, mode),
  storeIndefinite: (to) => {
    storeBcdIndefinite(to);
  },
};
