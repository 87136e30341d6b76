/** What a person may type behind GDB's `monitor`: the machine's own questions and commands, which GDB has no words for. */
import type { RegisterValue } from '../../monitor/inspection/queries';
import { MachineError } from '../../monitor/machine/blame';
import type { ExceptionStop, StopReport } from '../../monitor/machine/session';
import { keysFor } from './keyboard';
import { storyOfStop } from './stopReplies';
import { storyOfCpu, type Target } from './target';

export interface MonitorContext {
  readonly target: Target;
  /** Sets the machine going, and waits until it stands. */
  go(start: () => Promise<void>): Promise<StopReport>;
  /** Ends the machine, as GDB's `kill` does. */
  quit(): void;
}

interface Command {
  readonly usage: string;
  readonly doc: string;
  /** Gives what to print. Throws MachineError. */
  run(context: MonitorContext, words: readonly string[], rest: string): Promise<string>;
}

/** GDB keeps registers that it has read, and is told of no run that it has not asked for. */
const STALE = 'GDB still shows the registers from before: type "maintenance flush register-cache".';

const refused = (text: string): MachineError => new MachineError(text, 'user');
const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** A number as GDB's users write it: decimal, or hexadecimal with 0x. */
function number(text: string | undefined, what: string): bigint {
  if (text === undefined || !/^(?:0x[0-9a-f]{1,16}|\d{1,18})$/i.test(text)) {
    throw refused(`${text === undefined ? 'There is no' : `'${text}' is no`} ${what}: write a number, as 1000 or 0x7c00.`);
  }
  return BigInt(text);
}

async function where({ target }: MonitorContext): Promise<string> {
  const { processor, selector, instructionPointer, linear, codeBits, ...cpu } = await target.state();
  const { retired, time } = await target.session.inspect.summary();
  return `CPU ${processor.index} of ${processor.count}: ${selector.toString(16).padStart(4, '0')}:${instructionPointer.toString(16).padStart(codeBits / 4, '0')}, `
    + `linear ${hex(linear)}, ${storyOfCpu({ processor, selector, instructionPointer, linear, codeBits, ...cpu })}, ${codeBits}-bit code; `
    + `${retired} instructions retired, time ${time} ns`;
}

function registerLine({ name, value, bits, fields = [], meaning }: RegisterValue): string {
  const set = fields.filter((field) => field.value !== 0).map((field) => (field.bits === 1 ? field.name : `${field.name}=${field.value}`));
  const words = [set.length > 0 ? `[ ${set.join(' ')} ]` : '', meaning ?? ''].filter((word) => word !== '');
  return [name.padEnd(24), hex(value).padEnd(2 + Math.min(Math.ceil(bits / 4), 20)), ...words].join(' ').trimEnd();
}

async function registers({ target }: MonitorContext, group: string | undefined): Promise<string> {
  const { general, flags, control, debug, x87, vector, msrs, segments } = await target.state();
  const shownSegments = segments.map(({ name, selector, base, limit, meaning }) => `${name.padEnd(24)} ${hex(selector)}, base ${hex(base)}, limit ${hex(limit)}, ${meaning}`);
  const lines = (list: readonly RegisterValue[]): readonly string[] => list.map(registerLine);
  const groups = new Map([
    ['general', lines([...general, flags])], ['segments', shownSegments], ['control', lines(control)], ['debug', lines(debug)],
    ['x87', lines(x87)], ['vector', lines(vector)], ['msrs', lines(msrs)],
  ]);
  const names = group === undefined ? ['general', 'segments', 'control'] : [group];
  const found = names.flatMap((name) => groups.get(name) ?? []);
  if (group !== undefined && !groups.has(group)) throw refused(`There is no group of registers '${group}'; there are ${[...groups.keys()].join(', ')}.`);
  return found.length > 0 ? found.join('\n') : 'The processor has none of them.';
}

async function cpus({ target }: MonitorContext): Promise<string> {
  const current = await target.current();
  const lines = await Promise.all(target.threads.map(async (thread) => {
    const state = await target.state(thread);
    return `${thread === current ? '*' : ' '} CPU ${thread - 1} (thread ${thread}): linear ${hex(state.linear)}, ${storyOfCpu(state)}`;
  }));
  return lines.join('\n');
}

async function timeline({ target }: MonitorContext): Promise<string> {
  const { moments, present, furthest } = await target.timeline();
  const [first] = moments;
  if (!first) return 'There is no time line: "timeTravel" is off.';
  return `From ${first.retired} to ${furthest.retired} instructions, now at ${present.retired}; ${moments.length} snapshots.`;
}

async function devices({ target }: MonitorContext, name: string | undefined): Promise<string> {
  const all = await target.session.inspect.devices();
  if (name === undefined) return all.map((device) => `${device.name.padEnd(16)} ${device.registers?.title ?? ''}`.trimEnd()).join('\n');
  const device = all.find((each) => each.name === name);
  if (!device) throw refused(`There is no device '${name}'; "info devices" lists them.`);
  const lines = (device.registers?.blocks ?? []).flatMap((block) => block.registers.map((register) =>
    `${block.name} ${register.name.padEnd(12)} ${register.value === undefined ? '-' : hex(register.value)}  ${register.title}`));
  return lines.length > 0 ? lines.join('\n') : 'Its registers are not described.';
}

type Topic = (context: MonitorContext, word: string | undefined) => Promise<string>;
const TOPICS: ReadonlyMap<string, Topic> = new Map<string, Topic>([['registers', registers], ['cpus', cpus], ['timeline', timeline], ['devices', devices]]);

function info(context: MonitorContext, [topic = '', word]: readonly string[]): Promise<string> {
  const answer = TOPICS.get(topic);
  if (!answer) throw refused(`There is no "info ${topic}"; there are ${[...TOPICS.keys()].join(', ')}.`);
  return answer(context, word);
}

async function walk({ target }: MonitorContext, [address]: readonly string[]): Promise<string> {
  const linear = number(address, 'linear address');
  if (target.selected !== await target.current()) throw refused('The walk is that of the CPU whose turn it is: choose its thread first ("monitor info cpus").');
  const answer = await target.session.inspect.walk(undefined, linear);
  return [
    `${hex(linear)} under CR3 ${hex(answer.cr3)}, paging ${answer.mode}`,
    ...answer.guest.map(({ name, index, entryAddress, raw, story }) => `  ${name} ${index} at ${hex(entryAddress)} = ${hex(raw)}: ${story}`),
    answer.physical === undefined ? answer.story : `  physical ${hex(answer.physical)} (${answer.backing ?? 'nothing'}). ${answer.story}`,
  ].join('\n');
}

async function goTo({ target, go }: MonitorContext, [count]: readonly string[]): Promise<string> {
  const retired = Number(number(count, 'count of retired instructions'));
  const { reason, retired: now, linear } = await go(() => target.session.control.travel(retired));
  const story = reason.kind === 'count' ? '' : ` It stopped there: ${storyOfStop(reason) ?? reason.kind}.`;
  return `${now} instructions retired, linear ${hex(linear)}.${story}\n${STALE}`;
}

async function key({ target }: MonitorContext, rest: string): Promise<string> {
  const text = rest.replaceAll('\\n', '\n').replaceAll('\\t', '\t');
  if (text === '') throw refused('There is no text: write e.g. "monitor key ls\\n".');
  const keys = keysFor(text);
  if ('unknown' in keys) throw refused(`No key of a US keyboard has '${keys.unknown}'.`);
  for (const input of keys.inputs) await target.session.control.input(input);
  return `${text.length} keys pressed and let go.`;
}

/** `catch 14 user`, `catch 13`, `catch none`: each replaces what was before. */
async function catchExceptions({ target }: MonitorContext, words: readonly string[]): Promise<string> {
  if (words.length === 0) throw refused('Write which vectors stop the machine, as "catch 13 14", with "user" or "kernel" behind one if only there; or "catch none".');
  const stops: ExceptionStop[] = [];
  for (const word of words[0] === 'none' ? [] : words) {
    const last = stops.at(-1);
    if ((word === 'user' || word === 'kernel') && last) stops[stops.length - 1] = { ...last, from: word };
    else stops.push({ vector: vector(word) });
  }
  await target.session.control.setExceptionStops(stops);
  return stops.length === 0 ? 'No exception stops the machine.' : `Stops before ${stops.map(({ vector: each, from }) => `vector ${each}${from ? ` from ${from} code` : ''}`).join(', ')}.`;
}

function vector(word: string): number {
  const value = number(word, 'vector');
  if (value > 31n) throw refused(`${word} is no exception's vector: they are 0 to 31.`);
  return Number(value);
}

function physical({ target }: MonitorContext, [word]: readonly string[]): Promise<string> {
  if (word !== 'on' && word !== 'off') throw refused('Write "physical on" or "physical off".');
  target.physical = word === 'on';
  return Promise.resolve(`Addresses of memory are ${target.physical ? 'guest-physical' : 'linear'} now.`);
}

async function screen({ target }: MonitorContext): Promise<string> {
  const { text } = await target.session.inspect.screen();
  const lines = text.map((line) => line.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  return lines.length > 0 ? lines.join('\n') : 'The screen shows no text.';
}

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['help', { usage: 'help', doc: 'this list', run: () => Promise.resolve(help()) }],
  ['where', { usage: 'where', doc: 'segment and offset, mode, and time', run: where }],
  ['info', { usage: 'info TOPIC', doc: 'registers [general|segments|control|debug|x87|vector|msrs], cpus, devices [NAME], timeline', run: info }],
  ['walk', { usage: 'walk ADDR', doc: 'how a linear address is translated', run: walk }],
  ['physical', { usage: 'physical on|off', doc: 'whether GDB\'s addresses of memory are guest-physical', run: physical }],
  ['catch', { usage: 'catch VECTOR [user|kernel]... | none', doc: 'exceptions before which the machine stops', run: catchExceptions }],
  ['retired', { usage: 'retired', doc: 'instructions retired since power-on', run: async ({ target }) => String((await target.session.inspect.summary()).retired) }],
  ['goto', { usage: 'goto N', doc: 'goes to the first moment with N retired instructions, back or forward', run: goTo }],
  ['hash', { usage: 'hash', doc: 'the hash of the whole machine', run: ({ target }) => target.session.inspect.hash() }],
  ['screen', { usage: 'screen', doc: 'the text on the guest\'s screen', run: screen }],
  ['key', { usage: 'key TEXT', doc: 'types on the guest\'s keyboard; \\n is Enter', run: (context, _, rest) => key(context, rest) }],
  ['reset', {
    usage: 'reset', doc: 'power-on reset: the machine stands on its first instruction',
    run: async ({ target }) => {
      await target.session.control.reset();
      target.changed();
      return `The machine has been reset. ${STALE}`;
    },
  }],
  ['quit', {
    usage: 'quit', doc: 'ends the machine',
    run: (context) => {
      context.quit();
      return Promise.resolve('The machine is switched off.');
    },
  }],
]);

function help(): string {
  return [...COMMANDS.values()].map(({ usage, doc }) => `${usage.padEnd(38)} ${doc}`).join('\n');
}

/** Does what was typed, and gives what to print: for what cannot be done, why. */
export async function monitorCommand(line: string, context: MonitorContext): Promise<string> {
  const [, name = '', rest = ''] = /^\s*(\S*) ?([^]*)$/.exec(line) ?? [];
  const words = rest.split(/\s+/).filter((word) => word !== '');
  // As other monitors have it: a command's beginning is enough, if there is only one that begins so.
  const matches = [...COMMANDS].filter(([each]) => each.startsWith(name)).map(([, command]) => command);
  const command = COMMANDS.get(name) ?? (matches.length === 1 ? matches[0] : undefined);
  try {
    if (name === '') return help();
    if (!command) throw refused(`There is no command '${name}'; "monitor help" lists them.`);
    return await command.run(context, words, rest);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
