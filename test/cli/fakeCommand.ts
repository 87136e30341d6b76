/** The `shadowbox` command with fake machines, as a process of its own: for tests of pipes and signals. */
import { command } from '../../src/cli/command';
import { processSurroundings } from '../../src/cli/processSurroundings';
import { launchMachine } from '../../src/host/node/launch';

const worker = new URL('../host/fakeWorker.ts', import.meta.url);

void command(process.argv.slice(2), processSurroundings((images) => launchMachine(images, { worker })), {}).then((status) => {
  process.exitCode = status;
});
