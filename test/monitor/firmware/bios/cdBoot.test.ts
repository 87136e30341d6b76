/** El Torito through the built-in BIOS: kinds of emulation, what programs see of them, and media that are not done at once. */
import assert from 'node:assert/strict';
import type { BlockBackend } from '../../../../src/monitor/devices/device';
import { FakeMachine, MemoryDisk } from '../fakes';

const CD_DRIVE = 0xe0;
const CATALOG = 20;
const IMAGE = 30;
const BLOCK = 2048;

interface Entry {
  readonly emulation: number;
  readonly segment?: number;
  readonly count?: number;
  readonly bootable?: number;
}

/** A CD of 100 blocks, each of which begins with its number, with a boot catalog; the image's first byte is 7. */
class Cd extends MemoryDisk {
  constructor({ emulation, segment = 0, count = 1, bootable = 0x88 }: Entry) {
    super(400, true);
    const view = new DataView(this.data.buffer);
    for (let block = 0; block < 100; block++) view.setUint32(block * BLOCK, block, true);
    const descriptor = 17 * BLOCK;
    this.data.set(new TextEncoder().encode('\0CD001\u0001EL TORITO SPECIFICATION'), descriptor);
    view.setUint32(descriptor + 0x47, CATALOG, true);
    const at = CATALOG * BLOCK;
    this.data.set([1, 0, 0, 0], at);
    this.data.set([0x55, 0xaa], at + 30);
    // The words of the validation entry sum up to zero.
    view.setUint16(at + 28, -(1 + 0xaa55), true);
    this.data.set([bootable, emulation], at + 32);
    view.setUint16(at + 34, segment, true);
    view.setUint16(at + 38, count, true);
    view.setUint32(at + 40, IMAGE, true);
    this.data[IMAGE * BLOCK] = 7;
  }
}

/** A medium that answers 'not yet' so often before each read. */
function slow(medium: MemoryDisk, times: number): BlockBackend {
  let left = times;
  const read = medium.read.bind(medium);
  medium.read = (lba, count, target): boolean => {
    if (left-- > 0) return false;
    left = times;
    return read(lba, count, target);
  };
  return medium;
}

function boot(cd: BlockBackend | undefined, prepare: (machine: FakeMachine) => void = () => undefined): FakeMachine {
  const machine = new FakeMachine();
  machine.cdrom = { disc: () => cd };
  prepare(machine);
  machine.powerOn();
  machine.interrupt(0x19);
  return machine;
}

/** Where the boot code starts. */
const entry = (machine: FakeMachine): number => machine.memory.read16(0x469) * 16 + machine.memory.read16(0x467);

function int13(machine: FakeMachine, registers: Parameters<FakeMachine['interrupt']>[1]): { carry: boolean; ah: number } {
  const { carry } = machine.interrupt(0x13, registers);
  return { carry, ah: machine.word('eax') >>> 8 };
}

describe('El Torito', () => {
  it('loads an image without emulation where its entry says, with the CD-ROM drive in DL', () => {
    const machine = boot(new Cd({ emulation: 0, segment: 0x4000, count: 9 }));
    assert.equal(machine.continuation(), 'bootJump');
    assert.deepEqual([entry(machine), machine.word('edx')], [0x40000, CD_DRIVE]);
    assert.deepEqual([machine.memory.read8(0x40000), machine.memory.read32(0x40800), machine.memory.read32(0x41000), machine.memory.read32(0x41800)], [7, 31, 32, 0]);
    const usual = boot(new Cd({ emulation: 0 }));
    assert.deepEqual([entry(usual), usual.memory.read8(0x7c00)], [0x7c00, 7]);
  });

  it('waits for a slow host without the guest seeing it', () => {
    const machine = boot(slow(new Cd({ emulation: 0 }), 5));
    assert.deepEqual([machine.continuation(), machine.memory.read8(0x7c00)], ['bootJump', 7]);
    const floppy = new MemoryDisk(2880);
    floppy.data.fill(9, 512, 1024);
    machine.drives.set(0, slow(floppy, 3));
    machine.cpu.selectors.es = 0x3000;
    assert.deepEqual(int13(machine, { eax: 0x0201, ebx: 0, ecx: 2, edx: 0 }), { carry: false, ah: 0 });
    assert.equal(machine.memory.read8(0x30000), 9);
  });

  it('reads sectors of 2048 bytes of the CD by packets, and tells its parameters', () => {
    const machine = boot(new Cd({ emulation: 0 }));
    machine.cpu.selectors.ds = 0x3000;
    machine.memory.write(0x30000, Uint8Array.of(16, 0, 2, 0, 0, 0, 0, 0x40, 50, 0, 0, 0, 0, 0, 0, 0));
    assert.deepEqual(int13(machine, { eax: 0x4200, esi: 0, edx: CD_DRIVE }), { carry: false, ah: 0 });
    assert.deepEqual([machine.memory.read32(0x40000), machine.memory.read32(0x40800)], [50, 51]);
    assert.deepEqual(int13(machine, { eax: 0x4300, esi: 0, edx: CD_DRIVE }), { carry: true, ah: 3 });
    machine.memory.write8(0x30002, 2);
    machine.memory.write8(0x30008, 99);
    assert.deepEqual(int13(machine, { eax: 0x4200, esi: 0, edx: CD_DRIVE }), { carry: true, ah: 4 });
    machine.memory.write16(0x30000, 0x1a);
    assert.equal(int13(machine, { eax: 0x4800, esi: 0, edx: CD_DRIVE }).carry, false);
    assert.deepEqual([machine.memory.read32(0x30010), machine.memory.read16(0x30018)], [100, 2048]);
    assert.equal(machine.interrupt(0x13, { eax: 0x4100, ebx: 0x55aa, edx: CD_DRIVE }).carry, false);
    assert.equal(machine.word('ebx'), 0xaa55);
  });

  it('tells in the specification packet what was booted', () => {
    const machine = boot(new Cd({ emulation: 0, segment: 0x4000, count: 4 }));
    machine.cpu.selectors.ds = 0x3000;
    assert.deepEqual(int13(machine, { eax: 0x4b01, esi: 0, edx: CD_DRIVE }), { carry: false, ah: 0 });
    assert.deepEqual([...machine.memory.read(0x30000, 19)], [19, 0, CD_DRIVE, 1, IMAGE, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 4, 0, 0, 0, 0]);
    const other = boot(undefined, ({ drives }) => drives.set(0, bootable()));
    assert.equal(int13(other, { eax: 0x4b01, esi: 0, edx: CD_DRIVE }).carry, true, 'no CD was booted');
  });

  it('emulates a floppy: drive 0 is the image, write-protected, and the floppy is drive 1 until that ends', () => {
    const real = new MemoryDisk(2880);
    real.data.fill(0x55, 512, 1024);
    const machine = boot(new Cd({ emulation: 2 }), ({ drives }) => drives.set(0, real));
    assert.deepEqual([entry(machine), machine.word('edx'), machine.memory.read8(0x7c00)], [0x7c00, 0, 7]);
    machine.cpu.selectors.es = 0x3000;
    // Sector 5 of the image is the second block's first: cylinder 0, head 0, sector 5.
    assert.equal(int13(machine, { eax: 0x0201, ebx: 0, ecx: 5, edx: 0 }).carry, false);
    assert.equal(machine.memory.read32(0x30000), IMAGE + 1);
    assert.deepEqual(int13(machine, { eax: 0x0301, ebx: 0, ecx: 5, edx: 0 }), { carry: true, ah: 3 });
    assert.equal(int13(machine, { eax: 0x0201, ebx: 0, ecx: 2, edx: 1 }).carry, false);
    assert.equal(machine.memory.read8(0x30000), 0x55);
    machine.interrupt(0x13, { eax: 0x0800, edx: 0 });
    assert.deepEqual([machine.word('ecx'), machine.word('edx'), machine.word('ebx')], [0x4f12, 0x0102, 4], '1.44 MB, and two floppies');
    assert.equal(machine.memory.read16(0x410) & 0xc1, 0x41);
    machine.cpu.selectors.ds = 0x3000;
    machine.cpu.selectors.es = 0x3000;
    assert.equal(int13(machine, { eax: 0x4b00, esi: 0, edx: 0 }).carry, false);
    assert.equal(int13(machine, { eax: 0x0201, ebx: 0, ecx: 2, edx: 0 }).carry, false);
    assert.equal(machine.memory.read8(0x30000), 0x55, 'the real one again');
  });

  it('emulates a hard disk with the geometry of its partition table', () => {
    const cd = new Cd({ emulation: 4 });
    // Ends at cylinder 1, head 3, sector 10.
    cd.data.set([0x80, 0, 1, 0, 6, 3, 10, 1], IMAGE * BLOCK + 446);
    const machine = boot(cd, ({ drives }) => drives.set(0x80, new MemoryDisk(20480)));
    assert.deepEqual([entry(machine), machine.word('edx'), machine.memory.read8(0x475)], [0x7c00, 0x80, 2]);
    machine.interrupt(0x13, { eax: 0x0800, edx: 0x80 });
    assert.deepEqual([machine.word('ecx'), machine.word('edx')], [0x010a, 0x0302]);
    machine.interrupt(0x13, { eax: 0x1500, edx: 0x81 });
    assert.deepEqual([machine.word('ecx'), machine.word('edx')], [0, 20480]);
  });

  it('goes on from a disk without boot code, and says why there is nothing to boot', () => {
    const machine = boot(new Cd({ emulation: 0 }), ({ drives }) => drives.set(0x80, new MemoryDisk(100)));
    assert.equal(machine.word('edx'), CD_DRIVE);
    const reason = (cd: BlockBackend | undefined): string => /CD-ROM: ([^;.]*)/.exec(boot(cd).logged.join(''))?.[1] ?? '';
    const damaged = new Cd({ emulation: 0 });
    damaged.data[CATALOG * BLOCK + 5] = 1;
    const beyond = new Cd({ emulation: 0 });
    new DataView(beyond.data.buffer).setUint32(CATALOG * BLOCK + 40, 0xffff_ffff, true);
    assert.deepEqual([undefined, new MemoryDisk(400), damaged, new Cd({ emulation: 0, bootable: 0 }), beyond, new MemoryDisk(8)].map(reason), [
      'empty', 'no boot record for CDs (El Torito) on it', 'its boot catalog is damaged', 'no entry for PCs in its boot catalog',
      'it could not be read', 'it could not be read',
    ]);
  });
});

function bootable(): MemoryDisk {
  const disk = new MemoryDisk(2880);
  disk.data.set([0x55, 0xaa], 510);
  return disk;
}
