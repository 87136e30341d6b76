/** The 8259A pair against its data sheet: initialization, priorities, EOI forms, modes, cascade, spurious requests. */
import assert from 'node:assert/strict';
import { Pic } from '../../../src/monitor/devices/pic';

interface Fixture {
  readonly pic: Pic;
  readonly changes: boolean[];
}

/** A pair initialized as a PC's BIOS does it: vectors 08 and 70, cascade on IR2. */
function createPic(masterIcw4 = 0x01, slaveIcw4 = 0x01, icw1 = 0x11): Fixture {
  const changes: boolean[] = [];
  const pic: Pic = new Pic(() => changes.push(pic.pending()));
  pic.reset();
  const writes = [
    [0x20, icw1], [0x21, 0x08], [0x21, 0x04], [0x21, masterIcw4],
    [0xa0, icw1], [0xa1, 0x70], [0xa1, 0x02], [0xa1, slaveIcw4],
  ];
  for (const [port, value] of writes) pic.writePort(port, 1, value);
  return { pic, changes };
}

function inService(pic: Pic, port = 0x20): number {
  pic.writePort(port, 1, 0x0b);
  return pic.readPort(port);
}

function requested(pic: Pic, port = 0x20): number {
  pic.writePort(port, 1, 0x0a);
  return pic.readPort(port);
}

function pulse(pic: Pic, line: number): void {
  pic.setLine(line, true);
}

describe('8259A pair', () => {
  it('takes an edge, gives its vector, puts it in service until EOI', () => {
    const { pic, changes } = createPic();
    pulse(pic, 1);
    assert.deepEqual(changes, [true]);
    assert.equal(requested(pic), 0x02);
    assert.equal(pic.acknowledge(), 0x09);
    assert.equal(requested(pic), 0);
    assert.equal(inService(pic), 0x02);
    assert.equal(pic.pending(), false);
    pic.writePort(0x20, 1, 0x20);
    assert.equal(inService(pic), 0);
    assert.equal(pic.pending(), false, 'a line that stays up makes no second edge');
    pic.setLine(1, false);
    pic.setLine(1, true);
    assert.equal(pic.pending(), true);
  });

  it('lets only a higher priority interrupt one in service', () => {
    const { pic } = createPic();
    pulse(pic, 3);
    assert.equal(pic.acknowledge(), 0x0b);
    pulse(pic, 4);
    assert.equal(pic.pending(), false);
    pulse(pic, 0);
    assert.equal(pic.acknowledge(), 0x08);
    pic.writePort(0x20, 1, 0x20);
    assert.equal(inService(pic), 0x08, 'non-specific EOI ends the highest');
    assert.equal(pic.pending(), false);
    pic.writePort(0x20, 1, 0x20);
    assert.equal(pic.acknowledge(), 0x0c);
  });

  it('masks by OCW1 and reads the mask back', () => {
    const { pic } = createPic();
    pic.writePort(0x21, 1, 0x02);
    pulse(pic, 1);
    assert.equal(pic.pending(), false);
    assert.equal(pic.readPort(0x21), 0x02);
    pic.writePort(0x21, 1, 0x00);
    assert.equal(pic.pending(), true);
  });

  it('gives IRQ 7 without service when the request has gone before the acknowledge', () => {
    const { pic } = createPic();
    pulse(pic, 4);
    pic.setLine(4, false);
    assert.equal(pic.pending(), false);
    assert.equal(pic.acknowledge(), 0x0f);
    assert.equal(inService(pic), 0);
  });

  it('gives IRQ 15 when the slave has lost its request, with the cascade in service', () => {
    const { pic } = createPic();
    pulse(pic, 9);
    assert.equal(pic.acknowledge(), 0x71);
    assert.equal(inService(pic), 0x04);
    assert.equal(inService(pic, 0xa0), 0x02);
    pic.writePort(0xa0, 1, 0x20);
    pic.writePort(0x20, 1, 0x20);
    pulse(pic, 12);
    pic.writePort(0x21, 1, 0x04);
    pic.writePort(0x21, 1, 0x00);
    assert.equal(pic.acknowledge(), 0x74);
    const second = createPic().pic;
    pulse(second, 12);
    second.state.slave.edges = 0;
    assert.equal(second.acknowledge(), 0x77);
    assert.equal(inService(second), 0x04);
    assert.equal(inService(second, 0xa0), 0);
  });

  it('ends a named input by specific EOI', () => {
    const { pic } = createPic();
    pulse(pic, 5);
    pic.acknowledge();
    pulse(pic, 2 + 0);
    pulse(pic, 1);
    pic.acknowledge();
    pic.writePort(0x20, 1, 0x65);
    assert.equal(inService(pic), 0x02);
  });

  it('rotates on EOI, by command, and on automatic EOI', () => {
    const { pic } = createPic();
    pulse(pic, 0);
    pic.acknowledge();
    pic.writePort(0x20, 1, 0xa0);
    assert.equal(pic.state.master.lowestPriority, 0);
    pic.setLine(0, false);
    pulse(pic, 0);
    pulse(pic, 1);
    assert.equal(pic.acknowledge(), 0x09, 'IR1 is now the highest');
    pic.writePort(0x20, 1, 0xe1);
    assert.equal(pic.state.master.lowestPriority, 1);
    pic.writePort(0x20, 1, 0xc7);
    assert.equal(pic.acknowledge(), 0x08, 'priority set back to IR7 lowest');
    const automatic = createPic(0x03).pic;
    automatic.writePort(0x20, 1, 0x80);
    pulse(automatic, 3);
    assert.equal(automatic.acknowledge(), 0x0b);
    assert.equal(inService(automatic), 0);
    assert.equal(automatic.state.master.lowestPriority, 3);
  });

  it('lets lower priorities through in special mask mode, and spares masked bits from non-specific EOI', () => {
    const { pic } = createPic();
    pulse(pic, 1);
    pic.acknowledge();
    pulse(pic, 6);
    assert.equal(pic.pending(), false);
    pic.writePort(0x21, 1, 0x02);
    pic.writePort(0x20, 1, 0x68);
    assert.equal(pic.acknowledge(), 0x0e);
    pic.writePort(0x20, 1, 0x20);
    assert.equal(inService(pic), 0x02);
    pic.writePort(0x20, 1, 0x48);
    pic.writePort(0x20, 1, 0x20);
    assert.equal(inService(pic), 0);
  });

  it('lets a slave interrupt its own service in special fully nested mode only', () => {
    for (const [icw4, nested] of [[0x01, false], [0x11, true]] as const) {
      const { pic } = createPic(icw4);
      pulse(pic, 12);
      assert.equal(pic.acknowledge(), 0x74);
      pulse(pic, 8);
      assert.equal(pic.pending(), nested);
      if (nested) assert.equal(pic.acknowledge(), 0x70);
    }
  });

  it('follows the line when level triggered, by ELCR and by LTIM', () => {
    const { pic } = createPic();
    pic.writePort(0x4d1, 1, 0xff);
    assert.equal(pic.readPort(0x4d1), 0xde);
    pic.writePort(0x4d0, 1, 0xff);
    assert.equal(pic.readPort(0x4d0), 0xf8);
    pic.setLine(11, true);
    assert.equal(pic.acknowledge(), 0x73);
    pic.writePort(0xa0, 1, 0x20);
    pic.writePort(0x20, 1, 0x20);
    assert.equal(pic.acknowledge(), 0x73, 'still up: again');
    pic.setLine(11, false);
    pic.writePort(0xa0, 1, 0x20);
    pic.writePort(0x20, 1, 0x20);
    assert.equal(pic.pending(), false);
    const level = createPic(0x01, 0x01, 0x19).pic;
    level.setLine(0, true);
    level.acknowledge();
    level.writePort(0x20, 1, 0x20);
    assert.equal(level.pending(), true);
  });

  it('answers a poll as an acknowledge', () => {
    const { pic } = createPic();
    pulse(pic, 4);
    pic.writePort(0x20, 1, 0x0c);
    assert.equal(pic.readPort(0x20), 0x84);
    assert.equal(inService(pic), 0x10);
    assert.equal(pic.pending(), false);
    pic.writePort(0x20, 1, 0x0c);
    assert.equal(pic.readPort(0x20), 0x00);
  });

  it('brings two requests of the slave one after the other under automatic EOI', () => {
    const { pic } = createPic(0x03, 0x03);
    pulse(pic, 9);
    pulse(pic, 10);
    assert.equal(pic.acknowledge(), 0x71);
    assert.equal(pic.pending(), true);
    assert.equal(pic.acknowledge(), 0x72);
    assert.equal(pic.pending(), false);
  });

  it('clears mask, service and caught edges on ICW1', () => {
    const { pic } = createPic();
    pic.writePort(0x21, 1, 0xff);
    pulse(pic, 3);
    pic.writePort(0x20, 1, 0x13);
    assert.equal(requested(pic), 0);
    assert.equal(pic.readPort(0x21), 0);
    pic.writePort(0x21, 1, 0x40);
    pic.writePort(0x21, 1, 0x01);
    pic.writePort(0x21, 1, 0xaa);
    assert.equal(pic.readPort(0x21), 0xaa, 'single mode has no ICW3: the third byte is the mask');
  });
});
