/** The virtio network card: VIRTIO 1.2, 5.1. */
import assert from 'node:assert/strict';
import { VirtioNet } from '../../../../src/monitor/devices/virtio/net';
import { completeChecksum, segmentTcp4 } from '../../../../src/monitor/devices/virtio/netOffload';
import { Driver, SLOT, STATUS } from './driver';

const FEATURE = { csum: 0, mac: 5, tso4: 11, mergeable: 15, status: 16, control: 17, controlRx: 18, controlRxExtra: 20, controlMac: 23 } as const;
const MAC = Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56);
const CONTROLLED = [FEATURE.control, FEATURE.controlRx, FEATURE.controlRxExtra, FEATURE.controlMac];
const RECEIVE = 0, TRANSMIT = 1, CONTROL = 2;

function started(features: readonly number[] = []): Driver<VirtioNet> {
  const driver = new Driver((surroundings) => new VirtioNet(surroundings, { name: 'net', slot: SLOT, channel: 'net0', mac: MAC }));
  driver.start(features, [16, 16, 16]);
  return driver;
}

function frame(target: readonly number[], bytes = 60): Uint8Array {
  const data = Uint8Array.from({ length: bytes }, (_, index) => index);
  data.set(target);
  return data;
}

/** struct virtio_net_hdr. */
function header({ flags = 0, gso = 0, headerBytes = 0, size = 0, start = 0, offset = 0 } = {}): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint8(0, flags);
  view.setUint8(1, gso);
  [headerBytes, size, start, offset].forEach((value, index) => { view.setUint16(2 + 2 * index, value, true); });
  return new Uint8Array(view.buffer);
}

/** Frames that have left, each without its length. */
function sent(driver: Driver<VirtioNet>): Uint8Array[] {
  const bytes = driver.output('net0');
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = new DataView(bytes.buffer).getUint32(at, true);
    frames.push(bytes.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return frames;
}

function sum16(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** An Ethernet frame with IPv4 and TCP headers without options, and this payload. */
function tcpFrame(payload: Uint8Array, flags: number): Uint8Array {
  const data = new Uint8Array(54 + payload.length);
  const view = new DataView(data.buffer);
  data.set([1, 2, 3, 4, 5, 6, ...MAC, 0x08, 0x00, 0x45]);
  view.setUint16(16, 40 + payload.length);
  view.setUint16(18, 0xffff);
  data.set([64, 6], 22);
  data.set([10, 0, 2, 15, 10, 0, 2, 2], 26);
  view.setUint16(34, 1234);
  view.setUint16(36, 80);
  view.setUint32(38, 0xffff_ff00);
  data.set([0x50, flags], 46);
  data.set(payload, 54);
  return data;
}

describe('virtio network card', () => {
  it('has its address and the state of its link in the configuration', () => {
    const driver = started();
    assert.deepEqual(Array.from({ length: 6 }, (_, index) => driver.config(index, 1)), [...MAC]);
    assert.equal(driver.config(6, 2), 1);
    assert.deepEqual([...driver.offered()].filter((bit) => bit < 24), Object.values(FEATURE));
  });

  it('stays without a link over RESET# while the cable is pulled', () => {
    const driver = started();
    driver.device.setCable(false);
    driver.device.hardReset();
    assert.equal(driver.device.state.own.cable, false);
    driver.device.reset();
    assert.equal(driver.device.state.own.cable, true, 'at power-on it is in');
  });

  describe('sends', () => {
    it('frames as they are, without their header', () => {
      const driver = started();
      const data = frame([1, 2, 3, 4, 5, 6]);
      assert.deepEqual(driver.request(TRANSMIT, [header(), data.subarray(0, 14), data.subarray(14)]).used, [{ head: 0, written: 0 }]);
      assert.deepEqual(sent(driver), [data]);
    });

    it('completes checksums, if that was agreed on', () => {
      const asks = header({ flags: 1, start: 14, offset: 6 });
      const driver = started([FEATURE.csum]);
      driver.request(TRANSMIT, [asks, frame([])]);
      const [data] = sent(driver);
      const expected = frame([]);
      const before = sum16(expected.subarray(14));
      assert.equal((data[20] << 8) | data[21], ~before & 0xffff);
      const without = started();
      without.request(TRANSMIT, [asks, frame([])]);
      assert.deepEqual(sent(without), []);
      driver.request(TRANSMIT, [header({ flags: 1, start: 60, offset: 0 }), frame([])]);
      assert.equal(sent(driver).length, 1, 'outside of the frame');
    });

    it('cuts large TCP segments, if that was agreed on', () => {
      const payload = Uint8Array.from({ length: 3500 }, (_, index) => index * 7);
      const asks = header({ flags: 1, gso: 1, headerBytes: 54, size: 1460, start: 34, offset: 16 });
      const driver = started([FEATURE.csum, FEATURE.tso4]);
      driver.request(TRANSMIT, [asks, tcpFrame(payload, 0x80 | 0x10 | 0x08 | 0x01)]);
      const frames = sent(driver);
      assert.deepEqual(frames.map(({ length }) => length), [1514, 1514, 634]);
      assert.deepEqual(Buffer.concat(frames.map((data) => data.subarray(54))), Buffer.from(payload));
      const views = frames.map((data) => new DataView(data.buffer));
      assert.deepEqual(views.map((view) => view.getUint32(38)), [0xffff_ff00, 0x4b4, 0xa68]);
      assert.deepEqual(views.map((view) => view.getUint16(16)), [1500, 1500, 620]);
      assert.deepEqual(views.map((view) => view.getUint16(18)), [0xffff, 0, 1]);
      // CWR on the first, FIN and PSH on the last, ACK on all.
      assert.deepEqual(frames.map((data) => data[47]), [0x90, 0x10, 0x19]);
      for (const data of frames) {
        assert.equal(sum16(data.subarray(14, 34)), 0xffff);
        const pseudo = Uint8Array.of(...data.subarray(26, 34), 0, 6, (data.length - 34) >> 8, data.length - 34);
        assert.equal(sum16(Buffer.concat([pseudo, data.subarray(34)])), 0xffff);
      }
      const without = started([FEATURE.csum]);
      without.request(TRANSMIT, [asks, tcpFrame(payload, 0x10)]);
      assert.deepEqual(sent(without), []);
    });

    it('drops what cannot be cut', () => {
      const driver = started([FEATURE.csum, FEATURE.tso4]);
      const whole = tcpFrame(new Uint8Array(2000), 0x10);
      const cases: readonly (readonly [number, (data: Uint8Array) => void])[] = [
        [0, () => undefined], [47, () => undefined], [1000, (data) => { data[12] = 0x86; }], [1000, (data) => { data[14] = 0x65; }],
        [1000, (data) => { data[14] = 0x44; }], [1000, (data) => { data[14] = 0x4f; data[23] = 17; }], [1000, (data) => { data[46] = 0x40; }],
      ];
      for (const [size, change] of cases) {
        const data = whole.slice();
        change(data);
        driver.request(TRANSMIT, [header({ gso: 1, size }), data]);
      }
      driver.request(TRANSMIT, [header({ gso: 1, size: 1000 }), whole.slice(0, 40)]);
      driver.request(TRANSMIT, [header({ gso: 4, size: 1000 }), whole]);
      assert.deepEqual(sent(driver), []);
      assert.equal(driver.status & STATUS.needsReset, 0);
    });

    it('not what is no frame at all', () => {
      for (const pieces of [[header().subarray(0, 11)], [header(), new Uint8Array(66_000)]]) {
        const driver = started();
        driver.request(TRANSMIT, pieces);
        assert.deepEqual([sent(driver), driver.status & STATUS.needsReset], [[], STATUS.needsReset]);
      }
    });
  });

  it('a checksum of zero is written as all ones, as UDP wants it', () => {
    const data = Uint8Array.of(0xff, 0xff, 0, 0);
    assert.equal(completeChecksum(data, 0, 2), true);
    assert.deepEqual([...data], [0xff, 0xff, 0xff, 0xff]);
    assert.equal(completeChecksum(data, 3, 0), false);
  });

  it('cuts frames with a VLAN tag and IP options', () => {
    const plain = tcpFrame(new Uint8Array(1000).fill(5), 0x10);
    const tagged = Uint8Array.of(...plain.subarray(0, 12), 0x81, 0, 0, 7, 8, 0, 0x46, ...plain.subarray(15, 34), 1, 1, 1, 1, ...plain.subarray(34));
    assert.deepEqual(segmentTcp4(tagged, 600)?.map(({ length }) => length), [62 + 600, 62 + 400]);
  });

  describe('receives', () => {
    it('a frame into a buffer, behind its header', () => {
      const driver = started();
      const { at } = driver.queues[RECEIVE].offer([12, 1526]);
      driver.device.receive(frame([...MAC]));
      assert.deepEqual(driver.queues[RECEIVE].used(), [{ head: 0, written: 72 }]);
      assert.deepEqual([...driver.slice(at[0], 12)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
      assert.deepEqual(driver.slice(at[1], 60), frame([...MAC]));
      assert.equal(driver.asserted, true);
    });

    it('a frame into several buffers, with MRG_RXBUF (5.1.6.4)', () => {
      const driver = started([FEATURE.mergeable]);
      const offers = [40, 30, 100].map((bytes) => driver.queues[RECEIVE].offer([bytes]));
      driver.device.receive(frame([...MAC]));
      assert.deepEqual(driver.queues[RECEIVE].used(), [{ head: 0, written: 40 }, { head: 1, written: 30 }, { head: 2, written: 2 }]);
      assert.equal(driver.memory.view.getUint16(offers[0].at[0] + 10, true), 3);
      const data = Buffer.concat([driver.slice(offers[0].at[0] + 12, 28), driver.slice(offers[1].at[0], 30), driver.slice(offers[2].at[0], 2)]);
      assert.deepEqual(data, Buffer.from(frame([...MAC])));
    });

    it('keeps some frames until there are buffers, and drops the others', () => {
      const driver = started([FEATURE.mergeable]);
      driver.queues[RECEIVE].offer([20]);
      for (let count = 0; count < 1000; count++) driver.device.receive(frame([...MAC]));
      assert.deepEqual(driver.queues[RECEIVE].used(), [], 'one buffer is not enough for a frame');
      assert.equal(driver.device.state.own.waiting.length, 64);
      driver.queues[RECEIVE].offer([1000]);
      driver.kick(RECEIVE);
      driver.host.advance(1_000_000);
      assert.deepEqual(driver.queues[RECEIVE].used().map(({ written }) => written), [20, 52]);
    });

    it('drops a frame that no buffer can take, and what is no frame', () => {
      const driver = started();
      driver.queues[RECEIVE].offer([12, 40]);
      driver.device.receive(frame([...MAC]));
      assert.deepEqual(driver.queues[RECEIVE].used(), [{ head: 0, written: 0 }]);
      driver.device.receive(new Uint8Array(13));
      driver.device.receive(new Uint8Array(70_000));
      assert.equal(driver.device.state.own.waiting.length, 0);
    });

    it('nothing before its driver is ready', () => {
      const driver = new Driver((surroundings) => new VirtioNet(surroundings, { name: 'net', slot: SLOT, channel: 'net0', mac: MAC }));
      driver.device.receive(frame([...MAC]));
      assert.equal(driver.device.state.own.waiting.length, 0);
    });
  });

  describe('is told by the control queue (5.1.6.5)', () => {
    const command = (driver: Driver<VirtioNet>, of: number, what: number, data: Uint8Array): number => {
      const { used, at } = driver.request(CONTROL, [Uint8Array.of(of, what), data, 1]);
      assert.equal(used[0].written, 1);
      return driver.slice(at[2], 1)[0];
    };
    const mode = (driver: Driver<VirtioNet>, what: number, on: boolean): void => { assert.equal(command(driver, 0, what, Uint8Array.of(on ? 1 : 0)), 0); };
    const OTHER = [0x52, 0x54, 0, 0, 0, 9];
    const GROUP = [1, 0, 0x5e, 0, 0, 1];
    const EVERYBODY = [255, 255, 255, 255, 255, 255];
    /** Which of own, other, group and broadcast frames come in. */
    const taken = (driver: Driver<VirtioNet>): string => [[...MAC], OTHER, GROUP, EVERYBODY].map((target) => {
      driver.device.receive(frame(target));
      const came = driver.device.state.own.waiting.length > 0;
      driver.device.state.own.waiting = [];
      return came ? '1' : '0';
    }).join('');

    it('which frames to take in', () => {
      const driver = started(CONTROLLED);
      assert.equal(taken(driver), '1111', 'all, as long as it has not been told');
      mode(driver, 0, false);
      assert.equal(taken(driver), '1001');
      mode(driver, 1, true);
      assert.equal(taken(driver), '1011');
      mode(driver, 2, true);
      mode(driver, 3, true);
      assert.equal(taken(driver), '1101');
      mode(driver, 4, true);
      mode(driver, 5, true);
      assert.equal(taken(driver), '0000');
      assert.equal(command(driver, 0, 6, Uint8Array.of(1)), 1);
    });

    it('tables of addresses', () => {
      const driver = started(CONTROLLED);
      mode(driver, 0, false);
      assert.equal(command(driver, 1, 0, Uint8Array.of(1, 0, 0, 0, ...OTHER, 1, 0, 0, 0, ...GROUP)), 0);
      assert.equal(taken(driver), '1111');
      assert.equal(command(driver, 1, 0, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0)), 0);
      assert.equal(taken(driver), '1001');
      assert.equal(command(driver, 1, 0, Uint8Array.of(2, 0, 0, 0, ...OTHER)), 1, 'a table that is not there');
      assert.equal(command(driver, 1, 0, Uint8Array.of(0xff, 0xff, 0xff, 0xff)), 0, 'more than are kept: all come in');
      assert.equal(taken(driver), '1111');
    });

    it('its own address', () => {
      const driver = started(CONTROLLED);
      const generation = driver.common(21, 1);
      mode(driver, 0, false);
      assert.equal(command(driver, 1, 1, Uint8Array.from(OTHER)), 0);
      assert.equal(taken(driver), '0101');
      assert.equal(driver.config(5, 1), 9);
      assert.notEqual(driver.common(21, 1), generation);
    });

    it('and knows no other commands', () => {
      const driver = started(CONTROLLED);
      assert.deepEqual([command(driver, 2, 0, new Uint8Array(2)), command(driver, 1, 2, new Uint8Array(6)), command(driver, 1, 1, new Uint8Array(5))], [1, 1, 1]);
    });
  });
});
