/**
 * The kinds of value that the launch configuration's fields have (a size, a path, a choice ...). Each says once
 * how a value is checked, how JSON Schema describes it, and what the documentation calls it.
 */
import { nearestWord } from './configurationSpelling';

/** A JSON Schema (draft 7) without `$ref`: VS Code takes no references in `configurationAttributes`. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** Why a value is not taken, and what to write instead. Both are sentence parts without a full stop. */
export class Refusal extends Error {
  constructor(message: string, readonly remedy: string) {
    super(message);
    this.name = 'Refusal';
  }
}

/** What the reader of values may ask of its surroundings. */
export interface ReadContext {
  /** Makes a path absolute, the way that suits where the value was written. */
  resolvePath(path: string): string;
}

export interface Kind<T> {
  readonly schema: JsonSchema;
  /** What the documentation calls it. */
  readonly label: string;
  /** Gives the checked value. Throws Refusal. */
  read(value: unknown, context: ReadContext): T;
}

/** A value as a person would write it, for messages: text in single quotes, anything else as JSON. */
export function quoted(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(JSON.stringify(value));
}

function quotedWords(words: readonly string[]): string {
  return words.map((word) => `"${word}"`).join(', ');
}

/** The remedy for a word that is none of the known ones. */
export function wordRemedy(word: unknown, known: readonly string[]): string {
  const nearest = typeof word === 'string' ? nearestWord(word, known) : undefined;
  return nearest === undefined ? `write one of ${quotedWords(known)}` : `did you mean "${nearest}"? (${quotedWords(known)})`;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes as the largest unit that divides them: '128M'. */
export function sizeText(bytes: number): string {
  for (const unit of ['g', 'm', 'k']) {
    if (bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit.toUpperCase()}`;
  }
  return String(bytes);
}

function sizeInBytes(value: unknown, example: string): number {
  if (typeof value === 'number') return value;
  const parts = typeof value === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?\s*$/i.exec(value) : null;
  if (parts === null) throw new Refusal(`${quoted(value)} is not a size`, `write e.g. "${example}"`);
  return Number(parts[1]) * UNITS[parts[2].toLowerCase()];
}

/** A number of bytes, written as such or with a unit ('128M'); a multiple of `granule`. */
export function size(limits: { minimum: number; maximum: number; granule: number; example: string }): Kind<number> {
  const { minimum, maximum, granule, example } = limits;
  return {
    schema: { type: ['string', 'integer'], pattern: '^\\s*\\d+(\\.\\d+)?\\s*[kKmMgG]?([iI]?[bB])?\\s*$', minimum, maximum },
    label: 'size',
    read(value) {
      const bytes = sizeInBytes(value, example);
      const range = `write ${sizeText(minimum)} to ${sizeText(maximum)}, e.g. "${example}"`;
      if (bytes < minimum) throw new Refusal(`${quoted(value)} is too little`, range);
      if (bytes > maximum) throw new Refusal(`${quoted(value)} is too much`, range);
      if (bytes % granule !== 0) throw new Refusal(`${quoted(value)} is not a multiple of ${sizeText(granule)}`, `write e.g. "${example}"`);
      return bytes;
    },
  };
}

/** A whole number in a range; `note` is added to the remedy. */
export function integer(limits: { minimum: number; maximum: number; note?: string }): Kind<number> {
  const { minimum, maximum, note } = limits;
  const range = minimum === maximum ? `write ${minimum}` : `write a whole number from ${minimum} to ${maximum}`;
  return {
    schema: { type: 'integer', minimum, maximum },
    label: 'number',
    read(value) {
      const possible = typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum && value <= maximum;
      if (!possible) throw new Refusal(`${quoted(value)} is not possible`, note === undefined ? range : `${range} (${note})`);
      return value;
    },
  };
}

function readText(value: unknown, what: string, example: string): string {
  if (typeof value !== 'string') throw new Refusal(`${quoted(value)} is not ${what}`, `write ${example}`);
  return value;
}

/** Text that is passed on as it is. NUL ends text for every guest, so it may not be inside. */
export function text(): Kind<string> {
  return {
    schema: { type: 'string' },
    label: 'text',
    read(value) {
      const written = readText(value, 'a text', 'it in quotes');
      if (written.includes('\0')) throw new Refusal('it has a NUL character in it', 'take that out');
      return written;
    },
  };
}

export function flag(): Kind<boolean> {
  return {
    schema: { type: 'boolean' },
    label: 'true or false',
    read(value) {
      if (typeof value !== 'boolean') throw new Refusal(`${quoted(value)} is neither true nor false`, 'write true or false, without quotes');
      return value;
    },
  };
}

/** One of some words. The record's values say what each means. */
export function choice<Word extends string>(meanings: Readonly<Record<Word, string>>): Kind<Word> {
  const words = Object.keys(meanings);
  const isWord = (value: unknown): value is Word => typeof value === 'string' && words.includes(value);
  return {
    schema: { type: 'string', enum: words, enumDescriptions: Object.values(meanings) },
    label: words.map((word) => `\`"${word}"\``).join(', '),
    read(value) {
      if (!isWord(value)) throw new Refusal(`${quoted(value)} is not known`, wordRemedy(value, words));
      return value;
    },
  };
}

function readPath(value: unknown, context: ReadContext): string {
  const written = readText(value, 'a path', 'the path of a file in quotes');
  if (written.trim() === '') throw new Refusal('the path is empty', 'write the path of a file, or leave the field out');
  if (written.includes('\0')) throw new Refusal('the path has a NUL character in it', 'write the path of a file');
  return context.resolvePath(written);
}

/** The path of a file of the host. */
export function path(): Kind<string> {
  return { schema: { type: 'string' }, label: 'path', read: readPath };
}

/** One of some words, or the path of a file. A file of the same name as a word is written './word'. */
export function wordOrPath(meanings: Readonly<Record<string, string>>): Kind<string> {
  const words = Object.keys(meanings);
  return {
    schema: { anyOf: [{ type: 'string', enum: words, enumDescriptions: Object.values(meanings) }, { type: 'string' }] },
    label: `${words.map((word) => `\`"${word}"\``).join(', ')} or path`,
    read: (value, context) => (typeof value === 'string' && words.includes(value) ? value : readPath(value, context)),
  };
}

/** A list; problems name the place in it, counted from 1. */
export function list<T>(item: Kind<T>, example: string): Kind<readonly T[]> {
  return {
    schema: { type: 'array', items: item.schema },
    label: `list of: ${item.label}`,
    read(value, context) {
      if (!Array.isArray(value)) throw new Refusal(`${quoted(value)} is not a list`, `write it in brackets, e.g. ${example}`);
      return value.map((entry: unknown, index) => {
        try {
          return item.read(entry, context);
        } catch (error) {
          throw error instanceof Refusal ? new Refusal(`entry ${index + 1}: ${error.message}`, error.remedy) : error;
        }
      });
    },
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A property that a file may have beside its path. `absent`: its value when it is not written; undefined leaves it out. */
export interface PathProperty<T> {
  readonly kind: Kind<T>;
  readonly absent: T;
  readonly doc: string;
}

type PathProperties = Readonly<Record<string, PathProperty<unknown>>>;
type PathWith<Properties extends PathProperties> =
  & { readonly path: string }
  & { readonly [Name in keyof Properties]: Properties[Name] extends PathProperty<infer T> ? T : never };

/** A file with properties of its own: either just its path, or an object with `path` and any of the properties. */
export function pathWith<Properties extends PathProperties>(properties: Properties): Kind<PathWith<Properties>> {
  const names = Object.keys(properties);
  const remedy = `write { "path": "…", ${names.map((name) => `"${name}": …`).join(', ')} }`;
  return {
    schema: {
      anyOf: [
        { type: 'string' },
        {
          type: 'object',
          properties: {
            path: { type: 'string', description: 'Path of the file.' },
            ...Object.fromEntries(names.map((name) => [name, { ...properties[name].kind.schema, description: properties[name].doc }])),
          },
          required: ['path'],
          additionalProperties: false,
        },
      ],
    },
    label: `path or \`{ "path": …, ${names.map((name) => `"${name}": ${properties[name].kind.label}`).join(', ')} }\``,
    read(value, context) {
      const record = isRecord(value) ? value : { path: value };
      const stranger = Object.keys(record).find((key) => key !== 'path' && !names.includes(key));
      if (stranger !== undefined) throw new Refusal(`'${stranger}' is not known in it`, wordRemedy(stranger, ['path', ...names]));
      if (!('path' in record)) throw new Refusal('it has no "path"', remedy);
      const read = names.map((name) => [name, name in record ? properties[name].kind.read(record[name], context) : properties[name].absent] as const);
      const entry: Readonly<Record<string, unknown>> = { path: readPath(record['path'], context), ...Object.fromEntries(read.filter(([, found]) => found !== undefined)) };
      // Each property was read by its kind, which gives a value of its type.
      return entry as PathWith<Properties>;
    },
  };
}

/** One of some words, or what another kind takes. */
export function wordOr<Word extends string, T>(meanings: Readonly<Record<Word, string>>, other: Kind<T>): Kind<Word | T> {
  const words = Object.keys(meanings);
  const isWord = (value: unknown): value is Word => typeof value === 'string' && words.includes(value);
  const { anyOf } = other.schema;
  return {
    schema: { anyOf: [{ type: 'string', enum: words, enumDescriptions: Object.values(meanings) }, ...(Array.isArray(anyOf) ? anyOf as readonly unknown[] : [other.schema])] },
    label: `${words.map((each) => `\`"${each}"\``).join(', ')}, ${other.label}`,
    read: (value, context) => (isWord(value) ? value : other.read(value, context)),
  };
}

/** Text that a pattern allows. */
export function word(pattern: RegExp, what: string, example: string): Kind<string> {
  return {
    schema: { type: 'string', pattern: pattern.source },
    label: what,
    read(value) {
      const written = readText(value, `a ${what}`, `e.g. "${example}"`);
      if (!pattern.test(written)) throw new Refusal(`${quoted(written)} is no ${what}`, `write e.g. "${example}"`);
      return written;
    },
  };
}

/** An object from texts to texts, such as path prefixes to path prefixes. */
export function mapping(example: string): Kind<Readonly<Record<string, string>>> {
  return {
    schema: { type: 'object', additionalProperties: { type: 'string' } },
    label: 'object of texts',
    read(value) {
      if (!isRecord(value)) throw new Refusal(`${quoted(value)} is not an object`, `write e.g. ${example}`);
      return Object.fromEntries(Object.entries(value).map(([from, to]) => {
        if (typeof to !== 'string') throw new Refusal(`${quoted(to)} for '${from}' is not a text`, `write e.g. ${example}`);
        return [from, to];
      }));
    },
  };
}

const ISO_DATE = /^(\d{4})-(\d{2})-(\d{2})(?:T\d{2}:\d{2}(?::\d{2})?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** Seconds since 1970 of an ISO 8601 date, NaN if it is none. JavaScript takes a time without zone as local and February 30th as March 1st; here they are UTC and no date. */
function secondsOf(written: string): number {
  const parts = ISO_DATE.exec(written);
  if (parts === null) return Number.NaN;
  const [year, month, day] = parts.slice(1, 4).map(Number);
  if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return Number.NaN;
  const zoned = written.includes('T') && parts[4] === undefined ? `${written}Z` : written;
  return Date.parse(zoned) / 1000;
}

/** A moment as ISO 8601 date, with or without time; without a zone it means UTC. Gives seconds since 1970 (UTC). */
export function moment(earliest: string, latest: string): Kind<number> {
  return {
    schema: { type: 'string', pattern: ISO_DATE.source },
    label: 'ISO 8601 date',
    read(value) {
      const at = typeof value === 'string' ? secondsOf(value) : Number.NaN;
      if (Number.isNaN(at)) throw new Refusal(`${quoted(value)} is not a date`, 'write e.g. "2024-02-29" or "2024-02-29T12:00:00Z"');
      if (at < secondsOf(earliest) || at > secondsOf(latest)) throw new Refusal(`${quoted(value)} is beyond what the clock can show`, `write a date from ${earliest} to ${latest}`);
      return at;
    },
  };
}
