/**
 * Meanings of string instructions: moves and comparisons that step their pointers, and short runs of MOVS and STOS. The
 * rest of the repeated forms is services (../../cpu/services/stringServices).
 */
import type { Emitter, Meaning, Value } from '../emitter';
import { DF, TF, setSubtraction } from '../flags';

const RCX = 1, RSI = 6, RDI = 7;
/** Most bytes of a run: it counts as one instruction, and so may not take much longer than others. */
const LONGEST_RUN = 256;

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

/**
 * A repeated move of a few elements, upwards. Where each iteration has to be seen (TF), downwards, and what is longer or
 * not at hand is left to the service.
 */
function repeated(run: (e: Emitter, bytes: Value, giveUpIf: (condition: Value) => void) => void, ...registers: readonly number[]): Meaning {
  return (e) => {
    if (!e.plainStrings) return e.service();
    const wide = e.addressSize === 64;
    const number = (value: number): Value => (wide ? e.i64(BigInt(value)) : e.i32(value));
    e.orService((giveUpIf) => {
      giveUpIf(e.and(e.systemFlags(), e.i32(TF | DF)));
      const count = e.let(e.register(RCX, e.addressSize));
      giveUpIf(e.gtU(count, number((8 * LONGEST_RUN) / e.size)));
      e.if(e.ne(count, number(0)), () => {
        const bytes = e.let(e.mul(e.toI32(count), e.i32(e.size / 8)));
        run(e, bytes, giveUpIf);
        const moved = e.let(wide ? e.toI64Unsigned(bytes) : bytes);
        for (const register of registers) e.setRegister(register, e.addressSize, e.add(e.register(register, e.addressSize), moved));
        e.setRegister(RCX, e.addressSize, number(0));
      });
    });
  };
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
  rep_movs: repeated((e, bytes, giveUpIf) => e.copyRun(bytes, giveUpIf), RSI, RDI),
  rep_stos: repeated((e, bytes, giveUpIf) => e.fillRun(bytes, e.read(1), giveUpIf), RDI),
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
