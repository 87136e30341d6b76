/**
 * The thread that translates, and both ends of the way to it: orders and replies go through a message port, which the monitor
 * context asks without turning its event loop; a shared word tells it whether asking is worth while.
 */
import { MessageChannel, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { LoopOrder, LoopReply, TranslationReply, TranslationService } from '../../monitor/engine/translator/order';
import type { OrderMessage } from '../../monitor/engine/translator/orderMessage';

/** What each end is given. */
export interface TranslationLink {
  readonly port: MessagePort;
  /** Two 32-bit words: replies posted so far, and whether the thread takes orders (0 not yet, 1 it does, 2 no more). */
  readonly words: SharedArrayBuffer;
}

const REPLIES = 0, STAGE = 1;
const AT_WORK = 1, GONE = 2;

/** The ends of a new way: the monitor context's, and the translating thread's. */
export function newTranslationLink(): readonly [TranslationLink, TranslationLink] {
  const { port1, port2 } = new MessageChannel();
  const words = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  return [{ port: port1, words }, { port: port2, words }];
}

/** Tells the monitor context that the thread is gone. */
export function endTranslation({ words }: TranslationLink): void {
  Atomics.store(new Int32Array(words), STAGE, GONE);
}

/** The monitor context's end. */
export function translationOver({ port, words }: TranslationLink): TranslationService {
  const shared = new Int32Array(words);
  let received = 0;
  return {
    atWork: () => Atomics.load(shared, STAGE) === AT_WORK,
    isGone: () => Atomics.load(shared, STAGE) === GONE,
    submitLoop: (order) => port.postMessage(order),
    submit: (order) => port.postMessage(order, [order.numbers.buffer]),
    receive() {
      if (Atomics.load(shared, REPLIES) === received) return undefined;
      received = (received + 1) | 0;
      const message = receiveMessageOnPort(port) as { readonly message: TranslationReply | LoopReply } | undefined;
      return message?.message;
    },
  };
}

/** Runs the translating thread. Called by its entry file, once. */
export function serveTranslation(carryOut: (order: OrderMessage | LoopOrder) => TranslationReply | LoopReply): void {
  const { port, words } = workerData as TranslationLink;
  const shared = new Int32Array(words);
  port.on('message', (order: OrderMessage | LoopOrder) => {
    port.postMessage(carryOut(order));
    Atomics.add(shared, REPLIES, 1);
  });
  Atomics.store(shared, STAGE, AT_WORK);
}
