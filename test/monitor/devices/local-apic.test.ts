/** Local APIC against Intel SDM vol. 3, chapter 11: registers, priorities, EOI, local vectors, errors, switching on and off. */
import assert from 'node:assert/strict';
import { ApicFixture, BASE, REG } from './apic-fixture';

/** Switches an APIC from xAPIC to x2APIC mode. */
function toX2apic(fixture: ApicFixture, cpu = 0): void {
  assert.equal(fixture.bus.writeBase(cpu, fixture.bus.readBase(cpu) | 0x400n), true);
}

describe('local APIC after power-on', () => {
  it('shows the values of 11.4.7.1', () => {
    const fixture = new ApicFixture({ cpus: 2 });
    const read = (offset: number): number => fixture.read(offset, 1);
    assert.equal(read(REG.id), 0x01000000);
    assert.equal(read(REG.version) & 0xff, 0x14);
    assert.equal((read(REG.version) >> 16) & 0xff, 5, 'six local vectors');
    assert.equal(read(REG.tpr), 0);
    assert.equal(read(REG.ldr), 0);
    assert.equal(read(REG.dfr), 0xffffffff);
    assert.equal(read(REG.svr), 0xff);
    assert.equal(read(REG.initialCount), 0);
    assert.equal(read(REG.currentCount), 0);
    assert.equal(read(REG.divide), 0);
    for (const offset of [REG.lvtTimer, REG.lvtThermal, REG.lvtPerformance, REG.lint0, REG.lint1, REG.lvtError]) {
      assert.equal(read(offset), 0x10000, `LVT at ${offset.toString(16)}`);
    }
    for (let offset = REG.isr; offset < REG.esr; offset += 16) assert.equal(read(offset), 0);
  });

  it('tells bootstrap and application processors apart in IA32_APIC_BASE', () => {
    const { bus } = new ApicFixture({ cpus: 2 });
    assert.equal(bus.readBase(0), 0xfee00900n);
    assert.equal(bus.readBase(1), 0xfee00800n);
  });

  it('is in virtual wire mode on the bootstrap processor: the 8259 gets through, and to nobody else', () => {
    const fixture = new ApicFixture({ cpus: 2 });
    fixture.bus.setLocalInput(0, true);
    assert.deepEqual(fixture.intr, [true, false]);
    assert.equal(fixture.bus.acknowledge(0), 0x08);
    fixture.bus.setLocalInput(0, false);
    assert.deepEqual(fixture.intr, [false, false]);
    assert.equal(fixture.bit(REG.isr, 0x08), false, 'ExtINT is no business of the ISR');
  });

  it('passes LINT0 and LINT1 on as INTR and NMI while it is switched off', () => {
    const fixture = new ApicFixture({ cpus: 2 });
    assert.equal(fixture.bus.writeBase(1, 0xfee00000n), true);
    fixture.bus.setLocalInput(0, true);
    assert.equal(fixture.bus.pending(1), true);
    fixture.bus.setLocalInput(1, true);
    assert.deepEqual(fixture.told, ['nmi 0', 'nmi 1']);
    fixture.bus.currentCpu = 1;
    assert.equal(fixture.bus.readMemory(BASE + REG.version, 4), 0xffffffff);
  });

  it('is as good as absent for a CPU model without APIC', () => {
    const fixture = new ApicFixture({ cpus: 1, present: false });
    fixture.bus.setLocalInput(0, true);
    assert.equal(fixture.bus.pending(0), true);
    assert.equal(fixture.bus.acknowledge(0), 0x08);
    assert.equal(fixture.read(REG.version), 0xffffffff);
  });
});

describe('local APIC registers in memory', () => {
  it('keeps what may be written, and no reserved bit', () => {
    const fixture = new ApicFixture().enable(0);
    const kept: readonly (readonly [number, number])[] = [
      [REG.tpr, 0xff], [REG.ldr, 0xff000000], [REG.dfr, 0xffffffff], [REG.svr, 0x1ff], [REG.icr2, 0xff000000],
      [REG.lvtTimer, 0x700ff], [REG.lvtThermal, 0x107ff], [REG.lvtPerformance, 0x107ff], [REG.lint0, 0x1a7ff],
      [REG.lint1, 0x1a7ff], [REG.lvtError, 0x100ff], [REG.divide, 0xb],
    ];
    for (const [offset, value] of kept) {
      fixture.write(offset, 0xffffffff);
      assert.equal(fixture.read(offset), value, `register ${offset.toString(16)}`);
    }
    fixture.write(REG.dfr, 0);
    assert.equal(fixture.read(REG.dfr), 0x0fffffff, 'the low 28 bits of DFR read as ones');
  });

  it('leaves read-only registers alone', () => {
    const fixture = new ApicFixture().enable(0);
    for (const offset of [REG.id, REG.version, REG.apr, REG.ppr, REG.isr, REG.tmr, REG.irr, REG.currentCount]) {
      const before = fixture.read(offset);
      fixture.write(offset, 0x55555555);
      assert.equal(fixture.read(offset), before);
    }
    fixture.write(REG.esr, 0);
    assert.equal(fixture.read(REG.esr), 0, 'that is no error');
  });

  it('shows each processor its own APIC at one address', () => {
    const fixture = new ApicFixture({ cpus: 3 });
    fixture.write(REG.tpr, 0x20, 0);
    fixture.write(REG.tpr, 0x30, 2);
    assert.deepEqual([0, 1, 2].map((cpu) => fixture.read(REG.tpr, cpu)), [0x20, 0, 0x30]);
    assert.deepEqual([0, 1, 2].map((cpu) => fixture.read(REG.id, cpu)), [0, 0x01000000, 0x02000000]);
  });

  it('gives parts of a register to narrow reads', () => {
    const fixture = new ApicFixture({ cpus: 4 });
    fixture.bus.currentCpu = 3;
    assert.equal(fixture.bus.readMemory(BASE + REG.id + 3, 1), 3);
    assert.equal(fixture.bus.readMemory(BASE + REG.version, 2), 0x14);
  });
});

describe('local APIC priorities', () => {
  it('brings the highest vector first, and holds its class and below until EOI', () => {
    const fixture = new ApicFixture().enable(0);
    for (const vector of [0x31, 0x52, 0x55, 0x9f]) fixture.self(vector);
    assert.deepEqual(fixture.intr, [true]);
    assert.equal(fixture.bus.acknowledge(0), 0x9f);
    assert.equal(fixture.bit(REG.isr, 0x9f), true);
    assert.equal(fixture.bit(REG.irr, 0x9f), false);
    assert.equal(fixture.read(REG.ppr), 0x90);
    assert.deepEqual(fixture.intr, [false]);
    fixture.write(REG.eoi, 0);
    assert.equal(fixture.bus.acknowledge(0), 0x55);
    assert.deepEqual(fixture.intr, [false], '52 is of the same class');
    fixture.write(REG.eoi, 0);
    assert.equal(fixture.bus.acknowledge(0), 0x52);
    fixture.write(REG.eoi, 0);
    assert.equal(fixture.bus.acknowledge(0), 0x31);
    fixture.write(REG.eoi, 0);
    assert.equal(fixture.read(REG.ppr), 0);
  });

  it('nests a higher class, and EOI ends the highest', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.self(0x40);
    fixture.bus.acknowledge(0);
    fixture.self(0x80);
    assert.equal(fixture.bus.acknowledge(0), 0x80);
    fixture.write(REG.eoi, 0);
    assert.equal(fixture.bit(REG.isr, 0x80), false);
    assert.equal(fixture.bit(REG.isr, 0x40), true);
  });

  it('keeps one further request of a vector that is in service', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.self(0x40);
    fixture.bus.acknowledge(0);
    fixture.self(0x40);
    fixture.self(0x40);
    fixture.write(REG.eoi, 0);
    assert.deepEqual(fixture.takeAll(), [0x40]);
    fixture.write(REG.eoi, 0);
    assert.deepEqual(fixture.takeAll(), []);
  });

  it('holds back what is not above the task priority', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.write(REG.tpr, 0x45);
    assert.equal(fixture.read(REG.ppr), 0x45);
    fixture.self(0x4f);
    assert.deepEqual(fixture.intr, [false]);
    fixture.self(0x50);
    assert.deepEqual(fixture.takeAll(), [0x50]);
    fixture.write(REG.eoi, 0);
    fixture.write(REG.tpr, 0x3f);
    assert.deepEqual(fixture.intr, [true]);
    fixture.write(REG.tpr, 0xff);
    assert.deepEqual(fixture.intr, [false]);
    fixture.bus.setTaskPriorityClass(0, 3);
    assert.equal(fixture.read(REG.tpr), 0x30, 'CR8 is TPR bits 4-7');
    assert.equal(fixture.bus.taskPriorityClass(0), 3);
    assert.deepEqual(fixture.takeAll(), [0x4f]);
  });

  it('computes the arbitration priority as 11.6.2.4 says', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.write(REG.tpr, 0x63);
    assert.equal(fixture.read(REG.apr), 0x63, 'TPR above IRRV and ISRV');
    fixture.self(0x95);
    assert.equal(fixture.read(REG.apr), 0x90, 'the class of IRRV');
    fixture.bus.acknowledge(0);
    assert.equal(fixture.read(REG.apr), 0x00, 'TPR AND ISRV: 6 AND 9');
    fixture.write(REG.tpr, 0x83);
    assert.equal(fixture.read(REG.apr), 0x80, 'TPR AND ISRV: 8 AND 9');
  });

  it('answers with the spurious vector when the request is masked by the time of INTA', () => {
    const fixture = new ApicFixture();
    fixture.write(REG.svr, 0x1ef);
    fixture.self(0x40);
    assert.equal(fixture.bus.pending(0), true);
    fixture.write(REG.tpr, 0x50);
    assert.equal(fixture.bus.acknowledge(0), 0xef);
    assert.equal(fixture.bit(REG.isr, 0xef), false);
    assert.equal(fixture.bit(REG.irr, 0x40), true, 'the request stays');
  });

  it('ignores an EOI when nothing is in service', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.self(0x40);
    fixture.write(REG.eoi, 0);
    assert.equal(fixture.bit(REG.irr, 0x40), true);
    assert.deepEqual(fixture.ended, []);
  });

  it('marks level-triggered requests in the TMR and broadcasts their EOI', () => {
    const fixture = new ApicFixture().enable(0);
    const message = { delivery: 0, logical: false, destination: 0, wide: false };
    assert.equal(fixture.bus.deliver({ ...message, vector: 0x60, levelTriggered: true }), true);
    assert.equal(fixture.bit(REG.tmr, 0x60), true);
    fixture.bus.acknowledge(0);
    fixture.write(REG.eoi, 0);
    assert.deepEqual(fixture.ended, [0x60]);
    fixture.bus.deliver({ ...message, vector: 0x60, levelTriggered: false });
    assert.equal(fixture.bit(REG.tmr, 0x60), false);
    fixture.bus.acknowledge(0);
    fixture.write(REG.eoi, 0);
    assert.deepEqual(fixture.ended, [0x60], 'none for an edge');
  });
});

describe('local APIC disabled by software', () => {
  it('masks all local vectors, and keeps them masked', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.write(REG.lvtTimer, 0x40);
    fixture.write(REG.svr, 0xff);
    assert.equal(fixture.read(REG.lvtTimer), 0x10040);
    fixture.write(REG.lvtError, 0x41);
    assert.equal(fixture.read(REG.lvtError), 0x10041);
    fixture.enable(0);
    assert.equal(fixture.read(REG.lvtError), 0x10041, 'enabling does not unmask');
    fixture.write(REG.lvtError, 0x41);
    assert.equal(fixture.read(REG.lvtError), 0x41);
  });

  it('takes NMI, INIT and SIPI, but no vectors; what is requested already stays', () => {
    const fixture = new ApicFixture({ cpus: 2 }).enable(0, 1);
    fixture.write(REG.icr2, 0x01000000);
    fixture.write(REG.icr, 0x4050);
    fixture.write(REG.svr, 0xff, 1);
    fixture.write(REG.icr, 0x4051);
    for (const command of [0x4400, 0x4500, 0x4612]) fixture.write(REG.icr, command);
    assert.deepEqual(fixture.told, ['nmi 1', 'init 1', 'sipi 1 12']);
    const held = new ApicFixture().enable(0);
    held.self(0x50);
    held.write(REG.svr, 0xff);
    assert.deepEqual(held.takeAll(), [0x50]);
  });
});

describe('local inputs', () => {
  it('raises an edge once, whatever the level does then', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.write(REG.lint0, 0x41);
    fixture.bus.setLocalInput(0, true);
    assert.deepEqual(fixture.takeAll(), [0x41]);
    fixture.write(REG.eoi, 0);
    assert.deepEqual(fixture.takeAll(), []);
    fixture.bus.setLocalInput(0, false);
    fixture.bus.setLocalInput(0, true);
    assert.deepEqual(fixture.takeAll(), [0x41]);
  });

  it('raises a level again after EOI while the line is active, with remote IRR in between', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.write(REG.lint0, 0x8041);
    fixture.bus.setLocalInput(0, true);
    assert.equal(fixture.read(REG.lint0), 0xc041);
    assert.deepEqual(fixture.takeAll(), [0x41]);
    fixture.write(REG.eoi, 0);
    assert.deepEqual(fixture.takeAll(), [0x41]);
    fixture.bus.setLocalInput(0, false);
    fixture.write(REG.eoi, 0);
    assert.deepEqual(fixture.takeAll(), []);
    assert.equal(fixture.read(REG.lint0), 0x8041);
  });

  it('follows the polarity', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.bus.setLocalInput(0, true);
    fixture.write(REG.lint0, 0x2041);
    fixture.bus.setLocalInput(0, false);
    assert.deepEqual(fixture.takeAll(), [0x41]);
  });

  it('delivers NMI and INIT, and nothing while masked', () => {
    const fixture = new ApicFixture().enable(0);
    for (const [entry, told] of [[0x10400, []], [0x400, ['nmi 0']], [0x500, ['init 0']]] as const) {
      fixture.told.length = 0;
      fixture.bus.setLocalInput(1, false);
      fixture.write(REG.lint1, entry);
      fixture.bus.setLocalInput(1, true);
      assert.deepEqual(fixture.told, told);
    }
  });

  it('closes the way of the 8259 when LINT0 is masked or has another mode', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.bus.setLocalInput(0, true);
    assert.equal(fixture.bus.pending(0), true);
    fixture.write(REG.lint0, 0x10700);
    assert.deepEqual(fixture.intr, [false]);
    fixture.write(REG.lint0, 0x00700);
    assert.deepEqual(fixture.intr, [true]);
  });
});

describe('local APIC errors', () => {
  it('shows errors in the ESR when it is written, and forgets them at the next write', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.self(0x0f);
    assert.equal(fixture.read(REG.esr), 0);
    fixture.write(REG.esr, 0);
    assert.equal(fixture.read(REG.esr), 0x20, 'send illegal vector');
    assert.deepEqual(fixture.takeAll(), []);
    fixture.write(REG.esr, 0);
    assert.equal(fixture.read(REG.esr), 0);
  });

  it('knows illegal vectors that come in, and addresses without register', () => {
    const fixture = new ApicFixture().enable(0);
    const message = { delivery: 0, vector: 0x0e, levelTriggered: false, logical: false, destination: 0, wide: false };
    assert.equal(fixture.bus.deliver(message), false);
    fixture.write(REG.esr, 0);
    assert.equal(fixture.read(REG.esr), 0x40);
    fixture.read(0x2a0);
    fixture.write(0x400, 1);
    fixture.write(REG.esr, 0);
    assert.equal(fixture.read(REG.esr), 0x80);
  });

  it('raises the error interrupt once until the ESR is written', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.write(REG.lvtError, 0xfe);
    fixture.self(0x01);
    assert.deepEqual(fixture.takeAll(), [0xfe]);
    fixture.write(REG.eoi, 0);
    fixture.self(0x01);
    assert.deepEqual(fixture.takeAll(), []);
    fixture.write(REG.esr, 0);
    fixture.self(0x01);
    assert.deepEqual(fixture.takeAll(), [0xfe]);
  });
});

describe('IA32_APIC_BASE', () => {
  it('has the transitions of figure 11-27 and no others', () => {
    const modes = { disabled: 0x000n, xapic: 0x800n, x2apic: 0xc00n, invalid: 0x400n } as const;
    const ways: Readonly<Record<'disabled' | 'xapic' | 'x2apic', readonly bigint[]>> = {
      disabled: [modes.disabled], xapic: [], x2apic: [modes.x2apic],
    };
    const allowed: Readonly<Record<keyof typeof ways, readonly bigint[]>> = {
      disabled: [modes.disabled, modes.xapic],
      xapic: [modes.disabled, modes.xapic, modes.x2apic],
      x2apic: [modes.disabled, modes.x2apic],
    };
    for (const from of ['disabled', 'xapic', 'x2apic'] as const) {
      for (const to of Object.values(modes)) {
        const { bus } = new ApicFixture();
        for (const step of ways[from]) assert.equal(bus.writeBase(0, 0xfee00100n | step), true);
        const before = bus.readBase(0);
        const legal = allowed[from].includes(to);
        assert.equal(bus.writeBase(0, 0xfee00100n | to), legal, `${from} to ${to.toString(16)}`);
        assert.equal(bus.readBase(0), legal ? 0xfee00100n | to : before);
      }
    }
  });

  it('refuses reserved bits, and x2APIC where the model has none', () => {
    const { bus } = new ApicFixture({ cpus: 1, x2apic: false });
    for (const bit of [0n, 7n, 9n, 40n, 63n]) assert.equal(bus.writeBase(0, 0xfee00900n | (1n << bit)), false);
    assert.equal(bus.writeBase(0, 0xfee00d00n), false);
  });

  it('moves the registers of one processor', () => {
    const fixture = new ApicFixture({ cpus: 2 });
    assert.equal(fixture.bus.writeBase(1, 0x12_3456_7000n | 0x800n), true);
    assert.equal(fixture.moved, 1);
    assert.deepEqual(fixture.bus.regions, [{ first: BASE, bytes: 4096 }, { first: 0x12_3456_7000, bytes: 4096 }]);
    fixture.bus.currentCpu = 1;
    assert.equal(fixture.bus.readMemory(0x12_3456_7000 + REG.id, 4), 0x01000000);
    assert.equal(fixture.bus.readMemory(BASE + REG.id, 4), 0xffffffff);
    fixture.bus.currentCpu = 0;
    assert.equal(fixture.bus.readMemory(BASE + REG.id, 4), 0);
    fixture.bus.reset();
    assert.deepEqual(fixture.bus.regions, [{ first: BASE, bytes: 4096 }]);
    assert.equal(fixture.moved, 2);
  });

  it('loses its state by switching off', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.write(REG.tpr, 0x80);
    fixture.self(0x50);
    fixture.bus.writeBase(0, 0xfee00100n);
    fixture.bus.writeBase(0, 0xfee00900n);
    assert.equal(fixture.read(REG.tpr), 0);
    assert.equal(fixture.read(REG.svr), 0xff);
    assert.equal(fixture.bit(REG.irr, 0x50), false);
  });
});

describe('x2APIC mode', () => {
  /** MSRs of table 11-6 by what RDMSR and WRMSR (of zero) do in x2APIC mode. */
  const READ_WRITE = [0x808, 0x80f, 0x828, 0x830, 0x832, 0x833, 0x834, 0x835, 0x836, 0x837, 0x838, 0x83e];
  const READ_ONLY = [0x802, 0x803, 0x80a, 0x80d, 0x839, ...Array.from({ length: 24 }, (_, index) => 0x810 + index)];
  const WRITE_ONLY = [0x80b, 0x83f];

  it('has the MSRs of table 11-6 and faults on all others', () => {
    const fixture = new ApicFixture();
    toX2apic(fixture);
    for (let msr = 0x800; msr <= 0x8ff; msr++) {
      const readable = READ_WRITE.includes(msr) || READ_ONLY.includes(msr);
      const writable = READ_WRITE.includes(msr) || WRITE_ONLY.includes(msr);
      assert.equal(fixture.bus.readMsr(0, msr) !== undefined, readable, `RDMSR ${msr.toString(16)}`);
      assert.equal(fixture.bus.writeMsr(0, msr, 0n), writable, `WRMSR ${msr.toString(16)}`);
    }
  });

  it('has no MSRs in xAPIC mode, and no page in x2APIC mode', () => {
    const fixture = new ApicFixture();
    assert.equal(fixture.bus.readMsr(0, 0x802), undefined);
    assert.equal(fixture.bus.writeMsr(0, 0x808, 0n), false);
    toX2apic(fixture);
    assert.equal(fixture.read(REG.version), 0xffffffff);
    fixture.write(REG.tpr, 0x40);
    assert.equal(fixture.bus.readMsr(0, 0x808), 0n);
  });

  it('faults on reserved bits', () => {
    const { bus } = new ApicFixture();
    assert.equal(bus.writeBase(0, 0xfee00d00n), true);
    const reserved: readonly (readonly [number, bigint])[] = [
      [0x808, 0x100n], [0x80b, 1n], [0x80f, 0x400n], [0x828, 1n], [0x830, 0x2000n], [0x830, 0x10000n], [0x830, 0x100000n],
      [0x832, 0x80000n], [0x835, 0x800n], [0x837, 0x400n], [0x83e, 4n], [0x838, 1n << 32n], [0x83f, 0x100n],
    ];
    for (const [msr, value] of reserved) assert.equal(bus.writeMsr(0, msr, value), false, msr.toString(16));
  });

  it('shows whole IDs, and derives the logical one', () => {
    const fixture = new ApicFixture({ cpus: 8 });
    for (const cpu of [0, 3, 7]) {
      toX2apic(fixture, cpu);
      assert.equal(fixture.bus.readMsr(cpu, 0x802), BigInt(cpu));
      assert.equal(fixture.bus.readMsr(cpu, 0x80d), BigInt(1 << cpu));
    }
  });

  it('keeps registers on its way from xAPIC mode', () => {
    const fixture = new ApicFixture().enable(0);
    fixture.write(REG.tpr, 0x20);
    fixture.write(REG.lvtTimer, 0x20055);
    toX2apic(fixture);
    assert.equal(fixture.bus.readMsr(0, 0x80f), 0x1ffn);
    assert.equal(fixture.bus.readMsr(0, 0x808), 0x20n);
    assert.equal(fixture.bus.readMsr(0, 0x832), 0x20055n);
  });

  it('sends by one write of 64 bits, physical, logical and to itself', () => {
    const fixture = new ApicFixture({ cpus: 8 });
    for (let cpu = 0; cpu < 8; cpu++) {
      toX2apic(fixture, cpu);
      fixture.bus.writeMsr(cpu, 0x80f, 0x1ffn);
    }
    const reached = (): number[] => fixture.intr.flatMap((up, cpu) => (up ? [cpu] : []));
    const clear = (): void => {
      for (const cpu of reached()) {
        fixture.takeAll(cpu);
        fixture.bus.writeMsr(cpu, 0x80b, 0n);
      }
    };
    const sends: readonly (readonly [bigint, readonly number[]])[] = [
      [0x0000_0005_0000_4050n, [5]],
      [0x0000_00a2_0000_4850n, [1, 5, 7]],
      [0x0001_00ff_0000_4850n, []],
      [0xffff_ffff_0000_4050n, [0, 1, 2, 3, 4, 5, 6, 7]],
      [0x0000_00ff_0000_4050n, []],
      [0x000c_4050n, [1, 2, 3, 4, 5, 6, 7]],
    ];
    for (const [command, expected] of sends) {
      assert.equal(fixture.bus.writeMsr(0, 0x830, command), true);
      assert.deepEqual(reached(), expected, command.toString(16));
      assert.equal(fixture.bus.readMsr(0, 0x830), command);
      clear();
    }
    fixture.bus.writeMsr(4, 0x83f, 0x77n);
    assert.deepEqual(fixture.takeAll(4), [0x77]);
  });

  it('stays in x2APIC mode through INIT', () => {
    const fixture = new ApicFixture({ cpus: 2 }).enable(0);
    toX2apic(fixture, 1);
    fixture.bus.writeMsr(1, 0x808, 0x30n);
    fixture.write(REG.icr2, 0x01000000);
    fixture.write(REG.icr, 0x4500);
    assert.deepEqual(fixture.told, ['init 1']);
    assert.equal(fixture.bus.readBase(1), 0xfee00c00n);
    assert.equal(fixture.bus.readMsr(1, 0x808), 0n);
  });
});
