/**
 * The subcommands that a run has nothing of: the debugger's, and the one for disk images. They are a bundle of their own (dist/cli-others.js), which
 * is loaded when one of them is asked for: a run would have 17 MB of memory for what it never calls.
 */
import { launchMachine } from '../host/node/launch';
import { command } from './command';
import { dap } from './dapSubcommand';
import { disk } from './diskSubcommand';
import { processSurroundings } from './processSurroundings';

/** Does what the words of a command line say that begins with one of them. @returns the exit status */
export const otherCommand = (words: readonly string[]): Promise<number> => command(words, processSurroundings(launchMachine), { dap, disk });
