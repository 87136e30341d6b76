/** Stands in for a thread that translates: orders are cloned as on their way there, and replies come late, in any order, or never. */
import type { TranslationOrder, TranslationReply, TranslationService } from '../../src/monitor/engine/translator/order';
import { carryOut } from '../../src/monitor/engine/translator/writeRegions';
import { randomNumbers } from './harness';

/** Times that a reply is asked for before it comes, at most. */
const LONGEST_DELAY = 2000;

export class LateTranslation implements TranslationService {
  carriedOut = 0;
  private readonly random: (limit: number) => number;
  private waiting: { readonly reply: TranslationReply; asked: number }[] = [];

  constructor(seed: number) {
    this.random = randomNumbers(seed);
  }

  /** One in eight is refused. */
  submit(order: TranslationOrder): boolean {
    if (this.random(8) === 0) return false;
    this.carriedOut++;
    const reply = carryOut(structuredClone(order));
    this.waiting.push({ reply: this.random(8) === 0 ? { id: order.id, failure: 'out of luck' } : reply, asked: this.random(LONGEST_DELAY) });
    return true;
  }

  receive(): TranslationReply | undefined {
    for (const one of this.waiting) one.asked--;
    const due = this.waiting.find(({ asked }) => asked < 0);
    this.waiting = this.waiting.filter((one) => one !== due);
    return due?.reply;
  }
}
