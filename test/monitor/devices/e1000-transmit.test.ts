/** The e1000's transmitter: descriptors of three kinds, checksums, VLAN tags, segmentation, loopback, what is counted. */
import assert from 'node:assert/strict';
import { BROADCAST, Card, CAUSES, checkSequence, frame, internetChecksum, ipv4Frame, MAC, R, TX_RING } from './e1000-fixture';

const EOP = 1, IFCS = 2, IC = 4, RS = 8, DEXT = 0x20, VLE = 0x40;
const TSE = 4, TCP = 1, IPV4 = 2;
const IXSM = 1, TXSM = 2;
/** Where headers are in an IPv4 packet over Ethernet without options. */
const IP_AT = 14, TRANSPORT_AT = 34;

interface Context { command: number; payload?: number; header?: number; segment?: number; transportOffset: number; ipEnd?: number }

function queueContext(card: Card, { command, payload = 0, header = 0, segment = 0, transportOffset, ipEnd = TRANSPORT_AT - 1 }: Context): number {
  return card.queue([
    IP_AT + (IP_AT + 10) * 0x100 + ipEnd * 0x1_0000, TRANSPORT_AT + transportOffset * 0x100, payload + (DEXT | RS | command) * 0x100_0000,
    header * 0x100 + segment * 0x1_0000,
  ]);
}

function queueData(card: Card, data: readonly number[], { command = EOP | IFCS | RS, options = 0, special = 0 } = {}): number {
  return card.queue([card.place(data), 0, data.length + (0x10_0000) + (DEXT | command) * 0x100_0000, options * 0x100 + special * 0x1_0000]);
}

const word = (data: readonly number[], at: number): number => (data[at] << 8) | data[at + 1];
const pseudo = (data: readonly number[]): number[] => {
  const segment = data.slice(TRANSPORT_AT);
  return [...data.slice(IP_AT + 12, IP_AT + 20), 0, data[IP_AT + 9], segment.length >> 8, segment.length & 0xff, ...segment];
};
const assertRightSums = (data: readonly number[]): void => {
  assert.equal(internetChecksum(data.slice(IP_AT, TRANSPORT_AT)), 0, 'IP');
  assert.equal(internetChecksum(pseudo(data)), 0, 'transport');
};

describe('e1000: transmit ring', () => {
  it('sends packets of legacy descriptors in order, reports them, and goes round', () => {
    const card = Card.up();
    card.transmit(8);
    for (let index = 0; index < 20; index++) {
      const data = frame({ length: 60 + index });
      const at = card.queueLegacy(data);
      card.go();
      assert.deepEqual(card.takeFrames(), [data]);
      assert.equal(card.status(at) & 1, 1);
      assert.equal(card.read(R.TDH), (index + 1) % 8);
      assert.equal(card.read(R.ICR), CAUSES.TXDW | CAUSES.TXQE);
    }
    assert.equal(card.read(R.GPTC), 20);
  });

  it('puts a packet together from several descriptors; without RS nothing is written back', () => {
    const card = Card.up();
    card.transmit();
    const data = frame({ length: 300 });
    const indexes = [data.slice(0, 14), data.slice(14, 15), data.slice(15)].map((part, index) => card.queueLegacy(part, { command: IFCS | (index === 2 ? EOP : 0) }));
    card.go();
    assert.deepEqual(card.takeFrames(), [data]);
    assert.deepEqual(indexes.map((index) => card.status(index)), [0, 0, 0]);
    assert.equal(card.read(R.ICR), CAUSES.TXQE);
  });

  it('pads short packets when TCTL.PSP is on', () => {
    const card = Card.up();
    card.transmit();
    card.queueLegacy(frame({ length: 40 }));
    card.go();
    assert.deepEqual(card.takeFrames(), [[...frame({ length: 40 }), ...new Array<number>(20).fill(0)]]);
    assert.equal(card.read(R.PTC64), 1);
  });

  it('takes off a check sequence that software has put there itself', () => {
    const card = Card.up();
    card.transmit();
    const data = frame();
    card.queueLegacy([...data, ...checkSequence(data)], { command: EOP | RS });
    card.go();
    assert.deepEqual(card.takeFrames(), [data]);
  });

  it('waits for the link, for TCTL.EN, and takes the time that bytes take at 1000 Mb/s', () => {
    const card = Card.up();
    card.transmit(256);
    card.device.setCable(false);
    for (let index = 0; index < 130; index++) card.queueLegacy(frame({ length: 1500 }));
    card.go();
    assert.equal(card.takeFrames().length, 0);
    card.device.setCable(true);
    card.host.advance(1e9);
    assert.equal(card.takeFrames().length, 130);
    card.write(R.TCTL, 0);
    for (let index = 0; index < 130; index++) card.queueLegacy(frame({ length: 1500 }));
    card.go();
    assert.equal(card.takeFrames().length, 0);
    card.write(R.TCTL, 2);
    // The first 64 packets are (1500 + 24) * 8 * 64 ns long.
    card.host.advance(700_000);
    assert.equal(card.takeFrames().length, 64);
    card.host.advance(100_000);
    assert.equal(card.takeFrames().length, 64);
  });

  it('throws packets away that are longer than 16288 bytes', () => {
    const card = Card.up();
    card.transmit(16);
    for (let index = 0; index < 9; index++) card.queueLegacy(frame({ length: 2000 }), { command: IFCS | RS | (index === 8 ? EOP : 0) });
    const last = card.queueLegacy(frame());
    card.go();
    assert.deepEqual(card.takeFrames(), [frame()]);
    assert.equal(card.status(last) & 1, 1);
  });

  it('says when few descriptors are left (TXDCTL.LWTHRESH)', () => {
    const card = Card.up();
    card.transmit(64);
    card.write(R.TXDCTL, 2 << 25);
    for (let index = 0; index < 20; index++) card.queueLegacy(frame(), { command: EOP | IFCS });
    card.go();
    assert.equal(card.read(R.ICR) & CAUSES.TXD_LOW, CAUSES.TXD_LOW);
  });

  it('counts by size and kind, and octets', () => {
    const card = Card.up();
    card.transmit(16);
    for (const data of [frame({ length: 60 }), frame({ length: 1514, to: BROADCAST }), frame({ length: 200, to: [1, 0, 0x5e, 0, 0, 1] })]) card.queueLegacy(data);
    card.go();
    assert.deepEqual([R.GPTC, R.TPT, R.BPTC, R.MPTC, R.PTC64, R.PTC1522].map((register) => card.read(register)), [3, 3, 1, 1, 1, 1]);
    assert.deepEqual([card.read(R.GOTCL), card.read(R.GOTCH), card.read(R.GOTCL)], [64 + 1518 + 204, 0, 0]);
  });

  it('in loopback what is sent comes back, and nothing leaves: of the MAC, and of the PHY', () => {
    for (const mode of ['MAC', 'PHY'] as const) {
      const card = Card.up();
      card.transmit();
      card.receive({ control: 0x8000 | (mode === 'MAC' ? 0x40 : 0) });
      if (mode === 'PHY') card.phy(0, 0x4140);
      card.queueLegacy(frame({ to: BROADCAST }));
      card.go();
      assert.deepEqual(card.takeFrames(), []);
      assert.deepEqual(card.received(0).data.slice(0, 100), frame({ to: BROADCAST }));
    }
  });
});

describe('e1000: transmit offloads', () => {
  it('a legacy descriptor puts a sum from CSS on at CSO', () => {
    const card = Card.up();
    card.transmit();
    const data = frame({ length: 101 });
    data.splice(50, 2, 0, 0);
    card.queueLegacy(data, { command: EOP | IFCS | IC | RS, offset: 50, start: 20 });
    card.go();
    const [sent] = card.takeFrames();
    assert.equal(word(sent, 50), internetChecksum(data.slice(20)));
    assert.deepEqual([...sent.slice(0, 50), 0, 0, ...sent.slice(52)], data);
  });

  it('puts a VLAN tag in where VLE and CTRL.VME say so', () => {
    const card = Card.up();
    card.transmit();
    card.write(R.VET, 0x8100);
    card.queueLegacy(frame(), { command: EOP | IFCS | RS | VLE, special: 0x2345 });
    card.go();
    assert.deepEqual(card.takeFrames(), [frame()]);
    card.write(R.CTRL, card.read(R.CTRL) | (1 << 30));
    card.queueLegacy(frame(), { command: EOP | IFCS | RS | VLE, special: 0x2345 });
    card.queueLegacy(frame());
    card.go();
    assert.deepEqual(card.takeFrames(), [[...frame().slice(0, 12), 0x81, 0x00, 0x23, 0x45, ...frame().slice(12)], frame()]);
  });

  for (const [name, protocol, transportOffset, command] of [['TCP', 6, TRANSPORT_AT + 16, TCP | IPV4], ['UDP', 17, TRANSPORT_AT + 6, IPV4]] as const) {
    it(`data descriptors have IP and ${name} checksums put in by their context`, () => {
      const card = Card.up();
      card.transmit();
      const right = ipv4Frame(protocol, Array.from({ length: 201 }, (_, index) => index & 0xff));
      const blank = [...right];
      blank.splice(IP_AT + 10, 2, 0, 0);
      // Software leaves the pseudo-header's sum in the transport's field.
      const seed = 0xffff - internetChecksum(pseudo(right).slice(0, 12));
      blank.splice(transportOffset, 2, seed >> 8, seed & 0xff);
      const context = queueContext(card, { command, transportOffset });
      queueData(card, blank.slice(0, 54), { command: IFCS, options: IXSM | TXSM });
      queueData(card, blank.slice(54));
      queueData(card, blank);
      card.go();
      const [sent, plain] = card.takeFrames();
      assert.deepEqual(sent, right);
      assert.deepEqual(plain, blank, 'options are those of a packet\'s first data descriptor');
      assert.equal(card.status(context) & 1, 1);
    });

    it(`cuts a long ${name} payload into segments with headers of their own`, () => {
      const card = Card.up();
      card.transmit(16);
      const payload = Array.from({ length: 5000 }, (_, index) => (index * 13 + (index >> 8)) & 0xff);
      const whole = ipv4Frame(protocol, payload, { id: 0xfffe, sequence: 0xffff_f000, flags: 0x19 });
      const headerBytes = whole.length - payload.length;
      whole.splice(IP_AT + 2, 2, 0, 0);
      whole.splice(IP_AT + 10, 2, 0, 0);
      const seed = 0xffff - internetChecksum([...pseudo(whole).slice(0, 10), 0, 0]);
      whole.splice(transportOffset, 2, seed >> 8, seed & 0xff);
      queueContext(card, { command: command | TSE, payload: payload.length, header: headerBytes, segment: 1448, transportOffset });
      queueData(card, whole.slice(0, headerBytes), { command: TSE, options: IXSM | TXSM });
      queueData(card, whole.slice(headerBytes, 2000), { command: TSE });
      const last = queueData(card, whole.slice(2000), { command: EOP | IFCS | TSE | RS });
      card.go();
      const segments = card.takeFrames();
      assert.deepEqual(segments.map((segment) => segment.length - headerBytes), [1448, 1448, 1448, 656]);
      assert.deepEqual(segments.flatMap((segment) => segment.slice(headerBytes)), payload);
      segments.forEach((segment, index) => {
        assertRightSums(segment);
        assert.equal(word(segment, IP_AT + 2), segment.length - IP_AT);
        assert.equal(word(segment, IP_AT + 4), (0xfffe + index) & 0xffff);
        if (protocol === 17) assert.equal(word(segment, TRANSPORT_AT + 4), segment.length - TRANSPORT_AT);
        else {
          assert.equal(word(segment, TRANSPORT_AT + 4) * 0x1_0000 + word(segment, TRANSPORT_AT + 6), (0xffff_f000 + 1448 * index) % 0x1_0000_0000);
          assert.equal(segment[TRANSPORT_AT + 13], index === 3 ? 0x19 : 0x10, 'FIN and PSH on the last segment alone');
        }
      });
      assert.equal(card.status(last) & 1, 1);
      assert.deepEqual([card.read(R.TSCTC), card.read(R.TSCTFC), card.read(R.GPTC)], [1, 0, 4]);
    });
  }

  it('cuts over IPv6, whose header has the payload\'s length', () => {
    const card = Card.up();
    card.transmit(16);
    const addresses = Array.from({ length: 32 }, (_, index) => index + 1);
    const tcp = [0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0];
    const seed = 0xffff - internetChecksum([...addresses, 0, 6]);
    tcp.splice(16, 2, seed >> 8, seed & 0xff);
    const headers = [...MAC, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 6, 64, ...addresses, ...tcp];
    const payload = Array.from({ length: 1001 }, (_, index) => index & 0xff);
    card.queue([IP_AT, 54 + (54 + 16) * 0x100, payload.length + (DEXT | RS | TSE | TCP) * 0x100_0000, headers.length * 0x100 + 500 * 0x1_0000]);
    queueData(card, [...headers, ...payload], { command: EOP | IFCS | TSE | RS, options: TXSM });
    card.go();
    const segments = card.takeFrames();
    assert.deepEqual(segments.map((segment) => segment.length - headers.length), [500, 500, 1]);
    for (const segment of segments) {
      assert.equal(word(segment, 18), segment.length - 54);
      const transport = segment.slice(54);
      assert.equal(internetChecksum([...addresses, transport.length >> 8, transport.length & 0xff, 0, 6, ...transport]), 0);
    }
  });

  it('a context that cannot be cut by fails, and the next packet goes out', () => {
    const card = Card.up();
    card.transmit(16);
    for (const [header, segment] of [[0, 100], [54, 0], [255, 0xffff]] as const) {
      queueContext(card, { command: TSE | TCP | IPV4, payload: 1000, header, segment, transportOffset: 50 });
      queueData(card, frame({ length: 1054 }), { command: EOP | IFCS | TSE | RS });
    }
    queueData(card, frame());
    card.go();
    assert.deepEqual(card.takeFrames(), [frame()]);
    assert.equal(card.read(R.TSCTFC), 3);
  });

  it('a context in the middle of a packet is for the next one: the first is cut as it began', () => {
    const card = Card.up();
    card.transmit(16);
    const [first, second] = [frame({ length: 60 + 200 }), frame({ length: 20 + 50 })];
    const commands = { command: TSE | TCP | IPV4, transportOffset: 50 };
    queueContext(card, { ...commands, payload: 200, header: 60, segment: 200 });
    queueData(card, first.slice(0, 40), { command: TSE });
    // Shorter headers than have come already, and shorter segments.
    queueContext(card, { ...commands, payload: 50, header: 20, segment: 25 });
    queueData(card, first.slice(40), { command: EOP | IFCS | TSE | RS });
    queueData(card, second, { command: EOP | IFCS | TSE | RS });
    card.go();
    assert.deepEqual(card.takeFrames().map(({ length }) => length), [260, 60, 60], 'short ones are padded');
    assert.deepEqual([card.read(R.TSCTC), card.read(R.TSCTFC)], [2, 0]);
  });

  it('a megabyte in segments of one byte takes many events, and each a bounded part', () => {
    const card = Card.up();
    card.transmit(16);
    queueContext(card, { command: TSE | TCP | IPV4, payload: 0xf_0000, header: 54, segment: 1, transportOffset: 50 });
    card.queue([0x100, 0, 0xf_ffff + 0x10_0000 + (DEXT | EOP | IFCS | TSE | RS) * 0x100_0000, 0]);
    card.host.delivered = 0;
    card.go(500_000);
    const frames = card.takeFrames().length;
    assert.ok(card.host.delivered > 3 && frames > 100 && frames <= 64 * card.host.delivered, `${frames} frames in ${card.host.delivered} events`);
    card.write(R.CTRL, 1 << 26);
    card.host.advance(500_000);
    assert.equal(card.takeFrames().length, 0);
  });

  it('descriptors at any address of 64 bits do no harm', () => {
    const card = Card.up();
    card.transmit();
    card.write(R.TDBAH, 0xffff_ffff);
    card.write(R.TDT, 5);
    card.host.advance(1_000_000);
    assert.equal(card.read(R.TDH), 5);
    assert.equal(card.memory.readByte(TX_RING), 0xff);
  });
});
