/**
 * QEMU's firmware configuration device (ports 510/511, DMA at 514-51B): a list of named byte strings that
 * the machine has for its firmware.
 *
 * Source: QEMU docs/specs/fw_cfg.rst. A file's contents may follow from the machine's present state; some the firmware may write.
 */
import { readByBytes, writeByBytes } from './access';
import type { AccessSize, Device, PortRange } from './device';
import type { DmaMemory } from './dma';

/** A file of the directory. Names have at most 55 ASCII characters. */
export interface FwCfgFile {
  readonly name: string;
  /** A function for contents that follow from the machine's state. Their length never changes. */
  readonly bytes: Uint8Array | (() => Uint8Array);
  /** Whether firmware may write it (by DMA). Default: no. */
  readonly writable?: boolean;
}

export interface FwCfgOptions {
  readonly files: readonly FwCfgFile[];
  /** Guest RAM in bytes. */
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Offers SeaBIOS's boot menu (F12) with its delay. Default false. */
  readonly bootMenu?: boolean;
}

export interface FwCfgState {
  /** Selected item, and the next byte of it. */
  key: number;
  offset: number;
  /** DMA address register, upper half, as its bytes lie (little-endian). */
  dmaHigh: number;
  dmaLow: number;
  /** What firmware has written of writable files, whole, by name. */
  written: Map<string, Uint8Array>;
}

const SELECTOR_PORT = 0x510;
const DATA_PORT = 0x511;
const DMA_PORT = 0x514;
const KEY = {
  signature: 0x0000, identity: 0x0001, memory: 0x0003, cpus: 0x0005, bootMenu: 0x000e, maximumCpus: 0x000f,
  directory: 0x0019, firstFile: 0x0020,
} as const;
/** Traditional interface and DMA. */
const FEATURES = 3;
const NAME_BYTES = 56;
const ENTRY_BYTES = 8 + NAME_BYTES;
const DMA_SIGNATURE = 'QEMU CFG';
const DMA_CONTROL = { error: 0x01, read: 0x02, skip: 0x04, select: 0x08, write: 0x10 } as const;
/** A DMA request beyond this is refused: no item is near it, and a guest must not hold the monitor up. */
const DMA_LIMIT = 4 * 1024 * 1024;

function littleEndian(value: number, bytes: number): Uint8Array {
  const result = new Uint8Array(bytes);
  for (let index = 0, rest = value; index < bytes; index++, rest = Math.floor(rest / 256)) result[index] = rest % 256;
  return result;
}

function contentsOf({ bytes }: FwCfgFile): Uint8Array {
  return typeof bytes === 'function' ? bytes() : bytes;
}

/** Directory item: a big-endian count, then size, selector and name of each file. */
function directoryOf(files: readonly FwCfgFile[]): Uint8Array {
  const bytes = new Uint8Array(4 + files.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, files.length);
  files.forEach((file, index) => {
    const entry = 4 + index * ENTRY_BYTES;
    view.setUint32(entry, contentsOf(file).length);
    view.setUint16(entry + 4, KEY.firstFile + index);
    bytes.set(asciiBytes(file.name), entry + 8);
  });
  return bytes;
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Files in the order of their names, which is the order of their keys. */
function sortedFiles(files: readonly FwCfgFile[]): readonly FwCfgFile[] {
  for (const { name } of files) {
    if (name.length >= NAME_BYTES) throw new RangeError(`fw_cfg file name '${name}' is longer than 55 characters.`);
  }
  return [...files].sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** The items that are no files. */
function fixedItems(options: FwCfgOptions): ReadonlyMap<number, Uint8Array> {
  return new Map<number, Uint8Array>([
    [KEY.signature, asciiBytes('QEMU')],
    [KEY.identity, littleEndian(FEATURES, 4)],
    [KEY.memory, littleEndian(options.memoryBytes, 8)],
    [KEY.cpus, littleEndian(options.cpus, 2)],
    [KEY.bootMenu, littleEndian(options.bootMenu === true ? 1 : 0, 2)],
    [KEY.maximumCpus, littleEndian(options.cpus, 2)],
  ]);
}

/** One range of the memory map; type 1 is RAM, 2 reserved. */
export interface E820Range {
  readonly first: number;
  readonly bytes: number;
  readonly type: number;
}

/** The file 'etc/e820': 20 bytes a range, little-endian. */
export function e820File(ranges: readonly E820Range[]): FwCfgFile {
  const bytes = new Uint8Array(ranges.length * 20);
  ranges.forEach((range, index) => {
    bytes.set(littleEndian(range.first, 8), index * 20);
    bytes.set(littleEndian(range.bytes, 8), index * 20 + 8);
    bytes.set(littleEndian(range.type, 4), index * 20 + 16);
  });
  return { name: 'etc/e820', bytes };
}

function swapBytes(dword: number): number {
  return (
    ((dword >>> 24) | ((dword >>> 8) & 0xff00) | ((dword & 0xff00) << 8) | ((dword & 0xff) << 24)) >>> 0
  );
}

function powerOnState(): FwCfgState {
  return { key: 0, offset: 0, dmaHigh: 0, dmaLow: 0, written: new Map() };
}

export class FwCfg implements Device {
  readonly name = 'fwcfg';
  readonly ports: readonly PortRange[] = [
    { first: SELECTOR_PORT, count: 2 },
    { first: DMA_PORT, count: 8 },
  ];
  readonly portWidth: AccessSize = 4;
  state: FwCfgState = powerOnState();
  readonly #memory: DmaMemory;
  readonly #items: ReadonlyMap<number, Uint8Array>;
  readonly #files: readonly FwCfgFile[];

  /** Throws RangeError for a file name that does not fit the directory. */
  constructor(memory: DmaMemory, options: FwCfgOptions) {
    this.#memory = memory;
    this.#items = fixedItems(options);
    this.#files = sortedFiles(options.files);
  }

  reset(): void {
    this.state = powerOnState();
  }

  readPort(port: number, size: AccessSize): number {
    return readByBytes(port, size, (byte) => {
      if (byte >= DMA_PORT && byte < DMA_PORT + 8) return DMA_SIGNATURE.charCodeAt(byte - DMA_PORT);
      return byte === DATA_PORT ? this.#nextByte() : 0xff;
    });
  }

  writePort(port: number, size: AccessSize, value: number): void {
    if (port === SELECTOR_PORT && size >= 2) this.#select(value & 0xffff);
    else if (port >= DMA_PORT) writeByBytes(port, size, value, (byte, data) => this.#writeAddress(byte - DMA_PORT, data));
  }

  #select(key: number): void {
    this.state.key = key;
    this.state.offset = 0;
  }

  #file(): FwCfgFile | undefined {
    return this.#files[this.state.key - KEY.firstFile];
  }

  /** The selected item; empty when it is not there. */
  #item(): Uint8Array {
    const { key, written } = this.state;
    if (key === KEY.directory) return directoryOf(this.#files);
    const file = this.#file();
    if (file !== undefined) return written.get(file.name) ?? contentsOf(file);
    return this.#items.get(key) ?? new Uint8Array(0);
  }

  /** The next byte of the selected item; zero beyond its end. */
  #nextByte(): number {
    const byte = this.#item()[this.state.offset] ?? 0;
    this.#skip(1);
    return byte;
  }

  #skip(bytes: number): void {
    this.state.offset = Math.min(this.state.offset + bytes, 0xffffffff);
  }

  /** A byte of the 64-bit big-endian DMA address; the last one starts the request. */
  #writeAddress(index: number, byte: number): void {
    const { state } = this;
    const shift = 8 * (index & 3);
    const replace = (dword: number): number => ((dword & ~(0xff << shift)) | (byte << shift)) >>> 0;
    if (index < 4) state.dmaHigh = replace(state.dmaHigh);
    else if (index < 8) state.dmaLow = replace(state.dmaLow);
    if (index !== 7) return;
    const address = swapBytes(state.dmaHigh) * 0x100000000 + swapBytes(state.dmaLow);
    state.dmaHigh = 0;
    state.dmaLow = 0;
    this.#runDma(address);
  }

  #readDword(address: number): number {
    return swapBytes(readByBytes(address, 4, (byte) => this.#memory.readByte(byte)));
  }

  /** A request block: control, length, address (64 bits), all big-endian. The answer goes into control. */
  #runDma(block: number): void {
    const control = this.#readDword(block);
    const length = this.#readDword(block + 4);
    const address = this.#readDword(block + 8) * 0x100000000 + this.#readDword(block + 12);
    if ((control & DMA_CONTROL.select) !== 0) this.#select(control >>> 16);
    const answer = this.#transfer(control, address, length) ? 0 : DMA_CONTROL.error;
    writeByBytes(block, 4, swapBytes(answer), (byte, data) => this.#memory.writeByte(byte, data));
  }

  #transfer(control: number, address: number, length: number): boolean {
    if ((control & DMA_CONTROL.read) !== 0) {
      if (length > DMA_LIMIT) return false;
      const item = this.#item();
      for (let index = 0; index < length; index++) this.#memory.writeByte(address + index, item[this.state.offset + index] ?? 0);
    } else if ((control & DMA_CONTROL.write) !== 0 && !this.#take(address, length)) return false;
    else if ((control & (DMA_CONTROL.write | DMA_CONTROL.skip)) === 0) return true;
    this.#skip(length);
    return true;
  }

  /** Firmware writes to the selected file. False when it may not, or beyond its end. */
  #take(address: number, length: number): boolean {
    const file = this.#file();
    if (file?.writable !== true) return false;
    const bytes = this.#item().slice();
    if (this.state.offset + length > bytes.length) return false;
    for (let index = 0; index < length; index++) bytes[this.state.offset + index] = this.#memory.readByte(address + index);
    this.state.written.set(file.name, bytes);
    return true;
  }
}
