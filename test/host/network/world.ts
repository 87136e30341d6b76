/**
 * A world in simulated time for tests of the network stack: a cable that loses, doubles and delays frames, a host whose servers are
 * a few lines each, and a guest with a plain TCP of its own (in ./guestTcp).
 */
import { packetsOf, parsePacket } from '../../../src/host/network/ipv4';
import type { Packet } from '../../../src/host/network/ipv4';
import { PLAN, ipv4 } from '../../../src/host/network/plan';
import type { StackOptions } from '../../../src/host/network/plan';
import { NetworkStack } from '../../../src/host/network/stack';
import type { HostDatagrams, HostFile, HostNetwork, HostStream, StreamEvents } from '../../../src/host/network/surroundings';
import { Timers } from '../../../src/host/network/timers';
import { randomNumbers } from '../../guests/harness';

export const GUEST = PLAN.guest;
export const GUEST_MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);

/** What the cable does to frames: chances in a thousand. */
export interface Weather {
  readonly lost?: number;
  readonly doubled?: number;
  /** Delayed by up to 20 ms, so that others overtake it. */
  readonly late?: number;
}

export const CALM: Weather = {};

/** Ports of the simulated host. */
export const HOST_PORT = { refused: 1, unreachable: 2, silent: 3, echo: 7, sink: 9, source: 19, rude: 20, greedy: 21 } as const;

/** Bytes that are the same for the same number: what a source sends. */
export function pattern(bytes: number, seed = 1): Uint8Array {
  const all = new Uint8Array(bytes);
  let state = seed;
  for (let at = 0; at < bytes; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    all[at] = state >>> 16;
  }
  return all;
}

/** One connection to the simulated host. */
export class FakeStream implements HostStream {
  readonly received: Uint8Array[] = [];
  ended = false;
  wasReset = false;
  paused = false;
  /** Bytes that were written and not taken yet. */
  backlog = 0;
  private outgoing: Uint8Array[] = [];
  private endAfter = false;

  constructor(private readonly world: World, readonly port: number, readonly events: StreamEvents) {}

  get receivedBytes(): Uint8Array {
    return Buffer.concat(this.received);
  }

  write(bytes: Uint8Array, taken: () => void): void {
    this.received.push(bytes.slice());
    this.backlog += bytes.length;
    this.world.mostBacklog = Math.max(this.world.mostBacklog, this.backlog);
    const delay = this.world.hostDelay(bytes.length);
    this.world.later(delay, () => {
      this.backlog -= bytes.length;
      taken();
    });
    if (this.port === HOST_PORT.echo) this.say(bytes.slice());
    if (this.port === HOST_PORT.rude) this.world.later(1, () => this.events.failed('reset'));
  }

  end(): void {
    this.ended = true;
    if (this.port === HOST_PORT.echo || this.port === HOST_PORT.sink) this.finish();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.world.later(0, () => this.flow());
  }

  reset(): void {
    this.wasReset = true;
  }

  say(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 65_536) this.outgoing.push(bytes.subarray(at, at + 65_536));
    this.world.later(0, () => this.flow());
  }

  finish(): void {
    this.endAfter = true;
    this.world.later(0, () => this.flow());
  }

  private flow(): void {
    while (!this.paused && !this.wasReset) {
      const piece = this.outgoing.shift();
      if (piece === undefined) break;
      this.events.data(piece);
    }
    if (this.outgoing.length > 0 || !this.endAfter || this.wasReset) return;
    this.endAfter = false;
    this.events.ended();
  }
}

export class World implements HostNetwork {
  now = 0;
  readonly stack: NetworkStack;
  readonly timers: Timers;
  readonly streams: FakeStream[] = [];
  readonly datagrams: { readonly where: string; readonly address: number; readonly port: number; readonly bytes: Uint8Array }[] = [];
  openSockets = 0;
  readonly files = new Map<string, Uint8Array>();
  openFiles = 0;
  readonly pinged: number[] = [];
  /** All frames that went to the guest, without weather. */
  readonly sent: Uint8Array[] = [];
  sourceBytes = 0;
  mostBacklog = 0;
  /** Milliseconds until the host has taken so many bytes. */
  hostDelay: (bytes: number) => number = () => 0.1;
  /** Answers DNS. */
  answers: (query: Uint8Array) => Uint8Array | undefined = () => undefined;
  resolverAddress: HostNetwork['resolverAddress'] = undefined;
  onPacket: (packet: Packet) => void = () => undefined;
  onFrame: (frame: Uint8Array) => void = () => undefined;
  private readonly chance = randomNumbers(7);
  private readonly events: { readonly at: number; readonly order: number; readonly action: () => void }[] = [];
  private order = 0;
  private awaitingSettle = false;
  keep = true;

  constructor(options: Partial<StackOptions> = {}, private readonly weather: Weather = CALM) {
    this.timers = new Timers(() => this.now);
    this.stack = new NetworkStack({ restrict: false, ...options }, this, this.timers, (frame) => this.toGuest(frame));
  }

  random(): number {
    return this.chance(2 ** 31) * 2;
  }

  later(milliseconds: number, action: () => void): void {
    const event = { at: this.now + milliseconds, order: this.order++, action };
    let at = this.events.length;
    while (at > 0 && this.events[at - 1].at > event.at) at -= 1;
    this.events.splice(at, 0, event);
  }

  /** Lets time go by until something holds, or so many milliseconds are over; says whether it held. Promises are kept in between. */
  async until(holds: () => boolean, milliseconds = 600_000): Promise<boolean> {
    const end = this.now + milliseconds;
    const nextMoment = (): number => Math.min(this.timers.next, this.events[0]?.at ?? Infinity, end);
    while (!holds()) {
      // Before time goes on, what has been promised is kept.
      if (nextMoment() > this.now + 0.4) await new Promise<void>((resolve) => { setImmediate(resolve); });
      const next = nextMoment();
      if (next >= end && this.now >= end) return false;
      this.now = Math.max(this.now, next);
      if (this.events.length > 0 && this.events[0].at <= this.now) this.events.shift()?.action();
      else this.timers.run();
    }
    return true;
  }

  pass(milliseconds: number): Promise<boolean> {
    return this.until(() => false, milliseconds);
  }

  /** A frame from the guest. */
  fromGuest(frame: Uint8Array): void {
    this.travel(() => {
      this.stack.receive(frame);
      if (this.awaitingSettle) return;
      this.awaitingSettle = true;
      this.later(0.2, () => {
        this.awaitingSettle = false;
        this.stack.settle();
      });
    });
  }

  /** An IPv4 packet from the guest. */
  sendPacket(destination: number, protocol: number, payload: Uint8Array, source: number = GUEST): void {
    for (const packet of packetsOf({ source, destination, protocol }, payload)) this.fromGuest(framed(packet));
  }

  private travel(arrive: () => void): void {
    const { lost = 0, doubled = 0, late = 0 } = this.weather;
    if (this.chance(1000) < lost) return;
    const delay = 0.5 + (this.chance(1000) < late ? this.chance(20) : 0);
    this.later(delay, arrive);
    if (this.chance(1000) < doubled) this.later(delay + 1, arrive);
  }

  private toGuest(frame: Uint8Array): void {
    if (this.keep) this.sent.push(frame);
    this.travel(() => {
      this.onFrame(frame);
      const packet = frame[12] === 8 && frame[13] === 0 ? parsePacket(frame.subarray(14)) : undefined;
      if (packet !== undefined) this.onPacket(packet);
      else if (frame[13] === 6 && frame[21] === 1) this.answerArp(frame);
    });
  }

  private answerArp(frame: Uint8Array): void {
    const asked = frame.subarray(38, 42);
    const answer = new Uint8Array(60);
    answer.set(frame.subarray(6, 12), 0);
    answer.set(GUEST_MAC, 6);
    answer.set(frame.subarray(12, 22), 12);
    answer[21] = 2;
    answer.set(GUEST_MAC, 22);
    answer.set(asked, 28);
    answer.set(frame.subarray(22, 32), 32);
    this.fromGuest(answer);
  }

  connect(_address: number, port: number, events: StreamEvents): HostStream {
    const stream = new FakeStream(this, port, events);
    this.streams.push(stream);
    if (port === HOST_PORT.refused) this.later(1, () => events.failed('refused'));
    else if (port === HOST_PORT.unreachable) this.later(1, () => events.failed('unreachable'));
    else if (port !== HOST_PORT.silent) this.later(1, () => { if (!stream.wasReset) this.connected(stream); });
    return stream;
  }

  private connected(stream: FakeStream): void {
    stream.events.connected();
    if (stream.port !== HOST_PORT.source && stream.port !== HOST_PORT.greedy) return;
    stream.say(pattern(this.sourceBytes));
    if (stream.port === HOST_PORT.source) stream.finish();
  }

  openDatagrams(where: 'loopback' | 'outside', receive: (bytes: Uint8Array, address: number, port: number) => void): HostDatagrams {
    this.openSockets += 1;
    return {
      send: (bytes, address, port, failed) => {
        this.datagrams.push({ where, address, port, bytes });
        if (port === HOST_PORT.echo) this.later(1, () => receive(bytes, address, port));
        if (port === HOST_PORT.rude) this.later(1, () => receive(bytes, ipv4('6.6.6.6'), port));
        if (port === HOST_PORT.unreachable) failed();
      },
      close: () => { this.openSockets -= 1; },
    };
  }

  resolve(query: Uint8Array): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.answers(query));
  }

  ping(address: number): Promise<boolean> {
    this.pinged.push(address);
    return Promise.resolve((address & 1) === 0);
  }

  openFile(name: string): Promise<HostFile | undefined> {
    const bytes = this.files.get(name);
    if (bytes === undefined) return Promise.resolve(undefined);
    this.openFiles += 1;
    return Promise.resolve({
      size: bytes.length,
      read: (offset, count) => Promise.resolve(bytes.slice(offset, offset + count)),
      close: () => { this.openFiles -= 1; },
    });
  }
}

export function framed(packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(Math.max(60, 14 + packet.length));
  frame.set(PLAN.gatewayMac, 0);
  frame.set(GUEST_MAC, 6);
  frame[12] = 8;
  frame.set(packet, 14);
  return frame;
}
