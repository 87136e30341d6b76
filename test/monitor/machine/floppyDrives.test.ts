/** Two floppy drives, and drives without a disk: what the configuration says of them, what the guest finds by CMOS and BIOS, and disks that go from one to the other. */
import assert from 'node:assert/strict';
import { MachineError } from '../../../src/monitor/machine/blame';
import { validateConfiguration, type MachineConfiguration } from '../../../src/monitor/machine/configuration';
import { diskViews } from '../../../src/monitor/machine/diskViews';
import type { DiskFile, MachineImages } from '../../../src/monitor/machine/images';
import { VirtualMachine } from '../../../src/monitor/machine/machine';
import { MemoryFiles } from '../../support/memoryFiles';
import { markedFloppy } from './markedFloppy';
import { Traveller } from './timeTraveller';

const KIB = 1024;

/**
 * For ever: reads the second sector of drive B to 8000h, and notes from 9000h on: AH, the sector's first byte (which disk it is), what INT 13h AH=08h says
 * of drive B (DL: how many drives, BL: its type), the CMOS's byte 10h (types of both), and INT 11h's equipment word.
 */
const BODY = [
  0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, // xor ax, ax; mov ds, ax; mov es, ax; mov ss, ax; mov sp, 7C00h
  0xc6, 0x06, 0x00, 0x80, 0x00, // mov byte [8000h], 0
  0xb8, 0x01, 0x02, 0xbb, 0x00, 0x80, 0xb9, 0x02, 0x00, 0xba, 0x01, 0x00, 0xcd, 0x13, // mov ax, 201h; mov bx, 8000h; mov cx, 2; mov dx, 1; int 13h
  0x88, 0x26, 0x00, 0x90, 0xa0, 0x00, 0x80, 0xa2, 0x01, 0x90, // [9000h] = ah; [9001h] = [8000h]
  0xb4, 0x08, 0xb2, 0x01, 0xcd, 0x13, 0x88, 0x16, 0x02, 0x90, 0x88, 0x1e, 0x03, 0x90, // mov ah, 8; mov dl, 1; int 13h; [9002h] = dl; [9003h] = bl
  0xb0, 0x10, 0xe6, 0x70, 0xe4, 0x71, 0xa2, 0x04, 0x90, // mov al, 10h; out 70h, al; in al, 71h; [9004h] = al
  0xcd, 0x11, 0xa3, 0x05, 0x90, // int 11h; [9005h] = ax
  0xb9, 0x00, 0x10, 0xe2, 0xfe, // mov cx, 1000h; loop $
] as const;
const PROGRAM = [...BODY, 0xeb, 256 - BODY.length - 2] as const;

/** A disk with a mark (see markedFloppy). */
const disk = (mark: number, bytes?: number): Uint8Array => markedFloppy(PROGRAM, mark, bytes);

type Floppies = Pick<MachineConfiguration, 'floppy' | 'floppyB'>;

function configured(fields: Record<string, unknown>): MachineConfiguration {
  const checked = validateConfiguration({ memory: '2M', ...fields }, { front: 'commandLine' });
  if ('problems' in checked) throw new Error(JSON.stringify(checked.problems));
  return checked.configuration;
}

class Fixture {
  readonly files = new MemoryFiles({ 'a.img': disk(0xaa), 'b.img': disk(0xbb), 'c.img': disk(0xcc), 'small.img': disk(0xdd, 720 * KIB) });
  readonly images: MachineImages;
  readonly machine: VirtualMachine;
  readonly it: Traveller;

  constructor(floppies: Record<string, unknown>) {
    const configuration = configured(floppies);
    const inDrive = (field: keyof Floppies): DiskFile | null | undefined => {
      const named = configuration[field];
      return named === undefined ? undefined : named === 'empty' ? null : { path: named.path, bytes: 0, writable: named.writable };
    };
    const [floppy, floppyB] = [inDrive('floppy'), inDrive('floppyB')];
    this.images = { configuration, modules: [], disks: [], ...(floppy === undefined ? {} : { floppy }), ...(floppyB === undefined ? {} : { floppyB }) };
    this.machine = new VirtualMachine(this.images, this.files);
    this.it = new Traveller(this.machine);
    this.it.on(200_000);
  }

  put(drive: string, image: string | null): void {
    this.it.time.input({ kind: 'media', drive, image });
  }

  /** What the guest has noted, after some more of its work. */
  noted(): { readonly status: number; readonly mark: number; readonly drives: number; readonly type: number; readonly cmos: number; readonly equipment: number } {
    this.it.on(60_000);
    const [status = 0, mark = 0, drives = 0, type = 0, cmos = 0, low = 0, high = 0] = this.machine.parts.firmwareMemory.read(0x9000, 7);
    return { status, mark, drives, type, cmos, equipment: low | (high << 8) };
  }

  get views(): readonly (readonly [string, string | undefined])[] {
    return diskViews(this.machine.parts, this.images).map(({ name, image }) => [name, image]);
  }
}

const wrong = (fields: Record<string, unknown>): readonly string[] => {
  const checked = validateConfiguration({ memory: '2M', ...fields }, { front: 'commandLine' });
  return 'problems' in checked ? checked.problems.map(({ field, message }) => `${field}: ${message}`) : [];
};

describe('two floppy drives', () => {
  it('are both the guest’s: BIOS, CMOS and the equipment word know them', () => {
    const fixture = new Fixture({ floppy: 'a.img', floppyB: 'b.img' });
    const { status, mark, drives, type, cmos, equipment } = fixture.noted();
    assert.deepEqual([status, mark], [0, 0xbb]);
    // 1.44 MB is type 4 (INT 13h AH=08h, and each half of the CMOS's byte 10h); bits 7:6 of the equipment word are drives less one.
    assert.deepEqual([drives, type, cmos], [2, 4, 0x44]);
    assert.equal(equipment & 0xc1, 0x41);
    assert.deepEqual(fixture.views, [['floppy0', 'a.img'], ['floppy1', 'b.img']]);
  });

  it('may be of different kinds, and one alone is one', () => {
    const both = new Fixture({ floppy: 'a.img', floppyB: 'small.img' }).noted();
    // 720 KB is type 3; drive A is the upper half of the byte.
    assert.deepEqual([both.mark, both.type, both.cmos], [0xdd, 3, 0x43]);
    const { status, drives, cmos, equipment } = new Fixture({ floppy: 'a.img' }).noted();
    assert.notEqual(status, 0, 'there is no drive B');
    assert.deepEqual([drives, cmos, equipment & 0xc1], [1, 0x40, 1]);
  });

  it('take disks that are put in later, each in one drive at a time', () => {
    const fixture = new Fixture({ floppy: 'a.img', floppyB: 'empty' });
    assert.deepEqual(fixture.views, [['floppy0', 'a.img'], ['floppy1', undefined]]);
    const empty = fixture.noted();
    assert.notEqual(empty.status, 0, 'no disk is in it');
    assert.deepEqual([empty.drives, empty.type, empty.cmos], [2, 4, 0x44], 'but the drive is there');
    fixture.put('floppy1', 'b.img');
    // The first access tells that the disk has been changed (INT 13h, status 6).
    fixture.noted();
    assert.deepEqual([fixture.noted().status, fixture.noted().mark], [0, 0xbb]);
    assert.deepEqual(fixture.views, [['floppy0', 'a.img'], ['floppy1', 'b.img']]);
    const refused = (drive: string, image: string, why: RegExp): void => {
      assert.throws(() => { fixture.put(drive, image); }, (error) => error instanceof MachineError && error.blame === 'user' && why.test(error.message));
    };
    refused('floppy0', 'b.img', /'b\.img' is in floppy1: take it out there first/);
    refused('floppy1', 'a.img', /'a\.img' is the image of another drive of this machine/);
    fixture.put('floppy1', null);
    fixture.put('floppy0', 'b.img');
    fixture.put('floppy1', 'c.img');
    fixture.noted();
    assert.equal(fixture.noted().mark, 0xcc);
    assert.deepEqual(fixture.views, [['floppy0', 'b.img'], ['floppy1', 'c.img']]);
  });

  it('come to the same when they are gone through again', () => {
    const fixture = new Fixture({ floppy: 'a.img', floppyB: 'empty' });
    const { it } = fixture;
    it.between = () => it.time.remember();
    it.time.remember();
    const [start, before] = [it.retired, it.on(10_000)];
    fixture.put('floppy1', 'b.img');
    const [end, hash] = [it.retired + 300_000, it.on(300_000)];
    assert.equal(it.travel(start + 10_000), before);
    assert.deepEqual(fixture.views, [['floppy0', 'a.img'], ['floppy1', undefined]]);
    assert.equal(it.travel(end), hash);
    assert.deepEqual(fixture.views, [['floppy0', 'a.img'], ['floppy1', 'b.img']]);
  });
});

describe('floppy drives in the configuration', () => {
  it('are named by a path, with whether it is written to, or are empty', () => {
    assert.deepEqual(configured({ floppy: 'empty', cdrom: 'c.iso' }).floppy, 'empty');
    assert.deepEqual(configured({ floppy: 'a.img', floppyB: { path: 'b.img', writable: true } }).floppyB, { path: 'b.img', writable: true });
  });

  it('have their order, and something has to be booted', () => {
    assert.deepEqual(wrong({ floppyB: 'b.img', disks: ['d.img'] }), ['floppyB: there is no drive A, and B is the second']);
    assert.deepEqual(wrong({ floppy: 'empty', floppyB: 'b.img' }), ['kernel: there is nothing to boot']);
  });
});
