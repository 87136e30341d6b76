/** Virtual time: what an instruction takes, and an access to a port of the system board. */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { code, le32 } from '../cpu/guest';
import { DATA, HANDLER, HERE, Kernel, PROGRAM, TIMER, countTick } from './kernel';

const RDTSC = [0x0f, 0x31];
/** in al, port. */
const input = (port: number): readonly number[] => [0xe4, port];

/** Cycles between two readings of the time-stamp counter, around some instructions. */
function cycles(between: readonly number[], settings: Readonly<Record<string, unknown>>): number {
  // rdtsc; mov ebx, eax; ...; rdtsc; sub eax, ebx
  const program = code(RDTSC, [0x89, 0xc3], between, RDTSC, [0x29, 0xd8]);
  const kernel = new Kernel({ [PROGRAM]: code(program, HERE) }, settings);
  kernel.until(PROGRAM + program.length);
  return kernel.register(L.RAX);
}

for (const engine of ['interpreter', 'translate-all']) {
  describe(`virtual time on ${engine}`, () => {
    const settings = { engine };

    it('is a cycle for each instruction', () => {
      assert.equal(cycles([], settings), 2);
      assert.equal(cycles([0x90, 0x90, 0x90], settings), 5);
    });

    it('is a microsecond more for a port of the system board, and not for others', () => {
      assert.equal(cycles(code(input(0x61)), settings), 1003);
      assert.equal(cycles(code([0xe6, 0x80]), settings), 1003);
      // mov edx, 3f8h; in al, dx
      assert.equal(cycles(code([0xba], le32(0x3f8), [0xec]), settings), 4);
    });

    it('brings a timer\'s interrupts while a program reads ports', () => {
      const loop = code(new Array<readonly number[]>(100).fill(input(0x61)).flat(), [0xff, 0x05], le32(DATA + 4)); // inc dword [DATA + 4]
      const begin = PROGRAM + TIMER.length;
      const program = code(TIMER, loop, [0xe9], le32(begin - (begin + loop.length + 5)));
      const kernel = new Kernel({ [PROGRAM]: program, [HANDLER]: countTick() }, settings);
      const ports = (): number => kernel.machine.parts.map.read(DATA + 4, 4);
      const before = kernel.machine.time;
      while (ports() < 50) kernel.run({ kind: 'instructions', count: 100 });
      const passed = kernel.machine.time - before;
      const ticks = kernel.machine.parts.map.read(DATA, 4);
      // Each tick's handler has a port access of its own, and ticks come every 3352 ns.
      assert.ok(Math.abs(passed / 3352.4 - ticks) <= 5, `${ticks} ticks in ${passed} ns`);
      assert.ok(passed > 5_000_000);
    });
  });
}
