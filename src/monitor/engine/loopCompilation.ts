/**
 * How the interpreter's loops are compiled. V8's baseline code asks whether its function should be optimised whenever its jumps back have come so many
 * bytes far, which in a function of this size is every few turns, for as long as the optimising compiler is at it: a loop as one usually has it would do
 * little else for half a second. So it is made for V8 to optimise it at once and not to be asked again.
 */
import { R, RECORD_BYTES } from './records';
import { SPECIAL_HANDLERS } from './specialHandlers';
import type { LoopOrder, LoopReply } from './translator/order';

/** What a loop's module exports: the loop, and a function that puts it into the places of its cases. */
export const LOOP_EXPORTS = { loop: 'loop', place: 'placeLoop' } as const;

/** Compiles a module for a function of it to be optimised soon. `callOf` gives what calls that for a moment, and says whether it has jumped back. */
export type CompileHot = (bytes: Uint8Array, callOf: (module: WebAssembly.Module) => () => boolean) => WebAssembly.Module;

/** What an engine of WebAssembly does that knows no better. */
export const compileAsUsual: CompileHot = (bytes) => new WebAssembly.Module(bytes as BufferSource);

/** Compiles a loop. */
export function compileLoop({ is64Bit, bytes }: LoopOrder, compile = compileAsUsual): LoopReply {
  return { is64Bit, loop: compile(bytes, turnOf) };
}

/** Where `turnOf` has its records, and entries that are left to count before one of them is counted: more than are told of. */
const TURNED = 0x2000, ENTRIES = 2;

/** What has a loop make a turn in memory of its own: over a record that counts its entry, to one that nothing is the handler of, which ends it. */
function turnOf(loop: WebAssembly.Module): () => boolean {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const records = new DataView(memory.buffer);
  records.setUint32(TURNED + R.handler, SPECIAL_HANDLERS.profile, true);
  records.setUint32(TURNED + RECORD_BYTES + R.handler, SPECIAL_HANDLERS.stop, true);
  const env = { memory, table: new WebAssembly.Table({ initial: 0, element: 'anyfunc' }), first: new WebAssembly.Global({ value: 'i32', mutable: false }, 0) };
  const { exports } = new WebAssembly.Instance(loop, { env, base: { jump: () => {} } });
  const run = exports[LOOP_EXPORTS.loop] as (record: number) => void;
  return () => {
    records.setUint32(TURNED + R.link, ENTRIES, true);
    try {
      run(TURNED);
    } catch (reason) {
      if (!(reason instanceof WebAssembly.RuntimeError)) throw reason;
    }
    return records.getUint32(TURNED + R.link, true) === ENTRIES - 1;
  };
}
