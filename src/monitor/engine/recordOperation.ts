/**
 * The instruction of a record as services see it. One object serves all: it is pointed at a record.
 */
import type { Operation } from '../cpu/operation';
import * as L from '../cpu/layout';
import type { CpuState } from '../cpu/state';
import { FLAG, R } from './records';

const SIZES = [1, 2, 4, 4] as const;
const MASKS = [0xffff, 0xffffffff, 0xffffffff] as const;

export class RecordOperation implements Operation {
  record = 0;

  constructor(private readonly state: CpuState) {}

  get size(): 1 | 2 | 4 {
    return SIZES[(this.flags >> FLAG.sizeShift) & 3] ?? 4;
  }
  get addressMask(): number {
    return MASKS[this.flags >> FLAG.addressShift] ?? 0xffffffff;
  }
  get modrm(): number {
    return this.u8(R.modrm);
  }
  get opcode(): number {
    return this.u8(R.opcode);
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
    const base = s.u32(this.u16(R.base));
    const index = s.u32(this.u16(R.index)) << this.u8(R.scale);
    const displacement = s.view.getInt32(this.record + R.displacement, true);
    return ((base + index + displacement) & this.addressMask) >>> 0;
  }
  get slotA(): number {
    return this.u16(R.registerA);
  }
  get slotB(): number {
    return this.u16(R.registerB);
  }
  get start(): number {
    return this.state.wide(L.EIP_BASE) + this.u16(R.offset);
  }
  get next(): number {
    const mask = this.state.codeBits === 16 ? 0xffff : 0xffffffff;
    return ((this.start + this.u8(R.length)) & mask) >>> 0;
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
