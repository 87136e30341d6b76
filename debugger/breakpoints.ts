/**
 * Breakpoints: the client's sets (source lines, functions, instructions) become invisible execution hooks. Conditions, hit counts and
 * log messages are decided about in the monitor where that is possible (conditions/), else here, at each stop.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { ExecutionBreakpoint, LogEntry, StopReport } from '../src/monitor/machine/session';
import { checkBreakpoint } from '../src/monitor/machine/stopChecks';
import { breakpointMode, hookPlaces, type BreakpointMode, type PlacedCode, type Spot } from './breakpointPlaces';
import type { BuiltGate, GateBuilder, Wish } from './conditions/gateBuilder';
import { parseHitCondition, parseLogMessage, type LogPiece } from './conditions/languages';
import type { Expression } from './expressions/syntax';
import type { GuestBreakpoint, GuestBreakpoints } from './guestBreakpoints';
import { messageOf, userError } from './ports';
import type { Program } from './program';
import type { RequestArguments } from './requestArguments';
import { NO_VERDICT, type StopJudge, type Verdict } from './stopJudge';
import { BreakpointSpots } from './breakpointSpots';
import type { Place } from './addresses';
import type { Target } from './target';

/** One place of a breakpoint in the machine. */
interface Hook {
  /** Its number in the machine. */
  id: number;
  readonly place: PlacedCode;
  /** Set where it is put into the guest instead of being a hook. */
  readonly guest: GuestBreakpoint | undefined;
  built: BuiltGate;
  /** Whether the machine has stood there, so that its mode is known. */
  wasSeen: boolean;
}

interface Breakpoint {
  readonly id: number;
  /** What it was set on, with its conditions: the same specification keeps its id and its hits. */
  readonly specification: string;
  readonly wish: Wish;
  readonly hooks: readonly Hook[];
  readonly answer: DebugProtocol.Breakpoint;
  hits: number;
}

/** What the breakpoint manager needs of evaluation and output. */
export interface BreakpointServices {
  /** Whether an expression is true (not zero) where the machine stands. */
  holds(expression: Expression): Promise<boolean>;
  /** The value of an expression as text. */
  show(expression: string): Promise<string>;
  resolve(reference: string): Promise<Place>;
  /** Breakpoints in the guest have changed, and with them what tells of them. */
  guestChanged(): Promise<void>;
  /** The guest has come to where breakpoints are to be found anew: ends when they have been. */
  codeHasCome(): Promise<void>;
  /** A line for the debug console, with the address that it is about. */
  log(text: string, address: bigint): void;
}

/** A place in the guest's code at which breakpoints are to be found anew, with a condition that the monitor decides about. */
export type RenewalPlace = Pick<ExecutionBreakpoint, 'gate'> & { readonly linear: bigint };
type Renewal = RenewalPlace & { readonly id: number };

/** What one breakpoint of a set is to be. */
interface Wanted {
  readonly key: string;
  readonly item: RequestArguments;
  readonly spot: Spot;
}

export class BreakpointManager implements StopJudge {
  private nextId = 1;
  private nextHook = 1;
  /** Key: 'source:PATH', 'functions', 'instructions'. */
  private readonly sets = new Map<string, readonly Breakpoint[]>();
  /** Finds the places anew of those that are set on lines and functions, by key. */
  private readonly wanted = new Map<string, () => readonly Wanted[]>();
  /** Places in the guest at which breakpoints are to be found anew, unseen by anybody. */
  private renewals: readonly Renewal[] = [];
  /** Sets are replaced one after the other: what is found anew must not come behind what the client has set meanwhile. */
  private turn: Promise<unknown> = Promise.resolve();
  private readonly spots: BreakpointSpots;

  constructor(
    private readonly target: Target,
    private readonly program: Program,
    private readonly gates: GateBuilder,
    private readonly guest: GuestBreakpoints,
    private readonly services: BreakpointServices,
  ) {
    this.spots = new BreakpointSpots(target, program, services.resolve);
  }

  /** Ids are the client's for data breakpoints, too. */
  newId(): number {
    return this.nextId++;
  }

  /** setBreakpoints: replaces the breakpoints of one source file. `lineOf` turns the client's line into one from 1. */
  async setSource(args: RequestArguments, lineOf: (line: number) => number): Promise<DebugProtocol.Breakpoint[]> {
    const path = args.object('source').optionalString('path');
    if (path === undefined) throw userError('Lines of a listing take no breakpoints: set one on the function, or on the instruction in the Disassembly view.');
    return this.replaceAnew(`source:${path}`, () => args.objects('breakpoints').map((item) => {
      const line = lineOf(item.integer('line', 0));
      return { key: `${line}`, item, spot: this.spots.line(path, line) };
    }));
  }

  /** setFunctionBreakpoints: stops after the prologue, where arguments can be read. */
  async setFunctions(args: RequestArguments): Promise<DebugProtocol.Breakpoint[]> {
    return this.replaceAnew('functions', () => args.objects('breakpoints').map((item) => {
      const name = item.string('name');
      return { key: name, item, spot: this.spots.function(name) };
    }));
  }

  private replaceAnew(set: string, wanted: () => readonly Wanted[]): Promise<DebugProtocol.Breakpoint[]> {
    return this.inTurn(async () => {
      await this.program.ready();
      this.wanted.set(set, wanted);
      return this.replace(set, wanted());
    });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  /** Other code is known than before: gives the breakpoints on lines and functions that have found a place, or have lost it. */
  renew(): Promise<DebugProtocol.Breakpoint[]> {
    return this.inTurn(async () => {
      const changed: DebugProtocol.Breakpoint[] = [];
      for (const [set, wanted] of this.wanted) {
        const before = this.sets.get(set) ?? [];
        const now = await this.replace(set, wanted());
        changed.push(...now.filter((answer) => before.some((old) => old.id === answer.id && old.answer.verified !== answer.verified)));
      }
      return changed;
    });
  }

  /** Breakpoints that may have other places then are found anew whenever the guest comes to one of these. */
  async renewAt(places: readonly RenewalPlace[]): Promise<void> {
    const { renewals } = this;
    if (places.length === renewals.length && places.every(({ linear }, i) => linear === renewals[i].linear)) return;
    this.renewals = places.map((place) => ({ ...place, id: this.nextHook++ }));
    await this.apply();
  }

  /** setInstructionBreakpoints: a memory reference and an offset in bytes. */
  async setInstructions(args: RequestArguments): Promise<DebugProtocol.Breakpoint[]> {
    const wanted = await Promise.all(args.objects('breakpoints').map(async (item) => {
      const reference = item.string('instructionReference');
      const offset = item.optionalInteger('offset') ?? 0;
      return { key: `${reference}+${offset}`, item, spot: await this.spots.instruction(reference, offset) };
    }));
    return this.inTurn(() => this.replace('instructions', wanted));
  }

  /** Gives the machine all hooks anew. */
  async apply(): Promise<void> {
    const hooks = this.all().flatMap(({ hooks: each }) => each);
    const set = hooks.filter(({ guest }) => guest === undefined).map(({ id, place, built }): ExecutionBreakpoint => (
      { id, ...place, ...built.filter, ...(built.gate ? { gate: built.gate } : {}) }
    ));
    await this.target.control.setBreakpoints(this.isWaiting() ? [...set, ...this.renewals] : set);
  }

  /** Whether code that comes may have places of breakpoints: of some that have none yet, or that are in single address spaces. */
  private isWaiting(): boolean {
    return [...this.wanted.keys()].some((set) => this.sets.get(set)?.some(({ hooks }) => hooks.length === 0 || hooks.some(({ place }) => place.cr3 !== undefined)));
  }

  /** Puts those into the guest that belong there. Error for one that cannot be put there. */
  private async applyGuest(): Promise<void> {
    await this.guest.set(this.all().flatMap(({ hooks }) => hooks).flatMap(({ guest }) => guest ?? []));
    await this.services.guestChanged();
  }

  /** There are none any more, in the guest either. */
  async takeAway(): Promise<void> {
    this.sets.clear();
    await this.apply();
    await this.applyGuest();
  }

  /** The machine has been reset: the guest has none of ours. */
  async renewGuest(): Promise<void> {
    this.guest.forget();
    await this.applyGuest();
  }

  /** Hits are counted from the start of a run. */
  resetHits(): void {
    for (const breakpoint of this.all()) {
      breakpoint.hits = 0;
      // The machine knows hooks by their numbers, and keeps their hits.
      for (const hook of breakpoint.hooks) hook.id = this.nextHook++;
    }
  }

  /** Decides about a stop at execution hooks; log points write their message and do not stop. */
  async judge(report: StopReport, backwards: boolean): Promise<Verdict> {
    const isMet = this.metBy(report);
    if (!isMet) return NO_VERDICT;
    const { reason } = report;
    if (reason.kind === 'breakpoint' && this.renewals.some(({ id }) => reason.ids.includes(id))) await this.services.codeHasCome();
    const hit: number[] = [];
    let isBetter = false;
    for (const breakpoint of this.all()) {
      const hook = breakpoint.hooks.find(isMet);
      if (!hook) continue;
      const problem = reason.kind === 'breakpoint' ? reason.problems?.find(({ id }) => id === hook.id) : undefined;
      if (problem) this.services.log(`${problem.problem}`, report.linear);
      if (problem || await this.counts(breakpoint, hook, report.linear, backwards)) hit.push(breakpoint.id);
      isBetter = (await this.learn(breakpoint, hook, report.linear)) || isBetter;
    }
    if (isBetter) await this.apply();
    return { stop: hit.length > 0, hitBreakpointIds: hit };
  }

  /** Which hooks a stop is about; undefined where it is about none. */
  private metBy(report: StopReport): ((hook: Hook) => boolean) | undefined {
    const { reason, linear } = report;
    if (reason.kind === 'breakpoint') return ({ id, guest }) => guest === undefined && reason.ids.includes(id);
    const kind = this.guest.kindOf(report);
    return kind && (({ guest }) => guest?.kind === kind && guest.address === linear);
  }

  /** Log points of the monitor. */
  logged({ list, id, linear, values }: LogEntry): void {
    if (list !== 'breakpoints') return;
    const hook = this.all().flatMap(({ hooks }) => hooks).find((each) => each.id === id);
    if (hook?.built.write) this.services.log(hook.built.write(values), linear);
  }

  private all(): Breakpoint[] {
    return [...this.sets.values()].flat();
  }

  /** What could not be compiled before the code's mode was known may be possible now. */
  private async learn(breakpoint: Breakpoint, hook: Hook, linear: bigint): Promise<boolean> {
    if (hook.wasSeen || (!hook.built.rest.condition && !hook.built.rest.log)) return false;
    hook.wasSeen = true;
    const { hits, ...wish } = breakpoint.wish;
    // Hits that have been counted here go on being counted here.
    const built = await this.gates.build(breakpoint.hits > 0 && hits ? wish : breakpoint.wish, { address: linear, isPart: breakpoint.hooks.length > 1, isHere: true });
    if (built.gate === undefined) return false;
    hook.built = breakpoint.hits > 0 && hits ? { ...withoutLog(built), rest: { ...built.rest, hits, ...(wish.log ? { log: wish.log } : {}) } } : built;
    return true;
  }

  private async counts(breakpoint: Breakpoint, { built: { rest } }: Hook, address: bigint, backwards: boolean): Promise<boolean> {
    if (rest.condition !== undefined) {
      try {
        if (!(await this.services.holds(rest.condition))) return false;
      } catch (error) {
        this.services.log(`The condition cannot be evaluated: ${messageOf(error)}`, address);
        return true;
      }
    }
    if (backwards) return breakpoint.wish.log === undefined;
    breakpoint.hits++;
    if (rest.hits && !rest.hits.holds(breakpoint.hits)) return false;
    if (!rest.log) return true;
    this.services.log(await this.message(rest.log), address);
    return false;
  }

  private async message(pieces: readonly LogPiece[]): Promise<string> {
    const texts = await Promise.all(pieces.map(async (piece) => {
      if (piece.kind === 'text') return piece.text;
      return this.services.show(piece.text).catch((error: unknown) => `<${messageOf(error)}>`);
    }));
    return texts.join('');
  }

  private async replace(set: string, wanted: readonly Wanted[]): Promise<DebugProtocol.Breakpoint[]> {
    const before = this.sets.get(set) ?? [];
    const now: Breakpoint[] = [];
    for (const each of wanted) now.push(await this.make(each, before));
    this.sets.set(set, now);
    await this.apply();
    try {
      await this.applyGuest();
    } catch (error) {
      return now.map(({ answer, hooks }) => (hooks.some(({ guest }) => guest !== undefined) ? { ...answer, verified: false, message: messageOf(error) } : answer));
    }
    return now.map((breakpoint) => breakpoint.answer);
  }

  private async make({ key, item, spot }: Wanted, before: readonly Breakpoint[]): Promise<Breakpoint> {
    const condition = textOf(item, 'condition');
    const hitText = textOf(item, 'hitCondition');
    const logText = textOf(item, 'logMessage');
    const modeText = textOf(item, 'mode');
    const specification = JSON.stringify([key, condition, hitText, logText, modeText]);
    const old = before.find((breakpoint) => breakpoint.specification === specification);
    const id = old?.id ?? this.newId();
    const reject = (message: string): Breakpoint =>
      ({ id, specification, wish: {}, hooks: [], hits: 0, answer: { id, verified: false, message } });
    if ('reason' in spot) return reject(spot.reason);
    try {
      const mode: BreakpointMode = breakpointMode(modeText);
      const wish: Wish = {
        condition: condition === undefined ? undefined : this.gates.parse(condition),
        hits: hitText === undefined ? undefined : parseHitCondition(hitText),
        log: logText === undefined ? undefined : parseLogMessage(logText),
      };
      const places = await hookPlaces(spot, mode, this.target);
      const hooks = old && isSameSpot(old.hooks.map(({ place }) => place), places) ? old.hooks : await this.hooks(places, mode, wish);
      const problem = hooks.map(({ built }) => built.problem).find((each) => each !== undefined);
      const answer = { ...spot.answer, id, verified: true, ...(problem === undefined ? {} : { message: problem }) };
      return { id, specification, wish, hooks, hits: old?.hits ?? 0, answer };
    } catch (error) {
      return reject(messageOf(error));
    }
  }

  private async hooks(places: readonly PlacedCode[], mode: BreakpointMode, wish: Wish): Promise<Hook[]> {
    return Promise.all(places.map(async (place) => {
      const address = 'linear' in place ? place.linear : undefined;
      const guest = guestBreakpoint(address, mode);
      // What stops as an exception of the guest is decided about here.
      const gate = await this.gates.build(wish, { ...(address === undefined ? {} : { address }), isPart: places.length > 1, isHere: false });
      const built: BuiltGate = guest ? { filter: {}, rest: wish, ...(gate.problem === undefined ? {} : { problem: gate.problem }) } : gate;
      const id = this.nextHook++;
      // What the machine would refuse is refused for itself alone: the list is given to the machine as a whole.
      checkBreakpoint({ id, ...place, ...built.filter });
      return { id, place, guest, built, wasSeen: guest !== undefined };
    }));
  }
}

function guestBreakpoint(address: bigint | undefined, mode: BreakpointMode): GuestBreakpoint | undefined {
  if (mode !== 'guest-dr' && mode !== 'guest-int3') return undefined;
  if (address === undefined) throw userError('This mode needs a linear address.');
  return { kind: mode === 'guest-dr' ? 'debug register' : 'INT3', address };
}

function withoutLog({ filter, gate, rest }: BuiltGate): BuiltGate {
  return { filter, rest, ...(gate?.condition ? { gate: { condition: gate.condition } } : {}) };
}

function isSameSpot(one: readonly PlacedCode[], other: readonly PlacedCode[]): boolean {
  return one.length === other.length && one.every((place, index) => Object.entries(place).every(([key, value]) => Object.entries(other[index]).some(([k, v]) => k === key && v === value)));
}

function textOf(item: RequestArguments, name: string): string | undefined {
  const text = item.optionalString(name)?.trim();
  return text === '' ? undefined : text;
}
