/**
 * A stack that is being pushed to or popped from by a transfer of control: all accesses are made before
 * the stack pointer moves, so that a fault leaves everything as it was.
 */
import { VECTOR, fault, type Cpu } from './cpu';
import type { Descriptor } from './descriptors';
import * as L from './layout';
import { ATTRIBUTE } from './state';

/** A stack segment: the current one, or one that is about to be loaded. */
export interface StackSegment {
  readonly base: number;
  readonly mask: number;
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
    base: s.base(L.SS),
    mask: s.stackMask,
    first: s.u32(at + L.SEG_WRITE_FIRST),
    last: s.u32(at + L.SEG_WRITE_LAST),
    user: cpu.user,
    selector: 0,
  };
}

export function newStack(d: Descriptor, cpl: number): StackSegment {
  const big = (d.attributes & ATTRIBUTE.big) !== 0;
  const down = (d.attributes & ATTRIBUTE.expandDown) !== 0;
  return {
    base: d.base,
    mask: big ? 0xffffffff : 0xffff,
    first: down ? d.limit + 1 : 0,
    last: down ? (big ? 0xffffffff : 0xffff) : d.limit,
    user: cpl === 3,
    selector: d.selector & 0xfffc,
  };
}

export class StackFrame {
  private pointer: number;

  constructor(
    private readonly cpu: Cpu,
    private readonly stack: StackSegment,
    start: number,
  ) {
    this.pointer = start & stack.mask;
  }

  /** Checks that `bytes` below the pointer can be pushed: later pushes cannot fault. */
  reserve(bytes: number): void {
    const { mask, base, user } = this.stack;
    const start = ((this.pointer - bytes) & mask) >>> 0;
    const check = (offset: number, count: number): void => this.cpu.mmu.check((base + offset) % 2 ** 32, count, true, user);
    const toWrap = mask - start + 1;
    if (toWrap >= bytes) return check(start, bytes);
    // The stack wraps inside its mask.
    check(start, toWrap);
    check(0, bytes - toWrap);
  }

  push(value: number, size: 2 | 4): void {
    const offset = ((this.pointer - size) & this.stack.mask) >>> 0;
    this.cpu.mmu.write(this.linear(offset, size), size, value, this.stack.user);
    this.pointer = offset;
  }

  pop(size: 2 | 4): number {
    const offset = (this.pointer & this.stack.mask) >>> 0;
    const value = this.cpu.mmu.read(this.linear(offset, size), size, this.stack.user);
    this.pointer = ((offset + size) & this.stack.mask) >>> 0;
    return value;
  }

  skip(bytes: number): void {
    this.pointer = ((this.pointer + bytes) & this.stack.mask) >>> 0;
  }

  /** Moves the CPU's stack pointer to where this frame stands, in the width of the stack. */
  commit(): void {
    const s = this.cpu.state;
    if (this.stack.mask === 0xffff) s.setReg(L.RSP, this.pointer, 2);
    else s.setReg(L.RSP, this.pointer >>> 0);
  }

  get offset(): number {
    return this.pointer >>> 0;
  }

  private linear(offset: number, size: number): number {
    const { first, last, base, selector } = this.stack;
    if (offset < first || offset + size - 1 > last) throw fault(VECTOR.SS, selector);
    return (base + offset) % 2 ** 32;
  }
}
