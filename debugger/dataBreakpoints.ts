/**
 * Data breakpoints: bytes of memory that are watched, by what a person calls them. They are named in the protocol by a stable text,
 * `PLACE/BYTES`, as `0x1000/4` or `phys:0xb8000/2`.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { EventValue, StopReport, Watchpoint, WatchHit } from '../src/monitor/machine/session';
import { checkWatchpoint } from '../src/monitor/machine/stopChecks';
import { formatReference, parseReference, type Place } from './addresses';
import { BREAKPOINT_MODES, physicalOf } from './breakpointPlaces';
import type { BuiltGate, GateBuilder, Wish } from './conditions/gateBuilder';
import { parseHitCondition } from './conditions/languages';
import type { Evaluation, NamedValues } from './evaluation';
import { sizeOfValue, type Value } from './expressions/values';
import { littleEndian } from './numbers';
import { messageOf, userError } from './ports';
import type { RequestArguments } from './requestArguments';
import { NO_VERDICT, type StopJudge, type Verdict } from './stopJudge';
import type { Type } from './symbols/types';
import { bytesAround } from './symbols/values';
import { eventNames } from './eventValues';
import type { Target } from './target';

/** Bytes of memory, and what a person calls them. */
export interface WatchedData {
  readonly place: Place;
  readonly bytes: number;
  readonly name: string;
  readonly type?: Type;
}

/** Bytes that are watched, how, and under which conditions. */
export interface DataBreakpoint {
  readonly id: number;
  readonly specification: string;
  /** Its number in the machine. */
  watch: number;
  readonly data: WatchedData | undefined;
  readonly access: 'read' | 'write' | 'readWrite';
  readonly wish: Wish;
  readonly built: BuiltGate;
  readonly answer: DebugProtocol.Breakpoint;
  hits: number;
}

const ACCESS_TYPES: ('read' | 'write' | 'readWrite')[] = ['write', 'read', 'readWrite'];
/** Bytes that one breakpoint may watch. */
export const MOST_BYTES = 1 << 30;
/** More bytes are no number in conditions. */
const MOST_VALUE_BYTES = 8;
/** What conditions may ask of an access. */
const NAMES = eventNames(['write', 'linear', 'physical', 'before', 'after']);

/** What is needed of variables: the expression that names one, and its frame. */
export type VariableNames = (reference: number, name: string) => Promise<{ readonly expression: string; readonly frameId: number | undefined }>;

export class DataBreakpoints implements StopJudge {
  /** The client's list. */
  private set: readonly DataBreakpoint[] = [];
  /** Those beside it, of which the client does not know. */
  private others: readonly DataBreakpoint[] = [];
  /** What the client has asked about, by id: for names and types. */
  private readonly known = new Map<string, WatchedData>();
  private nextWatch = 1;

  constructor(
    private readonly target: Target,
    private readonly evaluation: Evaluation,
    private readonly gates: GateBuilder,
    private readonly nameOf: VariableNames,
    private readonly newId: () => number,
    /** A line for the debug console, about what the machine stands at. */
    private readonly tell: (text: string) => void,
  ) {}

  /** dataBreakpointInfo. What cannot be watched has no id, and the description says why. */
  async info(args: RequestArguments): Promise<DebugProtocol.DataBreakpointInfoResponse['body']> {
    try {
      const data = await this.inMode(await this.asked(args), args.optionalString('mode'));
      const dataId = `${formatReference(data.place)}/${data.bytes}`;
      this.known.set(dataId, data);
      return {
        dataId,
        description: `${data.name} (${formatReference(data.place)}, ${byteCount(data.bytes)})`,
        accessTypes: ACCESS_TYPES,
        canPersist: args.optionalInteger('variablesReference') === undefined && args.optionalInteger('frameId') === undefined,
      };
    } catch (error) {
      return { dataId: null, description: messageOf(error) };
    }
  }

  /** The bytes that an expression means. Error for what has no place in memory. */
  async dataOf(expression: string, frameId?: number, bytes?: number): Promise<WatchedData> {
    const direct = parseReference(expression);
    if (direct) return { place: direct, bytes: bytes ?? 1, name: formatReference(direct) };
    const { value } = await this.evaluation.evaluate(expression, frameId);
    return watchedValue(value, expression, bytes);
  }

  /** setDataBreakpoints: replaces all of them. */
  async replace(args: RequestArguments): Promise<DebugProtocol.Breakpoint[]> {
    const before = this.set;
    const now: DataBreakpoint[] = [];
    for (const item of args.objects('breakpoints')) now.push(await this.make(item, before));
    this.set = now;
    await this.apply();
    return now.map(({ answer }) => answer);
  }

  /** A breakpoint without conditions, not set yet. Error, in words for a person, for bytes that cannot be watched. */
  on(data: WatchedData, access: DataBreakpoint['access']): DataBreakpoint {
    const watch = this.nextWatch++;
    checkWatchpoint(watchpoint(watch, data, access));
    const id = this.newId();
    return { id, specification: '', watch, data, access, wish: {}, built: { filter: {}, rest: {} }, answer: { id, verified: true }, hits: 0 };
  }

  /** Sets breakpoints beside the client's list, which it does not replace, instead of those that were there. */
  async beside(others: readonly DataBreakpoint[]): Promise<void> {
    this.others = others;
    await this.apply();
  }

  private get all(): readonly DataBreakpoint[] {
    return [...this.set, ...this.others];
  }

  /** Gives the machine all watchpoints anew. */
  async apply(): Promise<void> {
    await this.target.control.setWatchpoints(this.all.flatMap(({ watch, data, access, built }): Watchpoint[] => (
      data ? [{ ...watchpoint(watch, data, accessOf(access, built)), ...built.filter, ...(built.gate ? { gate: built.gate } : {}) }] : []
    )));
  }

  resetHits(): void {
    for (const breakpoint of this.all) {
      breakpoint.hits = 0;
      breakpoint.watch = this.nextWatch++;
    }
  }

  async judge({ reason }: StopReport, backwards: boolean): Promise<Verdict> {
    if (reason.kind !== 'watchpoint') return NO_VERDICT;
    const hit: DataBreakpoint[] = [];
    for (const breakpoint of this.all) {
      const access = reason.hits.find(({ id }) => id === breakpoint.watch);
      if (!access) continue;
      const problem = reason.problems?.find(({ id }) => id === breakpoint.watch);
      if (problem) this.tell(problem.problem);
      if (problem || !breakpoint.data || await this.counts(breakpoint, breakpoint.data, access, backwards)) hit.push(breakpoint);
    }
    return { stop: hit.length > 0, hitBreakpointIds: hit.filter((each) => this.set.includes(each)).map(({ id }) => id) };
  }

  /** All that is watched. */
  get places(): readonly WatchedData[] {
    return this.set.flatMap(({ data }) => data ?? []);
  }

  /** What a watchpoint of the machine watches. */
  watched(watch: number): WatchedData | undefined {
    return this.all.find((breakpoint) => breakpoint.watch === watch)?.data;
  }

  private async counts(breakpoint: DataBreakpoint, data: WatchedData, hit: WatchHit, backwards: boolean): Promise<boolean> {
    const { rest } = breakpoint.built;
    try {
      if (rest.condition !== undefined && !(await this.evaluation.holds(rest.condition, valuesOf(hit, data)))) return false;
    } catch (error) {
      this.tell(`The condition cannot be evaluated: ${messageOf(error)}`);
      return true;
    }
    if (backwards) return true;
    breakpoint.hits++;
    return !rest.hits || rest.hits.holds(breakpoint.hits);
  }

  private async asked(args: RequestArguments): Promise<WatchedData> {
    const name = args.string('name');
    const bytes = args.optionalInteger('bytes', 1, MOST_BYTES);
    if (args.optionalBoolean('asAddress') === true) {
      const place = await this.evaluation.place(name, args.optionalInteger('frameId'));
      return { place, bytes: bytes ?? 1, name: formatReference(place) };
    }
    const reference = args.optionalInteger('variablesReference', 0) ?? 0;
    if (reference === 0) return this.dataOf(name, args.optionalInteger('frameId'), bytes);
    const { expression, frameId } = await this.nameOf(reference, name);
    return this.dataOf(expression, frameId, bytes);
  }

  private async inMode(data: WatchedData, mode: string | undefined): Promise<WatchedData> {
    if (mode === undefined || data.place.space.kind === 'physical') return data;
    if (mode !== 'physical') throw userError(`Data breakpoints have no mode '${mode}': there is ${BREAKPOINT_MODES.filter(({ appliesTo }) => appliesTo.includes('data')).map((each) => each.mode).join(', ')}.`);
    return { ...data, place: { space: { kind: 'physical' }, address: BigInt(await physicalOf({ linear: data.place.address }, this.target)) } };
  }

  private async make(item: RequestArguments, before: readonly DataBreakpoint[]): Promise<DataBreakpoint> {
    const dataId = item.string('dataId');
    const access = item.choice('accessType', ['write', 'read', 'readWrite']);
    const [condition, hitText] = [textOf(item, 'condition'), textOf(item, 'hitCondition')];
    const specification = JSON.stringify([dataId, access, condition, hitText]);
    const old = before.find((breakpoint) => breakpoint.specification === specification);
    if (old) return old;
    const id = this.newId();
    const base = { id, specification, watch: this.nextWatch++, access, hits: 0 };
    try {
      const data = this.known.get(dataId) ?? parsed(dataId);
      const wish: Wish = {
        condition: condition === undefined ? undefined : this.gates.parse(condition),
        hits: hitText === undefined ? undefined : parseHitCondition(hitText),
      };
      const built = await this.gates.build(wish, { isHere: false, isWrite: access !== 'read', events: NAMES });
      if (built.rest.condition) await this.evaluation.checkNames(built.rest.condition, noValues);
      if (built.problem !== undefined) throw userError(built.problem);
      // What the machine would refuse is refused for itself alone: the list is given to the machine as a whole.
      checkWatchpoint({ ...watchpoint(base.watch, data, access), ...built.filter });
      return { ...base, data, wish, built, answer: { id, verified: true, message: `${access === 'write' ? 'writes' : access === 'read' ? 'reads' : 'reads and writes'} of ${data.name}` } };
    } catch (error) {
      return { ...base, data: undefined, wish: {}, built: { filter: {}, rest: {} }, answer: { id, verified: false, message: messageOf(error) } };
    }
  }
}

/** A watchpoint of the machine. Linear addresses under a CR3 are watched there alone. */
export function watchpoint(id: number, { place: { space, address }, bytes }: WatchedData, access: Watchpoint['access']): Watchpoint {
  return {
    id, space: space.kind === 'physical' ? 'physical' : 'linear', address, length: bytes, access,
    ...(space.kind === 'linearUnder' ? { cr3: space.cr3 } : {}),
  };
}

/** What is to be seen of the machine: reads do not change anything. */
function accessOf(access: DataBreakpoint['access'], { onlyChanges }: BuiltGate): Watchpoint['access'] {
  return onlyChanges === true ? 'change' : access;
}

/** The number of the watched byte that was accessed first. */
export function firstAccessed({ linear, physical }: WatchHit, { place }: WatchedData): number {
  return Number((place.space.kind === 'physical' ? BigInt(physical) : linear ?? place.address) - place.address);
}

/** What conditions may ask of an access, as numbers: of up to 8 bytes all, of more those from the first one that was accessed. */
function valuesOf(hit: WatchHit, data: WatchedData): NamedValues {
  const { before, after, linear, physical, access, offset } = hit;
  const first = firstAccessed(hit, data);
  const from = data.bytes <= MOST_VALUE_BYTES ? 0 : Math.max(first - offset, 0);
  const number = (known: Uint8Array = new Uint8Array()): bigint => littleEndian(known.subarray(from, from + MOST_VALUE_BYTES));
  const values: Partial<Record<EventValue, bigint>> = {
    before: number(before), after: number(after),
    linear: linear ?? 0n, physical: BigInt(physical), write: access === 'read' ? 0n : 1n,
  };
  return (name) => {
    const event = NAMES.get(name.toLowerCase());
    const value = event && values[event];
    return value === undefined ? undefined : { name, value, bits: 64, readOnly: true };
  };
}

/** The names of those values, before there is an access. */
const noValues: NamedValues = (name) => (NAMES.has(name.toLowerCase()) ? { name, value: 0n, bits: 64, readOnly: true } : undefined);

/** The bytes in which a value lies. */
function watchedValue(value: Value, name: string, bytes: number | undefined): WatchedData {
  if (value.kind === 'integer') {
    if (value.register) throw userError(`${name} is a register: it cannot be watched. What it points at can: enter its address.`);
    return { place: { space: value.space ?? { kind: 'linear' }, address: BigInt.asUintN(64, value.value) }, bytes: bytes ?? 1, name };
  }
  const { place, bitField, type, register } = value;
  if (!place) throw userError(register ? `${name} lies in the register ${register.name}, which cannot be watched.` : `${name} does not lie in memory.`);
  if (!bitField) {
    const size = bytes ?? sizeOfValue(value);
    if (size < 1) throw userError(`${name} has no size: say how many bytes.`);
    return { place, bytes: size, name, ...(size === sizeOfValue(value) ? { type } : {}) };
  }
  const around = bytesAround(bitField, place.address);
  return { place: { space: place.space, address: around.address }, bytes: around.bytes, name };
}

/** An id from an earlier session: what it means is in it. */
function parsed(dataId: string): WatchedData {
  const slash = dataId.lastIndexOf('/');
  const place = parseReference(dataId.slice(0, Math.max(slash, 0)));
  const bytes = Number(dataId.slice(slash + 1));
  if (!place || !Number.isSafeInteger(bytes) || bytes < 1 || bytes > MOST_BYTES) throw userError(`'${dataId}' names no data: it must look like 0x1000/4 or phys:0xb8000/2.`);
  return { place, bytes, name: formatReference(place) };
}

export function byteCount(bytes: number): string {
  return bytes === 1 ? '1 byte' : `${bytes} bytes`;
}

function textOf(item: RequestArguments, name: string): string | undefined {
  const text = item.optionalString(name)?.trim();
  return text === '' ? undefined : text;
}
