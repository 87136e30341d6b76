/**
 * Puts what is generated into its places: package.json's `configurationAttributes` and docs/configuration.md, from the
 * launch configuration's definition; the words of package.json in package.nls.json (lib/manifestTexts.ts); and the words of
 * the extension's code and of the panels in l10n/bundle.l10n.json (lib/codeTexts.ts).
 *
 *   node --import tsx scripts/contributions.ts [--check]
 *
 * With --check nothing is written; the exit status is 1 when a place does not hold what it should.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { configurationAttributes, configurationTable } from '../src/monitor/machine/configurationSchema';
import { codeTexts } from './lib/codeTexts';
import { externalised, type JsonObject, type Texts } from './lib/manifestTexts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DEBUGGER_TYPE = 'shadowbox';
const TABLE_PLACE = path.join('docs', 'configuration.md');
const WORDS_PLACE = 'package.nls.json';
const CODE_WORDS_PLACE = path.join('l10n', 'bundle.l10n.json');

interface Place {
  readonly file: string;
  /** The file's whole text as it should be. */
  readonly text: string;
}

interface Manifest {
  readonly contributes?: { readonly debuggers?: readonly { readonly type?: string }[] };
}

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

/** package.json with the generated part and keys for words in it, everything else as it was; and the words. */
function manifest(): Place[] {
  const file = 'package.json';
  const current = JSON.parse(readFileSync(path.join(ROOT, file), 'utf8')) as Manifest;
  const debuggers = current.contributes?.debuggers ?? [];
  if (!debuggers.some(({ type }) => type === DEBUGGER_TYPE)) {
    throw new Error(`package.json has no contributes.debuggers entry of type "${DEBUGGER_TYPE}": add one with type and label, then run this again`);
  }
  const generated = debuggers.map((entry) => (entry.type === DEBUGGER_TYPE ? { ...entry, configurationAttributes: configurationAttributes() } : entry));
  const whole = { ...current, contributes: { ...current.contributes, debuggers: generated } };
  const known = existsSync(path.join(ROOT, WORDS_PLACE)) ? JSON.parse(readFileSync(path.join(ROOT, WORDS_PLACE), 'utf8')) as Texts : {};
  const { manifest: keyed, texts } = externalised(whole as unknown as JsonObject, known);
  return [{ file, text: json(keyed) }, { file: WORDS_PLACE, text: json(texts) }];
}

function codeWords(): Place {
  return { file: CODE_WORDS_PLACE, text: json(codeTexts(path.join(ROOT, 'src', 'extension'), path.join(ROOT, 'webviews'))) };
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

const stale = [...manifest(), table(), codeWords()].filter((place) => !holds(place));
if (process.argv.includes('--check')) {
  for (const { file } of stale) console.error(`${file} is not what it is generated from: run npm run contributions`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const { file, text } of stale) {
    mkdirSync(path.dirname(path.join(ROOT, file)), { recursive: true });
    writeFileSync(path.join(ROOT, file), text);
  }
  console.log(stale.length > 0 ? `wrote ${stale.map(({ file }) => file).join(', ')}` : 'nothing has changed');
}
