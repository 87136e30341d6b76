/**
 * Split virtqueues as a device sees them: takes descriptor chains out of the available ring, gives them back by the used ring, and
 * says when the driver wants to be interrupted.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 2.7. Everything in the rings is the guest's to write. What breaks the rules (an index
 * or a link out of range, a loop, a chain that is too long) breaks the device until it is reset (2.1.2), and is never followed any further.
 */
import type { DmaMemory } from '../dma';

/** Flags of a descriptor (2.7.5). */
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;
const DESCRIPTOR_BYTES = 16;
/** The driver wants no interrupts (2.7.6). */
const NO_INTERRUPT = 1;
/** Rings: flags and index, then the entries. */
const RING_HEADER = 4;
const USED_ENTRY = 8;
/**
 * Descriptors of an indirect table at most. The specification says the queue's size; drivers are known to make longer ones, so it is
 * as many as the largest queue has.
 */
export const MOST_DESCRIPTORS = 1024;
/** Bytes of a chain at most (2.7.4.1), and where guest-physical addresses end. */
const MOST_BYTES = 2 ** 32;
const ADDRESS_END = 2 ** 40;

/** A queue: what the driver has set up, and how far the device has got. Plain data. */
export interface QueueState {
  /** Entries, a power of two. */
  size: number;
  enabled: boolean;
  /** Addresses of the descriptor table, the driver's (available) and the device's (used) ring: low and high half of each. */
  areas: Uint32Array;
  /** Entries of the available ring taken so far, and of the used ring given; modulo 2^16. */
  taken: number;
  used: number;
  /** `used` when the driver was last told; -1 before the first time. */
  told: number;
}

/** A piece of guest-physical memory. */
export interface Segment {
  readonly address: number;
  readonly bytes: number;
}

/** A descriptor chain. Plain data: it may wait in a device's state. */
export interface Chain {
  /** Index of its first descriptor, by which it is given back. */
  readonly head: number;
  /** What the driver has written, and where the device may write. */
  readonly readable: readonly Segment[];
  readonly writable: readonly Segment[];
  readonly readBytes: number;
  readonly writeBytes: number;
}

/** What has been negotiated for all queues of a device. */
export interface RingFeatures {
  readonly indirect: boolean;
  readonly eventIndex: boolean;
}

/** What a queue needs of its device. */
export interface QueueSurroundings {
  readonly memory: DmaMemory;
  /** Whether the device may work now: the driver is ready, nothing is broken. */
  live(): boolean;
  features(): RingFeatures;
  /** The driver has broken the rules: `reason` is a sentence part. */
  broken(reason: string): void;
}

/** A queue after reset. */
export function initialQueue(size: number): QueueState {
  return { size, enabled: false, areas: new Uint32Array(6), taken: 0, used: 0, told: -1 };
}

/** One descriptor, as it stands in memory. */
interface Descriptor {
  readonly address: number;
  readonly bytes: number;
  readonly flags: number;
  readonly next: number;
}

function descriptorIn(view: DataView, at: number): Descriptor {
  return {
    address: view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32,
    bytes: view.getUint32(at + 8, true),
    flags: view.getUint16(at + 12, true),
    next: view.getUint16(at + 14, true),
  };
}

/** A chain under construction; `add` gives what is wrong, if something is. */
class ChainBuilder {
  readonly readable: Segment[] = [];
  readonly writable: Segment[] = [];
  private readBytes = 0;
  private writeBytes = 0;
  private count = 0;

  add({ address, bytes, flags }: Descriptor): string | undefined {
    if (++this.count > MOST_DESCRIPTORS) return 'an indirect table is a loop';
    if (address + bytes > ADDRESS_END) return 'a descriptor leads beyond memory';
    const isWritable = (flags & WRITE) !== 0;
    if (!isWritable && this.writeBytes > 0) return 'a readable descriptor comes behind a writable one';
    if (this.readBytes + this.writeBytes + bytes > MOST_BYTES) return 'a descriptor chain has more than 4 GiB';
    if (bytes === 0) return undefined;
    (isWritable ? this.writable : this.readable).push({ address, bytes });
    if (isWritable) this.writeBytes += bytes;
    else this.readBytes += bytes;
    return undefined;
  }

  finish(head: number): Chain {
    const { readable, writable, readBytes, writeBytes } = this;
    return { head, readable, writable, readBytes, writeBytes };
  }
}

export class Virtqueue {
  readonly #surroundings: QueueSurroundings;
  readonly #state: () => QueueState;

  constructor(surroundings: QueueSurroundings, state: () => QueueState) {
    this.#surroundings = surroundings;
    this.#state = state;
  }

  /** Chains that the driver has made available and nobody has taken; 0 while the device may not work. */
  get available(): number {
    const queue = this.#state();
    if (!queue.enabled || !this.#surroundings.live()) return 0;
    const waiting = (this.#read16(this.#area(1) + 2) - queue.taken) & 0xffff;
    if (waiting <= queue.size) return waiting;
    this.#surroundings.broken('the available ring is ahead by more than the queue has entries');
    return 0;
  }

  /** The next chain, which is the device's until it is `put` back; undefined when there is none, or the device is broken. */
  take(): Chain | undefined {
    if (this.available === 0) return undefined;
    const queue = this.#state();
    const head = this.#read16(this.#area(1) + RING_HEADER + 2 * (queue.taken % queue.size));
    if (head >= queue.size) return this.#fail('the available ring names a descriptor that there is not');
    queue.taken = (queue.taken + 1) & 0xffff;
    // The driver shall notify as soon as there is one more.
    if (this.#surroundings.features().eventIndex) this.#write16(this.#area(2) + RING_HEADER + USED_ENTRY * queue.size, queue.taken);
    return this.#walk(head);
  }

  /** The last `count` chains that were taken have not been: they are the next ones again. */
  untake(count: number): void {
    const queue = this.#state();
    queue.taken = (queue.taken - count) & 0xffff;
  }

  /** Gives a chain back, `written` bytes of it filled. */
  put(head: number, written: number): void {
    const queue = this.#state();
    if (!queue.enabled || !this.#surroundings.live()) return;
    const entry = new DataView(new ArrayBuffer(USED_ENTRY));
    entry.setUint32(0, head, true);
    entry.setUint32(4, written % 2 ** 32, true);
    this.#surroundings.memory.write(this.#area(2) + RING_HEADER + USED_ENTRY * (queue.used % queue.size), new Uint8Array(entry.buffer));
    queue.used = (queue.used + 1) & 0xffff;
    this.#write16(this.#area(2) + 2, queue.used);
  }

  /** Whether the driver wants to be told of what has been put since it was last told (2.7.7); it counts as told then. */
  wantsInterrupt(): boolean {
    const queue = this.#state();
    const { told, used } = queue;
    if (!queue.enabled || !this.#surroundings.live() || told === used) return false;
    if (!this.#surroundings.features().eventIndex) {
      queue.told = used;
      return (this.#read16(this.#area(1)) & NO_INTERRUPT) === 0;
    }
    const wanted = this.#read16(this.#area(1) + RING_HEADER + 2 * queue.size);
    queue.told = used;
    return told < 0 || ((used - wanted - 1) & 0xffff) < ((used - told) & 0xffff);
  }

  #walk(head: number): Chain | undefined {
    const { size } = this.#state();
    const chain = new ChainBuilder();
    let index = head;
    for (let count = 0; count < size; count++) {
      const descriptor = this.#descriptor(this.#area(0) + DESCRIPTOR_BYTES * index);
      if ((descriptor.flags & INDIRECT) !== 0) {
        const wrong = this.#walkTable(descriptor, chain);
        return wrong === undefined ? chain.finish(head) : this.#fail(wrong);
      }
      const wrong = chain.add(descriptor);
      if (wrong !== undefined) return this.#fail(wrong);
      if ((descriptor.flags & NEXT) === 0) return chain.finish(head);
      index = descriptor.next;
      if (index >= size) return this.#fail('a descriptor is linked to one that there is not');
    }
    return this.#fail('a descriptor chain is a loop');
  }

  /** An indirect table (2.7.5.3) ends its chain. Gives what is wrong, if something is. */
  #walkTable({ address, bytes, flags }: Descriptor, chain: ChainBuilder): string | undefined {
    if (!this.#surroundings.features().indirect) return 'an indirect table has not been negotiated';
    if ((flags & NEXT) !== 0) return 'a descriptor of an indirect table has a successor';
    const count = bytes / DESCRIPTOR_BYTES;
    if (!Number.isInteger(count) || count === 0 || count > MOST_DESCRIPTORS) return 'an indirect table has a size that is not possible';
    if (address + bytes > ADDRESS_END) return 'an indirect table lies beyond memory';
    const table = new Uint8Array(bytes);
    this.#surroundings.memory.read(address, table);
    const view = new DataView(table.buffer);
    for (let index = 0;;) {
      const descriptor = descriptorIn(view, DESCRIPTOR_BYTES * index);
      if ((descriptor.flags & INDIRECT) !== 0) return 'an indirect table leads to another one';
      const wrong = chain.add(descriptor);
      if (wrong !== undefined) return wrong;
      if ((descriptor.flags & NEXT) === 0) return undefined;
      index = descriptor.next;
      if (index >= count) return 'a descriptor of an indirect table is linked to one that there is not';
    }
  }

  #fail(reason: string): undefined {
    this.#surroundings.broken(reason);
    return undefined;
  }

  #area(number: 0 | 1 | 2): number {
    const { areas } = this.#state();
    return areas[2 * number] + areas[2 * number + 1] * 2 ** 32;
  }

  #descriptor(address: number): Descriptor {
    const bytes = new Uint8Array(DESCRIPTOR_BYTES);
    this.#surroundings.memory.read(address, bytes);
    return descriptorIn(new DataView(bytes.buffer), 0);
  }

  #read16(address: number): number {
    const bytes = new Uint8Array(2);
    this.#surroundings.memory.read(address, bytes);
    return bytes[0] | (bytes[1] << 8);
  }

  #write16(address: number, value: number): void {
    this.#surroundings.memory.write(address, Uint8Array.of(value, value >> 8));
  }
}

/** Bytes of segments from `offset` on, as many as there are, at most `most`. */
export function gather(memory: DmaMemory, segments: readonly Segment[], offset: number, most: number): Uint8Array {
  const target = new Uint8Array(Math.max(0, Math.min(most, totalBytes(segments) - offset)));
  eachPart(segments, offset, target.length, (address, done, bytes) => { memory.read(address, target.subarray(done, done + bytes)); });
  return target;
}

/** Writes into segments from `offset` on, as much as fits. Gives how many bytes that was. */
export function scatter(memory: DmaMemory, segments: readonly Segment[], offset: number, source: Uint8Array): number {
  const bytes = Math.max(0, Math.min(source.length, totalBytes(segments) - offset));
  eachPart(segments, offset, bytes, (address, done, count) => { memory.write(address, source.subarray(done, done + count)); });
  return bytes;
}

function totalBytes(segments: readonly Segment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

function eachPart(segments: readonly Segment[], offset: number, length: number, visit: (address: number, done: number, bytes: number) => void): void {
  let skip = offset;
  let done = 0;
  for (const { address, bytes } of segments) {
    if (done === length) return;
    if (skip >= bytes) {
      skip -= bytes;
      continue;
    }
    const count = Math.min(bytes - skip, length - done);
    visit(address + skip, done, count);
    done += count;
    skip = 0;
  }
}
