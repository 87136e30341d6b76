/** Virtual time: what an instruction takes, and an access to the system board's ports and timers. */
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

const FREE = 0x200000;
const MARK = 4096;
/** mov edi, FREE; mov ecx, count; mov al, 1; and a repeated instruction on them. */
const repeated = (count: number, instruction: readonly number[]): readonly number[] =>
  code([0xbe], le32(FREE), [0xbf], le32(FREE), [0xb9], le32(count), [0xb0, 1], instruction);
const REP_STOSB = [0xf3, 0xaa], REP_MOVSB = [0xf3, 0xa4], REPE_CMPSB = [0xf3, 0xa6], REPNE_SCASB = [0xf2, 0xae];

/** What ECX holds at each tick while a program fills a megabyte again and again, in slices of so many cycles. */
function countsAtTicks(engine: string, sliceCycles: number): number[] {
  const fill = repeated(1 << 20, REP_STOSB);
  const again = PROGRAM + TIMER.length;
  const program = code(TIMER, fill, [0xe9], le32(again - (again + fill.length + 5)));
  // mov edx, [DATA]; mov [DATA + 16 + 4 * edx], ecx
  const keep = code([0x8b, 0x15], le32(DATA), [0x89, 0x0c, 0x95], le32(DATA + 16));
  const kernel = new Kernel({ [PROGRAM]: program, [HANDLER]: code(keep, countTick()) }, { engine, memory: '8M' });
  while (kernel.ticks < 60) kernel.run({ kind: 'instructions', count: 20 }, sliceCycles);
  return Array.from({ length: 60 }, (_, tick) => kernel.machine.parts.map.read(DATA + 16 + 4 * tick, 4));
}

describe('an interrupt of a repeated instruction', () => {
  it('comes at the same iterations, whatever the engine and the slices are', () => {
    const expected = countsAtTicks('interpreter', 1_000_000);
    assert.ok(expected.filter((count) => count > 0 && count % MARK === 0).length > 50, expected.join());
    for (const engine of ['translator', 'translate-all', 'translate-again']) assert.deepEqual(countsAtTicks(engine, 1_000_000), expected, engine);
    assert.deepEqual(countsAtTicks('interpreter', 777), expected);
  });
});

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

    it('is a microsecond more for the HPET, and not for the local APIC', () => {
      // mov eax, [address]; mov [address], eax
      assert.equal(cycles(code([0xa1], le32(0xfed000f0)), settings), 1003);
      assert.equal(cycles(code([0xa3], le32(0xfed00108)), settings), 1003);
      assert.equal(cycles(code([0xa1], le32(0xfee00020)), settings), 3);
    });

    it('goes on by no more than the instruction while an access to the HPET is translated with a callout', () => {
      // mov ecx, 300; mov eax, [HPET's counter]; mov eax, [FREE]; dec ecx; jnz
      const loop = code([0xb9], le32(300), [0xa1], le32(0xfed000f0), [0xa1], le32(FREE), [0x49], [0x75, 0xf3]);
      assert.equal(cycles(loop, { ...settings, memory: '8M' }), 3 + 300 * 1004);
    });

    it('is what a repeated instruction takes beyond its last 4096 bytes', () => {
      const long = { ...settings, memory: '8M' };
      // Four instructions go before each.
      const [none, some] = [6 + 1, 6 + 1 + 3 * 256];
      assert.equal(cycles(repeated(MARK, REP_STOSB), long), none);
      assert.equal(cycles(repeated(3 * MARK + 1, REP_STOSB), long), some);
      assert.equal(cycles(repeated(4 * MARK, REP_STOSB), long), some);
      assert.equal(cycles(repeated(3 * MARK + 1, REP_MOVSB), long), some);
      assert.equal(cycles(repeated(3 * MARK + 1, REPE_CMPSB), long), none + 3 * MARK);
      assert.equal(cycles(repeated(3 * MARK + 1, REPNE_SCASB), long), none + 3 * MARK);
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
