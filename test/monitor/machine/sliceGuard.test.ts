/** Slices are short in real time whatever the guest does, and where they end changes nothing for it. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { code, le32, NOP } from '../cpu/guest';
import { DATA, countTick, HANDLER, HERE, Kernel, PROGRAM, TIMER } from './kernel';

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

  it('ends early where the monitor has much to do for each instruction', () => {
    const page = DATA + 0x1000;
    const programs = {
      'services: cpuid': [0x0f, 0xa2, 0xeb, 0xfc],
      'accesses to a device': code([0xa0], le32(0xfee00020), [0xeb, 0xf9]),
      'CR4.PGE switched': [0x0f, 0x20, 0xe0, 0x34, 0x80, 0x0f, 0x22, 0xe0, 0xeb, 0xf6],
      // Those beside it are done in generated code.
      'stores of what is there over decoded code': code([0xc6, 0x05], le32(PROGRAM), 0xc6, [0xeb, 0xf7]),
      // inc byte [the constant of the first]; jmp.
      'stores to constants of code': code(0xb8, le32(0), [0xfe, 0x05], le32(PROGRAM + 1), [0xeb, 0xf3]),
      'debug registers changed': code(0xb8, le32(page), [0x0f, 0x23, 0xc0, 0x0f, 0x23, 0xf8, 0x35], le32(3), [0x0f, 0x23, 0xf8, 0xeb, 0xec]),
    };
    for (const [name, program] of Object.entries(programs)) {
      const retired = oneSlice(new Kernel({ [PROGRAM]: program, [HANDLER]: [0xcf] }));
      assert.ok(retired > 0 && retired < 200_000, `${name}: ${retired} instructions`);
    }
  });

  it('ends early in a storm of interrupts', () => {
    // The local APIC's timer every cycle; hlt.
    const store = (address: number, value: number): readonly number[] => code([0xc7, 0x05], le32(address), le32(value));
    const kernel = new Kernel({
      [PROGRAM]: code(store(0xfee000f0, 0x1ff), store(0xfee003e0, 0xb), store(0xfee00320, 0x20040), store(0xfee00380, 1), 0xfb, [0x40, 0xeb, 0xfd]),
      [HANDLER]: code(store(0xfee000b0, 0), 0xcf),
    });
    const retired = oneSlice(kernel);
    assert.ok(retired > 0 && retired < 50_000, `${retired} instructions`);
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
