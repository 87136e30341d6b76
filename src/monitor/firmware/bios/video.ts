/** INT 10h: the video services (IBM PS/2 and PC BIOS Interface Technical Reference, interrupt 10h). */
import { hex } from '../bytes';
import type { FunctionTable, ServiceCall } from './call';
import { BDA } from './layout';
import { FONT_8X16, FONT_8X8, ROM_SEGMENT } from './rom';
import {
  activePage, columns, cursor, readCell, rows, scroll, setCursor, showPage, scrolledAway, teletype, writeCell, type Position,
} from './text-screen';
import {
  ATTRIBUTE, ATTRIBUTE_SCREEN_ON, CHARACTER_HEIGHT, GRAPHICS_MODE, resetAttributeFlipFlop, setVideoMode, videoMemory,
  writeIndexed,
} from './video-modes';

const DAC_READ_INDEX = 0x3c7;
const DAC_WRITE_INDEX = 0x3c8;
const DAC_DATA = 0x3c9;
const OVERSCAN = 0x11;
const MODE_CONTROL = 0x10;
const BLINK = 0x08;
const PALETTE_REGISTERS = 16;

function setMode(call: ServiceCall): void {
  const number = call.al & 0x7f;
  if (!setVideoMode(call.machine, number, (call.al & 0x80) !== 0)) {
    call.machine.log(`BIOS: video mode ${hex(number, 2)}h is not supported\n`);
    return;
  }
  call.al = number === GRAPHICS_MODE ? 0x20 : 0x30;
}

/**
 * Cursor lines are given for characters of 8 lines and scaled to those of the mode, unless the cursor
 * emulation is off (data area 40:87 bit 0).
 */
function setCursorShape(call: ServiceCall): void {
  const { memory } = call.machine;
  memory.write16(BDA.cursorShape, call.cx);
  const height = memory.read16(BDA.characterHeight);
  const emulate = (memory.read8(BDA.videoControl) & 1) === 0 && (call.ch & 0x1f) < 8 && call.cl < 8;
  const scale = (line: number): number => (emulate ? Math.floor(((line + 1) * height) / 8) - 1 : line);
  const port = memory.read16(BDA.crtcPort);
  writeIndexed(call.machine, port, 0x0a, (call.ch & 0x20) | (scale(call.ch & 0x1f) & 0x1f));
  writeIndexed(call.machine, port, 0x0b, scale(call.cl & 0x1f) & 0x1f);
}

function getCursor(call: ServiceCall): void {
  const { row, column } = cursor(call.machine, call.bh);
  call.dx = (row << 8) | column;
  call.cx = call.machine.memory.read16(BDA.cursorShape);
}

function scrollWindow(call: ServiceCall, direction: 1 | -1): void {
  const window = { top: call.ch, left: call.cl, bottom: call.dh, right: call.dl };
  scroll(call.machine, window, call.al * direction, call.bh);
}

/** AH = 09h and 0Ah: the same character `cx` times from the cursor on; the cursor stays. */
function writeRepeated(call: ServiceCall, attribute?: number): void {
  const { machine } = call;
  const width = columns(machine);
  const start = cursor(machine, call.bh);
  const first = start.row * width + start.column;
  const count = Math.min(call.cx, width * rows(machine) - first);
  for (let i = 0; i < count; i++) {
    writeCell(machine, call.bh, { row: Math.floor((first + i) / width), column: (first + i) % width }, call.al, attribute);
  }
}

/** Address of a pixel of mode 13h; undefined in other modes and outside the screen. */
function pixelAddress(call: ServiceCall): number | undefined {
  if (call.machine.memory.read8(BDA.videoMode) !== GRAPHICS_MODE) return undefined;
  return call.cx < 320 && call.dx < 200 ? videoMemory(call.machine).base + call.dx * 320 + call.cx : undefined;
}

function writePixel(call: ServiceCall): void {
  const address = pixelAddress(call);
  if (address !== undefined) call.machine.memory.write8(address, call.al);
}

function readPixel(call: ServiceCall): void {
  const address = pixelAddress(call);
  if (address !== undefined) call.al = call.machine.memory.read8(address);
}

function getMode(call: ServiceCall): void {
  const { memory } = call.machine;
  call.al = memory.read8(BDA.videoMode) | (memory.read8(BDA.videoControl) & 0x80);
  call.ah = columns(call.machine);
  call.bh = activePage(call.machine);
}

function writeAttribute(call: ServiceCall, register: number, value: number): void {
  resetAttributeFlipFlop(call.machine, call.machine.memory.read16(BDA.crtcPort));
  call.out8(ATTRIBUTE, register);
  call.out8(ATTRIBUTE, value);
  call.out8(ATTRIBUTE, ATTRIBUTE_SCREEN_ON);
}

function readAttribute(call: ServiceCall, register: number): number {
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
function colourCount(call: ServiceCall): number {
  return Math.min(call.cx, 256);
}

const PALETTE_FUNCTIONS: FunctionTable = {
  0x00: (call) => { writeAttribute(call, call.bl & 0x1f, call.bh); },
  0x01: (call) => { writeAttribute(call, OVERSCAN, call.bh); },
  0x02: setPalette,
  0x03: setBlink,
  0x07: (call) => { call.bh = readAttribute(call, call.bl & 0x1f); },
  0x08: (call) => { call.bh = readAttribute(call, OVERSCAN); },
  0x09: getPalette,
  0x10: (call) => { writeDac(call, call.bl, [call.dh, call.ch, call.cl]); },
  0x12: (call) => { writeDac(call, call.bl, call.machine.memory.read(call.pointer('es', call.dx), colourCount(call) * 3)); },
  0x15: readOneColour,
  0x17: (call) => { call.machine.memory.write(call.pointer('es', call.dx), readDac(call, call.bl, colourCount(call))); },
};

/** AX = 1130h: where a font lies. The ROM's fonts are empty, since the screen draws characters itself. */
function fontInformation(call: ServiceCall): void {
  if (call.al !== 0x30) return;
  const eightLines = call.bh === 0 || call.bh === 3 || call.bh === 4;
  call.machine.cpu.setSelector('es', ROM_SEGMENT);
  call.bp = eightLines ? FONT_8X8 : FONT_8X16;
  call.cx = eightLines ? 8 : CHARACTER_HEIGHT;
  call.dl = rows(call.machine) - 1;
}

/** AH = 12h: only BL = 10h, which programs use to find an EGA or better: colour, 256 KiB, switches 9. */
function alternateSelect(call: ServiceCall): void {
  if (call.bl !== 0x10) return;
  call.bx = 0x0003;
  call.cx = 0x0009;
}

/** AH = 13h: string at ES:BP; AL bit 0 moves the cursor, bit 1 has attributes between the characters. */
function writeString(call: ServiceCall): void {
  const { machine, bh: page } = call;
  const paired = (call.al & 2) !== 0;
  const saved = cursor(machine, page);
  const size = paired ? 2 : 1;
  const bytes = machine.memory.read(call.pointer('es', call.bp), call.cx * size);
  const start: Position = { row: call.dh, column: call.dl };
  const { skipped, position } = scrolledAway(machine, start, bytes.filter((_, i) => i % size === 0));
  setCursor(machine, page, position);
  for (let i = skipped * size; i < bytes.length; i += size) {
    teletype(machine, page, bytes[i], paired ? bytes[i + 1] : call.bl);
  }
  if ((call.al & 1) === 0) setCursor(machine, page, saved);
}

/** AH = 1Ah: a VGA with colour display (8) and no second adapter. */
function displayCombination(call: ServiceCall): void {
  if (call.al === 0) call.bx = 0x0008;
  call.al = 0x1a;
}

const FUNCTIONS: FunctionTable = {
  0x00: setMode,
  0x01: setCursorShape,
  0x02: (call) => { setCursor(call.machine, call.bh, { row: call.dh, column: call.dl }); },
  0x03: getCursor,
  0x04: (call) => { call.ah = 0; },
  0x05: (call) => { showPage(call.machine, call.al); },
  0x06: (call) => { scrollWindow(call, 1); },
  0x07: (call) => { scrollWindow(call, -1); },
  0x08: (call) => { call.ax = readCell(call.machine, call.bh, cursor(call.machine, call.bh)); },
  0x09: (call) => { writeRepeated(call, call.bl); },
  0x0a: (call) => { writeRepeated(call); },
  0x0b: (call) => { if (call.bh === 0) writeAttribute(call, OVERSCAN, call.bl & 0x1f); },
  0x0c: writePixel,
  0x0d: readPixel,
  // The page in BH is not looked at: programs leave anything there, and mean the screen.
  0x0e: (call) => { teletype(call.machine, activePage(call.machine), call.al); },
  0x0f: getMode,
  0x10: (call) => { PALETTE_FUNCTIONS[call.al]?.(call); },
  0x11: fontInformation,
  0x12: alternateSelect,
  0x13: writeString,
  0x1a: displayCombination,
};

/** INT 10h. Functions that are not there (VESA among them) change nothing. */
export function videoService(call: ServiceCall): void {
  FUNCTIONS[call.ah]?.(call);
}
