/** Entry of the `shadowbox` command (dist/cli.js). */
import { launchMachine } from '../host/node/launch';
import { letLaterThreadsGoFirst } from '../host/node/threadPriority';
import { command, type Subcommand } from './command';
import { processSurroundings } from './processSurroundings';

letLaterThreadsGoFirst();

const inOtherBundle = (name: string): Subcommand => async (words) => (await import('./otherSubcommands')).otherCommand([name, ...words]);

void command(process.argv.slice(2), processSurroundings(launchMachine), { dap: inOtherBundle('dap'), disk: inOtherBundle('disk') }).then((status) => {
  process.exitCode = status;
});
