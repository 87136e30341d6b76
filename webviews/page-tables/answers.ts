/**
 * From the wire to the types of the machine's answers: 64-bit numbers come as '0x…' text.
 */
import type { PanelCommand, PanelRequests, ProcessInfo } from '../../debugger/panelProtocol';
import type { AddressSpaceInfo, MachineSummary, TablePair, WalkAnswer } from '../../src/monitor/inspection/queries';
import { placeOf, type PagingMode } from './format';

/** The members that are bigint in the answers' types, wherever they stand. */
const WIDE = new Set(['linear', 'bytes', 'entryBytes', 'raw']);

/** A question to the debug adapter: a command of the panel protocol with its arguments. */
export type Question = {
  [Command in PanelCommand]: { readonly request: Command; readonly arguments: PanelRequests[Command]['arguments'] }
}[PanelCommand];

function revive(value: unknown, name = ''): unknown {
  if (typeof value === 'string' && WIDE.has(name)) return BigInt(value);
  if (Array.isArray(value)) return value.map((item) => revive(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item, key)]));
}

function member(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>)[name] : undefined;
}

/** @throws SyntaxError when a 64-bit number is malformed; TypeError when the answer is of another kind */
export function spacesOf(body: unknown): readonly AddressSpaceInfo[] {
  const spaces = member(body, 'spaces');
  if (!Array.isArray(spaces)) throw new TypeError("no list 'spaces'");
  return revive(spaces) as readonly AddressSpaceInfo[];
}

/** Linear addresses become places of the space (format.ts), so that a table's entries lie one after another. */
function placed<T extends { readonly linear: bigint }>(mode: PagingMode, item: T): T {
  return { ...item, linear: placeOf(mode, item.linear) };
}

/** Undefined when the guest has no such table. Linear addresses in it are places. Throws as `spacesOf` does. */
export function tableOf(body: unknown, mode: PagingMode): TablePair | undefined {
  const table = member(body, 'table');
  if (table === undefined) return undefined;
  if (!Array.isArray(member(table, 'guest'))) throw new TypeError("no list 'table.guest'");
  const pair = revive(table) as TablePair;
  const { shadow } = pair;
  return {
    ...placed(mode, pair),
    guest: pair.guest.map((run) => placed(mode, run)),
    ...shadow ? {
      shadow: { ...shadow, runs: shadow.runs.map((run) => placed(mode, run)), unfilled: shadow.unfilled.map((range) => placed(mode, range)) },
    } : {},
  };
}

/** Its linear address is a place. Throws as `spacesOf` does. */
export function walkOf(body: unknown): WalkAnswer {
  if (!Array.isArray(member(body, 'guest')) || !Array.isArray(member(body, 'shadow'))) throw new TypeError("no lists 'guest' and 'shadow'");
  const walk = revive(body) as WalkAnswer;
  return placed(walk.mode, walk);
}

/** Throws as `spacesOf` does. */
export function processesOf(body: unknown): { readonly system: string | undefined; readonly processes: readonly ProcessInfo[] } {
  const processes = member(body, 'processes');
  if (!Array.isArray(processes)) throw new TypeError("no list 'processes'");
  const system = member(body, 'system');
  return { system: typeof system === 'string' ? system : undefined, processes: processes as readonly ProcessInfo[] };
}

/** Throws as `spacesOf` does. */
export function summaryOf(body: unknown): MachineSummary {
  if (typeof member(body, 'retired') !== 'number') throw new TypeError("no number 'retired'");
  return revive(body) as MachineSummary;
}
