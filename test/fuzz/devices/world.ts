/**
 * Whole boards for the device fuzzer: every device plugged, memory that bus masters reach, virtual time, and its state as plain data.
 * A board takes one network card, so there are two kinds of them.
 */
import { createBoard, type Board } from '../../../src/monitor/devices/board';
import type { DmaMemory } from '../../../src/monitor/devices/dma';
import type { DeviceHost, DeviceStop } from '../../../src/monitor/devices/device';
import type { BalloonPages } from '../../../src/monitor/devices/virtio/balloon';
import { VirtioNinep } from '../../../src/monitor/devices/virtio/ninep';
import { setUpPci } from '../../../src/monitor/firmware/pci-setup';
import { TardyDisk } from './tardyDisk';

/** Memory that bus masters reach, bytes; what lies beyond reads FF. */
export const MEMORY_BYTES = 1 << 20;
/** What the balloon takes for the guest's memory: beyond what there is, pages are none. */
export const BALLOON_MEMORY = 2 * MEMORY_BYTES;
/** Events at one and the same moment: more of them is a device that never comes to rest. */
const MOST_EVENTS_AT_ONCE = 10_000;

/** What boards are told apart by: their network card. */
export type BoardKind = 'e1000' | 'virtio';

const SECTORS = { ata: [4000, 2000, 3000], floppies: [2880, 2880], virtio: [1500, 64] } as const;
/** Discs for the CD-ROM drive, by the names of their images: sectors of 512 bytes. */
const DISCS: ReadonlyMap<string, number> = new Map([['large', 6000], ['small', 16], ['empty', 0]]);
/** Images that inputs name; the last one is not there. */
export const DISC_NAMES: readonly string[] = [...DISCS.keys(), 'missing'];
/** Floppies that are put in later. The first disk's name is the empty one. */
const LATER_FLOPPIES: ReadonlyMap<string, number> = new Map([['720', 1440], ['1440', 2880]]);
export const FLOPPY_NAMES: readonly string[] = ['', ...LATER_FLOPPIES.keys()];
const FLASH = { address: 0xfff0_0000, bytes: 1 << 16 } as const;

interface PendingEvent {
  readonly device: string;
  readonly event: string;
  readonly at: number;
  readonly order: number;
}

/** Everything that a run goes on from. */
export interface WorldState {
  readonly time: number;
  readonly order: number;
  readonly events: readonly (readonly [string, PendingEvent])[];
  readonly memory: Uint8Array;
  /** Sectors that were written, of each disk. */
  readonly disks: readonly ReadonlyMap<number, Uint8Array>[];
  /** Video memory, which the machine has, not the device's state. */
  readonly video: Uint8Array;
  readonly currentCpu: number;
  readonly devices: Readonly<Record<string, object>>;
}

/** Memory as bus masters see it. */
function masterMemory(memory: Uint8Array): DmaMemory {
  const readByte = (address: number): number => memory[address] ?? 0xff;
  const writeByte = (address: number, value: number): void => {
    if (address < MEMORY_BYTES) memory[address] = value;
  };
  return {
    readByte, writeByte,
    read: (address, target) => {
      target.fill(0xff);
      if (address < MEMORY_BYTES) target.set(memory.subarray(address, address + target.length));
    },
    write: (address, source) => source.forEach((byte, index) => writeByte(address + index, byte)),
  };
}

/** Pages as the balloon takes them: they read as zeros then. */
function balloonPages(memory: Uint8Array): BalloonPages {
  return { take: (page) => memory.fill(0, 4096 * page, 4096 * (page + 1)), release: () => undefined };
}

export class World implements DeviceHost {
  readonly board: Board;
  readonly memory = new Uint8Array(MEMORY_BYTES);
  /** Bytes that have come out, as a sum: output is much, and only its equality matters. */
  outputSum = 0;
  stops: DeviceStop[] = [];
  private time = 0;
  private order = 0;
  private events = new Map<string, PendingEvent>();
  private readonly disks: readonly TardyDisk[];
  private built = false;

  constructor(readonly kind: BoardKind) {
    const disks = (sizes: readonly number[]): readonly TardyDisk[] => sizes.map((sectors) => new TardyDisk(sectors));
    const [ata, floppies, virtio] = [disks(SECTORS.ata), disks(SECTORS.floppies), disks(SECTORS.virtio)];
    const later = new Map([...LATER_FLOPPIES].map(([name, sectors]) => [name, new TardyDisk(sectors)]));
    this.disks = [...ata, ...floppies, ...virtio, ...later.values()];
    const discs = new Map([...DISCS].map(([name, sectors]) => [name, new TardyDisk(sectors, true)]));
    const { memory } = this;
    this.board = createBoard(
      this,
      {
        memoryBytes: MEMORY_BYTES, rtcEpochSeconds: 1_700_000_000, disks: ata, floppies, floppyDisks: (name) => later.get(name), cdrom: { image: 'large', discs: (name) => discs.get(name) },
        hpet: true, cpus: 2, serialCharacterCycles: 2000, flash: { address: FLASH.address, bytes: new Uint8Array(FLASH.bytes).fill(0xff) },
        network: { card: kind, ...(kind === 'e1000' ? { rom: new Uint8Array(4096).fill(0x55) } : {}) },
        virtio: { disks: virtio, rng: true, console: [{ channel: 'hvc0' }, { channel: 'hvc1' }], shares: ['work', 'library'], balloon: { memoryBytes: BALLOON_MEMORY, pages: balloonPages(memory) } },
      },
      {
        memory: masterMemory(memory),
        onInterrupt: () => undefined, onShadow: () => undefined,
      },
    );
    this.built = true;
    this.board.reset();
    setUpPci(this.board.ports);
  }

  now(): number {
    return this.time;
  }

  schedule(device: string, event: string, at: number): void {
    if (!Number.isSafeInteger(at)) throw new Error(`${device} schedules ${event} at ${String(at)}`);
    this.events.set(`${device}/${event}`, { device, event, at: Math.max(at, this.time), order: this.order++ });
  }

  cancel(device: string, event: string): void {
    this.events.delete(`${device}/${event}`);
  }

  setInterruptLine(line: number, level: boolean): void {
    if (this.built) this.board.interruptController.setLine(line, level);
  }

  output(channel: string, bytes: Uint8Array): void {
    for (const byte of bytes) this.outputSum = (Math.imul(this.outputSum, 31) + byte + channel.length) | 0;
  }

  requestStop(stop: DeviceStop): void {
    this.stops.push(stop);
  }

  setA20(): void {
    // The board keeps the gate's level itself.
  }

  /** Passes time, with the events of it. */
  advance(cycles: number): void {
    const end = this.time + cycles;
    let atOnce = 0;
    for (let next = this.next(); next !== undefined && next.at <= end; next = this.next()) {
      atOnce = next.at > this.time ? 0 : atOnce + 1;
      if (atOnce > MOST_EVENTS_AT_ONCE) throw new Error(`${next.device} has had ${String(atOnce)} events '${next.event}' without time going on`);
      this.events.delete(`${next.device}/${next.event}`);
      this.time = Math.max(this.time, next.at);
      // A device that waits for its disk is asked again, and nothing else happens until then.
      if (this.board.event(next.device, next.event) !== 'wait') continue;
      this.events.set(`${next.device}/${next.event}`, next);
      this.answer(next.device);
    }
    this.time = end;
  }

  /** Not a copy: clone it to keep it. */
  get state(): WorldState {
    return {
      time: this.time, order: this.order, events: [...this.events], memory: this.memory, disks: this.disks.map(({ written }) => written),
      video: this.board.vga.memory, currentCpu: this.board.apics.currentCpu, devices: Object.fromEntries(this.board.devices.map(({ name, state }) => [name, state])),
    };
  }

  /** Goes on from a state, as a machine from a snapshot. */
  restore(state: WorldState): void {
    const copy = structuredClone(state);
    this.time = copy.time;
    this.memory.set(copy.memory);
    this.board.vga.memory.set(copy.video);
    copy.disks.forEach((written, index) => {
      for (const [sector, bytes] of written) this.disks[index]?.written.set(sector, bytes);
    });
    for (const device of this.board.devices) device.state = copy.devices[device.name] ?? device.state;
    this.board.apics.currentCpu = copy.currentCpu;
    this.board.announce();
    // What was announced may have scheduled something: the queue is the snapshot's.
    this.events = new Map(copy.events);
    this.order = copy.order;
    this.stops = [];
    this.outputSum = 0;
  }

  /** The server of a shared folder answers what is waited for. */
  private answer(name: string): void {
    const device = this.board.devices.find((candidate) => candidate.name === name);
    if (!(device instanceof VirtioNinep)) return;
    const [request] = device.state.own.outstanding;
    const bytes = new Uint8Array(11 + (request.number % 600)).fill(request.number);
    new DataView(bytes.buffer).setUint32(0, request.number, true);
    device.reply(bytes);
  }

  private next(): PendingEvent | undefined {
    let first: PendingEvent | undefined;
    for (const event of this.events.values()) {
      if (first === undefined || event.at < first.at || (event.at === first.at && event.order < first.order)) first = event;
    }
    return first;
  }
}
