// Says what a script is doing: a line when a step starts, its seconds when it ends, a sign of life in
// between when a child process takes long.
import { spawn } from 'node:child_process';

const HEARTBEAT_MS = 10_000;
const OUTPUT_LINES_SHOWN = 12;

/** A failure whose message is meant for the person at the terminal: scripts print it without a stack trace. */
export class UserError extends Error {}

/** Prints one line about what goes on. Progress goes to stderr, so that stdout stays for results. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Seconds since `start` (a `performance.now()` reading), as text with one decimal. */
export function secondsSince(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/**
 * Runs one named step and says how long it took.
 * `work` may return a string: it is added to the closing line ('up to date', a path, ...).
 */
export async function step(name, work) {
  const start = performance.now();
  say(`${name} ...`);
  const note = await work();
  say(`${name}: done in ${secondsSince(start)}${typeof note === 'string' ? ` (${note})` : ''}`);
}

/** The first and the last lines of a program's output: the cause is usually at one of its ends. */
function excerpt(output) {
  const lines = output.trimEnd().split('\n').map((line) => `    ${line}`);
  if (lines.length <= 2 * OUTPUT_LINES_SHOWN) return lines.join('\n');
  return [...lines.slice(0, OUTPUT_LINES_SHOWN), '    (...)', ...lines.slice(-OUTPUT_LINES_SHOWN)].join('\n');
}

/**
 * Runs a child process with its output kept back, a sign of life every ten seconds, and an excerpt of its
 * output in the error when it fails.
 * @param {string} label what the child does, for the messages
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv}} [options]
 * @returns {Promise<string>} all that the child wrote (stdout and stderr, as they came)
 * @throws {UserError} when the child cannot be started or ends with a status other than 0
 */
export function run(label, command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const heartbeat = setInterval(() => say(`  still at it: ${label} (${secondsSince(start)})`), HEARTBEAT_MS);
    let output = '';
    const collect = (chunk) => { output += chunk; };
    // On Windows npm is a .cmd file, and those are started by the shell only.
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' && command === 'npm' });
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => {
      clearInterval(heartbeat);
      reject(new UserError(`${label}: cannot start ${command}: ${error.message}`));
    });
    child.on('close', (status, signal) => {
      clearInterval(heartbeat);
      if (status === 0) { resolve(output); return; }
      reject(new UserError(`${label}: ${command} ${args.join(' ')} ended with ${signal ?? `status ${status}`} and said:\n${excerpt(output)}`));
    });
  });
}

/** Runs a script's main function: a UserError is printed as its message, anything else with its stack; both give exit status 1. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    say(error instanceof UserError ? `\n${error.message}` : `\n${error instanceof Error ? error.stack : String(error)}`);
    process.exitCode = 1;
  }
}
