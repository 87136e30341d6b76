/** INT 13h and the geometries. */
import assert from 'node:assert/strict';
import { diskGeometry, floppyGeometry } from '../../../../src/monitor/firmware/bios/geometry';
import { FakeMachine, MemoryDisk } from '../fakes';

/** A machine with floppy 0 and disk 80h; each sector holds its number in every 16-bit word. */
function machine(disk = new MemoryDisk(20480)): FakeMachine {
  const fresh = new FakeMachine();
  const floppy = new MemoryDisk(2880);
  for (const drive of [floppy, disk]) {
    const words = new Uint16Array(drive.data.buffer);
    words.forEach((_, i) => { words[i] = i >>> 8; });
  }
  fresh.drives.set(0, floppy).set(0x80, disk);
  fresh.powerOn();
  fresh.cpu.selectors.es = 0x3000;
  fresh.cpu.selectors.ds = 0x3000;
  return fresh;
}

function packet(on: FakeMachine, count: number, lba: number, size = 16): void {
  on.memory.write(0x30000, Uint8Array.of(size, 0, count, 0, 0x00, 0x01, 0x00, 0x40, lba, lba >>> 8, lba >>> 16, 0, 0, 0, 0, 0));
}

const high = (on: FakeMachine): number => on.word('eax') >>> 8;

describe('Drive geometry', () => {
  it('knows the usual floppy media', () => {
    assert.deepEqual(floppyGeometry(2880), { cylinders: 80, heads: 2, sectorsPerTrack: 18, type: 4 });
    assert.deepEqual(floppyGeometry(720), { cylinders: 40, heads: 2, sectorsPerTrack: 9, type: 1 });
    assert.deepEqual(floppyGeometry(1), { cylinders: 80, heads: 2, sectorsPerTrack: 18, type: 4 });
    for (const sectors of [320, 360, 640, 720, 1440, 2400, 2880, 3360, 5760]) {
      const { cylinders, heads, sectorsPerTrack } = floppyGeometry(sectors);
      assert.equal(cylinders * heads * sectorsPerTrack, sectors);
    }
  });
  it('translates hard disks as LBA-assisted BIOSes do', () => {
    assert.deepEqual(diskGeometry(1024 * 16 * 63), { cylinders: 1024, heads: 16, sectorsPerTrack: 63 });
    assert.deepEqual(diskGeometry(1024 * 16 * 63 + 1).heads, 32);
    assert.deepEqual(diskGeometry(100_000_000), { cylinders: 1024, heads: 255, sectorsPerTrack: 63 });
    assert.equal(diskGeometry(10).cylinders, 1);
  });
});

/** A floppy drive whose disk is taken out and changed while programs use it (PC/AT's BIOS: 06h is told once). */
describe('INT 13h with floppies that come and go', () => {
  const read = { eax: 0x0201, ecx: 0x0001, edx: 0x0000, ebx: 0x0100 };
  const ask = (on: FakeMachine, registers: Parameters<FakeMachine['interrupt']>[1]): readonly [boolean, number] => {
    const { carry } = on.interrupt(0x13, registers);
    return [carry, high(on)];
  };
  const takenOut = (on: FakeMachine): FakeMachine => {
    on.empty.add(0);
    on.changed.add(0);
    return on;
  };

  it('tells of a change once, moves nothing then, and reads the new disk by its own geometry', () => {
    const it = machine();
    const small = new MemoryDisk(1440);
    small.data.fill(0x5a, 9 * 512, 10 * 512);
    takenOut(it).drives.set(0, small);
    it.empty.clear();
    assert.deepEqual(ask(it, { ...read, edx: 0x0100 }), [true, 0x06]);
    assert.deepEqual([it.word('eax') & 0xff, it.memory.read16(0x30100)], [0, 0]);
    assert.deepEqual(ask(it, { eax: 0x0100, edx: 0 }), [true, 0x06], 'the status of the last call');
    assert.deepEqual(ask(it, { ...read, edx: 0x0100 }), [false, 0]);
    assert.equal(it.memory.read16(0x30100), 0x5a5a, 'head 1 begins with sector 9');
    it.interrupt(0x13, { eax: 0x0800, edx: 0 });
    assert.deepEqual([it.word('ecx'), it.word('ebx') & 0xff], [0x4f09, 4], '80 cylinders of 9 sectors, in a drive for 1.44 MB');
  });
  it('says of an empty drive that it is not ready, each time', () => {
    const it = takenOut(machine());
    for (const eax of [0x0201, 0x0301, 0x0401, 0x0201]) assert.deepEqual(ask(it, { ...read, eax }), [true, 0x80]);
    assert.deepEqual(ask(it, { eax: 0, edx: 0 }), [false, 0], 'it can be reset');
    it.interrupt(0x13, { eax: 0x0800, edx: 0 });
    assert.deepEqual([it.word('ecx'), it.word('edx')], [0x4f12, 0x0101], 'what the drive is made for');
  });
  it('has the change line in AH=15h and 16h, which leave it as it is', () => {
    const it = machine();
    assert.deepEqual(ask(it, { eax: 0x1500, edx: 0 }), [false, 2]);
    assert.deepEqual(ask(it, { eax: 0x1600, edx: 0 }), [false, 0]);
    it.changed.add(0);
    assert.deepEqual(ask(it, { eax: 0x1600, edx: 0 }), [true, 0x06]);
    assert.deepEqual(ask(it, { eax: 0x1600, edx: 0 }), [true, 0x06]);
    assert.deepEqual(ask(it, read), [true, 0x06]);
    assert.deepEqual(ask(it, { eax: 0x1600, edx: 0 }), [false, 0]);
  });
  it('does not call the disk news that was there at power-on', () => {
    const it = machine();
    it.changed.add(0);
    it.powerOn();
    assert.deepEqual(ask(it, read), [false, 0]);
  });
});

describe('INT 13h', () => {
  it('reads floppy sectors by CHS', () => {
    const it = machine();
    // Cylinder 2, head 1, sector 3: (2*2+1)*18+2 = 92.
    const { carry } = it.interrupt(0x13, { eax: 0xbeef_0202, ecx: 0x0203, edx: 0x0100, ebx: 0x0100 });
    assert.equal(carry, false);
    assert.equal(it.cpu.general.eax, 0xbeef_0002);
    assert.deepEqual([it.memory.read16(0x30100), it.memory.read16(0x30300), it.memory.read16(0x30500)], [92, 93, 0]);
  });
  it('reads cylinders above 255 of a hard disk', () => {
    const disk = new MemoryDisk(1024 * 16 * 63);
    const it = machine(disk);
    const lba = 300 * 16 * 63;
    let asked = 0;
    disk.read = (at): boolean => {
      asked = at;
      return true;
    };
    it.interrupt(0x13, { eax: 0x0201, ecx: 0x2c41, edx: 0x0080, ebx: 0 });
    assert.equal(asked, lba);
  });
  it('writes, and refuses on a read-only medium', () => {
    const disk = new MemoryDisk(20480);
    const it = machine(disk);
    it.memory.write16(0x30100, 0x4321);
    assert.equal(it.interrupt(0x13, { eax: 0x0301, ecx: 0x0002, edx: 0x0080, ebx: 0x0100 }).carry, false);
    assert.deepEqual([...disk.data.subarray(512, 514)], [0x21, 0x43]);
    it.drives.set(0x80, new MemoryDisk(20480, true));
    assert.equal(it.interrupt(0x13, { eax: 0x0301, ecx: 0x0002, edx: 0x0080 }).carry, true);
    assert.equal(high(it), 0x03);
  });
  it('reports sectors that are not there, and keeps the status for AH=01h', () => {
    const it = machine();
    for (const cx of [0x0013, 0x0000, 0x5001]) {
      assert.equal(it.interrupt(0x13, { eax: 0x0201, ecx: cx, edx: 0 }).carry, true);
      assert.equal(it.word('eax'), 0x0400);
    }
    assert.equal(it.interrupt(0x13, { eax: 0x0100, edx: 0 }).carry, true);
    assert.equal(high(it), 0x04);
    assert.equal(it.interrupt(0x13, { eax: 0x0000, edx: 0 }).carry, false);
    assert.equal(it.interrupt(0x13, { eax: 0x0100, edx: 0 }).carry, false);
  });
  it('does not read behind the end of a short image', () => {
    const it = machine();
    it.drives.set(0, new MemoryDisk(1));
    assert.equal(it.interrupt(0x13, { eax: 0x0201, ecx: 0x0001, edx: 0 }).carry, false);
    assert.equal(it.interrupt(0x13, { eax: 0x0202, ecx: 0x0001, edx: 0 }).carry, true);
  });
  it('reports missing drives and unknown functions', () => {
    const it = machine();
    assert.equal(it.interrupt(0x13, { eax: 0x0201, ecx: 1, edx: 0x0001 }).carry, true);
    assert.equal(high(it), 0x80);
    assert.equal(it.interrupt(0x13, { eax: 0x0800, edx: 0x0085 }).carry, true);
    assert.equal(high(it), 0x01);
    assert.equal(it.interrupt(0x13, { eax: 0x7700, edx: 0x0080 }).carry, true);
    assert.equal(high(it), 0x01);
    assert.equal(it.interrupt(0x13, { eax: 0x1500, edx: 0x0085 }).carry, false);
    assert.equal(high(it), 0);
  });
  it('tells parameters', () => {
    const it = machine();
    it.interrupt(0x13, { eax: 0x0800, edx: 0x0000 });
    assert.deepEqual([it.word('ecx'), it.word('edx'), it.word('ebx')], [0x4f12, 0x0101, 0x0004]);
    assert.deepEqual([it.cpu.selectors.es, it.word('edi')], [0xf000, 0xefc7]);
    it.drives.set(0x80, new MemoryDisk(1024 * 16 * 63));
    it.interrupt(0x13, { eax: 0x0800, edx: 0x0080 });
    assert.deepEqual([it.word('ecx'), it.word('edx')], [0xffff, 0x0f01]);
    it.interrupt(0x13, { eax: 0x1500, edx: 0x0080 });
    assert.deepEqual([high(it), it.word('ecx'), it.word('edx')], [3, 0x000f, 0xc000]);
    it.interrupt(0x13, { eax: 0x1500, edx: 0x0000 });
    assert.equal(high(it), 2);
  });
  it('has the packet extensions for hard disks only', () => {
    const it = machine();
    assert.equal(it.interrupt(0x13, { eax: 0x4100, ebx: 0x55aa, edx: 0x0080 }).carry, false);
    assert.deepEqual([it.word('ebx'), it.word('ecx') & 1], [0xaa55, 1]);
    assert.equal(it.interrupt(0x13, { eax: 0x4100, ebx: 0x55aa, edx: 0x0000 }).carry, true);
    assert.equal(it.interrupt(0x13, { eax: 0x4100, ebx: 0x1234, edx: 0x0080 }).carry, true);
  });
  it('reads, writes and verifies by packet', () => {
    const it = machine();
    packet(it, 2, 0x1234);
    assert.equal(it.interrupt(0x13, { eax: 0x4200, esi: 0, edx: 0x0080 }).carry, false);
    assert.deepEqual([it.memory.read16(0x40100), it.memory.read16(0x40300)], [0x1234, 0x1235]);
    it.memory.write16(0x40100, 0xabcd);
    assert.equal(it.interrupt(0x13, { eax: 0x4300, esi: 0, edx: 0x0080 }).carry, false);
    it.memory.write16(0x40100, 0);
    it.interrupt(0x13, { eax: 0x4400, esi: 0, edx: 0x0080 });
    assert.equal(it.memory.read16(0x40100), 0, 'verify moves nothing');
    it.interrupt(0x13, { eax: 0x4200, esi: 0, edx: 0x0080 });
    assert.equal(it.memory.read16(0x40100), 0xabcd);
  });
  it('refuses bad packets and tells that nothing was moved', () => {
    const it = machine();
    packet(it, 2, 20479);
    assert.equal(it.interrupt(0x13, { eax: 0x4200, esi: 0, edx: 0x0080 }).carry, true);
    assert.deepEqual([high(it), it.memory.read16(0x30002)], [0x04, 0]);
    packet(it, 1, 0, 8);
    assert.equal(it.interrupt(0x13, { eax: 0x4200, esi: 0, edx: 0x0080 }).carry, true);
    assert.equal(high(it), 0x01);
  });
  it('fills the parameter buffer of AH=48h', () => {
    const it = machine();
    it.memory.write16(0x30000, 0x1a);
    assert.equal(it.interrupt(0x13, { eax: 0x4800, esi: 0, edx: 0x0080 }).carry, false);
    assert.deepEqual([4, 8, 12, 16, 20].map((at) => it.memory.read32(0x30000 + at)), [20, 16, 63, 20480, 0]);
    assert.equal(it.memory.read16(0x30000 + 24), 512);
    it.memory.write16(0x30000, 0x10);
    assert.equal(it.interrupt(0x13, { eax: 0x4800, esi: 0, edx: 0x0080 }).carry, true);
  });
});
