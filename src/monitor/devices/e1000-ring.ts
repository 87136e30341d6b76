/**
 * A descriptor ring of the Intel 82540EM: base, length, head and tail in its registers, descriptors of 16 bytes in memory.
 *
 * Source: Software Developer's Manual (317453), 3.2.6 and 3.4.
 */
import type { DmaMemory } from './dma';
import type { RegisterFile } from './registerFile';

export const DESCRIPTOR_BYTES = 16;
const TWO_32 = 0x1_0000_0000;

/** Two registers as one address. */
export function wideAddress(low: number, high: number): number {
  return high * TWO_32 + low;
}

export class DescriptorRing {
  readonly #file: RegisterFile;
  readonly #memory: DmaMemory;
  readonly #letter: 'R' | 'T';

  constructor(letter: 'R' | 'T', file: RegisterFile, memory: DmaMemory) {
    this.#letter = letter;
    this.#file = file;
    this.#memory = memory;
  }

  /** How many descriptors the ring has; 0 while there is none. */
  get size(): number {
    return this.#value('DLEN') / DESCRIPTOR_BYTES;
  }

  /** The hardware has no descriptor left. A tail that is beyond the ring's end is never reached. */
  get isEmpty(): boolean {
    return this.size === 0 || this.#value('DH') === this.#value('DT');
  }

  /** Descriptors between head and tail. */
  get available(): number {
    const { size } = this;
    return size === 0 ? 0 : (((this.#value('DT') - this.#value('DH')) % size) + size) % size;
  }

  /** Where the descriptor at the head is. */
  get address(): number {
    return wideAddress(this.#value('DBAL'), this.#value('DBAH')) + this.#value('DH') * DESCRIPTOR_BYTES;
  }

  /** The descriptor at the head. */
  read(): DataView {
    const bytes = new Uint8Array(DESCRIPTOR_BYTES);
    this.#memory.read(this.address, bytes);
    return new DataView(bytes.buffer);
  }

  /** The head goes on to the next descriptor. */
  advance(): void {
    const next = this.#value('DH') + 1;
    this.#file.set(`${this.#letter}DH`, next >= this.size ? 0 : next);
  }

  #value(suffix: string): number {
    return this.#file.value(`${this.#letter}${suffix}`);
  }
}
