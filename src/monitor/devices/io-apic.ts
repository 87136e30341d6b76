/**
 * The I/O APIC: 24 inputs, each of which becomes an interrupt message as its redirection entry says.
 *
 * Source: Intel 82093AA data sheet (290566). Messages go to the local APICs at once; a level-triggered one that no
 * APIC takes stays pending, and is sent again when that may have changed.
 */
import { allOnes } from './access';
import { DELIVERY, type InterruptMessage } from './apic-message';
import { IO_APIC_DESCRIPTION, IO_APIC_REGISTERS } from './registers/io-apic';
import { PLATFORM, type AccessSize, type Device, type MemoryRegion, type PortRange } from './device';

export const IO_APIC_INPUTS = 24;

const PAGE_BYTES = 4096;
/** Offsets in the page: index register and data window. */
const INDEX = 0x00;
const WINDOW = 0x10;
const REGISTER = { id: 0, version: 1, arbitration: 2, redirection: 0x10 } as const;
/** Version 11h; bits 16-23 are the number of the last redirection entry. */
const VERSION = ((IO_APIC_INPUTS - 1) << 16) | 0x11;
const ID_BITS = 0x0f000000;

/** Low half of a redirection entry. */
const ENTRY = {
  vector: 0xff, logical: 0x800, sendPending: 0x1000, activeLow: 0x2000, remoteIrr: 0x4000, level: 0x8000, masked: 0x10000,
} as const;
const WRITABLE_LOW = 0x1afff;
const WRITABLE_HIGH = 0xff000000;

export interface IoApicState {
  index: number;
  /** ID register, bits 24-27. */
  id: number;
  /** Arbitration ID: takes the ID's value when that is written. */
  arbitration: number;
  /** Redirection table: low and high half of each entry. */
  low: Uint32Array;
  high: Uint32Array;
  /** Electrical levels of the inputs, a bit each: set is high. */
  levels: number;
}

function powerOnState(levels: number): IoApicState {
  return {
    index: 0, id: 0, arbitration: 0, low: new Uint32Array(IO_APIC_INPUTS).fill(ENTRY.masked),
    high: new Uint32Array(IO_APIC_INPUTS), levels,
  };
}

/** The input whose entry an index points into, or -1. */
function inputOf(index: number): number {
  const input = (index - REGISTER.redirection) >> 1;
  return input >= 0 && input < IO_APIC_INPUTS ? input : -1;
}

export class IoApic implements Device {
  readonly name = 'ioapic';
  readonly ports: readonly PortRange[] = [];
  readonly regions: readonly MemoryRegion[] = [{ first: PLATFORM.ioApic, bytes: PAGE_BYTES }];
  readonly description = IO_APIC_DESCRIPTION;
  state: IoApicState;
  readonly #restLevels: number;
  readonly #deliver: (message: InterruptMessage) => boolean;

  /**
   * `restLevels`: inputs that are high when nobody asserts them (PCI interrupts), a bit each. `deliver` sends a
   * message and says whether a local APIC has taken it.
   */
  constructor(restLevels: number, deliver: (message: InterruptMessage) => boolean) {
    this.#restLevels = restLevels;
    this.#deliver = deliver;
    this.state = powerOnState(restLevels);
  }

  /** Inputs keep the level at which they are held. */
  reset(): void {
    this.state = powerOnState(this.state.levels);
  }

  /** Drives an input (0 to 23). `asserted` is the device's wish; an input that rests high is then low. */
  setInput(input: number, asserted: boolean): void {
    const { state } = this;
    const bit = 1 << input;
    const high = asserted !== ((this.#restLevels & bit) !== 0);
    if (((state.levels & bit) !== 0) === high) return;
    state.levels ^= bit;
    if (this.#isLevelTriggered(input)) this.#serveLevel(input);
    else if (this.#isActive(input) && (state.low[input] & ENTRY.masked) === 0) this.#send(input);
  }

  /** EOI broadcast of a local APIC: level-triggered entries with this vector may send again. */
  endOfInterrupt(vector: number): void {
    const { low } = this.state;
    for (let input = 0; input < IO_APIC_INPUTS; input++) {
      if ((low[input] & ENTRY.remoteIrr) === 0 || (low[input] & ENTRY.vector) !== vector) continue;
      low[input] &= ~ENTRY.remoteIrr;
      this.#serveLevel(input);
    }
  }

  /** A local APIC takes messages now that it did not take before: what is pending is sent again. */
  retry(): void {
    for (let input = 0; input < IO_APIC_INPUTS; input++) {
      if ((this.state.low[input] & ENTRY.sendPending) !== 0) this.#serveLevel(input);
    }
  }

  readMemory(address: number, size: AccessSize): number {
    const offset = address & (PAGE_BYTES - 1);
    const value = (offset & ~3) === WINDOW ? this.#register(this.state.index) : (offset & ~3) === INDEX ? this.state.index : 0;
    return ((value >>> (8 * (offset & 3))) & allOnes(size)) >>> 0;
  }

  /** The index takes its byte from an access of any width; the window takes whole, aligned registers. */
  writeMemory(address: number, size: AccessSize, value: number): void {
    const offset = address & (PAGE_BYTES - 1);
    if (offset === INDEX) this.state.index = value & 0xff;
    else if (offset === WINDOW && size === 4) this.#writeRegister(value >>> 0);
  }

  peek(block: string, register: string): number | undefined {
    if (block !== IO_APIC_REGISTERS) return register === 'IOREGSEL' ? this.state.index : this.#register(this.state.index);
    const at = this.description.blocks.find(({ name }) => name === block)?.registers.find(({ name }) => name === register)?.at;
    return at === undefined ? undefined : this.#register(at);
  }

  #register(index: number): number {
    const { state } = this;
    if (index === REGISTER.id) return state.id;
    if (index === REGISTER.version) return VERSION;
    if (index === REGISTER.arbitration) return state.arbitration;
    const input = inputOf(index);
    if (input < 0) return 0;
    return (index & 1) === 0 ? state.low[input] : state.high[input];
  }

  #writeRegister(value: number): void {
    const { state } = this;
    const input = inputOf(state.index);
    if (state.index === REGISTER.id) {
      state.id = value & ID_BITS;
      state.arbitration = state.id;
    } else if (input >= 0 && (state.index & 1) !== 0) {
      state.high[input] = value & WRITABLE_HIGH;
    } else if (input >= 0) {
      this.#writeLow(input, value);
    }
  }

  #writeLow(input: number, value: number): void {
    const { low } = this.state;
    // Remote IRR means something for level-triggered entries only: switching to edge and back clears it.
    const kept = (value & ENTRY.level) !== 0 ? low[input] & ENTRY.remoteIrr : 0;
    low[input] = (value & WRITABLE_LOW) | kept;
    this.#serveLevel(input);
  }

  #isActive(input: number): boolean {
    const high = (this.state.levels & (1 << input)) !== 0;
    return high !== ((this.state.low[input] & ENTRY.activeLow) !== 0);
  }

  /** Only fixed and lowest-priority messages have a service that ends: others are edges even if programmed as level. */
  #isLevelTriggered(input: number): boolean {
    const low = this.state.low[input];
    const delivery = (low >> 8) & 7;
    return (low & ENTRY.level) !== 0 && (delivery === DELIVERY.fixed || delivery === DELIVERY.lowestPriority);
  }

  /** Sends for a level-triggered input that is active, not masked, and not being served. */
  #serveLevel(input: number): void {
    const { low } = this.state;
    low[input] &= ~ENTRY.sendPending;
    if (!this.#isLevelTriggered(input) || !this.#isActive(input)) return;
    if ((low[input] & (ENTRY.masked | ENTRY.remoteIrr)) !== 0) return;
    low[input] |= this.#send(input) ? ENTRY.remoteIrr : ENTRY.sendPending;
  }

  #send(input: number): boolean {
    const low = this.state.low[input];
    return this.#deliver({
      delivery: (low >> 8) & 7,
      vector: low & ENTRY.vector,
      levelTriggered: this.#isLevelTriggered(input),
      logical: (low & ENTRY.logical) !== 0,
      destination: this.state.high[input] >>> 24,
      wide: false,
    });
  }
}
