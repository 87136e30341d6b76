/** Entry of the worker thread that holds a machine. */
import { existsSync, readFileSync } from 'node:fs';
import { takeModules } from '../../monitor/engine/writtenModules';
import { createMachine } from '../../monitor/machine/create';
import { serveMachine } from './workerMain';

/** What the build has written beside the bundle; it is not there where the sources run themselves. */
const MODULES = new URL('machine-modules.bin', import.meta.url);
if (existsSync(MODULES)) takeModules(readFileSync(MODULES));

serveMachine(createMachine);
