/**
 * Packets of the GDB remote serial protocol on the wire: `$body#checksum`, `+` and `-` for what has come well or damaged, and
 * the single byte 03 for an interrupt.
 *
 * A body is handled as text in which each character is one byte (0 to 255).
 *
 * Source: Debugging with GDB, appendix E.1 (Overview of the remote serial protocol).
 */

/** What has come from the other side. */
export type Arrival =
  | { readonly kind: 'packet'; readonly body: string }
  /** Ctrl-C. */
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'received' }
  /** Our last packet came damaged: it is to be sent again. */
  | { readonly kind: 'again' }
  /** A packet whose checksum is wrong, or which is longer than any that we have said to take. */
  | { readonly kind: 'damaged' };

/** The longest body that we say to take, in bytes. A packet may hold this much, as we send it and as it comes. */
export const PACKET_BYTES = 0x4000;

const DOLLAR = 0x24, HASH = 0x23, PLUS = 0x2b, MINUS = 0x2d, STAR = 0x2a, ESCAPE = 0x7d, INTERRUPT = 0x03;
/** A repeat count n stands as the character n + 29, which has to be printable (E.1, run-length encoding). */
const REPEAT_OFFSET = 29;
const MOST_REPEATS = 126 - REPEAT_OFFSET;
const LEAST_REPEATS = 3;

/** Bytes as text, a character each. */
export function textOf(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** The other way round. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function checksum(body: string): number {
  let sum = 0;
  for (let i = 0; i < body.length; i++) sum = (sum + body.charCodeAt(i)) & 0xff;
  return sum;
}

/** Makes binary data fit for a body: `#`, `$`, `}` and `*` are escaped. */
export function escaped(data: string): string {
  let text = '';
  for (const character of data) {
    const code = character.charCodeAt(0);
    const special = code === HASH || code === DOLLAR || code === ESCAPE || code === STAR;
    text += special ? String.fromCharCode(ESCAPE, code ^ 0x20) : character;
  }
  return text;
}

/** Takes the escapes out again. */
export function unescaped(body: string): string {
  return body.replace(/\}([^])/g, (_, character: string) => String.fromCharCode(character.charCodeAt(0) ^ 0x20));
}

/** A run of one character, which stands there once already, in the fewest characters. */
function repeated(character: string, more: number): string {
  let text = '';
  let left = more;
  while (left >= LEAST_REPEATS) {
    let count = Math.min(left, MOST_REPEATS);
    // These counts would be written as # and $, + and -, which mean something else.
    while ([HASH, DOLLAR, PLUS, MINUS].includes(count + REPEAT_OFFSET)) count--;
    text += `*${String.fromCharCode(count + REPEAT_OFFSET)}`;
    left -= count;
    if (left === 0) return text;
    // What follows a count is a character again.
    text += character;
    left--;
  }
  return text + character.repeat(left);
}

/** Writes runs of one character shorter. An escaped character is left alone. */
export function compressed(body: string): string {
  return body.replace(/\}[^]|([^*}])\1{3,}/g, (run, character: string | undefined) =>
    (character === undefined ? run : character + repeated(character, run.length - 1)));
}

/** A packet as it is sent. */
export function packet(body: string): Uint8Array {
  const text = compressed(body);
  return bytesOf(`$${text}#${checksum(text).toString(16).padStart(2, '0')}`);
}

/** Takes apart what comes, in pieces of any length. */
export class PacketReader {
  /** Undefined between packets. */
  private body: string | undefined;
  /** Hexadecimal digits behind `#`; undefined before it. */
  private digits: string | undefined;
  private tooLong = false;

  take(bytes: Uint8Array): readonly Arrival[] {
    const arrivals: Arrival[] = [];
    for (const byte of bytes) {
      const arrival = this.takeByte(byte);
      if (arrival) arrivals.push(arrival);
    }
    return arrivals;
  }

  private takeByte(byte: number): Arrival | undefined {
    // A dollar sign is escaped in a body: what came before it was cut off.
    if (byte === DOLLAR) this.begin();
    else if (this.body === undefined) return BETWEEN.get(byte);
    else if (this.digits !== undefined) return this.takeDigit(String.fromCharCode(byte));
    else if (byte === HASH) this.digits = '';
    else if (this.body.length < PACKET_BYTES) this.body += String.fromCharCode(byte);
    else this.tooLong = true;
    return undefined;
  }

  private begin(): void {
    this.body = '';
    this.digits = undefined;
    this.tooLong = false;
  }

  private takeDigit(digit: string): Arrival | undefined {
    const digits = (this.digits ?? '') + digit;
    this.digits = digits;
    if (digits.length < 2) return undefined;
    const { body = '', tooLong } = this;
    this.body = this.digits = undefined;
    const isWhole = !tooLong && /^[0-9a-f]{2}$/i.test(digits) && parseInt(digits, 16) === checksum(body);
    return isWhole ? { kind: 'packet', body } : { kind: 'damaged' };
  }
}

/** What single bytes between packets mean; others mean nothing. */
const BETWEEN: ReadonlyMap<number, Arrival> = new Map<number, Arrival>([
  [INTERRUPT, { kind: 'interrupt' }], [PLUS, { kind: 'received' }], [MINUS, { kind: 'again' }],
]);
