/**
 * Time travel through whole guests: moments of a straight run are gone back to, bit for bit, from snapshots that were taken on the
 * way. Prints what it costs.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { GUESTS, SAMPLES, boot, randomNumbers, type Configuration, type Guest } from './harness';

const LAB: Configuration = { multiboot: path.join(SAMPLES, 'paging-lab', 'paging-lab.elf'), cmdline: 'exit', memory: '32M' };
const HELLO = path.join(SAMPLES, 'hello', 'hello.img');
const DEBIAN = path.join(GUESTS, 'debian-i386');
const LINUX: Configuration = { kernel: path.join(DEBIAN, 'linux'), initrd: path.join(DEBIAN, 'initrd.gz'), cmdline: 'console=ttyS0,115200', memory: '256M' };
const ENGINES = ['interpreter', 'auto', 'translate-all', 'translate-again'];

/** Carries a way out, to its stop: milliseconds, all of them and those of the restore. */
function go({ machine }: Guest, setOut: () => void): { readonly all: number; readonly restore: number } {
  const start = performance.now();
  setOut();
  const restore = performance.now() - start;
  for (;;) {
    const outcome = machine.runSlice(1_000_000);
    if (typeof outcome === 'object' && 'reason' in outcome) return { all: performance.now() - start, restore };
    assert.ok(typeof outcome === 'string', 'a way does not wait for time that passes again');
  }
}

function travel(guest: Guest, count: number): string {
  go(guest, () => guest.machine.travel(count));
  assert.equal(guest.retired, count);
  return guest.machine.hash();
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Runs with a snapshot each so many instructions; gives the hashes at the counts, and what each snapshot took in milliseconds. */
function record(guest: Guest, counts: readonly number[], every: number): { readonly hashes: Map<number, string>; readonly costs: number[] } {
  const hashes = new Map<number, string>();
  const costs: number[] = [];
  guest.machine.remember();
  for (const count of counts) {
    while (guest.retired < count) {
      assert.equal(guest.run({ count: Math.min(count, guest.retired + every) })?.kind, 'count');
      const start = performance.now();
      guest.machine.remember();
      costs.push(performance.now() - start);
    }
    hashes.set(count, guest.machine.hash());
  }
  return { hashes, costs };
}

describe('time travel in whole guests', function () {
  this.timeout(240_000);
  this.slow(30_000);

  for (const engine of ENGINES) {
    it(`paging-lab, ${engine}: comes back to any of its counts, and steps back`, async () => {
      const counts = [1, 1000, 123_457, 1_000_003, 2_000_000, 3_456_789];
      const straight = await boot({ ...LAB, engine });
      const references = new Map(counts.map((count) => [count, straight.hashAt(count)]));
      const guest = await boot({ ...LAB, engine });
      const { hashes } = record(guest, counts, 300_000);
      assert.deepEqual(hashes, references, 'snapshots change nothing');
      const text = guest.serial;
      for (const count of [...counts].reverse()) assert.equal(travel(guest, count), references.get(count), `at ${count}`);
      for (const count of counts) assert.equal(travel(guest, count), references.get(count), `at ${count}`);
      for (const { bytes } of guest.machine.takeOutput()) guest.serial += Buffer.from(bytes).toString('latin1');
      assert.equal(guest.serial, text, 'output comes once');
    });
  }

  it('paging-lab: a step back undoes a step at 200 random places', async () => {
    const guest = await boot(LAB);
    const random = randomNumbers(1);
    guest.machine.remember();
    for (let place = 0; place < 200; place++) {
      guest.run({ count: guest.retired + 1 + random(20_000) });
      if (place % 5 === 0) guest.machine.remember();
      const hash = guest.machine.hash();
      guest.machine.resume({ kind: 'step', over: false });
      for (let outcome = guest.machine.runSlice(1000); typeof outcome === 'string' || !('reason' in outcome); outcome = guest.machine.runSlice(1000)) {
        if (typeof outcome === 'object') guest.machine.warp(outcome.idleCycles);
      }
      go(guest, () => guest.machine.stepBack());
      assert.equal(guest.machine.hash(), hash, `at ${guest.retired}`);
    }
  });

  it('a disk that is written itself goes back with the machine', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'shadowbox-disk-'));
    try {
      const file = path.join(folder, 'boot.img');
      // mov ax, 0301; mov cx, 0002; xor dx, dx; mov bx, 7c00; int 13; inc word [7c40]; jmp: writes the boot sector to the next one for ever.
      const image = new Uint8Array(1474560);
      image.set([0xb8, 0x01, 0x03, 0xb9, 0x02, 0x00, 0x31, 0xd2, 0xbb, 0x00, 0x7c, 0xcd, 0x13, 0xff, 0x06, 0x40, 0x7c, 0xeb, 0xed]);
      image.set([0x55, 0xaa], 510);
      writeFileSync(file, image);
      const guest = await boot({ floppy: { path: file, writable: true }, memory: '4M' });
      const sector = (): string => readFileSync(file).subarray(512, 1024).toString('hex');
      const states: { readonly count: number; readonly hash: string; readonly sector: string }[] = [];
      guest.machine.remember();
      while (new Set(states.map((state) => state.sector)).size < 4) {
        assert.ok(states.length < 200, 'the guest writes');
        guest.run({ count: guest.retired + 20_000 });
        states.push({ count: guest.retired, hash: guest.machine.hash(), sector: sector() });
        if (states.length % 3 === 0) guest.machine.remember();
      }
      for (const state of [...states.reverse(), ...states]) {
        assert.equal(travel(guest, state.count), state.hash);
        assert.equal(sector(), state.sector, `at ${state.count}`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('hello with keys goes back in idle time', async () => {
    const guest = await boot({ floppy: HELLO, memory: '16M' });
    guest.machine.remember();
    guest.run({ time: 300_000_000 });
    guest.press(0x1e);
    guest.machine.remember();
    guest.run({ time: 500_000_000 });
    const { retired } = guest;
    const inputs = guest.machine.recording().inputs.length;
    travel(guest, 1000);
    assert.equal(guest.machine.recording().inputs.length, 0);
    const there = travel(guest, retired);
    assert.equal(guest.machine.recording().inputs.length, inputs);
    travel(guest, 500);
    assert.equal(travel(guest, retired), there);
  });

  it('Debian comes back to any of its counts', async function () {
    if (!existsSync(path.join(DEBIAN, 'linux'))) leaveOut(this, 'no Debian kernel (node scripts/fetch-guests.mjs)');
    const counts = [10_000_000, 77_777_777, 150_000_001, 222_222_222, 300_000_000];
    const references = await boot(LINUX).then((guest) => new Map(counts.map((count) => [count, guest.hashAt(count)])));
    const guest = await boot(LINUX);
    const { hashes, costs } = record(guest, counts, 10_000_000);
    assert.deepEqual(hashes, references, 'snapshots change nothing');
    const { bytes, moments } = guest.machine.timeline();
    const steps = Array.from({ length: 5 }, () => go(guest, () => guest.machine.stepBack()));
    for (const count of [...counts].reverse()) assert.equal(travel(guest, count), references.get(count), `at ${count}`);
    assert.equal(travel(guest, 300_000_000), references.get(300_000_000));
    const [first, ...more] = steps;
    console.log(`      ${moments.length} snapshots, ${(bytes / 2 ** 20).toFixed(1)} MiB; median ms: ${median(costs).toFixed(1)} a snapshot, `
      + `${median(steps.map(({ restore }) => restore)).toFixed(1)} a restore; ${first?.all.toFixed(0) ?? ''} the first step back, ${median(more.map(({ all }) => all)).toFixed(0)} the next`);
    assert.ok(bytes < 256 * 2 ** 20);
  });
});
