/**
 * The command line of `npm run fuzz`.
 */
import { MODES, type Mode } from './case';

export interface Options {
  /** Time to fuzz, in seconds. */
  readonly seconds: number;
  /** Seed of the first program; the next ones follow. */
  readonly seed: number;
  readonly modes: readonly Mode[];
  /** Units of a program. */
  readonly length: number;
  /** Run the program of this seed alone, and show all of its steps. */
  readonly only: boolean;
  /** Differences after which to stop. */
  readonly most: number;
  /** Print programs as they are, rather than make them smaller first. */
  readonly whole: boolean;
  readonly help: boolean;
}

/** The command line is wrong. */
export class UsageError extends Error {}

export const HELP = `npm run fuzz -- [options]

Runs short random programs on our machine and on QEMU, compares after each instruction, and prints what differs.

  --seconds N   how long (default 60)
  --seed S      seed of the first program (default 1)
  --mode M      ${MODES.join(', ')}; may be given several times (default: all)
  --length N    units in a program (default 12); a unit is one to a few instructions
  --only        the program of --seed alone, with all its steps
  --most N      stop after so many different differences (default 10)
  --whole       print a program that shows a difference as it is; else it is made smaller first, which takes seconds
  --help        this text

Exit status: 0 when nothing differs but what QEMU is known to do otherwise, 1 when something does, 2 for a bad command line.
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
  const result = { seconds: 60, seed: 1, length: 12, only: false, most: 10, whole: false, help: false };
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
      case '--length':
        result.length = numberOf(word, words[++i], 1);
        break;
      case '--most':
        result.most = numberOf(word, words[++i], 1);
        break;
      case '--mode':
        modes.push(modeOf(words[++i]));
        break;
      case '--only':
        result.only = true;
        break;
      case '--whole':
        result.whole = true;
        break;
      case '--help':
        result.help = true;
        break;
      default:
        throw new UsageError(`unknown option "${word ?? ''}"`);
    }
  }
  return { ...result, modes: modes.length > 0 ? modes : MODES };
}
