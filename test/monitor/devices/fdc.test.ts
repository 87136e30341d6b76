/** The 82077AA with the 8237: reset, seek, reading and writing by DMA as SeaBIOS and Linux do it, and the errors. */
import assert from 'node:assert/strict';
import { Dma } from '../../../src/monitor/devices/dma';
import { FloppyController } from '../../../src/monitor/devices/fdc';
import type { FloppyPlace } from '../../../src/monitor/devices/fdc-media';
import { FakeHost, FakeMemory } from './fake-host';
import { MemoryDisk } from './memory-disk';

/** A disk that is not done at first: each sector has to be asked for three times. */
class SlowDisk extends MemoryDisk {
  prefetched: unknown[] = [];
  #asked = 0;

  override prefetch(lba?: number, count?: number): void {
    this.prefetched.push([lba, count]);
  }

  override read(lba: number, count: number, target: Uint8Array): boolean {
    return this.#isDone() && super.read(lba, count, target);
  }

  override write(lba: number, source: Uint8Array): boolean {
    return this.#isDone() && super.write(lba, source);
  }

  #isDone(): boolean {
    return ++this.#asked % 3 === 0;
  }
}

class Fixture {
  readonly host = new FakeHost();
  readonly memory = new FakeMemory();
  readonly dma = new Dma(this.memory);
  readonly fdc: FloppyController;

  constructor(disk: FloppyPlace = new MemoryDisk(2880), others: ReadonlyMap<string, MemoryDisk> = new Map()) {
    this.fdc = this.host.attach(new FloppyController(this.host, this.dma, [disk], (image) => others.get(image)));
    this.dma.reset();
    this.fdc.reset();
    this.dma.writePort(0xd6, 1, 0xc0);
  }

  /** Leaves reset with motor A on, and answers the four SENSE INTERRUPTs. */
  start(): this {
    this.fdc.writePort(0x3f2, 1, 0x1c);
    this.host.advance(1_000_000);
    for (let drive = 0; drive < 4; drive++) assert.deepEqual(this.run([0x08]), [0xc0 | drive, 0]);
    this.run([0x03, 0xaf, 0x02]);
    return this;
  }

  /** Sends a command, lets it work, and takes the result. */
  run(bytes: readonly number[]): number[] {
    for (const byte of bytes) {
      assert.equal(this.fdc.readPort(0x3f4) & 0xc0, 0x80, 'ready for a command byte');
      this.fdc.writePort(0x3f5, 1, byte);
    }
    this.host.advance(10_000_000);
    const result: number[] = [];
    while ((this.fdc.readPort(0x3f4) & 0xc0) === 0xc0) result.push(this.fdc.readPort(0x3f5));
    return result;
  }

  seek(cylinder: number): void {
    this.run([0x0f, 0x00, cylinder]);
    assert.deepEqual(this.run([0x08]), [0x20, cylinder]);
  }

  /** Programs channel 2; mode 46 writes memory, 4A reads it. */
  program(mode: number, address: number, count: number): void {
    this.dma.writePort(0x0a, 1, 0x06);
    this.dma.writePort(0x0c, 1, 0);
    this.dma.writePort(0x0b, 1, mode);
    for (const byte of [address & 0xff, (address >> 8) & 0xff]) this.dma.writePort(0x04, 1, byte);
    for (const byte of [(count - 1) & 0xff, (count - 1) >> 8]) this.dma.writePort(0x05, 1, byte);
    this.dma.writePort(0x81, 1, address >> 16);
    this.dma.writePort(0x0a, 1, 0x02);
  }
}

/** Sector number that a read brought to memory. */
function sectorAt(memory: FakeMemory, address: number): number {
  const [a, b, c, d] = memory.slice(address, 4);
  return a | (b << 8) | (c << 16) | (d << 24);
}

describe('82077AA', () => {
  it('interrupts after reset and reports four drives, then nothing', () => {
    const fixture = new Fixture();
    assert.equal(fixture.fdc.readPort(0x3f4), 0, 'in reset');
    fixture.fdc.writePort(0x3f2, 1, 0x0c);
    fixture.host.advance(1_000_000);
    assert.equal(fixture.host.lines[6], true);
    assert.deepEqual(fixture.run([0x08]), [0xc0, 0]);
    assert.equal(fixture.host.lines[6], false);
    for (let drive = 1; drive < 4; drive++) fixture.run([0x08]);
    assert.deepEqual(fixture.run([0x08]), [0x80]);
  });

  it('tells its version and registers', () => {
    const fixture = new Fixture().start();
    assert.deepEqual(fixture.run([0x10]), [0x90]);
    fixture.run([0x13, 0x00, 0x57, 0x10]);
    assert.deepEqual(fixture.run([0x94]), [0x10]);
    assert.deepEqual(fixture.run([0x0e]), [0, 0, 0, 0, 0xaf, 0x02, 0, 0x80, 0x57, 0x10]);
    assert.deepEqual(fixture.run([0x14]), [0x00]);
    assert.deepEqual(fixture.run([0x18]), [0x80], 'no 82078');
  });

  it('recalibrates and seeks, with the change line falling', () => {
    const fixture = new Fixture().start();
    assert.equal(fixture.fdc.readPort(0x3f7) & 0x80, 0x80);
    fixture.run([0x07, 0x00]);
    assert.equal(fixture.host.lines[6], true);
    assert.deepEqual(fixture.run([0x08]), [0x20, 0]);
    assert.equal(fixture.fdc.readPort(0x3f7) & 0x80, 0);
    fixture.seek(40);
    assert.deepEqual(fixture.run([0x04, 0x00]), [0x28]);
    assert.deepEqual(fixture.run([0x4a, 0x04]), [0x04, 0, 0, 40, 1, 1, 2]);
    fixture.run([0x07, 0x01]);
    assert.deepEqual(fixture.run([0x08]), [0x71, 0], 'no drive B');
  });

  it('reads sectors to memory until the count ends', () => {
    const fixture = new Fixture().start();
    fixture.seek(5);
    fixture.program(0x46, 0x1f000, 3 * 512);
    const result = fixture.run([0xe6, 0x04, 5, 1, 4, 2, 18, 0x1b, 0xff]);
    assert.deepEqual(result, [0x04, 0, 0, 5, 1, 7, 2]);
    const first = (5 * 2 + 1) * 18 + 3;
    assert.deepEqual([0, 1, 2].map((index) => sectorAt(fixture.memory, 0x1f000 + index * 512)), [first, first + 1, first + 2]);
    assert.equal(fixture.memory.readByte(0x1f000 + 3 * 512), 0xff);
    assert.equal(fixture.dma.readPort(0x08) & 0x0f, 0x04, 'terminal count');
    assert.equal(fixture.dma.readPort(0x08) & 0x0f, 0);
  });

  it('goes on to the other side under MT, and stops at the end of the cylinder', () => {
    const fixture = new Fixture().start();
    fixture.program(0x46, 0, 36 * 512);
    assert.deepEqual(fixture.run([0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff]), [0x00, 0, 0, 1, 0, 1, 2]);
    assert.equal(sectorAt(fixture.memory, 35 * 512), 35);
    fixture.program(0x46, 0, 20 * 512);
    assert.deepEqual(fixture.run([0x66, 0x00, 0, 0, 17, 2, 18, 0x1b, 0xff]), [0x40, 0x80, 0, 1, 0, 1, 2]);
  });

  it('writes from memory', () => {
    const disk = new MemoryDisk(2880);
    const fixture = new Fixture(disk).start();
    fixture.memory.load(0x8000, Array.from({ length: 1024 }, (_, index) => (index < 512 ? 0xaa : 0xbb)));
    fixture.program(0x4a, 0x8000, 1024);
    assert.deepEqual(fixture.run([0xc5, 0x00, 0, 0, 2, 2, 18, 0x1b, 0xff]), [0x00, 0, 0, 0, 0, 4, 2]);
    assert.deepEqual([disk.sector(1)[511], disk.sector(2)[0]], [0xaa, 0xbb]);
  });

  it('waits for a disk that is not done: same bytes, same moment, nothing moved twice', () => {
    const measure = (disk: MemoryDisk): readonly unknown[] => {
      const fixture = new Fixture(disk).start();
      fixture.program(0x46, 0, 20 * 512);
      const read = fixture.run([0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff]);
      const sectors = Array.from({ length: 20 }, (_, index) => sectorAt(fixture.memory, index * 512));
      fixture.memory.load(0x8000, Array.from({ length: 1024 }, (_, index) => (index < 512 ? 0xaa : 0xbb)));
      fixture.program(0x4a, 0x8000, 1024);
      const written = fixture.run([0xc5, 0x00, 0, 0, 2, 2, 18, 0x1b, 0xff]);
      return [read, sectors, written, disk.written, fixture.host.rises[6]];
    };
    const disk = new SlowDisk(2880);
    const slow = measure(disk);
    assert.deepEqual(slow, measure(new MemoryDisk(2880)));
    assert.deepEqual(slow.slice(0, 3), [[0x00, 0, 0, 0, 1, 3, 2], Array.from({ length: 20 }, (_, index) => index), [0x00, 0, 0, 0, 0, 4, 2]]);
    assert.deepEqual(disk.prefetched, [[0, 36]], 'it was told of the read when that began');
  });

  it('changes nothing while the disk is not done, and gives a command up in a reset', () => {
    const fixture = new Fixture(new SlowDisk(2880)).start();
    fixture.program(0x46, 0, 512);
    for (const byte of [0xe6, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff]) fixture.fdc.writePort(0x3f5, 1, byte);
    assert.equal(fixture.fdc.event('command'), undefined);
    const before = structuredClone(fixture.fdc.state);
    assert.equal(fixture.fdc.event('command'), 'wait');
    assert.deepEqual(fixture.fdc.state, before);
    assert.equal(fixture.memory.readByte(0), 0xff);
    fixture.fdc.writePort(0x3f2, 1, 0x18);
    fixture.fdc.writePort(0x3f2, 1, 0x1c);
    fixture.host.advance(1_000_000);
    assert.deepEqual(fixture.run([0x08]), [0xc0, 0]);
    assert.equal(fixture.memory.readByte(0), 0xff);
  });

  it('reports what goes wrong', () => {
    const read = (fixture: Fixture, bytes: readonly number[]): number[] => {
      fixture.program(0x46, 0, 512);
      return fixture.run(bytes).slice(0, 3);
    };
    const fixture = new Fixture().start();
    assert.deepEqual(read(fixture, [0xe6, 0, 9, 0, 1, 2, 18, 0x1b, 0xff]), [0x40, 0x04, 0x10], 'wrong cylinder');
    assert.deepEqual(read(fixture, [0xe6, 0, 0, 0, 19, 2, 19, 0x1b, 0xff]), [0x40, 0x04, 0x00], 'no such sector');
    fixture.dma.writePort(0x0a, 1, 0x06);
    assert.deepEqual(fixture.run([0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]).slice(0, 3), [0x40, 0x10, 0], 'DMA masked: overrun');
    const protectedDisk = new Fixture(new MemoryDisk(2880, true)).start();
    protectedDisk.program(0x4a, 0, 512);
    assert.deepEqual(protectedDisk.run([0xc5, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]).slice(0, 3), [0x40, 0x02, 0]);
    const bad = new MemoryDisk(2880);
    bad.badSector = 0;
    assert.deepEqual(read(new Fixture(bad).start(), [0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]), [0x40, 0x20, 0x20]);
    assert.deepEqual(fixture.run([0x1f]), [0x80]);
  });

  it('gates its interrupt by the digital output register', () => {
    const fixture = new Fixture().start();
    fixture.fdc.writePort(0x3f2, 1, 0x14);
    for (const byte of [0x07, 0x00]) fixture.fdc.writePort(0x3f5, 1, byte);
    fixture.host.advance(10_000_000);
    assert.equal(fixture.host.lines[6], false);
    fixture.fdc.writePort(0x3f2, 1, 0x1c);
    assert.equal(fixture.host.lines[6], true);
  });

  describe('with disks that come and go', () => {
    const READ = [0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff] as const;
    const DIR = 0x3f7;
    /** The change line, as the guest reads it while the motor runs. */
    const isChanged = ({ fdc }: Fixture): boolean => (fdc.readPort(DIR) & 0x80) !== 0;
    const reset = ({ fdc, host }: Fixture): void => {
      fdc.writePort(0x3f2, 1, 0x18);
      fdc.writePort(0x3f2, 1, 0x1c);
      host.advance(1_000_000);
    };
    const others = (): Map<string, MemoryDisk> => new Map([['720', new MemoryDisk(1440)], ['1440', new MemoryDisk(2880)], ['protected', new MemoryDisk(2880, true)]]);

    it('raises the change line when a disk is taken out, and keeps it up until a seek with a disk in the drive', () => {
      const fixture = new Fixture(undefined, others()).start();
      fixture.seek(1);
      assert.equal(isChanged(fixture), false);
      fixture.fdc.changeDisk(0, null);
      assert.equal(isChanged(fixture), true);
      fixture.seek(2);
      assert.equal(isChanged(fixture), true, 'there is no disk');
      fixture.fdc.changeDisk(0, '1440');
      assert.equal(isChanged(fixture), true, 'no seek since');
      fixture.seek(1);
      assert.equal(isChanged(fixture), false);
      fixture.fdc.changeDisk(0, '720');
      assert.equal(isChanged(fixture), true, 'at once another');
      fixture.run([0x07, 0x00]);
      assert.equal(isChanged(fixture), false);
    });

    it('says nothing of the change line while the motor is off', () => {
      const fixture = new Fixture(undefined, others()).start();
      fixture.fdc.changeDisk(0, null);
      fixture.fdc.writePort(0x3f2, 1, 0x0c);
      assert.equal(isChanged(fixture), false);
    });

    it('moves the head without a disk, and finds the drive write-protected', () => {
      const fixture = new Fixture('empty').start();
      fixture.run([0x0f, 0x00, 7]);
      assert.deepEqual(fixture.run([0x08]), [0x20, 7]);
      fixture.run([0x07, 0x00]);
      assert.deepEqual(fixture.run([0x08]), [0x20, 0], 'track 0 is found');
      assert.deepEqual(fixture.run([0x04, 0x00]), [0x78], 'write-protected, track 0');
    });

    for (const [name, bytes] of [['READ', READ], ['WRITE', [0xc5, ...READ.slice(1)]], ['VERIFY', [0xf6, ...READ.slice(1)]], ['READ ID', [0x4a, 0]]] as const) {
      it(`does not end ${name} without a disk, for want of index pulses, until it is reset`, () => {
        const fixture = new Fixture('empty').start();
        fixture.program(name === 'WRITE' ? 0x4a : 0x46, 0, 512);
        assert.deepEqual(fixture.run(bytes), []);
        fixture.host.advance(10_000_000_000);
        assert.deepEqual([fixture.fdc.readPort(0x3f4), fixture.host.lines[6] ?? false], [0x10, false], 'busy, no interrupt');
        reset(fixture);
        assert.deepEqual(fixture.run([0x08]), [0xc0, 0]);
      });
    }

    it('does the command that waits when a disk is put in', () => {
      const fixture = new Fixture('empty', others()).start();
      fixture.program(0x46, 0, 512);
      assert.deepEqual(fixture.run(READ), []);
      fixture.fdc.changeDisk(0, '1440');
      fixture.host.advance(10_000_000);
      assert.equal(fixture.host.lines[6], true);
      assert.equal(fixture.fdc.readPort(0x3f5), 0, 'status register 0');
      assert.equal(sectorAt(fixture.memory, 0), 0);
    });

    it('has the geometry of the disk that is in the drive', () => {
      const fixture = new Fixture(undefined, others()).start();
      fixture.program(0x46, 0, 512);
      fixture.run([0xe6, 0x04, 0, 1, 1, 2, 18, 0x1b, 0xff]);
      assert.equal(sectorAt(fixture.memory, 0), 18, '18 sectors a track');
      fixture.fdc.changeDisk(0, '720');
      fixture.program(0x46, 0, 512);
      fixture.run([0xe6, 0x04, 0, 1, 1, 2, 9, 0x1b, 0xff]);
      assert.equal(sectorAt(fixture.memory, 0), 9);
      fixture.program(0x46, 0, 512);
      assert.deepEqual(fixture.run([0xe6, 0, 0, 0, 10, 2, 18, 0x1b, 0xff]).slice(0, 3), [0x40, 0x04, 0], 'no tenth sector');
    });

    it('ends a read that another disk comes into, whose tracks are fewer, with an error', () => {
      const small = new Map([['360', new MemoryDisk(720)]]);
      const fixture = new Fixture(new MemoryDisk(2400), small).start();
      fixture.seek(60);
      fixture.program(0x46, 0, 512);
      for (const byte of [0xe6, 0, 60, 0, 1, 2, 15, 0x1b, 0xff]) fixture.fdc.writePort(0x3f5, 1, byte);
      fixture.fdc.event('command');
      fixture.fdc.changeDisk(0, '360');
      fixture.host.advance(10_000_000);
      assert.deepEqual([fixture.fdc.readPort(0x3f5), fixture.fdc.readPort(0x3f5)], [0x40, 0x01]);
    });

    it('refuses to write to a protected disk that was put in, and keeps disks over a reset of the board', () => {
      const fixture = new Fixture(undefined, others()).start();
      fixture.fdc.changeDisk(0, 'protected');
      assert.deepEqual(fixture.run([0x04, 0x00]), [0x78]);
      fixture.program(0x4a, 0, 512);
      assert.deepEqual(fixture.run([0xc5, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]).slice(0, 3), [0x40, 0x02, 0]);
      fixture.fdc.reset();
      assert.equal(fixture.fdc.disk(0)?.readOnly, true, 'nobody has taken it out');
      fixture.fdc.restoreDisks();
      assert.equal(fixture.fdc.disk(0)?.readOnly, false);
    });

    it('takes no disk that its drive cannot read, and has no drive B', () => {
      const all = new Map([['360', new MemoryDisk(720)], ['1200', new MemoryDisk(2400)], ['2880', new MemoryDisk(5760)], ...others()]);
      const { fdc } = new Fixture(undefined, all);
      for (const image of ['360', '1200', '2880']) assert.throws(() => fdc.changeDisk(0, image), /drive is one for disks of 1\.44 MB, and this is a disk of (360 KB|1\.2 MB|2\.88 MB)/);
      assert.throws(() => fdc.changeDisk(0, 'nowhere'), /no such floppy/);
      assert.equal(fdc.changeDisk(1, '1440'), false);
      assert.equal(fdc.changeDisk(0, '720'), true);
      assert.equal(new Fixture(new MemoryDisk(5760), all).fdc.changeDisk(0, '2880'), true);
    });
  });

  it('refuses a disk of no floppy\'s size', () => {
    assert.throws(() => new Fixture(new MemoryDisk(100)), /100 sectors is no floppy/);
  });
});

describe('8237A', () => {
  it('reads its registers back through the byte flip-flop', () => {
    const { dma } = new Fixture();
    dma.writePort(0x0c, 1, 0);
    for (const byte of [0x34, 0x12]) dma.writePort(0x00, 1, byte);
    for (const byte of [0x78, 0x56]) dma.writePort(0x01, 1, byte);
    assert.deepEqual([dma.readPort(0x00), dma.readPort(0x00), dma.readPort(0x01), dma.readPort(0x01)], [0x34, 0x12, 0x78, 0x56]);
    for (const byte of [0xcd, 0xab]) dma.writePort(0xc4, 1, byte);
    dma.writePort(0xd8, 1, 0);
    assert.deepEqual([dma.readPort(0xc4), dma.readPort(0xc4)], [0xcd, 0xab]);
    dma.writePort(0x87, 1, 0x5a);
    assert.equal(dma.readPort(0x87), 0x5a);
  });

  it('transfers nothing while masked, disabled, or in the other direction; starts over when auto-initialized', () => {
    const fixture = new Fixture();
    const { dma, memory } = fixture;
    fixture.program(0x5a, 0x100, 4);
    assert.deepEqual(dma.toMemory(2, new Uint8Array(4)), { bytes: 0, terminal: false });
    memory.load(0x100, [1, 2, 3, 4]);
    const data = new Uint8Array(8);
    assert.deepEqual(dma.fromMemory(2, data), { bytes: 4, terminal: true });
    assert.deepEqual([...data.slice(0, 4)], [1, 2, 3, 4]);
    assert.deepEqual(dma.fromMemory(2, data), { bytes: 4, terminal: true }, 'auto-initialized');
    dma.writePort(0x08, 1, 0x04);
    assert.equal(dma.fromMemory(2, data).bytes, 0);
    dma.writePort(0x08, 1, 0x00);
    fixture.program(0x4a, 0x100, 4);
    dma.fromMemory(2, data);
    assert.equal(dma.fromMemory(2, data).bytes, 0, 'masked at the end of its count');
  });

  it('counts addresses down when so told, inside its page', () => {
    const fixture = new Fixture();
    fixture.program(0x66, 0x30001, 3);
    fixture.dma.toMemory(2, Uint8Array.of(1, 2, 3));
    assert.deepEqual([0x30001, 0x30000, 0x3ffff].map((address) => fixture.memory.readByte(address)), [1, 2, 3]);
  });
});
