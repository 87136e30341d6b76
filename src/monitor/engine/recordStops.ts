/** Stops in records: generated code that comes to such a record returns. They stay until it has returned. */
import type { Interpreter } from './interpreter';
import type { MachineMemory } from '../memory/machineMemory';
import { SPECIAL_HANDLERS } from './specialHandlers';
import { R, RECORD_BYTES } from './records';

export class RecordStops {
  private readonly replaced: { readonly address: number; readonly handler: number; readonly now: number }[] = [];

  constructor(
    private readonly machine: MachineMemory,
    private readonly interpreter: Interpreter,
  ) {}

  /** Puts a stop into a record. */
  put(record: number): void {
    this.replace(record + R.handler, () => SPECIAL_HANDLERS.stop);
    // The one in front of it may be executed together with it.
    this.replace(record - RECORD_BYTES + R.handler, (handler) => this.interpreter.alone(handler));
  }

  private replace(address: number, by: (handler: number) => number): void {
    const { view } = this.machine;
    const handler = view.getUint32(address, true);
    const now = by(handler);
    if (now === handler) return;
    this.replaced.push({ address, handler, now });
    view.setUint32(address, now, true);
  }

  /** Takes all stops out. */
  lift(): void {
    if (this.replaced.length === 0) return;
    const { view } = this.machine;
    // A region that was dropped meanwhile has put something else there.
    for (const { address, handler, now } of this.replaced.reverse()) if (view.getUint32(address, true) === now) view.setUint32(address, handler, true);
    this.replaced.length = 0;
  }
}
