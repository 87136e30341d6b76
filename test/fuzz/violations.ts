/**
 * Which memory accesses of an instruction segmentation forbids, worked out from the manual and the processor's state
 * (Intel SDM vol. 3, 5.3 and 5.5). QEMU does not check this, so that it is the one thing our machine is compared with here.
 */
import { RegisterExt } from 'iced-x86';
import { addressBytes, registerValue, type KnownInstruction, type MemoryUse } from './instruction';
import { ATTRIBUTE, codeBits, isVirtual8086, type MachineState, type SegmentState } from './machineState';

const U16 = 0xffffn;
const U32 = 0xffffffffn;

/** First and last valid offset; first > last when there is none. */
function bounds(segment: SegmentState): readonly [bigint, bigint] {
  const { attributes, limit } = segment;
  const down = (attributes & (ATTRIBUTE.segment | ATTRIBUTE.code | ATTRIBUTE.expandDown)) === (ATTRIBUTE.segment | ATTRIBUTE.expandDown);
  if (!down) return [0n, BigInt(limit)];
  return [BigInt(limit) + 1n, attributes & ATTRIBUTE.big ? U32 : U16];
}

/** Whether a segment forbids an access of `bytes` at `offset`. */
export function forbids(segment: SegmentState, offset: bigint, bytes: number, write: boolean, real: boolean): boolean {
  const { attributes } = segment;
  if (!real) {
    if (!(attributes & ATTRIBUTE.present)) return true;
    const code = (attributes & ATTRIBUTE.code) !== 0;
    if (write && (code || !(attributes & ATTRIBUTE.writable))) return true;
    if (!write && code && !(attributes & ATTRIBUTE.readable)) return true;
  }
  const [first, last] = real ? [0n, BigInt(segment.limit)] as const : bounds(segment);
  return offset < first || offset + BigInt(Math.max(bytes, 1)) - 1n > last;
}

/** How far from its address a bit test with a bit offset in a register reads. */
function bitDisplacement(state: MachineState, { bitOffset }: KnownInstruction): bigint {
  if (bitOffset === undefined) return 0n;
  const bits = 8 * RegisterExt.size(bitOffset);
  const offset = BigInt.asIntN(bits, registerValue(state.general, bitOffset));
  // Division that rounds down.
  return (offset >> BigInt(Math.log2(bits))) * BigInt(bits / 8);
}

/** Offsets that a memory operand covers at its first access, and at its last when the instruction is repeated. */
function offsets(state: MachineState, use: MemoryUse, instruction: KnownInstruction): readonly bigint[] {
  const width = use.stack ? (state.segments.ss.attributes & ATTRIBUTE.big ? 4 : 2) : addressBytes(use);
  const mask = width === 2 ? U16 : U32;
  const start = (bitDisplacement(state, instruction) + registerValue(state.general, use.base) + registerValue(state.general, use.index) * BigInt(use.scale) + use.displacement) & mask;
  if (!instruction.repeated) return [start];
  const count = (state.general[1] ?? 0n) & mask;
  if (count === 0n) return [];
  const step = BigInt(use.bytes) * (state.flags & 0x400 ? -1n : 1n);
  const all: bigint[] = [];
  for (let i = 0n; i < count && i < 256n; i++) all.push((start + i * step) & mask);
  return all;
}

/** Whether an instruction needs memory that its segments do not give it, or runs over the limit of CS itself. */
export function violatesSegments(state: MachineState, instruction: KnownInstruction): boolean {
  if (codeBits(state) === 64) return false;
  const real = !(state.cr0 & 1) || isVirtual8086(state);
  const last = state.rip + BigInt(instruction.length) - 1n;
  if (last > BigInt(state.segments.cs.limit)) return true;
  return instruction.memory.some((use) => {
    const segment = state.segments[use.segment];
    return offsets(state, use, instruction).some((offset) =>
      (use.read && forbids(segment, offset, use.bytes, false, real)) || (use.write && forbids(segment, offset, use.bytes, true, real)));
  });
}
