/**
 * Parses expressions by precedence climbing. What is a type and what is a value is asked of the caller, because
 * `(page) -1` is a cast only where there is a type `page`.
 */
import { userError } from '../ports';
import {
  fractionOfToken, MEMORY_SIZES, numberOfToken, tokenize, type Expression, type Token, type TypeSpelling, type UnaryOperator,
} from './syntax';
import { bytesOfQuoted } from './texts';

/** Binary operators, weakest first (C's order; `:` binds a segment to the sum after it). */
const PRECEDENCE: readonly (readonly string[])[] = [
  ['||'], ['&&'], ['|'], ['^'], ['&'], ['==', '!='], ['<', '<=', '>', '>='], ['<<', '>>'], [':'], ['+', '-'], ['*', '/', '%'],
];
const COLON_LEVEL = PRECEDENCE.findIndex((operators) => operators.includes(':'));
const UNARY: readonly UnaryOperator[] = ['-', '+', '!', '~', '*', '&'];
const TYPE_KEYWORDS = new Set(['struct', 'union', 'enum', 'class']);
const DEEPEST = 200;
/** `a + b + …` nests as deep as it is long. */
const MOST_OPERATORS = 1000;

export type IsType = (name: string) => boolean;

/** The tree of an expression. Errors say what was expected and where. */
export function parseExpression(text: string, isType: IsType): Expression {
  return new Parser(text, isType).whole();
}

/** An assignment `left = right` split into its sides; undefined when there is no `=`. */
export function splitAssignment(text: string): { readonly left: string; readonly right: string } | undefined {
  const tokens = tokenize(text);
  const equals = tokens.find((token) => token.kind === 'operator' && token.text === '=');
  return equals && { left: text.slice(0, equals.at), right: text.slice(equals.at + 1) };
}

class Parser {
  private readonly tokens: readonly Token[];
  private position = 0;
  private depth = 0;
  private operators = 0;
  /** Between `?` and `:` the colon ends the middle part. */
  private colonEnds = 0;

  constructor(private readonly text: string, private readonly isType: IsType) {
    this.tokens = tokenize(text);
  }

  whole(): Expression {
    if (this.isAtEnd()) throw userError('The expression is empty.');
    const expression = this.conditional();
    if (this.current.text === '=') throw userError("'=' assigns; to compare, write '=='.");
    if (!this.isAtEnd()) throw this.unexpected('an operator');
    return expression;
  }

  private get current(): Token {
    return this.tokens[this.position];
  }

  private isAtEnd(): boolean {
    return this.current.kind === 'end';
  }

  private take(text: string): boolean {
    if (this.current.kind !== 'operator' || this.current.text !== text) return false;
    this.position++;
    return true;
  }

  private expect(text: string): void {
    if (!this.take(text)) throw this.unexpected(`'${text}'`);
  }

  private unexpected(wanted: string): Error {
    const found = this.isAtEnd() ? 'the end' : `'${this.current.text}'`;
    return userError(`Expected ${wanted} but found ${found} at column ${this.current.at + 1} of '${this.text}'.`);
  }

  private conditional(): Expression {
    if (++this.depth > DEEPEST) throw userError('The expression is nested too deeply.');
    try {
      const condition = this.binary(0);
      if (!this.take('?')) return condition;
      this.colonEnds++;
      const then = this.conditional();
      this.colonEnds--;
      this.expect(':');
      return { kind: 'conditional', condition, then, otherwise: this.conditional() };
    } finally {
      this.depth--;
    }
  }

  private binary(level: number): Expression {
    if (level === PRECEDENCE.length) return this.unary();
    let left = this.binary(level + 1);
    while (this.current.kind === 'operator' && PRECEDENCE[level].includes(this.current.text)) {
      if (level === COLON_LEVEL && this.colonEnds > 0) break;
      if (++this.operators > MOST_OPERATORS) throw userError(`The expression is too long: ${MOST_OPERATORS} operators at most.`);
      const operator = this.current.text;
      this.position++;
      const right = this.binary(level + 1);
      if ((left.kind === 'text' || right.kind === 'text') && operator !== '==' && operator !== '!=') throw userError(`'${operator}' cannot be used with a text in quotes: there is == and !=.`);
      left = operator === ':' ? addressed(left, right) : { kind: 'binary', operator, left, right };
    }
    return left;
  }

  private unary(): Expression {
    if (++this.depth > DEEPEST) throw userError('The expression is nested too deeply.');
    try {
      const operator = this.current.kind === 'operator' ? UNARY.find((known) => known === this.current.text) : undefined;
      if (operator) {
        this.position++;
        return { kind: 'unary', operator, operand: this.operand() };
      }
      if (this.current.kind === 'name' && this.current.text === 'sizeof') return this.sizeOf();
      return this.castOrPostfix();
    } finally {
      this.depth--;
    }
  }

  private sizeOf(): Expression {
    this.position++;
    const type = this.typeInBrackets();
    return type ? { kind: 'sizeof', type, operand: undefined } : { kind: 'sizeof', type: undefined, operand: this.unary() };
  }

  private castOrPostfix(): Expression {
    const type = this.typeInBrackets();
    return type ? { kind: 'cast', type, operand: this.operand() } : this.postfix();
  }

  /** What a unary operator or a cast is about. There `phys:` and `lin:` belong to the number or name behind them alone: `*(char *)phys:0xb8000 == 'a'`. */
  private operand(): Expression {
    const { kind, text } = this.current;
    const isSpace = kind === 'name' && (text === 'phys' || text === 'lin') && this.tokens[this.position + 1].text === ':' && this.colonEnds === 0;
    if (!isSpace) return this.unary();
    let address: Expression = { kind: 'name', name: text };
    this.position++;
    while (this.take(':')) address = addressed(address, this.postfix());
    return address;
  }

  /** `( words *... )` where the words name a type; otherwise nothing is consumed. */
  private typeInBrackets(): TypeSpelling | undefined {
    const start = this.position;
    if (this.take('(')) {
      const words: string[] = [];
      while (this.current.kind === 'name') words.push(this.tokens[this.position++].text);
      let pointers = 0;
      while (this.take('*')) pointers++;
      const name = words.join(' ');
      const known = words.length > 0 && (TYPE_KEYWORDS.has(words[0]) || this.isType(name));
      if (known && this.take(')')) return { name, pointers };
    }
    this.position = start;
    return undefined;
  }

  private postfix(): Expression {
    let expression = this.primary();
    for (;;) {
      if (this.take('[')) {
        expression = { kind: 'index', object: expression, index: this.inBrackets() };
      } else if (this.current.kind === 'operator' && (this.current.text === '.' || this.current.text === '->')) {
        const arrow = this.current.text === '->';
        this.position++;
        expression = { kind: 'member', object: expression, name: this.name(), arrow };
      } else if (this.current.kind === 'name' && this.current.text.startsWith('.')) {
        // The word pattern takes `.member` as one word, because labels may begin with a dot.
        expression = { kind: 'member', object: expression, name: this.name().slice(1), arrow: false };
      } else if (this.current.text === '(') {
        throw userError('Functions are not called here, as that would run the guest: a GDB can do it (gdbPort in the launch configuration).');
      } else {
        return expression;
      }
    }
  }

  private inBrackets(): Expression {
    const outer = this.colonEnds;
    this.colonEnds = 0;
    const inner = this.conditional();
    this.colonEnds = outer;
    this.expect(']');
    return inner;
  }

  private name(): string {
    if (this.current.kind !== 'name') throw this.unexpected('a name');
    return this.tokens[this.position++].text;
  }

  private primary(): Expression {
    const token = this.current;
    if (token.kind === 'number') {
      this.position++;
      const fraction = fractionOfToken(token.text);
      if (fraction !== undefined) return { kind: 'float', value: fraction };
      return { kind: 'number', value: numberOfToken(token.text), isHex: /^0[xb]/i.test(token.text) };
    }
    if (token.kind === 'text') {
      this.position++;
      return { kind: 'text', bytes: bytesOfQuoted(token.text) };
    }
    if (token.kind === 'register') {
      this.position++;
      return { kind: 'register', name: token.text.slice(1) };
    }
    if (token.kind === 'name') {
      this.position++;
      if (token.text in MEMORY_SIZES && this.take('[')) return { kind: 'memory', size: token.text, address: this.inBrackets() };
      return { kind: 'name', name: token.text };
    }
    if (this.take('[')) return { kind: 'memory', size: undefined, address: this.inBrackets() };
    if (this.take('(')) {
      const outer = this.colonEnds;
      this.colonEnds = 0;
      const inner = this.conditional();
      this.colonEnds = outer;
      this.expect(')');
      return inner;
    }
    throw this.unexpected('a number, a name or a register');
  }
}

function addressed(left: Expression, right: Expression): Expression {
  if (left.kind === 'name' && (left.name === 'phys' || left.name === 'lin')) return { kind: 'space', space: left.name, address: right };
  if (left.kind === 'space' && left.space === 'lin' && left.cr3 === undefined) return { kind: 'space', space: 'lin', cr3: left.address, address: right };
  return { kind: 'segmented', segment: left, offset: right };
}
