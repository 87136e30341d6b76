/** Interprocessor interrupts against Intel SDM vol. 3, 11.6: destinations, shorthands, delivery modes, arbitration. */
import assert from 'node:assert/strict';
import { ApicFixture, REG } from './apic-fixture';

const CPUS = [0, 1, 2, 3, 4, 5, 6, 7];
/** Level assert, as every command but INIT de-assert has it. */
const ASSERT = 0x4000;
const LOGICAL = 0x800;
const MODE = { fixed: 0, lowest: 0x100, smi: 0x200, nmi: 0x400, init: 0x500, startUp: 0x600 } as const;
const SHORTHAND = { self: 0x40000, all: 0x80000, others: 0xc0000 } as const;

function create(cpus = 8): ApicFixture {
  const fixture = new ApicFixture({ cpus });
  return fixture.enable(...CPUS.slice(0, cpus));
}

function send(fixture: ApicFixture, from: number, destination: number, command: number): void {
  fixture.write(REG.icr2, destination << 24, from);
  fixture.write(REG.icr, command, from);
}

/** CPUs with an interrupt, which they take and serve. */
function reached(fixture: ApicFixture): number[] {
  return fixture.intr.flatMap((up, cpu) => {
    if (!up) return [];
    fixture.takeAll(cpu);
    fixture.write(REG.eoi, 0, cpu);
    return [cpu];
  });
}

describe('interprocessor interrupts', () => {
  it('reach one APIC by its ID, and all by FF', () => {
    const fixture = create();
    send(fixture, 0, 3, ASSERT | 0x50);
    assert.equal(fixture.read(REG.icr) & 0x1000, 0, 'delivery status: idle');
    assert.deepEqual(fixture.intr.indexOf(true), 3);
    assert.equal(fixture.bus.acknowledge(3), 0x50);
    fixture.write(REG.eoi, 0, 3);
    send(fixture, 0, 0xff, ASSERT | 0x50);
    assert.deepEqual(reached(fixture), CPUS);
    send(fixture, 0, 0x40, ASSERT | 0x50);
    assert.deepEqual(reached(fixture), [], 'nobody has ID 40');
  });

  it('reach logical destinations in the flat model', () => {
    const fixture = create();
    for (const cpu of CPUS) fixture.write(REG.ldr, (1 << cpu) << 24, cpu);
    send(fixture, 2, 0xa5, ASSERT | LOGICAL | 0x50);
    assert.deepEqual(reached(fixture), [0, 2, 5, 7]);
    send(fixture, 2, 0x00, ASSERT | LOGICAL | 0x50);
    assert.deepEqual(reached(fixture), []);
  });

  it('reach logical destinations in the cluster model', () => {
    const fixture = create();
    for (const cpu of CPUS) {
      fixture.write(REG.dfr, 0x0fffffff, cpu);
      fixture.write(REG.ldr, (((cpu >> 2) << 4) | (1 << (cpu & 3))) << 24, cpu);
    }
    send(fixture, 0, 0x05, ASSERT | LOGICAL | 0x50);
    assert.deepEqual(reached(fixture), [0, 2]);
    send(fixture, 0, 0x1c, ASSERT | LOGICAL | 0x50);
    assert.deepEqual(reached(fixture), [6, 7]);
    send(fixture, 0, 0xf1, ASSERT | LOGICAL | 0x50);
    assert.deepEqual(reached(fixture), [0, 4], 'cluster F is all clusters');
    send(fixture, 0, 0xff, ASSERT | LOGICAL | 0x50);
    assert.deepEqual(reached(fixture), CPUS);
    send(fixture, 0, 0x21, ASSERT | LOGICAL | 0x50);
    assert.deepEqual(reached(fixture), [], 'no such cluster');
  });

  it('reach by shorthand whatever the destination field says', () => {
    const fixture = create(4);
    send(fixture, 1, 0x00, ASSERT | SHORTHAND.self | 0x50);
    assert.deepEqual(reached(fixture), [1]);
    send(fixture, 1, 0x00, ASSERT | SHORTHAND.all | 0x50);
    assert.deepEqual(reached(fixture), [0, 1, 2, 3]);
    send(fixture, 1, 0x01, ASSERT | SHORTHAND.others | 0x50);
    assert.deepEqual(reached(fixture), [0, 2, 3]);
  });

  it('have the combinations of table 11-3 and no others', () => {
    const effects = (shorthand: number, mode: number): number => {
      const fixture = create(2);
      send(fixture, 0, 1, ASSERT | shorthand | mode | 0x50);
      return fixture.told.length + reached(fixture).length;
    };
    for (const mode of [MODE.lowest, MODE.smi, MODE.nmi, MODE.init, MODE.startUp, 0x300, 0x700]) {
      assert.equal(effects(SHORTHAND.self, mode), 0, `self, mode ${mode.toString(16)}`);
      assert.equal(effects(SHORTHAND.all, mode), 0, `all, mode ${mode.toString(16)}`);
    }
    for (const shorthand of [0, SHORTHAND.others]) {
      for (const mode of [MODE.fixed, MODE.lowest, MODE.nmi, MODE.init, MODE.startUp]) {
        assert.equal(effects(shorthand, mode), 1, `others, mode ${mode.toString(16)}`);
      }
      for (const mode of [0x300, 0x700]) assert.equal(effects(shorthand, mode), 0, 'reserved');
    }
  });

  it('start an application processor by INIT, SIPI, SIPI', () => {
    const fixture = create(3);
    fixture.write(REG.tpr, 0x20, 1);
    send(fixture, 0, 1, 0xc500);
    send(fixture, 0, 1, 0x8500);
    send(fixture, 0, 1, MODE.startUp | ASSERT | 0x9a);
    send(fixture, 0, 1, MODE.startUp | ASSERT | 0x9a);
    assert.deepEqual(fixture.told, ['init 1', 'sipi 1 9a', 'sipi 1 9a'], 'the de-assert does nothing');
    assert.equal(fixture.read(REG.tpr, 1), 0, 'INIT resets the registers');
    assert.equal(fixture.read(REG.svr, 1), 0xff);
    assert.equal(fixture.read(REG.id, 1), 0x01000000, 'and leaves the ID');
  });

  it('reset by INIT what was requested and what the timer was about', () => {
    const fixture = create(2);
    fixture.write(REG.lvtTimer, 0x20040, 1);
    fixture.write(REG.initialCount, 100, 1);
    send(fixture, 0, 1, ASSERT | 0x50);
    send(fixture, 0, 1, ASSERT | MODE.init);
    assert.deepEqual(fixture.intr, [false, false]);
    fixture.host.advance(1000);
    assert.deepEqual(fixture.intr, [false, false]);
    assert.deepEqual(fixture.host.pendingEvents(), []);
  });

  it('are edges even if sent as level', () => {
    const fixture = create(2);
    send(fixture, 0, 1, 0xc050);
    assert.equal(fixture.bit(REG.tmr, 0x50, 1), false);
    assert.deepEqual(reached(fixture), [1]);
    assert.deepEqual(fixture.ended, []);
  });
});

describe('lowest-priority delivery', () => {
  it('picks the lowest task priority among those that take vectors', () => {
    const fixture = create(4);
    [0x40, 0x20, 0x30, 0x10].forEach((priority, cpu) => fixture.write(REG.tpr, priority, cpu));
    fixture.write(REG.svr, 0xff, 3);
    send(fixture, 0, 0xff, ASSERT | MODE.lowest | 0x90);
    assert.deepEqual(reached(fixture), [1]);
  });

  it('lets equals take turns', () => {
    const fixture = create(3);
    const winners: number[] = [];
    for (let round = 0; round < 6; round++) {
      send(fixture, 0, 0xff, ASSERT | MODE.lowest | 0x90);
      winners.push(...reached(fixture));
    }
    assert.deepEqual(winners, [0, 1, 2, 0, 1, 2]);
  });

  it('prefers a processor without requests of its own', () => {
    const fixture = create(2);
    send(fixture, 0, 0, ASSERT | 0x80);
    send(fixture, 0, 0xff, ASSERT | MODE.lowest | 0x90);
    assert.equal(fixture.bit(REG.irr, 0x90, 0), false);
    assert.equal(fixture.bit(REG.irr, 0x90, 1), true);
  });
});

describe('ExtINT messages', () => {
  it('make the addressed processor fetch the vector from the 8259', () => {
    const fixture = create(2);
    fixture.externalVector = 0x0d;
    const message = { delivery: 7, vector: 0, levelTriggered: false, logical: false, destination: 1, wide: false };
    assert.equal(fixture.bus.deliver(message), true);
    assert.deepEqual(fixture.intr, [false, true]);
    assert.equal(fixture.bus.acknowledge(1), 0x0d);
    assert.deepEqual(fixture.intr, [false, false]);
  });
});
