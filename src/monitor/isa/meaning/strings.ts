/**
 * Meanings of string instructions without a repeat prefix: moves and comparisons that step their pointers. The repeated
 * forms are services (../../cpu/services/stringServices).
 */
import type { Emitter, Meaning, Value } from '../emitter';
import { DF, setSubtraction } from '../flags';

const RSI = 6, RDI = 7;

/** Moves string pointers by one element, down when DF is set, in the width of the address size. */
function step(e: Emitter, ...registers: readonly number[]): void {
  const bytes = e.size / 8;
  const down = e.and(e.systemFlags(), e.i32(DF));
  const by = e.let(e.addressSize === 64 ? e.select(down, e.i64(BigInt(-bytes)), e.i64(BigInt(bytes))) : e.select(down, e.i32(-bytes), e.i32(bytes)));
  for (const register of registers) e.setRegister(register, e.addressSize, e.add(e.register(register, e.addressSize), by));
}

/** Flags of a - b. */
function compare(e: Emitter, a: Value, b: Value): void {
  setSubtraction(e, a, b, e.let(e.sub(a, b)));
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
  movs: (e) => {
    e.writeDestination(e.read(0));
    step(e, RSI, RDI);
  },
  cmps: (e) => {
    const a = e.read(0);
    const b = e.readDestination();
    compare(e, a, b);
    step(e, RSI, RDI);
  },
  scas: (e) => {
    const a = e.read(0);
    const b = e.read(1);
    compare(e, a, b);
    step(e, RDI);
  },
};
