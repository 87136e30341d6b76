/**
 * A stack that is being pushed to or popped from by a transfer of control: all accesses are made before
 * the stack pointer moves, so that a fault leaves everything as it was.
 */
import { PAGE_BYTES } from '../memory/layout';
import { VECTOR, fault, type Cpu } from './cpu';
import type { Descriptor } from './descriptorLayout';
import * as L from './layout';
import { ATTRIBUTE, cut, type AddressBits } from './state';

/** Size of what is pushed or popped, in bytes. */
export type StackBytes = 2 | 4 | 8;

/** A stack segment: the current one, or one that is about to be loaded. */
export interface StackSegment {
  readonly base: number;
  /** Width of the stack pointer; with 64 bits there is no base and no limit, and addresses must be canonical. */
  readonly bits: AddressBits;
  readonly first: number;
  readonly last: number;
  /** Whether its accesses count as user accesses. */
  readonly user: boolean;
  /** Error code for a limit violation: 0, or the selector of a stack being switched to. */
  readonly selector: number;
}

export function currentStack(cpu: Cpu): StackSegment {
  const s = cpu.state;
  const at = L.SEGMENTS + L.SS * L.SEGMENT_BYTES;
  return {
    base: s.effectiveBase(L.SS),
    bits: s.stackBits,
    first: s.u32(at + L.SEG_WRITE_FIRST),
    last: s.u32(at + L.SEG_WRITE_LAST),
    user: cpu.user,
    selector: 0,
  };
}

/** The stack of a descriptor for code of up to 32 bits. */
export function newStack(d: Descriptor, cpl: number): StackSegment {
  const big = (d.attributes & ATTRIBUTE.big) !== 0;
  const down = (d.attributes & ATTRIBUTE.expandDown) !== 0;
  return {
    base: d.base,
    bits: big ? 32 : 16,
    first: down ? d.limit + 1 : 0,
    last: down ? (big ? 0xffffffff : 0xffff) : d.limit,
    user: cpl === 3,
    selector: d.selector & 0xfffc,
  };
}

/** A stack of 64-bit code. */
export function flatStack(cpl: number): StackSegment {
  return { base: 0, bits: 64, first: 0, last: 0, user: cpl === 3, selector: 0 };
}

/** A frame on the current stack. */
export const currentFrame = (cpu: Cpu): StackFrame => new StackFrame(cpu, currentStack(cpu), cpu.state.stackPointer);

export class StackFrame {
  private pointer: number;

  constructor(
    private readonly cpu: Cpu,
    private readonly stack: StackSegment,
    start: number,
  ) {
    this.pointer = cut(start, stack.bits);
  }

  /**
   * Checks that `count` values of `size` bytes can be pushed: these pushes cannot fault later. The segment comes first,
   * then the pages in the order of the pushes, so that a page fault has the address of the first push that meets it.
   */
  reserve(count: number, size: StackBytes): void {
    const at = (push: number): number => this.linear(cut(this.pointer - push * size, this.stack.bits), size);
    for (let push = 1; push <= count; push++) at(push);
    let page = -1;
    for (let push = 1; push <= count; push++) {
      const linear = at(push);
      const first = Math.floor(linear / PAGE_BYTES);
      if (first === page && linear + size <= (page + 1) * PAGE_BYTES) continue;
      this.cpu.mmu.check(linear, size, true, this.stack.user);
      page = first;
    }
  }

  push(value: number, size: StackBytes): void {
    if (size === 8) return this.push64(this.cpu.state.exactAddress(value));
    const offset = cut(this.pointer - size, this.stack.bits);
    this.cpu.mmu.write(this.linear(offset, size), size, value, this.stack.user);
    this.pointer = offset;
  }

  push64(value: bigint): void {
    const offset = cut(this.pointer - 8, this.stack.bits);
    this.cpu.mmu.write64(this.linear(offset, 8), value, this.stack.user);
    this.pointer = offset;
  }

  /** The next value; of 8 bytes as an address: signed, exact below 2^53. */
  pop(size: StackBytes): number {
    if (size === 8) return this.cpu.state.address(this.pop64());
    const offset = this.pointer;
    const value = this.cpu.mmu.read(this.linear(offset, size), size, this.stack.user);
    this.skip(size);
    return value;
  }

  pop64(): bigint {
    const value = this.cpu.mmu.read64(this.linear(this.pointer, 8), this.stack.user);
    this.skip(8);
    return value;
  }

  skip(bytes: number): void {
    this.pointer = cut(this.pointer + bytes, this.stack.bits);
  }

  /** Moves the CPU's stack pointer to where this frame stands, in the width of the stack. */
  commit(): void {
    const s = this.cpu.state;
    if (this.stack.bits === 16) s.setReg(L.RSP, this.pointer, 2);
    else s.setReg(L.RSP, this.pointer, this.stack.bits / 8);
  }

  get offset(): number {
    return this.pointer;
  }

  private linear(offset: number, size: number): number {
    const { first, last, bits, selector } = this.stack;
    if (bits === 64) {
      const { state } = this.cpu;
      if (!state.canonical(offset) || !state.canonical(offset + size - 1)) throw fault(VECTOR.SS, 0);
      return offset;
    }
    if (offset < first || offset + size - 1 > last) throw fault(VECTOR.SS, selector);
    return this.wrapped(offset);
  }

  private wrapped(offset: number): number {
    return (this.stack.base + offset) % 2 ** 32;
  }
}
