/** The debug adapter's machines and files, as the host makes them: what `debugger/ports` asks for. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as zlib from 'node:zlib';
import { decompress } from 'fzstd';
import { version } from '../../package.json';
import type { DebuggedMachine, FileReader, MachineFactory, OpenFile } from '../../debugger/ports';
import type { Unpackers } from '../../debugger/symbols/elf';
import { bootedArchitecture } from '../host/gdb/booted';
import { GdbServer } from '../host/gdb/server';
import { SharedMachine } from '../host/gdb/sharing';
import { fileFault } from '../host/node/fileFault';
import { listenForGdb, type GdbListener } from '../host/node/gdbListener';
import { resolveConfiguration, type ResolvedConfiguration } from '../host/node/recordings/open';
import { saveRecording } from '../host/node/recordings/save';
import { LoadError } from '../monitor/firmware/platform';
import { MachineError } from '../monitor/machine/blame';
import { problemText } from '../monitor/machine/configuration';
import type { Notice } from '../monitor/machine/configuration';
import type { MachineImages } from '../monitor/machine/images';
import type { MachineEvent, MachineSession } from '../monitor/machine/session';
import type { Surroundings } from './surroundings';

/** Node has had Zstandard of its own, which is faster, since version 22.15. */
const zstd: Unpackers['zstd'] = 'zstdDecompressSync' in zlib && typeof zlib.zstdDecompressSync === 'function'
  ? zlib.zstdDecompressSync as NonNullable<Unpackers['zstd']> : (bytes) => decompress(bytes);

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
  return withMessages(session, notices.map(({ field, message }) => `${field}: ${message}`));
}

/** A session that tells its first listener these sentences. */
function withMessages(session: MachineSession, texts: readonly string[]): MachineSession {
  const waiting = texts.map((text): MachineEvent => ({ kind: 'message', blame: 'user', text }));
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

/** With `gdbPort`: the session shares its machine with whatever GDB connects there. */
async function withGdb(session: MachineSession, images: MachineImages): Promise<MachineSession> {
  const { gdbPort, gdbArchitecture } = images.configuration;
  if (gdbPort === undefined) return session;
  const open: { listener?: GdbListener } = {};
  const shared = new SharedMachine(session, () => open.listener?.close());
  const booted = bootedArchitecture(images);
  const server = new GdbServer(shared.gdb, {
    architecture: gdbArchitecture,
    ...(booted ? { booted } : {}),
    tell: (text) => shared.tell(text),
    onAttached: (attached) => {
      shared.handedOver = attached;
      shared.tell(attached ? 'GDB has connected: it has the machine until it detaches.' : 'GDB has gone: the machine is yours again.');
    },
    onDetached: () => undefined,
    onKill: () => shared.tell('GDB asks to end the machine. This session ends here, when you stop it.'),
  });
  try {
    open.listener = await listenForGdb(gdbPort, server);
  } catch (error) {
    await session.dispose();
    throw error;
  }
  const { port } = open.listener;
  return withMessages(shared.editor, [`GDB may connect: target remote 127.0.0.1:${port}`]);
}

/** With what belongs to the images: recordings of the run, and the state that an opened one leads to. */
function withRecordings(session: MachineSession, images: MachineImages, cwd: string): DebuggedMachine {
  return {
    control: session.control,
    inspect: session.inspect,
    dispose: () => session.dispose(),
    onEvent: (listener) => session.onEvent(listener),
    saveRecording: (file, { embed, progress }) => saveRecording(session, images, path.resolve(cwd, file), {
      embed, version, signal: progress.signal, report: (message, percentage) => progress.report(message, percentage),
    }),
    ...(images.recording === undefined ? {} : { recordedHash: images.recording.stood.hash }),
  };
}

async function checked(values: unknown, cwd: string): Promise<Exclude<ResolvedConfiguration, { readonly problems: unknown }>> {
  const written: Readonly<Record<string, unknown>> = typeof values === 'object' && values !== null ? { ...values } : {};
  const validation = await resolveConfiguration(written, { front: 'editor', resolvePath: (file) => path.resolve(cwd, file) }, version);
  if ('problems' in validation) throw new MachineError(validation.problems.map(problemText).join('\n'), 'user', validation.problems[0]?.field);
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
      try {
        const { notices, load } = await checked(values, cwd);
        progress.report('Reading the images');
        const images = await load();
        progress.signal.throwIfAborted();
        progress.report('Building the machine');
        const session = await launch(images);
        if (!progress.signal.aborted) return withRecordings(withNotices(await withGdb(session, images), notices), images, cwd);
        await session.dispose();
      } catch (error) {
        throw namingField(error);
      }
      throw progress.signal.reason;
    },
  };
}
