/** A triple fault where the configuration says that it resets the machine, as the chipset of a real one does it. */
import assert from 'node:assert/strict';
import { code, le32 } from '../cpu/guest';
import { DATA, Kernel, PROGRAM } from './kernel';

/** lidt with a limit of 0; int3: no gate for it, for the #GP that follows, for the double fault that follows. */
const FAULT = code([0x0f, 0x01, 0x1d], le32(DATA), 0xcc);
const SLICE_CYCLES = 1_000_000;

describe('a triple fault', () => {
  it('ends the machine where nothing else is said', () => {
    const kernel = new Kernel({ [PROGRAM]: FAULT });
    assert.equal(kernel.run({ kind: 'continue' }).reason.kind, 'triple-fault');
    assert.equal(kernel.machine.position.resets, 0);
  });

  for (const engine of ['interpreter', 'translate-all']) {
    it(`resets it where that is said, on ${engine}: the system is loaded again, and time goes on`, () => {
      const kernel = new Kernel({ [PROGRAM]: FAULT }, { tripleFault: 'reset', engine });
      const { machine } = kernel;
      const { time } = machine;
      machine.resume({ kind: 'continue' });
      for (let slices = 0; slices < 100 && machine.position.resets < 3; slices++) assert.equal(machine.runSlice(SLICE_CYCLES), 'more');
      assert.equal(machine.position.resets, 3);
      assert.ok(machine.time > time);
      // The system begins again, and comes to the same place.
      kernel.until(PROGRAM);
      assert.equal(kernel.at, PROGRAM);
    });
  }
});
