/**
 * Makes a guest that fails smaller as long as it fails in the same way: pieces of code become NOPs, data zeros, bytes of
 * an image zeros, CPUs fewer.
 */
import type { BadGuest, Piece } from './guest';

const NOP = 0x90;
/** Smallest stretch of an image that is tried. */
const LEAST_STRETCH = 64;

const emptied = (piece: Piece): Piece => ({ ...piece, bytes: piece.bytes.map(() => (piece.bits === undefined ? 0 : NOP)) });

export const isEmptied = ({ bytes, bits }: Piece): boolean => bytes.every((byte) => byte === (bits === undefined ? 0 : NOP));

/**
 * @param fails whether a guest still fails in the same way
 * @param deadline moment (performance.now()) at which to leave it as it is
 */
export function shrink(guest: BadGuest, fails: (candidate: BadGuest) => boolean, deadline: number): BadGuest {
  let best = guest;
  const attempt = (candidate: BadGuest): boolean => {
    if (performance.now() > deadline || !fails(candidate)) return false;
    best = candidate;
    return true;
  };
  if (guest.cpus > 1) attempt({ ...best, cpus: 1 });
  shrinkPieces(() => best, attempt);
  if (best.image) shrinkImage(() => best, attempt);
  for (let instructions = best.instructions >> 1; instructions > 16; instructions >>= 1) {
    if (!attempt({ ...best, instructions })) break;
  }
  return best;
}

type Attempt = (candidate: BadGuest) => boolean;

/** Halves first, then smaller groups, down to single pieces. */
function shrinkPieces(best: () => BadGuest, attempt: Attempt): void {
  for (let group = Math.ceil(best().pieces.length / 2); group >= 1; group = group === 1 ? 0 : Math.ceil(group / 2)) {
    for (let first = 0; first < best().pieces.length; first += group) {
      const { pieces } = best();
      const inGroup = (i: number): boolean => i >= first && i < first + group;
      if (!pieces.some((piece, i) => inGroup(i) && piece.fixed !== true && !isEmptied(piece))) continue;
      attempt({ ...best(), pieces: pieces.map((piece, i) => (inGroup(i) && piece.fixed !== true ? emptied(piece) : piece)) });
    }
  }
}

function shrinkImage(best: () => BadGuest, attempt: Attempt): void {
  const bytes = best().image?.length ?? 0;
  for (let stretch = bytes >> 1; stretch >= LEAST_STRETCH; stretch >>= 1) {
    for (let first = 0; first < bytes; first += stretch) {
      const image = best().image?.slice();
      if (!image || image.subarray(first, first + stretch).every((byte) => byte === 0)) continue;
      image.fill(0, first, first + stretch);
      attempt({ ...best(), image });
    }
  }
}
