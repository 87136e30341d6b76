/**
 * `npm run conformance -- DIR [--family NAME]...`: runs recorded single instructions of a real processor on
 * the engine. Exit status: 0 when none failed, 1 when some did, 2 for a bad command line or file.
 */
import { parseArgs } from 'node:util';
import { BENCH_ENGINES } from './bench';
import { runFamily, type Selection } from './familyRun';
import { familyLine, sideBySide, totalLine } from './report';
import { VectorFileError, familyNames, readFamily } from './vectorFile';

const USAGE = `Usage: npm run conformance -- DIR [options]

  DIR                 directory of *.jsonl.gz files (format x86-vectors-1)
  --family NAME       only this family; may be given several times
  --engine NAME       interpreter (the default) or translator
  --mode 32|64        only vectors of this CPU mode
  --vector N          only vector N (from 1) of the one family given
  --list              only list the families with their vectors
  --all-differences   show every failed vector, not just the first few of a family
  --help              this text`;

/** Failed vectors that are shown of a family unless all are asked for. */
const SHOWN = 3;

interface Request {
  readonly directory: string;
  readonly families: readonly string[];
  readonly selection: Selection;
  readonly list: boolean;
  readonly all: boolean;
}

class UsageError extends Error {}

function request(): Request | undefined {
  const { values, positionals } = commandLine();
  if (values.help) return undefined;
  const [directory, ...more] = positionals;
  if (directory === undefined) throw new UsageError('The directory of the vector files is missing.');
  if (more.length > 0) throw new UsageError(`One directory, please: what is ${more.join(' ')}?`);
  const mode = values.mode;
  if (mode !== undefined && mode !== '32' && mode !== '64') throw new UsageError(`--mode is 32 or 64, not ${mode}.`);
  const known = familyNames(directory);
  const wanted = values.family ?? [];
  for (const name of wanted) {
    if (!known.includes(name)) throw new UsageError(`There is no family ${name} in ${directory}; there are: ${known.join(' ')}`);
  }
  const number = vectorNumber(values.vector, wanted);
  const engine = BENCH_ENGINES.find((name) => name === values.engine);
  if (!engine) throw new UsageError(`--engine is ${BENCH_ENGINES.join(' or ')}, not ${values.engine}.`);
  const selection: Selection = { engine, ...(mode ? { mode: mode === '32' ? 32 : 64 } : {}), ...(number ? { number } : {}) };
  return { directory, families: wanted.length > 0 ? wanted : known, selection, list: values.list, all: values['all-differences'] };
}

function commandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        family: { type: 'string', multiple: true },
        mode: { type: 'string' },
        engine: { type: 'string', default: 'interpreter' },
        vector: { type: 'string' },
        list: { type: 'boolean', default: false },
        'all-differences': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (reason) {
    throw new UsageError(reason instanceof Error ? reason.message : String(reason));
  }
}

function vectorNumber(text: string | undefined, families: readonly string[]): number | undefined {
  if (text === undefined) return undefined;
  if (families.length !== 1) throw new UsageError('--vector needs exactly one --family.');
  if (!/^[1-9][0-9]*$/.test(text)) throw new UsageError(`--vector takes a number from 1, not ${text}.`);
  return Number(text);
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function list({ directory, families }: Request): void {
  for (const name of families) {
    const { vectors } = readFamily(directory, name);
    const narrow = vectors.filter((v) => v.m === 32).length;
    say(`${name.padEnd(16)} ${vectors.length} vectors: ${narrow} of 32-bit mode, ${vectors.length - narrow} of 64-bit mode`);
  }
}

/** Runs everything asked for; gives the number of failed vectors. */
function runAll({ directory, families, selection, all }: Request): number {
  let passed = 0;
  let failed = 0;
  for (const name of families) {
    const family = readFamily(directory, name);
    if (selection.number !== undefined && selection.number > family.vectors.length) {
      throw new UsageError(`${name} has ${family.vectors.length} vectors: there is no vector ${selection.number}.`);
    }
    const result = runFamily(family, selection);
    say(familyLine(result));
    const shown = all ? result.failed : result.failed.slice(0, SHOWN);
    for (const failure of shown) say(sideBySide(failure));
    if (shown.length < result.failed.length) say(`  ... and ${result.failed.length - shown.length} more (--all-differences shows them)`);
    passed += result.passed;
    failed += result.failed.length;
  }
  say(totalLine(passed, failed));
  return failed;
}

function main(): number {
  try {
    const wanted = request();
    if (!wanted) {
      say(USAGE);
      return 0;
    }
    if (!wanted.list) return runAll(wanted) > 0 ? 1 : 0;
    list(wanted);
    return 0;
  } catch (reason) {
    if (!(reason instanceof UsageError) && !(reason instanceof VectorFileError)) throw reason;
    process.stderr.write(`${reason.message}\n${reason instanceof UsageError ? `\n${USAGE}\n` : ''}`);
    return 2;
  }
}

process.exitCode = main();
