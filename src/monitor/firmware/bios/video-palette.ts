/** INT 10h AH=0Bh and AH=10h: attribute controller and DAC (IBM PS/2 and PC BIOS Interface Technical Reference). */
import type { FunctionTable, ServiceCall } from './call';
import { BDA } from './layout';
import { ATTRIBUTE, ATTRIBUTE_SCREEN_ON, resetAttributeFlipFlop } from './video-modes';

const PEL_MASK = 0x3c6;
const DAC_READ_INDEX = 0x3c7;
const DAC_WRITE_INDEX = 0x3c8;
const DAC_DATA = 0x3c9;
const OVERSCAN = 0x11;
const MODE_CONTROL = 0x10;
const COLOUR_SELECT = 0x14;
const BLINK = 0x08;
const PAGES_OF_16 = 0x80;
const PALETTE_REGISTERS = 16;
/** CGA: palette 1 (cyan, magenta, white) in bit 5, bright colours in bit 4 of what the data area keeps. */
const CGA_PALETTE_1 = 0x20;
const CGA_BRIGHT = 0x10;
/** Parts of a hundred of red, green and blue in a grey. */
const GREY = [30, 59, 11] as const;

export function writeAttribute(call: ServiceCall, register: number, value: number): void {
  resetAttributeFlipFlop(call.machine, call.machine.memory.read16(BDA.crtcPort));
  call.out8(ATTRIBUTE, register);
  call.out8(ATTRIBUTE, value);
  call.out8(ATTRIBUTE, ATTRIBUTE_SCREEN_ON);
}

export function readAttribute(call: ServiceCall, register: number): number {
  const port = call.machine.memory.read16(BDA.crtcPort);
  resetAttributeFlipFlop(call.machine, port);
  call.out8(ATTRIBUTE, register);
  const value = call.in8(ATTRIBUTE + 1);
  resetAttributeFlipFlop(call.machine, port);
  call.out8(ATTRIBUTE, ATTRIBUTE_SCREEN_ON);
  return value;
}

/** The 16 palette registers and the border, from or to 17 bytes at ES:DX. */
function setPalette(call: ServiceCall): void {
  const bytes = call.machine.memory.read(call.pointer('es', call.dx), PALETTE_REGISTERS + 1);
  bytes.subarray(0, PALETTE_REGISTERS).forEach((value, register) => { writeAttribute(call, register, value); });
  writeAttribute(call, OVERSCAN, bytes[PALETTE_REGISTERS]);
}

function getPalette(call: ServiceCall): void {
  const registers = Array.from({ length: PALETTE_REGISTERS }, (_, register) => readAttribute(call, register));
  call.machine.memory.write(call.pointer('es', call.dx), Uint8Array.from([...registers, readAttribute(call, OVERSCAN)]));
}

function setBlink(call: ServiceCall): void {
  const control = readAttribute(call, MODE_CONTROL);
  writeAttribute(call, MODE_CONTROL, call.bl === 0 ? control & ~BLINK : control | BLINK);
}

function writeDac(call: ServiceCall, first: number, levels: Iterable<number>): void {
  call.out8(DAC_WRITE_INDEX, first);
  for (const level of levels) call.out8(DAC_DATA, level);
}

function readDac(call: ServiceCall, first: number, count: number): Uint8Array {
  call.out8(DAC_READ_INDEX, first);
  return Uint8Array.from({ length: count * 3 }, () => call.in8(DAC_DATA));
}

function readOneColour(call: ServiceCall): void {
  const [red, green, blue] = readDac(call, call.bl, 1);
  call.dh = red;
  call.cx = (green << 8) | blue;
}

/** No more colours than the DAC has, whatever CX says. */
const colourCount = (call: ServiceCall): number => Math.min(call.cx, 256);

/** AX = 1013h: BL 0 chooses 4 pages of 64 colours or 16 of 16 (BH), BL 1 the page BH. */
function selectColourPage(call: ServiceCall): void {
  const control = readAttribute(call, MODE_CONTROL);
  if (call.bl === 0) writeAttribute(call, MODE_CONTROL, (control & ~PAGES_OF_16) | ((call.bh & 1) !== 0 ? PAGES_OF_16 : 0));
  else writeAttribute(call, COLOUR_SELECT, (control & PAGES_OF_16) !== 0 ? call.bh & 0x0f : (call.bh & 3) << 2);
}

function colourPage(call: ServiceCall): void {
  const by16 = (readAttribute(call, MODE_CONTROL) & PAGES_OF_16) !== 0;
  const select = readAttribute(call, COLOUR_SELECT) & 0x0f;
  call.bl = by16 ? 1 : 0;
  call.bh = by16 ? select : select >> 2;
}

/** AX = 101Bh: CX colours from BL on become greys. */
function sumToGreys(call: ServiceCall): void {
  const colours = readDac(call, call.bl, colourCount(call));
  const greys = colours.map((_, i) => {
    const first = i - (i % 3);
    return Math.round(GREY.reduce((sum, share, component) => sum + share * colours[first + component], 0) / 100);
  });
  writeDac(call, call.bl, greys);
}

export const PALETTE_FUNCTIONS: FunctionTable = {
  0x00: (call) => { writeAttribute(call, call.bl & 0x1f, call.bh); },
  0x01: (call) => { writeAttribute(call, OVERSCAN, call.bh); },
  0x02: setPalette,
  0x03: setBlink,
  0x07: (call) => { call.bh = readAttribute(call, call.bl & 0x1f); },
  0x08: (call) => { call.bh = readAttribute(call, OVERSCAN); },
  0x09: getPalette,
  0x10: (call) => { writeDac(call, call.bl, [call.dh, call.ch, call.cl]); },
  0x12: (call) => { writeDac(call, call.bl, call.machine.memory.read(call.pointer('es', call.dx), colourCount(call) * 3)); },
  0x13: selectColourPage,
  0x15: readOneColour,
  0x17: (call) => { call.machine.memory.write(call.pointer('es', call.dx), readDac(call, call.bl, colourCount(call))); },
  0x18: (call) => { call.out8(PEL_MASK, call.bl); },
  0x19: (call) => { call.bl = call.in8(PEL_MASK); },
  0x1a: colourPage,
  0x1b: sumToGreys,
};

/** AH = 0Bh: BH 0 sets border and background, BH 1 the CGA's palette: BL 0 green, red, brown, BL 1 cyan, magenta, white. */
export function setCgaColours(call: ServiceCall): void {
  const { memory } = call.machine;
  const kept = memory.read8(BDA.crtPalette);
  if (call.bh === 0) {
    const bright = (call.bl & 0x10) !== 0;
    memory.write8(BDA.crtPalette, (kept & ~0x1f) | (call.bl & 0x1f));
    const colour = (call.bl & 7) | ((call.bl & 8) << 1);
    writeAttribute(call, OVERSCAN, colour);
    if (memory.read8(BDA.videoMode) <= 3) return;
    writeAttribute(call, 0, colour);
    for (let register = 1; register < 4; register++) writeAttribute(call, register, (readAttribute(call, register) & ~0x10) | (bright ? 0x10 : 0));
  } else if (call.bh === 1) {
    const second = (call.bl & 1) !== 0;
    memory.write8(BDA.crtPalette, (kept & ~CGA_PALETTE_1) | (second ? CGA_PALETTE_1 : 0));
    const bright = (readAttribute(call, 1) & CGA_BRIGHT) !== 0 ? CGA_BRIGHT : 0;
    for (let register = 1; register < 4; register++) writeAttribute(call, register, (2 * register + (second ? 1 : 0)) | bright);
  }
}
