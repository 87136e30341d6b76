/**
 * An exception on its way to the guest: handed up by value where it is frequent (accesses of generated code, fetches),
 * thrown elsewhere by the monitor's own code and caught where services are called. Not an Error: it is the guest's affair, and no stack trace is wanted.
 */
export class GuestFault {
  constructor(
    readonly vector: number,
    /** Undefined for vectors that push none. */
    readonly errorCode: number | undefined,
    /** Linear address of a page fault in two halves, as signed integers of 32 bits, which V8 has a shorter form for. */
    readonly linearLow = 0,
    readonly linearHigh = 0,
    /** Met after the instruction was over (in the new task of a task switch): it belongs to where CS:EIP stand now. */
    readonly late = false,
  ) {}

  /** The linear address of a page fault, as CR2 holds it: 64 bits, unsigned. */
  get linear(): bigint {
    return (BigInt(this.linearHigh >>> 0) << 32n) | BigInt(this.linearLow >>> 0);
  }
}
