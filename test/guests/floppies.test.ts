/** A second floppy drive, as a boot sector finds it by either BIOS. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { boot, SEABIOS } from './harness';

/** Reads the second sector of drive B until that works, and writes the text in it. */
const PROGRAM = [
  0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x7c, // xor ax, ax; mov ds, ax; mov es, ax; mov ss, ax; mov sp, 7C00h
  0xb8, 0x01, 0x02, 0xbb, 0x00, 0x80, 0xb9, 0x02, 0x00, 0xba, 0x01, 0x00, 0xcd, 0x13, 0x72, 0xf0, // again: mov ax, 201h; mov bx, 8000h; mov cx, 2; mov dx, 1; int 13h; jc again
  0xbe, 0x00, 0x80, 0xac, 0x08, 0xc0, 0x74, 0x09, // mov si, 8000h; next: lodsb; or al, al; jz done
  0xb4, 0x0e, 0xbb, 0x07, 0x00, 0xcd, 0x10, 0xeb, 0xf2, // mov ah, 0Eh; mov bx, 7; int 10h; jmp next
  0xf4, 0xeb, 0xfd, // done: hlt; jmp done
] as const;
const TEXT = 'This is the disk in drive B.';

describe('two floppy drives', function () {
  this.timeout(60_000);
  const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-floppies-'));
  after(() => { rmSync(folder, { recursive: true }); });

  for (const firmware of ['builtin', 'seabios'] as const) {
    it(`are read by way of the BIOS: ${firmware}`, async function () {
      if (firmware === 'seabios' && !existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (Debian: seabios)');
      const [floppy, floppyB] = [path.join(folder, 'a.img'), path.join(folder, 'b.img')];
      const first = new Uint8Array(512);
      first.set(PROGRAM);
      first.set([0x55, 0xaa], 510);
      writeFileSync(floppy, first);
      writeFileSync(floppyB, Buffer.concat([Buffer.alloc(512), Buffer.from(`${TEXT}\0`), Buffer.alloc(720 * 1024 - 512 - TEXT.length - 1)]));
      const guest = await boot({ floppy, floppyB, firmware, memory: '16M' });
      guest.waitForScreen(TEXT);
    });
  }
});
