/**
 * Breakpoints: the client's sets (source lines, functions, instructions) become invisible execution hooks at
 * linear addresses; at a stop, conditions, hit counts and log messages decide whether it counts.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { StopReport } from '../src/monitor/machine/session';
import { formatReference, type Place } from './addresses';
import { parseHitCondition, parseLogMessage, type HitCondition, type LogPiece } from './breakpointConditions';
import { messageOf, userError } from './ports';
import { NO_SYMBOLS, type Program } from './program';
import type { RequestArguments } from './requestArguments';
import type { Target } from './target';

interface Breakpoint {
  readonly id: number;
  /** What it was set on, with its conditions: the same specification keeps its id and its hits. */
  readonly specification: string;
  readonly addresses: readonly bigint[];
  readonly condition?: string;
  readonly hitCondition?: HitCondition;
  readonly log?: readonly LogPiece[];
  readonly answer: DebugProtocol.Breakpoint;
  hits: number;
}

/** Where a breakpoint goes, or why it cannot. */
type Spot =
  | { readonly addresses: readonly bigint[]; readonly answer: Omit<DebugProtocol.Breakpoint, 'id' | 'verified'> }
  | { readonly reason: string };

/** What a stop at execution hooks comes to. */
export interface Verdict {
  readonly stop: boolean;
  readonly hitBreakpointIds: readonly number[];
}

/** What the breakpoint manager needs of evaluation and output. */
export interface BreakpointServices {
  /** Whether an expression is true (not zero) where the machine stands. */
  holds(expression: string): Promise<boolean>;
  /** The value of an expression as text. */
  show(expression: string): Promise<string>;
  resolve(reference: string): Promise<Place>;
  /** A line for the debug console, with the address that it is about. */
  log(text: string, address: bigint): void;
}

export class BreakpointManager {
  private nextId = 1;
  /** Key: 'source:PATH', 'functions', 'instructions'. */
  private readonly sets = new Map<string, readonly Breakpoint[]>();
  /** What was wanted of functions last. */
  private functions: RequestArguments | undefined;

  constructor(
    private readonly target: Target,
    private readonly program: Program,
    private readonly services: BreakpointServices,
  ) {}

  /** setBreakpoints: replaces the breakpoints of one source file. `lineOf` turns the client's line into one from 1. */
  async setSource(args: RequestArguments, lineOf: (line: number) => number): Promise<DebugProtocol.Breakpoint[]> {
    const path = args.object('source').optionalString('path');
    if (path === undefined) throw userError('setBreakpoints: the source has no path.');
    const wanted = args.objects('breakpoints').map((item) => {
      const line = lineOf(item.integer('line', 0));
      return { key: `${line}`, item, spot: this.lineSpot(path, line) };
    });
    return this.replace(`source:${path}`, wanted);
  }

  /** setFunctionBreakpoints: stops after the prologue, where arguments can be read. */
  async setFunctions(args: RequestArguments): Promise<DebugProtocol.Breakpoint[]> {
    this.functions = args;
    await this.program.ready();
    const wanted = args.objects('breakpoints').map((item) => {
      const name = item.string('name');
      return { key: name, item, spot: this.functionSpot(name) };
    });
    return this.replace('functions', wanted);
  }

  /** Functions are known that were not: gives the breakpoints on functions that have found theirs. */
  async renewFunctions(): Promise<DebugProtocol.Breakpoint[]> {
    const before = this.sets.get('functions') ?? [];
    if (!this.functions || before.every(({ answer }) => answer.verified)) return [];
    const now = await this.setFunctions(this.functions);
    return now.filter((answer) => answer.verified && before.some((old) => old.id === answer.id && !old.answer.verified));
  }

  /** setInstructionBreakpoints: a memory reference and an offset in bytes. */
  async setInstructions(args: RequestArguments): Promise<DebugProtocol.Breakpoint[]> {
    const wanted = await Promise.all(args.objects('breakpoints').map(async (item) => {
      const reference = item.string('instructionReference');
      const offset = item.optionalInteger('offset') ?? 0;
      return { key: `${reference}+${offset}`, item, spot: await this.instructionSpot(reference, offset) };
    }));
    return this.replace('instructions', wanted);
  }

  /** Gives the machine all hooks anew. */
  async apply(): Promise<void> {
    const addresses = new Set([...this.sets.values()].flat().flatMap((breakpoint) => breakpoint.addresses));
    await this.target.control.setBreakpoints([...addresses].map((linear, id) => ({ id, linear })));
  }

  /** Hits are counted from the start of a run. */
  resetHits(): void {
    for (const breakpoint of [...this.sets.values()].flat()) breakpoint.hits = 0;
  }

  /** Decides about a stop at execution hooks; log points write their message and do not stop. */
  async judge(report: StopReport): Promise<Verdict> {
    const reached = [...this.sets.values()].flat().filter((breakpoint) => breakpoint.addresses.includes(report.linear));
    const hit: number[] = [];
    for (const breakpoint of reached) {
      if (await this.counts(breakpoint, report.linear)) hit.push(breakpoint.id);
    }
    return { stop: hit.length > 0, hitBreakpointIds: hit };
  }

  private async counts(breakpoint: Breakpoint, address: bigint): Promise<boolean> {
    if (breakpoint.condition !== undefined) {
      try {
        if (!(await this.services.holds(breakpoint.condition))) return false;
      } catch (error) {
        this.services.log(`The condition '${breakpoint.condition}' cannot be evaluated: ${messageOf(error)}`, address);
        return true;
      }
    }
    breakpoint.hits++;
    if (breakpoint.hitCondition && !breakpoint.hitCondition(breakpoint.hits)) return false;
    if (!breakpoint.log) return true;
    this.services.log(await this.message(breakpoint.log), address);
    return false;
  }

  private async message(pieces: readonly LogPiece[]): Promise<string> {
    const texts = await Promise.all(pieces.map(async (piece) => {
      if (piece.kind === 'text') return piece.text;
      return this.services.show(piece.text).catch((error: unknown) => `<${messageOf(error)}>`);
    }));
    return texts.join('');
  }

  private async replace(
    set: string, wanted: readonly { readonly key: string; readonly item: RequestArguments; readonly spot: Spot }[],
  ): Promise<DebugProtocol.Breakpoint[]> {
    const before = this.sets.get(set) ?? [];
    const now = wanted.map(({ key, item, spot }) => this.make(key, item, spot, before));
    this.sets.set(set, now);
    await this.apply();
    return now.map((breakpoint) => breakpoint.answer);
  }

  private make(key: string, item: RequestArguments, spot: Spot, before: readonly Breakpoint[]): Breakpoint {
    const condition = textOf(item, 'condition');
    const hitText = textOf(item, 'hitCondition');
    const logText = textOf(item, 'logMessage');
    const specification = JSON.stringify([key, condition, hitText, logText]);
    const old = before.find((breakpoint) => breakpoint.specification === specification);
    const id = old?.id ?? this.nextId++;
    const reject = (message: string): Breakpoint =>
      ({ id, specification, addresses: [], hits: 0, answer: { id, verified: false, message } });
    if ('reason' in spot) return reject(spot.reason);
    let hitCondition: HitCondition | undefined;
    try {
      hitCondition = hitText === undefined ? undefined : parseHitCondition(hitText);
    } catch (error) {
      return reject(messageOf(error));
    }
    return {
      id,
      specification,
      addresses: spot.addresses,
      hits: old?.hits ?? 0,
      answer: { ...spot.answer, id, verified: true },
      ...(condition === undefined ? {} : { condition }),
      ...(hitCondition ? { hitCondition } : {}),
      ...(logText === undefined ? {} : { log: parseLogMessage(logText) }),
    };
  }

  private lineSpot(path: string, line: number): Spot {
    const found = this.program.lineAddresses(path, line);
    if ('reason' in found) return found;
    return {
      addresses: found.addresses,
      answer: {
        line: found.line,
        source: { name: found.source.name, path: found.source.path },
        instructionReference: formatReference({ space: { kind: 'linear' }, address: found.addresses[0] }),
      },
    };
  }

  private functionSpot(name: string): Spot {
    const functions = this.program.functionsNamed(name);
    if (functions.length === 0) return { reason: this.program.isEmpty ? NO_SYMBOLS : `There is no function '${name}' in the loaded symbols.` };
    const addresses = functions.map((found) => found.prologueEnd);
    const line = this.program.lineAt(addresses[0]);
    return {
      addresses,
      answer: {
        instructionReference: formatReference({ space: { kind: 'linear' }, address: addresses[0] }),
        ...(line ? { line: line.line, source: { name: line.source.name, path: line.source.path } } : {}),
      },
    };
  }

  private async instructionSpot(reference: string, offset: number): Promise<Spot> {
    try {
      const place = await this.services.resolve(reference);
      const address = place.address + BigInt(offset);
      if (place.space.kind !== 'linear') return { reason: 'Instruction breakpoints need a linear address.' };
      if (address < 0n) return { reason: `${reference} with offset ${offset} lies below address 0.` };
      return { addresses: [address], answer: { instructionReference: reference, offset } };
    } catch (error) {
      return { reason: messageOf(error) };
    }
  }
}

function textOf(item: RequestArguments, name: string): string | undefined {
  const text = item.optionalString(name)?.trim();
  return text === '' ? undefined : text;
}
