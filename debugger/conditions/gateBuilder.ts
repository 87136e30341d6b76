/**
 * Conditions, hit conditions and log messages of stops: what of them the monitor can decide about becomes a gate and filters, the
 * rest is left to the adapter, which then looks at each stop. Both ways come to the same.
 */
import type { EventValue, Gate, GateExpression, StopFilter } from '../../src/monitor/machine/session';
import type { Evaluation } from '../evaluation';
import { splitFormat } from '../expressions/formatSuffix';
import { RETIRED } from '../expressions/names';
import type { Expression } from '../expressions/syntax';
import type { Value } from '../expressions/values';
import { toLittleEndian } from '../numbers';
import { messageOf, userError } from '../ports';
import type { Program } from '../program';
import type { Target } from '../target';
import { byteValue } from '../symbols/values';
import { stripType } from '../symbols/types';
import { takeChange, takeFilters } from './filters';
import { compileNumber, compileValue, type GateScope } from './gateCompiler';
import type { HitCondition, LogPiece } from './languages';
import { Meaningless, NotCompilable } from './refusals';
import { unknownName } from './unknownNames';
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
  /** What is wrong with condition or log message as far as can be said now, in a sentence; they are evaluated all the same. */
  readonly problem?: string;
  /** Writes that leave the bytes as they were are not wanted. */
  readonly onlyChanges?: boolean;
  readonly gate?: Gate;
  readonly write?: LogWriter;
  /** What the adapter decides itself, at each stop that the gate lets through. */
  readonly rest: Wish;
}

/** Values that every event has, by what they are called in conditions. */
const ALWAYS: ReadonlyMap<string, EventValue> = new Map<string, EventValue>([[`$${RETIRED}`, 'retired']]);

/** A piece of a log message, its expression parsed. */
type ParsedPiece = { readonly text: string } | { readonly tree: Expression; readonly hasFormat: boolean };

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

  /** Error for what is no expression in the condition or the log message. */
  async build(wish: Wish, site: Site): Promise<BuiltGate> {
    const scope = await this.scope(site);
    const isVariable = (name: string): boolean => scope.local(name) !== undefined || scope.global(name) !== undefined;
    const { filter, rest } = wish.condition ? takeFilters(wish.condition, isVariable) : { filter: {}, rest: undefined };
    const { isChange, rest: condition } = rest && site.isWrite === true ? takeChange(rest, isVariable) : { isChange: false, rest };
    const mistakes: string[] = [];
    const attempt = <T>(compile: () => T): T | undefined => compiledOrNot(compile, mistakes);
    const pieces = wish.log && this.parsed(wish.log);
    mistakes.push(...mistakesIn(condition, pieces, site, scope));
    const compiled = condition && attempt(() => compileNumber(condition, scope).gate);
    const written = pieces && attempt(() => this.log(pieces, scope));
    const isDecided = condition === undefined || compiled !== undefined;
    // The monitor counts the hits of each place on its own.
    const countsThere = isDecided && site.isPart !== true && wish.hits?.gate !== undefined;
    const hits = countsThere ? wish.hits?.gate : undefined;
    const log = isDecided && (wish.hits === undefined || countsThere) ? written : undefined;
    const gate: Gate = { ...(compiled ? { condition: compiled } : {}), ...(hits ? { hits } : {}), ...(log ? { log: { values: log.values } } : {}) };
    return {
      filter,
      ...(mistakes.length === 0 ? {} : { problem: mistakes[0] }),
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

  private parsed(pieces: readonly LogPiece[]): ParsedPiece[] {
    return pieces.map((piece) => {
      if (piece.kind === 'text') return { text: piece.text };
      try {
        const { expression, format } = splitFormat(piece.text);
        return { tree: this.parse(expression), hasFormat: format !== undefined };
      } catch (error) {
        throw userError(`The log message has {${piece.text}}, which is no expression: ${messageOf(error)}`);
      }
    });
  }

  private async scope({ address, isHere, events }: Site): Promise<GateScope> {
    const { program } = this;
    await program.ready();
    const cpu = await this.target.cpu();
    const image = address === undefined ? undefined : program.imageAt(address);
    const machine = image?.ask((table) => table.machine);
    const ofFile = machine && (machine === 'x86-64' ? 64 : 32);
    const codeBits = address === undefined || isHere ? cpu.codeBits : ofFile ?? program.describedBits(address);
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
        const found = program.globalNamed(name, address);
        const described = found ? undefined : program.describedVariable(name);
        if (described) return { type: described.type, place: address === undefined ? undefined : program.describedPlace(name, address) };
        // Which of several is meant is known where the stop is.
        const isOpen = address === undefined && found?.isOneOfSeveral === true;
        return found && { type: found.variable.type, place: isOpen ? undefined : simplePlace(found.image, found.variable, address ?? 0n) };
      },
    };
  }

  /** The values of a log message, and how they are written. */
  private log(pieces: readonly ParsedPiece[], scope: GateScope): { readonly values: readonly GateExpression[]; readonly write: LogWriter } {
    const values: GateExpression[] = [];
    const writers = pieces.map((piece): LogWriter => {
      if ('text' in piece) return () => piece.text;
      if (piece.hasFormat) throw new NotCompilable('a format');
      const { value, number } = compileValue(piece.tree, scope);
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

/** What is known to be wrong with the names in a condition, and in a log message. */
function mistakesIn(condition: Expression | undefined, pieces: readonly ParsedPiece[] | undefined, { address }: Site, scope: GateScope): readonly string[] {
  const ofCondition = condition && unknownName(condition, address, scope);
  const ofLog = pieces?.flatMap((piece) => ('text' in piece ? [] : unknownName(piece.tree, address, scope) ?? [])) ?? [];
  return [
    ...(ofCondition === undefined ? [] : [`${ofCondition}: the condition cannot be evaluated, and every pass stops.`]),
    ...ofLog.map((unknown) => `${unknown}: the log message cannot have its value.`),
  ];
}

/** The outcome of a compilation; undefined where it is not possible. What can never be evaluated is put among the mistakes. */
function compiledOrNot<T>(compile: () => T, mistakes: string[]): T | undefined {
  try {
    return compile();
  } catch (error) {
    if (error instanceof Meaningless) mistakes.push(error.message);
    if (error instanceof NotCompilable) return undefined;
    throw error;
  }
}
