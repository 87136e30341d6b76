/**
 * WebAssembly compiled by V8's optimising compiler at once and altogether, instead of by its baseline compiler at each function's first
 * call: for the thread that translates. What it compiles is hot already; the baseline compiler's code is three times as large, and on long
 * paths, which no cache holds, hardly faster than the interpreter.
 *
 * V8 knows this as flags of the process only. They stand while a module is being compiled; what another thread calls for the first time
 * meanwhile is optimised at once as well. Node keeps V8's flags changeable for this (`v8.setFlagsFromString`). Code caches (codeCache.ts) are taken only
 * where the flags are as they were, so all go back: without the baseline compiler V8 ends its dynamic tiers, too.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * From now on V8 takes our word for which branches are likely (ModuleBuilder), in all threads: what is nearly never executed is laid out behind the rest.
 * It is a proposal of the format still, and V8 11 knows it as an experiment.
 */
export function believeBranchHints(): void {
  setFlagsFromString('--experimental-wasm-branch-hinting');
}

/** Compiles a module. Error when it is not valid. */
export function compileOptimized(bytes: Uint8Array): WebAssembly.Module {
  setFlagsFromString('--no-liftoff');
  setFlagsFromString('--no-wasm-lazy-compilation');
  try {
    return new WebAssembly.Module(bytes as BufferSource);
  } finally {
    setFlagsFromString('--wasm-lazy-compilation');
    setFlagsFromString('--liftoff');
    setFlagsFromString('--wasm-dynamic-tiering');
  }
}
