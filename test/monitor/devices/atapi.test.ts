/** The CD-ROM drive on its cable against ATA/ATAPI-6 and MMC-5: protocols by PIO and DMA, sense data, discs that come and go. */
import assert from 'node:assert/strict';
import { AtaChannel } from '../../../src/monitor/devices/ata';
import { AtapiCdrom } from '../../../src/monitor/devices/atapi';
import { FakeHost } from './fake-host';
import { MemoryDisk } from './memory-disk';

const BASE = 0x170;
const BLOCKS = 1000;

class Fixture {
  readonly host = new FakeHost();
  readonly channel: AtaChannel;
  /** What the bus master has been given. */
  moved: number[] = [];
  /** Bytes of each block that PIO was offered. */
  offered: number[] = [];

  constructor(image: string | null = 'disc') {
    this.channel = this.host.attach(new AtaChannel(this.host, {
      name: 'ata1', command: BASE, control: 0x376, line: 15,
      drives: [new AtapiCdrom({ serial: 'SB-cd', unit: 0, image, discs: (name) => new MemoryDisk(name === 'large' ? 4 * 400_000 : 4 * BLOCKS, true) })],
      dma: {
        isRunning: () => true, interruptLine: () => undefined, fromMemory: () => 0,
        toMemory: (data) => {
          this.moved.push(...data);
          return data.length;
        },
      },
    }));
    this.channel.reset();
  }

  get(register: number): number {
    return this.channel.readPort(BASE + register, 1);
  }

  set(register: number, value: number): void {
    this.channel.writePort(BASE + register, 1, value);
  }

  get status(): number {
    return this.channel.readPort(0x376, 1);
  }

  /** Writes PACKET and the packet; the status when the drive is not busy any more. */
  packet(packet: readonly number[], { limit = 0xfffe, dma = false } = {}): number {
    this.set(6, 0xa0);
    this.set(1, dma ? 1 : 0);
    this.set(4, limit & 0xff);
    this.set(5, limit >> 8);
    this.set(7, 0xa0);
    this.host.advance(100_000);
    assert.deepEqual([this.status & 0x88, this.get(2) & 3], [0x08, 0x01], 'a packet is asked for');
    assert.equal(this.host.lines[15], false, 'without an interrupt');
    const bytes = Uint8Array.from({ length: 12 }, (_, index) => packet[index] ?? 0);
    for (let at = 0; at < 12; at += 2) this.channel.writePort(BASE, 2, bytes[at] | (bytes[at + 1] << 8));
    this.host.advance(100_000_000);
    return this.status;
  }

  /** Takes all data by PIO. */
  data(): number[] {
    const bytes: number[] = [];
    this.offered = [];
    while ((this.status & 0x08) !== 0) {
      assert.deepEqual([this.get(2) & 3, this.host.lines[15]], [0x02, true]);
      this.get(7);
      const count = this.get(4) | (this.get(5) << 8);
      this.offered.push(count);
      for (let at = 0; at < count; at += 2) {
        const word = this.channel.readPort(BASE, 2);
        bytes.push(word & 0xff);
        if (at + 1 < count) bytes.push(word >> 8);
      }
      this.host.advance(100_000);
    }
    assert.deepEqual([this.status & 0x89, this.get(2) & 3, this.host.lines[15]], [0, 3, true], 'the end is told');
    this.get(7);
    return bytes;
  }

  reply(...packet: number[]): number[] {
    this.packet(packet);
    return this.data();
  }

  /** Key, code and qualifier of REQUEST SENSE. */
  sense(): number[] {
    const data = this.reply(0x03, 0, 0, 0, 18);
    assert.equal(data.length, 18);
    return [data[2], data[12], data[13]];
  }

  /** Past the unit attention of power-on. */
  ready(): this {
    this.packet([0x00]);
    assert.deepEqual(this.sense(), [6, 0x29, 0]);
    return this;
  }

  refused(...packet: number[]): number[] {
    assert.equal(this.packet(packet) & 0x01, 1, 'refused');
    const key = this.get(1) >> 4;
    const sense = this.sense();
    assert.equal(sense[0], key, 'the key is in the error register, too');
    return sense;
  }
}

describe('ATAPI CD-ROM', () => {
  it('shows its signature after reset and to a disk\'s commands, and is not ready before its first command', () => {
    const it = new Fixture();
    const signature = (): number[] => [2, 3, 4, 5].map((register) => it.get(register));
    assert.deepEqual([it.status, ...signature()], [0, 1, 1, 0x14, 0xeb]);
    for (const command of [0xec, 0x20]) {
      it.set(4, 0);
      it.set(7, command);
      it.host.advance(100_000);
      assert.deepEqual([it.status & 1, it.get(1) & 4, ...signature().slice(2)], [1, 4, 0x14, 0xeb]);
    }
  });

  it('identifies itself: removable CD-ROM, 12-byte packets, DMA', () => {
    const it = new Fixture();
    it.set(7, 0xa1);
    it.host.advance(100_000);
    const words = Array.from({ length: 256 }, () => it.channel.readPort(BASE, 2));
    assert.equal(words[0], 0x85c0);
    assert.equal(words[49] & 0x0300, 0x0300);
    assert.equal(words.reduce((sum, word) => sum + (word & 0xff) + (word >> 8), 0) & 0xff, 0, 'checksum');
  });

  it('tells a unit attention once, but not to INQUIRY and REQUEST SENSE', () => {
    const it = new Fixture();
    const inquiry = it.reply(0x12, 0, 0, 0, 36);
    assert.deepEqual(inquiry.slice(0, 5), [0x05, 0x80, 0, 0x21, 31]);
    assert.deepEqual(it.refused(0x00), [6, 0x29, 0]);
    assert.equal(it.packet([0x00]) & 1, 0);
    assert.deepEqual(it.sense(), [0, 0, 0]);
    const other = new Fixture();
    assert.deepEqual(other.sense(), [6, 0x29, 0], 'REQUEST SENSE takes it');
    assert.equal(other.packet([0x00]) & 1, 0);
  });

  it('reads blocks by PIO in pieces of the byte count limit', () => {
    const it = new Fixture().ready();
    it.packet([0x28, 0, 0, 0, 0, 10, 0, 0, 3], { limit: 5000 });
    const data = it.data();
    assert.deepEqual(it.offered, [4096, 2048]);
    assert.deepEqual([0, 512, 2048, 4096].map((at) => data[at]), [40, 41, 44, 48]);
    assert.equal(data.length, 3 * 2048);
    it.packet([0xa8, 0, 0, 0, 0, 1, 0, 0, 0, 1], { limit: 1000 });
    assert.equal(it.data().length, 2048);
    assert.deepEqual(it.offered, [1000, 1000, 48]);
  });

  it('reads blocks by DMA, with one interrupt at the end', () => {
    const it = new Fixture().ready();
    const before = it.host.rises[15].length;
    it.packet([0x28, 0, 0, 0, 0, 0, 0, 0, 100], { dma: true });
    assert.deepEqual([it.moved.length, it.moved[99 * 2048], it.host.rises[15].length], [100 * 2048, (99 * 4) & 0xff, before + 1]);
    it.moved = [];
    it.packet([0xbe, 0, 0, 0, 0, 5, 0, 0, 1, 0x10], { dma: true });
    assert.deepEqual([it.moved.length, it.moved[0]], [2048, 20]);
  });

  it('refuses what it has not: commands, fields, addresses', () => {
    const it = new Fixture().ready();
    assert.deepEqual(it.refused(0x02), [5, 0x20, 0]);
    assert.deepEqual(it.refused(0x28, 0, 0, 0, 0x03, 0xe8, 0, 0, 1), [5, 0x21, 0]);
    assert.deepEqual(it.refused(0x43, 0, 5, 0, 0, 0, 0, 0, 20), [5, 0x24, 0]);
    assert.deepEqual(it.refused(0x5a, 0, 0xc1, 0, 0, 0, 0, 0, 20), [5, 0x39, 0], 'saved pages');
    assert.deepEqual(it.refused(0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0xf8), [5, 0x24, 0], 'raw sectors');
    assert.deepEqual(it.refused(0x12, 1, 0x80, 0, 36), [5, 0x24, 0]);
  });

  it('tells capacity, table of contents in all three formats, and what is known of disc and track', () => {
    const it = new Fixture().ready();
    assert.deepEqual(it.reply(0x25), [0, 0, 0x03, 0xe7, 0, 0, 8, 0]);
    const toc = it.reply(0x43, 0, 0, 0, 0, 0, 0, 0, 100);
    assert.deepEqual(toc, [0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 0x03, 0xe8]);
    // 1000 blocks and 2 seconds: 15 seconds, 25 frames.
    assert.deepEqual(it.reply(0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100).slice(8), [0, 0, 15, 25]);
    assert.deepEqual(it.reply(0x43, 0, 1, 0, 0, 0, 0, 0, 4), [0, 10, 1, 1], 'as much as there is room for');
    const full = it.reply(0x43, 0, 2, 0, 0, 0, 0, 0, 100);
    assert.deepEqual([3, 14, 25, 36].map((at) => full[at + 4]), [0xa0, 0xa1, 0xa2, 1]);
    assert.equal(it.reply(0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0x40).length, 12, 'the format where older hosts give it');
    assert.deepEqual(it.reply(0x51, 0, 0, 0, 0, 0, 0, 0, 34).slice(0, 7), [0, 32, 0x0e, 1, 1, 1, 1]);
    assert.deepEqual(it.reply(0x52, 1, 0, 0, 0, 1, 0, 0, 36).slice(24, 28), [0, 0, 0x03, 0xe8]);
  });

  it('is a CD-ROM, a DVD-ROM or without profile, as the disc is', () => {
    const profile = (image: string | null): number[] => new Fixture(image).reply(0x46, 2, 0, 0, 0, 0, 0, 0, 8).slice(6);
    assert.deepEqual([profile('disc'), profile('large'), profile(null)], [[0, 8], [0, 0x10], [0, 0]]);
    const removable = new Fixture().reply(0x46, 2, 0, 3, 0, 0, 0, 0, 100);
    assert.deepEqual(removable.slice(8), [0, 3, 3, 4, 0x29, 0, 0, 0]);
  });

  it('tells its capabilities in both forms of MODE SENSE, and takes pages that change nothing', () => {
    const it = new Fixture().ready();
    const page = it.reply(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 100);
    assert.deepEqual([page.length, page[1], page[8], page[9]], [28, 26, 0x2a, 18]);
    assert.deepEqual(it.reply(0x1a, 0, 0x2a, 0, 100).slice(4), page.slice(8));
    it.packet([0x55, 0x10, 0, 0, 0, 0, 0, 0, 20]);
    assert.deepEqual([it.status & 0x88, it.get(2) & 3], [0x08, 0]);
    const parameters = [0, 0, 0, 0, 0, 0, 0, 0, 0x01, 10, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];
    for (let at = 0; at < 20; at += 2) it.channel.writePort(BASE, 2, parameters[at] | (parameters[at + 1] << 8));
    it.host.advance(100_000);
    assert.equal(it.status & 0x89, 0);
  });

  it('ejects and loads, unless that is prevented', () => {
    const it = new Fixture().ready();
    it.packet([0x1e, 0, 0, 0, 1]);
    assert.deepEqual(it.refused(0x1b, 0, 0, 0, 2), [5, 0x53, 2]);
    it.packet([0x1e]);
    it.packet([0x1b, 0, 0, 0, 2]);
    assert.deepEqual(it.refused(0x00), [2, 0x3a, 2], 'tray open');
    assert.deepEqual(it.reply(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), [0, 6, 4, 0x10, 3, 1, 0, 0], 'removal, once');
    assert.deepEqual(it.reply(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), [0, 6, 4, 0x10, 0, 1, 0, 0]);
    it.packet([0x1b, 0, 0, 0, 3]);
    assert.deepEqual(it.refused(0x00), [6, 0x28, 0]);
    assert.equal(it.packet([0x00]) & 1, 0);
    assert.deepEqual(it.reply(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), [0, 6, 4, 0x10, 2, 2, 0, 0], 'new media');
  });

  it('tells of a disc that someone has changed, and reads the new one; a reset leaves it in', () => {
    const it = new Fixture(null).ready();
    assert.deepEqual(it.refused(0x25), [2, 0x3a, 1]);
    assert.equal(it.channel.changeDisc(0, 'large'), true);
    assert.deepEqual(it.refused(0x25), [6, 0x28, 0]);
    assert.deepEqual(it.reply(0x25).slice(0, 4), [0, 0x06, 0x1a, 0x7f]);
    it.channel.reset();
    it.ready();
    assert.deepEqual(it.reply(0x25).slice(0, 4), [0, 0x06, 0x1a, 0x7f]);
    it.channel.changeDisc(0, null);
    assert.deepEqual(it.refused(0x28, 0, 0, 0, 0, 0, 0, 0, 1), [2, 0x3a, 1]);
    it.channel.restoreDiscs();
    assert.equal(it.channel.disc(0), undefined);
  });

  it('a disc that is taken out under a read ends it', () => {
    const it = new Fixture().ready();
    it.packet([0x28, 0, 0, 0, 0, 0, 0, 0, 4], { limit: 2048 });
    it.channel.changeDisc(0, null);
    for (let word = 0; word < 1024; word++) it.channel.readPort(BASE, 2);
    it.host.advance(100_000);
    assert.deepEqual([it.status & 0x09, it.sense()], [0x01, [2, 0x3a, 1]]);
  });

  it('takes DEVICE RESET at any time', () => {
    const it = new Fixture().ready();
    it.packet([0x28, 0, 0, 0, 0, 0, 0, 0, 4]);
    assert.equal(it.status & 0x08, 0x08);
    it.set(7, 0x08);
    it.host.advance(100_000);
    assert.deepEqual([it.status, it.get(4), it.get(5)], [0, 0x14, 0xeb]);
  });
});
