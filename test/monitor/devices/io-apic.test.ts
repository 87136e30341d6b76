/** The I/O APIC against the 82093AA data sheet: registers, edge and level inputs, remote IRR, masks, messages. */
import assert from 'node:assert/strict';
import type { InterruptMessage } from '../../../src/monitor/devices/apic-message';
import { IoApic } from '../../../src/monitor/devices/io-apic';

const IO_APIC_BASE = 0xfec00000;
const LEVEL = 0x8000;
const ACTIVE_LOW = 0x2000;
const MASKED = 0x10000;
const REMOTE_IRR = 0x4000;
const SEND_PENDING = 0x1000;

class Fixture {
  readonly sent: InterruptMessage[] = [];
  /** Whether a local APIC takes what is sent. */
  taken = true;
  readonly ioApic = new IoApic(0xff0000, (message) => {
    this.sent.push(message);
    return this.taken;
  });

  constructor() {
    this.ioApic.reset();
  }

  read(register: number): number {
    this.ioApic.writeMemory(IO_APIC_BASE, 4, register);
    return this.ioApic.readMemory(IO_APIC_BASE + 0x10, 4);
  }

  write(register: number, value: number): void {
    this.ioApic.writeMemory(IO_APIC_BASE, 4, register);
    this.ioApic.writeMemory(IO_APIC_BASE + 0x10, 4, value);
  }

  /** Writes the low half of an entry. */
  entry(input: number, low: number): void {
    this.write(0x10 + 2 * input, low);
  }

  low(input: number): number {
    return this.read(0x10 + 2 * input);
  }
}

describe('I/O APIC registers', () => {
  it('shows the data sheet\'s values after reset', () => {
    const fixture = new Fixture();
    assert.equal(fixture.read(0), 0);
    assert.equal(fixture.read(1), 0x00170011);
    assert.equal(fixture.read(2), 0);
    for (let input = 0; input < 24; input++) assert.equal(fixture.low(input), MASKED, 'masked');
  });

  it('keeps ID and arbitration ID, version and arbitration being read-only', () => {
    const fixture = new Fixture();
    fixture.write(0, 0xffffffff);
    assert.equal(fixture.read(0), 0x0f000000);
    assert.equal(fixture.read(2), 0x0f000000, 'loaded with the ID');
    fixture.write(1, 0);
    fixture.write(2, 0);
    assert.equal(fixture.read(1), 0x00170011);
    assert.equal(fixture.read(2), 0x0f000000);
  });

  it('keeps the bits of a redirection entry that may be written', () => {
    const fixture = new Fixture();
    fixture.write(0x10 + 2 * 23 + 1, 0xffffffff);
    fixture.entry(23, 0xffffffff);
    assert.equal(fixture.low(23), 0x1afff);
    assert.equal(fixture.read(0x10 + 2 * 23 + 1), 0xff000000);
    assert.equal(fixture.read(0x40), 0, 'nothing behind the table');
    fixture.write(0x40, 0x55);
    fixture.write(0xff, 0x55);
  });

  it('reads the index back', () => {
    const fixture = new Fixture();
    fixture.ioApic.writeMemory(IO_APIC_BASE, 1, 0x12);
    assert.equal(fixture.ioApic.readMemory(IO_APIC_BASE, 4), 0x12);
  });
});

describe('I/O APIC edge inputs', () => {
  it('send one message for each rising edge, with vector, mode and destination of the entry', () => {
    const fixture = new Fixture();
    fixture.write(0x10 + 2 * 4 + 1, 0x03000000);
    fixture.entry(4, 0x0971);
    fixture.ioApic.setInput(4, true);
    fixture.ioApic.setInput(4, true);
    assert.deepEqual(fixture.sent, [
      { delivery: 1, vector: 0x71, levelTriggered: false, logical: true, destination: 3, wide: false },
    ]);
    fixture.ioApic.setInput(4, false);
    assert.equal(fixture.sent.length, 1);
    fixture.ioApic.setInput(4, true);
    assert.equal(fixture.sent.length, 2);
    assert.equal(fixture.low(4) & REMOTE_IRR, 0);
  });

  it('lose edges while masked', () => {
    const fixture = new Fixture();
    fixture.entry(4, MASKED | 0x71);
    fixture.ioApic.setInput(4, true);
    fixture.entry(4, 0x71);
    assert.deepEqual(fixture.sent, []);
  });

  it('send for falling edges when active low', () => {
    const fixture = new Fixture();
    fixture.ioApic.setInput(4, true);
    fixture.entry(4, ACTIVE_LOW | 0x71);
    fixture.ioApic.setInput(4, false);
    assert.equal(fixture.sent.length, 1);
  });

  it('send NMI, INIT and ExtINT as they are, also if programmed as level', () => {
    for (const delivery of [4, 5, 7]) {
      for (const trigger of [0, LEVEL]) {
        const fixture = new Fixture();
        fixture.entry(0, (delivery << 8) | trigger);
        fixture.ioApic.setInput(0, true);
        assert.equal(fixture.sent.length, 1);
        assert.equal(fixture.sent[0].delivery, delivery);
        assert.equal(fixture.sent[0].levelTriggered, false);
        assert.equal(fixture.low(0) & REMOTE_IRR, 0);
      }
    }
  });
});

describe('I/O APIC level inputs', () => {
  it('send once, and again after EOI as long as the input is active', () => {
    const fixture = new Fixture();
    fixture.entry(10, LEVEL | 0x61);
    fixture.ioApic.setInput(10, true);
    assert.equal(fixture.sent.length, 1);
    assert.equal(fixture.sent[0].levelTriggered, true);
    assert.equal(fixture.low(10), LEVEL | REMOTE_IRR | 0x61);
    fixture.ioApic.endOfInterrupt(0x62);
    assert.equal(fixture.sent.length, 1, 'not its vector');
    fixture.ioApic.endOfInterrupt(0x61);
    assert.equal(fixture.sent.length, 2);
    fixture.ioApic.setInput(10, false);
    assert.equal(fixture.low(10) & REMOTE_IRR, REMOTE_IRR, 'until EOI');
    fixture.ioApic.endOfInterrupt(0x61);
    assert.equal(fixture.sent.length, 2);
    assert.equal(fixture.low(10), LEVEL | 0x61);
  });

  it('send nothing new for an input that comes back before EOI, and once after it', () => {
    const fixture = new Fixture();
    fixture.entry(10, LEVEL | 0x61);
    fixture.ioApic.setInput(10, true);
    fixture.ioApic.setInput(10, false);
    fixture.ioApic.setInput(10, true);
    assert.equal(fixture.sent.length, 1);
    fixture.ioApic.endOfInterrupt(0x61);
    assert.equal(fixture.sent.length, 2);
  });

  it('send when the mask is taken away', () => {
    const fixture = new Fixture();
    fixture.entry(10, MASKED | LEVEL | 0x61);
    fixture.ioApic.setInput(10, true);
    assert.deepEqual(fixture.sent, []);
    fixture.entry(10, LEVEL | 0x61);
    assert.equal(fixture.sent.length, 1);
  });

  it('keep remote IRR through mask and unmask, and lose it by a change to edge', () => {
    const fixture = new Fixture();
    fixture.entry(10, LEVEL | 0x61);
    fixture.ioApic.setInput(10, true);
    fixture.entry(10, MASKED | LEVEL | 0x61);
    fixture.entry(10, LEVEL | 0x61);
    assert.equal(fixture.sent.length, 1);
    fixture.entry(10, MASKED | 0x61);
    fixture.entry(10, LEVEL | 0x61);
    assert.equal(fixture.sent.length, 2);
  });

  it('are active low for PCI interrupts, which rest high', () => {
    const fixture = new Fixture();
    fixture.entry(16, LEVEL | ACTIVE_LOW | 0x61);
    assert.deepEqual(fixture.sent, []);
    fixture.ioApic.setInput(16, true);
    assert.equal(fixture.sent.length, 1);
    const wrong = new Fixture();
    wrong.entry(16, LEVEL | 0x61);
    assert.equal(wrong.sent.length, 1, 'programmed active high, a resting input is active');
  });

  it('keep a message pending that no local APIC takes', () => {
    const fixture = new Fixture();
    fixture.taken = false;
    fixture.entry(10, LEVEL | 0x61);
    fixture.ioApic.setInput(10, true);
    assert.equal(fixture.low(10), LEVEL | SEND_PENDING | 0x61);
    fixture.taken = true;
    fixture.ioApic.retry();
    assert.equal(fixture.low(10), LEVEL | REMOTE_IRR | 0x61);
    assert.equal(fixture.sent.length, 2);
  });
});

describe('I/O APIC reset', () => {
  it('masks everything and leaves the inputs as their devices hold them', () => {
    const fixture = new Fixture();
    fixture.ioApic.setInput(10, true);
    fixture.ioApic.reset();
    assert.equal(fixture.low(10), MASKED);
    fixture.entry(10, LEVEL | 0x61);
    assert.equal(fixture.sent.length, 1);
  });
});
