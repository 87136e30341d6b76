/**
 * Machine code of a few instructions for 16, 32 and 64-bit code: moves of numbers into registers and to addresses, and
 * what the units of the generator need besides.
 */
import { le16, le32, le64 } from '../../../fuzz/bytes';
import type { Random } from '../../../fuzz/random';

export type Bits = 16 | 32 | 64;
type Bytes = readonly number[];

export const EAX = 0, ECX = 1, EDX = 2, EBX = 3, ESP = 4, EBP = 5, ESI = 6, EDI = 7;

export class Assembler {
  /** @param narrow the processor has 16-bit registers only (8086) */
  constructor(readonly bits: Bits, readonly narrow = false) {}

  /** Prefix that makes an operand 32 bits wide. */
  get wide(): Bytes {
    return this.bits === 16 && !this.narrow ? [0x66] : [];
  }

  /** MOV register, number (of 32 bits where there are so many). */
  move(register: number, value: number): Bytes {
    if (this.narrow) return [0xb8 + register, ...le16(value & 0xffff)];
    return [...this.wide, 0xb8 + register, ...le32(value >>> 0)];
  }

  /** The same with 64 bits in 64-bit code. */
  moveWide(register: number, value: bigint): Bytes {
    if (this.bits !== 64) return this.move(register, Number(BigInt.asUintN(32, value)));
    return [0x48, 0xb8 + register, ...le64(BigInt.asUintN(64, value))];
  }

  /** An instruction with the memory operand [address]: prefixes, opcode, ModRM.reg. */
  at(opcode: Bytes, reg: number, address: number): Bytes {
    if (this.narrow) return [...opcode, (reg << 3) | 6, ...le16(address & 0xffff)];
    if (this.bits === 16) {
      if (address < 0x10000) return [...opcode, (reg << 3) | 6, ...le16(address)];
      return [0x67, ...opcode, (reg << 3) | 5, ...le32(address >>> 0)];
    }
    if (this.bits === 32) return [...opcode, (reg << 3) | 5, ...le32(address >>> 0)];
    return [...opcode, (reg << 3) | 4, 0x25, ...le32(address >>> 0)];
  }

  /** MOV dword [address], number: by EAX, so that it works alike everywhere. Addresses from 2 GiB up by a register. */
  store(address: number, value: number): Bytes {
    if (this.bits === 64 || (this.bits === 16 && address > 0xffff && !this.narrow)) {
      return [...this.move(EBX, address), ...this.move(EAX, value), ...(this.bits === 16 ? [0x66, 0x67] : [0x67]), 0x89, 0x03];
    }
    return [...this.move(EAX, value), ...this.at([...this.wide, 0x89], EAX, address)];
  }

  load(address: number): Bytes {
    if (this.bits === 64) return [...this.move(EBX, address), 0x67, 0x8b, 0x03];
    return this.at([...this.wide, 0x8b], EAX, address);
  }

  out(port: number, value: number, size: 1 | 2 | 4): Bytes {
    const [opcode, prefix] = this.inOut(size, 0xee);
    return [...this.move(EDX, port), ...this.move(EAX, value), ...prefix, opcode];
  }

  in(port: number, size: 1 | 2 | 4): Bytes {
    const [opcode, prefix] = this.inOut(size, 0xec);
    return [...this.move(EDX, port), ...prefix, opcode];
  }

  private inOut(size: 1 | 2 | 4, byte: number): readonly [number, Bytes] {
    if (size === 1) return [byte, []];
    return [byte + 1, !this.narrow && (size === 2) !== (this.bits === 16) ? [0x66] : []];
  }

  /** Pushes a number of the size that far returns and IRET pop here. */
  push(value: number): Bytes {
    if (this.narrow) return [...this.move(EAX, value), 0x50];
    return this.bits === 16 ? [0x68, ...le16(value & 0xffff)] : [0x68, ...le32(value >>> 0)];
  }

  wrmsr(number: number, value: bigint): Bytes {
    return [...this.move(ECX, number), ...this.move(EAX, Number(value & 0xffffffffn)), ...this.move(EDX, Number((value >> 32n) & 0xffffffffn)), 0x0f, 0x30];
  }

  moveToControl(register: number, value: number): Bytes {
    return [...this.move(EAX, value), 0x0f, 0x22, 0xc0 | (register << 3)];
  }
}

/** Numbers at which things happen: borders, powers of two and their neighbours, or any. */
export function number32(random: Random): number {
  return random.weighted<() => number>([
    [3, () => random.u32()],
    [2, () => random.pick([0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0xfffff, 0x100000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff])],
    [2, () => ((1 << random.below(32)) + random.between(-1, 1)) >>> 0],
    [1, () => random.u32() & random.u32() & random.u32()],
  ])();
}

export function number64(random: Random): bigint {
  return (BigInt(number32(random)) << 32n) | BigInt(number32(random));
}
