/**
 * Invariant 1: a run is a function of its start and of the logged input. Equal moments give equal hashes however the
 * host cuts the run into slices, when it replays, and after a reset.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { leaveOut } from '../support/leaveOut';
import { GUESTS, SAMPLES, STEADY, boot, uneven } from './harness';
import type { Configuration, Guest } from './harness';

const LAB: Configuration = { multiboot: path.join(SAMPLES, 'paging-lab', 'paging-lab.elf'), cmdline: 'exit', memory: '32M' };
const LAB_COUNTS = [1, 1000, 123_457, 5_000_000, 20_000_000];

const HELLO: Configuration = { floppy: path.join(SAMPLES, 'hello', 'hello.img'), memory: '16M' };
const A = 0x1e;
const ESC = 0x01;

const DEBIAN = path.join(GUESTS, 'debian-i386');
const LINUX: Configuration = { kernel: path.join(DEBIAN, 'linux'), initrd: path.join(DEBIAN, 'initrd.gz'), cmdline: 'console=ttyS0,115200', memory: '512M' };
const LINUX_COUNT = 150_000_000;

/** The lab's hashes at its counts and at its end. */
function labHashes(guest: Guest): string[] {
  const hashes = LAB_COUNTS.map((count) => guest.hashAt(count));
  assert.deepEqual(guest.run({}), { kind: 'exit', status: 1 });
  return [...hashes, `${guest.machine.hash()} after ${guest.retired} instructions, ${guest.time} cycles`];
}

/** Keys at fixed moments of virtual time; hashes at others. */
function typedHashes(guest: Guest): string[] {
  const hashes: string[] = [];
  const hashAfter = (cycles: number): void => {
    guest.run({ time: guest.time + cycles });
    hashes.push(guest.machine.hash());
  };
  const key = (code: number, down: boolean): void => guest.machine.input({ kind: 'key', code, down });
  hashAfter(400_000_001);
  key(A, true);
  hashAfter(1);
  hashAfter(60_000_000);
  key(A, false);
  key(ESC, true);
  hashAfter(33_333_333);
  key(ESC, false);
  hashAfter(500_000_000);
  return hashes;
}

const differing = (hashes: readonly string[]): number => new Set(hashes).size;

describe('determinism', function () {
  this.timeout(120_000);
  this.slow(20_000);

  let labReference: string[] = [];
  let helloReference: string[] = [];

  before(async () => {
    labReference = labHashes(await boot(LAB));
    helloReference = typedHashes(await boot(HELLO));
    // A hash that does not tell moments apart would prove nothing.
    assert.equal(differing(labReference), labReference.length);
    assert.equal(differing(helloReference), helloReference.length);
  });

  it('paging-lab is the same in slices of any length, with pauses', async () => {
    assert.deepEqual(labHashes(await boot(LAB, { rhythm: uneven(1) })), labReference);
  });

  it('paging-lab is the same in slices of a few instructions', async () => {
    const guest = await boot(LAB, { rhythm: uneven(2, 40) });
    assert.deepEqual(LAB_COUNTS.slice(0, 3).map((count) => guest.hashAt(count)), labReference.slice(0, 3));
  });

  it('hello with keys is the same in slices of any length, with pauses', async () => {
    assert.deepEqual(typedHashes(await boot(HELLO, { rhythm: uneven(3, 500) })), helloReference);
  });

  it('a reset begins it all anew', async () => {
    const fresh = (await boot(LAB)).machine.hash();
    const guest = await boot(LAB);
    guest.hashAt(5_000_000);
    guest.machine.reset();
    assert.equal(guest.machine.hash(), fresh);
    assert.deepEqual(LAB_COUNTS.map((count) => guest.hashAt(count)), labReference.slice(0, -1));
  });

  it('a reset forgets keys, and what they did', async () => {
    const guest = await boot(HELLO);
    const fresh = guest.machine.hash();
    typedHashes(guest);
    assert.equal(guest.machine.recording().inputs.length, 4);
    guest.machine.reset();
    assert.equal(guest.machine.hash(), fresh);
    assert.deepEqual(guest.machine.recording().inputs, []);
    assert.deepEqual(typedHashes(guest), helloReference);
  });

  it('keys that were recorded come again at their moments', async () => {
    const original = await boot(HELLO);
    typedHashes(original);
    const recording = original.machine.record();
    for (const rhythm of [STEADY, uneven(4, 500)]) {
      const again = await boot(HELLO, { recording, rhythm });
      again.run({ time: original.time });
      assert.equal(again.machine.hash(), original.machine.hash());
      assert.deepEqual(again.machine.recording(), original.machine.recording());
    }
  });

  it('serial input that was recorded comes again at its moments', async () => {
    const original = await boot(LAB);
    for (const text of ['a', 'some more', 'x'.repeat(40)]) {
      original.hashAt(original.retired + 700_001);
      original.send(text);
    }
    const hash = original.hashAt(5_000_000);
    assert.notEqual(hash, labReference[3], 'what waits in the UART is part of the state');
    const again = await boot(LAB, { recording: original.machine.record(), rhythm: uneven(5) });
    assert.equal(again.hashAt(5_000_000), hash);
  });

  it('registers that were written from outside are written again at their moments, with all that follows', async () => {
    const original = await boot(HELLO);
    original.run({ time: 300_000_000 });
    // Counter 0 of the 8254: a rate of 1000 counts; then the keyboard's line is masked, and the VGA answers to nobody.
    for (const [address, value] of [[0x43, 0x34], [0x40, 0xe8], [0x40, 0x03], [0x21, 0x02]]) original.machine.input({ kind: 'register', space: 'port', address, size: 1, value });
    original.run({ time: original.time + 20_000_003 });
    original.machine.input({ kind: 'register', space: 'configuration', address: 2 * 8 * 256 + 4, size: 2, value: 0 });
    original.machine.input({ kind: 'register', space: 'memory', address: 0xfec00000, size: 4, value: 0x10 });
    original.run({ time: original.time + 20_000_003 });
    const ticks = original.machine.readMemory({ kind: 'physical' }, 0x46cn, 1)[0];
    assert.ok(ticks > 40, `the BIOS has counted ${ticks} ticks of 0.84 ms, not of 55`);
    for (const rhythm of [STEADY, uneven(7, 500)]) {
      const again = await boot(HELLO, { recording: original.machine.record(), rhythm });
      again.run({ time: original.time });
      assert.equal(again.machine.hash(), original.machine.hash());
    }
  });

  it('Linux is the same in slices of any length, with pauses', async function () {
    if (!existsSync(path.join(DEBIAN, 'linux'))) leaveOut(this, 'no Debian kernel (node scripts/fetch-guests.mjs)');
    const hashes = [];
    for (const rhythm of [STEADY, uneven(6)]) hashes.push((await boot(LINUX, { rhythm })).hashAt(LINUX_COUNT));
    assert.equal(hashes[0], hashes[1]);
  });
});
