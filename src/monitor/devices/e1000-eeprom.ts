/**
 * The EEPROM of the Intel 82540EM: 64 words with the card's address and settings, read and written over its four wires (EECD), or
 * read by word (EERD).
 *
 * Source: Software Developer's Manual (317453), chapter 5 and 13.4.4; the instructions on the wires are those of a 93C46 (Microwire).
 */

const WORDS = 64;
const ADDRESS_BITS = 6;
/** Bits from the start bit to the end of the address, and of a word. */
const COMMAND_BITS = 3 + ADDRESS_BITS;
const DATA_BITS = 16;
/** What all words come to, modulo 2^16 (5.6.35). */
const CHECKSUM = 0xbaba;
const CHECKSUM_WORD = 0x3f;

/** Words of the manual's map that are not zero, beside address and checksum. */
const SETTINGS: Readonly<Record<number, number>> = {
  // Compatibility words and OEM settings that are not used.
  0x04: 0xffff, 0x06: 0xffff, 0x07: 0xffff,
  // Initialization control 1: signature 01, full duplex, power management, identification is loaded.
  0x0a: 0x440b,
  // Subsystem, subsystem vendor, device, vendor.
  0x0b: 0x001e, 0x0c: 0x8086, 0x0d: 0x100e, 0x0e: 0x8086,
  // Initialization control 2: PAUSE in both directions.
  0x0f: 0x3000,
  // LEDs 1 and 3, and 0 and 2.
  0x1f: 0x8307, 0x2f: 0x0602,
};

/** The words of a card with this address (6 bytes). */
export function eepromWords(address: Uint8Array): Uint16Array {
  const words = new Uint16Array(WORDS);
  for (let index = 0; index < 3; index++) words[index] = address[2 * index] | (address[2 * index + 1] << 8);
  for (const [index, value] of Object.entries(SETTINGS)) words[Number(index)] = value;
  words[CHECKSUM_WORD] = CHECKSUM - words.reduce((sum, word) => sum + word, 0);
  return words;
}

export interface EepromState {
  words: Uint16Array;
  /** Writes are enabled (EWEN). */
  writable: boolean;
  /** Levels on the wires as software drives them, and the EEPROM's answer. */
  clock: boolean;
  selected: boolean;
  output: boolean;
  /** Bits since and with the start bit, and how many: 0 while none has come. Data of a write follows the command. */
  shifted: number;
  bits: number;
  /** A write whose bits have all come, to be done when the selection ends: the command. -1 for none. */
  pending: number;
}

export function powerOnEeprom(address: Uint8Array): EepromState {
  return { words: eepromWords(address), writable: false, clock: false, selected: false, output: true, shifted: 0, bits: 0, pending: -1 };
}

const OPERATION = { special: 0, write: 1, read: 2, erase: 3 } as const;
/** The two highest bits of the address say what is special. */
const SPECIAL = { disable: 0, writeAll: 1, eraseAll: 2, enable: 3 } as const;

export class Eeprom {
  readonly #state: () => EepromState;

  constructor(state: () => EepromState) {
    this.#state = state;
  }

  /** A word, by EERD. Addresses wrap. */
  word(address: number): number {
    return this.#state().words[address % WORDS];
  }

  /** The wire DO. */
  get output(): boolean {
    return this.#state().output;
  }

  /** Software drives the wires SK, CS and DI. */
  drive(clock: boolean, select: boolean, input: boolean): void {
    const state = this.#state();
    const rises = clock && !state.clock;
    if (state.selected && !select) this.#deselect();
    if (!state.selected && select) Object.assign(state, { shifted: 0, bits: 0, pending: -1, output: true });
    state.selected = select;
    state.clock = clock;
    if (rises && select) this.#shift(input ? 1 : 0);
  }

  #shift(input: number): void {
    const state = this.#state();
    // Before the start bit zeros are nothing.
    if (state.bits === 0 && input === 0) return;
    if (state.bits < COMMAND_BITS) {
      state.shifted = (state.shifted << 1) | input;
      state.bits++;
      if (state.bits === COMMAND_BITS) this.#command();
      return;
    }
    this.#data(input);
  }

  #operation(): { operation: number; address: number } {
    const command = this.#state().shifted;
    return { operation: (command >> ADDRESS_BITS) & 3, address: command & (WORDS - 1) };
  }

  /** Operation and address have come. A read answers a zero first. */
  #command(): void {
    const state = this.#state();
    const { operation, address } = this.#operation();
    const special = address >> (ADDRESS_BITS - 2);
    if (operation === OPERATION.read) state.output = false;
    else if (operation === OPERATION.erase) state.pending = 0xffff;
    else if (operation === OPERATION.special && special === SPECIAL.eraseAll) state.pending = 0xffff;
    else if (operation === OPERATION.special && special === SPECIAL.enable) state.writable = true;
    else if (operation === OPERATION.special && special === SPECIAL.disable) state.writable = false;
  }

  /** A clock behind the command: a bit of a word out (word after word), or of one in. */
  #data(input: number): void {
    const state = this.#state();
    const { operation, address } = this.#operation();
    const bit = state.bits - COMMAND_BITS;
    if (operation === OPERATION.read) {
      const word = state.words[(address + Math.floor(bit / DATA_BITS)) % WORDS];
      state.output = ((word >> (DATA_BITS - 1 - (bit % DATA_BITS))) & 1) !== 0;
      state.bits = bit + 1 === WORDS * DATA_BITS ? COMMAND_BITS : state.bits + 1;
      return;
    }
    const takesData = operation === OPERATION.write || (operation === OPERATION.special && address >> (ADDRESS_BITS - 2) === SPECIAL.writeAll);
    if (!takesData || bit >= DATA_BITS) return;
    state.pending = ((bit === 0 ? 0 : state.pending) << 1) | input;
    state.bits++;
  }

  /** Writing begins when the selection ends. It is done at once: the next selection finds the EEPROM ready (DO high). */
  #deselect(): void {
    const state = this.#state();
    const { operation, address } = this.#operation();
    const isWhole = operation === OPERATION.erase || state.bits === COMMAND_BITS + DATA_BITS || state.pending === 0xffff;
    if (!state.writable || state.pending < 0 || !isWhole) return;
    if (operation === OPERATION.special) state.words.fill(state.pending);
    else if (operation !== OPERATION.read) state.words[address] = state.pending;
  }
}
