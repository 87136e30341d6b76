/**
 * Holds off a second machine that would write to the same file: a lock file beside it that names its owner. A lock whose owner has ended,
 * by whatever way, is no lock: nothing need be tidied up after a crash. All by the file system's own atomic operations, since Node has no
 * locks of the operating system's.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { MachineError } from '../../monitor/machine/blame';

const SUFFIX = '.shadowbox-lock';
/** Times that a lock is tried to be taken while others come and go. */
const MOST_TRIES = 20;

interface Owner {
  readonly host: string;
  readonly process: number;
  /** When the process began, in whatever its system counts; a number that was given to a new process is told apart by it. */
  readonly began: string;
  /** Tells the locks of one process apart. */
  readonly token: string;
}

/** Locks that this thread holds: how many times, by lock file. A machine's disks are all opened in one thread. */
const held = new Map<string, { readonly text: string; times: number }>();

/** When a process began (field 22 of /proc/PID/stat, behind the name in brackets); empty where the system has no such file. */
function beginning(process: number): string {
  try {
    return readFileSync(`/proc/${String(process)}/stat`, 'latin1').replace(/^.*\)/s, '').trim().split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function ownerOf(text: string): Owner | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('host' in value && 'process' in value && 'began' in value && 'token' in value)) return undefined;
  const { host, process: pid, began, token } = value;
  if (typeof host !== 'string' || typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0 || typeof began !== 'string' || typeof token !== 'string') return undefined;
  return { host, process: pid, began, token };
}

/** Whether there is somebody behind a lock. Of processes of other computers nothing is known. */
function isHeld({ host, process: pid, began }: Owner): boolean {
  return host !== hostname() || (isRunning(pid) && (began === '' || beginning(pid) === began));
}

function contentsOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Puts a file under a second name; false when that name is taken. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes a lock away that nobody holds. What has come into its place since it was read is put back. */
function takeAway(lock: string, text: string, aside: string): void {
  try {
    renameSync(lock, aside);
  } catch {
    // Somebody was faster.
    return;
  }
  if (contentsOf(aside) !== text) link(aside, lock);
  rmSync(aside, { force: true });
}

function acquire(path: string, lock: string): string {
  const token = randomBytes(8).toString('hex');
  const text = JSON.stringify({ host: hostname(), process: process.pid, began: beginning(process.pid), token } satisfies Owner);
  const mine = `${lock}.${token}`;
  // Made whole under another name first: nobody reads half a lock.
  writeFileSync(mine, text, { flag: 'wx' });
  try {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      if (link(mine, lock)) return text;
      const other = contentsOf(lock);
      if (other === undefined) continue;
      const owner = ownerOf(other);
      if (owner !== undefined && isHeld(owner)) {
        const where = owner.host === hostname() ? '' : ` on ${owner.host} (if that has ended, remove ${lock})`;
        throw new MachineError(`${path}: another machine writes to it: process ${String(owner.process)}${where}; end that machine, or leave "writable" out so that this one keeps its changes to itself`, 'user');
      }
      takeAway(lock, other, `${mine}.old`);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  throw new MachineError(`${path}: its lock ${lock} cannot be had, since others come and go; try again`, 'user');
}

function release(lock: string): void {
  const entry = held.get(lock);
  if (entry === undefined || --entry.times > 0) return;
  held.delete(lock);
  if (contentsOf(lock) === entry.text) rmSync(lock, { force: true });
}

process.on('exit', () => {
  for (const [lock, entry] of held) {
    entry.times = 1;
    release(lock);
  }
});

/**
 * Takes the lock of a file that is about to be written, and gives what releases it. In a folder that takes no files there are no locks.
 * @throws MachineError (blame: user) when another machine has it
 */
export function lockImage(path: string): () => void {
  const lock = `${realpathSync(path)}${SUFFIX}`;
  const known = held.get(lock);
  if (known !== undefined) {
    known.times++;
  } else {
    let text: string;
    try {
      text = acquire(path, lock);
    } catch (error) {
      if (error instanceof MachineError) throw error;
      return () => undefined;
    }
    held.set(lock, { text, times: 1 });
  }
  let isReleased = false;
  return () => {
    if (!isReleased) release(lock);
    isReleased = true;
  };
}
