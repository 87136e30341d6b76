/** The boot sector *hello*, on both firmwares: screen, keys, rest. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { SAMPLES, boot } from './harness';
import type { Guest } from './harness';

const FLOPPY = path.join(SAMPLES, 'hello', 'hello.img');
const SEABIOS = '/usr/share/seabios/bios-256k.bin';

/** Set-1 make codes (IBM PS/2 technical reference, keyboards). */
const KEY = { esc: 0x01, a: 0x1e, shift: 0x2a, up: 0xe048 } as const;

/** What hello prints from its greeting on. */
function said(guest: Guest): string {
  return guest.screen.slice(guest.screen.indexOf('Hello'));
}

/** Types on a hello that waits for keys, up to its last word. */
function typeToTheEnd(guest: Guest): void {
  guest.press(KEY.a);
  guest.waitForScreen('Key: a  scan code 0x1E');
  guest.machine.input({ kind: 'key', code: KEY.shift, down: true });
  guest.press(KEY.a);
  guest.machine.input({ kind: 'key', code: KEY.shift, down: false });
  guest.waitForScreen('Key: A  scan code 0x1E');
  guest.press(KEY.up);
  guest.waitForScreen('scan code 0x48');
  guest.press(KEY.esc);
  guest.waitForScreen('Goodbye. The machine rests now.');
}

describe('hello', function () {
  this.timeout(60_000);
  this.slow(5000);

  for (const firmware of ['builtin', 'seabios'] as const) {
    describe(`on ${firmware}`, () => {
      let guest: Guest;

      before(async function () {
        if (firmware === 'seabios' && !existsSync(SEABIOS)) leaveOut(this, 'no SeaBIOS (Debian: seabios)');
        guest = await boot({ floppy: FLOPPY, firmware, memory: '16M' });
      });

      it('greets, with the drive and the memory that the BIOS told it', () => {
        guest.waitForScreen('Press keys; Esc ends.');
        if (firmware === 'seabios') assert.match(guest.screen, /^SeaBIOS \(version .*\)\n(.*\n)*Booting from Floppy\.\.\.\n/);
        assert.match(said(guest), /^Hello from the boot sector!\nBoot drive: 0x00\nMemory: 6(39|40) KiB\nPress keys; Esc ends\.$/);
      });

      it('prints each key with its scan code, and rests after Esc', () => {
        typeToTheEnd(guest);
        const keys = said(guest).split('\n').filter((line) => line.startsWith('Key: '));
        // An arrow of the grey block has no character: its second byte says so, 00 or E0 (INT 16h, function 00h).
        assert.equal(keys.length, 4);
        assert.deepEqual([keys[0], keys[1]], ['Key: a  scan code 0x1E', 'Key: A  scan code 0x1E']);
        assert.match(keys[2] ?? '', /scan code 0x48$/);
        assert.equal(keys[3], 'Key: .  scan code 0x01');
      });

      it('sleeps in HLT from then on, woken by the timer 18.2 times a second', () => {
        const { retired, time } = guest;
        guest.run({ time: time + 1_000_000_000 });
        const { instructionPointer, selector } = guest.machine.cpu();
        assert.equal(guest.time, time + 1_000_000_000);
        assert.ok(guest.retired - retired < 18.2 * 500, `${guest.retired - retired} instructions in a second of rest`);
        assert.ok(selector === 0 && instructionPointer >= 0x7c00n && instructionPointer < 0x7e00n, 'in the boot sector');
      });

      it('needs no more than the least memory that a machine may have', async () => {
        const small = await boot({ floppy: FLOPPY, firmware, memory: '1M' });
        small.waitForScreen('Press keys; Esc ends.');
        assert.equal(said(small), said(guest).slice(0, said(small).length));
      });
    });
  }
});
