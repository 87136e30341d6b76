/**
 * The client's side of the GDB Remote Serial Protocol (GDB manual, appendix E), as much of it as stepping a machine needs.
 * Bytes are latin1 text on the wire; packets are not acknowledged (QEMU takes the next packet for the acknowledgement).
 */
import type { Socket } from 'node:net';

/** `$payload#checksum`, with the characters escaped that may not stand in a payload. */
export function packet(payload: string): string {
  const escaped = payload.replace(/[#$*}]/g, (c) => `}${String.fromCharCode(c.charCodeAt(0) ^ 0x20)}`);
  let sum = 0;
  for (let i = 0; i < escaped.length; i++) sum += escaped.charCodeAt(i);
  return `$${escaped}#${(sum & 0xff).toString(16).padStart(2, '0')}`;
}

/** Undoes escapes (`}x`) and run lengths (`x*n`) of a payload. */
export function unescaped(payload: string): string {
  if (!/[}*]/.test(payload)) return payload;
  let text = '';
  for (let i = 0; i < payload.length; i++) {
    const c = payload.charAt(i);
    if (c === '}') text += String.fromCharCode(payload.charCodeAt(++i) ^ 0x20);
    else if (c === '*') text += text.slice(-1).repeat(payload.charCodeAt(++i) - 29);
    else text += c;
  }
  return text;
}

/** Takes whole packets out of a stream of bytes; acknowledgements are dropped. */
export class PacketReader {
  private rest = '';

  /** @returns the payloads that are complete now */
  push(bytes: string): readonly string[] {
    this.rest += bytes;
    const payloads: string[] = [];
    for (;;) {
      const start = this.rest.indexOf('$');
      if (start < 0) break;
      const end = this.rest.indexOf('#', start);
      if (end < 0 || this.rest.length < end + 3) break;
      payloads.push(unescaped(this.rest.slice(start + 1, end)));
      this.rest = this.rest.slice(end + 3);
    }
    if (!this.rest.includes('$')) this.rest = '';
    return payloads;
  }
}

/** The stub has not answered, or said that it cannot. */
export class StubError extends Error {}

/** One request at a time over a connected socket. */
export class RspClient {
  private readonly reader = new PacketReader();
  private readonly payloads: string[] = [];
  private wake: (() => void) | undefined;
  private broken: Error | undefined;

  /** @param patience milliseconds after which a request that has no answer fails */
  constructor(private readonly socket: Socket, private readonly patience = 5000) {
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      this.payloads.push(...this.reader.push(String(text)));
      if (this.payloads.length > 0) this.wake?.();
    });
    const end = (reason: Error): void => {
      this.broken ??= reason;
      this.wake?.();
    };
    socket.on('error', end);
    socket.on('close', () => end(new StubError('the connection to the stub has closed')));
  }

  /** Sends a packet and gives the answer's payload. */
  async request(payload: string): Promise<string> {
    this.socket.write(packet(payload), 'latin1');
    return this.next(payload);
  }

  /** The same for packets that answer OK. */
  async command(payload: string): Promise<void> {
    const answer = await this.request(payload);
    if (answer !== 'OK') throw new StubError(`the stub answers "${answer}" to "${payload.slice(0, 40)}"`);
  }

  /** A command for the stub's monitor (`qRcmd`). @returns what it prints */
  async monitor(command: string): Promise<string> {
    this.socket.write(packet(`qRcmd,${Buffer.from(command, 'latin1').toString('hex')}`), 'latin1');
    let text = '';
    for (;;) {
      const answer = await this.next(command);
      if (answer === 'OK') return text;
      if (!answer.startsWith('O')) throw new StubError(`the monitor refuses "${command}": ${answer}`);
      text += Buffer.from(answer.slice(1), 'hex').toString('latin1');
    }
  }

  private async next(question: string): Promise<string> {
    if (this.payloads.length === 0 && !this.broken) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new StubError(`no answer to "${question.slice(0, 40)}" in ${this.patience} ms`)), this.patience);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wake = undefined;
    }
    const payload = this.payloads.shift();
    if (payload === undefined) throw this.broken ?? new StubError('no answer');
    return payload;
  }
}
