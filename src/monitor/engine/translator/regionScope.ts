/**
 * What the instructions of a region share while it is emitted: guest registers, flags and the budget in WebAssembly
 * locals, TLB tables, and the labels by which the region is left.
 */
import { FLAG_AUX, FLAG_RESULT, REG, REMAINING, TLB_READ_TABLE, TLB_WRITE_TABLE } from '../../cpu/layout';
import type { StatusSource } from '../../isa/emitter';
import { CPU, at } from '../operandEmitter';
import { I32, I64, OP, type WasmType } from '../wasm/encoding';
import { FunctionBuilder, binary, i32, load, select, unary, type Expression, type Local } from '../wasm/functionBuilder';

/** Instructions after which a region is left and entered anew, so that a function which V8 has optimised meanwhile comes into use. */
const LONGEST_STAY = 50_000;

/** What a region uses, known before it is emitted. Bit n of a set is register n. */
export interface RegionUse {
  readonly registers: number;
  readonly written: number;
  readonly flags: boolean;
  readonly flagsWritten: boolean;
  readonly readsMemory: boolean;
  readonly writesMemory: boolean;
}

/** Nestings of the labels behind which the region is left. */
export interface RegionExits {
  /** To the record in `exitRecord`, for the interpreter to execute. */
  readonly record: number;
  /** To the block whose slot is in `exitSlot`, at the offset in the page in `exitOffset`. */
  readonly block: number;
  /** To the offset in CS in `exitTarget`. */
  readonly jump: number;
}

export class RegionScope {
  readonly builder = new FunctionBuilder([I32]);
  readonly flagResult: Local;
  readonly flagAux: Local;
  readonly remaining: Local;
  readonly floor: Local;
  readonly readTable: Local;
  readonly writeTable: Local;
  readonly exitRecord: Local;
  readonly exitSlot: Local;
  readonly exitOffset: Local;
  readonly exitTarget: Local;
  exits: RegionExits = { record: 0, block: 0, jump: 0 };
  /** What has set the flags, and whether the words are needed behind the instruction that is emitted. */
  source: StatusSource | undefined;
  flagsLive = true;
  private readonly registers: Local[];

  /** @param wide whether registers are used in all of their 64 bits. */
  constructor(
    readonly wide: boolean,
    private readonly use: RegionUse,
  ) {
    const b = this.builder;
    const word: WasmType = wide ? I64 : I32;
    this.registers = Array.from({ length: wide ? 16 : 8 }, () => b.local(word));
    this.flagResult = b.local(I64);
    this.exitTarget = b.local(I64);
    this.flagAux = b.local(I32);
    this.remaining = b.local(I32);
    this.floor = b.local(I32);
    this.readTable = b.local(I32);
    this.writeTable = b.local(I32);
    this.exitRecord = b.local(I32);
    this.exitSlot = b.local(I32);
    this.exitOffset = b.local(I32);
  }

  register(number: number): Local {
    const local = this.registers[number];
    if (!local) throw new Error(`There is no register ${number} in this kind of code`);
    return local;
  }

  /** Takes everything that the region uses out of the state block. */
  load(): void {
    const b = this.builder;
    this.forRegisters(this.use.registers | this.use.written, (local, address) =>
      b.set(local, this.wide ? load(OP.i64_load, I64, CPU, address) : load(OP.i32_load, I32, CPU, address)),
    );
    if (this.use.flags) {
      b.set(this.flagResult, load(OP.i64_load, I64, CPU, at(FLAG_RESULT)));
      b.set(this.flagAux, load(OP.i32_load, I32, CPU, at(FLAG_AUX)));
    }
    if (this.use.readsMemory) b.set(this.readTable, load(OP.i32_load, I32, CPU, at(TLB_READ_TABLE)));
    if (this.use.writesMemory) b.set(this.writeTable, load(OP.i32_load, I32, CPU, at(TLB_WRITE_TABLE)));
    b.set(this.remaining, load(OP.i32_load, I32, CPU, at(REMAINING)));
  }

  /** Says how long the region may loop: until the budget is spent, or it has stayed long enough. */
  setFloor(): void {
    const stay = this.builder.let(binary(OP.i32_sub, I32, this.remaining, i32(LONGEST_STAY)));
    this.builder.set(this.floor, select(binary(OP.i32_gt_s, I32, stay, i32(0)), stay, i32(0)));
  }

  /** Puts everything that the region may have changed back into the state block. */
  spill(): void {
    const b = this.builder;
    this.forRegisters(this.use.written, (local, address) => b.store(OP.i64_store, CPU, address, this.wide ? local : unary(OP.i64_extend_i32_u, I64, local)));
    if (this.use.flagsWritten) {
      b.store(OP.i64_store, CPU, at(FLAG_RESULT), this.flagResult);
      b.store(OP.i32_store, CPU, at(FLAG_AUX), this.flagAux);
    }
    b.store(OP.i32_store, CPU, at(REMAINING), this.remaining);
  }

  /** Leaves the region: the record is the interpreter's. */
  leaveToRecord(record: number): void {
    this.builder.set(this.exitRecord, i32(record));
    this.builder.branch(this.exits.record);
  }

  /** Leaves the region for the block of a slot. */
  leaveToBlock(slot: number, offset: number): void {
    this.builder.set(this.exitSlot, i32(slot));
    this.builder.set(this.exitOffset, i32(offset));
    this.builder.branch(this.exits.block);
  }

  /** Leaves the region for an offset in CS. */
  leaveToOffset(offset: Expression): void {
    this.builder.set(this.exitTarget, offset);
    this.builder.branch(this.exits.jump);
  }

  private forRegisters(set: number, visit: (local: Local, address: number) => void): void {
    this.registers.forEach((local, number) => {
      if (set & (1 << number)) visit(local, at(REG + 8 * number));
    });
  }
}
