/**
 * Ties a network stack to a machine: frames that its card has sent, in; frames for its card, out, in bundles and no faster than the
 * machine takes them; the stack's clock stands while the machine does.
 */
import type { UserNetwork } from '../../monitor/machine/configurationNetwork';
import type { DeviceMessage, ServiceCalls } from '../protocol';
import { captureRecord } from './pcap';
import type { StackOptions } from './plan';
import { NetworkStack } from './stack';
import type { HostNetwork } from './surroundings';
import { Timers } from './timers';

/** The card's port and the channel of its frames. */
export const CARD = 'net0';
const LENGTH_BYTES = 4;
const LONGEST_FRAME = 65_536;
/** Frames for the card that wait; more are lost, as on any full link. */
const MOST_WAITING = 1024;
/** Frames that are handed over in one call, and calls under way: while one is answered, the machine has the next. */
const MOST_AT_ONCE = 64;
const MOST_CALLS = 2;

export interface ServiceSurroundings {
  readonly host: HostNetwork;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
  /** Calls back once after so many milliseconds; the function given back takes that back. */
  readonly after: (milliseconds: number, action: () => void) => () => void;
  /** Takes what belongs into the file with all frames. */
  readonly capture?: (bytes: Uint8Array) => void;
  /** What the guest's clock shows at power-on, seconds since 1970. */
  readonly epoch: number;
}

export function stackOptions({ restrict, hostname, domain, bootFile }: UserNetwork): StackOptions {
  return {
    restrict, ...(hostname === undefined ? {} : { hostname }), ...(domain === undefined ? {} : { domain }), ...(bootFile === undefined ? {} : { bootFile }),
  };
}

export class NetworkService {
  readonly stack: NetworkStack;
  private readonly timers: Timers;
  private machine: ServiceCalls | undefined;
  private running = false;
  /** Host's time at which the stack's clock was 0, as if it had never stood. */
  private origin: number;
  private stoodAt: number;
  private waiting: Uint8Array[] = [];
  private calls = 0;
  private pumpScheduled = false;
  private rest = new Uint8Array();
  private alarm: (() => void) | undefined;
  private closed = false;

  constructor(options: StackOptions, private readonly around: ServiceSurroundings) {
    this.origin = around.now();
    this.stoodAt = this.origin;
    this.timers = new Timers(() => (this.running ? this.around.now() : this.stoodAt) - this.origin, () => this.setAlarm());
    this.stack = new NetworkStack(options, around.host, this.timers, (frame) => this.emit(frame));
  }

  /** The machine is there. */
  attach(machine: ServiceCalls): void {
    this.machine = machine;
  }

  /** The machine goes, or stands. */
  setRunning(running: boolean): void {
    if (running === this.running || this.closed) return;
    const now = this.around.now();
    if (running) this.origin += now - this.stoodAt;
    else this.stoodAt = now;
    this.running = running;
    this.setAlarm();
    this.schedulePump();
  }

  /** What the card has sent: frames, each behind its length. */
  receive({ bytes, moments }: DeviceMessage): void {
    const old = this.rest.length;
    const all = new Uint8Array(old + bytes.length);
    all.set(this.rest);
    all.set(bytes, old);
    const view = new DataView(all.buffer);
    let at = 0;
    let moment = 0;
    while (at + LENGTH_BYTES <= all.length) {
      const length = view.getUint32(at, true);
      const end = at + LENGTH_BYTES + length;
      if (length > LONGEST_FRAME || end > all.length) break;
      while (moment + 1 < moments.length && moments[moment].end + old < end) moment += 1;
      const frame = all.subarray(at + LENGTH_BYTES, end);
      this.record(frame, moments[moment]?.time ?? 0);
      this.stack.receive(frame);
      at = end;
    }
    this.rest = all.slice(at);
    this.stack.settle();
  }

  close(): void {
    this.stack.close();
    this.closed = true;
    this.waiting = [];
    this.alarm?.();
  }

  private emit(frame: Uint8Array): void {
    if (this.waiting.length >= MOST_WAITING) return;
    this.waiting.push(frame);
    this.schedulePump();
  }

  /** Hands over what is there when the present event has been dealt with. */
  private schedulePump(): void {
    if (this.pumpScheduled) return;
    this.pumpScheduled = true;
    queueMicrotask(() => {
      this.pumpScheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    const { machine } = this;
    if (machine === undefined || !this.running || this.closed) return;
    while (this.calls < MOST_CALLS && this.waiting.length > 0) this.handOver(machine, this.waiting.splice(0, MOST_AT_ONCE));
  }

  private handOver(machine: ServiceCalls, frames: readonly Uint8Array[]): void {
    this.calls += 1;
    const over = (): void => {
      this.calls -= 1;
      this.pump();
    };
    machine.inputs(frames.map((bytes) => ({ kind: 'frame', port: CARD, bytes }))).then((times) => {
      frames.forEach((frame, index) => this.record(frame, times[index]));
      over();
    }, over);
  }

  private record(frame: Uint8Array, time: number): void {
    this.around.capture?.(captureRecord(frame, this.around.epoch, time));
  }

  private setAlarm(): void {
    this.alarm?.();
    this.alarm = undefined;
    const { next } = this.timers;
    if (!this.running || this.closed || next === Infinity) return;
    this.alarm = this.around.after(Math.max(0, next - this.timers.now()), () => {
      this.alarm = undefined;
      this.timers.run();
      this.setAlarm();
    });
  }
}
