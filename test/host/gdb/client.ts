/** A client of the GDB server's for tests, without GDB: sends packets, and waits for the answers. */
import { PacketReader, bytesOf, textOf, unescaped } from '../../../src/host/gdb/packets';
import { GdbServer, type GdbClient, type GdbServerOptions } from '../../../src/host/gdb/server';
import type { MachineSession } from '../../../src/monitor/machine/session';

/** A body with its runs written out. */
export function expanded(body: string): string {
  return body.replace(/\}[^]|([^])\*([^])/g, (run, character: string | undefined, count: string | undefined) =>
    (character === undefined || count === undefined ? run : character.repeat(count.charCodeAt(0) - 29 + 1)));
}

/** Text of an `O` packet, or of other hexadecimal digits. */
export function ofHex(hex: string): string {
  return Buffer.from(hex, 'hex').toString('utf8');
}

/** A packet as GDB sends it: without runs. */
export function asSent(body: string): Uint8Array {
  const sum = [...body].reduce((total, character) => total + character.charCodeAt(0), 0) & 0xff;
  return bytesOf(`$${body}#${sum.toString(16).padStart(2, '0')}`);
}

/** What has become of a server's machine, as its owner is told. */
export interface Told {
  readonly texts: string[];
  readonly happened: string[];
}

export function serverFor(session: MachineSession, options: Partial<GdbServerOptions> = {}): { readonly server: GdbServer; readonly told: Told } {
  const told: Told = { texts: [], happened: [] };
  const server = new GdbServer(session, {
    architecture: 'auto',
    onAttached: (attached) => told.happened.push(attached ? 'attached' : 'gone'),
    onDetached: () => told.happened.push('detached'),
    onKill: () => told.happened.push('killed'),
    tell: (text) => told.texts.push(text),
    ...options,
  });
  return { server, told };
}

export class TestClient {
  /** Bytes as they came, acknowledgements among them. */
  readonly raw: string[] = [];
  /** Output for GDB's console. */
  console = '';
  isClosed = false;
  private readonly client: GdbClient;
  private readonly reader = new PacketReader();
  private readonly answers: string[] = [];
  private wake: () => void = () => undefined;

  constructor(server: GdbServer) {
    this.client = server.connect({
      send: (bytes) => this.take(bytes),
      close: () => {
        this.isClosed = true;
        this.wake();
      },
    });
  }

  private take(bytes: Uint8Array): void {
    this.raw.push(textOf(bytes));
    for (const arrival of this.reader.take(bytes)) {
      if (arrival.kind !== 'packet') continue;
      const body = expanded(arrival.body);
      if (/^O[0-9a-f]/.test(body)) this.console += ofHex(body.slice(1));
      else this.answers.push(body);
    }
    this.wake();
  }

  send(bytes: Uint8Array | string): void {
    this.client.receive(typeof bytes === 'string' ? bytesOf(bytes) : bytes);
  }

  /** The next answer. */
  async answer(): Promise<string> {
    for (;;) {
      const answer = this.answers.shift();
      if (answer !== undefined) return answer;
      if (this.isClosed) throw new Error('the connection is closed');
      await new Promise<void>((resolve) => { this.wake = resolve; });
    }
  }

  ask(body: string): Promise<string> {
    this.send(asSent(body));
    return this.answer();
  }

  /** Waits for its closing from the other side. */
  async closed(): Promise<void> {
    while (!this.isClosed) await new Promise<void>((resolve) => { this.wake = resolve; });
  }

  /** A document of `qXfer`, in pieces of this length at most. */
  async document(name: string, piece: number): Promise<string> {
    let text = '';
    for (;;) {
      const answer = await this.ask(`qXfer:${name}:${text.length.toString(16)},${piece.toString(16)}`);
      text += unescaped(answer.slice(1));
      if (answer.startsWith('l')) return text;
      if (!answer.startsWith('m') || answer.length === 1) throw new Error(answer);
    }
  }

  /** Types something behind `monitor`. */
  async monitor(line: string): Promise<string> {
    this.console = '';
    const answer = await this.ask(`qRcmd,${Buffer.from(line).toString('hex')}`);
    if (answer !== 'OK') throw new Error(answer);
    return this.console;
  }

  leave(): void {
    this.client.closed();
  }
}
