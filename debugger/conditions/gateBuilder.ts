/**
 * Conditions, hit conditions and log messages of stops: what of them the monitor can decide about becomes a gate and filters, the
 * rest is left to the adapter, which then looks at each stop. Both ways come to the same.
 */
import type { EventValue, Gate, GateExpression, StopFilter } from '../../src/monitor/machine/session';
import type { Evaluation } from '../evaluation';
import { namesIn } from '../expressions/names';
import type { Expression } from '../expressions/syntax';
import type { Value } from '../expressions/values';
import { hex, toLittleEndian } from '../numbers';
import type { Program } from '../program';
import { registerNamed } from '../registers';
import type { Target } from '../target';
import { byteValue } from '../symbols/values';
import { stripType } from '../symbols/types';
import { takeChange, takeFilters } from './filters';
import { compileNumber, compileValue, NotCompilable, type GateScope } from './gateCompiler';
import type { HitCondition, LogPiece } from './languages';
import { simplePlace } from './variablePlaces';

/** What a person wants of a stop. */
export interface Wish {
  readonly condition?: Expression | undefined;
  readonly hits?: HitCondition | undefined;
  readonly log?: readonly LogPiece[] | undefined;
}

/** Where the stop is. */
export interface Site {
  /** Address of code; absent for stops that are not about code. */
  readonly address?: bigint;
  /** Whether it is one of several places of one breakpoint, whose hits count together. */
  readonly isPart?: boolean;
  /** The machine stands there now, so that its mode is the one of the code. */
  readonly isHere: boolean;
  /** Whether it is about writes to data, whose machine can leave out those that change nothing. */
  readonly isWrite?: boolean;
  /** Names of the values that the event brings. */
  readonly events?: ReadonlyMap<string, EventValue>;
}

/** Writes a log message from the values that the monitor has noted. */
export type LogWriter = (values: readonly (bigint | string)[]) => string;

export interface BuiltGate {
  readonly filter: StopFilter;
  /** What is wrong with the condition as far as can be said now, in a sentence; it is evaluated all the same. */
  readonly problem?: string;
  /** Writes that leave the bytes as they were are not wanted. */
  readonly onlyChanges?: boolean;
  readonly gate?: Gate;
  readonly write?: LogWriter;
  /** What the adapter decides itself, at each stop that the gate lets through. */
  readonly rest: Wish;
}

/** Values that every event has, by what they are called in conditions. */
const ALWAYS: ReadonlyMap<string, EventValue> = new Map<string, EventValue>([['$retired', 'retired']]);

export class GateBuilder {
  constructor(
    private readonly target: Target,
    private readonly program: Program,
    private readonly evaluation: Evaluation,
  ) {}

  /** Parses a condition. Error for what is no expression. */
  parse(text: string): Expression {
    return this.evaluation.parse(text);
  }

  async build(wish: Wish, site: Site): Promise<BuiltGate> {
    const scope = await this.scope(site);
    const isVariable = (name: string): boolean => scope.local(name) !== undefined || scope.global(name) !== undefined;
    const { filter, rest } = wish.condition ? takeFilters(wish.condition, isVariable) : { filter: {}, rest: undefined };
    const { isChange, rest: condition } = rest && site.isWrite === true ? takeChange(rest, isVariable) : { isChange: false, rest };
    const problem = condition && this.unknownName(condition, site, scope);
    const compiled = condition && attempt(() => compileNumber(condition, scope).gate);
    const isDecided = condition === undefined || compiled !== undefined;
    // The monitor counts the hits of each place on its own.
    const countsThere = isDecided && site.isPart !== true && wish.hits?.gate !== undefined;
    const hits = countsThere ? wish.hits?.gate : undefined;
    const log = isDecided && (wish.hits === undefined || countsThere) && wish.log ? attempt(() => this.log(wish.log ?? [], scope)) : undefined;
    const gate: Gate = { ...(compiled ? { condition: compiled } : {}), ...(hits ? { hits } : {}), ...(log ? { log: { values: log.values } } : {}) };
    return {
      filter,
      ...(problem === undefined ? {} : { problem }),
      ...(isChange ? { onlyChanges: true } : {}),
      ...(Object.keys(gate).length > 0 ? { gate } : {}),
      ...(log ? { write: log.write } : {}),
      rest: {
        ...(isDecided ? {} : { condition }),
        ...(wish.hits && !countsThere ? { hits: wish.hits } : {}),
        ...(wish.log && !log ? { log: wish.log } : {}),
      },
    };
  }

  /**
   * That a name in a condition means nothing at the place where it will be evaluated. Where that place has no debugging information, and
   * where its registers are not those of now, nothing is known of that.
   */
  private unknownName(condition: Expression, { address }: Site, scope: GateScope): string | undefined {
    const { program } = this;
    const { cpu, codeBits, events } = scope;
    const image = address === undefined ? undefined : program.imageAt(address);
    if (image?.ask((table) => table.hasDebugInfo) !== true || codeBits !== cpu.codeBits) return undefined;
    const isKnown = (name: string): boolean => scope.local(name) !== undefined || events.has(name.toLowerCase()) || registerNamed(cpu, name.toLowerCase()) !== undefined
      || scope.global(name) !== undefined || program.functionsNamed(name).length > 0 || program.symbolNamed(name) !== undefined;
    const unknown = namesIn(condition).find(({ kind, name }) => kind === 'name' && !isKnown(name));
    return unknown && `There is no variable, register or symbol '${unknown.name}' at ${hex(address ?? 0n)}: the condition cannot be evaluated, and every pass stops.`;
  }

  private async scope({ address, isHere, events }: Site): Promise<GateScope> {
    const { program } = this;
    await program.ready();
    const cpu = await this.target.cpu();
    const image = address === undefined ? undefined : program.imageAt(address);
    const machine = image?.ask((table) => table.machine);
    const codeBits = address === undefined || isHere ? cpu.codeBits : machine === undefined ? undefined : machine === 'x86-64' ? 64 : 32;
    const visible = image && address !== undefined ? image.ask((table) => table.scopesAt(address)[0]?.blocks.flatMap(({ variables }) => variables)) : undefined;
    const locals = new Map((visible ?? []).reverse().map((variable) => [variable.name, variable]));
    return {
      cpu, program, codeBits,
      events: new Map([...ALWAYS, ...(events ?? [])]),
      local: (name) => {
        const variable = locals.get(name);
        return variable && image && address !== undefined ? { type: variable.type, place: simplePlace(image, variable, address) } : undefined;
      },
      global: (name) => {
        const found = program.globalNamed(name);
        const described = found ? undefined : program.describedVariable(name);
        // One that the guest describes may be another on each CPU.
        if (described) return { type: described.type, place: undefined };
        return found && { type: found.variable.type, place: simplePlace(found.image, found.variable, address ?? 0n) };
      },
    };
  }

  /** The values of a log message, and how they are written. */
  private log(pieces: readonly LogPiece[], scope: GateScope): { readonly values: readonly GateExpression[]; readonly write: LogWriter } {
    const values: GateExpression[] = [];
    const writers = pieces.map((piece): LogWriter => {
      if (piece.kind === 'text') return () => piece.text;
      const { value, number } = compileValue(this.parse(piece.text), scope);
      const index = values.push(number.gate) - 1;
      const type = value.kind === 'object' && !value.bitField ? value.type : undefined;
      // What a pointer points at is written with it, and that is not noted.
      if (type && stripType(type).kind !== 'base' && stripType(type).kind !== 'enum') throw new NotCompilable('no plain number');
      const { bits, signed, register } = number;
      return (noted) => {
        const raw = noted[index];
        if (typeof raw !== 'bigint') return `<${raw}>`;
        const whole = signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw);
        const named = register === undefined ? {} : { register: { name: register, value: whole, bits, readOnly: true } };
        const shown: Value = type
          ? { kind: 'object', type, source: byteValue(toLittleEndian(raw, Math.ceil(bits / 8))) }
          : { kind: 'integer', value: whole, bits, signed, ...named };
        return this.evaluation.textOf(shown);
      };
    });
    return { values, write: (noted) => writers.map((writer) => writer(noted)).join('') };
  }
}

/** The outcome of a compilation; undefined where it is not possible. */
function attempt<T>(compile: () => T): T | undefined {
  try {
    return compile();
  } catch (error) {
    if (error instanceof NotCompilable) return undefined;
    throw error;
  }
}
