/**
 * Exceptions as breakpoints: the filters that the client has set become stops of the machine, with their conditions; and the story of
 * what it stands at.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { EventReport, EventStop, EventValue, ExceptionStop, StopReason, StopReport } from '../src/monitor/machine/session';
import { checkEvent, checkException } from '../src/monitor/machine/stopChecks';
import type { BuiltGate, GateBuilder } from './conditions/gateBuilder';
import type { Evaluation, NamedValues } from './evaluation';
import { exceptionBody, tripleFaultBody } from './exceptionStories';
import { filterKind, TOUCH, TRIPLE_FAULT, type FilterStop } from './exceptionFilters';
import type { Expression } from './expressions/syntax';
import { GUEST_STOP, type GuestBreakpoints } from './guestBreakpoints';
import { messageOf, userError } from './ports';
import type { RequestArguments } from './requestArguments';
import { NO_VERDICT, type StopJudge, type Verdict } from './stopJudge';
import type { StopStories } from './stopWords';
import type { Target } from './target';

type Stopped = { readonly list: 'exceptions'; readonly stop: ExceptionStop } | { readonly list: 'events'; readonly stop: EventStop };

/** A filter that is set. */
interface Armed {
  readonly id: number;
  readonly stopped: Stopped;
  readonly rest: Expression | undefined;
  readonly names: ReadonlyMap<string, EventValue>;
}

const TOUCH_CONDITION = /^(?:(read|write|execute)\s+)?(.+)$/i;

export class ExceptionManager implements StopJudge {
  private standingAt: StopReason | undefined;
  private armed: readonly Armed[] = [];
  private nextId = 1;

  constructor(
    private readonly target: Target,
    private readonly evaluation: Evaluation,
    private readonly gates: GateBuilder,
    private readonly stories: StopStories,
    private readonly guest: GuestBreakpoints,
    private readonly tell: (text: string) => void,
  ) {}

  /** setExceptionBreakpoints: `filters` are plain names, `filterOptions` carry a condition. */
  async set(args: RequestArguments): Promise<DebugProtocol.SetExceptionBreakpointsResponse['body']> {
    const wanted = [
      ...args.strings('filters').map((filter) => ({ filter, condition: '' })),
      ...args.objects('filterOptions').map((option) => ({ filter: option.string('filterId'), condition: option.optionalString('condition')?.trim() ?? '' })),
    ];
    const armed: Armed[] = [];
    const breakpoints: DebugProtocol.Breakpoint[] = [];
    for (const { filter, condition } of wanted) {
      try {
        const found = await this.arm(filter, condition);
        if (found) {
          // What the machine would refuse is refused for itself alone: the lists are given to the machine as a whole.
          check(found.stopped);
          armed.push(found);
        }
        breakpoints.push({ verified: true });
      } catch (error) {
        breakpoints.push({ verified: false, message: messageOf(error) });
      }
    }
    this.armed = armed;
    await this.apply();
    return { breakpoints };
  }

  /** Gives the machine the set anew. */
  async apply(): Promise<void> {
    const { armed, guest, target: { control } } = this;
    await control.setExceptionStops([...armed.flatMap(({ stopped }) => (stopped.list === 'exceptions' ? [stopped.stop] : [])), ...guest.exceptionStops]);
    await control.setEventStops([...armed.flatMap(({ stopped }) => (stopped.list === 'events' ? [stopped.stop] : [])), ...guest.eventStops]);
  }

  async judge({ reason }: StopReport): Promise<Verdict> {
    if (reason.kind !== 'exception' && reason.kind !== 'event') return NO_VERDICT;
    const met = this.armed.filter(({ id }) => reason.ids?.includes(id));
    for (const { problem } of reason.problems ?? []) this.tell(problem);
    // The guest's own #DB or INT3, or a breakpoint of ours in it: no filter is about that.
    if (met.length === 0 && reason.ids?.includes(GUEST_STOP)) return NO_VERDICT;
    if (met.length === 0 || (reason.problems?.length ?? 0) > 0) return { stop: true, hitBreakpointIds: [] };
    for (const { rest, names } of met) {
      if (rest === undefined || await this.holds(rest, valuesOf(reason, names))) return { stop: true, hitBreakpointIds: [] };
    }
    return NO_VERDICT;
  }

  /** Remembers what the machine stands at; undefined when it goes. */
  standAt(reason: StopReason | undefined): void {
    this.standingAt = reason;
  }

  /** exceptionInfo. Error when the machine does not stand at an exception. */
  async info(): Promise<DebugProtocol.ExceptionInfoResponse['body']> {
    const reason = this.standingAt;
    switch (reason?.kind) {
      case 'exception': {
        const { faultAddress } = reason.exception;
        return exceptionBody(reason.exception, faultAddress === undefined ? undefined : await this.target.inspect.walk(undefined, faultAddress));
      }
      case 'event': {
        const { description, text } = await this.stories.event(reason.event);
        return { exceptionId: description, description: text, breakMode: 'always' };
      }
      case 'triple-fault': return tripleFaultBody(reason.chain);
      case 'halted-forever': return { exceptionId: 'halted for ever', description: reason.story, breakMode: 'always' };
      case 'internal-error': return {
        exceptionId: 'internal error of Shadowbox',
        description: reason.message,
        breakMode: 'always',
        details: { message: reason.message, stackTrace: reason.stack },
      };
      default: throw userError('The machine does not stand at an exception.');
    }
  }

  private async holds(rest: Expression, values: NamedValues): Promise<boolean> {
    try {
      return await this.evaluation.holds(rest, values);
    } catch (error) {
      this.tell(`The condition cannot be evaluated: ${messageOf(error)}`);
      return true;
    }
  }

  private async arm(filter: string, condition: string): Promise<Armed | undefined> {
    if (filter === TRIPLE_FAULT) return undefined;
    const id = this.nextId++;
    if (filter === TOUCH) return { id, stopped: { list: 'events', stop: await this.touch(id, condition) }, rest: undefined, names: new Map() };
    const kind = filterKind(filter);
    if (!kind) throw userError(`There is no exception filter '${filter}'.`);
    const privilege = condition.toLowerCase();
    if (privilege === 'user' || privilege === 'kernel') {
      return { id, stopped: stopOf(id, kind.stop, {}, { filter: { privilege }, rest: {} }), rest: undefined, names: kind.names };
    }
    const tree = condition === '' ? undefined : this.gates.parse(condition);
    const { narrowed, rest } = narrow(tree, kind.stop);
    const built = await this.gates.build({ condition: rest }, { isHere: false, events: kind.names });
    if (built.rest.condition) await this.checkNames(filter, built.rest.condition, kind.names);
    if (built.problem !== undefined) throw userError(`The condition of ${filter} cannot be evaluated: ${built.problem}`);
    return { id, stopped: stopOf(id, kind.stop, narrowed, built), rest: built.rest.condition, names: kind.names };
  }

  /** A condition that the monitor cannot decide about, and that means nothing now, is most likely a mistake. */
  private async checkNames(filter: string, condition: Expression, names: ReadonlyMap<string, EventValue>): Promise<void> {
    try {
      await this.evaluation.checkNames(condition, zeros(names));
      await this.evaluation.holds(condition, zeros(names));
    } catch (error) {
      throw userError(`The condition of ${filter} must be 'user' or 'kernel', or an expression: ${messageOf(error)}`);
    }
  }

  private async touch(id: number, condition: string): Promise<EventStop> {
    const match = TOUCH_CONDITION.exec(condition);
    if (!match) throw userError("Say which page, as its condition: 'write 0xb8000', 'read phys:0xa0000', 'execute 0x7c00'.");
    const { space, address } = await this.evaluation.place(match[2]);
    const word = match[1]?.toLowerCase();
    return {
      id, kind: 'touch', space: space.kind === 'physical' ? 'physical' : 'linear', address,
      access: word === 'read' || word === 'execute' ? word : 'write',
      ...(space.kind === 'linearUnder' ? { cr3: space.cr3 } : {}),
    };
  }
}

/** Error (for a person) for a stop that cannot be. */
function check(stopped: Stopped): void {
  if (stopped.list === 'events') checkEvent(stopped.stop);
  else checkException(stopped.stop);
}

type Narrowed = { readonly vector?: number; readonly port?: number; readonly msr?: number };

function stopOf(id: number, of: FilterStop, narrowed: Narrowed, { filter, gate }: BuiltGate): Stopped {
  const common = { id, ...filter, ...(gate ? { gate } : {}) };
  if (of.list === 'exceptions') return { list: 'exceptions', stop: { ...common, ...of.stop } };
  switch (of.kind) {
    case 'port': return { list: 'events', stop: { ...common, kind: 'port', port: narrowed.port ?? 0, count: narrowed.port === undefined ? 0x10000 : 1 } };
    case 'msr': return { list: 'events', stop: { ...common, kind: 'msr', ...(narrowed.msr === undefined ? {} : { msr: narrowed.msr }) } };
    case 'interrupt':
    case 'softwareInterrupt': return { list: 'events', stop: { ...common, kind: of.kind, ...(narrowed.vector === undefined ? {} : { vector: narrowed.vector }) } };
    default: return { list: 'events', stop: { ...common, kind: of.kind } };
  }
}

/** Takes `vector == 0x30` out of a condition where the stop itself can say it. */
function narrow(tree: Expression | undefined, stop: FilterStop): { readonly narrowed: Narrowed; readonly rest: Expression | undefined } {
  const nothing = { narrowed: {}, rest: tree };
  if (!tree || tree.kind !== 'binary' || stop.list !== 'events' || !stop.narrow) return nothing;
  const { left, right } = tree;
  if (tree.operator === '&&') {
    const [first, second] = [narrow(left, stop), narrow(right, stop)];
    if (first.rest === undefined && second.rest !== undefined) return { narrowed: first.narrowed, rest: second.rest };
    return second.rest === undefined && first.rest !== undefined ? { narrowed: second.narrowed, rest: first.rest } : nothing;
  }
  const isName = (left.kind === 'name' || left.kind === 'register') && left.name.replace(/^[$%]/, '').toLowerCase() === stop.narrow;
  if (!isName || tree.operator !== '==' || right.kind !== 'number') return nothing;
  return { narrowed: { [stop.narrow]: Number(right.value) }, rest: undefined };
}

function zeros(names: ReadonlyMap<string, EventValue>): NamedValues {
  return (name) => (names.has(name.toLowerCase()) ? { name, value: 0n, bits: 64, readOnly: true } : undefined);
}

function valuesOf(reason: Extract<StopReason, { kind: 'exception' | 'event' }>, names: ReadonlyMap<string, EventValue>): NamedValues {
  const values: Partial<Record<EventValue, bigint | number>> = reason.kind === 'event' ? eventValues(reason.event) : {
    vector: reason.exception.vector, errorCode: reason.exception.errorCode ?? 0, faultAddress: reason.exception.faultAddress ?? 0,
  };
  return (name) => {
    const event = names.get(name.toLowerCase());
    return event && { name, value: BigInt(values[event] ?? 0), bits: 64, readOnly: true };
  };
}

function eventValues(event: EventReport): Partial<Record<EventValue, bigint | number>> {
  switch (event.kind) {
    case 'interrupt': return { vector: event.vector, irq: BigInt.asUintN(64, BigInt(event.irq ?? -1)) };
    case 'softwareInterrupt': return { vector: event.vector };
    case 'port': return { port: event.port, bytes: event.bytes, write: Number(event.access === 'write'), value: event.value ?? 0 };
    case 'msr': return { msr: event.msr, write: Number(event.access === 'write'), value: event.value ?? 0 };
    case 'cr3': return { value: event.to, before: event.from, after: event.to };
    default: return {};
  }
}
