/** Where a run was stopped by what a debugger wants to stop at: marks on the time line. */
import { compare, type Position } from './position';
import type { StopReason } from './session';

/** What of a stop the time line shows. */
export interface SeenStop {
  readonly kind: 'breakpoint' | 'watchpoint' | 'event' | 'exception';
  readonly position: Position;
}

/** With more, the oldest is forgotten. */
const MOST_STOPS = 1000;

const isShown = (kind: StopReason['kind']): kind is SeenStop['kind'] => kind === 'breakpoint' || kind === 'watchpoint' || kind === 'event' || kind === 'exception';

export class SeenStops {
  private readonly stops = new Map<string, SeenStop>();

  get list(): readonly SeenStop[] {
    return [...this.stops.values()];
  }

  note({ kind }: StopReason, position: Position): void {
    if (!isShown(kind)) return;
    this.stops.set(JSON.stringify(position), { kind, position });
    const [oldest] = this.stops.keys();
    if (oldest !== undefined && this.stops.size > MOST_STOPS) this.stops.delete(oldest);
  }

  forgetAfter(moment: Position): void {
    for (const [name, { position }] of this.stops) if (compare(position, moment) > 0) this.stops.delete(name);
  }

  clear(): void {
    this.stops.clear();
  }
}
