/**
 * A virtio network card. Frames leave on the channel 'net0', each behind its length, and come in as input of kind 'frame'.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 5.1. Offered for what goes out: checksums (CSUM) and TCP segmentation over IPv4
 * (HOST_TSO4), which are done here, since whoever gets the frames knows neither. Not offered for what comes in: frames are whole.
 */
import type { RegisterDescription } from '../description';
import type { EventAnswer } from '../device';
import { accepts, type FilterState, MAC_BYTES, macText, openFilter, setMode, setTables, TABLE_BYTES } from './netFilter';
import { completeChecksum, segmentTcp4 } from './netOffload';
import { VirtioDevice, type VirtioSurroundings } from './transport';
import { type Chain, gather, scatter } from './virtqueue';

/** Feature bits (5.1.3). */
const FEATURE = { csum: 0, mac: 5, hostTso4: 11, mergeable: 15, status: 16, control: 17, controlRx: 18, controlRxExtra: 20, controlMac: 23 } as const;
const QUEUE = { receive: 0, transmit: 1, control: 2 } as const;
const QUEUE_SIZE = 256;
const CONTROL_QUEUE_SIZE = 64;
const LINK_UP = 1;

/** struct virtio_net_hdr with num_buffers (5.1.6). */
const HEADER_BYTES = 12;
const NEEDS_CHECKSUM = 1;
const GSO = { none: 0, tcp4: 1 } as const;
/** Control commands: classes, commands of class MAC, answers (5.1.6.5). */
const CLASS = { receive: 0, mac: 1 } as const;
const MAC_COMMAND = { tables: 0, address: 1 } as const;
const ACK = { ok: 0, error: 1 } as const;
const COMMAND_BYTES = 2;

/** The largest frame: what a driver may want cut, with its headers. */
const MOST_FRAME = 65_536 + 64;
const LEAST_FRAME = 14;
/** Frames that wait for the driver's buffers; more are dropped, as every card does. */
const MOST_WAITING = 64;
/** Frames that leave, and commands that are done, in one event; cycles to an event. */
const BATCH = 64;
const CYCLES = 2_000;

export interface NetState {
  /** Whether the cable is in. */
  cable: boolean;
  /** Frames that have come in and have no buffer yet. */
  waiting: Uint8Array[];
  filter: FilterState;
}

export interface VirtioNetOptions {
  readonly name: string;
  readonly slot: number;
  /** Channel and port of its frames: 'net0'. */
  readonly channel: string;
  /** Six bytes. */
  readonly mac: Uint8Array;
}

function macRegisters(mac: Uint8Array): { mac: number; mac_high: number } {
  const view = new DataView(Uint8Array.from(mac).buffer);
  return { mac: view.getUint32(0, true), mac_high: view.getUint16(4, true) };
}

function configuration(mac: Uint8Array): readonly RegisterDescription[] {
  const registers = macRegisters(mac);
  return [
    { name: 'mac', title: 'first four bytes of the address', at: 0, bytes: 4, access: 'read-only', reset: registers.mac },
    { name: 'mac_high', title: 'last two bytes of the address', at: 4, bytes: 2, access: 'read-only', reset: registers.mac_high },
    {
      name: 'status', title: 'state of the link', at: 6, bytes: 2, access: 'read-only', reset: LINK_UP,
      fields: [{ name: 'LINK_UP', low: 0, meaning: 'there is a link' }],
    },
  ];
}

export class VirtioNet extends VirtioDevice<NetState> {
  readonly #channel: string;

  constructor(surroundings: VirtioSurroundings, { name, slot, channel, mac }: VirtioNetOptions) {
    super(surroundings, {
      name, slot, title: 'virtio network card', type: 1, classCode: 0x020000,
      features: Object.values(FEATURE),
      queueSizes: [QUEUE_SIZE, QUEUE_SIZE, CONTROL_QUEUE_SIZE],
      configuration: configuration(mac),
    }, () => ({ cable: true, waiting: [], filter: openFilter() }));
    this.#channel = channel;
  }

  /** The cable is plugged in, or pulled: no frames go either way then, and the driver hears of it. */
  setCable(up: boolean): void {
    this.state.own.cable = up;
    this.configure({ status: up ? LINK_UP : 0 }, true);
  }

  /** A frame comes in from outside. */
  receive(frame: Uint8Array): void {
    if (!this.state.own.cable || !this.isWorking || frame.length < LEAST_FRAME || frame.length > MOST_FRAME || !this.#accepts(frame)) return;
    const { waiting } = this.state.own;
    if (waiting.length < MOST_WAITING) waiting.push(frame.slice());
    this.#deliver();
  }

  protected override carryOver({ cable }: NetState): void {
    if (!cable) this.setCable(false);
  }

  protected override notified(queue: number): void {
    this.later(queue === QUEUE.receive ? 'receive' : queue === QUEUE.transmit ? 'transmit' : 'control', CYCLES);
  }

  protected override happened(event: string): EventAnswer {
    if (event === 'receive') this.#deliver();
    else if (event === 'transmit') this.#transmit();
    else this.#control();
    return undefined;
  }

  #mac(): Uint8Array {
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, this.configuration('mac'), true);
    view.setUint16(4, this.configuration('mac_high'), true);
    return new Uint8Array(view.buffer, 0, MAC_BYTES);
  }

  #accepts(frame: Uint8Array): boolean {
    return !this.hasFeature(FEATURE.controlRx) || accepts(this.state.own.filter, macText(this.#mac()), macText(frame));
  }

  // What comes in.

  /** Puts waiting frames into the driver's buffers, as far as there are any. */
  #deliver(): void {
    const { waiting } = this.state.own;
    while (waiting.length > 0 && this.#fill(waiting[0])) waiting.shift();
    this.tell(QUEUE.receive);
  }

  /** Puts a frame behind its header into buffers: into several with MRG_RXBUF (5.1.6.4). False when there are not enough yet. */
  #fill(frame: Uint8Array): boolean {
    const queue = this.queues[QUEUE.receive];
    const packet = new Uint8Array(HEADER_BYTES + frame.length);
    packet.set(frame, HEADER_BYTES);
    const chains: Chain[] = [];
    let room = 0;
    const most = this.hasFeature(FEATURE.mergeable) ? this.state.queues[QUEUE.receive].size : 1;
    while (room < packet.length && chains.length < most) {
      const chain = queue.take();
      if (chain === undefined) {
        queue.untake(chains.length);
        return false;
      }
      chains.push(chain);
      room += chain.writeBytes;
    }
    const [first] = chains;
    if (first.writeBytes < HEADER_BYTES) {
      this.breakDown('a buffer of the receive queue has no room for the header');
      return false;
    }
    new DataView(packet.buffer).setUint16(HEADER_BYTES - 2, chains.length, true);
    let done = 0;
    for (const chain of chains) {
      // A frame that its buffers cannot take is dropped: they come back empty.
      const written = room < packet.length ? 0 : scatter(this.memory, chain.writable, 0, packet.subarray(done));
      queue.put(chain.head, written);
      done += written;
    }
    return true;
  }

  // What goes out.

  #transmit(): void {
    const queue = this.queues[QUEUE.transmit];
    for (let sent = 0; sent < BATCH;) {
      const chain = queue.take();
      if (chain === undefined) break;
      if (chain.readBytes < HEADER_BYTES || chain.readBytes > HEADER_BYTES + MOST_FRAME) {
        this.breakDown('a frame is too short or too long to be sent');
        return;
      }
      const packet = gather(this.memory, chain.readable, 0, chain.readBytes);
      const frames = this.#frames(new DataView(packet.buffer, 0, HEADER_BYTES), packet.subarray(HEADER_BYTES));
      for (const frame of frames) this.#send(frame);
      sent += Math.max(1, frames.length);
      queue.put(chain.head, 0);
    }
    this.tell(QUEUE.transmit);
    if (queue.available > 0) this.later('transmit', CYCLES);
  }

  /** What a packet comes to on the wire; nothing when its header asks for what has not been agreed on, or is not possible. */
  #frames(header: DataView, frame: Uint8Array): readonly Uint8Array[] {
    const gso = header.getUint8(1);
    if (gso === GSO.tcp4 && this.hasFeature(FEATURE.hostTso4)) return segmentTcp4(frame, header.getUint16(4, true)) ?? [];
    if (gso !== GSO.none || frame.length < LEAST_FRAME) return [];
    if ((header.getUint8(0) & NEEDS_CHECKSUM) === 0) return [frame];
    const isComplete = this.hasFeature(FEATURE.csum) && completeChecksum(frame, header.getUint16(6, true), header.getUint16(8, true));
    return isComplete ? [frame] : [];
  }

  #send(frame: Uint8Array): void {
    if (!this.state.own.cable) return;
    const piece = new Uint8Array(4 + frame.length);
    new DataView(piece.buffer).setUint32(0, frame.length, true);
    piece.set(frame, 4);
    this.host.output(this.#channel, piece);
  }

  // The control queue.

  #control(): void {
    const queue = this.queues[QUEUE.control];
    for (let done = 0; done < BATCH; done++) {
      const chain = queue.take();
      if (chain === undefined) break;
      if (chain.readBytes < COMMAND_BYTES || chain.writeBytes < 1) {
        this.breakDown('a control command has no header, or no room for its answer');
        return;
      }
      const [of, command, ...data] = gather(this.memory, chain.readable, 0, COMMAND_BYTES + TABLE_BYTES);
      const answer = this.#command(of, command, Uint8Array.from(data)) ? ACK.ok : ACK.error;
      scatter(this.memory, chain.writable, chain.writeBytes - 1, Uint8Array.of(answer));
      queue.put(chain.head, 1);
    }
    this.tell(QUEUE.control);
    if (queue.available > 0) this.later('control', CYCLES);
  }

  #command(of: number, command: number, data: Uint8Array): boolean {
    const { filter } = this.state.own;
    if (of === CLASS.receive) return setMode(filter, command, data);
    if (of !== CLASS.mac) return false;
    if (command === MAC_COMMAND.tables) return setTables(filter, data);
    if (command !== MAC_COMMAND.address || data.length < MAC_BYTES) return false;
    this.configure(macRegisters(data.subarray(0, MAC_BYTES)), false);
    return true;
  }
}
