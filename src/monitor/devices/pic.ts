/**
 * The pair of 8259A interrupt controllers of a PC/AT (ports 20/21 and A0/A1) with the edge/level
 * control registers of the PIIX (4D0/4D1).
 *
 * Source: Intel 8259A data sheet (231468); PIIX3 data sheet for ELCR. The slave's INT output drives
 * input 2 of the master.
 */
import type { Device, InterruptController, PortRange } from './device';
import { PIC_DESCRIPTION } from './registers/pic';

/** One 8259A. Bit n of the byte registers stands for input IRn. */
export interface PicChipState {
  /** Inputs as they are driven now. */
  lines: number;
  /** Edges caught and not yet acknowledged. A falling input takes its request back (data sheet, 'edge triggered mode'). */
  edges: number;
  isr: number;
  imr: number;
  elcr: number;
  /** ICW1.LTIM: all inputs level triggered. */
  allLevel: boolean;
  /** ICW2: upper five bits of the vector. */
  vectorBase: number;
  /** ICW3: on the master a mask of inputs with slaves, on the slave its identity. */
  cascade: number;
  single: boolean;
  autoEoi: boolean;
  rotateOnAutoEoi: boolean;
  specialFullyNested: boolean;
  specialMask: boolean;
  lowestPriority: number;
  readIsr: boolean;
  poll: boolean;
  /** The initialization command word (2 to 4) that the next write to A0 = 1 is; 0 when initialized. */
  nextIcw: number;
  icw4Needed: boolean;
}

export interface PicState {
  master: PicChipState;
  slave: PicChipState;
  /** The master's INT output, as last computed. */
  intr: boolean;
}

const CASCADE_INPUT = 2;
const SPURIOUS_INPUT = 7;
/** IRQ 0, 1, 2 and IRQ 8, 13 are always edge triggered (PIIX3, ELCR1 and ELCR2). */
const MASTER_ELCR_BITS = 0xf8;
const SLAVE_ELCR_BITS = 0xde;

function powerOnChip(): PicChipState {
  return {
    lines: 0, edges: 0, isr: 0, imr: 0, elcr: 0, allLevel: false, vectorBase: 0, cascade: 0, single: false,
    autoEoi: false, rotateOnAutoEoi: false, specialFullyNested: false, specialMask: false,
    lowestPriority: 7, readIsr: false, poll: false, nextIcw: 0, icw4Needed: false,
  };
}

function powerOnState(): PicState {
  return { master: powerOnChip(), slave: powerOnChip(), intr: false };
}

/** The interrupt request register: caught edges, and the inputs themselves where they are level triggered. */
export function requests(chip: PicChipState): number {
  const level = chip.allLevel ? 0xff : chip.elcr;
  return (chip.edges & ~level) | (chip.lines & level);
}

function driveInput(chip: PicChipState, input: number, level: boolean): void {
  const bit = 1 << input;
  if (!level) {
    chip.lines &= ~bit;
    chip.edges &= ~bit;
  } else if ((chip.lines & bit) === 0) {
    chip.lines |= bit;
    chip.edges |= bit;
  }
}

/** Rank of the most urgent input in a mask: 0 is the highest priority, 8 means that the mask is empty. */
function rankOf(chip: PicChipState, mask: number): number {
  let rank = 0;
  while (rank < 8 && ((mask >> ((chip.lowestPriority + 1 + rank) & 7)) & 1) === 0) rank++;
  return rank;
}

function inputAtRank(chip: PicChipState, rank: number): number {
  return (chip.lowestPriority + 1 + rank) & 7;
}

/** The input that the priority resolver lets through, or -1. */
function resolve(chip: PicChipState): number {
  const rank = rankOf(chip, requests(chip) & ~chip.imr);
  if (rank === 8) return -1;
  const input = inputAtRank(chip, rank);
  return rankOf(chip, blockingFor(chip, input)) > rank ? input : -1;
}

/** The inputs whose service may hold back a request at this one. */
function blockingFor(chip: PicChipState, input: number): number {
  const blocking = chip.specialMask ? chip.isr & ~chip.imr : chip.isr;
  // Special fully nested: a slave whose request is in service may still bring a more urgent one.
  return chip.specialFullyNested ? blocking & ~(chip.cascade & (1 << input)) : blocking;
}

/** The input in service that holds back a request at this one, by the chip's present priorities; undefined when none does. */
export function inputAhead(chip: PicChipState, input: number): number | undefined {
  const rank = rankOf(chip, blockingFor(chip, input));
  return rank < 8 && rank <= rankOf(chip, 1 << input) ? inputAtRank(chip, rank) : undefined;
}

/** The acknowledge sequence inside a chip. Without a request input 7 is answered, and not put in service. */
function acknowledgeChip(chip: PicChipState): { input: number; genuine: boolean } {
  const input = resolve(chip);
  if (input < 0) return { input: SPURIOUS_INPUT, genuine: false };
  chip.edges &= ~(1 << input);
  if (!chip.autoEoi) chip.isr |= 1 << input;
  else if (chip.rotateOnAutoEoi) chip.lowestPriority = input;
  return { input, genuine: true };
}

function writeIcw1(chip: PicChipState, value: number): void {
  chip.edges = 0;
  chip.isr = 0;
  chip.imr = 0;
  chip.lowestPriority = 7;
  chip.specialMask = false;
  chip.readIsr = false;
  chip.poll = false;
  chip.autoEoi = false;
  chip.specialFullyNested = false;
  chip.rotateOnAutoEoi = false;
  chip.cascade = 0;
  chip.allLevel = (value & 0x08) !== 0;
  chip.single = (value & 0x02) !== 0;
  chip.icw4Needed = (value & 0x01) !== 0;
  chip.nextIcw = 2;
}

function writeLaterIcw(chip: PicChipState, value: number): void {
  const afterIcw3 = chip.icw4Needed ? 4 : 0;
  if (chip.nextIcw === 2) {
    chip.vectorBase = value & 0xf8;
    chip.nextIcw = chip.single ? afterIcw3 : 3;
  } else if (chip.nextIcw === 3) {
    chip.cascade = value;
    chip.nextIcw = afterIcw3;
  } else {
    chip.autoEoi = (value & 0x02) !== 0;
    chip.specialFullyNested = (value & 0x10) !== 0;
    chip.nextIcw = 0;
  }
}

/** OCW2: end of interrupt and rotation, by its R, SL and EOI bits. */
function writeOcw2(chip: PicChipState, value: number): void {
  const rotate = (value & 0x80) !== 0;
  const specific = (value & 0x40) !== 0;
  const endOfInterrupt = (value & 0x20) !== 0;
  if (!endOfInterrupt && !specific) {
    chip.rotateOnAutoEoi = rotate;
    return;
  }
  let input = value & 7;
  if (!specific) {
    // In special mask mode a masked in-service bit is left alone by a non-specific EOI.
    const rank = rankOf(chip, chip.specialMask ? chip.isr & ~chip.imr : chip.isr);
    if (rank === 8) return;
    input = inputAtRank(chip, rank);
  }
  if (endOfInterrupt) chip.isr &= ~(1 << input);
  if (rotate) chip.lowestPriority = input;
}

function writeOcw3(chip: PicChipState, value: number): void {
  if ((value & 0x40) !== 0) chip.specialMask = (value & 0x20) !== 0;
  chip.poll = (value & 0x04) !== 0;
  if ((value & 0x02) !== 0) chip.readIsr = (value & 0x01) !== 0;
}

function writeChip(chip: PicChipState, a0: number, value: number): void {
  if (a0 === 0) {
    if ((value & 0x10) !== 0) writeIcw1(chip, value);
    else if ((value & 0x08) !== 0) writeOcw3(chip, value);
    else writeOcw2(chip, value);
  } else if (chip.nextIcw !== 0) {
    writeLaterIcw(chip, value);
  } else {
    chip.imr = value;
  }
}

function readChip(chip: PicChipState, a0: number): number {
  if (chip.poll) {
    // After a poll command the next read pulse is the acknowledge, whatever A0 says.
    chip.poll = false;
    const answer = acknowledgeChip(chip);
    return answer.genuine ? 0x80 | answer.input : 0;
  }
  if (a0 === 1) return chip.imr;
  return chip.readIsr ? chip.isr : requests(chip);
}

/** The interrupt controllers. Inputs are ISA lines 0 to 15; line 2 is taken by the cascade. */
export class Pic implements Device, InterruptController {
  readonly name = 'pic';
  readonly ports: readonly PortRange[] = [
    { first: 0x20, count: 2 },
    { first: 0xa0, count: 2 },
    { first: 0x4d0, count: 2 },
  ];
  readonly description = PIC_DESCRIPTION;
  state: PicState = powerOnState();
  readonly #onOutput: () => void;

  /** `onOutput` is called after the INTR output has changed; `pending()` gives its level. */
  constructor(onOutput: () => void) {
    this.#onOutput = onOutput;
  }

  /** Lines keep the level at which their devices hold them. */
  reset(): void {
    const { master, slave } = this.state;
    this.state = powerOnState();
    this.state.master.lines = master.lines & ~(1 << CASCADE_INPUT);
    this.state.slave.lines = slave.lines;
    this.#update();
  }

  pending(): boolean {
    return this.state.intr;
  }

  acknowledge(): number {
    const { master, slave } = this.state;
    const answer = acknowledgeChip(master);
    let vector = master.vectorBase | answer.input;
    if (answer.genuine && (master.cascade & (1 << answer.input)) !== 0) {
      vector = answer.input === CASCADE_INPUT ? this.#acknowledgeSlave(slave) : 0xff;
    }
    this.#update();
    return vector;
  }

  /** The vector that `acknowledge` would give now. It only looks. */
  nextVector(): number {
    const { master, slave } = this.state;
    const input = resolve(master);
    if (input < 0 || (master.cascade & (1 << input)) === 0) return master.vectorBase | (input < 0 ? SPURIOUS_INPUT : input);
    if (input !== CASCADE_INPUT || (slave.cascade & 7) !== CASCADE_INPUT) return 0xff;
    const inner = resolve(slave);
    return slave.vectorBase | (inner < 0 ? SPURIOUS_INPUT : inner);
  }

  setLine(line: number, level: boolean): void {
    const { master, slave } = this.state;
    const driven = (((master.lines | (slave.lines << 8)) >> line) & 1) !== 0;
    if (line === CASCADE_INPUT || driven === level) return;
    if (line < 8) driveInput(master, line, level);
    else driveInput(slave, line - 8, level);
    this.#update();
  }

  readPort(port: number): number {
    const { master, slave } = this.state;
    if (port === 0x4d0) return master.elcr;
    if (port === 0x4d1) return slave.elcr;
    const chip = port < 0x80 ? master : slave;
    const polled = chip.poll;
    const value = readChip(chip, port & 1);
    if (polled) this.#update();
    return value;
  }

  writePort(port: number, _size: number, value: number): void {
    const { master, slave } = this.state;
    const byte = value & 0xff;
    if (port === 0x4d0) master.elcr = byte & MASTER_ELCR_BITS;
    else if (port === 0x4d1) slave.elcr = byte & SLAVE_ELCR_BITS;
    else writeChip(port < 0x80 ? master : slave, port & 1, byte);
    this.#update();
  }

  peek(block: string, register: string): number | undefined {
    const { master, slave } = this.state;
    if (block === 'edge/level') return register === 'ELCR1' ? master.elcr : slave.elcr;
    const chip = block === 'master' ? master : slave;
    switch (register) {
      case 'IRR': return requests(chip);
      case 'ISR': return chip.isr;
      case 'OCW1': return chip.imr;
      default: return undefined;
    }
  }

  /** Vector from the slave; when its identity (ICW3) is not the master's input, nobody drives the bus. */
  #acknowledgeSlave(slave: PicChipState): number {
    if ((slave.cascade & 7) !== CASCADE_INPUT) return 0xff;
    const answer = acknowledgeChip(slave);
    // INT falls during the acknowledge, so that a further request of the slave makes a new edge.
    driveInput(this.state.master, CASCADE_INPUT, false);
    return slave.vectorBase | answer.input;
  }

  #update(): void {
    const { state } = this;
    driveInput(state.master, CASCADE_INPUT, resolve(state.slave) >= 0);
    const intr = resolve(state.master) >= 0;
    if (intr === state.intr) return;
    state.intr = intr;
    this.#onOutput();
  }
}
