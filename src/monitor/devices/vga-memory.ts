/**
 * The VGA's 256 KiB of display memory: four planes behind the graphics controller's write and read modes.
 *
 * Source: IBM VGA technical reference, 'Graphics controller' and 'Sequencer'. Planes are kept one after
 * the other; an address inside a plane is the CPU's, with the bits that choose a plane cleared.
 */

export const PLANE_BYTES = 0x10000;
const PLANES = 4;

/** Registers that decide what an access means. */
export interface VgaMapping {
  /** Sequencer registers 0-4. */
  readonly sequencer: Uint8Array;
  /** Graphics controller registers 0-8. */
  readonly graphics: Uint8Array;
  /** The four latches, filled by each read. */
  readonly latches: Uint8Array;
  readonly memory: Uint8Array;
}

/** Where an address leads: offset in a plane, and the planes that its lowest bits choose (mask). */
interface Target {
  readonly offset: number;
  readonly planes: number;
}

function isChained4(vga: VgaMapping): boolean {
  return (vga.sequencer[4] & 0x08) !== 0;
}

function writeTarget(vga: VgaMapping, offset: number): Target {
  if (isChained4(vga)) return { offset: offset & 0xfffc, planes: 1 << (offset & 3) };
  const oddEven = (vga.sequencer[4] & 0x04) === 0;
  if (oddEven) return { offset: offset & 0xfffe, planes: (offset & 1) !== 0 ? 0x0a : 0x05 };
  return { offset: offset & 0xffff, planes: 0x0f };
}

function rotateRight(byte: number, count: number): number {
  return ((byte >> count) | (byte << (8 - count))) & 0xff;
}

/** Graphics register 3, bits 3-4: replace, AND, OR, XOR with the latch. */
function combine(operation: number, data: number, latch: number): number {
  if (operation === 1) return data & latch;
  if (operation === 2) return data | latch;
  return operation === 3 ? data ^ latch : data;
}

/** What a plane gets from a byte of the CPU, before the map mask. */
function planeData(vga: VgaMapping, plane: number, value: number): number {
  const { graphics, latches } = vga;
  const latch = latches[plane];
  const mode = graphics[5] & 3;
  if (mode === 1) return latch;
  const operation = (graphics[3] >> 3) & 3;
  const setReset = ((graphics[0] >> plane) & 1) !== 0 ? 0xff : 0;
  const rotated = rotateRight(value, graphics[3] & 7);
  let data = rotated;
  let bits = graphics[8];
  if (mode === 0 && ((graphics[1] >> plane) & 1) !== 0) data = setReset;
  if (mode === 2) data = ((value >> plane) & 1) !== 0 ? 0xff : 0;
  if (mode === 3) {
    data = setReset;
    bits &= rotated;
  }
  return (combine(operation, data, latch) & bits) | (latch & ~bits & 0xff);
}

/** Writes a byte at an offset in the window. */
export function writePlanes(vga: VgaMapping, windowOffset: number, value: number): void {
  const { offset, planes } = writeTarget(vga, windowOffset);
  const mask = planes & vga.sequencer[2];
  for (let plane = 0; plane < PLANES; plane++) {
    if (((mask >> plane) & 1) !== 0) vga.memory[plane * PLANE_BYTES + offset] = planeData(vga, plane, value);
  }
}

/** Offset and plane of a read in mode 0. */
function readTarget(vga: VgaMapping, offset: number): { offset: number; plane: number } {
  const map = vga.graphics[4] & 3;
  if (isChained4(vga)) return { offset: offset & 0xfffc, plane: offset & 3 };
  const oddEven = (vga.graphics[5] & 0x10) !== 0;
  if (oddEven) return { offset: offset & 0xfffe, plane: (map & 2) | (offset & 1) };
  return { offset: offset & 0xffff, plane: map };
}

/** Read mode 1: a bit is 1 where the planes that count show the colour of register 2. */
function compareColour(vga: VgaMapping): number {
  let equal = 0xff;
  for (let plane = 0; plane < PLANES; plane++) {
    if (((vga.graphics[7] >> plane) & 1) === 0) continue;
    const colour = ((vga.graphics[2] >> plane) & 1) !== 0 ? 0xff : 0;
    equal &= ~(vga.latches[plane] ^ colour);
  }
  return equal & 0xff;
}

/** Reads a byte at an offset in the window, and fills the latches. */
export function readPlanes(vga: VgaMapping, windowOffset: number): number {
  const { offset, plane } = readTarget(vga, windowOffset);
  for (let index = 0; index < PLANES; index++) vga.latches[index] = vga.memory[index * PLANE_BYTES + offset];
  return (vga.graphics[5] & 0x08) !== 0 ? compareColour(vga) : vga.latches[plane];
}
