/**
 * The launch configuration's definition in two other forms: package.json's `configurationAttributes` and the
 * table in the documentation. `scripts/contributions.ts` puts both in their places.
 */
import { FIELDS, FIELD_NAMES, isFieldName } from './configuration';
import type { FieldDefinition } from './configuration';
import type { JsonSchema } from './configurationKinds';

function definitions(): readonly (readonly [string, FieldDefinition])[] {
  return FIELD_NAMES.filter(isFieldName).map((name) => [name, FIELDS[name]]);
}

function attribute(definition: FieldDefinition): JsonSchema {
  return {
    ...definition.kind.schema,
    markdownDescription: definition.doc,
    ...(definition.default === undefined ? {} : { default: definition.default }),
  };
}

/** What a configuration may say that attaches to a machine which its client has left: how to debug it, as all else is settled. */
const ATTACHING: readonly string[] = ['symbols', 'sourceMap', 'stopOnEntry'];

const MACHINE: JsonSchema = {
  type: 'string',
  markdownDescription: 'The machine to attach to: the `name` that it was launched by. Not needed where one alone was left. Machines stay in an adapter that serves a port (`shadowbox dap --port`, `debugServer`).',
};

/** The value of `contributes.debuggers[].configurationAttributes` in package.json (plain JSON, no `$ref`). */
export function configurationAttributes(): JsonSchema {
  const properties = Object.fromEntries(definitions().map(([name, definition]) => [name, attribute(definition)]));
  const known = Object.fromEntries(Object.entries(properties).filter(([name]) => ATTACHING.includes(name)));
  return { launch: { properties }, attach: { properties: { machine: MACHINE, ...known } } };
}

function cell(words: string): string {
  return words.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function defaultCell({ default: value, commandLineDefault }: FieldDefinition): string {
  if (value === undefined) return '';
  const editor = `\`${JSON.stringify(value)}\``;
  return commandLineDefault === undefined ? editor : `${editor} (command line: \`${JSON.stringify(commandLineDefault)}\`)`;
}

/** The documentation's table of fields, as Markdown lines. */
export function configurationTable(): string {
  const rows = definitions().map(([name, definition]) =>
    `| \`${name}\` | ${cell(definition.kind.label)} | ${cell(defaultCell(definition))} | ${cell(definition.doc)} |`);
  return ['| Field | Value | Default | Meaning |', '|---|---|---|---|', ...rows, ''].join('\n');
}
