/** Routines that copy, fill, compare and search short runs of memory, for repeated string instructions. */
import type { Value } from '../isa/emitter';
import type { FunctionBody } from './controlFunctions';
import { RoutineEmitter } from './routineEmitter';
import { expression } from './valueEmitter';
import { I32, I64, OP, V128, type WasmType } from './wasm/encoding';
import { load, type Expression } from './wasm/expressions';
import { VECTOR_OP } from './wasm/vectorOpcodes';

const VECTOR = 16;
/** Pieces that are left when no more vector fits: bytes, and how they are loaded and stored. */
const PIECES = [
  { bytes: 8, type: I64, load: OP.i64_load, store: OP.i64_store },
  { bytes: 4, type: I32, load: OP.i32_load, store: OP.i32_store },
  { bytes: 2, type: I32, load: OP.i32_load16_u, store: OP.i32_store16 },
  { bytes: 1, type: I32, load: OP.i32_load8_u, store: OP.i32_store8 },
] as const;

type Piece = (typeof PIECES)[number];

class RunEmitter extends RoutineEmitter {
  /** Writes a run upwards, vectors first; the values come from who calls, with the offset in the run. */
  write(target: Value, bytes: Value, vector: (offset: Value) => Expression, piece: (offset: Value, piece: Piece) => Expression): FunctionBody {
    const offset = this.variable(this.i32(0));
    const address = (): Expression => expression(this.add(target, offset));
    const last = this.let(this.sub(bytes, this.i32(VECTOR)));
    this.repeatWhile(
      () => this.not(this.ltS(last, offset)),
      () => {
        this.code.store(VECTOR_OP.store, address(), 0, vector(offset));
        this.assign(offset, this.add(offset, this.i32(VECTOR)));
      },
    );
    for (const left of PIECES) {
      this.if(this.and(bytes, this.i32(left.bytes)), () => {
        this.code.store(left.store, address(), 0, piece(offset, left));
        this.assign(offset, this.add(offset, this.i32(left.bytes)));
      });
    }
    return this.finish();
  }
}

class SearchEmitter extends RoutineEmitter {
  /**
   * Gives the offset of the first of `bytes` bytes for which `vector` has a bit (of 16 bytes from an offset on), or `byte` is not 0 (at the end,
   * where no vector fits: memory may end there); as many as there are if there is none.
   */
  search(bytes: Value, vector: (offset: Value) => Value, byte: (offset: Value) => Value): FunctionBody {
    const offset = this.variable(this.i32(0));
    const last = this.let(this.sub(bytes, this.i32(VECTOR)));
    this.repeatWhile(
      () => this.not(this.ltS(last, offset)),
      () => {
        const mask = this.let(vector(offset));
        this.if(mask, () => this.give(this.add(offset, this.ctz(mask))));
        this.assign(offset, this.add(offset, this.i32(VECTOR)));
      },
    );
    this.repeatWhile(
      () => this.ltS(offset, bytes),
      () => {
        this.if(byte(offset), () => this.give(offset));
        this.assign(offset, this.add(offset, this.i32(1)));
      },
    );
    this.give(bytes);
    return this.finish();
  }
}

const NOTHING: readonly WasmType[] = [];
export const RUN_ROUTINES = {
  /** (target, source, bytes): not for a target inside of what is copied, behind its start. */
  copyBytes: { parameters: [I32, I32, I32], results: NOTHING },
  /** (target, eight bytes that are repeated, bytes). */
  fillBytes: { parameters: [I32, I64, I32], results: NOTHING },
  /** (first, second, bytes): offset of the first byte that differs, or `bytes`. */
  findDifference: { parameters: [I32, I32, I32], results: [I32] },
  /** (run, byte, bytes): offset of the first byte that is `byte`, or `bytes`. */
  findByte: { parameters: [I32, I32, I32], results: [I32] },
} as const;
export type RunRoutine = keyof typeof RUN_ROUTINES;

export function emitRunRoutine(name: RunRoutine): FunctionBody {
  return name === 'copyBytes' || name === 'fillBytes' ? emitWriter(name) : emitSearch(name);
}

function emitSearch(name: 'findDifference' | 'findByte'): FunctionBody {
  const e = new SearchEmitter(RUN_ROUTINES[name].parameters);
  const [first, second, bytes] = [e.parameter(0), e.parameter(1), e.parameter(2)];
  const byteOf = (run: Value, offset: Value): Value => load(OP.i32_load8_u, I32, expression(e.add(run, offset)), 0);
  const vectorOf = (run: Value, offset: Value): Value => load(VECTOR_OP.load, V128, expression(e.add(run, offset)), 0);
  const equal = (a: Value, b: Value): Value => e.vectorTest('i8x16.bitmask', e.vector('i8x16.eq', a, b));
  if (name === 'findDifference') {
    const differing = (offset: Value): Value => e.xor(equal(vectorOf(first, offset), vectorOf(second, offset)), e.i32(0xffff));
    return e.search(bytes, differing, (offset) => e.ne(byteOf(first, offset), byteOf(second, offset)));
  }
  const wanted = e.let(e.and(second, e.i32(0xff)));
  const everywhere = e.let(e.splat('i8x16', wanted));
  return e.search(bytes, (offset) => equal(vectorOf(first, offset), everywhere), (offset) => e.eq(byteOf(first, offset), wanted));
}

function emitWriter(name: 'copyBytes' | 'fillBytes'): FunctionBody {
  const e = new RunEmitter(RUN_ROUTINES[name].parameters);
  const [target, from, bytes] = [e.parameter(0), e.parameter(1), e.parameter(2)];
  if (name === 'fillBytes') {
    const vector = e.let(e.splat('i64x2', from));
    return e.write(target, bytes, () => expression(vector), (_, { type }) => expression(type === I64 ? from : e.toI32(from)));
  }
  const source = (offset: Value): Expression => expression(e.add(from, offset));
  return e.write(target, bytes, (offset) => load(VECTOR_OP.load, V128, source(offset), 0), (offset, piece) => load(piece.load, piece.type, source(offset), 0));
}
