// An image file of the workspace, opened for reading with the images that it builds on.
import { statSync } from 'node:fs';
import path from 'node:path';
import { openDisk, type OpenedDisk } from '../../filesystems/volumes';
import { checkRange, FileSystemError, type ByteSource } from '../../filesystems/source';
import { nodeFiles } from '../../host/node/fileAccess';
import { ImageError, type DiskImage } from '../../monitor/disks/image';
import { openImage, type OpenedImage } from '../../monitor/disks/open';
import { MachineError } from '../../monitor/machine/blame';
import type { BlockMap, ChainMember } from './messages';

/** One read of the host's file is at most so long, so that the extension goes on to do other things in between. */
const PIECE = 1024 * 1024;
/** Stretches of equal kind that are looked at for one map, and between two turns of the event loop. */
const MOST_EXTENTS = 400_000, EXTENTS_A_TURN = 2_000;

const nextTurn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** Errors that say what is wrong with the file, as against bugs of ours. */
export function isImageProblem(error: unknown): error is Error {
  return error instanceof ImageError || error instanceof FileSystemError || (error instanceof MachineError && error.blame === 'user');
}

/** The disk in an image as a source of bytes. */
export function sourceOfImage(image: DiskImage): ByteSource {
  return {
    bytes: image.bytes,
    read: async (offset, bytes) => {
      checkRange(offset, bytes, image.bytes);
      const target = new Uint8Array(bytes);
      for (let done = 0; done < bytes; done += PIECE) {
        if (done > 0) await nextTurn();
        image.read(offset + done, target.subarray(done, done + PIECE));
      }
      return target;
    },
  };
}

/** Which cells of a stretch hold data. */
export async function blockMapOf(image: DiskImage, from: number, to: number, cells: number): Promise<BlockMap> {
  const end = Math.min(to, image.bytes);
  const width = Math.max(1, (end - from) / cells);
  const found = new Array<number>(cells).fill(0);
  let offset = from, dataBytes = 0;
  for (let looked = 0; offset < end && looked < MOST_EXTENTS; looked++) {
    if (looked % EXTENTS_A_TURN === EXTENTS_A_TURN - 1) await nextTurn();
    const extent = image.extentAt(offset);
    const behind = Math.min(end, offset + Math.max(1, extent.bytes));
    if (!extent.zero) {
      dataBytes += behind - offset;
      for (let cell = Math.floor((offset - from) / width); cell < cells && from + cell * width < behind; cell++) {
        const start = from + cell * width;
        found[cell] += (Math.min(behind, start + width) - Math.max(offset, start)) / width;
      }
    }
    offset = behind;
  }
  return { from, to: end, cells: found.map((part) => Math.min(1, part)), dataBytes, lookedTo: offset };
}

/** An image that is open until `close`. */
export class ImageFile {
  private disk: Promise<OpenedDisk> | undefined;

  private constructor(readonly path: string, private readonly opened: OpenedImage, private readonly stamp: string) {}

  /** @throws ImageError or MachineError that say what is wrong with the file */
  static open(file: string): ImageFile {
    return new ImageFile(file, openImage(nodeFiles, file, { writable: false }), stampOf(file));
  }

  get image(): DiskImage {
    return this.opened.image;
  }

  /** Whether the file is still what it was when it was opened. */
  get isFresh(): boolean {
    return stampOf(this.path) === this.stamp;
  }

  get chain(): readonly ChainMember[] {
    const members: ChainMember[] = [];
    for (let at: OpenedImage | undefined = this.opened; at !== undefined; at = at.parent) {
      members.push({ path: at.path, fileBytes: statSync(at.path).size, description: at.image.describe() });
    }
    return members;
  }

  /** Its partitions and files, looked through once. */
  contents(): Promise<OpenedDisk> {
    this.disk ??= openDisk(sourceOfImage(this.image));
    return this.disk;
  }

  close(): void {
    this.image.close();
  }
}

function stampOf(file: string): string {
  try {
    const { size, mtimeMs } = statSync(file);
    return `${size} ${mtimeMs}`;
  } catch {
    return `${path.basename(file)} is gone`;
  }
}
