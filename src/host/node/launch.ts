/** Starts a machine in a worker thread of its own and gives the session that controls it. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { MachineImages } from '../../monitor/machine/images';
import type { MachineSession } from '../../monitor/machine/session';
import { MachineClient } from '../machineClient';
import { CARD } from '../network/service';
import { uncarryError } from '../protocol';
import type { CallMessage, MonitorMessage } from '../protocol';
import { openNetwork } from './network/open';
import type { OpenNetwork } from './network/open';
import { networkOf } from './networkOf';
import { CLOSE, endStorage, newStorageLink } from './storageThread';
import type { StorageLink } from './storageThread';
import { Shares } from './shares';
import { endTranslation, newTranslationLink } from './translationThread';
import type { TranslationLink } from './translationThread';
import type { MonitorStart } from './workerMain';

export interface LaunchOptions {
  /** The thread's entry file. Default: monitor-worker beside this file, or beside the bundle that holds it. */
  readonly worker?: URL;
}

/** Our threads, by what they do. */
type ThreadName = 'monitor' | 'translation' | 'storage';

/**
 * How much is new in the heap of each of our threads, in MiB: three times what V8 copies at once. What they allocate is short-lived: with V8's own
 * (48 MiB, and four times what is alive before the rest is collected) the process takes about 30 MiB more of the host's memory. With half of this the
 * threads that boot a system would take a twentieth more of processor time.
 */
const YOUNG_MIB: Readonly<Record<ThreadName, number>> = { monitor: 12, translation: 12, storage: 3 };
const OLD_MIB = 1024;

/** The entry file of a thread: bundles lie side by side in dist/, and the sources do so, too. */
function entryOf(name: string): URL {
  return new URL(`./${name}${path.extname(fileURLToPath(import.meta.url))}`, import.meta.url);
}

/** From the sources (tests), the thread has to load TypeScript: `--import tsx` does nothing in threads, so it is asked by its API. */
function startThread(entry: URL, name: ThreadName, workerData: MonitorStart | TranslationLink | StorageLink, transferList: readonly MessagePort[]): Worker {
  const file = fileURLToPath(entry);
  const options = { workerData, name, transferList: [...transferList], resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB[name], maxOldGenerationSizeMb: OLD_MIB } };
  if (!file.endsWith('.ts')) return new Worker(fileURLToPath(new URL('start.js', import.meta.url)), { ...options, argv: [file] });
  // A thread that runs a text finds packages from the current folder; this file knows better where tsx is.
  const tsx = createRequire(import.meta.url).resolve('tsx/cjs/api');
  const loader = `require(${JSON.stringify(tsx)}).register(); require(${JSON.stringify(file)});`;
  return new Worker(loader, { ...options, eval: true });
}

/** A thread that translates, and the monitor context's end of the way to it. */
function startTranslation(): { readonly thread: Worker; readonly link: TranslationLink } {
  const [link, far] = newTranslationLink();
  const thread = startThread(entryOf('translation-worker'), 'translation', far, [far.port]);
  // Without it the monitor context translates by itself.
  const gone = (): void => endTranslation(link);
  thread.on('error', gone);
  thread.on('exit', gone);
  thread.unref();
  return { thread, link };
}

/** A thread that serves the disks, and the monitor context's end of the way to it. */
function startStorage(doorbell: SharedArrayBuffer): { readonly thread: Worker; readonly link: StorageLink } {
  const [link, far] = newStorageLink(doorbell);
  const thread = startThread(entryOf('storage-worker'), 'storage', far, [far.port]);
  // Without it, disks answer with errors of their media.
  const gone = (): void => endStorage(link);
  thread.on('error', gone);
  thread.on('exit', gone);
  thread.unref();
  return { thread, link };
}

/** Ends the storage thread when it has written what it was given. */
async function close(thread: Worker): Promise<void> {
  const ended = new Promise((resolve) => thread.on('exit', resolve));
  thread.postMessage(CLOSE);
  await within(CLOSE_MS, ended);
  await thread.terminate();
}

function hasDisks({ disks, floppy, cdrom }: MachineImages): boolean {
  return disks.length > 0 || floppy !== undefined || cdrom !== undefined;
}

/** Waits until something has happened, but not for ever. */
async function within(milliseconds: number, happened: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([happened, new Promise((resolve) => { timer = setTimeout(resolve, milliseconds); })]);
  clearTimeout(timer);
}

/** The last thing that a machine with disks is asked: to stand still, whereupon it gives all that is written to the storage thread. */
const LAST_CALL: CallMessage = { id: -1, name: 'pause', parameters: [] };
const LAST_CALL_MS = 2_000;
/** What is left to write has this long, in milliseconds. */
const CLOSE_MS = 60_000;

/** Lets the network go while the machine does, and says what there is to know about it when it goes for the first time. */
function joinNetwork(client: MachineClient, { service, notices }: OpenNetwork): void {
  const waiting = [...notices];
  service.attach(client.services);
  client.onEvent((event) => {
    if (event.kind === 'stopped') service.setRunning(false);
    if (event.kind !== 'running') return;
    service.setRunning(true);
    for (const text of waiting.splice(0)) client.receive({ kind: 'event', event: { kind: 'message', blame: 'user', text: `network: ${text}` } });
  });
}

/**
 * Builds the machine in a new thread. It stands on its first instruction when the promise is fulfilled.
 * @throws MachineError or LoadError (blame user with the configuration field, or internal) when it cannot be built
 */
export async function launchMachine(images: MachineImages, options: LaunchOptions = {}): Promise<MachineSession> {
  const setting = networkOf(images);
  const network = setting && await openNetwork(setting, images.configuration.rtc);
  try {
    return await startMachine(images, options, network);
  } catch (error) {
    await network?.close();
    throw error;
  }
}

function startMachine(images: MachineImages, options: LaunchOptions, network: OpenNetwork | undefined): Promise<MachineSession> {
  const shares = new Shares(images.configuration, images.recording !== undefined);
  const controlWord = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const word = new Int32Array(controlWord);
  const translates = images.configuration.engine === 'auto' || images.configuration.engine === 'translator';
  const translation = translates ? startTranslation() : undefined;
  const link = translation?.link;
  const storage = hasDisks(images) ? startStorage(controlWord) : undefined;
  const start = { images, controlWord, ...(link ? { translation: link } : {}), ...(storage ? { storage: storage.link } : {}) };
  const thread = startThread(options.worker ?? entryOf('monitor-worker'), 'monitor', start, [...(link ? [link.port] : []), ...(storage ? [storage.link.port] : [])]);
  const post = (message: unknown): void => {
    thread.postMessage(message);
    Atomics.add(word, 0, 1);
    Atomics.notify(word, 0);
  };
  let alive = true;
  const lastAnswer = new Promise<void>((resolve) => {
    thread.on('message', (message: MonitorMessage) => {
      if ((message.kind === 'answer' || message.kind === 'refusal') && message.id === LAST_CALL.id) resolve();
    });
    thread.on('exit', () => {
      alive = false;
      resolve();
    });
  });
  const client = new MachineClient({
    post,
    end: async () => {
      if (storage !== undefined && alive) {
        post(LAST_CALL);
        await within(LAST_CALL_MS, lastAnswer);
      }
      await thread.terminate();
      await network?.close();
      await translation?.thread.terminate();
      shares.close();
      if (storage !== undefined) await close(storage.thread);
    },
  });
  if (network !== undefined) joinNetwork(client, network);
  return new Promise<MachineSession>((resolve, reject) => {
    thread.on('message', (message: MonitorMessage) => {
      if (message.kind === 'ready') resolve(client);
      else if (message.kind === 'failed') {
        reject(uncarryError(message.error));
        if (storage !== undefined) void close(storage.thread);
      }
      else if (message.kind === 'event' && shares.take(message.event, client.control)) return;
      else if (message.kind !== 'device') client.receive(message);
      else if (message.channel === CARD) network?.service.receive(message);
    });
    const died = (message: string, stack: string): void => {
      client.died(message, stack);
      reject(uncarryError({ message, blame: 'internal', stack }));
    };
    thread.on('error', (error: Error) => died(`the monitor's thread failed: ${error.message}`, error.stack ?? ''));
    thread.on('exit', (status) => died(`the monitor's thread ended by itself (status ${status})`, ''));
  });
}
