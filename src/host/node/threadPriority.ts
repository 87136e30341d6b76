/**
 * Which threads of the process go first where there are fewer processors than threads that have something to do: a machine's, always. What V8 does beside (its
 * compilers, its collectors of garbage) and the thread that translates for it are of use later; but when they are woken, the system has them take
 * the processor of the thread that wakes them, and a machine waited for a processor for an eighth of its time (docs/performance.md).
 *
 * Linux has a niceness for each thread, by the number under which the thread stands in /proc; elsewhere nothing is done here. It is about speed alone: what
 * cannot be done is left.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import path from 'node:path';

/** A tenth of the processor for it where both want all of one (weights of the Linux scheduler: 110 to 1024). */
const STANDS_BACK = 10;

function standBack(thread: number): void {
  try {
    setPriority(thread, STANDS_BACK);
  } catch {
    // It has ended, or the system does not let us.
  }
}

/** The calling thread lets others of the process go first. For good: threads cannot take their places again. */
export function letOthersGoFirst(): void {
  if (process.platform !== 'linux') return;
  try {
    standBack(Number(path.basename(readlinkSync('/proc/thread-self'))));
  } catch {
    // There is no /proc.
  }
}

/** All threads that the process has now, but the first one, let those go first that come later. At the start of a program these are V8's. */
export function letLaterThreadsGoFirst(): void {
  if (process.platform !== 'linux') return;
  try {
    for (const thread of readdirSync('/proc/self/task').map(Number)) if (thread !== process.pid) standBack(thread);
  } catch {
    // There is no /proc.
  }
}
