/** The debug adapter's machines and files, as the host makes them: what `debugger/ports` asks for. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as zlib from 'node:zlib';
import type { FileReader, MachineFactory, OpenFile } from '../../debugger/ports';
import type { Unpackers } from '../../debugger/symbols/elf';
import { fileFault } from '../host/node/fileFault';
import { loadImages } from '../host/node/loadImages';
import { LoadError } from '../monitor/firmware/platform';
import { MachineError } from '../monitor/machine/blame';
import { problemText, validateConfiguration } from '../monitor/machine/configuration';
import type { MachineConfiguration, Notice } from '../monitor/machine/configuration';
import type { MachineEvent, MachineSession } from '../monitor/machine/session';
import type { Surroundings } from './surroundings';

/** Node has had Zstandard since version 22.15; before, sections that it compresses cannot be unpacked. */
const zstd: Unpackers['zstd'] = 'zstdDecompressSync' in zlib && typeof zlib.zstdDecompressSync === 'function'
  ? zlib.zstdDecompressSync as NonNullable<Unpackers['zstd']> : undefined;

function openFile(file: string): OpenFile {
  const descriptor = openSync(file, 'r');
  return {
    size: fstatSync(descriptor).size,
    read(offset, size) {
      const bytes = new Uint8Array(size);
      let filled = 0;
      for (let got = -1; got !== 0 && filled < size; filled += got) got = readSync(descriptor, bytes, filled, size - filled, offset + filled);
      return bytes.subarray(0, filled);
    },
    close: () => closeSync(descriptor),
  };
}

/** Reads files with paths relative to `cwd`. */
export function fileReader(cwd: string): FileReader {
  return {
    async read(file) {
      try {
        return new Uint8Array(await readFile(path.resolve(cwd, file)));
      } catch (error) {
        throw new MachineError(fileFault(file, error), 'user');
      }
    },
    async open(file) {
      try {
        return openFile(path.resolve(cwd, file));
      } catch (error) {
        throw new MachineError(fileFault(file, error), 'user');
      }
    },
    unpackers: { inflate: (bytes) => zlib.inflateSync(bytes), zstd },
    exists: (file) => access(path.resolve(cwd, file)).then(() => true, () => false),
  };
}

/** A session that tells its first listener what is worth knowing about its configuration. */
function withNotices(session: MachineSession, notices: readonly Notice[]): MachineSession {
  const waiting = notices.map(({ field, message }): MachineEvent => ({ kind: 'message', blame: 'user', text: `${field}: ${message}` }));
  return {
    control: session.control,
    inspect: session.inspect,
    dispose: () => session.dispose(),
    onEvent(listener) {
      session.onEvent(listener);
      for (const event of waiting.splice(0)) queueMicrotask(() => listener(event));
    },
  };
}

function checked(values: unknown, cwd: string): { readonly configuration: MachineConfiguration; readonly notices: readonly Notice[] } {
  const validation = validateConfiguration(values, { front: 'editor', resolvePath: (file) => path.resolve(cwd, file) });
  if ('problems' in validation) throw new MachineError(validation.problems.map(problemText).join('\n'), 'user', validation.problems[0].field);
  return validation;
}

/** An error about a field says which one; any other stays as it is. */
function namingField(error: unknown): unknown {
  const about = error instanceof LoadError || (error instanceof MachineError && error.blame === 'user') ? error.field : undefined;
  return error instanceof Error && about !== undefined ? new MachineError(`${about}: ${error.message}`, 'user', about) : error;
}

/** Makes the machines that launch configurations describe; paths in them are relative to `cwd`. */
export function machineFactory(cwd: string, launch: Surroundings['launch']): MachineFactory {
  return {
    async create(values, progress) {
      const { configuration, notices } = checked(values, cwd);
      progress.report('Reading the images');
      try {
        const images = await loadImages(configuration);
        progress.signal.throwIfAborted();
        progress.report('Building the machine');
        const session = await launch(images);
        if (!progress.signal.aborted) return withNotices(session, notices);
        await session.dispose();
      } catch (error) {
        throw namingField(error);
      }
      throw progress.signal.reason;
    },
  };
}
