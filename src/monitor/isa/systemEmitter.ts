/** The part of what an instruction's meaning is written over that simple system instructions need. */
import type { OperandSize, Value } from './emitter';

export interface SystemEmitter {
  /** Current privilege level, i32. */
  privilegeLevel(): Value;
  /** Selector of a segment register (its number: i32), i32. */
  selector(segment: Value): Value;
  /** Pushes a selector: the pointer moves by `size` bits, and 16 are written unless `size` is 64. */
  pushSelector(selector: Value, size: OperandSize): void;
  /** Exchanges the base of GS with that of the kernel's GS. */
  exchangeGsBase(): void;
}
