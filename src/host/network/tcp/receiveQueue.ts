/** Data that came before what is in front of it, kept until the gap is filled; never more than the window has room for. */
import { advance, distance } from './segment';

/** Pieces kept at once: a guest that sends every other byte has no more of them than this. */
const MOST_PIECES = 128;

interface Piece {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

export class ReceiveQueue {
  /** In order of sequence numbers, without overlaps. */
  private pieces: Piece[] = [];

  get count(): number {
    return this.pieces.length;
  }

  /** Keeps what is not there yet of a piece. */
  add(sequence: number, bytes: Uint8Array): void {
    let from = sequence;
    const end = advance(sequence, bytes.length);
    const merged: Piece[] = [];
    const keep = (to: number): void => {
      if (distance(to, from) <= 0) return;
      merged.push({ sequence: from, bytes: bytes.slice(distance(from, sequence), distance(to, sequence)) });
      from = to;
    };
    for (const piece of this.pieces) {
      const pieceEnd = advance(piece.sequence, piece.bytes.length);
      if (distance(piece.sequence, end) < 0) keep(piece.sequence);
      else keep(end);
      merged.push(piece);
      if (distance(pieceEnd, from) > 0) from = pieceEnd;
    }
    keep(end);
    if (merged.length <= MOST_PIECES) this.pieces = merged;
  }

  /** Takes out what begins at `sequence` or before it, as far as it is new; undefined when there is a gap. */
  take(sequence: number): Uint8Array | undefined {
    for (;;) {
      const [first] = this.pieces;
      if (first === undefined || distance(first.sequence, sequence) > 0) return undefined;
      this.pieces.shift();
      const old = distance(sequence, first.sequence);
      if (old < first.bytes.length) return first.bytes.subarray(old);
    }
  }

  clear(): void {
    this.pieces = [];
  }
}
