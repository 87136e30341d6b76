/**
 * BTF, the kernel's own description of its types (Documentation/bpf/btf.rst): the same shapes as from DWARF, made when they are
 * asked for, because a kernel has more than a hundred thousand of them.
 */
import { SymbolFileError } from '../symbols/bytes';
import { DW_ATE } from '../symbols/dwarf-constants';
import { VOID, type EnumType, type Member, type RecordType, type SubroutineType, type Type } from '../symbols/types';

const MAGIC = 0xeb9f;
const VERSION = 1;
const HEADER_BYTES = 24;
const NAME = 'the kernel\'s BTF';

const KIND = {
  INT: 1, PTR: 2, ARRAY: 3, STRUCT: 4, UNION: 5, ENUM: 6, FWD: 7, TYPEDEF: 8, VOLATILE: 9, CONST: 10, RESTRICT: 11, FUNC: 12, FUNC_PROTO: 13,
  VAR: 14, DATASEC: 15, FLOAT: 16, DECL_TAG: 17, TYPE_TAG: 18, ENUM64: 19,
} as const;

/** Bytes behind the 12 that all types have: for the type itself, and for each of its `vlen` parts. */
const EXTRA: Readonly<Record<number, readonly [fixed: number, each: number]>> = {
  [KIND.INT]: [4, 0], [KIND.PTR]: [0, 0], [KIND.ARRAY]: [12, 0], [KIND.STRUCT]: [0, 12], [KIND.UNION]: [0, 12], [KIND.ENUM]: [0, 8],
  [KIND.FWD]: [0, 0], [KIND.TYPEDEF]: [0, 0], [KIND.VOLATILE]: [0, 0], [KIND.CONST]: [0, 0], [KIND.RESTRICT]: [0, 0], [KIND.FUNC]: [0, 0],
  [KIND.FUNC_PROTO]: [0, 8], [KIND.VAR]: [4, 0], [KIND.DATASEC]: [0, 12], [KIND.FLOAT]: [0, 0], [KIND.DECL_TAG]: [4, 0], [KIND.TYPE_TAG]: [0, 0],
  [KIND.ENUM64]: [0, 12],
};

const EXTRA_OF_KIND: readonly (readonly [number, number] | undefined)[] = Array.from({ length: 32 }, (_, kind) => (Object.hasOwn(EXTRA, kind) ? EXTRA[kind] : undefined));

/** C's words for kinds that have a name space of their own. */
const WORDS: Readonly<Record<number, string>> = { [KIND.STRUCT]: 'struct ', [KIND.UNION]: 'union ', [KIND.ENUM]: 'enum ', [KIND.ENUM64]: 'enum ' };
const INT_SIGNED = 1, INT_CHAR = 2, INT_BOOL = 4;
const LARGEST_COUNT = 4_000_000;

export interface BtfVariable {
  readonly name: string;
  readonly type: Type;
}

export class Btf {
  /** Offset of each type by its number; number 0 is void. */
  private readonly offsets: Uint32Array;
  private readonly built = new Map<number, Type>();
  /** Types that others under construction need. */
  private readonly building = new Set<number>();
  private byName: Map<string, number> | undefined;

  private constructor(
    private readonly view: DataView,
    private readonly bytes: Uint8Array,
    private readonly types: { readonly start: number; readonly end: number },
    private readonly strings: { readonly start: number; readonly end: number },
    private readonly pointerBytes: number,
  ) {
    this.offsets = this.scan();
  }

  /** Reads header and outline. Throws SymbolFileError for what is no BTF, or is broken. */
  static parse(bytes: Uint8Array, pointerBytes: number): Btf {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < HEADER_BYTES || view.getUint16(0, true) !== MAGIC) throw new SymbolFileError('there is no BTF', NAME, 0);
    const version = view.getUint8(2);
    if (version !== VERSION) throw new SymbolFileError(`version ${version} of BTF is not known`, NAME, 2);
    const [headerBytes, typesAt, typesBytes, stringsAt, stringsBytes] = [4, 8, 12, 16, 20].map((at) => view.getUint32(at, true));
    const section = (at: number, length: number): { start: number; end: number } => {
      const start = headerBytes + at;
      if (start + length > bytes.length) throw new SymbolFileError(`a part of ${length} bytes ends behind the data`, NAME, start);
      return { start, end: start + length };
    };
    return new Btf(view, bytes, section(typesAt, typesBytes), section(stringsAt, stringsBytes), pointerBytes);
  }

  /** How many types there are. */
  get count(): number {
    return this.offsets.length - 1;
  }

  /** A type by its name in C: 'struct task_struct', 'task_struct', 'pid_t', 'unsigned int'. */
  typeNamed(name: string): Type | undefined {
    this.byName ??= this.indexNames();
    const id = this.byName.get(name) ?? this.byName.get(`struct ${name}`) ?? this.byName.get(`union ${name}`) ?? this.byName.get(`enum ${name}`);
    return id === undefined ? undefined : this.type(id);
  }

  /** A struct or union by its tag. */
  record(tag: string): RecordType | undefined {
    const type = this.typeNamed(`struct ${tag}`) ?? this.typeNamed(`union ${tag}`);
    return type && 'members' in type ? type : undefined;
  }

  /** Variables that the kernel describes: those that each CPU has for itself. */
  variable(name: string): BtfVariable | undefined {
    this.byName ??= this.indexNames();
    const id = this.byName.get(`var ${name}`);
    return id === undefined ? undefined : { name, type: this.type(this.sizeOrType(id)) };
  }

  /** The type of a number. Its parts are made when they are looked at, so circles do no harm. */
  type(id: number): Type {
    if (id === 0) return VOID;
    const known = this.built.get(id);
    if (known) return known;
    if (id >= this.offsets.length) throw new SymbolFileError(`there is no type ${id}`, NAME);
    if (this.building.has(id)) throw new SymbolFileError(`type ${id} is defined by itself`, NAME);
    this.building.add(id);
    try {
      const type = this.build(id);
      this.built.set(id, type);
      return type;
    } finally {
      this.building.delete(id);
    }
  }

  private scan(): Uint32Array {
    const offsets = [0];
    for (let at = this.types.start; at < this.types.end;) {
      if (at + 12 > this.types.end || offsets.length > LARGEST_COUNT) throw new SymbolFileError('a type is cut off', NAME, at);
      offsets.push(at);
      const info = this.view.getUint32(at + 4, true);
      const extra = EXTRA_OF_KIND[(info >>> 24) & 0x1f];
      if (!extra) throw new SymbolFileError(`kind ${(info >>> 24) & 0x1f} is not known`, NAME, at);
      at += 12 + extra[0] + extra[1] * (info & 0xffff);
      if (at > this.types.end) throw new SymbolFileError('a type is cut off', NAME, offsets[offsets.length - 1]);
    }
    return Uint32Array.from(offsets);
  }

  private indexNames(): Map<string, number> {
    const byName = new Map<string, number>();
    for (let id = 1; id < this.offsets.length; id++) {
      const kind = this.kind(id);
      const word = WORDS[kind] ?? (kind === KIND.VAR ? 'var ' : '');
      if (word === '' && kind !== KIND.TYPEDEF && kind !== KIND.INT && kind !== KIND.FLOAT) continue;
      const name = this.name(id);
      if (name !== '' && !byName.has(word + name)) byName.set(word + name, id);
    }
    return byName;
  }

  private kind(id: number): number {
    return (this.view.getUint32(this.offsets[id] + 4, true) >>> 24) & 0x1f;
  }

  private sizeOrType(id: number): number {
    return this.view.getUint32(this.offsets[id] + 8, true);
  }

  private name(id: number): string {
    return this.string(this.view.getUint32(this.offsets[id], true));
  }

  private string(offset: number): string {
    const start = this.strings.start + offset;
    const end = this.bytes.indexOf(0, start);
    if (start >= this.strings.end || end < 0 || end >= this.strings.end) throw new SymbolFileError(`there is no string at ${offset}`, NAME, start);
    let text = '';
    for (let at = start; at < end; at++) text += String.fromCharCode(this.bytes[at]);
    return text;
  }

  private build(id: number): Type {
    const at = this.offsets[id];
    const info = this.view.getUint32(at + 4, true);
    const size = this.sizeOrType(id);
    const targetOf = (): Type => this.type(size);
    switch ((info >>> 24) & 0x1f) {
      case KIND.INT: return { kind: 'base', name: this.name(id), size, encoding: encodingOf(this.view.getUint32(at + 12, true), size) };
      case KIND.FLOAT: return { kind: 'base', name: this.name(id), size, encoding: DW_ATE.float };
      case KIND.PTR: return { kind: 'pointer', size: this.pointerBytes, get target() { return targetOf(); } };
      case KIND.TYPEDEF: return { kind: 'typedef', name: this.name(id), get target() { return targetOf(); } };
      case KIND.VOLATILE: return { kind: 'volatile', get target() { return targetOf(); } };
      case KIND.CONST: return { kind: 'const', get target() { return targetOf(); } };
      case KIND.RESTRICT: return { kind: 'restrict', get target() { return targetOf(); } };
      case KIND.ARRAY: return this.array(at);
      case KIND.STRUCT:
      case KIND.UNION: return this.recordAt(id, at, info, size);
      case KIND.FWD: return { kind: info >>> 31 === 1 ? 'union' : 'struct', name: this.name(id), size: 0, members: [], incomplete: true };
      case KIND.ENUM:
      case KIND.ENUM64: return this.enumAt(id, at, info, size);
      case KIND.FUNC_PROTO: return this.prototypeAt(at, info, size);
      // Tags say something about the type behind them; functions and variables are of the type that they name.
      case KIND.TYPE_TAG:
      case KIND.FUNC:
      case KIND.VAR: return targetOf();
      default: return VOID;
    }
  }

  private array(at: number): Type {
    const [element, , count] = [0, 4, 8].map((offset) => this.view.getUint32(at + 12 + offset, true));
    const type = this.type(element);
    if (type.kind === 'array') return { kind: 'array', element: type.element, dimensions: [count, ...type.dimensions] };
    return { kind: 'array', element: type, dimensions: [count] };
  }

  private recordAt(id: number, at: number, info: number, size: number): RecordType {
    let members: readonly Member[] | undefined;
    const read = (): readonly Member[] => Array.from({ length: info & 0xffff }, (_, index) => this.member(at + 12 + 12 * index, info >>> 31 === 1));
    const name = this.name(id);
    return {
      kind: (info >>> 24 & 0x1f) === KIND.UNION ? 'union' : 'struct',
      name: name === '' ? undefined : name,
      size, incomplete: false,
      get members() { return members ??= read(); },
    };
  }

  private member(at: number, hasWidths: boolean): Member {
    const name = this.string(this.view.getUint32(at, true));
    const word = this.view.getUint32(at + 8, true);
    const width = hasWidths ? word >>> 24 : 0;
    const bit = hasWidths ? word & 0xff_ffff : word;
    return {
      name: name === '' ? undefined : name,
      type: this.type(this.view.getUint32(at + 4, true)),
      offset: bit >>> 3,
      bits: width === 0 ? undefined : { offset: bit, size: width },
    };
  }

  private enumAt(id: number, at: number, info: number, size: number): EnumType {
    const signed = info >>> 31 === 1;
    const isWide = (info >>> 24 & 0x1f) === KIND.ENUM64;
    const each = isWide ? 12 : 8;
    const name = this.name(id);
    return {
      kind: 'enum', name: name === '' ? undefined : name, size, signed,
      enumerators: Array.from({ length: info & 0xffff }, (_, index) => {
        const low = BigInt(this.view.getUint32(at + 16 + each * index, true));
        const value = isWide ? low | (BigInt(this.view.getUint32(at + 20 + each * index, true)) << 32n) : low;
        const bits = isWide ? 64 : 32;
        return { name: this.string(this.view.getUint32(at + 12 + each * index, true)), value: signed ? BigInt.asIntN(bits, value) : value };
      }),
    };
  }

  private prototypeAt(at: number, info: number, returns: number): SubroutineType {
    const parameters = Array.from({ length: info & 0xffff }, (_, index) => this.view.getUint32(at + 16 + 8 * index, true));
    const variadic = parameters.at(-1) === 0;
    const known = variadic ? parameters.slice(0, -1) : parameters;
    const typeOf = (id: number): Type => this.type(id);
    return {
      kind: 'subroutine', variadic,
      get returnType() { return typeOf(returns); },
      get parameters() { return known.map(typeOf); },
    };
  }
}

function encodingOf(word: number, size: number): number {
  const flags = (word >>> 24) & 0xf;
  if ((flags & INT_BOOL) !== 0) return DW_ATE.boolean;
  if ((flags & INT_CHAR) !== 0 || size === 1) return (flags & INT_SIGNED) !== 0 ? DW_ATE.signed_char : DW_ATE.unsigned_char;
  return (flags & INT_SIGNED) !== 0 ? DW_ATE.signed : DW_ATE.unsigned;
}
