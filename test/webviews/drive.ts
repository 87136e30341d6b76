/**
 * Runs the panel's state without a page: messages go in, and the fake machine answers what is asked until nothing is.
 */
import { nextInquiries, questionOf } from '../../webviews/page-tables/plan';
import type { Message } from '../../webviews/page-tables/messages';
import { reduce } from '../../webviews/page-tables/reducer';
import { rowsOf, type PartRow, type Row } from '../../webviews/page-tables/rows';
import { INITIAL, type State } from '../../webviews/page-tables/state';
import type { Description, ElementDescription } from '../../webviews/ui/description';
import { answer, type FakeMachine } from './fakeHost';
import type { PagingModel } from './pagingModel';

/** More rounds of questions than any test needs: beyond it the panel would be asking for ever. */
const MOST_ROUNDS = 200;

export function machineOf(model: PagingModel): FakeMachine {
  return { model, running: false, retired: 1000 };
}

export class Driver {
  state: State;
  /** Requests, in the order in which they were asked. */
  readonly asked: string[] = [];

  constructor(readonly machine: FakeMachine, from: State = INITIAL) {
    this.state = from;
    this.settle();
  }

  /** Takes messages, and answers all questions that follow from each. */
  send(...messages: readonly Message[]): this {
    for (const message of messages) {
      this.state = reduce(this.state, message);
      this.settle();
    }
    return this;
  }

  event(event: string, body: unknown = {}): this {
    return this.send({ type: 'event', event, body });
  }

  private settle(): void {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const inquiries = nextInquiries(this.state);
      if (inquiries.length === 0) return;
      const first = this.state.nextId;
      this.state = reduce(this.state, { type: 'sent', inquiries });
      inquiries.forEach((inquiry, i) => {
        const question = questionOf(this.state, inquiry);
        this.asked.push(question.request);
        this.state = reduce(this.state, this.reply(first + i, question.request, question.arguments));
      });
    }
    throw new Error('the panel goes on asking for ever');
  }

  private reply(id: number, request: string, args: object): Message {
    try {
      return { type: 'answer', id, body: answer(this.machine, request, args) };
    } catch (error) {
      return { type: 'refused', id, error: error instanceof Error ? error.message : String(error) };
    }
  }

  get rows(): readonly Row[] {
    return rowsOf(this.state).rows;
  }

  /** The last (most detailed) entry row that begins at an address. */
  row(linear: bigint): PartRow {
    const found = this.rows.filter((row): row is PartRow => row.kind === 'part' && row.linear === linear).at(-1);
    if (found === undefined) throw new Error(`no row begins at ${linear.toString(16)}`);
    return found;
  }
}

/** All elements of descriptions, outer before inner. */
export function elements(descriptions: readonly Description[]): ElementDescription[] {
  return descriptions.flatMap((description) => (typeof description === 'string' ? [] : [description, ...elements(description.children)]));
}

/** All text in a description. */
export function textOf(description: Description): string {
  return typeof description === 'string' ? description : description.children.map(textOf).join('');
}
