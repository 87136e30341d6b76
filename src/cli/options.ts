/** The options of `shadowbox run`: one table for reading them and for the help. */
import { parseArgs } from 'node:util';
import { FIELDS, type FieldName } from '../monitor/machine/configuration';
import type { TravelTarget } from '../monitor/machine/session';
import { nearestWord } from '../monitor/machine/configurationSpelling';

/** An option. With a `field` it stands for that field of the launch configuration; without `value` it is a switch. */
interface Option {
  readonly name: string;
  /** What the help calls the value. */
  readonly value?: string;
  readonly field?: FieldName;
  /** Given several times, it makes a list. */
  readonly repeated?: boolean;
  /** Turns the text into what the field takes; `before`: what options before this one have made of the field. */
  readonly read?: (text: string, before: unknown) => unknown;
  readonly doc: string;
}

/** A number where the text is one; anything else goes on as it is, for the configuration's check to complain about. */
function numberOrText(text: string): unknown {
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** What options say about the network, as far as they have said it. */
function networkBefore(before: unknown): Readonly<Record<string, unknown>> {
  return typeof before === 'object' && before !== null ? { ...before } : {};
}

function withForward(text: string, before: unknown): unknown {
  const { forwards, ...rest } = networkBefore(before);
  return { ...rest, forwards: [...(Array.isArray(forwards) ? forwards : []), text] };
}

export const RUN_OPTIONS: readonly Option[] = [
  { name: 'kernel', value: 'F', field: 'kernel', doc: 'boot this Linux bzImage or Multiboot image' },
  { name: 'initrd', value: 'F', field: 'initrd', doc: 'initial RAM disk for a Linux kernel' },
  { name: 'cmdline', value: 'S', field: 'cmdline', doc: 'command line of the kernel or Multiboot image' },
  { name: 'multiboot', value: 'F', field: 'multiboot', doc: 'boot this Multiboot 1 image' },
  { name: 'modules', value: 'F,…', field: 'modules', read: (text) => text.split(','), doc: 'modules for a Multiboot image' },
  { name: 'disk', value: 'F', field: 'disks', repeated: true, doc: 'hard disk image; again for the next drive (see Disks below)' },
  { name: 'floppy', value: 'F', field: 'floppy', doc: 'raw floppy image, or "empty"' },
  { name: 'floppy-b', value: 'F', field: 'floppyB', doc: 'the same for a second floppy drive' },
  { name: 'cdrom', value: 'F', field: 'cdrom', doc: 'ISO image in the CD-ROM drive, or "empty"' },
  { name: 'firmware', value: 'builtin|seabios|ovmf|F', field: 'firmware', doc: 'which firmware (default: builtin)' },
  { name: 'memory', value: 'SIZE', field: 'memory', doc: 'guest memory: 256M, 1G (default: 128M)' },
  { name: 'cpus', value: 'N', field: 'cpus', read: numberOrText, doc: 'virtual CPUs, 1 to 8' },
  { name: 'cpu-model', value: 'MODEL', field: 'cpuModel', doc: `which processor the guest has: 486, x86-64-v2,-sse4.2,+pku … (default: ${FIELDS.cpuModel.default})` },
  { name: 'triple-fault', value: 'stop|reset', field: 'tripleFault', doc: 'what a triple fault leads to (default: stop)' },
  { name: 'serial', value: 'stdio|none|F', field: 'serial', doc: 'where COM1 leads (default: stdio); F takes its output' },
  { name: 'network', value: 'none|user', field: 'network', read: (text, before) => (text === 'user' ? networkBefore(before) : text), doc: 'whether there is a network (default: none)' },
  { name: 'forward', value: 'HOST:GUEST', field: 'network', read: withForward, doc: 'a network, and a port of the host that leads to one of the guest; udp:HOST:GUEST' },
  { name: 'capture', value: 'F.pcap', field: 'network', read: (text, before) => ({ ...networkBefore(before), capture: text }), doc: 'a network, and all its frames go to this file' },
  { name: 'engine', value: 'auto|interpreter|translator', field: 'engine', doc: 'how guest code is run (default: auto)' },
  { name: 'gdb', value: 'PORT', field: 'gdbPort', read: numberOrText, doc: 'wait for GDB on 127.0.0.1:PORT (0: any free one), with time travel; see docs/gdb.md' },
  { name: 'until', value: 'REGEX', doc: 'end with status 0 when the serial output matches; ^ and $ are lines\' ends, CR is left out' },
  { name: 'timeout', value: 'SECONDS', doc: 'end with status 124 after this much real time' },
  { name: 'max-instructions', value: 'N', field: 'maxInstructions', read: numberOrText, doc: 'end when exactly N instructions have been retired' },
  { name: 'record', value: 'F', doc: 'save the run to this file at its end, to be opened by shadowbox replay or in the editor' },
  { name: 'embed', doc: 'with --record: put images of up to 64 MiB into the file, so that it is all there is to pass on' },
  { name: 'snapshots', doc: 'with --record: put snapshots into the file: replay gets anywhere sooner' },
  { name: 'from-start', doc: 'in a recording: leave its snapshots out, and see all output from the start' },
  { name: 'to', value: 'N|Tns|end|NAME', doc: 'in a recording: where to end (default: where it stood); see replay --help' },
  { name: 'hash', doc: 'print the hash of the whole machine at the end, on stderr' },
  { name: 'stats', value: 'F.json', doc: 'write wall time, retired instructions and the engine\'s counters' },
  { name: 'help', doc: 'print this help' },
];

export interface RunOptions {
  /** The JSON file with the configuration, as written. */
  readonly configurationFile?: string;
  /** Fields that options set; they win over the file's. */
  readonly fields: Readonly<Partial<Record<FieldName, unknown>>>;
  readonly until?: RegExp;
  /** In seconds. */
  readonly timeout?: number;
  readonly hash: boolean;
  /** Where to save the run, as written. */
  readonly record?: string;
  readonly embed: boolean;
  readonly snapshots: boolean;
  /** Whether a recording's snapshots are left out. */
  readonly fromStart: boolean;
  /** Where to go in a recording. */
  readonly to?: TravelTarget;
  readonly stats?: string;
  readonly help: boolean;
}

/** What is wrong with a command line: a sentence for the person who wrote it. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** The option that stands for a field, as written on the command line; the field's name when there is none. */
export function optionFor(field: string): string {
  const option = RUN_OPTIONS.find((each) => each.field === field);
  return option === undefined ? field : `--${option.name}`;
}

function unknownOption(written: string): UsageError {
  const nearest = nearestWord(written.replace(/^-+/, ''), RUN_OPTIONS.map((option) => option.name));
  return new UsageError(nearest === undefined ? `there is no option ${written}` : `there is no option ${written}; did you mean --${nearest}?`);
}

function readUntil(text: string): RegExp {
  try {
    return new RegExp(text, 'm');
  } catch (error) {
    throw new UsageError(`--until: '${text}' is not a regular expression (${error instanceof Error ? error.message : String(error)}); write a backslash before ( ) [ ] { } * + ? . to mean themselves`);
  }
}

/** Node's timers hold at most 2^31 - 1 milliseconds. */
const LONGEST_TIMEOUT_SECONDS = 2_000_000;

function readTimeout(text: string): number {
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds > 0 && seconds <= LONGEST_TIMEOUT_SECONDS)) throw new UsageError(`--timeout: '${text}' is not a number of seconds; write e.g. --timeout 60`);
  return seconds;
}

function readTarget(text: string): TravelTarget {
  if (text === 'end') return 'furthest';
  const [, digits, unit] = /^(\d{1,15})(ns)?$/.exec(text) ?? [];
  if (digits === undefined) return { bookmark: text };
  return unit === undefined ? { retired: Number(digits) } : { time: Number(digits) };
}

interface GivenOption {
  readonly option: Option;
  readonly text: string;
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

/** Checks one option that was given: known, and with a value exactly when it takes one. */
function checked(token: Extract<Token, { kind: 'option' }>): GivenOption {
  const option = RUN_OPTIONS.find(({ name }) => name === token.name);
  if (option === undefined) throw unknownOption(token.rawName);
  if (option.value === undefined) {
    if (token.value !== undefined) throw new UsageError(`--${option.name} takes no value`);
    return { option, text: '' };
  }
  if (token.value === undefined) throw new UsageError(`--${option.name} needs a value: --${option.name} ${option.value}`);
  // `--initrd --hash` has lost its value; a value that does begin with a dash is written with '='.
  if (!token.inlineValue && token.value.startsWith('-')) throw new UsageError(`--${option.name} needs a value; if it is '${token.value}', write --${option.name}=${token.value}`);
  return { option, text: token.value };
}

/** The last value of an option that may be given once. */
function single(given: readonly GivenOption[], name: string): string | undefined {
  return given.filter(({ option }) => option.name === name).at(-1)?.text;
}

function fieldsOf(given: readonly GivenOption[]): RunOptions['fields'] {
  const fields: Partial<Record<FieldName, unknown>> = {};
  for (const { option, text } of given) {
    if (option.field === undefined) continue;
    const before = fields[option.field];
    const value = option.read?.(text, before) ?? text;
    fields[option.field] = option.repeated === true ? [...(Array.isArray(before) ? before : []), value] : value;
  }
  return fields;
}

/**
 * Reads what follows `shadowbox run`.
 * @throws UsageError
 */
export function readRunOptions(words: readonly string[]): RunOptions {
  const options = Object.fromEntries(RUN_OPTIONS.map(({ name, value }) => [name, { type: value === undefined ? 'boolean' : 'string' } as const]));
  const { tokens } = parseArgs({ args: [...words], options: { ...options, help: { type: 'boolean', short: 'h' } }, strict: false, allowPositionals: true, tokens: true });
  const given = tokens.flatMap((token) => (token.kind === 'option' ? [checked(token)] : []));
  const positionals = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  if (positionals.length > 1) throw new UsageError(`there can be one configuration file, and '${positionals[1]}' is a second one; options begin with --`);
  const until = single(given, 'until');
  const timeout = single(given, 'timeout');
  const stats = single(given, 'stats');
  const record = single(given, 'record');
  const to = single(given, 'to');
  return {
    ...(positionals.length === 0 ? {} : { configurationFile: positionals[0] }),
    fields: fieldsOf(given),
    ...(until === undefined ? {} : { until: readUntil(until) }),
    ...(timeout === undefined ? {} : { timeout: readTimeout(timeout) }),
    ...(stats === undefined ? {} : { stats }),
    ...(record === undefined ? {} : { record }),
    embed: single(given, 'embed') !== undefined,
    snapshots: single(given, 'snapshots') !== undefined,
    fromStart: single(given, 'from-start') !== undefined,
    ...(to === undefined ? {} : { to: readTarget(to) }),
    hash: single(given, 'hash') !== undefined,
    help: single(given, 'help') !== undefined,
  };
}
