/**
 * A virtio memory balloon: asks the driver for pages of the guest's memory, or lets it have them again, and takes pages that the guest
 * reports as free. The driver also tells how the guest stands for memory, when it is asked to.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 5.5. Not offered: MUST_TELL_HOST (a page that was given back is the guest's again as soon as it
 * is used) and FREE_PAGE_HINT (it is for a machine that moves to another host).
 */
import type { BalloonView } from '../../inspection/queries';
import type { RegisterDescription } from '../description';
import type { EventAnswer } from '../device';
import { VirtioDevice, type VirtioSurroundings } from './transport';
import { type Chain, gather, type Segment } from './virtqueue';

/** Feature bits (5.5.3). */
const FEATURE = { statistics: 1, deflateOnOom: 2, pagePoison: 4, reporting: 5 } as const;
/**
 * Queues (5.5.2). Drivers that number only queues which they have agreed on (Linux before 6.11) find reporting in the place of the first one that
 * they have not.
 */
const QUEUE = { inflate: 0, deflate: 1, statistics: 2 } as const;
const QUEUES = 5;
const QUEUE_SIZE = 128;
const PAGE_BYTES = 4096;
const ADDRESS_BYTES = 4;
/** The least that a guest can be left with, in bytes. */
const LEAST_MEMORY = 1 << 20;

/** Pages that are done in one event, and cycles to the next. A chain without a page takes its share, too. */
const BATCH = 256;
const LEAST_SHARE = 16;
const CYCLES = 5_000;

/** How often the driver is asked for statistics, in cycles (10 s), and the event that does it. */
const POLL_CYCLES = 10_000_000_000;
const POLL = 'poll';
/** A statistic: tag (2 bytes), value (8 bytes); by their tags (5.5.6.4). */
const STATISTIC_BYTES = 10;
const STATISTICS = [
  'swapped in', 'swapped out', 'major faults', 'minor faults', 'free', 'total', 'available', 'caches', 'huge pages allocated', 'huge pages failed',
] as const;
/** More than one of each tag is nothing that a driver sends. */
const MOST_STATISTICS = 64;

const CONFIGURATION: readonly RegisterDescription[] = [
  { name: 'num_pages', title: 'pages of 4 KiB that the driver is to put into the balloon', at: 0, bytes: 4, access: 'read-only' },
  { name: 'actual', title: 'pages that the driver has put in', at: 4, bytes: 4, access: 'read-write' },
  { name: 'poison_val', title: 'what the guest fills free pages with', at: 12, bytes: 4, access: 'read-write' },
];

/** Guest memory as the balloon reaches it, by page numbers. What is no RAM, or ROM, stays as it is. */
export interface BalloonPages {
  /** The guest gives a page back: what it held is lost. */
  take(page: number): void;
  /** The guest has a page again. */
  release(page: number): void;
}

/** A chain under way, and how many of its pages are done. Plain data. */
interface Work {
  readonly chain: Chain;
  done: number;
}

export interface BalloonState {
  /** Pages that the driver is asked for. */
  target: number;
  /** For each queue. */
  work: (Work | null)[];
  /** Head of the chain with which the driver will be asked for statistics. */
  question: number | null;
  /** What the driver has told last, by the names of STATISTICS. */
  statistics: Map<string, number>;
}

export interface VirtioBalloonOptions {
  readonly name: string;
  readonly slot: number;
  /** All RAM of the guest, in bytes. */
  readonly memoryBytes: number;
  readonly pages: BalloonPages;
}

export class VirtioBalloon extends VirtioDevice<BalloonState> {
  readonly #memoryBytes: number;
  readonly #pages: BalloonPages;

  constructor(surroundings: VirtioSurroundings, { name, slot, memoryBytes, pages }: VirtioBalloonOptions) {
    super(surroundings, {
      name, slot, title: 'virtio memory balloon', type: 5, classCode: 0x00ff00, features: Object.values(FEATURE),
      queueSizes: new Array<number>(QUEUES).fill(QUEUE_SIZE), configuration: CONFIGURATION,
    }, () => ({ target: 0, work: new Array<null>(QUEUES).fill(null), question: null, statistics: new Map<string, number>() }));
    this.#memoryBytes = memoryBytes;
    this.#pages = pages;
  }

  /** Asks the driver to leave the guest this much memory, in bytes; parts of pages are the guest's. Throws RangeError for what the machine does not have. */
  setTarget(memory: number): void {
    if (!(memory >= LEAST_MEMORY && memory <= this.#memoryBytes)) {
      throw new RangeError(`The guest cannot be left ${String(memory)} bytes of memory: from ${String(LEAST_MEMORY)} up to ${String(this.#memoryBytes)}, which is all that it has.`);
    }
    const pages = Math.floor((this.#memoryBytes - memory) / PAGE_BYTES);
    if (pages === this.state.own.target) return;
    this.state.own.target = pages;
    this.configure({ num_pages: pages }, true);
  }

  /** What the driver is asked for, what it has done, and what it tells. */
  view(): BalloonView {
    const { target, statistics } = this.state.own;
    return {
      memory: this.#memoryBytes, target: this.#memoryBytes - PAGE_BYTES * target, taken: PAGE_BYTES * this.configuration('actual'), driven: this.isWorking,
      statistics: [...statistics].map(([name, value]) => ({ name, value })),
    };
  }

  /** The target is not the driver's: it finds it again. */
  protected override carryOver({ target }: BalloonState): void {
    this.state.own.target = target;
    this.configure({ num_pages: target }, false);
  }

  /** Linux has put its first statistics into the queue, and notified, before it was ready. */
  protected override started(): void {
    this.queues.forEach((queue, number) => { if (queue.available > 0) this.later(String(number), CYCLES); });
  }

  protected override notified(queue: number): void {
    this.later(String(queue), CYCLES);
  }

  protected override happened(event: string): EventAnswer {
    if (!this.isWorking) return undefined;
    const queue = Number(event);
    if (event === POLL) this.#ask();
    else if (queue === QUEUE.inflate) this.#work(queue, (work) => this.#addressed(work, (page) => this.#pages.take(page)));
    else if (queue === QUEUE.deflate) this.#work(queue, (work) => this.#addressed(work, (page) => this.#pages.release(page)));
    else if (queue === QUEUE.statistics && this.hasFeature(FEATURE.statistics)) this.#listen();
    else if (this.hasFeature(FEATURE.reporting)) this.#work(queue, (work) => this.#reported(work));
    return undefined;
  }

  /** Goes on with a queue's chains: `some` does pages of one, says how many, and how many there are in it. */
  #work(number: number, some: (work: Work) => { readonly did: number; readonly isDone: boolean }): void {
    const queue = this.queues[number];
    const { work } = this.state.own;
    for (let left = BATCH; left > 0;) {
      const chain = work[number]?.chain ?? queue.take();
      if (chain === undefined) break;
      const under = work[number] ??= { chain, done: 0 };
      const { did, isDone } = some(under);
      under.done += did;
      left -= Math.max(LEAST_SHARE, did);
      if (!isDone) continue;
      queue.put(chain.head, 0);
      work[number] = null;
    }
    this.tell(number);
    if (work[number] !== null || queue.available > 0) this.later(String(number), CYCLES);
  }

  /** The next pages whose numbers the driver has written (5.5.6). */
  #addressed({ chain, done }: Work, visit: (page: number) => void): { did: number; isDone: boolean } {
    const bytes = gather(this.memory, chain.readable, ADDRESS_BYTES * done, ADDRESS_BYTES * BATCH);
    const did = Math.floor(bytes.length / ADDRESS_BYTES);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < did; index++) visit(view.getUint32(ADDRESS_BYTES * index, true));
    return { did, isDone: ADDRESS_BYTES * (done + did + 1) > chain.readBytes };
  }

  /** The next pages of those that the driver reports (5.5.6.7): the buffers are the pages. Those that hold a pattern which the guest looks for stay as they are. */
  #reported({ chain, done }: Work): { did: number; isDone: boolean } {
    const isPoisoned = this.hasFeature(FEATURE.pagePoison) && this.configuration('poison_val') !== 0;
    if (isPoisoned) return { did: 0, isDone: true };
    const pages = pagesOf(chain.writable, done, BATCH);
    for (const page of pages) this.#pages.take(page);
    return { did: pages.length, isDone: pages.length < BATCH };
  }

  // Statistics: the driver's first buffer has some; each time the device gives one back, the driver sends the next (5.5.6.4).

  #listen(): void {
    const { own } = this.state;
    const queue = this.queues[QUEUE.statistics];
    for (let count = 0; count < QUEUE_SIZE; count++) {
      const chain = queue.take();
      if (chain === undefined) break;
      // There is one buffer; a driver that has more gets the others back.
      if (own.question !== null) queue.put(own.question, 0);
      own.question = chain.head;
      own.statistics = statisticsIn(gather(this.memory, chain.readable, 0, MOST_STATISTICS * STATISTIC_BYTES));
    }
    this.tell(QUEUE.statistics);
    if (own.question !== null) this.later(POLL, POLL_CYCLES);
  }

  #ask(): void {
    const { own } = this.state;
    if (own.question === null) return;
    this.queues[QUEUE.statistics].put(own.question, 0);
    own.question = null;
    this.tell(QUEUE.statistics);
  }
}

/** Numbers of the whole pages in segments, from the `done`th on, at most `most`. */
function pagesOf(segments: readonly Segment[], done: number, most: number): readonly number[] {
  const pages: number[] = [];
  let skip = done;
  for (const { address, bytes } of segments) {
    const first = Math.ceil(address / PAGE_BYTES);
    const end = Math.floor((address + bytes) / PAGE_BYTES);
    const begin = first + skip;
    skip = Math.max(0, begin - Math.max(first, end));
    for (let page = begin; page < end && pages.length < most; page++) pages.push(page);
  }
  return pages;
}

/** What of statistics is known by its tag. A value of all ones is one that the guest does not have. */
function statisticsIn(bytes: Uint8Array): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<string, number>();
  for (let at = 0; at + STATISTIC_BYTES <= bytes.length; at += STATISTIC_BYTES) {
    const name = STATISTICS.at(view.getUint16(at, true));
    const value = view.getBigUint64(at + 2, true);
    if (name !== undefined && value !== 2n ** 64n - 1n) found.set(name, Number(value));
  }
  return found;
}
