/** Routines that copy and fill short runs of memory, for repeated string instructions. */
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

const NOTHING: readonly WasmType[] = [];
export const RUN_ROUTINES = {
  /** (target, source, bytes): not for a target inside of what is copied, behind its start. */
  copyBytes: { parameters: [I32, I32, I32], results: NOTHING },
  /** (target, eight bytes that are repeated, bytes). */
  fillBytes: { parameters: [I32, I64, I32], results: NOTHING },
} as const;
export type RunRoutine = keyof typeof RUN_ROUTINES;

export function emitRunRoutine(name: RunRoutine): FunctionBody {
  const e = new RunEmitter(RUN_ROUTINES[name].parameters);
  const [target, from, bytes] = [e.parameter(0), e.parameter(1), e.parameter(2)];
  if (name === 'fillBytes') {
    const vector = e.let(e.splat('i64x2', from));
    return e.write(target, bytes, () => expression(vector), (_, { type }) => expression(type === I64 ? from : e.toI32(from)));
  }
  const source = (offset: Value): Expression => expression(e.add(from, offset));
  return e.write(target, bytes, (offset) => load(VECTOR_OP.load, V128, source(offset), 0), (offset, piece) => load(piece.load, piece.type, source(offset), 0));
}
