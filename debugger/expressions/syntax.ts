/**
 * The expression language's words and trees: C's operators over numbers, registers, symbols and memory.
 */
import { parseInteger } from '../numbers';
import { userError } from '../ports';

/** Sizes that a memory operator may name: `u16[es:di]`, `i8[esp]`. */
export const MEMORY_SIZES: Readonly<Record<string, { readonly bytes: number; readonly signed: boolean }>> = {
  u8: { bytes: 1, signed: false }, u16: { bytes: 2, signed: false }, u32: { bytes: 4, signed: false }, u64: { bytes: 8, signed: false },
  i8: { bytes: 1, signed: true }, i16: { bytes: 2, signed: true }, i32: { bytes: 4, signed: true }, i64: { bytes: 8, signed: true },
};

export type UnaryOperator = '-' | '+' | '!' | '~' | '*' | '&';

export type Expression =
  | { readonly kind: 'number'; readonly value: bigint; readonly isHex: boolean }
  | { readonly kind: 'float'; readonly value: number }
  /** `"dd"`: its bytes, without the NUL that ends it. */
  | { readonly kind: 'text'; readonly bytes: Uint8Array }
  | { readonly kind: 'name'; readonly name: string }
  /** `$eax`, `%eax`: a register and nothing else. */
  | { readonly kind: 'register'; readonly name: string }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'conditional'; readonly condition: Expression; readonly then: Expression; readonly otherwise: Expression }
  | { readonly kind: 'member'; readonly object: Expression; readonly name: string; readonly arrow: boolean }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
  /** `[address]` with the natural size, `u16[address]`. */
  | { readonly kind: 'memory'; readonly size: string | undefined; readonly address: Expression }
  /** `phys:…`, `lin:…`, `lin:CR3:…`, `es:di`, `0x10:0x20`. */
  | { readonly kind: 'space'; readonly space: 'phys' | 'lin'; readonly cr3?: Expression; readonly address: Expression }
  | { readonly kind: 'segmented'; readonly segment: Expression; readonly offset: Expression }
  | { readonly kind: 'cast'; readonly type: TypeSpelling; readonly operand: Expression }
  | { readonly kind: 'sizeof'; readonly type: TypeSpelling | undefined; readonly operand: Expression | undefined };

/** A type as written: its words, and stars. */
export interface TypeSpelling {
  readonly name: string;
  readonly pointers: number;
}

export interface Token {
  readonly kind: 'number' | 'text' | 'name' | 'register' | 'operator' | 'end';
  readonly text: string;
  /** Index in the text. */
  readonly at: number;
}

const PATTERN =
  /\s*(?:(?<number>(?:[0-9][0-9_]*\.[0-9]+(?:e[-+]?[0-9]+)?|[0-9]+e[-+]?[0-9]+|0x[0-9a-f_]+|0b[01_]+|[0-9][0-9_]*)\b|'(?:\\.|[^'\\])')|(?<text>"(?:\\.|[^"\\])*")|(?<register>[$%][a-z][\w]*)|(?<name>[a-z_.@][\w@]*(?:::[\w@]+)*)|(?<operator>->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>=()[\].,?:]))/iy;

/**
 * The words of an expression, ended by an `end` token.
 * Error: a character that belongs to none.
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    PATTERN.lastIndex = at;
    const match = PATTERN.exec(text);
    const groups = match?.groups;
    if (!match || !groups) throw userError(`I do not understand '${text.slice(at).trim()}' in '${text}'.`);
    const start = at + match[0].length - match[0].trimStart().length;
    at += match[0].length;
    const kind = groups.number !== undefined ? 'number'
      : groups.text !== undefined ? 'text'
      : groups.register !== undefined ? 'register'
      : groups.name !== undefined ? 'name' : 'operator';
    tokens.push(...split({ kind, text: match[0].trimStart(), at: start }));
  }
  tokens.push({ kind: 'end', text: '', at: text.length });
  return tokens;
}

/** `.` may begin a local label of an assembler (`.loop`), but after a name it is the member operator. */
function split(token: Token): Token[] {
  return token.text === '.' ? [{ ...token, kind: 'operator' }] : [token];
}

const DECIMAL_FRACTION = /^[0-9][0-9_]*(?:\.|e)/i;

/** The value of a number token with a decimal point or an exponent; undefined for others. */
export function fractionOfToken(text: string): number | undefined {
  return DECIMAL_FRACTION.test(text) ? Number(text.replaceAll('_', '')) : undefined;
}

const CHARACTER_ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, 0: 0 };

/** The value of a number or character token. */
export function numberOfToken(text: string): bigint {
  if (text.startsWith("'")) {
    const inner = text.slice(1, -1);
    if (!inner.startsWith('\\')) return BigInt(inner.codePointAt(0) ?? 0);
    return BigInt(CHARACTER_ESCAPES[inner[1]] ?? inner.charCodeAt(1));
  }
  const value = parseInteger(text);
  if (value === undefined) throw userError(`'${text}' is no number.`);
  return value;
}
