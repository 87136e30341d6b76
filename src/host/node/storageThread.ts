/**
 * The thread that does the work of disks, and both ends of the way to it: orders and replies go through a message port, which the
 * monitor context asks without turning its event loop. A reply also rings the doorbell on which that context sleeps.
 */
import { MessageChannel, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { MachineError } from '../../monitor/machine/blame';
import type { BlockOrder, BlockReply, BlockStore, DiskFacts, DiskRequest, StorageService } from '../../monitor/disks/blockStore';
import { carryError, uncarryError } from '../protocol';
import type { CarriedError } from '../protocol';

/** What each end is given. */
export interface StorageLink {
  readonly port: MessagePort;
  /** Two 32-bit words: replies posted so far, and whether the thread is gone. */
  readonly words: SharedArrayBuffer;
  /** The word that the monitor context sleeps on. */
  readonly doorbell: SharedArrayBuffer;
}

type ToStorage =
  | { readonly kind: 'open'; readonly disk: number; readonly request: DiskRequest }
  | { readonly kind: 'order'; readonly disk: number; readonly id: number; readonly order: BlockOrder };

type FromStorage =
  | { readonly kind: 'opened'; readonly disk: number; readonly facts: DiskFacts }
  | { readonly kind: 'refused'; readonly disk: number; readonly error: CarriedError }
  | { readonly kind: 'reply'; readonly disk: number; readonly reply: BlockReply };

const REPLIES = 0, GONE = 1;
/** How long a wait may last before it is looked whether the thread is still there, in milliseconds. */
const LOOK_AGAIN_MS = 100;
const GONE_MESSAGE = 'the thread that serves the disks has ended';

/** The ends of a new way: the monitor context's, and the storage thread's. */
export function newStorageLink(doorbell: SharedArrayBuffer): readonly [StorageLink, StorageLink] {
  const { port1, port2 } = new MessageChannel();
  const words = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  return [{ port: port1, words, doorbell }, { port: port2, words, doorbell }];
}

function ring(buffer: SharedArrayBuffer): void {
  const word = new Int32Array(buffer);
  Atomics.add(word, 0, 1);
  Atomics.notify(word, 0);
}

/** Tells the monitor context that the thread is gone. */
export function endStorage({ words, doorbell }: StorageLink): void {
  Atomics.store(new Int32Array(words), GONE, 1);
  ring(doorbell);
}

/** A disk as the monitor context sees it. */
class RemoteDisk implements BlockStore {
  readonly immediate = false;
  readonly bytes: number;
  readonly readOnly: boolean;
  readonly discards: boolean;
  readonly replies: BlockReply[] = [];
  private readonly outstanding = new Set<number>();

  constructor(private readonly link: StorageClient, private readonly disk: number, facts: DiskFacts) {
    this.bytes = facts.bytes;
    this.readOnly = facts.readOnly;
    this.discards = facts.discards;
  }

  submit(id: number, order: BlockOrder): void {
    this.outstanding.add(id);
    this.link.post({ kind: 'order', disk: this.disk, id, order }, order.kind === 'write' && order.data.buffer instanceof ArrayBuffer ? [order.data.buffer] : []);
  }

  receive(): BlockReply | undefined {
    this.link.collect();
    const reply = this.replies.shift();
    if (reply !== undefined) {
      this.outstanding.delete(reply.id);
      return reply;
    }
    if (!this.link.isGone) return undefined;
    for (const id of this.outstanding) {
      this.outstanding.delete(id);
      return { id, fault: GONE_MESSAGE };
    }
    return undefined;
  }

  wait(): void {
    if (this.replies.length === 0) this.link.wait();
  }
}

/** The monitor context's end. */
class StorageClient implements StorageService {
  private readonly words: Int32Array;
  private readonly port: MessagePort;
  private readonly disks: RemoteDisk[] = [];
  private opening = 0;
  private opened: FromStorage | undefined;
  /** Replies that have been taken from the port. */
  private received = 0;

  constructor({ port, words }: StorageLink) {
    this.port = port;
    this.words = new Int32Array(words);
  }

  get isGone(): boolean {
    return Atomics.load(this.words, GONE) !== 0;
  }

  post(message: ToStorage, transfer: readonly ArrayBuffer[] = []): void {
    this.port.postMessage(message, transfer);
  }

  /** Takes what has come, each to its disk. */
  collect(): void {
    while (Atomics.load(this.words, REPLIES) !== this.received) {
      const received = receiveMessageOnPort(this.port) as { readonly message: FromStorage } | undefined;
      if (received === undefined) return;
      this.received = (this.received + 1) | 0;
      const { message } = received;
      if (message.kind === 'reply') this.disks[message.disk].replies.push(message.reply);
      else this.opened = message;
    }
  }

  /** Blocks until there is something more to collect. */
  wait(): void {
    if (!this.isGone) Atomics.wait(this.words, REPLIES, this.received, LOOK_AGAIN_MS);
  }

  open(request: DiskRequest): BlockStore {
    const disk = this.opening++;
    this.opened = undefined;
    this.post({ kind: 'open', disk, request });
    for (;;) {
      this.collect();
      const answer = this.opened as FromStorage | undefined;
      if (answer?.kind === 'opened') {
        this.disks[disk] = new RemoteDisk(this, disk, answer.facts);
        return this.disks[disk];
      }
      if (answer?.kind === 'refused') throw uncarryError(answer.error);
      if (this.isGone) throw new MachineError(GONE_MESSAGE, 'internal');
      this.wait();
    }
  }
}

export function storageOver(link: StorageLink): StorageService {
  return new StorageClient(link);
}

/** An open disk, as the storage thread has it. */
export interface ServedDisk extends DiskFacts {
  /** Never throws: what goes wrong is in the reply. */
  carryOut(id: number, order: BlockOrder): BlockReply;
  close(): void;
}

/** What the thread is told from outside: to write all that is under way, and to end. */
export const CLOSE = 'close';

/** Runs the storage thread. Called by its entry file, once. `open` may throw. */
export function serveStorage(open: (request: DiskRequest) => ServedDisk): void {
  const { port, words, doorbell } = workerData as StorageLink;
  const shared = new Int32Array(words);
  const disks = new Map<number, ServedDisk>();
  const post = (message: FromStorage, transfer: readonly ArrayBuffer[] = []): void => {
    port.postMessage(message, transfer);
    Atomics.add(shared, REPLIES, 1);
    Atomics.notify(shared, REPLIES);
    ring(doorbell);
  };
  const handle = (message: ToStorage): void => {
    const { disk } = message;
    if (message.kind === 'open') {
      try {
        const served = open(message.request);
        disks.set(disk, served);
        post({ kind: 'opened', disk, facts: { bytes: served.bytes, readOnly: served.readOnly, discards: served.discards } });
      } catch (error) {
        post({ kind: 'refused', disk, error: carryError(error) });
      }
      return;
    }
    const reply = disks.get(disk)?.carryOut(message.id, message.order) ?? { id: message.id, fault: 'it is not open' };
    post({ kind: 'reply', disk, reply }, reply.data?.buffer instanceof ArrayBuffer ? [reply.data.buffer] : []);
  };
  port.on('message', handle);
  parentPort?.on('message', (word: unknown) => {
    if (word !== CLOSE) return;
    // What the monitor context has ordered before it was ended is still to be done.
    for (let left = receiveMessageOnPort(port); left !== undefined; left = receiveMessageOnPort(port)) handle(left.message as ToStorage);
    for (const disk of disks.values()) disk.close();
    port.close();
    parentPort?.close();
  });
}
