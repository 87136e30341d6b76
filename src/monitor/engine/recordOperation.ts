/**
 * The instruction of a record as services see it. One object serves all: it is pointed at a record.
 */
import type { Operation } from '../cpu/operation';
import * as L from '../cpu/layout';
import { cut, type AddressBits, type CpuState } from '../cpu/state';
import { FLAG, R } from './records';

const SIZES = [1, 2, 4, 8] as const;
const ADDRESS_BITS = [16, 32, 64] as const;
const REX_B = 0x40, REX_R = 0x80;
/** Sums of addresses below this are exact in numbers. */
const EXACT = 2 ** 50;

export class RecordOperation implements Operation {
  record = 0;

  constructor(private readonly state: CpuState) {}

  get size(): 1 | 2 | 4 | 8 {
    return SIZES[(this.flags >> FLAG.sizeShift) & 3] ?? 4;
  }
  get addressBits(): AddressBits {
    return ADDRESS_BITS[this.flags >> FLAG.addressShift] ?? 32;
  }
  get modrm(): number {
    return this.u8(R.modrm);
  }
  get opcode(): number {
    return this.u8(R.opcode);
  }
  get reg(): number {
    return ((this.modrm >> 3) & 7) | ((this.u8(R.scale) & REX_R) >> 4);
  }
  get rm(): number {
    return (this.modrm & 7) | ((this.u8(R.scale) & REX_B) >> 3);
  }
  get isMemory(): boolean {
    return (this.flags & FLAG.memory) !== 0;
  }
  get immediate(): number {
    return this.state.view.getInt32(this.record + R.immediate, true);
  }
  get immediateHigh(): number {
    return this.u16(R.immediate + 4);
  }
  get segment(): number {
    return (this.u16(R.segment) - L.SEGMENTS) / L.SEGMENT_BYTES;
  }
  get repeat(): 'none' | 'rep' | 'repne' {
    const flags = this.flags;
    return flags & FLAG.repeat ? 'rep' : flags & FLAG.repeatNotEqual ? 'repne' : 'none';
  }
  get offset(): number {
    const s = this.state;
    const displacement = s.view.getInt32(this.record + R.displacement, true);
    const bits = this.addressBits;
    if (bits === 64) return this.offset64(displacement);
    const base = s.u32(this.u16(R.base));
    const index = s.u32(this.u16(R.index)) << this.u8(R.scale);
    return cut(base + index + displacement, bits);
  }
  offsetOf(bytes: number): number {
    return cut(this.offset + bytes, this.addressBits);
  }
  private offset64(displacement: number): number {
    const s = this.state;
    const base = s.wide(this.u16(R.base));
    const scale = this.u8(R.scale) & 3;
    const index = s.wide(this.u16(R.index));
    if (Math.abs(base) < EXACT && Math.abs(index) < EXACT) return base + index * (1 << scale) + displacement;
    const sum = s.u64(this.u16(R.base)) + (s.u64(this.u16(R.index)) << BigInt(scale)) + BigInt(displacement);
    return s.address(sum);
  }
  get slotA(): number {
    return this.u16(R.registerA);
  }
  get slotB(): number {
    return this.u16(R.registerB);
  }
  get slotC(): number {
    return this.u16(R.registerC);
  }
  get vectorBytes(): 16 | 32 {
    return this.u8(R.vexLength) === 0 ? 16 : 32;
  }
  get start(): number {
    return this.state.wide(L.EIP_BASE) + this.u16(R.offset);
  }
  get next(): number {
    return cut(this.start + this.u8(R.length), this.state.codeBits);
  }

  private get flags(): number {
    return this.u8(R.flags);
  }
  private u8(field: number): number {
    return this.state.view.getUint8(this.record + field);
  }
  private u16(field: number): number {
    return this.state.view.getUint16(this.record + field, true);
  }
}
