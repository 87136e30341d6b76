/**
 * Registers decoded by their description: takes accesses of any width and alignment apart into registers, keeps to their
 * writable bits, and tells the device what has happened.
 */
import { allOnes } from './access';
import { allBits, type RegisterBlock, type RegisterDescription } from './description';
import type { AccessSize } from './device';

/** What a device has to say about its registers. All else is kept and given back as the description says. */
export interface RegisterHooks {
  /** The value that is read, for a register that is not just kept: `kept` is what the file has. Called once an access. */
  read?(name: string, kept: number): number;
  /**
   * A register has been written: `value` is what it holds now, `written` what the guest wrote (bytes that it did not write come
   * from the register as it was), `before` what it held.
   */
  written?(name: string, value: number, written: number, before: number): void;
}

/** A description by offset, and the values that go with it. */
export class RegisterFile {
  readonly #block: RegisterBlock;
  readonly #values: () => Uint32Array;
  readonly #hooks: RegisterHooks;
  readonly #indexes: ReadonlyMap<string, number>;
  /** For each byte of the block: index of the register that a read, and that a write, is for; -1 where there is none. */
  readonly #readable: Int16Array;
  readonly #writable: Int16Array;

  /** `values` gives the registers' values, one for each of the block's in its order: they lie in the device's state. */
  constructor(block: RegisterBlock, values: () => Uint32Array, hooks: RegisterHooks = {}) {
    this.#block = block;
    this.#values = values;
    this.#hooks = hooks;
    const { registers } = block;
    this.#indexes = new Map(registers.map(({ name }, index) => [name, index]));
    const end = Math.max(0, ...registers.map(({ at, bytes }) => at + bytes));
    this.#readable = new Int16Array(end).fill(-1);
    this.#writable = new Int16Array(end).fill(-1);
    registers.forEach(({ access, at, bytes }, index) => {
      if (access !== 'write-only') this.#readable.fill(index, at, at + bytes);
      if (access !== 'read-only') this.#writable.fill(index, at, at + bytes);
    });
  }

  /** Values after power-on. */
  static initial(block: RegisterBlock): Uint32Array {
    return Uint32Array.from(block.registers, ({ reset }) => reset ?? 0);
  }

  /** What a register holds. Throws RangeError for a name that is not in the description. */
  value(name: string): number {
    return this.#values()[this.#index(name)];
  }

  /** The device changes a register, whatever its writable bits. */
  set(name: string, value: number): void {
    this.#values()[this.#index(name)] = value;
  }

  /** A register as a guest would read it: for devices' `peek` where reading has no effect. */
  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let done = 0; done < size;) {
      const index = this.#readable[offset + done] ?? -1;
      const { whole, first, bytes } = this.#part(index, offset + done, size - done);
      const read = index < 0 ? 0 : this.#readWhole(whole, index);
      value += ((read >>> (8 * first)) & allOnes4(bytes)) * 2 ** (8 * done);
      done += bytes;
    }
    return value >>> 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    for (let done = 0; done < size;) {
      const index = this.#writable[offset + done] ?? -1;
      const { whole, first, bytes } = this.#part(index, offset + done, size - done);
      if (index >= 0) {
        const mask = shiftLeft(allOnes4(bytes), 8 * first);
        this.#writeWhole(whole, index, shiftLeft((value >>> (8 * done)) & allOnes4(bytes), 8 * first), mask);
      }
      done += bytes;
    }
  }

  #index(name: string): number {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new RangeError(`There is no register '${name}' in block '${this.#block.name}'.`);
    return index;
  }

  /** The register at a byte, where in it that is, and how many of the bytes that are left it takes. */
  #part(index: number, offset: number, left: number): { whole: RegisterDescription; first: number; bytes: number } {
    const whole = this.#block.registers[Math.max(index, 0)];
    if (index < 0) return { whole, first: 0, bytes: 1 };
    const first = offset - whole.at;
    return { whole, first, bytes: Math.min(left, whole.bytes - first) };
  }

  #readWhole({ name }: RegisterDescription, index: number): number {
    const kept = this.#values()[index];
    return this.#hooks.read?.(name, kept) ?? kept;
  }

  #writeWhole({ name, access, bytes, writable = allBits(bytes) }: RegisterDescription, index: number, data: number, mask: number): void {
    const values = this.#values();
    const before = values[index];
    const written = ((before & ~mask) | data) >>> 0;
    if (access === 'write-one-clears') values[index] = before & ~(data & writable);
    else if (access !== 'special') values[index] = (before & ~writable) | (written & writable);
    this.#hooks.written?.(name, values[index], access === 'write-one-clears' ? data : written, before);
  }
}

/** All ones of 1 to 4 bytes. */
function allOnes4(bytes: number): number {
  return bytes === 3 ? 0xff_ffff : allOnes(bytes === 4 ? 4 : bytes === 2 ? 2 : 1);
}

function shiftLeft(value: number, bits: number): number {
  return (value << bits) >>> 0;
}
