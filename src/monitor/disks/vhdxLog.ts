/**
 * The log of VHDX images: changes of tables are written here first, whole sectors of 4 KiB with checksums, so that those that were
 * interrupted are done again when the image is opened. Source: [MS-VHDX], 2.3.
 */
import { crc32c } from './crc32c';
import type { FileAccess } from './file';
import { aligned, ImageError, putU64, u64, viewOf } from './image';
import type { VhdxHeader } from './vhdxFormat';

export const LOG_SECTOR = 4096;
const ENTRY_HEADER = 64;
const DESCRIPTOR = 32;
const CHECKSUM = 4;
/** The data of a sector without its first 8 and last 4 bytes, which are in the descriptor. */
const DATA_START = 8, DATA_END = LOG_SECTOR - 4;
/** As many as one sector of descriptors holds. */
export const MOST_CHANGES = (LOG_SECTOR - ENTRY_HEADER) / DESCRIPTOR;

/** Bytes that belong at a place in the file. Without `data`, zeros. */
export interface LoggedChange {
  readonly offset: number;
  readonly bytes: number;
  readonly data?: Uint8Array;
}

interface Entry {
  readonly at: number;
  readonly next: number;
  readonly sequence: number;
  readonly tail: number;
  readonly flushedBytes: number;
  readonly lastBytes: number;
  readonly changes: readonly LoggedChange[];
}

export interface Replay {
  readonly changes: readonly LoggedChange[];
  /** What the file's size has to be at least. */
  readonly fileBytes: number;
}

function signature(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

class LogReader {
  private readonly log: Uint8Array;

  constructor(file: FileAccess, private readonly header: VhdxHeader) {
    this.log = new Uint8Array(header.logBytes);
    file.read(header.logOffset, this.log);
  }

  /** Bytes of the log, which goes on at its beginning behind its end. */
  private take(at: number, bytes: number): Uint8Array {
    const first = this.log.slice(at, Math.min(at + bytes, this.log.length));
    if (first.length === bytes) return first;
    const all = new Uint8Array(bytes);
    all.set(first);
    all.set(this.log.subarray(0, bytes - first.length), first.length);
    return all;
  }

  private entry(at: number): Entry | undefined {
    if (signature(this.log, at) !== 'loge') return undefined;
    const length = viewOf(this.log).getUint32(at + 8, true);
    if (length === 0 || length % LOG_SECTOR !== 0 || length > this.log.length) return undefined;
    const bytes = this.take(at, length);
    const view = viewOf(bytes);
    const sequence = u64(view, 16, true), count = view.getUint32(24, true);
    if (view.getUint32(CHECKSUM, true) !== crc32c(bytes, CHECKSUM) || sequence === 0) return undefined;
    if (!this.header.log.every((byte, index) => bytes[32 + index] === byte)) return undefined;
    if (ENTRY_HEADER + count * DESCRIPTOR > length) return undefined;
    const changes = this.changes(bytes, count, sequence);
    if (changes === undefined) return undefined;
    return {
      at, next: (at + length) % this.log.length, sequence, tail: view.getUint32(12, true), changes,
      flushedBytes: u64(view, 48, true), lastBytes: u64(view, 56, true),
    };
  }

  private changes(bytes: Uint8Array, count: number, sequence: number): LoggedChange[] | undefined {
    const view = viewOf(bytes);
    const found: LoggedChange[] = [];
    let sector = aligned(ENTRY_HEADER + count * DESCRIPTOR, LOG_SECTOR);
    for (let index = 0, at = ENTRY_HEADER; index < count; index++, at += DESCRIPTOR) {
      const kind = signature(bytes, at), offset = u64(view, at + 16, true);
      if (u64(view, at + 24, true) !== sequence || offset % LOG_SECTOR !== 0) return undefined;
      if (kind === 'zero') {
        found.push({ offset, bytes: u64(view, at + 8, true) });
        continue;
      }
      const sound = kind === 'desc' && sector + LOG_SECTOR <= bytes.length && signature(bytes, sector) === 'data'
        && view.getUint32(sector + 4, true) * 0x1_0000_0000 + view.getUint32(sector + DATA_END, true) === sequence;
      if (!sound) return undefined;
      const data = bytes.slice(sector, sector + LOG_SECTOR);
      data.set(bytes.subarray(at + 8, at + 16), 0);
      data.set(bytes.subarray(at + 4, at + 8), DATA_END);
      found.push({ offset, bytes: LOG_SECTOR, data });
      sector += LOG_SECTOR;
    }
    return found;
  }

  /** The entries that follow one another from a place in the log, until their numbers do not go on. */
  private sequenceFrom(at: number): Entry[] {
    const found: Entry[] = [];
    for (let entry = this.entry(at); entry !== undefined; entry = this.entry(entry.next)) {
      if (found.length > 0 && entry.sequence !== found[found.length - 1].sequence + 1) break;
      found.push(entry);
    }
    return found;
  }

  /** The entries that are in force: the newest sequence that reaches back to its own tail. */
  active(): readonly Entry[] | undefined {
    let best: readonly Entry[] | undefined;
    for (let at = 0; at < this.log.length; at += LOG_SECTOR) {
      const entries = this.sequenceFrom(at);
      if (entries.length === 0) continue;
      const head = entries[entries.length - 1];
      const tail = entries.findIndex((entry) => entry.at === head.tail);
      if (tail >= 0 && (best === undefined || head.sequence > best[best.length - 1].sequence)) best = entries.slice(tail);
    }
    return best;
  }
}

/**
 * What has to be done again before the file's tables are right; undefined when the log is empty.
 * @throws ImageError when the log is not sound
 */
export function readLog(file: FileAccess, header: VhdxHeader, name: string): Replay | undefined {
  if (header.log.every((byte) => byte === 0)) return undefined;
  const entries = header.logBytes % LOG_SECTOR === 0 && header.logBytes <= 0x10000000 ? new LogReader(file, header).active() : undefined;
  const head = entries?.at(-1);
  if (entries === undefined || head === undefined || head.flushedBytes > file.size) throw new ImageError(`${name}: the VHDX image's log is damaged; restore the image from a copy.`);
  return { changes: entries.flatMap(({ changes }) => changes), fileBytes: head.lastBytes };
}

export interface LogEntryFields {
  readonly log: Uint8Array;
  readonly sequence: number;
  /** Where the entry will lie in the log: it is the only one of its sequence. */
  readonly at: number;
  readonly fileBytes: number;
  /** Sectors of tables, at most MOST_CHANGES. */
  readonly changes: readonly (readonly [number, Uint8Array])[];
}

export function makeLogEntry({ log, sequence, at, fileBytes, changes }: LogEntryFields): Uint8Array {
  const bytes = new Uint8Array((1 + changes.length) * LOG_SECTOR);
  const view = viewOf(bytes);
  const text = (word: string, place: number): void => bytes.set(new TextEncoder().encode(word), place);
  text('loge', 0);
  view.setUint32(8, bytes.length, true);
  view.setUint32(12, at, true);
  putU64(view, 16, sequence, true);
  view.setUint32(24, changes.length, true);
  bytes.set(log, 32);
  putU64(view, 48, fileBytes, true);
  putU64(view, 56, fileBytes, true);
  changes.forEach(([offset, data], index) => {
    const descriptor = ENTRY_HEADER + index * DESCRIPTOR, sector = (1 + index) * LOG_SECTOR;
    text('desc', descriptor);
    bytes.set(data.subarray(DATA_END), descriptor + 4);
    bytes.set(data.subarray(0, DATA_START), descriptor + 8);
    putU64(view, descriptor + 16, offset, true);
    putU64(view, descriptor + 24, sequence, true);
    text('data', sector);
    view.setUint32(sector + 4, Math.floor(sequence / 0x1_0000_0000), true);
    bytes.set(data.subarray(DATA_START, DATA_END), sector + DATA_START);
    view.setUint32(sector + DATA_END, sequence % 0x1_0000_0000, true);
  });
  view.setUint32(CHECKSUM, crc32c(bytes, CHECKSUM), true);
  return bytes;
}

/** A file as it is after a replay, for an image that is not to be written to. */
export class ReplayedFile implements FileAccess {
  readonly writable = false;
  readonly size: number;
  readonly modified: number;

  constructor(private readonly file: FileAccess, private readonly replay: Replay) {
    this.size = Math.max(file.size, replay.fileBytes);
    this.modified = file.modified;
  }

  read(offset: number, target: Uint8Array): void {
    this.file.read(offset, target);
    for (const change of this.replay.changes) {
      const start = Math.max(change.offset, offset), end = Math.min(change.offset + change.bytes, offset + target.length);
      if (start >= end) continue;
      if (change.data === undefined) target.fill(0, start - offset, end - offset);
      else target.set(change.data.subarray(start - change.offset, end - change.offset), start - offset);
    }
  }

  write(): void {
    throw new Error('an image whose log was replayed in memory is not written to');
  }

  resize(): void {
    this.write();
  }

  flush(): void {
    // Nothing is ever written.
  }

  close(): void {
    this.file.close();
  }
}

const ZEROS = new Uint8Array(256 * LOG_SECTOR);

/** Does in the file what the log says. */
export function applyReplay(file: FileAccess, replay: Replay): void {
  if (file.size < replay.fileBytes) file.resize(replay.fileBytes);
  for (const { offset, bytes, data } of replay.changes) {
    if (data !== undefined) file.write(offset, data);
    else for (let done = 0; done < bytes; done += ZEROS.length) file.write(offset + done, ZEROS.subarray(0, Math.min(ZEROS.length, bytes - done)));
  }
  file.flush();
}
