/** Floppies that are taken out and put in while a guest reads and writes them through the built-in BIOS; what time travel makes of that. */
import assert from 'node:assert/strict';
import { LoadError } from '../../../src/monitor/firmware/platform';
import { MachineError } from '../../../src/monitor/machine/blame';
import { validateConfiguration } from '../../../src/monitor/machine/configuration';
import { diskViews, readDisk } from '../../../src/monitor/machine/diskViews';
import type { MachineImages } from '../../../src/monitor/machine/images';
import { VirtualMachine } from '../../../src/monitor/machine/machine';
import { MemoryFiles } from '../../support/memoryFiles';
import { markedFloppy } from './markedFloppy';
import { Traveller } from './timeTraveller';

const KIB = 1024;

/**
 * For ever: reads the second sector to 8000h, notes AH, the sector's first byte (which disk it is) and its second one (how often it was written) at
 * 9000h, and if that went well counts the second byte up and writes the sector.
 */
const PROGRAM = [
  0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, // xor ax, ax; mov ds, ax; mov es, ax; mov ss, ax; mov sp, 7C00h
  0xc6, 0x06, 0x00, 0x80, 0x00, // again: mov byte [8000h], 0
  0xb8, 0x01, 0x02, 0xbb, 0x00, 0x80, 0xb9, 0x02, 0x00, 0x31, 0xd2, 0xcd, 0x13, // mov ax, 201h; mov bx, 8000h; mov cx, 2; xor dx, dx; int 13h
  0x88, 0x26, 0x00, 0x90, 0xa0, 0x00, 0x80, 0xa2, 0x01, 0x90, 0xa0, 0x01, 0x80, 0xa2, 0x02, 0x90, // [9000h] = ah; [9001h] = [8000h]; [9002h] = [8001h]
  0x80, 0x3e, 0x00, 0x90, 0x00, 0x75, 0x0e, // cmp byte [9000h], 0; jne later
  0xfe, 0x06, 0x01, 0x80, 0xb8, 0x01, 0x03, 0xb9, 0x02, 0x00, 0x31, 0xd2, 0xcd, 0x13, // inc byte [8001h]; mov ax, 301h; mov cx, 2; xor dx, dx; int 13h
  0xb9, 0x00, 0x10, 0xe2, 0xfe, // later: mov cx, 1000h; loop $
  0xeb, 0xc2, // jmp again
] as const;

/** A disk with a mark (see markedFloppy). */
const disk = (mark: number, bytes?: number): Uint8Array => markedFloppy(PROGRAM, mark, bytes);

function cd(): Uint8Array {
  const image = new Uint8Array(400 * KIB);
  image.set(new TextEncoder().encode('CD001'), 16 * 2048 + 1);
  return image;
}

/** Enough of a QCOW2 image to be known for one. */
function qcow2(): Uint8Array {
  const image = new Uint8Array(200 * KIB);
  image.set([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]);
  return image;
}

class Fixture {
  readonly files = new MemoryFiles({
    'a.img': disk(0xaa), 'b.img': disk(0xbb), 'small.img': disk(0xcc, 720 * KIB), 'dense.img': disk(0xdd, 2880 * KIB), 'wide.img': disk(0xee, 1200 * KIB),
    'cd.iso': cd(), 'disk.img': new Uint8Array(4 * KIB * KIB), 'huge.img': new Uint8Array(2881 * KIB), 'none.img': new Uint8Array(0),
    'other.qcow2': qcow2(),
  });
  readonly images: MachineImages;
  readonly machine: VirtualMachine;
  readonly it: Traveller;

  constructor() {
    const checked = validateConfiguration({ floppy: 'a.img', disks: ['disk.img'], memory: '2M' }, { front: 'commandLine' });
    if ('problems' in checked) throw new Error(JSON.stringify(checked.problems));
    this.images = {
      configuration: checked.configuration, modules: [], disks: [{ path: 'disk.img', bytes: 4 * KIB * KIB, writable: false }],
      floppy: { path: 'a.img', bytes: 1440 * KIB, writable: false },
    };
    this.machine = new VirtualMachine(this.images, this.files);
    this.it = new Traveller(this.machine);
    this.it.between = () => this.it.time.remember();
    this.it.time.remember();
    this.it.on(100_000);
  }

  put(image: string | null, writable = false): void {
    this.it.time.input({ kind: 'media', drive: 'floppy0', image, ...(writable ? { writable } : {}) });
  }

  /** What the guest has noted: AH, which disk, how often it had been written; after some more of its work. */
  noted(count = 60_000): readonly [status: number, mark: number, writes: number] {
    if (count > 0) this.it.on(count);
    const [status = 0, mark = 0, writes = 0] = this.machine.parts.firmwareMemory.read(0x9000, 3);
    return [status, mark, writes];
  }
}

describe('floppies that are changed', () => {
  it('are read by the guest: taken out, another one, the first one again with what was written to it', () => {
    const fixture = new Fixture();
    const first = fixture.noted();
    assert.deepEqual(first.slice(0, 2), [0, 0xaa]);
    assert.ok(first[2] > 2, 'it has written');
    fixture.put(null);
    assert.equal(fixture.noted()[0], 0x80, 'not ready');
    assert.deepEqual(diskViews(fixture.machine.parts, fixture.images).map(({ name, image }) => [name, image]), [['floppy0', undefined], ['disk0', 'disk.img']]);
    assert.throws(() => readDisk(fixture.machine.parts, fixture.images, { name: 'floppy0', offset: 0, bytes: 1 }), MachineError);
    fixture.put('b.img');
    const statuses = Array.from({ length: 60 }, () => fixture.noted(1000)[0]);
    assert.deepEqual(statuses.filter((status, index) => status !== statuses[index - 1]), [0x80, 0x06, 0], 'told of the change once');
    assert.equal(fixture.noted()[1], 0xbb);
    const [view] = diskViews(fixture.machine.parts, fixture.images);
    assert.deepEqual([view?.image, view?.bytes, view?.writes], ['b.img', 1440 * KIB, 'overlay']);
    assert.equal(readDisk(fixture.machine.parts, fixture.images, { name: 'floppy0', offset: 512, bytes: 2 })[0], 0xbb);
    fixture.put('small.img');
    assert.equal(fixture.noted()[1], 0xcc, '720 KB go into a drive for 1.44 MB');
    fixture.put('a.img');
    const again = fixture.noted();
    assert.equal(again[1], 0xaa);
    assert.ok(again[2] > first[2], 'what was written to it is still there');
    assert.deepEqual([...fixture.files.at('a.img').bytes.subarray(512, 514)], [0xaa, 0], 'in memory alone');
  });

  it('are gone through again, backwards and forwards, and in another future', () => {
    const fixture = new Fixture();
    const { it } = fixture;
    const known = new Map<number, string>();
    const on = (): void => {
      const hash = it.on(30_000);
      known.set(it.retired, hash);
    };
    for (const image of ['b.img', null, 'small.img', 'a.img', 'b.img']) {
      on();
      fixture.put(image);
      on();
    }
    const counts = [...known.keys()];
    for (const count of [...counts].reverse()) assert.equal(it.travel(count), known.get(count), `back at ${count}`);
    for (const count of counts) assert.equal(it.travel(count), known.get(count), `on to ${count}`);
    // A machine that does all this anew comes to the same, though it has opened the images at other moments.
    const [, second, , fourth] = counts;
    assert.ok(second !== undefined && fourth !== undefined);
    it.travel(second);
    assert.deepEqual(fixture.noted(0)[1], 0xbb);
    fixture.put('small.img');
    it.on(40_000);
    assert.equal(fixture.noted(0)[1], 0xcc);
    const other = it.hash;
    const fresh = new Fixture();
    fresh.it.on(30_000);
    fresh.put('b.img');
    fresh.it.on(30_000);
    fresh.put('small.img');
    assert.equal(fresh.it.on(40_000), other);
    // The future that was left has its own disks.
    const [fork] = it.time.view().forks;
    it.time.travel({ fork: fork?.id ?? -1 });
    it.toStop();
    assert.equal(it.hash, known.get(counts.at(-1) ?? 0));
  });

  it('are written themselves where that is wanted, and their files go back with the machine', () => {
    const fixture = new Fixture();
    fixture.put('b.img', true);
    fixture.noted(40_000);
    const count = (): number | undefined => {
      for (const drive of fixture.machine.parts.floppies.later.values()) drive.settle();
      return fixture.files.at('b.img').bytes[513];
    };
    const [middle, moment] = [count() ?? 0, fixture.it.retired];
    assert.ok(middle > 0);
    fixture.noted();
    fixture.put(null);
    fixture.noted();
    assert.ok((count() ?? 0) > middle, 'flushed when it was taken out');
    fixture.it.travel(moment);
    assert.equal(count(), middle);
    fixture.put(null);
    assert.throws(() => fixture.put('b.img'), /written to its image, since it was put in that way before/);
  });

  it('are refused, with words, when they are none, or do not go into the drive', () => {
    const fixture = new Fixture();
    const before = fixture.it.hash;
    for (const [image, words] of [
      ['cd.iso', /cd\.iso' is an image of a CD/], ['other.qcow2', /is a disk image \(qcow2\): a floppy needs a raw image/], ['huge.img', /has 2950144 bytes: give one of 1 to 2949120/],
      ['none.img', /has 0 bytes/], ['disk.img', /is the image of another drive of this machine/],
      ['dense.img', /drive is one for disks of 1\.44 MB, and this is a disk of 2\.88 MB/], ['wide.img', /this is a disk of 1\.2 MB/],
    ] as const) assert.throws(() => fixture.put(image), (error: unknown) => (error instanceof LoadError || error instanceof MachineError) && words.test(error.message), image);
    assert.throws(() => fixture.it.time.input({ kind: 'media', drive: 'floppy1', image: 'b.img' }), /no drive 'floppy1' whose disc can be changed/);
    assert.equal(fixture.it.hash, before, 'nothing has happened');
  });
});
