/** The folders that a machine's guest sees: a 9P server for each, between the output and the input of its machine. */
import { statSync } from 'node:fs';
import type { MachineConfiguration } from '../../monitor/machine/configuration';
import type { MachineControl, MachineEvent } from '../../monitor/machine/session';
import { LoadError } from '../../monitor/firmware/platform';
import { NinepServer } from '../ninep/server';
import { fileFault } from './fileFault';
import { SharedFolder } from './sharedFolder';

const NUMBER_BYTES = 4;

/** Answers the requests of one channel's output, however it is cut into pieces. */
export class ShareRequests {
  #waiting = new Uint8Array(0);

  constructor(private readonly server: NinepServer) {}

  /** Gives the answers to the requests that these bytes complete: each the request's number, and the message. */
  take(bytes: Uint8Array): readonly Uint8Array[] {
    let left = new Uint8Array(this.#waiting.length + bytes.length);
    left.set(this.#waiting);
    left.set(bytes, this.#waiting.length);
    const answers: Uint8Array[] = [];
    while (left.length >= NUMBER_BYTES) {
      const end = NUMBER_BYTES + new DataView(left.buffer, left.byteOffset).getUint32(0, true);
      if (left.length < end) break;
      answers.push(this.#answer(left.subarray(NUMBER_BYTES, end)));
      left = left.subarray(end);
    }
    this.#waiting = left.slice();
    return answers;
  }

  close(): void {
    this.server.close();
  }

  #answer(request: Uint8Array): Uint8Array {
    const message = this.server.handle(request.subarray(NUMBER_BYTES));
    const answer = new Uint8Array(NUMBER_BYTES + message.length);
    answer.set(request.subarray(0, NUMBER_BYTES));
    answer.set(message, NUMBER_BYTES);
    return answer;
  }
}

/** The servers of a machine's shared folders, between its output and its input. */
export class Shares {
  readonly #folders: ReadonlyMap<string, ShareRequests | undefined>;

  /**
   * Throws LoadError for a folder that cannot be shared.
   * @param isRecorded the answers come out of a recording: no folder is opened
   */
  constructor({ shares = [] }: MachineConfiguration, isRecorded = false) {
    this.#folders = new Map(shares.map((share, index) => [`9p${String(index)}`, isRecorded ? undefined : openShare(share)]));
  }

  /** Serves what an event of the machine asks for. False when the event is about something else. */
  take(event: MachineEvent, control: MachineControl): boolean {
    if (event.kind !== 'output' || !this.#folders.has(event.channel)) return false;
    for (const bytes of this.#folders.get(event.channel)?.take(event.bytes) ?? []) {
      // A machine that replays a recording has its answers there, and one that is gone needs none.
      control.input({ kind: 'reply', port: event.channel, bytes }).catch(() => undefined);
    }
    return true;
  }

  close(): void {
    for (const folder of this.#folders.values()) folder?.close();
  }
}

function openShare({ path, writable }: { readonly path: string; readonly writable: boolean }): ShareRequests {
  try {
    const stats = statSync(path);
    if (!stats.isDirectory()) throw new LoadError(`${path}: it is no folder; name one`, 'shares');
    return new ShareRequests(new NinepServer(new SharedFolder(path), { writable }));
  } catch (error) {
    throw error instanceof LoadError ? error : new LoadError(fileFault(path, error), 'shares');
  }
}
