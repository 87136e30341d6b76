/**
 * The opcode maps: what the bytes of an opcode mean. Prefixes and the escapes 0F, 0F 38 and 0F 3A are the
 * decoder's; the form of the entries is described in ./opcodeTable.
 */
import { oneByteMap } from './maps/oneByte';
import { threeByteMap38, threeByteMap3A } from './maps/threeByte';
import { twoByteMap } from './maps/twoByte';
import { vexMap0F, vexMap0F38, vexMap0F3A } from './maps/vex';

/** Opcodes without an escape. */
export const ONE_BYTE = oneByteMap();
/** Opcodes behind 0F. */
export const TWO_BYTE = twoByteMap();
/** Opcodes behind 0F 38 and 0F 3A. */
export const THREE_BYTE_38 = threeByteMap38();
export const THREE_BYTE_3A = threeByteMap3A();
/** Opcodes behind a VEX prefix, by the escape that it stands for. */
export const VEX_0F = vexMap0F();
export const VEX_0F38 = vexMap0F38();
export const VEX_0F3A = vexMap0F3A();
