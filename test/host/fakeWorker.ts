/** Entry of a monitor thread that holds a fake machine. */
import { serveMachine } from '../../src/host/node/workerMain';
import { FakeMachine } from './fakeMachine';

serveMachine((images) => new FakeMachine(images));
