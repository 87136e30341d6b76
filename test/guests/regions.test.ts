/** Translated code of a real kernel, as the view of regions tells of it: every region can be read. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { GUESTS, boot } from './harness';
import { LateTranslation } from './lateTranslation';

const KERNELS = path.join(GUESTS, 'linux');
/** Retired instructions: the kernel is out of its unpacker, and runs its self-tests. */
const SOMEWHERE = 1_500_000_000;
/** Times that a reply is asked for before it is there, at most. */
const SOON = 3;

describe('regions of a kernel', function () {
  this.timeout(120_000);
  this.slow(30_000);

  for (const [name, kernel] of [['32-bit', 'vmlinuz-686'], ['64-bit', 'vmlinuz-amd64']] as const) {
    it(`${name}: each is shown beside its WebAssembly, from its first line to its last`, async function () {
      const file = path.join(KERNELS, kernel);
      if (!existsSync(file)) leaveOut(this, 'no kernels of Debian (npm run setup)');
      const guest = await boot({ kernel: file, cmdline: 'console=ttyS0,115200', memory: '256M', engine: 'auto' }, { translation: new LateTranslation(1, SOON) });
      guest.run({ count: SOMEWHERE });
      const { machine } = guest;
      const { regions } = machine.regions();
      let shown = 0;
      for (const { entry, linear } of regions) {
        const details = machine.region(entry) ?? assert.fail(`region ${entry} at ${linear?.toString(16)} is gone`);
        // Code that was written to has nothing to show.
        if (details.story !== undefined) continue;
        shown++;
        const texts = details.wasm.map(({ text }) => text);
        const [opened, closed] = [/^(block|loop|if )/, /^end$/].map((pattern) => texts.filter((text) => pattern.test(text)).length);
        assert.deepEqual([texts.at(-1), closed], [')', opened], `region ${entry} at ${linear?.toString(16)}`);
      }
      assert.ok(shown > 50 && shown > regions.length * 0.9, `${shown} of ${regions.length} regions`);
    });
  }
});
