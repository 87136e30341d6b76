/** The ATA channel against ATA/ATAPI-6: protocols, addressing, errors, reset, and absent devices. */
import assert from 'node:assert/strict';
import { AtaChannel } from '../../../src/monitor/devices/ata';
import { AtaDisk } from '../../../src/monitor/devices/ata-disk';
import { FakeHost } from './fake-host';
import { MemoryDisk } from './memory-disk';

const BASE = 0x1f0;
const CONTROL = 0x3f6;

class Fixture {
  readonly host = new FakeHost();
  readonly channel: AtaChannel;

  constructor(readonly disks: readonly (MemoryDisk | undefined)[]) {
    this.channel = this.host.attach(
      new AtaChannel(this.host, {
        name: 'ata0', command: BASE, control: CONTROL, line: 14,
        drives: disks.map((disk, unit) => (disk === undefined ? undefined : new AtaDisk(disk, { serial: `SB-ata0-${unit}`, unit }))),
      }),
    );
    this.channel.reset();
  }

  get(register: number): number {
    return this.channel.readPort(BASE + register, 1);
  }

  set(register: number, value: number): void {
    this.channel.writePort(BASE + register, 1, value);
  }

  /** Waits until BSY is clear and gives the status, without acknowledging. */
  wait(): number {
    for (let step = 0; step < 1000 && (this.channel.readPort(CONTROL, 1) & 0x80) !== 0; step++) this.host.advance(1000);
    return this.channel.readPort(CONTROL, 1);
  }

  /** Task file for a 28-bit command on device 0. */
  command(code: number, lba = 0, count = 1): number {
    [count, lba & 0xff, (lba >> 8) & 0xff, (lba >> 16) & 0xff].forEach((value, index) => this.set(2 + index, value));
    this.set(6, 0xe0 | (lba >> 24));
    this.set(7, code);
    return this.wait();
  }

  /** Task file for a 48-bit command: previous contents first. */
  wideCommand(code: number, lba: number, count: number): number {
    const high = Math.floor(lba / 0x1000000);
    const registers = [[2, count >> 8, count], [3, high, lba], [4, high >> 8, lba >> 8], [5, high >> 16, lba >> 16]];
    for (const [register, previous, recent] of registers) {
      this.set(register, previous & 0xff);
      this.set(register, recent & 0xff);
    }
    this.set(6, 0x40);
    this.set(7, code);
    return this.wait();
  }

  readWords(count: number): number[] {
    return Array.from({ length: count }, () => this.channel.readPort(BASE, 2));
  }

  readSector(): number {
    const low = this.channel.readPort(BASE, 4);
    for (let index = 0; index < 127; index++) this.channel.readPort(BASE, 4);
    return low;
  }

  writeSector(byte: number): void {
    for (let index = 0; index < 256; index++) this.channel.writePort(BASE, 2, byte | (byte << 8));
  }
}

describe('ATA channel', () => {
  it('identifies its disk', () => {
    const fixture = new Fixture([new MemoryDisk(300_000)]);
    assert.equal(fixture.command(0xec), 0x58);
    assert.equal(fixture.host.lines[14], true);
    assert.equal(fixture.get(7), 0x58);
    assert.equal(fixture.host.lines[14], false, 'reading the status acknowledges');
    const words = fixture.readWords(256);
    assert.equal(words[0] & 0x8000, 0);
    assert.deepEqual([words[1], words[3], words[6]], [297, 16, 63]);
    assert.equal(words[60] | (words[61] << 16), 300_000);
    assert.equal(words[100] | (words[101] << 16), 300_000);
    assert.equal(words[49] & 0x0300, 0x0300, 'LBA, DMA');
    const model = words.slice(27, 47).map((word) => String.fromCharCode(word >> 8, word & 0xff)).join('');
    assert.equal(model.trim(), 'Shadowbox disk');
    assert.equal(fixture.get(7), 0x50);
  });

  it('reads sectors with an interrupt for each', () => {
    const fixture = new Fixture([new MemoryDisk(5000)]);
    fixture.command(0x20, 1234, 3);
    for (let index = 0; index < 3; index++) {
      assert.equal(fixture.wait(), 0x58);
      assert.equal(fixture.host.lines[14], true);
      fixture.get(7);
      assert.equal(fixture.readSector(), 1234 + index);
    }
    assert.equal(fixture.wait(), 0x50);
    assert.equal(fixture.host.lines[14], false, 'none after the last block');
  });

  it('addresses by cylinder, head and sector, in the set translation', () => {
    const fixture = new Fixture([new MemoryDisk(5000)]);
    const readChs = (cylinder: number, head: number, sector: number): number => {
      [1, sector, cylinder & 0xff, cylinder >> 8, 0xa0 | head].forEach((value, index) => fixture.set(2 + index, value));
      fixture.set(7, 0x20);
      return fixture.wait();
    };
    assert.equal(readChs(2, 3, 4), 0x58);
    assert.equal(fixture.readSector(), (2 * 16 + 3) * 63 + 3);
    assert.equal(readChs(0, 0, 64), 0x51);
    assert.equal(fixture.get(1), 0x10, 'ID not found');
    fixture.set(2, 17);
    fixture.set(6, 0xa3);
    fixture.set(7, 0x91);
    assert.equal(fixture.wait(), 0x50);
    assert.equal(readChs(2, 3, 4), 0x58);
    assert.equal(fixture.readSector(), (2 * 4 + 3) * 17 + 3);
  });

  it('reads and writes beyond 28 bits', () => {
    const disk = new MemoryDisk(2 ** 33);
    const fixture = new Fixture([disk]);
    const lba = 2 ** 32 + 2 ** 24 + 5;
    assert.equal(fixture.wideCommand(0x34, lba, 1), 0x58);
    fixture.writeSector(0x77);
    assert.equal(fixture.wait(), 0x50);
    assert.deepEqual([...disk.written.keys()], [lba]);
    assert.equal(fixture.wideCommand(0x24, lba - 1, 2), 0x58);
    assert.equal(fixture.readSector(), (lba - 1) % 2 ** 32);
    fixture.wait();
    assert.equal(fixture.readSector(), 0x77777777);
    fixture.wideCommand(0x27, 0, 0);
    fixture.channel.writePort(CONTROL, 1, 0x80);
    assert.deepEqual([3, 4, 5].map((register) => fixture.get(register)), [0xff, 0x01, 0x00]);
    fixture.channel.writePort(CONTROL, 1, 0x00);
    assert.deepEqual([3, 4, 5].map((register) => fixture.get(register)), [0xff, 0xff, 0xff]);
  });

  it('writes without an interrupt for the first block, with one after each', () => {
    const disk = new MemoryDisk(100);
    const fixture = new Fixture([disk]);
    assert.equal(fixture.command(0x30, 50, 2), 0x58);
    assert.equal(fixture.host.lines[14], false);
    fixture.writeSector(0x11);
    assert.equal(fixture.wait(), 0x58);
    assert.equal(fixture.host.lines[14], true);
    fixture.get(7);
    fixture.writeSector(0x22);
    assert.equal(fixture.wait(), 0x50);
    assert.equal(fixture.host.lines[14], true);
    assert.deepEqual([disk.sector(50)[9], disk.sector(51)[511]], [0x11, 0x22]);
  });

  it('moves several sectors a block after SET MULTIPLE, the last block short', () => {
    const fixture = new Fixture([new MemoryDisk(100)]);
    assert.equal(fixture.command(0xc4, 0, 1), 0x51, 'not set yet');
    assert.equal(fixture.get(1), 0x04);
    assert.equal(fixture.command(0xc6, 0, 3), 0x51, 'no power of two');
    assert.equal(fixture.command(0xc6, 0, 4), 0x50);
    fixture.get(7);
    fixture.command(0xc4, 10, 6);
    const before = fixture.host.rises[14].length;
    for (let index = 0; index < 6; index++) {
      if (index === 4) assert.equal(fixture.wait(), 0x58);
      assert.equal(fixture.readSector(), 10 + index);
      if (index === 3) fixture.get(7);
    }
    assert.equal(fixture.host.rises[14].length, before + 1);
    assert.equal(fixture.wait(), 0x50);
    const disk = new MemoryDisk(100);
    const writer = new Fixture([disk]);
    writer.command(0xc6, 0, 2);
    writer.command(0xc5, 20, 3);
    for (const byte of [1, 2, 3]) {
      writer.writeSector(byte);
      writer.wait();
    }
    assert.deepEqual([20, 21, 22].map((lba) => disk.sector(lba)[0]), [1, 2, 3]);
  });

  it('takes a count of 0 for 256', () => {
    const fixture = new Fixture([new MemoryDisk(1000)]);
    assert.equal(fixture.command(0x40, 744, 0), 0x50);
    assert.equal(fixture.command(0x40, 745, 0), 0x51);
    assert.deepEqual([3, 4, 5].map((register) => fixture.get(register)), [1000 & 0xff, 3, 0], 'the first bad sector');
  });

  it('stops at the end of the disk with the failing address, after the good sectors', () => {
    const fixture = new Fixture([new MemoryDisk(100)]);
    assert.equal(fixture.command(0x20, 99, 2), 0x58);
    assert.equal(fixture.readSector(), 99);
    assert.equal(fixture.wait(), 0x51);
    assert.equal(fixture.get(1), 0x10);
    assert.equal(fixture.get(3), 100);
  });

  it('reports a host file that fails as an uncorrectable sector', () => {
    const disk = new MemoryDisk(100);
    disk.badSector = 7;
    const fixture = new Fixture([disk]);
    assert.equal(fixture.command(0x20, 7), 0x51);
    assert.equal(fixture.get(1), 0x40);
    assert.equal(fixture.get(3), 7);
  });

  it('aborts unknown commands, packets, what needs a security or SMART feature set, and writes to a read-only disk', () => {
    const fixture = new Fixture([new MemoryDisk(100, true)]);
    for (const code of [0x00, 0x08, 0xa1, 0xa0, 0xb0, 0xf1, 0xf6, 0x60, 0x2f, 0x30, 0xca, 0x35]) {
      assert.equal(fixture.command(code), 0x51, code.toString(16));
      assert.equal(fixture.get(1), 0x04);
    }
    for (const code of [0xe7, 0xea, 0x10, 0x70, 0xe0]) assert.equal(fixture.command(code), 0x50, code.toString(16));
  });

  it('takes the transfer modes that it has in SET FEATURES, and shows the chosen one', () => {
    const fixture = new Fixture([new MemoryDisk(100)]);
    const setFeatures = (feature: number, count: number): number => {
      fixture.set(1, feature);
      return fixture.command(0xef, 0, count);
    };
    assert.equal(setFeatures(0x03, 0x0c), 0x50);
    assert.equal(setFeatures(0x03, 0x22), 0x50);
    assert.equal(fixture.command(0xec), 0x58);
    const multiword = fixture.readWords(256);
    assert.deepEqual([multiword[63], multiword[88]], [0x0407, 0x003f]);
    assert.equal(setFeatures(0x03, 0x45), 0x50);
    assert.equal(fixture.command(0xec), 0x58);
    const ultra = fixture.readWords(256);
    assert.deepEqual([ultra[63], ultra[88]], [0x0007, 0x203f]);
    for (const mode of [0x0d, 0x10, 0x23, 0x46, 0x80]) assert.equal(setFeatures(0x03, mode), 0x51, mode.toString(16));
    assert.equal(setFeatures(0x82, 0), 0x50);
    assert.equal(setFeatures(0x99, 0), 0x51);
  });

  it('resets by SRST: busy, then the signature of a disk', () => {
    const fixture = new Fixture([new MemoryDisk(100)]);
    fixture.command(0x20, 0, 5);
    fixture.channel.writePort(CONTROL, 1, 0x04);
    assert.equal(fixture.channel.readPort(CONTROL, 1), 0x80);
    fixture.channel.writePort(CONTROL, 1, 0x00);
    assert.equal(fixture.wait(), 0x50);
    assert.deepEqual([1, 2, 3, 4, 5].map((register) => fixture.get(register)), [1, 1, 1, 0, 0]);
    assert.equal(fixture.host.lines[14], false);
    assert.equal(fixture.command(0x90), 0x50);
    assert.equal(fixture.get(1), 0x01);
  });

  it('takes a pending interrupt back with the next command', () => {
    const fixture = new Fixture([new MemoryDisk(100)]);
    fixture.command(0xe7);
    assert.equal(fixture.host.lines[14], true);
    fixture.set(7, 0xe7);
    assert.equal(fixture.host.lines[14], false);
  });

  it('keeps the line down while nIEN is set', () => {
    const fixture = new Fixture([new MemoryDisk(100)]);
    fixture.channel.writePort(CONTROL, 1, 0x02);
    fixture.command(0xe7);
    assert.equal(fixture.host.lines[14], false);
    fixture.channel.writePort(CONTROL, 1, 0x00);
    assert.equal(fixture.host.lines[14], true, 'still pending');
  });

  it('reads 0 for an absent device 1, all ones for an empty channel', () => {
    const fixture = new Fixture([new MemoryDisk(100), undefined]);
    fixture.set(6, 0xb0);
    assert.equal(fixture.get(7), 0);
    fixture.set(7, 0xec);
    fixture.host.advance(1_000_000);
    assert.equal(fixture.host.lines[14], false);
    fixture.set(6, 0xa0);
    assert.equal(fixture.get(7), 0x50);
    const empty = new Fixture([]);
    assert.deepEqual([empty.get(7), empty.channel.readPort(CONTROL, 1), empty.get(3)], [0xff, 0xff, 0xff]);
    assert.equal(empty.channel.readPort(BASE, 4), 0xffffffff);
  });

  it('keeps two disks apart', () => {
    const slave = new MemoryDisk(200);
    const fixture = new Fixture([new MemoryDisk(100), slave]);
    fixture.set(2, 1);
    [150, 0, 0].forEach((value, index) => fixture.set(3 + index, value));
    fixture.set(6, 0xf0);
    fixture.set(7, 0x30);
    assert.equal(fixture.wait(), 0x58);
    fixture.writeSector(0x99);
    assert.equal(fixture.wait(), 0x50);
    assert.deepEqual([...slave.written.keys()], [150]);
    fixture.set(6, 0xe0);
    fixture.set(7, 0x20);
    assert.equal(fixture.wait(), 0x51, 'sector 150 is beyond device 0');
  });
});
