/**
 * The board's interrupt wires: ISA lines go to the 8259 pair and to the I/O APIC alike; PCI interrupts go to I/O APIC
 * inputs 16-19, and through the PIIX3's steering registers to ISA lines.
 *
 * As on a PC without IMCR the 8259's output reaches LINT0 of the local APICs directly, and input 0 of the I/O APIC
 * besides; the timer (ISA line 0) is input 2 (MultiProcessor Specification 1.4, 3.6.2 and table D-1).
 */
import type { ApicBus } from './apic-bus';
import { PLATFORM, type Device, type InterruptController, type PortRange } from './device';
import type { DeviceDescription } from './description';
import type { IoApic } from './io-apic';
import type { Pic } from './pic';
import { INTERRUPT_LINES_DESCRIPTION } from './registers/interrupt-lines';

const ISA_LINES = 16;
const TIMER_LINE = 0;
const CASCADE_LINE = 2;
const PIRQS = 4;
/** PCI interrupts are active low: all inputs from 16 up rest high. */
export const INPUTS_RESTING_HIGH = 0xff0000;
/** PIRQx route control (PIIX3, 60-63): bit 7 disables, bits 0-3 are the ISA line. */
const ROUTE_DISABLED = 0x80;

export interface InterruptRouterState {
  /** ISA lines as their devices drive them, a bit each. */
  isa: number;
  /** For each PIRQ the PCI devices that assert it, a bit each. */
  pirqs: number[];
}

/** The PIRQ (0 is A) that INTA-INTD (`pin` 0 to 3) of a slot is wired to. The wiring turns with the slot, as on PIIX boards. */
export function pirqOf(device: number, pin: number): number {
  return (device + pin - 1) & (PIRQS - 1);
}

/** The interrupt system as a processor 0 alone sees it, and the wires into it. */
export class InterruptRouter implements Device, InterruptController {
  readonly name = 'interrupts';
  readonly ports: readonly PortRange[] = [];
  readonly description: DeviceDescription = INTERRUPT_LINES_DESCRIPTION;
  state: InterruptRouterState = { isa: 0, pirqs: [0, 0, 0, 0] };
  readonly #pic: Pic;
  readonly #ioApic: IoApic;
  readonly #apics: ApicBus;
  readonly #routes: () => Uint8Array | undefined;

  /** `routes` gives the four route control registers, PIRQ A first. */
  constructor(pic: Pic, ioApic: IoApic, apics: ApicBus, routes: () => Uint8Array | undefined) {
    this.#pic = pic;
    this.#ioApic = ioApic;
    this.#apics = apics;
    this.#routes = routes;
  }

  /** Wires have no state of their own: they stay as devices hold them. The 8259 pair holds its output low after its reset. */
  reset(): void {
    this.reroute();
    this.externalChanged();
  }

  peek(_block: string, register: string): number | undefined {
    const { isa, pirqs } = this.state;
    if (register === 'ISA') return isa;
    if (register === 'PIRQ') return pirqs.reduce((bits, asserting, pirq) => bits | (asserting === 0 ? 0 : 1 << pirq), 0);
    return this.#routes()?.[['ROUTE A', 'ROUTE B', 'ROUTE C', 'ROUTE D'].indexOf(register)];
  }

  pending(): boolean {
    return this.#apics.pending(0);
  }

  acknowledge(): number {
    return this.#apics.acknowledge(0);
  }

  setLine(line: number, level: boolean): void {
    const bit = 1 << line;
    const { isa } = this.state;
    // Devices say again at each access what they hold their line at.
    if (((isa & bit) !== 0) === level) return;
    this.state.isa = isa ^ bit;
    this.#drive(line);
  }

  /** Drives INTA-INTD (`pin` 0 to 3) of the PCI device in slot `device` of bus 0. */
  setPciInterrupt(device: number, pin: number, asserted: boolean): void {
    const pirq = pirqOf(device, pin);
    const bit = 1 << device;
    const { pirqs } = this.state;
    pirqs[pirq] = asserted ? pirqs[pirq] | bit : pirqs[pirq] & ~bit;
    this.#ioApic.setInput(PLATFORM.firstPirqInput + pirq, pirqs[pirq] !== 0);
    const line = this.steeredTo(pirq);
    if (line !== undefined) this.#drive(line);
  }

  /** The route control registers have changed. */
  reroute(): void {
    for (let line = 0; line < ISA_LINES; line++) this.#drive(line);
  }

  /** The 8259 pair's output has changed. */
  externalChanged(): void {
    const level = this.#pic.pending();
    this.#ioApic.setInput(0, level);
    this.#apics.setLocalInput(0, level);
  }

  /** The ISA line that a PIRQ is steered to. */
  steeredTo(pirq: number): number | undefined {
    const route = this.#routes()?.[pirq] ?? ROUTE_DISABLED;
    return (route & ROUTE_DISABLED) === 0 ? route & 15 : undefined;
  }

  /** A line is up when its ISA device or a PCI interrupt that is steered to it holds it up. */
  #drive(line: number): void {
    if (line === CASCADE_LINE) return;
    const level = (this.state.isa & (1 << line)) !== 0 || this.#isSteeredHigh(line);
    this.#pic.setLine(line, level);
    this.#ioApic.setInput(line === TIMER_LINE ? PLATFORM.timerInput : line, level);
  }

  #isSteeredHigh(line: number): boolean {
    const { pirqs } = this.state;
    for (let pirq = 0; pirq < PIRQS; pirq++) if (pirqs[pirq] !== 0 && this.steeredTo(pirq) === line) return true;
    return false;
  }
}
