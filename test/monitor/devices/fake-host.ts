/** A machine for device tests: virtual time, a little event queue, interrupt lines and what came out. */
import type { Device, DeviceHost, DeviceStop } from '../../../src/monitor/devices/device';

interface PendingEvent {
  readonly device: string;
  readonly event: string;
  readonly at: number;
}

export class FakeHost implements DeviceHost {
  time = 0;
  a20 = true;
  lines: boolean[] = new Array<boolean>(16).fill(false);
  /** Times of rising edges, line by line. */
  rises: number[][] = Array.from({ length: 16 }, () => []);
  sent: { channel: string; byte: number; at: number }[] = [];
  stops: DeviceStop[] = [];
  delivered = 0;
  #events = new Map<string, PendingEvent>();
  #devices = new Map<string, Device>();

  attach<T extends Device>(device: T): T {
    this.#devices.set(device.name, device);
    return device;
  }

  now(): number {
    return this.time;
  }

  schedule(device: string, event: string, at: number): void {
    if (!Number.isSafeInteger(at)) throw new Error(`${device} schedules ${event} at ${at}`);
    this.#events.set(`${device}/${event}`, { device, event, at: Math.max(at, this.time) });
  }

  cancel(device: string, event: string): void {
    this.#events.delete(`${device}/${event}`);
  }

  setInterruptLine(line: number, level: boolean): void {
    if (level && !this.lines[line]) this.rises[line].push(this.time);
    this.lines[line] = level;
  }

  output(channel: string, bytes: Uint8Array): void {
    for (const byte of bytes) this.sent.push({ channel, byte, at: this.time });
  }

  requestStop(stop: DeviceStop): void {
    this.stops.push(stop);
  }

  setA20(enabled: boolean): void {
    this.a20 = enabled;
  }

  pendingEvents(): readonly PendingEvent[] {
    return [...this.#events.values()];
  }

  /** Passes time, delivering events at their moments, again and again to a device that waits for its disk. */
  advance(cycles: number): void {
    const end = this.time + cycles;
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#events.delete(`${next.device}/${next.event}`);
      this.time = Math.max(this.time, next.at);
      this.delivered++;
      const answer = this.#devices.get(next.device)?.event?.(next.event);
      if (answer === 'wait') this.#events.set(`${next.device}/${next.event}`, next);
    }
    this.time = end;
  }

  /** A second machine at the same moment, with the same events pending. */
  fork(): FakeHost {
    const copy = new FakeHost();
    copy.time = this.time;
    copy.a20 = this.a20;
    copy.lines = [...this.lines];
    copy.#events = new Map(this.#events);
    return copy;
  }

  #next(): PendingEvent | undefined {
    let first: PendingEvent | undefined;
    for (const event of this.#events.values()) if (first === undefined || event.at < first.at) first = event;
    return first;
  }
}

/** Text that came out on a channel. */
export function sentText(host: FakeHost, channel: string): string {
  return String.fromCharCode(...host.sent.filter((item) => item.channel === channel).map((item) => item.byte));
}

/** Numbers that look random and are the same in every run: 0 <= result < limit. */
export function createRandom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x100000000) * limit);
  };
}

/** Memory of a bus master, sparse; absent bytes read FF. */
export class FakeMemory {
  readonly bytes = new Map<number, number>();

  readByte(address: number): number {
    return this.bytes.get(address) ?? 0xff;
  }

  writeByte(address: number, value: number): void {
    this.bytes.set(address, value);
  }

  read(address: number, target: Uint8Array): void {
    for (let index = 0; index < target.length; index++) target[index] = this.readByte(address + index);
  }

  write(address: number, source: Uint8Array): void {
    source.forEach((byte, index) => this.bytes.set(address + index, byte));
  }

  load(address: number, data: readonly number[]): void {
    data.forEach((byte, index) => this.bytes.set(address + index, byte));
  }

  slice(address: number, count: number): number[] {
    return Array.from({ length: count }, (_, index) => this.readByte(address + index));
  }
}
