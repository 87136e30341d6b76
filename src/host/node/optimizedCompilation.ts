/**
 * WebAssembly compiled by V8's optimising compiler at once and altogether, instead of by its baseline compiler at each function's first
 * call: for the thread that translates. What it compiles is hot already; the baseline compiler's code is three times as large, and on long
 * paths, which no cache holds, hardly faster than the interpreter.
 *
 * V8 knows this as flags of the process only. They stand while a module is being compiled; what another thread calls for the first time
 * meanwhile is optimised at once as well. Node keeps V8's flags changeable for this (`v8.setFlagsFromString`).
 */
import { setFlagsFromString } from 'node:v8';

/**
 * From now on V8 takes our word for which branches are likely (ModuleBuilder), in all threads: what is nearly never executed is laid out behind the rest.
 * It is a proposal of the format still, and V8 11 knows it as an experiment.
 *
 * The machine's thread says so, whose bundle is the largest, when that is loaded: V8 takes code caches only under the flags that they were made with,
 * our bundles' (codeCache.ts) as well as those that Node has of its own modules, without which a thread needs 25 ms more to begin.
 */
export function believeBranchHints(): void {
  setFlagsFromString('--experimental-wasm-branch-hinting');
}

/**
 * Flags for translated code, and those that are the usual ones. It needs no checks of the stack at entries and in loops: it goes on by tail calls, has no more
 * calls on the host's stack than RETURN_STACK_ENTRIES, and returns when its budget is spent.
 */
const OPTIMIZED = ['--no-liftoff', '--no-wasm-lazy-compilation', '--no-wasm-stack-checks'];
const USUAL = ['--wasm-stack-checks', '--wasm-lazy-compilation', '--liftoff'];

/** Compiles a module. Error when it is not valid. */
export function compileOptimized(bytes: Uint8Array): WebAssembly.Module {
  OPTIMIZED.forEach(setFlagsFromString);
  try {
    return new WebAssembly.Module(bytes as BufferSource);
  } finally {
    USUAL.forEach(setFlagsFromString);
  }
}
