/**
 * Meanings of string instructions: moves and comparisons that step their pointers, and short runs of MOVS, STOS, REPE CMPS and
 * REPNE SCASB. The rest of the repeated forms is services (../../cpu/services/stringServices).
 */
import type { Emitter, Meaning, Value } from '../emitter';
import { DF, TF, setSubtraction } from '../flags';
import type { ComparedRuns } from '../stringEmitter';

const RCX = 1, RSI = 6, RDI = 7;
/** Most bytes of a run: it counts as one instruction, and takes no more time than others (the services' MARK). */
const LONGEST_RUN = 4096;
const PAGE_BYTES = 4096;

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

/**
 * A repeated comparison, upwards, that ends in the page where it begins. The element that ends it, or the last one, sets the flags.
 * @param search compares so many bytes
 * @param values what is compared last, at so many bytes from the start
 */
function comparing(search: (e: Emitter, bytes: Value, giveUpIf: (condition: Value) => void) => ComparedRuns, values: (e: Emitter, runs: ComparedRuns, offset: Value) => readonly [Value, Value], ...registers: readonly number[]): Meaning {
  return (e) => {
    if (!e.plainStrings) return e.service();
    const wide = e.addressSize === 64;
    const size = e.size / 8;
    const shift = e.i32(Math.log2(size));
    const pointerSized = (value: Value): Value => (wide ? e.toI64Unsigned(value) : value);
    e.orService((giveUpIf) => {
      giveUpIf(e.and(e.systemFlags(), e.i32(TF | DF)));
      const count = e.let(e.register(RCX, e.addressSize));
      giveUpIf(e.eq(count, wide ? e.i64(0n) : e.i32(0)));
      // No further than the next mark of the services, at which time passes, and not out of a page.
      const limit = e.variable(e.add(e.and(e.sub(e.toI32(count), e.i32(1)), e.i32(LONGEST_RUN / size - 1)), e.i32(1)));
      for (const register of registers) {
        const inPage = e.and(e.toI32(e.register(register, e.addressSize)), e.i32(PAGE_BYTES - 1));
        const elements = e.let(e.shrU(e.sub(e.i32(PAGE_BYTES), inPage), shift));
        e.assign(limit, e.select(e.ltU(elements, limit), elements, limit));
      }
      giveUpIf(e.eqz(limit));
      const bytes = e.let(e.shl(limit, shift));
      const runs = search(e, bytes, giveUpIf);
      const end = e.let(e.shrU(runs.end, shift));
      const done = e.let(e.select(e.eq(end, limit), limit, e.add(end, e.i32(1))));
      // What has not ended goes on elsewhere.
      giveUpIf(e.and(e.eq(done, limit), e.ne(pointerSized(limit), count)));
      const [a, b] = values(e, runs, e.let(e.shl(e.sub(done, e.i32(1)), shift)));
      const moved = e.let(pointerSized(e.shl(done, shift)));
      for (const register of registers) e.setRegister(register, e.addressSize, e.add(e.register(register, e.addressSize), moved));
      e.setRegister(RCX, e.addressSize, e.sub(count, pointerSized(done)));
      compare(e, a, b);
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
  repe_cmps: comparing((e, bytes, giveUpIf) => e.compareRuns(bytes, giveUpIf), (_, runs, offset) => [runs.at(0, offset), runs.at(1, offset)], RSI, RDI),
  repne_scas: comparing((e, bytes, giveUpIf) => e.searchRun(bytes, e.read(0), giveUpIf), (e, runs, offset) => [e.read(0), runs.at(0, offset)], RDI),
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
