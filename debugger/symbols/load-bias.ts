// Between addresses as a symbol file has them and as the loaded program has them.

import type { AddressRange } from "./intervals";

/** Adds the bias one way and takes it off the other; addresses wrap at the machine's width. */
export class LoadBias {
  /**
   * @param bias run-time address minus file address; may be negative
   * @param bits 32 or 64
   */
  constructor(readonly bias: bigint, private readonly bits: number) {}

  toFile(address: bigint): bigint {
    return BigInt.asUintN(this.bits, address - this.bias);
  }

  toRuntime(address: bigint): bigint {
    return BigInt.asUintN(this.bits, address + this.bias);
  }

  /** A range's end may be the top of the address space, so it moves with its start. */
  rangeToRuntime(range: AddressRange): AddressRange {
    const start = this.toRuntime(range.start);
    return { start, end: start + (range.end - range.start) };
  }
}
