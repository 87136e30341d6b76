/** The virtio block device: VIRTIO 1.2, 5.2. */
import assert from 'node:assert/strict';
import type { BlockBackend } from '../../../../src/monitor/devices/device';
import { VirtioBlock } from '../../../../src/monitor/devices/virtio/block';
import { MemoryDisk } from '../memory-disk';
import { COMMON, Driver, type Piece, SLOT, STATUS } from './driver';

const FEATURE = { readOnly: 5, flush: 9, configWce: 11, discard: 13, writeZeroes: 14 } as const;
const IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13;
const OK = 0, IOERR = 1, UNSUPP = 2;
const SECTORS = 5000;

/** A disk that notes what is asked of it, and whose host takes its time as often as `reluctance` says. */
class SlowDisk extends MemoryDisk {
  calls: string[] = [];
  reluctance = 0;

  override read(lba: number, count: number, target: Uint8Array): boolean {
    return this.#does(`read ${String(lba)} ${String(count)}`) && super.read(lba, count, target);
  }

  override write(lba: number, source: Uint8Array): boolean {
    return this.#does(`write ${String(lba)} ${String(source.length / 512)}`) && super.write(lba, source);
  }

  override flush(): boolean {
    return this.#does('flush');
  }

  override prefetch(lba?: number, count?: number): void {
    this.calls.push(`prefetch ${String(lba)} ${String(count)}`);
  }

  override discard(lba?: number, count?: number): boolean {
    return this.#does(`discard ${String(lba)} ${String(count)}`);
  }

  #does(call: string): boolean {
    this.calls.push(call);
    return this.reluctance-- <= 0;
  }
}

function started(disk: BlockBackend = new MemoryDisk(SECTORS), features: readonly number[] = [FEATURE.flush, FEATURE.configWce]): Driver<VirtioBlock> {
  const driver = new Driver((surroundings) => new VirtioBlock(surroundings, { name: 'disk', slot: SLOT, disk, serial: 'serial-7' }));
  driver.start(features, [64]);
  return driver;
}

function header(type: number, sector = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, type, true);
  view.setUint32(8, sector % 2 ** 32, true);
  view.setUint32(12, Math.floor(sector / 2 ** 32), true);
  return new Uint8Array(view.buffer);
}

function ranges(...list: readonly (readonly [sector: number, count: number, flags: number])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(16 * list.length));
  list.forEach(([sector, count, flags], index) => {
    view.setUint32(16 * index, sector, true);
    view.setUint32(16 * index + 8, count, true);
    view.setUint32(16 * index + 12, flags, true);
  });
  return new Uint8Array(view.buffer);
}

/** Makes a request with these pieces between header and status; gives status, and what was written. */
function request(driver: Driver<VirtioBlock>, head: Uint8Array, ...pieces: readonly Piece[]): { status: number; written: number; at: readonly number[] } {
  const { used, at } = driver.request(0, [head, ...pieces, 1]);
  assert.equal(used.length, 1);
  return { status: driver.slice(at[at.length - 1], 1)[0], written: used[0].written, at };
}

describe('virtio block device', () => {
  it('has its size and its limits in the configuration', () => {
    const driver = started(new MemoryDisk(0x1_0000_0005));
    assert.deepEqual([driver.config(0, 4), driver.config(4, 4), driver.config(20, 4)], [5, 1, 512]);
    assert.ok(driver.config(12, 4) > 0 && driver.config(12, 4) < 256);
    assert.equal(driver.offered().has(FEATURE.readOnly), false);
  });

  it('reads sectors into buffers of any shape', () => {
    const disk = new MemoryDisk(SECTORS);
    const { status, written, at } = request(started(disk), header(IN, 77), 100, 512 + 412, 512);
    assert.deepEqual([status, written], [OK, 1537]);
    const driver = started(disk);
    const again = driver.request(0, [header(IN, 77), 100, 924, 512, 1]);
    const data = Buffer.concat([driver.slice(again.at[1], 100), driver.slice(again.at[2], 924), driver.slice(again.at[3], 512)]);
    assert.deepEqual(data, Buffer.concat([disk.sector(77), disk.sector(78), disk.sector(79)]));
    assert.equal(at.length, 5);
  });

  it('takes a header and a status that are part of other buffers (2.7.4.2)', () => {
    const driver = started();
    const data = new Uint8Array(512).fill(9);
    const whole = new Uint8Array([...header(OUT, 3), ...data]);
    const { used, at } = driver.request(0, [whole.subarray(0, 5), whole.subarray(5), 1]);
    assert.deepEqual([used[0].written, driver.slice(at[2], 1)[0]], [1, OK]);
    const read = driver.request(0, [header(IN, 3), 513]);
    assert.deepEqual(read.used[0].written, 513);
    assert.deepEqual(driver.slice(read.at[1], 513), new Uint8Array([...data, OK]));
  });

  it('writes, and a request larger than what is moved at a time is done in pieces', () => {
    const disk = new SlowDisk(SECTORS);
    const data = Uint8Array.from({ length: 300 * 512 }, (_, index) => index >> 9);
    assert.equal(request(started(disk), header(OUT, 10), data.subarray(0, 1000), data.subarray(1000)).status, OK);
    assert.deepEqual(disk.calls, ['write 10 256', 'write 266 44']);
    assert.deepEqual([0, 150, 299].map((index) => disk.sector(10 + index)[0]), [0, 150, 299 & 0xff]);
  });

  it('refuses what lies outside, what is no whole sector, and what it does not know', () => {
    const driver = started();
    assert.equal(request(driver, header(IN, SECTORS - 1), 1024).status, IOERR);
    assert.equal(request(driver, header(OUT, SECTORS), new Uint8Array(512)).status, IOERR);
    assert.equal(request(driver, header(IN, 2 ** 63), 512).status, IOERR);
    assert.equal(request(driver, header(IN, 0), 511).status, IOERR);
    assert.deepEqual([request(driver, header(99)).status, request(driver, header(99)).written], [UNSUPP, 0]);
    assert.equal(driver.status & STATUS.needsReset, 0);
  });

  it('reports an error of the host\'s file as one of the medium', () => {
    const disk = new MemoryDisk(SECTORS);
    disk.badSector = 50;
    const driver = started(disk);
    assert.deepEqual([request(driver, header(IN, 50), 512).status, request(driver, header(OUT, 50), new Uint8Array(512)).status], [IOERR, IOERR]);
    assert.equal(request(driver, header(IN, 51), 512).status, OK);
  });

  it('does not write to a read-only disk, and says so', () => {
    const driver = started(new MemoryDisk(SECTORS, true), [FEATURE.readOnly]);
    assert.deepEqual([FEATURE.readOnly, FEATURE.discard, FEATURE.writeZeroes].map((bit) => driver.offered().has(bit)), [true, false, false]);
    assert.equal(request(driver, header(OUT, 1), new Uint8Array(512)).status, IOERR);
    assert.equal(request(driver, header(DISCARD), ranges([0, 8, 0])).status, IOERR);
  });

  it('tells its serial number', () => {
    const driver = started();
    const { status, written, at } = request(driver, header(GET_ID), 20);
    assert.deepEqual([status, written, Buffer.from(driver.slice(at[1], 20)).toString('latin1')], [OK, 21, 'serial-7\0\0\0\0\0\0\0\0\0\0\0\0']);
  });

  describe('caches', () => {
    it('writes when its driver can flush', () => {
      const disk = new SlowDisk(SECTORS);
      const driver = started(disk);
      assert.equal(driver.config(32, 1), 1);
      request(driver, header(OUT, 1), new Uint8Array(512));
      assert.deepEqual(disk.calls, ['write 1 1']);
      assert.equal(request(driver, header(FLUSH)).status, OK);
      assert.deepEqual(disk.calls, ['write 1 1', 'flush']);
    });

    it('does not when its driver cannot, or switches it off', () => {
      const disk = new SlowDisk(SECTORS);
      const plain = started(disk, []);
      assert.equal(plain.config(32, 1), 0);
      request(plain, header(OUT, 1), new Uint8Array(512));
      assert.deepEqual(disk.calls, ['write 1 1', 'flush']);
      const other = new SlowDisk(SECTORS);
      const driver = started(other);
      driver.setConfig(32, 1, 0);
      request(driver, header(OUT, 1), new Uint8Array(512));
      assert.deepEqual(other.calls, ['write 1 1', 'flush']);
    });
  });

  it('discards and writes zeros, range by range', () => {
    const disk = new SlowDisk(SECTORS);
    const driver = started(disk, [FEATURE.flush, FEATURE.discard, FEATURE.writeZeroes]);
    assert.equal(request(driver, header(DISCARD), ranges([8, 16, 0], [100, 1, 0])).status, OK);
    assert.deepEqual(disk.calls, ['discard 8 16', 'discard 100 1']);
    disk.calls = [];
    assert.equal(request(driver, header(WRITE_ZEROES), ranges([10, 300, 1], [5, 1, 0])).status, OK);
    assert.deepEqual(disk.calls, ['write 10 256', 'write 266 44', 'write 5 1']);
    assert.deepEqual([9, 10, 309].map((sector) => disk.sector(sector).every((byte) => byte === 0)), [false, true, true]);
    assert.equal(request(driver, header(DISCARD), ranges([8, 16, 1])).status, UNSUPP);
    assert.equal(request(driver, header(WRITE_ZEROES), ranges([8, 16, 2])).status, UNSUPP);
    assert.equal(request(driver, header(DISCARD), ranges([SECTORS - 1, 2, 0])).status, IOERR);
    assert.equal(request(driver, header(DISCARD), new Uint8Array(15)).status, IOERR);
    assert.equal(request(driver, header(DISCARD), new Uint8Array(17 * 16)).status, IOERR);
  });

  it('lets the host fetch ahead what is going to be read', () => {
    const disk = new SlowDisk(SECTORS);
    const driver = started(disk);
    for (const sector of [5, 9, SECTORS]) driver.queues[0].offer([header(IN, sector), 1024, 1]);
    driver.kick(0);
    assert.deepEqual(disk.calls, ['prefetch 5 2', 'prefetch 9 2']);
    driver.host.advance(1_000_000);
    assert.deepEqual(driver.queues[0].used().map(({ written }) => written), [1025, 1025, 0]);
  });

  it('waits for a host that is not that far, and nothing has happened meanwhile', () => {
    const disk = new SlowDisk(SECTORS);
    const driver = started(disk);
    disk.reluctance = 2;
    const before = driver.memory.bytes.slice();
    const { head } = driver.queues[0].offer([header(IN, 3), 512, 1]);
    const offered = driver.memory.bytes.slice();
    driver.kick(0);
    assert.deepEqual([driver.device.event('transfer'), driver.device.event('transfer')], ['wait', 'wait']);
    assert.deepEqual(driver.memory.bytes, offered);
    assert.notDeepEqual(before, offered);
    assert.equal(driver.device.event('transfer'), undefined);
    assert.deepEqual(driver.queues[0].used(), [{ head, written: 513 }]);
  });

  it('does a flush that has to be waited for once, after the write', () => {
    const disk = new SlowDisk(SECTORS);
    const driver = started(disk, []);
    driver.queues[0].offer([header(OUT, 3), new Uint8Array(512), 1]);
    driver.kick(0);
    let answer = driver.device.event('transfer');
    assert.deepEqual([answer, disk.calls], [undefined, ['write 3 1', 'flush']]);
    driver.queues[0].offer([header(OUT, 4), new Uint8Array(512), 1]);
    driver.kick(0);
    disk.calls = [];
    disk.flush = () => {
      disk.calls.push('flush');
      return disk.calls.length > 3;
    };
    answer = driver.device.event('transfer');
    assert.equal(answer, 'wait');
    while (answer === 'wait') answer = driver.device.event('transfer');
    assert.deepEqual(disk.calls.filter((call) => call.startsWith('write')), ['write 4 1']);
    assert.equal(driver.queues[0].used().length, 2);
  });

  it('needs a reset after a request without header, or without room for its status', () => {
    for (const pieces of [[new Uint8Array(15), 1], [header(OUT, 0), new Uint8Array(512)], [513]]) {
      const driver = started(undefined, [COMMON.indirect]);
      driver.request(0, pieces);
      assert.equal(driver.status & STATUS.needsReset, STATUS.needsReset);
    }
  });

  it('forgets its requests when it is reset', () => {
    const driver = started();
    driver.queues[0].offer([header(IN, 3), 512, 1]);
    driver.kick(0);
    driver.start([], [64]);
    driver.host.advance(10_000_000);
    assert.deepEqual(driver.queues[0].used(), []);
    assert.equal(request(driver, header(IN, 3), 512).status, OK);
  });
});
