/** What routines share that reach a stack of 16 bits, as real mode, virtual-8086 tasks and 16-bit programs have it. */
import * as L from '../cpu/layout';
import type { Value } from '../isa/emitter';
import { ACCESS, latestOf, lookUp } from './memoryAccess';
import { SystemRoutineEmitter, partOf } from './systemRoutineEmitter';
import { expression } from './valueEmitter';
import { I32, type WasmType } from './wasm/encoding';
import { call, i64 } from './wasm/expressions';

const LOW_HALF = 0xffff;

export class StackRoutineEmitter extends SystemRoutineEmitter {
  /** @param beside number of the function that looks where the TLB's large tables have nothing */
  constructor(parameters: readonly WasmType[], private readonly beside: number) {
    super(parameters);
  }

  /** Refuses stacks of 32 bits, and alignment checks, under which TLB tables have no fixed place. */
  protected refuseOtherStacks(cr0: Value, flags: Value): void {
    this.refuseIf(this.alignmentChecked(cr0, flags));
    this.refuseIf(this.ne(this.word(L.STACK_MASK), this.i32(LOW_HALF)));
  }

  /** Host address of so many bytes at an offset in SS. */
  protected stack(kind: 'read' | 'write', offset: Value, bytes: number): Value {
    const [first, last] = kind === 'write' ? [L.SEG_WRITE_FIRST, L.SEG_WRITE_LAST] : [L.SEG_READ_FIRST, L.SEG_READ_LAST];
    const start = this.let(this.toI64Unsigned(offset));
    const end = this.add(start, this.i64(BigInt(bytes - 1)));
    this.refuseIf(this.or(this.ltU(start, this.wide(partOf(L.SS, first))), this.gtU(end, this.wide(partOf(L.SS, last)))));
    this.refuseIf(this.gtU(offset, this.i32(LOW_HALF + 1 - bytes)));
    return this.find(kind, this.let(this.add(this.wide(partOf(L.SS, L.SEG_BASE)), start)), bytes);
  }

  /** Host address of so many bytes at a linear address (i64), as far as the TLB knows: among pages that are traced, too, beside what is marked there. */
  protected find(kind: 'read' | 'write', linear: Value, bytes: number): Value {
    const table = this.word(kind === 'write' ? L.TLB_WRITE_TABLE : L.TLB_READ_TABLE);
    const { hit, low, addend } = lookUp(this.code, expression(linear), { table: expression(table), latest: i64(BigInt(latestOf(bytes))) });
    const host = this.variable(this.i32(0));
    const found = this.code.let(hit);
    this.if(
      found,
      () => this.assign(host, this.add(low, addend)),
      () => {
        const access = bytes | (ACCESS[kind] << 8);
        this.assign(host, call(this.beside, I32, [low, expression(this.i32(0)), expression(this.i32(access))]));
        this.refuseIf(this.eqz(host));
      },
    );
    return host;
  }
}
