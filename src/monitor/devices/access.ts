/** Taking wide port and memory accesses apart into bytes, little-endian, as an 8-bit device on a wider bus sees them. */
import type { AccessSize } from './device';

/** All ones of an access's width: what nobody answers. */
export function allOnes(size: AccessSize): number {
  return size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff;
}

/** Reads `size` bytes from `first` upwards, lowest address in the lowest bits. */
export function readByBytes(first: number, size: AccessSize, read: (address: number) => number): number {
  let value = 0;
  for (let index = 0; index < size; index++) value |= (read(first + index) & 0xff) << (8 * index);
  return value >>> 0;
}

/** Writes `size` bytes from `first` upwards, lowest bits first. */
export function writeByBytes(
  first: number,
  size: AccessSize,
  value: number,
  write: (address: number, value: number) => void,
): void {
  for (let index = 0; index < size; index++) write(first + index, (value >>> (8 * index)) & 0xff);
}
