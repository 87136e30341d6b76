/**
 * The screen as a picture, computed only where it has changed: lines of a linear mode by comparison with what they were made
 * from, those of the VGA's own modes anew when its memory or registers have changed. Nothing of this is the machine's state.
 */
import type { ScreenPicture } from '../inspection/queries';
import { isDispiEnabled, linearMode, type LinearMode } from './vga-dispi';
import { DISPI, DISPI_ENABLE, EXTENDED } from './vga-description';
import { LinePainter, isGraphics } from './vga-lines';
import { wordOf } from './vga-memory';
import { lineNumber, type VgaState } from './vga-state';
import { frameNumber } from './vga-timing';

/** What a picture is made of. */
export interface PictureSource {
  readonly state: VgaState;
  /** Video memory. */
  readonly memory: Uint8Array;
  readonly words: Uint32Array;
  readonly now: number;
}

/** Words of the VGA's own 256 KiB. */
const PLANE_WORDS = 0x10000;
const OPAQUE = 0xff00_0000;
/** Frames for which the cursor, and blinking characters, are shown and then not. */
const CURSOR_FRAMES = 8;
const BLINK_FRAMES = 16;
/** The width of a tube's picture to its height. */
const TUBE = 4 / 3;

function sameWords(left: Uint32Array, right: Uint32Array): boolean {
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

/** The DAC's colours as RGBA words. */
function dacWords({ palette, pixelMask, dispi }: VgaState): Uint32Array {
  const wide = (dispi[DISPI.enable] & DISPI_ENABLE.dac8) !== 0;
  const level = (value: number): number => (wide ? value : ((value & 0x3f) << 2) | ((value & 0x3f) >> 4));
  return Uint32Array.from({ length: 256 }, (_, colour) => {
    const at = (colour & pixelMask) * 3;
    return (level(palette[at]) | (level(palette[at + 1]) << 8) | (level(palette[at + 2]) << 16) | OPAQUE) >>> 0;
  });
}

/** Whether anything is displayed: not while the sequencer or the attribute controller keeps the screen off. */
function isOff({ sequencer, attributeIndex }: VgaState): boolean {
  return (sequencer[1] & 0x20) !== 0 || (attributeIndex & 0x20) === 0;
}

function everything({ state }: PictureSource, phases: string): string {
  const { miscellaneous, sequencer, graphics, crtc, attribute, attributeIndex, palette, pixelMask, dispi, byteOrder } = state;
  return [miscellaneous, attributeIndex & 0x20, pixelMask, byteOrder, phases, sequencer, graphics, crtc, attribute, dispi, palette].join();
}

/** Keeps the last picture of a screen. */
export class PictureMaker {
  readonly #source: PictureSource;
  #change = 0;
  /** Registers that the picture was made with. */
  #registers = '';
  #width = 0;
  #height = 0;
  #aspect = TUBE;
  #pixels = new Uint32Array(0);
  /** The words of memory that it was made from. */
  #seen = new Uint32Array(0);

  constructor(source: PictureSource) {
    this.#source = source;
  }

  /** The picture as it is now. `pixels` are missing when nothing has changed since the picture of that number. */
  look(since?: number): ScreenPicture {
    if (this.#update()) this.#change++;
    const { width, height, aspect, change } = { width: this.#width, height: this.#height, aspect: this.#aspect, change: this.#change };
    if (since === change) return { change, width, height, aspect };
    return { change, width, height, aspect, pixels: new Uint8Array(this.#pixels.buffer.slice(0)) };
  }

  /** Brings the picture up to date; whether it is another one then. */
  #update(): boolean {
    const { state, now } = this.#source;
    const isLinear = isDispiEnabled(state) && state.dispi[DISPI.depth] !== 4;
    const frame = isLinear || isGraphics(state) ? 0 : frameNumber(state, now);
    const phases = { cursorShown: Math.floor(frame / CURSOR_FRAMES) % 2 === 0, blinkShown: Math.floor(frame / BLINK_FRAMES) % 2 === 0 };
    const registers = everything(this.#source, `${phases.cursorShown}${phases.blinkShown}`);
    const isNew = registers !== this.#registers;
    this.#registers = registers;
    if (isOff(state) && !isDispiEnabled(state)) return isNew && this.#blank();
    if (isLinear) return this.#updateLinear(linearMode(state), isNew);
    return this.#updatePlanes(phases, isNew);
  }

  #size(width: number, height: number, aspect: number): void {
    this.#aspect = aspect;
    if (width === this.#width && height === this.#height) return;
    this.#width = width;
    this.#height = height;
    this.#pixels = new Uint32Array(width * height);
  }

  #blank(): true {
    this.#size(this.#width || 640, this.#height || 400, TUBE);
    this.#pixels.fill(OPAQUE);
    this.#seen = new Uint32Array(0);
    return true;
  }

  // Linear modes.

  #updateLinear({ width, height, depth, pitch, start }: LinearMode, isNew: boolean): boolean {
    const { memory, state } = this.#source;
    this.#size(width, height, width / height);
    const bytes = (width * (depth === 15 ? 16 : depth)) / 8;
    // Whole words around a line: lines need not begin on one.
    const lineWords = Math.ceil((bytes + 3) / 4) + 1;
    const size = lineWords * height;
    const all = isNew || this.#seen.length !== size;
    if (this.#seen.length !== size) this.#seen = new Uint32Array(size);
    const colours = depth === 8 ? dacWords(state) : undefined;
    const swaps = state.byteOrder === EXTENDED.big;
    let changed = all;
    for (let y = 0; y < height; y++) {
      const first = start + y * pitch;
      const from = memory.byteOffset + first - (first & 3);
      const count = Math.min(lineWords, (memory.length - (first - (first & 3))) >> 2);
      if (count <= 0) break;
      const line = new Uint32Array(memory.buffer, from, count);
      const seen = this.#seen.subarray(y * lineWords, y * lineWords + count);
      if (!all && sameWords(line, seen)) continue;
      seen.set(line);
      changed = true;
      const target = this.#pixels.subarray(y * width, (y + 1) * width);
      if (colours !== undefined) paintIndexed(memory, first, colours, target);
      else if (depth === 32) paint32(memory, first, swaps, target);
      else if (depth === 24) paint24(memory, first, target);
      else paint16(memory, first, depth, swaps, target);
    }
    return changed;
  }

  // The VGA's own modes.

  #updatePlanes(phases: { cursorShown: boolean; blinkShown: boolean }, isNew: boolean): boolean {
    const { state, words } = this.#source;
    const isWide = isDispiEnabled(state);
    // Four bits in the extension's modes may take more than 64 KiB of each plane.
    const memory = words.subarray(0, isWide ? PLANE_WORDS * 8 : PLANE_WORDS);
    const isSame = this.#seen.length === memory.length && sameWords(memory, this.#seen);
    if (isSame && !isNew) return false;
    if (!isSame) this.#seen = memory.slice();
    if (isWide) this.#paintWidePlanes(linearMode(state));
    else this.#paintVga(phases);
    return true;
  }

  #paintWidePlanes({ width, height, pitch, start }: LinearMode): void {
    const { state, words } = this.#source;
    const dac = dacWords(state);
    this.#size(width, height, width / height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const planes = words[wordOf(start + y * pitch + (x >> 3))] >>> (7 - (x & 7));
        const colour = (planes & 1) | ((planes >> 7) & 2) | ((planes >> 14) & 4) | ((planes >> 21) & 8);
        this.#pixels[y * width + x] = dac[state.attribute[colour]];
      }
    }
  }

  /** Line by line, as the CRT controller counts addresses and rows. */
  #paintVga(phases: { cursorShown: boolean; blinkShown: boolean }): void {
    const { state, words } = this.#source;
    const { crtc, sequencer, attribute } = state;
    const painter = new LinePainter(state, words, phases);
    // A halved dot clock shows each dot twice.
    const widening = (sequencer[1] & 0x08) !== 0 && (state.graphics[5] & 0x40) === 0 ? 2 : 1;
    const width = painter.width * widening;
    const height = lineNumber(crtc, 'displayEnd') + 1;
    this.#size(width, height, TUBE);
    const dac = dacWords(state);
    const lastRow = crtc[0x09] & 0x1f;
    const doubles = (crtc[0x09] & 0x80) !== 0 ? 2 : 1;
    const compare = lineNumber(crtc, 'compare');
    const bytePanning = (crtc[0x08] >> 5) & 3;
    let counter = ((crtc[0x0c] << 8) | crtc[0x0d]) + bytePanning;
    let rowScan = Math.min(crtc[0x08] & 0x1f, lastRow);
    let again = 0;
    let panning = dotsOfPanning(state);
    let drawn = '';
    // Rows of graphics whose addresses do not hang on the row look alike.
    const hangsOnRow = (crtc[0x17] & 3) !== 3 || !(isGraphics(state) || (state.graphics[6] & 1) !== 0);
    for (let y = 0; y < height; y++) {
      const what = `${counter},${hangsOnRow ? rowScan : 0},${panning}`;
      const target = this.#pixels.subarray(y * width, (y + 1) * width);
      if (what === drawn) this.#pixels.copyWithin(y * width, (y - 1) * width, y * width);
      else if (widening === 2) widen(painter.paint({ counter, rowScan, panning }), dac, target);
      else translate(painter.paint({ counter, rowScan, panning }), dac, target);
      drawn = what;
      if (y === compare) {
        [counter, rowScan, again] = [0, 0, 0];
        if ((attribute[0x10] & 0x20) !== 0) panning = dotsOfPanning(state, 0);
        continue;
      }
      if (++again < doubles) continue;
      again = 0;
      if (rowScan === lastRow) {
        rowScan = 0;
        counter += crtc[0x13] * 2;
      } else rowScan = (rowScan + 1) & 0x1f;
    }
  }
}

/** Dots that horizontal panning moves a line by: characters of 9 dots count 8 as none, and those of 8 have no use for it. */
function dotsOfPanning({ attribute, sequencer, graphics }: VgaState, kept = attribute[0x13] & 0x0f): number {
  const isNine = (sequencer[1] & 1) === 0 && (attribute[0x10] & 1) === 0 && (graphics[6] & 1) === 0;
  if (kept >= 8) return 0;
  return isNine ? kept + 1 : kept;
}

function translate(colours: Uint8Array, dac: Uint32Array, target: Uint32Array): void {
  for (let x = 0; x < target.length; x++) target[x] = dac[colours[x]];
}

function widen(colours: Uint8Array, dac: Uint32Array, target: Uint32Array): void {
  for (let x = 0; x < target.length; x++) target[x] = dac[colours[x >> 1]];
}

function paintIndexed(memory: Uint8Array, first: number, colours: Uint32Array, target: Uint32Array): void {
  for (let x = 0; x < target.length; x++) target[x] = colours[memory[first + x]];
}

/** Blue in the lowest byte. */
function paint32(memory: Uint8Array, first: number, swaps: boolean, target: Uint32Array): void {
  const isWhole = ((memory.byteOffset + first) & 3) === 0 && first + 4 * target.length <= memory.length;
  if (isWhole && !swaps) {
    const words = new Uint32Array(memory.buffer, memory.byteOffset + first, target.length);
    for (let x = 0; x < target.length; x++) {
      const word = words[x];
      target[x] = (word & 0xff00) | ((word & 0xff) << 16) | ((word >>> 16) & 0xff) | OPAQUE;
    }
    return;
  }
  for (let x = 0; x < target.length; x++) {
    const at = first + 4 * x;
    const [red, green, blue] = swaps ? [memory[at + 1], memory[at + 2], memory[at + 3]] : [memory[at + 2], memory[at + 1], memory[at]];
    target[x] = red | (green << 8) | (blue << 16) | OPAQUE;
  }
}

function paint24(memory: Uint8Array, first: number, target: Uint32Array): void {
  for (let x = 0; x < target.length; x++) {
    const at = first + 3 * x;
    target[x] = memory[at + 2] | (memory[at + 1] << 8) | (memory[at] << 16) | OPAQUE;
  }
}

/** Five bits a colour, or six of green. */
function paint16(memory: Uint8Array, first: number, depth: number, swaps: boolean, target: Uint32Array): void {
  const greenBits = depth === 15 ? 5 : 6;
  for (let x = 0; x < target.length; x++) {
    const at = first + 2 * x;
    const value = swaps ? (memory[at] << 8) | memory[at + 1] : memory[at] | (memory[at + 1] << 8);
    const blue = value & 31;
    const green = (value >> 5) & ((1 << greenBits) - 1);
    const red = (value >> (5 + greenBits)) & 31;
    const green8 = depth === 15 ? (green << 3) | (green >> 2) : (green << 2) | (green >> 4);
    target[x] = ((red << 3) | (red >> 2)) | (green8 << 8) | (((blue << 3) | (blue >> 2)) << 16) | OPAQUE;
  }
}
