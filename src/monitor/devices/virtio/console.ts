/**
 * A virtio console: one port, or several with names (MULTIPORT). Each port has a channel of its own, 'hvc0' and so on, on which its
 * output leaves and serial input comes.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 5.3.
 */
import type { RegisterDescription } from '../description';
import type { EventAnswer } from '../device';
import { VirtioDevice, type VirtioSurroundings } from './transport';
import { type Chain, gather, scatter } from './virtqueue';

/** Feature bits (5.3.3). */
const FEATURE = { size: 0, multiport: 1, emergencyWrite: 2 } as const;
const QUEUE_SIZE = 128;
const CONTROL = { receive: 2, transmit: 3 } as const;
/** Control messages: port, event, value, then perhaps a name (5.3.6.2). */
const MESSAGE_BYTES = 8;
const MESSAGE = { deviceReady: 0, deviceAdd: 1, portReady: 3, consolePort: 4, portOpen: 6, portName: 7 } as const;
/** Messages that wait for the driver's buffers; a driver that has none ready loses what is beyond. */
const MOST_MESSAGES = 128;
const COLUMNS = 80;
const ROWS = 25;

/** Bytes that a port puts out in one event, and cycles to an event. */
const PIECE = 4096;
const CYCLES = 5_000;
/** Commands of the control queue in one event. */
const BATCH = 32;

/** A port as its state is. Plain data. */
interface PortState {
  /** What has come in and has no buffer yet. */
  incoming: Uint8Array;
  /** What is being put out, and how much of it has been. */
  sending: Chain | null;
  sent: number;
  /** Whether a program of the guest has it open; for one port only, always. */
  isOpen: boolean;
}

export interface ConsoleState {
  ports: PortState[];
  /** Control messages to the driver that have no buffer yet. */
  messages: Uint8Array[];
}

export interface ConsolePort {
  /** Its channel: 'hvc0'. */
  readonly channel: string;
  /** The name under which a guest finds it, for a port that is no console. */
  readonly portName?: string;
}

export interface VirtioConsoleOptions {
  readonly name: string;
  readonly slot: number;
  /** At least one; 31 at most. With more than one, or with a name, the device has MULTIPORT. */
  readonly ports: readonly ConsolePort[];
}

function configuration(ports: number): readonly RegisterDescription[] {
  return [
    { name: 'cols', title: 'columns', at: 0, bytes: 2, access: 'read-only', reset: COLUMNS },
    { name: 'rows', title: 'rows', at: 2, bytes: 2, access: 'read-only', reset: ROWS },
    { name: 'max_nr_ports', title: 'most ports that there can be', at: 4, bytes: 4, access: 'read-only', reset: ports },
    { name: 'emerg_wr', title: 'a character that is put out at once', at: 8, bytes: 4, access: 'write-only' },
  ];
}

/** Queues of a port: the first has 0 and 1, then come the control queues, then the others' (5.3.2). */
function queuesOf(port: number): { readonly receive: number; readonly transmit: number } {
  const receive = port === 0 ? 0 : 2 + 2 * port;
  return { receive, transmit: receive + 1 };
}

export class VirtioConsole extends VirtioDevice<ConsoleState> {
  readonly #ports: readonly ConsolePort[];

  constructor(surroundings: VirtioSurroundings, { name, slot, ports }: VirtioConsoleOptions) {
    const isMultiport = ports.length > 1 || ports.some(({ portName }) => portName !== undefined);
    super(surroundings, {
      name, slot, title: 'virtio console', type: 3, classCode: 0x078000,
      features: [FEATURE.size, FEATURE.emergencyWrite, ...(isMultiport ? [FEATURE.multiport] : [])],
      queueSizes: new Array<number>(isMultiport ? 2 + 2 * ports.length : 2).fill(QUEUE_SIZE),
      configuration: configuration(ports.length),
    }, () => ({ ports: ports.map(() => ({ incoming: new Uint8Array(0), sending: null, sent: 0, isOpen: false })), messages: [] }));
    this.#ports = ports;
  }

  /** Bytes come in for the port with this channel. False when there is none. */
  receive(channel: string, bytes: Uint8Array): boolean {
    const port = this.#ports.findIndex((candidate) => candidate.channel === channel);
    if (port < 0) return false;
    const state = this.state.own.ports[port];
    const incoming = new Uint8Array(state.incoming.length + bytes.length);
    incoming.set(state.incoming);
    incoming.set(bytes, state.incoming.length);
    state.incoming = incoming;
    this.#deliver(port);
    return true;
  }

  protected override started(): void {
    this.#deliver(0);
  }

  protected override notified(queue: number): void {
    this.later(String(queue), CYCLES);
  }

  protected override happened(event: string): EventAnswer {
    const queue = Number(event);
    const isMultiport = this.hasFeature(FEATURE.multiport);
    if (isMultiport && queue === CONTROL.receive) this.#sendMessages();
    else if (isMultiport && queue === CONTROL.transmit) this.#takeMessages();
    else {
      const port = this.#ports.findIndex((_, index) => queuesOf(index).receive === (queue & ~1));
      if (port >= 0 && queue % 2 === 0) this.#deliver(port);
      else if (port >= 0) this.#transmit(port);
    }
    return undefined;
  }

  protected override configurationWritten(register: string, value: number): void {
    if (register === 'emerg_wr') this.host.output(this.#ports[0].channel, Uint8Array.of(value));
  }

  /** Puts what has come in into the driver's buffers, as far as there are any, and as somebody reads it. */
  #deliver(port: number): void {
    const state = this.state.own.ports[port];
    if (this.hasFeature(FEATURE.multiport) && !state.isOpen) return;
    const { receive } = queuesOf(port);
    // Buffers without room come back empty; what one event does is bounded all the same.
    for (let done = 0; done < QUEUE_SIZE && state.incoming.length > 0; done++) {
      const chain = this.queues[receive].take();
      if (chain === undefined) break;
      const written = scatter(this.memory, chain.writable, 0, state.incoming);
      state.incoming = state.incoming.slice(written);
      this.queues[receive].put(chain.head, written);
    }
    this.tell(receive);
  }

  /** Puts out one piece. */
  #transmit(port: number): void {
    const state = this.state.own.ports[port];
    const { transmit } = queuesOf(port);
    const queue = this.queues[transmit];
    for (let left = PIECE; left > 0;) {
      state.sending ??= queue.take() ?? null;
      if (state.sending === null) break;
      const piece = gather(this.memory, state.sending.readable, state.sent, left);
      if (piece.length > 0) this.host.output(this.#ports[port].channel, piece);
      // A chain without data takes its share, too: what one event does is bounded.
      left -= Math.max(64, piece.length);
      state.sent += piece.length;
      if (state.sent < state.sending.readBytes) continue;
      queue.put(state.sending.head, 0);
      state.sending = null;
      state.sent = 0;
    }
    this.tell(transmit);
    if (state.sending !== null || queue.available > 0) this.later(String(transmit), CYCLES);
  }

  // Control messages.

  #takeMessages(): void {
    const queue = this.queues[CONTROL.transmit];
    for (let done = 0; done < BATCH; done++) {
      const chain = queue.take();
      if (chain === undefined) break;
      const bytes = gather(this.memory, chain.readable, 0, MESSAGE_BYTES);
      if (bytes.length === MESSAGE_BYTES) this.#message(new DataView(bytes.buffer));
      queue.put(chain.head, 0);
    }
    this.tell(CONTROL.transmit);
    this.#sendMessages();
    if (queue.available > 0) this.later(String(CONTROL.transmit), CYCLES);
  }

  #message(message: DataView): void {
    const port = message.getUint32(0, true);
    const event = message.getUint16(4, true);
    const value = message.getUint16(6, true);
    if (event === MESSAGE.deviceReady && value === 1) this.#ports.forEach((_, index) => { this.#say(index, MESSAGE.deviceAdd, 1); });
    if (port >= this.#ports.length) return;
    if (event === MESSAGE.portReady && value === 1) this.#introduce(port);
    if (event === MESSAGE.portOpen) {
      this.state.own.ports[port].isOpen = value !== 0;
      this.#deliver(port);
    }
  }

  /** The driver has a port ready: it is told what the port is for, and that somebody is at its other end. */
  #introduce(port: number): void {
    const { portName } = this.#ports[port];
    if (portName === undefined) this.#say(port, MESSAGE.consolePort, 1);
    else this.#say(port, MESSAGE.portName, 1, portName);
    this.#say(port, MESSAGE.portOpen, 1);
  }

  #say(port: number, event: number, value: number, text = ''): void {
    const { messages } = this.state.own;
    if (messages.length >= MOST_MESSAGES) return;
    const message = new Uint8Array(MESSAGE_BYTES + text.length);
    const view = new DataView(message.buffer);
    view.setUint32(0, port, true);
    view.setUint16(4, event, true);
    view.setUint16(6, value, true);
    for (let index = 0; index < text.length; index++) message[MESSAGE_BYTES + index] = text.charCodeAt(index);
    messages.push(message);
  }

  #sendMessages(): void {
    const queue = this.queues[CONTROL.receive];
    const { messages } = this.state.own;
    while (messages.length > 0) {
      const chain = queue.take();
      if (chain === undefined) break;
      queue.put(chain.head, scatter(this.memory, chain.writable, 0, messages[0]));
      messages.shift();
    }
    this.tell(CONTROL.receive);
  }
}
