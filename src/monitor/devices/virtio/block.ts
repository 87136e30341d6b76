/**
 * A virtio block device: a disk on a `BlockBackend`.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 5.2. Requests are taken as the driver makes them, are done in order, each in pieces
 * that have their moment in virtual time, and come back in order.
 */
import type { RegisterDescription } from '../description';
import { type BlockBackend, BlockError, type EventAnswer } from '../device';
import { VirtioDevice, type VirtioSurroundings } from './transport';
import { type Chain, gather, scatter } from './virtqueue';

const SECTOR_BYTES = 512;
const QUEUE_SIZE = 256;
/** Data segments of a request: what the queue has beside header and status. */
const SEGMENTS = QUEUE_SIZE - 2;

/** Feature bits (5.2.3). */
const FEATURE = { segMax: 2, readOnly: 5, blockSize: 6, flush: 9, topology: 10, configWce: 11, discard: 13, writeZeroes: 14 } as const;
/** Request types and status bytes (5.2.6). */
const REQUEST = { in: 0, out: 1, flush: 4, getId: 8, discard: 11, writeZeroes: 13 } as const;
const STATUS = { ok: 0, error: 1, unsupported: 2 } as const;
const HEADER_BYTES = 16;
const ID_BYTES = 20;

/** A range of a discard or write zeroes request: sector (8 bytes), sectors, flags. */
const RANGE_BYTES = 16;
const MOST_RANGES = 16;
/** Sectors of a range at most. */
const RANGE_SECTORS = 0x10000;
/** Flag of a range of zeros that may be discarded as well. */
const UNMAP = 1;

/** Requests that are taken out of the queue at a time: as far as the host can fetch ahead. */
const MOST_REQUESTS = 32;
/** Sectors that are moved at a time, and that are fetched ahead for a request. */
const PIECE = 256;
/** Cycles from a request to its first effect, for each piece, and for two bytes of it: 2 GB/s, as of a fast solid-state disk. */
const FIRST_CYCLES = 10_000;
const PIECE_CYCLES = 3_000;
const BYTES_PER_CYCLE = 2;
const EVENT = 'transfer';

/** A request under way. Plain data. */
interface BlockRequest {
  readonly chain: Chain;
  readonly type: number;
  readonly sector: number;
  /** Sectors that are done; of the present range, for requests that have ranges. */
  done: number;
  /** Ranges that are done. */
  ranges: number;
}

export interface BlockState {
  requests: BlockRequest[];
}

/** How a piece of a request ended: its status when it was the last one. */
type Step = 'wait' | 'more' | number;

export interface VirtioBlockOptions {
  readonly name: string;
  readonly slot: number;
  readonly disk: BlockBackend;
  /** What the disk calls itself, at most 20 ASCII characters. */
  readonly serial: string;
}

function configuration({ sectors, readOnly }: BlockBackend): readonly RegisterDescription[] {
  const ranged = readOnly ? 0 : 1;
  return [
    { name: 'capacity', title: 'sectors of 512 bytes', at: 0, bytes: 4, access: 'read-only', reset: sectors % 2 ** 32 },
    { name: 'capacity_high', title: 'sectors, high half', at: 4, bytes: 4, access: 'read-only', reset: Math.floor(sectors / 2 ** 32) },
    { name: 'size_max', title: 'bytes of a segment; not offered', at: 8, bytes: 4, access: 'read-only' },
    { name: 'seg_max', title: 'segments of a request', at: 12, bytes: 4, access: 'read-only', reset: SEGMENTS },
    { name: 'geometry', title: 'cylinders, heads, sectors; not offered', at: 16, bytes: 4, access: 'read-only' },
    { name: 'blk_size', title: 'bytes of a block', at: 20, bytes: 4, access: 'read-only', reset: SECTOR_BYTES },
    { name: 'physical_block_exp', title: 'blocks of a physical block, as power of two', at: 24, bytes: 1, access: 'read-only', reset: 3 },
    { name: 'alignment_offset', title: 'first aligned block', at: 25, bytes: 1, access: 'read-only' },
    { name: 'min_io_size', title: 'blocks of the smallest request without loss', at: 26, bytes: 2, access: 'read-only', reset: 8 },
    { name: 'opt_io_size', title: 'blocks of the best request', at: 28, bytes: 4, access: 'read-only', reset: PIECE },
    {
      name: 'writeback', title: 'whether writes may wait in a cache until a flush', at: 32, bytes: 1, access: 'read-write', reset: 1, writable: 1,
    },
    { name: 'num_queues', title: 'queues; not offered', at: 34, bytes: 2, access: 'read-only' },
    { name: 'max_discard_sectors', title: 'sectors of a range to discard', at: 36, bytes: 4, access: 'read-only', reset: ranged * RANGE_SECTORS },
    { name: 'max_discard_seg', title: 'ranges of a discard', at: 40, bytes: 4, access: 'read-only', reset: ranged * MOST_RANGES },
    { name: 'discard_sector_alignment', title: 'sectors to which discards are aligned', at: 44, bytes: 4, access: 'read-only', reset: ranged * 8 },
    { name: 'max_write_zeroes_sectors', title: 'sectors of a range of zeros', at: 48, bytes: 4, access: 'read-only', reset: ranged * RANGE_SECTORS },
    { name: 'max_write_zeroes_seg', title: 'ranges of a write of zeros', at: 52, bytes: 4, access: 'read-only', reset: ranged * MOST_RANGES },
    { name: 'write_zeroes_may_unmap', title: 'whether zeros may be discarded blocks', at: 56, bytes: 1, access: 'read-only' },
  ];
}

export class VirtioBlock extends VirtioDevice<BlockState> {
  readonly #disk: BlockBackend;
  readonly #serial: string;

  constructor(surroundings: VirtioSurroundings, { name, slot, disk, serial }: VirtioBlockOptions) {
    super(surroundings, {
      name, slot, title: 'virtio block device', type: 2, classCode: 0x018000,
      features: [
        FEATURE.segMax, FEATURE.blockSize, FEATURE.flush, FEATURE.topology, FEATURE.configWce,
        ...(disk.readOnly ? [FEATURE.readOnly] : [FEATURE.discard, FEATURE.writeZeroes]),
      ],
      queueSizes: [QUEUE_SIZE],
      configuration: configuration(disk),
    }, () => ({ requests: [] }));
    this.#disk = disk;
    this.#serial = serial;
  }

  protected override happened(): EventAnswer {
    const { own } = this.state;
    const [request] = own.requests;
    if (request === undefined || !this.isWorking) return undefined;
    const step = this.#step(request);
    if (step === 'wait') return 'wait';
    if (typeof step === 'number') {
      own.requests.shift();
      this.#finish(request, step);
      this.#take();
    }
    if (this.state.own.requests.length > 0) this.#schedule(PIECE_CYCLES);
    return undefined;
  }

  protected override notified(): void {
    const wasIdle = this.state.own.requests.length === 0;
    this.#take();
    if (wasIdle && this.state.own.requests.length > 0) this.#schedule(FIRST_CYCLES);
  }

  /** A driver that does not flush expects that writes are safe when they are done (5.2.5.2). */
  protected override agreed(): void {
    if (!this.hasFeature(FEATURE.flush)) this.configure({ writeback: 0 }, false);
  }

  /** Takes requests out of the queue, and lets the host fetch what they will read. */
  #take(): void {
    const { requests } = this.state.own;
    while (requests.length < MOST_REQUESTS) {
      const chain = this.queues[0].take();
      if (chain === undefined) return;
      if (chain.readBytes < HEADER_BYTES || chain.writeBytes < 1) {
        this.breakDown('a request has no header, or no room for its status');
        return;
      }
      const header = new DataView(gather(this.memory, chain.readable, 0, HEADER_BYTES).buffer);
      const request: BlockRequest = {
        chain, type: header.getUint32(0, true), sector: header.getUint32(8, true) + header.getUint32(12, true) * 2 ** 32, done: 0, ranges: 0,
      };
      requests.push(request);
      const count = (chain.writeBytes - 1) / SECTOR_BYTES;
      if (request.type === REQUEST.in && this.#isInside(request.sector, count)) this.#disk.prefetch(request.sector, count);
    }
  }

  #schedule(cycles: number): void {
    const [{ chain, done }] = this.state.own.requests;
    const left = Math.max(chain.readBytes, chain.writeBytes) - SECTOR_BYTES * done;
    this.later(EVENT, cycles + Math.ceil(Math.max(0, Math.min(left, PIECE * SECTOR_BYTES)) / BYTES_PER_CYCLE));
  }

  #finish({ chain, done }: BlockRequest, status: number): void {
    scatter(this.memory, chain.writable, chain.writeBytes - 1, Uint8Array.of(status));
    this.queues[0].put(chain.head, status === STATUS.ok ? chain.writeBytes : Math.min(done * SECTOR_BYTES, chain.writeBytes - 1));
    this.tell(0);
  }

  #isInside(sector: number, count: number): boolean {
    return Number.isInteger(count) && sector + count <= this.#disk.sectors;
  }

  /** The next piece of a request. Nothing has happened when it is 'wait'. */
  #step(request: BlockRequest): Step {
    try {
      switch (request.type) {
        case REQUEST.in: return this.#read(request);
        case REQUEST.out: return this.#write(request);
        case REQUEST.flush: return this.#disk.flush() ? STATUS.ok : 'wait';
        case REQUEST.getId: return this.#identify(request);
        case REQUEST.discard:
        case REQUEST.writeZeroes: return this.#clear(request);
        default: return STATUS.unsupported;
      }
    } catch (error) {
      if (error instanceof BlockError) return STATUS.error;
      throw error;
    }
  }

  #read(request: BlockRequest): Step {
    const { chain, sector, done } = request;
    const count = (chain.writeBytes - 1) / SECTOR_BYTES;
    if (!this.#isInside(sector, count)) return STATUS.error;
    const piece = Math.min(PIECE, count - done);
    const data = new Uint8Array(piece * SECTOR_BYTES);
    if (piece > 0 && !this.#disk.read(sector + done, piece, data)) return 'wait';
    scatter(this.memory, chain.writable, done * SECTOR_BYTES, data);
    request.done += piece;
    return request.done === count ? STATUS.ok : 'more';
  }

  #write(request: BlockRequest): Step {
    const { chain, sector, done } = request;
    const count = (chain.readBytes - HEADER_BYTES) / SECTOR_BYTES;
    if (this.#disk.readOnly || !this.#isInside(sector, count)) return STATUS.error;
    const piece = Math.min(PIECE, count - done);
    const data = gather(this.memory, chain.readable, HEADER_BYTES + done * SECTOR_BYTES, piece * SECTOR_BYTES);
    if (piece > 0 && !this.#disk.write(sector + done, data)) return 'wait';
    request.done += piece;
    return request.done === count ? this.#written() : 'more';
  }

  /** The last piece has been written: without a cache it has to be safe now. Comes again when the host is not that far. */
  #written(): Step {
    return this.configuration('writeback') === 1 || this.#disk.flush() ? STATUS.ok : 'wait';
  }

  #identify({ chain }: BlockRequest): Step {
    const id = new Uint8Array(ID_BYTES);
    for (let index = 0; index < Math.min(ID_BYTES, this.#serial.length); index++) id[index] = this.#serial.charCodeAt(index) & 0x7f;
    scatter(this.memory, chain.writable, 0, id.subarray(0, chain.writeBytes - 1));
    return STATUS.ok;
  }

  /** Discard and write zeroes: range after range (5.2.6.2). */
  #clear(request: BlockRequest): Step {
    const { chain, type, done } = request;
    const count = (chain.readBytes - HEADER_BYTES) / RANGE_BYTES;
    if (this.#disk.readOnly || !Number.isInteger(count) || count > MOST_RANGES) return STATUS.error;
    if (request.ranges === count) return this.#written();
    const view = new DataView(gather(this.memory, chain.readable, HEADER_BYTES + RANGE_BYTES * request.ranges, RANGE_BYTES).buffer);
    const sector = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
    const sectors = view.getUint32(8, true);
    const flags = view.getUint32(12, true);
    if ((flags & (type === REQUEST.writeZeroes ? ~UNMAP : ~0)) !== 0) return STATUS.unsupported;
    if (sectors > RANGE_SECTORS || !this.#isInside(sector, sectors)) return STATUS.error;
    if (type === REQUEST.discard) {
      if (!this.#disk.discard(sector, sectors)) return 'wait';
      request.done = sectors;
    } else {
      const piece = Math.min(PIECE, sectors - done);
      if (piece > 0 && !this.#disk.write(sector + done, new Uint8Array(piece * SECTOR_BYTES))) return 'wait';
      request.done += piece;
    }
    if (request.done < sectors) return 'more';
    request.ranges++;
    request.done = 0;
    return request.ranges === count ? this.#written() : 'more';
  }
}
