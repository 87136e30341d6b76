/** Runs one engine once: starts its program, reads the clock at each line of the guest's, and ends it at the last one. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import os from 'node:os';
import type { Command } from './peers/peer';
import { LineReader, SessionRecord } from './protocol';
import type { Findings } from './protocol';

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
  /** The line of the serial output that ends the run. */
  readonly last: RegExp;
  /** Told each part, and 'boot', with its seconds, when it has ended. */
  readonly onPart: (part: string, seconds: number) => void;
}

/** One run. Seconds run from the start of the program. */
export interface Run extends Findings {
  /** Processor time of the program up to the last line, all threads; only where the system tells it (Linux). */
  readonly cpuSeconds?: number;
  /** How many processors everything else on the machine kept busy meanwhile, on average; where `cpuSeconds` is. */
  readonly othersCores?: number;
  /** Most memory that the program had resident at once, in KiB (VmHWM, proc(5)); where `cpuSeconds` is. */
  readonly peakKiB?: number;
  /** Why the last line was not reached; not there when it was. */
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

/**
 * Processor time of all threads of a process so far, in seconds, by the scheduler's own count, which is in nanoseconds (the first field
 * of /proc/PID/task/TID/schedstat). That of threads that have ended is not in it.
 * @returns undefined where the system does not tell it
 */
function threadSeconds({ pid }: ChildProcess): number | undefined {
  if (process.platform !== 'linux' || pid === undefined) return undefined;
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]), 0) / 1e9;
  } catch {
    return undefined;
  }
}

/** VmHWM of /proc/PID/status, in KiB; undefined when the text has none. */
export function peakKiBOf(status: string): number | undefined {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** What the system says of a process so far; nothing where /proc is not, or the process is gone. */
function costs({ pid }: ChildProcess, machineBefore: number, seconds: number): Pick<Run, 'cpuSeconds' | 'othersCores' | 'peakKiB'> {
  if (process.platform !== 'linux' || pid === undefined) return {};
  try {
    const cpuSeconds = cpuSecondsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    const peakKiB = peakKiBOf(readFileSync(`/proc/${pid}/status`, 'utf8'));
    // The two counts are ticks of different clocks, so that on a quiet machine the difference can be below nothing.
    const othersCores = Math.max(0, machineCpuSeconds() - machineBefore - cpuSeconds) / seconds;
    return { cpuSeconds, othersCores, ...(peakKiB === undefined ? {} : { peakKiB }) };
  } catch {
    return {};
  }
}

/** Processor time that the whole machine has spent so far, in seconds. */
function machineCpuSeconds(): number {
  return os.cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) / 1000, 0);
}

/** What the program and its guest said last, indented. */
function lastWords(serial: readonly string[], stderr: string): string {
  const lines = [...stderr.trimEnd().split('\n').slice(-LINES_SHOWN), ...serial].filter((line) => line.trim() !== '');
  return lines.length === 0 ? '' : `; last words:\n${lines.map((line) => `    ${line}`).join('\n')}`;
}

/**
 * Runs a command until the line of its output that is to be the last.
 * The program is gone when the promise settles.
 * @throws the signal's reason, when it fires
 */
export async function runSession(command: Command, limits: Limits): Promise<Run> {
  const { cwd, timeoutSeconds, signal, last, onPart } = limits;
  signal.throwIfAborted();
  const reader = new LineReader();
  const record = new SessionRecord(onPart);
  let found: Pick<Run, 'cpuSeconds' | 'othersCores' | 'peakKiB'> | undefined;
  let lines: readonly string[] = [];
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
    const fresh = reader.take(bytes);
    lines = [...lines, ...fresh].slice(-LINES_SHOWN);
    for (const line of fresh) record.take(line, { seconds: now, cpu: () => threadSeconds(child) });
    if (found !== undefined || !fresh.some((line) => last.test(line))) return;
    found = costs(child, machineBefore, now);
    clearTimeout(timer);
    if (command.endsItself) timer = setTimeout(kill, GRACE_SECONDS * 1000);
    else kill();
  });
  child.stderr.on('data', (bytes: Buffer) => { stderr = (stderr + bytes.toString()).slice(-STDERR_KEPT); });
  child.on('error', (error) => { startFault = error.message; });
  const ended = await new Promise<string>((resolve) => {
    child.on('close', (status, killedBy) => resolve(killedBy ?? `status ${status}`));
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', kill);
  signal.throwIfAborted();

  const run = { ...record.found(), ...found };
  if (found !== undefined) return run;
  const reason = startFault ?? (overtime ? `it took longer than ${limit} s` : `it ended with ${ended}`);
  return { ...run, failure: `${reason}, ${record.place()}${lastWords(lines, stderr)}` };
}
