/**
 * The VGA's display memory behind the graphics controller's write and read modes: four planes, a word of memory for each
 * address of a plane, plane 0 in its lowest byte, so that all four are done at once.
 *
 * Source: IBM VGA technical reference, 'Graphics controller' and 'Sequencer'. A plane's address is the CPU's, with the bits that
 * choose a plane cleared. Where a plane's address lies in memory is our own affair: its two lowest bits become the highest of the
 * 64 KiB, so that chained planes are bytes in a row (mode 13h, banks of the extension), and the CPU may reach them directly.
 */
import { VIDEO_BYTES, type VgaState } from './vga-state';

/** Video memory: the device reads it as it is, and writes it by who has it, who may have to tell others of that. */
export interface VideoMemory {
  readonly bytes: Uint8Array;
  /** Writes a word (4 bytes, little-endian) by its number. */
  writeWord(index: number, value: number): void;
  /** Fills so many bytes from the first on with zeros. */
  clear(bytes: number): void;
}

/** Video memory that nobody else looks after. */
export function plainVideoMemory(bytes = new Uint8Array(VIDEO_BYTES)): VideoMemory {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  return { bytes, writeWord: (index, value) => { words[index] = value; }, clear: (count) => { bytes.fill(0, 0, count); } };
}

/** Registers that decide what an access means. */
export type VgaMapping = Pick<VgaState, 'sequencer' | 'graphics' | 'latches'>;

/** A byte of ones for each bit: planes as a mask of a word. */
const PLANE_MASKS = Uint32Array.from({ length: 16 }, (_, planes) =>
  [0, 1, 2, 3].reduce((mask, plane) => (((planes >> plane) & 1) !== 0 ? mask + 0xff * 2 ** (8 * plane) : mask), 0));

/** Index of the word that holds an address of the planes (64 KiB each; higher bits choose banks). */
export function wordOf(offset: number): number {
  return (offset & ~0xffff) | ((offset & 0xffff) >> 2) | ((offset & 3) << 14);
}

function isChained4(vga: VgaMapping): boolean {
  return (vga.sequencer[4] & 0x08) !== 0;
}

/** Whether a byte that the CPU writes to chained planes arrives as it is, and reads back so: the CPU may do it alone. */
export function isStraight({ sequencer, graphics }: VgaMapping): boolean {
  return (sequencer[4] & 0x08) !== 0 && (sequencer[2] & 0x0f) === 0x0f && (graphics[5] & 0x0b) === 0
    && graphics[1] === 0 && graphics[3] === 0 && graphics[8] === 0xff;
}

function rotateRight(byte: number, count: number): number {
  return ((byte >> count) | (byte << (8 - count))) & 0xff;
}

/** Graphics register 3, bits 3-4: replace, AND, OR, XOR with the latches. */
function combine(operation: number, data: number, latches: number): number {
  if (operation === 1) return data & latches;
  if (operation === 2) return data | latches;
  return operation === 3 ? data ^ latches : data;
}

const inAllPlanes = (byte: number): number => Math.imul(byte, 0x01010101);

/** What the planes get from a byte of the CPU, before the map mask. */
function planeData({ graphics, latches }: VgaMapping, value: number): number {
  const mode = graphics[5] & 3;
  if (mode === 1) return latches;
  const setReset = PLANE_MASKS[graphics[0] & 15];
  const rotated = rotateRight(value, graphics[3] & 7);
  let data = inAllPlanes(rotated);
  let bits = graphics[8];
  if (mode === 0) {
    const enabled = PLANE_MASKS[graphics[1] & 15];
    data = (data & ~enabled) | (setReset & enabled);
  } else if (mode === 2) {
    data = PLANE_MASKS[value & 15];
  } else {
    data = setReset;
    bits &= rotated;
  }
  const mask = inAllPlanes(bits);
  return (combine((graphics[3] >> 3) & 3, data, latches) & mask) | (latches & ~mask);
}

/** Where the planes' words are read and written. */
export interface PlaneMemory {
  readonly words: Uint32Array;
  writeWord(index: number, value: number): void;
}

/** Writes a byte at an offset in the window; `bank` is in units of 64 KiB. */
export function writePlanes(vga: VgaMapping, memory: PlaneMemory, windowOffset: number, value: number, bank = 0): void {
  let offset = windowOffset & 0xffff;
  let planes = vga.sequencer[2] & 15;
  let word = wordOf(offset) + bank * 0x10000;
  if (isChained4(vga)) {
    planes &= 1 << (offset & 3);
    word = (offset >> 2) + bank * 0x4000;
  } else if ((vga.sequencer[4] & 0x04) === 0) {
    planes &= (offset & 1) !== 0 ? 0x0a : 0x05;
    offset &= 0xfffe;
    word = wordOf(offset) + bank * 0x10000;
  }
  if (word >= memory.words.length) return;
  const mask = PLANE_MASKS[planes];
  memory.writeWord(word, ((memory.words[word] & ~mask) | (planeData(vga, value) & mask)) >>> 0);
}

/** Read mode 1: a bit is 1 where the planes that count show the colour of register 2. */
function compareColour({ graphics, latches }: VgaMapping): number {
  const differs = (latches ^ PLANE_MASKS[graphics[2] & 15]) & PLANE_MASKS[graphics[7] & 15];
  return ~(differs | (differs >>> 8) | (differs >>> 16) | (differs >>> 24)) & 0xff;
}

/** Reads a byte at an offset in the window, and fills the latches. */
export function readPlanes(vga: VgaMapping, words: Uint32Array, windowOffset: number, bank = 0): number {
  const { graphics } = vga;
  const offset = windowOffset & 0xffff;
  let plane = graphics[4] & 3;
  let word = wordOf(offset) + bank * 0x10000;
  if (isChained4(vga)) {
    plane = offset & 3;
    word = (offset >> 2) + bank * 0x4000;
  } else if ((graphics[5] & 0x10) !== 0) {
    plane = (plane & 2) | (offset & 1);
    word = wordOf(offset & 0xfffe) + bank * 0x10000;
  }
  vga.latches = (words[word] ?? 0) >>> 0;
  return (graphics[5] & 0x08) !== 0 ? compareColour(vga) : (vga.latches >>> (8 * plane)) & 0xff;
}
