/**
 * The part of handlers that reaches runs of memory for repeated string instructions: by the TLB alone, and by routines
 * that copy, fill, compare and search.
 */
import { RDI, RSI } from '../cpu/layout';
import type { Value } from '../isa/emitter';
import type { ComparedRuns, StringEmitter } from '../isa/stringEmitter';
import { ACCESS } from './memoryAccess';
import { expression } from './valueEmitter';
import { I32 } from './wasm/encoding';
import { call, type Expression } from './wasm/expressions';
import { X87OperandEmitter } from './x87OperandEmitter';

export abstract class StringOperandEmitter extends X87OperandEmitter implements StringEmitter {
  get plainStrings(): boolean {
    return this.shape.kinds.some((kind) => kind === 'F' || kind === 'L');
  }

  copyRun(bytes: Value, giveUpIf: (condition: Value) => void): void {
    const source = this.run(RSI, bytes, ACCESS.read, giveUpIf);
    const target = this.run(RDI, bytes, ACCESS.write, giveUpIf);
    giveUpIf(this.ltU(this.sub(target, source), bytes));
    this.code.call(this.routines.copyBytes, [target, source, expression(bytes)]);
  }

  fillRun(bytes: Value, value: Value, giveUpIf: (condition: Value) => void): void {
    const target = this.run(RDI, bytes, ACCESS.write, giveUpIf);
    const copies = { 8: 0x0101010101010101n, 16: 0x0001000100010001n, 32: 0x0000000100000001n, 64: 1n }[this.size];
    const pattern = this.mul(this.toI64Unsigned(value), this.i64(copies));
    this.code.call(this.routines.fillBytes, [target, expression(pattern), expression(bytes)]);
  }

  compareRuns(bytes: Value, giveUpIf: (condition: Value) => void): ComparedRuns {
    const runs = [this.run(RSI, bytes, ACCESS.read, giveUpIf), this.run(RDI, bytes, ACCESS.read, giveUpIf)] as const;
    return this.compared(runs, call(this.routines.findDifference, I32, [...runs, expression(bytes)]));
  }

  searchRun(bytes: Value, value: Value, giveUpIf: (condition: Value) => void): ComparedRuns {
    const run = this.run(RDI, bytes, ACCESS.read, giveUpIf);
    return this.compared([run, run], call(this.routines.findByte, I32, [run, expression(value), expression(bytes)]));
  }

  private compared(runs: readonly [Expression, Expression], end: Expression): ComparedRuns {
    return { end: this.let(end), at: (run, offset) => this.let(this.loadSized(expression(this.add(runs[run], offset)), 0, this.size)) };
  }

  /** Host address of a run of bytes at a register. */
  private run(register: number, bytes: Value, kind: number, giveUpIf: (condition: Value) => void): Expression {
    const pointer = this.register(register, this.addressSize);
    const linear = this.code.let(expression(this.shape.model === 'long' ? this.toI64Unsigned(pointer) : pointer));
    return this.memory.lookUpRun(linear, expression(bytes), kind, giveUpIf);
  }
}
