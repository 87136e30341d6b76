/**
 * A virtio entropy device: fills the driver's buffers from the board's generator, which gives the same numbers in every run until
 * entropy comes in from outside.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 5.4.
 */
import type { EventAnswer } from '../device';
import { VirtioDevice, type VirtioSurroundings } from './transport';
import { scatter } from './virtqueue';

const QUEUE_SIZE = 64;
/** Bytes of a buffer that are filled at most: the driver learns how many there are, and asks again. */
const MOST_BYTES = 4096;
/** Buffers that are filled in one event, and cycles to the next. */
const BATCH = 8;
const CYCLES = 5_000;
const EVENT = 'fill';

export interface VirtioRngOptions {
  readonly name: string;
  readonly slot: number;
  /** Gives the next 64 random bits. */
  readonly next: () => bigint;
}

export class VirtioRng extends VirtioDevice<Record<string, never>> {
  readonly #next: () => bigint;

  constructor(surroundings: VirtioSurroundings, { name, slot, next }: VirtioRngOptions) {
    super(surroundings, {
      name, slot, title: 'virtio entropy device', type: 4, classCode: 0x00ff00, features: [], queueSizes: [QUEUE_SIZE], configuration: [],
    }, () => ({}));
    this.#next = next;
  }

  protected override happened(): EventAnswer {
    const [queue] = this.queues;
    for (let filled = 0; filled < BATCH; filled++) {
      const chain = queue.take();
      if (chain === undefined) break;
      queue.put(chain.head, scatter(this.memory, chain.writable, 0, this.#random(Math.min(chain.writeBytes, MOST_BYTES))));
    }
    this.tell(0);
    if (queue.available > 0) this.later(EVENT, CYCLES);
    return undefined;
  }

  protected override notified(): void {
    this.later(EVENT, CYCLES);
  }

  #random(bytes: number): Uint8Array {
    const padded = new DataView(new ArrayBuffer(Math.ceil(bytes / 8) * 8));
    for (let at = 0; at < bytes; at += 8) padded.setBigUint64(at, this.#next(), true);
    return new Uint8Array(padded.buffer, 0, bytes);
  }
}
