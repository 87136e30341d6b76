/**
 * The counters of the Intel 82540EM: what is counted where, and that they stay at their largest value.
 *
 * Source: Software Developer's Manual (317453), 13.7. Lengths are from the destination address through the check sequence.
 */
import type { RegisterDescription } from './description';
import type { RegisterFile } from './registerFile';

const FIRST = 0x4000;
export const CHECK_SEQUENCE_BYTES = 4;

/** Offsets from 4000, names, and what is counted. */
const COUNTERS: readonly (readonly [number, string, string])[] = [
  [0x00, 'CRCERRS', 'CRC errors'], [0x04, 'ALGNERRC', 'alignment errors'], [0x08, 'SYMERRS', 'symbol errors'], [0x0c, 'RXERRC', 'receive errors'],
  [0x10, 'MPC', 'missed packets'], [0x14, 'SCC', 'single collisions'], [0x18, 'ECOL', 'excessive collisions'], [0x1c, 'MCC', 'multiple collisions'],
  [0x20, 'LATECOL', 'late collisions'], [0x28, 'COLC', 'collisions'], [0x30, 'DC', 'deferred packets'], [0x34, 'TNCRS', 'transmits without carrier'],
  [0x38, 'SEC', 'sequence errors'], [0x3c, 'CEXTERR', 'carrier extension errors'], [0x40, 'RLEC', 'receive length errors'],
  [0x48, 'XONRXC', 'XON received'], [0x4c, 'XONTXC', 'XON sent'], [0x50, 'XOFFRXC', 'XOFF received'], [0x54, 'XOFFTXC', 'XOFF sent'],
  [0x58, 'FCRUC', 'unsupported flow control received'], [0x5c, 'PRC64', 'packets received: 64 bytes'], [0x60, 'PRC127', 'packets received: to 127 bytes'],
  [0x64, 'PRC255', 'packets received: to 255 bytes'], [0x68, 'PRC511', 'packets received: to 511 bytes'], [0x6c, 'PRC1023', 'packets received: to 1023 bytes'],
  [0x70, 'PRC1522', 'packets received: 1024 bytes and more'], [0x74, 'GPRC', 'good packets received'], [0x78, 'BPRC', 'broadcasts received'],
  [0x7c, 'MPRC', 'multicasts received'], [0x80, 'GPTC', 'good packets sent'], [0x88, 'GORCL', 'good octets received, low'],
  [0x8c, 'GORCH', 'good octets received, high'], [0x90, 'GOTCL', 'good octets sent, low'], [0x94, 'GOTCH', 'good octets sent, high'],
  [0xa0, 'RNBC', 'packets that found no buffer'], [0xa4, 'RUC', 'undersized packets'], [0xa8, 'RFC', 'fragments'], [0xac, 'ROC', 'oversized packets'],
  [0xb0, 'RJC', 'jabber'], [0xb4, 'MGTPRC', 'management packets received'], [0xb8, 'MGTPDC', 'management packets dropped'],
  [0xbc, 'MGTPTC', 'management packets sent'], [0xc0, 'TORL', 'octets received, low'], [0xc4, 'TORH', 'octets received, high'],
  [0xc8, 'TOTL', 'octets sent, low'], [0xcc, 'TOTH', 'octets sent, high'], [0xd0, 'TPR', 'packets received'], [0xd4, 'TPT', 'packets sent'],
  [0xd8, 'PTC64', 'packets sent: 64 bytes'], [0xdc, 'PTC127', 'packets sent: to 127 bytes'], [0xe0, 'PTC255', 'packets sent: to 255 bytes'],
  [0xe4, 'PTC511', 'packets sent: to 511 bytes'], [0xe8, 'PTC1023', 'packets sent: to 1023 bytes'], [0xec, 'PTC1522', 'packets sent: 1024 bytes and more'],
  [0xf0, 'MPTC', 'multicasts sent'], [0xf4, 'BPTC', 'broadcasts sent'], [0xf8, 'TSCTC', 'segmentation contexts sent'], [0xfc, 'TSCTFC', 'segmentation contexts that failed'],
];

/** Counters of 64 bits by their names without L and H: reading the high half clears both. */
const WIDE: readonly string[] = ['GORC', 'GOTC', 'TOR', 'TOT'];
const isLowHalf = (name: string): boolean => WIDE.some((wide) => name === `${wide}L`);
const isHighHalf = (name: string): boolean => WIDE.some((wide) => name === `${wide}H`);

function readEffect(name: string): string | undefined {
  if (isLowHalf(name)) return undefined;
  return isHighHalf(name) ? 'clears both halves' : 'clears the counter';
}

export const STATISTICS: readonly RegisterDescription[] = COUNTERS.map(([offset, name, title]) => {
  const effect = readEffect(name);
  return { name, title, at: FIRST + offset, bytes: 4, access: 'read-only', ...(effect === undefined ? {} : { readEffect: effect }) };
});

const NAMES: ReadonlySet<string> = new Set(STATISTICS.map(({ name }) => name));

const SIZES: readonly (readonly [number, string])[] = [[64, '64'], [127, '127'], [255, '255'], [511, '511'], [1023, '1023'], [Infinity, '1522']];

/** Counts in the register file. */
export class E1000Statistics {
  readonly #file: RegisterFile;

  constructor(file: RegisterFile) {
    this.#file = file;
  }

  count(name: string): void {
    this.#file.set(name, Math.min(this.#file.value(name) + 1, 0xffff_ffff));
  }

  /** A packet that was received and goes to memory; `bytes` with its check sequence. */
  received(destination: Uint8Array, bytes: number): void {
    this.#packet('PRC', 'GPRC', 'BPRC', 'MPRC', destination, bytes);
    this.#octets('GORC', bytes);
  }

  /** A packet on the wire, whether or not it is for this card. */
  passed(bytes: number): void {
    this.count('TPR');
    this.#octets('TOR', bytes);
  }

  /** A packet that was sent; `bytes` with its check sequence. */
  sent(destination: Uint8Array, bytes: number): void {
    this.#packet('PTC', 'GPTC', 'BPTC', 'MPTC', destination, bytes);
    this.count('TPT');
    this.#octets('GOTC', bytes);
    this.#octets('TOT', bytes);
  }

  /** A guest has read a register: what that clears. */
  wasRead(name: string): void {
    if (!NAMES.has(name) || isLowHalf(name)) return;
    this.#file.set(name, 0);
    if (isHighHalf(name)) this.#file.set(`${name.slice(0, -1)}L`, 0);
  }

  #packet(sizes: string, good: string, broadcast: string, multicast: string, destination: Uint8Array, bytes: number): void {
    const size = SIZES.find(([most]) => bytes <= most)?.[1] ?? '1522';
    this.count(`${sizes}${size}`);
    this.count(good);
    if (destination.subarray(0, 6).every((byte) => byte === 0xff)) this.count(broadcast);
    else if ((destination[0] & 1) !== 0) this.count(multicast);
  }

  #octets(name: string, bytes: number): void {
    const low = this.#file.value(`${name}L`) + bytes;
    const carries = low > 0xffff_ffff;
    const high = this.#file.value(`${name}H`) + (carries ? 1 : 0);
    const isFull = high > 0xffff_ffff;
    this.#file.set(`${name}L`, isFull ? 0xffff_ffff : low >>> 0);
    this.#file.set(`${name}H`, isFull ? 0xffff_ffff : high);
  }
}
