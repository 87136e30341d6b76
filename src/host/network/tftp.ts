/** A TFTP server for reading (RFC 1350; options: RFC 2347 to 2349, 7440): what PXE loads its programs by. */
import { asciiBytes, read16, textOf, write16 } from './bytes';
import type { HostFile, HostNetwork } from './surroundings';
import type { Endpoint } from './tcpNat';
import type { Timer, Timers } from './timers';

export const TFTP_PORT = 69;

const OPCODE = { read: 1, write: 2, data: 3, ack: 4, error: 5, optionsAck: 6 } as const;
const ERROR = { undefined: 0, notFound: 1, access: 2, illegal: 4 } as const;
const DEFAULT_BLOCK = 512;
const LEAST_BLOCK = 8;
/** A block with its headers fills a packet; clients take less than they ask for. */
const LONGEST_BLOCK = 1468;
const MOST_BLOCKS_AHEAD = 16;
const MOST_TRANSFERS = 16;
const RETRY_MS = 1000;
const MOST_TRIES = 6;

export interface TftpSurroundings {
  readonly timers: Timers;
  readonly host: HostNetwork;
  readonly send: (serverPort: number, client: Endpoint, payload: Uint8Array) => void;
}

interface Request {
  readonly opcode: number;
  readonly file: string;
  readonly mode: string;
  readonly options: ReadonlyMap<string, string>;
}

function parseRequest(message: Uint8Array): Request {
  const words: string[] = [];
  for (let at = 2; at < message.length && words.length < 32;) {
    const word = textOf(message, at, message.length);
    words.push(word);
    at += word.length + 1;
  }
  const [file = '', mode = '', ...pairs] = words;
  const options = new Map<string, string>();
  for (let at = 0; at + 1 < pairs.length; at += 2) options.set(pairs[at].toLowerCase(), pairs[at + 1]);
  return { opcode: read16(message, 0), file, mode: mode.toLowerCase(), options };
}

function errorMessage(code: number, text: string): Uint8Array {
  const words = asciiBytes(text);
  const message = new Uint8Array(5 + words.length);
  write16(message, 0, OPCODE.error);
  write16(message, 2, code);
  message.set(words, 4);
  return message;
}

/** A whole number in an option, within limits; undefined: it is not taken. */
function numberIn(text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text) || Number(text) < least) return undefined;
  return Math.min(Number(text), most);
}

/** One file on its way to one client. Blocks are numbered from 1; their numbers on the wire have 16 bits and go round. */
class Transfer {
  readonly timer: Timer;
  private readonly blockBytes: number;
  private readonly ahead: number;
  private readonly accepted: readonly (readonly [string, number])[];
  private readonly blocks: number;
  /** Blocks that the client has; -1: not even the answer to its options. */
  private acknowledged: number;
  private tries = 0;
  private generation = 0;

  constructor(private readonly file: HostFile, options: ReadonlyMap<string, string>, timers: Timers, private readonly send: (message: Uint8Array) => void, private readonly end: () => void) {
    const block = numberIn(options.get('blksize'), LEAST_BLOCK, LONGEST_BLOCK);
    const window = numberIn(options.get('windowsize'), 1, MOST_BLOCKS_AHEAD);
    const seconds = numberIn(options.get('timeout'), 1, 255);
    this.blockBytes = block ?? DEFAULT_BLOCK;
    this.ahead = window ?? 1;
    const size = options.has('tsize') ? file.size : undefined;
    const pairs = [['blksize', block], ['windowsize', window], ['timeout', seconds], ['tsize', size]] as const;
    this.accepted = pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
    this.blocks = Math.floor(file.size / this.blockBytes) + 1;
    this.acknowledged = this.accepted.length > 0 ? -1 : 0;
    this.timer = timers.create(() => this.again());
    this.go();
  }

  private go(): void {
    this.timer.set(RETRY_MS * 2 ** Math.min(this.tries, 3));
    if (this.acknowledged < 0) this.sendOptions();
    else void this.sendBlocks();
  }

  private again(): void {
    this.tries += 1;
    if (this.tries > MOST_TRIES) this.end();
    else this.go();
  }

  /** An acknowledgment of a block, by the low 16 bits of its number. */
  acknowledge(low: number): void {
    const base = Math.max(this.acknowledged, 0);
    const block = base + ((low - base) & 0xffff);
    // One that came already is not answered: that is how every block comes twice for ever (RFC 1123, 4.2.3.1).
    const isNext = this.acknowledged < 0 ? low === 0 : block > base && block <= Math.min(base + this.ahead, this.blocks);
    if (!isNext) return;
    this.acknowledged = block;
    this.tries = 0;
    if (block === this.blocks) this.end();
    else this.go();
  }

  close(): void {
    this.generation += 1;
    this.timer.stop();
    this.file.close();
  }

  private sendOptions(): void {
    const words = asciiBytes(this.accepted.map(([name, value]) => `${name}\0${value}\0`).join(''));
    const message = new Uint8Array(2 + words.length);
    write16(message, 0, OPCODE.optionsAck);
    message.set(words, 2);
    this.send(message);
  }

  private async sendBlocks(): Promise<void> {
    this.generation += 1;
    const { generation } = this;
    const first = this.acknowledged + 1;
    const last = Math.min(this.blocks, this.acknowledged + this.ahead);
    let bytes: Uint8Array;
    try {
      bytes = await this.file.read((first - 1) * this.blockBytes, (last - first + 1) * this.blockBytes);
    } catch {
      this.send(errorMessage(ERROR.undefined, 'the file cannot be read'));
      this.end();
      return;
    }
    // It may have been acknowledged, or be over, meanwhile.
    if (generation !== this.generation) return;
    for (let block = first; block <= last; block += 1) {
      const part = bytes.subarray((block - first) * this.blockBytes, (block - first + 1) * this.blockBytes);
      const message = new Uint8Array(4 + part.length);
      write16(message, 0, OPCODE.data);
      write16(message, 2, block & 0xffff);
      message.set(part, 4);
      this.send(message);
    }
  }
}

export class TftpServer {
  private readonly transfers = new Map<string, Transfer | undefined>();
  private lastPort = 20_000;

  constructor(private readonly around: TftpSurroundings) {}

  get count(): number {
    return this.transfers.size;
  }

  /** A datagram from a client to one of the gateway's ports; false when it is none of ours. */
  receive(client: Endpoint, port: number, message: Uint8Array): boolean {
    if (port === TFTP_PORT) {
      if (message.length >= 4) this.begin(client, parseRequest(message));
      return true;
    }
    const transfer = this.transfers.get(keyOf(client, port));
    if (transfer === undefined || message.length < 4) return transfer !== undefined;
    if (read16(message, 0) === OPCODE.ack) transfer.acknowledge(read16(message, 2));
    else if (read16(message, 0) === OPCODE.error) this.end(keyOf(client, port));
    return true;
  }

  close(): void {
    for (const key of [...this.transfers.keys()]) this.end(key);
  }

  private begin(client: Endpoint, { opcode, file, mode, options }: Request): void {
    this.lastPort = this.lastPort >= 29_999 ? 20_000 : this.lastPort + 1;
    const port = this.lastPort;
    const send = (message: Uint8Array): void => this.around.send(port, client, message);
    if (opcode === OPCODE.write) send(errorMessage(ERROR.access, 'files can only be read'));
    else if (opcode !== OPCODE.read) send(errorMessage(ERROR.illegal, 'a request to read was expected'));
    else if (mode !== 'octet' && mode !== 'netascii') send(errorMessage(ERROR.illegal, 'the mode has to be octet'));
    else if (this.transfers.size >= MOST_TRANSFERS) send(errorMessage(ERROR.undefined, 'too many transfers'));
    else void this.open(keyOf(client, port), file, options, send);
  }

  private async open(key: string, name: string, options: ReadonlyMap<string, string>, send: (message: Uint8Array) => void): Promise<void> {
    this.transfers.set(key, undefined);
    const file = await this.around.host.openFile(name).catch(() => undefined);
    if (!this.transfers.has(key)) {
      file?.close();
      return;
    }
    if (file === undefined) {
      this.transfers.delete(key);
      send(errorMessage(ERROR.notFound, 'there is no such file'));
      return;
    }
    this.transfers.set(key, new Transfer(file, options, this.around.timers, send, () => this.end(key)));
  }

  private end(key: string): void {
    this.transfers.get(key)?.close();
    this.transfers.delete(key);
  }
}

function keyOf(client: Endpoint, port: number): string {
  return `${client.address}:${client.port} ${port}`;
}
