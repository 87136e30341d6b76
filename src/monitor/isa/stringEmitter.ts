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
}
