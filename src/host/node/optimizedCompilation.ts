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

/**
 * What V8's baseline code may do before it asks to be optimised, and again each time until it is (`--wasm-tiering-budget`): in bytes of code that it has jumped over,
 * a jump for no more than a quarter of what the flag says when the function is compiled; the rest is what the flag says when the module is, and when it asks. The usual one is V8 11's own.
 */
const USUAL_BUDGET = 1_800_000;
/** With this a jump in a large function counts for 1000; in what other threads compile meanwhile, of usual size, for about what it always does. */
const SMALL_BUDGET = 4000;
const LARGE_BUDGET = 2 ** 30;
/** Calls that use the small one up, if each is a jump over more than a hundred bytes. */
const CALLS = 40;

const setBudget = (budget: number): void => { setFlagsFromString(`--wasm-tiering-budget=${budget}`); };

/**
 * Compiles a module and calls a function of it, whereupon V8 begins to optimise that in threads of its own, and is not asked again while it does:
 * for a function that is known to be hot, and so large that V8 would be asked every few jumps.
 * @param callOf gives what calls the function, for it to jump back once
 * @throws WebAssembly.CompileError when the module is not valid
 */
export function compileHot(bytes: Uint8Array, callOf: (module: WebAssembly.Module) => () => boolean): WebAssembly.Module {
  try {
    setBudget(SMALL_BUDGET);
    const module = new WebAssembly.Module(bytes as BufferSource);
    const call = callOf(module);
    call();
    setBudget(LARGE_BUDGET);
    for (let calls = 0; calls < CALLS; calls++) call();
    return module;
  } finally {
    setBudget(USUAL_BUDGET);
  }
}
