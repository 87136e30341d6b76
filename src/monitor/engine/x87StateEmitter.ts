/** What routines share that carry the x87 unit's registers to an image in memory or back. */
import { FPU_REGISTER_BYTES, StatusWord } from '../cpu/x87/layout';
import type { Value } from '../isa/emitter';
import { SystemRoutineEmitter } from './systemRoutineEmitter';

export const X87_REGISTERS = 8;

export class X87StateEmitter extends SystemRoutineEmitter {
  /** ST(0) to ST(7), by the word of control and status: where each lies from the start of the registers. */
  protected forX87Stack(words: Value, visit: (register: Value, i: number) => void): void {
    const top = this.let(this.shrU(words, this.i32(16 + StatusWord.topShift)));
    for (let i = 0; i < X87_REGISTERS; i++) {
      const physical = this.and(this.add(top, this.i32(i)), this.i32(X87_REGISTERS - 1));
      visit(this.let(this.mul(physical, this.i32(FPU_REGISTER_BYTES))), i);
    }
  }
}
