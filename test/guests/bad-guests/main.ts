/** What the command and the test bundle of the fuzzer: everything that runs machines. */
export { decodeGuest, encodeGuest, MODES } from './guest';
export { readCorpus } from './generator/corpus';
export { generate } from './generator/generate';
export { Machines } from './machines';
export { tryGuest } from './trial';
