/** ACPI fixed hardware against the ACPI specification, 4.8.3: status and enable, SCI, PM timer, power button, power off. */
import assert from 'node:assert/strict';
import { AcpiPm } from '../../../src/monitor/devices/acpi-pm';
import { PciBus } from '../../../src/monitor/devices/pci';
import { FakeHost } from './fake-host';

const STATUS = 0x600;
const ENABLE = 0x602;
const CONTROL = 0x604;
const TIMER = 0x608;
const SCI = 9;

interface Fixture {
  readonly host: FakeHost;
  readonly pci: PciBus;
  readonly pm: AcpiPm;
  /** How often the board was told that ports have moved. */
  moves: number;
}

/** Writes to configuration space of the function, 0:1.3. */
function configure(pci: PciBus, register: number, size: 1 | 2 | 4, value: number): void {
  pci.writePort(0xcf8, 4, (0x80000b00 | (register & 0xfc)) >>> 0);
  pci.writePort(0xcfc + (register & 3), size, value);
}

/** As a BIOS leaves it: ports from 600, SMBus from 700. */
function create(): Fixture {
  const host = new FakeHost();
  const pci = new PciBus(host);
  const fixture: Fixture = { host, pci, pm: host.attach(new AcpiPm(host, pci, () => { fixture.moves++; })), moves: 0 };
  pci.reset();
  fixture.pm.reset();
  configure(pci, 0x40, 4, 0x601);
  configure(pci, 0x80, 1, 0x01);
  configure(pci, 0x90, 4, 0x701);
  configure(pci, 0xd2, 1, 0x09);
  return fixture;
}

describe('ACPI power management', () => {
  it('counts 3.579545 MHz in 24 bits', () => {
    const { host, pm } = create();
    assert.equal(pm.readPort(TIMER, 4), 0);
    host.advance(1_000_000_000);
    assert.equal(pm.readPort(TIMER, 4), 3579545);
    host.advance(4_000_000_000);
    assert.equal(pm.readPort(TIMER, 4), (3579545 * 5) % 0x1000000);
  });

  it('sets TMR_STS when bit 23 changes, and raises SCI when that is enabled', () => {
    const { host, pm } = create();
    const half = Math.ceil((0x800000 / 3579545) * 1e9);
    host.advance(half - 1);
    assert.equal(pm.readPort(STATUS, 2) & 1, 0);
    host.advance(1);
    assert.equal(pm.readPort(STATUS, 2) & 1, 1);
    assert.equal(host.lines[SCI], false);
    pm.writePort(ENABLE, 2, 0x0001);
    assert.equal(host.lines[SCI], true);
    pm.writePort(STATUS, 2, 0x0001);
    assert.equal(host.lines[SCI], false, 'cleared by a one');
    assert.equal(pm.readPort(STATUS, 2), 0);
    host.advance(half);
    assert.equal(host.lines[SCI], true, 'the next change comes as an event');
  });

  it('needs no events while nobody listens to the timer', () => {
    const { host, pm } = create();
    assert.deepEqual(host.pendingEvents(), []);
    pm.writePort(ENABLE, 2, 0x0001);
    assert.equal(host.pendingEvents().length, 1);
    pm.writePort(ENABLE, 2, 0x0100);
    assert.deepEqual(host.pendingEvents(), []);
  });

  it('tells of the power button', () => {
    const { host, pm } = create();
    pm.pressPowerButton();
    assert.equal(pm.readPort(STATUS, 2), 0x0100);
    assert.equal(host.lines[SCI], false);
    pm.writePort(ENABLE, 2, 0x0100);
    assert.equal(host.lines[SCI], true);
    pm.writePort(STATUS, 2, 0x0001);
    assert.equal(host.lines[SCI], true, 'another bit');
    pm.writePort(STATUS, 1, 0xff);
    pm.writePort(STATUS + 1, 1, 0x01);
    assert.equal(host.lines[SCI], false);
  });

  it('tells of the real-time clock', () => {
    const { host, pm } = create();
    pm.writePort(ENABLE, 2, 0x0400);
    assert.equal(pm.readPort(ENABLE, 2), 0x0400);
    pm.clockInterrupt();
    assert.equal(pm.readPort(STATUS, 2), 0x0400);
    assert.equal(host.lines[SCI], true);
  });

  it('is in ACPI mode always, and keeps SLP_TYP but not SLP_EN', () => {
    const { host, pm } = create();
    assert.equal(pm.readPort(CONTROL, 2), 0x0001);
    pm.writePort(CONTROL, 2, 0x3c02);
    assert.equal(pm.readPort(CONTROL, 2), 0x1c03);
    assert.deepEqual(host.stops, [], 'no sleep state has type 7');
  });

  it('turns the machine off by SLP_EN with the type of S5', () => {
    const { host, pm } = create();
    pm.writePort(CONTROL, 2, 0x0000);
    assert.deepEqual(host.stops, []);
    pm.writePort(CONTROL, 2, 0x2000);
    assert.deepEqual(host.stops, [{ kind: 'power-off' }]);
  });

  it('reads registers in parts', () => {
    const { pm } = create();
    pm.writePort(ENABLE, 2, 0x0121);
    assert.equal(pm.readPort(STATUS, 4), 0x01210000);
    assert.equal(pm.readPort(ENABLE + 1, 1), 0x01);
  });

  it('is function 8086:7113 beside the ISA bridge', () => {
    const { pci } = create();
    pci.writePort(0xcf8, 4, 0x80000b00);
    assert.equal(pci.readPort(0xcfc, 4), 0x71138086);
    pci.writePort(0xcf8, 4, 0x80000b08);
    assert.equal(pci.readPort(0xcfc, 4), 0x06800003, 'a bridge of another kind, revision 3');
    pci.writePort(0xcf8, 4, 0x80000b3c);
    assert.equal(pci.readPort(0xcfd, 1), 1, 'INTA');
  });

  it('decodes nothing after power-on, and its ports where the base says once they are enabled', () => {
    const host = new FakeHost();
    const pci = new PciBus(host);
    let moves = 0;
    const pm = new AcpiPm(host, pci, () => { moves++; });
    pci.reset();
    pm.reset();
    assert.deepEqual(pm.ports, []);
    configure(pci, 0x40, 4, 0xffffffff);
    pci.writePort(0xcf8, 4, 0x80000b40);
    assert.equal(pci.readPort(0xcfc, 4), 0x0000ffc1, '64 ports, and the bit that says that they are ports');
    configure(pci, 0x40, 2, 0xb000);
    assert.deepEqual(pm.ports, []);
    configure(pci, 0x80, 1, 0x01);
    assert.deepEqual(pm.ports, [{ first: 0xb000, count: 64 }]);
    assert.ok(moves > 0);
    pm.writePort(0xb002, 2, 0x0100);
    assert.equal(pm.readPort(0xb002, 2), 0x0100);
    configure(pci, 0x80, 1, 0x00);
    assert.deepEqual(pm.ports, []);
  });

  it('keeps general-purpose enables, and has no events', () => {
    const { pm } = create();
    pm.writePort(0x60e, 2, 0xffff);
    assert.equal(pm.readPort(0x60e, 2), 0x0f01);
    assert.equal(pm.readPort(0x60c, 2), 0);
  });

  it('ends each SMBus transfer without an acknowledgement', () => {
    const { host, pm } = create();
    pm.writePort(0x704, 1, 0xa1);
    pm.writePort(0x702, 1, 0x49);
    assert.equal(pm.readPort(0x700, 1), 0x04, 'DEV_ERR');
    assert.equal(pm.readPort(0x702, 1), 0x09, 'START reads zero');
    assert.equal(host.lines[SCI], true, 'INTEREN');
    pm.writePort(0x700, 1, 0xff);
    assert.equal(pm.readPort(0x700, 1), 0);
    assert.equal(host.lines[SCI], false);
  });
});
