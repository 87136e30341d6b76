/** CRC-32C (Castagnoli), the checksum of VHDX structures. Source: RFC 3720, appendix B.4. */

const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL;
  return value >>> 0;
});

/** The checksum of `bytes`, with the four bytes at `skip` (where it is kept) taken as zeros. */
export function crc32c(bytes: Uint8Array, skip = -1): number {
  let value = 0xffffffff;
  for (let index = 0; index < bytes.length; index++) {
    const byte = index >= skip && index < skip + 4 && skip >= 0 ? 0 : bytes[index];
    value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  }
  return ~value >>> 0;
}
