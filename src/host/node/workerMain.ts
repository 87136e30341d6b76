/**
 * What every monitor context in a worker thread does: builds the machine from what the thread was given, then
 * serves it for ever. The thread's event loop never turns again: calls are taken by `receiveMessageOnPort`
 * when the shared control word says that there are some.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { MachineImages } from '../../monitor/machine/images';
import type { CreateMachine } from '../../monitor/machine/runnable';
import { MachineServer } from '../machineServer';
import type { Doorbell, ServerPort } from '../machineServer';
import { carryError } from '../protocol';
import type { CallMessage, MonitorMessage } from '../protocol';
import { nodeFiles } from './fileAccess';
import { networkOf } from './networkOf';
import { storageOver } from './storageThread';
import type { StorageLink } from './storageThread';
import { translationOver } from './translationThread';
import type { TranslationLink } from './translationThread';

/** What the host context gives to the thread. */
export interface MonitorStart {
  readonly images: MachineImages;
  /** One 32-bit word: the number of messages posted so far, which is also what the thread sleeps on. */
  readonly controlWord: SharedArrayBuffer;
  /** The way to a thread that translates, if there is one. */
  readonly translation?: TranslationLink;
  /** The way to a thread that serves the disks, if there are any. */
  readonly storage?: StorageLink;
}

/** Atomics.wait takes at most this many milliseconds as a number that makes sense; longer sleeps are repeated. */
const LONGEST_WAIT_MS = 60_000;

function doorbellOn(controlWord: SharedArrayBuffer): Doorbell {
  const word = new Int32Array(controlWord);
  let seen = 0;
  return {
    rung() {
      const now = Atomics.load(word, 0);
      const changed = now !== seen;
      seen = now;
      return changed;
    },
    wait: (milliseconds) => void Atomics.wait(word, 0, seen, Math.min(milliseconds, LONGEST_WAIT_MS)),
  };
}

function portOver(port: MessagePort): ServerPort {
  return {
    post: (message, transfer) => port.postMessage(message, transfer),
    receive: () => {
      const received = receiveMessageOnPort(port) as { readonly message: CallMessage } | undefined;
      return received?.message;
    },
  };
}

/** Runs the thread. Called by a worker's entry file, once. */
export function serveMachine(createMachine: CreateMachine): void {
  if (parentPort === null) throw new Error('this file runs in a worker thread only: see launch.ts');
  const { images, controlWord, translation, storage } = workerData as MonitorStart;
  const port = portOver(parentPort);
  let server: MachineServer;
  try {
    const machine = createMachine(images, nodeFiles, translation && translationOver(translation), storage && storageOver(storage));
    server = new MachineServer(machine, {
      port,
      doorbell: doorbellOn(controlWord),
      now: () => performance.now(),
      pace: images.configuration.pace,
      networked: networkOf(images) !== undefined,
      timeTravel: images.configuration.timeTravel,
    });
  } catch (error) {
    const failed: MonitorMessage = { kind: 'failed', error: carryError(error) };
    port.post(failed, []);
    return;
  }
  server.serve();
}
