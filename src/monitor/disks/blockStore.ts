/** Where the blocks of a disk come from and go to: orders that are carried out one after the other, maybe in another thread. */
import type { DiskImage, ImageFormat } from './image';

/** Which image is to be opened, and how. */
export interface DiskRequest {
  readonly path: string;
  readonly writable: boolean;
  /** Default: found out by the contents. */
  readonly format?: ImageFormat;
  /** A raw image that is padded with zeros: to the size of a floppy's format, or to whole blocks of a CD. */
  readonly medium?: 'floppy' | 'cdrom';
  /** A QCOW2 image, made if it is not there, that takes what is written; then `path` is only read. */
  readonly overlay?: string;
}

export interface DiskFacts {
  /** Size of the disk, bytes. */
  readonly bytes: number;
  readonly readOnly: boolean;
  /** Whether discarded blocks read as zeros; if not, discarding does nothing. */
  readonly discards: boolean;
}

export type BlockOrder =
  | { readonly kind: 'read' | 'discard'; readonly offset: number; readonly bytes: number }
  | { readonly kind: 'write'; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'flush' };

export interface BlockReply {
  readonly id: number;
  /** What was read. */
  readonly data?: Uint8Array;
  /** Why it could not be done. */
  readonly fault?: string;
}

export interface BlockStore extends DiskFacts {
  /** Whether orders are done when `submit` returns. */
  readonly immediate: boolean;
  /** `id`: comes back with the reply. Orders are carried out in the order in which they come. */
  submit(id: number, order: BlockOrder): void;
  /** The next reply, if there is one. */
  receive(): BlockReply | undefined;
  /** Blocks until there may be a reply. */
  wait(): void;
}

/** What opens disks whose work is done in another thread. */
export interface StorageService {
  /** @throws MachineError (blame: user) when the image cannot be used */
  open(request: DiskRequest): BlockStore;
}

/** Does what an order says. Never throws: what goes wrong is in the reply. */
export function carryOut(image: DiskImage, id: number, order: BlockOrder): BlockReply {
  try {
    switch (order.kind) {
      case 'read': {
        const data = new Uint8Array(order.bytes);
        image.read(order.offset, data);
        return { id, data };
      }
      case 'write':
        image.write(order.offset, order.data);
        break;
      case 'discard':
        image.discard(order.offset, order.bytes);
        break;
      case 'flush':
        image.flush();
    }
    return { id };
  } catch (error) {
    return { id, fault: error instanceof Error ? error.message : String(error) };
  }
}

/** The work is done at once, by the thread that asks. */
export class DirectStore implements BlockStore {
  readonly immediate = true;
  readonly bytes: number;
  readonly readOnly: boolean;
  readonly discards: boolean;
  private readonly replies: BlockReply[] = [];

  constructor(private readonly image: DiskImage) {
    this.bytes = image.bytes;
    this.readOnly = image.readOnly;
    this.discards = image.discards;
  }

  submit(id: number, order: BlockOrder): void {
    this.replies.push(carryOut(this.image, id, order));
  }

  receive(): BlockReply | undefined {
    return this.replies.shift();
  }

  wait(): void {
    // Nothing is ever under way.
  }
}
