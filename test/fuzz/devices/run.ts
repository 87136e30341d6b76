/** Entry of `npm run fuzz:devices -- --seconds N --seed S`: boards with ascending seeds until the time is over. Exit status not 0 for a finding. */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Finding, fuzzBoard } from './campaign';

const STEPS_OF_A_BOARD = 40_000;

function count(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} wants a number, got '${text}'`);
  return value;
}

function main(): number {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string', default: '1' } } });
  const first = count(values.seed, 'seed');
  const start = performance.now();
  const end = start + 1000 * count(values.seconds, 'seconds');
  // Seed and step under way, for the watchdog.
  const words = new Int32Array(new SharedArrayBuffer(8));
  new Worker(new URL('watchdog.mjs', import.meta.url), { workerData: words }).unref();
  let seed = first;
  try {
    for (; performance.now() < end; seed++) {
      words[0] = seed;
      fuzzBoard(seed, STEPS_OF_A_BOARD, (at) => { words[1] = at; });
    }
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    const { cause } = error;
    process.stderr.write(`${error.message}\n${cause instanceof Error ? `${cause.stack ?? ''}\n` : ''}npm run fuzz:devices -- --seconds 1 --seed ${String(error.seed)} brings it again\n`);
    return 1;
  }
  const boards = seed - first;
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const peak = (process.resourceUsage().maxRSS / 1024).toFixed(0);
  process.stdout.write(`${String(boards)} boards from seed ${String(first)}, ${String(boards * STEPS_OF_A_BOARD)} steps, ${seconds} s, at most ${peak} MiB: nothing found\n`);
  return 0;
}

process.exitCode = main();
