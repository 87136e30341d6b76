/**
 * The VGA with the Bochs display interface, as the PCI function 1234:1111: its register files (ports 3B0-3DF, 1CE-1D0, and behind
 * base address register 2), its memory at A0000-BFFFF, retrace by virtual time, and the text screen for those who look on.
 *
 * Source: IBM VGA technical reference (Video Subsystem, 1992); QEMU, docs/specs/standard-vga. Video memory is machine frames that
 * the physical map knows: where the CPU's bytes arrive there as they are (base address register 0; chained planes and linear
 * modes at A0000), this device is not asked (`windows`).
 */
import type { ScreenText } from '../inspection/queries';
import { readByBytes, writeByBytes } from './access';
import type { AccessSize, Device, DeviceHost, MemoryRegion, MemoryWindow, PortRange } from './device';
import type { PciSlot } from './pciFunction';
import { EXTENDED, VGA_DESCRIPTION, VGA_GROUPS, writableBits } from './vga-description';
import { bankOf, readDispi, writeDispi } from './vga-dispi';
import { isStraight, plainVideoMemory, readPlanes, writePlanes, type VideoMemory } from './vga-memory';
import { FRAME_BUFFER_BAR, MEMORY_BAR, MEMORY_BYTES, ROM_BAR } from './vga-pci';
import { powerOnState, VIDEO_BYTES, type VgaState } from './vga-state';
import { textScreen } from './vga-text';
import { beamStatus } from './vga-timing';

const SEQUENCER_MASKS = writableBits(VGA_GROUPS.sequencer);
const GRAPHICS_MASKS = writableBits(VGA_GROUPS.graphics);
const CRTC_MASKS = writableBits(VGA_GROUPS.crtc);
const ATTRIBUTE_MASKS = writableBits(VGA_GROUPS.attribute);
const MISC_COLOUR = 0x01;
const MISC_MEMORY = 0x02;
const CRTC_PROTECT = 0x80;
const PALETTE_COMPONENTS = 256 * 3;
const DAC_8_BITS = 0x20;
const DISPI_INDEX_PORT = 0x1ce;
const DISPI_LAST_PORT = 0x1d0;

/** Windows of graphics register 6, bits 2-3: first address, bytes. */
const WINDOWS = [
  { first: 0xa0000, bytes: 0x20000 },
  { first: 0xa0000, bytes: 0x10000 },
  { first: 0xb0000, bytes: 0x8000 },
  { first: 0xb8000, bytes: 0x8000 },
];
const LEGACY: MemoryRegion = { first: 0xa0000, bytes: 0x20000 };
const STRAIGHT_BYTES = 0x10000;

/** Where the registers behind base address register 2 are: the VGA's ports from 3C0 on, and the display interface's. */
const MEMORY = { ports: 0x400, portsEnd: 0x420, dispi: 0x500, dispiEnd: 0x516 } as const;

export interface VgaOptions {
  /** Video memory. Default: the device's own, for tests. */
  readonly memory?: VideoMemory;
  readonly slot?: PciSlot;
  /** Option ROM. */
  readonly rom?: Uint8Array;
  /** `windows` gives another answer now. */
  readonly windowsChanged?: () => void;
}

export class Vga implements Device {
  readonly name = 'vga';
  readonly description = VGA_DESCRIPTION;
  readonly portWidth: AccessSize = 2;
  readonly ports: readonly PortRange[] = [
    { first: DISPI_INDEX_PORT, count: 3 },
    { first: 0x3b4, count: 2 },
    { first: 0x3ba, count: 1 },
    { first: 0x3c0, count: 0x10 },
    { first: 0x3d4, count: 2 },
    { first: 0x3da, count: 1 },
  ];
  state: VgaState = powerOnState();
  /** Video memory, and the same in words: an address of the four planes each. */
  readonly memory: Uint8Array;
  readonly words: Uint32Array;
  readonly #host: DeviceHost;
  readonly #options: VgaOptions;
  readonly #video: VideoMemory;
  /** Bank that the CPU reaches at A0000 without asking, as it was told last; -1 for none. */
  #straightBank = -1;

  constructor(host: DeviceHost, options: VgaOptions = {}) {
    this.#host = host;
    this.#options = options;
    this.#video = options.memory ?? plainVideoMemory();
    this.memory = this.#video.bytes;
    this.words = new Uint32Array(this.memory.buffer, this.memory.byteOffset, this.memory.length / 4);
  }

  /** Powers up in text mode 3, so that a kernel which is loaded without a video BIOS finds a screen. */
  reset(): void {
    this.state = powerOnState();
    this.#followWindows();
  }

  get regions(): readonly MemoryRegion[] {
    const { slot, rom } = this.#options;
    const registers = slot?.base(MEMORY_BAR);
    const romAt = rom && slot?.base(ROM_BAR);
    return [
      LEGACY,
      ...(registers === undefined ? [] : [{ first: registers, bytes: MEMORY_BYTES }]),
      ...(rom === undefined || romAt === undefined ? [] : [{ first: romAt, bytes: rom.length }]),
    ];
  }

  /** Where the CPU reaches video memory without asking. */
  get windows(): readonly MemoryWindow[] {
    const frameBuffer = this.#options.slot?.base(FRAME_BUFFER_BAR);
    const bank = this.#findStraightBank();
    return [
      ...(frameBuffer === undefined ? [] : [{ first: frameBuffer, bytes: VIDEO_BYTES, offset: 0 }]),
      ...(bank < 0 ? [] : [{ first: LEGACY.first, bytes: STRAIGHT_BYTES, offset: bank * STRAIGHT_BYTES }]),
    ];
  }

  /** The text screen; no columns and rows in graphics modes. */
  screenText(): ScreenText {
    return textScreen(this.state, this.words);
  }

  /** Present virtual time, which blinking follows. */
  get now(): number {
    return this.#host.now();
  }

  /** Whether all of these addresses lie in the window at A0000. */
  inWindow(address: number, bytes: number): boolean {
    return address >= LEGACY.first && address + bytes <= LEGACY.first + LEGACY.bytes;
  }

  /** Bytes of the window at A0000 as a read would give them, without the read's effect on the latches; undefined for addresses elsewhere. */
  peekMemory(address: number, bytes: number): Uint8Array | undefined {
    if (!this.inWindow(address, bytes)) return undefined;
    const { latches } = this.state;
    const seen = Uint8Array.from({ length: bytes }, (_, i) => this.#readWindow(address + i));
    this.state.latches = latches;
    return seen;
  }

  peek(block: string, register: string): number | undefined {
    const found = this.description.blocks.find(({ name }) => name === block)?.registers.find(({ name }) => name === register);
    if (found === undefined) return undefined;
    const { state } = this;
    switch (block) {
      case 'sequencer': return state.sequencer[found.at];
      case 'graphics controller': return state.graphics[found.at];
      case 'CRT controller': return state.crtc[found.at];
      case 'attribute controller': return state.attribute[found.at];
      case 'DISPI': return readDispi(state, found.at / 2);
      case 'memory': return this.#readExtended(found.at);
      // Reading one of these ports has no effect; at the read index's, something else is read.
      default: return register === 'DACREAD' ? Math.floor(state.paletteRead / 3) : this.#readVgaPort(0x3c0 + found.at);
    }
  }

  readMemory(address: number, size: AccessSize): number {
    if (address < LEGACY.first + LEGACY.bytes) {
      return size === 1 ? this.#readWindow(address) : readByBytes(address, size, (byte) => this.#readWindow(byte));
    }
    const { slot, rom } = this.#options;
    const registers = slot?.base(MEMORY_BAR);
    if (registers !== undefined && address >= registers && address < registers + MEMORY_BYTES) return this.#readRegisters(address - registers, size);
    const romAt = slot?.base(ROM_BAR);
    return rom === undefined || romAt === undefined ? 0 : readByBytes(address - romAt, size, (at) => rom[at] ?? 0xff);
  }

  writeMemory(address: number, size: AccessSize, value: number): void {
    if (address < LEGACY.first + LEGACY.bytes) {
      writeByBytes(address, size, value, (byte, data) => {
        const offset = this.#windowOffset(byte);
        if (offset >= 0) writePlanes(this.state, this, offset, data, bankOf(this.state));
      });
      return;
    }
    const registers = this.#options.slot?.base(MEMORY_BAR);
    if (registers !== undefined && address >= registers && address < registers + MEMORY_BYTES) this.#writeRegisters(address - registers, size, value);
  }

  readPort(port: number, size: AccessSize = 1): number {
    if (port >= DISPI_INDEX_PORT && port <= DISPI_LAST_PORT) {
      const value = port === DISPI_INDEX_PORT ? this.state.dispiIndex : readDispi(this.state);
      return size === 1 ? value & 0xff : value;
    }
    return size === 1 ? this.#readVgaPort(port) : readByBytes(port, size, (byte) => this.#readVgaPort(byte));
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (port === DISPI_INDEX_PORT) this.state.dispiIndex = value & 0xffff;
    else if (port > DISPI_INDEX_PORT && port <= DISPI_LAST_PORT) this.#writeDispi(value & 0xffff);
    else writeByBytes(port, size, value, (byte, data) => this.#writeVgaPort(byte, data));
    this.#followWindows();
  }

  // Memory.

  writeWord(index: number, value: number): void {
    this.#video.writeWord(index, value);
  }

  /** Offset in the window that the memory map select opens, or -1 outside of it. */
  #windowOffset(address: number): number {
    const { graphics, miscellaneous } = this.state;
    const window = WINDOWS[(graphics[6] >> 2) & 3];
    const inside = address >= window.first && address < window.first + window.bytes;
    return inside && (miscellaneous & MISC_MEMORY) !== 0 ? address - window.first : -1;
  }

  #readWindow(address: number): number {
    const offset = this.#windowOffset(address);
    return offset < 0 ? 0xff : readPlanes(this.state, this.words, offset, bankOf(this.state));
  }

  #findStraightBank(): number {
    return this.#windowOffset(LEGACY.first) === 0 && isStraight(this.state) ? bankOf(this.state) : -1;
  }

  #followWindows(): void {
    const bank = this.#findStraightBank();
    if (bank === this.#straightBank) return;
    this.#straightBank = bank;
    this.#options.windowsChanged?.();
  }

  // Registers in memory.

  #readRegisters(offset: number, size: AccessSize): number {
    if (offset >= MEMORY.ports && offset < MEMORY.portsEnd) return readByBytes(0x3c0 + offset - MEMORY.ports, size, (port) => this.#readVgaPort(port));
    if (offset >= MEMORY.dispi && offset < MEMORY.dispiEnd) return readDispi(this.state, (offset - MEMORY.dispi) >> 1);
    return readByBytes(offset, size, (at) => this.#readExtended(at & ~3) >>> (8 * (at & 3)));
  }

  #writeRegisters(offset: number, size: AccessSize, value: number): void {
    if (offset >= MEMORY.ports && offset < MEMORY.portsEnd) {
      writeByBytes(0x3c0 + offset - MEMORY.ports, size, value, (port, data) => this.#writeVgaPort(port, data));
    } else if (offset >= MEMORY.dispi && offset < MEMORY.dispiEnd) {
      this.#writeDispi(value & 0xffff, (offset - MEMORY.dispi) >> 1);
    } else if (offset === EXTENDED.byteOrder && (value === EXTENDED.little || value === EXTENDED.big)) {
      this.state.byteOrder = value;
    }
    this.#followWindows();
  }

  #readExtended(offset: number): number {
    if (offset === EXTENDED.size) return EXTENDED.bytes;
    return offset === EXTENDED.byteOrder ? this.state.byteOrder : 0;
  }

  #writeDispi(value: number, index = this.state.dispiIndex): void {
    writeDispi(this.state, value, (bytes) => this.#video.clear(bytes), index);
  }

  // Ports.

  #readVgaPort(port: number): number {
    const { state } = this;
    switch (port) {
      case 0x3c0: return state.attributeIndex;
      case 0x3c1: return state.attribute[state.attributeIndex & 0x1f] ?? 0;
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

  #writeVgaPort(port: number, byte: number): void {
    const { state } = this;
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
      case 0xa:
        // Reading input status 1 makes the next write to 3C0 an index.
        state.attributeData = false;
        return beamStatus(state, this.#host.now());
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
    if (index > 7 || (crtc[0x11] & CRTC_PROTECT) === 0) this.#writeMasked(crtc, CRTC_MASKS, index, byte);
    else if (index === 7) crtc[7] = (crtc[7] & ~0x10) | (byte & 0x10);
  }

  #writeMasked(registers: Uint8Array, masks: readonly number[], index: number, byte: number): void {
    const mask = masks[index];
    if (mask !== undefined) registers[index] = byte & mask;
  }

  /** Port 3C0 takes index and data in turn; the palette is open only while bit 5 of the index is clear. */
  #writeAttribute(byte: number): void {
    const { state } = this;
    const index = state.attributeIndex & 0x1f;
    if (!state.attributeData) state.attributeIndex = byte & 0x3f;
    else if (index >= 0x10 || (state.attributeIndex & 0x20) === 0) this.#writeMasked(state.attribute, ATTRIBUTE_MASKS, index, byte);
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
    const wide = (readDispi(state, 4) & DAC_8_BITS) !== 0;
    state.paletteLatch[component] = wide ? byte : byte & 0x3f;
    if (component === 2) state.palette.set(state.paletteLatch, state.paletteWrite - 2);
    state.paletteWrite = (state.paletteWrite + 1) % PALETTE_COMPONENTS;
  }
}
