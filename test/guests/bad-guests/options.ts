/** The command line of `npm run bad-guests`. */
import { MODES, type Mode } from './guest';

export interface Options {
  /** Time to run, in seconds. */
  readonly seconds: number;
  /** Seed of the first guests; the next ones follow. */
  readonly seed: number;
  readonly modes: readonly Mode[];
  /** The guests of `seed` alone. */
  readonly only: boolean;
  /** A saved case to run. */
  readonly file: string | undefined;
  /** Kinds of failure after which to stop. */
  readonly most: number;
  readonly help: boolean;
}

/** The command line is wrong. */
export class UsageError extends Error {}

export const HELP = `npm run bad-guests -- [options]

Runs guests that misbehave in every way, and looks for what no guest may do: raise an exception of the monitor, hang it,
make it grow, or run differently in other slices. Failures are made smaller, printed, and saved in .cache/bad-guests.

  --seconds N   how long (default 60)
  --seed S      seed of the first guests (default 1)
  --mode M      ${MODES.join(', ')};
                may be given several times (default: all)
  --only        the guests of --seed alone, one for each mode
  --case FILE   a saved case
  --most N      stop after so many kinds of failure (default 10)
  --help        this text

Exit status: 0 when nothing failed, 1 when something did, 2 for a bad command line.
`;

function numberOf(name: string, text: string | undefined, low: number): number {
  const value = Number(text);
  if (text === undefined || !Number.isInteger(value) || value < low) throw new UsageError(`${name} takes a whole number from ${low} up, not "${text ?? ''}"`);
  return value;
}

function modeOf(text: string | undefined): Mode {
  const mode = MODES.find((name) => name === text);
  if (!mode) throw new UsageError(`--mode takes one of ${MODES.join(', ')}, not "${text ?? ''}"`);
  return mode;
}

/** @throws UsageError */
export function readOptions(words: readonly string[]): Options {
  const result = { seconds: 60, seed: 1, only: false, most: 10, help: false };
  let file: string | undefined;
  const modes: Mode[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    switch (word) {
      case '--seconds':
        result.seconds = numberOf(word, words[++i], 1);
        break;
      case '--seed':
        result.seed = numberOf(word, words[++i], 0);
        break;
      case '--most':
        result.most = numberOf(word, words[++i], 1);
        break;
      case '--mode':
        modes.push(modeOf(words[++i]));
        break;
      case '--case':
        file = words[++i];
        if (file === undefined) throw new UsageError('--case takes the name of a file');
        break;
      case '--only':
        result.only = true;
        break;
      case '--help':
        result.help = true;
        break;
      default:
        throw new UsageError(`unknown option "${word ?? ''}"`);
    }
  }
  return { ...result, file, modes: modes.length > 0 ? modes : MODES };
}
