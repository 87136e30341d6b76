/**
 * Machine code and tables by hand: little-endian numbers, descriptors, gates, and a buffer with addresses.
 */

export const le16 = (value: number): readonly number[] => [value & 0xff, (value >>> 8) & 0xff];
export const le32 = (value: number): readonly number[] => [...le16(value & 0xffff), ...le16(value >>> 16)];
export const le64 = (value: bigint): readonly number[] => [...le32(Number(value & 0xffffffffn)), ...le32(Number((value >> 32n) & 0xffffffffn))];
/** A number of 2 or 4 bytes. */
export const le = (value: number, size: 2 | 4): readonly number[] => (size === 2 ? le16(value & 0xffff) : le32(value));

/** Bits of a descriptor's byte 5. */
export const PRESENT = 0x80;
export const dpl = (level: number): number => level << 5;
/** Bits of a descriptor's upper nibble of byte 6. */
export const GRANULAR = 8;
export const BIG = 4;
export const LONG = 2;

/** A segment or system descriptor (Intel SDM vol. 3, 3.4.5): limit in its unit, `access` is byte 5, `flags` G, D/B, L, AVL. */
export function descriptor(base: number, limit: number, access: number, flags = 0): readonly number[] {
  return [...le16(limit & 0xffff), ...le16(base & 0xffff), (base >>> 16) & 0xff, access, ((limit >>> 16) & 0xf) | (flags << 4), base >>> 24];
}

/** A gate descriptor: `access` is byte 5 with P, DPL and type. */
export function gate(selector: number, offset: number, access: number, parameters = 0): readonly number[] {
  return [...le16(offset & 0xffff), ...le16(selector), parameters, access, ...le16(offset >>> 16)];
}

/** Bytes that are written one behind the other into memory. */
export class Writer {
  constructor(private readonly memory: Uint8Array, private at: number) {}

  get address(): number {
    return this.at;
  }

  put(...parts: readonly (number | readonly number[])[]): this {
    const bytes = parts.flat();
    this.memory.set(bytes, this.at);
    this.at += bytes.length;
    return this;
  }
}
