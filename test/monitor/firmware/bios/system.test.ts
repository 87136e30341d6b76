/** INT 11h, 12h, 14h, 15h, 17h, 1Ah, and the interrupt handlers. */
import assert from 'node:assert/strict';
import { FakeMachine, MIB } from '../fakes';

const SMAP = 0x534d_4150;

function machine(ramBytes = 64 * MIB): FakeMachine {
  return new FakeMachine(ramBytes).powerOn();
}

const high = (on: FakeMachine): number => on.word('eax') >>> 8;

describe('INT 11h, 12h, 15h', () => {
  it('tells equipment and conventional memory', () => {
    const on = machine();
    on.interrupt(0x11);
    assert.equal(on.word('eax'), 0x0026);
    on.interrupt(0x12);
    assert.equal(on.word('eax'), 639);
  });
  it('lists the memory map by E820', () => {
    const on = machine();
    on.cpu.selectors.es = 0x3000;
    const found: number[][] = [];
    let next = 0;
    do {
      assert.equal(on.interrupt(0x15, { eax: 0xe820, edx: SMAP, ecx: 24, ebx: next, edi: 0x10 }).carry, false);
      assert.deepEqual([on.cpu.general.eax >>> 0, on.cpu.general.ecx], [SMAP, 20]);
      found.push([on.memory.read32(0x30010), on.memory.read32(0x30018), on.memory.read32(0x30020)]);
      next = on.cpu.general.ebx;
    } while (next !== 0);
    assert.deepEqual(found, [[0, 0x9fc00, 1], [0x9fc00, 0x400, 2], [0xf0000, 0x10000, 2], [MIB, 63 * MIB, 1]]);
  });
  it('refuses E820 without SMAP, with a short buffer, behind the end', () => {
    const on = machine();
    for (const wrong of [{ edx: 0 }, { ecx: 19 }, { ebx: 4 }]) {
      assert.equal(on.interrupt(0x15, { eax: 0xe820, edx: SMAP, ecx: 20, ebx: 0, ...wrong }).carry, true);
      assert.equal(high(on), 0x86);
    }
  });
  it('tells extended memory by E801 and 88h', () => {
    const on = machine(64 * MIB);
    on.interrupt(0x15, { eax: 0xe801 });
    assert.deepEqual(['eax', 'ebx', 'ecx', 'edx'].map((r) => on.word(r as 'eax')), [0x3c00, 768, 0x3c00, 768]);
    on.interrupt(0x15, { eax: 0x8800 });
    assert.equal(on.word('eax'), 63 * 1024);
    const small = machine(8 * MIB);
    small.interrupt(0x15, { eax: 0xe801 });
    assert.deepEqual([small.word('eax'), small.word('ebx')], [7 * 1024, 0]);
  });
  it('moves the A20 gate through port 92h without resetting', () => {
    const on = machine();
    on.ports.answers.set(0x92, () => 0x01);
    on.interrupt(0x15, { eax: 0x2401 });
    assert.deepEqual(on.ports.writtenTo(0x92), [0x02]);
    assert.equal(high(on), 0);
    on.ports.answers.set(0x92, () => 0x02);
    on.interrupt(0x15, { eax: 0x2402 });
    assert.equal(on.word('eax'), 1);
    on.interrupt(0x15, { eax: 0x2400 });
    assert.equal(on.ports.writtenTo(0x92).at(-1), 0);
  });
  it('waits in virtual time, with the clock ticking to wake the guest', () => {
    const on = machine();
    on.ports.answers.set(0xa1, () => 0xdf);
    on.ports.answers.set(0x21, () => 0xb8);
    on.cycles = 5_000;
    on.interrupt(0x15, { eax: 0x8600, ecx: 1, edx: 0x86a0 });
    assert.equal(on.continuation(), 'timeWait');
    assert.equal(on.ports.cmos[0x0b] & 0x40, 0x40);
    assert.deepEqual([on.ports.writtenTo(0xa1).at(-1), on.ports.writtenTo(0x21).at(-1)], [0xde, 0xb8]);
    on.cycles = 5_000 + 100_000_000 - 1;
    on.retry('waitCheck');
    assert.equal(on.continuation(), 'timeWait');
    on.cycles += 1;
    assert.equal(on.retry('waitCheck').carry, false);
    assert.equal(on.continuation(), undefined);
    assert.equal(on.ports.cmos[0x0b] & 0x40, 0);
  });
  it('does not start a wait within a wait', () => {
    const on = machine();
    on.interrupt(0x15, { eax: 0x8600, ecx: 1, edx: 0 });
    assert.equal(on.interrupt(0x15, { eax: 0x8600, ecx: 1, edx: 0 }).carry, true);
    assert.equal(high(on), 0x83);
  });
  it('moves blocks between descriptors', () => {
    const on = machine();
    on.memory.write(0x123456, Uint8Array.of(1, 2, 3, 4));
    on.memory.write(0x30010, Uint8Array.of(0xff, 0xff, 0x56, 0x34, 0x12, 0x93, 0, 0, 0xff, 0xff, 0x00, 0x00, 0x00, 0x93, 0, 0x02));
    on.cpu.selectors.es = 0x3000;
    assert.equal(on.interrupt(0x15, { eax: 0x8700, ecx: 2, esi: 0 }).carry, false);
    assert.equal(high(on), 0);
    assert.deepEqual([...on.memory.read(0x200_0000, 4)], [1, 2, 3, 4]);
    on.memory.write16(0x30010, 2);
    assert.equal(on.interrupt(0x15, { eax: 0x8700, ecx: 2, esi: 0 }).carry, true, 'beyond the limit');
  });
  it('gives the configuration table, and nothing for APM', () => {
    const on = machine();
    assert.equal(on.interrupt(0x15, { eax: 0xc000 }).carry, false);
    assert.equal(on.cpu.selectors.es, 0xf000);
    assert.equal(on.interrupt(0x15, { eax: 0x5300 }).carry, true);
    assert.equal(high(on), 0x86);
    assert.equal(on.interrupt(0x15, { eax: 0x4f1e }, 0x0203).carry, true);
    assert.equal(on.word('eax'), 0x4f1e);
  });
});

describe('INT 14h and 17h', () => {
  function withPort(): FakeMachine {
    const on = machine();
    on.memory.write16(0x400, 0x3f8);
    on.ports.writes.length = 0;
    return on;
  }
  it('programs the line', () => {
    const on = withPort();
    on.interrupt(0x14, { eax: 0x00e3, edx: 0 });
    assert.deepEqual(on.ports.writes.map((w) => [w.port, w.value]), [[0x3fb, 0x80], [0x3f8, 12], [0x3f9, 0], [0x3fb, 3], [0x3fc, 3]]);
  });
  it('sends at once when the line is free, and waits when it is not', () => {
    const on = withPort();
    on.ports.answers.set(0x3fd, () => 0x00);
    on.interrupt(0x14, { eax: 0x0141, edx: 0 });
    assert.equal(on.continuation(), 'serialWait');
    on.ports.answers.set(0x3fd, () => 0x60);
    on.retry('serialRetry');
    assert.deepEqual(on.ports.writtenTo(0x3f8), [0x41]);
    assert.equal(on.word('eax'), 0x6041);
  });
  it('times out when nothing comes in', () => {
    const on = withPort();
    on.ports.answers.set(0x3fd, () => 0x60);
    on.interrupt(0x14, { eax: 0x0200, edx: 0 });
    on.cycles = 999_999_999;
    on.retry('serialRetry');
    assert.equal(on.continuation(), 'serialWait');
    on.cycles = 1_000_000_000;
    on.retry('serialRetry');
    assert.equal(high(on), 0xe0);
  });
  it('answers for missing ports with a time-out', () => {
    const on = machine();
    for (const edx of [0, 3, 4]) {
      on.interrupt(0x14, { eax: 0x0300, edx });
      assert.equal(high(on), 0x80);
    }
    on.interrupt(0x17, { eax: 0x0041, edx: 0 });
    assert.equal(high(on), 0x01);
  });
  it('prints with a strobe', () => {
    const on = machine();
    on.memory.write16(0x408, 0x378);
    on.ports.answers.set(0x379, () => 0xdf);
    on.interrupt(0x17, { eax: 0x0041, edx: 0 });
    assert.deepEqual([on.ports.writtenTo(0x378).at(-1), on.ports.writtenTo(0x37a)], [0x41, [0x0d, 0x0c]]);
    assert.equal(high(on), 0x90);
  });
});

describe('INT 1Ah', () => {
  it('counts ticks and tells midnight once', () => {
    const on = machine();
    on.interrupt(0x1a, { eax: 0x0100, ecx: 0x0018, edx: 0x00af });
    on.interrupt(0x08);
    on.interrupt(0x1a, { eax: 0 });
    assert.deepEqual([on.word('eax') & 0xff, on.word('ecx'), on.word('edx')], [1, 0, 0]);
    on.interrupt(0x08);
    on.interrupt(0x1a, { eax: 0 });
    assert.deepEqual([on.word('eax') & 0xff, on.word('edx')], [0, 1]);
  });
  it('reads time and date in BCD, from a binary clock too', () => {
    const on = machine();
    on.ports.cmos.set([0x56, 0, 0x34, 0, 0x12, 0, 5, 0x20, 0x11, 0x26, 0x26, 0x02]);
    on.ports.cmos[0x32] = 0x20;
    assert.equal(on.interrupt(0x1a, { eax: 0x0200 }).carry, false);
    assert.deepEqual([on.word('ecx'), on.word('edx')], [0x1234, 0x5600]);
    on.interrupt(0x1a, { eax: 0x0400 });
    assert.deepEqual([on.word('ecx'), on.word('edx')], [0x2026, 0x1120]);
    on.ports.cmos.set([56, 0, 34, 0, 12], 0);
    on.ports.cmos[0x0b] = 0x06;
    on.interrupt(0x1a, { eax: 0x0200 });
    assert.deepEqual([on.word('ecx'), on.word('edx')], [0x1234, 0x5600]);
  });
  it('sets time and date', () => {
    const on = machine();
    on.ports.cmos[0x0b] = 0x02;
    on.interrupt(0x1a, { eax: 0x0300, ecx: 0x2359, edx: 0x5800 });
    on.interrupt(0x1a, { eax: 0x0500, ecx: 0x2031, edx: 0x1224 });
    assert.deepEqual([4, 2, 0, 0x32, 9, 8, 7].map((r) => on.ports.cmos[r]), [0x23, 0x59, 0x58, 0x20, 0x31, 0x12, 0x24]);
    assert.equal(on.ports.cmos[0x0b], 0x02, 'updates go on');
  });
  it('returns CF for unknown functions', () => {
    assert.equal(machine().interrupt(0x1a, { eax: 0x7700 }).carry, true);
  });
});

describe('PCI BIOS', () => {
  /** Configuration space of bus 0: 00.0 host bridge, 01.0 and 01.1 a multifunction device. */
  function withPci(): FakeMachine {
    const on = machine();
    const device = (vendor: number, id: number, classCode: number, header: number) => {
      const space = new Uint8Array(256);
      new DataView(space.buffer).setUint32(0, ((id << 16) | vendor) >>> 0, true);
      new DataView(space.buffer).setUint32(8, (classCode << 8) >>> 0, true);
      space[0x0e] = header;
      return space;
    };
    const config = new Map([[0, device(0x8086, 0x1237, 0x060000, 0)], [8, device(0x8086, 0x7000, 0x060100, 0x80)], [9, device(0x8086, 0x7010, 0x010180, 0)]]);
    const selected = () => on.ports.writtenTo(0xcf8).at(-1) ?? 0;
    on.ports.answers.set(0xcf8, selected);
    for (let i = 0; i < 4; i++) {
      on.ports.answers.set(0xcfc + i, () => {
        const space = config.get((selected() >>> 8) & 0xffff);
        return space === undefined ? 0xffff_ffff : new DataView(space.buffer).getUint32(selected() & 0xfc, true) >>> (i * 8);
      });
    }
    return on;
  }
  it('is absent when mechanism 1 does not answer', () => {
    assert.equal(machine().interrupt(0x1a, { eax: 0xb101 }).carry, true);
  });
  it('tells that it is there', () => {
    const on = withPci();
    assert.equal(on.interrupt(0x1a, { eax: 0xb101 }).carry, false);
    assert.deepEqual([on.cpu.general.edx >>> 0, on.word('eax'), on.word('ebx')], [0x2049_4350, 0x0001, 0x0210]);
  });
  it('finds devices by identity and by class', () => {
    const on = withPci();
    assert.equal(on.interrupt(0x1a, { eax: 0xb102, ecx: 0x7010, edx: 0x8086, esi: 0 }).carry, false);
    assert.equal(on.word('ebx'), 0x0009);
    assert.equal(on.interrupt(0x1a, { eax: 0xb102, ecx: 0x7010, edx: 0x8086, esi: 1 }).carry, true);
    assert.equal(high(on), 0x86);
    assert.equal(on.interrupt(0x1a, { eax: 0xb103, ecx: 0x06_0100, esi: 0 }).carry, false);
    assert.equal(on.word('ebx'), 0x0008);
    assert.equal(on.interrupt(0x1a, { eax: 0xb102, ecx: 0, edx: 0xffff }).carry, true);
    assert.equal(high(on), 0x83);
  });
  it('reads and writes registers of each size', () => {
    const on = withPci();
    on.interrupt(0x1a, { eax: 0xb108, ecx: 0xaaaa_aaaa, ebx: 8, edi: 0x0e });
    assert.equal(on.cpu.general.ecx >>> 0, 0xaaaa_aa80);
    on.interrupt(0x1a, { eax: 0xb109, ecx: 0xaaaa_aaaa, ebx: 8, edi: 2 });
    assert.equal(on.cpu.general.ecx >>> 0, 0xaaaa_7000);
    on.interrupt(0x1a, { eax: 0xb10a, ebx: 9, edi: 8 });
    assert.equal(on.cpu.general.ecx >>> 0, 0x0101_8000);
    on.ports.writes.length = 0;
    on.interrupt(0x1a, { eax: 0xb10c, ecx: 0xffff_1234, ebx: 0x0109, edi: 0x42 });
    assert.deepEqual(on.ports.writes, [{ port: 0xcf8, size: 4, value: 0x8001_0940 }, { port: 0xcfe, size: 2, value: 0x1234 }]);
    assert.equal(on.interrupt(0x1a, { eax: 0xb10a, ebx: 8, edi: 2 }).carry, true);
    assert.equal(high(on), 0x87);
  });
});

describe('PCI BIOS, interrupt routing', () => {
  it('gives the routing table\'s entries, if there is room', () => {
    const on = machine();
    on.cpu.selectors.es = 0x3000;
    on.memory.write(0x3_0010, Uint8Array.of(0, 1, 0x00, 0x02, 0x00, 0x40));
    assert.equal(on.interrupt(0x1a, { eax: 0xb10e, edi: 0x10 }).carry, true);
    assert.equal(high(on), 0x89);
    const bytes = on.memory.read16(0x3_0010);
    assert.equal(bytes, 31 * 16, 'how much room it takes');
    assert.equal(on.interrupt(0x1a, { eax: 0xb10e, edi: 0x10 }).carry, false);
    // Slot 1: INTA is PIRQ A, by its route control register; lines 5, 10 and 11.
    assert.deepEqual([...on.memory.read(0x4_0200, 16)], [0, 1 << 3, 0x60, 0x20, 0x0c, 0x61, 0x20, 0x0c, 0x62, 0x20, 0x0c, 0x63, 0x20, 0x0c, 0, 0]);
    assert.equal(on.memory.read8(0x4_0200 + 2 * 16 + 2), 0x62, 'INTA of slot 3 is PIRQ C');
  });
  it('steers a pin to a line, and makes it level triggered', () => {
    const on = machine();
    on.ports.answers.set(0x4d1, () => 0x0e);
    on.ports.answers.set(0x4d0, () => 0x00);
    on.ports.writes.length = 0;
    assert.equal(on.interrupt(0x1a, { eax: 0xb10f, ebx: 3 << 3, ecx: 0x050b }).carry, false);
    // INTB of slot 3 is PIRQ D.
    assert.deepEqual(on.ports.writes, [{ port: 0x4d0, size: 1, value: 0x20 }, { port: 0xcf8, size: 4, value: 0x8000_0860 }, { port: 0xcff, size: 1, value: 5 }]);
    assert.equal(on.interrupt(0x1a, { eax: 0xb10f, ebx: 3 << 3, ecx: 0x010b }).carry, true, 'the keyboard\'s line');
    assert.equal(high(on), 0x88);
  });
});

describe('Interrupt handlers', () => {
  it('ends interrupts that are in service, on the right controller', () => {
    const on = machine();
    on.ports.answers.set(0x20, () => 0x40);
    on.ports.writes.length = 0;
    on.interrupt(0x0e);
    assert.deepEqual(on.ports.writtenTo(0x20), [0x0b, 0x20]);
    on.ports.answers.set(0x20, () => 0x04);
    on.ports.answers.set(0xa0, () => 0x02);
    on.interrupt(0x71);
    assert.deepEqual([on.ports.writtenTo(0xa0), on.ports.writtenTo(0x20).slice(2)], [[0x0b, 0x20], [0x0b, 0x20]]);
    assert.deepEqual(on.logged, []);
  });
  it('tells exceptions from interrupts, and logs a loop of faults once', () => {
    const on = machine();
    on.ports.answers.set(0x20, () => 0);
    on.interrupt(0x0d);
    on.interrupt(0x0d);
    assert.equal(on.logged.length, 1);
    assert.match(on.logged[0], /0Dh \(general protection\) at 0678:1234/);
    on.interrupt(0x0f);
    assert.equal(on.logged.length, 1, 'a spurious IRQ 7 is not worth a line');
  });
  it('logs divide errors and invalid opcodes', () => {
    const on = machine();
    on.interrupt(0x00);
    assert.match(on.logged.join(''), /00h \(divide error\) at 0678:1234/);
  });
  it('turns the floppy motor off when its time has come', () => {
    const on = machine();
    on.memory.write8(0x440, 2);
    on.memory.write8(0x43f, 0x81);
    on.interrupt(0x08);
    assert.deepEqual(on.ports.writtenTo(0x3f2), []);
    on.interrupt(0x08);
    assert.deepEqual([on.ports.writtenTo(0x3f2), on.memory.read8(0x43f)], [[0x0c], 0x80]);
  });
  it('calls INT 4Ah for an alarm of the clock only', () => {
    const on = machine();
    on.ports.cmos[0x0b] = 0x62;
    on.ports.cmos[0x0c] = 0x40;
    on.interrupt(0x70);
    assert.equal(on.continuation(), undefined);
    on.ports.cmos[0x0c] = 0xa0;
    on.interrupt(0x70);
    assert.equal(on.continuation(), 'alarm');
  });
  it('ignores writes from places that are no stub', () => {
    const on = machine();
    on.cpu.instructionPointer = 0x1234;
    assert.equal(on.bios.service(on), false);
  });
});
