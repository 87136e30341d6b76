/**
 * A line of the VGA's screen as colours of its DAC: what sequencer, CRT controller and attribute controller make of the words that
 * are fetched, character clock by character clock.
 *
 * Source: IBM VGA technical reference. A line is computed in dots, in numbers of the DAC's 256 colours.
 */
import { wordOf } from './vga-memory';
import type { VgaState } from './vga-state';

/** Where a line's words come from. */
export interface LineSource {
  /** Address counter of the first character, row of the character, and rows that the screen's first line is moved by. */
  readonly counter: number;
  readonly rowScan: number;
  /** Dots that the line is shifted to the left. */
  readonly panning: number;
}

/** What blinks, at the present moment. */
export interface BlinkPhases {
  readonly cursorShown: boolean;
  readonly blinkShown: boolean;
}

export function isGraphics({ attribute }: VgaState): boolean {
  return (attribute[0x10] & 1) !== 0;
}

/** Dots of a character clock. */
export function dotsPerCharacter({ sequencer, attribute, graphics }: VgaState): number {
  // Characters of 9 dots are text's alone: graphics that is shifted out has 8.
  return (sequencer[1] & 1) !== 0 || (attribute[0x10] & 1) !== 0 || (graphics[6] & 1) !== 0 ? 8 : 9;
}

/** Index of the word for an address counter: bytes, words or doublewords, with the row scan's bits for CGA and Hercules layouts. */
function fetchIndex({ crtc }: VgaState, counter: number, rowScan: number): number {
  const mode = crtc[0x17];
  let address = counter & 0xffff;
  if ((crtc[0x14] & 0x40) !== 0) address = ((counter << 2) | ((counter >> 14) & 3)) & 0xffff;
  else if ((mode & 0x40) === 0) address = ((counter << 1) | ((counter >> ((mode & 0x20) !== 0 ? 15 : 13)) & 1)) & 0xffff;
  if ((mode & 0x01) === 0) address = (address & ~0x2000) | ((rowScan & 1) << 13);
  if ((mode & 0x02) === 0) address = (address & ~0x4000) | ((rowScan & 2) << 13);
  return wordOf(address);
}

/** Colours of the DAC for the attribute controller's 16. */
function dacColours({ attribute }: VgaState): Uint8Array {
  const select = attribute[0x14];
  const replaces = (attribute[0x10] & 0x80) !== 0;
  return Uint8Array.from({ length: 16 }, (_, colour) => {
    const value = attribute[colour & attribute[0x12] & 15];
    return (replaces ? (value & 0x0f) | ((select & 3) << 4) : value & 0x3f) | ((select & 0x0c) << 4);
  });
}

/** How many character clocks an address lasts. */
function clocksPerAddress({ crtc }: VgaState): number {
  if ((crtc[0x14] & 0x20) !== 0) return 4;
  return (crtc[0x17] & 0x08) !== 0 ? 2 : 1;
}

/** Addresses of the fonts in plane 2 by number of the character map. */
const FONTS = [0x0000, 0x4000, 0x8000, 0xc000, 0x2000, 0x6000, 0xa000, 0xe000];

/** Draws lines of one picture: what does not change from line to line is worked out once. */
export class LinePainter {
  readonly #vga: VgaState;
  readonly #words: Uint32Array;
  readonly #phases: BlinkPhases;
  readonly #colours: Uint8Array;
  readonly #dots: number;
  readonly #characters: number;
  /** Dots of a line and of a character more, which panning moves in. */
  readonly #line: Uint8Array;

  constructor(vga: VgaState, words: Uint32Array, phases: BlinkPhases) {
    this.#vga = vga;
    this.#words = words;
    this.#phases = phases;
    this.#colours = dacColours(vga);
    this.#dots = dotsPerCharacter(vga);
    this.#characters = vga.crtc[0x01] + 1;
    this.#line = new Uint8Array((this.#characters + 1) * this.#dots);
  }

  get width(): number {
    return this.#characters * this.#dots;
  }

  /** Colours of the dots of a line, `width` of them; valid until the next call. */
  paint(source: LineSource): Uint8Array {
    const { graphics } = this.#vga;
    if (!isGraphics(this.#vga) && (graphics[6] & 1) === 0) this.#paintText(source);
    else if ((graphics[5] & 0x40) !== 0) this.#paint256(source);
    else if ((graphics[5] & 0x20) !== 0) this.#paintInterleaved(source);
    else this.#paintPlanar(source);
    return this.#line.subarray(source.panning, source.panning + this.width);
  }

  #word({ counter, rowScan }: LineSource, character: number): number {
    return this.#words[fetchIndex(this.#vga, counter + Math.floor(character / clocksPerAddress(this.#vga)), rowScan)];
  }

  /** Eight dots of a bit from each plane. */
  #paintPlanar(source: LineSource): void {
    for (let character = 0, at = 0; character <= this.#characters; character++) {
      const word = this.#word(source, character);
      for (let bit = 7; bit >= 0; bit--) {
        const planes = word >>> bit;
        this.#line[at++] = this.#colours[(planes & 1) | ((planes >> 7) & 2) | ((planes >> 14) & 4) | ((planes >> 21) & 8)];
      }
    }
  }

  /** As the CGA has them: two bits a dot, from planes 0 and then 1, with two more from planes 2 and 3. */
  #paintInterleaved(source: LineSource): void {
    for (let character = 0, at = 0; character <= this.#characters; character++) {
      const word = this.#word(source, character);
      for (let dot = 0; dot < 8; dot++) {
        const shift = (dot < 4 ? 0 : 8) + 6 - 2 * (dot & 3);
        this.#line[at++] = this.#colours[((word >>> shift) & 3) | (((word >>> (shift + 16)) & 3) << 2)];
      }
    }
  }

  /** A byte of each plane in turn, two dots each. */
  #paint256(source: LineSource): void {
    // Without the attribute controller's part of it, each dot clock gives a colour of its own: nobody shows that.
    for (let character = 0, at = 0; character <= this.#characters; character++) {
      const word = this.#word(source, character);
      for (let plane = 0; plane < 4; plane++) {
        const colour = (word >>> (8 * plane)) & 0xff;
        this.#line[at++] = colour;
        this.#line[at++] = colour;
      }
    }
  }

  #paintText(source: LineSource): void {
    const { crtc, sequencer, attribute } = this.#vga;
    const maps = sequencer[3];
    const fontB = FONTS[(maps & 3) | ((maps >> 2) & 4)];
    const fontA = FONTS[((maps >> 2) & 3) | ((maps >> 3) & 4)];
    const isTwoFonts = fontA !== fontB;
    const blinks = (attribute[0x10] & 0x08) !== 0;
    const { rowScan } = source;
    const underlined = rowScan === (crtc[0x14] & 0x1f);
    const cursor = this.#cursorAt(rowScan);
    for (let character = 0, at = 0; character <= this.#characters; character++) {
      const counter = source.counter + character;
      const cell = this.#words[fetchIndex(this.#vga, counter, rowScan)];
      const code = cell & 0xff;
      const look = (cell >> 8) & 0xff;
      const font = isTwoFonts && (look & 8) !== 0 ? fontA : fontB;
      let dots = (this.#words[wordOf(font + code * 32 + rowScan)] >>> 16) & 0xff;
      if (underlined && (look & 7) === 1) dots = 0xff;
      if (blinks && (look & 0x80) !== 0 && !this.#phases.blinkShown) dots = 0;
      const ninth = (underlined && (look & 7) === 1) || ((attribute[0x10] & 0x04) !== 0 && (code & 0xe0) === 0xc0) ? dots & 1 : 0;
      let row = (dots << 1) | ninth;
      if ((counter & 0xffff) === cursor) row = 0x1ff;
      const front = this.#colours[look & 15];
      const back = this.#colours[(look >> 4) & (blinks ? 7 : 15)];
      for (let dot = 0; dot < this.#dots; dot++) this.#line[at++] = (row & (0x100 >> dot)) !== 0 ? front : back;
    }
  }

  /** Address of the cursor, if it covers this row now; -1 otherwise. */
  #cursorAt(rowScan: number): number {
    const { crtc } = this.#vga;
    const isOn = (crtc[0x0a] & 0x20) === 0 && this.#phases.cursorShown;
    if (!isOn || rowScan < (crtc[0x0a] & 0x1f) || rowScan > (crtc[0x0b] & 0x1f)) return -1;
    return (((crtc[0x0e] << 8) | crtc[0x0f]) + ((crtc[0x0b] >> 5) & 3)) & 0xffff;
  }
}
