/**
 * Each device of a full board, in whatever state random accesses have brought it to: its state is taken out, and when it has been put
 * in again, the same accesses give the same answers and lead the machine to the same state.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Device } from '../../../src/monitor/devices/device';
import { machineHash } from '../../../src/monitor/inspection/machineHash';
import type { VirtualMachine } from '../../../src/monitor/machine/machine';
import { History } from '../../../src/monitor/snapshot/history';
import { MemoryFiles } from '../../support/memoryFiles';
import { busyKernel } from './busyKernel';

const ACCESSES = 150;
/** Slices that the machine runs between accesses, at most, and cycles of each. */
const SLICES = 40, SLICE_CYCLES = 2000;
const SEEDS = [1, 2];
/** Devices without a state, or with one that no access changes. */
const STATELESS = ['interrupts', 'debug', 'exit', 'entropy', 'bios'];
const FLOPPY_BYTES = 1_474_560;

type Random = (limit: number) => number;

/** Pseudo-random numbers below a limit (xorshift). */
function randomNumbers(seed: number): Random {
  let state = seed * 0x9e3779b9;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** A board takes one network card, so there are two full ones: with what a PC has, and with every virtio device. */
const BOARDS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  PC: { network: { card: 'e1000' } },
  virtio: { network: { card: 'virtio' }, rng: true, console: 'file.log', shares: [{ path: '/', tag: 'work' }], balloon: true },
};

function fullBoard(kind: string): VirtualMachine {
  const sizes = { disk: 1 << 20, fast: 1 << 20, floppy: FLOPPY_BYTES, disc: 1 << 16 };
  const files = new MemoryFiles(Object.fromEntries(Object.entries(sizes).map(([name, bytes]) => [name, new Uint8Array(bytes).fill(0x5a)])));
  const image = (path: keyof typeof sizes, writable: boolean): { path: string; bytes: number; writable: boolean } => ({ path, bytes: sizes[path], writable });
  const fast = kind === 'virtio' ? [{ ...image('fast', true), bus: 'virtio' as const }] : [];
  const disks = [{ path: 'disk', writable: true }, ...fast.map(({ path, writable, bus }) => ({ path, writable, bus }))];
  const settings = { hpet: true, ...BOARDS[kind], disks, floppy: 'floppy', cdrom: 'disc' };
  return busyKernel(settings, { disks: [image('disk', true), ...fast], floppy: image('floppy', false), cdrom: image('disc', false) }, files).machine;
}

function hashOf(machine: VirtualMachine): string {
  const { cpu, processors } = machine.parts;
  return machineHash(cpu, processors.waitingBlocks(), machine.plainStates());
}

/** One access to a device by its ports or its memory; what was read. */
function access({ parts: { board } }: VirtualMachine, device: Device, random: Random): number {
  const value = random(3) === 0 ? random(2 ** 32) : random(256);
  const size = ([1, 2, 4, 4] as const)[random(4)];
  const isRead = random(3) === 0;
  const regions = device.regions ?? [];
  const region = regions[random(regions.length)];
  const range = device.ports[random(device.ports.length)];
  if (region && (range === undefined || random(2) === 0)) {
    // Registers lie close to the beginning, and of some devices two are all.
    const address = region.first + (random(Math.min(region.bytes, [0x20, 0x180, 0x4000][random(3)] ?? 0)) & ~3);
    if (isRead) return board.memory.read(address, size);
    board.memory.write(address, size, value);
  } else if (range) {
    const port = range.first + random(range.count);
    if (isRead) return board.ports.readPort(port, size);
    board.ports.writePort(port, size, size === 4 ? value : value & (2 ** (8 * size) - 1));
  }
  return 0;
}

/** Lets the machine run, for so many slices at most, or to its end. */
function run(machine: VirtualMachine): void {
  if (machine.isDead) return;
  machine.resume({ kind: 'continue' });
  for (let slices = 0; slices < SLICES; slices++) {
    const outcome = machine.runSlice(SLICE_CYCLES);
    if (typeof outcome === 'string') continue;
    if ('reason' in outcome) return;
    machine.warp(Math.min(outcome.idleCycles, SLICE_CYCLES));
  }
  machine.requestPause();
}

describe('the state of each device', function () {
  this.timeout(60_000);
  this.slow(5000);

  const namesOf = (kind: string): readonly string[] => fullBoard(kind).parts.board.devices.map(({ name }) => name);
  const common = namesOf('PC');
  const devices = [...common.map((name) => ['PC', name]), ...namesOf('virtio').filter((name) => !common.includes(name)).map((name) => ['virtio', name])];

  it('is that of every device which a configuration can ask for', () => {
    const names = devices.map(([, name]) => name);
    const wanted = ['com1', 'com4', 'vga', 'ata0', 'ata1', 'ide', 'fdc', 'keyboard', 'fwcfg', 'acpi', 'hpet', 'e1000', 'virtio-blk0', 'virtio-net0', 'virtio-rng0', 'virtio-console0', 'virtio-9p0'];
    assert.deepEqual(wanted.filter((name) => !names.includes(name)), []);
  });

  for (const [kind, name] of devices) {
    it(`${name} is all that it goes on from`, () => {
      let changes = 0;
      for (const seed of SEEDS) {
        const machine = fullBoard(kind);
        const { map, mmu, drives, board } = machine.parts;
        const device = board.devices.find((each) => each.name === name);
        assert.ok(device);
        const history = new History(map, mmu, [...drives].map(([number, drive]) => [String(number), drive] as const));
        const random = randomNumbers(seed);
        for (let i = 0; i < ACCESSES; i++) access(machine, device, random);
        run(machine);
        history.add();
        const state = machine.save();
        const before = hashOf(machine);
        const restore = (): void => {
          history.restore(0);
          machine.restore(state);
          assert.equal(hashOf(machine), before, `seed ${seed}: restored`);
        };
        /** The same accesses, and perhaps a run; the answers, and what the machine came to. */
        const goOn = (runs: boolean): readonly (number | string)[] => {
          const again = randomNumbers(seed + 100);
          const answers = Array.from({ length: ACCESSES }, () => access(machine, device, again));
          if (runs) run(machine);
          return [...answers, hashOf(machine)];
        };
        // A run may begin with a reset, which leaves nothing of the accesses.
        for (const runs of [false, true]) {
          const first = goOn(runs);
          changes += isDeepStrictEqual(device.state, state.devices.get(name)) ? 0 : 1;
          restore();
          assert.deepEqual(goOn(runs), first, `seed ${seed}: gone on`);
          restore();
        }
      }
      assert.ok(changes > 0 || STATELESS.includes(name), 'something was there to be restored');
    });
  }
});
