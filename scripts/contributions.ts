/**
 * Puts what comes from the launch configuration's definition into its places: package.json's
 * `configurationAttributes` and docs/configuration.md.
 *
 *   node --import tsx scripts/contributions.ts [--check]
 *
 * With --check nothing is written; the exit status is 1 when a place does not hold what it should.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { configurationAttributes, configurationTable } from '../src/monitor/machine/configurationSchema';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DEBUGGER_TYPE = 'shadowbox';
const TABLE_PLACE = path.join('docs', 'configuration.md');

interface Place {
  readonly file: string;
  /** The file's whole text as it should be. */
  readonly text: string;
}

interface Manifest {
  readonly contributes?: { readonly debuggers?: readonly { readonly type?: string }[] };
}

/** package.json with the generated part in it, everything else as it was. */
function manifest(): Place {
  const file = 'package.json';
  const current = JSON.parse(readFileSync(path.join(ROOT, file), 'utf8')) as Manifest;
  const debuggers = current.contributes?.debuggers ?? [];
  if (!debuggers.some(({ type }) => type === DEBUGGER_TYPE)) {
    throw new Error(`package.json has no contributes.debuggers entry of type "${DEBUGGER_TYPE}": add one with type and label, then run this again`);
  }
  const generated = debuggers.map((entry) => (entry.type === DEBUGGER_TYPE ? { ...entry, configurationAttributes: configurationAttributes() } : entry));
  const whole = { ...current, contributes: { ...current.contributes, debuggers: generated } };
  return { file, text: `${JSON.stringify(whole, undefined, 2)}\n` };
}

function table(): Place {
  const introduction = [
    '# The launch configuration',
    '',
    'These fields may stand in an entry of `launch.json` and in the JSON file that `shadowbox run` takes.',
    'Paths are relative to the workspace folder, or to the folder of the JSON file.',
    '(This page is written by `node --import tsx scripts/contributions.ts` from `src/monitor/machine/configuration.ts`.)',
    '',
  ];
  return { file: TABLE_PLACE, text: `${introduction.join('\n')}\n${configurationTable()}` };
}

function holds({ file, text }: Place): boolean {
  const full = path.join(ROOT, file);
  return existsSync(full) && readFileSync(full, 'utf8') === text;
}

const stale = [manifest(), table()].filter((place) => !holds(place));
if (process.argv.includes('--check')) {
  for (const { file } of stale) console.error(`${file} is not what the configuration's definition says: run node --import tsx scripts/contributions.ts`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const { file, text } of stale) writeFileSync(path.join(ROOT, file), text);
  console.log(stale.length > 0 ? `wrote ${stale.map(({ file }) => file).join(', ')}` : 'nothing has changed');
}
