/**
 * Watchpoints on whole machines: exactly the accesses that touch the bytes, with what was there before and after and who it was, in
 * interpreted and translated code.
 */
import assert from 'node:assert/strict';
import type { GateExpression, StopReason, Watchpoint, WatchHit } from '../../../src/monitor/machine/session';
import { code, le32, NOP } from '../cpu/guest';
import { DATA, HERE, Kernel, PROGRAM, STACK } from './kernel';

const ENGINES = ['interpreter', 'translator', 'translate-all', 'translate-again'];
const VGA_TEXT = 0xb8000;
const EAX = 0xb8, ECX = 0xb9, ESI = 0xbe, EDI = 0xbf;
const set = (register: number, value: number): readonly number[] => [register, ...le32(value)];
/** MOV [address], EAX; AL; MOV EAX, [address]; MOV AL, [address]. */
const store = (address: number): readonly number[] => [0xa3, ...le32(address)];
const storeByte = (address: number): readonly number[] => [0xa2, ...le32(address)];
const load = (address: number): readonly number[] => [0xa1, ...le32(address)];
const inc = (address: number): readonly number[] => [0xff, 0x05, ...le32(address)];

const watch = (address: number, length: number, access: Watchpoint['access'], more: Partial<Watchpoint> = {}): Watchpoint =>
  ({ id: 1, space: 'linear', address: BigInt(address), length, access, ...more });

function hitsOf(reason: StopReason): readonly WatchHit[] {
  if (reason.kind !== 'watchpoint') throw new Error(`stopped with ${JSON.stringify(reason, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}`);
  return reason.hits;
}

/** Runs on to the next watchpoint, met once. */
function nextHit(kernel: Kernel): WatchHit {
  const hits = hitsOf(kernel.run({ kind: 'continue' }).reason);
  assert.equal(hits.length, 1);
  const [hit] = hits;
  if (!hit) throw new Error('no hit');
  return hit;
}

/** Offset in the program of the instruction that did it. */
function placeOf(hit: WatchHit): number {
  if (hit.by.kind !== 'cpu') throw new Error(`by ${hit.by.name}`);
  return Number(hit.by.linear) - PROGRAM;
}

describe('watchpoints', function () {
  this.timeout(120_000);

  for (const engine of ENGINES) {
    it(`${engine}: stop behind the instruction, and say what was there before and after, and who it was`, () => {
      const program = code(set(EAX, 0x11223344), store(DATA), set(EAX, 5), storeByte(DATA + 1), HERE);
      const kernel = new Kernel({ [PROGRAM]: program }, { engine });
      kernel.machine.stops.setWatchpoints([watch(DATA, 4, 'write')]);
      const first = nextHit(kernel);
      assert.equal(kernel.at, PROGRAM + 10, 'behind the store');
      assert.deepEqual(first, {
        id: 1, access: 'write', linear: BigInt(DATA), physical: DATA, offset: 0, before: Uint8Array.of(0, 0, 0, 0), after: Uint8Array.of(0x44, 0x33, 0x22, 0x11),
        by: { kind: 'cpu', cpu: 0, selector: 8, instructionPointer: BigInt(PROGRAM + 5), linear: BigInt(PROGRAM + 5), cr3: 0, cpl: 0, delivery: false, walker: false },
      });
      const second = nextHit(kernel);
      assert.equal(kernel.at, PROGRAM + 20);
      assert.equal(second.linear, BigInt(DATA + 1));
      assert.deepEqual([second.before, second.after], [Uint8Array.of(0x44, 0x33, 0x22, 0x11), Uint8Array.of(0x44, 5, 0x22, 0x11)]);
    });

    it(`${engine}: only the bytes that are watched count, whatever else is in the page`, () => {
      // 20,000 rounds beside the byte, then one that reaches it by its last byte.
      const start = code(set(ECX, 20_000));
      const loop = code(inc(DATA), inc(DATA + 8), [0xe2, 0xf2]);
      const program = code(start, loop, store(DATA + 1), inc(DATA + 8), HERE);
      const kernel = new Kernel({ [PROGRAM]: program }, { engine });
      kernel.machine.stops.setWatchpoints([watch(DATA + 4, 1, 'readWrite')]);
      const hit = nextHit(kernel);
      assert.equal(kernel.at, PROGRAM + start.length + loop.length + 5);
      assert.equal(hit.linear, BigInt(DATA + 4), 'the first watched byte that was touched');
      assert.equal(kernel.machine.parts.map.read(DATA + 8, 4), 20_000);
    });

    it(`${engine}: stores some bytes away are done without the monitor, before and behind a hit and a snapshot`, () => {
      const start = code(set(ECX, 20_000));
      const loop = code([0x89, 0x0d], le32(DATA + 64), NOP, [0xe2, 0xf7]); // mov [DATA + 64], ecx; nop; loop
      const kernel = new Kernel({ [PROGRAM]: code(start, loop, storeByte(DATA + 5), set(ECX, 20_000), loop, storeByte(DATA + 4), HERE) }, { engine });
      kernel.machine.stops.setWatchpoints([watch(DATA + 4, 2, 'write')]);
      const { counters } = kernel.machine.parts.executor;
      kernel.run({ kind: 'instructions', count: 30_000 });
      kernel.machine.parts.mmu.tlb.dropAllWrites();
      assert.equal(nextHit(kernel).linear, BigInt(DATA + 5));
      assert.equal(nextHit(kernel).linear, BigInt(DATA + 4));
      assert.equal(kernel.machine.parts.map.read(DATA + 64, 4), 1);
      assert.ok(counters.slowAccesses < 1000, `${counters.slowAccesses} of 40,000 stores came to the monitor`);
    });

    it(`${engine}: each of many stores of a hot loop is met, exactly`, () => {
      const start = code(set(ECX, 3000));
      const program = code(start, [0x89, 0x0d], le32(DATA), NOP, [0xe2, 0xf7], HERE); // mov [DATA], ecx; nop; loop
      const kernel = new Kernel({ [PROGRAM]: program }, { engine });
      kernel.run({ kind: 'instructions', count: 6001 });
      kernel.machine.stops.setWatchpoints([watch(DATA, 4, 'write')]);
      for (let left = 1000; left > 0; left -= 1) {
        const hit = nextHit(kernel);
        assert.equal(kernel.at, PROGRAM + start.length + 6);
        assert.equal(kernel.register(1), left);
        assert.deepEqual(hit.after, Uint8Array.from(le32(left)));
      }
    });

    it(`${engine}: reads, writes and both, and writes that change nothing`, () => {
      const program = code(set(EAX, 7), store(DATA), load(DATA), store(DATA), inc(DATA), store(DATA), HERE);
      const places = { first: 5, load: 10, same: 15, inc: 20, back: 26 };
      const seen = (access: Watchpoint['access'], count: number): readonly (readonly [number, string])[] => {
        const kernel = new Kernel({ [PROGRAM]: program }, { engine });
        kernel.machine.stops.setWatchpoints([watch(DATA, 4, access)]);
        const found = Array.from({ length: count }, () => nextHit(kernel));
        kernel.run({ kind: 'instructions', count: 10 });
        return found.map((hit) => [placeOf(hit), hit.access]);
      };
      assert.deepEqual(seen('read', 2), [[places.load, 'read'], [places.inc, 'read']]);
      assert.deepEqual(seen('write', 4), [[places.first, 'write'], [places.same, 'write'], [places.inc, 'write'], [places.back, 'write']]);
      assert.deepEqual(seen('change', 3), [[places.first, 'write'], [places.inc, 'write'], [places.back, 'write']]);
      assert.deepEqual(seen('readWrite', 5).map(([, access]) => access), ['write', 'read', 'write', 'readWrite', 'write']);
    });

    it(`${engine}: the VGA's memory, with what it held and holds`, () => {
      const program = code(set(EAX, 0x0741), store(VGA_TEXT + 160), storeByte(VGA_TEXT + 160), set(EAX, 0x42), storeByte(VGA_TEXT + 160), HERE);
      const places = { first: 5, other: 20 };
      const kernel = new Kernel({ [PROGRAM]: program }, { engine });
      kernel.machine.stops.setWatchpoints([watch(VGA_TEXT + 160, 2, 'change', { space: 'physical' })]);
      const [first, other] = [nextHit(kernel), nextHit(kernel)];
      assert.deepEqual([first, other].map(placeOf), [places.first, places.other], 'a write that changes nothing is left out');
      assert.deepEqual([first.after, other.before, other.after], [Uint8Array.of(0x41, 7), Uint8Array.of(0x41, 7), Uint8Array.of(0x42, 7)]);
    });

    it(`${engine}: conditions about more bytes than a number has see those from the first that was accessed`, () => {
      const program = code(set(EAX, 5), store(DATA + 0x800), store(DATA + 0x900), set(EAX, 6), store(DATA + 0x900), HERE);
      const kernel = new Kernel({ [PROGRAM]: program }, { engine });
      const value = (name: 'before' | 'after', is: bigint): GateExpression => ({ kind: 'binary', op: '==', left: { kind: 'event', name }, right: { kind: 'constant', value: is } });
      kernel.machine.stops.setWatchpoints([{ ...watch(DATA, 0x1000, 'write'), gate: { condition: { kind: 'and', left: value('before', 5n), right: value('after', 6n) } } }]);
      const hit = nextHit(kernel);
      assert.deepEqual([placeOf(hit), hit.linear], [20, BigInt(DATA + 0x900)]);
    });

    it(`${engine}: a repeated string instruction is one hit, behind all of it`, () => {
      const program = code(set(EAX, 0xee), set(EDI, DATA), set(ECX, 0x3000), [0xf3, 0xaa], set(ESI, DATA), set(EDI, DATA + 0x4000), set(ECX, 0x800), [0xf3, 0xa5], HERE);
      const kernel = new Kernel({ [PROGRAM]: program }, { engine });
      kernel.machine.stops.setWatchpoints([watch(DATA + 0x1ffe, 4, 'readWrite')]);
      const filled = nextHit(kernel);
      assert.equal(kernel.at, PROGRAM + 17);
      assert.equal(kernel.register(1), 0, 'ECX: all of it is done');
      assert.deepEqual([filled.access, filled.before, filled.after], ['write', Uint8Array.of(0, 0, 0, 0), Uint8Array.of(0xee, 0xee, 0xee, 0xee)]);
      const copied = nextHit(kernel);
      assert.equal(kernel.at, PROGRAM + 34);
      assert.equal(copied.access, 'read');
    });

    it(`${engine}: accesses across pages are seen by either part`, () => {
      const edge = DATA + 0x1000;
      const program = code(set(EAX, 0x44332211), store(edge - 2), load(edge - 1), HERE);
      const kernel = new Kernel({ [PROGRAM]: program }, { engine });
      kernel.machine.stops.setWatchpoints([watch(edge, 1, 'readWrite'), watch(edge - 1, 1, 'readWrite', { id: 2 })]);
      const written = hitsOf(kernel.run({ kind: 'continue' }).reason);
      assert.deepEqual(written.map(({ id, after, linear }) => [id, after, linear]), [[2, Uint8Array.of(0x22), BigInt(edge - 1)], [1, Uint8Array.of(0x33), BigInt(edge)]]);
      assert.equal(kernel.at, PROGRAM + 10);
      assert.deepEqual(hitsOf(kernel.run({ kind: 'continue' }).reason).map(({ id, access }) => [id, access]), [[2, 'read'], [1, 'read']]);
    });

    it(`${engine}: pushes, x87 and FXSAVE count, and all watched bytes of a long range are named`, () => {
      const area = DATA + 0x100;
      const program = code([0x6a, 0x55], [0xd9, 0xe8], [0xd9, 0x1d], le32(DATA), [0x0f, 0xae, 0x05], le32(area), HERE); // push 55h; fld1; fstp dword [DATA]; fxsave [area]
      const kernel = new Kernel({ [PROGRAM]: program }, { engine });
      kernel.machine.stops.setWatchpoints([
        watch(kernel.stack - 4, 4, 'write'), watch(DATA, 4, 'write', { id: 2 }), watch(area, 512, 'write', { id: 3 }),
      ]);
      assert.deepEqual([nextHit(kernel)].map(({ id, after }) => [id, after]), [[1, Uint8Array.of(0x55, 0, 0, 0)]]);
      const stored = nextHit(kernel);
      assert.deepEqual([stored.id, stored.after], [2, Uint8Array.of(0, 0, 0x80, 0x3f)]);
      const saved = nextHit(kernel);
      assert.deepEqual([saved.id, saved.offset, saved.after?.length], [3, 0, 64]);
      assert.deepEqual(saved.after?.subarray(0, 2), Uint8Array.of(0x7f, 0x03), 'FCW');
    });
  }

  it('two watchpoints that one instruction meets are named together, and a step that meets one ends with it', () => {
    const kernel = new Kernel({ [PROGRAM]: code(set(EAX, 7), store(DATA), HERE) });
    kernel.machine.stops.setWatchpoints([watch(DATA, 2, 'write'), watch(DATA + 2, 2, 'write', { id: 2 }), watch(DATA + 4, 2, 'write', { id: 3 })]);
    kernel.run({ kind: 'step', over: false });
    const { reason } = kernel.run({ kind: 'step', over: false });
    assert.deepEqual(hitsOf(reason).map(({ id }) => id), [1, 2]);
  });

  it('the delivery of an interrupt is named as such', () => {
    const kernel = new Kernel({ [PROGRAM]: code(NOP, [0x0f, 0x0b]), [PROGRAM + 0x6000]: HERE }); // nop; ud2
    kernel.machine.stops.setWatchpoints([watch(STACK - 12, 12, 'write')]);
    const hit = nextHit(kernel);
    assert.equal(placeOf(hit), 1);
    assert.equal(hit.by.kind === 'cpu' && hit.by.delivery, true);
  });

  it('what the debugger writes itself is not met', () => {
    const kernel = new Kernel({ [PROGRAM]: code(NOP, NOP, NOP, HERE) });
    kernel.machine.stops.setWatchpoints([watch(DATA, 4, 'write')]);
    kernel.machine.edit({ kind: 'memory', space: { kind: 'linear' }, address: BigInt(DATA), bytes: Uint8Array.of(1, 2) });
    assert.equal(kernel.run({ kind: 'instructions', count: 3 }).reason.kind, 'count');
  });

  it('impossible ones are refused in words, and the list stays', () => {
    const kernel = new Kernel({ [PROGRAM]: code(set(EAX, 7), store(DATA), HERE) });
    kernel.machine.stops.setWatchpoints([watch(DATA, 4, 'write')]);
    assert.throws(() => kernel.machine.stops.setWatchpoints([watch(DATA, 0, 'write')]), /0 is no number of bytes to watch/);
    assert.throws(() => kernel.machine.stops.setWatchpoints([watch(0, 8, 'write', { space: 'physical', address: 2n ** 40n - 4n })]), /do not lie inside of its 40 bits/);
    assert.equal(nextHit(kernel).id, 1);
  });
});
