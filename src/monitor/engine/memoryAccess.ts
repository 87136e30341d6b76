/**
 * How handlers reach memory: the offset of a memory operand, its segment's limits, and the TLB. What the TLB
 * does not hold is asked of the monitor.
 */
import { ES, FS, SEG_BASE, SEG_READ_FIRST, SEG_READ_LAST, SEG_WRITE_FIRST, SEG_WRITE_LAST, SEGMENT_BYTES, SEGMENTS, SS } from '../cpu/layout';
import { tlbIndex } from './controlFunctions';
import { CPU_BASE, PAGE_BYTES, TLB_ENTRIES } from '../memory/layout';
import type { HandlerShape } from './handlerShape';
import { R } from './records';
import { I32, I64, OP, type WasmType } from './wasm/encoding';
import { binary, i32, i64, load, select, unary, type Expression } from './wasm/expressions';
import type { FunctionBuilder } from './wasm/functionBuilder';

/** Kinds of memory access, as the monitor's `access` function takes them (shifted over the size). */
export const ACCESS = { read: 0, write: 1, modify: 2 } as const;

/** An access: how many bytes, of which kind, and whether its address must be a multiple of its size. */
export interface Access {
  readonly bytes: number;
  readonly kind: number;
  readonly aligned?: boolean;
}

/** What memory access needs of the code that it is part of: an interpreter handler, or translated code. */
export interface AccessScope {
  /** A field of the instruction's record. */
  field(op: number, type: WasmType, offset: number): Expression;
  /** The register at a state-block offset as a base or an index: its low half, or all of it. */
  addressRegister(slot: Expression, wide: boolean): Expression;
  /** Address of the TLB table for a kind of access. */
  tlbTable(kind: number): Expression;
  /**
   * Host address of an access: `direct` if the TLB has it. Otherwise the monitor is asked (`halves` of the linear
   * address), and the instruction may end here.
   */
  hostAddress(hit: Expression, direct: Expression, halves: () => readonly [Expression, Expression], access: Access): Expression;
  /**
   * Host address of an access at a linear address (i32, in 64-bit code i64), if it is one of several to the same page that are looked up together.
   */
  shared(linear: Expression, access: Access): Expression | undefined;
  /** The ways out of an instruction that faults: an offset outside its segment, an exception. */
  segmentFault(segment: Expression): void;
  raise(vector: number): void;
  /** After a store to `host`: has it carried out if that was the bounce buffer. */
  stored(host: Expression): void;
}

const CPU = i32(0);
const GENERAL_PROTECTION = 13;
const at = (offset: number): number => CPU_BASE + offset;
const SS_BASE = SEGMENTS + SS * SEGMENT_BYTES;
const ES_BASE = SEGMENTS + ES * SEGMENT_BYTES;

/** What is looked up in a TLB table: a run of bytes at some distance from a linear address. */
export interface Lookup {
  readonly table: Expression;
  /** From the address to the first byte; of the address's type. */
  readonly first?: Expression;
  /** The last offset in a page at which the run may begin, so that all of it lies there; of the address's type. */
  readonly latest: Expression;
}

/** The last offset in a page at which so many bytes may begin. */
export const latestOf = (bytes: number): number => PAGE_BYTES - bytes;

/** Whether a TLB table has these bytes (i32), all in one page, and what then is to be added to the address, or its lower half, for the host's. */
export function lookUp(code: FunctionBuilder, linear: Expression, { table, first, latest }: Lookup): { readonly hit: Expression; readonly low: Expression; readonly addend: Expression } {
  const wide = linear.type === I64;
  const low = wide ? code.let(unary(OP.i32_wrap_i64, I32, linear)) : linear;
  const start = !first ? linear : code.let(binary(wide ? OP.i64_add : OP.i32_add, linear.type, linear, first));
  const entry = code.let(binary(OP.i32_add, I32, table, tlbIndex(wide ? unary(OP.i32_wrap_i64, I32, start) : start, TLB_ENTRIES)));
  // The distance from the page's beginning, where the entry holds that page; where it does not, a page or more.
  const hit = wide
    ? binary(OP.i64_le_u, I32, binary(OP.i64_xor, I64, start, load(OP.i64_load, I64, entry, 0)), latest)
    : binary(OP.i32_le_u, I32, binary(OP.i32_xor, I32, start, load(OP.i32_load, I32, entry, 0)), latest);
  return { hit, low, addend: load(OP.i32_load, I32, entry, 8) };
}

/** One memory operand while its handler is emitted. */
interface Place {
  /** Host address, when it has been looked up for writing. */
  host: Expression | undefined;
  /** What an instruction adds to its address. */
  extra: Expression | undefined;
}

export class MemoryAccess {
  private readonly places = new Map<number, Place>();

  constructor(
    private readonly code: FunctionBuilder,
    private readonly scope: AccessScope,
    private readonly shape: HandlerShape,
  ) {}

  /** What is known of memory operand `index`. */
  place(index: number): Place {
    let place = this.places.get(index);
    if (!place) this.places.set(index, (place = { host: undefined, extra: undefined }));
    return place;
  }

  /** Offset of a memory operand in its segment, i64. */
  effectiveAddress(index: number): Expression {
    return this.shape.kinds[index] === 'F' ? unary(OP.i64_extend_i32_u, I64, this.offset32(index)) : this.offset64(index);
  }

  /** Host address of memory operand `index`; leaves the handler when the access faults. */
  probe(index: number, access: Access): Expression {
    const kind = this.shape.kinds[index];
    if (kind === 'F') return this.lookUp32(this.code.let(this.offset32(index)), access);
    if (kind === 'L') return this.lookUp64(this.code.let(this.offset64(index)), access);
    const segment = this.code.let(this.field16(R.segment));
    if (kind === 'D') return this.lookUp64(this.code.let(this.directAddress(segment)), access);
    return this.lookUpSegmented(this.code.let(this.offset64(index)), segment, 0, access);
  }

  /** Host address of the stack at an offset that is cut to its width already: i32 in the flat model, else i64. */
  lookUpStack(offset: Expression, access: Access): Expression {
    if (this.shape.model === 'flat') return this.lookUp32(offset, access);
    if (this.shape.model === 'long') return this.lookUp64(offset, access);
    return this.lookUpSegmented(offset, CPU, SS_BASE, access);
  }

  /** Host address of an offset in ES that is cut to the address size already: i32 in the flat model, else i64. */
  lookUpExtra(offset: Expression, access: Access): Expression {
    if (this.shape.model === 'flat') return this.lookUp32(offset, access);
    if (this.shape.model === 'long') return this.lookUp64(offset, access);
    return this.lookUpSegmented(offset, CPU, ES_BASE, access);
  }

  /**
   * Host address of so many bytes (i32, less than a page) at a linear address, i32 in the flat model, else i64 of 64-bit
   * code; `miss` is told when they are not in one page that the TLB has.
   */
  lookUpRun(linear: Expression, bytes: Expression, kind: number, miss: (condition: Expression) => void): Expression {
    const room = binary(OP.i32_sub, I32, i32(latestOf(0)), bytes);
    const latest = linear.type === I64 ? unary(OP.i64_extend_i32_u, I64, room) : room;
    const { hit, low, addend } = lookUp(this.code, linear, { table: this.scope.tlbTable(kind), latest });
    miss(unary(OP.i32_eqz, I32, hit));
    return this.code.let(binary(OP.i32_add, I32, low, addend));
  }

  /** Has a store carried out if it went to the bounce buffer. */
  commit(host: Expression): void {
    this.scope.stored(host);
  }

  private field16(offset: number): Expression {
    return this.scope.field(OP.i32_load16_u, I32, offset);
  }

  private offset32(index: number): Expression {
    const base = this.scope.addressRegister(this.field16(R.base), false);
    const scaled = binary(OP.i32_shl, I32, this.scope.addressRegister(this.field16(R.index), false), this.scope.field(OP.i32_load8_u, I32, R.scale));
    const sum = binary(OP.i32_add, I32, binary(OP.i32_add, I32, base, scaled), this.scope.field(OP.i32_load, I32, R.displacement));
    const { extra } = this.place(index);
    return extra ? binary(OP.i32_add, I32, sum, unary(OP.i32_wrap_i64, I32, extra)) : sum;
  }

  private offset64(index: number): Expression {
    const base = this.scope.addressRegister(this.field16(R.base), true);
    const scale = unary(OP.i64_extend_i32_u, I64, this.scope.field(OP.i32_load8_u, I32, R.scale));
    const scaled = binary(OP.i64_shl, I64, this.scope.addressRegister(this.field16(R.index), true), scale);
    const displacement = this.scope.field(OP.i64_load32_s, I64, R.displacement);
    const sum = binary(OP.i64_add, I64, binary(OP.i64_add, I64, base, scaled), displacement);
    const { extra } = this.place(index);
    const all = extra ? binary(OP.i64_add, I64, sum, extra) : sum;
    return binary(OP.i64_and, I64, all, this.scope.addressRegister(this.field16(R.mask), true));
  }

  /** A 64-bit offset out of the instruction: only FS and GS have a base in 64-bit mode. */
  private directAddress(segment: Expression): Expression {
    return binary(OP.i64_add, I64, this.scope.field(OP.i64_load, I64, R.immediate), this.longBase(segment));
  }

  /** Base of a segment in 64-bit mode, where ES, CS, SS and DS have none whatever their descriptors say. */
  private longBase(segment: Expression): Expression {
    const based = binary(OP.i32_ge_u, I32, segment, i32(SEGMENTS + FS * SEGMENT_BYTES));
    return select(based, load(OP.i64_load, I64, segment, at(SEG_BASE)), i64(0n));
  }

  /** Checks an offset against its segment (which 64-bit mode has none of), adds the base, and looks the linear address up. */
  private lookUpSegmented(offset: Expression, segment: Expression, start: number, access: Access): Expression {
    const long = this.shape.model === 'long';
    if (!long) this.checkLimits(offset, segment, start, access);
    if (long) return this.lookUp64(this.code.let(binary(OP.i64_add, I64, offset, this.longBase(segment))), access);
    const linear = binary(OP.i64_add, I64, offset, load(OP.i64_load, I64, segment, at(start + SEG_BASE)));
    return this.lookUp32(this.code.let(unary(OP.i32_wrap_i64, I32, linear)), access);
  }

  private checkLimits(offset: Expression, segment: Expression, start: number, { bytes, kind }: Access): void {
    const [first, last] = kind === ACCESS.read ? [SEG_READ_FIRST, SEG_READ_LAST] : [SEG_WRITE_FIRST, SEG_WRITE_LAST];
    const end = binary(OP.i64_add, I64, offset, i64(BigInt(bytes - 1)));
    const below = binary(OP.i64_lt_u, I32, offset, load(OP.i64_load, I64, segment, at(start + first)));
    const above = binary(OP.i64_gt_u, I32, end, load(OP.i64_load, I64, segment, at(start + last)));
    // Two conditions are less code on the way than one of both.
    for (const outside of [below, above]) this.code.if(outside, () => this.scope.segmentFault(start ? i32(start) : segment));
  }

  /** The TLB check for a 32-bit linear address: a page crossing is a tag miss. */
  private lookUp32(linear: Expression, access: Access): Expression {
    this.checkAlignment(linear, access);
    return this.scope.shared(linear, access) ?? this.lookUpAlone(linear, i32(latestOf(access.bytes)), () => i32(0), access);
  }

  private lookUp64(linear: Expression, access: Access): Expression {
    this.checkAlignment(linear, access);
    const high = (): Expression => unary(OP.i32_wrap_i64, I32, binary(OP.i64_shr_u, I64, linear, i64(32n)));
    return this.scope.shared(linear, access) ?? this.lookUpAlone(linear, i64(BigInt(latestOf(access.bytes))), high, access);
  }

  private lookUpAlone(linear: Expression, latest: Expression, high: () => Expression, access: Access): Expression {
    const { hit, low, addend } = lookUp(this.code, linear, { table: this.scope.tlbTable(access.kind), latest });
    return this.scope.hostAddress(hit, binary(OP.i32_add, I32, low, addend), () => [low, high()], access);
  }

  private checkAlignment(linear: Expression, { bytes, aligned }: Access): void {
    if (!aligned) return;
    const low = linear.type === I64 ? unary(OP.i32_wrap_i64, I32, linear) : linear;
    this.code.if(binary(OP.i32_and, I32, low, i32(bytes - 1)), () => this.scope.raise(GENERAL_PROTECTION));
  }
}
