/** What the VGA keeps beside its memory, which are machine frames: registers, DAC and latches, as after power-on. */
import { DISPI, DISPI_LAST_ID, EXTENDED } from './vga-description';
import { TEXT_ATTRIBUTE, TEXT_CRTC, TEXT_GRAPHICS, TEXT_MISCELLANEOUS, TEXT_SEQUENCER, textPalette } from './vga-modes';

export const VIDEO_BYTES = 16 * 1024 * 1024;

export interface VgaState {
  miscellaneous: number;
  feature: number;
  enabled: number;
  sequencerIndex: number;
  sequencer: Uint8Array;
  graphicsIndex: number;
  graphics: Uint8Array;
  crtcIndex: number;
  crtc: Uint8Array;
  /** Attribute controller index with the palette address source (bit 5). */
  attributeIndex: number;
  attribute: Uint8Array;
  /** The next write to 3C0 is data. */
  attributeData: boolean;
  /** 256 colours of three components, of 6 or 8 bits as they were written. */
  palette: Uint8Array;
  pixelMask: number;
  /** Components of the colour that is being written; the DAC takes them over with the third. */
  paletteLatch: Uint8Array;
  /** DAC read and write positions in components (index * 3 + component). */
  paletteRead: number;
  paletteWrite: number;
  /** What 3C7 reads: 3 after a read index was set, 0 after a write index. */
  paletteState: number;
  /** The four latches, plane 0 in the lowest byte. */
  latches: number;
  dispiIndex: number;
  dispi: Uint16Array;
  /** Frame buffer in big-endian order (extended register of the memory-mapped ones). */
  byteOrder: number;
}

export function powerOnState(): VgaState {
  const dispi = new Uint16Array(DISPI.memory + 1);
  dispi[DISPI.id] = DISPI_LAST_ID;
  dispi[DISPI.memory] = VIDEO_BYTES >> 16;
  return {
    miscellaneous: TEXT_MISCELLANEOUS, feature: 0, enabled: 1,
    sequencerIndex: 0, sequencer: Uint8Array.from(TEXT_SEQUENCER),
    graphicsIndex: 0, graphics: Uint8Array.from(TEXT_GRAPHICS),
    crtcIndex: 0, crtc: Uint8Array.from(TEXT_CRTC),
    attributeIndex: 0x20, attribute: Uint8Array.from(TEXT_ATTRIBUTE), attributeData: false,
    palette: textPalette(), paletteLatch: new Uint8Array(3), pixelMask: 0xff, paletteRead: 0, paletteWrite: 0, paletteState: 0,
    latches: 0, dispiIndex: 0, dispi, byteOrder: EXTENDED.little,
  };
}

/** Which bits of a line's or a frame's numbers the overflow registers hold: the CRT controller's lines have 10 bits. */
export function lineNumber(crtc: Uint8Array, kind: 'total' | 'displayEnd' | 'retraceStart' | 'compare'): number {
  const overflow = crtc[0x07];
  switch (kind) {
    case 'total': return crtc[0x06] | ((overflow & 0x01) << 8) | ((overflow & 0x20) << 4);
    case 'displayEnd': return crtc[0x12] | ((overflow & 0x02) << 7) | ((overflow & 0x40) << 3);
    case 'retraceStart': return crtc[0x10] | ((overflow & 0x04) << 6) | ((overflow & 0x80) << 2);
    case 'compare': return crtc[0x18] | ((overflow & 0x10) << 4) | ((crtc[0x09] & 0x40) << 3);
  }
}
