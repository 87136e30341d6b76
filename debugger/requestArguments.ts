/**
 * The arguments of one request, read with care: whatever a client sends, a field is either of the type asked
 * for or the answer says which field is wrong and what it should be.
 */
import { userError } from './ports';

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A reader over one object of a request's arguments. */
export class RequestArguments {
  private readonly fields: Fields;

  /** `where` names the object in messages: the command, or 'setBreakpoints: breakpoints[2]'. */
  constructor(private readonly where: string, value: unknown) {
    if (value !== undefined && value !== null && !isFields(value)) {
      throw userError(`${where}: the arguments must be an object, got ${describe(value)}.`);
    }
    this.fields = isFields(value) ? value : {};
  }

  /** Everything as it came; for arguments that somebody else validates. */
  get raw(): Fields {
    return this.fields;
  }

  string(name: string): string {
    const value = this.fields[name];
    if (typeof value !== 'string') throw this.wrong(name, 'a string', value);
    return value;
  }

  optionalString(name: string): string | undefined {
    return this.isAbsent(name) ? undefined : this.string(name);
  }

  /** A whole number between the bounds. */
  integer(name: string, minimum = -Number.MAX_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER): number {
    const value = this.fields[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw this.wrong(name, 'a whole number', value);
    if (value < minimum || value > maximum) {
      throw userError(`${this.where}: '${name}' must lie between ${minimum} and ${maximum}, got ${value}.`);
    }
    return value;
  }

  optionalInteger(name: string, minimum?: number, maximum?: number): number | undefined {
    return this.isAbsent(name) ? undefined : this.integer(name, minimum, maximum);
  }

  boolean(name: string): boolean {
    const value = this.fields[name];
    if (typeof value !== 'boolean') throw this.wrong(name, 'true or false', value);
    return value;
  }

  optionalBoolean(name: string): boolean | undefined {
    return this.isAbsent(name) ? undefined : this.boolean(name);
  }

  object(name: string): RequestArguments {
    const value = this.fields[name];
    if (!isFields(value)) throw this.wrong(name, 'an object', value);
    return new RequestArguments(`${this.where}: ${name}`, value);
  }

  optionalObject(name: string): RequestArguments | undefined {
    return this.isAbsent(name) ? undefined : this.object(name);
  }

  /** A list of objects; an absent list is empty. */
  objects(name: string): RequestArguments[] {
    return this.list(name).map((item, index) => new RequestArguments(`${this.where}: ${name}[${index}]`, item));
  }

  /** A list of strings; an absent list is empty. */
  strings(name: string): string[] {
    return this.list(name).map((item, index) => {
      if (typeof item !== 'string') throw this.wrong(`${name}[${index}]`, 'a string', item);
      return item;
    });
  }

  /** One of the given words; the first when it is absent. */
  choice<Word extends string>(name: string, words: readonly [Word, ...Word[]]): Word {
    if (this.isAbsent(name)) return words[0];
    const value = this.fields[name];
    const found = words.find((word) => word === value);
    if (found === undefined) throw this.wrong(name, `one of ${words.join(', ')}`, value);
    return found;
  }

  private list(name: string): readonly unknown[] {
    if (this.isAbsent(name)) return [];
    const value = this.fields[name];
    if (!Array.isArray(value)) throw this.wrong(name, 'a list', value);
    return value;
  }

  private isAbsent(name: string): boolean {
    return this.fields[name] === undefined || this.fields[name] === null;
  }

  private wrong(name: string, wanted: string, got: unknown): Error {
    return userError(`${this.where}: '${name}' must be ${wanted}, got ${describe(got)}.`);
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
