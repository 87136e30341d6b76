/**
 * The state of the screen, saved to memory and brought back: INT 10h AH=1Ch, and VESA's AX=4F04h.
 *
 * Source: IBM PS/2 and PC BIOS Interface Technical Reference, interrupt 10h function 1Ch. How the bytes lie is the BIOS's own affair.
 */
import { put16, u16 } from '../bytes';
import { BDA, EBDA, VIDEO_VECTORS } from './layout';
import { ATTRIBUTE, ATTRIBUTE_SCREEN_ON, resetAttributeFlipFlop, writeIndexed, type VideoMachine } from './video-modes';

/** What of the state is meant: bits of CX. */
const PART = { registers: 0x01, dataArea: 0x02, dac: 0x04, linear: 0x08 } as const;
const BLOCK_BYTES = 64;

const SEQUENCER = 0x3c4;
const GRAPHICS = 0x3ce;
const MISCELLANEOUS = { read: 0x3cc, write: 0x3c2 } as const;
const PEL_MASK = 0x3c6;
const DAC = { read: 0x3c7, write: 0x3c8, data: 0x3c9 } as const;
const DAC_BYTES = 768;
const DISPI_INDEX = 0x1ce;
const DISPI_DATA = 0x1cf;
/** In the order in which they are written back: resolution before it is switched on, offsets behind. */
const DISPI_ORDER = [1, 2, 3, 4, 6, 8, 9, 5];
const DISPI_ENABLE = 4;
const KEEP_MEMORY = 0x80;
const COUNT = { sequencer: 5, crtc: 25, graphics: 9, attribute: 21 } as const;

/** Ranges of guest memory that describe the mode. */
const VARIABLES: readonly (readonly [address: number, bytes: number])[] = [
  [BDA.videoMode, 30], [BDA.videoLastRow, 7], [VIDEO_VECTORS.font, 4], [VIDEO_VECTORS.upperHalf, 4], [EBDA.vesaMode, 2],
];

interface Part {
  readonly mask: number;
  readonly bytes: number;
  save(machine: VideoMachine): Uint8Array;
  restore(machine: VideoMachine, bytes: Uint8Array): void;
}

function readIndexed({ ports }: VideoMachine, port: number, index: number): number {
  ports.writePort(port, 1, index);
  return ports.readPort(port + 1, 1);
}

const crtcPort = (machine: VideoMachine): number => ((machine.ports.readPort(MISCELLANEOUS.read, 1) & 1) !== 0 ? 0x3d4 : 0x3b4);

function saveRegisters(machine: VideoMachine): Uint8Array {
  const { ports } = machine;
  const crtc = crtcPort(machine);
  const indexed = (port: number, count: number): number[] => Array.from({ length: count }, (_, index) => readIndexed(machine, port, index));
  const attributes = Array.from({ length: COUNT.attribute }, (_, index) => {
    resetAttributeFlipFlop(machine, crtc);
    ports.writePort(ATTRIBUTE, 1, index);
    return ports.readPort(ATTRIBUTE + 1, 1);
  });
  resetAttributeFlipFlop(machine, crtc);
  ports.writePort(ATTRIBUTE, 1, ATTRIBUTE_SCREEN_ON);
  return Uint8Array.from([
    ports.readPort(MISCELLANEOUS.read, 1), ...indexed(SEQUENCER, COUNT.sequencer), ...indexed(crtc, COUNT.crtc), ...indexed(GRAPHICS, COUNT.graphics), ...attributes,
  ]);
}

function restoreRegisters(machine: VideoMachine, bytes: Uint8Array): void {
  const { ports } = machine;
  ports.writePort(MISCELLANEOUS.write, 1, bytes[0]);
  const crtc = crtcPort(machine);
  let at = 1;
  const indexed = (port: number, count: number): void => {
    for (let index = 0; index < count; index++) writeIndexed(machine, port, index, bytes[at++]);
  };
  indexed(SEQUENCER, COUNT.sequencer);
  // Registers 0 to 7 are open while bit 7 of 11h is clear.
  writeIndexed(machine, crtc, 0x11, 0);
  indexed(crtc, COUNT.crtc);
  indexed(GRAPHICS, COUNT.graphics);
  resetAttributeFlipFlop(machine, crtc);
  for (let index = 0; index < COUNT.attribute; index++) {
    ports.writePort(ATTRIBUTE, 1, index);
    ports.writePort(ATTRIBUTE, 1, bytes[at++]);
  }
  ports.writePort(ATTRIBUTE, 1, ATTRIBUTE_SCREEN_ON);
}

function saveDac({ ports }: VideoMachine): Uint8Array {
  ports.writePort(DAC.read, 1, 0);
  const colours = Array.from({ length: DAC_BYTES }, () => ports.readPort(DAC.data, 1));
  return Uint8Array.from([ports.readPort(PEL_MASK, 1), ...colours]);
}

function restoreDac({ ports }: VideoMachine, bytes: Uint8Array): void {
  ports.writePort(PEL_MASK, 1, bytes[0]);
  ports.writePort(DAC.write, 1, 0);
  for (const level of bytes.subarray(1, 1 + DAC_BYTES)) ports.writePort(DAC.data, 1, level);
}

function saveVariables({ memory }: VideoMachine): Uint8Array {
  return Uint8Array.from(VARIABLES.flatMap(([address, bytes]) => [...memory.read(address, bytes)]));
}

function restoreVariables({ memory }: VideoMachine, saved: Uint8Array): void {
  let at = 0;
  for (const [address, bytes] of VARIABLES) {
    memory.write(address, saved.subarray(at, at + bytes));
    at += bytes;
  }
}

function saveLinear({ ports }: VideoMachine): Uint8Array {
  const bytes = new Uint8Array(2 * DISPI_ORDER.length);
  DISPI_ORDER.forEach((index, i) => {
    ports.writePort(DISPI_INDEX, 2, index);
    put16(bytes, 2 * i, ports.readPort(DISPI_DATA, 2));
  });
  return bytes;
}

function restoreLinear({ ports }: VideoMachine, bytes: Uint8Array): void {
  DISPI_ORDER.forEach((index, i) => {
    ports.writePort(DISPI_INDEX, 2, index);
    ports.writePort(DISPI_DATA, 2, u16(bytes, 2 * i) | (index === DISPI_ENABLE ? KEEP_MEMORY : 0));
  });
}

const REGISTER_BYTES = 1 + COUNT.sequencer + COUNT.crtc + COUNT.graphics + COUNT.attribute;
const VARIABLE_BYTES = VARIABLES.reduce((sum, [, bytes]) => sum + bytes, 0);
/** The display interface changes registers of the VGA, so it comes first. */
const PARTS: readonly Part[] = [
  { mask: PART.linear, bytes: 2 * DISPI_ORDER.length, save: saveLinear, restore: restoreLinear },
  { mask: PART.registers, bytes: REGISTER_BYTES, save: saveRegisters, restore: restoreRegisters },
  { mask: PART.dataArea, bytes: VARIABLE_BYTES, save: saveVariables, restore: restoreVariables },
  { mask: PART.dac, bytes: 1 + DAC_BYTES, save: saveDac, restore: restoreDac },
];

const wanted = (parts: number): readonly Part[] => PARTS.filter(({ mask }) => (parts & mask) !== 0);

/** Blocks of 64 bytes that these parts of the state take. */
export function stateBlocks(parts: number): number {
  return Math.ceil(wanted(parts).reduce((sum, { bytes }) => sum + bytes, 0) / BLOCK_BYTES);
}

export function saveState(machine: VideoMachine, parts: number, address: number): void {
  let at = address;
  for (const part of wanted(parts)) {
    machine.memory.write(at, part.save(machine));
    at += part.bytes;
  }
}

export function restoreState(machine: VideoMachine, parts: number, address: number): void {
  let at = address;
  for (const part of wanted(parts)) {
    part.restore(machine, machine.memory.read(at, part.bytes));
    at += part.bytes;
  }
}
