/** Prefixes, and the memory operand of ModRM, SIB and displacement (Intel SDM vol. 2, 2.1 and 2.2). */
import type { Cursor } from './cursor';
import { SEGMENT, type AddressForm } from './instruction';

export type CodeBits = 16 | 32 | 64;

/** The fields of a VEX prefix that REX and the mandatory prefixes lack. */
export interface VexPrefix {
  readonly length: 128 | 256;
  /** Number of the register that VEX.vvvv names; outside 64-bit mode its upper bit does not count. */
  readonly register: number;
}

export interface Prefixes {
  operand: boolean;
  address: boolean;
  lock: boolean;
  /** 0, f2 or f3: the last of them counts. */
  repeat: number;
  /** Segment number, -1 for none. */
  segment: number;
  /** The REX byte right before the opcode, or 0; of a VEX prefix, what would stand there. */
  rex: number;
  vex: VexPrefix | undefined;
}

/** Bits of REX. */
export const REX = { b: 1, x: 2, r: 4, w: 8 } as const;

const SEGMENT_PREFIX: ReadonlyMap<number, number> = new Map([
  [0x26, SEGMENT.es],
  [0x2e, SEGMENT.cs],
  [0x36, SEGMENT.ss],
  [0x3e, SEGMENT.ds],
  [0x64, SEGMENT.fs],
  [0x65, SEGMENT.gs],
]);

/** Reads prefixes in any order, and the first byte behind them. */
export function readPrefixes(cursor: Cursor, bits: CodeBits): [Prefixes, opcode: number] {
  const p: Prefixes = { operand: false, address: false, lock: false, repeat: 0, segment: -1, rex: 0, vex: undefined };
  for (;;) {
    const byte = cursor.u8();
    const segment = SEGMENT_PREFIX.get(byte);
    if (segment !== undefined) {
      // In 64-bit mode only FS and GS count.
      if (bits !== 64 || segment >= SEGMENT.fs) p.segment = segment;
    } else if (byte === 0x66) p.operand = true;
    else if (byte === 0x67) p.address = true;
    else if (byte === 0xf0) p.lock = true;
    else if (byte === 0xf2 || byte === 0xf3) p.repeat = byte;
    else if (bits === 64 && (byte & 0xf0) === 0x40) {
      p.rex = byte;
      continue;
    } else return [p, byte];
    // REX counts only directly before the opcode.
    p.rex = 0;
  }
}

export function addressSizeOf(p: Prefixes, bits: CodeBits): 16 | 32 | 64 {
  if (bits === 64) return p.address ? 32 : 64;
  return (bits === 32) !== p.address ? 32 : 16;
}

/** Base and index registers of the 16-bit forms, by ModRM.rm. */
const BASE16 = [3, 3, 5, 5, 6, 7, 5, 3];
const INDEX16 = [6, 7, 6, 7, -1, -1, -1, -1];
const RSP = 4, RBP = 5;

/** Reads what follows a ModRM byte that names memory. */
export function decodeAddress(cursor: Cursor, modrm: number, bits: CodeBits, p: Prefixes): AddressForm {
  const size = addressSizeOf(p, bits);
  if (size === 16) return decodeAddress16(cursor, modrm, p);
  const mod = modrm >> 6;
  const rm = modrm & 7;
  let base: AddressForm['base'] = rm | ((p.rex & REX.b) << 3);
  let index = -1;
  let scale = 0;
  let none = mod === 0 && rm === 5;
  if (rm === 4) {
    const sib = cursor.u8();
    scale = sib >> 6;
    index = ((sib >> 3) & 7) | ((p.rex & REX.x) << 2);
    if (index === RSP) index = -1;
    base = (sib & 7) | ((p.rex & REX.b) << 3);
    none = mod === 0 && (sib & 7) === 5;
  }
  const displacement = none || mod === 2 ? cursor.s32() : mod === 1 ? cursor.s8() : 0;
  const stackBase = !none && (base === RSP || base === RBP);
  const segment = p.segment >= 0 ? p.segment : stackBase ? SEGMENT.ss : SEGMENT.ds;
  if (none) base = rm === 5 && bits === 64 ? 'ip' : -1;
  return { segment, base, index, scale, displacement, size };
}

function decodeAddress16(cursor: Cursor, modrm: number, p: Prefixes): AddressForm {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  const direct = mod === 0 && rm === 6;
  const base = direct ? -1 : (BASE16[rm] ?? -1);
  const displacement = direct || mod === 2 ? cursor.s16() : mod === 1 ? cursor.s8() : 0;
  const segment = p.segment >= 0 ? p.segment : base === RBP ? SEGMENT.ss : SEGMENT.ds;
  return { segment, base, index: INDEX16[rm] ?? -1, scale: 0, displacement, size: 16 };
}
