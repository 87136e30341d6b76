/**
 * Routines for stacks of 16 bits. One makes a frame: ENTER of the outermost level, as compilers of 16-bit programs begin each function with (Intel SDM vol. 2,
 * ENTER). It pushes the old frame pointer, and sees that the new top can be written; parameters: stack pointer, old frame pointer, bytes of it that are
 * pushed (2 or 4), bytes of local variables. The other gives the host address of all registers of PUSHA and POPA (0 where it refuses); parameters: stack
 * pointer of the lowest, bytes (16 or 32), whether they are to be written. Registers are the instructions'.
 */
import * as L from '../cpu/layout';
import type { FunctionBody } from './controlFunctions';
import { StackRoutineEmitter } from './stackRoutineEmitter';
import { expression } from './valueEmitter';
import { I32, OP } from './wasm/encoding';

class FrameEmitter extends StackRoutineEmitter {
  pushFrame(): FunctionBody {
    const [pointer, value, size, locals] = [this.parameter(0), this.parameter(1), this.parameter(2), this.parameter(3)];
    this.refuseOtherStacks(this.word(L.CR0), this.word(L.FLAGS_SYSTEM));
    // What wraps around is the service's.
    this.refuseIf(this.ltU(pointer, this.add(size, locals)));
    const frame = this.let(this.sub(pointer, size));
    const store = (bytes: 2 | 4): void => {
      const host = this.stack('write', frame, bytes);
      this.stack('write', this.let(this.sub(frame, locals)), 1);
      this.code.store(bytes === 2 ? OP.i32_store16 : OP.i32_store, expression(host), 0, expression(value));
    };
    this.if(this.eq(size, this.i32(2)), () => store(2), () => store(4));
    return this.done();
  }

  stackRun(): FunctionBody {
    const [lowest, size, writes] = [this.parameter(0), this.parameter(1), this.parameter(2)];
    this.refuseOtherStacks(this.word(L.CR0), this.word(L.FLAGS_SYSTEM));
    const give = (kind: 'read' | 'write'): void => {
      this.if(this.eq(size, this.i32(16)), () => this.give(this.stack(kind, lowest, 16)), () => this.give(this.stack(kind, lowest, 32)));
    };
    this.if(writes, () => give('write'), () => give('read'));
    this.give(this.i32(0));
    return this.finish();
  }
}

export const FRAME_ROUTINES = {
  pushFrame: { parameters: [I32, I32, I32, I32], results: [I32] },
  stackRun: { parameters: [I32, I32, I32], results: [I32] },
} as const;
export type FrameRoutineName = keyof typeof FRAME_ROUTINES;

/** @param beside as StackRoutineEmitter's */
export const emitFrameRoutine = (name: FrameRoutineName, beside: number): FunctionBody => new FrameEmitter(FRAME_ROUTINES[name].parameters, beside)[name]();
