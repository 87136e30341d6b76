/**
 * The power button, as the first of the two ways to end a machine: an operating system that listens to it shuts down. What does not
 * listen, and what takes too long, is ended.
 */
import type { Inspection } from '../src/monitor/inspection/queries';
import type { MachineControl } from '../src/monitor/machine/session';

/** What a guest has to power off by itself, in milliseconds. */
export const POWER_OFF_MS = 15_000;
/** PMEN's bit for the power button (ACPI Specification 6.5, 4.8.3.1.2), which an operating system sets that wants to know of it. */
const POWER_BUTTON_ENABLE = 0x0100;

export class PowerButton {
  private patience: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly control: Pick<MachineControl, 'input'>, private readonly inspect: Pick<Inspection, 'devices'>, private readonly milliseconds = POWER_OFF_MS) {}

  /** Whether it was pressed, and the guest has not come to a stop since. */
  get isPressed(): boolean {
    return this.patience !== undefined;
  }

  /** Presses it if somebody in the guest listens, and gives whether that is so. `late` is called when the machine still goes after a while. */
  async press(late: () => void): Promise<boolean> {
    if (!(await this.isHeard())) return false;
    this.forget();
    this.patience = setTimeout(late, this.milliseconds);
    await this.control.input({ kind: 'power-button' });
    return true;
  }

  /** The machine stands, or is no more: there is nothing to be waited for. */
  forget(): void {
    clearTimeout(this.patience);
    this.patience = undefined;
  }

  private async isHeard(): Promise<boolean> {
    const acpi = (await this.inspect.devices()).find(({ name }) => name === 'acpi');
    const enable = acpi?.registers?.blocks.flatMap(({ registers }) => registers).find(({ name }) => name === 'PMEN');
    return ((enable?.value ?? 0) & POWER_BUTTON_ENABLE) !== 0;
  }
}
