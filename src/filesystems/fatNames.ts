/** Names and times in FAT's directory entries. */
import { utf16le } from './fields';

/** The upper half of code page 437, which DOS wrote short names in. */
const UPPER_437 = 'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

export function codePage437(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : UPPER_437[byte - 0x80])).join('');
}

/** The first byte of a name that begins with E5, which would mean 'deleted'. */
const STANDS_FOR_E5 = 0x05;
/** Bits of byte 12: base or extension is shown in lower case (Windows NT). */
const LOWER_BASE = 0x08, LOWER_EXTENSION = 0x10;

export function shortName(entry: Uint8Array): string {
  const bytes = Uint8Array.from(entry.subarray(0, 11));
  if (bytes[0] === STANDS_FOR_E5) bytes[0] = 0xe5;
  const text = codePage437(bytes);
  const base = text.slice(0, 8).trimEnd(), extension = text.slice(8).trimEnd();
  const shownBase = (entry[12] & LOWER_BASE) !== 0 ? base.toLowerCase() : base;
  const shownExtension = (entry[12] & LOWER_EXTENSION) !== 0 ? extension.toLowerCase() : extension;
  return extension === '' ? shownBase : `${shownBase}.${shownExtension}`;
}

/** Date and time as DOS packs them, as seconds since 1970; undefined when there is none. */
export function dosTime(date: number, time: number): number | undefined {
  if (date === 0) return undefined;
  const [year, month, day] = [1980 + (date >> 9), (date >> 5) & 15, date & 31];
  return Date.UTC(year, month - 1, day, time >> 11, (time >> 5) & 63, (time & 31) * 2) / 1000;
}

const LAST = 0x40;
/** Where the 13 characters of a piece are in its entry. */
const PIECES = [[1, 11], [14, 26], [28, 32]] as const;
const MOST_PIECES = 20;

/** Gathers a long name from the entries in front of the short one's: its last piece comes first. */
export class LongName {
  private pieces: string[] = [];
  private expected = 0;
  private checksum = 0;

  forget(): void {
    this.pieces = [];
    this.expected = 0;
  }

  add(entry: Uint8Array): void {
    const order = entry[0] & 0x3f;
    if ((entry[0] & LAST) !== 0) {
      this.pieces = [];
      this.expected = order;
      this.checksum = entry[13];
    }
    if (order !== this.expected || order === 0 || order > MOST_PIECES || entry[13] !== this.checksum) {
      this.forget();
      return;
    }
    this.pieces.unshift(PIECES.map(([from, to]) => utf16le(entry.subarray(from, to))).join(''));
    this.expected--;
  }

  /** The long name of a short one's entry, if there is a whole one, and it is its. */
  take(entry: Uint8Array): string | undefined {
    const { pieces, expected, checksum } = this;
    this.forget();
    if (pieces.length === 0 || expected !== 0 || checksum !== shortChecksum(entry)) return undefined;
    const name = pieces.join('');
    const end = name.indexOf('\0');
    return end < 0 ? name : name.slice(0, end);
  }
}

function shortChecksum(entry: Uint8Array): number {
  return entry.subarray(0, 11).reduce((sum, byte) => (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff, 0);
}
