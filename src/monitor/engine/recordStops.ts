/** Stops in records: generated code that comes to such a record returns. They stay until it has returned. */
import type { MachineMemory } from '../memory/machineMemory';
import { SPECIAL_HANDLERS } from './interpreterModule';
import { R } from './records';

export class RecordStops {
  private readonly replaced: { readonly address: number; readonly handler: number }[] = [];

  constructor(private readonly machine: MachineMemory) {}

  /** Puts a stop into a record. */
  put(record: number): void {
    const address = record + R.handler;
    if (this.replaced.some((other) => other.address === address)) return;
    const { view } = this.machine;
    this.replaced.push({ address, handler: view.getUint32(address, true) });
    view.setUint32(address, SPECIAL_HANDLERS.stop, true);
  }

  /** Takes all stops out. */
  lift(): void {
    if (this.replaced.length === 0) return;
    const { view } = this.machine;
    // A region that was dropped meanwhile has put something else there.
    for (const { address, handler } of this.replaced) if (view.getUint32(address, true) === SPECIAL_HANDLERS.stop) view.setUint32(address, handler, true);
    this.replaced.length = 0;
  }
}
