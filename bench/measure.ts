/** Runs one engine once: starts its program, reads the clock at each marker, and ends it at the last one. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Command } from './peers/peer';
import { MarkerWatcher } from './markers';
import type { Marker } from './workloads/workload';

/** What a program that ends itself gets beyond its time, in seconds: to stop, and to write its figures. */
const GRACE_SECONDS = 15;
/** How much of stderr is kept for a reason, in characters. */
const STDERR_KEPT = 2000;
const LINES_SHOWN = 3;
/** Linux counts processor time in hundredths of a second (USER_HZ, proc(5)). */
const TICKS_A_SECOND = 100;

export interface Limits {
  readonly cwd: string;
  readonly timeoutSeconds: number;
  /** Ends the program when it fires; the run then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Told each marker with its seconds, when it is passed. */
  readonly onMarker: (marker: Marker, seconds: number) => void;
}

/** One run. Times are seconds from the start of the program. */
export interface Run {
  /** By the markers' names; those that were not reached are not in it. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Processor time of the program up to the last marker, all threads; only where the system tells it (Linux). */
  readonly cpuSeconds?: number;
  /** How many processors everything else on the machine kept busy meanwhile, on average; where `cpuSeconds` is. */
  readonly othersCores?: number;
  /** Why the last marker was not reached; not there when it was. */
  readonly failure?: string;
}

/**
 * The processor time that a line of /proc/PID/stat tells, in seconds (proc(5): fields 14 and 15, utime and stime).
 * The second field, the program's name in brackets, may have blanks and brackets in it.
 */
export function cpuSecondsOf(stat: string): number {
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(afterName[11]) + Number(afterName[12])) / TICKS_A_SECOND;
}

/** Processor time of a process so far; undefined where /proc is not, or the process is gone. */
function cpuSeconds({ pid }: ChildProcess): number | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined;
  try {
    return cpuSecondsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Processor time that the whole machine has spent so far, in seconds. */
function machineCpuSeconds(): number {
  return os.cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) / 1000, 0);
}

/** What the program and its guest said last, indented. */
function lastWords(serial: string, stderr: string): string {
  const lines = [...stderr.trimEnd().split('\n').slice(-LINES_SHOWN), ...serial.split('\n')].filter((line) => line.trim() !== '');
  return lines.length === 0 ? '' : `; last words:\n${lines.map((line) => `    ${line}`).join('\n')}`;
}

/**
 * Runs a command until its output has shown the last of the markers.
 * The program is gone when the promise settles.
 * @throws the signal's reason, when it fires
 */
export async function runToMarkers(command: Command, markers: readonly Marker[], limits: Limits): Promise<Run> {
  const { cwd, timeoutSeconds, signal, onMarker } = limits;
  signal.throwIfAborted();
  const goal = markers.at(-1);
  const watcher = new MarkerWatcher(markers);
  const seconds: Record<string, number> = {};
  let processor: Pick<Run, 'cpuSeconds' | 'othersCores'> = {};
  let stderr = '';
  let overtime = false;
  let startFault: string | undefined;

  const machineBefore = machineCpuSeconds();
  const start = performance.now();
  const child = spawn(command.program, command.args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => { child.kill('SIGKILL'); };
  signal.addEventListener('abort', kill);
  const limit = timeoutSeconds + (command.endsItself ? GRACE_SECONDS : 0);
  let timer = setTimeout(() => { overtime = true; kill(); }, limit * 1000);
  child.stdout.on('data', (bytes: Buffer) => {
    const now = (performance.now() - start) / 1000;
    for (const marker of watcher.take(bytes)) {
      seconds[marker.name] = now;
      onMarker(marker, now);
      if (marker !== goal) continue;
      const own = cpuSeconds(child);
      // The two counts are ticks of different clocks, so that on a quiet machine the difference can be below nothing.
      if (own !== undefined) processor = { cpuSeconds: own, othersCores: Math.max(0, machineCpuSeconds() - machineBefore - own) / now };
      clearTimeout(timer);
      if (command.endsItself) timer = setTimeout(kill, GRACE_SECONDS * 1000);
      else kill();
    }
  });
  child.stderr.on('data', (bytes: Buffer) => { stderr = (stderr + bytes.toString()).slice(-STDERR_KEPT); });
  child.on('error', (error) => { startFault = error.message; });
  const ended = await new Promise<string>((resolve) => {
    child.on('close', (status, killedBy) => resolve(killedBy ?? `status ${status}`));
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', kill);
  signal.throwIfAborted();

  const times = { seconds, ...processor };
  if (goal !== undefined && goal.name in seconds) return times;
  const reason = startFault ?? (overtime ? `it took longer than ${limit} s` : `it ended with ${ended}`);
  return { ...times, failure: `${reason}, before '${goal?.title}'${lastWords(watcher.lastLines(LINES_SHOWN), stderr)}` };
}
