/** INT 10h AH=11h: fonts of text and graphics modes (IBM PS/2 and PC BIOS Interface Technical Reference). */
import type { ServiceCall } from './call';
import { font, type FontHeight } from './font';
import { BDA, VIDEO_VECTORS } from './layout';
import { FONT_8X14, FONT_8X16, FONT_8X8_WHOLE, ROM_SEGMENT } from './rom';
import { rows } from './text-screen';
import { loadFont, videoMemory, writeIndexed } from './video-modes';

const SEQUENCER = 0x3c4;
const MAXIMUM_SCAN_LINE = 0x09;
const CURSOR_START = 0x0a;
const CURSOR_END = 0x0b;
const DISPLAY_END = 0x12;
const OVERFLOW = 0x07;
/** Fonts of the ROM by the low digit of AL: 1 and 11 of 14 lines, 2 and 12 of 8, 4 and 14 of 16. */
const ROM_HEIGHTS: Readonly<Record<number, FontHeight | undefined>> = { 1: 14, 2: 8, 4: 16 };
/** Rows of a graphics screen by BL; 0 says that DL has them. */
const GRAPHICS_ROWS = [0, 14, 25, 43];

/** AL = 10h to 14h: the screen has as many rows as fit. */
function changeRows(call: ServiceCall, height: number): void {
  const { machine } = call;
  const { memory, ports } = machine;
  const crtc = memory.read16(BDA.crtcPort);
  const read = (index: number): number => {
    ports.writePort(crtc, 1, index);
    return ports.readPort(crtc + 1, 1);
  };
  const overflow = read(OVERFLOW);
  const lines = (read(DISPLAY_END) | ((overflow & 2) << 7) | ((overflow & 0x40) << 3)) + 1;
  const count = Math.min(Math.max(Math.floor(lines / height), 1), 256);
  writeIndexed(machine, crtc, MAXIMUM_SCAN_LINE, (read(MAXIMUM_SCAN_LINE) & 0xe0) | (height - 1));
  writeIndexed(machine, crtc, CURSOR_START, Math.max(height - 2, 0));
  writeIndexed(machine, crtc, CURSOR_END, height - 1);
  const last = count * height - 1;
  writeIndexed(machine, crtc, DISPLAY_END, last & 0xff);
  memory.write8(BDA.videoLastRow, count - 1);
  memory.write16(BDA.characterHeight, height);
  // A page is rounded up to 256 bytes more than its cells take.
  memory.write16(BDA.videoPageBytes, Math.min((count * memory.read16(BDA.videoColumns) * 2 + 0x100) & ~0xff, 0x8000));
}

function loadUserFont(call: ServiceCall, height: number): void {
  if (height < 1 || height > 32) return;
  const count = Math.min(call.cx, 256);
  loadFont(call.machine, call.machine.memory.read(call.pointer('es', call.bp), count * height), height, Math.min(call.dx, 255), call.bl & 7);
}

function useGraphicsFont(call: ServiceCall, segment: number, offset: number, height: number): void {
  const { memory } = call.machine;
  memory.write16(VIDEO_VECTORS.font, offset);
  memory.write16(VIDEO_VECTORS.font + 2, segment);
  const count = call.bl < GRAPHICS_ROWS.length && call.bl > 0 ? GRAPHICS_ROWS[call.bl] : call.dl;
  memory.write16(BDA.characterHeight, height);
  memory.write8(BDA.videoLastRow, Math.max(count, 1) - 1);
}

const offsetOf = (height: FontHeight): number => ({ 8: FONT_8X8_WHOLE, 14: FONT_8X14, 16: FONT_8X16 })[height];

/** AX = 1130h: where a font lies, by BH; CX is the height of the present one, DL its last row. */
function fontInformation(call: ServiceCall): void {
  const { machine } = call;
  const vector = { 0: VIDEO_VECTORS.upperHalf, 1: VIDEO_VECTORS.font }[call.bh];
  const offsets: Readonly<Record<number, number | undefined>> = {
    2: FONT_8X14, 3: FONT_8X8_WHOLE, 4: FONT_8X8_WHOLE + 128 * 8, 5: FONT_8X14, 6: FONT_8X16, 7: FONT_8X16,
  };
  if (vector !== undefined) {
    machine.cpu.setSelector('es', machine.memory.read16(vector + 2));
    call.bp = machine.memory.read16(vector);
  } else {
    const offset = offsets[call.bh];
    if (offset === undefined) return;
    machine.cpu.setSelector('es', ROM_SEGMENT);
    call.bp = offset;
  }
  call.cx = machine.memory.read16(BDA.characterHeight);
  call.dl = rows(machine) - 1;
}

/** AH = 11h. */
export function fontService(call: ServiceCall): void {
  const { al } = call;
  const height = ROM_HEIGHTS[al & 0x0f];
  if (al === 0x30) return fontInformation(call);
  if (al === 0x03) return writeIndexed(call.machine, SEQUENCER, 3, call.bl & 0x3f);
  if (al === 0x20) {
    const { memory } = call.machine;
    memory.write16(VIDEO_VECTORS.upperHalf, call.bp);
    memory.write16(VIDEO_VECTORS.upperHalf + 2, call.machine.cpu.base('es') >>> 4);
  } else if (al === 0x21) useGraphicsFont(call, call.machine.cpu.base('es') >>> 4, call.bp, Math.min(Math.max(call.cx, 1), 32));
  else if (al >= 0x22 && al <= 0x24) {
    const graphicsHeight = ([14, 8, 16] as const)[al - 0x22];
    useGraphicsFont(call, ROM_SEGMENT, offsetOf(graphicsHeight), graphicsHeight);
  } else if (al === 0x00 || al === 0x10) {
    loadUserFont(call, call.bh);
    if (al === 0x10 && call.bh >= 1 && call.bh <= 32 && videoMemory(call.machine).layout === 'text') changeRows(call, call.bh);
  } else if (height !== undefined && al < 0x20) {
    loadFont(call.machine, font(height), height, 0, call.bl & 7);
    if (al >= 0x10 && videoMemory(call.machine).layout === 'text') changeRows(call, height);
  }
}
