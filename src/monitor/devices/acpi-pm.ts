/**
 * ACPI fixed hardware: the PM1a event and control registers, the power management timer, the power button, and
 * power off. Ports 600-60F, where QEMU's PIIX4 has them; a guest that knows no ACPI turns the machine off by writing
 * 2000 to port 604.
 *
 * Source: ACPI Specification 6.5, 4.8.3 (PM1 registers, PM timer). The machine is always in ACPI mode (SCI_EN is
 * hardwired, there is no SMI command port); S5 is the only sleep state.
 */
import { readByBytes, writeByBytes } from './access';
import { cycleOfTick, ticksAt } from './clock';
import { PLATFORM, type AccessSize, type Device, type DeviceHost, type PortRange } from './device';

/** Input clock of the PM timer in Hz. */
export const PM_TIMER_HERTZ = 3579545;

/** The timer counts 24 bits; a change of the highest one sets its status. */
const TIMER_MASK = 0xffffff;
const TICKS_PER_CHANGE = 0x800000;

/** Offsets of the registers, as the FADT tells them. */
const REGISTER = { status: 0, enable: 2, control: 4, timer: 8 } as const;

/** Bits of PM1 status and enable. */
const PM1 = { timer: 0x0001, globalLock: 0x0020, powerButton: 0x0100, clock: 0x0400 } as const;
const ENABLE_BITS = PM1.timer | PM1.globalLock | PM1.powerButton | PM1.clock;

/** Bits of PM1 control. SLP_TYP is kept, SLP_EN acts. */
const CONTROL = { sciEnable: 0x0001, busMasterReload: 0x0002, sleepType: 0x1c00, sleepEnable: 0x2000 } as const;
/** SLP_TYP for S5, as the DSDT's \_S5 package says. */
const SOFT_OFF = 0;

const EVENT = 'timer';

export interface AcpiPmState {
  status: number;
  enable: number;
  /** BM_RLD and SLP_TYP. */
  control: number;
  /** Changes of the timer's highest bit that the status has seen. */
  changes: number;
}

function powerOnState(): AcpiPmState {
  return { status: 0, enable: 0, control: 0, changes: 0 };
}

export class AcpiPm implements Device {
  readonly name = 'acpi';
  readonly ports: readonly PortRange[] = [{ first: PLATFORM.powerManagement, count: 16 }];
  readonly portWidth: AccessSize = 4;
  state: AcpiPmState = powerOnState();
  readonly #host: DeviceHost;

  constructor(host: DeviceHost) {
    this.#host = host;
  }

  reset(): void {
    this.state = powerOnState();
    this.state.changes = this.#timerChanges();
    this.#update();
  }

  /** The person presses the power button: an operating system that listens shuts down. */
  pressPowerButton(): void {
    this.#raise(PM1.powerButton);
  }

  /** The real-time clock raises its interrupt line. */
  clockInterrupt(): void {
    this.#raise(PM1.clock);
  }

  #raise(bit: number): void {
    this.#settle();
    this.state.status |= bit;
    this.#update();
  }

  readPort(port: number, size: AccessSize): number {
    this.#settle();
    const { status, enable, control } = this.state;
    const registers = new Map<number, number>([
      [REGISTER.status, (status | (enable << 16)) >>> 0],
      [REGISTER.control, control | CONTROL.sciEnable],
      [REGISTER.timer, ticksAt(this.#host.now(), PM_TIMER_HERTZ) & TIMER_MASK],
    ]);
    return readByBytes(port - PLATFORM.powerManagement, size, (offset) => {
      return (registers.get(offset & ~3) ?? 0) >>> (8 * (offset & 3));
    });
  }

  writePort(port: number, size: AccessSize, value: number): void {
    this.#settle();
    writeByBytes(port - PLATFORM.powerManagement, size, value, (offset, byte) => this.#writeByte(offset, byte));
    this.#update();
  }

  event(): void {
    this.#settle();
    this.#update();
  }

  #writeByte(offset: number, byte: number): void {
    const { state } = this;
    const shift = 8 * (offset & 1);
    const bits = byte << shift;
    const keep = (word: number, writable: number): number => (word & ~(0xff << shift)) | (bits & writable);
    const register = offset & ~1;
    // Status bits are cleared by writing ones.
    if (register === REGISTER.status) state.status &= ~bits;
    else if (register === REGISTER.enable) state.enable = keep(state.enable, ENABLE_BITS);
    else if (register === REGISTER.control) {
      state.control = keep(state.control, CONTROL.busMasterReload | CONTROL.sleepType);
      const sleeps = (bits & CONTROL.sleepEnable) !== 0;
      if (sleeps && (state.control & CONTROL.sleepType) >> 10 === SOFT_OFF) this.#host.requestStop({ kind: 'power-off' });
    }
  }

  #timerChanges(): number {
    return Math.floor(ticksAt(this.#host.now(), PM_TIMER_HERTZ) / TICKS_PER_CHANGE);
  }

  /** Brings the timer's status up to now. */
  #settle(): void {
    const changes = this.#timerChanges();
    if (changes !== this.state.changes) this.state.status |= PM1.timer;
    this.state.changes = changes;
  }

  /** SCI is up while an enabled event stands; the timer's next change is an event only when somebody listens. */
  #update(): void {
    const { status, enable, changes } = this.state;
    this.#host.setInterruptLine(PLATFORM.sciLine, (status & enable) !== 0);
    if ((enable & PM1.timer) === 0) this.#host.cancel(this.name, EVENT);
    else this.#host.schedule(this.name, EVENT, cycleOfTick((changes + 1) * TICKS_PER_CHANGE, PM_TIMER_HERTZ));
  }
}
