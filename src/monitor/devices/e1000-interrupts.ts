/**
 * The interrupts of the Intel 82540EM: causes and mask, the delays of packets' and descriptors' interrupts, the throttle.
 *
 * Source: Software Developer's Manual (317453), 13.4.16 to 13.4.21 (ICR to IMC), 13.4.30 (RDTR), 13.4.31 (RADV), 13.4.42 (TIDV), 13.4.45
 * (TADV).
 */
import type { DeviceHost } from './device';
import { CAUSE } from './e1000-registers';
import type { RegisterFile } from './registerFile';

/** Cycles in a unit of the delays (1.024 µs) and of the throttle (256 ns). */
const DELAY_CYCLES = 1024;
const THROTTLE_CYCLES = 256;

export interface E1000InterruptState {
  asserted: boolean;
  /** Cycle before which the throttle lets no further interrupt through. */
  quietUntil: number;
  /** The absolute delays are running. */
  receiveAbsolute: boolean;
  transmitAbsolute: boolean;
}

export function quietInterrupts(): E1000InterruptState {
  return { asserted: false, quietUntil: 0, receiveAbsolute: false, transmitAbsolute: false };
}

const EVENT = {
  receive: 'receive delay', receiveAbsolute: 'receive absolute delay', transmit: 'transmit delay', transmitAbsolute: 'transmit absolute delay',
  throttle: 'throttle',
} as const;

export class E1000Interrupts {
  readonly #device: string;
  readonly #host: DeviceHost;
  readonly #file: RegisterFile;
  readonly #state: () => E1000InterruptState;
  readonly #drive: (asserted: boolean) => void;

  /** `drive` leads to the interrupt pin. */
  constructor(device: string, host: DeviceHost, file: RegisterFile, state: () => E1000InterruptState, drive: (asserted: boolean) => void) {
    this.#device = device;
    this.#host = host;
    this.#file = file;
    this.#state = state;
    this.#drive = drive;
  }

  /** Forgets the delays that run and lets go of the pin: for a reset, after which the state is new. */
  stop(): void {
    for (const event of Object.values(EVENT)) this.#host.cancel(this.#device, event);
    this.#drive(false);
  }

  raise(causes: number): void {
    this.#file.set('ICR', (this.#file.value('ICR') | causes) >>> 0);
    this.update();
  }

  /** A guest has read ICR. */
  acknowledge(): void {
    this.#file.set('ICR', 0);
    this.update();
  }

  /** A packet has been put into memory. */
  received(): void {
    const state = this.#state();
    const delay = this.#file.value('RDTR');
    if (delay === 0) {
      this.expireReceive();
      return;
    }
    this.#after(EVENT.receive, delay);
    const absolute = this.#file.value('RADV');
    if (absolute === 0 || state.receiveAbsolute) return;
    state.receiveAbsolute = true;
    this.#after(EVENT.receiveAbsolute, absolute);
  }

  /** The delay of received packets is over, or a guest ends it (RDTR.FPD). */
  expireReceive(): void {
    this.#state().receiveAbsolute = false;
    this.#host.cancel(this.#device, EVENT.receive);
    this.#host.cancel(this.#device, EVENT.receiveAbsolute);
    this.raise(CAUSE.receiveTimer);
  }

  /** A transmit descriptor has been written back; its command says whether the interrupt may be delayed. */
  written(mayDelay: boolean): void {
    const state = this.#state();
    const delay = this.#file.value('TIDV');
    if (!mayDelay || delay === 0) {
      this.#expireTransmit();
      return;
    }
    this.#after(EVENT.transmit, delay);
    const absolute = this.#file.value('TADV');
    if (absolute === 0 || state.transmitAbsolute) return;
    state.transmitAbsolute = true;
    this.#after(EVENT.transmitAbsolute, absolute);
  }

  /** ITR has been written: a shorter interval holds from now on. */
  throttled(): void {
    const state = this.#state();
    state.quietUntil = Math.min(state.quietUntil, this.#host.now() + this.#interval());
    this.update();
  }

  /** A scheduled event has come. Gives whether it was one of these. */
  event(name: string): boolean {
    if (name === EVENT.receive || name === EVENT.receiveAbsolute) this.expireReceive();
    else if (name === EVENT.transmit || name === EVENT.transmitAbsolute) this.#expireTransmit();
    else if (name === EVENT.throttle) this.update();
    else return false;
    return true;
  }

  /** Brings the pin to where causes, mask and throttle want it. */
  update(): void {
    const state = this.#state();
    const wanted = (this.#file.value('ICR') & this.#file.value('IMS')) !== 0;
    if (wanted === state.asserted) return;
    const now = this.#host.now();
    if (wanted && now < state.quietUntil) {
      this.#host.schedule(this.#device, EVENT.throttle, state.quietUntil);
      return;
    }
    if (wanted) state.quietUntil = now + this.#interval();
    state.asserted = wanted;
    this.#drive(wanted);
  }

  #interval(): number {
    return this.#file.value('ITR') * THROTTLE_CYCLES;
  }

  #expireTransmit(): void {
    this.#state().transmitAbsolute = false;
    this.#host.cancel(this.#device, EVENT.transmit);
    this.#host.cancel(this.#device, EVENT.transmitAbsolute);
    this.raise(CAUSE.transmitDone);
  }

  #after(event: string, units: number): void {
    this.#host.schedule(this.#device, event, this.#host.now() + units * DELAY_CYCLES);
  }
}
