/** The host's files, opened for the monitor context and the storage thread: synchronous, by offset. */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import nodePath from 'node:path';
import { MachineError } from '../../monitor/machine/blame';
import type { FileAccess, FileStore } from '../../monitor/machine/images';
import { fileFault } from './fileFault';
import { lockImage } from './imageLock';

function access(path: string, descriptor: number, writable: boolean): FileAccess {
  const { size, mtimeMs } = fstatSync(descriptor);
  // Nobody else writes to an image that is open; asking for its size each time costs a call of the system.
  let end = size;
  const check = (): void => {
    if (!writable) throw new MachineError(`${path} was opened for reading only`, 'internal');
  };
  return {
    get size() { return end; },
    writable,
    modified: Math.floor(mtimeMs / 1000),
    read(offset, target) {
      let done = 0;
      while (done < target.length) {
        const got = readSync(descriptor, target, done, target.length - done, offset + done);
        if (got === 0) break;
        done += got;
      }
      target.fill(0, done);
    },
    write(offset, source) {
      check();
      let done = 0;
      while (done < source.length) done += writeSync(descriptor, source, done, source.length - done, offset + done);
      end = Math.max(end, offset + source.length);
    },
    resize(bytes) {
      check();
      ftruncateSync(descriptor, bytes);
      end = bytes;
    },
    flush() {
      if (writable) fdatasyncSync(descriptor);
    },
    close: () => closeSync(descriptor),
  };
}

function openWith(path: string, flags: string, writable: boolean): FileAccess {
  try {
    return access(path, openSync(path, flags), writable);
  } catch (error) {
    throw new MachineError(fileFault(path, error), 'user');
  }
}

/** Opens a file to be written, which no other machine may write to until it is closed. */
function openLocked(path: string): FileAccess {
  // First, so that faults of the file itself are told as such.
  const file = openWith(path, 'r+', true);
  let unlock: () => void;
  try {
    unlock = lockImage(path);
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    ...file,
    get size() { return file.size; },
    close() {
      file.close();
      unlock();
    },
  };
}

export const nodeFiles: FileStore = {
  open: (path, writable) => (writable ? openLocked(path) : openWith(path, 'r', false)),
  create: (path) => openWith(path, 'wx+', true),
  exists: existsSync,
  resolve: (from, path) => nodePath.resolve(nodePath.dirname(from), path),
  relative: (from, to) => nodePath.relative(nodePath.dirname(nodePath.resolve(from)), nodePath.resolve(to)),
  identifier() {
    const bytes = Uint8Array.from(randomBytes(16));
    // A random UUID (RFC 4122, version 4), read with its first three groups little-endian.
    bytes[7] = (bytes[7] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return bytes;
  },
  moment: () => Math.floor(Date.now() / 1000),
};
