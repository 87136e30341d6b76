/**
 * Meanings of LODS and STOS without a repeat prefix: plain moves that step their pointer. The repeated
 * forms, and the other string instructions, are services (../../cpu/services/stringServices).
 */
import type { Emitter, Meaning } from '../emitter';
import { DF } from '../flags';

const RSI = 6, RDI = 7;

/** Moves a string pointer by one element, down when DF is set, in the width of the address size. */
function step(e: Emitter, register: number): void {
  const bytes = e.size / 8;
  const down = e.and(e.systemFlags(), e.i32(DF));
  if (e.addressSize === 64) {
    const by = e.select(down, e.i64(BigInt(-bytes)), e.i64(BigInt(bytes)));
    return e.setRegister(register, 64, e.add(e.register(register, 64), by));
  }
  const by = e.select(down, e.i32(-bytes), e.i32(bytes));
  e.setRegister(register, e.addressSize, e.add(e.register(register, e.addressSize), by));
}

/** Meanings by name. */
export const strings: Readonly<Record<string, Meaning>> = {
  lods: (e) => {
    e.write(0, e.read(1));
    step(e, RSI);
  },
  stos: (e) => {
    e.write(0, e.read(1));
    step(e, RDI);
  },
};
