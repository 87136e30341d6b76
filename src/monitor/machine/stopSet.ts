/**
 * All stops of a machine, and what is decided about them while it runs: the engine asks here at breakpoints, before services,
 * interrupts and the delivery of faults, and behind instructions that have done something to be seen. What a run is to stop with
 * is kept until the machine takes it.
 */
import * as L from '../cpu/layout';
import type { Cpu } from '../cpu/cpu';
import type { Operation } from '../cpu/operation';
import type { Executor } from '../engine/executor';
import type { StopDecisions } from '../engine/stopDecisions';
import type { GuestFault } from '../memory/guestFault';
import { PAGE_BYTES } from '../memory/layout';
import type { PhysicalMap } from '../memory/physicalMap';
import { outsideAddress } from './addresses';
import { BreakpointPlaces } from './breakpointPlaces';
import type { LogKeeper } from './gates';
import { happeningOf, isInterruptReturn } from './happenings';
import type { ExceptionStop, StopReason } from './session';
import { StateWatch, type Awaited } from './stateWatch';
import { checkBreakpoint, checkEvent, checkException, checkWatchpoint } from './stopChecks';
import { ArmedList, privilegeOf, type Armed } from './stopLists';
import { StopLog } from './stopLog';
import type { EventReport, EventStop, EventValue, ExecutionBreakpoint, GateProblem, WatchHit, Watchpoint } from './stops';
import { exceptionReport } from './stories';
import { Watchpoints, type WatchedBytes, type WatchedHit } from './watchpoints';

/** How stops count in a run: as in the present, as on a search in the past, or not at all. */
export type StopMode = 'forwards' | 'backwards' | 'passed';

/** What a run wants besides. */
export interface RunWishes {
  readonly mode: StopMode;
  readonly awaited: Awaited | undefined;
  /** The CPU that it is about. */
  readonly processor: number;
}

/** What the machine lends. */
export interface StopSurroundings {
  readonly cpu: Cpu;
  readonly executor: Executor;
  readonly map: PhysicalMap;
  /** Bytes of a device's memory, without side effects; undefined for what cannot be read so. */
  peekDevice(address: number, bytes: number): Uint8Array | undefined;
  /** The vector that an interrupt would be taken with now. */
  nextVector(): number;
  /** The line that it comes from; undefined for what no line has raised. */
  nextLine(): number | undefined;
  time(): number;
}

type Values = Partial<Record<EventValue, bigint | number>>;
type Touch = Extract<EventStop, { kind: 'touch' }>;

/** Bytes that are watched: of a watchpoint, or of a page that is to be touched for the first time. */
interface Watched extends WatchedBytes {
  readonly armed: Armed<Watchpoint> | Armed<EventStop>;
  readonly isTouch: boolean;
}

/** The outcome of gates. */
interface Judged {
  readonly ids: readonly number[];
  readonly problems: readonly GateProblem[];
}

const NO_VALUES: Values = {};
const NON_MASKABLE = 2;
/** What an interrupt has for a line that no line has raised. */
const NO_LINE = -1;

export class StopSet implements StopDecisions {
  readonly log = new StopLog();
  private readonly breakpoints: ArmedList<ExecutionBreakpoint>;
  private readonly exceptions: ArmedList<ExceptionStop>;
  private readonly watchpoints: ArmedList<Watchpoint>;
  private readonly events: ArmedList<EventStop>;
  private readonly memory: Watchpoints<Watched>;
  private readonly state: StateWatch;
  private places: BreakpointPlaces;
  private wishes: RunWishes = { mode: 'forwards', awaited: undefined, processor: 0 };
  /** Linear addresses at which the run itself wants control. */
  private temporary: readonly number[] = [];
  /** Events of the list that have not become void. */
  private live: readonly Armed<EventStop>[] = [];
  private watched: ReadonlyMap<Armed<Watchpoint> | Armed<EventStop>, Watched> = new Map();
  private reached: StopReason | undefined;
  /** Values of the event that gates are asked about. */
  private values: Values = NO_VALUES;
  private readonly hitValues = new HitValues();

  constructor(private readonly surroundings: StopSurroundings) {
    const { cpu, executor, map } = surroundings;
    const context = { cpu, event: (name: EventValue) => this.valueOf(name) };
    const keeper: LogKeeper = {
      note: (entry) => this.log.add({ ...entry, retired: executor.retired(), time: surroundings.time(), linear: outsideAddress(cpu.state, executor.linear()) }),
    };
    this.breakpoints = new ArmedList('breakpoints', context, keeper, checkBreakpoint);
    this.exceptions = new ArmedList('exceptions', context, keeper, checkException);
    this.watchpoints = new ArmedList('watchpoints', context, keeper, checkWatchpoint);
    this.events = new ArmedList('events', context, keeper, checkEvent);
    this.memory = new Watchpoints(surroundings);
    this.state = new StateWatch(cpu);
    this.places = new BreakpointPlaces(cpu, map, []);
    executor.decisions = this;
  }

  // What is set.

  setBreakpoints(list: readonly ExecutionBreakpoint[]): void {
    if (!this.breakpoints.set(list)) return;
    this.places = new BreakpointPlaces(this.surroundings.cpu, this.surroundings.map, this.breakpoints.armed);
    this.syncBreakpoints();
  }

  setExceptionStops(list: readonly ExceptionStop[]): void {
    if (this.exceptions.set(list)) this.syncEvents();
  }

  setWatchpoints(list: readonly Watchpoint[]): void {
    if (this.watchpoints.set(list)) this.syncMemory();
  }

  setEventStops(list: readonly EventStop[]): void {
    const before = this.events.armed;
    if (!this.events.set(list)) return;
    this.live = this.events.armed.filter((armed) => !before.includes(armed) || this.live.includes(armed));
    this.syncEvents();
    this.syncMemory();
  }

  /** A run begins. */
  begin(wishes: RunWishes): void {
    const changes = wishes.mode !== this.wishes.mode;
    this.wishes = wishes;
    this.reached = undefined;
    this.state.begin(wishes.awaited, wishes.processor);
    this.syncBreakpoints();
    this.syncEvents();
    if (changes) this.syncMemory();
  }

  /** Linear addresses at which the run wants control itself. */
  setTemporary(addresses: readonly number[]): void {
    if (addresses === this.temporary) return;
    this.temporary = addresses;
    this.syncBreakpoints();
  }

  /** The machine has gone to another moment, or begins anew: what was seen before does not count. */
  forget(): void {
    this.memory.forget();
    this.reached = undefined;
  }

  /** Does something that is not the guest's doing: nothing of it is seen. */
  silently<T>(action: () => T): T {
    return this.memory.silently(action);
  }

  private get isPassed(): boolean {
    return this.wishes.mode === 'passed';
  }

  private syncBreakpoints(): void {
    const { places, temporary, surroundings: { executor } } = this;
    const linear = new Set([...(this.isPassed ? [] : places.linear.keys()), ...temporary]);
    executor.setBreakpoints(linear, this.isPassed ? new Set() : new Set(places.physical.keys()));
  }

  private syncEvents(): void {
    const { executor } = this.surroundings;
    const { awaited } = this.wishes;
    const kinds = new Set(this.isPassed ? [] : this.live.map(({ stop }) => stop.kind));
    const has = (...some: readonly EventStop['kind'][]): boolean => some.some((kind) => kinds.has(kind));
    executor.stopVectors = new Set(this.isPassed ? [] : this.exceptions.armed.map(({ stop }) => stop.vector));
    executor.watchEvents({
      services: has('softwareInterrupt', 'port', 'msr', 'cr3') || awaited === 'interruptReturn',
      registers: has('msr'),
      transfers: awaited === 'interruptReturn' || awaited === 'privilege',
      interrupts: has('interrupt'),
      state: has('mode', 'taskSwitch') || awaited !== undefined,
      entries: this.touches('execute').length > 0,
    });
  }

  private syncMemory(): void {
    const watched = new Map<Armed<Watchpoint> | Armed<EventStop>, Watched>();
    const put = (armed: Watched['armed'], bytes: WatchedBytes, isTouch: boolean): void => {
      watched.set(armed, this.watched.get(armed) ?? { ...bytes, armed, isTouch });
    };
    if (!this.isPassed) {
      for (const armed of this.watchpoints.armed) put(armed, armed.stop, false);
      for (const { armed, stop } of [...this.touches('read'), ...this.touches('write')]) {
        put(armed, { ...stop, address: pageAddress(stop.address), length: PAGE_BYTES, access: stop.access === 'read' ? 'read' : 'write' }, true);
      }
    }
    this.watched = watched;
    this.memory.set([...watched.values()]);
  }

  /** First touches that are waited for. There is none in the past. */
  private touches(access: Touch['access']): { readonly armed: Armed<EventStop>; readonly stop: Touch }[] {
    if (this.wishes.mode !== 'forwards') return [];
    return this.live.flatMap((armed) => (armed.stop.kind === 'touch' && armed.stop.access === access ? [{ armed, stop: armed.stop }] : []));
  }

  // What the machine takes.

  /** What the run is to stop with, if anything: once. */
  take(): StopReason | undefined {
    const { reached } = this;
    this.reached = undefined;
    return reached;
  }

  // What the engine asks.

  breakpoint(linear: number): boolean {
    this.values = NO_VALUES;
    const judged = this.judge(this.places.at(linear));
    if (judged) this.reached = { kind: 'breakpoint', ids: judged.ids, ...problemsOf(judged) };
    return judged !== undefined || this.temporary.includes(linear);
  }

  exception(fault: GuestFault): boolean {
    const { cpl } = this.surroundings.cpu.state;
    const from = cpl === 3 ? 'user' : 'kernel';
    const { vector, errorCode = 0, linear } = fault;
    this.values = { vector, errorCode, faultAddress: BigInt.asUintN(64, linear) };
    const judged = this.judge(this.exceptions.armed.filter(({ stop }) => stop.vector === vector && (stop.from === undefined || stop.from === from)));
    if (!judged) return false;
    const { state } = this.surroundings.cpu;
    const ids = judged.ids.filter((id) => id >= 0);
    this.reached = {
      kind: 'exception', exception: exceptionReport(fault, state.selector(L.CS), state.u64(L.EIP)), ...(ids.length > 0 ? { ids } : {}), ...problemsOf(judged),
    };
    return true;
  }

  interrupt(isMaskable: boolean): boolean {
    const vector = isMaskable ? this.surroundings.nextVector() : NON_MASKABLE;
    const irq = isMaskable ? this.surroundings.nextLine() : undefined;
    return this.happened({ kind: 'interrupt', vector, ...(irq === undefined ? {} : { irq }) }, { vector, irq: irq ?? NO_LINE });
  }

  service(number: number, operation: Operation): boolean {
    if (isInterruptReturn(number)) this.state.noteReturn();
    const happening = happeningOf(number, this.surroundings.cpu, operation);
    return happening !== undefined && this.happened(happening, valuesOf(happening));
  }

  enters(linear: number): boolean {
    const { cpu } = this.surroundings;
    const page = cpu.mmu.pageOf(linear);
    const physicalPage = cpu.mmu.peekPage(page);
    const found = this.touches('execute').find(({ stop }) => Number(BigInt.asIntN(64, stop.address) >> 12n) === (stop.space === 'linear' ? page : physicalPage));
    if (!found?.armed.concerns()) return false;
    const physical = physicalPage * PAGE_BYTES + Number(BigInt.asUintN(12, BigInt(linear)));
    const address = outsideAddress(cpu.state, linear);
    this.values = { linear: address, physical };
    return this.touched(found.armed, { kind: 'execute', linear: address, physical });
  }

  get isPending(): boolean {
    return this.memory.isPending || this.state.isPending;
  }

  behind(): boolean {
    if (this.reached) return true;
    if (this.memory.isPending && this.judgeHits(this.memory.take())) return true;
    if (this.state.hasArrived()) {
      this.state.faulted();
      this.reached = { kind: 'step' };
      return true;
    }
    for (const change of this.state.changes()) if (this.happened(change, NO_VALUES)) return true;
    return false;
  }

  faulted(isRepeated: boolean): void {
    if (!isRepeated) this.memory.dropReads();
    this.state.faulted();
  }

  // Decisions.

  private valueOf(name: EventValue): bigint {
    const { executor, cpu } = this.surroundings;
    if (name === 'retired') return BigInt(executor.retired());
    if (name === 'cpu') return BigInt(cpu.place.index);
    return BigInt(this.values[name] ?? 0);
  }

  /** Which of some stops count here and now; undefined for none. */
  private judge(stops: readonly Armed<Partial<Watchpoint> | ExceptionStop | ExecutionBreakpoint | EventStop>[]): Judged | undefined {
    const ids: number[] = [];
    const problems: GateProblem[] = [];
    for (const armed of stops) {
      if (!armed.concerns()) continue;
      const verdict = armed.judge(this.wishes.mode === 'backwards');
      if (verdict === false) continue;
      ids.push(armed.stop.id ?? -1);
      if (verdict !== true) problems.push(verdict);
    }
    return ids.length > 0 ? { ids, problems } : undefined;
  }

  private happened(event: EventReport, values: Values): boolean {
    this.values = values;
    const judged = this.judge(this.live.filter(({ stop }) => isAbout(stop, event)));
    if (judged) this.reached = { kind: 'event', ids: judged.ids, event, ...problemsOf(judged) };
    return judged !== undefined;
  }

  /** A page has been touched for the first time: that does not happen again. */
  private touched(armed: Armed<EventStop>, event: EventReport): boolean {
    const judged = this.judge([armed]);
    if (judged) this.reached = { kind: 'event', ids: judged.ids, event, ...problemsOf(judged) };
    this.live = this.live.filter((other) => other !== armed);
    this.syncEvents();
    this.syncMemory();
    return judged !== undefined;
  }

  private judgeHits(seen: readonly WatchedHit<Watched>[]): boolean {
    const hits: WatchHit[] = [];
    const problems: GateProblem[] = [];
    for (const hit of seen) {
      const { armed, isTouch } = hit.watch;
      if (!concernsAccessor(armed, hit)) continue;
      this.hitValues.hit = hit;
      this.values = this.hitValues;
      if (isTouch) {
        const event = this.live.find((each) => each === armed);
        if (event && this.touched(event, { kind: 'touch', hit: reportOf(hit) })) return true;
        continue;
      }
      const verdict = armed.judge(this.wishes.mode === 'backwards');
      if (verdict === false) continue;
      hits.push(reportOf(hit));
      if (verdict !== true) problems.push(verdict);
    }
    if (hits.length === 0) return false;
    this.reached = { kind: 'watchpoint', hits, ...(problems.length > 0 ? { problems } : {}) };
    return true;
  }
}

const pageAddress = (address: bigint): bigint => address & ~0xfffn;
const problemsOf = ({ problems }: Judged): { readonly problems?: readonly GateProblem[] } => (problems.length > 0 ? { problems } : {});

/** Whether an event stop is about what happens. */
function isAbout(stop: EventStop, event: EventReport): boolean {
  switch (stop.kind) {
    case 'interrupt':
    case 'softwareInterrupt': return event.kind === stop.kind && (stop.vector === undefined || stop.vector === event.vector);
    case 'port':
      return event.kind === 'port' && event.port < stop.port + (stop.count ?? 1) && event.port + event.bytes > stop.port && (stop.access === undefined || stop.access === event.access);
    case 'msr': return event.kind === 'msr' && (stop.msr === undefined || stop.msr === event.msr) && (stop.access === undefined || stop.access === event.access);
    case 'cr3':
    case 'mode':
    case 'taskSwitch': return event.kind === stop.kind;
    case 'touch': return false;
  }
}

function valuesOf(event: EventReport): Values {
  switch (event.kind) {
    case 'interrupt':
    case 'softwareInterrupt': return { vector: event.vector };
    case 'port': return { port: event.port, bytes: event.bytes, write: Number(event.access === 'write'), value: event.value ?? 0 };
    case 'msr': return { msr: event.msr, write: Number(event.access === 'write'), value: event.value ?? 0 };
    case 'cr3': return { value: event.to, before: event.from, after: event.to };
    default: return NO_VALUES;
  }
}

/** Filters of watchpoints are about who accesses: a bus master passes none. */
function concernsAccessor(armed: Watched['armed'], hit: WatchedHit<Watched>): boolean {
  const { cpu, privilege, cr3 } = armed.stop;
  if (hit.device !== undefined) return cpu === undefined && privilege === undefined && cr3 === undefined;
  if (cr3 !== undefined && hit.cr3 - (hit.cr3 % PAGE_BYTES) !== cr3 - (cr3 % PAGE_BYTES)) return false;
  return (cpu === undefined || cpu === hit.cpuIndex) && (privilege === undefined || privilege === privilegeOf(hit.cpl));
}

/** What a watchpoint's hit brings. Each condition asks for one or two of these. */
class HitValues implements Values {
  hit: WatchedHit<Watched> | undefined;

  get linear(): bigint | number {
    return this.hit?.linear ?? 0;
  }
  get physical(): number {
    return this.hit?.physical ?? 0;
  }
  get bytes(): number {
    return this.hit?.watch.length ?? 0;
  }
  get write(): number {
    return Number(this.hit?.access !== 'read');
  }
  get before(): bigint | number {
    return this.hit?.valueBefore ?? 0;
  }
  get after(): bigint | number {
    return this.hit?.valueAfter ?? 0;
  }
}

function reportOf({ watch, access, linear, physical, from, before, after, by }: WatchedHit<Watched>): WatchHit {
  return {
    id: watch.armed.stop.id, access, ...(linear === undefined ? {} : { linear }), physical, offset: from,
    ...(before ? { before } : {}), ...(after ? { after } : {}), by,
  };
}
