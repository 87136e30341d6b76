/** A hard disk from its boot record on: the BIOS reads and writes it for a guest, and the image's file stays as it was. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { boot, shadowbox } from './harness';

const SECTOR = 512;
/** One cylinder more than the sector that is read lies in, at 16 heads and 63 sectors a track. */
const SECTORS = 2 * 16 * 63;
const LBA = 1100;
const TEXT = 'Read from sector 1100.';
const SEABIOS = '/usr/share/seabios/bios-256k.bin';

/**
 * A boot record that prints the text of sector 1100 (read to 8000h), writes the sector back with 'W' as its first
 * character, reads it again, prints it again, and halts for ever. It halts at once when the BIOS reports an error.
 */
function bootRecord(): Uint8Array {
  const record = new Uint8Array(SECTOR);
  record.set([
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, // xor ax, ax; mov ds, ax; mov es, ax; mov ss, ax
    0xbc, 0x00, 0x7c, 0xfc, // mov sp, 7C00h; cld
    0xb4, 0x42, 0xe8, 0x2f, 0x00, // mov ah, 42h (extended read); call 7C40h
    0xe8, 0x3c, 0x00, // call 7C50h
    0xc6, 0x06, 0x00, 0x80, 0x57, // mov byte [8000h], 'W'
    0xb8, 0x00, 0x43, 0xe8, 0x21, 0x00, // mov ax, 4300h (extended write, not verified); call 7C40h
    0xc6, 0x06, 0x00, 0x80, 0x00, // mov byte [8000h], 0
    0xb4, 0x42, 0xe8, 0x17, 0x00, // mov ah, 42h; call 7C40h
    0xe8, 0x24, 0x00, // call 7C50h
    0xfa, 0xf4, // cli; hlt
  ]);
  // 7C40: the BIOS call for the packet at 7C80h; DL still holds the drive.
  record.set([
    0xbe, 0x80, 0x7c, 0xcd, 0x13, // mov si, 7C80h; int 13h
    0x72, 0x01, 0xc3, 0xfa, 0xf4, // jc +1; ret; cli; hlt
  ], 0x40);
  // 7C50: prints the text at 8000h.
  record.set([
    0xbe, 0x00, 0x80, // mov si, 8000h
    0xac, 0x84, 0xc0, 0x74, 0x09, // lodsb; test al, al; jz 7C61h
    0xb4, 0x0e, 0xbb, 0x07, 0x00, 0xcd, 0x10, // mov ah, 0Eh; mov bx, 7; int 10h
    0xeb, 0xf2, 0xc3, // jmp 7C53h; ret
  ], 0x50);
  const view = new DataView(record.buffer);
  // Disk address packet (Enhanced Disk Drive specification): its size, sectors, buffer as offset and segment, LBA.
  view.setUint8(0x80, 16);
  view.setUint16(0x82, 1, true);
  view.setUint16(0x84, 0x8000, true);
  view.setUint32(0x88, LBA, true);
  record.set([0x55, 0xaa], SECTOR - 2);
  return record;
}

function image(): Buffer {
  const disk = Buffer.alloc(SECTORS * SECTOR);
  disk.set(bootRecord());
  disk.write(`${TEXT}\r\n`, LBA * SECTOR, 'latin1');
  return disk;
}

describe('a hard disk', function () {
  this.timeout(60_000);
  this.slow(5000);
  let folder = '';
  let disk = '';

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-disk-'));
    disk = path.join(folder, 'disk.img');
  });
  beforeEach(() => writeFileSync(disk, image()));
  after(() => rmSync(folder, { recursive: true }));

  for (const firmware of ['builtin', 'seabios'] as const) {
    it(`boots on ${firmware}, which reads and writes sectors by LBA`, async function () {
      if (firmware === 'seabios' && !existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (Debian: seabios)');
      const guest = await boot({ disks: [disk], firmware, memory: '16M' });
      assert.equal(guest.run({})?.kind, 'halted-forever');
      assert.match(guest.screen, /^Read from sector 1100\.\nWead from sector 1100\.$/m);
      assert.deepEqual(readFileSync(disk), image(), 'the file is as it was');
    });
  }

  it('takes what the guest writes only if it is declared writable', async () => {
    const guest = await boot({ disks: [{ path: disk, writable: true }], memory: '16M' });
    guest.run({});
    const changed = image();
    changed.write('W', LBA * SECTOR, 'latin1');
    assert.deepEqual(readFileSync(disk), changed);
  });

  for (const [extension, options] of [['qcow2', []], ['vhd', []], ['vhd', ['--fixed']], ['vhdx', []]] as const) {
    it(`boots from a ${extension} image${options.length > 0 ? ' of fixed size' : ''}, and writes it when it may`, async () => {
      const converted = path.join(folder, `disk.${extension}`);
      rmSync(converted, { force: true });
      assert.deepEqual(await shadowbox('disk', 'convert', disk, converted, ...options), { status: 0, out: '', err: '' });
      const before = readFileSync(converted);
      // In this process, and then with the storage thread.
      const guest = await boot({ disks: [converted], memory: '16M' });
      assert.equal(guest.run({})?.kind, 'halted-forever');
      assert.match(guest.screen, /^Read from sector 1100\.\nWead from sector 1100\.$/m);
      assert.deepEqual(readFileSync(converted), before, 'the file is as it was');
      const configuration = path.join(folder, 'machine.json');
      writeFileSync(configuration, JSON.stringify({ disks: [{ path: converted, writable: true }], memory: '16M' }));
      const { status, err } = await shadowbox('run', configuration);
      assert.deepEqual([status, /halted for ever at 0000:00007c2e/.test(err)], [3, true], err);
      const back = path.join(folder, 'back.img');
      rmSync(back, { force: true });
      await shadowbox('disk', 'convert', converted, back);
      const changed = image();
      changed.write('W', LBA * SECTOR, 'latin1');
      assert.deepEqual(readFileSync(back), changed);
      assert.match((await shadowbox('disk', 'check', converted)).out, /no errors/);
    });
  }

  it('comes to the same hash whether or not a thread of its own serves the disk', async function () {
    if (!existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (Debian: seabios)');
    const converted = path.join(folder, 'same.qcow2');
    rmSync(converted, { force: true });
    await shadowbox('disk', 'convert', disk, converted);
    const guest = await boot({ disks: [converted], firmware: 'seabios', memory: '16M' });
    guest.run({});
    const count = guest.retired - 10;
    const again = await boot({ disks: [converted], firmware: 'seabios', memory: '16M' });
    const { status, err } = await shadowbox('run', '--disk', converted, '--firmware', 'seabios', '--memory', '16M', '--max-instructions', String(count), '--hash');
    assert.equal(status, 0, err);
    assert.equal(/[\da-f]{16}/.exec(err)?.[0], again.hashAt(count));
  });

  it('keeps what the guest writes in an overlay file, if there is to be one', async () => {
    const configuration = path.join(folder, 'machine.json');
    writeFileSync(configuration, JSON.stringify({ disks: [{ path: 'disk.img', overlay: 'again.qcow2' }], memory: '16M' }));
    for (const first of ['Read', 'Wead']) {
      const guest = await boot({ disks: [{ path: disk, overlay: path.join(folder, 'changes.qcow2') }], memory: '16M' });
      guest.run({});
      assert.match(guest.screen, new RegExp(`^${first} from sector 1100\\.\nWead`, 'm'));
      assert.deepEqual(readFileSync(disk), image());
    }
    // The machines above still have theirs: another process may not write to it, but to a copy.
    copyFileSync(path.join(folder, 'changes.qcow2'), path.join(folder, 'again.qcow2'));
    assert.equal((await shadowbox('run', configuration)).status, 3);
    assert.match((await shadowbox('disk', 'info', path.join(folder, 'changes.qcow2'))).out, /format: +qcow2, version 3[^]*parent: +disk\.img[^]*disk\.img\n +format: +raw/);
  });

  it('says what is wrong with an image', async () => {
    const broken = path.join(folder, 'broken.qcow2');
    writeFileSync(broken, image());
    const { status, err } = await shadowbox('run', '--disk', broken);
    assert.equal(status, 2);
    assert.match(err, /^shadowbox: --disk: .*broken\.qcow2: by its name it is a QCOW2 image, but its contents are not/);
    await assert.rejects(boot({ disks: [broken] }), /by its name it is a QCOW2 image/);
  });

  it('is new again after a reset', async () => {
    const guest = await boot({ disks: [disk], memory: '16M' });
    const fresh = guest.machine.hash();
    guest.run({});
    const ended = guest.machine.hash();
    guest.machine.reset();
    assert.equal(guest.machine.hash(), fresh);
    guest.run({});
    assert.equal(guest.machine.hash(), ended);
    assert.match(guest.screen, /^Read from sector 1100\.\nWead/m);
  });

  it('goes into the command\'s --disk', async () => {
    const { status, err } = await shadowbox('run', '--disk', disk, '--memory', '16M');
    assert.equal(status, 3);
    assert.match(err, /the guest is dead: halted for ever at 0000:00007c2e/);
    assert.deepEqual(readFileSync(disk), image());
  });
});
