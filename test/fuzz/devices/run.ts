/** Entry of `npm run fuzz:devices -- --seconds N --seed S`: boards with ascending seeds until the time is over. Exit status 1 for a finding. */
import { parseArgs } from 'node:util';
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
  const end = performance.now() + 1000 * count(values.seconds, 'seconds');
  let seed = first;
  try {
    for (; performance.now() < end; seed++) fuzzBoard(seed, STEPS_OF_A_BOARD);
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    const { cause } = error;
    process.stderr.write(`${error.message}\n${cause instanceof Error ? `${cause.stack ?? ''}\n` : ''}npm run fuzz:devices -- --seconds 1 --seed ${String(error.seed)} brings it again\n`);
    return 1;
  }
  process.stdout.write(`${String(seed - first)} boards, ${String((seed - first) * STEPS_OF_A_BOARD)} steps: nothing found\n`);
  return 0;
}

process.exitCode = main();
