/**
 * Generated functions that are no instruction's: entering a block, the way to any offset in CS, leaving for
 * TypeScript, going on behind a block, the entry from TypeScript, and calls to it.
 */
import { CS, EIP, EIP_BASE, EXIT_REASON, EXIT_RECORD, FLAGS_SYSTEM, LINEAR_MASK, REMAINING, SEG_BASE, SEGMENT_BYTES, SEGMENTS, TLB_EXECUTE_TABLE, TLB_READ_TABLE, TLB_WRITE_TABLE } from '../cpu/layout';
import { RF } from '../isa/flags';
import { BUDGET_REFUSED, EMPTY_TAG, CPU_BASE, JUMP, JUMP_CACHE, JUMP_ENTRIES, JUMP_ENTRY_BYTES, MONITOR_WORDS, PAGE_BYTES, PAGE_SHIFT, STORES_TO_SAMPLE, STRAYED_RECORD, STRAYS_TO_SAMPLE, TLB_ENTRIES, TLB_ENTRY_BYTES, TLB_EXECUTE_ENTRIES, TLB_TRACED, TLB_TRACED_ENTRIES, TLB_VICTIM_ENTRIES, TLB_VICTIM_READ, TLB_VICTIM_WRITE, TLB_WRITE } from '../memory/layout';
import { EXIT, GROUP_BYTES, R, RECORD_BYTES } from './records';
import { regionImportSignature } from './regionImports';
import { I32, I64, OP, V128, type ByteWriter, type WasmType } from './wasm/encoding';
import { binary, call, i32, i64, load, select, unary, type Expression } from './wasm/expressions';
import { FunctionBuilder } from './wasm/functionBuilder';
import { VECTOR_OP } from './wasm/vectorOpcodes';

/** A finished function, as ModuleBuilder.define takes it. */
export interface FunctionBody {
  readonly locals: readonly WasmType[];
  readonly code: ByteWriter;
}

const CPU = i32(0);
const at = (offset: number): number => CPU_BASE + offset;
const CS_BASE = SEGMENTS + CS * SEGMENT_BYTES;

/** Offset of a linear address's entry in a TLB table of so many entries (see Tlb). */
export function tlbIndex(low: Expression, entries: number): Expression {
  return binary(OP.i32_and, I32, binary(OP.i32_shr_u, I32, low, i32(PAGE_SHIFT - Math.log2(TLB_ENTRY_BYTES))), i32((entries - 1) * TLB_ENTRY_BYTES));
}

/** Linear address of an offset in CS. */
export function linearAddress(offset: Expression): Expression {
  const sum = binary(OP.i64_add, I64, load(OP.i64_load, I64, CPU, at(CS_BASE + SEG_BASE)), offset);
  return binary(OP.i64_and, I64, sum, load(OP.i64_load, I64, CPU, at(LINEAR_MASK)));
}

/** Address of a linear address's entry in the execute TLB. */
export const executeEntry = (low: Expression): Expression => binary(OP.i32_add, I32, load(OP.i32_load, I32, CPU, at(TLB_EXECUTE_TABLE)), tlbIndex(low, TLB_EXECUTE_ENTRIES));

/** Address of the jump cache's entry for a linear address. */
function jumpEntry(low: Expression): Expression {
  const folded = binary(OP.i32_xor, I32, low, binary(OP.i32_shr_u, I32, low, i32(Math.log2(JUMP_ENTRIES))));
  const offset = binary(OP.i32_shl, I32, binary(OP.i32_and, I32, folded, i32(JUMP_ENTRIES - 1)), i32(Math.log2(JUMP_ENTRY_BYTES)));
  return binary(OP.i32_add, I32, offset, i32(JUMP_CACHE));
}

/** What the ways to a block share. */
interface Arrival {
  readonly handlerType: number;
  /** Linear address (i64), and its lower half. */
  readonly linear: Expression;
  readonly low: Expression;
  /** What is left of the budget before the block. */
  readonly budget: Expression;
  /** What is to be done before it is entered. */
  readonly before: () => void;
}

/** Goes to the block that a jump to the same place has led to before, by the function table or as `go` does. Gives the cache's entry. */
function recall(
  b: FunctionBuilder,
  { handlerType, linear, low, budget, before }: Arrival,
  go = (record: Expression, handler: Expression): void => b.returnCallIndirect(handlerType, [record], handler),
): Expression {
  const entry = b.let(jumpEntry(low));
  const same = binary(OP.i64_eq, I32, load(OP.i64_load, I64, entry, JUMP.linear), linear);
  const here = binary(OP.i32_eq, I32, load(OP.i32_load, I32, entry, JUMP.tag), load(OP.i32_load, I32, CPU, MONITOR_WORDS.jumpTag));
  b.if(binary(OP.i32_and, I32, same, here), () => {
    const remaining = b.let(binary(OP.i32_sub, I32, budget, load(OP.i32_load, I32, entry, JUMP.count)));
    b.if(binary(OP.i32_ge_s, I32, remaining, i32(0)), () => {
      b.store(OP.i32_store, CPU, at(REMAINING), remaining);
      before();
      go(load(OP.i32_load, I32, entry, JUMP.record), load(OP.i32_load, I32, entry, JUMP.handler));
    });
  });
  return entry;
}

/** Goes to the block at record `next` as `enterBlock` does, and remembers that the jump has led there. */
function enterAndRemember(b: FunctionBuilder, { handlerType, linear, budget, before }: Arrival, entry: Expression, next: Expression): void {
  enterBlock(b, handlerType, next, {
    budget,
    before: () => {
      before();
      b.store(OP.i64_store, entry, JUMP.linear, linear);
      b.store(OP.i32_store, entry, JUMP.tag, load(OP.i32_load, I32, CPU, MONITOR_WORDS.jumpTag));
      b.store(OP.i32_store, entry, JUMP.record, next);
      b.store(OP.i32_store, entry, JUMP.handler, load(OP.i32_load, I32, next, R.handler));
      b.store(OP.i32_store, entry, JUMP.count, load(OP.i32_load8_u, I32, next, R.back));
      b.store(OP.i32_store, CPU, MONITOR_WORDS.jumpsKnown, i32(1));
    },
  });
}

/** Goes to the block at record `next` if the budget reaches through it, and does something before; falls through otherwise. */
export function enterBlock(b: FunctionBuilder, handlerType: number, next: Expression, { budget = load(OP.i32_load, I32, CPU, at(REMAINING)), before = (): void => undefined } = {}): void {
  const remaining = b.let(binary(OP.i32_sub, I32, budget, load(OP.i32_load8_u, I32, next, R.back)));
  b.if(binary(OP.i32_ge_s, I32, remaining, i32(0)), () => {
    b.store(OP.i32_store, CPU, at(REMAINING), remaining);
    before();
    b.returnCallIndirect(handlerType, [next], load(OP.i32_load, I32, next, R.handler));
  });
}

/**
 * The way to an instruction at any offset in CS (parameter: i64): through the execute TLB to the page's table
 * of blocks. What is not there, and cannot be decoded by forms alone (`decode`, see emitDecode), is left to TypeScript.
 */
export function emitJump(handlerType: number, decode: number, parameters: readonly WasmType[] = [I64]): FunctionBody {
  const b = new FunctionBuilder(parameters);
  const offset = b.parameter(0);
  goTo(b, handlerType, offset, undefined, () => b.returnCall(decode, [offset]));
  b.store(OP.i64_store, CPU, at(EIP), offset);
  b.store(OP.i32_store, CPU, at(EXIT_REASON), i32(EXIT.jump));
  return { locals: b.locals, code: b.finish() };
}

/** The way to an offset in CS (i64), and where in its page that is. */
function arrivalAt(b: FunctionBuilder, handlerType: number, offset: Expression, before = (): void => undefined): Arrival & { readonly inPage: Expression } {
  const linear = b.let(linearAddress(offset));
  const low = b.let(unary(OP.i32_wrap_i64, I32, linear));
  const inPage = b.let(binary(OP.i32_and, I32, low, i32(PAGE_BYTES - 1)));
  return {
    handlerType, linear, low, inPage, budget: load(OP.i32_load, I32, CPU, at(REMAINING)),
    before: () => {
      b.store(OP.i64_store, CPU, at(EIP_BASE), binary(OP.i64_sub, I64, offset, unary(OP.i64_extend_i32_u, I64, inPage)));
      before();
    },
  };
}

/** Goes on, as `go` does, with the record to which a jump to an offset in CS (i64) has led before; falls through when there is none. */
export function goOnAtKnown(b: FunctionBuilder, handlerType: number, offset: Expression, go: (record: Expression) => void): void {
  recall(b, arrivalAt(b, handlerType, offset), go);
}

/**
 * The way to an offset in CS (parameter: i64) whose page is known, and whose block is not: to the block, if it can be decoded by forms alone (`decodeBlock`, see
 * ./formRoutines). A function of its own, since `jump` would need a frame on the host's stack for the call.
 */
export function emitDecode(decodeBlock: number, jump: number): FunctionBody {
  const b = new FunctionBuilder([I64]);
  const offset = b.parameter(0);
  const linear = b.let(linearAddress(offset));
  const low = b.let(unary(OP.i32_wrap_i64, I32, linear));
  const entry = b.let(executeEntry(low));
  b.if(call(decodeBlock, I32, [load(OP.i32_load, I32, entry, 8), binary(OP.i32_and, I32, low, i32(PAGE_BYTES - 1))]), () => b.returnCall(jump, [offset]));
  b.store(OP.i64_store, CPU, at(EIP), offset);
  b.store(OP.i32_store, CPU, at(EXIT_REASON), i32(EXIT.jump));
  return { locals: b.locals, code: b.finish() };
}

/** Goes to the block at an offset in CS (i64) if it is known and the budget reaches through it; does something else where its page alone is known; falls through otherwise. */
function goTo(b: FunctionBuilder, handlerType: number, offset: Expression, before = (): void => undefined, isMissing = (): void => undefined): void {
  const arrival = arrivalAt(b, handlerType, offset, before);
  const { linear, low, inPage } = arrival;
  const jump = recall(b, arrival);
  const entry = b.let(executeEntry(low));
  const page = binary(OP.i64_and, I64, linear, i64(-BigInt(PAGE_BYTES)));
  b.if(binary(OP.i64_eq, I32, load(OP.i64_load, I64, entry, 0), page), () => {
    const slot = binary(OP.i32_add, I32, load(OP.i32_load, I32, entry, 8), binary(OP.i32_shl, I32, inPage, i32(2)));
    const next = b.let(load(OP.i32_load, I32, slot, 0));
    b.if(next, () => enterAndRemember(b, arrival, jump, next), isMissing);
  });
}

/**
 * The way behind a transfer that a routine has done: to the instruction at EIP, which RF does not outlive (Intel SDM
 * vol. 3, 17.3.1.1).
 */
export function emitArrive(handlerType: number): FunctionBody {
  const b = new FunctionBuilder([]);
  const offset = b.let(load(OP.i64_load, I64, CPU, at(EIP)));
  goTo(b, handlerType, offset, () => {
    const flags = load(OP.i32_load, I32, CPU, at(FLAGS_SYSTEM));
    b.store(OP.i32_store, CPU, at(FLAGS_SYSTEM), binary(OP.i32_and, I32, flags, i32(~RF)));
  });
  b.store(OP.i32_store, CPU, at(EXIT_REASON), i32(EXIT.jump));
  return { locals: b.locals, code: b.finish() };
}

/**
 * The way from translated code of the flat model to any offset in CS (parameters: offset, the budget): what `jump` does, where
 * an offset is the linear address and execute TLBs hold no page from 4 GiB up (CodeLocator empties them when code gets 64 bits).
 */
export function emitLeap(handlerType: number, jump: number): FunctionBody {
  const b = new FunctionBuilder(regionImportSignature('leap').parameters);
  const [offset, remaining] = [b.parameter(0), b.parameter(1)];
  const page = b.let(binary(OP.i32_and, I32, offset, i32(-PAGE_BYTES)));
  const arrival: Arrival = {
    handlerType, linear: b.let(unary(OP.i64_extend_i32_u, I64, offset)), low: offset, budget: remaining,
    before: () => b.store(OP.i64_store, CPU, at(EIP_BASE), unary(OP.i64_extend_i32_u, I64, page)),
  };
  const known = recall(b, arrival);
  const entry = b.let(executeEntry(offset));
  b.if(binary(OP.i32_eq, I32, load(OP.i32_load, I32, entry, 0), page), () => {
    const slot = binary(OP.i32_add, I32, load(OP.i32_load, I32, entry, 8), binary(OP.i32_shl, I32, binary(OP.i32_xor, I32, offset, page), i32(2)));
    const next = b.let(load(OP.i32_load, I32, slot, 0));
    b.if(next, () => enterAndRemember(b, arrival, known, next));
  });
  b.store(OP.i32_store, CPU, at(REMAINING), remaining);
  b.returnCall(jump, [unary(OP.i64_extend_i32_u, I64, offset)]);
  return { locals: b.locals, code: b.finish() };
}

/** The way from translated code to the block of a slot (parameters: slot, offset in the page, the budget): the block, or the way to its offset. */
export function emitFollow(handlerType: number, jump: number): FunctionBody {
  const b = new FunctionBuilder(regionImportSignature('follow').parameters);
  const remaining = b.parameter(2);
  const start = load(OP.i64_load, I64, CPU, at(EIP_BASE));
  const offset = b.let(binary(OP.i64_add, I64, start, unary(OP.i64_extend_i32_u, I64, b.parameter(1))));
  const linear = b.let(linearAddress(offset));
  const arrival: Arrival = { handlerType, linear, low: b.let(unary(OP.i32_wrap_i64, I32, linear)), budget: remaining, before: () => undefined };
  const known = recall(b, arrival);
  const next = b.let(load(OP.i32_load, I32, b.parameter(0), 0));
  b.if(next, () => enterAndRemember(b, arrival, known, next));
  b.store(OP.i32_store, CPU, at(REMAINING), remaining);
  b.returnCall(jump, [offset]);
  return { locals: b.locals, code: b.finish() };
}

/** Entries after which a block that was hot and has not been translated is reported again: a power of 2, more than make one hot. */
const URGENT = 32768;

/** Whether a block is to be reported that so many more entries make hot. */
export const isReported = (left: Expression): Expression => unary(OP.i32_eqz, I32, binary(OP.i32_and, I32, left, i32(URGENT - 1)));

/**
 * The record in front of a block that is not translated: counts down to 0 in its link field, and below, tells the monitor then
 * and now and then, and goes on with the block's first instruction. At a budget's end it does not count.
 */
export function emitProfile(handlerType: number, hot: number): FunctionBody {
  const b = new FunctionBuilder([I32]);
  const record = b.parameter(0);
  b.if(unary(OP.i32_eqz, I32, load(OP.i32_load, I32, CPU, BUDGET_REFUSED)), () => {
    const left = b.let(binary(OP.i32_sub, I32, load(OP.i32_load, I32, record, R.link), i32(1)));
    b.store(OP.i32_store, record, R.link, left);
    b.if(isReported(left), () => b.call(hot, [record]));
  });
  b.returnCallIndirect(handlerType, [binary(OP.i32_add, I32, record, i32(RECORD_BYTES))], load(OP.i32_load, I32, record, RECORD_BYTES + R.handler));
  return { locals: b.locals, code: b.finish() };
}

/** The record in front of an instruction with a breakpoint: asks the monitor whether to leave, and goes on with the instruction otherwise. */
export function emitBreakpoint(handlerType: number, monitor: number): FunctionBody {
  const b = new FunctionBuilder([I32]);
  const record = b.parameter(0);
  b.if(call(monitor, I32, [record]), () => b.return());
  b.returnCallIndirect(handlerType, [binary(OP.i32_add, I32, record, i32(RECORD_BYTES))], load(OP.i32_load, I32, record, RECORD_BYTES + R.handler));
  return { locals: b.locals, code: b.finish() };
}

/**
 * The place of an instruction that crosses the page's end: its records are entered if the next linear page leads to the
 * code page that they were decoded from. Otherwise TypeScript executes it.
 */
export function emitBridge(handlerType: number): FunctionBody {
  const b = new FunctionBuilder([I32]);
  const record = b.parameter(0);
  const start = binary(OP.i64_add, I64, load(OP.i64_load, I64, CPU, at(EIP_BASE)), i64(BigInt(PAGE_BYTES)));
  const next = b.let(binary(OP.i64_and, I64, linearAddress(start), i64(-BigInt(PAGE_BYTES))));
  const entry = b.let(executeEntry(unary(OP.i32_wrap_i64, I32, next)));
  const mapped = binary(OP.i64_eq, I32, load(OP.i64_load, I64, entry, 0), next);
  const same = binary(OP.i32_eq, I32, load(OP.i32_load, I32, entry, 8), load(OP.i32_load, I32, record, R.page));
  b.if(binary(OP.i32_and, I32, mapped, same), () => enterBlock(b, handlerType, b.let(load(OP.i32_load, I32, record, R.link))));
  b.store(OP.i32_store, CPU, at(EXIT_REASON), i32(EXIT.crossing));
  b.store(OP.i32_store, CPU, at(EXIT_RECORD), record);
  return { locals: b.locals, code: b.finish() };
}

/** A record that is not executed: it tells TypeScript why and where. */
export function emitLeave(reason: number): FunctionBody {
  const b = new FunctionBuilder([I32]);
  b.store(OP.i32_store, CPU, at(EXIT_REASON), i32(reason));
  b.store(OP.i32_store, CPU, at(EXIT_RECORD), b.parameter(0));
  return { locals: b.locals, code: b.finish() };
}

/** The end of a block without a transfer: on to the offset where the record stands. */
export function emitContinue(jump: number): FunctionBody {
  const b = new FunctionBuilder([I32]);
  const start = load(OP.i64_load, I64, CPU, at(EIP_BASE));
  const offset = unary(OP.i64_extend_i32_u, I64, load(OP.i32_load16_u, I32, b.parameter(0), R.offset));
  b.returnCall(jump, [binary(OP.i64_add, I64, start, offset)]);
  return { locals: b.locals, code: b.finish() };
}

/** The way from a region that may need more than what is left of the budget to the interpreter (parameter: record). */
export function emitRefuse(handlerType: number): FunctionBody {
  const b = new FunctionBuilder(regionImportSignature('refuse').parameters);
  b.store(OP.i32_store, CPU, BUDGET_REFUSED, i32(1));
  enterRecord(b, handlerType);
  return { locals: b.locals, code: b.finish() };
}

/** The way from an access of translated code that the TLB does not serve to the interpreter (parameter: record); the monitor is told of one now and then. */
export function emitStray(handlerType: number, strayed: number): FunctionBody {
  const b = new FunctionBuilder(regionImportSignature('stray').parameters);
  const record = b.parameter(0);
  const left = b.let(binary(OP.i32_sub, I32, load(OP.i32_load, I32, CPU, STRAYS_TO_SAMPLE), i32(1)));
  b.store(OP.i32_store, CPU, STRAYS_TO_SAMPLE, left);
  b.if(binary(OP.i32_le_s, I32, left, i32(0)), () => b.call(strayed, [record]));
  enterRecord(b, handlerType);
  return { locals: b.locals, code: b.finish() };
}

/** Entry from TypeScript, or from translated code: the handler of the given record. */
export function emitEnter(handlerType: number, parameters: readonly WasmType[] = [I32]): FunctionBody {
  const b = new FunctionBuilder(parameters);
  enterRecord(b, handlerType);
  return { locals: b.locals, code: b.finish() };
}

/** Goes to the handler of the record that is the first parameter. */
function enterRecord(b: FunctionBuilder, handlerType: number): void {
  const record = b.parameter(0);
  b.returnCallIndirect(handlerType, [record], load(OP.i32_load, I32, record, R.handler));
}

/** What an access past the large tables of the TLB is looked for in: linear address in two halves, bytes with the kind of access. */
class BesideLookup {
  readonly b = new FunctionBuilder([I32, I32, I32]);
  readonly low = this.b.parameter(0);
  private readonly high = this.b.parameter(1);
  readonly bytes = this.b.let(binary(OP.i32_and, I32, this.b.parameter(2), i32(0xff)));
  readonly writes = this.b.let(binary(OP.i32_shr_u, I32, this.b.parameter(2), i32(8)));
  readonly offset = this.b.let(binary(OP.i32_and, I32, this.low, i32(PAGE_BYTES - 1)));
  readonly last = this.b.let(binary(OP.i32_add, I32, this.offset, binary(OP.i32_sub, I32, this.bytes, i32(1))));

  /** The entry for the address in a table of so many entries, at a distance from the table for writing. */
  entry(distance: Expression, entries: number): Expression {
    const table = binary(OP.i32_add, I32, load(OP.i32_load, I32, CPU, at(TLB_WRITE_TABLE)), distance);
    return this.b.let(binary(OP.i32_add, I32, table, tlbIndex(this.low, entries)));
  }

  /** Whether an entry holds all of the bytes. */
  holds(entry: Expression): Expression {
    const samePage = binary(OP.i32_eq, I32, load(OP.i32_load, I32, entry, 0), binary(OP.i32_sub, I32, this.low, this.offset));
    const held = binary(OP.i32_and, I32, samePage, binary(OP.i32_eq, I32, load(OP.i32_load, I32, entry, 4), this.high));
    return binary(OP.i32_and, I32, held, binary(OP.i32_lt_u, I32, this.last, i32(PAGE_BYTES)));
  }

  giveHost(entry: Expression): void {
    this.b.return(binary(OP.i32_add, I32, this.low, load(OP.i32_load, I32, entry, 8)));
  }

  finish(): FunctionBody {
    this.b.return(i32(0));
    return { locals: this.b.locals, code: this.b.finish() };
  }
}

/**
 * An access to a page that another has put out of the large tables: the host address of the bytes, or 0. Both pages change places, since this one is
 * used now. A place that is empty by now is the monitor's to fill: only it can note that (Tlb.list).
 */
export function emitVictim(): FunctionBody {
  const look = new BesideLookup();
  const { b, writes } = look;
  const victim = look.entry(select(writes, i32(TLB_VICTIM_WRITE - TLB_WRITE), i32(TLB_VICTIM_READ - TLB_WRITE)), TLB_VICTIM_ENTRIES);
  b.if(look.holds(victim), () => {
    const table = select(writes, load(OP.i32_load, I32, CPU, at(TLB_WRITE_TABLE)), load(OP.i32_load, I32, CPU, at(TLB_READ_TABLE)));
    const place = b.let(binary(OP.i32_add, I32, table, tlbIndex(look.low, TLB_ENTRIES)));
    b.if(unary(OP.i32_eqz, I32, binary(OP.i32_and, I32, load(OP.i32_load, I32, place, 0), i32(EMPTY_TAG))), () => {
      const [here, there] = [b.let(load(VECTOR_OP.load, V128, victim, 0)), b.let(load(VECTOR_OP.load, V128, place, 0))];
      b.store(VECTOR_OP.store, place, 0, here);
      b.store(VECTOR_OP.store, victim, 0, there);
      look.giveHost(place);
    });
  });
  return look.finish();
}

/** Most bytes of a store whose marks, from any bit of a byte on, are in 64 bits. */
const MOST_UNMARKED_BYTES = 32;

/** A store to a traced page, beside what is marked in it: the host address of the bytes, or 0. */
export function emitUnmarked(): FunctionBody {
  const look = new BesideLookup();
  const { b, bytes, offset } = look;
  b.if(look.writes, () => {
    const entry = look.entry(i32(TLB_TRACED - TLB_WRITE), TLB_TRACED_ENTRIES);
    b.if(binary(OP.i32_and, I32, look.holds(entry), binary(OP.i32_le_u, I32, bytes, i32(MOST_UNMARKED_BYTES))), () => {
      // What stands behind the marks of a page's last bytes is cut off.
      const marks = load(OP.i64_load, I64, binary(OP.i32_add, I32, load(OP.i32_load, I32, entry, 12), binary(OP.i32_shr_u, I32, offset, i32(3))), 0);
      const from = unary(OP.i64_extend_i32_u, I64, binary(OP.i32_and, I32, offset, i32(7)));
      const all = binary(OP.i64_sub, I64, binary(OP.i64_shl, I64, i64(1n), unary(OP.i64_extend_i32_u, I64, bytes)), i64(1n));
      const marked = binary(OP.i64_and, I64, binary(OP.i64_shr_u, I64, marks, from), all);
      b.if(unary(OP.i64_eqz, I32, marked), () => { look.giveHost(entry); });
    });
  });
  return look.finish();
}

/** Both, as translated code asks from inside of its regions: the host address of the bytes, or 0 if the monitor has to be asked. */
export function emitBeside(victim: number, unmarked: number): FunctionBody {
  const b = new FunctionBuilder([I32, I32, I32]);
  const parameters = [b.parameter(0), b.parameter(1), b.parameter(2)];
  const host = b.let(call(victim, I32, parameters));
  b.if(host, () => b.return(host));
  b.returnCall(unmarked, parameters);
  return { locals: b.locals, code: b.finish() };
}

/**
 * An access of a handler that its TLB does not serve (parameters as of MonitorCalls.access): what lies beside goes to memory,
 * but for one store to a traced page now and then that the monitor is told of; all else is asked of the monitor.
 */
export function emitAccess(victim: number, unmarked: number, monitor: number): FunctionBody {
  const b = new FunctionBuilder([I32, I32, I32, I32]);
  const place = [b.parameter(0), b.parameter(1), b.parameter(2)];
  // What has left a region for this has not left it for the group that it is looked up with.
  const found = (): void => {
    const first = b.let(binary(OP.i32_sub, I32, b.parameter(3), load(OP.i32_load, I32, i32(0), STRAYED_RECORD)));
    b.if(binary(OP.i32_lt_u, I32, first, i32(GROUP_BYTES)), () => b.store(OP.i32_store, i32(0), STRAYED_RECORD, i32(0)));
  };
  const kept = b.let(call(victim, I32, place));
  b.if(kept, () => {
    found();
    b.return(kept);
  });
  const host = b.let(call(unmarked, I32, place));
  b.if(host, () => {
    found();
    const left = b.let(binary(OP.i32_sub, I32, load(OP.i32_load, I32, i32(0), STORES_TO_SAMPLE), i32(1)));
    b.store(OP.i32_store, i32(0), STORES_TO_SAMPLE, left);
    b.if(binary(OP.i32_gt_s, I32, left, i32(0)), () => b.return(host));
  });
  b.returnCall(monitor, [0, 1, 2, 3].map((i) => b.parameter(i)));
  return { locals: b.locals, code: b.finish() };
}

/** A function that passes its first parameters on to another one. */
export function emitForward(fn: number, passed: number, parameters: readonly WasmType[]): FunctionBody {
  const b = new FunctionBuilder(parameters);
  b.returnCall(fn, Array.from({ length: passed }, (_, i) => b.parameter(i)));
  return { locals: b.locals, code: b.finish() };
}
