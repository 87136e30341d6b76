/** What a machine puts out, for the host to take. What is run through again has been put out before, and is not put out twice. */
import type { OutputPiece } from './runnable';

export class OutputGate {
  private pieces: OutputPiece[] = [];
  /** Pieces that the guest has put out up to the present moment, and that have been shown. */
  private count = 0;
  private shown = 0;

  get produced(): number {
    return this.count;
  }

  begin(): void {
    this.pieces = [];
    this.count = this.shown = 0;
  }

  /** `time`: the present moment, cycles. */
  emit(channel: string, bytes: Uint8Array, time: number): void {
    if (++this.count <= this.shown) return;
    this.shown = this.count;
    this.pieces.push({ channel, bytes: bytes.slice(), time });
  }

  /** The present is a moment at which so many pieces had been put out. */
  seek(produced: number): void {
    this.count = produced;
  }

  /** From here on all is new. */
  forgetFuture(): void {
    this.shown = this.count;
  }

  take(): readonly OutputPiece[] {
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }
}
