/** The video modes of the BIOS: register values for the VGA, and the variables that describe the mode. */
import type { FirmwareEnvironment } from '../platform';
import { BDA } from './layout';

/** The parts of the machine that video functions touch. */
export type VideoMachine = Pick<FirmwareEnvironment, 'memory' | 'ports'>;

interface VideoMode {
  readonly columns: number;
  readonly rows: number;
  readonly pageBytes: number;
  /** Linear address of the video memory. */
  readonly base: number;
  readonly text: boolean;
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

/** With the index: palette in use by the screen, no longer open to the CPU. */
export const ATTRIBUTE_SCREEN_ON = 0x20;

const COLOUR_PALETTE = [0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f];
const MONO_PALETTE = [0, 8, 8, 8, 8, 8, 8, 8, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18];

const TEXT_80: VideoMode = {
  columns: 80, rows: 25, pageBytes: 0x1000, base: 0xb_8000, text: true, crtcPort: 0x3d4,
  modeRegister: 0x29, miscellaneous: 0x67, sequencer: [0x00, 0x03, 0x00, 0x02],
  crtc: [
    0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
    0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
  ],
  graphics: [0, 0, 0, 0, 0, 0x10, 0x0e, 0x00, 0xff],
  attribute: [...COLOUR_PALETTE, 0x0c, 0x00, 0x0f, 0x08, 0x00],
};

const TEXT_40: VideoMode = {
  ...TEXT_80, columns: 40, pageBytes: 0x800, modeRegister: 0x28, sequencer: [0x08, 0x03, 0x00, 0x02],
  crtc: [
    0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
    0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x14, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
  ],
};

const TEXT_MONO: VideoMode = {
  ...TEXT_80, base: 0xb_0000, crtcPort: 0x3b4, miscellaneous: 0x66,
  crtc: TEXT_80.crtc.map((value, register) => (register === 0x14 ? 0x0f : value)),
  graphics: [0, 0, 0, 0, 0, 0x10, 0x0a, 0x00, 0xff],
  attribute: [...MONO_PALETTE, 0x0e, 0x00, 0x0f, 0x08, 0x00],
};

const GRAPHICS_256: VideoMode = {
  columns: 40, rows: 25, pageBytes: 0x2000, base: 0xa_0000, text: false, crtcPort: 0x3d4,
  modeRegister: 0x29, miscellaneous: 0x63, sequencer: [0x01, 0x0f, 0x00, 0x0e],
  crtc: [
    0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0x00, 0x41, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff,
  ],
  graphics: [0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff],
  attribute: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0x00, 0x0f, 0x00, 0x00],
};

export const TEXT_MODE = 3;
export const GRAPHICS_MODE = 0x13;

/** Modes 0 and 2 differ from 1 and 3 in the colour burst only, which no VGA has. */
const MODES: Readonly<Record<number, VideoMode | undefined>> = {
  0: TEXT_40, 1: TEXT_40, 2: { ...TEXT_80, modeRegister: 0x2d }, 3: TEXT_80, 7: TEXT_MONO, 0x13: GRAPHICS_256,
};

/** Cells and pixels of 16-line characters. */
export const CHARACTER_HEIGHT = 16;

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

function palette(mode: VideoMode): readonly Colour[] {
  return mode.text ? Array.from({ length: 64 }, (_, index) => egaColour(index)) : palette256();
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
  memory.write16(BDA.characterHeight, mode.text ? CHARACTER_HEIGHT : 8);
  // 256 KiB; bit 7 as the caller gave it. Switches 9 = VGA, colour; 51h = 400 lines, VGA active.
  memory.write8(BDA.videoControl, 0x60 | (keep ? 0x80 : 0));
  memory.write8(BDA.videoSwitches, 0xf9);
  memory.write8(BDA.videoFlags, 0x51);
  memory.write8(BDA.displayCombination, 8);
}

function clearVideoMemory(machine: VideoMachine, mode: VideoMode): void {
  const screen = new Uint8Array(mode.text ? 0x8000 : 0x1_0000);
  if (mode.text) {
    for (let i = 0; i < screen.length; i += 2) {
      screen[i] = 0x20;
      screen[i + 1] = 0x07;
    }
  }
  machine.memory.write(mode.base, screen);
}

/**
 * Sets a video mode: VGA registers, palette, data area, and (unless `keep`) a clear screen.
 * @returns false when the mode is not one of 0-3, 7 and 13h; nothing has changed then
 */
export function setVideoMode(machine: VideoMachine, number: number, keep: boolean): boolean {
  const mode = MODES[number];
  if (mode === undefined) return false;
  programVga(machine, mode);
  describeMode(machine, number, mode, keep);
  if (!keep) clearVideoMemory(machine, mode);
  return true;
}

/** 80x25 colour text, clear screen. For direct loaders, too: Linux's console expects that firmware did this. */
export function enterTextMode(machine: VideoMachine): void {
  setVideoMode(machine, TEXT_MODE, false);
}

/** Linear address of video memory in the present mode, and whether it holds text cells. */
export function videoMemory(machine: VideoMachine): { readonly base: number; readonly text: boolean } {
  return MODES[machine.memory.read8(BDA.videoMode)] ?? TEXT_80;
}
