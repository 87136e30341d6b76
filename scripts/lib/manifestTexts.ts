/**
 * Words of package.json that people see go to package.nls.json, where they can be translated: in package.json stands
 * `%key%` in their place. Whoever adds a contribution writes plain English there; `npm run contributions` moves it.
 */

/** Members that hold words, wherever they stand. */
const WORDS = new Set(['title', 'shortTitle', 'label', 'description', 'markdownDescription', 'displayName', 'contents', 'contextualTitle', 'altText', 'unverifiedBreakpoints', 'deprecationMessage']);
/** Members that hold lists of words. */
const WORD_LISTS = new Set(['enumDescriptions', 'markdownEnumDescriptions']);
/** Members below which nothing is meant for reading: values, not words. */
const VALUES = new Set(['default', 'body', 'initialConfigurations', 'enum', 'examples']);
/** `name` is a word in these contributions alone. */
const NAMED = new Set(['views', 'viewsContainers']);
/** What an entry of a list is called in its key, the first that it has. */
const IDENTITIES = ['command', 'submenu', 'id', 'viewType', 'type', 'view', 'label'];

type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject { readonly [name: string]: Json }
export type Texts = Readonly<Record<string, string>>;

/** A manifest whose words are in `texts`. */
export interface Externalised {
  readonly manifest: JsonObject;
  readonly texts: Texts;
}

const isObject = (value: Json): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const isKey = (text: string) => /^%[\w.-]+%$/.test(text);

/** The part of a key that names one entry of a list. */
function identityOf(entry: Json, index: number): string {
  if (!isObject(entry)) return String(index + 1);
  const found = IDENTITIES.map((name) => entry[name]).find((value) => typeof value === 'string' && /^[\w.-]+$/.test(value));
  return typeof found === 'string' ? found.replace(/^shadowbox\./, '') : String(index + 1);
}

class Mover {
  readonly texts = new Map<string, string>();

  constructor(private readonly known: Texts) {}

  private moved(text: string, path: readonly string[]): string {
    if (isKey(text)) {
      const key = text.slice(1, -1);
      if (!Object.hasOwn(this.known, key)) throw new Error(`package.json says ${text}, which package.nls.json does not have: put the words themselves into package.json, and run this again`);
      this.texts.set(key, this.known[key]);
      return text;
    }
    const key = path.join('.');
    const other = this.texts.get(key);
    if (other !== undefined && other !== text) throw new Error(`two texts of package.json would have the key '${key}': '${other}' and '${text}'`);
    this.texts.set(key, text);
    return `%${key}%`;
  }

  walk(value: Json, path: readonly string[], isNamed = false): Json {
    if (Array.isArray(value)) return value.map((entry: Json, i) => this.walk(entry, [...path, identityOf(entry, i)], isNamed));
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]): [string, Json] => {
      if (VALUES.has(name)) return [name, member];
      const here = [...path, name];
      if (typeof member === 'string') return [name, WORDS.has(name) || (isNamed && name === 'name') ? this.moved(member, here) : member];
      if (WORD_LISTS.has(name) && Array.isArray(member)) {
        return [name, member.map((text: Json, i) => (typeof text === 'string' ? this.moved(text, [...here, String(i + 1)]) : text))];
      }
      return [name, this.walk(member, here, isNamed || NAMED.has(name))];
    }));
  }
}

/**
 * Moves the words of a manifest's contributions, capabilities and own description into texts; what has been moved before stays as it is.
 * @param known texts of package.nls.json so far; those that nothing refers to are left out of the result
 * @throws Error when a key has no text, or two texts have one key
 */
export function externalised(manifest: JsonObject, known: Texts): Externalised {
  const mover = new Mover(known);
  const parts: Record<string, Json> = {};
  for (const [name, member] of Object.entries(manifest)) {
    if (name === 'contributes') parts[name] = mover.walk(member, []);
    else if (name === 'capabilities') parts[name] = mover.walk(member, ['capabilities']);
    else if (name === 'description') parts[name] = mover.walk({ description: member }, ['extension']);
    else parts[name] = member;
  }
  const { description } = parts;
  return {
    manifest: { ...parts, ...(description !== undefined && isObject(description) ? description : {}) },
    texts: Object.fromEntries([...mover.texts].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** Replaces keys by their words, as VS Code does. */
export function internalised(value: Json, texts: Texts): Json {
  if (typeof value === 'string') return isKey(value) ? texts[value.slice(1, -1)] ?? value : value;
  if (Array.isArray(value)) return value.map((entry: Json) => internalised(entry, texts));
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, internalised(member, texts)])) : value;
}
