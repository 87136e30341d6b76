/**
 * The PIIX4's power management function: ACPI fixed hardware (PM1a event and control, PM timer, general-purpose events), the
 * power button, soft off, and an SMBus host with nobody on its bus.
 *
 * Source: Intel PIIX4 data sheet (290562), chapter 7; ACPI Specification 6.5, 4.8. It stands beside the PIIX3's ISA bridge, as on
 * QEMU's `pc`. The machine is in ACPI mode always (SCI_EN is hardwired, there is no SMI command port). Of the suspend types soft
 * off is carried out; the others are not there, and nothing happens.
 */
import { baseAddressPart, powerManagementFunction, PM_BLOCK, SMBUS_BLOCK } from './registers/acpi-pm';
import { cycleOfTick, ticksAt } from './clock';
import type { DeviceDescription } from './description';
import { PLATFORM, type AccessSize, type Device, type DeviceHost, type PortRange } from './device';
import type { PciBus } from './pci';
import type { PciSlot } from './pciFunction';
import { RegisterFile } from './registerFile';

/** Input clock of the PM timer in Hz. */
export const PM_TIMER_HERTZ = 3579545;

/** The timer counts 24 bits; a change of the highest one sets its status. */
const TIMER_MASK = 0xffffff;
const TICKS_PER_CHANGE = 0x800000;

/** Bits of PMSTS and PMEN. */
const PM1 = { timer: 0x0001, powerButton: 0x0100, clock: 0x0400 } as const;

/** Bits of PMCNTRL. SUS_TYP is kept, SUS_EN acts. */
const CONTROL = { suspendType: 0x1c00, suspendEnable: 0x2000 } as const;
/** SUS_TYP for soft off, as the DSDT's \_S5 package says. */
const SOFT_OFF = 0;

const PM_PORTS = 64;
const SMBUS_PORTS = 16;
/** SMBHSTCNT: start. SMBHSTSTS: no device has answered. SMBHSTCNT's INTEREN. */
const SMBUS = { start: 0x40, deviceError: 0x04, interruptEnable: 0x01, interruptStatus: 0x1e } as const;

const EVENT = 'timer';

export interface AcpiPmState {
  /** Registers in the order of their descriptions. */
  pm: Uint32Array;
  smbus: Uint32Array;
  /** Changes of the timer's highest bit that the status has seen. */
  changes: number;
}

export class AcpiPm implements Device {
  readonly name = 'acpi';
  readonly portWidth: AccessSize = 4;
  readonly isSlow = true;
  readonly description: DeviceDescription = {
    title: 'Intel PIIX4 power management (82371AB)',
    source: 'Intel PIIX4 data sheet (290562), chapter 7',
    blocks: [PM_BLOCK, SMBUS_BLOCK],
  };
  state: AcpiPmState = { pm: RegisterFile.initial(PM_BLOCK), smbus: RegisterFile.initial(SMBUS_BLOCK), changes: 0 };
  readonly #host: DeviceHost;
  readonly #slot: PciSlot;
  readonly #pm: RegisterFile;
  readonly #smbus: RegisterFile;

  /** Plugs its function into the bus. `portsChanged` is called when a guest has moved its ports. */
  constructor(host: DeviceHost, pci: PciBus, portsChanged: () => void) {
    this.#host = host;
    this.#slot = pci.add(powerManagementFunction(portsChanged));
    this.#pm = new RegisterFile(PM_BLOCK, () => this.state.pm, {
      read: (name, kept) => (name === 'PMTMR' ? this.#timer() : kept),
      written: (name, _, written) => {
        if (name === 'PMCNTRL') this.#suspend(written);
      },
    });
    this.#smbus = new RegisterFile(SMBUS_BLOCK, () => this.state.smbus, {
      written: (name, _, written) => {
        // A transfer begins, nobody acknowledges its address, and it ends.
        if (name === 'SMBHSTCNT' && (written & SMBUS.start) !== 0) this.#smbus.set('SMBHSTSTS', SMBUS.deviceError);
      },
    });
  }

  /** Where its ports are decoded now: nowhere after power-on. */
  get ports(): readonly PortRange[] {
    const { pm, smbus } = this.#bases();
    return [
      ...(pm === undefined ? [] : [{ first: pm, count: PM_PORTS }]),
      ...(smbus === undefined ? [] : [{ first: smbus, count: SMBUS_PORTS }]),
    ];
  }

  /** First port of the power management registers; undefined while they are not decoded. */
  get powerManagementPort(): number | undefined {
    return this.#bases().pm;
  }

  reset(): void {
    this.state = { pm: RegisterFile.initial(PM_BLOCK), smbus: RegisterFile.initial(SMBUS_BLOCK), changes: this.#timerChanges() };
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

  readPort(port: number, size: AccessSize): number {
    const { file, offset } = this.#at(port);
    this.#settle();
    return file.read(offset, size);
  }

  writePort(port: number, size: AccessSize, value: number): void {
    const { file, offset } = this.#at(port);
    this.#settle();
    file.write(offset, size, value);
    this.#update();
  }

  event(): void {
    this.#settle();
    this.#update();
  }

  peek(block: string, register: string): number | undefined {
    if (block === SMBUS_BLOCK.name) return this.#smbus.value(register);
    if (register === 'PMTMR') return this.#timer();
    const timerStatus = register === 'PMSTS' && this.#timerChanges() !== this.state.changes ? PM1.timer : 0;
    return this.#pm.value(register) | timerStatus;
  }

  #bases(): { pm: number | undefined; smbus: number | undefined } {
    return baseAddressPart(this.#slot.configuration());
  }

  #at(port: number): { file: RegisterFile; offset: number } {
    const { pm, smbus } = this.#bases();
    if (pm !== undefined && port >= pm && port < pm + PM_PORTS) return { file: this.#pm, offset: port - pm };
    return { file: this.#smbus, offset: port - (smbus ?? port) };
  }

  #raise(bit: number): void {
    this.#settle();
    this.#pm.set('PMSTS', this.#pm.value('PMSTS') | bit);
    this.#update();
  }

  #suspend(control: number): void {
    if ((control & CONTROL.suspendEnable) === 0 || (control & CONTROL.suspendType) >> 10 !== SOFT_OFF) return;
    this.#host.requestStop({ kind: 'power-off' });
  }

  #timer(): number {
    return ticksAt(this.#host.now(), PM_TIMER_HERTZ) & TIMER_MASK;
  }

  #timerChanges(): number {
    return Math.floor(ticksAt(this.#host.now(), PM_TIMER_HERTZ) / TICKS_PER_CHANGE);
  }

  /** Brings the timer's status up to now. */
  #settle(): void {
    const changes = this.#timerChanges();
    if (changes !== this.state.changes) this.#pm.set('PMSTS', this.#pm.value('PMSTS') | PM1.timer);
    this.state.changes = changes;
  }

  /** SCI is up while an enabled event stands; the timer's next change is an event only when somebody listens. */
  #update(): void {
    const enable = this.#pm.value('PMEN');
    const fixed = (this.#pm.value('PMSTS') & enable) !== 0;
    const general = (this.#pm.value('GPSTS') & this.#pm.value('GPEN')) !== 0;
    const smbus = (this.#smbus.value('SMBHSTCNT') & SMBUS.interruptEnable) !== 0 && (this.#smbus.value('SMBHSTSTS') & SMBUS.interruptStatus) !== 0;
    this.#host.setInterruptLine(PLATFORM.sciLine, fixed || general || smbus);
    if ((enable & PM1.timer) === 0) this.#host.cancel(this.name, EVENT);
    else this.#host.schedule(this.name, EVENT, cycleOfTick((this.state.changes + 1) * TICKS_PER_CHANGE, PM_TIMER_HERTZ));
  }
}
