/**
 * A function of translated code as WebAssembly text (Core Specification 2.0, section 6): a line a statement, its operands folded
 * into it, with our names for locals and for what lies at the fixed places of memory.
 */
import { OP } from '../engine/wasm/encoding';
import { cpuPlace } from './cpuPlaces';
import type { WasmLine } from './regionTypes';
import { OPERATIONS } from './wasmOpcodes';
import { WasmCursor, typeName, type FunctionType, type ReadModule } from './wasmReader';

/** From a byte of the code on, lines are about this. */
export interface TextMark {
  readonly at: number;
  readonly id: number | undefined;
}

const SHORTEST_PREFIX = 0xfb;
/** What it means that these are set. */
const WAYS_OUT: ReadonlyMap<string, string> = new Map([
  ['$exitRecord', 'leaves: the interpreter goes on here'], ['$exitSlot', 'leaves for another block'], ['$exitTarget', 'leaves for an address'],
]);

class Printer {
  readonly lines: WasmLine[] = [];
  private readonly cursor: WasmCursor;
  /** Values that are still to be used, and what they are of the CPU's. */
  private stack: string[] = [];
  private comments: string[] = [];
  private depth = 1;
  private mark = 0;
  /** Where the present statement begins. */
  private start = 0;

  constructor(
    private readonly module: ReadModule,
    private readonly locals: ReadonlyMap<number, string>,
    private readonly marks: readonly TextMark[],
  ) {
    this.cursor = new WasmCursor(module.code);
  }

  print(): readonly WasmLine[] {
    while (!this.cursor.done) {
      if (this.stack.length === 0) this.start = this.cursor.at;
      this.next(this.opcode());
    }
    return this.lines;
  }

  private opcode(): number {
    const first = this.cursor.byte();
    return first >= SHORTEST_PREFIX ? (first << 8) | this.cursor.u32() : first;
  }

  private next(op: number): void {
    const { cursor } = this;
    switch (op) {
      case OP.block:
      case OP.loop: return this.open(op === OP.block ? 'block' : 'loop', cursor.byte());
      case OP.if: return this.open(`if ${this.pop()}`, cursor.byte());
      case OP.else:
        this.depth--;
        this.line('else');
        this.depth++;
        return;
      case OP.end:
        this.depth--;
        return this.line(this.depth === 0 ? ')' : 'end');
      case OP.br: return this.line(`br ${cursor.u32()}`);
      case OP.br_if: {
        const label = cursor.u32();
        return this.line(`(br_if ${label} ${this.pop()})`);
      }
      case OP.return: return this.line('return');
      case OP.drop: return this.line(`(drop ${this.pop()})`);
      case OP.call:
      case OP.return_call: return this.call(op === OP.call ? 'call' : 'return_call', cursor.u32());
      case OP.call_indirect:
      case OP.return_call_indirect: {
        const type = this.module.types[cursor.u32()];
        const table = cursor.u32();
        return this.called(`${op === OP.call_indirect ? 'call_indirect' : 'return_call_indirect'}${table === 0 ? '' : ` ${table}`}`, type, 1);
      }
      case OP.local_get: return this.push(`(local.get ${this.local(cursor.u32())})`);
      case OP.local_set: {
        const name = this.local(cursor.u32());
        const way = WAYS_OUT.get(name);
        if (way !== undefined) this.comments.push(way);
        return this.line(`(local.set ${name} ${this.pop()})`);
      }
      case OP.local_tee: {
        const name = this.local(cursor.u32());
        return this.push(`(local.tee ${name} ${this.pop()})`);
      }
      case OP.global_get: return this.push(`(global.get ${cursor.u32()})`);
      case OP.i32_const: return this.push(`(i32.const ${constant(cursor.signed())})`);
      case OP.i64_const: return this.push(`(i64.const ${constant(cursor.signed())})`);
      default: return this.operation(op);
    }
  }

  private operation(op: number): void {
    const { cursor } = this;
    const known = OPERATIONS.get(op);
    if (!known) throw new Error(`WebAssembly text: opcode ${op.toString(16)}h is not known`);
    const { name, operands, gives, behind } = known;
    let text = name;
    const values = this.stack.splice(Math.max(0, this.stack.length - operands));
    if (behind === 'memory' || behind === 'memoryAndLane') {
      cursor.u32();
      const offset = cursor.u32();
      if (offset !== 0) text += ` offset=${offset < 10 ? offset : `0x${offset.toString(16)}`}`;
      const place = values[0] === '(i32.const 0)' ? cpuPlace(offset) : undefined;
      if (place !== undefined) this.comments.push(place);
    }
    if (behind === 'lane' || behind === 'memoryAndLane') text += ` ${cursor.byte()}`;
    if (behind === 'sixteen') text += sixteen(name, Array.from({ length: 16 }, () => cursor.byte()));
    const folded = `(${[text, ...values].join(' ')})`;
    if (gives) this.push(folded);
    else this.line(folded);
  }

  private call(how: string, number: number): void {
    const callee = this.module.functions[number];
    this.called(`${how} $${callee?.name ?? `function ${number}`}`, callee, 0);
  }

  /** A call of a function of this type, with so many values more behind its arguments: the entry of a table. */
  private called(text: string, type: FunctionType | undefined, more: number): void {
    const { parameters, results } = type ?? { parameters: [], results: [] };
    const values = this.stack.splice(Math.max(0, this.stack.length - parameters.length - more));
    const folded = `(${[text, ...values].join(' ')})`;
    if (!text.startsWith('return') && results.length === 1) this.push(folded);
    else this.line(folded);
  }

  private open(text: string, type: number): void {
    this.line(type === 0x40 ? text : `${text} (result ${typeName(type)})`);
    this.depth++;
  }

  private local(index: number): string {
    return `$${index === 0 ? 'entry' : (this.locals.get(index) ?? `t${index}`)}`;
  }

  private push(value: string): void {
    this.stack.push(value);
  }

  private pop(): string {
    return this.stack.pop() ?? '';
  }

  private line(text: string): void {
    while (this.mark + 1 < this.marks.length && (this.marks[this.mark + 1]?.at ?? Infinity) <= this.start) this.mark++;
    const mark = this.marks[this.mark];
    const id = mark && mark.at <= this.start ? mark.id : undefined;
    const comment = [...new Set(this.comments)].join(', ');
    this.comments = [];
    // What is left on the stack at a statement was pushed for one that comes later: results of blocks, of which we have few.
    const indent = Math.max(0, this.depth);
    this.lines.push({ indent, text, ...(comment === '' ? {} : { comment }), ...(id === undefined ? {} : { id }) });
    if (this.stack.length === 0) this.start = this.cursor.at;
  }
}

/** Small numbers in decimal, others in hexadecimal. */
function constant(value: bigint): string {
  const magnitude = value < 0n ? -value : value;
  return magnitude < 256n ? String(value) : `${value < 0n ? '-' : ''}0x${magnitude.toString(16)}`;
}

/** The lines of a function's body. `marks` are in the order of the code. */
export function wasmText(module: ReadModule, locals: ReadonlyMap<number, string>, marks: readonly TextMark[]): readonly WasmLine[] {
  const used = [...new Set(module.locals)].map((type) => `${module.locals.filter((other) => other === type).length} ${typeName(type)}`);
  return [{ indent: 0, text: '(func (param $entry i32)', comment: `locals: ${used.join(', ')}` }, ...new Printer(module, locals, marks).print()];
}

/** The bytes of a constant, whose text names a shape, or of a shuffle, whose text does not. */
function sixteen(name: string, bytes: readonly number[]): string {
  if (name !== 'v128.const') return ` ${bytes.join(' ')}`;
  const halves = [bytes.slice(0, 8), bytes.slice(8)].map((half) => half.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n));
  return ` i64x2 ${halves.map((half) => (half < 10n ? String(half) : `0x${half.toString(16)}`)).join(' ')}`;
}
