/** memtest86+ as Debian packs it, 32 and 64 bits: one pass of its tests but the last over a small memory, without an error. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { boot } from './harness';
import type { Guest } from './harness';
import { FETCHING_MS, MEMTEST, needGuests } from './support/testGuests';

/** Set-1 make codes (IBM PS/2 technical reference, keyboards). */
const KEY = { 1: 0x02, 0: 0x0b, enter: 0x1c, f1: 0x3b, f2: 0x3c, f5: 0x3f, f10: 0x44 } as const;

/** It wants memory from 4 MiB on. */
const MEMORY = '5M';
const LONGEST_SECONDS = 900;

const BUILDS = [
  { image: 'memtest86+ia32.bin', cpuModel: 'pentium3' },
  { image: 'memtest86+x64.bin', cpuModel: 'x86-64-v2' },
] as const;

function press(guest: Guest, ...codes: readonly number[]): void {
  for (const code of codes) guest.press(code);
}

/**
 * Selects tests 0 to 9 in the menu, and leaves it: that starts them. Test 10, bit fade, fills memory and then watches the clock for
 * minutes of the guest's time, a thousand million instructions each second.
 */
function startTests0To9(guest: Guest): void {
  press(guest, KEY.f1);
  guest.waitForScreen('<F1>  Test selection');
  press(guest, KEY.f1);
  guest.waitForScreen('<F5>  Add all tests');
  press(guest, KEY.f5);
  guest.waitForScreen('***********');
  press(guest, KEY.f2);
  guest.waitForScreen('Enter test #');
  press(guest, KEY[1], KEY[0], KEY.enter);
  guest.waitForScreen('**********.');
  press(guest, KEY.f10);
  guest.waitForScreen('<F1>  Test selection');
  // Let go at the end only: the first tests take less time than a finger does.
  guest.machine.input({ kind: 'key', code: KEY.f10, down: true });
}

describe('memtest86+', function () {
  this.timeout((LONGEST_SECONDS + 60) * 1000);
  this.slow(LONGEST_SECONDS * 1000);

  before(function () {
    this.timeout(FETCHING_MS);
    needGuests(this, 'memtest');
  });

  for (const { image, cpuModel } of BUILDS) {
    it(`${image} on ${cpuModel}: a pass of tests 0 to 9 over ${MEMORY}`, async () => {
      const start = performance.now();
      const guest = await boot({ kernel: path.join(MEMTEST, image), cmdline: 'nosmp nobench nosm', memory: MEMORY, cpuModel });
      guest.waitForScreen('Press <F1> to configure');
      startTests0To9(guest);
      const done = new Set<string>();
      guest.patience = LONGEST_SECONDS * 1000;
      guest.run({
        until: () => {
          const { screen } = guest;
          done.add(/Test #(\d+)/.exec(screen)?.[1] ?? '');
          return /Pass: +[1-9]|Errors: +[1-9]/.test(screen);
        },
      });
      assert.match(guest.screen, /Status: Pass .*\n.*Pass: +1 +Errors: 0$/m, guest.screen);
      assert.deepEqual([...done].filter((test) => test !== '').map(Number).sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      const seconds = (performance.now() - start) / 1000;
      console.log(`      ${(guest.retired / 1e9).toFixed(2)} billion instructions in ${seconds.toFixed(0)} s: ${(guest.retired / 1e6 / seconds).toFixed(0)} MIPS`);
    });
  }
});
