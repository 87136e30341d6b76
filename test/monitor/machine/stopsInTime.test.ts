/**
 * Stops and time: they change nothing of the machine, whatever is watched, and a search in the past finds them where a run has met
 * them, to the bit.
 */
import assert from 'node:assert/strict';
import type { EventStop, ExecutionBreakpoint, StopReason, Watchpoint } from '../../../src/monitor/machine/session';
import { busyKernel, ROUNDS } from './busyKernel';
import { DATA, HANDLER, PROGRAM, STACK, TIMER } from './kernel';
import { countRounds, counter, SeveralKernels } from './severalKernels';
import { Traveller } from './timeTraveller';

const ENGINES = ['interpreter', 'translator', 'translate-all', 'translate-again'];
const SOURCE = 0x140000, TARGET = 0x150123;

function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

const watch = (id: number, address: number, length: number, access: Watchpoint['access'], space: Watchpoint['space'] = 'linear'): Watchpoint =>
  ({ id, space, address: BigInt(address), length, access });
const NEVER = { condition: { kind: 'constant', value: 0n } } as const;

/** Watchpoints on all that the busy kernel touches, events of all kinds, and breakpoints in its loop and its handler. */
const WATCHED: readonly Watchpoint[] = [
  watch(1, ROUNDS, 4, 'readWrite'), watch(2, SOURCE + 100, 5000, 'read'), watch(3, TARGET, 64, 'change', 'physical'), watch(4, STACK - 64, 64, 'readWrite'),
  watch(5, PROGRAM, 512, 'write', 'physical'),
];
const EVENTS: readonly EventStop[] = [
  { id: 1, kind: 'interrupt' }, { id: 2, kind: 'port', port: 0, count: 0x10000 }, { id: 3, kind: 'msr' }, { id: 4, kind: 'cr3' }, { id: 5, kind: 'mode' },
  { id: 6, kind: 'taskSwitch' }, { id: 7, kind: 'softwareInterrupt' },
];
const BREAKPOINTS: readonly ExecutionBreakpoint[] = [{ id: 1, linear: BigInt(PROGRAM + TIMER.length) }, { id: 2, physical: HANDLER }];

const gated = <S extends object>(stops: readonly S[]): readonly (S & { readonly gate: typeof NEVER })[] => stops.map((stop) => ({ ...stop, gate: NEVER }));

function traveller(engine: string): Traveller {
  const made = new Traveller(busyKernel({ engine }).machine);
  made.time.remember();
  return made;
}

/** Runs to a count of instructions, whatever stops on the way; gives how often it has stopped. */
function runTo(machine: Traveller, retired: number): number {
  for (let stops = 0; ; stops++) {
    if (machine.retired === retired) return stops;
    const { reason } = machine.run({ kind: 'instructions', count: retired - machine.retired });
    assert.ok(['count', 'watchpoint', 'event', 'breakpoint', 'exception'].includes(reason.kind), reason.kind);
  }
}

const withoutBytes = (reason: StopReason): string => JSON.stringify(reason, (_, value: unknown) => (typeof value === 'bigint' ? value.toString(16) : value));

describe('stops and time', function () {
  this.timeout(240_000);
  this.slow(20_000);

  for (const engine of ENGINES) {
    it(`${engine}: with stops on everything, met or passed, the machine is the same at the same counts`, () => {
      const random = randomNumbers(31);
      const [plain, stopped, passed] = [traveller(engine), traveller(engine), traveller(engine)];
      stopped.machine.stops.setWatchpoints(WATCHED);
      stopped.machine.stops.setEventStops(EVENTS);
      stopped.machine.stops.setBreakpoints(BREAKPOINTS);
      passed.machine.stops.setWatchpoints(gated(WATCHED));
      passed.machine.stops.setEventStops(gated(EVENTS));
      passed.machine.stops.setBreakpoints(gated(BREAKPOINTS));
      passed.slice = () => 1 + random(5000);
      let stops = 0;
      for (let i = 0; i < 12; i++) {
        const hash = plain.on(1 + random(900));
        stops += runTo(stopped, plain.retired);
        assert.equal(runTo(passed, plain.retired), 1);
        assert.equal(stopped.hash, hash, `stopped, at ${plain.retired}`);
        assert.equal(passed.hash, hash, `passed, at ${plain.retired}`);
      }
      assert.ok(stops > 300, `${stops} stops`);
    });
  }

  it('four CPUs are the same with all their counters watched', () => {
    const make = (): Traveller => new Traveller(new SeveralKernels([0, 1, 2, 3].map(countRounds), {}, { quantum: 100 }).machine);
    const [plain, stopped] = [make(), make()];
    stopped.machine.stops.setWatchpoints([0, 1, 2, 3].map((cpu) => watch(cpu, counter(cpu), 4, 'write')));
    for (let i = 0; i < 5; i++) {
      const hash = plain.on(777);
      runTo(stopped, plain.retired);
      assert.equal(stopped.hash, hash);
    }
  });

  for (const [what, set, least] of [
    ['the last write', (it: Traveller) => it.machine.stops.setWatchpoints([watch(1, ROUNDS, 4, 'write')]), 12],
    ['accesses by string instructions', (it: Traveller) => it.machine.stops.setWatchpoints([watch(2, SOURCE + 5000, 4, 'read'), watch(3, TARGET + 4097, 8, 'write')]), 24],
    ['what interrupts and faults push', (it: Traveller) => it.machine.stops.setWatchpoints([watch(4, STACK - 12, 12, 'write')]), 20],
    ['interrupts', (it: Traveller) => it.machine.stops.setEventStops([{ id: 1, kind: 'interrupt', vector: 0x20 }]), 10],
    ['port accesses', (it: Traveller) => it.machine.stops.setEventStops([{ id: 2, kind: 'port', port: 0x3f8 }]), 10],
  ] as const) {
    it(`runs backwards through ${what}, each as it was met`, () => {
      const random = randomNumbers(17);
      const busy = traveller('translator');
      set(busy);
      const stands: { readonly hash: string; readonly reason: string }[] = [];
      for (let i = 0; i < least; i++) {
        const { reason } = busy.run({ kind: 'continue' });
        assert.ok(reason.kind === 'watchpoint' || reason.kind === 'event', reason.kind);
        stands.push({ hash: busy.hash, reason: withoutBytes(reason) });
        // Snapshots at the very moments, too, and in between.
        if (random(3) === 0) busy.time.remember();
      }
      busy.between = () => { if (random(12) === 0) busy.time.remember(); };
      busy.slice = () => 1 + random(20_000);
      for (const stand of stands.reverse().slice(1)) {
        const { reason } = busy.reverseContinue();
        assert.deepEqual([withoutBytes(reason), busy.hash], [stand.reason, stand.hash]);
      }
      const [last] = stands.slice(-1);
      while (busy.reverseContinue().reason.kind !== 'beginning');
      assert.deepEqual([withoutBytes(busy.run({ kind: 'continue' }).reason), busy.hash], [last?.reason, last?.hash]);
    });
  }

  it('who last wrote this? from anywhere behind it', () => {
    const busy = traveller('translator');
    busy.on(40_000);
    busy.machine.stops.setWatchpoints([watch(1, DATA + 8, 4, 'change')]);
    const { reason } = busy.reverseContinue();
    assert.ok(reason.kind === 'watchpoint');
    const [hit] = reason.hits;
    const value = busy.machine.parts.map.read(DATA + 8, 4);
    assert.deepEqual(hit?.after, Uint8Array.of(value & 0xff, value >> 8, 0, 0));
    const { retired } = busy;
    busy.stepBack();
    assert.equal(busy.retired, retired - 1);
    assert.equal(busy.machine.parts.map.read(DATA + 8, 4), value - 1);
  });
});
