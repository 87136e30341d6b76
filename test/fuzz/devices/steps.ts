/** Random things that a guest and the outside do to a board: one at a time, each giving what was read. */
import type { AccessSize, Device } from '../../../src/monitor/devices/device';
import { MEMORY_BYTES, type World } from './world';

/** Below `limit`, which may be up to 2^32. */
export type Random = (limit: number) => number;

const SIZES: readonly AccessSize[] = [1, 2, 4];

function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list[random(list.length)];
}

/** Values that mean something to devices: small numbers, bits, addresses in memory and beyond, all ones. */
export function interesting(random: Random): number {
  switch (random(8)) {
    case 0: return 0;
    case 1: return 0xffff_ffff;
    case 2: return (1 << random(32)) >>> 0;
    case 3: return random(MEMORY_BYTES) & ~3;
    case 4: return random(0x1_0000_0000);
    case 5: return (0xffff_ffff - random(4096)) >>> 0;
    default: return random(256);
  }
}

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

function giveInput(world: World, random: Random): number {
  const { board } = world;
  switch (random(5)) {
    case 0: board.input({ kind: 'key', code: random(2) === 0 ? random(0x80) : 0xe000 + random(0x80), down: random(2) === 0 }); break;
    case 1: {
      const port = pick(random, ['com1', 'com2', 'com3', 'com4'] as const) ?? 'com1';
      // The host's own queue grows as it likes; what a guest can make grow is what is looked for.
      if (board.uart(port).state.incoming.length < 64) board.input({ kind: 'serial', port, bytes: Uint8Array.of(random(256), random(256)) });
      break;
    }
    case 2: board.input({ kind: 'power-button' }); break;
    case 3: board.input({ kind: 'entropy', bytes: Uint8Array.of(random(256)) }); break;
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
  if (choice < 35) return accessPort(world, random, somePort(world, random));
  if (choice < 50) return accessMemory(world, random);
  if (choice < 60) return accessConfiguration(world, random);
  if (choice < 75) return accessDescribed(world, random);
  if (choice < 80) return fillMemory(world, random);
  if (choice < 84) return giveInput(world, random);
  if (choice < 90) return acknowledge(world, random);
  world.advance(random(3) === 0 ? random(20_000_000) : random(5000));
  return -1;
}
