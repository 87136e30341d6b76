/**
 * VESA BIOS extension: INT 10h AH=4Fh over the Bochs display interface.
 *
 * Source: VESA BIOS Extension (VBE) Core Functions Standard 3.0. Version 2.0 is told, since there is no protected mode interface
 * and no refresh rate to choose.
 */
import { put16, put32, u32 } from '../bytes';
import type { FunctionTable, ServiceCall } from './call';
import { BDA, EBDA } from './layout';
import { ROM_SEGMENT, VESA_TABLES } from './rom';
import { VESA_MODES, VESA_TEXTS, type VesaMode } from './vesa-tables';
import { setVideoMode } from './video-modes';
import { restoreState, saveState, stateBlocks } from './video-state';

const DISPI_INDEX = 0x1ce;
const DISPI_DATA = 0x1cf;
const DISPI = { id: 0, width: 1, height: 2, depth: 3, enable: 4, bank: 5, virtualWidth: 6, virtualHeight: 7, x: 8, y: 9, memory: 10 } as const;
const ENABLE = { enabled: 0x01, dac8: 0x20, linear: 0x40, keep: 0x80 } as const;
const FIRST_ID = 0xb0c0;
const LAST_ID = 0xb0cf;
const DAC_READ_INDEX = 0x3c7;
const DAC_WRITE_INDEX = 0x3c8;
const DAC_DATA = 0x3c9;
const DAC_COLOURS = 256;

/** Return values of AX. */
const DONE = 0x004f;
const FAILED = 0x014f;
const INVALID_IN_MODE = 0x034f;

/** Bits of a mode's number as it is set. */
const KEEP_MEMORY = 0x8000;
const LINEAR = 0x4000;
const MODE_NUMBER = 0x01ff;

const BANK_BYTES = 0x1_0000;
const BANK_KIB = 64;
const WINDOW_SEGMENT = 0xa000;
const PCI_ADDRESS = 0xcf8;
const PCI_DATA = 0xcfc;
/** Enable, bus 0, device 2, function 0, base address register 0. */
const FRAME_BUFFER_REGISTER = 0x8000_1010;
const VGA_IDS = 0x1111_1234;
const IDS_REGISTER = 0x8000_1000;

function readDispi({ machine: { ports } }: ServiceCall, index: number): number {
  ports.writePort(DISPI_INDEX, 2, index);
  return ports.readPort(DISPI_DATA, 2);
}

function writeDispi({ machine: { ports } }: ServiceCall, index: number, value: number): void {
  ports.writePort(DISPI_INDEX, 2, index);
  ports.writePort(DISPI_DATA, 2, value & 0xffff);
}

/** Where the linear frame buffer is; 0 where it has no place. */
function frameBuffer({ machine: { ports } }: ServiceCall): number {
  const before = ports.readPort(PCI_ADDRESS, 4);
  ports.writePort(PCI_ADDRESS, 4, IDS_REGISTER);
  const isThere = ports.readPort(PCI_DATA, 4) === VGA_IDS;
  ports.writePort(PCI_ADDRESS, 4, FRAME_BUFFER_REGISTER);
  const register = ports.readPort(PCI_DATA, 4);
  ports.writePort(PCI_ADDRESS, 4, before);
  return isThere ? (register & ~0x0f) >>> 0 : 0;
}

const memoryBytes = (call: ServiceCall): number => readDispi(call, DISPI.memory) * BANK_BYTES;

const storedBytes = ({ depth }: VesaMode): number => Math.ceil(depth / 8);

const findMode = (number: number): VesaMode | undefined => VESA_MODES.find((mode) => mode.number === (number & MODE_NUMBER));

function finish(call: ServiceCall, ax = DONE): void {
  call.ax = ax;
}

/** AX = 4F00h: 256 bytes at ES:DI, 512 for who asks with 'VBE2' in them. */
function controllerInformation(call: ServiceCall): void {
  const address = call.pointer('es', call.di);
  const { memory } = call.machine;
  const asks2 = u32(memory.read(address, 4), 0) === 0x3245_4256;
  const block = new Uint8Array(asks2 ? 512 : 256);
  const pointer = (at: number, offset: number): void => {
    put16(block, at, VESA_TABLES + offset);
    put16(block, at + 2, ROM_SEGMENT);
  };
  block.set(new TextEncoder().encode('VESA'));
  put16(block, 0x04, 0x0200);
  pointer(0x06, VESA_TEXTS.oem);
  // The DAC can be switched to 8 bits.
  put32(block, 0x0a, 1);
  pointer(0x0e, VESA_TEXTS.modes);
  put16(block, 0x12, readDispi(call, DISPI.memory));
  if (asks2) {
    put16(block, 0x14, 1);
    pointer(0x16, VESA_TEXTS.vendor);
    pointer(0x1a, VESA_TEXTS.product);
    pointer(0x1e, VESA_TEXTS.revision);
  }
  memory.write(address, block);
  finish(call);
}

/** Sizes and places of red, green, blue and reserved bits. */
const COLOUR_FIELDS: Readonly<Record<VesaMode['depth'], readonly number[]>> = {
  8: [0, 0, 0, 0, 0, 0, 0, 0], 15: [5, 10, 5, 5, 5, 0, 1, 15], 16: [5, 11, 6, 5, 5, 0, 0, 0], 24: [8, 16, 8, 8, 8, 0, 0, 0], 32: [8, 16, 8, 8, 8, 0, 8, 24],
};
const PACKED = 4;
const DIRECT_COLOUR = 6;

/** AX = 4F01h: the ModeInfoBlock of the mode CX to ES:DI. */
function modeInformation(call: ServiceCall): void {
  const mode = findMode(call.cx);
  if (mode === undefined) return finish(call, FAILED);
  const address = frameBuffer(call);
  const block = new Uint8Array(256);
  const pitch = mode.width * storedBytes(mode);
  const pages = Math.min(Math.floor(memoryBytes(call) / (pitch * mode.height)), 256) - 1;
  // Supported, colour, graphics, information; not VGA compatible; linear frame buffer where it has a place.
  put16(block, 0x00, 0x003b | (address === 0 ? 0 : 0x80));
  // Window A: there, readable, writable.
  block[0x02] = 0x07;
  put16(block, 0x04, BANK_KIB);
  put16(block, 0x06, BANK_KIB);
  put16(block, 0x08, WINDOW_SEGMENT);
  put16(block, 0x10, pitch);
  put16(block, 0x12, mode.width);
  put16(block, 0x14, mode.height);
  block.set([8, 16, 1, mode.depth, 1, mode.depth === 8 ? PACKED : DIRECT_COLOUR, 0, pages, 1], 0x16);
  block.set(COLOUR_FIELDS[mode.depth], 0x1f);
  // The reserved field's bits may be used by the application.
  block[0x27] = mode.depth === 8 ? 0 : 0x02;
  put32(block, 0x28, address);
  put16(block, 0x32, pitch);
  block.set([pages, pages], 0x34);
  block.set(COLOUR_FIELDS[mode.depth], 0x36);
  call.machine.memory.write(call.pointer('es', call.di), block);
  return finish(call);
}

/** AX = 4F02h: sets the mode BX. */
function setMode(call: ServiceCall): void {
  const number = call.bx & MODE_NUMBER;
  const keep = (call.bx & KEEP_MEMORY) !== 0;
  if (number < 0x100) return finish(call, setVideoMode(call.machine, number & 0x7f, keep) ? DONE : FAILED);
  const mode = findMode(number);
  const isLinear = (call.bx & LINEAR) !== 0;
  if (mode === undefined || (isLinear && frameBuffer(call) === 0)) return finish(call, FAILED);
  // The palette of 256 colours, and a screen of graphics in the data area.
  setVideoMode(call.machine, 0x13, true);
  const { memory } = call.machine;
  writeDispi(call, DISPI.width, mode.width);
  writeDispi(call, DISPI.height, mode.height);
  writeDispi(call, DISPI.depth, mode.depth);
  writeDispi(call, DISPI.enable, ENABLE.enabled | (isLinear ? ENABLE.linear : 0) | (keep ? ENABLE.keep : 0));
  memory.write16(BDA.videoColumns, mode.width >> 3);
  memory.write8(BDA.videoLastRow, Math.min((mode.height >> 4) - 1, 0xff));
  memory.write16(BDA.characterHeight, 16);
  memory.write16(EBDA.vesaMode, number | (call.bx & (LINEAR | KEEP_MEMORY)));
  return finish(call);
}

function getMode(call: ServiceCall): void {
  const { memory } = call.machine;
  call.bx = memory.read16(EBDA.vesaMode) || memory.read8(BDA.videoMode);
  finish(call);
}

/** AX = 4F04h: DL 0 the size in 64 bytes, 1 saves to and 2 restores from ES:BX what CX says. */
function stateFunctions(call: ServiceCall): void {
  const address = call.pointer('es', call.bx);
  if (call.dl === 0) call.bx = stateBlocks(call.cx);
  else if (call.dl === 1) saveState(call.machine, call.cx, address);
  else if (call.dl === 2) restoreState(call.machine, call.cx, address);
  else return finish(call, FAILED);
  return finish(call);
}

const hasMode = (call: ServiceCall): boolean => call.machine.memory.read16(EBDA.vesaMode) !== 0;

/** AX = 4F05h: window A's place, in 64 KiB. */
function windowControl(call: ServiceCall): void {
  if (!hasMode(call)) return finish(call, INVALID_IN_MODE);
  if (call.bl !== 0) return finish(call, FAILED);
  if (call.bh === 1) call.dx = readDispi(call, DISPI.bank);
  else if (call.bh !== 0 || call.dx * BANK_BYTES >= memoryBytes(call)) return finish(call, FAILED);
  else writeDispi(call, DISPI.bank, call.dx);
  return finish(call);
}

/** Bytes of a dot in the present mode. */
function dotBytes(call: ServiceCall): number {
  return Math.ceil(readDispi(call, DISPI.depth) / 8);
}

/** AX = 4F06h: BL 0 sets the length of lines in dots, 2 in bytes, 1 gets it, 3 gets the most. */
function scanLineLength(call: ServiceCall): void {
  if (!hasMode(call)) return finish(call, INVALID_IN_MODE);
  const bytes = dotBytes(call);
  const most = Math.min(Math.floor(memoryBytes(call) / readDispi(call, DISPI.height) / bytes), 0x3ff8) & ~7;
  if (call.bl === 3) {
    call.bx = most * bytes;
    call.cx = most;
    call.dx = Math.floor(memoryBytes(call) / (most * bytes));
    return finish(call);
  }
  if (call.bl === 0 || call.bl === 2) {
    const dots = (call.bl === 0 ? call.cx : Math.ceil(call.cx / bytes)) + 7 & ~7;
    if (dots > most || dots < readDispi(call, DISPI.width)) return finish(call, FAILED_LENGTH);
    writeDispi(call, DISPI.virtualWidth, dots);
  } else if (call.bl !== 1) return finish(call, FAILED);
  const dots = readDispi(call, DISPI.virtualWidth);
  call.bx = dots * bytes;
  call.cx = dots;
  call.dx = readDispi(call, DISPI.virtualHeight);
  return finish(call);
}

/** The hardware cannot do it. */
const FAILED_LENGTH = 0x024f;

/** AX = 4F07h: the dot and line that are shown first. */
function displayStart(call: ServiceCall): void {
  if (!hasMode(call)) return finish(call, INVALID_IN_MODE);
  if (call.bl === 1) {
    call.bh = 0;
    call.cx = readDispi(call, DISPI.x);
    call.dx = readDispi(call, DISPI.y);
  } else if (call.bl === 0 || call.bl === 0x80) {
    const isInside = call.dx + readDispi(call, DISPI.height) <= readDispi(call, DISPI.virtualHeight)
      && call.cx + readDispi(call, DISPI.width) <= readDispi(call, DISPI.virtualWidth);
    if (!isInside) return finish(call, FAILED);
    writeDispi(call, DISPI.x, call.cx);
    writeDispi(call, DISPI.y, call.dx);
  } else return finish(call, FAILED);
  return finish(call);
}

const isWideDac = (call: ServiceCall): boolean => (readDispi(call, DISPI.enable) & ENABLE.dac8) !== 0;

/** AX = 4F08h: bits of the DAC's components, 6 or 8. */
function dacFormat(call: ServiceCall): void {
  if (!hasMode(call) || dotBytes(call) > 1) return finish(call, INVALID_IN_MODE);
  if (call.bl === 0) writeDispi(call, DISPI.enable, (readDispi(call, DISPI.enable) & ~ENABLE.dac8) | ENABLE.keep | (call.bh >= 8 ? ENABLE.dac8 : 0));
  else if (call.bl !== 1) return finish(call, FAILED);
  call.bh = isWideDac(call) ? 8 : 6;
  return finish(call);
}

/** AX = 4F09h: CX colours from DX on, at ES:DI as blue, green, red and a byte beside. */
function paletteData(call: ServiceCall): void {
  const address = call.pointer('es', call.di);
  const count = Math.min(call.cx, DAC_COLOURS - call.dx);
  if (count <= 0) return finish(call, FAILED);
  if (call.bl === 0 || call.bl === 0x80) {
    const entries = call.machine.memory.read(address, 4 * count);
    call.out8(DAC_WRITE_INDEX, call.dx);
    for (let i = 0; i < count; i++) for (const at of [2, 1, 0]) call.out8(DAC_DATA, entries[4 * i + at]);
  } else if (call.bl === 1) {
    const entries = new Uint8Array(4 * count);
    call.out8(DAC_READ_INDEX, call.dx);
    for (let i = 0; i < count; i++) for (const at of [2, 1, 0]) entries[4 * i + at] = call.in8(DAC_DATA);
    call.machine.memory.write(address, entries);
  } else return finish(call, FAILED);
  return finish(call);
}

const FUNCTIONS: FunctionTable = {
  0x00: controllerInformation,
  0x01: modeInformation,
  0x02: setMode,
  0x03: getMode,
  0x04: stateFunctions,
  0x05: windowControl,
  0x06: scanLineLength,
  0x07: displayStart,
  0x08: dacFormat,
  0x09: paletteData,
};

/** AH = 4Fh. What is not there leaves AX as it was, by which programs know it. */
export function vesaService(call: ServiceCall): void {
  const id = readDispi(call, DISPI.id);
  if (id < FIRST_ID || id > LAST_ID) return;
  const service = FUNCTIONS[call.al];
  if (service === undefined) call.ah = 1;
  else service(call);
}
