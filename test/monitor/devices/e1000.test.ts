/** The e1000 as its software developer's manual describes it: identification, EEPROM, PHY, interrupts; receiver and transmitter have files of their own. */
import assert from 'node:assert/strict';
import { serialize } from 'node:v8';
import { E1000 } from '../../../src/monitor/devices/e1000';
import { BROADCAST, Card, CAUSES, frame, MAC, PORTS_AT, R, REGISTERS_AT } from './e1000-fixture';
import { createRandom } from './fake-host';

const MICROSECOND = 1000;

describe('e1000: configuration space and registers', () => {
  it('is an Intel 82540EM with 128 KiB of memory, 64 ports and INTA', () => {
    const card = new Card();
    assert.equal(card.configuration(0x00), 0x100e_8086);
    assert.equal(card.configuration(0x08) >>> 8, 0x02_0000);
    assert.equal(card.configuration(0x3c) & 0xff00, 0x0100);
    card.configure(0x10, 0xffff_ffff);
    card.configure(0x14, 0xffff_ffff);
    assert.deepEqual([card.configuration(0x10), card.configuration(0x14), card.configuration(0x30)], [0xfffe_0000, 0xffff_ffc1, 0]);
  });

  it('shows an expansion ROM of a power of two where there is one', () => {
    const rom = Uint8Array.from({ length: 5000 }, (_, index) => index & 0xff);
    const card = new Card({ rom });
    card.configure(0x30, 0xffff_ffff);
    assert.equal(card.configuration(0x30), 0xffff_e001);
    card.configure(0x30, 0xe000_0001);
    assert.equal(card.device.readMemory(0xe000_0010, 4), 0x1312_1110);
    assert.equal(card.device.readMemory(0xe000_1ffc, 4), 0xffff_ffff);
    card.configure(0x30, 0xe000_0000);
    assert.equal(card.device.regions.length, 1);
  });

  it('has its address in the first receive address register, and the defaults of the manual', () => {
    const card = new Card();
    assert.deepEqual([card.read(R.RAL0), card.read(R.RAH0)], [0x1200_5452, 0x8000_5634]);
    assert.equal(card.read(R.PBA), 0x0010_0030);
    assert.deepEqual([card.read(R.CTRL), card.read(R.RCTL), card.read(R.TCTL), card.read(R.IMS)], [0x241, 0, 0, 0]);
  });

  it('grants the semaphore that drivers of later cards ask for', () => {
    const card = new Card();
    assert.equal(card.read(0x5b50), 0);
    card.write(0x5b50, 2);
    assert.equal(card.read(0x5b50), 2);
  });

  it('shows its registers through IOADDR and IODATA', () => {
    const card = new Card();
    card.device.writePort(PORTS_AT, 4, R.VET);
    card.device.writePort(PORTS_AT + 4, 4, 0x8100);
    assert.equal(card.read(R.VET), 0x8100);
    card.device.writePort(PORTS_AT, 4, R.RAL0);
    assert.equal(card.device.readPort(PORTS_AT + 4, 4), 0x1200_5452);
  });

  it('gives by peek what a guest would read, and clears nothing by it', () => {
    const card = Card.up();
    card.receive();
    card.write(R.IMS, CAUSES.RXT0);
    card.arrive(frame());
    assert.equal(card.device.peek('registers', 'ICR'), CAUSES.RXT0);
    assert.equal(card.device.peek('registers', 'GPRC'), 1);
    assert.equal(card.device.peek('registers', 'STATUS'), card.read(R.STATUS));
    assert.equal(card.device.peek('PHY', 'PID'), 0x0141);
    assert.equal(card.device.peek('registers', 'nothing'), undefined);
    assert.equal(card.read(R.GPRC), 1);
    assert.equal(card.read(R.GPRC), 0);
  });

  it('begins anew with CTRL.RST, and loads its address again; configuration, PHY and link stay', () => {
    const card = Card.up();
    card.receive();
    card.write(R.RAL0, 0x1111_1111);
    card.write(R.CTRL, card.read(R.CTRL) | (1 << 26));
    assert.deepEqual([card.read(R.CTRL), card.read(R.RCTL), card.read(R.RDLEN), card.read(R.RAL0)], [0x241, 0, 0, 0x1200_5452]);
    assert.equal(card.configuration(0x10), REGISTERS_AT);
    assert.equal(card.read(R.STATUS) & 2, 2);
  });
});

/** Clocks bits into the EEPROM, as a driver does on EECD's wires; gives what came out with each. */
class Microwire {
  constructor(private readonly card: Card) {
    card.write(R.EECD, 0x40);
    assert.equal(card.read(R.EECD) & 0x80, 0x80, 'granted');
  }

  send(value: number, bits: number): number {
    let out = 0;
    for (let bit = bits - 1; bit >= 0; bit--) {
      const input = ((value >> bit) & 1) << 2;
      this.card.write(R.EECD, 0x42 | input);
      this.card.write(R.EECD, 0x43 | input);
      out = (out << 1) | ((this.card.read(R.EECD) >> 3) & 1);
      this.card.write(R.EECD, 0x42 | input);
    }
    return out;
  }

  deselect(): void {
    this.card.write(R.EECD, 0x40);
  }

  read(address: number): number {
    this.send(0b110, 3);
    this.send(address, 6);
    const value = this.send(0, 16);
    this.deselect();
    return value;
  }
}

function readByEerd(card: Card, address: number): number {
  card.write(R.EERD, 1 | (address << 8));
  const value = card.read(R.EERD);
  assert.equal(value & 0x10, 0x10, 'done');
  return value >>> 16;
}

describe('e1000: EEPROM', () => {
  it('has the address, and words that come to BABA', () => {
    const mac = Uint8Array.of(2, 1, 3, 5, 7, 9);
    const card = new Card({ mac });
    const words = Array.from({ length: 64 }, (_, index) => readByEerd(card, index));
    assert.deepEqual(words.slice(0, 3), [0x0102, 0x0503, 0x0907]);
    assert.equal(words.reduce((sum, word) => sum + word) & 0xffff, 0xbaba);
    assert.deepEqual(words.slice(0x0d, 0x0f), [0x100e, 0x8086]);
    assert.equal(words[0x0a] >> 14, 1, 'signature');
  });

  it('answers on the wires what EERD reads, one word after another', () => {
    const card = new Card();
    const wires = new Microwire(card);
    for (const address of [0, 2, 0x0a, 0x3f]) assert.equal(wires.read(address), readByEerd(card, address));
    wires.send(0b110, 3);
    assert.equal(wires.send(0, 6) & 1, 0, 'a zero precedes the data');
    assert.deepEqual([wires.send(0, 16), wires.send(0, 16)], [0x5452, 0x1200]);
  });

  it('is written only between EWEN and EWDS; the card takes its address from it with the next reset', () => {
    const card = new Card();
    const wires = new Microwire(card);
    const write = (value: number): void => {
      wires.send(0b101, 3);
      wires.send(0, 6);
      wires.send(value, 16);
      wires.deselect();
    };
    write(0xaa00);
    assert.equal(wires.read(0), 0x5452);
    wires.send(0b100110000, 9);
    wires.deselect();
    write(0xaa00);
    assert.equal(wires.read(0), 0xaa00);
    wires.send(0b100000000, 9);
    wires.deselect();
    write(0xbb00);
    assert.equal(wires.read(0), 0xaa00);
    card.write(R.CTRL, 1 << 26);
    assert.equal(card.read(R.RAL0), 0x1200_aa00);
    card.device.hardReset();
    assert.equal(card.read(R.RAL0), 0x1200_aa00, 'RESET# does not empty it');
  });
});

describe('e1000: PHY and link', () => {
  it('says who it is, and nobody answers at another address', () => {
    const card = new Card();
    assert.deepEqual([card.phy(2), card.phy(3) & 0xfff0], [0x0141, 0x0c20]);
    card.write(R.MDIC, (2 << 26) | (2 << 21) | (2 << 16));
    assert.equal(card.read(R.MDIC) >>> 28, 5, 'ready, with error');
    card.write(R.MDIC, (2 << 26) | (1 << 21) | (2 << 16) | (1 << 29));
    assert.equal(card.read(R.ICR) & CAUSES.MDAC, CAUSES.MDAC);
  });

  it('negotiates 1000 Mb/s in full duplex, and the MAC sees the link once it may', () => {
    const card = new Card();
    card.write(R.CTRL, card.read(R.CTRL) & ~0x40);
    card.host.advance(10 * MICROSECOND);
    assert.equal(card.phy(1) & 0x24, 0, 'neither link nor negotiated');
    card.host.advance(1e9);
    assert.equal(card.phy(1) & 0x24, 0x24);
    assert.equal(card.phy(17) & 0xec00, 0xac00);
    assert.equal(card.phy(5) & 0x01e0, 0x01e0);
    assert.equal(card.read(R.STATUS) & 2, 0, 'not without CTRL.SLU');
    card.write(R.CTRL, card.read(R.CTRL) | 0x40);
    assert.equal(card.read(R.STATUS) & 0xc3, 0x83);
    assert.equal(card.read(R.ICR) & CAUSES.LSC, CAUSES.LSC);
  });

  it('comes to what it advertises', () => {
    const card = Card.up();
    card.phy(9, 0);
    card.phy(4, 0x0081);
    card.phy(0, 0x1200);
    assert.equal(card.read(R.STATUS) & 2, 0, 'the link is down while it negotiates');
    card.host.advance(1e9);
    assert.equal(card.read(R.STATUS) & 0xc3, 0x42, '100 Mb/s in half duplex');
  });

  it('loses the link with the cable: shown once in the status although it is back', () => {
    const card = Card.up();
    card.write(R.IMS, CAUSES.LSC);
    card.device.setCable(false);
    assert.equal(card.interrupt, true);
    assert.equal(card.read(R.ICR), CAUSES.LSC);
    assert.equal(card.read(R.STATUS) & 2, 0);
    card.device.setCable(true);
    card.host.advance(1e9);
    assert.equal(card.read(R.ICR), CAUSES.LSC);
    assert.equal(card.phy(1) & 4, 0, 'latched');
    assert.equal(card.phy(1) & 4, 4);
  });

  it('stays without a link over RESET# while the cable is pulled, and with one while it is in', () => {
    const card = Card.up();
    card.device.hardReset();
    card.host.advance(1e10);
    assert.equal(card.phy(17) & 0x400, 0x400);
    card.device.setCable(false);
    card.device.hardReset();
    card.host.advance(1e10);
    assert.equal(card.phy(17) & 0x400, 0);
  });

  it('is held in reset by CTRL.PHY_RST', () => {
    const card = Card.up();
    card.phy(4, 0x0021);
    card.write(R.CTRL, card.read(R.CTRL) | 0x8000_0000);
    card.host.advance(1e9);
    assert.equal(card.read(R.STATUS) & 2, 0);
    card.write(R.CTRL, card.read(R.CTRL) & 0x7fff_ffff);
    card.host.advance(1e9);
    assert.equal(card.read(R.STATUS) & 2, 2);
    assert.equal(card.phy(4), 0x0de1);
  });

  it('finds its link again when MAC and PHY are reset together', () => {
    const card = Card.up();
    card.write(R.CTRL, card.read(R.CTRL) | 0x8400_0000);
    card.write(R.CTRL, card.read(R.CTRL) | 0x40);
    assert.equal(card.read(R.STATUS) & 2, 0);
    card.host.advance(1e9);
    assert.equal(card.read(R.STATUS) & 2, 2);
  });
});

describe('e1000: interrupts', () => {
  it('assert the pin for causes in the mask until ICR is read', () => {
    const card = new Card();
    for (let bit = 0; bit < 17; bit++) {
      card.write(R.ICS, 1 << bit);
      assert.equal(card.interrupt, false);
      card.write(R.IMS, 1 << bit);
      assert.equal(card.interrupt, true);
      assert.equal(card.read(R.IMS), 1 << bit);
      assert.equal(card.read(R.ICR), 1 << bit);
      assert.equal(card.interrupt, false);
      card.write(R.IMC, 1 << bit);
      assert.equal(card.read(R.IMS), 0);
    }
  });

  it('are taken back by ones written to ICR, and by the mask', () => {
    const card = new Card();
    card.write(R.IMS, 0x5);
    card.write(R.ICS, 0x7);
    card.write(R.ICR, 0x4);
    assert.equal(card.interrupt, true);
    card.write(R.IMC, 0x1);
    assert.equal(card.interrupt, false);
    card.write(R.IMS, 0x1);
    assert.equal(card.interrupt, true);
    assert.equal(card.read(R.ICR), 0x3);
  });

  it('keep the throttle\'s distance, in units of 256 ns', () => {
    const card = new Card();
    card.write(R.ITR, 100);
    card.write(R.IMS, 1);
    for (let count = 0; count < 3; count++) {
      card.write(R.ICS, 1);
      card.host.advance(25_600 - 1);
      card.read(R.ICR);
      card.write(R.ICS, 1);
      assert.equal(card.interrupt, false);
      card.host.advance(1);
      assert.equal(card.interrupt, true);
      card.read(R.ICR);
      card.host.advance(30_000);
    }
    card.write(R.ICS, 1);
    card.read(R.ICR);
    card.write(R.ICS, 1);
    card.write(R.ITR, 0);
    assert.equal(card.interrupt, true, 'a shorter interval holds at once');
  });

  it('wait for RDTR behind each packet, for RADV behind the first', () => {
    const card = Card.up();
    card.receive({ entries: 32 });
    card.write(R.IMS, CAUSES.RXT0);
    card.write(R.RDTR, 50);
    card.arrive(frame(), 10 * MICROSECOND);
    assert.equal(card.interrupt, false);
    card.arrive(frame(), 50 * MICROSECOND);
    assert.equal(card.interrupt, false, 'the second packet begins the delay anew');
    card.host.advance(10 * MICROSECOND);
    assert.equal(card.interrupt, true);
    card.read(R.ICR);
    card.write(R.RADV, 60);
    card.arrive(frame(), 40 * MICROSECOND);
    card.arrive(frame(), 20 * MICROSECOND);
    assert.equal(card.interrupt, false);
    card.host.advance(10 * MICROSECOND);
    assert.equal(card.interrupt, true, 'not longer than RADV behind the first');
    card.read(R.ICR);
    card.arrive(frame(), 10 * MICROSECOND);
    card.write(R.RDTR, 0x8000_0000 + 50);
    assert.equal(card.interrupt, true, 'FPD ends the delay');
    assert.equal(card.read(R.RDTR), 50);
    card.read(R.ICR);
    card.host.advance(1e6);
    assert.equal(card.interrupt, false, 'and no timer is left');
  });

  it('wait for TIDV behind descriptors with IDE, for TADV behind the first', () => {
    const card = Card.up();
    card.transmit();
    card.write(R.IMS, CAUSES.TXDW);
    card.write(R.TIDV, 100);
    card.queueLegacy(frame(), { command: 0x8b });
    card.go(50 * MICROSECOND);
    assert.equal(card.interrupt, false);
    card.host.advance(60 * MICROSECOND);
    assert.equal(card.interrupt, true);
    card.read(R.ICR);
    card.write(R.TADV, 120);
    card.queueLegacy(frame(), { command: 0x8b });
    card.go(80 * MICROSECOND);
    card.queueLegacy(frame(), { command: 0x8b });
    card.go(30 * MICROSECOND);
    assert.equal(card.interrupt, false);
    card.host.advance(20 * MICROSECOND);
    assert.equal(card.interrupt, true);
    card.read(R.ICR);
    card.queueLegacy(frame());
    card.go(10 * MICROSECOND);
    assert.equal(card.interrupt, true, 'without IDE there is no delay');
  });
});

describe('e1000: whatever a guest does', () => {
  const REGISTER_LIST = Object.values(R);

  function randomStep(card: Card, random: (limit: number) => number): void {
    const choice = random(16);
    const register = random(3) === 0 ? random(0x1_0000) * 4 : REGISTER_LIST[random(REGISTER_LIST.length)];
    const sizes = [1, 2, 4] as const;
    if (choice < 8) card.device.writeMemory(REGISTERS_AT + (register & 0x1_fffc), 4, random(2) === 0 ? random(0x1_0000_0000) : random(512));
    else if (choice < 10) card.device.readMemory(REGISTERS_AT + (register & 0x1_fffc), sizes[random(3)]);
    else if (choice === 10) card.device.writePort(PORTS_AT + random(64), sizes[random(3)], random(0x1_0000));
    else if (choice === 11) card.device.receive(Uint8Array.from({ length: random(random(20) === 0 ? 20_000 : 200) }, () => random(256)));
    else if (choice === 12) card.device.setCable(random(8) !== 0);
    else if (choice === 13) card.words(0x1000 + 16 * random(64), [random(0x2_0000), 0, random(0x1_0000_0000), random(0x1_0000_0000)]);
    else if (choice === 14) card.device.readPort(PORTS_AT + random(64), sizes[random(3)]);
    else card.host.advance(random(10_000));
  }

  it('raises nothing, takes bounded work, and leaves a small state', function () {
    this.timeout(60_000);
    for (let seed = 1; seed <= 8; seed++) {
      const card = Card.up();
      const random = createRandom(seed);
      for (let step = 0; step < 2500; step++) {
        // A card that works: rings in memory, link up, transmitter and receiver on.
        if (step % 50 === 0) {
          for (const [register, value] of [[R.CTRL, 0x241], [R.RDBAL, 0x1000], [R.RDBAH, 0], [R.RDLEN, 0x400], [R.TDBAL, 0x1000], [R.TDBAH, 0], [R.TDLEN, 0x400], [R.RCTL, 0x801e], [R.TCTL, 0xa]]) card.write(register, value);
        }
        randomStep(card, random);
        card.host.sent = [];
      }
      card.write(R.TCTL, 0);
      card.write(R.RCTL, 0);
      card.host.delivered = 0;
      card.host.advance(1e9);
      assert.ok(card.host.delivered < 20, `${card.host.delivered} events with everything off`);
      assert.ok(serialize(card.device.state).length < 200_000);
      assert.deepEqual(structuredClone(card.device.state), card.device.state);
    }
  });

  it('a ring that never ends takes a bounded number of events for its time', () => {
    const card = Card.up();
    card.transmit();
    // The tail lies beyond the ring: the head never gets there.
    for (let index = 0; index < 8; index++) card.queueLegacy(frame());
    card.write(R.TDT, 0xffff);
    card.host.sent = [];
    card.host.delivered = 0;
    card.host.advance(1_000_000);
    // 64 packets of 124 bytes take 63.5 µs at 1000 Mb/s, and each event has at most so many.
    assert.ok(card.host.delivered > 5 && card.host.delivered < 40, `${card.host.delivered} events`);
  });

  it('without bus mastering memory stays as it is', () => {
    const card = Card.up();
    card.receive();
    card.transmit();
    card.configure(0x04, 3);
    const before = new Map(card.memory.bytes);
    card.arrive(frame());
    card.queueLegacy(frame());
    const placed = new Map(card.memory.bytes);
    card.go();
    assert.deepEqual(card.memory.bytes, placed);
    assert.ok(placed.size >= before.size);
    assert.deepEqual(card.takeFrames(), []);
  });

  it('a clone of its state goes on alike', () => {
    const card = Card.up();
    card.receive({ control: 0x8018 });
    card.write(R.RDTR, 20);
    card.arrive(frame({ to: BROADCAST }), 5000);
    const other = new Card();
    other.device.state = structuredClone(card.device.state);
    assert.deepEqual(other.device.state, card.device.state);
    assert.equal(other.read(R.RDT), card.read(R.RDT));
    assert.equal(other.read(R.GPRC), 1);
  });

  it('says which options it cannot have', () => {
    const plug = (): never => { throw new Error('not reached'); };
    const card = new Card();
    assert.throws(() => new E1000(card.host, card.memory, plug, { slot: 4, mac: Uint8Array.of(...MAC, 1) }), RangeError);
    assert.throws(() => new E1000(card.host, card.memory, plug, { slot: 4, rom: new Uint8Array((1 << 20) + 1) }), RangeError);
  });
});
