/** Starts a machine in a worker thread of its own and gives the session that controls it. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { MachineImages } from '../../monitor/machine/images';
import type { MachineSession } from '../../monitor/machine/session';
import { MachineClient } from '../machineClient';
import { uncarryError } from '../protocol';
import type { MonitorMessage } from '../protocol';
import { Shares } from './shares';
import { endTranslation, newTranslationLink } from './translationThread';
import type { TranslationLink } from './translationThread';
import type { MonitorStart } from './workerMain';

export interface LaunchOptions {
  /** The thread's entry file. Default: monitor-worker beside this file, or beside the bundle that holds it. */
  readonly worker?: URL;
}

/**
 * Limits for the heap of each of our threads. What they allocate is short-lived: with V8's own (48 MiB for what is new, and four
 * times what is alive before the rest is collected) the process takes about 30 MiB more of the host's memory.
 */
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 1024 } as const;

/** The entry file of a thread: bundles lie side by side in dist/, and the sources do so, too. */
function entryOf(name: string): URL {
  return new URL(`./${name}${path.extname(fileURLToPath(import.meta.url))}`, import.meta.url);
}

/** From the sources (tests), the thread has to load TypeScript: `--import tsx` does nothing in threads, so it is asked by its API. */
function startThread(entry: URL, name: string, workerData: MonitorStart | TranslationLink, transferList: readonly MessagePort[]): Worker {
  const file = fileURLToPath(entry);
  const options = { workerData, name, transferList: [...transferList], resourceLimits: HEAP_LIMITS };
  if (!file.endsWith('.ts')) return new Worker(file, options);
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

/**
 * Builds the machine in a new thread. It stands on its first instruction when the promise is fulfilled.
 * @throws MachineError (blame user with the configuration field, or internal) when it cannot be built
 */
export async function launchMachine(images: MachineImages, options: LaunchOptions = {}): Promise<MachineSession> {
  const shares = new Shares(images.configuration);
  const controlWord = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const word = new Int32Array(controlWord);
  const translates = images.configuration.engine === 'auto' || images.configuration.engine === 'translator';
  const translation = translates ? startTranslation() : undefined;
  const link = translation?.link;
  const start = { images, controlWord, ...(link ? { translation: link } : {}) };
  const thread = startThread(options.worker ?? entryOf('monitor-worker'), 'monitor', start, link ? [link.port] : []);
  const client = new MachineClient({
    post(message) {
      thread.postMessage(message);
      Atomics.add(word, 0, 1);
      Atomics.notify(word, 0);
    },
    end: async () => {
      await thread.terminate();
      await translation?.thread.terminate();
      shares.close();
    },
  });
  return new Promise<MachineSession>((resolve, reject) => {
    thread.on('message', (message: MonitorMessage) => {
      if (message.kind === 'ready') resolve(client);
      else if (message.kind === 'failed') reject(uncarryError(message.error));
      else if (message.kind === 'event' && shares.take(message.event, client.control)) return;
      else client.receive(message);
    });
    const died = (message: string, stack: string): void => {
      client.died(message, stack);
      reject(uncarryError({ message, blame: 'internal', stack }));
    };
    thread.on('error', (error: Error) => died(`the monitor's thread failed: ${error.message}`, error.stack ?? ''));
    thread.on('exit', (status) => died(`the monitor's thread ended by itself (status ${status})`, ''));
  });
}
