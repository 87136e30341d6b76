/** Bus masters of the IDE function against the PIIX3 data sheet: tables, status bits, and disks that read and write by them in their own time. */
import assert from 'node:assert/strict';
import { AtaChannel } from '../../../src/monitor/devices/ata';
import { AtaDisk } from '../../../src/monitor/devices/ata-disk';
import { BusMasterIde } from '../../../src/monitor/devices/bus-master-ide';
import { ideFunction } from '../../../src/monitor/devices/chipset';
import { PciBus } from '../../../src/monitor/devices/pci';
import { FakeHost, FakeMemory } from './fake-host';
import { MemoryDisk } from './memory-disk';

const BASE = 0x1f0;
const MASTER = 0xc000;
const TABLE = 0x10000;
const READ_DMA = 0xc8, WRITE_DMA = 0xca, WRITE_DMA_FUA_EXT = 0x3d, DATA_SET_MANAGEMENT = 0x06;
/** Starts with memory written, and with memory read. */
const TO_MEMORY = 0x09, FROM_MEMORY = 0x01;
const END = 0x8000_0000;

/** A disk of a host that takes its time: each call is answered 'not yet' so often. */
class SlowDisk extends MemoryDisk {
  reluctance = 0;
  prefetched: [number, number][] = [];
  discarded: [number, number][] = [];
  flushes = 0;
  private left = 0;

  override prefetch(lba?: number, count?: number): void {
    this.prefetched.push([lba ?? -1, count ?? -1]);
  }
  override read(lba: number, count: number, target: Uint8Array): boolean {
    return this.ready() && super.read(lba, count, target);
  }
  override write(lba: number, source: Uint8Array): boolean {
    return this.ready() && super.write(lba, source);
  }
  override flush(): boolean {
    if (!this.ready()) return false;
    this.flushes++;
    return true;
  }
  override discard(lba?: number, count?: number): boolean {
    if (!this.ready()) return false;
    this.discarded.push([lba ?? -1, count ?? -1]);
    return true;
  }
  private ready(): boolean {
    if (this.left-- > 0) return false;
    this.left = this.reluctance;
    return true;
  }
}

class Fixture {
  readonly host = new FakeHost();
  readonly memory = new FakeMemory();
  readonly pci = new PciBus(this.host);
  readonly master: BusMasterIde;
  readonly channel: AtaChannel;
  /** Answers 'wait' that came out of events. */
  waits = 0;

  constructor(readonly disk: SlowDisk, mayMaster = true) {
    const slot = this.pci.add(ideFunction(() => this.master.commandChanged()));
    this.master = new BusMasterIde(slot, this.memory, (channel) => {
      if (channel === 0) this.channel.dmaStarted();
    });
    this.channel = new AtaChannel(this.host, {
      name: 'ata0', command: BASE, control: 0x3f6, line: 14, drives: [new AtaDisk(disk, { serial: 'a', unit: 0 })], dma: this.master.engine(0),
    });
    // The machine puts an event back that has to wait: virtual time stands.
    this.host.attach({ ...this.channel, name: 'ata0', state: {}, ports: [], reset: () => undefined, event: () => {
      while (this.channel.event() === 'wait') this.waits++;
    } });
    this.configure(0x20, MASTER | 1);
    this.configure(0x04, mayMaster ? 5 : 1);
  }

  configure(register: number, value: number): void {
    this.pci.writePort(0xcf8, 4, 0x8000_0900 | register);
    this.pci.writePort(0xcfc, 4, value);
  }

  /** Table entries: address, and count with the end bit. */
  table(...entries: readonly (readonly [address: number, count: number])[]): void {
    const bytes = new Uint8Array(8 * entries.length);
    const view = new DataView(bytes.buffer);
    entries.forEach(([address, count], index) => {
      view.setUint32(8 * index, address, true);
      view.setUint32(8 * index + 4, count, true);
    });
    this.memory.write(TABLE, bytes);
    this.master.writePort(MASTER + 4, 4, TABLE);
  }

  command(code: number, lba: number, count: number, features = 0): void {
    for (const [register, value] of [[1, features], [2, 0], [2, count], [3, 0], [3, lba & 0xff], [4, 0], [4, lba >> 8], [5, 0], [5, lba >> 16], [6, 0xe0], [7, code]]) {
      this.channel.writePort(BASE + register, 1, value & 0xff);
    }
  }

  start(direction: number): void {
    this.master.writePort(MASTER, 1, direction & ~1);
    this.master.writePort(MASTER, 1, direction);
  }

  get status(): number {
    return this.master.readPort(MASTER + 2, 1);
  }

  get ataStatus(): number {
    return this.channel.readPort(0x3f6, 1);
  }

  dwords(...addresses: readonly number[]): number[] {
    return addresses.map((address) => {
      const bytes = new Uint8Array(4);
      this.memory.read(address, bytes);
      return new DataView(bytes.buffer).getUint32(0, true);
    });
  }
}

const fixture = (disk = new SlowDisk(5000)): Fixture => new Fixture(disk);

describe('bus master IDE', () => {
  it('is at base address 4 while that is decoded, with 16 ports', () => {
    const it = fixture();
    assert.deepEqual(it.master.ports, [{ first: MASTER, count: 16 }]);
    it.configure(0x20, 0xffff_ffff);
    it.pci.writePort(0xcf8, 4, 0x8000_0920);
    assert.equal(it.pci.readPort(0xcfc, 4), 0xffff_fff1, '16 ports');
    it.configure(0x20, 0xd001);
    assert.deepEqual(it.master.ports, [{ first: 0xd000, count: 16 }]);
    it.configure(0x04, 0);
    assert.deepEqual(it.master.ports, []);
  });

  it('keeps what may be written: direction and start, table pointer on dwords, capable bits; simplex reads 0', () => {
    const it = fixture();
    it.master.writePort(MASTER, 1, 0xf8);
    assert.equal(it.master.readPort(MASTER, 1), 0x08);
    it.master.writePort(MASTER + 12, 4, 0x1234_5677);
    assert.equal(it.master.readPort(MASTER + 12, 4), 0x1234_5674);
    it.master.writePort(MASTER + 2, 1, 0xff);
    assert.equal(it.status, 0x60);
    assert.equal(it.master.readPort(MASTER + 10, 1), 0, 'the other channel');
  });

  it('reads over several regions, odd ones too, and is at rest at the end, with its interrupt bit set', () => {
    const it = fixture();
    it.table([0x20000, 512], [0x30002, 510], [0x40000, 2 | END]);
    it.command(READ_DMA, 7, 2);
    it.start(TO_MEMORY);
    assert.equal(it.status & 5, 1, 'active');
    it.host.advance(1_000_000);
    assert.equal(it.status & 7, 4);
    assert.equal(it.host.lines[14], true);
    assert.equal(it.ataStatus, 0x50);
    assert.deepEqual(it.dwords(0x20000, 0x30002), [7, 8]);
    assert.deepEqual(it.memory.slice(0x40000, 3), [8, 8, 0xff]);
    it.master.writePort(MASTER + 2, 1, 4);
    assert.equal(it.status & 4, 0, 'cleared by writing one, although the line is still up');
    it.channel.readPort(BASE + 7, 1);
    assert.equal(it.host.lines[14], false);
  });

  it('stays active when the table has more than the drive', () => {
    const it = fixture();
    it.table([0x20000, 1024 | END]);
    it.command(READ_DMA, 1, 1);
    it.start(TO_MEMORY);
    it.host.advance(1_000_000);
    assert.equal(it.status & 7, 5);
  });

  it('is not active and brings no interrupt when the table has less: the drive waits', () => {
    const it = fixture();
    it.table([0x20000, 512 | END]);
    it.command(READ_DMA, 1, 2);
    it.start(TO_MEMORY);
    it.host.advance(1_000_000);
    assert.equal(it.status & 7, 0);
    assert.equal(it.ataStatus & 0x88, 0x08, 'DRQ, not busy');
    assert.equal(it.host.lines[14], false);
    it.table([0x30000, 512 | END]);
    it.start(TO_MEMORY);
    it.host.advance(1_000_000);
    assert.deepEqual([it.status & 7, ...it.dwords(0x20000, 0x30000)], [4, 1, 2], 'and goes on when it is started anew');
  });

  it('waits for its start, for the right direction, and for leave to master the bus', () => {
    const it = new Fixture(new SlowDisk(100), false);
    it.table([0x20000, 512 | END]);
    it.command(READ_DMA, 1, 1);
    it.host.advance(1_000_000);
    assert.equal(it.ataStatus & 0x88, 0x08);
    it.start(FROM_MEMORY);
    it.host.advance(1_000_000);
    it.start(TO_MEMORY);
    it.host.advance(1_000_000);
    assert.deepEqual(it.dwords(0x20000), [0xffff_ffff]);
    it.configure(0x04, 5);
    it.host.advance(1_000_000);
    assert.deepEqual([it.status & 7, ...it.dwords(0x20000)], [4, 1]);
  });

  it('writes, in pieces, and takes a count of 0 for 64 KiB', () => {
    const it = fixture();
    it.memory.write(0x20000, new Uint8Array(0x10000).fill(0x11));
    it.memory.write(0x30000, new Uint8Array(0x10000).fill(0x22));
    it.table([0x20000, 0], [0x30000, END]);
    it.command(WRITE_DMA, 100, 0);
    it.start(FROM_MEMORY);
    it.host.advance(10_000_000);
    assert.equal(it.status & 7, 4);
    assert.equal(it.disk.written.size, 256);
    assert.deepEqual([100, 227, 228, 355].map((lba) => it.disk.sector(lba)[511]), [0x11, 0x11, 0x22, 0x22]);
  });

  it('tells the host what it will want at the command, and lets time stand until that is there', () => {
    const moments = [0, 3].map((reluctance) => {
      const it = fixture();
      it.disk.reluctance = reluctance;
      it.table([0x20000, 0], [0x30000, END]);
      it.command(READ_DMA, 40, 0);
      assert.deepEqual(it.disk.prefetched.at(-1), [40, 256]);
      it.start(TO_MEMORY);
      it.host.advance(10_000_000);
      assert.deepEqual([it.status & 7, ...it.dwords(0x20000, 0x3fe00)], [4, 40, 295]);
      return [it.host.rises[14], it.waits > 0];
    });
    assert.deepEqual(moments[0][0], moments[1][0], 'the interrupt comes at the same moment');
    assert.deepEqual([moments[0][1], moments[1][1]], [false, true]);
  });

  it('flushes behind a write with FUA, or without write cache, before the command ends', () => {
    const it = fixture();
    it.disk.reluctance = 2;
    it.table([0x20000, 512 | END]);
    it.command(WRITE_DMA_FUA_EXT, 3, 1);
    it.start(FROM_MEMORY);
    it.host.advance(1_000_000);
    assert.deepEqual([it.status & 7, it.disk.flushes, it.disk.written.size], [4, 1, 1]);
    it.command(0xef, 0, 0, 0x82);
    it.host.advance(1_000_000);
    assert.equal(it.disk.flushes, 2);
    it.start(FROM_MEMORY);
    it.command(WRITE_DMA, 4, 1);
    it.host.advance(1_000_000);
    assert.deepEqual([it.disk.flushes, it.disk.written.size], [3, 2]);
    it.command(0xea, 0, 0);
    it.host.advance(1_000_000);
    assert.equal(it.disk.flushes, 4);
  });

  it('hands the ranges of TRIM to the host, each once', () => {
    const it = fixture();
    it.disk.reluctance = 1;
    const block = new Uint8Array(512);
    const view = new DataView(block.buffer);
    [[100, 8], [4000, 1000]].forEach(([lba, count], index) => {
      view.setUint32(16 * index, lba, true);
      view.setUint16(16 * index + 6, count, true);
    });
    it.memory.write(0x20000, block);
    it.table([0x20000, 512 | END]);
    it.command(DATA_SET_MANAGEMENT, 0, 1, 1);
    it.start(FROM_MEMORY);
    it.host.advance(1_000_000);
    assert.equal(it.ataStatus, 0x50);
    assert.deepEqual(it.disk.discarded, [[100, 8], [4000, 1000]]);
    view.setUint32(0, 4999, true);
    it.memory.write(0x20000, block);
    it.start(FROM_MEMORY);
    it.command(DATA_SET_MANAGEMENT, 0, 1, 1);
    it.host.advance(1_000_000);
    assert.equal(it.ataStatus, 0x51, 'beyond the end');
  });

  it('ends with an error when the host\'s file fails, at the sector that is not there', () => {
    const it = fixture();
    it.disk.badSector = 4;
    it.table([0x20000, 1024 | END]);
    it.command(READ_DMA, 4, 1);
    it.start(TO_MEMORY);
    it.host.advance(1_000_000);
    assert.deepEqual([it.ataStatus, it.channel.readPort(BASE + 1, 1), it.channel.readPort(BASE + 3, 1), it.status & 4], [0x51, 0x40, 4, 4]);
    it.command(READ_DMA, 5000, 1);
    it.host.advance(1_000_000);
    assert.deepEqual([it.ataStatus, it.channel.readPort(BASE + 1, 1)], [0x51, 0x10]);
  });
});
