/**
 * Where the beam is: lines and retrace from the CRT controller's registers and the virtual clock.
 *
 * Source: IBM VGA technical reference, 'CRT controller'.
 */
import { lineNumber, type VgaState } from './vga-state';

/** Dot clocks by bits 2-3 of the miscellaneous register; external ones count as the first. */
const DOT_CLOCKS = [25_175_000, 28_322_000, 25_175_000, 25_175_000];
const NANOSECONDS = 1_000_000_000;

/** A frame's times in cycles, and its lines. */
export interface FrameTiming {
  readonly lineCycles: number;
  readonly lines: number;
  readonly shownLines: number;
  readonly shownCycles: number;
  readonly retraceFirst: number;
  /** One past the last. */
  readonly retraceEnd: number;
}

export function frameTiming({ crtc, sequencer, miscellaneous }: VgaState): FrameTiming {
  const dots = (sequencer[1] & 1) !== 0 ? 8 : 9;
  const clock = DOT_CLOCKS[(miscellaneous >> 2) & 3] / ((sequencer[1] & 8) !== 0 ? 2 : 1);
  const characterCycles = (dots * NANOSECONDS) / clock;
  const lines = Math.max(lineNumber(crtc, 'total') + 2, 2);
  const retraceFirst = lineNumber(crtc, 'retraceStart');
  // The end is compared in its low four bits.
  const retraceLines = ((crtc[0x11] - retraceFirst) & 0x0f) || 16;
  return {
    lineCycles: characterCycles * (crtc[0x00] + 5), lines, shownLines: lineNumber(crtc, 'displayEnd') + 1,
    shownCycles: characterCycles * (crtc[0x01] + 1), retraceFirst, retraceEnd: retraceFirst + retraceLines,
  };
}

/** Bits 0 (nothing is displayed) and 3 (vertical retrace) of input status 1. */
export function beamStatus(vga: VgaState, now: number): number {
  const timing = frameTiming(vga);
  const inFrame = now % (timing.lineCycles * timing.lines);
  const line = Math.floor(inFrame / timing.lineCycles);
  const retrace = line >= timing.retraceFirst && line < timing.retraceEnd;
  const blank = retrace || line >= timing.shownLines || inFrame - line * timing.lineCycles >= timing.shownCycles;
  return (retrace ? 0x08 : 0) | (blank ? 0x01 : 0);
}

/** Number of the frame that is being shown, since power-on: what blinks follows it. */
export function frameNumber(vga: VgaState, now: number): number {
  const { lineCycles, lines } = frameTiming(vga);
  return Math.floor(now / (lineCycles * lines));
}
