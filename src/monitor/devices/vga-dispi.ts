/**
 * The Bochs display interface: linear modes of 8 to 32 bits, set by registers behind ports 1CE and 1CF.
 *
 * Source: Bochs, 'VBE_DISPI' interface (versions B0C0 to B0C5). Values that do not go together are made to: dots in eights, lines
 * that memory holds, offsets that stay in it.
 */
import { DISPI, DISPI_ENABLE, DISPI_FIRST_ID, DISPI_LAST_ID } from './vga-description';
import { VIDEO_BYTES, type VgaState } from './vga-state';

/** The most that resolution registers read when they are asked for it. */
export const MOST_DISPLAY = { width: 2560, height: 1600, depth: 32 } as const;
const DEPTHS: ReadonlySet<number> = new Set([4, 8, 15, 16, 24, 32]);

/** What is shown, when the interface is enabled. */
export interface LinearMode {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  /** Bytes from line to line; first byte shown. For 4 bits they are addresses in the planes. */
  readonly pitch: number;
  readonly start: number;
}

export function isDispiEnabled({ dispi }: VgaState): boolean {
  return (dispi[DISPI.enable] & DISPI_ENABLE.enabled) !== 0;
}

/** The bank at A0000, in 64 KiB; 0 while the interface is off. */
export function bankOf(vga: VgaState): number {
  return isDispiEnabled(vga) ? vga.dispi[DISPI.bank] : 0;
}

/** Bits that a dot takes in memory. */
const storedBits = (depth: number): number => (depth === 15 ? 16 : depth);

export function linearMode({ dispi }: VgaState): LinearMode {
  const depth = dispi[DISPI.depth];
  // Four planes: a byte of each has eight dots.
  const bits = depth === 4 ? 1 : storedBits(depth);
  const pitch = (dispi[DISPI.virtualWidth] * bits) / 8;
  return { width: dispi[DISPI.width], height: dispi[DISPI.height], depth, pitch, start: dispi[DISPI.y] * pitch + Math.floor((dispi[DISPI.x] * bits) / 8) };
}

/** Makes the registers go together. */
function settle(dispi: Uint16Array): void {
  if (!DEPTHS.has(dispi[DISPI.depth])) dispi[DISPI.depth] = 8;
  dispi[DISPI.width] = Math.min(Math.max(dispi[DISPI.width] & ~7, 8), MOST_DISPLAY.width);
  dispi[DISPI.virtualWidth] = Math.max(Math.min(dispi[DISPI.virtualWidth] & ~7, 0x3ff8), dispi[DISPI.width]);
  const bits = storedBits(dispi[DISPI.depth]);
  const pitch = (dispi[DISPI.virtualWidth] * bits) / 8;
  const lines = Math.floor(VIDEO_BYTES / pitch);
  dispi[DISPI.height] = Math.min(Math.max(dispi[DISPI.height], 1), lines, MOST_DISPLAY.height);
  dispi[DISPI.virtualHeight] = Math.min(lines, 0xffff);
  if (dispi[DISPI.x] + dispi[DISPI.width] > dispi[DISPI.virtualWidth]) dispi[DISPI.x] = Math.max(0, Math.min(dispi[DISPI.x], dispi[DISPI.virtualWidth] - dispi[DISPI.width]));
  dispi[DISPI.y] = Math.min(dispi[DISPI.y], lines - dispi[DISPI.height]);
}

export function readDispi({ dispi, dispiIndex }: VgaState, index = dispiIndex): number {
  if ((dispi[DISPI.enable] & DISPI_ENABLE.capabilities) !== 0) {
    if (index === DISPI.width) return MOST_DISPLAY.width;
    if (index === DISPI.height) return MOST_DISPLAY.height;
    if (index === DISPI.depth) return MOST_DISPLAY.depth;
  }
  return dispi[index] ?? 0;
}

/** Writes a register. `clear` is called with a number of bytes when video memory is to be cleared. */
export function writeDispi(vga: VgaState, value: number, clear: (bytes: number) => void, index = vga.dispiIndex): void {
  const { dispi } = vga;
  switch (index) {
    case DISPI.id:
      if (value >= DISPI_FIRST_ID && value <= DISPI_LAST_ID) dispi[index] = value;
      break;
    case DISPI.bank:
      dispi[index] = value & ((VIDEO_BYTES >> 16) - 1);
      break;
    case DISPI.enable:
      enable(vga, value, clear);
      break;
    case DISPI.width: case DISPI.height: case DISPI.depth: case DISPI.virtualWidth: case DISPI.x: case DISPI.y:
      dispi[index] = value;
      if (isDispiEnabled(vga)) {
        settle(dispi);
        followDispi(vga);
      }
      break;
    default: break;
  }
}

function enable(vga: VgaState, value: number, clear: (bytes: number) => void): void {
  const { dispi } = vga;
  const wasEnabled = isDispiEnabled(vga);
  dispi[DISPI.enable] = value & 0xe3;
  if (!isDispiEnabled(vga)) {
    dispi[DISPI.bank] = 0;
    return;
  }
  if (wasEnabled) return;
  dispi[DISPI.virtualWidth] = dispi[DISPI.x] = dispi[DISPI.y] = dispi[DISPI.bank] = 0;
  settle(dispi);
  followDispi(vga);
  const mode = linearMode(vga);
  if ((value & DISPI_ENABLE.keep) === 0) clear(mode.height * mode.pitch * (mode.depth === 4 ? 4 : 1));
}

/**
 * The VGA's own registers follow: graphics at A0000, planes chained (but for 4 bits), resolution and pitch. Programs that set a
 * mode by the interface alone expect memory and CRT controller so.
 */
function followDispi(vga: VgaState): void {
  const { crtc, graphics, sequencer } = vga;
  const { width, height, depth, pitch } = linearMode(vga);
  graphics[6] = (graphics[6] & ~0x0e) | 0x05;
  if (depth === 4) {
    graphics[5] &= ~0x60;
    sequencer[4] &= ~0x08;
  } else {
    graphics[5] = (graphics[5] & ~0x60) | 0x40;
    sequencer[4] |= 0x08;
    sequencer[2] |= 0x0f;
  }
  sequencer[4] |= 0x06;
  sequencer[1] &= ~0x08;
  const last = height - 1;
  crtc[0x17] |= 0x03;
  crtc[0x13] = pitch >> (depth === 4 ? 1 : 3);
  crtc[0x01] = (width >> 3) - 1;
  crtc[0x12] = last;
  crtc[0x07] = (crtc[0x07] & ~0x42) | ((last >> 7) & 0x02) | ((last >> 3) & 0x40) | 0x10;
  crtc[0x09] = (crtc[0x09] & ~0x9f) | 0x40;
  crtc[0x18] = 0xff;
}
