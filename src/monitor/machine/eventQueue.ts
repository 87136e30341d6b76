/**
 * The event queue of a machine: what devices have scheduled, ordered by virtual time and then by the order of
 * scheduling. Its state is plain data, like a device's.
 */

export interface ScheduledEvent {
  readonly device: string;
  readonly event: string;
  /** Cycles. */
  readonly time: number;
  /** Order of scheduling, for events at one time. */
  readonly order: number;
}

export interface EventQueueState {
  pending: ScheduledEvent[];
  nextOrder: number;
  /** Events handled since power-on. */
  handled: number;
}

export class EventQueue {
  state: EventQueueState = { pending: [], nextOrder: 0, handled: 0 };

  /** Schedules an event, replacing the device's pending one of that name. One that is pending for that very time stays where it is. */
  schedule(device: string, event: string, time: number): void {
    const { pending } = this.state;
    const known = this.find(device, event);
    if (known >= 0) {
      if (pending[known]?.time === time) return;
      pending.splice(known, 1);
    }
    const entry: ScheduledEvent = { device, event, time, order: this.state.nextOrder++ };
    let at = pending.length;
    while (at > 0) {
      const before = pending[at - 1];
      if (!before || before.time <= time) break;
      at--;
    }
    pending.splice(at, 0, entry);
  }

  cancel(device: string, event: string): void {
    const index = this.find(device, event);
    if (index >= 0) this.state.pending.splice(index, 1);
  }

  /** Where a device's event of a name is among those pending; -1 if it is not. */
  private find(device: string, event: string): number {
    const { pending } = this.state;
    for (let at = 0; at < pending.length; at++) {
      const entry = pending[at];
      if (entry?.event === event && entry.device === device) return at;
    }
    return -1;
  }

  /** Time of the earliest event; Infinity when there is none. */
  get nextTime(): number {
    return this.state.pending[0]?.time ?? Infinity;
  }

  /** Takes the earliest event out if it is due at `now`. */
  takeDue(now: number): ScheduledEvent | undefined {
    const first = this.state.pending[0];
    if (!first || first.time > now) return undefined;
    this.state.pending.shift();
    this.state.handled++;
    return first;
  }

  /** An event that was just taken out could not be done: it is the next one again. */
  putBack(event: ScheduledEvent): void {
    this.state.pending.unshift(event);
    this.state.handled--;
  }

  reset(): void {
    this.state = { pending: [], nextOrder: 0, handled: 0 };
  }
}
