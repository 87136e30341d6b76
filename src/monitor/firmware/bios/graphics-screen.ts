/**
 * Dots and characters in the BIOS's graphics modes: planes of 16 colours, bytes of 256, and the CGA's two layouts.
 *
 * Source: IBM PS/2 and PC BIOS Interface Technical Reference, interrupt 10h functions 06h to 0Eh. Characters come from the fonts
 * that vectors 43h and 1Fh point to. In planes all is done by the VGA's write modes, so that it costs no more accesses than there.
 */
import { BDA, VIDEO_VECTORS } from './layout';
import { videoMemory, writeIndexed, type Layout, type VideoMachine } from './video-modes';

const GRAPHICS = 0x3ce;
const SEQUENCER = 0x3c4;
/** Bit 7 of a colour: exclusive-or with what is there (not where a dot has 256 colours). */
const XOR = 0x80;
const XOR_FUNCTION = 0x18;
/** Lines of odd number lie in the second half of the CGA's memory. */
const ODD_LINES = 0x2000;
const CGA_PITCH = 80;

interface Surface {
  readonly layout: Exclude<Layout, 'text'>;
  /** Linear address of the page that is meant, bytes of a line, and dots. */
  readonly base: number;
  readonly pitch: number;
  readonly width: number;
  readonly height: number;
}

/** The screen as dots; undefined in text modes and in those of VESA. */
function surfaceOf(machine: VideoMachine, page: number): Surface | undefined {
  const { base, layout } = videoMemory(machine);
  if (layout === 'text' || layout === 'none') return undefined;
  const columns = Math.min(machine.memory.read16(BDA.videoColumns), 80);
  const lines = Math.min((machine.memory.read8(BDA.videoLastRow) + 1) * Math.min(machine.memory.read16(BDA.characterHeight), 32), 480);
  const isPaged = layout === 'planes';
  const pitch = layout === 'bytes' ? 320 : layout === 'planes' ? columns : CGA_PITCH;
  return { layout, base: base + (isPaged ? (page & 7) * machine.memory.read16(BDA.videoPageBytes) : 0), pitch, width: layout === 'cga1' ? 640 : columns * 8, height: lines };
}

/** Does something with the VGA's write mode, function and bit mask set, and puts them back as a BIOS leaves them. */
function withPlanes(machine: VideoMachine, mode: number, xor: boolean, work: (mask: (bits: number) => void) => void): void {
  writeIndexed(machine, SEQUENCER, 2, 0x0f);
  writeIndexed(machine, GRAPHICS, 5, mode);
  writeIndexed(machine, GRAPHICS, 3, xor ? XOR_FUNCTION : 0);
  work((bits) => { writeIndexed(machine, GRAPHICS, 8, bits); });
  writeIndexed(machine, GRAPHICS, 8, 0xff);
  writeIndexed(machine, GRAPHICS, 3, 0);
  writeIndexed(machine, GRAPHICS, 5, 0);
}

const cgaLine = ({ base }: Surface, y: number): number => base + (y & 1) * ODD_LINES + (y >> 1) * CGA_PITCH;

/** AH = 0Ch. Nothing happens outside the screen. */
export function writeDot(machine: VideoMachine, page: number, x: number, y: number, colour: number): void {
  const surface = surfaceOf(machine, page);
  if (surface === undefined || x >= surface.width || y >= surface.height) return;
  const { memory } = machine;
  if (surface.layout === 'bytes') memory.write8(surface.base + y * surface.pitch + x, colour);
  else if (surface.layout === 'planes') {
    const address = surface.base + y * surface.pitch + (x >> 3);
    withPlanes(machine, 2, (colour & XOR) !== 0, (mask) => {
      mask(0x80 >> (x & 7));
      memory.read8(address);
      memory.write8(address, colour & 0x0f);
    });
  } else {
    const bits = surface.layout === 'cga2' ? 2 : 1;
    const address = cgaLine(surface, y) + ((x * bits) >> 3);
    const shift = 8 - bits - ((x * bits) & 7);
    const field = ((1 << bits) - 1) << shift;
    const value = (colour << shift) & field;
    const old = memory.read8(address);
    memory.write8(address, (colour & XOR) !== 0 ? old ^ value : (old & ~field) | value);
  }
}

/** AH = 0Dh: the colour of a dot; 0 outside the screen. */
export function readDot(machine: VideoMachine, page: number, x: number, y: number): number {
  const surface = surfaceOf(machine, page);
  if (surface === undefined || x >= surface.width || y >= surface.height) return 0;
  const { memory } = machine;
  if (surface.layout === 'bytes') return memory.read8(surface.base + y * surface.pitch + x);
  if (surface.layout === 'planes') return readPlanes(machine, surface.base + y * surface.pitch + (x >> 3), 0x80 >> (x & 7));
  const bits = surface.layout === 'cga2' ? 2 : 1;
  const shift = 8 - bits - ((x * bits) & 7);
  return (memory.read8(cgaLine(surface, y) + ((x * bits) >> 3)) >> shift) & ((1 << bits) - 1);
}

function readPlanes(machine: VideoMachine, address: number, bit: number): number {
  let colour = 0;
  for (let plane = 0; plane < 4; plane++) {
    writeIndexed(machine, GRAPHICS, 4, plane);
    if ((machine.memory.read8(address) & bit) !== 0) colour |= 1 << plane;
  }
  writeIndexed(machine, GRAPHICS, 4, 0);
  return colour;
}

/** The rows of a character in the present font. */
function glyph({ memory }: VideoMachine, character: number, height: number): Uint8Array {
  const pointer = (vector: number): number => memory.read16(vector) + memory.read16(vector + 2) * 16;
  const upper = height === 8 && character >= 0x80;
  return memory.read(upper ? pointer(VIDEO_VECTORS.upperHalf) + (character - 0x80) * 8 : pointer(VIDEO_VECTORS.font) + character * height, height);
}

/** A byte's bits as dots of two bits. */
function spread(row: number, colour: number): number {
  let wide = 0;
  for (let bit = 0; bit < 8; bit++) if ((row >> bit) & 1) wide |= (colour & 3) << (2 * bit);
  return wide;
}

/** Draws a character in a colour; nothing in text modes. */
export function drawCharacter(machine: VideoMachine, page: number, row: number, column: number, character: number, colour: number): void {
  const surface = surfaceOf(machine, page);
  const height = Math.min(machine.memory.read16(BDA.characterHeight), 32);
  if (surface === undefined || (column + 1) * 8 > surface.width || (row + 1) * height > surface.height) return;
  const { memory } = machine;
  const dots = glyph(machine, character, height);
  const xor = (colour & XOR) !== 0 && surface.layout !== 'bytes';
  if (surface.layout === 'planes') {
    withPlanes(machine, 2, xor, (mask) => {
      dots.forEach((bits, line) => {
        const address = surface.base + (row * height + line) * surface.pitch + column;
        mask(0xff);
        if (!xor) memory.write8(address, 0);
        mask(bits);
        memory.read8(address);
        memory.write8(address, colour & 0x0f);
      });
    });
    return;
  }
  dots.forEach((bits, line) => {
    const y = row * height + line;
    if (surface.layout === 'bytes') memory.write(surface.base + y * surface.pitch + column * 8, Uint8Array.from({ length: 8 }, (_, x) => ((bits << x) & 0x80 ? colour : 0)));
    else if (surface.layout === 'cga1') {
      const address = cgaLine(surface, y) + column;
      const lit = (colour & 1) !== 0 ? bits : 0;
      memory.write8(address, xor ? memory.read8(address) ^ lit : lit);
    } else {
      const address = cgaLine(surface, y) + column * 2;
      const wide = spread(bits, colour);
      const old = xor ? memory.read16(address) : 0;
      // The leftmost dots lie in the first byte.
      memory.write8(address, (old & 0xff) ^ (wide >> 8));
      memory.write8(address + 1, (old >> 8) ^ (wide & 0xff));
    }
  });
}

/** AH = 08h: the character whose dots stand there, whatever their colour; 0 when none has them. */
export function recogniseCharacter(machine: VideoMachine, page: number, row: number, column: number): number {
  const height = Math.min(machine.memory.read16(BDA.characterHeight), 32);
  if (surfaceOf(machine, page) === undefined) return 0;
  const seen = Uint8Array.from({ length: height }, (_, line) => {
    let bits = 0;
    for (let x = 0; x < 8; x++) if (readDot(machine, page, column * 8 + x, row * height + line) !== 0) bits |= 0x80 >> x;
    return bits;
  });
  for (let character = 0; character < 256; character++) if (glyph(machine, character, height).every((bits, line) => bits === seen[line])) return character;
  return 0;
}

/** A rectangle of cells, both corners included. */
interface Cells {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** Moves the rows of a window up (`shift` rows, down when negative); what comes in is filled with a colour. All of it where `shift` is its height. */
export function scrollDots(machine: VideoMachine, page: number, window: Cells, shift: number, colour: number): void {
  const surface = surfaceOf(machine, page);
  if (surface === undefined) return;
  const height = Math.min(machine.memory.read16(BDA.characterHeight), 32);
  const first = window.top * height;
  const lines = Math.min((window.bottom - window.top + 1) * height, surface.height - first);
  const moved = shift * height;
  for (let i = 0; i < lines; i++) {
    const line = shift > 0 ? i : lines - 1 - i;
    const from = line + moved;
    if (from >= 0 && from < lines) copyLine(machine, surface, first + from, first + line, window);
    else fillLine(machine, surface, first + line, window, colour);
  }
}

/** Where a line of a window begins, and its bytes. */
function lineOf(surface: Surface, y: number, { left, right }: Cells): { readonly address: number; readonly bytes: number } {
  const perCell = surface.layout === 'bytes' ? 8 : surface.layout === 'cga2' ? 2 : 1;
  const start = surface.layout === 'cga1' || surface.layout === 'cga2' ? cgaLine(surface, y) : surface.base + y * surface.pitch;
  return { address: start + left * perCell, bytes: (right - left + 1) * perCell };
}

function copyLine(machine: VideoMachine, surface: Surface, from: number, to: number, window: Cells): void {
  const { memory } = machine;
  const source = lineOf(surface, from, window);
  const target = lineOf(surface, to, window);
  if (surface.layout !== 'planes') return memory.write(target.address, memory.read(source.address, source.bytes));
  // By the latches: byte for byte, all planes at once.
  return withPlanes(machine, 1, false, () => {
    for (let i = 0; i < source.bytes; i++) {
      memory.read8(source.address + i);
      memory.write8(target.address + i, 0);
    }
  });
}

function fillLine(machine: VideoMachine, surface: Surface, y: number, window: Cells, colour: number): void {
  const { address, bytes } = lineOf(surface, y, window);
  if (surface.layout === 'planes') return withPlanes(machine, 2, false, () => machine.memory.write(address, new Uint8Array(bytes).fill(colour & 0x0f)));
  const patterns = { bytes: colour, cga1: (colour & 1) * 0xff, cga2: (colour & 3) * 0x55 };
  return machine.memory.write(address, new Uint8Array(bytes).fill(patterns[surface.layout]));
}
