/** Entry of the debug adapter that VS Code starts (dist/adapter.js): `shadowbox dap` as a program of its own. */
import { launchMachine } from '../host/node/launch';
import { letLaterThreadsGoFirst } from '../host/node/threadPriority';
import { command } from './command';
import { dap } from './dapSubcommand';
import { processSurroundings } from './processSurroundings';

letLaterThreadsGoFirst();
void command(['dap', ...process.argv.slice(2)], processSurroundings(launchMachine), { dap }).then((status) => {
  process.exitCode = status;
});
