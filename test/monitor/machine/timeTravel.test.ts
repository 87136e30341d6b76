/**
 * Time travel on whole machines: every moment that was run through can be gone back to, bit for bit, on every engine, with one CPU
 * and with four; what a debugger and the outside did is done again, and what they do in the past makes a new future.
 */
import assert from 'node:assert/strict';
import * as L from '../../../src/monitor/cpu/layout';
import { le32 } from '../cpu/guest';
import { busyKernel, ROUNDS } from './busyKernel';
import { DATA, PROGRAM, TIMER } from './kernel';
import { countRounds, SeveralKernels } from './severalKernels';
import { Traveller } from './timeTraveller';

/** Places at which each engine is stepped forward and back. */
const STEPS = 50;
const ENGINES = ['interpreter', 'translator', 'translate-all', 'translate-again'];

/** Pseudo-random numbers below a limit (xorshift). */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Runs on in uneven pieces, with snapshots now and then; gives the hash at the end of each. */
function record(traveller: Traveller, pieces: number, random: (limit: number) => number): Map<number, string> {
  const hashes = new Map<number, string>();
  for (let i = 0; i < pieces; i++) {
    const hash = traveller.on(1 + random(random(3) === 0 ? 20 : 1500));
    hashes.set(traveller.retired, hash);
    if (random(3) === 0) traveller.time.remember();
  }
  return hashes;
}

function assertReached(traveller: Traveller, hashes: ReadonlyMap<number, string>, random: (limit: number) => number, journeys: number): void {
  const counts = [...hashes.keys()];
  for (let i = 0; i < journeys; i++) {
    const count = counts[random(counts.length)] ?? 0;
    assert.equal(traveller.travel(count), hashes.get(count), `at ${count}`);
  }
}

const busy = (engine: string, mostBytes?: number): Traveller => {
  const traveller = new Traveller(busyKernel({ engine }).machine, mostBytes);
  traveller.time.remember();
  return traveller;
};

describe('time travel', function () {
  this.timeout(120_000);
  this.slow(20_000);

  for (const engine of ENGINES) {
    it(`${engine}: comes back to any count of retired instructions`, () => {
      const random = randomNumbers(7);
      const traveller = busy(engine);
      const hashes = record(traveller, 25, random);
      assert.equal(new Set(hashes.values()).size, hashes.size);
      assert.ok(traveller.machine.parts.map.read(ROUNDS, 4) > 20);
      traveller.slice = () => 1 + random(5000);
      assertReached(traveller, hashes, random, 30);
    });

    it(`${engine}: a step back undoes a step, wherever it is taken`, () => {
      const random = randomNumbers(11);
      const traveller = busy(engine);
      record(traveller, 5, random);
      for (let i = 0; i < STEPS; i++) {
        if (i % 10 === 0) traveller.time.remember();
        const before = traveller.hash;
        const { retired } = traveller;
        const after = traveller.step();
        assert.equal(traveller.stepBack(), before, `from ${retired}`);
        if (random(4) === 0) assert.equal(traveller.step(), after, `from ${retired}`);
        traveller.on(1 + random(30));
      }
    });
  }

  it('four CPUs come back to any count', () => {
    const random = randomNumbers(3);
    const traveller = new Traveller(new SeveralKernels([0, 1, 2, 3].map(countRounds), {}, { quantum: 100 }).machine);
    traveller.time.remember();
    const hashes = record(traveller, 40, random);
    assertReached(traveller, hashes, random, 60);
    for (let i = 0; i < STEPS; i++) {
      const before = traveller.hash;
      traveller.step();
      assert.equal(traveller.stepBack(), before);
      traveller.on(1 + random(70));
    }
  });

  it('a pause anywhere is a place to come back to: in idle time, inside REP, at an interrupt', () => {
    const random = randomNumbers(23);
    const traveller = busy('translator');
    let idle = 0;
    for (let i = 0; i < STEPS; i++) {
      const { machine } = traveller;
      if (i % 10 === 0) traveller.time.remember();
      traveller.time.resume({ kind: 'continue' });
      for (let slices = random(30); slices >= 0; slices--) {
        const outcome = traveller.time.runSlice(1 + random(3000));
        if (typeof outcome === 'object' && 'idleCycles' in outcome) {
          idle++;
          machine.warp(1 + random(outcome.idleCycles));
        }
      }
      traveller.time.requestPause();
      const { hash } = traveller;
      traveller.step();
      assert.equal(traveller.stepBack(), hash, JSON.stringify(machine.position));
    }
    assert.ok(idle > STEPS / 2);
  });

  it('a step back by instruction undoes no step of several', () => {
    const traveller = busy('translator');
    traveller.time.remember();
    traveller.on(5000);
    const { retired } = traveller;
    const all = { start: 0n, end: 2n ** 32n };
    traveller.time.resume({ kind: 'step', over: false, ranges: [all] });
    for (let i = 0; i < 3; i++) traveller.time.runSlice(1000);
    traveller.time.requestPause();
    traveller.run({ kind: 'step', over: false, ranges: [{ start: BigInt(traveller.machine.parts.executor.linear()), end: BigInt(traveller.machine.parts.executor.linear()) + 1n }] });
    const after = traveller.retired;
    assert.ok(after > retired);
    traveller.time.stepBack('instruction');
    traveller.toStop();
    assert.equal(traveller.retired, after - 1);
    const { hash } = traveller;
    traveller.step();
    traveller.time.stepBack('instruction');
    traveller.toStop();
    assert.equal(traveller.hash, hash, 'a step of one instruction is undone, with what interrupted it');
  });

  it('one step back from a breakpoint is one instruction', () => {
    const traveller = busy('translator');
    traveller.machine.stops.setBreakpoints([{ id: 1, linear: BigInt(PROGRAM + TIMER.length) }]);
    traveller.run({ kind: 'continue' });
    traveller.run({ kind: 'continue' });
    const { retired } = traveller;
    traveller.stepBack();
    assert.equal(traveller.retired, retired - 1);
    assert.equal(traveller.machine.parts.executor.linear() > PROGRAM + TIMER.length, true, 'the jump at the end of the round');
  });

  for (const engine of ENGINES) {
    it(`${engine}: stops at a breakpoint where the debugger has changed a register in that past, forwards and backwards`, () => {
      const traveller = busy(engine);
      const { stops } = traveller.machine;
      const breakpoint = { id: 4, linear: BigInt(PROGRAM + TIMER.length) };
      stops.setBreakpoints([breakpoint]);
      const start = traveller.retired;
      const stands: number[] = [];
      for (let i = 0; i < 4; i++) {
        assert.equal(traveller.run({ kind: 'continue' }).reason.kind, 'breakpoint');
        traveller.time.edit({ kind: 'register', name: 'cr2', value: BigInt(i) });
        stands.push(traveller.retired);
      }
      stops.setBreakpoints([]);
      traveller.on(100);
      traveller.travel(start);
      stops.setBreakpoints([breakpoint]);
      for (const retired of stands) {
        assert.equal(traveller.run({ kind: 'continue' }).reason.kind, 'breakpoint');
        assert.equal(traveller.retired, retired);
      }
      traveller.on(100);
      for (const retired of [...stands].reverse()) {
        assert.equal(traveller.reverseContinue().reason.kind, 'breakpoint');
        assert.equal(traveller.retired, retired);
      }
    });
  }

  it('runs backwards to the last breakpoint, from one to the next, and to the beginning', () => {
    const traveller = busy('translator');
    const random = randomNumbers(5);
    traveller.machine.stops.setBreakpoints([{ id: 4, linear: BigInt(PROGRAM + TIMER.length) }]);
    const stands: { hash: string; retired: number }[] = [];
    for (let i = 0; i < 30; i++) {
      assert.equal(traveller.run({ kind: 'continue' }).reason.kind, 'breakpoint');
      stands.push({ hash: traveller.hash, retired: traveller.retired });
      if (random(4) === 0) traveller.time.remember();
    }
    traveller.between = () => { if (random(10) === 0) traveller.time.remember(); };
    for (const stand of stands.reverse().slice(1)) {
      const { reason, retired } = traveller.reverseContinue();
      assert.deepEqual([reason, retired, traveller.hash], [{ kind: 'breakpoint', ids: [4] }, stand.retired, stand.hash]);
    }
    assert.equal(traveller.reverseContinue().reason.kind, 'beginning');
    assert.throws(() => traveller.reverseContinue(), /The time line begins here/);
    assert.throws(() => traveller.stepBack(), /The time line begins here/);
    const first = stands[stands.length - 1];
    assert.equal(traveller.run({ kind: 'continue' }).retired, first?.retired);
    assert.equal(traveller.hash, first?.hash);
  });

  it('runs backwards to an exception', () => {
    const traveller = busy('translator');
    traveller.machine.stops.setExceptionStops([{ vector: 1 }]);
    assert.equal(traveller.run({ kind: 'continue' }).reason.kind, 'exception');
    const { hash } = traveller;
    traveller.machine.stops.setExceptionStops([]);
    traveller.on(20);
    traveller.machine.stops.setExceptionStops([{ vector: 1 }]);
    for (let report = traveller.reverseContinue(); traveller.hash !== hash; report = traveller.reverseContinue()) assert.equal(report.reason.kind, 'exception');
  });

  it('input comes again at its moments, and output does not', () => {
    const traveller = busy('translator');
    const text = (): string => traveller.machine.takeOutput().map(({ bytes }) => String.fromCharCode(...bytes)).join('');
    traveller.on(5000);
    traveller.machine.input({ kind: 'key', code: 0x1e, down: true });
    const typed = traveller.on(5000);
    const { retired } = traveller;
    assert.ok(text().length > 10);
    traveller.travel(1000);
    traveller.time.remember();
    assert.equal(traveller.machine.recording().inputs.length, 0);
    assert.equal(traveller.on(retired - traveller.retired), typed);
    assert.equal(text(), '');
    traveller.on(5000);
    assert.notEqual(text(), '');
  });

  it('changes are made again when their moment is run through again', () => {
    const traveller = busy('translator');
    traveller.on(3001);
    traveller.time.edit({ kind: 'memory', space: { kind: 'physical' }, address: BigInt(DATA + 0x40), bytes: Uint8Array.from(le32(77)) });
    traveller.time.edit({ kind: 'register', name: 'cr2', value: 0x1234n });
    const after = traveller.on(4000);
    const { retired } = traveller;
    traveller.travel(2000);
    assert.equal(traveller.machine.parts.map.read(DATA + 0x40, 4), 0);
    assert.equal(traveller.on(retired - 2000), after);
    assert.equal(traveller.machine.parts.cpu.state.u32(L.CR2), 0x1234);
    assert.deepEqual(traveller.time.takeNotes(), []);
  });

  for (const [what, change] of [
    ['memory', (traveller: Traveller) => void traveller.time.edit({ kind: 'memory', space: { kind: 'physical' }, address: BigInt(DATA + 0x40), bytes: Uint8Array.of(1) })],
    ['a register', (traveller: Traveller) => void traveller.time.edit({ kind: 'register', name: 'cr2', value: 1n })],
    ['input', (traveller: Traveller) => traveller.time.input({ kind: 'key', code: 0x1e, down: true })],
  ] as const) {
    it(`a change of the past (${what}) makes a new future`, () => {
      const traveller = busy('translator');
      traveller.on(3500);
      traveller.time.remember();
      traveller.time.input({ kind: 'key', code: 0x30, down: true });
      const old = traveller.on(4000);
      const { retired } = traveller;
      traveller.travel(3000);
      change(traveller);
      assert.equal(traveller.retired, 3000);
      assert.match(traveller.time.takeNotes().join(), /The past was changed at instruction 3000: what came after it, up to instruction \d+, is kept as fork \d+/);
      assert.ok(traveller.time.view().moments.every((moment) => moment.retired <= 3000));
      const fresh = traveller.on(retired - 3000);
      assert.notEqual(fresh, old);
      assert.equal(traveller.machine.recording().inputs.length, what === 'input' ? 1 : 0);
      traveller.travel(2500);
      assert.equal(traveller.travel(retired), fresh);
      assert.deepEqual(traveller.time.takeNotes(), []);
    });
  }

  it('a future that was left is gone back to, and left again', () => {
    const traveller = busy('translator');
    const key = (code: number): void => traveller.time.input({ kind: 'key', code, down: true });
    traveller.on(3500);
    traveller.time.remember();
    key(0x30);
    const first = traveller.on(4000);
    const firstEnd = traveller.time.view().furthest;
    traveller.travel(3000);
    key(0x1e);
    const second = traveller.on(2000);
    traveller.time.edit({ kind: 'register', name: 'cr2', value: 5n });
    traveller.time.remember();
    const secondEnd = traveller.on(500);
    const { retired } = traveller;
    assert.notEqual(first, second);
    const [fork] = traveller.time.view().forks;
    assert.deepEqual(fork && { retired: fork.retired, end: fork.end }, { retired: 3000, end: firstEnd });
    const go = (id: number): string => {
      traveller.time.travel({ fork: id });
      traveller.toStop();
      return traveller.hash;
    };
    assert.equal(go(fork?.id ?? 0), first);
    assert.equal(traveller.retired, firstEnd.retired);
    assert.equal(traveller.machine.recording().inputs.length, 1);
    assert.throws(() => traveller.time.travel({ fork: fork?.id ?? 0 }), /There is no fork 1: there is fork 2\./);
    assert.equal(go(2), secondEnd);
    assert.equal(traveller.retired, retired);
    assert.equal(traveller.machine.parts.cpu.state.u32(L.CR2), 5);
    // A third one, from before where the two part: both can still be gone to.
    traveller.travel(1000);
    key(0x10);
    traveller.on(100);
    assert.deepEqual(traveller.time.view().forks.map(({ id }) => id), [3, 4]);
    assert.equal(go(3), first);
    assert.equal(go(4), secondEnd);
  });

  it('bookmarks are come back to, named anew and taken away', () => {
    const traveller = busy('translator');
    const there = traveller.on(3000);
    traveller.time.bookmark({ kind: 'add', name: 'there' });
    traveller.on(1000);
    traveller.time.bookmark({ kind: 'add', name: 'later' });
    assert.throws(() => traveller.time.bookmark({ kind: 'add', name: 'there' }), /There is a bookmark 'there' already/);
    assert.throws(() => traveller.time.bookmark({ kind: 'add', name: ' ' }), /1 to 80 characters/);
    traveller.time.bookmark({ kind: 'rename', name: 'there', to: 'here' });
    traveller.time.travel({ bookmark: 'here' });
    traveller.toStop();
    assert.equal(traveller.hash, there);
    assert.throws(() => traveller.time.travel({ bookmark: 'there' }), /There is no bookmark 'there': there are 'here', 'later'/);
    // What lies behind a change goes with the future.
    traveller.time.input({ kind: 'key', code: 0x1e, down: true });
    assert.deepEqual(traveller.time.view().bookmarks.map(({ name }) => name), ['here']);
    traveller.time.bookmark({ kind: 'remove', name: 'here' });
    assert.deepEqual(traveller.time.view().bookmarks, []);
  });

  it('goes to a virtual time, back and forward', () => {
    const traveller = busy('translator');
    traveller.on(3000);
    const hash = traveller.hash;
    const { time } = traveller.machine;
    traveller.on(6000);
    for (let round = 0; round < 2; round++) {
      traveller.time.travel({ time });
      traveller.toStop();
      assert.ok(traveller.machine.time >= time);
      assert.equal(traveller.hash, hash);
      traveller.time.travel({ time: 100 });
      traveller.toStop();
      // An access to a port takes a microsecond: this is the first boundary from then on.
      assert.ok(traveller.machine.time >= 100 && traveller.retired < 100);
    }
    assert.throws(() => traveller.time.travel({ time: 0 }), /The time line begins at instruction/);
    assert.throws(() => traveller.time.travel({ time: 0.5 }), /0.5 is no virtual time/);
  });

  it('a stop far from the last snapshot is one itself', () => {
    const traveller = busy('translator');
    traveller.run({ kind: 'instructions', count: 60_000 });
    assert.equal(traveller.time.view().moments.at(-1)?.retired, traveller.retired);
    traveller.run({ kind: 'instructions', count: 100 });
    assert.equal(traveller.time.view().moments.length, 2);
  });

  it('a name that is no register changes nothing of the future', () => {
    const traveller = busy('translator');
    const end = traveller.on(4000);
    traveller.travel(2000);
    assert.throws(() => traveller.time.edit({ kind: 'register', name: 'none', value: 0n }));
    assert.deepEqual(traveller.time.takeNotes(), []);
    assert.equal(traveller.on(traveller.time.view().furthest.retired - 2000), end);
  });

  it('forgets snapshots where memory is short, and still comes back to any count', () => {
    const random = randomNumbers(13);
    const most = 40 * 4096;
    const traveller = busy('translator', most);
    const hashes = new Map<number, string>();
    for (let i = 0; i < 250; i++) {
      hashes.set(traveller.retired + 100, traveller.on(100));
      traveller.time.remember();
      assert.ok(traveller.time.view().bytes <= most, `${traveller.time.view().bytes} bytes`);
    }
    const { moments } = traveller.time.view();
    assert.ok(moments.length > 3 && moments.length <= 200);
    assertReached(traveller, hashes, random, 40);
  });

  it('comes back from the end of a machine', () => {
    const traveller = busy('translator');
    traveller.on(5000);
    // An IDT that is not there: the next interrupt is a triple fault.
    const { state } = traveller.machine.parts.cpu;
    const alive = traveller.hash;
    const { retired } = traveller;
    traveller.time.remember();
    traveller.time.edit({ kind: 'memory', space: { kind: 'physical' }, address: BigInt(state.wide(L.IDTR_BASE)), bytes: new Uint8Array(2048) });
    assert.equal(traveller.run({ kind: 'continue' }).reason.kind, 'triple-fault');
    const dead = traveller.hash;
    assert.throws(() => traveller.run({ kind: 'continue' }), /has come to its end/);
    traveller.stepBack();
    assert.equal(traveller.run({ kind: 'continue' }).reason.kind, 'triple-fault');
    assert.equal(traveller.hash, dead);
    assert.notEqual(traveller.travel(retired), dead);
    assert.equal(traveller.hash, alive);
  });

  it('refuses what is not on the time line', () => {
    const traveller = new Traveller(busyKernel().machine);
    assert.throws(() => traveller.stepBack(), /There is no time line/);
    traveller.on(100);
    traveller.time.remember();
    assert.throws(() => traveller.travel(5), /The time line begins at instruction/);
    assert.throws(() => traveller.travel(-1), /no count of retired instructions/);
  });

  it('begins anew with a reset', () => {
    const traveller = busy('translator');
    traveller.on(3000);
    traveller.time.reset();
    const { moments, present } = traveller.time.view();
    assert.deepEqual([moments.length, present.retired], [1, 0]);
    const hash = traveller.on(500);
    traveller.on(500);
    assert.equal(traveller.travel(500), hash);
  });
});
