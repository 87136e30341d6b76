/**
 * The loop of a panel: messages of the extension and of the person come in, questions go out, the picture follows. A panel is a
 * value of type `PanelProgram`, all of it pure functions but for its listeners.
 */
import type { MessageToPanel } from '../../src/extension/panels/messages';
import type { ElementDescription } from './description';
import { sameContent } from './equal';
import { paced } from './frames';
import { connect } from './host';
import { NOTHING_ASKED, due, heard, outdated, renewed, sent, type Inquiries, type Question } from './inquiries';
import { rendererFor } from './renderer';

/** What came of a request that changes something: the answer's body, or why it was refused. */
export interface Outcome {
  readonly body?: unknown;
  readonly error?: string;
}

/** A panel: `State` is what a person has set up and sees, `Act` what a person does. */
export interface PanelProgram<State, Act> {
  /** The state to begin with, from what an older page has kept (unchecked). */
  readonly begin: (kept: unknown) => State;
  /** What VS Code is to keep over a reload: nothing that the machine says. */
  readonly keep: (state: State) => unknown;
  readonly reduce: (state: State, act: Act, inquiries: Inquiries) => State;
  /** An event of the extension that only this panel knows ('show'): what it means. */
  readonly event?: (event: string, body: unknown) => Act | undefined;
  /** After each answer: what of it is to be remembered when the next one comes. */
  readonly heard?: (state: State, inquiries: Inquiries) => State;
  /** What the picture needs to know, the most important first. */
  readonly questions: (state: State, inquiries: Inquiries) => readonly Question[];
  /** The shortest time between two rounds of questions while the guest runs, in milliseconds, for answers that cost much. Default: none. */
  readonly rest?: number;
  readonly view: (state: State, inquiries: Inquiries) => readonly ElementDescription[];
  /** Puts listeners on the page. */
  readonly listen: (root: HTMLElement, page: PanelPage<State, Act>) => void;
  /** After the page agrees with the state: scroll positions, canvases. */
  readonly drawn?: (root: HTMLElement, state: State, inquiries: Inquiries) => void;
}

/** What listeners may do. */
export interface PanelPage<State, Act> {
  state(): State;
  inquiries(): Inquiries;
  act(act: Act): void;
  /** The same, and the picture follows at once: for what moves the focus. A key that came before the next animation frame would go astray. */
  actAndShow(act: Act): void;
  /** Asks for something to be done, once; `done` says what the reducer is told then. The picture is asked for anew. */
  order(order: Question, done?: (outcome: Outcome) => Act): void;
  /** Asks or tells something besides the picture's questions, once: nothing grows old for it. */
  ask(question: Question, done?: (outcome: Outcome) => void): void;
}

/** Runs a panel on the page's root element. */
export function startPanel<State, Act>(program: PanelProgram<State, Act>): void {
  const root = document.getElementById('root');
  if (root === null) return;
  const host = connect(receive);
  const render = rendererFor(root);
  const scheduleUpdate = paced(update);
  const orders = new Map<number, (outcome: Outcome) => void>();
  /** By their ids, which are below zero: those of questions and orders are above. */
  const asides = new Map<number, (outcome: Outcome) => void>();
  let nextAside = -1;
  let state = program.begin(host.kept());
  let kept = program.keep(state);
  let inquiries = NOTHING_ASKED;
  let renewedAt = -Infinity;
  let waking: number | undefined;
  let drawn: { readonly state: State; readonly inquiries: Inquiries } | undefined;

  function receive(message: MessageToPanel): void {
    if ('id' in message && message.id < 0) {
      const aside = asides.get(message.id);
      asides.delete(message.id);
      aside?.('error' in message ? { error: message.error } : { body: message.body });
      return;
    }
    const order = 'id' in message ? orders.get(message.id) : undefined;
    if (order !== undefined && 'id' in message) {
      orders.delete(message.id);
      order('error' in message ? { error: message.error } : { body: message.body });
      inquiries = outdated(inquiries);
    } else {
      inquiries = heard(inquiries, message);
      const act = 'event' in message ? program.event?.(message.event, message.body) : undefined;
      if (act !== undefined) state = program.reduce(state, act, inquiries);
      state = program.heard?.(state, inquiries) ?? state;
    }
    settle();
  }

  function act(what: Act): void {
    state = program.reduce(state, what, inquiries);
    settle();
  }

  function actAndShow(what: Act): void {
    act(what);
    update();
  }

  /** Whether a new round of questions may begin now; else it is looked at again when it may. */
  function mayRenew(): boolean {
    const wait = inquiries.running ? renewedAt + (program.rest ?? 0) - performance.now() : 0;
    if (wait <= 0) return true;
    waking ??= window.setTimeout(() => {
      waking = undefined;
      settle();
    }, wait);
    return false;
  }

  /** Sends what is to be asked now, and draws what is to be drawn. */
  function settle(): void {
    const wanted = program.questions(state, inquiries);
    const { epoch } = inquiries;
    if (mayRenew()) inquiries = renewed(inquiries, wanted);
    if (inquiries.epoch !== epoch) renewedAt = performance.now();
    const questions = due(inquiries, wanted);
    const firstId = inquiries.nextId;
    inquiries = sent(inquiries, questions);
    questions.forEach((question, i) => { host.ask({ id: firstId + i, ...question }); });
    if (state !== drawn?.state || inquiries !== drawn.inquiries) scheduleUpdate();
  }

  function update(): void {
    if (root === null || (state === drawn?.state && inquiries === drawn.inquiries)) return;
    drawn = { state, inquiries };
    render(program.view(state, inquiries));
    program.drawn?.(root, state, inquiries);
    const now = program.keep(state);
    if (!sameContent(kept, now)) host.keep(now);
    kept = now;
  }

  program.listen(root, {
    state: () => state,
    inquiries: () => inquiries,
    act,
    actAndShow,
    order: ({ request, arguments: args }, done) => {
      const id = inquiries.nextId;
      inquiries = { ...inquiries, nextId: id + 1 };
      orders.set(id, (outcome) => { if (done !== undefined) state = program.reduce(state, done(outcome), inquiries); });
      host.ask({ id, request, arguments: args });
    },
    ask: ({ request, arguments: args }, done) => {
      const id = nextAside--;
      if (done !== undefined) asides.set(id, done);
      host.ask({ id, request, arguments: args });
    },
  });
  settle();
  scheduleUpdate();
}
