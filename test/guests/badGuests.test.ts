/**
 * Invariant 9: whatever a guest does ends in an architectural fault, a stop with a reason, or nothing; never in an
 * exception out of the monitor, in a slice that does not come back, or in another state when slices fall otherwise. The
 * guests are those of `npm run bad-guests`, which looks for longer.
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { bundle } from './bad-guests/bundle';
import type { BadGuest, Piece } from './bad-guests/guest';
import type * as Main from './bad-guests/main';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const SECONDS = 12;
/** For each hostile guest, in milliseconds. */
const PATIENCE_MS = 500;
const ENTRY = 0x4000;

const MIB = 1 << 20;

/** A guest that starts in flat 32-bit code. */
function flat(bytes: readonly number[], changes: Partial<BadGuest> = {}): BadGuest {
  const pieces: readonly Piece[] = [{ at: ENTRY, bytes, note: 'code', bits: 32 }];
  return { mode: 'pm32', seed: 1, model: 'x86-64-v2', cpus: 1, quantum: 20_000, start: 'flat', pieces, instructions: 2000, cycles: 1_000_000, ...changes };
}

describe('bad guests', function () {
  this.timeout(120_000);
  this.slow(30_000);
  let main: typeof Main;

  before(() => {
    const file = bundle('main.ts');
    // The bundle's exports are those of its entry, which nothing but that entry's type can say.
    main = createRequire(import.meta.url)(file) as typeof Main;
    rmSync(file);
  });

  it('of all modes come to a sensible end, whatever they do', async () => {
    const found: string[] = [];
    const { figures, failures } = await main.campaign(
      { seed: 1, modes: main.MODES, deadline: performance.now() + SECONDS * 1000, most: 1, measures: false, corpus: await main.readCorpus(CHECKOUT) },
      { guest: () => undefined, slice: () => undefined, found: ({ failure, guest }) => { found.push(...main.failureLines(guest, failure, '(not saved)')); } },
      () => Promise.resolve(),
    );
    assert.deepEqual(Object.keys(failures), [], found.join('\n'));
    assert.deepEqual(Object.keys(figures.byMode).length, main.MODES.length);
    console.log(`      ${main.figureLines(figures)[0] ?? ''}`);
  });

  it('that cost the monitor more than themselves do not make slices long', () => {
    const machines = new main.Machines();
    for (const kind of main.HOSTILE_KINDS) {
      const { end, failure } = main.tryGuest(machines, main.generateHostile(kind, 7), false, undefined, PATIENCE_MS);
      assert.equal(failure, undefined, `${kind}: ${failure?.text ?? ''}`);
      assert.ok(end && end.retired > 0, kind);
    }
  });

  it('leave nothing behind: after a reset a machine is as it was when it was built', () => {
    // The timer's interrupt stands at the 8259, and x87 division by zero raises FERR#.
    const restless = flat([
      0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x20, 0xe6, 0x21, 0xb0, 4, 0xe6, 0x21, 0xb0, 1, 0xe6, 0x21, 0xb0, 0, 0xe6, 0x21,
      0xb0, 0x34, 0xe6, 0x43, 0xb0, 4, 0xe6, 0x40, 0xb0, 0, 0xe6, 0x40,
      0xbc, 0x00, 0x00, 0x02, 0x00, 0xdb, 0xe3, 0x68, 0x60, 0x03, 0x00, 0x00, 0xd9, 0x2c, 0x24, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0x9b, 0xeb, 0xfe,
    ], { instructions: 20_000 });
    const machines = new main.Machines();
    assert.equal(main.tryGuest(machines, restless, false).failure, undefined);
    const idle = flat([0xf4]);
    assert.equal(machines.with(idle).hash(), machines.with(idle, true).hash());
  });

  it('that write over a repeated instruction while it runs come to the same state in all slices', () => {
    // rep stosb downwards over itself, below offset 0, which is outside ES: #GP, and with no IDT a triple fault, unless what it has
    // written over itself is executed before. Stops at exceptions execute it once more.
    const tables: readonly Piece[] = [
      { at: 0x1018, bytes: [0xff, 0xff, 0, 0, 0, 0x93, 0x42, 0], note: 'data segment of 192 KiB' },
      { at: 0x1200, bytes: [0x1f, 0, 0x00, 0x10, 0, 0], note: 'GDTR' },
    ];
    const code = (start: number): readonly number[] => [
      0x0f, 0x01, 0x15, 0x00, 0x12, 0, 0, 0x66, 0xb8, 0x18, 0, 0x8e, 0xc0,
      0xb9, 0xff, 0xff, 0xff, 0x7f, 0xbf, start & 0xff, (start >> 8) & 0xff, start >> 16, 0, 0xb0, 0x40, 0xfd, 0xf3, 0xaa, 0xeb, 0xfe,
    ];
    for (const start of [ENTRY + 0x1b, ENTRY + 0x400, 0x28000]) {
      const over = flat(code(start), { instructions: 100_000 });
      for (let seed = 1; seed <= 4; seed++) {
        const { failure, compared } = main.tryGuest(new main.Machines(), { ...over, seed, pieces: [...tables, ...over.pieces] }, true);
        assert.equal(failure, undefined, failure?.text);
        assert.ok(compared);
      }
    }
  });

  it('are kept as text, and come back the same', async () => {
    const corpus = await main.readCorpus(CHECKOUT);
    for (const mode of main.MODES) {
      const guest = main.generate(mode, 5, corpus);
      assert.deepEqual(main.decodeGuest(main.encodeGuest(guest)), guest);
      assert.deepEqual(main.generate(mode, 5, corpus), guest);
    }
  });

  it('that fail are made smaller, as long as they fail', async () => {
    const guest = main.generate('pm32', 9, await main.readCorpus(CHECKOUT));
    const units = guest.pieces.filter((piece) => piece.note === 'unit');
    const culprit = units[Math.floor(units.length / 2)];
    assert.ok(culprit);
    const contains = (candidate: BadGuest): boolean => candidate.pieces.some(({ at, bytes }) => at === culprit.at && bytes.join() === culprit.bytes.join());
    const small = main.shrink(guest, contains, performance.now() + 10_000);
    assert.ok(contains(small));
    assert.ok(small.pieces.every((piece) => piece.at === culprit.at || piece.fixed === true || piece.bytes.every((byte) => byte === 0 || byte === 0x90)));
  });

  it('that make the process grow are seen', () => {
    const watch = (heaps: readonly number[]): readonly boolean[] => {
      const left = [...heaps];
      const growth = new main.GrowthWatch(() => ({ heap: (left.shift() ?? 0) * MIB, outside: 20 * MIB, resident: 300 * MIB }));
      return heaps.map(() => growth.look() !== undefined);
    };
    assert.ok(watch([30, 40, 45, 46, 50, 47, 60, 55]).every((grown) => !grown));
    assert.equal(watch([30, 40, 45, 46, 100, 200, 300, 400]).at(-1), true);
  });
});
