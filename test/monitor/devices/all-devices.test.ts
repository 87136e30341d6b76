/** What every device promises: no port access raises an exception, state stays small and cloneable, a clone goes on alike. */
import assert from 'node:assert/strict';
import { serialize } from 'node:v8';
import { AcpiPm } from '../../../src/monitor/devices/acpi-pm';
import { ApicBus } from '../../../src/monitor/devices/apic-bus';
import { AtaChannel } from '../../../src/monitor/devices/ata';
import { AtaDisk } from '../../../src/monitor/devices/ata-disk';
import { AtapiCdrom } from '../../../src/monitor/devices/atapi';
import { BusMasterIde } from '../../../src/monitor/devices/bus-master-ide';
import { hostBridge, ideFunction, isaBridge } from '../../../src/monitor/devices/chipset';
import { cmosCells } from '../../../src/monitor/devices/cmos';
import { DebugPort } from '../../../src/monitor/devices/debug-port';
import type { AccessSize, Device } from '../../../src/monitor/devices/device';
import { Dma } from '../../../src/monitor/devices/dma';
import { E1000 } from '../../../src/monitor/devices/e1000';
import { Entropy } from '../../../src/monitor/devices/entropy';
import { ExitPort } from '../../../src/monitor/devices/exit-port';
import { FloppyController } from '../../../src/monitor/devices/fdc';
import { FwCfg } from '../../../src/monitor/devices/fw-cfg';
import { Hpet } from '../../../src/monitor/devices/hpet';
import { IoApic } from '../../../src/monitor/devices/io-apic';
import { KeyboardController } from '../../../src/monitor/devices/keyboard';
import { PciBus } from '../../../src/monitor/devices/pci';
import { Pic } from '../../../src/monitor/devices/pic';
import { Pit } from '../../../src/monitor/devices/pit';
import { Rtc } from '../../../src/monitor/devices/rtc';
import { SystemPorts } from '../../../src/monitor/devices/system-ports';
import { Uart } from '../../../src/monitor/devices/uart';
import { Vga } from '../../../src/monitor/devices/vga';
import { plainVideoMemory } from '../../../src/monitor/devices/vga-memory';
import { createVirtioDevices, FIRST_VIRTIO_SLOT, type VirtioOptions } from '../../../src/monitor/devices/virtio/devices';
import { createRandom, FakeHost } from './fake-host';
import { MemoryDisk } from './memory-disk';

const CELLS = cmosCells({
  memoryBytes: 64 << 20, floppyTypes: [4], disks: [true], bootOrder: ['disk'], cpus: 1,
});

/** Memory without contents: what a clone reads must not depend on what its twin wrote. */
const NO_MEMORY = { readByte: () => 0xff, writeByte: () => undefined, read: (_address: number, target: Uint8Array) => target.fill(0xff), write: () => undefined };

/** Two local APICs whose processors listen to nobody. */
function createApics(host: FakeHost): ApicBus {
  return new ApicBus(host, { cpus: 2 }, {
    signals: {
      interruptChanged: () => undefined, nonMaskable: () => undefined, initialise: () => undefined, startUp: () => undefined,
    },
    acknowledgeExternal: () => 0,
    nextExternal: () => 0,
    endOfInterrupt: () => undefined,
    readinessChanged: () => undefined,
    timeStamp: () => BigInt(host.time),
    regionsChanged: () => undefined,
  });
}

/** With its ports where our firmware has them. */
function createPowerManagement(host: FakeHost): Device {
  const pci = new PciBus(host);
  const pm = new AcpiPm(host, pci, () => undefined);
  for (const [register, value] of [[0x40, 0x600], [0x80, 1], [0x90, 0x700], [0xd0, 0x09_0000]]) {
    pci.writePort(0xcf8, 4, 0x80000b00 + register);
    pci.writePort(0xcfc, 4, value);
  }
  return pm;
}

/** The one virtio device of these options, with its registers in memory and allowed to be a bus master. */
function createVirtio(host: FakeHost, options: VirtioOptions): Device {
  const pci = new PciBus(host);
  const [device] = createVirtioDevices({ host, memory: NO_MEMORY, pci }, options, () => 0x0123_4567_89ab_cdefn).devices;
  pci.configuration(FIRST_VIRTIO_SLOT, 0)?.set([7], 4);
  pci.configuration(FIRST_VIRTIO_SLOT, 0)?.set([0, 0, 0, 0xf0], 0x20);
  return device;
}

/** Each device as the board has it, with fresh surroundings. */
const FACTORIES: readonly ((host: FakeHost) => Device)[] = [
  () => new Pic(() => undefined),
  createApics,
  () => new IoApic(0, () => true),
  (host) => new Hpet(host, { setInput: () => undefined, setLegacyLine: () => undefined, legacyChanged: () => undefined }),
  () => new Entropy(),
  createPowerManagement,
  (host) => new Pit(host),
  (host) => new Rtc(host, { epochSeconds: 1_700_000_000, cells: CELLS }),
  (host) => new Uart(host, { name: 'com1', base: 0x3f8, line: 4 }),
  (host) => new KeyboardController(host),
  (host) => new Vga(host, { memory: plainVideoMemory(new Uint8Array(1 << 20)) }),
  () => new Dma(NO_MEMORY),
  (host) => new AtaChannel(host, {
    name: 'ata0', command: 0x1f0, control: 0x3f6, line: 14, drives: [new AtaDisk(new MemoryDisk(5000), { serial: 'a', unit: 0 }), undefined],
  }),
  (host) => new AtaChannel(host, {
    name: 'ata1', command: 0x170, control: 0x376, line: 15,
    drives: [new AtapiCdrom({ serial: 'b', unit: 0, image: 'disc', discs: () => new MemoryDisk(5000, true) }), new AtaDisk(new MemoryDisk(50), { serial: 'c', unit: 1 })],
  }),
  (host) => {
    const slot = new PciBus(host).add(ideFunction(() => undefined));
    const space = slot.configuration();
    space[4] = 5;
    space[0x21] = 0xc0;
    return new BusMasterIde(slot, NO_MEMORY, () => undefined);
  },
  (host) => new FloppyController(host, new Dma(NO_MEMORY), [new MemoryDisk(2880), undefined]),
  (host) => {
    const pci = new PciBus(host);
    for (const part of [hostBridge(() => undefined), isaBridge(() => undefined), ideFunction(() => undefined)]) pci.add(part);
    return pci;
  },
  () => new FwCfg(NO_MEMORY, { files: [{ name: 'a', bytes: new Uint8Array(9) }], memoryBytes: 1 << 24, cpus: 1 }),
  (host) => {
    const bus = new PciBus(host);
    const card = new E1000(host, NO_MEMORY, (pciFunction) => bus.add(pciFunction), { slot: 3 });
    bus.configuration(3, 0)?.set([7], 4);
    bus.configuration(3, 0)?.set([0, 0, 0, 0xf0, 1, 0xc0], 0x10);
    return card;
  },
  (host) => createVirtio(host, { disks: [new MemoryDisk(5000)] }),
  (host) => createVirtio(host, { network: {} }),
  (host) => createVirtio(host, { rng: true }),
  (host) => createVirtio(host, { console: [{ channel: 'hvc0' }, { channel: 'hvc1' }] }),
  (host) => createVirtio(host, { shares: ['work'] }),
  (host) => createVirtio(host, { balloon: { memoryBytes: 1 << 24, pages: { take: () => undefined, release: () => undefined } } }),
  (host) => new DebugPort(host),
  (host) => new ExitPort(host),
  () => new SystemPorts(),
];

type Random = (limit: number) => number;

function randomSize(device: Device, random: Random): AccessSize {
  const sizes: readonly AccessSize[] = [1, 2, 4];
  return sizes[random(sizes.indexOf(device.portWidth ?? 1) + 1)];
}

/** One random access or wait; gives what was read. Values are mostly small, as commands and indexes are. */
function randomStep(device: Device, host: FakeHost, random: Random): number {
  if (random(50) === 0) randomInput(device, random);
  if (device.ports.length === 0) {
    if (device instanceof ApicBus) device.currentCpu = random(2);
    if (random(20) === 0) host.advance(random(3000));
    return randomMemoryStep(device, random);
  }
  const range = device.ports[random(device.ports.length)];
  const port = range.first + random(range.count);
  const size = randomSize(device, random);
  const value = random(3) === 0 ? random(0x100000000) : random(256);
  const choice = random(20);
  if (choice === 0) host.advance(random(2) === 0 ? random(3000) : random(3_000_000));
  else if (choice < 9) return device.readPort?.(port, size) ?? -1;
  else if (choice < 11 && device.regions !== undefined) return randomMemoryStep(device, random);
  else device.writePort?.(port, size, size === 4 ? value : value & (size === 2 ? 0xffff : 0xff));
  return -1;
}

function randomInput(device: Device, random: Random): void {
  if (device instanceof Pic) {
    device.setLine(random(16), random(2) === 0);
    if (device.pending() || random(8) === 0) device.acknowledge();
  }
  if (device instanceof ApicBus) randomApicInput(device, random);
  // The host's own queues grow as it likes; what the guest can make grow is what is looked for here.
  if (device instanceof Uart && device.state.incoming.length < 100) device.receive(Uint8Array.of(random(256)));
  if (!(device instanceof KeyboardController)) return;
  if (random(2) === 0 && device.state.keyboard.waiting.length < 100) device.key(random(3) === 0 ? random(0x10000) : random(0x60), random(2) === 0);
  else device.mouse({ dx: random(600) - 300, dy: random(600) - 300, wheel: random(20) - 10, buttons: random(32) });
}

function randomApicInput(apics: ApicBus, random: Random): void {
  const cpu = random(2);
  apics.currentCpu = cpu;
  if (apics.pending(cpu)) apics.acknowledge(cpu);
  if (random(4) === 0) apics.writeBase(cpu, 0xfee00000n | BigInt(random(4) << 10));
  apics.writeMsr(cpu, 0x800 + random(256), BigInt(random(256)));
  apics.writeDeadline(cpu, BigInt(random(0x100000000)));
}

function randomMemoryStep(device: Device, random: Random): number {
  const region = device.regions?.[0] ?? { first: 0, bytes: 4096 };
  // Some devices take nothing but aligned registers.
  const offset = random(region.bytes - 4);
  const address = region.first + (device.ports.length === 0 ? offset & ~(random(2) === 0 ? 15 : 3) : offset);
  if (random(2) === 0) return device.readMemory?.(address, 2) ?? -1;
  device.writeMemory?.(address, 4, random(0x100000000));
  return -1;
}

function start(factory: (host: FakeHost) => Device): { host: FakeHost; device: Device } {
  const host = new FakeHost();
  const device = host.attach(factory(host));
  device.reset();
  return { host, device };
}

describe('every device', () => {
  for (const factory of FACTORIES) {
    const { name } = factory(new FakeHost());

    it(`${name}: 100000 random accesses raise nothing and leave a small, cloneable state`, function () {
      this.timeout(20_000);
      const { host, device } = start(factory);
      const random = createRandom(12345);
      const sizeAtStart = serialize(device.state).length;
      for (let step = 0; step < 100_000; step++) {
        const value = randomStep(device, host, random);
        assert.ok(value === -1 || (Number.isInteger(value) && value >= 0 && value <= 0xffffffff), `read ${value}`);
        if (host.sent.length > 1000) host.sent = [];
        if (host.stops.length > 1000) host.stops = [];
      }
      assert.deepEqual(structuredClone(device.state), device.state);
      assert.ok(serialize(device.state).length < sizeAtStart + 20_000);
    });

    it(`${name}: a clone of its state behaves alike from then on`, () => {
      const { host, device } = start(factory);
      for (let round = 1; round <= 5; round++) {
        const random = createRandom(round);
        for (let step = 0; step < 400; step++) randomStep(device, host, random);
        const otherHost = host.fork();
        const other = otherHost.attach(factory(otherHost));
        other.state = structuredClone(device.state);
        // Video memory is the machine's: a machine that goes on from a state has its frames as they were.
        if (other instanceof Vga && device instanceof Vga) other.memory.set(device.memory);
        const ours = createRandom(round + 1000);
        const theirs = createRandom(round + 1000);
        host.sent = [];
        for (let step = 0; step < 400; step++) {
          assert.equal(randomStep(other, otherHost, theirs), randomStep(device, host, ours));
        }
        assert.deepEqual(other.state, device.state);
        assert.deepEqual(otherHost.sent, host.sent);
        assert.deepEqual(otherHost.lines, host.lines);
        assert.deepEqual(otherHost.pendingEvents(), host.pendingEvents());
      }
    });

    it(`${name}: reset after use is power-on`, () => {
      for (let seed = 77; seed < 87; seed++) {
        const fresh = start(factory);
        const used = start(factory);
        const random = createRandom(seed);
        for (let step = 0; step < 2000; step++) randomStep(used.device, used.host, random);
        used.host.advance(1_000_000_000);
        // Lines belong to their devices: a reset of the controller alone leaves them as they are.
        if (used.device instanceof Pic) for (let line = 0; line < 16; line++) used.device.setLine(line, false);
        used.device.reset();
        fresh.host.time = used.host.time;
        fresh.device.reset();
        assert.deepEqual(used.device.state, fresh.device.state);
        assert.deepEqual(used.host.pendingEvents(), fresh.host.pendingEvents());
        assert.deepEqual(used.host.lines, fresh.host.lines);
      }
    });
  }
});
