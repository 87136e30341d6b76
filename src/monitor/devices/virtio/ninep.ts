/**
 * A virtio 9P transport: carries messages between the guest's file system client and a server outside.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 5.9 (device type 9); the messages are 9P2000.L's, of which only the length matters here.
 *
 * A request leaves on the device's channel: 4 bytes of length, then 4 bytes of number and the message. The server answers every
 * request with an input of kind 'reply': the number, and its message. When a request leaves, the moment is fixed at which the guest
 * has its answer; if that comes and the answer has not, virtual time stands. So no guest ever sees how fast the server is, and none
 * runs into a time-out on account of it.
 */
import type { RegisterDescription } from '../description';
import type { EventAnswer } from '../device';
import { VirtioDevice, type VirtioSurroundings } from './transport';
import { type Chain, gather, scatter } from './virtqueue';

const MOUNT_TAG = 0;
/** Requests that can be under way are bounded by the queue. */
const QUEUE_SIZE = 128;
/** Length, type and tag, which every message begins with. */
const HEADER_BYTES = 7;
/** The largest message: as much as Linux's client ever agrees to. */
export const MOST_MESSAGE = 512 * 1024;
/** Requests that leave in one event. */
const BATCH = 32;
/** Cycles from a notification to its requests leaving, from there to the first answer, and from one answer to the next. */
const LEAVE_CYCLES = 2_000;
const ANSWER_CYCLES = 50_000;
const NEXT_CYCLES = 5_000;

/** No request has left since the reset. */
const NONE_YET = -1;

/** A request under way. Plain data. */
interface Outstanding {
  readonly number: number;
  readonly chain: Chain;
  answer: Uint8Array | null;
}

export interface NinepState {
  /** Number of the next request: begins with the time of the first one, so that answers to requests from before a reset fit nowhere. */
  next: number;
  outstanding: Outstanding[];
}

export interface VirtioNinepOptions {
  readonly name: string;
  readonly slot: number;
  /** Channel and port of its messages: '9p0'. */
  readonly channel: string;
  /** The name that a guest mounts, ASCII. */
  readonly tag: string;
}

function configuration(tag: string): readonly RegisterDescription[] {
  return [
    { name: 'tag_len', title: 'length of the mount tag', at: 0, bytes: 2, access: 'read-only', reset: tag.length },
    ...Array.from(tag, (character, index): RegisterDescription => ({
      name: `tag_${String(index)}`, title: `character ${String(index)} of the mount tag`, at: 2 + index, bytes: 1, access: 'read-only', reset: character.charCodeAt(0),
    })),
  ];
}

export class VirtioNinep extends VirtioDevice<NinepState> {
  readonly #channel: string;

  constructor(surroundings: VirtioSurroundings, { name, slot, channel, tag }: VirtioNinepOptions) {
    super(surroundings, {
      name, slot, title: 'virtio 9P transport', type: 9, classCode: 0x018000, features: [MOUNT_TAG], queueSizes: [QUEUE_SIZE], configuration: configuration(tag),
    }, () => ({ next: NONE_YET, outstanding: [] }));
    this.#channel = channel;
  }

  /** The server has answered: the request's number, and the message. What nobody waits for is dropped. */
  reply(bytes: Uint8Array): void {
    if (bytes.length < 4 + HEADER_BYTES) return;
    const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const request = this.state.own.outstanding.find((candidate) => candidate.number === number);
    if (request !== undefined) request.answer ??= bytes.slice(4, 4 + MOST_MESSAGE);
  }

  protected override notified(): void {
    this.later('leave', LEAVE_CYCLES);
  }

  protected override happened(event: string): EventAnswer {
    return event === 'leave' ? this.#leave() : this.#answer();
  }

  #leave(): undefined {
    const [queue] = this.queues;
    for (let sent = 0; sent < BATCH; sent++) {
      const chain = queue.take();
      if (chain === undefined) break;
      if (!this.#send(chain)) {
        this.breakDown('a request is no message, or has no room for an answer');
        return undefined;
      }
    }
    if (queue.available > 0) this.later('leave', LEAVE_CYCLES);
    if (this.state.own.outstanding.length > 0) this.later('answer', ANSWER_CYCLES);
    return undefined;
  }

  /** False for what is no message. */
  #send(chain: Chain): boolean {
    if (chain.readBytes < HEADER_BYTES || chain.writeBytes < HEADER_BYTES || this.state.own.outstanding.length >= QUEUE_SIZE) return false;
    const length = new DataView(gather(this.memory, chain.readable, 0, HEADER_BYTES).buffer).getUint32(0, true);
    if (length < HEADER_BYTES || length > chain.readBytes || length > MOST_MESSAGE) return false;
    const { own } = this.state;
    const number = own.next === NONE_YET ? this.host.now() % 2 ** 32 : own.next;
    own.next = (number + 1) % 2 ** 32;
    own.outstanding.push({ number, chain, answer: null });
    const piece = new Uint8Array(8 + length);
    const view = new DataView(piece.buffer);
    view.setUint32(0, 4 + length, true);
    view.setUint32(4, number, true);
    piece.set(gather(this.memory, chain.readable, 0, length), 8);
    this.host.output(this.#channel, piece);
    return true;
  }

  /** The moment of the oldest request's answer. */
  #answer(): EventAnswer {
    const { outstanding } = this.state.own;
    if (outstanding.length === 0 || !this.isWorking) return undefined;
    const [{ chain, answer }] = outstanding;
    if (answer === null) return 'wait';
    outstanding.shift();
    this.queues[0].put(chain.head, scatter(this.memory, chain.writable, 0, answer));
    this.tell(0);
    if (this.state.own.outstanding.length > 0) this.later('answer', NEXT_CYCLES);
    return undefined;
  }
}
