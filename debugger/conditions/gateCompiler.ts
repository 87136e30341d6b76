/**
 * Expressions compiled for the monitor (GateExpression), where a stop's condition costs microseconds instead of a stop: registers,
 * variables at simple places, memory, types and C's operators, with the same results as the evaluator has (../expressions/evaluator).
 * What the monitor cannot do is refused, and the adapter evaluates it at the stop.
 */
import type { CpuState } from '../../src/monitor/inspection/queries';
import type { BinaryOperator, EventValue, GateExpression } from '../../src/monitor/machine/session';
import { findType } from '../expressions/evaluator';
import { isFloating } from '../expressions/floating';
import { MEMORY_SIZES, type Expression, type TypeSpelling, type UnaryOperator } from '../expressions/syntax';
import { notComparable, textHolder, type TextHolder } from '../expressions/texts';
import { integerType } from '../expressions/values';
import { messageOf } from '../ports';
import type { Program } from '../program';
import { isLongMode, registerNamed } from '../registers';
import { DW_ATE } from '../symbols/dwarf-constants';
import { dwarfGeneralNames } from '../symbols/registers';
import { elementOf, memberNamed, sizeOf, stripType, typeName, type Type } from '../symbols/types';
import { isSignedEncoding } from '../symbols/values';
import { constantContent, contentNumber, contentText, memoryContent, movedContent, partOfContent, wholeContent, type Content } from './contents';
import { binary, constant, converted, extract, plus, widthOf } from './gateArithmetic';
import { meaningless, refuse } from './refusals';
import type { SimplePiece, SimplePlace } from './variablePlaces';

/** Where an expression will be evaluated: what is known of it beforehand. */
export interface GateScope {
  readonly cpu: CpuState;
  /** Width of the code that is stopped at; undefined when it is not known. */
  readonly codeBits: 16 | 32 | 64 | undefined;
  readonly program: Program;
  /** Values of the event, by the names that they have here. */
  readonly events: ReadonlyMap<string, EventValue>;
  /** The local variable of that name; undefined for none. */
  local(name: string): { readonly type: Type; readonly place: SimplePlace | undefined } | undefined;
  global(name: string): { readonly type: Type; readonly place: SimplePlace | undefined } | undefined;
}

type Space = 'linear' | 'physical';

/** A whole number: its gate gives it sign- or zero-extended to 64 bits. */
export interface CompiledNumber {
  readonly kind: 'number';
  readonly gate: GateExpression;
  readonly bits: number;
  readonly signed: boolean;
  readonly register?: string;
  readonly space?: Space;
}

/** A value of the program in memory, or a number of a type. */
interface CompiledObject {
  readonly kind: 'object';
  readonly type: Type;
  readonly place: { readonly space: Space; readonly address: GateExpression } | undefined;
  /** Its bytes, where it has no place. */
  readonly content?: Content;
  readonly bitField?: { readonly offset: number; readonly size: number };
}

export type Compiled = CompiledNumber | CompiledObject;

/** Compiles an expression to a whole number. NotCompilable where that is not possible. */
export function compileNumber(tree: Expression, scope: GateScope): CompiledNumber {
  const compiler = new Compiler(scope);
  return compiler.load(compiler.value(tree));
}

/** Compiles an expression to a value with its type. */
export function compileValue(tree: Expression, scope: GateScope): { readonly value: Compiled; readonly number: CompiledNumber } {
  const compiler = new Compiler(scope);
  const value = compiler.value(tree);
  return { value, number: compiler.load(value) };
}

class Compiler {
  constructor(private readonly scope: GateScope) {}

  value(tree: Expression): Compiled {
    switch (tree.kind) {
      case 'number': return literal(tree.value, tree.isHex);
      case 'name': return this.named(tree.name);
      case 'register': return this.register(tree.name) ?? this.described(`$${tree.name}`) ?? refuse(`no register ${tree.name}`);
      case 'unary': return this.unary(tree.operator, tree.operand);
      case 'binary': return this.binary(tree.operator, tree.left, tree.right);
      case 'member': return this.member(tree.object, tree.name, tree.arrow);
      case 'index': return this.element(this.value(tree.object), this.load(this.value(tree.index)));
      case 'memory': return this.memory(tree.size, this.load(this.value(tree.address)));
      case 'space': return tree.cr3 ? refuse('another address space') : { ...number(this.load(this.value(tree.address)).gate, 64, false), space: tree.space === 'phys' ? 'physical' : 'linear' };
      case 'cast': return this.cast(this.type(tree.type), this.load(this.value(tree.operand)));
      case 'sizeof': return tree.type ? number(constant(BigInt(sizeOf(this.type(tree.type)))), this.addressBits, false) : refuse('sizeof of a value');
      default: return refuse(tree.kind);
    }
  }

  /** The number that a value is. */
  load(value: Compiled): CompiledNumber {
    if (value.kind === 'number') return value;
    const type = stripType(value.type);
    if (type.kind === 'array' || type.kind === 'subroutine') return number(value.place?.address ?? refuse('no address'), 64, false);
    if (type.kind === 'base' && (type.encoding === DW_ATE.float || type.encoding === DW_ATE.complex_float)) return refuse('a floating-point number');
    if (type.kind === 'void' || 'members' in type) return refuse('not a number');
    const signed = type.kind === 'base' ? isSignedEncoding(type) : type.kind === 'enum' && type.signed;
    if (value.bitField) return this.bits(value, value.bitField, signed);
    return number(converted(bytesOf(value, 0, type.size), type.size * 8, signed), type.size * 8, signed);
  }

  private bits(record: CompiledObject, { offset, size }: { offset: number; size: number }, signed: boolean): CompiledNumber {
    const skip = offset % 8;
    const raw = bytesOf(record, Math.floor(offset / 8), Math.ceil((skip + size) / 8));
    const shifted = binary('>>', binary('<<', raw, constant(BigInt(64 - skip - size))), constant(BigInt(64 - size)), 64, signed);
    return number(shifted, size, signed);
  }

  private get codeBits(): 16 | 32 | 64 {
    return this.scope.codeBits ?? refuse('the width of the code is not known');
  }

  private get addressBits(): 32 | 64 {
    return this.codeBits === 64 ? 64 : 32;
  }

  private named(name: string): Compiled {
    const { scope } = this;
    const local = scope.local(name);
    if (local) return this.variable(local);
    const other = this.event(name) ?? this.register(name);
    if (other) return other;
    const global = scope.global(name);
    if (global) return this.variable(global);
    const [found] = scope.program.functionsNamed(name);
    const address = found?.start ?? scope.program.symbolNamed(name)?.address ?? refuse(`nothing is called ${name}`);
    return { ...number(constant(address), this.addressBits, false), space: 'linear' };
  }

  /** What the guest describes under a name like a register's. */
  private described(name: string): Compiled | undefined {
    const found = this.scope.global(name);
    return found && this.variable(found);
  }

  private variable({ type, place }: { readonly type: Type; readonly place: SimplePlace | undefined }): CompiledObject {
    if (place?.kind === 'memory') return { kind: 'object', type, place: { space: 'linear', address: this.address(place) } };
    const pieces = place?.kind === 'pieces' ? place.pieces : [{ offset: 0, bytes: sizeOf(type), place: place ?? refuse('its place is not simple'), skip: 0 }];
    return { kind: 'object', type, place: undefined, content: pieces.flatMap((piece) => this.piece(piece)) };
  }

  private address({ base, offset }: Extract<SimplePlace, { kind: 'memory' }>): GateExpression {
    return base === undefined ? constant(offset) : plus({ kind: 'register', name: base }, constant(offset), this.addressBits);
  }

  /** The bytes of a piece, numbered as they are in the variable. */
  private piece({ offset, bytes, place, skip }: SimplePiece): Content {
    const all = place.kind === 'memory' ? memoryContent(this.address(place), skip + bytes, this.addressBits)
      : place.kind === 'constant' ? constantContent(place.bytes) : wholeContent({ kind: 'register', name: place.name }, this.registerBytes(place.name));
    return movedContent(partOfContent(all, skip, bytes), offset);
  }

  /** As many bytes as the monitor gives of a register: of a vector register the low ones. */
  private registerBytes(name: string): number {
    if (/^x?mm\d+$/.test(name)) return 8;
    return dwarfGeneralNames(this.codeBits === 64 ? 'x86-64' : '386').includes(name) ? this.addressBits / 8 : refuse(`the register ${name}`);
  }

  private event(name: string): CompiledNumber | undefined {
    const event = this.scope.events.get(name.toLowerCase());
    return event && { ...number({ kind: 'event', name: event }, 64, false), register: event };
  }

  private register(spelling: string): CompiledNumber | undefined {
    const name = spelling.replace(/^[$%]/, '').toLowerCase();
    // Some values are known with a '$' alone, so that they do not hide the program's variables.
    const event = this.event(`$${name}`) ?? this.event(name);
    if (event) return event;
    const { cpu, codeBits } = this.scope;
    const known = registerNamed(cpu, name);
    if (!known) return undefined;
    // What a register is called and how wide it is depends on the mode.
    if (codeBits === undefined || (codeBits === 64) !== (cpu.codeBits === 64) || (codeBits === 64) !== isLongMode(cpu)) return refuse('the mode is not known');
    if (known.bits > 64) return refuse('wider than 64 bits');
    const { part } = known;
    const whole: GateExpression = { kind: 'register', name: part && !name.includes('.') ? part.whole : name };
    const cut = part && !name.includes('.') ? extract(whole, part.lowBit, known.bits) : whole;
    return { ...number(cut, known.bits, false), register: known.name };
  }

  private unary(operator: UnaryOperator, operand: Expression): Compiled {
    const value = this.value(operand);
    if (operator === '*') return this.dereference(value);
    if (operator === '&') return this.addressOf(value);
    const loaded = this.load(value);
    if (operator === '!') return number({ kind: 'unary', op: '!', value: loaded.gate }, 32, true);
    const { gate, bits, signed } = promoted(loaded);
    if (operator === '+') return number(gate, bits, signed);
    return number(converted({ kind: 'unary', op: operator, value: gate }, bits, signed), bits, signed);
  }

  private dereference(value: Compiled): Compiled {
    if (value.kind === 'number') return this.natural(value);
    const type = stripType(value.type);
    if (type.kind === 'array') return this.element(value, number(constant(0n), 32, true));
    if (type.kind !== 'pointer') return refuse('no pointer');
    return { kind: 'object', type: type.target, place: { space: 'linear', address: this.load(value).gate } };
  }

  private natural(address: CompiledNumber): CompiledObject {
    const bytes = this.codeBits / 8;
    return { kind: 'object', type: integerType(`u${bytes * 8}`, bytes, false), place: { space: address.space ?? 'linear', address: address.gate } };
  }

  private addressOf(value: Compiled): Compiled {
    if (value.kind === 'number') return value.space ? value : refuse('no address');
    if (!value.place || value.bitField) return refuse('no address');
    if (value.place.space !== 'linear') return { ...number(value.place.address, 64, false), space: value.place.space };
    const size = this.addressBits / 8;
    return { kind: 'object', type: { kind: 'pointer', size, target: value.type }, place: undefined, content: wholeContent(value.place.address, size) };
  }

  private binary(operator: string, left: Expression, right: Expression): Compiled {
    if (operator === '&&' || operator === '||') {
      const sides = { left: this.load(this.value(left)).gate, right: this.load(this.value(right)).gate };
      return number({ kind: operator === '&&' ? 'and' : 'or', ...sides }, 32, true);
    }
    if (left.kind === 'text') return this.textComparison(operator, right, left.bytes);
    if (right.kind === 'text') return this.textComparison(operator, left, right.bytes);
    const [first, second] = [this.value(left), this.value(right)];
    if (isPointerLike(first) && (operator === '+' || operator === '-')) return this.moved(operator, first, second);
    return arithmetic(operator, this.load(first), this.load(second));
  }

  /** A pointer, or an array's address, so many elements further. */
  private moved(operator: '+' | '-', from: CompiledObject, by: Compiled): CompiledObject {
    const type = stripType(from.type);
    const target = type.kind === 'pointer' ? type.target : type.kind === 'array' ? elementOf(type) : undefined;
    if (!target || isPointerLike(by)) return refuse('the distance of two pointers');
    if (from.place?.space === 'physical' && type.kind === 'array') return refuse('a pointer into physical memory');
    const bytes = binary('*', this.load(by).gate, constant(BigInt(Math.max(1, sizeOf(target)))));
    const size = this.addressBits / 8;
    return { kind: 'object', type: { kind: 'pointer', size, target }, place: undefined, content: wholeContent(binary(operator, this.load(from).gate, bytes, this.addressBits), size) };
  }

  private textComparison(operator: string, tree: Expression, bytes: Uint8Array): CompiledNumber {
    const value = this.value(tree);
    const holder = meant(() => {
      if (value.kind === 'number') throw notComparable('a number');
      return textHolder(value.type);
    });
    const isSame = this.text(value, holder, bytes);
    return number(operator === '==' ? isSame : { kind: 'unary', op: '!', value: isSame }, 32, true);
  }

  private text(value: Compiled, holder: TextHolder, bytes: Uint8Array): GateExpression {
    if (holder.kind === 'pointer') return { kind: 'text', space: 'linear', address: this.load(value).gate, bytes };
    const { place, content = [] } = value.kind === 'object' ? value : { place: undefined };
    if (place) return { kind: 'text', ...place, bytes, ...(holder.room === undefined ? {} : { room: holder.room }) };
    return contentText(content, holder.room ?? refuse('an array of unknown length without a place'), bytes);
  }

  private member(object: Expression, name: string, arrow: boolean): Compiled {
    const part = arrow ? undefined : this.registerPart(object, name);
    if (part) return part;
    const owner = this.value(object);
    const isPointer = owner.kind === 'object' && stripType(owner.type).kind === 'pointer';
    const record = isPointer ? this.dereference(owner) : owner;
    const type = record.kind === 'object' ? stripType(record.type) : undefined;
    if (record.kind !== 'object' || !type || !('members' in type)) return refuse('no struct');
    const member = memberNamed(type, name) ?? meaningless(`${typeName(record.type)} has no member '${name}'.`);
    if (member.bits) return { ...record, type: member.type, bitField: member.bits };
    return partOf(record, member.type, constant(BigInt(member.offset)));
  }

  private registerPart(object: Expression, name: string): CompiledNumber | undefined {
    if (object.kind !== 'register' && object.kind !== 'name') return undefined;
    if (object.kind === 'name' && this.scope.local(object.name)) return undefined;
    return this.register(`${object.name}.${name}`);
  }

  private element(owner: Compiled, index: CompiledNumber): Compiled {
    if (owner.kind === 'number') return refuse('not an array');
    const type = stripType(owner.type);
    const scaled = (size: number): GateExpression => binary('*', index.gate, constant(BigInt(size)));
    if (type.kind === 'pointer') {
      const address = plus(this.load(owner).gate, scaled(sizeOf(type.target)), this.addressBits);
      return { kind: 'object', type: type.target, place: { space: 'linear', address } };
    }
    if (type.kind !== 'array') return refuse('not an array');
    const element = elementOf(type);
    const offset = index.gate.kind === 'constant' ? constant(index.gate.value * BigInt(sizeOf(element))) : scaled(sizeOf(element));
    return partOf(owner, element, offset);
  }

  private memory(size: string | undefined, address: CompiledNumber): Compiled {
    if (size === undefined) return this.natural(address);
    const { bytes, signed } = MEMORY_SIZES[size];
    return { kind: 'object', type: integerType(size, bytes, signed), place: { space: address.space ?? 'linear', address: address.gate } };
  }

  private type(spelling: TypeSpelling): Type {
    let type = findType(this.scope.program, spelling.name) ?? refuse(`no type ${spelling.name}`);
    for (let level = 0; level < spelling.pointers; level++) type = { kind: 'pointer', size: this.addressBits / 8, target: type };
    return type;
  }

  private cast(type: Type, { gate, space }: CompiledNumber): Compiled {
    const bare = stripType(type);
    const size = sizeOf(type);
    if ('members' in bare || bare.kind === 'array' || size < 1 || size > 8 || isFloating(type)) return refuse('no cast to this');
    if (space === 'physical' && bare.kind === 'pointer') return refuse('a pointer into physical memory');
    return { kind: 'object', type, place: undefined, content: wholeContent(gate, size) };
  }
}

/** What holds for any values; what is wrong for any values means nothing. */
function meant<Answer>(question: () => Answer): Answer {
  try {
    return question();
  } catch (error) {
    return meaningless(messageOf(error));
  }
}

function number(gate: GateExpression, bits: number, signed: boolean): CompiledNumber {
  return { kind: 'number', gate, bits, signed };
}

function literal(value: bigint, isHex: boolean): CompiledNumber {
  if (value >= 1n << 64n) return refuse('wider than 64 bits');
  const bits = value < 1n << 31n || (isHex && value < 1n << 32n) ? 32 : 64;
  const signed = value < 1n << BigInt(bits - 1);
  return number(constant(value), bits, signed);
}

/** A member or element, from a number of bytes on. */
function partOf({ place, content = [] }: CompiledObject, type: Type, offset: GateExpression): CompiledObject {
  if (place) return { kind: 'object', type, place: { ...place, address: plus(place.address, offset) } };
  if (offset.kind !== 'constant') return refuse('an element by a number that is not known, of what lies in no memory');
  return { kind: 'object', type, place: undefined, content: partOfContent(content, Number(BigInt.asIntN(64, offset.value)), sizeOf(type)) };
}

/** Bytes of a value, 1 to 8, as a number without sign. */
function bytesOf({ place, content = [] }: CompiledObject, offset: number, bytes: number): GateExpression {
  if (bytes < 1 || bytes > 8) return refuse('wider than 64 bits');
  if (place) return at({ ...place, address: plus(place.address, constant(BigInt(offset))) }, bytes);
  return contentNumber(partOfContent(content, offset, bytes), bytes);
}

function at({ space, address }: { readonly space: Space; readonly address: GateExpression }, bytes: number): GateExpression {
  return { kind: 'memory', space, address, bytes };
}

function isPointerLike(value: Compiled): value is CompiledObject {
  if (value.kind === 'number') return false;
  const { kind } = stripType(value.type);
  return kind === 'pointer' || kind === 'array';
}

/** C's integer promotions. */
function promoted(value: CompiledNumber): CompiledNumber {
  return value.bits < 32 ? { ...value, bits: 32, signed: true } : value;
}

const COMPARISONS = new Set(['<', '<=', '>', '>=', '==', '!=']);
const OPERATORS: ReadonlyMap<string, BinaryOperator> = new Map(
  (['+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>', '==', '!=', '<', '<=', '>', '>='] as const).map((op) => [op, op]),
);

/** C's usual arithmetic conversions, then the operation. */
function arithmetic(operator: string, left: CompiledNumber, right: CompiledNumber): CompiledNumber {
  const op = OPERATORS.get(operator) ?? refuse(`the operator ${operator}`);
  const [a, b] = [promoted(left), promoted(right)];
  if (op === '<<' || op === '>>') {
    if (right.signed && right.gate.kind !== 'constant') return refuse('a shift by a number that may be negative');
    return number(binary(op, a.gate, b.gate, widthOf(a.bits), a.signed), a.bits, a.signed);
  }
  const bits = widthOf(Math.max(a.bits, b.bits));
  const signed = (a.signed || a.bits < bits) && (b.signed || b.bits < bits);
  const gate = binary(op, a.gate, b.gate, bits, signed);
  if (COMPARISONS.has(op)) return number(gate, 32, true);
  const space = op === '+' || op === '-' ? left.space ?? right.space : undefined;
  return { ...number(gate, bits, signed), ...(space ? { space } : {}) };
}
