/** What the guest tests take from the monitor and its host, in one place, so that it can be bundled (see harness.ts). */
export { nodeFiles } from '../../src/host/node/fileAccess';
export { loadImages } from '../../src/host/node/loadImages';
export { problemText, validateConfiguration } from '../../src/monitor/machine/configuration';
export { createMachine } from '../../src/monitor/machine/create';
