/** The 16550A against its data sheet, and against what Linux's 8250 driver asks of it. */
import assert from 'node:assert/strict';
import { Uart } from '../../../src/monitor/devices/uart';
import { FakeHost, sentText } from './fake-host';

const BASE = 0x3f8;
/** 8N1 at 115200 baud: ten bits. */
const CHARACTER = Math.ceil((10 * 1_000_000_000) / 115200);

interface Fixture {
  readonly host: FakeHost;
  readonly uart: Uart;
  get(register: number): number;
  set(register: number, value: number): void;
}

function createUart(): Fixture {
  const host = new FakeHost();
  const uart = host.attach(new Uart(host, { name: 'com1', base: BASE, line: 4 }));
  uart.reset();
  return {
    host, uart,
    get: (register) => uart.readPort(BASE + register),
    set: (register, value) => uart.writePort(BASE + register, 1, value),
  };
}

/** 115200 8N1, FIFO on with the given trigger bits, OUT2 on. */
function createReady(fcr = 0x01): Fixture {
  const fixture = createUart();
  fixture.set(3, 0x83);
  fixture.set(0, 1);
  fixture.set(1, 0);
  fixture.set(3, 0x03);
  fixture.set(2, fcr);
  fixture.set(4, 0x0b);
  return fixture;
}

describe('16550A', () => {
  it('has the data sheet\'s reset values', () => {
    const { get } = createUart();
    assert.deepEqual([1, 2, 3, 4, 5, 6].map((register) => get(register)), [0, 0x01, 0, 0, 0x60, 0xb0]);
  });

  it('passes the detection of Linux\'s driver as 16550A and nothing better', () => {
    const { get, set } = createUart();
    set(1, 0x0f);
    assert.equal(get(1), 0x0f, 'interrupt enable has four bits');
    set(1, 0xff);
    assert.equal(get(1), 0x0f);
    set(1, 0);
    set(4, 0x1a);
    assert.equal(get(6) & 0xf0, 0x90, 'loopback: RTS to CTS, OUT2 to DCD');
    set(4, 0);
    set(2, 0x01);
    assert.equal(get(2) >> 6, 3, '16550A');
    set(3, 0xbf);
    assert.notEqual(get(2), 0, 'no extended features register');
    set(3, 0x00);
    set(2, 0x21);
    assert.equal(get(2) >> 5, 6, 'no 64-byte FIFO of the 16750');
    set(7, 0xa5);
    assert.equal(get(7), 0xa5);
  });

  it('shows the divisor behind DLAB', () => {
    const { get, set } = createUart();
    set(3, 0x80);
    set(0, 0x34);
    set(1, 0x12);
    assert.deepEqual([get(0), get(1)], [0x34, 0x12]);
    set(3, 0x00);
    assert.equal(get(1), 0);
  });

  it('sends at the pace of the line, THRE before TEMT', () => {
    const { host, get, set } = createReady(0x00);
    set(0, 0x41);
    assert.equal(get(5) & 0x60, 0x20, 'already in the shift register');
    set(0, 0x42);
    assert.equal(get(5) & 0x60, 0x00);
    host.advance(CHARACTER);
    assert.deepEqual(host.sent, [{ channel: 'com1', byte: 0x41, at: CHARACTER }]);
    assert.equal(get(5) & 0x60, 0x20);
    host.advance(CHARACTER);
    assert.equal(get(5) & 0x60, 0x60);
    assert.equal(sentText(host, 'com1'), 'AB');
  });

  it('takes its time from divisor and format', () => {
    const { host, set } = createReady();
    set(3, 0x9f);
    set(0, 12);
    set(3, 0x1f);
    set(0, 0x55);
    host.advance(10_000_000);
    assert.equal(host.sent[0].at, Math.ceil((12 * 12 * 1e9) / 115200), '8E2 is twelve bits');
  });

  it('holds sixteen characters behind the one in the shift register, and loses more', () => {
    const { host, set } = createReady();
    for (let index = 0; index < 20; index++) set(0, 0x61 + index);
    host.advance(30 * CHARACTER);
    assert.equal(sentText(host, 'com1'), 'abcdefghijklmnopq');
  });

  it('interrupts when the transmitter is empty, on enabling too; reading IIR or writing THR takes it away', () => {
    const { host, get, set } = createReady();
    set(1, 0x02);
    assert.equal(host.lines[4], true);
    assert.equal(get(2), 0xc2);
    assert.equal(host.lines[4], false);
    assert.equal(get(2), 0xc1);
    set(1, 0x00);
    set(1, 0x02);
    assert.equal(get(2), 0xc2, 'the driver\'s THRE test');
    set(0, 1);
    set(0, 2);
    assert.equal(host.lines[4], false);
    host.advance(CHARACTER);
    assert.equal(host.lines[4], true);
  });

  it('interrupts at the trigger level, and by time-out below it', () => {
    const { host, uart, get, set } = createReady(0x41);
    set(1, 0x01);
    uart.receive(Uint8Array.from([1, 2, 3, 4, 5]));
    host.advance(3 * CHARACTER);
    assert.equal(host.lines[4], false);
    host.advance(CHARACTER);
    assert.equal(get(2), 0xc4);
    host.advance(CHARACTER);
    for (let index = 1; index <= 4; index++) assert.equal(get(0), index);
    assert.equal(host.lines[4], false);
    host.advance(4 * CHARACTER);
    assert.equal(get(2), 0xcc);
    assert.equal(get(5) & 1, 1);
    assert.equal(get(0), 5);
    assert.equal(get(2), 0xc1);
    assert.equal(get(5) & 1, 0);
  });

  it('never loses what the host sends, however late the guest reads', () => {
    const { host, uart, get } = createReady();
    const bytes = Uint8Array.from({ length: 100 }, (_, index) => index);
    uart.receive(bytes);
    host.advance(1000 * CHARACTER);
    const seen: number[] = [];
    while ((get(5) & 1) === 1) {
      assert.equal(get(5) & 2, 0);
      seen.push(get(0));
      host.advance(CHARACTER);
    }
    assert.deepEqual(seen, [...bytes]);
  });

  it('loops back through its FIFO with the word length\'s bits, and marks an overrun', () => {
    const { host, get, set } = createReady();
    set(4, 0x10);
    set(3, 0x02);
    for (let index = 0; index < 16; index++) set(0, 0xf0 | index);
    host.advance(20 * CHARACTER);
    assert.equal(sentText(host, 'com1'), '', 'nothing leaves the chip');
    set(0, 0xff);
    host.advance(2 * CHARACTER);
    assert.equal(get(5) & 0x03, 0x03);
    assert.equal(get(5) & 0x03, 0x01, 'reading clears the overrun');
    const seen = Array.from({ length: 16 }, () => get(0));
    assert.deepEqual(seen, Array.from({ length: 16 }, (_, index) => 0x70 | index));
  });

  it('reports modem changes until read, with RI by its trailing edge', () => {
    const { host, get, set } = createReady();
    get(6);
    set(4, 0x18);
    set(1, 0x08);
    assert.equal(get(6), 0x83, 'DCD stays; CTS and DSR have fallen');
    set(4, 0x1c);
    assert.equal(get(6), 0xc0, 'RI up: no TERI');
    set(4, 0x18);
    assert.equal(get(2) & 0x0f, 0x00);
    assert.equal(get(6), 0x84);
    assert.equal(host.lines[4], false, 'loopback shuts the OUT2 gate');
  });

  it('keeps the interrupt line down while OUT2 is off', () => {
    const { host, set } = createReady();
    set(4, 0x03);
    set(1, 0x02);
    assert.equal(host.lines[4], false);
    set(4, 0x0b);
    assert.equal(host.lines[4], true);
  });
});
