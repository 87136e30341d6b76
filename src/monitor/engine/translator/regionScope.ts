/**
 * What the instructions of a region share while it is emitted: guest registers, flags and the budget in WebAssembly
 * locals, TLB tables, and the ways out of the region.
 */
import { FLAG_AUX, FLAG_RESULT, REG, REMAINING, TLB_READ_TABLE, TLB_WRITE_TABLE } from '../../cpu/layout';
import type { StatusSource } from '../../isa/emitter';
import { CPU, at } from '../operandEmitter';
import { veiled } from '../regionImports';
import { returnIfAwaited } from '../returns';
import { I32, I64, OP, type ByteWriter, type WasmType } from '../wasm/encoding';
import { binary, i32, load, select, unary, type Expression, type Local } from '../wasm/expressions';
import { FunctionBuilder } from '../wasm/functionBuilder';
import { AddressGroups } from './addressGroups';
import { FLAG_WORDS } from './regionFlow';

/** Instructions after which a region is left and entered anew, so that a function which V8 has optimised meanwhile comes into use. */
const LONGEST_STAY = 50_000;

const NAMES_32 = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
const NAMES_64 = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const;

/** Numbers of the base module's functions by which a region is left. */
export interface WaysOut {
  /** To a record, for the interpreter to execute. */
  readonly enter: number;
  /** To a record whose access is not in the TLB, or not all that is looked up with it. */
  readonly stray: number;
  /** To a record, since a region may need more than what is left of the budget. */
  readonly refuse: number;
  /** To the block of a slot. */
  readonly follow: number;
  /** To an offset in CS; `leap`: of the flat model. */
  readonly jump: number;
  readonly leap: number;
  /** To an offset in CS that a return leads to. */
  readonly back: number;
}

type WayToRecord = 'enter' | 'stray' | 'refuse';

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
  /** Offset in CS of the page that the region begins in, where it may be in another one. */
  readonly origin: Local;
  /** Pages of the region that have been looked up: see RegionFunction. */
  readonly pages: Local;
  /** What has set the flags, and whether the words are needed behind the instruction that is emitted. */
  source: StatusSource | undefined;
  flagsLive = true;
  /** What is known of addresses. */
  readonly addresses: AddressGroups;
  /** Registers that are dirty (changed since they were last in the state block) where code is emitted. */
  dirty = 0;
  /** Whether what is dirty is put back early here: see `putBack`. */
  putsBack = false;
  private readonly registers: Local[];
  /** Ways out by kind and dirty registers: each is written once. */
  private readonly exits: { readonly kind: keyof WaysOut; readonly dirty: number }[] = [];
  private readonly exitNumbers = new Map<string, number>();

  /**
   * @param wide whether registers are used in all of their 64 bits
   * @param flat whether offsets in CS are linear addresses
   */
  constructor(
    readonly wide: boolean,
    private readonly flat: boolean,
    private readonly waysOut: WaysOut,
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
    this.origin = b.local(I64);
    this.pages = b.local(I32);
    this.addresses = new AddressGroups(b, wide ? 64 : 32, { read: this.readTable, write: this.writeTable });
  }

  /**
   * Puts back what is dirty before the region may be left: once, instead of on this way out and all that follow, each with moves to where the
   * ways meet that share their code. In loops it would be done again and again.
   */
  putBack(): void {
    if (!this.putsBack) return;
    this.spill(this.dirty & ~FLAG_WORDS);
    this.dirty &= FLAG_WORDS;
  }

  /** What the locals that last are for, by their numbers. */
  names(): ReadonlyMap<number, string> {
    const registers = this.wide ? NAMES_64 : NAMES_32;
    const { flagResult, flagAux, remaining, floor, readTable, writeTable, exitRecord, exitSlot, exitOffset, exitTarget, origin, pages } = this;
    const others = { flagResult, flagAux, budget: remaining, floor, readTable, writeTable, exitRecord, exitSlot, exitOffset, exitTarget, origin, pages };
    return new Map([
      ...this.registers.map(({ index }, number) => [index, registers[number] ?? `r${number}`] as const),
      ...Object.entries(others).map(([name, { index }]) => [index, name] as const),
    ]);
  }

  register(number: number): Local {
    const local = this.registers[number];
    if (!local) throw new Error(`There is no register ${number} in this kind of code`);
    return local;
  }

  /** Takes registers out of the state block, and the budget. */
  load(set: number): void {
    const b = this.builder;
    this.forRegisters(set, (local, address) => b.set(local, this.wide ? load(OP.i64_load, I64, CPU, address) : load(OP.i32_load, I32, CPU, address)));
    if (set & FLAG_WORDS) {
      b.set(this.flagResult, load(OP.i64_load, I64, CPU, at(FLAG_RESULT)));
      b.set(this.flagAux, load(OP.i32_load, I32, CPU, at(FLAG_AUX)));
    }
    this.reloadBudget();
  }

  /** Takes the TLB's tables out of the state block. */
  loadTables(reading: boolean, writing: boolean): void {
    const b = this.builder;
    if (reading) b.set(this.readTable, load(OP.i32_load, I32, CPU, at(TLB_READ_TABLE)));
    if (writing) b.set(this.writeTable, load(OP.i32_load, I32, CPU, at(TLB_WRITE_TABLE)));
  }

  /** Says how long the region may loop: until the budget is no more than so many instructions, or it has stayed long enough. */
  setFloor(least: number): void {
    const stay = this.builder.let(binary(OP.i32_sub, I32, this.remaining, i32(LONGEST_STAY)));
    this.builder.set(this.floor, select(binary(OP.i32_gt_s, I32, stay, i32(least)), stay, i32(least)));
  }

  /** Puts registers back into the state block. In code of less than 64 bits their upper halves are zero there, and stay so. */
  spill(set: number): void {
    const b = this.builder;
    this.forRegisters(set, (local, address) => { b.store(this.wide ? OP.i64_store : OP.i32_store, CPU, address, local); });
    if (set & FLAG_WORDS) {
      b.store(OP.i64_store, CPU, at(FLAG_RESULT), this.flagResult);
      b.store(OP.i32_store, CPU, at(FLAG_AUX), this.flagAux);
    }
  }

  spillBudget(): void {
    this.setBudget(this.remaining);
  }

  /** Puts what is left of the budget into the state block. */
  setBudget(left: Expression): void {
    this.builder.store(OP.i32_store, CPU, at(REMAINING), left);
  }

  /** The monitor may have taken the budget away. */
  reloadBudget(): void {
    this.builder.set(this.remaining, load(OP.i32_load, I32, CPU, at(REMAINING)));
  }

  /** The monitor has made an access: the budget, the TLB's tables, and how pages are mapped may have changed. */
  afterAccess(): void {
    this.reloadBudget();
    this.loadTables(true, true);
    this.builder.set(this.pages, i32(0));
  }

  /** Leaves the region, with so many registers dirty: the record is the interpreter's. */
  leaveToRecord(record: number, dirty: number): void {
    this.leaveTo('enter', record, dirty);
  }

  /** The same for an access. */
  leaveToAccess(record: number, dirty: number): void {
    this.leaveTo('stray', record, dirty);
  }

  /** The same for what is left of the budget. */
  refuse(record: number, dirty: number): void {
    this.leaveTo('refuse', record, dirty);
  }

  /** Leaves the region for the block of a slot. */
  leaveToBlock(slot: number, offset: number, dirty: number): void {
    this.builder.set(this.exitSlot, i32(slot));
    this.builder.set(this.exitOffset, i32(offset));
    this.leave('follow', dirty);
  }

  /** Leaves the region for an offset in CS that has been cut to the code's width. */
  leaveToOffset(offset: Expression, dirty: number): void {
    if (!this.flat) return this.leaveOnward(offset, dirty);
    this.builder.set(this.exitOffset, unary(OP.i32_wrap_i64, I32, offset));
    this.leave('leap', dirty);
  }

  /** Leaves the region for an offset in CS that may lie behind the last one. */
  leaveOnward(offset: Expression, dirty: number): void {
    this.builder.set(this.exitTarget, offset);
    this.leave('jump', dirty);
  }

  /** Leaves the region for an offset in CS that a return leads to. */
  leaveBack(offset: Expression, dirty: number): void {
    this.builder.set(this.exitTarget, offset);
    this.leave('back', dirty);
  }

  /** The function's body, with the ways out that it takes. */
  finish(): ByteWriter {
    return this.builder.finish(this.exits.map(({ kind, dirty }) => (): void => this.exit(kind, dirty)));
  }

  private leaveTo(kind: WayToRecord, record: number, dirty: number): void {
    this.builder.set(this.exitRecord, i32(record));
    this.leave(kind, dirty);
  }

  private leave(kind: keyof WaysOut, dirty: number): void {
    const key = `${kind} ${dirty}`;
    let number = this.exitNumbers.get(key);
    if (number === undefined) {
      number = this.exits.push({ kind, dirty }) - 1;
      this.exitNumbers.set(key, number);
    }
    this.builder.leave(number);
  }

  private exit(kind: keyof WaysOut, dirty: number): void {
    const { builder, remaining, waysOut } = this;
    this.spill(dirty);
    if (kind === 'back') {
      this.spillBudget();
      returnIfAwaited(builder, this.exitTarget);
    } else if (kind !== 'follow' && kind !== 'leap') this.spillBudget();
    const record = [this.exitRecord];
    const parameters = { enter: record, stray: record, refuse: record, follow: [this.exitSlot, this.exitOffset, remaining], jump: [this.exitTarget], leap: [this.exitOffset, remaining], back: [this.exitTarget, remaining] };
    builder.returnCall(waysOut[kind], veiled(parameters[kind]));
  }

  private forRegisters(set: number, visit: (local: Local, address: number) => void): void {
    this.registers.forEach((local, number) => {
      if (set & (1 << number)) visit(local, at(REG + 8 * number));
    });
  }
}
