/**
 * The VGA: its register files (ports 3B0-3DF), display memory at A0000-BFFFF, retrace by virtual time, and
 * the text screen for those who look on.
 *
 * Source: IBM VGA technical reference (Video Subsystem, 1992).
 */
import type { ScreenText } from '../inspection/queries';
import { readByBytes, writeByBytes } from './access';
import type { AccessSize, Device, DeviceHost, MemoryRegion, PortRange } from './device';
import { PLANE_BYTES, readPlanes, writePlanes } from './vga-memory';
import {
  TEXT_ATTRIBUTE, TEXT_CRTC, TEXT_GRAPHICS, TEXT_MISCELLANEOUS, TEXT_SEQUENCER, textPalette,
} from './vga-modes';
import { textScreen } from './vga-text';

export interface VgaState {
  miscellaneous: number;
  feature: number;
  enabled: number;
  sequencerIndex: number;
  sequencer: Uint8Array;
  graphicsIndex: number;
  graphics: Uint8Array;
  crtcIndex: number;
  crtc: Uint8Array;
  /** Attribute controller index with the palette address source (bit 5). */
  attributeIndex: number;
  attribute: Uint8Array;
  /** The next write to 3C0 is data. */
  attributeData: boolean;
  palette: Uint8Array;
  pixelMask: number;
  /** Components of the colour that is being written; the DAC takes them over with the third. */
  paletteLatch: Uint8Array;
  /** DAC read and write positions in components (index * 3 + component). */
  paletteRead: number;
  paletteWrite: number;
  /** What 3C7 reads: 3 after a read index was set, 0 after a write index. */
  paletteState: number;
  latches: Uint8Array;
  memory: Uint8Array;
}

const SEQUENCER_MASKS = [0x03, 0x3d, 0x0f, 0x3f, 0x0e];
const GRAPHICS_MASKS = [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff];
const CRTC_REGISTERS = 0x19;
const ATTRIBUTE_REGISTERS = 0x15;
const MISC_COLOUR = 0x01;
const MISC_MEMORY = 0x02;
const CRTC_PROTECT = 0x80;
const PALETTE_COMPONENTS = 256 * 3;

/** 31.469 kHz horizontally, 449 lines a frame of which 400 are shown: 70.09 Hz. */
const LINE_CYCLES = 31_778;
const LINES = 449;
const SHOWN_LINES = 400;
const RETRACE_FIRST = 412;
const RETRACE_LAST = 413;
/** Cycles of a line that are displayed: 640 of 800 dots. */
const SHOWN_CYCLES = 25_422;

/** Windows of graphics register 6, bits 2-3: first address, bytes. */
const WINDOWS = [
  { first: 0xa0000, bytes: 0x20000 },
  { first: 0xa0000, bytes: 0x10000 },
  { first: 0xb0000, bytes: 0x8000 },
  { first: 0xb8000, bytes: 0x8000 },
];

function powerOnState(): VgaState {
  return {
    miscellaneous: TEXT_MISCELLANEOUS, feature: 0, enabled: 1,
    sequencerIndex: 0, sequencer: Uint8Array.from(TEXT_SEQUENCER),
    graphicsIndex: 0, graphics: Uint8Array.from(TEXT_GRAPHICS),
    crtcIndex: 0, crtc: Uint8Array.from(TEXT_CRTC),
    attributeIndex: 0x20, attribute: Uint8Array.from(TEXT_ATTRIBUTE), attributeData: false,
    palette: textPalette(), paletteLatch: new Uint8Array(3), pixelMask: 0xff, paletteRead: 0, paletteWrite: 0, paletteState: 0,
    latches: new Uint8Array(4), memory: new Uint8Array(4 * PLANE_BYTES),
  };
}

export class Vga implements Device {
  readonly name = 'vga';
  readonly ports: readonly PortRange[] = [
    { first: 0x3b4, count: 2 },
    { first: 0x3ba, count: 1 },
    { first: 0x3c0, count: 0x10 },
    { first: 0x3d4, count: 2 },
    { first: 0x3da, count: 1 },
  ];
  readonly regions: readonly MemoryRegion[] = [{ first: 0xa0000, bytes: 0x20000 }];
  state: VgaState = powerOnState();
  readonly #host: DeviceHost;

  constructor(host: DeviceHost) {
    this.#host = host;
  }

  /** Powers up in text mode 3, so that a kernel which is loaded without a video BIOS finds a screen. */
  reset(): void {
    this.state = powerOnState();
  }

  /** The text screen; no columns and rows in graphics modes. */
  screenText(): ScreenText {
    return textScreen(this.state);
  }

  /** Bytes of video memory as a read would give them, without the read's effect on the latches. */
  peekMemory(address: number, bytes: number): Uint8Array {
    const latches = this.state.latches.slice();
    const seen = Uint8Array.from({ length: bytes }, (_, i) => this.readMemory(address + i, 1));
    this.state.latches.set(latches);
    return seen;
  }

  readMemory(address: number, size: AccessSize): number {
    return readByBytes(address, size, (byte) => {
      const offset = this.#windowOffset(byte);
      return offset < 0 ? 0xff : readPlanes(this.state, offset);
    });
  }

  writeMemory(address: number, size: AccessSize, value: number): void {
    writeByBytes(address, size, value, (byte, data) => {
      const offset = this.#windowOffset(byte);
      if (offset >= 0) writePlanes(this.state, offset, data);
    });
  }

  readPort(port: number): number {
    const { state } = this;
    switch (port) {
      case 0x3c0: return state.attributeIndex;
      case 0x3c1: return this.#readAttribute();
      // Input status 0: bit 4 senses a monitor.
      case 0x3c2: return 0x10;
      case 0x3c3: return state.enabled;
      case 0x3c4: return state.sequencerIndex;
      case 0x3c5: return state.sequencer[state.sequencerIndex] ?? 0xff;
      case 0x3c6: return state.pixelMask;
      case 0x3c7: return state.paletteState;
      case 0x3c8: return Math.floor(state.paletteWrite / 3);
      case 0x3c9: return this.#readPalette();
      case 0x3ca: return state.feature;
      case 0x3cc: return state.miscellaneous;
      case 0x3ce: return state.graphicsIndex;
      case 0x3cf: return state.graphics[state.graphicsIndex] ?? 0xff;
      default: return this.#readCrtcPort(port);
    }
  }

  writePort(port: number, _size: number, value: number): void {
    const { state } = this;
    const byte = value & 0xff;
    switch (port) {
      case 0x3c0: this.#writeAttribute(byte); break;
      case 0x3c2: state.miscellaneous = byte & 0xef; break;
      case 0x3c3: state.enabled = byte & 1; break;
      case 0x3c4: state.sequencerIndex = byte & 7; break;
      case 0x3c5: this.#writeMasked(state.sequencer, SEQUENCER_MASKS, state.sequencerIndex, byte); break;
      case 0x3c6: state.pixelMask = byte; break;
      case 0x3c7: this.#setPaletteRead(byte); break;
      case 0x3c8: this.#setPaletteWrite(byte); break;
      case 0x3c9: this.#writePalette(byte); break;
      case 0x3ce: state.graphicsIndex = byte & 0x0f; break;
      case 0x3cf: this.#writeMasked(state.graphics, GRAPHICS_MASKS, state.graphicsIndex, byte); break;
      default: this.#writeCrtcPort(port, byte);
    }
  }

  /** Offset in the window that the memory map select opens, or -1 outside of it. */
  #windowOffset(address: number): number {
    const { graphics, miscellaneous } = this.state;
    const window = WINDOWS[(graphics[6] >> 2) & 3];
    const inside = address >= window.first && address < window.first + window.bytes;
    return inside && (miscellaneous & MISC_MEMORY) !== 0 ? address - window.first : -1;
  }

  /** CRTC and status answer at 3Dx or at 3Bx, as bit 0 of the miscellaneous register says. */
  #isSelected(port: number): boolean {
    const colour = (this.state.miscellaneous & MISC_COLOUR) !== 0;
    return port >> 4 === (colour ? 0x3d : 0x3b);
  }

  #readCrtcPort(port: number): number {
    if (!this.#isSelected(port)) return 0xff;
    const { state } = this;
    switch (port & 0x0f) {
      case 0x4: return state.crtcIndex;
      case 0x5: return state.crtc[state.crtcIndex] ?? 0xff;
      case 0xa: return this.#readStatus();
      default: return 0xff;
    }
  }

  #writeCrtcPort(port: number, byte: number): void {
    if (!this.#isSelected(port)) return;
    const { state } = this;
    const register = port & 0x0f;
    if (register === 0x4) state.crtcIndex = byte & 0x1f;
    else if (register === 0x5) this.#writeCrtc(state.crtcIndex, byte);
    else if (register === 0xa) state.feature = byte & 0x0b;
  }

  /** Registers 0-7 are shielded by bit 7 of register 11h, but for the line compare bit in register 7. */
  #writeCrtc(index: number, byte: number): void {
    const { crtc } = this.state;
    if (index >= CRTC_REGISTERS) return;
    if (index > 7 || (crtc[0x11] & CRTC_PROTECT) === 0) crtc[index] = byte;
    else if (index === 7) crtc[7] = (crtc[7] & ~0x10) | (byte & 0x10);
  }

  /** Input status 1; reading it makes the next write to 3C0 an index. */
  #readStatus(): number {
    this.state.attributeData = false;
    const inFrame = this.#host.now() % (LINE_CYCLES * LINES);
    const line = Math.floor(inFrame / LINE_CYCLES);
    const retrace = line >= RETRACE_FIRST && line <= RETRACE_LAST;
    const blank = line >= SHOWN_LINES || inFrame % LINE_CYCLES >= SHOWN_CYCLES;
    return (retrace ? 0x08 : 0) | (blank ? 0x01 : 0);
  }

  #writeMasked(registers: Uint8Array, masks: readonly number[], index: number, byte: number): void {
    const mask = masks[index];
    if (mask !== undefined) registers[index] = byte & mask;
  }

  #readAttribute(): number {
    return this.state.attribute[this.state.attributeIndex & 0x1f] ?? 0xff;
  }

  /** Port 3C0 takes index and data in turn; the palette is open only while bit 5 of the index is clear. */
  #writeAttribute(byte: number): void {
    const { state } = this;
    const index = state.attributeIndex & 0x1f;
    if (!state.attributeData) {
      state.attributeIndex = byte & 0x3f;
    } else if (index < 0x10) {
      if ((state.attributeIndex & 0x20) === 0) state.attribute[index] = byte & 0x3f;
    } else if (index < ATTRIBUTE_REGISTERS) {
      state.attribute[index] = byte;
    }
    state.attributeData = !state.attributeData;
  }

  #setPaletteRead(index: number): void {
    this.state.paletteRead = index * 3;
    this.state.paletteState = 3;
  }

  #setPaletteWrite(index: number): void {
    this.state.paletteWrite = index * 3;
    this.state.paletteState = 0;
  }

  #readPalette(): number {
    const { state } = this;
    const value = state.palette[state.paletteRead];
    state.paletteRead = (state.paletteRead + 1) % PALETTE_COMPONENTS;
    return value;
  }

  #writePalette(byte: number): void {
    const { state } = this;
    const component = state.paletteWrite % 3;
    state.paletteLatch[component] = byte & 0x3f;
    if (component === 2) state.palette.set(state.paletteLatch, state.paletteWrite - 2);
    state.paletteWrite = (state.paletteWrite + 1) % PALETTE_COMPONENTS;
  }
}
