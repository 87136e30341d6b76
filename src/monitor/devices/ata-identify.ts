/** What an ATA disk or packet device says of itself: geometry and the 256 words of IDENTIFY (PACKET) DEVICE (ATA/ATAPI-6, 8.15, 8.16). */

export interface AtaGeometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

/** What both kinds of device say. */
interface AnySubject {
  /** 'SB-00000' and so on; up to 20 characters. */
  readonly serial: string;
  /** 0 or 1. */
  readonly unit: number;
  /** Chosen transfer mode (SET FEATURES 03). */
  readonly mode: number;
}

export interface IdentifySubject extends AnySubject {
  /** The disk's own size, and what SET MAX ADDRESS leaves of it. */
  readonly sectors: number;
  readonly visibleSectors: number;
  /** Translation in force (INITIALIZE DEVICE PARAMETERS). */
  readonly current: AtaGeometry;
  /** Sectors a block of READ/WRITE MULTIPLE; 0 when not set. */
  readonly multiple: number;
  readonly writeCache: boolean;
  readonly lookAhead: boolean;
}

/** Sectors a block at most. */
export const MAX_MULTIPLE = 16;
/** Sectors that 28 bits can address. */
export const LBA28_SECTORS = 0x10000000;
/** Blocks of ranges that DATA SET MANAGEMENT takes. */
export const MAX_TRIM_BLOCKS = 8;
/** Highest Ultra DMA modes. */
export const DISK_ULTRA_MODE = 5;
export const PACKET_ULTRA_MODE = 2;

const DISK_MODEL = 'Shadowbox disk';
export const PACKET_MODEL = 'Shadowbox CD-ROM';
const FIRMWARE = '1.0';
const MULTIWORD_MODES = 0x07;

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
  setNumber(words, 60, 2, Math.min(subject.visibleSectors, LBA28_SECTORS - 1));
  setNumber(words, 100, 4, subject.visibleSectors);
}

/** Names, transfer modes and the result of the hardware reset. */
function setCommon(words: Uint16Array, subject: AnySubject, model: string, ultraMode: number): void {
  setText(words, 10, 10, subject.serial);
  setText(words, 23, 4, FIRMWARE);
  setText(words, 27, 20, model);
  // DMA, LBA; IORDY may be disabled and is supported.
  words[49] = 0x0f00;
  words[50] = 0x4000;
  words[51] = 0x0200;
  // Words 54-58, 64-70 and 88 are valid.
  words[53] = 0x0007;
  const chosen = 1 << (subject.mode & 7);
  words[63] = MULTIWORD_MODES | ((subject.mode & 0xf8) === 0x20 ? chosen << 8 : 0);
  words[88] = ((2 << ultraMode) - 1) | ((subject.mode & 0xf8) === 0x40 ? chosen << 8 : 0);
  // PIO modes 3 and 4, cycle times 120 ns.
  words[64] = 0x0003;
  words.fill(120, 65, 69);
  // Hardware reset: 80-conductor cable; the device has passed its diagnostics, its number was jumpered.
  words[93] = subject.unit === 0 ? 0x600b : 0x6b00;
}

/** Signature and checksum in the last word, and the words little-endian. */
function finished(words: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(512);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setUint16(2 * index, word, true);
  });
  bytes[510] = 0xa5;
  bytes[511] = -bytes.reduce((sum, byte) => sum + byte, 0);
  return bytes;
}

/** The 512 bytes of IDENTIFY DEVICE. */
export function identifyData(subject: IdentifySubject): Uint8Array {
  const words = new Uint16Array(256);
  words[0] = 0x0040;
  setGeometry(words, subject);
  setCommon(words, subject, DISK_MODEL, DISK_ULTRA_MODE);
  words[47] = 0x8000 | MAX_MULTIPLE;
  words[59] = subject.multiple > 0 ? 0x0100 | subject.multiple : 0;
  // ATA-1 to ATA/ATAPI-7.
  words[80] = 0x00fe;
  // Supported: NOP, READ and WRITE BUFFER, host protected area, look-ahead, write cache, power management; then 48-bit
  // addresses, FLUSH CACHE (EXT); then FUA.
  words[82] = 0x7468;
  words[83] = 0x7400;
  words[84] = 0x4040;
  words[85] = 0x7408 | (subject.lookAhead ? 0x40 : 0) | (subject.writeCache ? 0x20 : 0);
  words[86] = 0x3400;
  words[87] = 0x4040;
  words[105] = MAX_TRIM_BLOCKS;
  // One logical sector a physical one.
  words[106] = 0x4000;
  // DATA SET MANAGEMENT with TRIM.
  words[169] = 0x0001;
  return finished(words);
}

/** The 512 bytes of IDENTIFY PACKET DEVICE: a CD-ROM drive, packets of 12 bytes asked for within 50 µs without an interrupt. */
export function identifyPacketData(subject: AnySubject): Uint8Array {
  const words = new Uint16Array(256);
  words[0] = 0x85c0;
  setCommon(words, subject, PACKET_MODEL, PACKET_ULTRA_MODE);
  words[80] = 0x007e;
  // NOP, DEVICE RESET, PACKET, power management.
  words[82] = 0x4218;
  words[83] = 0x4000;
  words[84] = 0x4000;
  words[85] = 0x4218;
  words[87] = 0x4000;
  return finished(words);
}
