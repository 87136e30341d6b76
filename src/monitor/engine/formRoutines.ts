/**
 * Routines that write records of code by its instructions' forms (./instructionForms), without a return to the monitor: most code that is met for the first time
 * consists of instructions of forms that are known. What has none ends the run, and is left to the decoder.
 */
import type { Value, Variable } from '../isa/emitter';
import {
  CODE_BASE, CODE_HEADS, CODE_HEAD_BYTES, CODE_TABLE_BYTES, FORMS, FORM_BODIES, FORM_BODY_BYTES, FORM_KEYS, FORM_KEY_BYTES, MOST_DECODED_BLOCKS, NULL_SLOT, OPCODE_MODRM, PAGE_BYTES,
  PAIR_COLUMNS, PAIR_ENTRIES, PAIR_HANDLERS, PAIR_KINDS, PAIR_ROWS, PREFIX_KINDS,
} from '../memory/layout';
import { HEAD } from './codeHead';
import type { FunctionBody } from './controlFunctions';
import { DECODED, DECODED_BYTES, DECODED_COUNT, DECODED_FIRST } from './decodedBlocks';
import { CODE_BITS, CODE_BITS_MASK, FORM_BODY, FORM_HASH, FORM_KEY, FORM_LENGTH_BITS, FORM_PLACES, HEAD_FOUND, MODRM, MOST_HEAD_BYTES, NATURE, PREFIX, RUN_WRITTEN, VEX_LIKE } from './formLayout';
import { R, RECORD_BYTES } from './records';
import { TAIL } from './recordWriter';
import { RoutineEmitter } from './routineEmitter';
import { SPECIAL_HANDLERS } from './specialHandlers';
import { expression } from './valueEmitter';
import { I32, OP, type WasmType } from './wasm/encoding';
import { call, load } from './wasm/expressions';

/** Displacements above this may run over 31 bits when they are counted from their page. */
const LARGEST_FROM_PAGE = 0x7fffffff - 2 * PAGE_BYTES;
const PAIR_ENTRY_BYTES = 2;

class FormEmitter extends RoutineEmitter {
  protected word(address: Value, offset = 0): Value {
    return load(OP.i32_load, I32, expression(address), offset);
  }
  protected byte(address: Value, offset = 0): Value {
    return load(OP.i32_load8_u, I32, expression(address), offset);
  }
  protected put(address: Value, offset: number, value: Value): void {
    this.code.store(OP.i32_store, expression(address), offset, expression(value));
  }
  protected putAt(address: number, value: Value): void {
    this.put(this.i32(0), address, value);
  }
  protected wordAt(address: number): Value {
    return this.word(this.i32(0), address);
  }
  protected advance(variable: Variable, by: number): void {
    this.assign(variable, this.add(variable, this.i32(by)));
  }
  protected take(variable: Variable, from: Variable): void {
    this.assign(variable, this.byte(from));
    this.advance(from, 1);
  }
  /** Some bits of a word. */
  protected bits(word: Value, first: number, count: number): Value {
    return this.and(this.shrU(word, this.i32(first)), this.i32((1 << count) - 1));
  }
}

/** Finds where the head of the instruction at an address ends (parameters: address, CODE_BITS). Gives its length, 0 where no form is looked for, and HEAD_FOUND. */
class HeadEmitter extends FormEmitter {
  private readonly at = this.parameter(0);
  private readonly codeBits = this.parameter(1);
  private readonly next = this.variable(this.at);
  private readonly current = this.variable(this.i32(0));
  private readonly displacement = this.variable(this.i32(0));

  emit(): FunctionBody {
    const { at, next, current, displacement } = this;
    this.putAt(HEAD_FOUND.opcode, this.i32(-1));
    const isOther = this.variable(this.i32(0));
    this.take(current, next);
    this.skipPrefixes(isOther);
    this.if(this.eq(this.and(current, this.i32(0xfe)), this.i32(VEX_LIKE)), () => this.give(this.i32(0)));
    const opcode = this.opcode();
    this.putAt(HEAD_FOUND.opcode, opcode);
    const known = this.let(this.byte(opcode, OPCODE_MODRM));
    this.if(this.or(this.eq(known, this.i32(MODRM.unknown)), this.eq(known, this.i32(MODRM.mixed))), () => this.give(this.i32(0)));
    this.if(this.eq(known, this.i32(MODRM.present)), () => {
      this.take(current, next);
      this.if(this.ltU(current, this.i32(0xc0)), () => {
        const narrowCode = this.eq(this.codeBits, this.i32(CODE_BITS[16]));
        const isNarrow = this.and(this.ne(this.codeBits, this.i32(CODE_BITS[64])), this.ne(narrowCode, isOther));
        this.if(isNarrow, () => this.readModrm16(), () => this.readModrm());
      });
    });
    const length = this.let(this.sub(next, at));
    this.if(this.gtU(length, this.i32(MOST_HEAD_BYTES)), () => this.give(this.i32(0)));
    this.putAt(HEAD_FOUND.low, this.lowest(this.word(at), length));
    const rest = this.let(this.sub(length, this.i32(4)));
    this.putAt(HEAD_FOUND.high, this.select(this.ltS(this.i32(0), rest), this.lowest(this.word(at, 4), rest), this.i32(0)));
    this.putAt(HEAD_FOUND.displacement, displacement);
    this.give(length);
    return this.finish();
  }

  private skipPrefixes(isOther: Variable): void {
    const { at, next, current, codeBits } = this;
    const kind = (): Value => this.byte(current, PREFIX_KINDS);
    const isPrefix = (): Value => this.and(this.ne(kind(), this.i32(PREFIX.none)), this.or(this.ne(kind(), this.i32(PREFIX.rex)), this.eq(codeBits, this.i32(CODE_BITS[64]))));
    this.repeatWhile(isPrefix, () => {
      this.if(this.eq(kind(), this.i32(PREFIX.address)), () => this.assign(isOther, this.i32(1)));
      this.if(this.geU(this.sub(next, at), this.i32(MOST_HEAD_BYTES)), () => this.give(this.i32(0)));
      this.take(current, next);
    });
  }

  /** The opcode, with its map in bits 8 and 9. */
  private opcode(): Variable {
    const { next, current } = this;
    const map = this.variable(this.i32(0));
    this.if(this.eq(current, this.i32(0x0f)), () => {
      this.take(current, next);
      this.assign(map, this.i32(1));
      for (const [escape, number] of [[0x38, 2], [0x3a, 3]] as const) {
        this.if(this.and(this.eq(map, this.i32(1)), this.eq(current, this.i32(escape))), () => {
          this.assign(map, this.i32(number));
          this.take(current, next);
        });
      }
    });
    return this.variable(this.or(this.shl(map, this.i32(8)), current));
  }

  /** Takes SIB in, and finds the displacement (Intel SDM vol. 2, table 2-2). */
  private readModrm(): void {
    const { next, current, displacement } = this;
    const mod = this.let(this.shrU(current, this.i32(6)));
    const base = this.variable(this.and(current, this.i32(7)));
    this.if(this.eq(base, this.i32(4)), () => {
      this.take(base, next);
      this.assign(base, this.and(base, this.i32(7)));
    });
    const isWide = this.or(this.eq(mod, this.i32(2)), this.eq(base, this.i32(5)));
    this.assign(displacement, this.select(this.eq(mod, this.i32(1)), this.i32(1), this.select(isWide, this.i32(4), this.i32(0))));
  }

  /** The same for addresses of 16 bits (table 2-1). */
  private readModrm16(): void {
    const { current, displacement } = this;
    const mod = this.let(this.shrU(current, this.i32(6)));
    const isWide = this.or(this.eq(mod, this.i32(2)), this.eq(this.and(current, this.i32(7)), this.i32(6)));
    this.assign(displacement, this.select(this.eq(mod, this.i32(1)), this.i32(1), this.select(isWide, this.i32(2), this.i32(0))));
  }

  /** The lowest bytes of a word, so many, or all four. */
  private lowest(word: Value, bytes: Value): Value {
    const mask = this.sub(this.shl(this.i32(1), this.shl(bytes, this.i32(3))), this.i32(1));
    return this.and(word, this.select(this.geU(bytes, this.i32(4)), this.i32(-1), mask));
  }
}

/**
 * Writes the records of instructions that follow one another and have forms, up to the first that ends a block (parameters: address of the first, end of what may be
 * read, number of the context, address of the first record, address of the page's table of blocks or 0, most instructions, first offset in the page inside CS's limit).
 * Gives how many, and RUN_WRITTEN. How many come behind each is left to `finishRun`.
 */
class RunWriter extends FormEmitter {
  private readonly at = this.variable(this.parameter(0));
  private readonly end = this.parameter(1);
  private readonly context = this.parameter(2);
  private readonly record = this.variable(this.parameter(3));
  private readonly table = this.parameter(4);
  private readonly most = this.parameter(5);
  private readonly first = this.parameter(6);
  private readonly page = this.let(this.and(this.at, this.i32(-PAGE_BYTES)));
  private readonly limit = this.let(this.sub(this.end, this.page));
  private readonly count = this.variable(this.i32(0));
  private readonly closed = this.variable(this.i32(0));
  private readonly leads = this.variable(this.i32(0));

  emit(readHead: number): FunctionBody {
    const { at, count, closed } = this;
    this.code.block((leave) => {
      this.code.loopBlock(() => {
        const again = this.code.nesting;
        const leaveIf = (condition: Value): void => leave(expression(condition));
        leaveIf(this.or(closed, this.or(this.geU(count, this.most), this.geU(at, this.end))));
        const headLength = this.let(call(readHead, I32, [at, this.and(this.context, this.i32(CODE_BITS_MASK))].map(expression)));
        leaveIf(this.eqz(headLength));
        const key = this.find(headLength, leaveIf);
        const nature = this.let(this.word(key, FORM_KEY.nature));
        const length = this.let(this.bits(nature, NATURE.length, 4));
        // What has been read of a head behind the end makes its instruction too long.
        leaveIf(this.gtU(length, this.sub(this.end, at)));
        this.write(key, nature, length, leaveIf);
        this.assign(closed, this.bits(nature, NATURE.closes, 1));
        this.assign(this.leads, this.bits(nature, NATURE.leads, 2));
        this.advance(count, 1);
        this.advance(this.record, RECORD_BYTES);
        this.assign(at, this.add(at, length));
        this.code.branch(again);
      });
    });
    this.putAt(RUN_WRITTEN.end, at);
    this.putAt(RUN_WRITTEN.closed, closed);
    this.putAt(RUN_WRITTEN.leads, this.leads);
    this.give(count);
    return this.finish();
  }

  /** Address of the key of the form that has been read; leaves where there is none. */
  private find(headLength: Value, leaveIf: (condition: Value) => void): Value {
    const [low, high] = [this.let(this.wordAt(HEAD_FOUND.low)), this.let(this.wordAt(HEAD_FOUND.high))];
    const key = this.let(this.or(this.shl(this.context, this.i32(FORM_LENGTH_BITS)), headLength));
    const place = this.variable(placeOf(this, low, high, key));
    const tries = this.variable(this.i32(FORM_PLACES));
    const address = this.variable(this.i32(0));
    const isAt = (): Value => this.and(this.and(this.eq(this.word(address, FORM_KEY.low), low), this.eq(this.word(address, FORM_KEY.high), high)), this.eq(this.word(address, FORM_KEY.context), key));
    const look = (): void => this.assign(address, this.add(this.i32(FORM_KEYS), this.mul(place, this.i32(FORM_KEY_BYTES))));
    look();
    this.repeatWhile(() => this.eqz(isAt()), () => {
      this.assign(tries, this.sub(tries, this.i32(1)));
      leaveIf(this.eqz(tries));
      this.assign(place, this.and(this.add(place, this.i32(1)), this.i32(FORMS - 1)));
      look();
    });
    return address;
  }

  /** Writes the record of the instruction; leaves where a displacement may run over 31 bits, which its index would have to say. */
  private write(key: Value, nature: Value, length: Value, leaveIf: (condition: Value) => void): void {
    const { at, record } = this;
    const body = this.let(this.add(this.i32(FORM_BODIES), this.mul(this.sub(key, this.i32(FORM_KEYS)), this.i32(FORM_BODY_BYTES / FORM_KEY_BYTES))));
    const displacementAt = this.let(this.add(at, this.bits(nature, NATURE.head, 4)));
    const displacementBytes = this.let(this.bits(nature, NATURE.displacement, 4));
    const offset = this.let(this.sub(at, this.page));
    const behind = this.let(this.add(offset, length));
    const displacement = this.variable(this.constant(displacementAt, displacementBytes, this.i32(1)));
    this.if(this.bits(nature, NATURE.relativeToIp, 1), () => {
      leaveIf(this.ltS(this.i32(LARGEST_FROM_PAGE), displacement));
      this.assign(displacement, this.add(displacement, behind));
    });
    const immediateAt = this.let(this.add(displacementAt, displacementBytes));
    const immediateBytes = this.let(this.bits(nature, NATURE.immediate, 4));
    const isSigned = this.let(this.bits(nature, NATURE.signed, 1));
    const constant = this.constant(immediateAt, this.select(this.gtU(immediateBytes, this.i32(4)), this.i32(4), immediateBytes), isSigned);
    const low = this.let(this.select(this.eqz(immediateBytes), this.word(body, FORM_BODY.immediate), constant));
    const sign = this.select(isSigned, this.shrS(low, this.i32(31)), this.i32(0));
    const high = this.select(this.gtU(immediateBytes, this.i32(4)), this.word(immediateAt, 4), sign);
    this.put(record, R.handler, this.word(body, FORM_BODY.handler));
    this.put(record, R.offset, this.or(offset, this.shl(length, this.i32(16))));
    this.put(record, R.registerA, this.word(body, FORM_BODY.registers));
    this.put(record, R.base, this.word(body, FORM_BODY.address));
    this.put(record, R.scale, this.word(body, FORM_BODY.sizes));
    this.put(record, R.segment, this.word(body, FORM_BODY.segment));
    this.put(record, R.displacement, displacement);
    this.put(record, R.link, this.word(body, FORM_BODY.link));
    this.put(record, R.immediate, low);
    this.put(record, R.immediate + 4, high);
    const tail = this.let(this.bits(nature, NATURE.tail, 3));
    this.if(tail, () => this.writeBranch(tail, low, behind));
  }

  /** Where a branch leads: see RecordWriter.writeBranch, which writes those of instructions without a form. */
  private writeBranch(tail: Value, distance: Value, behind: Value): void {
    const { record } = this;
    const is = (kind: number): Value => this.eq(tail, this.i32(kind));
    const linked = this.select(is(TAIL.relative), this.slot(this.let(this.add(behind, distance))), this.i32(NULL_SLOT));
    this.put(record, R.link, this.select(this.or(is(TAIL.indirect), is(TAIL.parameters)), this.i32(0), linked));
    this.if(this.ne(tail, this.i32(TAIL.parameters)), () => this.put(record, R.linkBehind, this.slot(behind)));
  }

  /** The slot of the block at an offset, if that is one of the page's. */
  private slot(target: Value): Value {
    const isInside = this.and(this.leS(this.first, target), this.ltS(target, this.limit));
    const hasTable = this.ne(this.table, this.i32(0));
    return this.select(this.and(isInside, hasTable), this.add(this.table, this.shl(target, this.i32(2))), this.i32(NULL_SLOT));
  }

  /** A constant of 0, 1, 2 or 4 bytes. */
  private constant(at: Value, bytes: Value, isSigned: Value): Value {
    const shift = this.let(this.shl(this.sub(this.i32(4), bytes), this.i32(3)));
    const shifted = this.let(this.shl(this.word(at), shift));
    return this.select(bytes, this.select(isSigned, this.shrS(shifted, shift), this.shrU(shifted, shift)), this.i32(0));
  }
}

/** Says in each of so many records how many come from there on, and has them executed in pairs where there are handlers for two (parameters: first record, how many). */
class RunFinisher extends FormEmitter {
  emit(): FunctionBody {
    const record = this.variable(this.parameter(0));
    const left = this.variable(this.parameter(1));
    this.repeatWhile(() => left, () => {
      this.code.store(OP.i32_store8, expression(record), R.back, expression(left));
      // Each has the pair that it begins, and overlaps with its neighbours' are harmless: what comes to a record executes it and goes on behind what it has executed.
      this.if(this.gtU(left, this.i32(1)), () => {
        const [row, column] = [this.kind(record, 0, PAIR_ROWS), this.kind(record, RECORD_BYTES, PAIR_COLUMNS)];
        const entry = this.mul(this.add(this.mul(row, this.i32(PAIR_KINDS)), column), this.i32(PAIR_ENTRY_BYTES));
        const pair = this.let(load(OP.i32_load16_u, I32, expression(entry), PAIR_ENTRIES));
        this.if(pair, () => this.put(record, R.handler, pair));
      });
      this.advance(record, RECORD_BYTES);
      this.assign(left, this.sub(left, this.i32(1)));
    });
    return this.finish();
  }

  /** What the handler of a record counts for in pairs. The entry without a handler stands for those that have no fixed place. */
  private kind(record: Value, distance: number, kinds: number): Value {
    const handler = this.let(this.word(record, distance + R.handler));
    return this.byte(this.select(this.ltU(handler, this.i32(PAIR_HANDLERS)), handler, this.i32(0)), kinds);
  }
}

/**
 * Decodes the block at an offset of a page by forms alone, and writes down that it has (parameters: address of the page's table of blocks, offset). Gives the block's
 * address; 0 where the monitor has to do it: the page is closed, an instruction has no form, or there is no room.
 */
class BlockEmitter extends FormEmitter {
  private readonly table = this.parameter(0);
  private readonly start = this.parameter(1);
  private readonly head = this.let(this.add(this.i32(CODE_HEADS), this.mul(this.shrU(this.sub(this.table, this.i32(CODE_BASE)), this.i32(Math.log2(CODE_TABLE_BYTES))), this.i32(CODE_HEAD_BYTES))));

  emit(writeRun: number, finishRun: number): FunctionBody {
    const code = this.let(this.field(HEAD.code));
    const noted = this.let(this.wordAt(DECODED_COUNT));
    this.refuseIf(this.or(this.eqz(code), this.geU(noted, this.i32(MOST_DECODED_BLOCKS))));
    const [address, id, longest] = [this.let(this.field(HEAD.next)), this.let(this.field(HEAD.id)), this.let(this.field(HEAD.longest))];
    const first = this.let(this.add(address, this.select(id, this.i32(RECORD_BYTES), this.i32(0))));
    // Behind the instructions there may have to be one record more.
    const room = this.let(this.sub(this.divS(this.sub(this.field(HEAD.end), first), this.i32(RECORD_BYTES)), this.i32(1)));
    this.refuseIf(this.leS(room, this.i32(0)));
    const most = this.let(this.select(this.ltS(room, longest), room, longest));
    const end = this.let(this.add(code, this.i32(PAGE_BYTES)));
    const parameters = [this.add(code, this.start), end, this.field(HEAD.context), first, this.table, most, this.i32(0)];
    const count = this.let(call(writeRun, I32, parameters.map(expression)));
    const at = this.let(this.wordAt(RUN_WRITTEN.end));
    const behind = this.let(this.sub(at, code));
    const recordsEnd = this.variable(this.add(first, this.mul(count, this.i32(RECORD_BYTES))));
    this.if(this.eqz(this.wordAt(RUN_WRITTEN.closed)), () => {
      // As long as blocks are, or up to the page's end; else an instruction stands there that has no form.
      this.refuseIf(this.and(this.ne(count, longest), this.ltU(at, end)));
      this.putSpecial(recordsEnd, SPECIAL_HANDLERS.onward, behind);
      this.advance(recordsEnd, RECORD_BYTES);
    });
    this.if(id, () => {
      this.putSpecial(address, SPECIAL_HANDLERS.profile, this.or(this.start, this.shl(count, this.i32(8 * (R.back - R.offset)))));
      this.put(address, R.link, this.field(HEAD.heat));
      this.put(address, R.page, id);
    });
    this.code.call(finishRun, [first, count].map(expression));
    this.mark(behind);
    this.put(this.head, HEAD.next, recordsEnd);
    this.put(this.add(this.table, this.shl(this.start, this.i32(2))), 0, address);
    this.note(noted, { table: this.table, start: this.start, end: behind, address, recordBytes: this.sub(recordsEnd, address), count });
    this.give(address);
    return this.finish();
  }

  private field(offset: number): Value {
    return this.word(this.head, offset);
  }

  private refuseIf(condition: Value): void {
    this.if(condition, () => this.give(this.i32(0)));
  }

  private putSpecial(record: Value, handler: number, offset: Value): void {
    this.put(record, R.handler, this.i32(handler));
    this.put(record, R.offset, offset);
  }

  /** Marks the block's bytes for those who write beside code. */
  private mark(behind: Value): void {
    const marks = this.let(this.field(HEAD.marks));
    this.if(marks, () => {
      const at = this.variable(this.start);
      this.repeatWhile(() => this.ltU(at, behind), () => {
        const place = this.let(this.add(marks, this.shrU(at, this.i32(3))));
        const bit = this.shl(this.i32(1), this.and(at, this.i32(7)));
        this.code.store(OP.i32_store8, expression(place), 0, expression(this.or(this.byte(place, 0), bit)));
        this.advance(at, 1);
      });
    });
  }

  private note(noted: Value, block: Readonly<Record<keyof typeof DECODED, Value>>): void {
    const entry = this.let(this.mul(noted, this.i32(DECODED_BYTES)));
    for (const [name, offset] of Object.entries(DECODED) as [keyof typeof DECODED, number][]) this.put(entry, DECODED_FIRST + offset, block[name]);
    this.putAt(DECODED_COUNT, this.add(noted, this.i32(1)));
  }
}

/** The first place where a form is looked for. InstructionForms.placeOf computes the same. */
function placeOf(e: RoutineEmitter, low: Value, high: Value, key: Value): Value {
  const factor = (name: keyof typeof FORM_HASH): Value => e.i32(FORM_HASH[name] | 0);
  const mixed = e.xor(e.xor(e.mul(low, factor('low')), e.mul(high, factor('high'))), e.mul(key, factor('context')));
  return e.shrU(e.mul(mixed, factor('all')), e.i32(32 - Math.log2(FORMS)));
}

const i32s = (count: number): readonly WasmType[] => Array.from({ length: count }, () => I32);

export const FORM_ROUTINES = {
  readHead: { parameters: i32s(2), results: i32s(1) },
  writeRun: { parameters: i32s(7), results: i32s(1) },
  finishRun: { parameters: i32s(2), results: i32s(0) },
  decodeBlock: { parameters: i32s(2), results: i32s(1) },
} as const;
export type FormRoutine = keyof typeof FORM_ROUTINES;

/** The same as TypeScript calls them. */
export interface FormFunctions {
  readHead(at: number, codeBits: number): number;
  writeRun(at: number, end: number, context: number, record: number, table: number, most: number, first: number): number;
  finishRun(record: number, count: number): void;
  decodeBlock(table: number, offset: number): number;
}

/** Writes them; `define` gives each its function number, by which later ones call it. */
export function emitFormRoutines(define: (name: FormRoutine, body: FunctionBody) => number): Readonly<Record<FormRoutine, number>> {
  const parametersOf = (name: FormRoutine): readonly WasmType[] => FORM_ROUTINES[name].parameters;
  const readHead = define('readHead', new HeadEmitter(parametersOf('readHead')).emit());
  const writeRun = define('writeRun', new RunWriter(parametersOf('writeRun')).emit(readHead));
  const finishRun = define('finishRun', new RunFinisher(parametersOf('finishRun')).emit());
  const decodeBlock = define('decodeBlock', new BlockEmitter(parametersOf('decodeBlock')).emit(writeRun, finishRun));
  return { readHead, writeRun, finishRun, decodeBlock };
}
