/** INT 10h: the video services (IBM PS/2 and PC BIOS Interface Technical Reference, interrupt 10h). */
import { hex, put16 } from '../bytes';
import type { FunctionTable, ServiceCall } from './call';
import { readDot, writeDot } from './graphics-screen';
import { BDA } from './layout';
import { FUNCTIONALITY_TABLE, ROM_SEGMENT } from './rom';
import {
  activePage, columns, cursor, readCell, rows, scroll, setCursor, showPage, scrolledAway, teletype, writeCell, type Position,
} from './text-screen';
import { vesaService } from './vesa';
import { fontService } from './video-fonts';
import { setVideoMode, videoMemory, writeIndexed } from './video-modes';
import { PALETTE_FUNCTIONS, setCgaColours } from './video-palette';
import { restoreState, saveState, stateBlocks } from './video-state';

const SEQUENCER = 0x3c4;
const MISCELLANEOUS = { read: 0x3cc, write: 0x3c2 } as const;
const SCREEN_OFF = 0x20;
const DISPLAY_MEMORY = 0x02;
const CURSOR_EMULATION_OFF = 0x01;
/** What functions that exist return in AL. */
const SUPPORTED = 0x12;

function setMode(call: ServiceCall): void {
  const number = call.al & 0x7f;
  if (!setVideoMode(call.machine, number, (call.al & 0x80) !== 0)) {
    call.machine.log(`BIOS: video mode ${hex(number, 2)}h is not supported\n`);
    return;
  }
  call.al = number > 7 ? 0x20 : number === 6 ? 0x3f : 0x30;
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

function getMode(call: ServiceCall): void {
  const { memory } = call.machine;
  call.al = memory.read8(BDA.videoMode) | (memory.read8(BDA.videoControl) & 0x80);
  call.ah = columns(call.machine);
  call.bh = activePage(call.machine);
}

/** The sequencer's clocking mode with the screen on or off. */
function refresh(call: ServiceCall, off: boolean): void {
  call.out8(SEQUENCER, 1);
  const mode = call.in8(SEQUENCER + 1);
  writeIndexed(call.machine, SEQUENCER, 1, off ? mode | SCREEN_OFF : mode & ~SCREEN_OFF);
}

/** Lines of text modes from the next mode set on, by AL: 200, 350, 400. The screen always has 400; the data area tells the wish. */
function selectLines(call: ServiceCall): void {
  const { memory } = call.machine;
  const kept = memory.read8(BDA.videoFlags) & ~0x90;
  memory.write8(BDA.videoFlags, kept | ([0x80, 0x00, 0x10][call.al] ?? 0x10));
  call.al = SUPPORTED;
}

/** AH = 12h by BL. */
const ALTERNATE_FUNCTIONS: FunctionTable = {
  // Colour, 256 KiB, switches 9: how programs find an EGA or better.
  0x10: (call) => {
    call.bx = (call.machine.memory.read16(BDA.crtcPort) === 0x3b4 ? 0x0100 : 0) | 0x03;
    call.cx = 0x0009;
  },
  0x30: selectLines,
  // Default palette at mode sets, summing to greys: accepted.
  0x31: (call) => { call.al = SUPPORTED; },
  0x32: (call) => {
    const { ports } = call.machine;
    const kept = ports.readPort(MISCELLANEOUS.read, 1) & ~DISPLAY_MEMORY;
    ports.writePort(MISCELLANEOUS.write, 1, kept | ((call.al & 1) === 0 ? DISPLAY_MEMORY : 0));
    call.al = SUPPORTED;
  },
  0x33: (call) => { call.al = SUPPORTED; },
  0x34: (call) => {
    const { memory } = call.machine;
    const kept = memory.read8(BDA.videoControl) & ~CURSOR_EMULATION_OFF;
    memory.write8(BDA.videoControl, kept | ((call.al & 1) !== 0 ? CURSOR_EMULATION_OFF : 0));
    call.al = SUPPORTED;
  },
  0x36: (call) => {
    refresh(call, (call.al & 1) !== 0);
    call.al = SUPPORTED;
  },
};

/** AH = 1Bh, BX = 0: 64 bytes at ES:DI on what there is and how it stands. */
function functionality(call: ServiceCall): void {
  if (call.bx !== 0) return;
  const { memory } = call.machine;
  const block = new Uint8Array(64);
  put16(block, 0x00, FUNCTIONALITY_TABLE);
  put16(block, 0x02, ROM_SEGMENT);
  // The data area from 40:49 to 40:66, then rows and height.
  block.set(memory.read(BDA.videoMode, 30), 0x04);
  block[0x22] = rows(call.machine);
  put16(block, 0x23, memory.read16(BDA.characterHeight));
  // VGA with colour display and no other; colours, pages, 400 lines, fonts of the sequencer, no blinking told, 256 KiB.
  block[0x25] = memory.read8(BDA.displayCombination);
  const graphics = memory.read8(BDA.videoMode) > 3;
  put16(block, 0x27, memory.read8(BDA.videoMode) === 0x13 ? 256 : graphics ? 4 : 16);
  block.set([8, 2, 0, 0, 0x21, 0, 0, 0, 3, 0], 0x29);
  memory.write(call.pointer('es', call.di), block);
  call.al = 0x1b;
}

/** AH = 1Ch: AL 0 the size in 64 bytes, 1 saves to and 2 restores from ES:BX what CX says. */
function stateFunctions(call: ServiceCall): void {
  const address = call.pointer('es', call.bx);
  const parts = call.cx & 7;
  if (call.al === 0) call.bx = stateBlocks(parts);
  else if (call.al === 1) saveState(call.machine, parts, address);
  else if (call.al === 2) restoreState(call.machine, parts, address);
  else return;
  call.al = 0x1c;
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
  const { memory } = call.machine;
  if (call.al === 0) call.bx = memory.read8(BDA.displayCombination);
  else if (call.al === 1) memory.write8(BDA.displayCombination, call.bl);
  else return;
  call.al = 0x1a;
}

/** Where characters are drawn they have a colour of their own each time; cells keep theirs. */
const isGraphics = (call: ServiceCall): boolean => videoMemory(call.machine).layout !== 'text';

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
  0x0a: (call) => { writeRepeated(call, isGraphics(call) ? call.bl : undefined); },
  0x0b: setCgaColours,
  0x0c: (call) => { writeDot(call.machine, call.bh, call.cx, call.dx, call.al); },
  0x0d: (call) => { call.al = readDot(call.machine, call.bh, call.cx, call.dx); },
  // The page in BH is not looked at: programs leave anything there, and mean the screen.
  0x0e: (call) => { teletype(call.machine, activePage(call.machine), call.al, isGraphics(call) ? call.bl : undefined); },
  0x0f: getMode,
  0x10: (call) => { PALETTE_FUNCTIONS[call.al]?.(call); },
  0x11: fontService,
  0x12: (call) => { ALTERNATE_FUNCTIONS[call.bl]?.(call); },
  0x13: writeString,
  0x1a: displayCombination,
  0x1b: functionality,
  0x1c: stateFunctions,
  0x4f: vesaService,
};

/** INT 10h. Functions that are not there change nothing. */
export function videoService(call: ServiceCall): void {
  FUNCTIONS[call.ah]?.(call);
}
