/** The process that the command runs in, as its surroundings. */
import type { Surroundings } from './surroundings';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The first signal ends the run in good order; a second one ends the process, as if we were not there. */
function onInterrupt(listener: () => void): () => void {
  const remove = (): void => { for (const signal of SIGNALS) process.off(signal, heard); };
  const heard = (): void => {
    remove();
    listener();
  };
  for (const signal of SIGNALS) process.on(signal, heard);
  return remove;
}

export function processSurroundings(launch: Surroundings['launch']): Surroundings {
  return { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, cwd: process.cwd(), launch, onInterrupt };
}
