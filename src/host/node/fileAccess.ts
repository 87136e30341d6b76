/** The host's files, opened for the monitor context: synchronous, by offset. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { MachineError } from '../../monitor/machine/blame';
import type { FileAccess, FileStore } from '../../monitor/machine/images';
import { fileFault } from './fileFault';

function access(path: string, descriptor: number, writable: boolean): FileAccess {
  return {
    size: fstatSync(descriptor).size,
    writable,
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
      if (!writable) throw new MachineError(`${path} was opened for reading only`, 'internal');
      let done = 0;
      while (done < source.length) done += writeSync(descriptor, source, done, source.length - done, offset + done);
    },
    close: () => closeSync(descriptor),
  };
}

export const nodeFiles: FileStore = {
  open(path, writable) {
    try {
      return access(path, openSync(path, writable ? 'r+' : 'r'), writable);
    } catch (error) {
      throw new MachineError(fileFault(path, error), 'user');
    }
  },
};
