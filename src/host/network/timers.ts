/**
 * The stack's timers on a clock that it is given: a heap by moment. Nothing here knows the host's timers; whoever drives
 * the stack asks for the next moment and calls `run` then.
 */

export class Timer {
  /** Moment in milliseconds; Infinity when it is off. */
  at = Infinity;
  /** Its place in the heap, -1 outside. */
  place = -1;

  constructor(private readonly timers: Timers, readonly action: () => void) {}

  /** Goes off in so many milliseconds, and at no other moment. */
  set(milliseconds: number): void {
    this.timers.place(this, this.timers.now() + milliseconds);
  }

  stop(): void {
    this.timers.place(this, Infinity);
  }

  get isSet(): boolean {
    return this.place >= 0;
  }
}

export class Timers {
  private readonly heap: Timer[] = [];

  /**
   * @param now milliseconds on a clock that only goes forward
   * @param sooner called when `next` has become earlier than it was
   */
  constructor(readonly now: () => number, private readonly sooner: () => void = () => undefined) {}

  create(action: () => void): Timer {
    return new Timer(this, action);
  }

  /** The moment of the next timer; Infinity when none is set. */
  get next(): number {
    return this.heap.length === 0 ? Infinity : this.heap[0].at;
  }

  /** How many are set. */
  get count(): number {
    return this.heap.length;
  }

  /** Lets all that is due go off, each once. */
  run(): void {
    const now = this.now();
    for (let left = this.heap.length; left > 0 && this.heap.length > 0 && this.heap[0].at <= now; left -= 1) {
      const timer = this.heap[0];
      timer.stop();
      timer.action();
    }
  }

  /** Moves a timer to a moment; to Infinity: takes it out. */
  place(timer: Timer, at: number): void {
    const before = this.next;
    timer.at = at;
    if (at === Infinity) this.remove(timer);
    else if (timer.place < 0) this.up(timer, this.heap.length);
    else {
      this.up(timer, timer.place);
      this.down(timer, timer.place);
    }
    if (this.next < before) this.sooner();
  }

  private remove(timer: Timer): void {
    const { place } = timer;
    if (place < 0) return;
    timer.place = -1;
    const last = this.heap.pop();
    if (last === undefined || last === timer) return;
    this.up(last, place);
    this.down(last, last.place);
  }

  private put(timer: Timer, place: number): void {
    this.heap[place] = timer;
    timer.place = place;
  }

  private up(timer: Timer, from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.heap[parent].at <= timer.at) break;
      this.put(this.heap[parent], place);
      place = parent;
    }
    this.put(timer, place);
  }

  private down(timer: Timer, from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= this.heap.length) break;
      const child = left + 1 < this.heap.length && this.heap[left + 1].at < this.heap[left].at ? left + 1 : left;
      if (this.heap[child].at >= timer.at) break;
      this.put(this.heap[child], place);
      place = child;
    }
    this.put(timer, place);
  }
}
