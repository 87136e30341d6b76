/**
 * What drivers do, nearly right: virtio queues, the e1000's rings and the IDE bus master's tables are set up where the devices look
 * for them, with contents that are mostly valid. Everything lies in memory and devices, so that a copy of the state goes on alike.
 */
import { interesting, pick, type Random } from './values';
import { MEMORY_BYTES, type World } from './world';

const VIRTIO_VENDOR = 0x1af4;
const BAR = { first: 0x10, virtio: 0x20, busMaster: 0x20 } as const;
const DECODING = 0x07;

/** Where things lie: a part of memory for each queue of each slot, and one for descriptors and tables. */
const QUEUES_AT = 0x1_0000;
const QUEUE_BYTES = 0x2000;
const QUEUE_PLACES = 64;
const RINGS_AT = 0xa_0000;
const TABLES_AT = 0xc_0000;

const COMMON = {
  driverFeatureSelect: 0x08, driverFeature: 0x0c, status: 0x14, queueSelect: 0x16, queueSize: 0x18, queueEnable: 0x1c, queueDescriptors: 0x20, queueDriver: 0x28, queueDevice: 0x30,
} as const;
const NOTIFY_AT = 0x3000;
const ENTRIES = 16;
const DRIVER_AT = 0x800;
const DEVICE_AT = 0xc00;

const place = (random: Random): number => random(MEMORY_BYTES - 0x1_0000);
const length = (random: Random): number => pick(random, [0, 1, 8, 16, 64, 512, 513, 4096, 2000, random(0x1_0000), interesting(random)]) ?? 0;

/** A function's base address, with decoding on. */
function baseOf(world: World, device: number, fn: number, bar: number): number {
  const { ports } = world.board;
  const select = (register: number): void => ports.writePort(0xcf8, 4, (0x8000_0000 | (device << 11) | (fn << 8) | register) >>> 0);
  select(4);
  ports.writePort(0xcfc, 2, DECODING);
  select(bar);
  return (ports.readPort(0xcfc, 4) & ~0xf) >>> 0;
}

/** Initialises a virtio device as 3.1 has it, with some of its features and queues. */
function startVirtio(world: World, random: Random, base: number, slot: number): void {
  const { memory } = world.board;
  const put = (register: number, bytes: 1 | 2 | 4, value: number): void => memory.write(base + register, bytes, value);
  for (const status of [0, 1, 3]) put(COMMON.status, 1, status);
  for (const word of [0, 1]) {
    memory.write(base, 4, word);
    const offered = memory.read(base + 4, 4);
    put(COMMON.driverFeatureSelect, 4, word);
    put(COMMON.driverFeature, 4, (random(3) === 0 ? offered : offered & (word === 1 ? 1 : random(0x1_0000_0000))) >>> 0);
  }
  put(COMMON.status, 1, 0x0b);
  for (let queue = 0; queue < 6; queue++) {
    const at = queueAt(slot, queue);
    put(COMMON.queueSelect, 2, queue);
    put(COMMON.queueSize, 2, ENTRIES);
    for (const [register, offset] of [[COMMON.queueDescriptors, 0], [COMMON.queueDriver, DRIVER_AT], [COMMON.queueDevice, DEVICE_AT]] as const) {
      put(register, 4, random(30) === 0 ? interesting(random) : at + offset);
      put(register + 4, 4, random(60) === 0 ? random(16) : 0);
    }
    put(COMMON.queueEnable, 2, 1);
    // The ring begins anew: the device's counters do.
    world.memory.fill(0, at + DRIVER_AT, at + QUEUE_BYTES);
  }
  put(COMMON.status, 1, 0x0f);
}

function queueAt(slot: number, queue: number): number {
  return QUEUES_AT + ((slot * 8 + queue) % QUEUE_PLACES) * QUEUE_BYTES;
}

/** A header that some type of device understands: a disk's request, a 9P message, a control message. */
function writeHeader(view: DataView, random: Random, at: number): void {
  view.setUint32(at, pick(random, [0, 1, 4, 8, 11, 13, 23, random(600), 0x0103, random(0x1_0000)]) ?? 0, true);
  view.setUint32(at + 4, random(3) === 0 ? random(256) : 0, true);
  view.setUint32(at + 8, random(8) === 0 ? interesting(random) : random(1600), true);
  view.setUint32(at + 12, random(16) === 0 ? 0xffff_ffff : 0, true);
}

/** Puts some chains of descriptors into a queue and notifies the device. */
function requestVirtio(world: World, random: Random, base: number, slot: number): void {
  const queue = random(6);
  const at = queueAt(slot, queue);
  const view = new DataView(world.memory.buffer);
  const chains = 1 + random(4);
  let available = view.getUint16(at + DRIVER_AT + 2, true);
  for (let chain = 0; chain < chains; chain++) {
    const head = random(ENTRIES);
    const count = 1 + random(5);
    const firstWritable = random(count + 1);
    for (let index = 0; index < count; index++) {
      const descriptor = at + 16 * ((head + index) % ENTRIES);
      const buffer = random(20) === 0 ? interesting(random) : place(random);
      const bytes = index === 0 && random(2) === 0 ? 16 : index === count - 1 && random(2) === 0 ? 1 : length(random);
      const flags = (index < count - 1 ? 1 : 0) | (index >= firstWritable ? 2 : 0) | (random(12) === 0 ? random(8) : 0);
      view.setUint32(descriptor, buffer, true);
      view.setUint32(descriptor + 4, random(100) === 0 ? 1 : 0, true);
      view.setUint32(descriptor + 8, bytes, true);
      view.setUint16(descriptor + 12, flags, true);
      view.setUint16(descriptor + 14, random(30) === 0 ? random(0x1_0000) : (head + index + 1) % ENTRIES, true);
      if (index === 0 && buffer < MEMORY_BYTES - 16) writeHeader(view, random, buffer);
    }
    view.setUint16(at + DRIVER_AT + 4 + 2 * (available % ENTRIES), random(40) === 0 ? random(0x1_0000) : head, true);
    available = (available + 1) & 0xffff;
  }
  view.setUint16(at + DRIVER_AT, random(2), true);
  view.setUint16(at + DRIVER_AT + 2, random(40) === 0 ? random(0x1_0000) : available, true);
  world.board.memory.write(base + NOTIFY_AT + 4 * queue, 2, queue);
}

function driveVirtio(world: World, random: Random): void {
  const found = pick(random, world.board.pci.functions.filter(({ device, function: fn }) => vendorOf(world, device, fn) === VIRTIO_VENDOR));
  if (found === undefined) return;
  const base = baseOf(world, found.device, found.function, BAR.virtio);
  if (world.board.memory.read(base + COMMON.status, 1) !== 0x0f || random(50) === 0) startVirtio(world, random, base, found.device);
  requestVirtio(world, random, base, found.device);
}

function vendorOf(world: World, device: number, fn: number): number {
  const space = world.board.pci.configuration(device, fn);
  return space === undefined ? 0 : space[0] | (space[1] << 8);
}

const RING = { transmit: 0x3800, receive: 0x2800 } as const;
const RING_ENTRIES = 32;

/** Gives the e1000 a ring with descriptors of its kinds (317453, 3.2.3 and 3.3): legacy ones, contexts, data. */
function driveE1000(world: World, random: Random): void {
  const card = world.board.pci.functions.find(({ device, function: fn }) => vendorOf(world, device, fn) === 0x8086 && device === 3);
  if (card === undefined) return;
  const base = baseOf(world, card.device, card.function, BAR.first);
  const { memory } = world.board;
  const isTransmit = random(2) === 0;
  const at = RINGS_AT + (isTransmit ? 0 : 0x1000);
  const view = new DataView(world.memory.buffer);
  for (let index = 0; index < RING_ENTRIES; index++) {
    const kind = random(3);
    view.setUint32(at + 16 * index, random(20) === 0 ? interesting(random) : kind === 1 ? random(0x4000_0000) : place(random), true);
    view.setUint32(at + 16 * index + 4, kind === 1 ? interesting(random) : random(60) === 0 ? 1 : 0, true);
    view.setUint32(at + 16 * index + 8, ((length(random) & 0xf_ffff) | (kind === 0 ? 0 : kind === 1 ? 0x2000_0000 : 0x2010_0000) | (random(32) << 24)) >>> 0, true);
    view.setUint32(at + 16 * index + 12, interesting(random), true);
  }
  const ring = isTransmit ? RING.transmit : RING.receive;
  for (const [register, value] of [[0, at], [4, 0], [8, random(8) === 0 ? interesting(random) : RING_ENTRIES * 16]]) memory.write(base + ring + register, 4, value);
  if (random(4) === 0) memory.write(base + ring + 0x10, 4, random(8) === 0 ? interesting(random) : random(RING_ENTRIES));
  if (isTransmit) memory.write(base + 0x400, 4, 0x0004_00fa);
  else memory.write(base + 0x100, 4, (0x801e | random(0x1_0000_0000)) >>> 0);
  memory.write(base + ring + 0x18, 4, random(8) === 0 ? interesting(random) : random(RING_ENTRIES));
}

/** Has a drive transfer by a table of regions, the last of them marked or not. */
function driveBusMaster(world: World, random: Random): void {
  const { ports } = world.board;
  const base = (baseOf(world, 1, 1, BAR.busMaster) & 0xfff0) + 8 * random(2);
  const channel = (base & 8) === 0 ? 0x1f0 : 0x170;
  const at = random(20) === 0 ? 0xfff8 : TABLES_AT + 8 * random(64);
  const view = new DataView(world.memory.buffer);
  const regions = 1 + random(8);
  for (let index = 0; index < regions; index++) {
    view.setUint32(at + 8 * index, random(20) === 0 ? interesting(random) : place(random), true);
    view.setUint32(at + 8 * index + 4, ((length(random) & 0xffff) | (index === regions - 1 && random(8) !== 0 ? 0x8000_0000 : 0)) >>> 0, true);
  }
  ports.writePort(base + 4, 4, at);
  ports.writePort(channel + 6, 1, 0xe0 | (random(2) << 4));
  const values = [random(3) === 0 ? random(256) : 1, random(256), random(16), 0];
  values.forEach((value, index) => ports.writePort(channel + 2 + index, 1, value));
  const isRead = random(2) === 0;
  ports.writePort(channel + 7, 1, pick(random, isRead ? [0xc8, 0x25, 0x20, 0xc4, 0xec, 0xa0, 0xa1] : [0xca, 0x35, 0x30, 0xc5, 0xe7, 0xa0]) ?? 0xc8);
  ports.writePort(base, 1, (isRead ? 8 : 0) | 1);
}

/** A command packet for the CD-ROM drive, as its data port takes it. */
function drivePacket(world: World, random: Random): void {
  const { ports } = world.board;
  ports.writePort(0x176, 1, 0xa0);
  ports.writePort(0x171, 1, random(2));
  ports.writePort(0x174, 1, random(256));
  ports.writePort(0x175, 1, random(4) === 0 ? random(256) : 8);
  ports.writePort(0x177, 1, 0xa0);
  world.advance(random(2) === 0 ? 2_000_000 : 1000);
  const code = pick(random, [0x00, 0x03, 0x12, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x42, 0x43, 0x46, 0x4a, 0x51, 0x5a, 0xa8, 0xad, 0xbe, random(256)]) ?? 0;
  const packet = [code, random(256), 0, 0, random(8), random(256), random(4), random(256), random(64), random(256), 0, 0];
  for (let index = 0; index < 12; index += 2) ports.writePort(0x170, 2, packet[index] | (packet[index + 1] << 8));
}

/** One request to one device. Gives nothing read. */
export function driveDevice(world: World, random: Random): number {
  const choice = random(10);
  if (choice < 5) driveVirtio(world, random);
  else if (choice < 7) driveE1000(world, random);
  else if (choice < 9) driveBusMaster(world, random);
  else drivePacket(world, random);
  return -1;
}
