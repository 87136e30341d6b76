/** What watchpoints mean where linear and physical addresses differ: aliases, address spaces, page walks, bus masters, several CPUs. */
import assert from 'node:assert/strict';
import type { StopReason, Watchpoint, WatchHit } from '../../../src/monitor/machine/session';
import { code, le16, le32, NOP } from '../cpu/guest';
import { DATA, HERE, Kernel, PROGRAM } from './kernel';
import { CODE_64, FIRST_SPACE, le64, loadCr3, LongKernel, PagedKernel, SECOND_SPACE, UPPER_HALF, WINDOW } from './pagedKernels';
import { inc, jump, program, SeveralKernels } from './severalKernels';

const ENGINES = ['interpreter', 'translator', 'translate-all'];
const movEax = (value: number): readonly number[] => [0xb8, ...le32(value)];
const store = (address: number): readonly number[] => [0xa3, ...le32(address)];

function hitsOf(reason: StopReason): readonly WatchHit[] {
  if (reason.kind !== 'watchpoint') throw new Error(`stopped with ${reason.kind}`);
  return reason.hits;
}

const watch = (space: Watchpoint['space'], address: number | bigint, length: number, more: Partial<Watchpoint> = {}): Watchpoint =>
  ({ id: 1, space, address: BigInt(address), length, access: 'write', ...more });

/** Two frames that windows lead to. */
const ONE = 0x190000, OTHER = 0x191000;

describe('watchpoints and address spaces', function () {
  this.timeout(60_000);

  for (const engine of ENGINES) {
    // One frame at two places; then the other space, in which the window leads elsewhere.
    const program32 = code(
      movEax(1), store(ONE), store(WINDOW), store(WINDOW + 0x1000), loadCr3(SECOND_SPACE), movEax(2), store(WINDOW), store(WINDOW + 0x1000), HERE,
    );
    const at = { direct: 5, first: 10, alias: 15, otherFirst: 33, otherAlias: 38 };
    const paged = (): PagedKernel => new PagedKernel(program32, [[ONE, ONE], [OTHER, ONE]], { engine });
    const places = (kernel: PagedKernel, count: number): readonly (readonly [number, bigint | undefined, number])[] => {
      const found = Array.from({ length: count }, () => hitsOf(kernel.run({ kind: 'continue' }).reason).map((hit) =>
        [hit.by.kind === 'cpu' ? Number(hit.by.linear) - kernel.start : -1, hit.linear, hit.physical] as const)).flat();
      assert.equal(kernel.run({ kind: 'instructions', count: 20 }).reason.kind, 'count', 'and no more');
      return found;
    };

    it(`${engine}: a physical one sees all mappings of its frame`, () => {
      const kernel = paged();
      kernel.machine.stops.setWatchpoints([watch('physical', ONE, 4)]);
      assert.deepEqual(places(kernel, 4), [
        [at.direct, BigInt(ONE), ONE], [at.first, BigInt(WINDOW), ONE], [at.alias, BigInt(WINDOW + 0x1000), ONE], [at.otherAlias, BigInt(WINDOW + 0x1000), ONE],
      ]);
    });

    it(`${engine}: a linear one sees its address in every space, whatever is behind it`, () => {
      const kernel = paged();
      kernel.machine.stops.setWatchpoints([watch('linear', WINDOW, 4)]);
      assert.deepEqual(places(kernel, 2), [[at.first, BigInt(WINDOW), ONE], [at.otherFirst, BigInt(WINDOW), OTHER]]);
    });

    it(`${engine}: a linear one under a CR3 sees that space alone`, () => {
      for (const [cr3, place, frame] of [[FIRST_SPACE, at.first, ONE], [SECOND_SPACE, at.otherFirst, OTHER]] as const) {
        const kernel = paged();
        kernel.machine.stops.setWatchpoints([watch('linear', WINDOW, 4, { cr3 })]);
        assert.deepEqual(places(kernel, 1), [[place, BigInt(WINDOW), frame]]);
      }
    });

    it(`${engine}: a linear one follows its page to another frame`, () => {
      const table = 0x183000; // of the first space's windows
      const remap = code(movEax(7), store(WINDOW), movEax(OTHER | 3), store(table), [0x0f, 0x01, 0x3d], le32(WINDOW), movEax(8), store(WINDOW), HERE); // invlpg [WINDOW]
      const kernel = new PagedKernel(remap, [[ONE], [ONE]], { engine });
      kernel.machine.stops.setWatchpoints([watch('linear', WINDOW, 4)]);
      assert.deepEqual([0, 1].map(() => hitsOf(kernel.run({ kind: 'continue' }).reason).map(({ physical, after }) => [physical, after?.[0]])), [[[ONE, 7]], [[OTHER, 8]]]);
    });

    it(`${engine}: the page walk's accessed and dirty bits are writes of the walker`, () => {
      const entry = 0x183000;
      const kernel = new PagedKernel(code(movEax(1), [0x8b, 0x1d], le32(WINDOW), NOP, store(WINDOW), HERE), [[ONE], [ONE]], { engine }); // mov ebx, [WINDOW]
      kernel.run({ kind: 'until', address: BigInt(kernel.start) });
      kernel.machine.stops.setWatchpoints([watch('physical', entry, 4, { access: 'change' })]);
      const seen = [0, 1].map(() => hitsOf(kernel.run({ kind: 'continue' }).reason).map(({ by, linear, before, after }) =>
        [by.kind === 'cpu' && by.walker ? Number(by.linear) - kernel.start : -1, linear, before?.[0], after?.[0]]));
      assert.deepEqual(seen, [[[5, undefined, 0x03, 0x23]], [[12, undefined, 0x23, 0x63]]]);
    });

    it(`${engine}: 64-bit code, large pages, the upper half`, () => {
      const upper = UPPER_HALF + BigInt(DATA);
      const loop = code([0x48, 0xff, 0xc9], [0x75, 0xfb]); // dec rcx; jnz
      const kernel = new LongKernel(code([0xb9], le32(5000), loop, [0x48, 0xb8], le64(0x1122334455667788n), [0x48, 0xa3], le64(upper), [0x48, 0xa3], le64(BigInt(DATA)), HERE), { engine });
      kernel.machine.stops.setWatchpoints([watch('linear', upper + 4n, 4), watch('physical', DATA + 7, 1, { id: 2 })]);
      const place = CODE_64 + 5 + loop.length + 10;
      const hits = hitsOf(kernel.run({ kind: 'continue' }).reason);
      assert.deepEqual(hits.map(({ id, linear, after }) => [id, linear, after]), [[1, upper + 4n, Uint8Array.of(0x44, 0x33, 0x22, 0x11)], [2, upper + 7n, Uint8Array.of(0x11)]]);
      assert.equal(kernel.at, place + 10);
      assert.deepEqual(hitsOf(kernel.run({ kind: 'continue' }).reason).map(({ id, linear }) => [id, linear]), [[2, BigInt(DATA + 7)]]);
    });
  }

  it('bus masters are named, by their devices', () => {
    // The floppy controller's neighbour fw_cfg, by its DMA interface at port 514h: reads 4 bytes of item 0 ('QEMU') to DATA.
    const control = DATA + 0x100;
    const big = (value: number): readonly number[] => [...le32(value)].reverse();
    const start = code([0x66, 0xba], le16(0x514), [0xb8], le32(0), 0xef); // mov dx, 514h; mov eax, 0; out dx, eax: the upper half of the address
    const second = code([0x66, 0xba], le16(0x518), [0xb8], [...le32(control)].reverse(), 0xef, NOP, HERE);
    const kernel = new Kernel({ [PROGRAM]: code(start, second) });
    kernel.machine.parts.map.copyIn(control, Uint8Array.from([...big(0x0000000a), ...big(4), ...big(0), ...big(DATA)]));
    kernel.machine.stops.setWatchpoints([watch('physical', DATA, 4)]);
    const [hit] = hitsOf(kernel.run({ kind: 'continue' }).reason);
    assert.deepEqual([hit?.by, hit?.linear, hit?.after], [{ kind: 'device', name: 'fwcfg' }, undefined, Uint8Array.from(Buffer.from('QEMU'))]);
    assert.equal(kernel.at, PROGRAM + start.length + second.length - 3, 'behind the instruction that set it going');
  });

  it('each CPU is named, and one may be chosen', () => {
    const shared = DATA + 0x200;
    const busy = (cpu: number): readonly number[] => { const round = inc(shared); return [...round, ...jump(program(cpu) + round.length, program(cpu))]; };
    const kernels = new SeveralKernels([busy(0), busy(1), busy(2)], {}, { quantum: 100 });
    kernels.run({ kind: 'instructions', count: 5000 });
    kernels.machine.stops.setWatchpoints([watch('linear', shared, 4)]);
    const by = new Set<number>();
    for (let i = 0; i < 200; i++) {
      const [hit] = hitsOf(kernels.run({ kind: 'continue' }).reason);
      assert.ok(hit?.by.kind === 'cpu' && hit.by.cpu === kernels.current);
      assert.equal(hit.by.linear, BigInt(program(kernels.current)));
      by.add(hit.by.cpu);
    }
    assert.deepEqual([...by].sort(), [0, 1, 2]);
    kernels.machine.stops.setWatchpoints([watch('linear', shared, 4, { cpu: 1 })]);
    for (let i = 0; i < 50; i++) assert.equal(hitsOf(kernels.run({ kind: 'continue' }).reason)[0]?.by.kind === 'cpu' && kernels.current, 1);
  });
});
