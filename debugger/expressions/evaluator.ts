/**
 * Evaluates expression trees where the machine stands. Evaluation never changes anything; assignment is done by the
 * caller from the place that `evaluate` gives.
 */
import type { CpuState } from '../../src/monitor/inspection/queries';
import type { MemorySpace } from '../../src/monitor/machine/session';
import type { Place } from '../addresses';
import type { FrameVariables, TypedValue } from '../locals';
import { hex } from '../numbers';
import { userError } from '../ports';
import type { Program } from '../program';
import type { NamedRegister } from '../registers';
import { typedRegister } from '../registerTypes';
import { elementOf, memberNamed, sizeOf, stripType, typeName, type Type } from '../symbols/types';
import { partOf, type ValueSource } from '../symbols/values';
import type { SyncMemory } from '../syncMemory';
import { DOUBLE, FLOAT, floating, floatingArithmetic, isFloating, isFloatingValue, isTrue, numberIn, toFloating, wholePart } from './floating';
import { RETIRED } from './names';
import { MEMORY_SIZES, type Expression, type TypeSpelling, type UnaryOperator } from './syntax';
import { comparedTexts, hasText, textValue } from './texts';
import { comparison, int, integerType, sizeOfValue, toInteger, unsigned, valueObject, wrap, type IntegerValue, type ObjectValue, type Value } from './values';

/** Where an expression is evaluated. */
export interface Scope {
  readonly cpu: CpuState;
  readonly program: Program;
  readonly memory: SyncMemory;
  readonly variables: FrameVariables;
  /** Registers of the frame; for callers, those that could be recovered. */
  register(name: string): NamedRegister | undefined;
  /** Retired instructions, where the expression asks for them. */
  readonly retired?: number;
}

/** Types that are known without debug information. */
const BUILT_IN: ReadonlyMap<string, Type> = new Map<string, Type>([
  ...Object.entries(MEMORY_SIZES).map(([name, { bytes, signed }]): [string, Type] => [name, integerType(name, bytes, signed)]),
  ...[8, 16, 32, 64].flatMap((bits): [string, Type][] => [
    [`int${bits}_t`, integerType(`int${bits}_t`, bits / 8, true)],
    [`uint${bits}_t`, integerType(`uint${bits}_t`, bits / 8, false)],
  ]),
  ['float', FLOAT],
  ['double', DOUBLE],
  ['char', integerType('char', 1, true)],
  ['unsigned char', integerType('unsigned char', 1, false)],
  ['unsigned short', integerType('unsigned short', 2, false)],
  ['long long', integerType('long long', 8, true)],
  ['unsigned long long', integerType('unsigned long long', 8, false)],
  ['short', integerType('short', 2, true)],
  ['int', integerType('int', 4, true)],
  ['unsigned', integerType('unsigned', 4, false)],
  ['unsigned int', integerType('unsigned int', 4, false)],
  ['void', { kind: 'void', name: 'void' }],
]);

/** C's usual spellings of types that compilers describe under another. */
const COMPILERS_NAME: Readonly<Record<string, string>> = { long: 'long int', 'unsigned long': 'long unsigned int' };

export function findType(program: Program, name: string): Type | undefined {
  return program.typeNamed(name) ?? program.typeNamed(COMPILERS_NAME[name] ?? name) ?? BUILT_IN.get(name);
}

/** To be called inside of `scope.memory.run`. Errors say what is wrong with the expression. */
export function evaluate(expression: Expression, scope: Scope): Value {
  return new Evaluator(scope).value(expression);
}

class Evaluator {
  constructor(private readonly scope: Scope) {}

  value(expression: Expression): Value {
    switch (expression.kind) {
      case 'number': return literal(expression.value, expression.isHex);
      case 'float': return floating(expression.value);
      case 'text': return textValue(expression.bytes);
      case 'name': return this.named(expression.name);
      case 'register': return this.register(expression.name);
      case 'unary': return this.unary(expression.operator, expression.operand);
      case 'binary': return this.binary(expression.operator, expression.left, expression.right);
      case 'conditional': return this.value(this.truth(expression.condition) ? expression.then : expression.otherwise);
      case 'member': return this.member(expression.object, expression.name, expression.arrow);
      case 'index': return this.index(expression.object, expression.index);
      case 'memory': return this.memory(expression.size, expression.address);
      case 'space': return this.inSpace(expression.space, expression.cr3, expression.address);
      case 'segmented': return this.segmented(expression.segment, expression.offset);
      case 'cast': return this.cast(this.type(expression.type), this.value(expression.operand));
      case 'sizeof': return this.sizeOf(expression.type, expression.operand);
    }
  }

  private integer(expression: Expression): IntegerValue {
    return toInteger(this.value(expression));
  }

  private truth(expression: Expression): boolean {
    return isTrue(this.value(expression));
  }

  private get addressBits(): number {
    return this.scope.cpu.codeBits === 64 ? 64 : 32;
  }

  private named(name: string): Value {
    const value = this.local(name) ?? this.registerValue(name) ?? this.global(name) ?? this.symbol(name);
    if (!value) throw userError(`There is no variable, register or symbol '${name}' here.`);
    return value;
  }

  private local(name: string): Value | undefined {
    const found = this.scope.variables.named(name);
    return found && objectOf(found);
  }

  private global(name: string): Value | undefined {
    const found = this.scope.variables.global(name);
    return found && objectOf(found);
  }

  /** A function, a label, or a variable without a type: its address. */
  private symbol(name: string): Value | undefined {
    const [found] = this.scope.program.functionsNamed(name);
    const address = found?.start ?? this.scope.program.symbolNamed(name)?.address;
    return address === undefined ? undefined : { ...unsigned(address, this.addressBits), space: { kind: 'linear' } };
  }

  private register(name: string): Value {
    // The guest may describe values of such names, as `$current`.
    const value = this.registerValue(name) ?? this.global(`$${name}`) ?? this.retired(name);
    if (!value) throw userError(`There is no register '${name}' here.`);
    return value;
  }

  private retired(name: string): Value | undefined {
    const { retired } = this.scope;
    return retired === undefined || name.toLowerCase() !== RETIRED ? undefined : unsigned(BigInt(retired), 64);
  }

  private registerValue(name: string): Value | undefined {
    const register = this.scope.register(name);
    return register && valueOfRegister(register);
  }

  private unary(operator: UnaryOperator, operand: Expression): Value {
    if (operator === '*') return this.dereference(this.value(operand));
    if (operator === '&') return this.addressOf(this.value(operand));
    if (operator === '!') return int(this.truth(operand) ? 0n : 1n);
    const plain = this.value(operand);
    if (isFloatingValue(plain) && operator !== '~') return floating(operator === '-' ? -numberIn(plain) : numberIn(plain), plain.type);
    const { value, bits, signed } = promoted(toInteger(plain));
    switch (operator) {
      case '-': return wrap(-value, bits, signed);
      case '~': return wrap(~value, bits, signed);
      case '+': return wrap(value, bits, signed);
    }
  }

  private dereference(value: Value): Value {
    if (value.kind === 'integer') return this.natural(value);
    const type = stripType(value.type);
    if (type.kind === 'array') return this.element(value, 0n);
    if (type.kind !== 'pointer') throw userError(`A value of type ${typeName(value.type)} cannot be dereferenced.`);
    return value.elsewhere?.target ?? this.at({ space: { kind: 'linear' }, address: toInteger(value).value }, type.target);
  }

  /** What a plain number points at: as many bytes as an address has. */
  private natural(address: IntegerValue): Value {
    const bytes = this.scope.cpu.codeBits / 8;
    return this.at(placeOf(address), integerType(`u${bytes * 8}`, bytes, false));
  }

  private addressOf(value: Value): Value {
    if (value.kind === 'object' && value.place && !value.bitField) {
      const { address, space } = value.place;
      return this.pointer(value.type, { space, address });
    }
    if (value.kind === 'integer' && value.space) return value;
    throw userError('Only a value in memory has an address.');
  }

  private binary(operator: string, left: Expression, right: Expression): Value {
    if (operator === '&&') return int(this.truth(left) && this.truth(right) ? 1n : 0n);
    if (operator === '||') return int(this.truth(left) || this.truth(right) ? 1n : 0n);
    const first = this.value(left);
    const second = this.value(right);
    if (hasText(first, second)) return comparedTexts(operator, first, second, (pointer) => this.dereference(pointer));
    if (isFloatingValue(first) || isFloatingValue(second)) return floatingArithmetic(operator, first, second);
    const moved = operator === '+' || operator === '-' ? this.pointerArithmetic(operator, first, second) : undefined;
    return moved ?? arithmetic(operator, toInteger(first), toInteger(second));
  }

  private pointerArithmetic(operator: '+' | '-', left: Value, right: Value): Value | undefined {
    const pointer = pointed(left);
    if (!pointer) return undefined;
    const other = pointed(right);
    const size = BigInt(Math.max(1, sizeOf(pointer.target)));
    const { value: address, space } = toInteger(left);
    if (other) return operator === '-' ? wrap((address - toInteger(right).value) / size, this.addressBits, true) : undefined;
    const distance = toInteger(right).value * size;
    return this.pointer(pointer.target, { space: space ?? { kind: 'linear' }, address: operator === '+' ? address + distance : address - distance });
  }

  /** A pointer to a place. One into another space than the present one keeps that, and has as many bits as its addresses may need. */
  private pointer(target: Type, { space, address }: Place): ObjectValue {
    const bytes = space.kind === 'linear' ? this.addressBits / 8 : 8;
    const placed = BigInt.asUintN(bytes * 8, address);
    const value = valueObject({ kind: 'pointer', size: bytes, target }, placed, bytes);
    return space.kind === 'linear' ? value : { ...value, elsewhere: { space, target: this.at({ space, address: placed }, target) } };
  }

  private member(object: Expression, name: string, arrow: boolean): Value {
    const part = arrow ? undefined : this.registerPart(object, name);
    if (part) return part;
    const owner = this.value(object);
    if (owner.kind === 'integer' && owner.register) throw userError(`The register ${owner.register.name} has no part '${name}' here.`);
    const record = owner.kind === 'object' && (arrow || stripType(owner.type).kind === 'pointer') ? this.dereference(owner) : owner;
    const type = record.kind === 'object' ? stripType(record.type) : undefined;
    if (record.kind !== 'object' || !type || !('members' in type)) throw userError(`'.${name}': the value before it is not a struct.`);
    const member = memberNamed(type, name);
    if (!member) throw userError(`${typeName(record.type)} has no member '${name}'.`);
    if (member.bits) return { kind: 'object', type: member.type, source: record.source, bitField: member.bits, ...placed(record, 0) };
    return { kind: 'object', type: member.type, source: partOf(record.source, member.offset), ...placed(record, member.offset) };
  }

  /** `eflags.zf`, `cs.base`: a field of a register, unless a variable has that name. */
  private registerPart(object: Expression, name: string): Value | undefined {
    if (object.kind !== 'register' && object.kind !== 'name') return undefined;
    if (object.kind === 'name' && this.local(object.name)) return undefined;
    return this.registerValue(`${object.name}.${name}`);
  }

  private index(object: Expression, index: Expression): Value {
    const owner = this.value(object);
    if (owner.kind === 'integer') throw userError('Only arrays and pointers can be indexed; for memory write u32[address].');
    return this.element(owner, this.integer(index).value);
  }

  private element(owner: ObjectValue, index: bigint): Value {
    const type = stripType(owner.type);
    if (type.kind === 'pointer') {
      const { value, space } = toInteger(owner);
      const address = BigInt.asUintN(space ? 64 : this.addressBits, value + index * BigInt(sizeOf(type.target)));
      return this.at({ space: space ?? { kind: 'linear' }, address }, type.target);
    }
    if (type.kind !== 'array') throw userError(`A value of type ${typeName(owner.type)} cannot be indexed.`);
    const element = elementOf(type);
    const offset = Number(index) * sizeOf(element);
    return { kind: 'object', type: element, source: partOf(owner.source, offset), ...placed(owner, offset) };
  }

  private memory(size: string | undefined, address: Expression): Value {
    const value = toInteger(this.value(address));
    if (size === undefined) return this.natural(value);
    const { bytes, signed } = MEMORY_SIZES[size];
    return this.at(placeOf(value), integerType(size, bytes, signed));
  }

  private inSpace(space: 'phys' | 'lin', cr3: Expression | undefined, address: Expression): Value {
    const { value } = this.integer(address);
    const named: MemorySpace = space === 'phys' ? { kind: 'physical' }
      : cr3 ? { kind: 'linearUnder', cr3: Number(BigInt.asUintN(52, this.integer(cr3).value)) } : { kind: 'linear' };
    return { ...unsigned(value, 64), space: named };
  }

  private segmented(segment: Expression, offset: Expression): Value {
    const base = this.segmentBase(segment);
    const linear = base + this.integer(offset).value;
    return { ...unsigned(linear, this.addressBits), space: { kind: 'linear' } };
  }

  private segmentBase(segment: Expression): bigint {
    const { cpu } = this.scope;
    const name = segment.kind === 'register' || segment.kind === 'name' ? segment.name.toLowerCase() : undefined;
    const named = cpu.segments.find((candidate) => candidate.name === name);
    // 64-bit code has bases in FS and GS only (SDM volume 1, 3.2.4).
    if (named) return cpu.codeBits === 64 && !/^[fg]s$/.test(named.name) ? 0n : named.base;
    const selector = this.integer(segment).value;
    if (cpu.mode === 'real' || cpu.mode === 'v8086') return BigInt.asUintN(16, selector) << 4n;
    const loaded = cpu.segments.find((candidate) => BigInt(candidate.selector) === selector);
    if (loaded) return loaded.base;
    throw userError(`Selector ${hex(selector)} is not loaded in a segment register, so its base is not known here.`);
  }

  private type(spelling: TypeSpelling): Type {
    let type = findType(this.scope.program, spelling.name);
    if (!type) throw userError(`There is no type '${spelling.name}' in the loaded symbols.`);
    for (let level = 0; level < spelling.pointers; level++) type = { kind: 'pointer', size: this.addressBits / 8, target: type };
    return type;
  }

  private cast(type: Type, value: Value): Value {
    const bare = stripType(type);
    if ('members' in bare || bare.kind === 'array') throw userError(`Nothing can be cast to ${typeName(type)}; cast an address to a pointer to it.`);
    const size = sizeOf(type);
    if (size === 0) throw userError(`Nothing can be cast to ${typeName(type)}.`);
    if (isFloating(type)) return toFloating(type, value);
    if (isFloatingValue(value)) return valueObject(type, wholePart(value), size);
    const { value: number, space } = toInteger(value);
    return bare.kind === 'pointer' && space && space.kind !== 'linear' ? this.pointer(bare.target, { space, address: number }) : valueObject(type, number, size);
  }

  private sizeOf(type: TypeSpelling | undefined, operand: Expression | undefined): Value {
    if (type) return unsigned(BigInt(sizeOf(this.type(type))), this.addressBits);
    return unsigned(BigInt(operand ? sizeOfValue(this.value(operand)) : 0), this.addressBits);
  }

  /** The value of a type at a place in memory. */
  private at(place: Place, type: Type): ObjectValue {
    const { memory } = this.scope;
    const source: ValueSource = {
      address: place.address,
      missing: undefined,
      read: (offset, size) => memory.read({ space: place.space, address: place.address + BigInt(offset) }, size),
    };
    return { kind: 'object', type, source, place };
  }
}

function literal(value: bigint, isHex: boolean): IntegerValue {
  const bits = value < 1n << 31n || (isHex && value < 1n << 32n) ? 32 : [64, 128, 256].find((width) => value < 1n << BigInt(width)) ?? 512;
  return wrap(value, bits, value < 1n << BigInt(bits - 1));
}

function objectOf(found: TypedValue): ObjectValue {
  const { type, source, register } = found;
  return {
    kind: 'object', type, source,
    ...(source.address === undefined ? {} : { place: { space: { kind: 'linear' as const }, address: source.address } }),
    ...(register === undefined ? {} : { register: { name: register, offset: 0, isPart: false } }),
  };
}

/** A register as a value: a number, or what its lanes are. */
export function valueOfRegister(register: NamedRegister): Value {
  const typed = typedRegister(register);
  if (!typed) return { ...unsigned(register.value, register.bits), register };
  const { type, source, text } = typed;
  return {
    kind: 'object', type, source,
    ...(register.readOnly ? {} : { register: { name: register.name, offset: 0, isPart: false } }),
    ...(text === undefined ? {} : { shownAs: { text, typeName: `${register.bits}-bit register` } }),
  };
}

/** Where a part of a value lies. */
function placed({ place, register }: ObjectValue, offset: number): Pick<ObjectValue, 'place' | 'register'> {
  if (place) return { place: { space: place.space, address: place.address + BigInt(offset) } };
  return register ? { register: { name: register.name, offset: register.offset + offset, isPart: true } } : {};
}

function placeOf(address: IntegerValue): Place {
  return { space: address.space ?? { kind: 'linear' }, address: BigInt.asUintN(64, address.value) };
}

function pointed(value: Value): { readonly target: Type } | undefined {
  if (value.kind === 'integer') return undefined;
  const type = stripType(value.type);
  if (type.kind === 'pointer') return { target: type.target };
  return type.kind === 'array' ? { target: elementOf(type) } : undefined;
}

/** C's integer promotions: nothing is narrower than int. */
function promoted(value: IntegerValue): IntegerValue {
  return value.bits < 32 ? wrap(value.value, 32, true) : value;
}

/** C's usual arithmetic conversions, then the operation; the address space of an operand is kept by + and -. */
function arithmetic(operator: string, left: IntegerValue, right: IntegerValue): IntegerValue {
  const a = promoted(left);
  const b = promoted(right);
  const bits = Math.max(a.bits, b.bits);
  const signed = (a.signed || a.bits < bits) && (b.signed || b.bits < bits);
  const x = wrap(a.value, bits, signed).value;
  const y = wrap(b.value, bits, signed).value;
  const space = left.space ?? right.space;
  const moved = (value: bigint): IntegerValue => ({ ...wrap(value, bits, signed), ...(space ? { space } : {}) });
  const compared = comparison(operator, x, y);
  if (compared) return compared;
  switch (operator) {
    case '+': return moved(x + y);
    case '-': return moved(x - y);
    case '*': return wrap(x * y, bits, signed);
    case '/':
    case '%':
      if (y === 0n) throw userError('Division by zero.');
      return wrap(operator === '/' ? x / y : x % y, bits, signed);
    case '<<': return wrap(a.value << shiftCount(b), a.bits, a.signed);
    case '>>': return wrap(a.value >> shiftCount(b), a.bits, a.signed);
    case '&': return wrap(x & y, bits, signed);
    case '^': return wrap(x ^ y, bits, signed);
    case '|': return wrap(x | y, bits, signed);
    default: throw userError(`There is no operator '${operator}'.`);
  }
}

/** Shifts further than any number is wide give what shifting by the width gives. */
function shiftCount(value: IntegerValue): bigint {
  if (value.value < 0n) throw userError('A shift count cannot be negative.');
  return value.value > 128n ? 128n : value.value;
}
