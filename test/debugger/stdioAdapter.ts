/** An adapter with a fake machine (a loop of NOPs) as a process of its own, to test the client that starts one. */
import { ShadowboxDebugSession } from '../../debugger/session';
import { factoryOf, FakeMachine } from './fakeMachine';
import { FILES } from './harness';

const machine = new FakeMachine({
  bits: 32,
  mapped: [[0, 0x10000]],
  images: [{ address: 0x1000, bytes: Uint8Array.of(0x90, 0x90, 0xeb, 0xfc) }],
  entry: 0x1000,
  stack: 0x8000,
});
new ShadowboxDebugSession(factoryOf(machine), FILES).start(process.stdin, process.stdout);
