/**
 * The routine that loads data segment registers (Intel SDM vol. 2, MOV and POP; vol. 3, 3.4): in real and virtual-8086 mode, and in protected
 * mode where the descriptor says nothing that code must be read in another way for.
 */
import { REAL_MODE_RIGHTS, VIRTUAL_8086_LIMIT, VIRTUAL_8086_RIGHTS } from '../cpu/cpu';
import * as L from '../cpu/layout';
import { ATTRIBUTE, CR0, EFER, FLAG } from '../cpu/state';
import type { Value } from '../isa/emitter';
import type { FunctionBody } from './controlFunctions';
import { at } from './operandEmitter';
import { SystemRoutineEmitter, partOf, type LoadedDescriptor } from './systemRoutineEmitter';
import { expression } from './valueEmitter';
import { I32, I64, OP } from './wasm/encoding';
import { load } from './wasm/expressions';

/** Bounds of an access that is never allowed. */
const NO_FIRST = 1n, NO_LAST = 0n;

class SegmentRoutine extends SystemRoutineEmitter {
  private readonly segment = this.parameter(0);
  private readonly selector = this.let(this.and(this.parameter(1), this.i32(0xffff)));
  /** Where the register's parts lie from the start of the state block. */
  private readonly parts = this.let(this.mul(this.segment, this.i32(L.SEGMENT_BYTES)));

  emit(): FunctionBody {
    this.refuseIf(this.or(this.or(this.eq(this.segment, this.i32(L.CS)), this.eq(this.segment, this.i32(L.SS))), this.gtU(this.segment, this.i32(L.GS))));
    const cr0 = this.word(L.CR0);
    const flags = this.word(L.FLAGS_SYSTEM);
    this.if(this.eqz(this.and(cr0, this.i32(CR0.PE))), () => {
      // Limit and rights of the hidden part stay, if it is a real-mode segment already.
      this.refuseIf(this.ne(this.and(this.part(L.SEG_ATTRIBUTES), this.i32(0xff)), this.i32(REAL_MODE_RIGHTS)));
      this.setRealBase();
    });
    this.if(this.and(flags, this.i32(FLAG.VM)), () => {
      this.refuseIf(this.or(this.ne(this.part(L.SEG_ATTRIBUTES), this.i32(VIRTUAL_8086_RIGHTS)), this.ne(this.part(L.SEG_LIMIT), this.i32(VIRTUAL_8086_LIMIT))));
      this.setRealBase();
    });
    this.refuseIf(this.alignmentChecked(cr0, flags));
    const long = this.let(this.and(this.word(L.EFER), this.shl(this.and(this.word(partOf(L.CS, L.SEG_ATTRIBUTES)), this.i32(ATTRIBUTE.long)), this.i32(1))));
    // What 64-bit code has in ES and DS means nothing; elsewhere the context of code hangs on it.
    const free = this.let(this.or(this.geU(this.segment, this.i32(L.FS)), this.ne(this.and(long, this.i32(EFER.LMA)), this.i32(0))));
    this.if(
      this.and(this.selector, this.i32(0xfffc)),
      () => this.loadDescriptor(free),
      () => {
        this.refuseIf(this.eqz(free));
        this.setBounds(L.SEG_READ_FIRST, this.i64(NO_FIRST), this.i64(NO_LAST));
        this.setBounds(L.SEG_WRITE_FIRST, this.i64(NO_FIRST), this.i64(NO_LAST));
        this.setHidden({ attributes: this.i32(0), base: this.i32(0), limit: this.i32(0) });
      },
    );
    return this.done();
  }

  /** The selector says the base, and nothing else changes. */
  private setRealBase(): void {
    this.setPart(L.SEG_SELECTOR, this.selector);
    this.setWidePart(L.SEG_BASE, this.toI64Unsigned(this.shl(this.selector, this.i32(4))));
    this.give(this.i32(1));
  }

  private loadDescriptor(free: Value): void {
    const loaded = this.descriptor(this.selector);
    const { attributes, base, limit } = loaded;
    // Conforming code, and data that expands down, are one bit.
    this.refuseIf(this.and(attributes, this.i32(ATTRIBUTE.conforming)));
    this.refuseIf(this.eq(this.and(attributes, this.i32(ATTRIBUTE.code | ATTRIBUTE.readable)), this.i32(ATTRIBUTE.code)));
    const privilege = this.let(this.privilegeOf(attributes));
    this.refuseIf(this.or(this.ltU(privilege, this.and(this.selector, this.i32(3))), this.ltU(privilege, this.word(L.CPL))));
    const same = this.or(this.xor(attributes, this.part(L.SEG_ATTRIBUTES)), this.or(this.xor(limit, this.part(L.SEG_LIMIT)), this.toI32(this.xor(this.toI64Unsigned(base), this.widePart(L.SEG_BASE)))));
    this.refuseIf(this.and(this.eqz(free), this.ne(same, this.i32(0))));
    const last = this.toI64Unsigned(limit);
    this.setBounds(L.SEG_READ_FIRST, this.i64(0n), last);
    const writable = this.let(this.eq(this.and(attributes, this.i32(ATTRIBUTE.code | ATTRIBUTE.writable)), this.i32(ATTRIBUTE.writable)));
    this.setBounds(L.SEG_WRITE_FIRST, this.select(writable, this.i64(0n), this.i64(NO_FIRST)), this.select(writable, last, this.i64(NO_LAST)));
    this.setHidden(loaded);
  }

  private setHidden({ attributes, base, limit }: LoadedDescriptor): void {
    this.setPart(L.SEG_SELECTOR, this.selector);
    this.setWidePart(L.SEG_BASE, this.toI64Unsigned(base));
    this.setPart(L.SEG_LIMIT, limit);
    this.setPart(L.SEG_ATTRIBUTES, attributes);
  }

  private setBounds(first: number, from: Value, to: Value): void {
    this.setWidePart(first, from);
    this.setWidePart(first + 8, to);
  }

  private part(offset: number): Value {
    return load(OP.i32_load, I32, expression(this.parts), at(L.SEGMENTS + offset));
  }
  private widePart(offset: number): Value {
    return load(OP.i64_load, I64, expression(this.parts), at(L.SEGMENTS + offset));
  }
  private setPart(offset: number, value: Value): void {
    this.code.store(OP.i32_store, expression(this.parts), at(L.SEGMENTS + offset), expression(value));
  }
  private setWidePart(offset: number, value: Value): void {
    this.code.store(OP.i64_store, expression(this.parts), at(L.SEGMENTS + offset), expression(value));
  }
}

/** (segment, selector): 1 when the register has been loaded. */
export const SEGMENT_ROUTINES = { loadSegment: { parameters: [I32, I32], results: [I32] } } as const;
export type SegmentRoutineName = keyof typeof SEGMENT_ROUTINES;

export const emitSegmentRoutine = (name: SegmentRoutineName): FunctionBody => new SegmentRoutine(SEGMENT_ROUTINES[name].parameters).emit();
