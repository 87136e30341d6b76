/**
 * What a panel has asked of the machine, and what came back: pure functions over plain data, the same for every panel. A panel
 * says which questions its picture needs; each is asked when the machine has changed since it was last answered, and answers that
 * say nothing new keep their identity, so that nothing is drawn anew for them.
 */
import type { MessageToPanel } from '../../src/extension/panels/messages';
import { keepIfSame } from './equal';

/** A custom request of the debug adapter (debugger/panelProtocol.ts) with its arguments. Two with equal content are one question. */
export interface Question {
  readonly request: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface Answer {
  /** The answer's body; undefined when there has been none yet. */
  readonly body: unknown;
  /** Why it could not be answered the last time. */
  readonly error: string | undefined;
  /** The epoch in which it was asked: an older one than the machine's means that it is stale. */
  readonly epoch: number;
  /** The body as it was at the stop number `keptAt`, and at the stop before: what has changed since. */
  readonly kept: unknown;
  readonly keptAt: number;
  readonly before: unknown;
}

export interface Inquiries {
  /** 'unknown' until the first answer; 'none' without a guest. */
  readonly session: 'unknown' | 'none' | 'live';
  readonly sessionId: string | undefined;
  readonly running: boolean;
  /** Counts the moments at which all answers became old. */
  readonly epoch: number;
  /** Whether the machine has changed since the epoch began. */
  readonly changed: boolean;
  /** Number of stops seen, and the epoch that began with the last. */
  readonly stop: number;
  readonly stopEpoch: number;
  /** By `keyOf` their questions. */
  readonly answers: ReadonlyMap<string, Answer>;
  readonly inFlight: ReadonlyMap<number, { readonly key: string; readonly epoch: number }>;
  readonly nextId: number;
}

export const NOTHING_ASKED: Inquiries = {
  session: 'unknown', sessionId: undefined, running: false, epoch: 1, changed: false, stop: 0, stopEpoch: 1,
  answers: new Map(), inFlight: new Map(), nextId: 1,
};

/** Every panel asks this: it says whether the guest runs. */
export const SUMMARY: Question = { request: 'shadowbox.summary', arguments: {} };

/** Questions under way at the same time: enough to hide the way to the adapter and back, few enough to leave it free. */
const AT_ONCE = 6;
/** Answers that are not wanted any more are forgotten when there are more than this. */
const MOST_ANSWERS = 400;

/** What tells one question from another. */
export function keyOf({ request, arguments: args }: Question): string {
  return `${request} ${JSON.stringify(args)}`;
}

/** What is known in answer to a question. */
export function answerTo(inquiries: Inquiries, question: Question): Answer | undefined {
  return inquiries.answers.get(keyOf(question));
}

/** The state after a message from the extension; other events than those of every panel change nothing. */
export function heard(inquiries: Inquiries, message: MessageToPanel): Inquiries {
  if ('event' in message) return happened(inquiries, message.event, message.body);
  const flight = inquiries.inFlight.get(message.id);
  if (flight === undefined) return inquiries;
  const inFlight = new Map(inquiries.inFlight);
  inFlight.delete(message.id);
  const known = { ...inquiries, inFlight };
  return 'error' in message ? refused(known, flight.key, flight.epoch, message.error) : answered(known, flight.key, flight.epoch, message.body);
}

function happened(inquiries: Inquiries, event: string, body: unknown): Inquiries {
  switch (event) {
    case 'session': return sessionIs(inquiries, body);
    case 'stopped': {
      const epoch = inquiries.epoch + 1;
      const session = inquiries.session === 'none' ? 'unknown' : inquiries.session;
      return { ...inquiries, session, running: false, epoch, changed: false, stop: inquiries.stop + 1, stopEpoch: epoch };
    }
    case 'continued': return { ...inquiries, running: true, changed: true };
    case 'shadowbox.changed': return { ...inquiries, changed: true };
    default: return inquiries;
  }
}

/** The extension says which session the panel shows: at each change, and to a page that has been loaded anew. */
function sessionIs(inquiries: Inquiries, body: unknown): Inquiries {
  const id = typeof body === 'object' && body !== null && 'id' in body && typeof body.id === 'string' ? body.id : undefined;
  if (id !== undefined && id === inquiries.sessionId && inquiries.session !== 'none') return inquiries;
  const epoch = inquiries.epoch + 1;
  return { ...NOTHING_ASKED, session: body === null ? 'none' : 'unknown', sessionId: id, epoch, stopEpoch: epoch, nextId: inquiries.nextId };
}

function answered(inquiries: Inquiries, key: string, epoch: number, body: unknown): Inquiries {
  const running = key === keyOf(SUMMARY) && typeof body === 'object' && body !== null && 'running' in body ? body.running === true : inquiries.running;
  const old = inquiries.answers.get(key);
  const same = keepIfSame(old?.body, body);
  const isNewStop = !running && epoch >= inquiries.stopEpoch && old?.keptAt !== inquiries.stop;
  const past = isNewStop
    ? { kept: same, keptAt: inquiries.stop, before: old?.kept }
    : { kept: old?.kept, keptAt: old?.keptAt ?? -1, before: old?.before };
  return { ...inquiries, session: 'live', running, answers: withAnswer(inquiries, key, { body: same, error: undefined, epoch, ...past }) };
}

function refused(inquiries: Inquiries, key: string, epoch: number, error: string): Inquiries {
  const old = inquiries.answers.get(key);
  const answer = { body: undefined, error, epoch, kept: old?.kept, keptAt: old?.keptAt ?? -1, before: old?.before };
  return { ...inquiries, answers: withAnswer(inquiries, key, answer) };
}

function withAnswer({ answers, epoch }: Inquiries, key: string, answer: Answer): ReadonlyMap<string, Answer> {
  const fresh = answers.size > MOST_ANSWERS ? [...answers].filter(([, { epoch: asked }]) => asked >= epoch - 1) : answers;
  return new Map(fresh).set(key, answer);
}

/** The questions, of those that are wanted, that are to be sent now. Without a session that answers only the first. */
export function due(inquiries: Inquiries, wanted: readonly Question[]): Question[] {
  const { session, epoch, answers, inFlight } = inquiries;
  if (session === 'none') return [];
  const underWay = new Set([...inFlight.values()].filter((flight) => flight.epoch === epoch).map(({ key }) => key));
  const stale = [SUMMARY, ...wanted].filter((question) => {
    const key = keyOf(question);
    return (answers.get(key)?.epoch ?? -1) < epoch && !underWay.has(key);
  });
  // Before the first answer the rest would only bring more of the same error.
  const open = session === 'unknown' ? stale.filter((question) => keyOf(question) === keyOf(SUMMARY)) : stale;
  return open.slice(0, Math.max(0, AT_ONCE - inFlight.size));
}

/** The state when these questions have been sent, with ids from `nextId` on. */
export function sent(inquiries: Inquiries, questions: readonly Question[]): Inquiries {
  if (questions.length === 0) return inquiries;
  const inFlight = new Map(inquiries.inFlight);
  questions.forEach((question, i) => inFlight.set(inquiries.nextId + i, { key: keyOf(question), epoch: inquiries.epoch }));
  return { ...inquiries, inFlight, nextId: inquiries.nextId + questions.length };
}

/** Begins a new epoch when the machine has changed and all that was wanted of the old one has been answered. */
export function renewed(inquiries: Inquiries, wanted: readonly Question[]): Inquiries {
  if (!inquiries.changed || inquiries.inFlight.size > 0 || due(inquiries, wanted).length > 0) return inquiries;
  return { ...inquiries, changed: false, epoch: inquiries.epoch + 1 };
}

/** All answers are old: something was changed from here (a register, a bit of a device). */
export function outdated(inquiries: Inquiries): Inquiries {
  return { ...inquiries, changed: true };
}
