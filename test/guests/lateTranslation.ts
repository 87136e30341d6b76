/**
 * Stands in for a thread that translates: orders are cloned as on their way there and carried out late, when their records may have
 * changed, and replies come later still, in any order, or never.
 */
import type { LoopOrder, LoopReply, TranslationReply, TranslationService } from '../../src/monitor/engine/translator/order';
import type { OrderMessage } from '../../src/monitor/engine/translator/orderMessage';
import { TranslationWorkshop } from '../../src/monitor/engine/translator/writeRegions';
import { randomNumbers } from './harness';

/** Times that a reply is asked for before an order is carried out, and then before its reply comes, at most. */
const LONGEST_DELAY = 1000;

/** An order on its way, or its reply on the way back, for so many more times that replies are asked for. */
interface Waiting {
  readonly order: OrderMessage | LoopOrder;
  reply?: TranslationReply | LoopReply;
  asked: number;
}

export class LateTranslation implements TranslationService {
  carriedOut = 0;
  private readonly workshop = new TranslationWorkshop();
  private readonly random: (limit: number) => number;
  private orders: Waiting[] = [];
  private replies: Waiting[] = [];

  constructor(
    seed: number,
    private readonly longestDelay = LONGEST_DELAY,
  ) {
    this.random = randomNumbers(seed);
  }

  /** One order in eight is refused. */
  atWork(): boolean {
    return this.random(8) > 0;
  }

  submit(order: OrderMessage): void {
    this.orders.push({ order: structuredClone(order), asked: this.random(this.longestDelay) });
  }

  isGone(): boolean {
    return false;
  }

  submitLoop(order: LoopOrder): void {
    this.orders.push({ order: structuredClone(order), asked: this.random(this.longestDelay) });
  }

  receive(): TranslationReply | LoopReply | undefined {
    this.work();
    for (const one of this.replies) one.asked--;
    const due = this.replies.find(({ asked }) => asked < 0);
    this.replies = this.replies.filter((one) => one !== due);
    return due?.reply;
  }

  /** Carries out what is due, in the order in which it came: as one thread does. */
  private work(): void {
    for (let [next] = this.orders; next && next.asked-- <= 0; [next] = this.orders) {
      this.orders.shift();
      this.carriedOut++;
      const reply = this.workshop.carryOut(next.order);
      next.reply = 'id' in reply && this.random(8) === 0 ? { id: reply.id, failure: 'out of luck' } : reply;
      next.asked = this.random(this.longestDelay);
      this.replies.push(next);
    }
  }
}
