/**
 * The lazy status words of the state block as architectural status bits, and back, for TypeScript.
 * Their form is defined in ../isa/flags, where generated code computes them.
 */
const CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, OF = 0x800;
const AUX_ADJUST = 8, AUX_CARRIES = 0xc0000000 | 0;

/** Status bits from the result word (zero, negative, low byte) and the aux word. */
export function statusFromWords(zero: boolean, negative: boolean, lowByte: number, aux: number): number {
  let flags = 0;
  const carry = aux >>> 31;
  if (carry) flags |= CF;
  if ((carry ^ (aux >>> 30)) & 1) flags |= OF;
  if (aux & AUX_ADJUST) flags |= AF;
  if (zero) flags |= ZF;
  if (negative !== ((aux & 1) === 1)) flags |= SF;
  if (!parityIsOdd((lowByte ^ (aux >>> 8)) & 0xff)) flags |= PF;
  return flags;
}

/** The two words for given status bits: [result, aux]. */
export function wordsFromStatus(flags: number): [result: number, aux: number] {
  const carry = flags & CF ? 1 : 0;
  const overflow = flags & OF ? 1 : 0;
  let aux = (carry << 31) | ((carry ^ overflow) << 30);
  if (flags & AF) aux |= AUX_ADJUST;
  if (flags & SF) aux |= 1;
  if (!(flags & PF)) aux |= 0x100;
  return [flags & ZF ? 0 : 0x100, aux >>> 0];
}

/**
 * The two words after a - b of `bytes` bytes (unsigned values; bigints of 8 bytes), as generated code makes them
 * for CMP: the result sign-extended, and the borrows.
 */
export function subtractionWords(a: number | bigint, b: number | bigint, bytes: number): { readonly result: bigint; readonly aux: number } {
  if (typeof a === 'bigint' || typeof b === 'bigint') {
    const [wideA, wideB] = [BigInt(a), BigInt(b)];
    const result = BigInt.asIntN(64, wideA - wideB);
    const borrows = BigInt.asUintN(64, (~wideA & wideB) | ((~wideA ^ wideB) & result));
    return { result, aux: ((Number(borrows >> 32n) & AUX_CARRIES) | (Number(borrows & 8n) & AUX_ADJUST)) >>> 0 };
  }
  const shift = 32 - 8 * bytes;
  const result = ((a - b) << shift) >> shift;
  const borrows = (~a & b) | ((~a ^ b) & result);
  return { result: BigInt(result), aux: (((borrows << shift) & AUX_CARRIES) | (borrows & AUX_ADJUST)) >>> 0 };
}

function parityIsOdd(byte: number): boolean {
  let bits = byte ^ (byte >> 4);
  bits ^= bits >> 2;
  bits ^= bits >> 1;
  return (bits & 1) === 1;
}
