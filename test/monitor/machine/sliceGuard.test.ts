/** Slices are short in real time whatever the guest does, and where they end changes nothing for it. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { code, le32, NOP } from '../cpu/guest';
import { countTick, HANDLER, HERE, Kernel, PROGRAM, TIMER } from './kernel';

/** A second of the guest, which the host would never give at once. */
const SECOND = 1_000_000_000;

/** What one slice of a second comes to: instructions retired in it. */
function oneSlice(kernel: Kernel): number {
  kernel.machine.resume({ kind: 'continue' });
  const before = kernel.machine.retired;
  assert.equal(kernel.machine.runSlice(SECOND), 'more');
  return kernel.machine.retired - before;
}

describe('a slice', function () {
  this.timeout(60_000);

  it('of plain work takes its time', () => {
    const kernel = new Kernel({ [PROGRAM]: [0x40, 0xeb, 0xfd] });
    kernel.machine.resume({ kind: 'continue' });
    const before = kernel.machine.retired;
    assert.equal(kernel.machine.runSlice(3_000_000), 'more');
    assert.equal(kernel.machine.retired - before, 3_000_000);
  });

  it('ends early where the guest does nothing but fault', () => {
    // Every vector leads to UD2.
    const kernel = new Kernel({ [PROGRAM]: [0x0f, 0x0b], [HANDLER]: [0x0f, 0x0b] });
    for (let slice = 0; slice < 3; slice++) {
      const retired = oneSlice(kernel);
      assert.ok(retired < 10_000, `${retired} faults`);
    }
  });

  it('ends early where instructions are executed one by one', () => {
    // pushf; or dword [esp], TF; popf; loop. The handler of #DB returns.
    const kernel = new Kernel({ [PROGRAM]: code(0x9c, [0x81, 0x0c, 0x24], le32(0x100), 0x9d, [0x40, 0xeb, 0xfd]), [HANDLER]: [0xcf] });
    const retired = oneSlice(kernel);
    assert.ok(retired > 0 && retired < 10_000, `${retired} instructions`);
  });

  it('ends early in code that is new', () => {
    // jmp to the next instruction, again and again: as many blocks.
    const blocks = 10_000;
    const kernel = new Kernel({ [PROGRAM]: code(Array.from({ length: blocks }, () => [0xeb, 0x00]).flat(), HERE) });
    const retired = oneSlice(kernel);
    assert.ok(retired > 0 && retired < blocks / 2, `${retired} new blocks in one slice`);
  });

  it('ends early in a long REP, which the next slices go on with', () => {
    // mov ecx, 80000h; mov edi, 170000h; rep stosb
    const program = code(0xb9, le32(0x80000), 0xbf, le32(0x170000), [0xf3, 0xaa], NOP, HERE);
    const kernel = new Kernel({ [PROGRAM]: program });
    oneSlice(kernel);
    const left = kernel.register(L.RCX);
    assert.ok(left > 0 && left < 0x80000, `${left.toString(16)} bytes left`);
    for (let slices = 0; kernel.register(L.RCX) > 0; slices++) {
      assert.ok(slices < 1000);
      kernel.machine.runSlice(1000);
    }
    assert.equal(kernel.register(L.RDI), 0x1f0000);
  });

  it('may end anywhere: the guest comes to the same state', () => {
    const states = [1, 37, 1000, 250_000].map((cycles) => {
      const kernel = new Kernel({ [PROGRAM]: code(TIMER, [0x40, 0xeb, 0xfd]), [HANDLER]: countTick() });
      kernel.run({ kind: 'instructions', count: 20_000 }, cycles);
      return [kernel.at, kernel.stack, kernel.ticks, kernel.register(L.RAX), kernel.machine.time];
    });
    for (const state of states) assert.deepEqual(state, states[0]);
  });
});
