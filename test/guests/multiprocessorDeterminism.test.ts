/**
 * Invariant 1 with several CPUs: whose turn it is follows from what was retired alone. Equal counts give equal hashes however
 * the host cuts the run into slices and steps in between, after a reset, and in a replay.
 */
import assert from 'node:assert/strict';
import { STEADY, boot, randomNumbers, uneven } from './harness';
import type { Configuration, Guest, Rhythm } from './harness';
import { EXIT_STATUS, assembleGuest, type AssembledGuest } from './multiprocessor/image';

/** Prime, so that they fall on no end of a turn, but for the last: turns of 100, 1000 and 20,000 end there. */
const COUNTS = [1, 1009, 77_777, 100_003, 200_000];

/** Hashes at these counts, and at the guest's end. */
function hashes(guest: Guest): string[] {
  const found = COUNTS.map((count) => guest.hashAt(count));
  assert.deepEqual(guest.run({}), { kind: 'exit', status: EXIT_STATUS }, guest.debug);
  return [...found, `${guest.machine.hash()} after ${guest.retired} instructions, ${guest.time} cycles`];
}

/** One request to its stop. */
function request(guest: Guest, what: Parameters<Guest['machine']['resume']>[0]): void {
  guest.machine.resume(what);
  for (;;) {
    const outcome = guest.machine.runSlice(1000);
    if (typeof outcome === 'string') continue;
    if ('reason' in outcome) return;
    guest.machine.warp(outcome.idleCycles);
  }
}

/** Steps into, by instruction counts, and pauses in between, to just before the count. */
function stepTo(guest: Guest, count: number, seed: number): void {
  const random = randomNumbers(seed);
  while (guest.retired < count - 5000) {
    const kind = random(4);
    if (kind === 0) request(guest, { kind: 'step', over: false });
    else if (kind === 1) guest.machine.hash();
    else request(guest, { kind: 'instructions', count: 1 + random(random(2) === 0 ? 3 : 2500) });
  }
}

describe('determinism with several CPUs', function () {
  this.timeout(120_000);
  this.slow(20_000);

  let image: AssembledGuest;
  before(function () {
    image = assembleGuest(this);
  });
  after(() => image.dispose());

  const start = (cpus: number, quantum: number, rhythm: Rhythm = STEADY): Promise<Guest> => {
    const values: Configuration = { multiboot: image.file, memory: '8M', cpus, quantum };
    return boot(values, { rhythm });
  };

  for (const cpus of [1, 2, 4, 8]) {
    for (const quantum of [100, 1000, 20_000]) {
      it(`${cpus} CPUs in turns of ${quantum}: slices of any length, pauses, steps, and a reset change nothing`, async () => {
        const guest = await start(cpus, quantum);
        const reference = hashes(guest);
        assert.equal(new Set(reference).size, reference.length, 'the hash tells moments apart');
        guest.machine.reset();
        assert.deepEqual(hashes(guest), reference, 'after a reset');
        assert.deepEqual(hashes(await start(cpus, quantum, uneven(cpus + quantum, 3000))), reference, 'in uneven slices');
        assert.deepEqual(COUNTS.slice(0, 3).map(await hasher(cpus, quantum)), reference.slice(0, 3), 'after steps');
      });
    }
  }

  /** Gives the hash at rising counts, with steps on the way. */
  async function hasher(cpus: number, quantum: number): Promise<(count: number) => string> {
    const guest = await start(cpus, quantum);
    return (count) => {
      stepTo(guest, count, cpus * quantum);
      return guest.hashAt(count);
    };
  }

  it('turns of other lengths make another run', async () => {
    const ends = await Promise.all([1000, 1009].map(async (quantum) => hashes(await start(4, quantum)).at(-1)));
    assert.notEqual(ends[0], ends[1]);
  });

  it('input that was recorded comes again at its moments, whoever has the turn', async () => {
    const original = await start(4, 1000);
    for (const count of [50_000, 77_777, 123_456]) {
      original.hashAt(count);
      original.send('a key');
      original.machine.input({ kind: 'key', code: 0x1e, down: true });
    }
    const hash = original.hashAt(200_000);
    const recording = original.machine.record();
    for (const rhythm of [STEADY, uneven(9, 2000)]) {
      const again = await boot({ multiboot: image.file, memory: '8M', cpus: 4, quantum: 1000 }, { rhythm, recording });
      assert.equal(again.hashAt(200_000), hash);
    }
  });

  it('every boundary near the end of a turn hashes the same, run to, paused at, or stepped to', async () => {
    const counts = Array.from({ length: 60 }, (_, i) => 99_970 + i);
    const run = await start(4, 100);
    const reference = counts.map((count) => ({ hash: run.hashAt(count), count, time: run.time }));
    const paused = await start(4, 100);
    assert.deepEqual(reference.map(({ time }) => {
      paused.run({ time });
      return { hash: paused.machine.hash(), count: paused.retired, time };
    }), reference);
    const stepped = await start(4, 100, uneven(3, 500));
    stepped.hashAt(99_900);
    assert.deepEqual(reference.map(({ count }) => {
      while (stepped.retired < count) request(stepped, { kind: 'instructions', count: 1 });
      return { hash: stepped.machine.hash(), count, time: stepped.time };
    }), reference);
  });
});
