/** Entry of the worker thread that writes translated code for a monitor context. */
import { setFlagsFromString } from 'node:v8';
import { TranslationWorkshop } from '../../monitor/engine/translator/writeRegions';
import { serveTranslation } from './translationThread';

/**
 * V8 leaves a module's functions to be compiled when they are first called: that would be in the machine's thread, a few microseconds for
 * each instruction. Flags are the process's, so this one is set for as long as a module takes; what others compile meanwhile is ready sooner.
 */
function compilingAtOnce<T>(work: () => T): T {
  setFlagsFromString('--no-wasm-lazy-compilation');
  try {
    return work();
  } finally {
    setFlagsFromString('--wasm-lazy-compilation');
  }
}

const workshop = new TranslationWorkshop();
serveTranslation((order) => compilingAtOnce(() => workshop.carryOut(order)));
