/** Entry of the `shadowbox` command (dist/cli.js). */
import { launchMachine } from '../host/node/launch';
import { command } from './command';
import { dap } from './dapSubcommand';
import { disk } from './diskSubcommand';
import { processSurroundings } from './processSurroundings';

void command(process.argv.slice(2), processSurroundings(launchMachine), { dap, disk }).then((status) => {
  process.exitCode = status;
});
