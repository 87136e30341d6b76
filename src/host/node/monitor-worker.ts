/** Entry of the worker thread that holds a machine. */
import { createMachine } from '../../monitor/machine/create';
import { serveMachine } from './workerMain';

serveMachine(createMachine);
