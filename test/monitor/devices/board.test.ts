/** The board as a whole: devices reach each other through ports, lines and events as on the real one. */
import assert from 'node:assert/strict';
import type { Board, BoardOptions } from '../../../src/monitor/devices/board';
import { createBoard } from '../../../src/monitor/devices/board';
import type { ShadowRegion } from '../../../src/monitor/devices/chipset';
import { lineOfVector } from '../../../src/monitor/devices/interrupt-picture';
import { setUpPci } from '../../../src/monitor/firmware/pci-setup';
import { FakeHost, FakeMemory, sentText } from './fake-host';
import { MemoryDisk } from './memory-disk';

/** A host whose interrupt lines lead to the board's controller, as the machine's do. */
class BoardHost extends FakeHost {
  board: Board | undefined;

  override setInterruptLine(line: number, level: boolean): void {
    super.setInterruptLine(line, level);
    this.board?.interruptController.setLine(line, level);
  }
}

interface Fixture {
  readonly host: BoardHost;
  readonly board: Board;
  readonly memory: FakeMemory;
  readonly shadows: (readonly ShadowRegion[])[];
  out(port: number, ...bytes: readonly number[]): void;
}

function create(options: Partial<BoardOptions> = {}): Fixture {
  const host = new BoardHost();
  const memory = new FakeMemory();
  const shadows: (readonly ShadowRegion[])[] = [];
  const board = createBoard(
    host,
    { memoryBytes: 64 << 20, rtcEpochSeconds: 1_000_000_000, disks: [], floppies: [], ...options },
    { memory, onInterrupt: () => undefined, onShadow: (regions) => shadows.push(regions) },
  );
  host.board = board;
  for (const device of board.devices) host.attach(device);
  board.reset();
  return {
    host, board, memory, shadows,
    out: (port, ...bytes) => {
      for (const byte of bytes) board.ports.writePort(port, 1, byte);
    },
  };
}

function initializePics(out: Fixture['out']): void {
  out(0x20, 0x11);
  out(0x21, 0x20, 0x04, 0x01);
  out(0xa0, 0x11);
  out(0xa1, 0x28, 0x02, 0x01);
}

/** Writes the low half of an I/O APIC entry. */
function route(board: Board, input: number, low: number): void {
  board.memory.write(0xfec00000, 4, 0x10 + 2 * input);
  board.memory.write(0xfec00010, 4, low);
}

/** Enables the local APIC, closes the 8259's way, and gives ISA-like entries to all inputs: vector 40 + input. */
function symmetricMode({ board, out }: Fixture, trigger = 0): void {
  out(0x21, 0xff);
  out(0xa1, 0xff);
  board.memory.write(0xfee000f0, 4, 0x1ff);
  board.memory.write(0xfee00350, 4, 0x10000);
  for (let input = 0; input < 24; input++) route(board, input, trigger | (0x40 + input));
}

function writeConfiguration(board: Board, address: number, value: number): void {
  board.ports.writePort(0xcf8, 4, address & ~3);
  board.ports.writePort(0xcfc + (address & 3), 1, value);
}

describe('board', () => {
  it('touches nothing of its host before reset', () => {
    const untouchable = new Proxy(new FakeHost(), {
      get: (_, key) => {
        throw new Error(`host.${String(key)} was used`);
      },
    });
    const callbacks = { memory: new FakeMemory(), onInterrupt: () => undefined, onShadow: () => undefined };
    const board = createBoard(
      untouchable, { memoryBytes: 1 << 24, rtcEpochSeconds: 0, disks: [], floppies: [] }, callbacks,
    );
    assert.equal(new Set(board.devices.map((device) => device.name)).size, board.devices.length, 'names are unique');
  });

  it('brings a hundred timer interrupts a second through the controllers', () => {
    const { host, board, out } = create();
    initializePics(out);
    out(0x43, 0x34);
    out(0x40, 11932 & 0xff, 11932 >> 8);
    let ticks = 0;
    for (let step = 0; step < 2000; step++) {
      host.advance(500_000);
      if (!board.interruptController.pending()) continue;
      assert.equal(board.interruptController.acknowledge(), 0x20);
      out(0x20, 0x20);
      ticks++;
    }
    // 99 whole periods fit in the second; the control word itself raises OUT once before them.
    assert.equal(ticks, 100);
  });

  it('shares lines 3 and 4 between serial ports', () => {
    const { host, out } = create();
    for (const base of [0x3f8, 0x3e8]) {
      out(base + 4, 0x08);
      out(base + 1, 0x02);
    }
    assert.equal(host.lines[4], true);
    out(0x3f9, 0x00);
    assert.equal(host.lines[4], true, 'COM3 still holds it');
    out(0x3e9, 0x00);
    assert.equal(host.lines[4], false);
  });

  it('hands input to keyboard and serial port', () => {
    const { host, board } = create();
    board.input({ kind: 'key', code: 0x1e, down: true });
    board.input({ kind: 'serial', port: 'com2', bytes: Uint8Array.of(0x55) });
    host.advance(1_000_000_000);
    assert.equal(board.ports.readPort(0x60, 1), 0x1e);
    assert.equal(board.ports.readPort(0x2f8, 1), 0x55);
    assert.throws(() => board.input({ kind: 'serial', port: 'com9', bytes: new Uint8Array(1) }), /com9/);
  });

  it('boots a sector off a floppy by DMA and another off a disk by PIO', () => {
    const { host, board, memory, out } = create({ floppies: [new MemoryDisk(2880)], disks: [new MemoryDisk(1000)] });
    out(0x3f2, 0x1c);
    host.advance(1_000_000);
    out(0x0c, 0);
    out(0x0b, 0x46);
    out(0x04, 0x00, 0x7c);
    out(0x05, 0xff, 0x01);
    out(0x81, 0x00);
    out(0x0a, 0x02);
    out(0xd6, 0xc0);
    out(0xd4, 0x00);
    out(0x3f5, 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    host.advance(1_000_000);
    assert.deepEqual(memory.slice(0x7c00, 5), [0, 0, 0, 0, 0]);
    assert.equal(host.lines[6], true);
    out(0x1f2, 1, 7, 0, 0);
    out(0x1f3, 7);
    out(0x1f2, 1);
    out(0x1f6, 0xe0);
    out(0x1f7, 0x20);
    host.advance(1_000_000);
    assert.equal(host.lines[14], true);
    assert.equal(board.ports.readPort(0x1f0, 4), 7);
    assert.equal(board.ports.readPort(0x171, 1), 0x7f, 'no second channel');
  });

  it('fills the CMOS cells from its configuration', () => {
    const { board, out } = create({ floppies: [new MemoryDisk(2880)], disks: [new MemoryDisk(1000)] });
    const cell = (index: number): number => {
      out(0x70, index);
      return board.ports.readPort(0x71, 1);
    };
    assert.deepEqual([cell(0x10), cell(0x12), cell(0x3d), cell(0x35)], [0x40, 0xf0, 0x21, 0x03]);
    out(0x70, 0x09);
    assert.equal(board.ports.readPort(0x71, 1), 0x01, 'September 2001');
  });

  it('passes characters out, exit status and shadow RAM', () => {
    const { host, board, shadows, out } = create();
    out(0xe9, 0x48, 0x69);
    assert.equal(sentText(host, 'debug'), 'Hi');
    assert.equal(board.ports.readPort(0xe9, 1), 0xe9);
    board.ports.writePort(0xf4, 4, 0x10);
    out(0xf4, 0x00);
    assert.deepEqual(host.stops, [{ kind: 'exit', status: 0x21 }, { kind: 'exit', status: 1 }]);
    board.ports.writePort(0xcf8, 4, 0x80000058);
    out(0xcfd, 0x30);
    assert.equal(shadows.at(-1)?.at(-1)?.readsRam, true);
    out(0x80, 0x5a);
    assert.equal(board.ports.readPort(0x80, 1), 0x5a);
    assert.equal(board.ports.readPort(0x201, 1), 0xff, 'no game port');
  });

  it('announces what follows from restored states', () => {
    const first = create();
    first.out(0x92, 0x00);
    first.board.ports.writePort(0xcf8, 4, 0x80000058);
    first.out(0xcfd, 0x20);
    const second = create();
    second.board.devices.forEach((device, index) => {
      device.state = structuredClone(first.board.devices[index].state);
    });
    second.board.announce();
    assert.equal(second.host.a20, false);
    assert.equal(second.shadows.at(-1)?.at(-1)?.writesRam, true);
  });

  it('offers SeaBIOS its files', () => {
    const { board } = create({ fwCfgFiles: [{ name: 'bootorder', bytes: Uint8Array.of(0x41) }] });
    board.ports.writePort(0x510, 2, 0x20);
    assert.equal(board.ports.readPort(0x511, 1), 0x41);
  });

  it('routes the display memory', () => {
    const { board } = create();
    board.memory.write(0xb8000, 2, 0x0741);
    assert.equal(board.vga.screenText().text[0][0], 'A');
  });

  it('leads ISA lines to the I/O APIC as well, line 0 to input 2', () => {
    const fixture = create();
    const { board } = fixture;
    symmetricMode(fixture);
    for (let line = 0; line < 16; line++) {
      board.interruptController.setLine(line, true);
      const taken = board.interruptController.pending() ? board.interruptController.acknowledge() : undefined;
      assert.equal(taken, line === 2 ? undefined : 0x40 + (line === 0 ? 2 : line), `line ${line}`);
      board.memory.write(0xfee000b0, 4, 0);
      board.interruptController.setLine(line, false);
    }
  });

  it('brings a level-triggered interrupt again after EOI until the device lets go', () => {
    const fixture = create();
    const { board } = fixture;
    symmetricMode(fixture);
    route(board, 11, 0x8000 | 0x4b);
    board.interruptController.setLine(11, true);
    for (let round = 0; round < 3; round++) {
      assert.equal(board.interruptController.acknowledge(), 0x4b);
      assert.equal(board.interruptController.pending(), false);
      board.memory.write(0xfee000b0, 4, 0);
      assert.equal(board.interruptController.pending(), true);
    }
    board.interruptController.acknowledge();
    board.interruptController.setLine(11, false);
    board.memory.write(0xfee000b0, 4, 0);
    assert.equal(board.interruptController.pending(), false);
  });

  it('sends a pending level interrupt when the local APIC is enabled', () => {
    const { board, out } = create();
    out(0x21, 0xff);
    out(0xa1, 0xff);
    route(board, 11, 0x8000 | 0x4b);
    board.interruptController.setLine(11, true);
    assert.equal(board.interruptController.pending(), false);
    board.memory.write(0xfee000f0, 4, 0x1ff);
    assert.equal(board.interruptController.acknowledge(), 0x4b);
  });

  it('leads the 8259 through input 0 of the I/O APIC, too', () => {
    const { board, out } = create();
    initializePics(out);
    board.memory.write(0xfee000f0, 4, 0x1ff);
    board.memory.write(0xfee00350, 4, 0x10000);
    route(board, 0, 0x700);
    board.interruptController.setLine(4, true);
    assert.equal(board.interruptController.pending(), true);
    assert.equal(board.interruptController.acknowledge(), 0x24);
  });

  it('turns PCI interrupts with the slot, to inputs 16 to 19 and through the routes to ISA lines', () => {
    const fixture = create();
    const { board, out } = fixture;
    symmetricMode(fixture);
    for (let input = 16; input < 20; input++) route(board, input, 0xa000 | (0x40 + input));
    const cases: readonly (readonly [number, number, number])[] = [[1, 0, 16], [1, 3, 19], [2, 0, 17], [4, 0, 19], [5, 1, 17]];
    for (const [slot, pin, input] of cases) {
      board.interruptController.setPciInterrupt(slot, pin, true);
      assert.equal(board.interruptController.acknowledge(), 0x40 + input);
      board.interruptController.setPciInterrupt(slot, pin, false);
      board.memory.write(0xfee000b0, 4, 0);
      assert.equal(board.interruptController.pending(), false);
    }
    board.reset();
    initializePics(out);
    board.interruptController.setPciInterrupt(3, 0, true);
    assert.equal(board.interruptController.pending(), false, 'not routed');
    writeConfiguration(board, 0x80000862, 0x0b);
    assert.equal(board.interruptController.acknowledge(), 0x2b);
    board.interruptController.setPciInterrupt(7, 0, true);
    board.interruptController.setPciInterrupt(3, 0, false);
    out(0xa0, 0x20);
    out(0x20, 0x20);
    assert.equal(board.interruptController.pending(), false, 'the shared line has stayed up: no edge');
    board.interruptController.setPciInterrupt(7, 0, false);
    board.interruptController.setPciInterrupt(3, 0, true);
    assert.equal(board.interruptController.acknowledge(), 0x2b);
  });

  it('tells where device memory is when a local APIC has moved', () => {
    const { board } = create();
    assert.equal(board.memory.deviceAt(0xfee00020)?.name, 'apic');
    board.apics.writeBase(0, 0xfef00900n);
    assert.equal(board.memory.deviceAt(0xfee00020), undefined);
    assert.equal(board.memory.read(0xfef00030, 4), 0x50014);
  });

  it('notes the clock\'s interrupts in the power management', () => {
    const { host, board, out } = create();
    setUpPci(board.ports);
    // Status register B: update-ended interrupts.
    out(0x70, 0x0b);
    out(0x71, 0x12);
    assert.equal(board.ports.readPort(0x600, 2) & 0x400, 0);
    host.advance(1_100_000_000);
    assert.equal(host.lines[8], true);
    assert.equal(board.ports.readPort(0x600, 2) & 0x400, 0x400);
  });

  it('keeps over RESET# what has a battery, and random numbers go on; all other devices begin anew', () => {
    const { board, out } = create();
    out(0x70, 0x7e);
    out(0x71, 0x5a);
    out(0x21, 0x12);
    const first = board.entropy.next();
    const second = board.entropy.next();
    board.hardReset();
    out(0x70, 0x7e);
    assert.equal(board.ports.readPort(0x71, 1), 0x5a);
    assert.notEqual(board.ports.readPort(0x21, 1), 0x12);
    const third = board.entropy.next();
    assert.equal(new Set([first, second, third]).size, 3);
    board.reset();
    assert.equal(board.entropy.next(), first, 'power-on is always alike');
  });

  it('presses the buttons in front', () => {
    const { host, board } = create();
    setUpPci(board.ports);
    board.input({ kind: 'power-button' });
    assert.equal(board.ports.readPort(0x600, 2) & 0x100, 0x100);
    assert.deepEqual(host.stops, []);
    board.input({ kind: 'reset-button' });
    assert.deepEqual(host.stops, [{ kind: 'reset', cause: 'reset button', hard: true }]);
  });

  it('lets the HPET stand in for the timer on line 0', () => {
    const { host, board, out } = create({ hpet: true });
    out(0x43, 0x34);
    out(0x40, 0, 0x10);
    host.advance(20_000_000);
    const before = host.rises[0].length;
    assert.ok(before > 0);
    const write = (offset: number, value: number): void => board.memory.write(0xfed00000 + offset, 4, value);
    // Timer 0: interrupt enabled, periodic, 1 ms.
    write(0x100, 0x4c);
    write(0x108, 100_000);
    write(0x10c, 0);
    write(0x10, 3);
    host.rises[0] = [];
    const start = host.time;
    host.advance(10_000_000);
    assert.deepEqual(host.rises[0], Array.from({ length: 10 }, (_, i) => start + (i + 1) * 1_000_000));
    write(0x10, 0);
    host.rises[0] = [];
    host.advance(20_000_000);
    assert.ok(host.rises[0].length > 0, 'the 8254 is back');
  });

  it('tells who raises which interrupt line, and how far it has got', () => {
    const { board, host, out } = create();
    initializePics(out);
    out(0x21, 0xfd);
    const line = (number: number) => board.interrupts().lines[number];
    assert.deepEqual([line(1).raised, line(1).pic], [false, { requested: false, masked: false, inService: false, levelTriggered: false, vector: 0x21 }]);
    host.setInterruptLine(1, true);
    assert.deepEqual([line(1).raised, line(1).pic?.requested, line(1).pic?.inService], [true, true, false]);
    assert.equal(line(2).raised, true, 'the output of the pair');
    assert.equal(board.interrupts().apics[0].external, true, 'it reaches LINT0');
    assert.equal(board.interruptController.acknowledge(), 0x21);
    assert.deepEqual([line(1).pic?.requested, line(1).pic?.inService], [false, true]);
    host.setInterruptLine(4, true);
    assert.deepEqual([line(4).pic?.behind, line(0).pic?.behind, line(8).pic?.behind], [1, undefined, 1], 'what is in service comes before what is less urgent, the slave with it');
    assert.equal(line(8).pic?.cascadeMasked, true, 'the mask FD leaves line 1 alone');
    host.setInterruptLine(4, false);
    // The same wire as input 1 of the I/O APIC: fixed, to APIC 0, vector 51h, once it is not masked; the APIC is switched on first.
    host.setInterruptLine(1, false);
    board.memory.write(0xfee000f0, 4, 0x1ff);
    route(board, 1, 0x51);
    host.setInterruptLine(1, true);
    const { ioApic, requestedAt } = line(1);
    assert.deepEqual([ioApic?.input, ioApic?.masked, ioApic?.vector, ioApic?.delivery, requestedAt], [1, false, 0x51, 'fixed', [0]]);
    assert.deepEqual(board.interrupts().apics[0].requested, [0x51]);
    assert.deepEqual([line(0).ioApic?.input, line(0).devices, line(16).pic], [2, ['pit'], undefined]);
    // Whose interrupt a vector is hangs on which controller it comes from.
    const whose = (vector: number, isOfPair: boolean) => lineOfVector(board.interrupts(), vector, isOfPair);
    assert.deepEqual([whose(0x21, true), whose(0x28, true), whose(0x51, true)], [1, 8, undefined]);
    assert.deepEqual([whose(0x51, false), whose(0x21, false), whose(0, false)], [1, undefined, undefined]);
  });

  it('lets registers be written from outside, as a guest writes them', () => {
    const { board } = create();
    board.input({ kind: 'register', space: 'port', address: 0x21, size: 1, value: 0xa5 });
    assert.equal(board.ports.readPort(0x21, 1), 0xa5);
    // Base address 0 of the VGA, measured as firmware does; CF8 stays as it was.
    board.ports.writePort(0xcf8, 4, 0x80000000);
    board.input({ kind: 'register', space: 'configuration', address: 2 * 8 * 256 + 0x10, size: 4, value: 0xffffffff });
    assert.equal(board.ports.readPort(0xcf8, 4), 0x80000000);
    board.ports.writePort(0xcf8, 4, 0x80000000 + 2 * 8 * 256 + 0x10);
    const size = board.ports.readPort(0xcfc, 4);
    assert.ok(size !== 0 && size !== 0xffffffff, size.toString(16));
    board.input({ kind: 'register', space: 'memory', address: 0xfee00080, size: 4, value: 0x30 });
    assert.equal(board.interrupts().apics[0].taskPriority, 0x30);
  });
});
