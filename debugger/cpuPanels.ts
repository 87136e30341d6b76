/**
 * The panels' requests about the processor: registers and what they point to, new values for them, descriptor tables with the names
 * of what their gates lead to, and where the code at an address can be read.
 */
import type { CpuState, DescriptorTables, RegisterValue } from '../src/monitor/inspection/queries';
import type { Listings } from './disassembly/listings';
import { hexOf, toWire } from './codec';
import type { Evaluation } from './evaluation';
import { dapSource } from './frames';
import type { PanelCommand, PanelRequests, PointerNote } from './panelProtocol';
import { userError } from './ports';
import type { Program } from './program';
import { memoryOfRegister } from './registers';
import type { RequestArguments } from './requestArguments';
import type { Target } from './target';

type Handler<Command extends PanelCommand> = (args: RequestArguments) => Promise<PanelRequests[Command]['answer']>;
type Commands = 'shadowbox.cpu' | 'shadowbox.pointers' | 'shadowbox.setRegister' | 'shadowbox.descriptors' | 'shadowbox.codeAt';
export type CpuPanelHandlers = { readonly [Command in Commands]: Handler<Command> };

/** What the requests are answered from. */
export interface CpuPanelSources {
  readonly target: Target;
  readonly program: Program;
  readonly evaluation: Evaluation;
  readonly listings: Listings;
}

/** Strings that a register points to: so many characters at least, and at most. */
const SHORTEST_TEXT = 4;
const LONGEST_TEXT = 64;
const MOST_CPUS = 255;

/** The text that begins some bytes, up to its 0; undefined when that is no text. */
function textIn(bytes: Uint8Array): string | undefined {
  const end = bytes.findIndex((byte) => byte === 0);
  const text = bytes.subarray(0, end < 0 ? LONGEST_TEXT : end);
  const isText = text.length >= SHORTEST_TEXT && text.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x09 || byte === 0x0d);
  if (!isText || (end < 0 && bytes.length < LONGEST_TEXT)) return undefined;
  return new TextDecoder().decode(text) + (end < 0 ? '…' : '');
}

/** The state of the CPU that is asked for. */
async function cpuOf(target: Target, args: RequestArguments): Promise<CpuState> {
  const wanted = args.optionalInteger('cpu', 0, MOST_CPUS);
  const state = await target.inspect.cpu();
  const { index, count } = state.processor;
  if (wanted === undefined || wanted === index) return state;
  if (wanted >= count) throw userError(`There is no CPU ${wanted}: the machine has ${count === 1 ? 'CPU 0 alone' : `CPUs 0 to ${count - 1}`}.`);
  throw userError(`CPU ${index} has its turn now. CPU ${wanted} can be looked at when it has.`);
}

/** What a register points to: a symbol of the program, or a string; undefined where it points to neither. */
async function noteOf({ target, program }: CpuPanelSources, cpu: CpuState, register: RegisterValue): Promise<PointerNote | undefined> {
  const place = memoryOfRegister(cpu, register);
  if (place?.space.kind !== 'linear' || place.address === 0n) return undefined;
  const symbol = program.nameOf(place.address);
  const text = textIn(await target.inspect.readMemory(place.space, place.address, LONGEST_TEXT));
  if (symbol === undefined && text === undefined) return undefined;
  return { register: register.name, linear: hexOf(place.address), ...(symbol === undefined ? {} : { symbol }), ...(text === undefined ? {} : { text }) };
}

/** Names of what the gates and vectors lead to, by linear address. */
function namesIn(program: Program, { gdt, ldt, idt, vectors = [] }: DescriptorTables): Readonly<Record<string, string>> {
  const gates = [gdt, ldt, idt].flatMap((table) => table?.entries ?? []).flatMap(({ gate }) => gate?.linear ?? []);
  const names: Record<string, string> = {};
  for (const linear of [...gates, ...vectors.map((vector) => vector.linear)]) {
    const name = program.nameOf(linear);
    if (name !== undefined) names[hexOf(linear)] = name;
  }
  return names;
}

/** A handler for each request about the processor. */
export function cpuPanelHandlers(sources: CpuPanelSources): CpuPanelHandlers {
  const { target, program, evaluation, listings } = sources;
  return {
    'shadowbox.cpu': async (args) => toWire(await cpuOf(target, args)),
    'shadowbox.pointers': async (args) => {
      const cpu = await cpuOf(target, args);
      const notes = await Promise.all([...cpu.general, ...cpu.control, ...cpu.debug, ...cpu.msrs].map((register) => noteOf(sources, cpu, register)));
      return { pointers: notes.filter((note) => note !== undefined) };
    },
    'shadowbox.setRegister': async (args) => {
      const name = args.string('name');
      const value = args.string('value');
      await cpuOf(target, args);
      if ((await target.inspect.summary()).running) throw userError('The guest is running. Pause it, then its registers can be set.');
      if (value.trim() === '') throw userError('Type a number: 0x… for hexadecimal, digits alone are decimal.');
      await evaluation.assign(`$${name}`, value);
      return {};
    },
    'shadowbox.descriptors': async () => {
      const tables = await target.inspect.descriptors();
      return { tables: toWire(tables), names: namesIn(program, tables) };
    },
    'shadowbox.codeAt': async (args) => {
      const linear = await evaluation.typedLinear(args.string('linear'));
      const known = program.lineAt(linear);
      if (known?.source.exists) return { source: dapSource(known.source), line: known.line };
      const listed = await listings.lineAt(linear);
      if (!listed) throw userError(`There is no code to show at ${hexOf(linear)}: nothing is mapped there.`);
      return listed;
    },
  };
}
