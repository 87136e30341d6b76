/** What an ATA disk says of itself: geometry and the 256 words of IDENTIFY DEVICE (ATA/ATAPI-6, 8.15). */

export interface AtaGeometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

export interface IdentifySubject {
  readonly sectors: number;
  /** 'SB-00000' and so on; up to 20 characters. */
  readonly serial: string;
  /** Translation in force (INITIALIZE DEVICE PARAMETERS). */
  readonly current: AtaGeometry;
  /** Sectors a block of READ/WRITE MULTIPLE; 0 when not set. */
  readonly multiple: number;
}

/** Sectors a block at most. */
export const MAX_MULTIPLE = 16;
/** Sectors that 28 bits can address. */
export const LBA28_SECTORS = 0x10000000;

const MODEL = 'Shadowbox disk';
const FIRMWARE = '1.0';

/** Default translation: 16 heads, 63 sectors, at most 16383 cylinders (ATA/ATAPI-6, annex B). */
export function defaultGeometry(sectors: number): AtaGeometry {
  const cylinders = Math.min(Math.max(Math.floor(sectors / (16 * 63)), 1), 16383);
  return { cylinders, heads: 16, sectorsPerTrack: 63 };
}

/** ASCII fields have the first character in the high byte of a word, padded with spaces. */
function setText(words: Uint16Array, first: number, count: number, text: string): void {
  const padded = text.padEnd(2 * count, ' ');
  for (let index = 0; index < count; index++) {
    words[first + index] = (padded.charCodeAt(2 * index) << 8) | padded.charCodeAt(2 * index + 1);
  }
}

function setNumber(words: Uint16Array, first: number, count: number, value: number): void {
  let rest = value;
  for (let index = 0; index < count; index++) {
    words[first + index] = rest % 0x10000;
    rest = Math.floor(rest / 0x10000);
  }
}

function setGeometry(words: Uint16Array, subject: IdentifySubject): void {
  const fixed = defaultGeometry(subject.sectors);
  const { current } = subject;
  words[1] = fixed.cylinders;
  words[3] = fixed.heads;
  words[6] = fixed.sectorsPerTrack;
  words[54] = current.cylinders;
  words[55] = current.heads;
  words[56] = current.sectorsPerTrack;
  setNumber(words, 57, 2, current.cylinders * current.heads * current.sectorsPerTrack);
  setNumber(words, 60, 2, Math.min(subject.sectors, LBA28_SECTORS - 1));
  setNumber(words, 100, 4, subject.sectors);
}

/** The 512 bytes of IDENTIFY DEVICE, words little-endian. PIO only: no DMA mode is offered. */
export function identifyData(subject: IdentifySubject): Uint8Array {
  const words = new Uint16Array(256);
  words[0] = 0x0040;
  setGeometry(words, subject);
  setText(words, 10, 10, subject.serial);
  setText(words, 23, 4, FIRMWARE);
  setText(words, 27, 20, MODEL);
  words[47] = 0x8000 | MAX_MULTIPLE;
  // LBA; IORDY may be disabled and is supported.
  words[49] = 0x0e00;
  words[50] = 0x4000;
  words[51] = 0x0200;
  // Words 54-58 and 64-70 are valid.
  words[53] = 0x0003;
  words[59] = subject.multiple > 0 ? 0x0100 | subject.multiple : 0;
  // PIO modes 3 and 4, cycle times 120 ns.
  words[64] = 0x0003;
  words.fill(120, 65, 69);
  // ATA-1 to ATA/ATAPI-6.
  words[80] = 0x007e;
  // Supported and enabled: 48-bit addresses, FLUSH CACHE, FLUSH CACHE EXT.
  words[83] = 0x7400;
  words[84] = 0x4000;
  words[86] = 0x3400;
  words[87] = 0x4000;
  // Hardware reset: device 0 passed its diagnostics, jumpered.
  words[93] = 0x600b;
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setUint16(2 * index, word, true);
  });
  return bytes;
}
