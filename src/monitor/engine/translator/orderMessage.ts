/**
 * Orders on their way to another thread: all numbers of an order in one buffer, and each handler once for all orders. Cloning
 * the objects themselves costs the machine's thread about as much as writing the code.
 */
import { sameHandler } from '../handlerKeys';
import type { HandlerKey } from '../handlerShape';
import { RECORD_BYTES } from '../records';
import type { RegionOrder, TranslationOrder } from './order';
import type { BlockEnd, PlacedBlock } from './regionGraph';

export interface OrderMessage {
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Handlers that no message before this one has named; numbers of handlers count on. */
  readonly handlers: readonly HandlerKey[];
  /** The machine's memory, with the records that the blocks name. */
  readonly memory: ArrayBufferLike;
}

const END_KINDS = ['branch', 'call', 'return', 'jump', 'onward', 'leave'] as const satisfies readonly BlockEnd['kind'][];
/** A place that is not known. */
const UNKNOWN = NaN;

/** Writes orders for one reader, which must be given all of them. */
export class OrderWriter {
  private readonly known = new Map<HandlerKey, number>();
  private fresh: HandlerKey[] = [];
  private numbers: number[] = [];

  write({ id, regions, cells, memory }: TranslationOrder): OrderMessage {
    this.numbers = [id, cells, regions.length];
    this.fresh = [];
    for (const { wide, flat, blocks, ways } of regions) {
      this.numbers.push(wide ? 1 : 0, flat ? 1 : 0, blocks.length);
      for (const block of blocks) this.block(block);
      this.numbers.push(ways.length);
      for (const { position, table } of ways) this.numbers.push(position, table);
    }
    return { numbers: Float64Array.from(this.numbers), handlers: this.fresh, memory };
  }

  private block({ page: { table, context }, offset, count, delta, position, targets, instructions, end, resumption }: PlacedBlock): void {
    const { numbers } = this;
    numbers.push(table, context.first, context.end, offset, count, delta, position, resumption ?? UNKNOWN, targets.length, ...targets);
    // The records of a block lie one behind the other.
    numbers.push(instructions.length, instructions[0]?.record ?? 0);
    for (const { handler, service, callout, patched, apart } of instructions) {
      numbers.push(16 * this.numberOf(handler) + (service ? 1 : 0) + (callout ? 2 : 0) + (patched ? 4 : 0) + (apart ? 8 : 0));
    }
    numbers.push(END_KINDS.indexOf(end.kind));
    switch (end.kind) {
      case 'branch':
        numbers.push(end.taken ?? UNKNOWN, end.behind ?? UNKNOWN, end.conditional ? 1 : 0);
        return;
      case 'call':
        numbers.push(end.taken ?? UNKNOWN, end.behind);
        return;
      case 'onward':
        numbers.push(end.behind);
        return;
      case 'leave':
        numbers.push(end.record);
        return;
      default:
        return;
    }
  }

  private numberOf(handler: HandlerKey): number {
    let number = this.known.get(handler);
    if (number === undefined) {
      number = this.known.size;
      this.known.set(handler, number);
      this.fresh.push(handler);
    }
    return number;
  }
}

/** Reads one writer's orders. */
export class OrderReader {
  private readonly handlers: HandlerKey[] = [];
  private numbers = new Float64Array(0);
  private at = 0;

  read({ numbers, handlers, memory }: OrderMessage): TranslationOrder {
    this.handlers.push(...handlers.map(sameHandler));
    this.numbers = numbers;
    this.at = 0;
    const [id, cells] = [this.next(), this.next()];
    return { id, cells, regions: this.list(() => this.region()), memory };
  }

  private region(): RegionOrder {
    const [wide, flat] = [this.next() === 1, this.next() === 1];
    return { wide, flat, blocks: this.list(() => this.block()), ways: this.list(() => ({ position: this.next(), table: this.next() })) };
  }

  private block(): PlacedBlock {
    const page = { table: this.next(), context: { first: this.next(), end: this.next() } };
    const place = { offset: this.next(), count: this.next(), delta: this.next(), position: this.next() };
    const resumption = this.place();
    const targets = this.list(() => this.next());
    const count = this.next();
    const first = this.next();
    const instructions = Array.from({ length: count }, (_, i) => {
      const coded = this.next();
      const handler = this.handlers[coded >> 4];
      if (!handler) throw new Error('An order names a handler that was never sent');
      return { handler, service: (coded & 1) !== 0, callout: (coded & 2) !== 0, patched: (coded & 4) !== 0, apart: (coded & 8) !== 0, record: first + i * RECORD_BYTES };
    });
    return { page, ...place, resumption, targets, instructions, end: this.end() };
  }

  private end(): BlockEnd {
    const kind = END_KINDS[this.next()];
    switch (kind) {
      case 'branch':
        return { kind, taken: this.place(), behind: this.place(), conditional: this.next() === 1 };
      case 'call':
        return { kind, taken: this.place(), behind: this.next() };
      case 'onward':
        return { kind, behind: this.next() };
      case 'leave':
        return { kind, record: this.next() };
      case 'return':
      case 'jump':
        return { kind };
      default:
        throw new Error('An order has a block that ends in no known way');
    }
  }

  private list<T>(one: () => T): T[] {
    return Array.from({ length: this.next() }, one);
  }

  private place(): number | undefined {
    const place = this.next();
    return Number.isNaN(place) ? undefined : place;
  }

  private next(): number {
    return this.numbers[this.at++] ?? UNKNOWN;
  }
}
