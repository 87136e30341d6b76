/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { PEERS } from './peers/all';
import type { Peer } from './peers/peer';
import { WORKLOADS } from './workloads/all';
import type { Workload } from './workloads/workload';

/** The slowest that is worth waiting for; an interpreter on a busy machine boots Linux within it. */
const DEFAULT_TIMEOUT_SECONDS = 240;
/** `--full` goes on through the installer's start, several times the boot. */
const FULL_TIMEOUT_SECONDS = 900;

export const HELP = `npm run bench -- [options]: boots one guest on each engine in turn and compares the times

  --repeat N       runs of each engine; the median counts (default: 1)
  --engines A,B    only these: ${PEERS.map(({ name }) => name).join(', ')} (default: all)
  --workload NAME  ${WORKLOADS.map(({ name }) => name).join(', ')} (default: ${WORKLOADS[0].name})
  --full           go on to the workload's later markers (the installer's first screen)
  --timeout S      seconds that one run may take (default: ${DEFAULT_TIMEOUT_SECONDS}, with --full ${FULL_TIMEOUT_SECONDS})
  --save           write the report to bench/results/, as Markdown and JSON
  --help           print this
`;

export interface BenchOptions {
  readonly repeat: number;
  readonly peers: readonly Peer[];
  readonly workload: Workload;
  readonly full: boolean;
  readonly timeoutSeconds: number;
  readonly save: boolean;
  readonly help: boolean;
}

/** What is wrong with a command line: a sentence for the person who wrote it. */
export class UsageError extends Error {}

/** Node's timers hold at most 2^31 - 1 milliseconds. */
const LARGEST_NUMBER = 1_000_000;

function wholeNumber(name: string, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= LARGEST_NUMBER) return value;
  throw new UsageError(`--${name}: '${text}' is no whole number from 1 to ${LARGEST_NUMBER}`);
}

/** The one of that name. @throws UsageError that lists the names there are */
function named<T extends { readonly name: string }>(option: string, list: readonly T[], name: string): T {
  const found = list.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new UsageError(`--${option}: there is no '${name}'; there is ${list.map((each) => each.name).join(', ')}`);
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        repeat: { type: 'string', default: '1' },
        engines: { type: 'string' },
        workload: { type: 'string', default: WORKLOADS[0].name },
        full: { type: 'boolean', default: false },
        timeout: { type: 'string' },
        save: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Reads what follows `npm run bench --`.
 * @throws UsageError
 */
export function readOptions(words: readonly string[]): BenchOptions {
  const { repeat, engines, workload, full, timeout, save, help } = parsed(words);
  const wanted = engines?.split(',').map((name) => named('engines', PEERS, name));
  return {
    repeat: wholeNumber('repeat', repeat),
    // In the fixed order, whatever the order on the command line: the ratios are read that way.
    peers: PEERS.filter((peer) => wanted === undefined || wanted.includes(peer)),
    workload: named('workload', WORKLOADS, workload),
    full,
    timeoutSeconds: timeout === undefined ? (full ? FULL_TIMEOUT_SECONDS : DEFAULT_TIMEOUT_SECONDS) : wholeNumber('timeout', timeout),
    save,
    help,
  };
}
