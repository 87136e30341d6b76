/** Power-on: vectors, data area, chips, and the way to a boot sector. */
import assert from 'node:assert/strict';
import { buildRom } from '../../../../src/monitor/firmware/bios/rom';
import { FakeMachine, MemoryDisk, MIB } from '../fakes';

function bootable(sectors: number, mark: number): MemoryDisk {
  const disk = new MemoryDisk(sectors);
  disk.data[0] = mark;
  disk.data.set([0x55, 0xaa], 510);
  return disk;
}

describe('BIOS power-on self-test', () => {
  it('points our vectors into the ROM, others to IRET, and leaves 60h-67h free', () => {
    const { memory } = new FakeMachine().powerOn();
    const vector = (n: number) => [memory.read16(n * 4 + 2), memory.read16(n * 4)];
    const rom = buildRom();
    for (const n of [0x00, 0x08, 0x09, 0x10, 0x13, 0x16, 0x19, 0x70, 0x77]) assert.deepEqual(vector(n), [0xf000, rom.vectors.get(n)]);
    for (const n of [0x05, 0x1b, 0x1c, 0x21, 0x4a, 0xff]) assert.deepEqual(vector(n), [0xf000, 0xff53]);
    for (const n of [0x60, 0x67]) assert.deepEqual(vector(n), [0, 0]);
    assert.deepEqual(vector(0x1e), [0xf000, 0xefc7]);
  });

  it('fills the data area', () => {
    const machine = new FakeMachine();
    machine.drives.set(0, new MemoryDisk(2880)).set(0x80, new MemoryDisk(20480)).set(0x81, new MemoryDisk(20480));
    let enabled = 0xff;
    machine.ports.answers.set(0x3f9, () => machine.ports.writtenTo(0x3f9).at(-1) ?? enabled);
    enabled = 0;
    machine.ports.cmos.set([0x30, 0, 0x00, 0, 0x01], 0);
    machine.powerOn();
    const { memory } = machine;
    assert.deepEqual([memory.read16(0x400), memory.read16(0x402)], [0x3f8, 0]);
    // One floppy (bit 0), coprocessor, PS/2 mouse, 80x25 colour, one serial port.
    assert.equal(memory.read16(0x410), 0x0001 | 0x0002 | 0x0004 | 0x0020 | (1 << 9));
    assert.deepEqual([memory.read16(0x413), memory.read16(0x40e)], [639, 0x9fc0]);
    assert.deepEqual([0x41a, 0x41c, 0x480, 0x482].map((at) => memory.read16(at)), [0x1e, 0x1e, 0x1e, 0x3e]);
    assert.deepEqual([memory.read8(0x449), memory.read16(0x44a), memory.read8(0x484), memory.read8(0x475)], [3, 80, 24, 2]);
    // 01:00:30 is 3630 s at 1193182/65536 Hz.
    assert.equal(memory.read32(0x46c), Math.floor((3630 * 1193182) / 65536));
    assert.equal(memory.read8(0x9fc00), 1);
    // Vector 41h: 20480 sectors as 20 cylinders of 16 heads and 63 sectors.
    const table = memory.read16(0x41 * 4 + 2) * 16 + memory.read16(0x41 * 4);
    assert.deepEqual([memory.read16(table), memory.read8(table + 2), memory.read8(table + 14)], [20, 16, 63]);
  });

  it('programs interrupt controllers and timer', () => {
    const { ports } = new FakeMachine().powerOn();
    assert.deepEqual([...ports.writtenTo(0x20), ...ports.writtenTo(0x21)], [0x11, 0x08, 0x04, 0x01, 0xb8]);
    assert.deepEqual([...ports.writtenTo(0xa0), ...ports.writtenTo(0xa1)], [0x11, 0x70, 0x02, 0x01, 0xdf]);
    assert.deepEqual([...ports.writtenTo(0x43), ...ports.writtenTo(0x40)], [0x36, 0, 0]);
  });

  it('opens the keyboard: command byte with translation and interrupt, scanning on', () => {
    const { ports } = new FakeMachine().powerOn();
    assert.deepEqual(ports.writtenTo(0x64), [0x60, 0xae]);
    assert.deepEqual(ports.writtenTo(0x60), [0x65, 0xf4]);
  });

  it('sets text mode 3 through the VGA ports and prints its line', () => {
    const machine = new FakeMachine().powerOn();
    assert.match(machine.screenRow(0), /^Shadowbox BIOS, 64 MiB of memory$/);
    const crtc = machine.ports.indexed.get(0x3d4);
    assert.equal(crtc?.get(0x01), 79, 'horizontal display end');
    assert.equal(crtc?.get(0x13), 40, 'row offset in words');
    assert.equal(((crtc?.get(0x0e) ?? 0) << 8) | (crtc?.get(0x0f) ?? 0), 80, 'cursor at row 1');
    assert.deepEqual(machine.ports.writtenTo(0x3c2), [0x67]);
  });

  it('goes on at 40:67 after a reset with shutdown code 0Ah, and only once', () => {
    const machine = new FakeMachine();
    machine.ports.cmos[0x0f] = 0x0a;
    machine.powerOn();
    assert.equal(machine.continuation(), 'resume');
    assert.equal(machine.memory.read16(0x410), 0, 'nothing was initialised');
    assert.equal(machine.ports.cmos[0x0f], 0);
  });

  for (const [code, continuation] of [[0x04, 'bootstrap'], [0x05, 'resume'], [0x09, 'blockMoved'], [0x0b, 'resumeByIret'], [0x0c, 'resumeByRetf']] as const) {
    it(`goes on by '${continuation}' after shutdown code ${String(code)}, and touches no memory`, () => {
      const machine = new FakeMachine();
      machine.ports.cmos[0x0f] = code;
      const before = machine.memory.bytes.slice();
      machine.powerOn();
      assert.equal(machine.continuation(), continuation);
      assert.deepEqual(machine.memory.bytes, before);
    });
  }

  it('begins anew after any other code, and keeps the flag of a warm start', () => {
    const machine = new FakeMachine();
    machine.ports.cmos[0x0f] = 0x0d;
    machine.memory.write16(0x472, 0x1234);
    machine.powerOn();
    assert.deepEqual([machine.ports.cmos[0x0f], machine.memory.read16(0x413), machine.memory.read16(0x472)], [0, 639, 0x1234]);
  });

  it('says in the chipset that it runs in shadow RAM, and resets the board when it finds that said', () => {
    const machine = new FakeMachine();
    const { ports } = machine;
    let attributes = 0;
    const selected = (): number => ports.writtenTo(0xcf8).at(-1) ?? 0;
    // A 440FX at 0:0.0, with PAM0 at 59, and nothing else.
    ports.answers.set(0xcfc, () => (selected() === 0x8000_0000 ? 0x1237_8086 : 0xffff_ffff));
    ports.answers.set(0xcfd, () => (selected() === 0x8000_0058 ? attributes : 0xff));
    machine.powerOn();
    assert.equal(ports.writtenTo(0xcfd).at(-1), 0x10);
    assert.deepEqual(ports.writtenTo(0xcf9), []);
    attributes = 0x10;
    machine.memory.write16(0x413, 0x123);
    machine.powerOn();
    assert.deepEqual(ports.writtenTo(0xcf9), [0x02, 0x06]);
    assert.equal(machine.memory.read16(0x413), 0x123, 'nothing was initialised');
  });
});

describe('BIOS bootstrap', () => {
  function boot(prepare: (machine: FakeMachine) => void, order?: readonly number[]): FakeMachine {
    const machine = new FakeMachine(2 * MIB, order);
    prepare(machine);
    machine.powerOn();
    machine.interrupt(0x19);
    return machine;
  }

  it('takes the floppy first', () => {
    const machine = boot(({ drives }) => drives.set(0, bootable(2880, 1)).set(0x80, bootable(2880, 2)));
    assert.equal(machine.continuation(), 'bootJump');
    assert.equal(machine.memory.read8(0x7c00), 1);
    assert.equal(machine.word('edx'), 0);
    assert.equal(machine.cpu.selectors.ss * 16 + machine.word('esp'), 0x7c00);
  });
  it('takes the hard disk when the floppy has no boot sector, and says DL = 80h', () => {
    const machine = boot(({ drives }) => drives.set(0, new MemoryDisk(2880)).set(0x80, bootable(2880, 2)));
    assert.equal(machine.memory.read8(0x7c00), 2);
    assert.equal(machine.word('edx'), 0x80);
  });
  it('keeps another order', () => {
    const machine = boot(({ drives }) => drives.set(0, bootable(2880, 1)).set(0x80, bootable(2880, 2)), [0x80, 0]);
    assert.equal(machine.memory.read8(0x7c00), 2);
  });
  it('says on screen and in the log why there is nothing to boot', () => {
    const machine = boot(({ drives }) => drives.set(0, new MemoryDisk(2880)));
    assert.equal(machine.continuation(), 'halt');
    assert.match(machine.screenRow(1), /^No bootable device: floppy 0: no boot signature/);
    assert.match(machine.logged.join(''), /floppy 0: no boot signature.*; hard disk 80h: not there/);
  });
});
