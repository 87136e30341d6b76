/** The guest's serial port on the terminal: keys to the guest, escapes for ourselves, output to a stream or a file. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { fileFault } from '../host/node/fileFault';
import { LoadError } from '../monitor/firmware/platform';
import type { Input } from './surroundings';

const CTRL_A = 0x01;
const X = 'x'.charCodeAt(0);

/** What a piece of typing means: bytes for the guest, and whether the person wants to leave. */
export interface Typed {
  readonly bytes: Uint8Array;
  readonly quit: boolean;
}

/** Finds Ctrl-A sequences in what is typed, also when they come in two pieces. */
export class EscapeKeys {
  private escaped = false;

  /** Ctrl-A x quits; Ctrl-A Ctrl-A is one Ctrl-A; Ctrl-A and anything else is dropped. */
  take(typed: Uint8Array): Typed {
    const bytes: number[] = [];
    for (const byte of typed) {
      if (!this.escaped && byte === CTRL_A) {
        this.escaped = true;
        continue;
      }
      if (this.escaped && byte === X) return { bytes: Uint8Array.from(bytes), quit: true };
      if (!this.escaped || byte === CTRL_A) bytes.push(byte);
      this.escaped = false;
    }
    return { bytes: Uint8Array.from(bytes), quit: false };
  }
}

/**
 * Leads what comes on `input` to `send`, one piece after the other: the next is read when the last has been taken.
 * At a terminal, keys come at once and unechoed, and Ctrl-A x calls `quit`.
 * @returns a function that gives the input back as it was
 */
export function readKeys(input: Input, send: (bytes: Uint8Array) => Promise<void>, quit: () => void): () => void {
  const terminal = input.isTTY === true;
  const escapes = new EscapeKeys();
  const take = async (piece: Uint8Array): Promise<void> => {
    const typed = terminal ? escapes.take(piece) : { bytes: new Uint8Array(piece), quit: false };
    if (typed.bytes.length > 0) await send(typed.bytes);
    if (typed.quit) quit();
  };
  const onData = (piece: Uint8Array): void => {
    input.pause();
    // A machine that is gone takes no more input; the run ends by its own event.
    take(piece).then(() => { if (input.listeners('data').includes(onData)) input.resume(); }, () => undefined);
  };
  if (terminal) input.setRawMode?.(true);
  input.on('data', onData);
  return () => {
    input.off('data', onData);
    input.pause();
    if (terminal) input.setRawMode?.(false);
  };
}

/**
 * Opens the file that takes the serial output, anew.
 * @throws LoadError (field 'serial')
 */
export async function openSerialFile(path: string): Promise<Writable> {
  const stream = createWriteStream(path);
  try {
    await once(stream, 'open');
  } catch (error) {
    throw new LoadError(fileFault(path, error), 'serial');
  }
  return stream;
}
