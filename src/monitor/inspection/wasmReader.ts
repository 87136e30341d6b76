/**
 * Reads a WebAssembly module of our own making as far as its text needs it: types, imports, and one function's body (Core
 * Specification 2.0, section 5.5).
 */
import { F64, I32, I64, V128 } from '../engine/wasm/encoding';

const SECTION = { type: 1, import: 2, function: 3, code: 10 } as const;
const TYPE_NAMES: Readonly<Record<number, string>> = { [I32]: 'i32', [I64]: 'i64', [F64]: 'f64', [V128]: 'v128', 0x7d: 'f32' };

/** Name of a value type. */
export const typeName = (type: number): string => TYPE_NAMES[type] ?? `type ${type.toString(16)}h`;

/** Goes through bytes. */
export class WasmCursor {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {}

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }

  u32(): number {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  }

  /** Signed LEB128. */
  signed(): bigint {
    let value = 0n;
    for (let shift = 0n; ; ) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return BigInt.asIntN(64, byte & 0x40 ? value - (1n << shift) : value);
    }
  }

  text(): string {
    const length = this.u32();
    this.at += length;
    return new TextDecoder().decode(this.bytes.slice(this.at - length, this.at));
  }
}

/** What a function takes and gives. */
export interface FunctionType {
  readonly parameters: readonly number[];
  readonly results: readonly number[];
}

export interface FunctionShape extends FunctionType {
  readonly name: string;
}

export interface ReadModule {
  /** Types of functions by their numbers. */
  readonly types: readonly FunctionType[];
  /** Functions by their numbers: imports, then the module's own. */
  readonly functions: readonly FunctionShape[];
  /** Types of the first own function's locals, without its parameters. */
  readonly locals: readonly number[];
  /** Its code, without the declaration of its locals. */
  readonly code: Uint8Array;
}

export function readModule(bytes: Uint8Array): ReadModule {
  const types: FunctionType[] = [];
  const functions: FunctionShape[] = [];
  let locals: readonly number[] = [];
  let code = new Uint8Array(0);
  const shape = (name: string, type: number): FunctionShape => ({ ...(types[type] ?? { parameters: [], results: [] }), name });
  for (const cursor = new WasmCursor(bytes, 8); !cursor.done; ) {
    const section = cursor.byte();
    const end = cursor.u32() + cursor.at;
    if (section === SECTION.type) for (let left = cursor.u32(); left > 0; left--) types.push(readType(cursor));
    else if (section === SECTION.import) readImports(cursor, (name, type) => functions.push(shape(name, type)));
    else if (section === SECTION.function) for (let i = 0, count = cursor.u32(); i < count; i++) functions.push(shape(`region${i}`, cursor.u32()));
    else if (section === SECTION.code && cursor.u32() > 0) ({ locals, code } = readBody(cursor));
    cursor.at = end;
  }
  return { types, functions, locals, code };
}

function readType(cursor: WasmCursor): FunctionType {
  cursor.byte();
  const list = (): number[] => Array.from({ length: cursor.u32() }, () => cursor.byte());
  return { parameters: list(), results: list() };
}

function readImports(cursor: WasmCursor, take: (name: string, type: number) => void): void {
  for (let left = cursor.u32(); left > 0; left--) {
    cursor.text();
    const name = cursor.text();
    const kind = cursor.byte();
    if (kind === 0) take(name, cursor.u32());
    else if (kind === 2) {
      const flags = cursor.byte();
      cursor.u32();
      if (flags & 1) cursor.u32();
    } else return;
  }
}

function readBody(cursor: WasmCursor): { locals: readonly number[]; code: Uint8Array<ArrayBuffer> } {
  const end = cursor.u32() + cursor.at;
  const locals: number[] = [];
  for (let runs = cursor.u32(); runs > 0; runs--) {
    const count = cursor.u32();
    const type = cursor.byte();
    for (let i = 0; i < count; i++) locals.push(type);
  }
  return { locals, code: cursor.bytes.slice(cursor.at, end) };
}
