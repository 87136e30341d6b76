/**
 * A 9P2000.L server over a `FileSystem`: every request gets one answer, at once. What a client can make it keep (fids, open files) is
 * bounded, and a client cannot name anything outside of the file system's root.
 *
 * Source: see messages.ts. There are no extended attributes, devices or authentication; locks are granted, for the client is alone.
 */
import { errorOfCode, NinepError } from './errno';
import type { Attributes, FileKind, FileSystem, FolderEntry, OpenFile, Place } from './fileSystem';
import { HEADER_BYTES, MessageReader, MessageWriter, type Qid, QID_BYTES, QID_KIND, TYPE } from './messages';

const VERSION = '9P2000.L';
/** The largest message that is agreed on: as the virtio transport carries it. */
const MOST_MESSAGE = 512 * 1024;
const LEAST_MESSAGE = 4096;
/** What the header of a read's answer, or of a write, takes of a message. */
const DATA_HEADER = 24;
const MOST_FIDS = 65_536;
const MOST_OPEN = 512;
/** Names in one walk (walk(5)). */
const MOST_NAMES = 16;
const MOST_NAME_BYTES = 255;

/** Flags of open and create, as Linux numbers them. */
const OPEN = { accessMode: 3, writeOnly: 1, readWrite: 2, exclusive: 0o200, truncate: 0o1000, append: 0o2000 } as const;
/** Which attributes a setattr is about. */
const SET = { mode: 1, uid: 2, gid: 4, size: 8, accessed: 0x10, modified: 0x20, accessedTo: 0x80, modifiedTo: 0x100 } as const;
/** The attributes that a getattr gives: mode to ctime and blocks. */
const BASIC_ATTRIBUTES = 0x7ffn;
const NANOSECONDS = 1_000_000_000n;
const UNLINK_FOLDER = 0x200;
const LOCK_GRANTED = 0;
const UNLOCKED = 2;
const FILE_SYSTEM_MAGIC = 0x01021997;
/** Types in a folder's entries (DT_DIR and so on). */
const ENTRY_TYPE: Readonly<Record<FileKind, number>> = { file: 8, folder: 4, link: 10, other: 0 };

/** A client's handle. */
interface Fid {
  place: Place;
  file?: OpenFile;
  /** A folder that is being read: its entries, as they were when that began. */
  listing?: readonly FolderEntry[];
}

function qidOf({ kind, inode, modified }: Attributes): Qid {
  const kinds = kind === 'folder' ? QID_KIND.folder : kind === 'link' ? QID_KIND.link : QID_KIND.file;
  return { kind: kinds, version: Number(BigInt.asUintN(32, modified / 1000n)), path: inode };
}

/** Whether `place` is `folder` or inside it. */
function isInside(place: Place, folder: Place): boolean {
  return folder.every((name, index) => place[index] === name);
}

function checkName(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) throw new NinepError('EINVAL');
  if (new TextEncoder().encode(name).length > MOST_NAME_BYTES) throw new NinepError('ENAMETOOLONG');
  return name;
}

type Handler = (request: MessageReader, answer: MessageWriter) => void;

export class NinepServer {
  readonly #files: FileSystem;
  readonly #writable: boolean;
  readonly #fids = new Map<number, Fid>();
  readonly #handlers: ReadonlyMap<number, Handler>;
  #open = 0;
  #messageBytes = MOST_MESSAGE;

  constructor(files: FileSystem, { writable }: { readonly writable: boolean }) {
    this.#files = files;
    this.#writable = writable;
    this.#handlers = new Map([...this.#reading(), ...this.#changing()]);
  }

  /** Answers a request: a whole message, its header included. */
  handle(message: Uint8Array): Uint8Array {
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const type = message.length < HEADER_BYTES ? -1 : view.getUint8(4);
    const tag = message.length < HEADER_BYTES ? 0xffff : view.getUint16(5, true);
    const answer = new MessageWriter();
    try {
      const handler = this.#handlers.get(type);
      if (handler === undefined) throw new NinepError('EOPNOTSUPP');
      handler(new MessageReader(message), answer);
      return answer.finish(type + 1, tag);
    } catch (error) {
      const { number } = error instanceof NinepError ? error : errorOfCode('EIO');
      return new MessageWriter().u32(number).finish(TYPE.error + 1, tag);
    }
  }

  /** Closes everything: the client is gone, or begins anew. */
  close(): void {
    for (const fid of this.#fids.values()) this.#closeFile(fid);
    this.#fids.clear();
  }

  // Fids.

  #fid(number: number): Fid {
    const fid = this.#fids.get(number);
    if (fid === undefined) throw new NinepError('EBADF');
    return fid;
  }

  #addFid(number: number, place: Place): void {
    if (this.#fids.has(number)) throw new NinepError('EINVAL');
    if (this.#fids.size >= MOST_FIDS) throw new NinepError('ENFILE');
    this.#fids.set(number, { place });
  }

  #file(number: number): OpenFile {
    const { file } = this.#fid(number);
    if (file === undefined) throw new NinepError('EBADF');
    return file;
  }

  #keep(fid: Fid, open: () => OpenFile): OpenFile {
    if (fid.file !== undefined || fid.listing !== undefined) throw new NinepError('EINVAL');
    if (this.#open >= MOST_OPEN) throw new NinepError('EMFILE');
    const file = open();
    this.#open++;
    fid.file = file;
    return file;
  }

  #closeFile(fid: Fid): void {
    const { file } = fid;
    if (file === undefined) return;
    delete fid.file;
    this.#open--;
    file.close();
  }

  #clunk(number: number): void {
    const fid = this.#fid(number);
    this.#fids.delete(number);
    this.#closeFile(fid);
  }

  /** A name in the folder that a fid stands for. */
  #child(folder: number, name: string): Place {
    return [...this.#fid(folder).place, checkName(name)];
  }

  #mayWrite(): void {
    if (!this.#writable) throw new NinepError('EROFS');
  }

  // Requests that change nothing.

  #reading(): readonly (readonly [number, Handler])[] {
    return [
      [TYPE.version, (request, answer) => { this.#version(request, answer); }],
      [TYPE.attach, (request, answer) => {
        const fid = request.u32();
        const qid = qidOf(this.#files.attributes([]));
        this.#addFid(fid, []);
        answer.qid(qid);
      }],
      // Every request has had its answer by the time that the next one comes.
      [TYPE.flush, () => undefined],
      [TYPE.walk, (request, answer) => { this.#walk(request, answer); }],
      [TYPE.clunk, (request) => { this.#clunk(request.u32()); }],
      [TYPE.open, (request, answer) => { this.#openFid(request, answer); }],
      [TYPE.read, (request, answer) => {
        const file = this.#file(request.u32());
        const offset = Number(request.u64());
        const target = new Uint8Array(Math.min(request.u32(), this.#messageBytes - DATA_HEADER));
        const bytes = file.read(offset, target);
        answer.u32(bytes).data(target.subarray(0, bytes));
      }],
      [TYPE.readdir, (request, answer) => { this.#readFolder(request, answer); }],
      [TYPE.readlink, (request, answer) => { answer.text(this.#files.readLink(this.#fid(request.u32()).place)); }],
      [TYPE.getattr, (request, answer) => { this.#getAttributes(request, answer); }],
      [TYPE.statfs, (request, answer) => {
        this.#fid(request.u32());
        const { blockBytes, blocks, free, available, files, freeFiles } = this.#files.statistics();
        answer.u32(FILE_SYSTEM_MAGIC).u32(blockBytes).u64(blocks).u64(free).u64(available).u64(files).u64(freeFiles).u64(0n).u32(MOST_NAME_BYTES);
      }],
      [TYPE.fsync, (request) => { this.#fid(request.u32()).file?.sync(); }],
      [TYPE.lock, (request, answer) => {
        this.#fid(request.u32());
        answer.u8(LOCK_GRANTED);
      }],
      [TYPE.getlock, (request, answer) => {
        this.#fid(request.u32());
        request.u8();
        answer.u8(UNLOCKED).u64(request.u64()).u64(request.u64()).u32(request.u32()).text(request.text());
      }],
    ];
  }

  #version(request: MessageReader, answer: MessageWriter): void {
    const wanted = request.u32();
    const version = request.text();
    this.close();
    this.#messageBytes = Math.max(LEAST_MESSAGE, Math.min(wanted, MOST_MESSAGE));
    answer.u32(Math.min(wanted, MOST_MESSAGE)).text(version === VERSION && wanted >= LEAST_MESSAGE ? VERSION : 'unknown');
  }

  #walk(request: MessageReader, answer: MessageWriter): void {
    const from = request.u32();
    const to = request.u32();
    const count = request.u16();
    if (count > MOST_NAMES) throw new NinepError('EINVAL');
    let { place } = this.#fid(from);
    if (to !== from && this.#fids.has(to)) throw new NinepError('EINVAL');
    const qids: Qid[] = [];
    for (let index = 0; index < count; index++) {
      const name = request.text();
      try {
        // What is below a file that is no folder is not found by the file system itself.
        const next = name === '..' ? place.slice(0, -1) : [...place, checkName(name)];
        qids.push(qidOf(this.#files.attributes(next)));
        place = next;
      } catch (error) {
        if (index === 0 || !(error instanceof NinepError)) throw error;
        break;
      }
    }
    if (qids.length === count) {
      if (to === from) this.#fid(from).place = place;
      else this.#addFid(to, place);
    }
    answer.u16(qids.length);
    for (const qid of qids) answer.qid(qid);
  }

  #openFid(request: MessageReader, answer: MessageWriter): void {
    const fid = this.#fid(request.u32());
    const mode = this.#openMode(request.u32());
    const attributes = this.#files.attributes(fid.place);
    if (attributes.kind === 'folder') {
      if (mode.writes) throw new NinepError('EISDIR');
    } else {
      this.#keep(fid, () => this.#files.open(fid.place, mode));
    }
    answer.qid(qidOf(fid.file?.attributes() ?? attributes)).u32(0);
  }

  #openMode(flags: number): { reads: boolean; writes: boolean; truncates: boolean; appends: boolean } {
    const access = flags & OPEN.accessMode;
    const writes = access === OPEN.writeOnly || access === OPEN.readWrite;
    const truncates = (flags & OPEN.truncate) !== 0;
    if (writes || truncates) this.#mayWrite();
    return { reads: access !== OPEN.writeOnly, writes: writes || truncates, truncates, appends: (flags & OPEN.append) !== 0 };
  }

  #readFolder(request: MessageReader, answer: MessageWriter): void {
    const fid = this.#fid(request.u32());
    const offset = Number(request.u64());
    const most = Math.min(request.u32(), this.#messageBytes - DATA_HEADER);
    if (offset === 0 || fid.listing === undefined) {
      fid.listing = [
        { name: '.', attributes: this.#files.attributes(fid.place) },
        { name: '..', attributes: this.#files.attributes(fid.place.slice(0, -1)) },
        ...this.#files.list(fid.place),
      ];
    }
    const entries = new MessageWriter();
    let bytes = 0;
    for (let index = offset; index < fid.listing.length; index++) {
      const { name, attributes } = fid.listing[index];
      const length = QID_BYTES + 8 + 1 + 2 + new TextEncoder().encode(name).length;
      if (bytes + length > most) break;
      bytes += length;
      entries.qid(qidOf(attributes)).u64(BigInt(index + 1)).u8(ENTRY_TYPE[attributes.kind]).text(name);
    }
    answer.u32(bytes).data(entries.finish(0, 0).subarray(HEADER_BYTES));
  }

  #getAttributes(request: MessageReader, answer: MessageWriter): void {
    const fid = this.#fid(request.u32());
    const attributes = fid.file?.attributes() ?? this.#files.attributes(fid.place);
    answer.u64(BASIC_ATTRIBUTES).qid(qidOf(attributes)).u32(attributes.mode).u32(attributes.uid).u32(attributes.gid);
    answer.u64(attributes.links).u64(attributes.device).u64(attributes.bytes).u64(attributes.blockBytes).u64(attributes.blocks);
    for (const time of [attributes.accessed, attributes.modified, attributes.changed, 0n]) answer.u64(time / NANOSECONDS).u64(time % NANOSECONDS);
    answer.u64(0n).u64(0n);
  }

  // Requests that change something.

  #changing(): readonly (readonly [number, Handler])[] {
    const handlers: readonly (readonly [number, Handler])[] = [
      [TYPE.write, (request, answer) => {
        const file = this.#file(request.u32());
        const offset = Number(request.u64());
        answer.u32(file.write(offset, request.data(request.u32())));
      }],
      [TYPE.create, (request, answer) => { this.#create(request, answer); }],
      [TYPE.setattr, (request) => { this.#setAttributes(request); }],
      [TYPE.mkdir, (request, answer) => {
        const place = this.#child(request.u32(), request.text());
        this.#files.makeFolder(place, request.u32());
        answer.qid(qidOf(this.#files.attributes(place)));
      }],
      [TYPE.symlink, (request, answer) => {
        const place = this.#child(request.u32(), request.text());
        this.#files.makeLink(place, request.text());
        answer.qid(qidOf(this.#files.attributes(place)));
      }],
      [TYPE.link, (request) => {
        const folder = request.u32();
        const file = this.#fid(request.u32()).place;
        this.#files.link(file, this.#child(folder, request.text()));
      }],
      [TYPE.rename, (request) => {
        const { place } = this.#fid(request.u32());
        this.#rename(place, this.#child(request.u32(), request.text()));
      }],
      [TYPE.renameat, (request) => {
        const from = this.#child(request.u32(), request.text());
        this.#rename(from, this.#child(request.u32(), request.text()));
      }],
      [TYPE.unlinkat, (request) => {
        const place = this.#child(request.u32(), request.text());
        this.#files.remove(place, (request.u32() & UNLINK_FOLDER) !== 0);
      }],
      [TYPE.mknod, () => { throw new NinepError('EPERM'); }],
    ];
    return [
      ...handlers.map(([type, handler]): readonly [number, Handler] => [type, (request, answer) => {
        this.#mayWrite();
        handler(request, answer);
      }]),
      // remove(5) clunks its fid, whether or not the file could be removed.
      [TYPE.remove, (request) => { this.#remove(request.u32()); }],
    ];
  }

  #create(request: MessageReader, answer: MessageWriter): void {
    const fid = this.#fid(request.u32());
    const place = [...fid.place, checkName(request.text())];
    const flags = request.u32();
    const permissions = request.u32();
    const mode = { ...this.#openMode(flags), exclusive: (flags & OPEN.exclusive) !== 0 };
    const file = this.#keep(fid, () => this.#files.create(place, mode, permissions));
    // From now on the fid is the new file's.
    fid.place = place;
    answer.qid(qidOf(file.attributes())).u32(0);
  }

  #setAttributes(request: MessageReader): void {
    const { place, file } = this.#fid(request.u32());
    const valid = request.u32();
    const [mode, uid, gid] = [request.u32(), request.u32(), request.u32()];
    const bytes = Number(request.u64());
    const accessed = request.u64() * NANOSECONDS + request.u64();
    const modified = request.u64() * NANOSECONDS + request.u64();
    const isSet = (bit: number): boolean => (valid & bit) !== 0;
    if (isSet(SET.size) && file !== undefined) file.resize(bytes);
    this.#files.change(place, {
      ...(isSet(SET.mode) ? { mode } : {}),
      ...(isSet(SET.uid) ? { uid } : {}),
      ...(isSet(SET.gid) ? { gid } : {}),
      ...(isSet(SET.size) && file === undefined ? { bytes } : {}),
      ...(isSet(SET.accessed) ? { accessed: isSet(SET.accessedTo) ? accessed : 'now' } : {}),
      ...(isSet(SET.modified) ? { modified: isSet(SET.modifiedTo) ? modified : 'now' } : {}),
    });
  }

  #rename(from: Place, to: Place): void {
    if (from.length === 0) throw new NinepError('EBUSY');
    if (to.length > from.length && isInside(to, from)) throw new NinepError('EINVAL');
    this.#files.rename(from, to);
    // Handles to what has moved, and to what is in it, go along.
    for (const fid of this.#fids.values()) {
      if (isInside(fid.place, from)) fid.place = [...to, ...fid.place.slice(from.length)];
    }
  }

  #remove(number: number): void {
    const { place } = this.#fid(number);
    this.#clunk(number);
    this.#mayWrite();
    if (place.length === 0) throw new NinepError('EBUSY');
    this.#files.remove(place, this.#files.attributes(place).kind === 'folder');
  }
}
