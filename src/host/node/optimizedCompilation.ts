/**
 * WebAssembly compiled by V8's optimising compiler at once and altogether, instead of by its baseline compiler at each function's first
 * call: for the thread that translates. What it compiles is hot already; the baseline compiler's code is three times as large, and on long
 * paths, which no cache holds, hardly faster than the interpreter. Branches that our code says are nearly never taken (ModuleBuilder) are laid
 * out behind the rest, which without being asked V8 11 does not do.
 *
 * V8 knows this as flags of the process only. They stand while a module is being compiled; what another thread calls for the first time
 * meanwhile is optimised at once as well. Node keeps V8's flags changeable for this (`v8.setFlagsFromString`).
 */
import { setFlagsFromString } from 'node:v8';

/** Compiles a module. Error when it is not valid. */
export function compileOptimized(bytes: Uint8Array): WebAssembly.Module {
  setFlagsFromString('--no-liftoff');
  setFlagsFromString('--no-wasm-lazy-compilation');
  setFlagsFromString('--experimental-wasm-branch-hinting');
  try {
    return new WebAssembly.Module(bytes as BufferSource);
  } finally {
    setFlagsFromString('--no-experimental-wasm-branch-hinting');
    setFlagsFromString('--wasm-lazy-compilation');
    setFlagsFromString('--liftoff');
  }
}
