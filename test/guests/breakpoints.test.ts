/** A breakpoint shows a moment of the run, and leaves nothing behind: the machine is the one that a run without it has at the same count. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { boot, SAMPLES, type Guest } from './harness';

const LAB = path.join(SAMPLES, 'paging-lab', 'paging-lab.elf');
/** `ping` in user.c: the first instruction that its address space fetches from its page, which sets accessed bits. */
const PING = 0x4000013en;

describe('a breakpoint', function () {
  this.timeout(60_000);
  const lab = (): Promise<Guest> => boot({ multiboot: LAB, memory: '32M' });
  let plain: string;
  let retired: number;
  let physical: number;

  before(async () => {
    const guest = await lab();
    guest.machine.setBreakpoints([{ id: 1, linear: PING }]);
    assert.equal(guest.run({})?.kind, 'breakpoint');
    ({ retired } = guest);
    physical = guest.machine.walk(undefined, PING).physical ?? assert.fail('its page is mapped');
    plain = (await lab()).hashAt(retired);
  });

  for (const place of ['linear', 'physical'] as const) {
    it(`is come to before its instruction is fetched (${place})`, async () => {
      const guest = await lab();
      guest.machine.setBreakpoints([{ id: 1, ...(place === 'linear' ? { linear: PING } : { physical }) }]);
      assert.equal(guest.run({})?.kind, 'breakpoint');
      assert.deepEqual([guest.retired, guest.machine.hash()], [retired, plain]);
    });
  }
});
