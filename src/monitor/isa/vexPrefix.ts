/** VEX prefixes (Intel SDM vol. 2, 2.3): C5 with one byte behind it, C4 with two. */
import { REX, type CodeBits, type Prefixes } from './addressing';
import type { Cursor } from './cursor';
import type { OpcodeSlot } from './opcodeTable';
import { VEX_0F, VEX_0F38, VEX_0F3A } from './opcodes';

const TWO_BYTES = 0xc5, THREE_BYTES = 0xc4;
/** Opcode maps by VEX.mmmmm. */
const MAPS: readonly (readonly OpcodeSlot[] | undefined)[] = [undefined, VEX_0F, VEX_0F38, VEX_0F3A];
/** Mandatory prefixes by VEX.pp. */
const REPEATS = [0, 0, 0xf3, 0xf2];

/** Whether an opcode byte begins a VEX prefix: outside 64-bit mode it is LES or LDS when ModRM would name memory. */
export function isVex(first: number, cursor: Cursor, bits: CodeBits): boolean {
  return (first === TWO_BYTES || first === THREE_BYTES) && (bits === 64 || cursor.peek() >= 0xc0);
}

/** Reads the rest of the prefix, into `p`, and the opcode. A prefix that may not stand before VEX leaves no meaning. */
export function readVex(first: number, cursor: Cursor, bits: CodeBits, p: Prefixes): { slot: OpcodeSlot; opcode: number } {
  const refused = p.lock || p.operand || p.repeat !== 0 || p.rex !== 0;
  const high = cursor.u8();
  const low = first === THREE_BYTES ? cursor.u8() : high;
  // Registers' upper bits are stored inverted, and count in 64-bit mode only.
  const extension = ((~high >> 5) & (first === THREE_BYTES ? REX.r | REX.x | REX.b : REX.r)) & (bits === 64 ? 7 : 0);
  p.rex = 0x40 | extension | (first === THREE_BYTES && low & 0x80 ? REX.w : 0);
  p.vex = { length: low & 4 ? 256 : 128, register: (~low >> 3) & 15 };
  p.operand = (low & 3) === 1;
  p.repeat = REPEATS[low & 3] ?? 0;
  const map = first === THREE_BYTES ? MAPS[high & 0x1f] : VEX_0F;
  const opcode = cursor.u8();
  return { slot: refused ? undefined : map?.[opcode], opcode };
}
