/** The part of what an instruction's meaning is written over that repeated string instructions need: runs of memory. */
import type { Value } from './emitter';

export interface StringEmitter {
  /** Whether memory at rSI and rDI is reached without segments, so that runs can be. */
  readonly plainStrings: boolean;
  /**
   * Copies so many bytes (i32, not 0) from rSI to rDI, upwards. Before anything changes, what has to give up is told when
   * a run is not in one page that the TLB has, or when the copy would repeat a pattern.
   */
  copyRun(bytes: Value, giveUpIf: (condition: Value) => void): void;
  /** Fills so many bytes at rDI with a value of the operand's type; gives up as `copyRun` does. */
  fillRun(bytes: Value, value: Value, giveUpIf: (condition: Value) => void): void;
  /** Compares so many bytes (i32, not 0) at rSI and rDI; gives up as `copyRun` does. */
  compareRuns(bytes: Value, giveUpIf: (condition: Value) => void): ComparedRuns;
  /** Looks for a byte in so many bytes (i32, not 0) at rDI; gives up as `copyRun` does. */
  searchRun(bytes: Value, value: Value, giveUpIf: (condition: Value) => void): ComparedRuns;
}

/** Runs of memory that have been compared with one another, or with a byte. */
export interface ComparedRuns {
  /** Offset (i32) of the first byte that ends the comparison, or as many as there are bytes. */
  readonly end: Value;
  /** The element of the operand's type at an offset in the run, the first or only one. */
  at(run: 0 | 1, offset: Value): Value;
}
