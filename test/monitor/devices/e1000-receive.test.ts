/** The e1000's receiver: what passes, what memory gets, what is counted. */
import assert from 'node:assert/strict';
import { BROADCAST, Card, CAUSES, checkSequence, frame, internetChecksum, ipv4Frame, MAC, R } from './e1000-fixture';

const DONE = 1, END = 2, IGNORE = 4, VLAN = 8, TRANSPORT = 0x20, IP = 0x40, INEXACT = 0x80;
/** Bits of RCTL. */
const UPE = 8, MPE = 0x10, LPE = 0x20, BAM = 0x8000, BSEX = 1 << 25, SECRC = 1 << 26, VFE = 1 << 18, CFIEN = 1 << 19;
const OTHER = [2, 0, 0, 0, 0, 9];
const GROUP = [0x01, 0x00, 0x5e, 0x12, 0x34, 0x56];

/** Whether a card with these bits of RCTL takes a frame. */
function takes(card: Card, control: number, data: readonly number[]): boolean {
  card.receive({ control });
  card.arrive(data);
  return (card.received(0).status & DONE) !== 0;
}

describe('e1000: receive ring', () => {
  it('gives a packet with its check sequence, length and status, and goes round', () => {
    const card = Card.up();
    card.receive({ entries: 8, given: 7 });
    card.write(R.IMS, CAUSES.RXT0);
    for (let index = 0; index < 20; index++) {
      const data = frame({ length: 60 + 7 * index });
      card.arrive(data);
      const { data: got, status, errors, length } = card.received(index);
      assert.deepEqual([status, errors, length], [DONE | END | IGNORE, 0, data.length + 4]);
      assert.deepEqual(got, [...data, ...checkSequence(data)]);
      assert.equal(card.read(R.RDH), (index + 1) % 8);
      assert.equal(card.interrupt, true);
      card.read(R.ICR);
      card.write(R.RDT, index % 8);
    }
    assert.equal(card.read(R.GPRC), 20);
  });

  it('takes the check sequence off (SECRC) and fills short frames up', () => {
    const card = Card.up();
    card.receive({ control: BAM | SECRC });
    card.arrive(frame({ length: 42 }));
    assert.deepEqual(card.received(0).data, [...frame({ length: 42 }), ...new Array<number>(18).fill(0)]);
    assert.equal(card.read(R.PRC64), 1);
  });

  for (const [bits, size] of [[0, 2048], [1 << 16, 1024], [2 << 16, 512], [3 << 16, 256], [BSEX | (1 << 16), 16384], [BSEX | (2 << 16), 8192], [BSEX | (3 << 16), 4096]] as const) {
    it(`spreads a long packet over buffers of ${String(size)} bytes`, () => {
      const card = Card.up();
      card.receive({ entries: 48, control: LPE | SECRC | bits });
      const data = frame({ length: 9000 });
      card.arrive(data);
      const count = Math.ceil(9000 / size);
      const parts = Array.from({ length: count }, (_, index) => card.received(index));
      assert.deepEqual(parts.flatMap((part) => part.data), data);
      parts.forEach(({ status, length }, index) => {
        const isLast = index === count - 1;
        assert.deepEqual([status & (DONE | END), length], isLast ? [DONE | END, 9000 - size * (count - 1)] : [DONE, size]);
      });
      assert.equal(card.received(count).status, 0);
    });
  }

  it('drops and counts what is longer than 1522 bytes without LPE, and than 16384 with it', () => {
    const card = Card.up();
    card.receive({ control: BAM });
    card.arrive(frame({ length: 1518 }));
    card.arrive(frame({ length: 1519 }));
    assert.deepEqual([card.read(R.GPRC), card.read(R.ROC)], [1, 1]);
    card.receive({ entries: 16, control: LPE });
    card.arrive(frame({ length: 16380 }));
    card.arrive(frame({ length: 16381 }));
    assert.deepEqual([card.read(R.GPRC), card.read(R.ROC)], [1, 1]);
  });

  it('keeps packets without a descriptor in its buffer, then misses them (MPC, RXO)', () => {
    const card = Card.up();
    card.receive({ entries: 128, given: 0 });
    for (let index = 0; index < 60; index++) card.arrive(frame({ length: 1000 }), 1000);
    const missed = card.read(R.MPC);
    assert.ok(missed >= 10 && missed <= 14, `${missed} of 60 did not get into 48 KiB`);
    assert.equal(card.read(R.ICR), CAUSES.RXO);
    assert.equal(card.read(R.RNBC), 60 - missed);
    assert.equal(card.read(R.GPRC), 60 - missed);
    card.write(R.RDT, 127);
    card.host.advance(1_000_000);
    assert.equal(card.read(R.RDH), 60 - missed);
  });

  it('says that few descriptors are left when their number falls to the threshold', () => {
    for (const [bits, left] of [[0, 16], [1 << 8, 8], [2 << 8, 4]] as const) {
      const card = Card.up();
      card.receive({ entries: 32, given: 31, control: BAM | bits });
      for (let free = 30; free >= left; free--) {
        card.arrive(frame());
        assert.equal((card.read(R.ICR) & CAUSES.RXDMT0) !== 0, free === left, `${free} of 32`);
      }
    }
  });

  it('gives descriptors without a buffer back with DD alone', () => {
    const card = Card.up();
    card.receive();
    card.words(0x1_0000, [0, 0, 0, 0]);
    card.arrive(frame());
    assert.deepEqual([card.received(0).status, card.received(0).length], [DONE, 0]);
    assert.equal(card.received(1).status & (DONE | END), DONE | END);
  });

  it('takes nothing while it is off, without a link, or in loopback', () => {
    const card = new Card();
    card.receive();
    card.arrive(frame());
    assert.equal(card.read(R.TPR), 0);
    const up = Card.up();
    up.receive();
    up.write(R.RCTL, BAM);
    up.arrive(frame());
    up.write(R.RCTL, BAM | 2 | 0x40);
    up.arrive(frame());
    assert.equal(up.read(R.TPR), 0);
  });

  it('reports small packets (RSRPD)', () => {
    const card = Card.up();
    card.receive();
    card.write(R.RSRPD, 100);
    card.arrive(frame({ length: 97 }));
    assert.equal(card.read(R.ICR) & CAUSES.SRPD, 0);
    card.arrive(frame({ length: 96 }));
    assert.equal(card.read(R.ICR) & CAUSES.SRPD, CAUSES.SRPD);
  });
});

describe('e1000: filters', () => {
  it('take the own address, broadcasts, promiscuous and multicast modes as RCTL says', () => {
    const card = Card.up();
    assert.equal(takes(card, 0, frame()), true);
    assert.equal(takes(card, 0, frame({ to: OTHER })), false);
    assert.equal(takes(card, UPE, frame({ to: OTHER })), true);
    assert.equal(card.received(0).status & INEXACT, INEXACT);
    assert.equal(takes(card, 0, frame({ to: BROADCAST })), false);
    assert.equal(takes(card, BAM, frame({ to: BROADCAST })), true);
    assert.equal(takes(card, UPE, frame({ to: GROUP })), false);
    assert.equal(takes(card, MPE, frame({ to: GROUP })), true);
    assert.equal(takes(card, MPE, frame({ to: OTHER })), false);
  });

  it('compare all sixteen receive addresses, with destination or source', () => {
    const card = Card.up();
    card.write(R.RAL0 + 8 * 15, 0x0000_0002);
    card.write(R.RAH0 + 8 * 15, 0x0900);
    assert.equal(takes(card, 0, frame({ to: OTHER })), false);
    card.write(R.RAH0 + 8 * 15, 0x8000_0900);
    assert.equal(takes(card, 0, frame({ to: OTHER })), true);
    assert.equal(card.received(0).status & INEXACT, 0);
    card.write(R.RAH0 + 8 * 15, 0x8001_0900);
    assert.equal(takes(card, 0, frame({ to: OTHER })), false);
    assert.equal(takes(card, 0, frame({ to: [2, 2, 2, 2, 2, 2], from: OTHER })), true);
  });

  it('look a group up in the multicast table by the bits that RCTL.MO chooses', () => {
    // Bits 47:36, 46:35, 45:34 and 43:32 of an address whose last two bytes are 34 and 56: its upper sixteen bits are 5634h.
    for (const [offset, hash] of [[0, 0x563], [1, 0xac6], [2, 0x58d], [3, 0x634]] as const) {
      const card = Card.up();
      assert.equal(takes(card, offset << 12, frame({ to: GROUP })), false);
      card.write(R.MTA + 4 * (hash >> 5), 1 << (hash & 31));
      assert.equal(takes(card, offset << 12, frame({ to: GROUP })), true);
    }
  });

  it('let pass the VLANs of the table, and those of the right CFI; VME takes the tag out', () => {
    const card = Card.up();
    const tagged = (tag: number): number[] => [...MAC, ...OTHER, 0x81, 0x00, tag >> 8, tag & 0xff, 0x08, 0x00, ...new Array<number>(60).fill(5)];
    card.write(R.VET, 0x8100);
    assert.equal(takes(card, 0, tagged(0x0123)), true);
    assert.equal(card.received(0).status & VLAN, 0);
    assert.equal(takes(card, VFE, tagged(0x0123)), false);
    assert.equal(takes(card, VFE, frame()), true);
    card.write(R.VFTA + 4 * (0x123 >> 5), 1 << (0x123 & 31));
    assert.equal(takes(card, VFE, tagged(0x0123)), true);
    assert.equal(takes(card, VFE | CFIEN, tagged(0x1123)), false);
    card.write(R.CTRL, card.read(R.CTRL) | (1 << 30));
    assert.equal(takes(card, VFE | SECRC, tagged(0x6123)), true);
    const { data, status, special } = card.received(0);
    assert.deepEqual([status & VLAN, special], [VLAN, 0x6123]);
    assert.deepEqual(data, [...MAC, ...OTHER, 0x08, 0x00, ...new Array<number>(60).fill(5)]);
  });
});

describe('e1000: receive checksums', () => {
  const verdict = (data: readonly number[], control: number): readonly [number, number] => {
    const card = Card.up();
    card.write(R.RXCSUM, control);
    card.receive();
    card.arrive(data);
    const { status, errors } = card.received(0);
    return [status & (IP | TRANSPORT | IGNORE), errors];
  };
  const broken = (data: readonly number[], at: number): number[] => data.map((byte, index) => (index === at ? byte ^ 0x10 : byte));

  it('are checked for IP, TCP and UDP, as RXCSUM says', () => {
    for (const protocol of [6, 17] as const) {
      for (const length of [80, 81]) {
        const good = ipv4Frame(protocol, new Array<number>(length).fill(0xa7));
        assert.deepEqual(verdict(good, 0), [IGNORE, 0]);
        assert.deepEqual(verdict(good, 0x100), [IP, 0]);
        assert.deepEqual(verdict(good, 0x300), [IP | TRANSPORT, 0]);
        assert.deepEqual(verdict(broken(good, 18), 0x300), [IP | TRANSPORT, 0x40]);
        assert.deepEqual(verdict(broken(good, 70), 0x300), [IP | TRANSPORT, 0x20]);
      }
    }
  });

  it('do not count the padding of a short frame, nor fragments, nor UDP without one', () => {
    assert.deepEqual(verdict(ipv4Frame(17, [1]), 0x300), [IP | TRANSPORT, 0]);
    const fragment = ipv4Frame(17, new Array<number>(50).fill(1));
    fragment[20] = 0x20;
    fragment.splice(24, 2, 0, 0);
    const sum = internetChecksum(fragment.slice(14, 34));
    fragment.splice(24, 2, sum >> 8, sum & 0xff);
    assert.deepEqual(verdict(fragment, 0x300), [IP, 0]);
    const without = ipv4Frame(17, new Array<number>(50).fill(1));
    without.splice(40, 2, 0, 0);
    assert.deepEqual(verdict(without, 0x300), [IP, 0]);
  });

  it('of the whole packet begin at PCSS', () => {
    const card = Card.up();
    card.write(R.RXCSUM, 14);
    card.receive({ control: SECRC });
    const data = frame({ length: 301 });
    card.arrive(data);
    assert.equal(card.received(0).checksum, internetChecksum(data.slice(14)));
  });
});

describe('e1000: receive statistics and flow control', () => {
  it('count by size and kind, octets in 64 bits; reading clears', () => {
    const card = Card.up();
    card.receive({ entries: 32, control: BAM | MPE });
    card.arrive(frame({ length: 60 }));
    card.arrive(frame({ length: 61, to: BROADCAST }));
    card.arrive(frame({ length: 123, to: GROUP }));
    card.arrive(frame({ to: OTHER }));
    assert.deepEqual([R.PRC64, R.PRC127, R.GPRC, R.BPRC, R.MPRC, R.TPR].map((register) => card.read(register)), [1, 2, 3, 1, 1, 4]);
    assert.deepEqual([R.PRC64, R.PRC127, R.GPRC, R.BPRC, R.MPRC, R.TPR].map((register) => card.read(register)), [0, 0, 0, 0, 0, 0]);
    const octets = 64 + 65 + 127;
    assert.deepEqual([card.read(R.GORCL), card.read(R.GORCL), card.read(R.GORCH), card.read(R.GORCL)], [octets, octets, 0, 0]);
  });

  it('a PAUSE stops the transmitter for its time when CTRL.RFCE says so', () => {
    const card = Card.up();
    card.write(R.FCAL, 0x00c2_8001);
    card.write(R.FCAH, 0x0100);
    card.write(R.CTRL, card.read(R.CTRL) | (1 << 27));
    card.receive({ control: BAM | (1 << 22) });
    card.transmit();
    const pause = (quanta: number): number[] => [0x01, 0x80, 0xc2, 0, 0, 1, ...OTHER, 0x88, 0x08, 0, 1, quanta >> 8, quanta & 0xff, ...new Array<number>(42).fill(0)];
    card.arrive(pause(1000), 0);
    assert.equal(card.read(R.STATUS) & 0x10, 0x10);
    card.queueLegacy(frame());
    card.go(1000 * 512 - 1);
    assert.equal(card.takeFrames().length, 0);
    card.host.advance(1);
    assert.equal(card.takeFrames().length, 1);
    assert.deepEqual([card.read(R.XOFFRXC), card.read(R.XONRXC), card.read(R.GPRC)], [1, 0, 0]);
    card.arrive(pause(0));
    assert.equal(card.read(R.XONRXC), 1);
  });

  it('asks for one itself when its buffer fills (CTRL.TFCE), and ends it', () => {
    const card = Card.up();
    card.write(R.CTRL, card.read(R.CTRL) | (1 << 28));
    card.write(R.FCTTV, 0x1234);
    card.write(R.FCRTH, 0x2000);
    card.write(R.FCRTL, 0x8000_1000);
    card.transmit();
    card.receive({ entries: 32, given: 0 });
    for (let index = 0; index < 12; index++) card.arrive(frame({ length: 1000 }));
    const [xoff, ...others] = card.takeFrames();
    assert.deepEqual(others, []);
    assert.deepEqual(xoff.slice(0, 18), [0x01, 0x80, 0xc2, 0, 0, 1, ...MAC, 0x88, 0x08, 0, 1, 0x12, 0x34]);
    card.write(R.RDT, 31);
    card.host.advance(1_000_000);
    assert.deepEqual(card.takeFrames().map((data) => data.slice(14, 18)), [[0, 1, 0, 0]]);
    assert.deepEqual([card.read(R.XOFFTXC), card.read(R.XONTXC)], [1, 1]);
  });
});
