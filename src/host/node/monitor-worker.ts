/** Entry of the worker thread that holds a machine. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileLoopsBy } from '../../monitor/engine/interpreterLoops';
import { takeModules } from '../../monitor/engine/writtenModules';
import { createMachine } from '../../monitor/machine/create';
import { nodeFiles } from './fileAccess';
import { believeBranchHints, compileHot } from './optimizedCompilation';
import { serveMachine } from './workerMain';

/** What the build has written beside the bundle; it is not there where the sources run themselves. */
const MODULES = fileURLToPath(new URL('machine-modules.bin', import.meta.url));
if (existsSync(MODULES)) {
  // It stays open: a build that comes later makes another file.
  const file = nodeFiles.open(MODULES, false);
  takeModules((offset, bytes) => {
    const read = new Uint8Array(bytes);
    file.read(offset, read);
    return read;
  });
}

believeBranchHints();
compileLoopsBy(compileHot);
serveMachine(createMachine);
