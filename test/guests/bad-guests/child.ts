/** The process in which the guests run: takes an order, tells what happens. Bundled and started by ./run with --expose-gc. */
import path from 'node:path';
import { campaign, type Found, type Outcome } from './campaign';
import { newFigures, addTrial, observerFor } from './figures';
import { readCorpus } from './generator/corpus';
import { generate } from './generator/generate';
import { decodeGuest, type BadGuest } from './guest';
import { Machines } from './machines';
import type { FromChild, Order } from './protocol';
import { caseFile, failureLines } from './report';
import { tryGuest } from './trial';

/** A sign of life at most this often, in milliseconds. */
const BEAT_MS = 250;

let lastBeat = 0;

function tell(message: FromChild): void {
  process.send?.(message);
}

function beat(): void {
  const now = performance.now();
  if (now - lastBeat < BEAT_MS) return;
  lastBeat = now;
  tell({ kind: 'slice' });
}

function found({ failure, guest }: Found, checkout: string): void {
  const { name, text } = caseFile(guest);
  const file = path.join('.cache', 'bad-guests', name);
  tell({ kind: 'found', name: path.join(checkout, file), text, lines: failureLines(guest, failure, file) });
}

/** A few guests, each with all checks. */
function few(guests: readonly BadGuest[], checkout: string): Outcome {
  const figures = newFigures();
  const failures: Record<string, number> = {};
  const machines = new Machines();
  const inner = observerFor(figures);
  for (const guest of guests) {
    tell({ kind: 'guest', mode: guest.mode, seed: guest.seed });
    const trial = tryGuest(machines, guest, true, { ...inner, slice: (machine) => { beat(); inner.slice(machine); } });
    addTrial(figures, guest.mode, trial);
    if (!trial.failure) continue;
    failures[trial.failure.signature] = 1;
    found({ failure: trial.failure, guest }, checkout);
  }
  return { figures, failures, memory: 'memory: not measured', nextSeed: 0 };
}

async function work(order: Order): Promise<void> {
  const corpus = await readCorpus(order.checkout);
  const pause = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
  const listener = {
    guest: (mode: BadGuest['mode'], seed: number) => tell({ kind: 'guest', mode, seed }),
    slice: beat,
    found: (it: Found) => found(it, order.checkout),
  };
  const outcome = order.saved !== undefined ? few([decodeGuest(order.saved)], order.checkout)
    : order.only ? few(order.modes.map((mode) => generate(mode, order.seed, corpus)), order.checkout)
      : await campaign({ ...order, corpus, deadline: performance.now() + order.seconds * 1000, measures: true }, listener, pause);
  tell({ kind: 'done', outcome });
}

// The parent's first and only message is the order, of its own type.
process.once('message', (order: Order) => {
  void work(order).then(() => process.disconnect());
});
