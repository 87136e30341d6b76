/**
 * Expressions for everybody who has one: watches, hovers, the console, conditions, addresses of panels and memory
 * views; and assignment to what an expression names.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { MemorySpace } from '../src/monitor/machine/session';
import { formatReference, parseReference, type Place } from './addresses';
import { evaluate, findType, type Scope } from './expressions/evaluator';
import { isFloating, isTrue } from './expressions/floating';
import { elementsFrom, firstElement, inNotation, splitFormat, stringAt, type FormatSuffix } from './expressions/formatSuffix';
import { asksForRetired, namesIn } from './expressions/names';
import { parseExpression } from './expressions/parser';
import type { Expression } from './expressions/syntax';
import { display, memoryOf, toInteger, type Value } from './expressions/values';
import { floatBits, floatOf, parseFloatingPoint } from './floats';
import type { Threads } from './threads';
import { fitInto, hex, littleEndian, toLittleEndian } from './numbers';
import { userError } from './ports';
import type { Program } from './program';
import { memoryOfRegister, registerNamed, registerWrite, type NamedRegister } from './registers';
import type { FormatOptions } from './symbols/format';
import { sizeOf, stripType, typeName, type Type } from './symbols/types';
import type { Target } from './target';

/** How much of a value is wanted, and how. */
export interface ValueStyle {
  /** Whole numbers in hexadecimal only. */
  hexOnly: boolean;
  /** Long strings in full (for the clipboard). */
  readonly inFull?: boolean;
}

const LONGEST_STRING = 65_536;
/** Hexadecimal digits without a mark, as many as an address has. */
const BARE_HEX = /^[0-9a-f]{1,16}$/i;

/** A value ready to be shown. */
export interface Shown {
  readonly value: Value;
  readonly text: string;
  readonly type: string;
  readonly scope: Scope;
  /** The expression without the format behind it, and whether that asks for hexadecimal in all of the value's parts. */
  readonly expression: string;
  readonly inHex: boolean;
}

/** Values that go before registers, by name; undefined for names that are none. */
export type NamedValues = (name: string) => NamedRegister | undefined;

export class Evaluation {
  /** Set by the user: whole numbers of the program in hexadecimal everywhere. */
  hexadecimal = false;

  constructor(
    private readonly target: Target,
    private readonly program: Program,
    private readonly frames: Pick<Threads, 'scope'>,
    /** Something in the machine was changed: what is remembered of it must go. */
    private readonly edited: (place: Place | undefined, bytes: number) => void,
  ) {}

  /** The tree of an expression. Error for what is none. */
  parse(text: string): Expression {
    return parseExpression(text, (name) => findType(this.program, name) !== undefined);
  }

  /** Evaluates without side effects. */
  async evaluate(text: string, frameId?: number, style: ValueStyle = { hexOnly: false }): Promise<Shown> {
    await this.program.ready();
    const { expression, format } = splitFormat(text);
    return this.evaluateTree({ expression, tree: this.parse(expression), format }, frameId, style);
  }

  private async evaluateTree(
    { expression, tree, format }: { readonly expression: string; readonly tree: Expression; readonly format: FormatSuffix | undefined },
    frameId?: number, style: ValueStyle = { hexOnly: false }, more?: NamedValues,
  ): Promise<Shown> {
    await this.program.ready();
    const found = await this.frames.scope(frameId);
    const retired = asksForRetired(tree) ? { retired: (await this.target.inspect.summary()).retired } : {};
    const scope: Scope = { ...found, ...retired, register: (name) => more?.(name) ?? found.register(name) };
    return scope.memory.run(() => {
      const plain = evaluate(tree, scope);
      const value = format?.count === undefined ? plain : elementsFrom(evaluate(firstElement(tree, plain), scope), format.count);
      const options = this.options(scope, format?.notation === 'x' ? { ...style, hexOnly: true } : style);
      const shown = display('', value, options);
      return { value, text: this.formatted(value, scope, format) ?? shown.value, type: shown.typeName, scope, expression, inHex: format?.notation === 'x' };
    });
  }

  /** What a format behind an expression makes of its value; undefined where it says nothing about it. */
  private formatted(value: Value, scope: Scope, { notation, count }: FormatSuffix = {}): string | undefined {
    if (notation === undefined || count !== undefined) return undefined;
    if (notation !== 's') return inNotation(value, notation);
    const place = memoryOf(value);
    if (place === undefined) throw userError('A string needs a pointer, an array, or an address.');
    return stringAt(place, scope.memory);
  }

  /** How values of the program are written. The style is read anew for each number, so a tree of values follows it. */
  options(scope: Scope, style: ValueStyle): FormatOptions {
    const isHex = (): boolean => style.hexOnly || this.hexadecimal;
    return {
      get integers() { return isHex() ? 'hexadecimal' as const : 'both' as const; },
      ...(style.inFull ? { stringLimit: LONGEST_STRING } : {}),
      readMemory: scope.memory.readLinear,
      symbolise: (address) => this.program.nameOf(address),
    };
  }

  /** Whether an expression is not zero. `more`: values that an event brings, by name. */
  async holds(tree: Expression, more?: NamedValues): Promise<boolean> {
    const { value, scope } = await this.evaluateTree({ expression: '', tree, format: undefined }, undefined, { hexOnly: false }, more);
    return scope.memory.run(() => isTrue(value));
  }

  /** Error for an expression in which a name means nothing here, also where its value would not depend on that. `more`: as of `holds`. */
  async checkNames(tree: Expression, more?: NamedValues): Promise<void> {
    for (const leaf of namesIn(tree)) await this.evaluateTree({ expression: '', tree: leaf, format: undefined }, undefined, { hexOnly: false }, more);
  }

  async show(text: string): Promise<string> {
    return (await this.evaluate(text)).text;
  }

  /** A value as it was at some moment: what its pointers point at may be other now, and is not shown. */
  textOf(value: Value): string {
    return display('', value, { integers: this.hexadecimal ? 'hexadecimal' : 'both', symbolise: (address) => this.program.nameOf(address) }).value;
  }

  /** The whole number that an expression comes to. */
  async integer(text: string, frameId?: number): Promise<bigint> {
    const { value, scope } = await this.evaluate(text, frameId);
    return scope.memory.run(() => toInteger(value).value);
  }

  /** The place that a memory reference, an address or any other expression means. */
  async place(reference: string, frameId?: number): Promise<Place> {
    const direct = parseReference(reference);
    if (direct) return direct;
    const { value, scope } = await this.evaluate(reference, frameId);
    const place = await scope.memory.run(() => memoryOf(value));
    if (!place) throw userError(`'${reference}' is no address.`);
    return place;
  }

  async linear(reference: string): Promise<bigint> {
    const place = await this.place(reference);
    if (place.space.kind !== 'linear') throw userError(`'${reference}' is not a linear address.`);
    return place.address;
  }

  /**
   * The linear address that a person typed into a panel, where addresses are written in hexadecimal without a mark: so are
   * digits alone. A name that looks like digits (`face`) is a name if there is one; all else is an expression.
   */
  async typedLinear(text: string): Promise<bigint> {
    const digits = text.trim();
    if (!BARE_HEX.test(digits)) return this.linear(text);
    const number = BigInt(`0x${digits}`);
    return /^[0-9]/.test(digits) ? number : this.linear(digits).catch(() => number);
  }

  /** The memory to offer for a value, if it has a sensible one: of a register the same as among the variables. */
  async placeOf({ value, scope }: Shown): Promise<Place | undefined> {
    const ofRegister = value.kind === 'integer' && value.register ? memoryOfRegister(scope.cpu, value.register) : undefined;
    return ofRegister ?? scope.memory.run(() => memoryOf(value));
  }

  /** Assigns to a variable, register or memory, and gives the new value. */
  async assign(target: string, text: string, frameId?: number): Promise<Shown> {
    const { value: destination, scope } = await this.evaluate(target, frameId);
    const isFloat = destination.kind === 'object' && isFloating(destination.type);
    const number = isFloat ? await this.floatingPoint(text, destination.type, frameId) : await this.integer(text, frameId);
    if (destination.kind === 'integer') await this.assignRegister(destination, number, target, scope);
    else if (destination.register !== undefined && !destination.bitField) await this.assignInRegister(destination, destination.register, number, scope);
    else await this.assignMemory(destination, number, target, scope);
    const shown = await this.evaluate(target, frameId);
    // Some bits are the processor's to say, as EFER.LMA: it takes no notice of what is written to them.
    if (destination.kind === 'integer' && destination.register?.part && shown.value.kind === 'integer' && shown.value.value !== BigInt.asUintN(destination.bits, number)) {
      throw userError(`The processor does not take ${hex(number)} for ${target}: it stays ${hex(shown.value.value)}.`);
    }
    return shown;
  }

  /** The bits of a floating-point number of a type: of a decimal number, of a value, or hexadecimal digits as they are. */
  private async floatingPoint(text: string, type: Type, frameId?: number): Promise<bigint> {
    const size = sizeOf(type);
    const bare = stripType(type);
    if (size > 8 && bare.kind === 'base' && bare.name !== 'long double') throw userError(`Numbers of type ${bare.name} cannot be set.`);
    const typed = parseFloatingPoint(text);
    if (typed !== undefined) return floatBits(typed, size);
    const { value, scope } = await this.evaluate(text, frameId);
    if (value.kind === 'integer') return /^\s*0x/i.test(text) ? value.value : floatBits(Number(value.value), size);
    return scope.memory.run(() => {
      const bytes = isFloating(value.type) ? value.source.read(0, sizeOf(value.type)) : undefined;
      if (!bytes) return floatBits(Number(toInteger(value).value), size);
      if (bytes.length === size) return littleEndian(bytes);
      const number = floatOf(bytes);
      if (number === undefined) throw userError(`'${text}' is no number that can be converted.`);
      return floatBits(number, size);
    });
  }

  private async assignRegister(destination: Extract<Value, { kind: 'integer' }>, number: bigint, name: string, scope: Scope): Promise<void> {
    if (!destination.register) throw userError(`'${name}' is a computed value and cannot be set.`);
    const write = registerWrite(destination.register, number);
    await this.target.control.setRegister(write.name, write.value, cpuOf(scope));
    this.edited(undefined, 0);
  }

  /** A variable that lies in a register fills it, zeros above; a member, a lane and a floating-point number leave the rest as it is. */
  private async assignInRegister(
    { type }: Extract<Value, { kind: 'object' }>, { name, offset, isPart }: { name: string; offset: number; isPart: boolean }, number: bigint, scope: Scope,
  ): Promise<void> {
    const register = registerNamed(scope.cpu, name);
    if (!register) throw userError(`The register ${name} cannot be set.`);
    if (isPart && (stripType(type).kind === 'array' || 'members' in stripType(type))) throw userError('Set its elements one by one.');
    const bits = Math.min(sizeOf(type) * 8, register.bits);
    const lowBit = isPart ? offset * 8 : 0;
    if (lowBit < 0 || lowBit + bits > register.bits) throw userError(`The register ${register.name} has ${register.bits / 8} bytes, and this is none of them.`);
    const fitted = fitInto(number, bits, isPart ? 'the part' : 'the variable');
    const mask = ((1n << BigInt(bits)) - 1n) << BigInt(lowBit);
    const rest = isPart || isFloating(type) ? register.value & ~mask : 0n;
    await this.target.control.setRegister(register.name, BigInt.asUintN(register.bits, rest | (fitted << BigInt(lowBit))), cpuOf(scope));
    this.edited(undefined, 0);
  }

  private async assignMemory(destination: Extract<Value, { kind: 'object' }>, number: bigint, name: string, scope: Scope): Promise<void> {
    const { place, bitField } = destination;
    if (!place) throw userError(`'${name}' does not lie in memory and cannot be set.`);
    const bare = stripType(destination.type);
    if ('members' in bare || bare.kind === 'array') throw userError(`'${name}' is a ${bare.kind}: set its parts one by one.`);
    if (bare.kind === 'base' && !isFloating(bare)) await scope.memory.run(() => toInteger(destination));
    const write = bitField
      ? await scope.memory.run(() => bitFieldBytes(destination, place, bitField, number))
      : { place, bytes: toLittleEndian(fitInto(number, sizeOf(destination.type) * 8, typeName(destination.type)), sizeOf(destination.type)) };
    const cpu = cpuOf(scope);
    const space: MemorySpace = write.place.space.kind === 'linear' && cpu !== undefined ? { kind: 'linear', cpu } : write.place.space;
    const written = await this.target.control.writeMemory(space, write.place.address, write.bytes);
    this.edited(write.place, written);
    if (written < write.bytes.length) throw userError(`Memory at ${formatReference(write.place)} cannot be written: nothing is mapped there.`);
  }
}

/** The CPU that a scope is of, where there are several. */
function cpuOf({ cpu: { processor } }: Scope): number | undefined {
  return processor.count === 1 ? undefined : processor.index;
}

/** The bytes around a bit field with its bits replaced. */
function bitFieldBytes(
  value: Extract<Value, { kind: 'object' }>, record: Place, field: { offset: number; size: number }, number: bigint,
): { place: Place; bytes: Uint8Array } {
  const first = Math.floor(field.offset / 8);
  const skip = BigInt(field.offset % 8);
  const count = Math.ceil((Number(skip) + field.size) / 8);
  const old = value.source.read(first, count);
  if (!old) throw userError('The memory of the bit field cannot be read.');
  const mask = ((1n << BigInt(field.size)) - 1n) << skip;
  const fitted = fitInto(number, field.size, 'the bit field');
  const bits = (littleEndian(old) & ~mask) | (fitted << skip);
  return { place: { space: record.space, address: record.address + BigInt(first) }, bytes: toLittleEndian(bits, count) };
}

/** The fields of an evaluate (or setVariable) answer that are the same for all of them. */
export function answerFields(shown: Shown, reference: string | undefined): Pick<DebugProtocol.EvaluateResponse['body'], 'type' | 'memoryReference'> {
  return { type: shown.type, ...(reference === undefined ? {} : { memoryReference: reference }) };
}
