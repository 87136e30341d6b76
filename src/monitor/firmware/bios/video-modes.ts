/** The video modes of the BIOS: register values for the VGA, and the variables that describe the mode. */
import type { FirmwareEnvironment } from '../platform';
import { font, type FontHeight } from './font';
import { BDA, EBDA, VIDEO_VECTORS } from './layout';
import { FONT_8X14, FONT_8X16, FONT_8X8_WHOLE, ROM_SEGMENT } from './rom';

/** The parts of the machine that video functions touch. */
export type VideoMachine = Pick<FirmwareEnvironment, 'memory' | 'ports'>;

/** How a mode's memory holds its dots: cells; two or one bits a dot at B8000; planes; bytes. */
export type Layout = 'text' | 'cga2' | 'cga1' | 'planes' | 'bytes';

interface VideoMode {
  readonly columns: number;
  readonly rows: number;
  readonly characterHeight: FontHeight;
  readonly pageBytes: number;
  /** Linear address of the video memory. */
  readonly base: number;
  readonly layout: Layout;
  /** Which colours its palette has. */
  readonly palette: 'text' | 'mono' | 'cga' | '256';
  readonly crtcPort: number;
  /** CGA mode and palette register values that the data area keeps for old programs. */
  readonly modeRegister: number;
  readonly miscellaneous: number;
  /** Sequencer registers 1-4. */
  readonly sequencer: readonly number[];
  /** CRT controller registers 0-18h. */
  readonly crtc: readonly number[];
  /** Graphics controller registers 0-8. */
  readonly graphics: readonly number[];
  /** Attribute controller registers 0-14h. */
  readonly attribute: readonly number[];
}

/** Ports of the VGA (IBM Personal System/2 Hardware Interface Technical Reference, video subsystem). */
const MISCELLANEOUS = 0x3c2;
const SEQUENCER = 0x3c4;
const PEL_MASK = 0x3c6;
const DAC_WRITE_INDEX = 0x3c8;
const DAC_DATA = 0x3c9;
const GRAPHICS = 0x3ce;
export const ATTRIBUTE = 0x3c0;
const DISPI_INDEX = 0x1ce;
const DISPI_DATA = 0x1cf;
const DISPI_ENABLE = 4;

/** Where fonts are loaded to, and the eight maps of plane 2. */
const FONT_MEMORY = 0xa_0000;
const FONT_BLOCKS = [0x0000, 0x4000, 0x8000, 0xc000, 0x2000, 0x6000, 0xa000, 0xe000];

/** With the index: palette in use by the screen, no longer open to the CPU. */
export const ATTRIBUTE_SCREEN_ON = 0x20;

const COLOUR_PALETTE = [0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f];
const MONO_PALETTE = [0, 8, 8, 8, 8, 8, 8, 8, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18];

/** CRT controller registers from their values in hexadecimal: 00-09, then start and cursor (zeros but in text modes), then 10-18. */
function crtc(first: string, last: string, cursor = '0d0e'): readonly number[] {
  return bytesOf(`${first}${cursor.length === 0 ? '0000' : cursor}00000000${last}`);
}

const bytesOf = (hexadecimal: string): readonly number[] => Array.from({ length: hexadecimal.length / 2 }, (_, i) => parseInt(hexadecimal.slice(2 * i, 2 * i + 2), 16));

const TEXT_80: VideoMode = {
  columns: 80, rows: 25, characterHeight: 16, pageBytes: 0x1000, base: 0xb_8000, layout: 'text', palette: 'text', crtcPort: 0x3d4,
  modeRegister: 0x29, miscellaneous: 0x67, sequencer: bytesOf('00030002'),
  crtc: crtc('5f4f50825581bf1f004f', '9c8e8f281f96b9a3ff'),
  graphics: bytesOf('0000000000100e00ff'),
  attribute: [...COLOUR_PALETTE, 0x0c, 0x00, 0x0f, 0x08, 0x00],
};

const TEXT_40: VideoMode = {
  ...TEXT_80, columns: 40, pageBytes: 0x800, modeRegister: 0x28, sequencer: bytesOf('08030002'),
  crtc: crtc('2d2728902ba0bf1f004f', '9c8e8f141f96b9a3ff'),
};

const TEXT_MONO: VideoMode = {
  ...TEXT_80, base: 0xb_0000, palette: 'mono', crtcPort: 0x3b4, miscellaneous: 0x66,
  crtc: TEXT_80.crtc.map((value, register) => (register === 0x14 ? 0x0f : value)),
  graphics: bytesOf('0000000000100a00ff'),
  attribute: [...MONO_PALETTE, 0x0e, 0x00, 0x0f, 0x08, 0x00],
};

/** Colours of the CGA's palette 1, bright: black, cyan, magenta, white. */
const CGA_320: VideoMode = {
  columns: 40, rows: 25, characterHeight: 8, pageBytes: 0x4000, base: 0xb_8000, layout: 'cga2', palette: 'cga', crtcPort: 0x3d4,
  modeRegister: 0x2a, miscellaneous: 0x63, sequencer: bytesOf('09030002'),
  crtc: crtc('2d2728902b80bf1f00c1', '9c8e8f140096b9a2ff', ''),
  graphics: bytesOf('0000000000300f0fff'),
  attribute: bytesOf('001315170204060710111213141516170100030000'),
};

const CGA_640: VideoMode = {
  ...CGA_320, columns: 80, layout: 'cga1', modeRegister: 0x1e, sequencer: bytesOf('01010006'),
  crtc: crtc('5f4f50825480bf1f00c1', '9c8e8f280096b9c2ff', ''),
  graphics: bytesOf('0000000000000d0fff'),
  attribute: bytesOf('001717171717171717171717171717170100010000'),
};

const PLANES_200: VideoMode = {
  columns: 40, rows: 25, characterHeight: 8, pageBytes: 0x2000, base: 0xa_0000, layout: 'planes', palette: 'cga', crtcPort: 0x3d4,
  modeRegister: 0x29, miscellaneous: 0x63, sequencer: bytesOf('090f0006'),
  crtc: crtc('2d2728902b80bf1f00c0', '9c8e8f140096b9e3ff', ''),
  graphics: bytesOf('000000000000050fff'),
  attribute: bytesOf('0001020304050607101112131415161701000f0000'),
};

const PLANES_200_WIDE: VideoMode = {
  ...PLANES_200, columns: 80, pageBytes: 0x4000, sequencer: bytesOf('010f0006'),
  crtc: crtc('5f4f50825480bf1f00c0', '9c8e8f280096b9e3ff', ''),
};

const PLANES_350: VideoMode = {
  ...PLANES_200_WIDE, characterHeight: 14, pageBytes: 0x8000, palette: 'text', miscellaneous: 0xa3,
  crtc: crtc('5f4f50825480bf1f0040', '83855d280f63bae3ff', ''),
  attribute: [...COLOUR_PALETTE, 0x01, 0x00, 0x0f, 0x00, 0x00],
};

const PLANES_350_MONO: VideoMode = {
  ...PLANES_350, palette: 'mono', crtcPort: 0x3b4, miscellaneous: 0xa2,
  attribute: bytesOf('000800001818000000080000001800000b00050000'),
};

const PLANES_480: VideoMode = {
  ...PLANES_350, rows: 30, characterHeight: 16, pageBytes: 0xa000, miscellaneous: 0xe3,
  crtc: crtc('5f4f508254800b3e0040', 'ea8cdf2800e704e3ff', ''),
};

const TWO_COLOURS_480: VideoMode = {
  ...PLANES_480, attribute: bytesOf('003f003f003f003f003f003f003f003f0100010000'),
};

const GRAPHICS_256: VideoMode = {
  columns: 40, rows: 25, characterHeight: 8, pageBytes: 0x2000, base: 0xa_0000, layout: 'bytes', palette: '256', crtcPort: 0x3d4,
  modeRegister: 0x29, miscellaneous: 0x63, sequencer: bytesOf('010f000e'),
  crtc: crtc('5f4f50825480bf1f0041', '9c8e8f284096b9a3ff', ''),
  graphics: bytesOf('000000000040050fff'),
  attribute: bytesOf('000102030405060708090a0b0c0d0e0f41000f0000'),
};

export const TEXT_MODE = 3;

/** Modes 0 and 2 differ from 1 and 3 in the colour burst only, which no VGA has; so do 4 and 5. */
const MODES: Readonly<Record<number, VideoMode | undefined>> = {
  0: TEXT_40, 1: TEXT_40, 2: { ...TEXT_80, modeRegister: 0x2d }, 3: TEXT_80, 4: CGA_320, 5: { ...CGA_320, modeRegister: 0x2e }, 6: CGA_640, 7: TEXT_MONO,
  0x0d: PLANES_200, 0x0e: PLANES_200_WIDE, 0x0f: PLANES_350_MONO, 0x10: PLANES_350, 0x11: TWO_COLOURS_480, 0x12: PLANES_480, 0x13: GRAPHICS_256,
};

type Colour = readonly [number, number, number];

/** The 64 colours of the EGA: bits 0-2 are blue, green, red at two thirds, bits 3-5 the same at one third. */
function egaColour(index: number): Colour {
  const level = (bit: number): number => ((index >>> bit) & 1) * 42 + ((index >>> (bit + 3)) & 1) * 21;
  return [level(2), level(1), level(0)];
}

const GREYS = [0, 5, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 45, 50, 56, 63];

/** Brightness steps of the colour wheel of mode 13h: three intensities of three saturations. */
const WHEEL_LEVELS: readonly (readonly number[])[] = [
  [0, 16, 31, 47, 63], [31, 39, 47, 55, 63], [45, 49, 54, 58, 63],
  [0, 7, 14, 21, 28], [14, 17, 21, 24, 28], [20, 22, 24, 26, 28],
  [0, 4, 8, 12, 16], [8, 10, 12, 14, 16], [11, 12, 13, 15, 16],
];

/** The 24 hues from blue over red and green back to blue: one component is full, one empty, one runs. */
function wheelColour(hue: number, levels: readonly number[]): Colour {
  const step = hue % 4;
  const [low, up, down, high] = [levels[0], levels[step], levels[4 - step], levels[4]];
  const sixths: readonly Colour[] = [
    [up, low, high], [high, low, down], [high, up, low], [down, high, low], [low, high, up], [low, down, high],
  ];
  return sixths[hue >>> 2];
}

/** Default palette of mode 13h: 16 text colours, 16 greys, 9 wheels of 24 hues, 8 times black. */
function palette256(): readonly Colour[] {
  const text = COLOUR_PALETTE.map(egaColour);
  const greys = GREYS.map((level): Colour => [level, level, level]);
  const wheels = WHEEL_LEVELS.flatMap((levels) => Array.from({ length: 24 }, (_, hue) => wheelColour(hue, levels)));
  return [...text, ...greys, ...wheels, ...Array.from({ length: 8 }, (): Colour => [0, 0, 0])];
}

/** The CGA's 16 colours, dark yellow as brown; bits 0-2 are the colour, bit 4 makes it bright. */
function cgaColour(index: number): Colour {
  const bright = ((index >>> 4) & 1) * 21;
  const level = (bit: number): number => ((index >>> bit) & 1) * 42 + bright;
  return (index & 0x17) === 6 ? [42, 21, 0] : [level(2), level(1), level(0)];
}

/** Bits 3 and 4 are the brightness of the four shades that a monochrome display has. */
function monoColour(index: number): Colour {
  const level = [0, 42, 21, 63][(index >>> 3) & 3];
  return [level, level, level];
}

function palette(mode: VideoMode): readonly Colour[] {
  if (mode.palette === '256') return palette256();
  const colours = { text: egaColour, mono: monoColour, cga: cgaColour };
  return Array.from({ length: 64 }, (_, index) => colours[mode.palette === '256' ? 'text' : mode.palette](index));
}

/** Writes an indexed VGA register. */
export function writeIndexed(machine: VideoMachine, port: number, index: number, value: number): void {
  machine.ports.writePort(port, 1, index);
  machine.ports.writePort(port + 1, 1, value & 0xff);
}

/** Reading the input status register makes the next write to 3C0 an index. It lies at 3DA or 3BA, as the CRTC does. */
export function resetAttributeFlipFlop(machine: VideoMachine, crtcPort: number): void {
  machine.ports.readPort(crtcPort + 6, 1);
}

function programVga(machine: VideoMachine, mode: VideoMode): void {
  const { ports } = machine;
  leaveLinearMode(machine);
  ports.writePort(MISCELLANEOUS, 1, mode.miscellaneous);
  writeIndexed(machine, SEQUENCER, 0, 1);
  mode.sequencer.forEach((value, i) => { writeIndexed(machine, SEQUENCER, i + 1, value); });
  writeIndexed(machine, SEQUENCER, 0, 3);
  // Bit 7 of register 11h locks registers 0-7.
  writeIndexed(machine, mode.crtcPort, 0x11, mode.crtc[0x11] & 0x7f);
  mode.crtc.forEach((value, i) => { writeIndexed(machine, mode.crtcPort, i, value); });
  mode.graphics.forEach((value, i) => { writeIndexed(machine, GRAPHICS, i, value); });
  resetAttributeFlipFlop(machine, mode.crtcPort);
  mode.attribute.forEach((value, i) => {
    ports.writePort(ATTRIBUTE, 1, i);
    ports.writePort(ATTRIBUTE, 1, value);
  });
  ports.writePort(ATTRIBUTE, 1, ATTRIBUTE_SCREEN_ON);
  ports.writePort(PEL_MASK, 1, 0xff);
  ports.writePort(DAC_WRITE_INDEX, 1, 0);
  palette(mode).flat().forEach((level) => { ports.writePort(DAC_DATA, 1, level); });
}

/** The Bochs display interface lets go of the screen. */
function leaveLinearMode({ ports }: VideoMachine): void {
  ports.writePort(DISPI_INDEX, 2, DISPI_ENABLE);
  ports.writePort(DISPI_DATA, 2, 0);
}

/** Offset in the ROM of a font of the mode's characters. */
export const romFont = (height: FontHeight): number => ({ 8: FONT_8X8_WHOLE, 14: FONT_8X14, 16: FONT_8X16 })[height];

/**
 * Puts characters into plane 2, which the CPU reaches at A0000 meanwhile. `block` 0 to 7 is the place of the map.
 * @param bytes so many characters of `height` bytes, the first for the character `first`
 */
export function loadFont(machine: VideoMachine, bytes: Uint8Array, height: number, first = 0, block = 0): void {
  const { ports, memory } = machine;
  const read = (port: number, index: number): number => {
    ports.writePort(port, 1, index);
    return ports.readPort(port + 1, 1);
  };
  const plan: readonly (readonly [port: number, index: number, value: number])[] = [
    [SEQUENCER, 2, 4], [SEQUENCER, 4, 6], [GRAPHICS, 5, 0], [GRAPHICS, 6, 4],
  ];
  const before = plan.map(([port, index]) => read(port, index));
  for (const [port, index, value] of plan) writeIndexed(machine, port, index, value);
  const count = Math.min(256 - first, Math.floor(bytes.length / height));
  const start = FONT_MEMORY + FONT_BLOCKS[block & 7];
  for (let character = 0; character < count; character++) {
    memory.write(start + (first + character) * 32, bytes.subarray(character * height, (character + 1) * height));
  }
  plan.forEach(([port, index], i) => { writeIndexed(machine, port, index, before[i]); });
}

/** Graphics modes draw characters from where vectors 43h (all) and 1Fh (80h to FFh, of 8 lines) point. */
function pointAtFonts({ memory }: VideoMachine, height: FontHeight): void {
  memory.write16(VIDEO_VECTORS.font, romFont(height));
  memory.write16(VIDEO_VECTORS.font + 2, ROM_SEGMENT);
}

function describeMode(machine: VideoMachine, number: number, mode: VideoMode, keep: boolean): void {
  const { memory } = machine;
  memory.write8(BDA.videoMode, number);
  memory.write16(BDA.videoColumns, mode.columns);
  memory.write16(BDA.videoPageBytes, mode.pageBytes);
  memory.write16(BDA.videoPageStart, 0);
  memory.write(BDA.cursorPositions, new Uint8Array(16));
  memory.write16(BDA.cursorShape, 0x0607);
  memory.write8(BDA.videoPage, 0);
  memory.write16(BDA.crtcPort, mode.crtcPort);
  memory.write8(BDA.crtModeRegister, mode.modeRegister);
  memory.write8(BDA.crtPalette, 0x30);
  memory.write8(BDA.videoLastRow, mode.rows - 1);
  memory.write16(BDA.characterHeight, mode.characterHeight);
  memory.write16(EBDA.vesaMode, 0);
  pointAtFonts(machine, mode.characterHeight);
  // 256 KiB; bit 7 as the caller gave it. Switches 9 = VGA, colour; 51h = 400 lines, VGA active.
  memory.write8(BDA.videoControl, 0x60 | (keep ? 0x80 : 0));
  memory.write8(BDA.videoSwitches, 0xf9);
  memory.write8(BDA.videoFlags, 0x51);
  memory.write8(BDA.displayCombination, 8);
}

function clearVideoMemory(machine: VideoMachine, mode: VideoMode): void {
  const screen = new Uint8Array(mode.base === 0xa_0000 ? 0x1_0000 : 0x8000);
  if (mode.layout === 'text') {
    for (let i = 0; i < screen.length; i += 2) {
      screen[i] = 0x20;
      screen[i + 1] = 0x07;
    }
  }
  machine.memory.write(mode.base, screen);
}

/**
 * Sets a video mode: VGA registers, palette, font, data area, and (unless `keep`) a clear screen.
 * @returns false when there is no such mode; nothing has changed then
 */
export function setVideoMode(machine: VideoMachine, number: number, keep: boolean): boolean {
  const mode = MODES[number];
  if (mode === undefined) return false;
  programVga(machine, mode);
  describeMode(machine, number, mode, keep);
  if (!keep) clearVideoMemory(machine, mode);
  if (mode.layout === 'text') loadFont(machine, font(mode.characterHeight), mode.characterHeight);
  return true;
}

/** 80x25 colour text, clear screen. */
export function enterTextMode(machine: VideoMachine): void {
  setVideoMode(machine, TEXT_MODE, false);
}

/** Linear address of video memory in the present mode, and how it is laid out; `none` in modes of the extension. */
export function videoMemory(machine: VideoMachine): { readonly base: number; readonly layout: Layout | 'none' } {
  if (machine.memory.read16(EBDA.vesaMode) !== 0) return { base: 0xa_0000, layout: 'none' };
  return MODES[machine.memory.read8(BDA.videoMode)] ?? TEXT_80;
}
