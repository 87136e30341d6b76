/** What bus masters read and write: every kind of page, borders, addresses that are none, and devices that they reach. */
import assert from 'node:assert/strict';
import { BusMasterMemory } from '../../../src/monitor/machine/busMasterMemory';
import { FRAME, MachineMemory } from '../../../src/monitor/memory/machineMemory';
import { ABSENT, DEVICE, PhysicalMap } from '../../../src/monitor/memory/physicalMap';

const PAGE = 4096;
const PAGES = 16;
/** Pages of the test's map: ROM, and a device. */
const ROM_PAGE = 4;
const DEVICE_PAGE = 6;

interface Fixture {
  readonly map: PhysicalMap;
  readonly bus: BusMasterMemory;
  /** Writes that the device has seen: address and value. */
  readonly seen: [number, number][];
  /** What the traces were told: address and bytes of tables, offset and bytes of code. */
  readonly told: string[];
}

function fixture(onDevice: (bus: BusMasterMemory) => void = () => undefined): Fixture {
  const seen: [number, number][] = [];
  const told: string[] = [];
  const map: PhysicalMap = new PhysicalMap(new MachineMemory(PAGES), {
    read: (address) => address & 0x7f,
    write: (address, _size, value) => {
      seen.push([address, value]);
      onDevice(bus);
    },
  });
  map.traces = {
    tableWritten: (address, bytes) => void told.push(`table ${address.toString(16)}+${bytes}`),
    codeWritten: (_frame, offset, bytes) => void told.push(`code ${offset.toString(16)}+${bytes}`),
    codeMarks: () => 0,
  };
  map.declare(0, 6, ABSENT);
  map.declare(DEVICE_PAGE, 1, DEVICE);
  map.copyIn(ROM_PAGE * PAGE, new Uint8Array(PAGE).fill(0x55));
  map.protect(ROM_PAGE * PAGE, PAGE);
  const bus: BusMasterMemory = new BusMasterMemory(map);
  return { map, bus, seen, told };
}

const numbers = (count: number, first = 1): Uint8Array => Uint8Array.from({ length: count }, (_, index) => (first + index) & 0xff);

function read(bus: BusMasterMemory, address: number, bytes: number): number[] {
  const target = new Uint8Array(bytes);
  bus.read(address, target);
  return [...target];
}

describe('memory of bus masters', () => {
  it('writes across pages, to memory that had no frame and to the shared one of zeros', () => {
    const { bus, map } = fixture();
    assert.ok(map.frame(1) === map.machine.zeroFrame);
    bus.write(PAGE - 3, numbers(PAGE + 6));
    assert.deepEqual(read(bus, PAGE - 4, PAGE + 8), [0, ...numbers(PAGE + 6), 0]);
    assert.deepEqual(read(bus, 3 * PAGE, 4), [0, 0, 0, 0], 'the frame of zeros is as it was');
  });

  it('ROM keeps what it has, and what is nothing reads FF', () => {
    const { bus } = fixture();
    bus.write(ROM_PAGE * PAGE - 2, numbers(4));
    assert.deepEqual(read(bus, ROM_PAGE * PAGE - 2, 4), [1, 2, 0x55, 0x55]);
    bus.write(8 * PAGE, numbers(2));
    assert.deepEqual(read(bus, 8 * PAGE, 2), [0xff, 0xff]);
  });

  it('addresses beyond 40 bits lead nowhere, also where they would wrap into memory', () => {
    const { bus } = fixture();
    for (const address of [2 ** 40 - 2, 2 ** 40, 2 ** 44, 2 ** 52 + PAGE, 2 ** 64]) {
      bus.write(address, numbers(4));
      bus.writeByte(address + 2, 7);
      assert.deepEqual(read(bus, address, 4), [0xff, 0xff, 0xff, 0xff]);
      assert.equal(bus.readByte(2 ** 40), 0xff);
    }
    assert.deepEqual(read(bus, 0, 4), [0, 0, 0, 0]);
    assert.deepEqual(read(bus, PAGE, 4), [0, 0, 0, 0]);
  });

  it('tells the traces of tables and code, page by page', () => {
    const { bus, map, told } = fixture();
    map.machine.setFrameFlag(map.own(1), FRAME.table);
    map.machine.setFrameFlag(map.own(2), FRAME.code);
    bus.write(PAGE + 16, numbers(PAGE));
    assert.deepEqual(told, [`table 1010+${PAGE - 16}`, 'code 0+16']);
  });

  it('reaches a device byte by byte; what that asks of the bus meanwhile is not done', () => {
    const nested: number[] = [];
    const { bus, seen } = fixture((own) => {
      nested.push(...read(own, 0, 1), own.readByte(0));
      own.write(0, numbers(1));
      own.writeByte(1, 9);
    });
    bus.write(DEVICE_PAGE * PAGE, numbers(2));
    assert.deepEqual(seen, [[DEVICE_PAGE * PAGE, 1], [DEVICE_PAGE * PAGE + 1, 2]]);
    assert.deepEqual(nested, [0xff, 0xff, 0xff, 0xff]);
    assert.deepEqual(read(bus, 0, 2), [0, 0]);
    assert.deepEqual(read(bus, DEVICE_PAGE * PAGE + 3, 2), [3, 4]);
  });
});
