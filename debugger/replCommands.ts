/**
 * The console's commands: what a person types most often at a machine monitor, without panels.
 */
import type { RegisterValue } from '../src/monitor/inspection/queries';
import { formatReference, linearPlace } from './addresses';
import { byteCount, type WatchedData } from './dataBreakpoints';
import { addressDigits, hex, hexOfWidth } from './numbers';
import { isLongMode } from './registers';
import type { Disassembler } from './disassembly/disassembler';
import type { Evaluation } from './evaluation';
import { userError } from './ports';
import { UNTIL_USAGE, untilWords } from './runUntil';
import type { Target } from './target';

/** Commands that drive the machine: each gives what to do when the client has the answer. */
export interface ConsoleWays {
  until(text: string): Promise<() => void>;
  who(expression: string, bytes: number | undefined): Promise<{ readonly data: WatchedData; readonly after: () => void }>;
}

/** A command of the console. */
export interface Command {
  readonly usage: string;
  readonly help: string;
  /** The words that may come next, behind those that there are, as far as they are a closed set. */
  words?(before: readonly string[]): readonly string[] | Promise<readonly string[]>;
  run(words: readonly string[]): Promise<string>;
}

const BYTES_IN_ROW = 16;
/** Registers of 64 bits in a row. */
const LONG_IN_ROW = 4;
const REGISTER_GROUPS = ['general', 'control', 'debug', 'x87', 'vector', 'msrs'] as const;
const MOST_BYTES = 4096;
const MOST_WATCHED = 1 << 20;
const MOST_INSTRUCTIONS = 500;

export class ReplCommands {
  private readonly commands: ReadonlyMap<string, Command>;

  constructor(
    private readonly target: Target,
    private readonly evaluation: Evaluation,
    private readonly disassembler: Disassembler,
    private readonly ways: ConsoleWays,
    /** Commands about the system that runs in the machine, by name. */
    guest: readonly (readonly [string, Command])[],
  ) {
    this.commands = new Map<string, Command>([
      ['help', { usage: 'help', help: 'this list', run: async () => this.help() }],
      ['regs', { usage: 'regs [GROUP]', help: `registers; of a group: ${REGISTER_GROUPS.join(', ')}`, words: ({ length }) => (length === 0 ? REGISTER_GROUPS : []), run: (words) => this.registers(words[0]) }],
      ['mem', { usage: 'mem ADDRESS [BYTES]', help: 'bytes of memory', run: (words) => this.memory(words) }],
      ['walk', { usage: 'walk ADDRESS', help: 'how the page tables translate a linear address', run: (words) => this.walk(words) }],
      ['dis', { usage: 'dis [ADDRESS] [COUNT]', help: 'instructions', run: (words) => this.disassemble(words) }],
      ['counters', { usage: 'counters', help: "the monitor's counters", run: () => this.counters() }],
      ['devices', { usage: 'devices', help: 'state of the devices', run: () => this.devices() }],
      ['hash', { usage: 'hash', help: 'hash of the whole machine', run: () => this.target.inspect.hash() }],
      ['until', { usage: UNTIL_USAGE, help: 'runs until then', words: untilWords, run: async (words) => this.go(await this.ways.until(words.join(' ')), 'running') }],
      ['who', { usage: 'who EXPRESSION [BYTES]', help: 'goes back to the last write to that memory', run: (words) => this.who(words) }],
      ['spaces', { usage: 'spaces', help: 'known address spaces', run: () => this.spaces() }],
      ...guest,
    ]);
  }

  /** Names of all commands, for completions. */
  get names(): string[] {
    return [...this.commands.keys()];
  }

  /** The words that may stand where a command line ends, as far as they are a closed set; none where its first word is no command. */
  async wordsAt(line: string): Promise<readonly string[]> {
    const [name, ...words] = line.trimStart().split(/\s+/);
    const command = words.length === 0 ? undefined : this.commands.get(name);
    return await command?.words?.(words.slice(0, -1)) ?? [];
  }

  /** The output of a command line; undefined when the first word is no command. */
  run(line: string): Promise<string> | undefined {
    const [name, ...words] = line.trim().split(/\s+/);
    const command = this.commands.get(name);
    if (!command) return undefined;
    return command.run(words);
  }

  private help(): string {
    const commands = [...this.commands.values()];
    const width = Math.max(...commands.map(({ usage }) => usage.length));
    const lines = commands.map(({ usage, help }) => `  ${usage.padEnd(width)}  ${help}`);
    return [
      'Commands:',
      ...lines,
      'Anything else is an expression: eax + 1, $cs.base, $xmm0.f64[1], u16[es:di], phys:0x1000, task->next->pid, cr3 & ~0xfff.',
      'An assignment sets a register, a variable or memory: eax = 5, u8[0xb8000] = 65.',
    ].join('\n');
  }

  private async who(words: readonly string[]): Promise<string> {
    const last = words[words.length - 1];
    const hasBytes = words.length > 1 && /^\d+$/.test(last);
    const expression = words.slice(0, hasBytes ? -1 : undefined).join(' ');
    const { data, after } = await this.ways.who(required(expression === '' ? undefined : expression, 'who EXPRESSION [BYTES]'), hasBytes ? await this.count(last, 1, MOST_WATCHED) : undefined);
    return this.go(after, `going back to the last write to ${data.name} (${formatReference(data.place)}, ${byteCount(data.bytes)})`);
  }

  /** The machine is on its way; the client hears how that ends when it has this answer. */
  private go(after: () => void, text: string): string {
    setTimeout(after, 0);
    return text;
  }

  private async registers(group?: string): Promise<string> {
    const cpu = await this.target.cpu();
    const of = ({ name, value, bits }: RegisterValue): string => `${name}=${hexOfWidth(value, bits).slice(2)}`;
    if (group !== undefined) {
      const wanted = REGISTER_GROUPS.find((each) => each === group);
      if (!wanted) throw userError(`There is no group '${group}' of registers: ${REGISTER_GROUPS.join(', ')}.`);
      return cpu[wanted].map((register) => [of(register), ...(register.meaning === undefined ? [] : [register.meaning])].join('  ')).join('\n');
    }
    const list = (registers: readonly RegisterValue[], inRow = registers.length): string =>
      Array.from({ length: Math.ceil(registers.length / inRow) }, (_, row) => registers.slice(row * inRow, (row + 1) * inRow).map(of).join(' ')).join('\n');
    const digits = addressDigits(cpu.codeBits);
    const flags = (cpu.flags.fields ?? []).filter((field) => field.value !== 0).map((field) =>
      (field.bits === 1 ? field.name : `${field.name}=${field.value}`));
    const segments = cpu.segments.map((segment) =>
      `${segment.name}=${hexOfWidth(BigInt(segment.selector), 16).slice(2)} base=${hex(segment.base, digits)} limit=${hex(segment.limit >>> 0, 8)} ${segment.meaning}`);
    return [
      `${cpu.mode}, CPL ${cpu.cpl}${cpu.halted ? ', halted' : ''}`,
      list(cpu.general, isLongMode(cpu) ? LONG_IN_ROW : undefined),
      `${list([cpu.flags])} [${flags.join(' ')}]`,
      ...segments,
      list(cpu.control, isLongMode(cpu) ? LONG_IN_ROW : undefined),
    ].join('\n');
  }

  private async memory(words: readonly string[]): Promise<string> {
    const place = await this.evaluation.place(required(words[0], 'mem ADDRESS [BYTES]'));
    const count = await this.count(words[1], 64, MOST_BYTES);
    const bytes = await this.target.read(place, count);
    const digits = addressDigits((await this.target.cpu()).codeBits);
    const rows: string[] = [];
    for (let at = 0; at < bytes.length; at += BYTES_IN_ROW) {
      rows.push(memoryRow(place.address + BigInt(at), digits, bytes.subarray(at, at + BYTES_IN_ROW)));
    }
    if (bytes.length < count) rows.push(`${hex(place.address + BigInt(bytes.length), digits)}  not mapped`);
    return rows.join('\n');
  }

  private async walk(words: readonly string[]): Promise<string> {
    const linear = await this.evaluation.linear(required(words.join(' ') || undefined, 'walk ADDRESS'));
    const answer = await this.target.inspect.walk(undefined, linear);
    const guest = answer.guest.map((step) =>
      `  ${step.name}[${step.index}] at phys:${hex(step.entryAddress)} = ${hex(step.raw)}  ${step.story}`);
    const shadow = answer.shadow.map((step) => `  level ${step.level}, table ${step.tableId}[${step.index}]  ${step.story}`);
    const { read, write, execute } = answer.tlb;
    const held = [read && 'reading', write && 'writing', execute && 'execution'].filter((use) => use !== false);
    return [
      `${hex(linear)} under CR3 ${hex(answer.cr3)}:`,
      'guest tables', ...guest,
      'shadow tables', ...shadow,
      `TLB: ${held.length > 0 ? `held for ${held.join(', ')}` : 'not held'}`,
      answer.physical === undefined ? 'no translation' : `physical ${hex(answer.physical)} (${answer.backing ?? 'unknown'})`,
      answer.story,
    ].join('\n');
  }

  private async disassemble(words: readonly string[]): Promise<string> {
    const place = words[0] === undefined ? linearPlace((await this.target.cpu()).linear) : await this.evaluation.place(words[0]);
    const count = await this.count(words[1], 10, MOST_INSTRUCTIONS);
    const rows = await this.disassembler.disassemble({ place, instructionOffset: 0, count, symbols: true });
    return rows.map((row) => `${row.address}  ${(row.instructionBytes ?? '').padEnd(24)}  ${row.instruction}`).join('\n');
  }

  private async counters(): Promise<string> {
    const counters = Object.entries(await this.target.inspect.counters());
    const width = Math.max(0, ...counters.map(([name]) => name.length));
    return counters.map(([name, value]) => `${name.padEnd(width)}  ${value.toLocaleString('en-GB')}`).join('\n');
  }

  private async devices(): Promise<string> {
    const devices = await this.target.inspect.devices();
    return devices.map(({ name, state }) => `${name}  ${stateText(state)}`).join('\n');
  }

  private async spaces(): Promise<string> {
    const spaces = await this.target.inspect.addressSpaces();
    if (spaces.length === 0) return 'No address space is known yet.';
    return spaces.map((space) =>
      `${space.current ? '*' : ' '} cr3=${hex(space.cr3, 8)}  ${space.mode}, ${space.shadowTables} shadow tables with ${space.shadowEntries} entries`).join('\n');
  }

  private async count(word: string | undefined, otherwise: number, most: number): Promise<number> {
    if (word === undefined) return otherwise;
    const value = await this.evaluation.integer(word);
    if (value < 1n || value > BigInt(most)) throw userError(`The count must lie between 1 and ${most}, got ${value}.`);
    return Number(value);
  }
}

function required(word: string | undefined, usage: string): string {
  if (word === undefined) throw userError(`Usage: ${usage}`);
  return word;
}

function memoryRow(address: bigint, addressWidth: number, bytes: Uint8Array): string {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ').padEnd(BYTES_IN_ROW * 3 - 1);
  const text = [...bytes].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  return `${hex(address, addressWidth)}  ${digits}  ${text}`;
}

const LONGEST_STATE = 400;

function stateText(state: unknown): string {
  const text = JSON.stringify(state, (_key, value: unknown) => {
    if (typeof value === 'bigint') return hex(value);
    if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
    return value instanceof Map ? Object.fromEntries(value) : value;
  }) ?? '';
  return text.length > LONGEST_STATE ? `${text.slice(0, LONGEST_STATE)}…` : text;
}
