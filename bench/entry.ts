/** How a comparison's command begins and ends. */
import { UsageError } from './options';

/**
 * Does a command's work, and makes of what comes of it the process's exit status: the work's own, 2 for a command line that is wrong, 1 for what fails, with the
 * reason on stderr behind the command's name.
 */
export function enter(name: string, main: () => Promise<number>): void {
  main().then(
    (status) => { process.exitCode = status; },
    (error: unknown) => {
      process.stderr.write(`${name}: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = error instanceof UsageError || (error instanceof TypeError && 'code' in error) ? 2 : 1;
    },
  );
}
