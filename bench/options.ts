/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { ARCHITECTURES } from './ownGuest';
import type { Architecture } from './ownGuest';
import { PARTS } from './parts';
import { PEERS, USUAL_PEERS } from './peers/all';
import type { Peer } from './peers/peer';
import { SUITES } from './sessions';
import type { SuiteChoice } from './sessions';

/** The slowest that is worth waiting for, in seconds: an interpreter on a busy machine does all parts within it. */
const DEFAULT_TIMEOUT_SECONDS = 1800;

export const HELP = `npm run bench -- [options]: the same guests on each engine in turn, and their times compared

  --suite S       ${SUITES.join(', ')} (default: all)
  --arch A        ${ARCHITECTURES.join(' or ')} (default: i386)
  --engines A,B   ${PEERS.map(({ name }) => name).join(', ')} (default: ${USUAL_PEERS.i386.join(',')}, on amd64 ${USUAL_PEERS.amd64.join(',')})
  --only A,B      these parts alone
  --again         all parts once more in the same guest, when engines have met their code: a table of its own
  --repeat N      runs of each engine; the median counts (default: 1)
  --timeout S     seconds that one boot with its parts may take (default: ${DEFAULT_TIMEOUT_SECONDS})
  --save          write the report to bench/results/, as Markdown and JSON
  --help          print this

Parts: ${PARTS.map(({ name }) => name).join(', ')}
npm run bench:quick runs parts on our engine alone.
`;

export interface BenchOptions {
  readonly suite: SuiteChoice;
  readonly architecture: Architecture;
  readonly peers: readonly Peer[];
  readonly only?: readonly string[];
  readonly again: boolean;
  readonly repeat: number;
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

/** The word of the list that is written. @throws UsageError that lists the words there are */
export function oneOf<Word extends string>(option: string, words: readonly Word[], written: string): Word {
  const found = words.find((word) => word === written);
  if (found !== undefined) return found;
  throw new UsageError(`--${option}: there is no '${written}'; there is ${words.join(', ')}`);
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        suite: { type: 'string', default: 'all' },
        arch: { type: 'string', default: 'i386' },
        engines: { type: 'string' },
        only: { type: 'string' },
        again: { type: 'boolean', default: false },
        repeat: { type: 'string', default: '1' },
        timeout: { type: 'string', default: String(DEFAULT_TIMEOUT_SECONDS) },
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
  const { suite, arch, engines, only, again, repeat, timeout, save, help } = parsed(words);
  const architecture = oneOf('arch', ARCHITECTURES, arch);
  const names = engines?.split(',').map((name) => oneOf('engines', PEERS.map((peer) => peer.name), name)) ?? USUAL_PEERS[architecture];
  const parts = only?.split(',').map((name) => oneOf('only', PARTS.map((part) => part.name), name));
  return {
    suite: oneOf('suite', SUITES, suite),
    architecture,
    // In the fixed order, whatever the order on the command line: the table is read that way.
    peers: PEERS.filter(({ name }) => names.includes(name)),
    ...(parts === undefined ? {} : { only: parts }),
    again,
    repeat: wholeNumber('repeat', repeat),
    timeoutSeconds: wholeNumber('timeout', timeout),
    save,
    help,
  };
}
