/** What of the fuzzer the tests take, in one place, so that it can be bundled. */
export { campaign } from './campaign';
export { figureLines } from './figures';
export { readCorpus } from './generator/corpus';
export { generate, generateHostile } from './generator/generate';
export { HOSTILE_KINDS } from './generator/hostile';
export { GrowthWatch } from './growth';
export { decodeGuest, encodeGuest, MODES } from './guest';
export { Machines } from './machines';
export { failureLines } from './report';
export { shrink } from './shrink';
export { tryGuest } from './trial';
