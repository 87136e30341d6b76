/**
 * Answers the panel's questions from a paging model as the debug adapter does, wire form and all.
 */
import { bigintOf, toWire } from '../../debugger/codec';
import type { ProcessInfo } from '../../debugger/panelProtocol';
import type { AddressSpaceInfo } from '../../src/monitor/inspection/queries';
import type { PagingModel } from './pagingModel';

export interface FakeMachine {
  model: PagingModel;
  /** The same memory read in another way: further spaces, perhaps under the same CR3; none of them is current. */
  other?: PagingModel;
  running: boolean;
  /** What runs in it, when it is a Linux. */
  linux?: { readonly system: string; readonly processes: readonly ProcessInfo[] };
  retired: number;
  /** Before paging is on. */
  pagingOff?: boolean;
  /** Every question is refused with this. */
  refusal?: string;
}

interface Arguments {
  readonly cr3?: number;
  readonly space?: string;
  readonly linear?: string;
  readonly level?: number;
}

/**
 * The answer's body.
 * @throws Error with the words that the adapter would answer with
 */
export function answer(machine: FakeMachine, request: string, args: Arguments = {}): unknown {
  if (machine.refusal !== undefined) throw new Error(machine.refusal);
  const { other } = machine;
  const model = other?.spaces.some((cr3) => other.key(cr3) === args.space) ? other : machine.model;
  switch (request) {
    case 'shadowbox.summary':
      return { running: machine.running, retired: machine.retired, time: machine.retired, memoryBytes: 0x2000000, frames: 812 };
    case 'shadowbox.addressSpaces':
      return { spaces: machine.pagingOff ? [{ key: 'none', cr3: 0, mode: 'none', largePages: false, noExecute: false, current: true, shadowTables: 0, shadowEntries: 0, lastUsed: 0 }] : toWire(spacesOf(machine)) };
    case 'shadowbox.table': {
      if (machine.pagingOff) return {};
      const linear = args.linear === undefined ? undefined : linearOf(args.linear);
      const table = model.table(args.cr3 ?? model.current, linear, args.level);
      return table === undefined ? {} : { table: toWire(table) };
    }
    case 'shadowbox.processes':
      return machine.linux ?? { processes: [] };
    case 'shadowbox.walk':
      return toWire(model.walk(args.cr3, linearOf(args.linear ?? '')));
    default:
      throw new Error(`The stand-in knows no request '${request}'.`);
  }
}

/** Stands in for the expressions that the real adapter evaluates. */
function linearOf(text: string): bigint {
  if (text === 'heap + 4') return 0x50000004n;
  const value = bigintOf(text) ?? bigintOf(`0x${text}`);
  if (value === undefined) throw new Error(`'${text}' is no number, and there is no symbol of that name.`);
  return value;
}

function spacesOf({ model, other }: FakeMachine): AddressSpaceInfo[] {
  return [...model.addressSpaces(), ...other?.addressSpaces().map((space) => ({ ...space, current: false })) ?? []];
}
