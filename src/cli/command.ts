/** The `shadowbox` command: finds the subcommand, prints help, and turns failures into sentences and exit statuses. */
import { version } from '../../package.json';
import { LoadError } from '../monitor/firmware/platform';
import { MachineError } from '../monitor/machine/blame';
import { nearestWord } from '../monitor/machine/configurationSpelling';
import { MAIN_HELP, REPLAY_HELP, RUN_HELP } from './help';
import { UsageError, optionFor, readRunOptions } from './options';
import { run } from './run';
import { STATUS } from './status';
import type { Surroundings } from './surroundings';

/** A subcommand: takes the words after its name, gives the exit status. */
export type Subcommand = (words: readonly string[], surroundings: Surroundings) => Promise<number>;

async function runSubcommand(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const options = readRunOptions(words);
  if (!options.help) return run(options, surroundings);
  surroundings.stdout.write(RUN_HELP);
  return STATUS.done;
}

/** `shadowbox replay FILE`: a run whose machine and input are a recording's. */
async function replaySubcommand(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { configurationFile, ...options } = readRunOptions(words);
  if (options.help) {
    surroundings.stdout.write(REPLAY_HELP);
    return STATUS.done;
  }
  if (configurationFile === undefined) throw new UsageError('a recording is missing: shadowbox replay FILE');
  return run({ ...options, fields: { ...options.fields, recording: configurationFile } }, surroundings);
}

function unknownSubcommand(word: string, names: readonly string[]): UsageError {
  const nearest = nearestWord(word.replace(/^-+/, ''), [...names, 'help', 'version']);
  const what = word.startsWith('-') ? 'option' : 'command';
  if (nearest === undefined) return new UsageError(`there is no ${what} '${word}'`);
  return new UsageError(`there is no ${what} '${word}'; did you mean ${names.includes(nearest) ? nearest : `--${nearest}`}?`);
}

/** A failure in words; `help` is where to read on. */
function explain(error: unknown): { readonly text: string; readonly status: number } {
  if (error instanceof UsageError) return { text: error.message, status: STATUS.usage };
  if (error instanceof LoadError) return { text: `${optionFor(error.field)}: ${error.message}`, status: STATUS.usage };
  if (error instanceof MachineError && error.blame !== 'internal') {
    return { text: error.field === undefined ? error.message : `${optionFor(error.field)}: ${error.message}`, status: STATUS.usage };
  }
  return { text: `this is a bug of ours: ${error instanceof Error ? error.stack ?? error.message : String(error)}`, status: STATUS.internal };
}

/**
 * Does what the words of a command line say.
 * @param extra subcommands besides `run`
 * @returns the exit status
 */
export async function command(words: readonly string[], surroundings: Surroundings, extra: Readonly<Record<string, Subcommand>>): Promise<number> {
  const { stdout, stderr } = surroundings;
  const subcommands: Readonly<Record<string, Subcommand>> = { run: runSubcommand, replay: replaySubcommand, ...extra };
  const [word, ...rest] = words;
  try {
    if (word === undefined) throw new UsageError(`a command is missing\n\n${MAIN_HELP}`);
    if (Object.hasOwn(subcommands, word)) return await subcommands[word](rest, surroundings);
    if (word === '--version') stdout.write(`${version}\n`);
    else if (['--help', '-h', 'help'].includes(word)) stdout.write(MAIN_HELP);
    else throw unknownSubcommand(word, Object.keys(subcommands));
    return STATUS.done;
  } catch (error) {
    const { text, status } = explain(error);
    const hint = status === STATUS.usage && !text.includes('\n\n') ? `\nshadowbox: see shadowbox ${word === 'run' ? 'run ' : ''}--help\n` : '\n';
    stderr.write(`shadowbox: ${text.trimEnd()}${hint}`);
    return status;
  }
}
