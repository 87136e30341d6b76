/**
 * What devices say of their registers, against what a guest sees of them: on a whole board, each described register is read and
 * written through the guest's own accesses.
 */
import assert from 'node:assert/strict';
import { createBoard, type Board } from '../../../src/monitor/devices/board';
import { allBits, type RegisterBlock, type RegisterDescription } from '../../../src/monitor/devices/description';
import type { Device } from '../../../src/monitor/devices/device';
import { deviceView } from '../../../src/monitor/inspection/deviceView';
import { FakeHost } from './fake-host';
import { MemoryDisk } from './memory-disk';

const MIB = 1 << 20;

interface Fixture {
  readonly host: FakeHost;
  readonly board: Board;
}

function powerOn(): Fixture {
  const host = new FakeHost();
  const board: Board = createBoard(
    host,
    { memoryBytes: 64 * MIB, rtcEpochSeconds: 1_700_000_000, disks: [new MemoryDisk(5000)], floppies: [new MemoryDisk(2880)], hpet: true, cpus: 2 },
    { memory: { readByte: () => 0xff, writeByte: () => undefined, read: (_, target) => target.fill(0xff), write: () => undefined }, onInterrupt: () => undefined, onShadow: () => undefined },
  );
  for (const device of board.devices) host.attach(device);
  board.reset();
  return { host, board };
}

/** A guest's access to a register; undefined where its block is nowhere. */
interface Access {
  read(): number;
  write(value: number): void;
}

/** How a guest gets at registers behind an index: the clock's by ports 70 and 71, the I/O APIC's by its window. */
function indexed(board: Board, base: number, at: number): Access {
  if (base === 0x70) {
    const select = (): void => board.ports.writePort(0x70, 1, at);
    return { read: () => { select(); return board.ports.readPort(0x71, 1); }, write: (value) => { select(); board.ports.writePort(0x71, 1, value); } };
  }
  const select = (): void => board.memory.write(base, 4, at);
  return { read: () => { select(); return board.memory.read(base + 0x10, 4); }, write: (value) => { select(); board.memory.write(base + 0x10, 4, value); } };
}

function accessTo(board: Board, device: Device, block: RegisterBlock, { at, bytes }: RegisterDescription): Access | undefined {
  const { space, base } = block;
  if (space === 'configuration') {
    if (device !== board.pci) return undefined;
    const address = base + at;
    const select = (): void => board.ports.writePort(0xcf8, 4, (0x8000_0000 | (address & ~3)) >>> 0);
    const port = 0xcfc + (address & 3);
    return { read: () => { select(); return board.ports.readPort(port, bytes); }, write: (value) => { select(); board.ports.writePort(port, bytes, value); } };
  }
  if (base === 0) return block.name === 'controller 1' ? portAccess(board, at, bytes) : undefined;
  if (space === 'index') return indexed(board, base, at);
  if (space === 'port') return portAccess(board, base + at, bytes);
  return { read: () => board.memory.read(base + at, bytes), write: (value) => board.memory.write(base + at, bytes, value) };
}

function portAccess(board: Board, port: number, bytes: 1 | 2 | 4): Access {
  return { read: () => board.ports.readPort(port, bytes), write: (value) => board.ports.writePort(port, bytes, value) };
}

interface Case {
  readonly device: Device;
  readonly block: RegisterBlock;
  readonly register: RegisterDescription;
}

function casesOf(board: Board): Case[] {
  return board.devices.flatMap((device) => (device.description?.blocks ?? []).flatMap((block) => block.registers.map((register) => ({ device, block, register }))));
}

/** The registers that a description promises something of, each on a board that was just powered on. */
function* promised(): Generator<Case & { readonly access: Access; readonly board: Board; readonly where: string }> {
  const { board } = powerOn();
  const count = casesOf(board).length;
  for (let index = 0; index < count; index++) {
    const { device, block, register } = casesOf(board)[index];
    const where = `${device.name}, ${block.name}, ${register.name}`;
    if (device === board.apics) board.apics.currentCpu = device.description?.blocks.indexOf(block) ?? 0;
    const access = accessTo(board, device, block, register);
    if (access === undefined || register.access === 'special' || register.access === 'write-only') continue;
    yield { device, block, register, access, board, where };
    board.reset();
  }
}

const statesOf = (board: Board): unknown => structuredClone(board.devices.map(({ state }) => state));

describe('descriptions of devices', function () {
  this.timeout(60_000);

  it('name each register once, inside its block, with fields inside the register', () => {
    for (const { name: device, description } of powerOn().board.devices) {
      assert.equal(new Set(description?.blocks.map(({ name }) => name)).size, description?.blocks.length ?? 0, device);
      for (const { name: block, registers } of description?.blocks ?? []) {
        const names = registers.map(({ name }) => name);
        assert.equal(new Set(names).size, names.length, `${device}, ${block}: ${names.join(' ')}`);
        for (const { name, bytes, reset = 0, writable = 0, fields = [] } of registers) {
          const where = `${device}, ${block}, ${name}`;
          assert.ok(reset >= 0 && reset <= allBits(bytes) && writable >= 0 && writable <= allBits(bytes), where);
          for (const { low, bits = 1 } of fields) assert.ok(low >= 0 && bits > 0 && low + bits <= 8 * bytes, where);
        }
      }
    }
  });

  it('are there for all devices of the board that have registers of their own', () => {
    const without = powerOn().board.devices.filter(({ description }) => description === undefined).map(({ name }) => name);
    // The generator of random numbers has none.
    assert.deepEqual(without.filter((name) => !['entropy'].includes(name)), []);
  });

  it('give the values after power-on', () => {
    let seen = 0;
    for (const { register, access, where } of promised()) {
      assert.equal(access.read().toString(16), (register.reset ?? 0).toString(16), where);
      seen++;
    }
    assert.ok(seen > 200, `${seen} registers`);
  });

  it('give what can be written, and what cannot', () => {
    for (const { block, register, access, where } of promised()) {
      const { at, reset = 0, bytes, access: kind } = register;
      // A write to a place where another register takes writes says nothing of this one.
      const isShared = kind === 'read-only' && block.registers.some((other) => other !== register && other.access !== 'read-only' && other.at < at + bytes && at < other.at + other.bytes);
      if ((isShared && block.space !== 'index')) continue;
      const mask = kind === 'read-only' || kind === 'write-one-clears' ? 0 : register.writable ?? allBits(bytes);
      for (const value of [allBits(bytes), 0, 0x5a5a_5a5a & allBits(bytes)]) {
        access.write(value);
        const expected = ((reset & ~mask) | (value & mask)) >>> 0;
        assert.equal(access.read().toString(16), expected.toString(16), `${where}, ${value.toString(16)} written`);
      }
    }
  });

  it('are looked at without an effect, and show what a guest reads', () => {
    for (const { device, block, register, access, board, where } of promised()) {
      const before = statesOf(board);
      const peeked = device.peek?.(block.name, register.name);
      assert.deepEqual(statesOf(board), before, where);
      assert.equal(peeked, access.read(), where);
    }
  });

  it('are looked at without an effect while devices work', () => {
    const { host, board } = powerOn();
    for (const [port, value] of [[0x43, 0x34], [0x40, 0x00], [0x40, 0x10], [0x43, 0x80], [0x70, 0x0b], [0x71, 0x72], [0x3f9, 0x0f], [0x3fc, 0x0b], [0x3f8, 0x41], [0x08, 0]]) {
      board.ports.writePort(port, 1, value);
    }
    board.memory.write(0xfed0_0010, 4, 1);
    board.memory.write(0xfed0_0108, 4, 12345);
    board.memory.write(0xfee0_0320, 4, 0x2_0031);
    board.memory.write(0xfee0_0380, 4, 999_999);
    for (let round = 0; round < 50; round++) {
      host.advance(37_777 * (1 + (round % 90)));
      const before = statesOf(board);
      const [events, lines] = [host.pendingEvents(), [...host.lines]];
      for (const device of board.devices) deviceView(device);
      assert.deepEqual(statesOf(board), before);
      assert.deepEqual([host.pendingEvents(), [...host.lines]], [events, lines]);
      for (const [name, at] of [['CNT0', 0x40], ['NMISC', 0x61]] as const) {
        assert.equal(board.devices.find((device) => device.name === 'pit')?.peek?.(at === 0x61 ? 'speaker' : 'counters', name), board.ports.readPort(at, 1), name);
      }
      for (const [name, index] of [['A', 10], ['C', 12], ['SECONDS', 0]] as const) {
        const peeked = board.rtc.peek('cells', name);
        board.ports.writePort(0x70, 1, index);
        assert.equal(peeked, board.ports.readPort(0x71, 1), name);
      }
      const count = board.apics.peek('processor 0', 'current count');
      assert.equal(count, board.memory.read(0xfee0_0390, 4));
    }
  });

  it('are answered to the outside with values and words', () => {
    const { board } = powerOn();
    board.ports.writePort(0x3fb, 1, 0x03);
    const view = deviceView(board.uart('com1'));
    assert.equal(view.registers?.title, 'Serial port COM1 (16550A)');
    const lcr = view.registers?.blocks[0]?.registers.find(({ name }) => name === 'LCR');
    assert.deepEqual([lcr?.value, lcr?.fields[0]], [3, { name: 'WLS', low: 0, bits: 2, meaning: 'bits of a character', value: 3, word: '8' }]);
    assert.deepEqual(structuredClone(view), view);
  });
});
