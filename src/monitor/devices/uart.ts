/**
 * The 16550A serial port, timed by its baud rate in virtual time.
 *
 * Source: National Semiconductor PC16550D data sheet. Two liberties are taken at the host's end of the
 * wire: the terminal there takes all eight bits of a character whatever the line control says, and it
 * holds back while the receiver is full, so that typed or pasted input is never lost to an overrun.
 */
import type { Device, DeviceHost, PortRange } from './device';
import { CYCLES_PER_SECOND } from './device';
import type { DeviceDescription } from './description';
import { uartDescription } from './registers/uart';

const FIFO_BYTES = 16;
/** Baud rate at divisor 1: 1.8432 MHz / 16. */
const TOP_BAUD = 115200;
const TRIGGER_LEVELS = [1, 4, 8, 14];

const IER = { received: 1, transmitterEmpty: 2, lineStatus: 4, modemStatus: 8 } as const;
const LSR = { ready: 0x01, overrun: 0x02, thrEmpty: 0x20, idle: 0x40 } as const;
const MCR = { out2: 0x08, loop: 0x10 } as const;
const IIR = { none: 0x01, modem: 0x00, transmitter: 0x02, received: 0x04, line: 0x06, timeout: 0x0c } as const;
/** A modem that is always there: carrier, data set ready, clear to send. */
const MODEM_PRESENT = 0xb0;
const LCR_DLAB = 0x80;

export interface UartState {
  ier: number;
  /** FIFO control, bits 0, 3, 6 and 7. */
  fcr: number;
  lcr: number;
  mcr: number;
  /** Error bits of the line status; the others are derived. */
  lineErrors: number;
  /** Modem status: inputs (4-7) as they were at the last look, changes since the last read (0-3). */
  msr: number;
  scratch: number;
  divisor: number;
  received: number[];
  /** Last character taken from the receiver, which an empty receiver keeps showing. */
  lastReceived: number;
  transmit: number[];
  /** Character in the transmitter shift register; -1 when it is idle. */
  shifting: number;
  transmitterPending: boolean;
  timeoutPending: boolean;
  /** Input that the host has sent and the wire has not yet brought. */
  incoming: number[];
  receiving: boolean;
}

function powerOnState(): UartState {
  return {
    ier: 0, fcr: 0, lcr: 0, mcr: 0, lineErrors: 0, msr: MODEM_PRESENT, scratch: 0, divisor: 12,
    received: [], lastReceived: 0, transmit: [], shifting: -1, transmitterPending: false, timeoutPending: false,
    incoming: [], receiving: false,
  };
}

export interface UartOptions {
  /** Device name and output channel: 'com1' to 'com4'. */
  readonly name: string;
  /** First of its eight ports. */
  readonly base: number;
  /** ISA interrupt line. */
  readonly line: number;
  /**
   * Cycles that a character takes on the wire. Default: what the programmed rate and format make of it
   * (86806 cycles for 8N1 at 115200 baud).
   */
  readonly characterCycles?: number;
}

export class Uart implements Device {
  readonly name: string;
  readonly ports: readonly PortRange[];
  readonly description: DeviceDescription;
  state: UartState = powerOnState();
  readonly #host: DeviceHost;
  readonly #base: number;
  readonly #line: number;
  readonly #fixedCycles: number | undefined;

  constructor(host: DeviceHost, options: UartOptions) {
    this.#host = host;
    this.name = options.name;
    this.#base = options.base;
    this.#line = options.line;
    this.#fixedCycles = options.characterCycles;
    this.ports = [{ first: options.base, count: 8 }];
    this.description = uartDescription(options.name, options.base);
  }

  reset(): void {
    for (const event of ['transmitted', 'arrived', 'timeout']) this.#host.cancel(this.name, event);
    this.state = powerOnState();
    this.#driveLine();
  }

  /** Level of the interrupt output: an enabled cause, let through by OUT2 (a PC's gate; loopback shuts it). */
  get interruptOutput(): boolean {
    const { mcr } = this.state;
    return (mcr & MCR.out2) !== 0 && (mcr & MCR.loop) === 0 && this.#identify() !== IIR.none;
  }

  /** Characters that the guest has handed over and the wire has not yet taken, in order. */
  get unsent(): Uint8Array {
    const { shifting, transmit } = this.state;
    if (shifting < 0 || this.#loopback()) return new Uint8Array(0);
    return Uint8Array.of(shifting, ...transmit);
  }

  /** Bytes typed at the host's end. They arrive at the pace of the line. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) this.state.incoming.push(byte);
    this.#pullIncoming();
  }

  readPort(port: number): number {
    const before = this.interruptOutput;
    const value = this.#read(port - this.#base);
    if (this.interruptOutput !== before) this.#driveLine();
    return value;
  }

  writePort(port: number, _size: number, value: number): void {
    const before = this.interruptOutput;
    this.#write(port - this.#base, value & 0xff);
    if (this.interruptOutput !== before) this.#driveLine();
  }

  peek(_block: string, register: string): number | undefined {
    const { state } = this;
    switch (register) {
      case 'RBR': return state.received[0] ?? state.lastReceived;
      case 'DLL': return state.divisor & 0xff;
      case 'DLM': return state.divisor >> 8;
      case 'IER': return state.ier;
      case 'IIR': return this.#identification();
      case 'FCR': return state.fcr;
      case 'LCR': return state.lcr;
      case 'MCR': return state.mcr;
      case 'LSR': return this.#lineStatus();
      case 'MSR': return state.msr;
      case 'SCR': return state.scratch;
      default: return undefined;
    }
  }

  event(name: string): void {
    if (name === 'transmitted') this.#finishTransmit();
    else if (name === 'arrived') this.#finishArrival();
    else this.state.timeoutPending = this.state.received.length > 0;
    this.#driveLine();
  }

  #read(register: number): number {
    const { state } = this;
    const latchAccess = (state.lcr & LCR_DLAB) !== 0;
    switch (register) {
      case 0: return latchAccess ? state.divisor & 0xff : this.#takeReceived();
      case 1: return latchAccess ? state.divisor >> 8 : state.ier;
      case 2: return this.#readIdentification();
      case 3: return state.lcr;
      case 4: return state.mcr;
      case 5: return this.#readLineStatus();
      case 6: return this.#readModemStatus();
      default: return state.scratch;
    }
  }

  #write(register: number, value: number): void {
    const { state } = this;
    const latchAccess = (state.lcr & LCR_DLAB) !== 0;
    switch (register) {
      case 0:
        if (latchAccess) state.divisor = (state.divisor & 0xff00) | value;
        else this.#send(value);
        break;
      case 1:
        if (latchAccess) state.divisor = (state.divisor & 0x00ff) | (value << 8);
        else this.#writeInterruptEnable(value);
        break;
      case 2: this.#writeFifoControl(value); break;
      case 3: state.lcr = value; break;
      case 4: this.#writeModemControl(value); break;
      case 7: state.scratch = value; break;
      default: break;
    }
  }

  /** The most urgent enabled cause, as IIR bits 0-3. */
  #identify(): number {
    const { state } = this;
    if ((state.ier & IER.lineStatus) !== 0 && state.lineErrors !== 0) return IIR.line;
    if ((state.ier & IER.received) !== 0) {
      if (state.received.length >= this.#trigger()) return IIR.received;
      if (state.timeoutPending) return IIR.timeout;
    }
    if ((state.ier & IER.transmitterEmpty) !== 0 && state.transmitterPending) return IIR.transmitter;
    if ((state.ier & IER.modemStatus) !== 0 && (state.msr & 0x0f) !== 0) return IIR.modem;
    return IIR.none;
  }

  #readIdentification(): number {
    const value = this.#identification();
    if (this.#identify() === IIR.transmitter) this.state.transmitterPending = false;
    return value;
  }

  #identification(): number {
    return this.#identify() | (this.#fifoEnabled() ? 0xc0 : 0);
  }

  #fifoEnabled(): boolean {
    return (this.state.fcr & 1) !== 0;
  }

  #capacity(): number {
    return this.#fifoEnabled() ? FIFO_BYTES : 1;
  }

  #trigger(): number {
    return this.#fifoEnabled() ? TRIGGER_LEVELS[this.state.fcr >> 6] : 1;
  }

  #loopback(): boolean {
    return (this.state.mcr & MCR.loop) !== 0;
  }

  /** Cycles of one character: start bit, 5 to 8 data bits, parity, stop bits. A divisor of 0 counts as 1. */
  #characterCycles(): number {
    if (this.#fixedCycles !== undefined) return this.#fixedCycles;
    const { lcr, divisor } = this.state;
    const bits = 1 + 5 + (lcr & 3) + ((lcr & 8) !== 0 ? 1 : 0) + ((lcr & 4) !== 0 ? 2 : 1);
    return Math.ceil((bits * Math.max(divisor, 1) * CYCLES_PER_SECOND) / TOP_BAUD);
  }

  #schedule(event: string, cycles: number): void {
    this.#host.schedule(this.name, event, this.#host.now() + cycles);
  }

  #writeInterruptEnable(value: number): void {
    const { state } = this;
    const enabled = value & 0x0f & ~state.ier;
    state.ier = value & 0x0f;
    if ((enabled & IER.transmitterEmpty) !== 0 && state.transmit.length === 0) state.transmitterPending = true;
  }

  #writeFifoControl(value: number): void {
    const { state } = this;
    const toggled = ((value ^ state.fcr) & 1) !== 0;
    if ((value & 0x02) !== 0 || toggled) this.#clearReceiver();
    if (((value & 0x04) !== 0 || toggled) && state.transmit.length > 0) {
      state.transmit = [];
      state.transmitterPending = true;
    }
    state.fcr = (value & 1) !== 0 ? value & 0xc9 : 0;
    this.#pullIncoming();
  }

  #clearReceiver(): void {
    this.state.received = [];
    this.state.timeoutPending = false;
    this.#host.cancel(this.name, 'timeout');
  }

  #writeModemControl(value: number): void {
    this.state.mcr = value & 0x1f;
    this.#lookAtModem();
    this.#pullIncoming();
  }

  /** Notes what has changed on the modem inputs; in loopback they are the modem outputs. */
  #lookAtModem(): void {
    const { state } = this;
    const { mcr } = state;
    const looped = ((mcr & 2) << 3) | ((mcr & 1) << 5) | ((mcr & 4) << 4) | ((mcr & 8) << 4);
    const inputs = this.#loopback() ? looped : MODEM_PRESENT;
    const changed = (inputs ^ state.msr) & 0xf0;
    const ringEnded = changed & state.msr & 0x40;
    state.msr = inputs | (state.msr & 0x0f) | ((changed >> 4) & 0x0b) | (ringEnded >> 4);
  }

  #readModemStatus(): number {
    const value = this.state.msr;
    this.state.msr &= 0xf0;
    return value;
  }

  #readLineStatus(): number {
    const value = this.#lineStatus();
    this.state.lineErrors = 0;
    return value;
  }

  #lineStatus(): number {
    const { received, lineErrors, transmit, shifting } = this.state;
    const empty = transmit.length === 0;
    return (received.length > 0 ? LSR.ready : 0) | lineErrors | (empty ? LSR.thrEmpty : 0) | (empty && shifting < 0 ? LSR.idle : 0);
  }

  /** A character to the transmitter; one too many for the FIFO is lost. */
  #send(value: number): void {
    const { state } = this;
    state.transmitterPending = false;
    if (state.transmit.length < this.#capacity()) state.transmit.push(value);
    else if (!this.#fifoEnabled()) state.transmit[0] = value;
    this.#startTransmit();
  }

  #startTransmit(): void {
    const { state } = this;
    if (state.shifting >= 0) return;
    const next = state.transmit.shift();
    if (next === undefined) return;
    state.shifting = next;
    if (state.transmit.length === 0) state.transmitterPending = true;
    this.#schedule('transmitted', this.#characterCycles());
  }

  #finishTransmit(): void {
    const { state } = this;
    const character = state.shifting;
    state.shifting = -1;
    if (character < 0) return;
    if (this.#loopback()) this.#store(character & ((0x20 << (state.lcr & 3)) - 1));
    else this.#host.output(this.name, Uint8Array.of(character));
    this.#startTransmit();
  }

  /** Sets the next character from the host on its way, when there is one and room for it. */
  #pullIncoming(): void {
    const { state } = this;
    if (state.receiving || state.incoming.length === 0 || !this.#mayReceive()) return;
    state.receiving = true;
    this.#schedule('arrived', this.#characterCycles());
  }

  #mayReceive(): boolean {
    return !this.#loopback() && this.state.received.length < this.#capacity();
  }

  #finishArrival(): void {
    const { state } = this;
    state.receiving = false;
    if (this.#mayReceive()) {
      const character = state.incoming.shift();
      if (character !== undefined) this.#store(character);
    }
    this.#pullIncoming();
  }

  /** A character has reached the receiver. When it is full the FIFO keeps what it has, the single register does not. */
  #store(character: number): void {
    const { state } = this;
    if (state.received.length < this.#capacity()) {
      state.received.push(character);
    } else {
      state.lineErrors |= LSR.overrun;
      if (!this.#fifoEnabled()) state.received[0] = character;
    }
    this.#restartTimeout();
  }

  #takeReceived(): number {
    const { state } = this;
    const character = state.received.shift();
    if (character !== undefined) state.lastReceived = character;
    this.#restartTimeout();
    this.#pullIncoming();
    return state.lastReceived;
  }

  /** The FIFO's time-out: four characters' time without an arrival or a read while something waits. */
  #restartTimeout(): void {
    const { state } = this;
    state.timeoutPending = false;
    if (this.#fifoEnabled() && state.received.length > 0) this.#schedule('timeout', 4 * this.#characterCycles());
    else this.#host.cancel(this.name, 'timeout');
  }

  #driveLine(): void {
    this.#host.setInterruptLine(this.#line, this.interruptOutput);
  }
}
