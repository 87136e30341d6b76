/** ACPI fixed hardware against the ACPI specification, 4.8.3: status and enable, SCI, PM timer, power button, power off. */
import assert from 'node:assert/strict';
import { AcpiPm } from '../../../src/monitor/devices/acpi-pm';
import { FakeHost } from './fake-host';

const STATUS = 0x600;
const ENABLE = 0x602;
const CONTROL = 0x604;
const TIMER = 0x608;
const SCI = 9;

function create(): { host: FakeHost; pm: AcpiPm } {
  const host = new FakeHost();
  const pm = host.attach(new AcpiPm(host));
  pm.reset();
  return { host, pm };
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
});
