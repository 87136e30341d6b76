/**
 * An adapter with a fake machine, and a client that speaks to it over real protocol streams.
 */
import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import type { FileReader, MachineFactory } from '../../debugger/ports';
import { ShadowboxDebugSession } from '../../debugger/session';
import { DapClient } from './client';
import { factoryOf, FakeMachine, type FakeGuest } from './fakeMachine';

export const FILES: FileReader = {
  read: async (path) => new Uint8Array(await readFile(path)),
  digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest('hex'),
  exists: (path) => access(path).then(() => true, () => false),
};

/** Connects a client to a new adapter in this process. */
export function connect(factory: MachineFactory, files: FileReader = FILES, timeout = 5000): DapClient {
  const toAdapter = new PassThrough();
  const fromAdapter = new PassThrough();
  const session = new ShadowboxDebugSession(factory, files);
  session.setRunAsServer(true);
  session.start(toAdapter, fromAdapter);
  return DapClient.connect(fromAdapter, toAdapter, timeout);
}

/** A fake machine with a client connected to it, not launched yet. */
export function withMachine(guest: FakeGuest): { readonly machine: FakeMachine; readonly client: DapClient } {
  const machine = new FakeMachine(guest);
  return { machine, client: connect(factoryOf(machine)) };
}
