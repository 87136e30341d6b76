/** Random things that a guest and the outside do to a board: one at a time, each giving what was read. */
import type { AccessSize, Device } from '../../../src/monitor/devices/device';
import { driveDevice } from './drivers';
import { interesting, pick, type Random } from './values';
import { BALLOON_MEMORY, DISC_NAMES, FLOPPY_NAMES, MEMORY_BYTES, type World } from './world';

const SIZES: readonly AccessSize[] = [1, 2, 4];

function masked(value: number, size: AccessSize): number {
  return size === 4 ? value : value & (size === 2 ? 0xffff : 0xff);
}

function accessPort(world: World, random: Random, port: number): number {
  const { ports } = world.board;
  const size = pick(random, SIZES) ?? 1;
  if (random(2) === 0) return ports.readPort(port & 0xffff, size);
  ports.writePort(port & 0xffff, size, masked(interesting(random), size));
  return -1;
}

function somePort(world: World, random: Random): number {
  const device = pick(random, world.board.devices);
  const range = pick(random, device?.ports ?? []);
  return range === undefined || random(20) === 0 ? random(0x1_0000) : range.first + random(range.count);
}

function accessMemory(world: World, random: Random): number {
  const { memory, apics } = world.board;
  apics.currentCpu = random(2);
  const region = pick(random, memory.regions);
  const size = pick(random, SIZES) ?? 4;
  const offset = region === undefined ? random(0x1_0000_0000) : random(random(2) === 0 ? region.bytes : Math.min(region.bytes, 1024));
  const address = (region?.first ?? 0) + (random(4) === 0 ? offset : offset & ~3);
  if (random(2) === 0) return memory.read(address, size);
  memory.write(address, size, masked(interesting(random), size));
  return -1;
}

/** Configuration space, mostly of functions that are there; now and then a base address register gets a place and decoding is on. */
function accessConfiguration(world: World, random: Random): number {
  const { ports, pci } = world.board;
  const found = pick(random, pci.functions);
  const key = found === undefined || random(10) === 0 ? random(256) : found.device * 8 + found.function;
  const register = random(3) === 0 ? 0x10 + 4 * random(6) : random(4) === 0 ? 0x04 : random(256);
  ports.writePort(0xcf8, 4, (0x8000_0000 | (key << 8) | (register & 0xfc)) >>> 0);
  return accessPort(world, random, 0xcfc + (random(2) === 0 ? register & 3 : 0));
}

/** A register that is described, where it is at power-on. */
function accessDescribed(world: World, random: Random): number {
  const device: Device | undefined = pick(random, world.board.devices);
  const block = pick(random, device?.description?.blocks ?? []);
  const register = pick(random, block?.registers ?? []);
  if (block === undefined || register === undefined) return -1;
  // Looking at it must be possible at any time.
  device?.peek?.(block.name, register.name);
  const place = device?.ports[0]?.first ?? device?.regions?.[0]?.first ?? 0;
  const base = block.base === 0 ? place : block.base;
  if (block.space === 'port') return accessPort(world, random, base + register.at);
  if (block.space !== 'memory') return -1;
  if (random(2) === 0) return world.board.memory.read(base + register.at, register.bytes);
  world.board.memory.write(base + register.at, register.bytes, masked(interesting(random), register.bytes));
  return -1;
}

/** Structures in memory as descriptors have them: addresses, lengths, flags, links to themselves. */
function fillMemory(world: World, random: Random): number {
  const view = new DataView(world.memory.buffer);
  const first = random(MEMORY_BYTES - 4096) & ~15;
  const count = 1 + random(64);
  for (let index = 0; index < count; index++) view.setUint32(first + 4 * index, random(6) === 0 ? first : interesting(random), random(16) !== 0);
  return -1;
}

/** An Ethernet frame: to the card, to everyone, to a group, or to someone; of any length, too short and too long ones among them. */
function someFrame(random: Random): Uint8Array {
  const length = random(8) === 0 ? random(70_000) : random(2) === 0 ? random(64) : random(1600);
  const frame = new Uint8Array(length).fill(random(256));
  const target = pick(random, [[0x52, 0x54, 0, 0x12, 0x34, 0x56], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [1, 0x80, 0xc2, 0, 0, 1], [random(256), random(256), 0, 0, 0, 0]]) ?? [];
  const header = [...target, 2, 0, 0, 0, 0, 1, ...(pick(random, [[0x08, 0x00, 0x45], [0x88, 0x08, 0, 1, 0, random(256)], [0x81, 0, 0, random(256), 8, 0]]) ?? [])];
  frame.set(header.slice(0, length));
  return frame;
}

/** An answer of 9P, mostly with the length that it has. */
function someReply(random: Random): Uint8Array {
  const bytes = new Uint8Array(random(8) === 0 ? random(8) : 7 + random(600)).map(() => random(256));
  if (bytes.length >= 11) new DataView(bytes.buffer).setUint32(4, random(4) === 0 ? interesting(random) : bytes.length - 4, true);
  if (bytes.length >= 4) new DataView(bytes.buffer).setUint32(0, random(4), true);
  return bytes;
}

function giveInput(world: World, random: Random): number {
  const { board } = world;
  switch (random(11)) {
    case 0: board.input({ kind: 'key', code: random(2) === 0 ? random(0x80) : 0xe000 + random(0x80), down: random(2) === 0 }); break;
    case 1: {
      const port = pick(random, ['com1', 'com2', 'com3', 'com4'] as const) ?? 'com1';
      // The host's own queue grows as it likes; what a guest can make grow is what is looked for.
      if (board.uart(port).state.incoming.length < 64) board.input({ kind: 'serial', port, bytes: Uint8Array.of(random(256), random(256)) });
      break;
    }
    case 2: board.input({ kind: random(2) === 0 ? 'power-button' : 'reset-button' }); break;
    case 3: board.input({ kind: 'entropy', bytes: Uint8Array.of(random(256)) }); break;
    case 4: board.input({ kind: 'link', port: 'net0', up: random(3) !== 0 }); break;
    case 5:
      if (random(2) === 0) board.input({ kind: 'media', drive: 'cdrom', image: random(4) === 0 ? null : pick(random, DISC_NAMES) ?? null });
      else board.input({ kind: 'media', drive: random(2) === 0 ? 'floppy0' : 'floppy1', image: random(4) === 0 ? null : pick(random, FLOPPY_NAMES) ?? null });
      break;
    case 6: board.input({ kind: 'reply', port: random(2) === 0 ? '9p0' : '9p1', bytes: someReply(random) }); break;
    case 7: board.input({ kind: 'serial', port: random(2) === 0 ? 'hvc0' : 'hvc1', bytes: Uint8Array.of(random(256), random(256)) }); break;
    case 9: board.input({ kind: 'balloon', memory: BALLOON_MEMORY - 4096 * random(8) }); break;
    case 8: board.input({ kind: 'frame', port: 'net0', bytes: someFrame(random) }); break;
    default: board.input({ kind: 'mouse', dx: random(600) - 300, dy: random(600) - 300, wheel: random(9) - 4, buttons: random(32) });
  }
  return -1;
}

/** Processors take their interrupts. */
function acknowledge(world: World, random: Random): number {
  const { apics } = world.board;
  const cpu = random(2);
  apics.currentCpu = cpu;
  return apics.pending(cpu) ? apics.acknowledge(cpu) : -1;
}

/** One step. Gives what was read, -1 for nothing. */
export function step(world: World, random: Random): number {
  if (world.stops.length > 0) {
    const isReset = world.stops.some(({ kind }) => kind === 'reset');
    world.stops = [];
    if (isReset && random(4) === 0) world.board.reset();
  }
  const choice = random(100);
  if (choice < 25) return accessPort(world, random, somePort(world, random));
  if (choice < 37) return accessMemory(world, random);
  if (choice < 43) return accessConfiguration(world, random);
  if (choice < 55) return accessDescribed(world, random);
  if (choice < 60) return fillMemory(world, random);
  if (choice < 66) return giveInput(world, random);
  if (choice < 71) return acknowledge(world, random);
  if (choice < 86) return driveDevice(world, random);
  world.advance(random(3) === 0 ? random(20_000_000) : random(5000));
  return -1;
}
