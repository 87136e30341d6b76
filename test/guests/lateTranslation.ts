/** Stands in for a thread that translates: orders are cloned as on their way there, and replies come late, in any order, or never. */
import type { TranslationReply, TranslationService } from '../../src/monitor/engine/translator/order';
import type { OrderMessage } from '../../src/monitor/engine/translator/orderMessage';
import { TranslationWorkshop } from '../../src/monitor/engine/translator/writeRegions';
import { randomNumbers } from './harness';

/** Times that a reply is asked for before it comes, at most. */
const LONGEST_DELAY = 2000;

export class LateTranslation implements TranslationService {
  carriedOut = 0;
  private readonly workshop = new TranslationWorkshop();
  private readonly random: (limit: number) => number;
  private waiting: { readonly reply: TranslationReply; asked: number }[] = [];

  constructor(seed: number) {
    this.random = randomNumbers(seed);
  }

  /** One order in eight is refused. */
  atWork(): boolean {
    return this.random(8) > 0;
  }

  submit(order: OrderMessage): void {
    this.carriedOut++;
    const reply = this.workshop.carryOut(structuredClone(order));
    this.waiting.push({ reply: this.random(8) === 0 ? { id: reply.id, failure: 'out of luck' } : reply, asked: this.random(LONGEST_DELAY) });
  }

  receive(): TranslationReply | undefined {
    for (const one of this.waiting) one.asked--;
    const due = this.waiting.find(({ asked }) => asked < 0);
    this.waiting = this.waiting.filter((one) => one !== due);
    return due?.reply;
  }
}
