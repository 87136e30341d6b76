/**
 * What routines of system instructions share: the state block, structures of the system in memory, segment registers and
 * privilege. Such a routine gives 1 when it has done its work, and 0 when the case is not a common one: then nothing has
 * changed, and the service of the instruction does it.
 */
import * as L from '../cpu/layout';
import { ATTRIBUTE, CR0, EFER, FLAG } from '../cpu/state';
import { STATUS_MASK, statusImage, statusWords } from '../isa/flags';
import type { Value } from '../isa/emitter';
import {
  MONITOR_WORDS, PAGE_BYTES, TLB_ENTRIES, TLB_EXECUTE_USER, TLB_READ, TLB_USER, TLB_VICTIM_ENTRIES, TLB_VICTIM_READ, TLB_VICTIM_WRITE, TLB_WRITE,
} from '../memory/layout';
import { tlbIndex, type FunctionBody } from './controlFunctions';
import { CPU, at } from './operandEmitter';
import { RoutineEmitter } from './routineEmitter';
import { expression, isWiderThan } from './valueEmitter';
import { F64, I32, I64, OP } from './wasm/encoding';
import { binary, load, unary } from './wasm/expressions';

/** Privilege of user programs. */
export const USER = 3;
const DPL_SHIFT = 5;

/** The TLB's tables for a kind of access: where the state block says where they are, and how far from them the pages are kept that were put out of them. */
const TABLES = {
  read: { at: L.TLB_READ_TABLE, victims: TLB_VICTIM_READ - TLB_READ },
  write: { at: L.TLB_WRITE_TABLE, victims: TLB_VICTIM_WRITE - TLB_WRITE },
} as const;
export type SystemTable = keyof typeof TABLES;

/** A segment descriptor out of the GDT, decoded. */
export interface LoadedDescriptor {
  readonly attributes: Value;
  readonly base: Value;
  /** In bytes, granularity applied. */
  readonly limit: Value;
}

/** State-block offset of a part of a segment register. */
export const partOf = (segment: number, part: number): number => L.SEGMENTS + segment * L.SEGMENT_BYTES + part;

export class SystemRoutineEmitter extends RoutineEmitter {
  /** The routine, once it has done its work. */
  done(): FunctionBody {
    this.give(this.i32(1));
    return this.finish();
  }

  refuseIf(condition: Value): void {
    this.if(condition, () => this.give(this.i32(0)));
  }

  // The state block.

  word(offset: number): Value {
    return this.let(load(OP.i32_load, I32, CPU, at(offset)));
  }
  wide(offset: number): Value {
    return this.let(load(OP.i64_load, I64, CPU, at(offset)));
  }
  setWord(offset: number, value: Value): void {
    this.code.store(OP.i32_store, CPU, at(offset), expression(value));
  }
  setWide(offset: number, value: Value): void {
    this.code.store(OP.i64_store, CPU, at(offset), expression(value));
  }
  monitorWord(address: number): Value {
    return this.let(load(OP.i32_load, I32, CPU, address));
  }
  flagResult(): Value {
    return load(OP.i64_load, I64, CPU, at(L.FLAG_RESULT));
  }
  flagAux(): Value {
    return load(OP.i32_load, I32, CPU, at(L.FLAG_AUX));
  }

  /** EFLAGS. */
  flags(): Value {
    return this.let(this.or(this.word(L.FLAGS_SYSTEM), statusImage(this)));
  }
  /** Sets EFLAGS, as far as this processor has them. */
  setFlags(value: Value): void {
    const { result, aux } = statusWords(this, value);
    const word = this.let(aux);
    this.setWide(L.FLAG_RESULT, result);
    this.setWord(L.FLAG_AUX, word);
    const changeable = this.and(this.monitorWord(MONITOR_WORDS.flagsChangeable), this.i32(~STATUS_MASK));
    this.setWord(L.FLAGS_SYSTEM, this.or(this.and(value, changeable), this.monitorWord(MONITOR_WORDS.flagsFixed)));
  }

  /**
   * Refuses what has ways of its own in services: real and virtual-8086 mode (or long mode, or all others), single steps,
   * and alignment checks, under which TLB tables have no fixed place.
   */
  begin(mode: 'legacy' | 'long'): void {
    const flags = this.word(L.FLAGS_SYSTEM);
    const cr0 = this.word(L.CR0);
    this.refuseIf(this.and(flags, this.i32(FLAG.VM | FLAG.TF)));
    this.refuseIf(this.alignmentChecked(cr0, flags));
    this.refuseIf(this.eqz(this.and(cr0, this.i32(CR0.PE))));
    const long = this.and(this.word(L.EFER), this.i32(EFER.LMA));
    this.refuseIf(mode === 'long' ? this.eqz(long) : long);
  }

  /** Whether CR0.AM and EFLAGS.AC, which are the same bit, are both set. */
  alignmentChecked(cr0: Value, flags: Value): Value {
    return this.and(this.and(cr0, flags), this.i32(FLAG.AC));
  }

  /** Refuses an image of the flags that the run loop has to know of: traps, alignment checks, an interrupt that can be taken. */
  refuseEventful(image: Value): void {
    this.refuseIf(this.and(image, this.i32(FLAG.TF)));
    this.refuseIf(this.alignmentChecked(this.word(L.CR0), image));
    this.refuseIf(this.and(this.monitorWord(MONITOR_WORDS.interruptLine), this.shrU(this.and(image, this.i32(FLAG.IF)), this.i32(9))));
  }

  /** An offset of 64-bit code that no transfer may lead to. */
  notCanonical(address: Value): Value {
    return isWiderThan(expression(address), expression(this.wide(L.CANONICAL_SHIFT)));
  }

  // Memory.

  /** Address of the supervisor's table for a kind of access. */
  private supervisorTable(kind: SystemTable): Value {
    const user = this.eq(this.word(L.CPL), this.i32(USER));
    return this.let(this.sub(this.word(TABLES[kind].at), this.select(user, this.i32(TLB_USER), this.i32(0))));
  }

  /**
   * Host address of so many bytes of the system's at a linear address (i64), if the TLB has the page that they lie in: in the supervisor's table,
   * or beside it, where another page has put it.
   */
  host(kind: SystemTable, linear: Value, bytes: Value): Value {
    const table = this.supervisorTable(kind);
    const low = this.let(this.toI32(linear));
    const last = this.add(linear, this.toI64Unsigned(this.sub(bytes, this.i32(1))));
    const page = this.let(this.and(last, this.i64(-BigInt(PAGE_BYTES))));
    const entry = this.variable(this.add(table, tlbIndex(expression(low), TLB_ENTRIES)));
    const isOther = (): Value => this.ne(load(OP.i64_load, I64, expression(entry), 0), page);
    this.if(isOther(), () => {
      this.assign(entry, this.add(this.add(table, this.i32(TABLES[kind].victims)), tlbIndex(expression(low), TLB_VICTIM_ENTRIES)));
      this.refuseIf(isOther());
    });
    return this.let(this.add(low, load(OP.i32_load, I32, expression(entry), 8)));
  }

  loadAt(host: Value, offset: number): Value {
    return this.let(load(OP.i32_load, I32, expression(host), offset));
  }
  loadWideAt(host: Value, offset: number): Value {
    return this.let(load(OP.i64_load, I64, expression(host), offset));
  }
  storeAt(host: Value, offset: number, value: Value): void {
    this.code.store(value.type === I64 ? OP.i64_store : OP.i32_store, expression(host), offset, expression(value));
  }

  // Segments.

  /** The descriptor of a selector that is not null, out of the GDT. It is present, of code or data, and marked as accessed. */
  descriptor(selector: Value): LoadedDescriptor {
    this.refuseIf(this.and(selector, this.i32(4)));
    const offset = this.let(this.and(selector, this.i32(0xfff8)));
    this.refuseIf(this.gtU(this.add(offset, this.i32(7)), this.word(L.GDTR_LIMIT)));
    const linear = this.let(this.add(this.wide(L.GDTR_BASE), this.toI64Unsigned(offset)));
    const host = this.host('read', linear, this.i32(8));
    const [low, high] = [this.loadAt(host, 0), this.loadAt(host, 4)];
    const attributes = this.let(this.or(this.and(this.shrU(high, this.i32(8)), this.i32(0xff)), this.and(this.shrU(high, this.i32(12)), this.i32(0xf00))));
    const plain = ATTRIBUTE.present | ATTRIBUTE.segment | ATTRIBUTE.accessed;
    this.refuseIf(this.ne(this.and(attributes, this.i32(plain)), this.i32(plain)));
    const base = this.or(this.or(this.shrU(low, this.i32(16)), this.shl(this.and(high, this.i32(0xff)), this.i32(16))), this.and(high, this.i32(0xff000000)));
    const raw = this.let(this.or(this.and(low, this.i32(0xffff)), this.and(high, this.i32(0xf0000))));
    const pages = this.or(this.shl(raw, this.i32(12)), this.i32(0xfff));
    return { attributes, base: this.let(base), limit: this.let(this.select(this.and(attributes, this.i32(ATTRIBUTE.granular)), pages, raw)) };
  }

  privilegeOf(attributes: Value): Value {
    return this.and(this.shrU(attributes, this.i32(DPL_SHIFT)), this.i32(3));
  }

  /** Refuses unless a segment register holds the same already, but for the privilege: then code goes on in the same context. */
  refuseOther(segment: number, { attributes, base, limit }: LoadedDescriptor): void {
    const other = this.and(this.xor(attributes, this.word(partOf(segment, L.SEG_ATTRIBUTES))), this.i32(~ATTRIBUTE.dpl));
    this.refuseIf(this.or(other, this.ne(limit, this.word(partOf(segment, L.SEG_LIMIT)))));
    this.refuseIf(this.ne(this.toI64Unsigned(base), this.wide(partOf(segment, L.SEG_BASE))));
  }

  /** A flat segment, as the fast system calls load it. */
  flatDescriptor(attributes: number): LoadedDescriptor {
    return { attributes: this.i32(attributes), base: this.i32(0), limit: this.i32(-1) };
  }

  /** Changes the selector and the privilege of a segment register that stays as it is otherwise. */
  reselect(segment: number, selector: Value, privilege: Value): void {
    const at = partOf(segment, L.SEG_ATTRIBUTES);
    this.setWord(partOf(segment, L.SEG_SELECTOR), this.or(this.and(selector, this.i32(0xfffc)), privilege));
    this.setWord(at, this.or(this.and(this.word(at), this.i32(~ATTRIBUTE.dpl)), this.shl(privilege, this.i32(DPL_SHIFT))));
  }

  /** SS for 64-bit code: of a data segment that is flat, or null. */
  setLongStack(selector: Value, descriptor: LoadedDescriptor | undefined): void {
    const attributes = descriptor ? descriptor.attributes : this.i32(0);
    const last = descriptor ? this.toI64Unsigned(descriptor.limit) : this.i64(0n);
    this.setWord(partOf(L.SS, L.SEG_SELECTOR), selector);
    this.setWide(partOf(L.SS, L.SEG_BASE), descriptor ? this.toI64Unsigned(descriptor.base) : this.i64(0n));
    this.setWord(partOf(L.SS, L.SEG_LIMIT), descriptor ? descriptor.limit : this.i32(0));
    this.setWord(partOf(L.SS, L.SEG_ATTRIBUTES), attributes);
    for (const first of [L.SEG_READ_FIRST, L.SEG_WRITE_FIRST]) {
      this.setWide(partOf(L.SS, first), this.i64(descriptor ? 0n : 1n));
      this.setWide(partOf(L.SS, first + 8), last);
    }
    const big = this.ne(this.and(attributes, this.i32(ATTRIBUTE.big)), this.i32(0));
    this.setWide(L.STACK_MASK, this.select(big, this.i64(0xffffffffn), this.i64(0xffffn)));
  }

  /** Goes to privilege 0 or 3: TLB tables follow, the tag of jumps, and the account of execution modes. */
  setPrivilege(privilege: Value): void {
    const wasUser = this.let(this.eq(this.word(L.CPL), this.i32(USER)));
    const isUser = this.let(this.eq(privilege, this.i32(USER)));
    const moved = this.let(this.sub(isUser, wasUser));
    const move = (offset: number, distance: number): void => this.setWord(offset, this.add(this.word(offset), this.mul(moved, this.i32(distance))));
    move(L.TLB_READ_TABLE, TLB_USER);
    move(L.TLB_WRITE_TABLE, TLB_USER);
    move(L.TLB_EXECUTE_TABLE, TLB_EXECUTE_USER);
    this.setWord(L.CPL, privilege);
    const count = (word: number, way: Value): void => this.code.store(OP.i32_store, CPU, word, expression(this.add(this.monitorWord(word), way)));
    // A user table's tag is the one behind the supervisor's.
    count(MONITOR_WORDS.jumpTag, moved);
    count(MONITOR_WORDS.toUser, this.eq(moved, this.i32(1)));
    count(MONITOR_WORDS.toSupervisor, this.eq(moved, this.i32(-1)));
    // Up to the block that the switch is in: this is an account, and nobody's state.
    const now = binary(OP.f64_sub, F64, load(OP.f64_load, F64, CPU, MONITOR_WORDS.retiredEnd), unary(OP.f64_convert_i32_s, F64, expression(this.word(L.REMAINING))));
    const difference = binary(OP.f64_mul, F64, unary(OP.f64_convert_i32_s, F64, expression(moved)), now);
    this.code.store(OP.f64_store, CPU, MONITOR_WORDS.userRetired, binary(OP.f64_sub, F64, load(OP.f64_load, F64, CPU, MONITOR_WORDS.userRetired), difference));
  }
}
