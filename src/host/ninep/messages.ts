/**
 * Messages of 9P2000.L as bytes.
 *
 * Source: intro(5) and the pages of Plan 9's manual for what is 9P2000's; the protocol description of the diod server for what 9P2000.L
 * has of its own. All numbers are little-endian; a string is its length in two bytes and UTF-8.
 */
import { NinepError } from './errno';

/** Types of requests. The answer to each has the next number. */
export const TYPE = {
  error: 6, statfs: 8, open: 12, create: 14, symlink: 16, mknod: 18, rename: 20, readlink: 22, getattr: 24, setattr: 26, xattrwalk: 30, xattrcreate: 32,
  readdir: 40, fsync: 50, lock: 52, getlock: 54, link: 70, mkdir: 72, renameat: 74, unlinkat: 76,
  version: 100, auth: 102, attach: 104, flush: 108, walk: 110, read: 116, write: 118, clunk: 120, remove: 122,
} as const;

/** Length, type, tag. */
export const HEADER_BYTES = 7;

/** What identifies a file: its kind, a number that changes with its contents, and one that is its own. */
export interface Qid {
  readonly kind: number;
  readonly version: number;
  readonly path: bigint;
}

export const QID_BYTES = 13;
/** Kinds of qids. */
export const QID_KIND = { folder: 0x80, link: 0x02, file: 0x00 } as const;

/** Takes a request apart. Throws NinepError (EINVAL) for a message that ends too early, or text that is none. */
export class MessageReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = HEADER_BYTES;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  text(): string {
    const bytes = this.data(this.u16());
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new NinepError('EINVAL');
    }
  }

  data(bytes: number): Uint8Array {
    const at = this.#take(bytes);
    return this.#bytes.subarray(at, at + bytes);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#bytes.length) throw new NinepError('EINVAL');
    this.#at += bytes;
    return at;
  }
}

/** Puts an answer together. */
export class MessageWriter {
  #bytes = new Uint8Array(256);
  #length = HEADER_BYTES;

  u8(value: number): this {
    this.#room(1).setUint8(0, value);
    return this;
  }

  u16(value: number): this {
    this.#room(2).setUint16(0, value, true);
    return this;
  }

  u32(value: number): this {
    this.#room(4).setUint32(0, value, true);
    return this;
  }

  u64(value: bigint): this {
    this.#room(8).setBigUint64(0, BigInt.asUintN(64, value), true);
    return this;
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.u16(bytes.length).data(bytes);
  }

  qid({ kind, version, path }: Qid): this {
    return this.u8(kind).u32(version).u64(path);
  }

  data(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length - bytes.length);
    return this;
  }

  /** The whole message. */
  finish(type: number, tag: number): Uint8Array {
    const message = this.#bytes.slice(0, this.#length);
    const view = new DataView(message.buffer);
    view.setUint32(0, message.length, true);
    view.setUint8(4, type);
    view.setUint16(5, tag, true);
    return message;
  }

  /** A view of so many more bytes at the end. */
  #room(bytes: number): DataView {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return new DataView(this.#bytes.buffer, at, bytes);
  }
}
